"""Probabilities that can be believed: one temperature for all log-odds (Guo et al. 2017).

Axis glossary: n rows, k outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Temperatures that are looked at, from the surest to the least sure.
LOWEST, HIGHEST = 0.05, 20.0


def temperature(logits: Array, y: Array, weight: Array | None = None) -> float:
    """The T for which logits / T make the targets most probable.

    `logits` (n, k) go with class indices (n,) through a softmax, with 0 and 1 (n, k) through sigmoids. The mean
    negative log-likelihood is convex in 1 / T, so that there is one minimum.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        return float(np.average(_losses(logits / np.exp(log_t), y), weights=weight))

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x)) if loss(found.x) < loss(0.0) else 1.0


def _losses(logits: Array, y: Array) -> Array:
    """-log p of each row's targets (n,)."""
    if y.ndim == 1:
        top = logits.max(axis=1)
        own = np.take_along_axis(logits, y[:, None].astype(np.int64), axis=1)[:, 0]
        return np.asarray(top + np.log(np.exp(logits - top[:, None]).sum(axis=1)) - own)
    return np.asarray((np.logaddexp(0, logits) - y * logits).sum(axis=1))
