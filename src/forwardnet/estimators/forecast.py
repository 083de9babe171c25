"""What a forecaster says: values to come, with an interval for each.

Axis glossary: H steps of the horizon, n origins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.series.dates import Frequency, date_text

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Forecast:
    """The next H `values` of a series; each lies between `low` and `high` with probability `level`.

    `low` and `high` are NaN where the series was too short to see how wrong its forecasts are.
    """

    name: str
    values: Array
    low: Array
    high: Array
    level: float
    dates: Array | None = None
    frequency: Frequency | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def labels(self) -> list[str]:
        """The date of each step, or its number from 1 on."""
        if self.dates is None:
            return [str(step) for step in range(1, len(self) + 1)]
        return [date_text(date, self.frequency) for date in self.dates]

    def to_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        columns = {"low": self.low, "high": self.high}
        return {
            "name": self.name,
            "level": self.level,
            "when": self.labels,
            "values": [float(v) for v in self.values],
            **{key: [float(v) if math.isfinite(v) else None for v in column] for key, column in columns.items()},
        }


def conformal(residuals: Array, level: float) -> Array:
    """(H,): half-widths of intervals that are to hold the truth with probability `level`, from errors r (n, H).

    Of n errors that could have come in any order, the next is within the k-th smallest |r|, k = ceil((n + 1) level),
    with probability `level` at least (Vovk, Gammerman & Shafer 2005). Forecasts of h steps from neighbouring origins
    share h - 1 of them, so for step h only m = n / h are counted: k = ceil((m + 1) level n / m). Where that is more
    than there are, the largest is taken, and `level` is not reached. NaN where there are none.
    """
    n, steps = residuals.shape
    if n == 0:
        return np.full(steps, np.nan)
    counted = np.maximum(n / np.arange(1, steps + 1), 1.0)
    k = np.minimum(np.ceil((counted + 1) * level * n / counted - 1e-9).astype(np.int64), n)
    return np.asarray(np.sort(np.abs(residuals), axis=0)[k - 1, np.arange(steps)])
