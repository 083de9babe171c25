"""Dates of a series: their frequency, where they have gaps, and the dates that follow.

Axis glossary: T points in time, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import DataError, ShapeError

Dates = NDArray[Any]  # datetime64[s]
HOUR, DAY, WEEK = 3600, 86_400, 604_800
_NAMES = {
    ("months", 1): "monthly",
    ("months", 3): "quarterly",
    ("months", 12): "yearly",
    ("seconds", HOUR): "hourly",
    ("seconds", DAY): "daily",
    ("seconds", WEEK): "weekly",
    ("weekdays", 1): "daily, Monday to Friday",
}
_SEASONS = {
    "hourly": (24, 168),
    "daily": (7, 365),
    "daily, Monday to Friday": (5, 261),
    "weekly": (52,),
    "monthly": (12,),
    "quarterly": (4,),
    "yearly": (),
}
_UNITS = ((WEEK, "weeks"), (DAY, "days"), (HOUR, "hours"), (60, "minutes"), (1, "seconds"))


@dataclass(frozen=True)
class Frequency:
    """Dates `step` units apart: calendar months, seconds, or days from Monday to Friday.

    `day` is the day of the month on which the dates of a monthly series fall, 31 for the last one.
    """

    unit: str  # "months", "seconds", "weekdays"
    step: int
    day: int = 1

    @property
    def name(self) -> str:
        """`monthly`, `daily`, ..., or `every 15 minutes`."""
        known = _NAMES.get((self.unit, self.step))
        if known is not None:
            return known
        if self.unit != "seconds":
            return f"every {self.step} {self.unit}"
        size, word = next((size, word) for size, word in _UNITS if self.step % size == 0)
        return f"every {self.step // size} {word}"

    @property
    def seasons(self) -> tuple[int, ...]:
        """Steps in the cycles that such series can have: day, week, year; the shortest first."""
        known = _SEASONS.get(self.name)
        if known is not None:
            return known
        if self.unit == "seconds":
            return tuple(span // self.step for span in (DAY, WEEK) if span % self.step == 0 and span >= 2 * self.step)
        return (12 // self.step,) if self.unit == "months" and 12 % self.step == 0 else ()

    def positions(self, dates: Dates) -> NDArray[np.int64]:
        """(T,): how many steps each date lies after the first; without gaps 0, 1, 2, ...

        Raises:
            DataError: a date is not a whole number of steps after the first.
        """
        units = _units(dates, self.unit)
        steps, rest = np.divmod(units - units[0], self.step)
        if rest.any() or (self.unit != "seconds" and not _is_on_grid(dates, self)):
            row = int(np.argmax(rest != 0))
            raise DataError(f"dates: {_text(dates[row])} in row {row} does not fit a {self.name} series")
        return np.asarray(steps, np.int64)

    def after(self, last: np.datetime64, n: int) -> Dates:
        """The `n` dates that follow `last`."""
        steps = self.step * np.arange(1, n + 1)
        last = last.astype("datetime64[s]")
        if self.unit == "seconds":
            return np.asarray(last + steps.astype("timedelta64[s]"), "datetime64[s]")
        time_of_day = last - last.astype("datetime64[D]")
        if self.unit == "weekdays":
            days = np.busday_offset(last.astype("datetime64[D]"), steps, roll="forward")
            return np.asarray(days + time_of_day, "datetime64[s]")
        months = last.astype("datetime64[M]") + steps.astype("timedelta64[M]")
        length = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
        day = np.minimum(self.day, length) - 1
        return np.asarray(months.astype("datetime64[D]") + day.astype("timedelta64[D]") + time_of_day, "datetime64[s]")


def check_dates(dates: Any, n: int | None = None) -> Dates:
    """Dates as datetime64[s] (T,), ascending and each once.

    Raises:
        DataError: a date is missing, comes twice or before the one in the row above; the rows are named from 0.
        ShapeError: there are not `n` of them.
    """
    try:
        found = np.asarray(dates).astype("datetime64[s]")
    except (ValueError, TypeError) as error:
        raise DataError(f"dates cannot be read: {error}", hint="write them as 2024-01-31") from None
    if found.ndim != 1 or (n is not None and len(found) != n):
        raise ShapeError(f"dates have shape {found.shape}, expected ({'values' if n is None else n},)")
    if np.isnat(found).any():
        raise DataError(f"dates: row {int(np.argmax(np.isnat(found)))} has none")
    order = np.argsort(found, kind="stable")
    same = np.flatnonzero(np.diff(found[order]) == np.timedelta64(0, "s"))
    if same.size:
        first, second = sorted(int(i) for i in order[same[0] : same[0] + 2])
        others = f" ({same.size} such dates in all)" if same.size > 1 else ""
        raise DataError(
            f"dates: {_text(found[first])} stands in row {first} and again in row {second}{others}, "
            "expected one row for each date",
            hint="if the table holds several series, name the column that says which (--series)",
        )
    falling = np.flatnonzero(np.diff(found) < np.timedelta64(0, "s"))
    if falling.size:
        row = int(falling[0]) + 1
        raise DataError(f"dates: {_text(found[row])} in row {row} comes after a later date", hint="sort the rows")
    return found


def detect_frequency(dates: Dates) -> Frequency:
    """The frequency of ascending dates (T,), of which some may be missing.

    Months are found where all dates fall on one day of the month or on its last, weekdays where none is a Saturday or
    Sunday; else the most common distance is the step.

    Raises:
        DataError: there are fewer than three dates, or one is not a whole number of steps after the one before.
    """
    if len(dates) < 3:
        found = "one date is" if len(dates) == 1 else f"{len(dates)} dates are"
        raise DataError(f"{found} too few to see how far apart they are, expected at least 3")
    monthly = _months(dates)
    if monthly is not None:
        return monthly
    seconds: NDArray[np.int64] = np.diff(_units(dates, "seconds"))
    sizes, counts = np.unique(seconds, return_counts=True)
    step = int(sizes[np.argmax(counts)])
    days = dates.astype("datetime64[D]")
    same_time = np.unique(dates - days).size == 1
    if step == DAY and same_time and np.is_busday(days).all() and (seconds == 3 * DAY).sum() >= len(dates) // 10:
        return Frequency("weekdays", 1)
    frequency = Frequency("seconds", step)
    odd = np.flatnonzero(seconds % step)
    if odd.size:
        row = int(odd[0])
        others = f" ({odd.size} such steps in all)" if odd.size > 1 else ""
        raise DataError(
            f"dates: irregular: from {_text(dates[row])} in row {row} to {_text(dates[row + 1])} in row {row + 1}, "
            f"while most are {frequency.name}{others}",
            hint="give one row for each hour, day, week, month, quarter or year",
        )
    return frequency


def gaps(dates: Dates, frequency: Frequency) -> Dates:
    """The dates that are missing between the first and the last."""
    positions = frequency.positions(dates)
    if positions[-1] + 1 == len(dates):
        return dates[:0]
    every = np.concatenate([dates[:1], frequency.after(dates[0], int(positions[-1]))])
    return np.asarray(np.delete(every, positions))


def date_text(date: np.datetime64, frequency: Frequency | None = None) -> str:
    """`2024`, `2024-01`, `2024-01-31` or `2024-01-31 15:00`, by the frequency."""
    if frequency is not None and frequency.name == "yearly" and date == date.astype("datetime64[Y]"):
        return str(date.astype("datetime64[Y]"))
    if frequency is not None and frequency.unit == "months" and frequency.day == 1:
        return str(date.astype("datetime64[M]"))
    return _text(date)


def _text(date: Any) -> str:
    text = str(np.asarray(date, "datetime64[s]"))
    return text.removesuffix("T00:00:00").replace("T", " ").removesuffix(":00")


def _months(dates: Dates) -> Frequency | None:
    """The frequency in months; None where days of the month differ, or dates are nearer together."""
    months, days = dates.astype("datetime64[M]"), dates.astype("datetime64[D]")
    day = (days - months).astype(np.int64) + 1
    apart: NDArray[np.int64] = np.diff(_units(dates, "months"))
    if (apart < 1).any() or np.unique(dates - days).size > 1:
        return None
    sizes, counts = np.unique(apart, return_counts=True)
    step = int(sizes[np.argmax(counts)])
    frequency = Frequency("months", step, int(day.max()))
    return frequency if not (apart % step).any() and _is_on_grid(dates, frequency) else None


def _is_on_grid(dates: Dates, frequency: Frequency) -> bool:
    """Whether days of the month, or of the week, are those of the frequency."""
    days = dates.astype("datetime64[D]")
    if frequency.unit == "weekdays":
        return bool(np.is_busday(days).all())
    months = dates.astype("datetime64[M]")
    length = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    day = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    return bool((day == np.minimum(frequency.day, length)).all())


def _units(dates: Dates, unit: str) -> NDArray[np.int64]:
    if unit == "months":
        return np.asarray(dates.astype("datetime64[M]").astype(np.int64))
    if unit == "weekdays":
        days = dates.astype("datetime64[D]")
        return np.asarray(np.busday_count(days[0], days), np.int64)
    return np.asarray(dates.astype("datetime64[s]").astype(np.int64))
