"""nan, infinities and signed zeros in, what IEEE 754 and the C standard (annex F) say out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from forwardnet.ops import REGISTRY, Op
from ops import laws

N, INF, H = math.nan, math.inf, math.pi / 2
POINTS = (N, INF, -INF, 0.0, -0.0)
FALSE, TRUE = False, True

# Results at nan, inf, -inf, 0, -0.
UNARY: dict[str, tuple[Any, ...]] = {
    "zeros_like": (0.0, 0.0, 0.0, 0.0, 0.0),
    "neg": (N, -INF, INF, -0.0, 0.0),
    "abs": (N, INF, INF, 0.0, 0.0),
    "sign": (N, 1.0, -1.0, 0.0, 0.0),
    "square": (N, INF, INF, 0.0, 0.0),
    "reciprocal": (N, 0.0, -0.0, INF, -INF),
    "ceil": (N, INF, -INF, 0.0, -0.0),
    "floor": (N, INF, -INF, 0.0, -0.0),
    "round": (N, INF, -INF, 0.0, -0.0),
    "trunc": (N, INF, -INF, 0.0, -0.0),
    "exp": (N, INF, 0.0, 1.0, 1.0),
    "expm1": (N, INF, -1.0, 0.0, -0.0),
    "log": (N, INF, N, -INF, -INF),
    "log1p": (N, INF, N, 0.0, -0.0),
    "log2": (N, INF, N, -INF, -INF),
    "log10": (N, INF, N, -INF, -INF),
    "sqrt": (N, INF, N, 0.0, -0.0),
    "rsqrt": (N, 0.0, N, INF, -INF),
    "sin": (N, N, N, 0.0, -0.0),
    "cos": (N, N, N, 1.0, 1.0),
    "tan": (N, N, N, 0.0, -0.0),
    "asin": (N, N, N, 0.0, -0.0),
    "acos": (N, N, N, H, H),
    "atan": (N, H, -H, 0.0, -0.0),
    "sinh": (N, INF, -INF, 0.0, -0.0),
    "cosh": (N, INF, INF, 1.0, 1.0),
    "tanh": (N, 1.0, -1.0, 0.0, -0.0),
    "sigmoid": (N, 1.0, 0.0, 0.5, 0.5),
    "erf": (N, 1.0, -1.0, 0.0, -0.0),
    "relu": (N, INF, 0.0, 0.0, 0.0),
    "isnan": (TRUE, FALSE, FALSE, FALSE, FALSE),
    "isinf": (FALSE, TRUE, TRUE, FALSE, FALSE),
    "isfinite": (FALSE, FALSE, FALSE, TRUE, TRUE),
    "logical_not": (FALSE, FALSE, FALSE, TRUE, TRUE),
}

# Whichever zero max(0, -0) gives is right: the standard leaves it open and the vector units differ.
ANY_ZERO = {"maximum", "minimum", "clamp_min", "clamp_max", "relu", "remainder", "sign"}


def check(name: str, got: Any, expected: Any, dtype: Any) -> None:
    expected = np.asarray(expected)
    if expected.dtype != bool:
        expected = expected.astype(dtype)
    assert got.dtype == expected.dtype
    # pi/2, powers and angles are rounded; 2 units for each library, as in test_accuracy.
    eps = 0 if got.dtype == bool else 4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(got, expected, rtol=eps, atol=0, equal_nan=True, err_msg=name)
    if got.dtype != bool and name not in ANY_ZERO:
        real = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(got[real]), np.signbit(expected[real]), err_msg=name)


@pytest.mark.parametrize("dtype", laws.FLOATS, ids=str)
@pytest.mark.parametrize("name", list(UNARY))
def test_functions_of_one(name: str, dtype: Any) -> None:
    # Once alone and once among many: the vector loop and its remainder are different code.
    for repeats in (1, 16):
        (got,) = laws.call(REGISTRY[name], [np.repeat(np.array(POINTS, dtype), repeats)], {})
        check(name, got, np.repeat(np.array(UNARY[name]), repeats), dtype)


def quotient(a: float, b: float) -> float:
    if b != 0 or math.isnan(b):
        return a / b
    return N if a == 0 or math.isnan(a) else math.copysign(INF, a) * math.copysign(1, b)


def power(a: float, b: float) -> float:
    odd = abs(b) < 2**53 and b % 2 == 1
    if a == 0 and b < 0:
        return math.copysign(INF, a) if odd else INF
    try:
        return math.pow(a, b)
    except ValueError:
        return N
    except OverflowError:
        return -INF if a < 0 and odd else INF


def or_nan(function: Callable[[float, float], float]) -> Callable[[float, float], float]:
    def result(a: float, b: float) -> float:
        try:
            return function(a, b)
        except (ValueError, ZeroDivisionError):
            return N

    return result


def extreme(function: Callable[..., float]) -> Callable[[float, float], float]:
    return lambda a, b: N if math.isnan(a) or math.isnan(b) else function(a, b)


BINARY: dict[str, Callable[[float, float], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": quotient,
    "pow": power,
    "remainder": or_nan(lambda a, b: a % b),
    "fmod": or_nan(math.fmod),
    "floor_divide": lambda a, b: quotient(a, b) if b == 0 else a // b,
    "maximum": extreme(max),
    "minimum": extreme(min),
    "clamp_min": extreme(max),
    "clamp_max": extreme(min),
    "atan2": math.atan2,
    "replace": lambda a, b: b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "logical_and": lambda a, b: bool(a) and bool(b),
    "logical_or": lambda a, b: bool(a) or bool(b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
}
GRID = (*POINTS, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -2.5)


@pytest.mark.parametrize("dtype", laws.FLOATS, ids=str)
@pytest.mark.parametrize("name", list(BINARY))
def test_functions_of_two(name: str, dtype: Any) -> None:
    """All pairs of nan, infinities, zeros and small numbers, which are the same numbers in every type."""
    a, b = (v.reshape(-1) for v in np.meshgrid(np.array(GRID, dtype), np.array(GRID, dtype), indexing="ij"))
    (got,) = laws.call(REGISTRY[name], [a, b], {})
    check(name, got, [BINARY[name](float(x), float(y)) for x, y in zip(a, b, strict=True)], dtype)


def test_a_choice_does_not_mix_in_what_was_not_chosen() -> None:
    c = np.array([True, False])
    got = REGISTRY["where"](c, np.array([1.0, N]), np.array([INF, 2.0]))
    assert got.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("op", [op for op in laws.DIFFERENTIABLE if op.elementwise], ids=lambda op: op.name)
def test_nan_is_never_lost(op: Op) -> None:
    """A nan in an input of a differentiable op is in the result: what went wrong stays to be seen."""
    forgetful = {"zeros_like": {0}, "replace": {0}, "where": {0, 1, 2}, "pow": set()}
    for position in range(len(op.inputs)):
        if position in forgetful.get(op.name, ()) or not op.promotes[position]:
            continue
        arrays = [laws.sample(op, i, (20,), laws.generator(op.name)) for i in range(len(op.inputs))]
        arrays[position][3] = N
        (got,) = laws.call(op, arrays, {})
        assert np.isnan(got[3]), f"input {position}"
        assert np.isfinite(np.delete(got, 3)).all()


def test_the_tables_name_ops_and_all_of_one_or_two_floats() -> None:
    floats = {op.name for op in laws.ELEMENTWISE if laws.takes(op, np.float64)}
    assert set(UNARY) | set(BINARY) == floats - {"where"}
