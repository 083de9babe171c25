"""Rolling origins: a series is forecast from one moment after another, each time from what was known then.

Beside a forecaster stand the forecasts that cost nothing,

    naive           y[t + h] = y[t]
    seasonal naive  y[t + h] = y[t + h - k s],    k = ceil(h / s), s steps in a season
    drift           y[t + h] = y[t] + h (y[t] - y[0]) / t

Axis glossary: T points in time, n origins, H steps of the horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.series import Series, as_series
from forwardnet.data.splits import bootstrap
from forwardnet.errors import ArgumentError, DataError, ShapeError, unknown_name

Array = NDArray[Any]

SAMPLES = 400  # bootstrap samples for an interval
METRICS = ("mae", "rmse", "mase", "smape")


class Guess(NamedTuple):
    """Forecasts (H,), and the ends of their intervals where they have any."""

    values: Array
    low: Array | None = None
    high: Array | None = None


# What a method learns from the past, and then says of a history.
Method = Callable[[Series], Callable[[Series], Guess]]


@dataclass(frozen=True, eq=False)
class Rolling:
    """Forecasts from n origins, of all methods, and the truth.

    `origins` (n,) are the last values that were known, `truth` and each of `guesses` (n, H). `scale` is what errors
    are divided by in MASE: the mean absolute error of the seasonal-naive forecast of one step before the first origin
    (Hyndman & Koehler 2006).
    """

    series: Series
    season: int
    level: float
    origins: Array
    truth: Array
    guesses: Mapping[str, Guess]
    scale: float
    n_fits: int
    fitted: Any = field(default=None, repr=False)  # the forecaster of the last fit

    @property
    def horizon(self) -> int:
        """Steps of a forecast."""
        return int(self.truth.shape[1])

    def scores(self, method: str) -> dict[str, float]:
        """MAE, RMSE, MASE and sMAPE (in percent) of all origins and steps."""
        errors, shares = self._errors(method)
        mae = float(np.abs(errors).mean())
        return {
            "mae": mae,
            "rmse": float(np.sqrt((errors**2).mean())),
            "mase": mae / self.scale if self.scale else float("nan"),
            "smape": 100 * float(shares.mean()),
        }

    def by_step(self, method: str) -> dict[str, Array]:
        """The same for each step of the horizon, (H,)."""
        errors, shares = self._errors(method)
        return {
            "mae": np.abs(errors).mean(axis=0),
            "rmse": np.sqrt((errors**2).mean(axis=0)),
            "mase": np.abs(errors).mean(axis=0) / self.scale if self.scale else np.full(self.horizon, np.nan),
            "smape": 100 * shares.mean(axis=0),
        }

    def coverage(self, method: str) -> Array | None:
        """(H,): the share of origins whose truth lay within the interval; None where the method has no intervals."""
        guess = self._guess(method)
        if guess.low is None or guess.high is None or np.isnan(guess.low).any():
            return None
        return np.asarray(((guess.low <= self.truth) & (self.truth <= guess.high)).mean(axis=0))

    def intervals(self, method: str, *, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """(low, high) of each score, by the bootstrap over blocks of H neighbouring origins (Künsch 1989).

        Neighbouring forecasts share most of their steps, so single origins would promise too much.
        """
        errors, shares = self._errors(method)
        # A mean over origins and steps is one over origins of means over steps.
        columns = np.stack([np.abs(errors).mean(axis=1), (errors**2).mean(axis=1), 100 * shares.mean(axis=1)], axis=1)
        mae, squares, smape = np.moveaxis(columns[self._samples].mean(axis=1), -1, 0)
        mase = mae / self.scale if self.scale else np.full(SAMPLES, np.nan)
        drawn = {"mae": mae, "rmse": np.sqrt(squares), "mase": mase, "smape": smape}
        return {name: _middle(drawn[name], level) for name in METRICS}

    def skill(self, method: str, over: str, *, level: float = 0.95) -> tuple[float, float, float]:
        """1 - MAE / MAE of the method `over`, with its interval from the same samples: above 0 is better."""
        own, other = (np.abs(self._errors(name)[0]).mean(axis=1) for name in (method, over))
        base = other[self._samples].mean(axis=1)
        drawn = 1 - own[self._samples].mean(axis=1) / np.where(base > 0, base, np.nan)
        value = 1 - float(own.mean() / other.mean()) if other.any() else float("nan")
        return value, *_middle(drawn, level)

    def summary(self) -> str:
        """The figures in words, one line for each method."""
        first, last = (self.series.label(int(self.origins[i])) for i in (0, -1))
        lines = [f"{len(self.origins)} origins from {first} to {last}, {self.horizon} steps each, {self.n_fits} fits"]
        for name in self.guesses:
            found = self.scores(name)
            low, high = self.intervals(name)["mae"]
            lines.append(
                f"{name}: MAE {found['mae']:.4g} (95 % interval {low:.4g} to {high:.4g}), RMSE {found['rmse']:.4g}, "
                f"MASE {found['mase']:.3g}, sMAPE {found['smape']:.3g} %"
            )
        return "\n".join(lines)

    def _guess(self, method: str) -> Guess:
        if method not in self.guesses:
            raise unknown_name("method", method, self.guesses)
        return self.guesses[method]

    def _errors(self, method: str) -> tuple[Array, Array]:
        """Truth less forecast, and 2 |error| / (|truth| + |forecast|), 0 where both are 0; (n, H)."""
        values = self._guess(method).values
        errors, size = self.truth - values, np.abs(self.truth) + np.abs(values)
        return errors, np.where(size > 0, 2 * np.abs(errors) / np.where(size > 0, size, 1), 0.0)

    @cached_property
    def _samples(self) -> Array:
        """(SAMPLES, n): origins, drawn in blocks with replacement."""
        n, block = len(self.origins), min(self.horizon, len(self.origins))
        wanted = -(-n // block)
        starts = [np.resize(bootstrap(n - block + 1, number=number), wanted) for number in range(SAMPLES)]
        return np.asarray((np.stack(starts)[:, :, None] + np.arange(block)).reshape(SAMPLES, -1)[:, :n])


def rolling_origin(
    forecaster: Any,
    y: Any,
    dates: Any = None,
    *,
    horizon: int,
    test: int,
    season: int = 1,
    step: int = 1,
    refits: int = 1,
    window: int | None = None,
    level: float = 0.9,
    others: Mapping[str, Method] | None = None,
) -> Rolling:
    """Forecast the last `test` values of a series again and again, each time from the values before an origin.

    The first origin is the value before them, the next ones `step` later. The forecaster (an object with `fit_series`
    and `forecast`, or None for the naive forecasts alone) is fitted at the first origin, on all values up to it or on
    the last `window` of them, and anew after each further part of `refits` parts; in between it is asked with a longer
    history. A method is handed nothing but the values up to its origin, so it cannot look ahead. `others` are methods
    by name beside the naive ones.

    Raises:
        ArgumentError, DataError: `test` is shorter than the horizon or leaves too little to learn from.
    """
    series = y if isinstance(y, Series) else as_series(y, dates)
    origins = _origins(series, horizon, test, step, season)
    every = max(1, -(-len(origins) // max(1, refits)))
    own = {} if forecaster is None else {"network": _learner(forecaster, horizon, level)}
    methods: dict[str, Method] = {**own, **naive_methods(horizon, season), **(others or {})}
    fitted: dict[str, Callable[[Series], Guess]] = {}
    found: dict[str, list[Guess]] = {name: [] for name in methods}
    for i, origin in enumerate(origins):
        known = series.head(int(origin) + 1)
        if i % every == 0:
            past = known if window is None else known.part(max(0, len(known) - window))
            fitted = {name: learn(past) for name, learn in methods.items()}
        for name, forecast in fitted.items():
            found[name].append(_checked(forecast(known), horizon, name))
    ahead = origins[:, None] + np.arange(1, horizon + 1)
    past_values = series.values[: origins[0] + 1]
    lag = season if season < len(past_values) else 1
    return Rolling(
        series=series,
        season=season,
        level=level,
        origins=origins,
        truth=series.values[ahead],
        guesses={name: _stacked(guesses) for name, guesses in found.items()},
        scale=float(np.abs(past_values[lag:] - past_values[:-lag]).mean()),
        n_fits=len(range(0, len(origins), every)),
        fitted=getattr(fitted.get("network"), "model", None),
    )


def naive_methods(horizon: int, season: int = 1) -> dict[str, Method]:
    """The forecasts that cost nothing, by name; the seasonal one where there is a season."""
    steps = np.arange(1, horizon + 1)

    def naive(past: Series) -> Callable[[Series], Guess]:
        return lambda known: Guess(np.full(horizon, known.values[-1]))

    def seasonal(past: Series) -> Callable[[Series], Guess]:
        return lambda known: Guess(known.values[len(known) - 1 + steps - season * -(-steps // season)])

    def drift(past: Series) -> Callable[[Series], Guess]:
        def forecast(known: Series) -> Guess:
            slope = (known.values[-1] - known.values[0]) / max(1, len(known) - 1)
            return Guess(known.values[-1] + slope * steps)

        return forecast

    return {"naive": naive, **({"seasonal naive": seasonal} if season > 1 else {}), "drift": drift}


class _Fitted:
    """A fitted forecaster as a function of the history."""

    def __init__(self, model: Any, horizon: int, level: float) -> None:
        self.model, self.horizon, self.level = model, horizon, level

    def __call__(self, known: Series) -> Guess:
        found = self.model.forecast(self.horizon, history=known, level=self.level)
        return Guess(found.values, found.low, found.high)


def _learner(forecaster: Any, horizon: int, level: float) -> Method:
    from sklearn.base import clone

    if not hasattr(forecaster, "fit_series") or not hasattr(forecaster, "forecast"):
        raise ArgumentError(
            f"rolling_origin: {type(forecaster).__name__} has no fit_series and forecast",
            hint="SequenceForecaster has; other methods are functions: others={'name': learn}",
        )
    return lambda past: _Fitted(clone(forecaster).fit_series(past), horizon, level)


def _origins(series: Series, horizon: int, test: int, step: int, season: int) -> Array:
    for name, value, least in (
        ("horizon", horizon, 1),
        ("test", test, horizon),
        ("step", step, 1),
        ("season", season, 1),
    ):
        if value < least:
            raise ArgumentError(f"rolling_origin: {name} is {value}, expected at least {least}")
    first = len(series) - test - 1
    if first < max(2, season):
        raise DataError(
            f"{series.name} has {len(series)} values: {test} to test on leave {max(0, first + 1)} to learn from, "
            f"expected at least {max(2, season) + 1}",
            hint="test on fewer",
        )
    return np.arange(first, len(series) - horizon, step)


def _checked(guess: Guess, horizon: int, name: str) -> Guess:
    values = np.asarray(guess.values, np.float64)
    if values.shape != (horizon,) or not np.isfinite(values).all():
        raise ShapeError(f"{name}: forecasts of shape {values.shape}, expected {horizon} finite numbers")
    return Guess(values, guess.low, guess.high)


def _stacked(guesses: list[Guess]) -> Guess:
    values = np.stack([guess.values for guess in guesses])
    if any(guess.low is None or guess.high is None for guess in guesses):
        return Guess(values)
    return Guess(values, np.stack([g.low for g in guesses]), np.stack([g.high for g in guesses]))  # type: ignore[misc]


def _middle(values: Array, level: float) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
