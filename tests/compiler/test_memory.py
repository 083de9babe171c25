"""Memory: nothing is read or written outside the arena and the caller's arrays, wherever those begin."""

from __future__ import annotations

import ctypes
import mmap
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from compiler import graphs
from compiler.steps import network, traced_step
from forwardnet import nn, optim
from forwardnet.compiler.program import Native, Signature
from forwardnet.ir.graph import Graph, Spec
from forwardnet.ops import REGISTRY

Array = np.ndarray[Any, Any]
Placed = Callable[[Array], Array]

GUARD = 256  # bytes on either side, as long as the longest store
SEEDS = range(24)


def case_of(seed: int) -> graphs.Case:
    """A random case; the numbers of the seeds are arbitrary."""
    rng = np.random.default_rng(seed)
    return graphs.grow(lambda n: int(rng.integers(n)), special=seed % 4 == 0)


def run_in(native: Native, case: graphs.Case, place: Placed, *, copies: int = 1) -> graphs.Answer:
    """Run with all memory that native code sees where `place` puts it: the arena and all arrays of the caller."""
    gathered = case.signature.gathered
    for number, array in enumerate(case.inputs):
        if number not in gathered:
            native.set_input(number, array)
    native.arena = place(native.arena)
    sources = [place(case.inputs[n]) for n in gathered]
    order = place(np.zeros(1, np.int64) if case.order is None else case.order)
    losses = place(np.zeros(case.steps))
    record = case.signature.record
    records = None
    if record is not None:
        node = case.graph.outputs[record]
        records = place(np.zeros((case.steps, *node.shape), node.dtype))
    pointers = (ctypes.c_void_p * max(len(sources), 1))(*(s.ctypes.data for s in sources))
    records_at = None if records is None else records.ctypes.data
    done = native._run(
        native.arena.ctypes.data, ctypes.addressof(pointers), order.ctypes.data, case.steps, losses.ctypes.data,
        records_at, 0,
    )  # fmt: skip
    outputs = [native.output(i, node.shape) for i, node in enumerate(case.graph.outputs)]
    states = {i: native.state(i, case.graph.inputs[i].shape) for i in case.signature.states}
    return graphs.Answer(outputs, states, losses[:done].copy(), [] if records is None else list(records[:done]))


class Guarded:
    """Puts arrays between guard bytes, `shift` bytes after an aligned place (the arena always at one)."""

    def __init__(self, shift: int) -> None:
        self.shift = shift
        self.rooms: list[tuple[Array, int, int, bytes]] = []

    def __call__(self, array: Array) -> Array:
        shift = 0 if array.dtype == np.uint8 and array.ndim == 1 and array.nbytes % 64 == 0 else self.shift
        room = np.random.default_rng(len(self.rooms)).integers(0, 256, array.nbytes + 2 * GUARD + 64, dtype=np.uint8)
        begin = -room.ctypes.data % 64 + GUARD - 64 + shift
        end = begin + array.nbytes
        made = room[begin:end].view(np.uint8)
        made[:] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        around = bytes(room[:begin]) + bytes(room[end:])
        self.rooms.append((room, begin, end, around))
        return np.frombuffer(made.data, array.dtype).reshape(array.shape)

    def check(self) -> None:
        assert self.rooms
        for room, begin, end, around in self.rooms:
            assert bytes(room[:begin]) + bytes(room[end:]) == around


@pytest.mark.parametrize("shift", [0, 1, 4, 36])
def test_nothing_is_written_around_the_arena_and_the_arrays_of_the_caller(shift: int) -> None:
    """Arrays of the caller may begin anywhere; what is only read keeps its content."""
    gathered = 0
    for seed in SEEDS:
        case = case_of(seed)
        before = [a.tobytes() for a in case.inputs]
        order = None if case.order is None else case.order.tobytes()
        guarded = Guarded(shift)
        native = Native(case.graph, case.signature, most_threads=1)
        got = run_in(native, case, guarded)
        assert not graphs.differences(got, graphs.expected(case), case), seed
        guarded.check()
        assert [a.tobytes() for a in case.inputs] == before
        assert case.order is None or case.order.tobytes() == order
        read = guarded.rooms[1 : 1 + len(case.signature.gathered)]
        for number, (room, begin, end, _) in zip(case.signature.gathered, read, strict=True):
            assert bytes(room[begin:end]) == before[number]
        gathered += len(case.signature.gathered)
    assert gathered > 5  # otherwise the cases have changed and show less than they should


def fence(at_end: bool) -> Placed:
    """Puts arrays next to a page that cannot be touched: at its end, or right behind it."""
    page = mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    kept: list[Any] = []

    def place(array: Array) -> Array:
        size = -(-max(array.nbytes, 1) // page) * page
        room = mmap.mmap(-1, size + 2 * page)
        address = ctypes.addressof(ctypes.c_char.from_buffer(room))
        for guard in (address, address + page + size):
            assert libc.mprotect(ctypes.c_void_p(guard), page, 0) == 0
        offset = page + (size - array.nbytes if at_end else 0)
        kept.append(room)
        made = np.frombuffer(room, np.uint8, array.nbytes, offset)
        made[:] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        return made.view(array.dtype).reshape(array.shape)

    return place


def run_fenced() -> None:
    """Runs that would end the process if they read or wrote outside."""
    for at_end in (True, False):
        place = fence(at_end)
        for seed in SEEDS:
            case = case_of(seed)
            native = Native(case.graph, case.signature, most_threads=1)
            got = run_in(native, case, place)
            assert not graphs.differences(got, graphs.expected(case), case), seed
    print("inside")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect is called as Linux has it")
def test_nothing_is_read_outside_either() -> None:
    script = f"import sys; sys.path[:0] = {sys.path!r}\nfrom compiler.test_memory import run_fenced; run_fenced()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "inside\n"), done.stderr[-2000:]


def test_the_fence_is_sharp() -> None:
    """A read of one byte behind the array ends the process, so the test above can fail."""
    script = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "import ctypes, numpy as np\nfrom compiler.test_memory import fence\n"
        "array = fence(True)(np.arange(5.0))\n"
        "print(array.sum())\nctypes.string_at(array.ctypes.data + array.nbytes, 1)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode < 0 and done.stdout == "10.0\n"


def test_results_are_copies() -> None:
    graph = Graph()
    x = graph.input(Spec((4,), np.dtype("float32")))
    graph.outputs = [x + 1.0]
    native = Native(graph, Signature(states={0: 0}))
    given = np.zeros(4, np.float32)
    native.set_input(0, given)
    native.run()
    first, state = native.output(0, (4,)), native.state(0, (4,))
    native.run()
    assert first.tolist() == state.tolist() == [1.0] * 4
    assert native.output(0, (4,)).tolist() == [2.0] * 4
    assert given.tolist() == [0.0] * 4


@pytest.mark.parametrize("number", [1.0, 1e30, -1e38, np.inf, np.nan])
def test_whether_a_state_is_finite(number: float) -> None:
    """Without a warning for numbers whose squares overflow, and whatever stands in the padding."""
    graph = Graph()
    x = graph.input(Spec((3, 5), np.dtype("float32")))
    graph.outputs = [1.0 / x]  # infinite in the padding
    native = Native(graph, Signature(states={0: 0}))
    native.set_input(0, np.ones((3, 5)))
    native.run()
    assert native.states_are_finite()
    state = np.ones((3, 5), np.float32)
    state[2, 4] = number
    native.set_input(0, state)
    assert native.states_are_finite() is bool(np.isfinite(number))


# Programs that share an arena


def step_for(size: int, like: Native | None) -> tuple[graphs.Case, Native]:
    """w <- w + (column sums of (x w) c + d) / 64, with constants c of the weights' and d of the batch's length."""
    graph = Graph()
    w, x = (graph.input(Spec(shape, np.dtype("float64"))) for shape in ((5, 19), (size, 5)))
    rows = np.linspace(0, 1, size)[:, None]
    y = REGISTRY["matmul"](x, w) * np.arange(19.0) + (rows if size > 1 else 0.5)
    graph.outputs = [
        w + REGISTRY["sum"](y, dim=(0,), keepdim=True) * 0.015625,
        REGISTRY["sum"](y, dim=(0, 1), keepdim=False),
    ]
    case = graphs.Case(graph, [], Signature([1], {0: 0}, loss=1), [False, False])
    return case, Native(graph, case.signature, like=like)


@pytest.mark.parametrize("sizes", [(32, 9), (9, 32), (1, 16), (16, 1), (20, 5, 40)], ids=str)
def test_programs_for_other_batch_sizes_share_states_and_keep_their_constants(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((64, 5)), rng.standard_normal((5, 19))
    made: list[tuple[graphs.Case, Native]] = []
    for size in sizes:
        made.append(step_for(size, made[0][1] if made else None))
    largest = max((native for _, native in made), key=lambda native: len(native.arena))
    for _, native in made:
        native.arena = largest.arena
    made[0][1].set_input(0, w)
    for turn in range(3):
        for size, (case, native) in zip(sizes, made, strict=True):
            order = rng.integers(0, 64, size)
            case.inputs, case.order = [w, X], order
            want = graphs.expected(case)
            losses = native.run([X], order, 1)
            np.testing.assert_allclose(losses, want.losses, rtol=1e-12, err_msg=f"{turn} {size}")  # sums of 600 terms
            w = want.states[0]
            for _, other in made:
                np.testing.assert_allclose(other.state(0, w.shape), w, rtol=1e-12, atol=1e-13)


def test_a_weighted_loss_with_a_partial_batch_trains_as_eagerly() -> None:
    """The weights of the classes are a constant of two programs: for whole batches, and for the last."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((50, 4)).astype("float32"), np.arange(50) % 3
    losses = []
    for is_compiled in (False, True):
        model = network([4, 8, 3])
        loss = nn.CrossEntropyLoss(weight=ff.tensor([1.0, 2.0, 0.5]))
        trainer = ff.train.Trainer(model, loss, optim.SGD(model.parameters(), lr=0.1), compile=is_compiled)
        losses.append(trainer.fit(X, y, epochs=5, batch_size=16, progress=False).epochs["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)  # 20 steps in float32


def test_states_of_programs_that_share_lie_alike() -> None:
    """Also where the orientation that suits one batch size would not suit the other."""
    for sizes in ((200, 3), (3, 200), (1, 64)):
        model = network([6, 30, 4])
        first: Native | None = None
        for size in sizes:
            X = np.zeros((size, 6), np.float32)
            traced = traced_step(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()), X, np.zeros(size, int))
            native = Native(traced.graph, Signature(traced.arguments, traced.states, loss=0), like=first)
            if first is None:
                first = native
                for number, cell in enumerate(traced.cells):
                    native.set_input(number, cell.read())
            for number, cell in enumerate(traced.cells):
                np.testing.assert_array_equal(native.state(number, cell.spec().shape), cell.read())
