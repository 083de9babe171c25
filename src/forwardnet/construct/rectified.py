"""Functions made of straight pieces, as networks of rectifiers: exact, not approximate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forwardnet.construct.network import Array, Layer, build
from forwardnet.construct.registry import construction
from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.nn.activations import ReLU
from forwardnet.nn.sequential import Sequential

EXACT = "exact up to rounding"


@construction("corners + 1", "exact up to rounding")
def piecewise_linear(
    x: Sequence[float], y: Sequence[float], *, outside: str = "constant", dtype: Any = None
) -> Sequential:
    """y(x) = b + sum_i (s_i - s_{i-1}) relu(x - x_i): straight lines between the points (x_i, y_i).

    s_i is the slope after x_i. `outside` the points y is "constant", or goes on "linear" with the slope of the first
    and the last piece. Every continuous function of one number made of straight pieces is one of these.

    Raises:
        ShapeError: `x` and `y` differ in length, or there are fewer than two points.
        ArgumentError: `x` does not increase, or a number is not finite.
    """
    at, value = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if at.ndim != 1 or at.shape != value.shape or len(at) < 2:
        raise ShapeError(f"piecewise_linear: x has shape {at.shape} and y {value.shape}, expected (n,) twice, n >= 2")
    if not (np.isfinite(at).all() and np.isfinite(value).all() and np.all(np.diff(at) > 0)):
        raise ArgumentError("piecewise_linear: expected finite numbers, x increasing")
    if outside not in ("constant", "linear"):
        raise unknown_name("continuation", outside, ("constant", "linear"))
    slopes = np.diff(value) / np.diff(at)
    w = np.ones((len(at), 1))
    if outside == "constant":
        starts, changes = -at, np.diff(slopes, prepend=0.0, append=0.0)
    else:
        # The first corner looks both ways, with relu(x_0 - x) to its left; the last one is none.
        w[0] = -1
        starts = -at[[0, *range(len(at) - 1)]]
        starts[0] = at[0]
        changes = np.concatenate([[-slopes[0]], np.diff(slopes, prepend=0.0)])
    layers = [(w, starts), (changes[None], value[:1])]
    return build(layers, what=f"{len(at) - 1} straight pieces", claim=EXACT, hidden=ReLU, dtype=dtype)


@construction("3 for each pair and 2 for one left over, layer by layer, and one", "exact up to rounding")
def max_affine(weights: Any, biases: Any, *, minus: tuple[Any, Any] | None = None, dtype: Any = None) -> Sequential:
    """y = max_i (w_i . x + b_i), for `weights` (k, d) and `biases` (k,); `minus` is a second such maximum to subtract.

    max(a, b) = relu(a - b) + relu(b) - relu(-b), in ceil(log2 k) hidden layers. A maximum of affine functions is any
    convex function made of straight pieces, and a difference of two is any continuous one in any dimension (Wang & Sun
    2005; Arora et al. 2018).
    """
    groups = [_affine(weights, biases, "max_affine")]
    if minus is not None:
        groups.append(_affine(*minus, "max_affine, minus"))
        if groups[1][0].shape[1] != groups[0][0].shape[1]:
            raise ShapeError(
                f"max_affine: minus has {groups[1][0].shape[1]} inputs, expected {groups[0][0].shape[1]} as weights"
            )
    counts = [len(b) for _, b in groups]
    layers: list[Layer] = []
    while any(len(b) > 1 for _, b in groups):
        made = [_pairs(W, b) for W, b in groups]
        layers.append((np.vstack([hidden for (hidden, _), _ in made]), np.hstack([b for (_, b), _ in made])))
        width = len(layers[-1][1])
        at, groups = 0, []
        for (hidden, _), readers in made:
            wide = np.zeros((len(readers), width))
            wide[:, at : at + len(hidden)] = readers
            at += len(hidden)
            groups.append((wide, np.zeros(len(readers))))
    (W, b), *rest = groups
    last = (W - rest[0][0], b - rest[0][1]) if rest else (W, b)
    what = " minus ".join(f"maximum of {n} affine functions" for n in counts)
    return build([*layers, last], what=what, claim=EXACT, hidden=ReLU, dtype=dtype)


def _affine(weights: Any, biases: Any, place: str) -> Layer:
    W, b = np.asarray(weights, np.float64), np.asarray(biases, np.float64)
    if W.ndim != 2 or b.shape != W.shape[:1] or not len(b):
        raise ShapeError(f"{place}: weights have shape {W.shape} and biases {b.shape}, expected (k, d) and (k,)")
    return W, b


def _pairs(W: Array, b: Array) -> tuple[Layer, Array]:
    """Rectifiers on the values W h + b, and how the maxima of pairs, and a last one without partner, read them."""
    rows, starts, readers = [], [], []
    for i in range(0, len(b), 2):
        last = W[i + 1 : i + 2] if i + 1 < len(b) else W[i : i + 1]
        c = b[i + 1] if i + 1 < len(b) else b[i]
        own = [1.0, 1.0, -1.0] if i + 1 < len(b) else [1.0, -1.0]
        if i + 1 < len(b):
            rows.append(W[i] - last[0])
            starts.append(b[i] - c)
        rows += [last[0], -last[0]]
        starts += [c, -c]
        readers.append(own)
    reading, at = np.zeros((len(readers), len(rows))), 0
    for row, own in zip(reading, readers, strict=True):
        row[at : at + len(own)] = own
        at += len(own)
    return (np.array(rows), np.array(starts)), reading
