"""MLPRegressor: a network that predicts numbers, behind scikit-learn's parameters and attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from forwardnet import errors
from forwardnet.estimators import objective
from forwardnet.estimators.base import Array, NetworkEstimator
from forwardnet.estimators.classifier import has_epochs
from forwardnet.estimators.objective import Objective
from forwardnet.estimators.scaling import Scaling, is_wild, measured
from forwardnet.train import METRICS
from forwardnet.train.pairing import Pairing

LOSSES = ("squared_error", "poisson", "absolute_error", "huber", "quantile", "gaussian_nll")


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """Multilayer perceptron regressor: scikit-learn's, trained by native code, and more.

    See `forwardnet.estimators` for what the parameters mean.
    """

    loss: str = "squared_error"
    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: str | Sequence[str] = "relu"
    _: KW_ONLY
    quantiles: Sequence[float] = (0.1, 0.5, 0.9)
    delta: float = 1.0

    # Targets

    def _targets(self, y: Any, *, first: bool, partial: bool) -> Array:
        """Numbers (n, k)."""
        y = np.asarray(y, np.float64)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if first:
            self._is_flat, self._targets_per_row = y.ndim == 1, 1 if y.ndim == 1 else y.shape[1]
        y = y.reshape(len(y), -1)
        if y.shape[1] != self._targets_per_row:
            raise errors.ShapeError(f"y has {y.shape[1]} columns, expected {self._targets_per_row} as at the first fit")
        if self.loss == "poisson" and (y < 0).any():
            row = int(np.argmax((y < 0).any(axis=1)))
            raise errors.DataError(
                f"y is {y[row].min():g} at row {row}, expected counts of 0 or more for loss='poisson'"
            )
        return np.asarray(y)

    def _prepare_targets(self, y: Array, weight: Array | None) -> None:
        is_scaled = is_wild(y, weight) if self.scale == "auto" else self.scale
        can_be = self.loss != "poisson"  # the mean is e^output, which has a scale of its own
        self._target_scaling: Scaling | None = measured(y, weight) if is_scaled and can_be else None

    def _as_learnt(self, y: Array) -> Array:
        y = y if self._target_scaling is None else self._target_scaling.apply(y)
        return np.repeat(y, len(self.quantiles), axis=1) if self.loss == "quantile" else y

    def _outputs(self) -> int:
        each = {"quantile": len(self.quantiles), "gaussian_nll": 2}.get(self.loss, 1)
        return each * self._targets_per_row

    # Training

    def _objective(self, weights: Any) -> Objective:
        k = self._targets_per_row
        known = {
            "squared_error": objective.squared_error,
            "absolute_error": objective.absolute_error,
            "poisson": objective.poisson,
            "gaussian_nll": objective.gaussian_nll,
            "huber": objective.huber(self.delta),
            "quantile": objective.quantile(self.quantiles, k),
        }
        if self.loss not in known:
            raise errors.unknown_name("loss", self.loss, known)
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        pairing = Pairing(self.loss, "custom" if self.loss == "gaussian_nll" else "values", "values")
        share = 1 / k if self.loss == "squared_error" else 1.0
        return Objective(known[self.loss], pairing, weights=weights, alpha=self.alpha, share=share)

    def _figure(self) -> tuple[str, Any, bool]:
        if self.monitor == "loss" or (self.monitor is None and self.loss in ("quantile", "gaussian_nll")):
            return "loss", None, False
        name = self.monitor or "r2"
        if name not in METRICS:
            raise errors.unknown_name("monitor", name, [*METRICS, "loss"])
        return name, name, METRICS[name].greater_is_better

    @available_if(has_epochs)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """One more epoch, on these rows."""
        return self._fit(X, y, sample_weight, (None, None, None), partial=True)  # type: ignore[no-any-return]

    # Using

    def predict(self, X: Any) -> Array:
        """The predicted numbers (n,), or (n, k) where y had k columns."""
        output = self._raw(X)
        k = self._targets_per_row
        if self.loss == "poisson":
            output = np.exp(output)
        elif self.loss == "gaussian_nll":
            output = output[:, :k]
        elif self.loss == "quantile":
            output = self._middle(output)
        if self._target_scaling is not None:
            output = self._target_scaling.undo(output)
        return output[:, 0] if k == 1 else output

    def _middle(self, output: Array) -> Array:
        """Of the outputs for several quantiles that nearest to the median."""
        nearest = int(np.argmin(np.abs(np.asarray(self.quantiles) - 0.5)))
        ordered = np.sort(output.reshape(len(output), self._targets_per_row, -1), axis=2)
        return np.asarray(ordered[:, :, nearest])
