"""Functions of straight pieces, exact where whole and half numbers are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct, nn
from forwardnet.errors import ArgumentError, ShapeError, UnknownNameError


def values(network: Any, x: np.ndarray) -> list[float]:
    return network(ff.tensor(x, dtype=ff.float32)).reshape(-1).tolist()


def test_lines_between_points() -> None:
    rng = np.random.default_rng(0)
    for n in (2, 3, 9):
        at = np.cumsum(rng.choice([1, 2, 4], n)).astype(float)  # steps by powers of two: slopes are exact
        value = rng.integers(-8, 9, n).astype(float)
        x = np.linspace(at[0] - 3, at[-1] + 3, 8 * int(at[-1] - at[0] + 6) + 1)
        constant = construct.piecewise_linear(at, value)
        assert values(constant, x[:, None]) == np.interp(x, at, value).tolist()
        assert constant.about.size.widths == (n, 1)
        linear = construct.piecewise_linear(at, value, outside="linear")
        left, right = (value[1] - value[0]) / (at[1] - at[0]), (value[-1] - value[-2]) / (at[-1] - at[-2])
        wanted = np.interp(x, at, value)
        wanted += np.where(x < at[0], (x - at[0]) * left, 0) + np.where(x > at[-1], (x - at[-1]) * right, 0)
        assert values(linear, x[:, None]) == wanted.tolist()
        assert linear.about.size.widths == (n, 1)


def test_points_that_make_no_function() -> None:
    with pytest.raises(ShapeError, match=r"x has shape \(2,\) and y \(3,\)"):
        construct.piecewise_linear([0, 1], [0, 1, 2])
    with pytest.raises(ShapeError, match="n >= 2"):
        construct.piecewise_linear([0], [0])
    with pytest.raises(ArgumentError, match="x increasing"):
        construct.piecewise_linear([0, 0], [0, 1])
    with pytest.raises(UnknownNameError, match="did you mean 'linear'"):
        construct.piecewise_linear([0, 1], [0, 1], outside="linea")


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8, 13])
def test_maxima_and_their_differences(k: int) -> None:
    rng = np.random.default_rng(k)
    W, b = rng.integers(-4, 5, (k, 3)), rng.integers(-4, 5, k)
    V, c = rng.integers(-4, 5, (4, 3)), rng.integers(-4, 5, 4)
    X = rng.integers(-9, 10, (300, 3))
    convex = construct.max_affine(W, b)
    assert values(convex, X) == (X @ W.T + b).max(axis=1).tolist()
    assert convex.about.size.layers == int(np.ceil(np.log2(k))) + 1
    assert {type(layer) for layer in convex} <= {nn.Linear, nn.ReLU}
    any_ = construct.max_affine(W, b, minus=(V, c))
    assert values(any_, X) == ((X @ W.T + b).max(axis=1) - (X @ V.T + c).max(axis=1)).tolist()


def test_maxima_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"weights have shape \(2,\) and biases \(2,\), expected \(k, d\) and \(k,\)"):
        construct.max_affine([1, 2], [0, 0])
    with pytest.raises(ShapeError, match="minus has 3 inputs, expected 2 as weights"):
        construct.max_affine([[1, 2]], [0], minus=([[1, 2, 3]], [0]))
