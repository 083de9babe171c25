"""What a network can use of a date: its year, its place in the year, the week and the day, and the time gone by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY = 86400.0
FARTHEST = 1e14  # seconds from 1970, three million years: farther dates stand there

# A cycle of `period` steps becomes a point on a circle, so that its end lies next to its beginning. Sines come from a
# table: the bits do not depend on how many dates are asked for at once.
CYCLES = {"month": 12, "weekday": 7, "day of year": 366, "time of day": 1440}
PARTS = ("year", *(f"{cycle} {wave}" for cycle in CYCLES for wave in ("sin", "cos")), "days")
_CIRCLES = {
    name: np.stack([wave(2 * np.pi * np.arange(period) / period) for wave in (np.sin, np.cos)])
    for name, period in CYCLES.items()
}


def parts_of(seconds: Floats, origin: float) -> dict[str, Floats]:
    """The parts of dates, (n,) each, named as in PARTS; NaN where the date is.

    `seconds` (n,) since 1970-01-01 UTC. "year" is a number, "month", "weekday" (from Monday), "day of year" and "time
    of day" (in minutes) are sines and cosines, "days" is (seconds - origin) / 86400.
    """
    is_missing = np.isnan(seconds)
    clipped = np.clip(np.where(is_missing, 0.0, seconds), -FARTHEST, FARTHEST)
    days = np.floor(clipped / DAY)
    date = days.astype(np.int64).astype("datetime64[D]")
    year, month = date.astype("datetime64[Y]"), date.astype("datetime64[M]")
    steps = {
        "month": (month - year.astype("datetime64[M]")).astype(np.int64),
        "weekday": (days.astype(np.int64) + 3) % 7,  # 1970 began on a Thursday
        "day of year": (date - year.astype("datetime64[D]")).astype(np.int64),
        # A date just before midnight may round to midnight.
        "time of day": np.minimum((clipped - days * DAY) // 60, 1439).astype(np.int64),
    }
    parts = {"year": year.astype(np.int64) + 1970.0}
    for name, step in steps.items():
        sines, cosines = _CIRCLES[name]
        parts[f"{name} sin"], parts[f"{name} cos"] = sines[step], cosines[step]
    parts["days"] = (clipped - origin) / DAY
    return {name: np.where(is_missing, np.nan, part) for name, part in parts.items()}


def with_days_for_months(seconds: Floats) -> Floats | None:
    """Dates in which day and month have changed places; None where a day is beyond the twelfth, so that none can be."""
    present = ~np.isnan(seconds)
    days = np.floor(seconds[present] / DAY)
    date = days.astype(np.int64).astype("datetime64[D]")
    year, month = date.astype("datetime64[Y]"), date.astype("datetime64[M]")
    day = (date - month.astype("datetime64[D]")).astype(np.int64)
    if (day > 11).any():
        return None
    turned = year.astype("datetime64[M]") + day.astype("timedelta64[M]")
    turned_date = turned.astype("datetime64[D]") + (month - year.astype("datetime64[M]")).astype(np.int64)
    found = np.array(seconds)
    found[present] += (turned_date - date).astype(np.int64) * DAY
    return found
