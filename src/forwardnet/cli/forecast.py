"""`forwardnet forecast`: from a table with dates and values to what comes next, and how far to trust it."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.cli.options import parse_number, parse_whole
from forwardnet.cli.output import Output
from forwardnet.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from forwardnet.data.series import Series
    from forwardnet.estimators.forecast import Forecast
    from forwardnet.validate.rolling import Rolling

LEVEL = 0.9
# Forecasts in the test, and fits: of long series fewer, because little new comes between them.
MOST_ORIGINS = 400
REFITS, LONG, LONG_REFITS = 4, 1000, 2


@dataclass(frozen=True)
class ForecastOptions:
    """What `forwardnet forecast` was asked for; None means: to be chosen by the series."""

    data: str
    out: Path
    columns: tuple[str, ...] = ()
    date: str | None = None
    by: str | None = None
    horizon: int | None = None
    season: int | None = None
    window: int | None = None
    test: int | None = None
    level: float | None = None
    missing: str | None = None
    epochs: int | None = None
    seed: int = 0
    threads: int | None = None

    def check(self) -> None:
        """Refuse numbers out of range, before anything is read."""
        for name in ("horizon", "season", "window", "test", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ArgumentError(f"--{name} is {value}, expected a whole number of at least 1")
        if self.epochs is not None and self.epochs < 0:
            raise ArgumentError(f"--epochs is {self.epochs}, expected a whole number of at least 0")
        if self.level is not None and not 0 < self.level < 1:
            raise ArgumentError(f"--level is {self.level:g}, expected a number between 0 and 1, such as 0.9")
        if not 0 <= self.seed < 2**31:
            raise ArgumentError(f"--seed is {self.seed}, expected a whole number from 0 to 2^31 - 1")


def forecast_options(given: dict[str, Any]) -> ForecastOptions:
    """The options from the texts of the command line."""
    names = ("horizon", "season", "window", "test", "epochs", "threads")
    data = str(given["data"])
    return ForecastOptions(
        data=data,
        out=given["out"] or Path("runs") / Path(data).stem,
        columns=tuple(given["column"] or ()),
        date=given["date"],
        by=given["series"],
        level=parse_number("--level", given["level"]),
        missing=given["missing"],
        seed=parse_whole("--seed", given["seed"]) or 0,
        **{name: parse_whole(f"--{name}", given[name]) for name in names},
    )


@dataclass(frozen=True)
class ForecastOutcome:
    """One series: what was tried on its end, and what comes after it."""

    series: Series
    rolling: Rolling
    model: Any  # SequenceForecaster, fitted to the whole series
    forecast: Forecast
    decisions: tuple[str, ...]
    settings: Mapping[str, Any]  # of the rolling origins
    seconds: float


def run_forecast(options: ForecastOptions, output: Output) -> int:
    """Read, try, forecast, write; returns the exit code."""
    from forwardnet.cli import forecast_page
    from forwardnet.cli.train import prepare
    from forwardnet.data.series import read_series
    from forwardnet.train.threads import limited_threads

    started = time.perf_counter()
    options.check()
    if not Path(options.data).is_file():
        raise DataError(f"{options.data}: no such file", hint="give a table with a column of dates and one of values")
    prepare(options.out)
    many = read_series(
        options.data,
        columns=options.columns or None,
        date=options.date,
        by=options.by,
        missing=options.missing or "refuse",
    )
    if len(many) > forecast_page.MOST_SERIES:
        raise DataError(
            f"{options.data} has {len(many)} series, expected at most {forecast_page.MOST_SERIES} at once",
            hint=f"choose one: --column {many[0].name!r}",
        )
    with limited_threads(1):  # the small products of a forecast gain nothing from more
        outcomes = [forecast_series(series, options, output) for series in many]
    document = forecast_page.make_document(outcomes, options, time.perf_counter() - started)
    files = _write(outcomes, options, document)
    for outcome in outcomes:
        output.say(forecast_page.judgement(outcome))
        for note in forecast_page.doubts(outcome):
            output.note(f"note: {note}")
    if output.is_json:
        output.json({**forecast_page.to_dict(outcomes, options), "files": files})
    output.last(f"wrote {', '.join(Path(name).name for name in files)} to {options.out}{os.sep}")
    return 0


def forecast_series(series: Series, options: ForecastOptions, output: Output) -> ForecastOutcome:
    """Try forecasts on the end of a series, then learn from all of it and say how it goes on."""
    from forwardnet.data.series import detect_season
    from forwardnet.estimators.forecaster import SequenceForecaster
    from forwardnet.estimators.series_choice import usual_horizon
    from forwardnet.validate.rolling import rolling_origin

    started = time.perf_counter()
    season = options.season
    if season is None:
        season, _ = detect_season(series.values, None if series.frequency is None else series.frequency.seasons)
    horizon = options.horizon or usual_horizon(series, season)
    test = _test_length(series, horizon, season, options.test)
    level = options.level or LEVEL
    output.say(_described(series, horizon, test))
    given: dict[str, Any] = {"season": options.season, "max_epochs": options.epochs}
    model = SequenceForecaster(
        options.window,
        horizon,
        random_state=options.seed,
        threads=options.threads,
        **{name: value for name, value in given.items() if value is not None},
    )
    settings: dict[str, Any] = {
        "horizon": horizon,
        "test": test,
        "season": season,
        "step": -(-(test - horizon + 1) // MOST_ORIGINS),
        "refits": REFITS if len(series) <= LONG else LONG_REFITS,
        "level": level,
    }
    rolling = rolling_origin(model, series, **settings)
    model.fit_series(series)
    for note in model.notes_:
        output.say(f"  {note}")
    return ForecastOutcome(
        series=series,
        rolling=rolling,
        model=model,
        forecast=model.forecast(level=level),
        decisions=tuple(model.notes_),
        settings=settings,
        seconds=time.perf_counter() - started,
    )


def _test_length(series: Series, horizon: int, season: int, wish: int | None) -> int:
    """A fifth of the values, three horizons at least and a third of them at most."""
    if wish is not None:
        if wish < horizon:
            raise ArgumentError(f"--test is {wish}, expected at least the horizon of {horizon}")
        return wish
    chosen = max(horizon, min(max(3 * horizon, len(series) // 5), len(series) // 3))
    if len(series) - chosen <= max(2 * horizon, season + 1):
        raise DataError(
            f"{series.name} has {len(series)} values, too few to learn from and to test forecasts of {horizon} steps",
            hint="ask for a shorter --horizon",
        )
    return chosen


def _described(series: Series, horizon: int, test: int) -> str:
    frequency = "" if series.frequency is None else f" {series.frequency.name}"
    dated = "" if series.dates is None else f" from {series.label(0)} to {series.label(len(series) - 1)}"
    steps = "1 step" if horizon == 1 else f"{horizon} steps"
    return (
        f"{series.name}: {len(series):,}{frequency} values{dated}; forecasts of {steps}, "
        f"tried on the last {test} values"
    )


def _write(outcomes: list[ForecastOutcome], options: ForecastOptions, document: Any) -> list[str]:
    """Write the files, each whole or not at all; their paths."""
    from forwardnet.cli.forecast_page import to_dict
    from forwardnet.interop.atomic import write_text
    from forwardnet.report.document import render_document

    names = (
        ["model.safetensors"] if len(outcomes) == 1 else [f"model-{i + 1}.safetensors" for i in range(len(outcomes))]
    )
    for name, outcome in zip(names, outcomes, strict=True):
        outcome.model.save(options.out / name)
    write_text(options.out / "forecast.csv", forecast_csv([outcome.forecast for outcome in outcomes]))
    text = json.dumps(to_dict(outcomes, options), ensure_ascii=False, allow_nan=False, indent=1)
    write_text(options.out / "report.json", text + "\n")
    write_text(options.out / "report.html", render_document(document))
    return [str(options.out / name) for name in (*names, "forecast.csv", "report.html", "report.json")]


def forecast_csv(forecasts: list[Forecast]) -> str:
    """Lines of date (or step), forecast, low, high; with the name of the series in front where there are several."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    is_many = len(forecasts) > 1
    has_dates = all(one.dates is not None for one in forecasts)
    writer.writerow([*(["series"] * is_many), "date" if has_dates else "step", "forecast", "low", "high"])
    for one in forecasts:
        for label, *values in zip(one.labels, one.values, one.low, one.high, strict=True):
            shown = [f"{value:.9g}" if np.isfinite(value) else "" for value in values]
            writer.writerow([*([one.name] * is_many), label, *shown])
    return buffer.getvalue()
