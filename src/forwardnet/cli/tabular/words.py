"""What is said about a run in words: the figures, the judgement, and the doubts."""

from __future__ import annotations

import math
import re

import numpy as np

from forwardnet.cli.tabular.problem import Problem
from forwardnet.cli.tabular.run import NETWORK, TableOutcome
from forwardnet.data.tables import KINDS, Column
from forwardnet.report.content import Score
from forwardnet.report.words import heading, interval_text, number, score_text
from forwardnet.validate.comparison import Figure

MODELS = {
    NETWORK: "this network",
    "simplest": "the simplest guess",
    "linear": "a linear model",
    "boosting": "gradient-boosted trees",
}
_PLURAL = {"category": "categories", "constant": "constant", "empty": "empty"}
_FEW_ROWS = 100
_MANY_LEVELS = 100
_MOST_NAMES = 6
_MARKED = 0.98  # of the best possible figure: too good to be true more often than not
_ALONE = 0.9  # of the importance that one column has: worth a look


def score_of(figure: Figure) -> Score:
    """The same as a report takes it."""
    low, high = (None if math.isnan(end) else end for end in (figure.low, figure.high))
    return Score(figure.name, figure.value, low, high)


def written(figure: Figure, *, gap: str = " ") -> str:
    """`86.21 % (85.1 to 87.3 %)`, with `gap` before the interval."""
    score = score_of(figure)
    interval = interval_text(score)
    return score_text(figure.name, figure.value) + (f"{gap}({interval})" if interval else "")


def summary(outcome: TableOutcome) -> str:
    """The figures that matter and where they come from, in one sentence."""
    figure = outcome.comparison.figure(NETWORK, outcome.metric)
    rows = f"{len(outcome.asked):,} rows that the network had not learnt from"
    target = outcome.problem.y.name
    others = ", ".join(
        f"{heading(name)} {score_text(name, outcome.comparison.values[NETWORK][name])}"
        for name in outcome.comparison.metrics[1:]
    )
    more = f"; {others}" if others else ""
    return f"On {rows}, {target} is predicted with {heading(figure.name)} {written(figure)}{more}."


def judgement(outcome: TableOutcome) -> str:
    """Which baselines the network beats, in one sentence; a difference counts when its interval leaves out 0."""
    better: list[str] = []
    worse: list[str] = []
    level: list[str] = []
    for name in outcome.baselines:
        gain = outcome.comparison.gain(NETWORK, name, outcome.metric)
        (better if gain.low > 0 else worse if gain.high < 0 else level).append(MODELS[name])
    parts = []
    if better:
        parts.append(f"is clearly better than {_listed(better)}")
    if level:
        parts.append(f"is not clearly different from {_listed(level)}")
    if worse:
        parts.append(f"is clearly worse than {_listed(worse)}")
    best = outcome.best_baseline
    shown = score_text(outcome.metric, outcome.comparison.values[best][outcome.metric])
    told = f"By {heading(outcome.metric)} the network {_listed(parts)}"
    known = len(outcome.validation.folds[0].train)
    less = ""
    if outcome.problem.is_sample and known < outcome.learnt_rows:
        less = f" The baselines learnt from {known:,} rows, which fit into memory, the network from all others, too."
    return f"{told}; the best baseline, {MODELS[best]}, reaches {shown}.{less}"


def doubts(outcome: TableOutcome) -> tuple[str, ...]:
    """One sentence for each thing that a reader of the figures should know."""
    problem = outcome.problem
    notes = [*outcome.notes, *_about_rows(outcome), *_about_columns(problem)]
    main = outcome.comparison.figure(NETWORK, outcome.metric)
    gains = [outcome.comparison.gain(NETWORK, name, outcome.metric) for name in outcome.baselines]
    if outcome.baselines and gains[0].low <= 0:
        notes.append(
            "The network is not clearly better than the simplest guess: the columns may tell nothing about the target."
        )
    if main.name in ("accuracy", "roc_auc", "r2") and main.value >= _MARKED and outcome.importance is not None:
        mean = np.maximum(outcome.importance.mean, 0)
        if mean.sum() > 0 and mean.max() > _ALONE * mean.sum():
            name = outcome.importance.names[int(mean.argmax())]
            notes.append(
                f"Almost everything comes from column {name!r}: would it be known before {problem.y.name!r} is?"
            )
    return tuple(notes)


def _about_rows(outcome: TableOutcome) -> list[str]:
    problem, notes = outcome.problem, []
    if len(outcome.asked) < _FEW_ROWS:
        notes.append(f"Only {len(outcome.asked)} rows were asked about: look at the intervals, not at the figures.")
    if problem.is_classifier:
        counts = np.bincount(outcome.y, minlength=len(problem.classes))
        absent = [problem.classes[k] for k in np.flatnonzero(counts == 0)]
        if absent:
            notes.append(f"No row of {_few(absent)} was asked about: the figures say nothing about that.")
    twice = duplicated(problem)
    if twice:
        rows = f"{len(problem.X):,} rows" + (" that were looked at" if problem.is_sample else "")
        notes.append(f"{twice:,} of {rows} are the same as an earlier one, with the target.")
    return notes


def _about_columns(problem: Problem) -> list[str]:
    notes = []
    if problem.left_out:
        shown = _few([f"{column.name!r} ({column.kind})" for column in problem.left_out])
        notes.append(f"Left out: {shown}. --kind COLUMN=KIND takes a column for something else.")
    many = [column for column in problem.X if column.levels is not None and n_levels(column) > _MANY_LEVELS]
    if many:
        shown = _few([f"{column.name!r} ({n_levels(column):,})" for column in many])
        notes.append(f"Categories with many values: {shown}.")
    return notes


def duplicated(problem: Problem) -> int:
    """How many rows are equal to an earlier one in every input and the target."""
    columns = [np.where(c.is_missing, -np.inf, c.values) for c in (*problem.X, problem.y)]
    table = np.ascontiguousarray(np.stack(columns, axis=1))
    return len(table) - len(np.unique(table.view([("", table.dtype)] * table.shape[1]).reshape(-1)))


def n_levels(column: Column) -> int:
    """How many different values of a coded column occur."""
    return len(np.unique(column.values[~column.is_missing]))


def describe(column: Column) -> str:
    """The values of a column in a few words."""
    known = column.values[~column.is_missing]
    if not len(known):
        return "none"
    if column.levels is not None:
        counts = np.bincount(known, minlength=len(column.levels))
        order = np.argsort(-counts, kind="stable")[:3]
        frequent = ", ".join(f"{column.levels[k]} {100 * counts[k] / len(known):.0f} %" for k in order if counts[k])
        return f"{np.count_nonzero(counts):,} different: {frequent}"
    if column.kind == "date":
        first, last = (np.datetime64(int(end), "s") for end in (known.min(), known.max()))
        return f"{str(first).replace('T', ' ')} to {str(last).replace('T', ' ')}"
    if column.kind == "boolean":
        return f"{100 * known.mean():.0f} % are 1"
    return f"{number(known.min())} to {number(known.max())}, median {number(float(np.median(known)))}"


def as_options(text: str) -> str:
    """A note in which what to write in Python is what to write on the command line."""
    return re.sub(r"kinds=\{'([^']*)': '(\w+)'\}", r"--kind \1=\2", text)


def kinds_line(problem: Problem) -> str:
    """How many columns of each kind there are beside the target."""
    kinds = [column.kind for column in (*problem.X, *problem.left_out)]
    counted = [f"{n} {kind if n == 1 else _PLURAL.get(kind, kind + 's')}" for kind in KINDS if (n := kinds.count(kind))]
    return f"{len(kinds)} columns beside the target: {', '.join(counted)}"


def _few(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _listed(parts: list[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
