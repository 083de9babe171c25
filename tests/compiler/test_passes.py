"""Every choice the compiler makes, made the other way: the results stay; of tiles and threads, even the bits."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compiler import graphs
from compiler.graphs import Answer, Case
from compiler.steps import network, traced_step
from forwardnet import nn, optim
from forwardnet.compiler import cache, engine, orient
from forwardnet.compiler.matrix import Program, Val
from forwardnet.compiler.orient import Orientation
from forwardnet.compiler.program import Native, Signature
from forwardnet.compiler.schedule import Kernel, Schedule, Scheduler
from forwardnet.ops import REGISTRY

# Each graph is compiled about thirty times; more of them where more random graphs are asked for.
SEEDS = range(5000, 5006 + int(os.environ.get("FORWARDNET_RANDOM_GRAPHS", "0")) // 20)
Choose = Callable[..., Orientation]


@pytest.fixture(autouse=True)
def _kept_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code made in one way must not be taken for code made in another."""
    monkeypatch.setattr(cache, "load", lambda text, emit, names: engine.load(engine.assemble(emit()), names))


def random_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    return graphs.grow(lambda n: int(rng.integers(n)))


def training_case() -> Case:
    """Four steps of Adam on a small network; lengths with a tail, full, and more than one panel."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 17)).astype("float32"), rng.integers(0, 3, 60)
    model = network([17, 33, 16, 3], nn.Tanh)
    traced = traced_step(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01), X[:20], y[:20])
    inputs = [np.array(cell.read()) for cell in traced.cells]
    signature = Signature(traced.arguments, traced.states, loss=0, record=1)
    order = np.concatenate([rng.permutation(60), rng.permutation(60)[:20]])
    exact = [False] * len(traced.graph.outputs)
    return Case(traced.graph, [*inputs, X, y], signature, exact, steps=4, order=order)


CASES = [training_case(), *map(random_case, SEEDS)]
ANSWERS = [graphs.expected(case) for case in CASES]


def answers(most_threads: int = 1) -> list[Answer]:
    """What native code says to all cases."""
    return [graphs.run(Native(case.graph, case.signature, most_threads=most_threads), case) for case in CASES]


def check(found: list[Answer]) -> None:
    for number, (got, want, case) in enumerate(zip(found, ANSWERS, CASES, strict=True)):
        assert not graphs.differences(got, want, case), number


def bits(found: list[Answer]) -> list[list[bytes]]:
    return [[array.tobytes() for _, array in answer.arrays()] for answer in found]


# Orientation and the way round of products


def chosen_by(group: Callable[[int], int], way: Callable[[int], int]) -> Choose:
    """A choice of orientations that asks no cost."""

    def choose(program: Program, given: Any = None) -> Orientation:
        groups = orient._Groups(program)
        roots = {groups.root(v.index)[0] for v in program.values}
        of = orient._settled(program, groups, {root: group(root) for root in roots})
        chosen = Orientation(of)
        for v in program.values:
            if v.kind == "matmul":
                wanted = way(v.index)
                chosen.way[v.index] = 1 if wanted == orient.DOT and not orient.can_dot(v, chosen) else wanted
        return chosen

    return choose


@pytest.mark.parametrize("group", [0, 1])
@pytest.mark.parametrize("way", [0, 1, orient.DOT])
def test_all_one_way(monkeypatch: pytest.MonkeyPatch, group: int, way: int) -> None:
    monkeypatch.setattr(orient, "choose", chosen_by(lambda _: group, lambda _: way))
    check(answers())


@pytest.mark.parametrize("seed", range(3))
def test_orientations_drawn_by_chance(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(orient, "choose", chosen_by(lambda _: int(rng.integers(2)), lambda _: int(rng.integers(3))))
    check(answers())


# Fusion


class Apart(Scheduler):
    """Gives each value a kernel of its own."""

    def _pulled(self, val: Val) -> list[Val]:
        return [val]

    def _join(self, kernel: Kernel, position: int, group: list[Val]) -> bool:
        return not kernel.values and super()._join(kernel, position, group)


class Early(Scheduler):
    """Pulls no maps along, but joins: other kernels than usual."""

    def _pulled(self, val: Val) -> list[Val]:
        return [val]


class Reluctant(Scheduler):
    """Joins every other time."""

    turn = 0

    def _join(self, kernel: Kernel, position: int, group: list[Val]) -> bool:
        self.turn += 1
        return (self.turn % 2 == 0 or not kernel.values) and super()._join(kernel, position, group)


@pytest.mark.parametrize("kind", [Apart, Early, Reluctant])
@pytest.mark.parametrize("seed", [None, 0])
def test_other_kernels(monkeypatch: pytest.MonkeyPatch, kind: type[Scheduler], seed: int | None) -> None:
    made: list[Schedule] = []

    def schedule(program: Program, orientation: Orientation) -> Schedule:
        made.append(kind(program, orientation).run())
        return made[-1]

    monkeypatch.setattr("forwardnet.compiler.program.schedule", schedule)
    if seed is not None:
        rng = np.random.default_rng(seed)
        monkeypatch.setattr(orient, "choose", chosen_by(lambda _: int(rng.integers(2)), lambda _: int(rng.integers(3))))
    check(answers())
    fused = max(len(kernel.values) for schedule in made for kernel in schedule.kernels)
    assert (fused == 1) is (kind is Apart)


# Tiles and threads: not even the bits change


@pytest.fixture(scope="module")
def usual() -> list[list[bytes]]:
    """The bits as the compiler makes them by itself, for one thread."""
    return bits(answers())


SIZES: list[dict[str, Any]] = [
    *(
        {"products.tile_of": lambda dtype, tile=tile: tile}
        for tile in ((8, 1), (8, 3), (1, 2), (2, 2), (4, 4), (16, 1))
    ),
    {"products.UNROLL": 1},
    {"products.UNROLL": 8},
    {"products.SHORT": 0},
    {"products.SHORT": 10_000},
]


@pytest.mark.parametrize("number", range(len(SIZES)))
def test_tiles_of_other_sizes(monkeypatch: pytest.MonkeyPatch, usual: list[list[bytes]], number: int) -> None:
    for name, value in SIZES[number].items():
        monkeypatch.setattr(f"forwardnet.compiler.{name}", value)
    assert bits(answers()) == usual


@pytest.mark.skipif(engine.vector_bytes() < 64, reason="the other tests run with such registers on this machine")
def test_a_processor_with_avx2(monkeypatch: pytest.MonkeyPatch, usual: list[list[bytes]]) -> None:
    """Code for x86-64-v3 (256-bit vectors, FMA), which this processor runs too: the same bits."""
    monkeypatch.setattr(engine, "host", lambda: ("x86-64-v3", ""))
    monkeypatch.setattr(engine, "vector_bytes", lambda: 32)
    assert bits(answers()) == usual


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_threads(monkeypatch: pytest.MonkeyPatch, usual: list[list[bytes]], threads: int) -> None:
    """Every kernel is shared by all threads, however small."""
    monkeypatch.setattr("forwardnet.compiler.module.PRODUCT_WORK", 0)
    monkeypatch.setattr("forwardnet.compiler.module.VECTOR_WORK", 0)
    monkeypatch.setattr("forwardnet.compiler.program.WORK_OF_A_THREAD", 1.0)
    monkeypatch.setattr("forwardnet.compiler.program.work", lambda plan: 100.0)
    assert bits(answers(threads)) == usual


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_with_other_tiles_and_kernels(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    for name, value in (("module.PRODUCT_WORK", 0), ("module.VECTOR_WORK", 0), ("program.WORK_OF_A_THREAD", 1.0)):
        monkeypatch.setattr(f"forwardnet.compiler.{name}", value)
    monkeypatch.setattr("forwardnet.compiler.program.work", lambda plan: 100.0)
    rng = np.random.default_rng(threads)
    monkeypatch.setattr(orient, "choose", chosen_by(lambda _: int(rng.integers(2)), lambda _: int(rng.integers(3))))
    monkeypatch.setattr("forwardnet.compiler.products.tile_of", lambda dtype: (2, 2))
    monkeypatch.setattr("forwardnet.compiler.program.schedule", lambda p, o: Early(p, o).run())
    check(answers(threads))


def test_the_update_of_a_bias_stands_apart_from_the_sum_of_its_gradient() -> None:
    """The sum goes along the lanes, row by row: what follows it there would be computed as 16 equal numbers."""
    x, y = np.zeros((40, 3), np.float32), np.zeros((40, 2), np.float32)
    model = network([3, 20, 2], nn.Tanh)
    traced = traced_step(model, nn.MSELoss(), optim.Adam(model.parameters()), x, y)
    native = Native(traced.graph, Signature(gathered=traced.arguments, states=traced.states, loss=0), most_threads=1)
    kernels = native.schedule.kernels
    sums = [k for k in kernels if k.outer == "rows" and any(v.kind == "reduce" for v in k.values)]
    updates = [k for k in kernels if any(v.kind == "map" and v.op is REGISTRY["sqrt"] for v in k.values)]
    assert any(k.space[0] == 20 for k in sums)  # that of the hidden layer's bias
    assert any(k.space == (1, 20) for k in updates)
    assert not any(k is other for k in sums for other in updates if k.space[0] >= 16)
