"""Reductions over fewer elements than there are lanes, and what is computed from them: LLVM has got such sums wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compiler.test_lowerings import natively
from forwardnet.compiler import cache, engine
from forwardnet.ops import REGISTRY as R

EPS = {"float32": 6e-8, "float64": 1.2e-16}


@pytest.fixture(scope="module", autouse=True)
def _kept_nowhere() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "load", lambda text, emit, names: engine.load(engine.assemble(emit()), names))
        yield


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 3, 5, 7, 8, 9, 15, 16, 17])
def test_two_moments_of_one_sum(n: int, dtype: str) -> None:
    """The update of a bias by a rule with two moments, in one kernel with the sum over the batch."""
    x = np.random.default_rng(n).standard_normal((n, 1)).astype(dtype)

    def build(x: Any, first: Any, second: Any) -> list[Any]:
        s = R["reshape"](R["sum"](x * 2.0, dim=(0,), keepdim=True), shape=(1,))
        a, b = 0.99 * first + 0.01 * (s * s), 0.99 * second + 0.01 * s
        return [a, b, s / (R["sqrt"](R["maximum"](a - b * b, 0.0)) + 1e-3)]

    half, none = np.array([0.5], dtype), np.zeros(1, dtype)
    got = natively(build, [x, half, none])
    s = x.sum(0, dtype=np.float64) * 2
    a, b = 0.99 * 0.5 + 0.01 * s * s, 0.01 * s
    for value, want in zip(got, (a, b, s / (np.sqrt(np.maximum(a - b * b, 0)) + 1e-3)), strict=True):
        # A sum of n numbers of size 1 and a few operations, of which the division may enlarge what cancelled.
        np.testing.assert_allclose(value, want, rtol=1000 * EPS[dtype], atol=1000 * EPS[dtype])


BINARY = (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: R["maximum"](a, b))
UNARY = (
    lambda a: -a,
    lambda a: R["square"](a),
    lambda a: R["tanh"](a),
    lambda a: R["sqrt"](R["abs"](a)),
    lambda a: 0.5 * a,
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(40))
def test_chains_after_sums_and_extremes(seed: int, dtype: str) -> None:
    """Random expressions of sums and extremes along either axis of a small matrix, against NumPy's."""
    rng = np.random.default_rng(seed)
    shape = tuple(int(v) for v in rng.integers(1, 18, 2))
    if seed % 3 == 0:
        shape = (shape[0], 1)
    axis = int(rng.integers(2))
    arrays = [rng.standard_normal(shape).astype(dtype), *(rng.standard_normal(1).astype(dtype) for _ in range(2))]
    decisions = rng.integers(0, 1 << 30, 40)

    def build(x: Any, *numbers: Any) -> list[Any]:
        pick = iter(decisions.tolist())
        made = [n + R["sum"](x, dim=(0, 1), keepdim=False) * 0.0 for n in numbers]
        for name in ("sum", "amax", "sum"):
            v = x * float(1 + next(pick) % 3)
            part = R[name](v, dim=(axis,), keepdim=True)
            made.append(R["sum"](part, dim=(0, 1), keepdim=False))
        for _ in range(8):
            a, b = made[next(pick) % len(made)], made[next(pick) % len(made)]
            made.append(UNARY[next(pick) % len(UNARY)](BINARY[next(pick) % len(BINARY)](R["tanh"](a), R["tanh"](b))))
        return made[2:]

    got = natively(build, arrays)
    want = build(*(a.astype(np.float64) for a in arrays))
    for value, exact in zip(got, want, strict=True):
        # Sums of at most 300 numbers of size 3, then bounded functions; sqrt near 0 gives the root of an error.
        np.testing.assert_allclose(value.ravel(), np.ravel(exact), rtol=3e4 * EPS[dtype], atol=60 * EPS[dtype] ** 0.5)
