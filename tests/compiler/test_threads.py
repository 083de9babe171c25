"""Threads: several programs at once, forks, and the caller's floating-point mode."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from compiler import graphs
from forwardnet import nn, optim
from forwardnet.compiler import threads
from forwardnet.compiler.program import Native, Signature
from forwardnet.ir.graph import Graph, Spec
from forwardnet.ops import REGISTRY

LONG = 60.0  # seconds after which a test that hangs is given up; they take a fraction of one


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """The results of works that run in threads of their own; fails if one of them never ends."""
    results: list[Any] = [None] * len(works)

    def call(number: int) -> None:
        results[number] = works[number]()

    started = [threading.Thread(target=call, args=(i,), daemon=True) for i in range(len(works))]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(LONG)
        assert not thread.is_alive(), "threads wait for each other for ever"
    return results


def program(seed: int, most_threads: int) -> tuple[Native, graphs.Case]:
    """A state that a product of matrices changes for 30 steps."""
    rng = np.random.default_rng(seed)
    graph = Graph()
    w, x = (graph.input(Spec(shape, np.dtype("float32"))) for shape in ((40, 33), (40, 40)))
    w_next = REGISTRY["tanh"](REGISTRY["matmul"](x, w))
    graph.outputs = [w_next, REGISTRY["sum"](w_next, dim=(0,), keepdim=False)]
    arrays = [rng.standard_normal(n.shape).astype("float32") / 4 for n in graph.inputs]
    case = graphs.Case(graph, arrays, Signature(states={0: 0}), [False, False], steps=30)
    return Native(graph, case.signature, most_threads=most_threads), case


@pytest.mark.usefixtures("everything_shared")
@pytest.mark.parametrize("each", [1, 2, 3, 4])
def test_programs_at_once_end_with_the_bits_of_programs_one_after_the_other(each: int) -> None:
    made = [program(seed, each) for seed in range(6)]
    assert all(native.threads == each for native, _ in made)
    alone = [graphs.run(native, case) for native, case in made]
    together = at_once([lambda n=native, c=case: graphs.run(n, c) for native, case in made])
    for a, b in zip(alone, together, strict=True):
        for (name, x), (_, y) in zip(a.arrays(), b.arrays(), strict=True):
            assert x.tobytes() == y.tobytes(), name


def test_works_of_two_calls_do_not_mix() -> None:
    """Each call's works meet at a barrier; a pause after each submission would mix them in the queue."""

    class Slow(ThreadPoolExecutor):
        def submit(self, *args: Any, **kwargs: Any) -> Any:
            future = super().submit(*args, **kwargs)
            time.sleep(0.02)
            return future

    slow = Slow(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "_pool", lambda helpers: slow)

        def call() -> int:
            barrier = threading.Barrier(3, timeout=LONG / 3)

            def work(number: int) -> int:
                barrier.wait()
                return number

            return threads.together(work, 3)

        assert at_once([call] * 4) == [0] * 4


def test_an_error_waits_for_the_helpers() -> None:
    """They write to memory that the caller would otherwise give back."""
    ended = []

    def work(number: int) -> int:
        if number == 0:
            raise KeyboardInterrupt
        time.sleep(0.05)
        ended.append(number)
        return number

    with pytest.raises(KeyboardInterrupt):
        threads.together(work, 3)
    assert sorted(ended) == [1, 2]


def test_helpers_that_cannot_be_started_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="start new thread"):
        threads.together(lambda number: number, 7)  # a number of helpers that no other test asks for


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.usefixtures("everything_shared")
def test_a_forked_process_finds_helpers_of_its_own() -> None:
    native, case = program(0, 3)
    before = graphs.run(native, case)
    script = f"""
import os, sys, time
sys.path[:0] = {sys.path!r}
from unittest import mock
from compiler.test_threads import program
from compiler import graphs
patches = {{"module.PRODUCT_WORK": 0, "module.VECTOR_WORK": 0, "program.WORK_OF_A_THREAD": 1.0}}
for name, value in patches.items():
    mock.patch("forwardnet.compiler." + name, value).start()
native, case = program(0, 3)
assert native.threads == 3
graphs.run(native, case)
child = os.fork()
if not child:
    again = graphs.run(native, case)
    os._exit(0 if again.outputs[1].tobytes().hex() == {before.outputs[1].tobytes().hex()!r} else 1)
for _ in range({int(LONG * 20)}):
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        sys.exit(status and 1)
    time.sleep(0.05)
os.kill(child, 9)
sys.exit(2)
"""
    done = subprocess.run([sys.executable, "-c", script], timeout=2 * LONG, check=False)
    assert done.returncode == 0, "it hung" if done.returncode == 2 else "other numbers"


def test_fits_in_a_pool_of_threads() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((96, 5)).astype("float32")
    y = (X[:, 0] > 0).astype(np.int64)

    def fit(width: int) -> list[bytes]:
        model = nn.Sequential(nn.Linear(5, width), nn.Tanh(), nn.Linear(width, 2))
        for number, parameter in enumerate(model.parameters()):
            values = np.random.default_rng(number).standard_normal(tuple(parameter.shape)) / 4
            parameter.data = ff.from_numpy(values.astype("float32"))
        trainer = ff.train.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01))
        history = trainer.fit(X, y, epochs=5, batch_size=20, progress=False)
        weights = [p.detach().numpy().tobytes() for p in model.parameters()]
        return [history.epochs["loss"].tobytes(), *weights]

    widths = [3, 17, 30, 3, 17]
    alone = [fit(width) for width in widths]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fit, widths)) == alone


DENORMAL = 1e-40  # below the least normal float32 of 1.2e-38


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="the mode is left alone elsewhere")
@pytest.mark.usefixtures("everything_shared")
@pytest.mark.parametrize("most_threads", [1, 3])
@pytest.mark.parametrize("stops_early", [False, True])
def test_the_floating_point_mode_of_the_caller_is_restored(most_threads: int, stops_early: bool) -> None:
    """NumPy's own arithmetic keeps denormals before and after; native code takes them for zero."""
    graph = Graph()
    x = graph.input(Spec((40, 40), np.dtype("float32")))
    half = x * 0.5
    total = REGISTRY["sum"](half, dim=(0, 1), keepdim=False)
    graph.outputs = [half, total, REGISTRY["matmul"](half, half)]
    native = Native(graph, Signature(loss=1), most_threads=most_threads)
    assert native.threads == most_threads
    array = np.full((40, 40), DENORMAL, np.float32)
    array[0, 0] = np.inf if stops_early else 1.0

    def keeps_denormals() -> bool:
        return bool((np.full(64, DENORMAL, np.float32) * np.float32(0.5) > 0).all())

    assert keeps_denormals()
    native.set_input(0, array)
    losses = native.run(steps=5)
    assert len(losses) == (1 if stops_early else 5)
    assert native.output(0, (40, 40))[1, 1] == 0  # so the native code did run with its own mode
    assert keeps_denormals()
    in_helpers = [threads._pool(most_threads - 1).submit(keeps_denormals) for _ in range(8)] if most_threads > 1 else []
    assert all(future.result() for future in in_helpers)


def test_every_thread_finds_the_loss_that_one_has_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the next step begins with what one thread does alone, it may be done before others look at the loss.

    A thread that looked at the place of the loss itself would sometimes find the next one; here that one is infinite,
    and a thread that ended for it would leave the others waiting.
    """
    monkeypatch.setattr("forwardnet.compiler.module.is_worth_sharing", lambda kernel, plan: kernel.kind == "matmul")
    monkeypatch.setattr("forwardnet.compiler.module.VECTOR_WORK", 1 << 40)
    monkeypatch.setattr("forwardnet.compiler.program.WORK_OF_A_THREAD", 1e-9)
    graph = Graph()
    x = graph.input(Spec((4, 4), np.dtype("float32")))
    w = graph.input(Spec((4, 4), np.dtype("float32")))
    loss = REGISTRY["sum"](REGISTRY["mul"](x, w), dim=(0, 1), keepdim=False)
    graph.outputs = [loss, REGISTRY["mul"](w, REGISTRY["matmul"](w, w))]
    native = Native(graph, Signature(gathered=[0], states={1: 1}, loss=0), most_threads=2)
    assert native.threads == 2
    steps = 2000
    rows = np.ones((4 * steps, 4), np.float32)
    rows[-4:] = np.inf
    native.set_input(1, np.ones((4, 4), np.float32) / 2)
    for _ in range(5):
        native.set_input(1, np.ones((4, 4), np.float32) / 2)
        [losses] = at_once([lambda: native.run([rows], np.arange(len(rows)), steps)])
        assert np.isfinite(losses[:-1]).all()
        assert np.isinf(losses[-1])
        assert len(losses) == steps
