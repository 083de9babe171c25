"""How figures are written: shares as percent, other figures with four significant digits."""

from __future__ import annotations

import math

from forwardnet.report.content import Score

_HEADINGS = {
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
    "balanced_accuracy": "balanced accuracy",
    "classification_error": "error",
}
_LARGE = 1e9
_SHARES = frozenset({"accuracy", "balanced_accuracy", "classification_error"})


def number(value: float) -> str:
    """Four significant digits, or a whole number as it is: `50,830`, `0.4529`, `99,999`; powers of ten from 1e9."""
    if abs(value) < _LARGE and value == math.floor(value):
        return f"{value:,.0f}"
    return f"{float(f'{value:.4g}'):,.10g}" if abs(value) < _LARGE else f"{value:.4g}"


def score_text(name: str, value: float) -> str:
    """Shares as percent with two digits, other figures with four significant digits."""
    if not math.isfinite(value):
        return "not defined" if math.isnan(value) else str(value)
    return f"{100 * value:.2f} %" if name in _SHARES else number(value)


def interval_text(score: Score) -> str:
    """`97.1 to 98.9 %`, or nothing where no interval is known."""
    if score.low is None or score.high is None:
        return ""
    if score.name in _SHARES:
        return f"{100 * score.low:.1f} to {100 * score.high:.1f} %"
    return f"{number(score.low)} to {number(score.high)}"


def heading(name: str) -> str:
    """A score's name as people write it."""
    return _HEADINGS.get(name, name)
