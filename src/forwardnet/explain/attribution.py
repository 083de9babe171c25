"""What each feature contributes to one output, row by row: integrated gradients.

    explain.integrated_gradients(model, X, target=3).values

The contribution of feature i is (x_i - b_i) times the mean of df/dx_i along the straight line from a baseline b to x.
Together they add up to f(x) - f(b), the completeness axiom (Sundararajan, Taly & Yan 2017, equation 1 and
proposition 1), which the gradient at x alone does not keep: where an output is saturated its gradient is nearly 0.

Axis glossary: n rows, d features, s places on the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn
from forwardnet.autograd import grad
from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.explain.objective import double_copy, inputs_for
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.mode import no_grad

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Attribution:
    """Contributions `values`, of the shape of X, to the output of each row.

    `output` (n,) is f(x), `baseline_output` f(b) (n,), `gap` (n,) what the contributions miss of their difference.
    """

    values: Floats
    output: Floats
    baseline_output: Floats
    names: tuple[str, ...]

    @property
    def gap(self) -> Floats:
        """f(x) - f(b) - sum of the contributions (n,): 0 up to the error of the integral."""
        total = self.values.reshape(len(self.values), -1).sum(axis=1)
        return np.asarray(self.output - self.baseline_output - total)

    @property
    def total(self) -> Floats:
        """The mean size of each feature's contribution over the rows (d,)."""
        return np.asarray(np.abs(self.values.reshape(len(self.values), -1)).mean(axis=0))

    def summary(self, row: int | None = None) -> str:
        """What counts most, for one row or over all of them."""
        flat = self.values.reshape(len(self.values), -1)
        if row is None:
            order = np.argsort(-self.total, kind="stable")[:5]
            parts = ", ".join(f"{self.names[j]} {self.total[j]:.3g}" for j in order)
            worst = float(np.abs(self.gap).max())
            return f"{len(flat)} rows; mean size of the contributions: {parts}. Missing at most {worst:.1g}."
        order = np.argsort(-np.abs(flat[row]), kind="stable")[:5]
        parts = ", ".join(f"{self.names[j]} {flat[row, j]:+.3g}" for j in order)
        return (
            f"Row {row}: output {self.output[row]:.4g}, {self.baseline_output[row]:.4g} at the baseline; the "
            f"difference is made of {parts}{' ...' if flat.shape[1] > 5 else ''} (missing {self.gap[row]:.1g})."
        )


def integrated_gradients(
    model: nn.Module,
    X: Any,
    *,
    target: int | Sequence[int] | NDArray[np.int64] | None = None,
    baseline: Any = 0.0,
    steps: int = 64,
    names: Sequence[str] | None = None,
) -> Attribution:
    """Contributions of every feature of the rows X (n, ...) to the output column `target` of `model`.

    `target`: one column for all rows, one for each row, or None for a network with a single output. `baseline`: a
    number, one row, or one for each row; choose one that means "nothing there" (black, the mean). The integral uses
    `steps` Gauss-Legendre places, exact for smooth networks after a few dozen; each kink of a rectifier on the way
    costs accuracy of order 1 / steps, which `gap` shows.

    Raises:
        ArgumentError: the target is no column of the output, or `steps` below 1.
        ShapeError: the baseline does not fit X.
    """
    if steps < 1:
        raise ArgumentError(f"integrated_gradients: steps is {steps}, expected at least 1")
    own, rows = double_copy(model, training=False).requires_grad_(False), inputs_for(X)
    x = rows.numpy()
    try:
        start = np.broadcast_to(np.asarray(baseline, dtype=np.float64), x.shape)
    except ValueError:
        raise ShapeError(
            f"integrated_gradients: baseline has shape {np.shape(baseline)}, "
            f"expected a number, {x.shape[1:]} or {x.shape}"
        ) from None
    with no_grad():
        width = tuple(own(rows[:1]).shape)
    columns = _columns(target, width, len(x))
    output, baseline_output = (_picked(own, from_numpy(place.copy()), columns).numpy() for place in (x, start))
    places, weights = np.polynomial.legendre.leggauss(steps)
    mean = np.zeros_like(x)
    for t, weight in zip((places + 1) / 2, weights / 2, strict=True):
        at = from_numpy(start + t * (x - start)).requires_grad_()
        y = _picked(own, at, columns)
        (found,) = grad(y.sum(), [at], allow_unused=True) if y.requires_grad else (None,)
        if found is not None:
            mean += weight * found.numpy()
    named = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(int(np.prod(x.shape[1:]))))
    return Attribution((x - start) * mean, output, baseline_output, named)


def _columns(target: Any, width: tuple[int, ...], n: int) -> NDArray[np.int64]:
    """The output column of each row, checked."""
    if len(width) == 1 or (len(width) == 2 and width[1] == 1 and target is None):
        target = 0
    if len(width) > 2 or target is None:
        raise ArgumentError(
            f"integrated_gradients: the output has shape {(n, *width[1:])} and target is {target!r}",
            hint="name the output to explain: target=0, or one for each row",
        )
    columns = np.broadcast_to(np.asarray(target, dtype=np.int64), (n,)) if np.ndim(target) == 0 else np.asarray(target)
    outputs = width[1] if len(width) == 2 else 1
    if columns.shape != (n,) or columns.min() < 0 or columns.max() >= outputs:
        raise ArgumentError(
            f"integrated_gradients: target is {target!r}, expected a column from 0 to {outputs - 1}, or one a row"
        )
    return columns


def _picked(model: nn.Module, x: Tensor, columns: NDArray[np.int64]) -> Tensor:
    """The chosen output of each row (n,)."""
    y = model(x)
    picked: Tensor = y.reshape(len(columns), -1).gather(1, from_numpy(columns.copy()).reshape(-1, 1)).reshape(-1)
    return picked
