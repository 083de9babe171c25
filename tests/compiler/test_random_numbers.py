"""Random numbers in native programs: the bits that NumPy's side gives, wherever and by whomever they are drawn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.compiler import random as kernels
from forwardnet.compiler.program import Native, Signature
from forwardnet.ir.graph import Graph, Spec
from forwardnet.ops import REGISTRY as R

# A negative seed, a stream of more than 32 bits, and counters that carry into their second word.
SEED, STREAM, POSITION = -3, 2**40 + 5, 2**32 - 3
SHAPES = [(), (1,), (5,), (1000,), (3, 5), (64, 10), (65, 10), (100, 1), (17, 33), (31, 256), (200, 20), (130, 785)]
WORDS = [np.array(n) for n in (SEED, STREAM, POSITION)]


def expected(shape: tuple[int, ...], dtype: Any) -> Any:
    return R["uniform"](*WORDS, shape=shape, dtype=np.dtype(dtype))


def program(shape: tuple[int, ...], dtype: Any, threads: int = 1, *, turned: bool = False) -> Any:
    """What a program draws; `turned` makes the transpose its other output."""
    graph = Graph()
    words = [graph.input(Spec((), np.dtype("int64"))) for _ in WORDS]
    u = R["uniform"](*words, shape=shape, dtype=np.dtype(dtype))
    graph.outputs = [u, R["permute"](u, dims=(1, 0)) * 2.0] if turned else [u]
    native = Native(graph, Signature(), most_threads=threads)
    for number, word in enumerate(WORDS):
        native.set_input(number, word)
    native.run()
    return [native.output(i, node.shape) for i, node in enumerate(graph.outputs)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_same_bits_as_outside(shape: tuple[int, ...], dtype: str) -> None:
    turned = len(shape) == 2
    found = program(shape, dtype, turned=turned)
    assert np.array_equal(found[0], expected(shape, dtype))
    if turned:
        assert np.array_equal(found[1], 2 * expected(shape, dtype).T)


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(65, 10), (31, 256), (70, 63)], ids=str)
def test_any_number_of_threads(shape: tuple[int, ...], threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forwardnet.compiler.module.VECTOR_WORK", 0)
    monkeypatch.setattr("forwardnet.compiler.program.WORK_OF_A_THREAD", 1.0)
    monkeypatch.setattr("forwardnet.compiler.program.work", lambda plan: 1e9)
    for dtype in ("float32", "float64"):
        assert np.array_equal(program(shape, dtype, threads)[0], expected(shape, dtype))


@pytest.mark.parametrize("shape", [(9, 100), (5, 63), (3, 1)], ids=str)
def test_rows_too_long_to_be_drawn_together(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "LARGEST", 1)
    for dtype in ("float32", "float64"):
        assert np.array_equal(program(shape, dtype)[0], expected(shape, dtype))


def test_a_compiled_function_draws_what_the_plain_one_draws() -> None:
    def plain(x: Any) -> Any:
        return x + ff.rand(3), ff.rand((2, 5), dtype=ff.float64), x * (ff.rand(3) < 0.5)

    compiled = ff.jit(plain)
    for _ in range(2):
        drawn = []
        for function in (plain, compiled):
            ff.manual_seed(7)
            calls = [function(ff.ones(3)) for _ in range(3)]
            drawn.append([t.tolist() for call in calls for t in call] + [ff.rand(2).tolist()])
        assert drawn[0] == drawn[1]
    assert len({str(d) for d in drawn[0]}) == 10
    assert all(program is not None for program in compiled.programs.values())


def test_normal_numbers_agree_within_the_rounding_of_their_functions() -> None:
    draw = ff.jit(lambda x: ff.randn(40, 50) + x)
    ff.manual_seed(7)
    native = draw(ff.zeros(1)).numpy()
    ff.manual_seed(7)
    # Logarithm, root and cosine each within a few ULP of numbers up to 6.
    np.testing.assert_allclose(native, ff.randn(40, 50).numpy(), rtol=1e-5, atol=2e-6)


def test_the_algorithm_of_another_library_runs_eagerly() -> None:
    draw = ff.jit(lambda x: ff.rand(3) + x)
    try:
        ff.manual_seed(7, algorithm="torch")
        with pytest.warns(UserWarning, match="runs eagerly: random numbers"):
            first = draw(ff.zeros(1))
        ff.manual_seed(7, algorithm="torch")
        assert first.tolist() == ff.rand(3).tolist()
    finally:
        ff.manual_seed(0)


class Noisy(nn.Module):
    """Gaussian noise and a mask, both new at each step."""

    def forward(self, x: Any) -> Any:
        if not self.training:
            return x
        return (x + 0.1 * ff.randn(x.shape)) * (ff.rand(x.shape) < 0.8)


def losses(*, compile: bool, threads: int = 1, seed: int = 3, fits: int = 1) -> Any:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 20)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 24), nn.Tanh(), Noisy(), nn.Linear(24, 2))
    trainer = ff.Trainer(model, "cross_entropy", "adam", compile=compile, threads=threads, seed=seed)
    ff.manual_seed(int(compile))  # a fit has random numbers of its own
    parts = [trainer.fit(X, y, epochs=4 // fits, batch_size=64, progress=False) for _ in range(fits)]
    return np.concatenate([part.steps["loss"] for part in parts])


def test_training_with_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    eager = losses(compile=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it does not fall back
        compiled = losses(compile=True)
    # The same masks and noise: rounding of 12 steps at losses near 0.7.
    np.testing.assert_allclose(compiled, eager, rtol=2e-5)
    monkeypatch.setattr("forwardnet.compiler.module.PRODUCT_WORK", 0)
    monkeypatch.setattr("forwardnet.compiler.module.VECTOR_WORK", 0)
    monkeypatch.setattr("forwardnet.compiler.program.WORK_OF_A_THREAD", 1.0)
    assert losses(compile=True, threads=2).tolist() == compiled.tolist()
    assert losses(compile=True, fits=2).tolist() == compiled.tolist()
    assert abs(losses(compile=True, seed=4) - compiled).max() > 1e-3
