"""Searches for parameters: every combination, random ones, or many of which only the better half goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.train import inputs
from forwardnet.validate.candidates import Candidate
from forwardnet.validate.compare import Compared, Difference
from forwardnet.validate.folds import Fold
from forwardnet.validate.options import Options
from forwardnet.validate.result import Validation, finite_mean, frame
from forwardnet.validate.space import Space, draws, grid
from forwardnet.validate.study import folds_of, part_of_rows, studies_of, validate_all

Array = NDArray[Any]

WAYS = ("grid", "random", "halving")


@dataclass(frozen=True)
class Trial:
    """One combination of parameters and its validation, with a `share` of the resource in the `rung` of a halving."""

    number: int
    params: dict[str, Any]
    validation: Validation
    rung: int = 0
    share: float = 1.0


@dataclass(frozen=True)
class Sweep:
    """All trials of a search, in the order in which they were made; `metric` chose the best of them."""

    model: Any
    trials: list[Trial]
    metric: str
    seed: int = 0

    @property
    def best(self) -> Trial:
        """The trial with the best pooled figure, among those that used the whole resource (or as much as any did)."""
        return self.ranking[0]

    @property
    def is_cut(self) -> bool:
        """Whether Ctrl-C ended it before its end."""
        return any(one.validation.is_cut for one in self.trials)

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters of the best trial."""
        return dict(self.best.params)

    @property
    def best_score(self) -> float:
        """The best pooled figure: too good for a promise, since it was chosen; `nested` measures what it is worth."""
        return self._value(self.best)

    @property
    def ranking(self) -> list[Trial]:
        """Trials of the last rung, the best first; the earlier of equals."""
        most = max(trial.share for trial in self.trials)
        last = [trial for trial in self.trials if trial.share == most]
        sign = last[0].validation.is_better(self.metric)
        values = {trial.number: -sign * self._value(trial) for trial in last}
        return sorted(last, key=lambda trial: (not np.isfinite(values[trial.number]), values[trial.number]))

    def make(self) -> Any:
        """A new model with the best parameters that has learnt nothing: fit it on all rows."""
        return Candidate(self.model, self.best_params).make(self.seed, 0)

    def difference(self, trial: Trial) -> Difference:
        """By how much a trial's figure is above the best one's, on the same rows."""
        pair = Compared({"trial": trial.validation, "best": self.best.validation}, (self.metric,))
        return pair.difference("trial", "best")

    def to_frame(self) -> Any:
        """One line for each trial: parameters, figure with its interval, deviation over folds, seconds of a fit."""
        names = list(dict.fromkeys(name for trial in self.trials for name in trial.params))
        columns: dict[str, list[Any]] = {"trial": [], "rung": [], "share": [], **{name: [] for name in names}}
        columns |= {self.metric: [], "low": [], "high": [], "fold_std": [], "seconds": []}
        for trial in self.trials:
            low, high = trial.validation.interval(self.metric)
            folds = trial.validation.scores[self.metric]
            known = folds[np.isfinite(folds)]
            row: dict[str, Any] = {"trial": trial.number, "rung": trial.rung, "share": trial.share}
            row |= {name: trial.params.get(name) for name in names}
            row |= {self.metric: self._value(trial), "low": low, "high": high}
            row["fold_std"] = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
            row["seconds"] = finite_mean(trial.validation.seconds) if trial.validation.seconds is not None else None
            for name, value in row.items():
                columns[name].append(value)
        return frame(columns)

    def summary(self, most: int = 10) -> str:
        """The best trials in words, with intervals, and how many are as good as the best for all one can say."""
        ranked = self.ranking
        lines = [f"{len(self.trials)} trials; the best by {self.metric}:"]
        for trial in ranked[:most]:
            low, high = trial.validation.interval(self.metric)
            said = ", ".join(f"{name}={short(value)}" for name, value in trial.params.items())
            lines.append(f"{self._value(trial):.4g} ({low:.4g} to {high:.4g})  {said}")
        if len(ranked) > most:
            lines.append(f"and {len(ranked) - most} more")
        alike = sum(not self.difference(trial).is_clear for trial in ranked[1:most])
        if alike:
            lines.append(f"note: {alike} of the others cannot be told from the best on these rows")
        lines.append(
            f"note: the best of {len(self.trials)} is chosen by these rows; nested() measures what it is worth"
        )
        lines += [f"note: {note}" for note in dict.fromkeys(ranked[0].validation.notes)]
        return "\n".join(lines)

    def plot(self, metric: str | None = None) -> Any:
        """A matplotlib Figure: for each parameter the figures of all trials over its values."""
        from forwardnet.plot import swept  # stands above: opened only when somebody asks for a picture

        return swept(self, metric=metric)

    def _value(self, trial: Trial) -> float:
        return trial.validation.pooled()[self.metric]


def sweep(
    model: Any,
    X: Any,
    y: Any,
    space: Space,
    *,
    how: str = "grid",
    trials: int = 20,
    metric: str | None = None,
    resource: str = "rows",
    most: int | None = None,
    factor: int = 3,
    **options: Any,
) -> Sweep:
    """Cross-validate combinations of parameters, all on the same folds with the same seeds.

    `space` gives for each parameter of an estimator (of the steps of a pipeline "step__name"), or argument of a builder
    function, a list of values or a `Between`. `how`: "grid" tries all combinations of lists; "random" draws `trials` of
    them; "halving" begins with `trials` draws at a small share of the resource and lets the best of each `factor` go on
    with `factor` times as much (Jamieson and Talwalkar 2016). The resource are the "rows" that each model learns from,
    "epochs" of a builder, or a parameter that is a number; of these `most` is the largest value. `metric` decides (the
    first of `metrics`). `options` are those of `cross_validate`; the same seed gives the same trials and figures.

    Returns:
        A `Sweep`: `.best_params`, all trials with their validations, `.summary()`, `.to_frame()`, `.plot()`.

    Raises:
        ArgumentError, UnknownNameError: the space, a parameter or an option cannot be used.
    """
    if how not in WAYS:
        raise errors.unknown_name("way to search", how, WAYS)
    chosen = Options.of(options)
    chosen = replace(chosen, keeps_errors=True)
    trials = inputs.whole(trials, "trials", least=1)
    params = grid(space) if how == "grid" else draws(space, trials, chosen.seed)
    if how == "halving":
        return _halving(model, X, y, params, _Resource(resource, most, factor), metric, chosen)
    found = validate_all([Candidate(model, one) for one in params], X, y, chosen)
    made = [Trial(number, one, validation) for number, (one, validation) in enumerate(zip(params, found, strict=True))]
    return _sweep_of(model, made, metric, chosen.seed)


def _sweep_of(model: Any, trials: list[Trial], metric: str | None, seed: int) -> Sweep:
    first = trials[0].validation
    metric = metric or next(iter(first.scores))
    first.is_better(metric)  # says when it was not measured
    if not any(np.isfinite(trial.validation.scores[metric]).any() for trial in trials):
        raise errors.ArgumentError(f"sweep: no trial has a figure; {'; '.join(first.notes)}")
    return Sweep(model, trials, metric, seed)


@dataclass(frozen=True)
class _Resource:
    """What a halving gives more of to those that go on."""

    name: str
    most: int | None
    factor: int

    def __post_init__(self) -> None:
        inputs.whole(self.factor, "factor", least=2)
        if self.name != "rows" and self.most is None:
            raise errors.ArgumentError(f"sweep: the most {self.name} is missing", hint=f"most=81, for 81 {self.name}")

    def rungs(self, count: int) -> list[tuple[int, float]]:
        """(how many trials, share of the resource) from the first rung to the last."""
        steps = max(0, math.ceil(math.log(count, self.factor) - 1e-9))
        return [(-(-count // self.factor**i), self.factor ** (i - steps)) for i in range(steps + 1)]

    def given(
        self, share: float, params: Sequence[Mapping[str, Any]], options: Options
    ) -> tuple[list[dict[str, Any]], Options]:
        """Parameters and options with this share of the resource; rows are left to the folds."""
        if self.name == "rows":
            return [dict(one) for one in params], options
        assert self.most is not None
        amount = max(1, round(share * self.most))
        if self.name == "epochs" and options.loss is not None:
            return [dict(one) for one in params], replace(options, epochs=amount)
        return [{**one, self.name: amount} for one in params], options


def _halving(
    model: Any,
    X: Any,
    y: Any,
    params: Sequence[dict[str, Any]],
    resource: _Resource,
    metric: str | None,
    options: Options,
) -> Sweep:
    (study, *_) = studies_of([Candidate(model, params[0])], X, y, options)
    folds = folds_of(study, options)
    made: list[Trial] = []
    alive = list(range(len(params)))
    for rung, (count, share) in enumerate(resource.rungs(len(params))):
        alive = alive[:count]
        given, own = resource.given(share, [params[i] for i in alive], options)
        parts: list[Fold] = part_of_rows(folds, share, study, options.seed) if resource.name == "rows" else folds
        found = validate_all([Candidate(model, one) for one in given], X, y, own, [parts] * len(given))
        trials = [
            Trial(i, one, validation, rung, share) for i, one, validation in zip(alive, given, found, strict=True)
        ]
        made += trials
        alive = [trial.number for trial in _sweep_of(model, trials, metric, options.seed).ranking]
        if any(one.is_cut for one in found):
            break
    return _sweep_of(model, made, metric, options.seed)


def short(value: Any) -> str:
    """A parameter's value in few characters."""
    text = f"{value:.4g}" if isinstance(value, float) else str(getattr(value, "__name__", value))
    return text if len(text) <= 40 else text[:37] + "..."
