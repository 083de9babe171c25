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
from forwardnet.estimators import objective, parameters
from forwardnet.estimators.base import NOTHING_HELD, Array, NetworkEstimator
from forwardnet.estimators.classifier import has_epochs
from forwardnet.estimators.objective import Objective
from forwardnet.estimators.scaling import is_wild, measured, standard
from forwardnet.train import METRICS
from forwardnet.train.pairing import Pairing

LOSSES = ("squared_error", "poisson", "absolute_error", "huber", "quantile", "gaussian_nll")


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """Multilayer perceptron regressor: scikit-learn's, trained by native code, and more.

    X as for `MLPClassifier`, y has numbers (n,) or (n, k).

    Args:
        loss: "squared_error", "absolute_error", "huber"; "poisson" for counts, whose mean is e^output; "quantile" for
            several `quantiles` at once (`predict_quantiles`, `predict_interval`); "gaussian_nll" for a mean and a
            standard deviation of each target (`predict_std`, `predict_interval`).
        hidden_layer_sizes: units of each hidden layer.
        activation: of the hidden layers, one name for all or one for each: scikit-learn's, or any of `nn`.
        quantiles: those that "quantile" learns, each in (0, 1).
        delta: where Huber's loss becomes linear, in units of the target as it is learnt.

    All others are those of `Parameters`. A target of wild scale is standardised inside (`scale`), and the losses that
    are shown are in those units.

    Example:
        >>> network = MLPRegressor("quantile", quantiles=(0.05, 0.5, 0.95), random_state=0).fit(X, y)
        >>> low, high = network.predict_interval(X)
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
        self._clamps, self._range = False, (y.min(axis=0), y.max(axis=0))
        if self.preset is not None:
            self._target_scaling = standard(y, weight)
            return
        is_scaled = is_wild(y, weight) if self.scale == "auto" else self.scale
        can_be = self.loss != "poisson"  # the mean is e^output, which has a scale of its own
        self._target_scaling = measured(y, weight) if is_scaled and can_be else None

    def _check_preset(self) -> None:
        if self.loss != "squared_error":
            raise errors.ArgumentError(f"preset={self.preset!r} minimises the squared error, not loss={self.loss!r}")

    def _as_learnt(self, y: Array) -> Array:
        y = y if self._target_scaling is None else self._target_scaling.apply(y)
        return np.repeat(y, len(self.quantiles), axis=1) if self.loss == "quantile" else y

    def _outputs(self) -> int:
        each = {"quantile": len(self.quantiles), "gaussian_nll": 2}.get(self.loss, 1)
        return each * self._targets_per_row

    # Training

    def _objective(self, weights: Any) -> Objective:
        k, where = self._targets_per_row, type(self).__name__
        for level in self.quantiles:
            parameters.number(where, "quantiles", level, lambda v: 0 < v < 1, "numbers between 0 and 1")
        parameters.number(where, "delta", self.delta, lambda v: v > 0, "a number > 0")
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
        # What L-BFGS is shown has to be what it minimises.
        share = 1 / k if self.loss == "squared_error" and not self._is_lbfgs else 1.0
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
        return self._fit(X, y, sample_weight, NOTHING_HELD, partial=True)  # type: ignore[no-any-return]

    # Using

    def predict(self, X: Any) -> Array:
        """The predicted numbers (n,), or (n, k) where y had k columns.

        With `loss="quantile"` they are those of the quantile nearest to the median.
        """
        output, k = self._raw(X), self._targets_per_row
        if self.loss == "poisson":
            output = np.exp(output)
        elif self.loss == "gaussian_nll":
            output = output[:, :k]
        elif self.loss == "quantile":
            nearest = int(np.argmin(np.abs(np.asarray(self.quantiles) - 0.5)))
            output = self._ordered(output)[:, :, nearest]
        return self._shaped(self._in_units(output))

    def predict_std(self, X: Any) -> Array:
        """The standard deviation of each target, of the shape of `predict`; needs `loss="gaussian_nll"`."""
        self._needs("predict_std", "gaussian_nll")
        spread = self._raw(X)[:, self._targets_per_row :]
        found = np.sqrt(np.logaddexp(0, spread) + objective.LEAST_VARIANCE)
        return self._shaped(found if self._target_scaling is None else found * self._target_scaling.factor)

    def predict_quantiles(self, X: Any) -> Array:
        """All `quantiles`, ascending: (n, q), or (n, k, q) where y had k columns; needs `loss="quantile"`."""
        self._needs("predict_quantiles", "quantile")
        ordered = self._ordered(self._raw(X))
        found = np.stack([self._in_units(ordered[:, :, i]) for i in range(ordered.shape[2])], axis=2)
        return found if not self._is_flat else found[:, 0]

    def predict_interval(self, X: Any, level: float | None = None) -> tuple[Array, Array]:
        """The lower and the upper end of an interval for each target, each of the shape of `predict`.

        With `loss="quantile"` it lies between the least and the largest of `quantiles`; with "gaussian_nll" it holds
        the target with probability `level`, 0.9 if none is given. Both are as good as the network has learnt them.
        """
        if self.loss == "quantile":
            if level is not None:
                low, high = min(self.quantiles), max(self.quantiles)
                raise errors.ArgumentError(
                    f"predict_interval: level is {level!r}, but the quantiles {low:g} and {high:g} are what was learnt",
                    hint=f"leave level out: these hold {high - low:.0%}",
                )
            found = self.predict_quantiles(X)
            return found[..., 0], found[..., -1]
        self._needs("predict_interval", "gaussian_nll")
        from scipy.stats import norm

        parameters.number("predict_interval", "level", level or 0.9, lambda v: 0 < v < 1, "a number between 0 and 1")
        middle, reach = self.predict(X), norm.ppf(0.5 + (level or 0.9) / 2) * self.predict_std(X)
        return middle - reach, middle + reach

    def _needs(self, method: str, loss: str) -> None:
        if self.loss != loss:
            raise errors.ArgumentError(f"{method}: loss is {self.loss!r}, expected {loss!r}", hint=f"loss={loss!r}")

    def _ordered(self, output: Array) -> Array:
        """The outputs for several quantiles (n, k, q), ascending: what crosses is put in order."""
        return np.sort(output.reshape(len(output), self._targets_per_row, -1), axis=2)

    def _in_units(self, output: Array) -> Array:
        """Numbers (n, k) in the units of the data."""
        output = output if self._target_scaling is None else self._target_scaling.undo(output)
        return np.clip(output, *self._range) if self._clamps else output

    def _shaped(self, values: Array) -> Array:
        return values[:, 0] if self._is_flat else values
