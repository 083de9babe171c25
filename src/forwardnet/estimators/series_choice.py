"""What is decided about series before their networks are trained, each decision with its reason in words.

The candidates (differences or not, windows, calendar) are compared by the rolling-origin error of their linear
forecasts, which cost next to nothing and are where the networks start.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.scaling import Standardizer
from forwardnet.data.series import Framing, Series, detect_season, log_helps
from forwardnet.data.series.calendar import usual_features
from forwardnet.errors import DataError
from forwardnet.estimators.series_rows import Level, Rows, Split, View, make_rows, rolling_splits

Array = NDArray[Any]

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
USUAL_PENALTY = 1e-1
WINDOWS = (8, 16, 32)
# A season up to this length is itself a window and a horizon.
SHORT = 60
USUAL_HORIZONS = {"hourly": 24, "daily": 14, "daily, Monday to Friday": 10, "weekly": 13, "yearly": 5}
OTHER_HORIZON = 10
CYCLE_SECONDS = {"year": 366 * 86_400, "month": 366 * 86_400, "week": 7 * 86_400, "day": 86_400}


@dataclass(frozen=True)
class Wishes:
    """What a user has fixed; None is to be decided."""

    window: int | None = None
    horizon: int | None = None
    season: int | None = None
    log: bool | None = None
    difference: bool | None = None
    seasonal_difference: bool | None = None
    calendar: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Choice:
    """The decisions, and their reasons in words."""

    view: View
    levels: tuple[Level, ...]
    penalty: float
    notes: tuple[str, ...]


def choose(many: Sequence[Series], known: Sequence[Array | None], wishes: Wishes) -> Choice:
    """Season, logarithm, horizon, and of the views of the series the one whose linear forecasts err least.

    Raises:
        DataError: the series are too short for any window and the horizon.
    """
    longest = max(many, key=len)
    season, why_season = _season(longest, wishes.season)
    is_log, why_log = _log(many, season, wishes.log)
    horizon = wishes.horizon or usual_horizon(longest, season)
    levels = tuple(Level.of(series.values, is_log=is_log) for series in many)
    views = [v for v in _views(longest, season, horizon, wishes) if v.framing.reach + horizon < len(longest)]
    if not views:
        smallest = min((v.framing.reach for v in _views(longest, season, horizon, wishes)), default=0)
        raise DataError(
            f"{longest.name} has {len(longest)} values, expected at least {smallest + horizon + 1} for a forecast of "
            f"{horizon} steps",
            hint="ask for a shorter horizon or window",
        )
    view, penalty, why_view = _best(views, many, levels, known)
    return Choice(view, levels, penalty, (why_season, why_log, why_view))


def best_penalty(rows: Rows, splits: Sequence[Split]) -> tuple[float, float]:
    """The ridge penalty with the least mean absolute error over the splits, and that error."""
    if not splits:
        return USUAL_PENALTY, float("inf")
    total = np.zeros(len(PENALTIES))
    count = 0
    for learnt, asked in splits:
        scaler = Standardizer().fit(rows.X[learnt])
        A, Z = (scaler.transform(rows.X[part]).astype(np.float64) for part in (learnt, asked))
        Y = rows.Y[learnt]
        # One decomposition serves all penalties.
        roots, basis = np.linalg.eigh(A.T @ A / len(A))
        right = basis.T @ (A.T @ (Y - Y.mean(axis=0)) / len(A))
        turned = Z @ basis
        for i, penalty in enumerate(PENALTIES):
            guess = turned @ (right / (np.maximum(roots, 0) + penalty)[:, None]) + Y.mean(axis=0)
            total[i] += np.abs(guess - rows.Y[asked]).sum()
        count += rows.Y[asked].size
    best = int(np.argmin(total))
    return PENALTIES[best], float(total[best] / count)


def _season(series: Series, wish: int | None) -> tuple[int, str]:
    if wish is not None:
        return wish, f"season of {wish} steps, as asked" if wish > 1 else "no season, as asked"
    return detect_season(series.values, None if series.frequency is None else series.frequency.seasons)


def _log(many: Sequence[Series], season: int, wish: bool | None) -> tuple[bool, str]:
    if wish is not None:
        return wish, f"{'logarithms' if wish else 'no logarithm'}, as asked"
    found = [log_helps(series.values, season if season > 1 else 10) for series in many]
    # One network for all: a logarithm only where every series has one, and most gain from it.
    if all((series.values > 0).all() for series in many) and 2 * sum(helps for helps, _ in found) > len(many):
        return next(pair for pair in found if pair[0])
    return next(
        ((False, why) for helps, why in found if not helps), (False, "no logarithm: some values are not above 0")
    )


def usual_horizon(series: Series, season: int) -> int:
    """How many steps are forecast where nobody says: a short season, or what suits the frequency."""
    name = "" if series.frequency is None else series.frequency.name
    usual = season if 1 < season <= SHORT else USUAL_HORIZONS.get(name, OTHER_HORIZON)
    return max(1, min(usual, len(series) // 8))


def _views(series: Series, season: int, horizon: int, wishes: Wishes) -> list[View]:
    """Every combination of what is not fixed."""
    most = max(2, len(series) // 6)
    own = (*WINDOWS, season, season + 1) if 1 < season <= SHORT else WINDOWS
    windows = [wishes.window] if wishes.window else sorted({min(w, most) for w in own})
    differences = [False, True] if wishes.difference is None else [wishes.difference]
    seasonal = (
        [False, True] if wishes.seasonal_difference is None and season > 1 else [bool(wishes.seasonal_difference)]
    )
    calendars = _calendars(series) if wishes.calendar is None else [wishes.calendar]
    return [
        View(Framing(w, horizon, season, d, s), c)
        for w, d, s, c in itertools.product(windows, differences, seasonal, calendars)
        if not (d and w < 2)
    ]


def _calendars(series: Series) -> list[tuple[str, ...]]:
    """No calendar, and the cycles that the series has seen twice."""
    if series.dates is None or series.frequency is None:
        return [()]
    span = float((series.dates[-1] - series.dates[0]) / np.timedelta64(1, "s"))
    seen = tuple(name for name in usual_features(series.frequency) if span >= 2 * CYCLE_SECONDS[name])
    return [(), seen] if seen else [()]


def _best(
    views: Sequence[View], many: Sequence[Series], levels: Sequence[Level], known: Sequence[Array | None]
) -> tuple[View, float, str]:
    """The view with the least error of linear forecasts on the same origins, its penalty, and the reason."""
    horizon = views[0].framing.horizon
    views = _comparable(views, [len(series) for series in many], horizon)
    reach = max(view.framing.reach for view in views)
    errors = []
    for view in views:
        rows = make_rows(view, many, levels, known, reach=reach)
        errors.append(best_penalty(rows, rolling_splits(rows.groups, horizon)))
    best = min(range(len(views)), key=lambda i: errors[i][1])
    view, (penalty, error) = views[best], errors[best]
    calendar = f" and the calendar ({', '.join(view.calendar)})" if view.calendar else ""
    tried = f": least error of {len(views)} ways to see the series" if len(views) > 1 and np.isfinite(error) else ""
    why = f"forecasts {view.framing.name} from the last {view.framing.window} values{calendar}{tried}"
    return view, penalty, why


def _comparable(views: Sequence[View], lengths: Sequence[int], horizon: int) -> Sequence[View]:
    """Views that leave origins enough to be compared; of series too short for that, the one that is usually safe."""
    for reach in sorted({view.framing.reach for view in views}, reverse=True):
        within = [view for view in views if view.framing.reach <= reach]
        if rolling_splits([np.arange(max(0, n - reach - horizon + 1)) for n in lengths], horizon):
            return within
    least = sorted(views, key=lambda v: (not v.framing.is_seasonal, v.framing.is_difference == v.framing.is_seasonal))
    return least[:1]
