"""One series: values in the order of time, their dates where known, and what was found out about them.

Axis glossary: T points in time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.checks import check_features
from forwardnet.data.series.dates import Dates, Frequency, check_dates, date_text, detect_frequency, gaps
from forwardnet.errors import DataError, unknown_name

# What to do where values or dates are missing.
MISSING = ("refuse", "interpolate")
# A share of missing dates up to this is closed: the rows are taken as consecutive, and it is said. It is what leap
# days left out of a daily series make.
FEW = 0.01
_INTERPOLATE = 'have them put on straight lines: missing="interpolate", or --missing interpolate'
# Larger values have squares whose sum no float64 can hold.
LARGEST = 1e140


@dataclass(frozen=True, eq=False)
class Series:
    """T finite float64 `values`, one step of `frequency` apart. `notes` say what was found and done."""

    name: str
    values: NDArray[np.float64]
    dates: Dates | None = None  # datetime64[s] (T,)
    frequency: Frequency | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        """One line: name, length and frequency."""
        kind = "" if self.frequency is None else f", {self.frequency.name}"
        return f"Series({self.name!r}, {len(self)} values{kind})"

    def head(self, n: int) -> Series:
        """The first `n` values."""
        return self.part(0, n)

    def part(self, start: int, stop: int | None = None) -> Series:
        """The values from `start` up to, and not with, `stop`."""
        dates = None if self.dates is None else self.dates[start:stop]
        return replace(self, values=self.values[start:stop], dates=dates)

    def following(self, n: int) -> Dates | None:
        """The `n` dates after the last."""
        if self.dates is None or self.frequency is None:
            return None
        return self.frequency.after(self.dates[-1], n)

    def label(self, index: int) -> str:
        """The date of a value, or its number where there are no dates."""
        return f"row {index}" if self.dates is None else date_text(self.dates[index], self.frequency)


def as_series(y: Any, dates: Any = None, *, name: str = "y", missing: str = "refuse") -> Series:
    """Values (T,), NaN where missing, and their dates (T,) as a checked series.

    Raises:
        DataError: values are missing and not to be interpolated, infinite or none; dates are irregular or come twice.
    """
    if missing not in MISSING:
        raise unknown_name("treatment of missing values", missing, MISSING)
    values = np.asarray(y)
    if values.dtype.kind in "fiub" and values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    holes = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, np.bool_)
    checked = check_features(np.where(holes, 0, values) if holes.any() else values, where=name, ndim=1, dtype=float)
    if np.abs(checked).max() > LARGEST:
        row = int(np.argmax(np.abs(checked)))
        raise DataError(f"{name}: {checked[row]:g} in row {row} is too large", hint="divide the values, by 1e6 or so")
    values = np.where(holes, np.nan, checked)
    if dates is None:
        return _filled(Series(name, values), missing)
    when = check_dates(dates, len(values))
    frequency = detect_frequency(when)
    series = Series(name, values, when, frequency, (f"{name}: {frequency.name}",))
    return _filled(_without_gaps(series, missing), missing)


def interpolated(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (T,) with each NaN on the straight line between its neighbours; at the ends the nearest value."""
    known = ~np.isnan(values)
    if not known.any():
        raise DataError("there is no value to interpolate between")
    places = np.arange(len(values))
    return np.interp(places, places[known], values[known])


def _without_gaps(series: Series, missing: str) -> Series:
    """Dates without gaps: missing ones get rows of NaN to be interpolated, or few are passed over."""
    assert series.dates is not None and series.frequency is not None
    absent = gaps(series.dates, series.frequency)
    if not absent.size:
        return series
    named = ", ".join(date_text(d, series.frequency) for d in absent[:3])
    listed = f"{named} and {absent.size - 3} more" if absent.size > 3 else named
    what = (
        f"{absent.size} date{'s' if absent.size > 1 else ''} missing from the {series.frequency.name} series ({listed})"
    )
    if missing == "interpolate":
        positions = series.frequency.positions(series.dates)
        values = np.full(positions[-1] + 1, np.nan)
        values[positions] = series.values
        every = np.concatenate([series.dates[:1], series.frequency.after(series.dates[0], int(positions[-1]))])
        return replace(series, values=values, dates=every, notes=(*series.notes, f"{series.name}: {what}"))
    if absent.size > FEW * len(series):
        raise DataError(f"{series.name}: {what}", hint=f"add the rows, or {_INTERPOLATE}")
    note = f"{series.name}: {what}; the rows are taken as consecutive"
    return replace(series, notes=(*series.notes, note))


def _filled(series: Series, missing: str) -> Series:
    holes = np.flatnonzero(np.isnan(series.values))
    if not holes.size:
        return series
    named = ", ".join(series.label(int(i)) for i in holes[:3])
    listed = f"{named} and {holes.size - 3} more" if holes.size > 3 else named
    what = f"{holes.size} missing value{'s' if holes.size > 1 else ''} ({listed})"
    if missing == "refuse":
        raise DataError(
            f"{series.name}: {what}, expected a value for each date",
            hint=f"fill them in, or {_INTERPOLATE}",
        )
    note = f"{series.name}: {what} interpolated on straight lines"
    return replace(series, values=interpolated(series.values), notes=(*series.notes, note))
