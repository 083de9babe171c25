"""The report of forecasts: what comes, how good such forecasts were, and what was decided."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import plot
from forwardnet.cli.environment import environment
from forwardnet.report.content import Picture, finite
from forwardnet.report.document import Block, Code, Document, Facts, Grid, Section, Text

if TYPE_CHECKING:
    from forwardnet.cli.forecast import ForecastOptions, ForecastOutcome
    from forwardnet.validate.rolling import Rolling

MOST_SERIES = 12
_MOST_STEPS = 60  # lines of the tables by step
_FAR = 0.1  # coverage further from its level than this is a doubt
_FEW_ORIGINS = 10
_METRICS = (("mae", "MAE"), ("rmse", "RMSE"), ("mase", "MASE"), ("smape", "sMAPE %"))
_EXPLAINED = (
    "MASE: MAE divided by that of the seasonal-naive forecast of one step on the values before the test. sMAPE: mean "
    "of 2 |error| / (|truth| + |forecast|). Intervals: the middle 95 % over blocks of neighbouring origins drawn anew. "
    "Each forecast was made from the values before it alone, by networks that had learnt from no later ones."
)


def judgement(outcome: ForecastOutcome) -> str:
    """How the network compares with the best naive forecast, in one sentence."""
    rolling = outcome.rolling
    best = best_naive(rolling)
    gain, low, high = rolling.skill("network", best)
    own, other = (rolling.scores(name)["mae"] for name in ("network", best))
    steps = "1 step" if rolling.horizon == 1 else f"{rolling.horizon} steps"
    which = "better" if gain >= 0 else "worse"
    compared = f": {abs(gain):.0%} {which} (95 % interval of the gain {low:.0%} to {high:.0%})" if other else ""
    return (
        f"{outcome.series.name}: in {len(rolling.origins)} forecasts of {steps} the network was off by "
        f"{own:.4g} (MAE), the {best} forecast by {other:.4g}{compared}."
    )


def best_naive(rolling: Rolling) -> str:
    """The forecast that costs nothing with the least error."""
    return min((name for name in rolling.guesses if name != "network"), key=lambda name: rolling.scores(name)["mae"])


def doubts(outcome: ForecastOutcome) -> tuple[str, ...]:
    """What a reader should know and would not see in the figures."""
    rolling, found = outcome.rolling, []
    best = best_naive(rolling)
    gain, low, _ = rolling.skill("network", best)
    if not low > 0:
        how = "not clearly better than" if gain > 0 else "no better than"
        found.append(f"{outcome.series.name}: the network is {how} the {best} forecast.")
    coverage = rolling.coverage("network")
    if coverage is not None and abs(coverage.mean() - rolling.level) > _FAR:
        found.append(
            f"{outcome.series.name}: intervals of {rolling.level:.0%} held {coverage.mean():.0%} of what came: "
            f"take them as too {'narrow' if coverage.mean() < rolling.level else 'wide'}."
        )
    if np.isnan(outcome.forecast.low).any():
        found.append(f"{outcome.series.name}: the series is too short for intervals.")
    if len(rolling.origins) < _FEW_ORIGINS:
        found.append(f"{outcome.series.name}: only {len(rolling.origins)} forecasts were tried: the figures are rough.")
    return tuple(found)


def make_document(outcomes: Sequence[ForecastOutcome], options: ForecastOptions, seconds: float) -> Document:
    """Everything that is said about the series of one file."""
    is_many = len(outcomes) > 1
    sections: list[Section] = []
    for outcome in outcomes:
        prefix = f"{outcome.series.name}: " if is_many else ""
        sections += [
            Section(f"{prefix}Forecast".replace(": F", ": f"), _forecast(outcome)),
            Section(f"{prefix}How good such forecasts were".replace(": H", ": h"), _tried(outcome)),
            Section(f"{prefix}What was decided".replace(": W", ": w"), _decided(outcome)),
        ]
    return Document(
        title=f"{os.path.basename(options.data)}: forecast of {', '.join(o.series.name for o in outcomes[:3])}"
        + (f" and {len(outcomes) - 3} more" if len(outcomes) > 3 else ""),
        lead=judgement(outcomes[0]) if not is_many else f"{len(outcomes)} series, each with a forecaster of its own.",
        notes=tuple(note for outcome in outcomes for note in doubts(outcome)),
        sections=(
            *sections,
            Section("Time and versions", (Facts((("all", f"{seconds:.1f} s"), *environment())),)),
            Section("To repeat this run", _repeat(outcomes[0], options)),
        ),
    )


def to_dict(outcomes: Sequence[ForecastOutcome], options: ForecastOptions) -> dict[str, Any]:
    """The same as what JSON can hold."""
    return {
        "data": options.data,
        "seed": options.seed,
        "command": command_line(options),
        "series": [_series_dict(outcome) for outcome in outcomes],
    }


def command_line(options: ForecastOptions) -> str:
    """The command that repeats a run."""
    words = ["forwardnet", "forecast", options.data]
    for name in options.columns:
        words += ["--column", name]
    given: dict[str, Any] = {
        "date": options.date,
        "series": options.by,
        "horizon": options.horizon,
        "season": options.season,
    }
    given |= {"window": options.window, "test": options.test, "level": options.level, "missing": options.missing}
    given |= {"epochs": options.epochs, "threads": options.threads, "seed": options.seed, "out": options.out}
    for name, value in given.items():
        if value is not None:
            words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)


def _series_dict(outcome: ForecastOutcome) -> dict[str, Any]:
    rolling, series = outcome.rolling, outcome.series
    coverage = rolling.coverage("network")
    gain, low, high = rolling.skill("network", best_naive(rolling))
    return {
        "name": series.name,
        "values": len(series),
        "frequency": None if series.frequency is None else series.frequency.name,
        "first": series.label(0),
        "last": series.label(len(series) - 1),
        "season": rolling.season,
        "horizon": rolling.horizon,
        "decisions": list(outcome.decisions),
        "notes": list(doubts(outcome)),
        "forecast": outcome.forecast.to_dict(),
        "test": {
            "origins": len(rolling.origins),
            "first_origin": series.label(int(rolling.origins[0])),
            "fits": rolling.n_fits,
            "methods": {name: _method_dict(rolling, name) for name in rolling.guesses},
            "coverage": None if coverage is None else {"level": rolling.level, "by_step": coverage.tolist()},
            "best_naive": best_naive(rolling),
            "gain": {"value": finite(gain), "interval": [finite(low), finite(high)]},
        },
    }


def _method_dict(rolling: Rolling, name: str) -> dict[str, Any]:
    scores, intervals, steps = rolling.scores(name), rolling.intervals(name), rolling.by_step(name)
    return {
        **{key: finite(value) for key, value in scores.items()},
        **{f"{key}_interval": [finite(end) for end in ends] for key, ends in intervals.items()},
        "by_step": {key: [finite(float(v)) for v in values] for key, values in steps.items()},
    }


def _forecast(outcome: ForecastOutcome) -> tuple[Block, ...]:
    found, series = outcome.forecast, outcome.series
    shown = min(len(series), max(8 * len(found), 4 * outcome.rolling.season if outcome.rolling.season < 100 else 0, 60))
    dates = None
    if series.dates is not None and found.dates is not None:
        dates = np.concatenate([series.dates[-shown:], found.dates])
    drawn = plot.forecast(
        series.values[-shown:], found.values, found.low, found.high, dates=dates, name=series.name, level=found.level
    )
    head = ("date" if found.dates is not None else "step", "forecast", "low", "high")
    rows = [
        (label, *(f"{value:.5g}" if np.isfinite(value) else "–" for value in values))
        for label, *values in zip(found.labels, found.values, found.low, found.high, strict=True)
    ][:_MOST_STEPS]
    alt = f"the last {shown} values of {series.name}, and the forecast with its interval"
    return (
        Picture("", alt, plot.png_bytes(drawn)),
        Grid((head, *rows), numbers=(1, 2, 3), strong=1),
        Text(
            f"The truth is to lie between low and high in {found.level:.0%} of cases. The intervals come from the "
            "errors of forecasts within the series whose truth is known, step by step."
        ),
    )


def _tried(outcome: ForecastOutcome) -> tuple[Block, ...]:
    rolling = outcome.rolling
    rows = [("", *(label for _, label in _METRICS), "95 % interval of MAE")]
    for name in rolling.guesses:
        scores, (low, high) = rolling.scores(name), rolling.intervals(name)["mae"]
        rows.append((name, *(f"{scores[key]:.4g}" for key, _ in _METRICS), f"{low:.4g} to {high:.4g}"))
    steps = plot.errors_by_step({name: rolling.by_step(name)["mae"] for name in rolling.guesses})
    blocks: list[Block] = [
        Text(judgement(outcome), is_quiet=False),
        Grid(tuple(rows), numbers=(1, 2, 3, 4, 5)),
        Text(f"{rolling.n_fits} fits. {_EXPLAINED}"),
        Picture("", "forecasts in the test part, and what came", plot.png_bytes(_rolled(outcome))),
        Picture("", "mean absolute error of each method by step", plot.png_bytes(steps)),
    ]
    coverage = rolling.coverage("network")
    if coverage is not None:
        head = ("step", "MAE", f"share within the {rolling.level:.0%} interval")
        mae = rolling.by_step("network")["mae"]
        lines = [(str(h + 1), f"{mae[h]:.4g}", f"{coverage[h]:.0%}") for h in range(len(mae))][:_MOST_STEPS]
        blocks.append(Grid((head, *lines), numbers=(0, 1, 2)))
    return tuple(blocks)


def _rolled(outcome: ForecastOutcome) -> Any:
    """Forecasts that do not overlap, over what came; the last ones, where there are many."""
    rolling, series = outcome.rolling, outcome.series
    step = int(rolling.origins[1] - rolling.origins[0]) if len(rolling.origins) > 1 else 1
    chosen = np.arange(len(rolling.origins) - 1, -1, -max(1, -(-rolling.horizon // step)))[:12][::-1]
    first = int(rolling.origins[chosen[0]]) + 1
    guess = rolling.guesses["network"]
    part = series.part(first)
    return plot.rolling_forecasts(
        part.values,
        [int(origin) + 1 - first for origin in rolling.origins[chosen]],
        guess.values[chosen],
        None if guess.low is None else guess.low[chosen],
        None if guess.high is None else guess.high[chosen],
        dates=part.dates,
        name=series.name,
        level=rolling.level,
    )


def _decided(outcome: ForecastOutcome) -> tuple[Block, ...]:
    series, model = outcome.series, outcome.model
    dated = "" if series.dates is None else f", {series.label(0)} to {series.label(len(series) - 1)}"
    rows = [("values", f"{len(series):,}{dated}"), *(("noted", note) for note in outcome.decisions)]
    rows.append(("networks", f"{model.members} of {model.hidden} hidden units, {model.n_epochs_} epochs each"))
    rows.append(("time", f"{outcome.seconds:.1f} s"))
    return (Facts(tuple(rows)),)


def _repeat(outcome: ForecastOutcome, options: ForecastOptions) -> tuple[Block, ...]:
    chosen = [("columns", list(options.columns) or None), ("date", options.date), ("by", options.by)]
    chosen.append(("missing", options.missing))
    given = "".join(f", {name}={value!r}" for name, value in chosen if value is not None)
    window = f"{options.window}, " if options.window is not None else ""
    own = {"season": options.season, "max_epochs": options.epochs, "random_state": options.seed}
    made = "".join(f", {name}={value!r}" for name, value in own.items() if value is not None)
    settings = ", ".join(f"{name}={value!r}" for name, value in outcome.settings.items())
    lines = [
        "from forwardnet import SequenceForecaster",
        "from forwardnet.data.series import read_series",
        "from forwardnet.validate import rolling_origin",
        "",
        f"series = read_series({options.data!r}{given})[0]",
        f"model = SequenceForecaster({window}horizon={outcome.rolling.horizon}{made})",
        f"print(rolling_origin(model, series, {settings}).summary())",
        f"print(model.fit_series(series).forecast(level={outcome.rolling.level!r}).values)",
    ]
    return (Code(command_line(options), is_wrapped=True), Code("\n".join(lines)))
