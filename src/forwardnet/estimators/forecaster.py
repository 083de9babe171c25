"""`SequenceForecaster`: networks that continue series, with intervals from forecasts whose truth is known.

Axis glossary: T points in time, n rows, m window, H horizon, e columns of what is known ahead.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from forwardnet.data.checks import check_features
from forwardnet.data.series import Series, as_series
from forwardnet.data.series.calendar import FEATURES
from forwardnet.errors import ArgumentError, DataError, ShapeError, unknown_name
from forwardnet.estimators.forecast import Forecast, conformal
from forwardnet.estimators.series_choice import Wishes, best_penalty, choose
from forwardnet.estimators.series_network import Fitted, Recipe, train
from forwardnet.estimators.series_rows import Level, Rows, View, make_rows, rolling_splits
from forwardnet.nn import ACTIVATIONS

Array = NDArray[Any]

USUAL_EPOCHS = 20  # where the rows are too few to try


class SequenceForecaster(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Networks that read the last values of a series and say the next `horizon` at once.

    `fit_series(y, dates)` takes one series or many, decides what is None here and says so in `notes_`;
    `forecast()` continues them, with intervals. `fit(X, y)` and `predict(X)` are scikit-learn's: rows of X (n, m) are
    windows of past values in the order of time, y (n,) or (n, H) what followed.

    A network starts as the ridge regression on its inputs and learns what that misses; for how many epochs is decided
    by rolling-origin forecasts within the data, whose errors also make the intervals. `members` networks from
    different first weights are averaged.

    Args:
        window: m, past values that are inputs.
        horizon: H, steps of a forecast.
        season: steps in a cycle; 1 for none.
        log: whether to learn from logarithms.
        difference: whether to forecast changes since the last value.
        seasonal_difference: whether to forecast changes since the same point of the cycle before.
        calendar: which of "year", "month", "week", "day" are inputs; () for none.
        hidden, activation: units of the hidden layer, and their activation.
        members: networks in the ensemble.
        max_epochs: the most epochs that are tried.
        lr, weight_decay, batch_size: of AdamW; a batch of None is chosen by the number of rows.
        missing: "refuse" values that are missing, or "interpolate" them on straight lines.
        random_state: seed of first weights and of the order of rows; None is 0.
        threads, compile: as for `Trainer`.

    Attributes:
        notes_: what was decided and why, in words.
        n_epochs_: epochs of each network; 0 where the linear forecast was best.
        residuals_: (origins, H) errors of the rolling-origin forecasts, in units of the scaled values.

    Example:
        >>> model = SequenceForecaster(horizon=12).fit_series(y, dates)
        >>> model.forecast(level=0.9).high
    """

    ensemble_: Fitted
    view_: View | None  # how series become rows; None after `fit`
    levels_: tuple[Level, ...]
    series_: list[Series]  # the last values, as many as a forecast needs
    notes_: list[str]
    residuals_: Array
    n_epochs_: int
    n_known_: int
    is_many_: bool
    is_flat_: bool

    def __init__(
        self,
        window: int | None = None,
        horizon: int | None = None,
        *,
        season: int | None = None,
        log: bool | None = None,
        difference: bool | None = None,
        seasonal_difference: bool | None = None,
        calendar: Sequence[str] | None = None,
        hidden: int = 32,
        activation: str = "tanh",
        members: int = 4,
        max_epochs: int = 160,
        lr: float = 2e-3,
        weight_decay: float = 1e-2,
        batch_size: int | None = None,
        missing: str = "refuse",
        random_state: int | None = 0,
        threads: int | None = None,
        compile: bool = True,
    ) -> None:
        self.window = window
        self.horizon = horizon
        self.season = season
        self.log = log
        self.difference = difference
        self.seasonal_difference = seasonal_difference
        self.calendar = calendar
        self.hidden = hidden
        self.activation = activation
        self.members = members
        self.max_epochs = max_epochs
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.missing = missing
        self.random_state = random_state
        self.threads = threads
        self.compile = compile

    # -- scikit-learn's face ------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from windows X (n, m), in the order of time, and what followed them, y (n,) or (n, H)."""
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        self._check()
        targets = np.asarray(y, np.float64)
        Y = targets.reshape(len(X), -1)
        rows = Rows(X, Y, (np.arange(len(X)),))
        self._forget()
        self._train(rows, rolling_splits(rows.groups, Y.shape[1]))
        self.is_flat_ = targets.ndim == 1
        return self

    def predict(self, X: Any) -> Array:
        """What follows windows X (n, m): (n,) or (n, H), as the y of `fit`."""
        check_is_fitted(self, "ensemble_")
        if self.view_ is not None:
            raise ArgumentError(
                "SequenceForecaster.predict takes windows and this forecaster was fitted to series",
                hint="forecast(history=values) says how a series goes on",
            )
        X = validate_data(self, X, dtype=np.float64, reset=False)
        found = self.ensemble_.predict(X)
        return np.asarray(found[:, 0] if self.is_flat_ else found)

    # -- series -------------------------------------------------------------------------------------------

    def fit_series(self, y: Any, dates: Any = None, *, X: Any = None) -> Self:
        """Learn from one series, or from a list of them, with their dates.

        `y` (T,) are values one step apart, or a `data.series.Series`; `X` (T, e) is what is known ahead of time at each
        of them (prices, holidays), and then has to be given for the steps to be forecast. For a list of series `dates`
        and `X` are lists, or None.

        Raises:
            DataError: values are missing, dates irregular, or the series too short; says what and where.
        """
        self._check()
        self._forget()
        self.is_many_ = isinstance(y, list | tuple) and len(y) > 0 and (isinstance(y[0], Series) or np.ndim(y[0]) == 1)
        series = self._as_many(y, dates)
        known = _known(X if self.is_many_ else [X], series)
        choice = choose(series, known, self._wishes())
        self.view_, self.levels_ = choice.view, choice.levels
        rows = make_rows(choice.view, series, choice.levels, known)
        if not len(rows.X):
            raise DataError("the series are too short for a window and its future", hint="ask for a shorter horizon")
        self.n_known_ = 0 if known[0] is None else known[0].shape[1]
        self._train(rows, rolling_splits(rows.groups, choice.view.framing.horizon))
        reach = choice.view.framing.reach
        self.series_ = [_tail(one, reach) for one in series]
        self.notes_ = [*(note for one in series for note in one.notes), *choice.notes, *self.notes_]
        return self

    def forecast(
        self, horizon: int | None = None, *, history: Any = None, dates: Any = None, X: Any = None, level: float = 0.9
    ) -> Any:
        """The next values of the series, and the interval that is to hold each with probability `level`.

        `horizon` is at most the one that was learnt. `history` (and its `dates`) is what is known in place of the
        series that were learnt from: nothing is learnt anew. `X` (H, e) is what is known ahead. The intervals come from
        the errors of rolling-origin forecasts within the data (`forecast.conformal`): they hold what they promise if
        the series goes on to be as hard to forecast as it was.

        Returns:
            A `Forecast`, or a list of them where a list of series was learnt from.
        """
        check_is_fitted(self, "ensemble_")
        if self.view_ is None:
            raise ArgumentError(
                "SequenceForecaster.forecast: fitted to windows, not to series", hint="use fit_series(y, dates)"
            )
        framing = self.view_.framing
        steps = framing.horizon if horizon is None else _whole("horizon", horizon, 1)
        if steps > framing.horizon:
            raise ArgumentError(
                f"forecast: {steps} steps, but {framing.horizon} were learnt", hint=f"fit with horizon={steps}"
            )
        if not 0 < level < 1:
            raise ArgumentError(f"forecast: level is {level!r}, expected a number between 0 and 1, such as 0.9")
        series = self.series_ if history is None else self._as_many(history, dates)
        if len(series) != len(self.levels_):
            raise ShapeError(f"forecast: {len(series)} series, expected the {len(self.levels_)} that were learnt from")
        ahead = X if self.is_many_ else [X]
        for learnt, given in zip(self.series_, series, strict=True):
            if given.frequency is not None and learnt.frequency not in (None, given.frequency):
                raise DataError(
                    f"{given.name} is {given.frequency.name}, but the forecaster has learnt from a series that is "
                    f"{getattr(learnt.frequency, 'name', 'without dates')}"
                )
        width = conformal(self.residuals_, level)
        found = [self._one(i, one, ahead, steps, level, width) for i, one in enumerate(series)]
        return found if self.is_many_ else found[0]

    def _one(self, number: int, series: Series, ahead: Any, steps: int, level: float, width: Array) -> Forecast:
        assert self.view_ is not None
        framing, own = self.view_.framing, self.levels_[number]
        z = own.to(series.values)
        at = np.array([len(z) - 1])
        X = self.view_.inputs(series, z, at, self._ahead(ahead, number, len(series)))
        middle = (self.ensemble_.predict(X) + framing.base(z, at))[0, :steps]
        half = width[:steps]
        return Forecast(
            name=series.name,
            values=own.back(middle),
            low=own.back(middle - half),
            high=own.back(middle + half),
            level=level,
            dates=series.following(steps),
            frequency=series.frequency,
        )

    def _ahead(self, ahead: Any, number: int, n: int) -> Array | None:
        """What is known of the steps to come, below rows for the past that nobody reads."""
        given = None if ahead is None else ahead[number]
        if (given is None) != (self.n_known_ == 0):
            wanted = f"X with {self.n_known_} columns" if self.n_known_ else "no X"
            raise ArgumentError(f"forecast: expected {wanted}, as the forecaster was fitted")
        if given is None:
            return None
        assert self.view_ is not None
        rows = check_features(given, where="forecast: X", n_features=self.n_known_, dtype=np.float64)
        if len(rows) < self.view_.framing.horizon:
            raise ShapeError(f"forecast: X has {len(rows)} rows, expected {self.view_.framing.horizon}")
        return np.concatenate([np.zeros((n, self.n_known_)), rows])

    # -- keeping ------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the forecaster to one safetensors file, from which `forwardnet.estimators.load` makes it again.

        It holds networks, decisions, errors, and the last values of the series, as many as a forecast needs.
        """
        from forwardnet.estimators.forecaster_file import save

        check_is_fitted(self, "ensemble_")
        save(self, path)

    # -- inside -------------------------------------------------------------------------------------------

    def _train(self, rows: Rows, splits: Any) -> None:
        penalty, _ = best_penalty(rows, splits)
        batch = self.batch_size or min(256, max(16, 2 ** int(np.log2(max(len(rows.X), 1) / 16 + 1))))
        recipe = Recipe(
            hidden=self.hidden,
            activation=self.activation,
            members=self.members,
            lr=self.lr,
            weight_decay=self.weight_decay,
            ridge=penalty,
            batch_size=batch,
            seed=self.random_state or 0,
            threads=self.threads,
            compile=self.compile,
        )
        trained = train(rows.X, rows.Y, splits, recipe, most=self.max_epochs, usual=USUAL_EPOCHS)
        self.ensemble_ = trained.fitted
        self.n_epochs_ = trained.epochs
        self.residuals_ = trained.residuals
        self.notes_ = [trained.reason]

    def _forget(self) -> None:
        """A fit to windows knows no series."""
        self.view_, self.levels_, self.series_ = None, (), []
        self.is_many_, self.is_flat_, self.n_known_ = False, False, 0

    def _as_many(self, y: Any, dates: Any) -> list[Series]:
        if isinstance(y, Series):
            return [y]
        if not self.is_many_:
            return [as_series(y, dates, missing=self.missing)]
        every = dates if isinstance(dates, list | tuple) else [dates] * len(y)
        if len(every) != len(y):
            raise ShapeError(f"{len(y)} series and {len(every)} sets of dates, expected as many")
        return [
            one if isinstance(one, Series) else as_series(one, when, name=f"series {i}", missing=self.missing)
            for i, (one, when) in enumerate(zip(y, every, strict=True))
        ]

    def _wishes(self) -> Wishes:
        return Wishes(
            window=self.window,
            horizon=self.horizon,
            season=self.season,
            log=self.log,
            difference=self.difference,
            seasonal_difference=self.seasonal_difference,
            calendar=None if self.calendar is None else tuple(self.calendar),
        )

    def _check(self) -> None:
        """Refuse settings out of range, before any data is looked at."""
        for name in ("window", "horizon", "season", "batch_size"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name), 1)
        for name, least in (("hidden", 1), ("members", 1), ("max_epochs", 0)):
            _whole(name, getattr(self, name), least)
        if self.activation not in ACTIVATIONS:
            raise unknown_name("activation", self.activation, ACTIVATIONS)
        for name in self.calendar or ():
            if name not in FEATURES:
                raise unknown_name("calendar feature", name, FEATURES)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ArgumentError(f"SequenceForecaster: {name} is {value!r}, expected a whole number of at least {least}")
    return int(value)


def _known(X: Any, series: Sequence[Series]) -> list[Array | None]:
    """What is known ahead at each point of each series, (T, e), or None for all."""
    if X is None:
        return [None] * len(series)
    if len(X) != len(series):
        raise ShapeError(f"X has {len(X)} parts, expected one for each of {len(series)} series")
    if all(part is None for part in X):
        return [None] * len(series)
    checked: list[Array | None] = []
    for part, one in zip(X, series, strict=True):
        rows = check_features(part, where=f"{one.name}: X", dtype=np.float64)
        if len(rows) != len(one):
            raise ShapeError(f"{one.name}: X has {len(rows)} rows, expected one for each of {len(one)} values")
        checked.append(rows)
    return checked


def _tail(series: Series, n: int) -> Series:
    dates = None if series.dates is None else series.dates[-n:]
    return replace(series, values=series.values[-n:], dates=dates, notes=())
