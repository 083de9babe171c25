"""What the course of a fit says, measured, and which parameter to change: in place of "has not converged"."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.estimators.rows import Rows
from forwardnet.estimators.scaling import APART, is_wild
from forwardnet.estimators.stopping import NoProgress

# A loss that still falls by less than this share of itself per epoch has come to its end.
STILL = 1e-3
# A loss that has fallen by less than this share of itself has learnt next to nothing.
LITTLE = 0.02
# Epochs that end higher than the one before, by this share of the loss: more than a third of them are a sign.
RISE = 0.01
# A loss that at some time was so many times its first value was thrown there by steps that were too long.
OVERSHOT = 2.0
# Epochs after the best one, as a share of all, in which validation rows gained nothing.
LATE = 0.5


@dataclass(frozen=True)
class Finding:
    """One thing that was measured: `text` says what, `change` which parameters to set."""

    text: str
    change: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.change.items())
        return f"{self.text}: set {settings}" if settings else self.text


@dataclass(frozen=True)
class Diagnosis:
    """How a fit ended, and what was found; the most important first."""

    ending: str
    findings: tuple[Finding, ...] = ()

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        return "\n".join([self.ending, *(f"- {finding}" for finding in self.findings)])

    @property
    def change(self) -> dict[str, Any]:
        """All changes together, for `estimator.set_params(**change)`."""
        return {name: value for finding in reversed(self.findings) for name, value in finding.change.items()}


def diagnose(own: Any, rule: NoProgress, data: Rows) -> Diagnosis:
    """What the fit of an estimator says; `data` are the rows as the network took them."""
    curve = np.asarray(own.loss_curve_[-own.n_iter_ :] if own.n_iter_ else [], np.float64)
    if own._is_lbfgs:
        return Diagnosis(*_of_lbfgs(own, curve))
    stopped = own.history_.stopped
    count = len(curve)
    endings = {
        "no progress": f"Ended after {count} epochs: no gain above tol={own.tol:g} in {own.n_iter_no_change} in a row.",
        "interrupted": f"Interrupted after {count} epochs.",
        "callback": f"Ended after {count} epochs by a callback.",
    }
    ending = endings.get(stopped or "", f"Ended after all {count} epochs that were asked for.")
    if rule.restores and rule.best_epoch is not None:
        ending += f" The weights are those of epoch {_epoch(own, rule.best_epoch)}, the best on validation rows."
    findings = [*_scales(own, data), *_shape(own, curve), *_end(own, curve, stopped), *_validation(own, rule, curve)]
    return Diagnosis(ending, tuple(findings))


def _of_lbfgs(own: Any, curve: NDArray[np.float64]) -> tuple[str, tuple[Finding, ...]]:
    solver = own._trainer.optimizer
    told = f"{solver.n_iter} iterations and {solver.n_fun} looks at the loss"
    if solver.reason == "converged":
        return f"Ended after {told}: the loss no longer falls.", ()
    limit = getattr(own, solver.reason)
    fall = _fall_per_epoch(curve)
    text = f"the loss still fell by {fall:.1%} per iteration when {solver.reason}={limit} was reached"
    return f"Ended after {told}.", (Finding(text, {solver.reason: _more(limit)}),)


def _scales(own: Any, data: Rows) -> list[Finding]:
    """Features of very different sizes that were taken as they are."""
    if own._reader.encoder is not None or own._reader.scaling is not None or not is_wild(data.X):
        return []
    sizes = np.sqrt(np.square(data.X, dtype=np.float64).mean(axis=0))
    varies = data.X.max(axis=0) > data.X.min(axis=0)
    small, large = sizes[varies].min(), sizes[varies].max()
    ratio = f", {large / small:.0f} times apart" if small and large / small > APART else ""
    text = f"features have root mean squares from {small:.3g} to {large:.3g}{ratio}"
    return [Finding(text, {"scale": "auto"})]


def _shape(own: Any, curve: NDArray[np.float64]) -> list[Finding]:
    """A loss that rises or hardly falls."""
    if len(curve) < 3 or not np.isfinite(curve).all():
        return []
    rises = np.diff(curve) > RISE * np.abs(curve[:-1])
    fall = (curve[0] - curve.min()) / abs(curve[0]) if curve[0] else 0.0
    rate = own.learning_rate_init
    if curve[0] > 0 and curve.max() > OVERSHOT * curve[0]:
        text = f"the loss rose to {curve.max() / curve[0]:.3g} times its first value (learning_rate_init={rate:g})"
        return [Finding(text, {"learning_rate_init": _rounded(rate / 10)})]
    if rises.mean() > 1 / 3 or curve[-1] > curve[0]:
        text = f"the loss rose in {rises.mean():.0%} of the epochs (learning_rate_init={rate:g})"
        return [Finding(text, {"learning_rate_init": _rounded(rate / 3)})]
    if fall < LITTLE:
        text = f"the loss fell by only {fall:.2%}, from {curve[0]:.4g} to {curve.min():.4g}"
        return [Finding(text, {"learning_rate_init": _rounded(rate * 10)})]
    return []


def _end(own: Any, curve: NDArray[np.float64], stopped: str | None) -> list[Finding]:
    """A loss that still falls where the epochs end."""
    if stopped is not None or own.epochs is not None or len(curve) < 3:
        return []
    fall = _fall_per_epoch(curve)
    if fall < STILL:
        return []
    text = f"the training loss still falls by {fall:.1%} per epoch after {len(curve)} epochs"
    return [Finding(text, {"max_iter": _more(own.max_iter)})]


def _validation(own: Any, rule: NoProgress, curve: NDArray[np.float64]) -> list[Finding]:
    """Validation rows that gain nothing while the training rows do."""
    if not rule.restores or rule.best_epoch is None or len(curve) < 10:
        return []
    best = _epoch(own, rule.best_epoch)
    later, fall = len(curve) - best, 1 - curve[-1] / curve[best - 1] if curve[best - 1] else 0.0
    if later < LATE * len(curve) or fall < LITTLE:
        return []
    text = (
        f"validation rows gained nothing after epoch {best} of {len(curve)}, while the training loss fell by {fall:.0%}"
    )
    return [Finding(text, {"alpha": _rounded(max(own.alpha * 10, 1e-3))})]


def _fall_per_epoch(curve: NDArray[np.float64]) -> float:
    """The share of itself by which the loss falls in an epoch, over the last tenth of them (at least 2)."""
    tail = max(2, len(curve) // 10)
    if len(curve) <= tail or not curve[-tail - 1] > 0 or not curve[-1] > 0:
        return 0.0
    return float(1 - (curve[-1] / curve[-tail - 1]) ** (1 / tail))


def _epoch(own: Any, number: int) -> int:
    """The number of an epoch within its fit."""
    return number - int(own.history_["epoch"][0]) + 1


def _more(limit: int) -> int:
    return 3 * limit


def _rounded(value: float) -> float:
    """To one digit: what is written into a call."""
    return float(f"{value:.0e}") if value and math.isfinite(value) else value
