"""What the calendar says of a date, as points on circles: December lies beside January.

Axis glossary: T points in time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.series.dates import DAY, Dates, Frequency
from forwardnet.errors import unknown_name

YEAR_DAYS = 365.2425
# Name -> how many turns of the circle are told apart: 2 is a wave of half the length beside the whole one.
FEATURES = {"year": 2, "month": 2, "week": 3, "day": 2}


def calendar_features(dates: Dates, names: Sequence[str]) -> NDArray[np.float64]:
    """sin(2 pi j p) and cos(2 pi j p), j = 1 .. `FEATURES[name]`, of the position p in [0, 1) within each cycle.

    `year`: day of the year; `month`: which of the twelve months; `week`: weekday and time, from Monday; `day`: time of
    the day. (T, two for each j), the names in their order.
    """
    columns = []
    for name in names:
        if name not in FEATURES:
            raise unknown_name("calendar feature", name, FEATURES)
        turn = 2 * np.pi * _position(dates, name)
        for j in range(1, FEATURES[name] + 1):
            columns += [np.sin(j * turn), np.cos(j * turn)]
    return np.stack(columns, axis=1) if columns else np.empty((len(dates), 0))


def usual_features(frequency: Frequency) -> tuple[str, ...]:
    """The cycles that a series of this frequency can follow and its dates can tell apart."""
    if frequency.unit == "months":
        return ("month",) if frequency.step < 12 else ()
    if frequency.unit == "weekdays" or frequency.step == DAY:
        return ("year", "week")
    return ("year",) if frequency.step > DAY else ("year", "week", "day")


def _position(dates: Dates, name: str) -> NDArray[np.float64]:
    seconds = dates.astype("datetime64[s]").astype(np.int64)
    if name == "day":
        return np.asarray((seconds % DAY) / DAY)
    if name == "week":
        return np.asarray(((seconds / DAY + 3) % 7) / 7)  # 1970-01-01 was a Thursday
    if name == "month":
        return np.asarray((dates.astype("datetime64[M]").astype(np.int64) % 12) / 12)
    start = dates.astype("datetime64[Y]").astype("datetime64[s]").astype(np.int64)
    return np.asarray((seconds - start) / DAY / YEAR_DAYS)
