"""Sixteen models in the lanes of one program: random graphs against the interpreter, and the native shuffle."""

from __future__ import annotations

import numpy as np
import pytest

from compiler import graphs
from compiler.graphs import Case, grow
from forwardnet import seeds
from forwardnet.compiler import bits
from forwardnet.compiler.fleet.program import Course, Fleet
from forwardnet.compiler.shuffle import Shuffle
from forwardnet.data.batches import permutation, stream_of
from forwardnet.ir.graph import Graph, Spec
from forwardnet.ops import REGISTRY as R

LANES = 16
F32 = np.dtype("float32")


def answers(case: Case) -> list[graphs.Answer]:
    """What the first and the last lane hold after the steps of a case; the first output stands for the loss."""
    fleet = Fleet([Course(case.graph, case.signature.states, 1, case.steps, None)], len(case.inputs), {})
    arena = fleet.arena()
    for number, array in enumerate(case.inputs):
        view = fleet.cell(arena, number)
        view[...] = array.reshape(view.shape[:2])[..., None]
    rows, seed = np.zeros((case.steps, LANES), np.int64), np.zeros(LANES)
    losses = fleet.run(arena, [case.inputs[0]], rows, seed, epochs=1, first_epoch=1, shuffle=None, noise=0)
    layout = fleet.layouts[0]
    found = []
    for lane in (0, LANES - 1):
        outputs = []
        for operand, node in zip(layout.program.outputs, case.graph.outputs, strict=True):
            value = fleet._view(arena, layout, operand.val)[..., lane].astype(node.dtype)
            outputs.append(np.array(value.T if operand.flip else value).reshape(node.shape))
        states = {
            i: fleet.cell(arena, i)[..., lane].astype(case.graph.inputs[i].dtype).reshape(case.graph.inputs[i].shape)
            for i in case.signature.states
        }
        found.append(graphs.Answer(outputs, states, losses[0, :, lane]))
    return found


def in_cells(case: Case) -> Case:
    """The case without gathered inputs: their rows of the first step are cells that nothing changes."""
    inputs = [case.arguments(0).get(i, a) for i, a in enumerate(case.inputs)]
    steps = 1 if case.signature.gathered else case.steps
    signature = type(case.signature)(states=case.signature.states)
    return Case(case.graph, inputs, signature, case.exact, steps)


def random_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    return in_cells(grow(lambda n: int(rng.integers(n)), special=seed % 2 == 1))


@pytest.mark.parametrize("first", range(0, 100, 20))
def test_random_graphs(first: int) -> None:
    for seed in range(first, first + 20):
        case = random_case(seed)
        want = graphs.expected(case)
        want.losses = np.zeros(0)
        for got in answers(case):
            got.losses = want.losses
            assert not graphs.differences(got, want, case), seed


def test_the_random_graphs_show_what_they_should() -> None:
    cases = [random_case(seed) for seed in range(100)]
    names = {node.name for case in cases for node in case.graph.live()}
    assert {"matmul", "sum", "permute", "cat", "slice", "softmax", "gather", "where", "amax", "expand"} <= names
    assert {case.steps for case in cases} > {1} and {len(case.signature.states) for case in cases} > {0, 1}


def test_losses_are_recorded_for_every_model() -> None:
    """w <- 2 w, and the loss is the sum of the gathered row times w."""
    graph = Graph()
    w, x = graph.input(Spec((3,), F32)), graph.input(Spec((1, 3), F32))
    graph.outputs = [R["sum"](x * w, dim=(0, 1), keepdim=False), w * 2.0]
    fleet = Fleet([Course(graph, {0: 1}, 1, 2)], 1, {})
    arena = fleet.arena()
    start = np.arange(3 * LANES, dtype=np.float32).reshape(1, 3, LANES)
    fleet.cell(arena, 0)[...] = start
    data = np.random.default_rng(0).integers(-9, 9, (40, 3)).astype(np.float32)
    rows = np.random.default_rng(1).integers(0, 40, (2, LANES))
    seed = np.arange(LANES)
    losses = fleet.run(arena, [data], rows, seed, epochs=3, first_epoch=4, shuffle=stream_of("shuffle", 0), noise=0)
    assert losses.shape == (3, 2, LANES)
    for lane in range(LANES):
        v = start[0, :, lane].copy()
        for epoch in range(3):
            order = rows[permutation(2, seed=lane, epoch=4 + epoch), lane]
            for step in range(2):
                assert losses[epoch, step, lane] == (data[order[step]] * v).sum()
                v *= 2
        assert fleet.cell(arena, 0)[0, :, lane].tolist() == v.tolist()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 33, 149, 1000, 70000])
def test_the_native_shuffle_is_the_promised_one(n: int) -> None:
    for seed, stream in ((0, 0), (5, 7), (3, 2**63 + 5), (-1, 2**63 + 5), (2**63 + 5, 3)):
        expected = seeds.slow_permutation(n, seed=seed, stream=stream)
        assert Shuffle()(n, seed % 2**64, stream).tolist() == expected.tolist()


@pytest.mark.parametrize("n", [0, 1, 3, 4, 63, 64, 65, 1000])
def test_native_words_are_those_of_numpy(n: int) -> None:
    native = bits._Bits()
    for seed, stream, start in ((0, 0, 0), (2**64 - 1, 2**63 + 7, 2**64 - 5), (5, 6, 2**32 - 3)):
        expected = seeds.slow_bits(n, seed=seed, stream=stream, start=start)
        assert native(n, seed, stream, start).tolist() == expected.tolist()
