"""Which rows are learnt from and which are asked about, and why so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forwardnet.cli.tabular.options import TEST, TableOptions
from forwardnet.cli.tabular.problem import Problem
from forwardnet.data.splits import train_validation_test
from forwardnet.errors import ArgumentError, DataError
from forwardnet.validate import Fold, folds

Rows = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


class Division(NamedTuple):
    """The folds, in words how they were made, and the arguments of `cross_validate` that make the same."""

    folds: list[Fold]
    how: str
    arguments: dict[str, Any]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What a `Validation` tells, of one network and one test: figures of the test, and of rows learnt from."""

    folds: list[Fold]
    scores: dict[str, NDArray[np.float64]]
    train_scores: dict[str, NDArray[np.float64]]


def divide(problem: Problem, options: TableOptions) -> Division:
    """Divide the rows as the options say, or as suits them.

    Raises:
        ArgumentError: more folds than rows, groups, or what the options allow.
        DataError: a fold would learn from one class alone.
    """
    if options.cv is None:
        found, how = _holdout(problem, options)
        arguments: dict[str, Any] = {"cv": [(fold.train, fold.test) for fold in found]}
    else:
        found, how, arguments = _cross(problem, options)
    if problem.is_classifier:
        for fold in found:
            classes = np.unique(problem.y.values[fold.train])
            if len(classes) < 2:
                name = problem.classes[int(classes[0])]
                raise DataError(
                    f"{problem.name}: fold {fold.number + 1} would learn from rows of the class {name!r} alone",
                    hint="another --seed, fewer folds, or without --group and --time",
                )
    return Division(found, how, arguments)


def _holdout(problem: Problem, options: TableOptions) -> tuple[list[Fold], str]:
    n, share = len(problem.X), f"{100 * TEST:.0f} %"
    if problem.n_test:
        rows = np.arange(n)
        cut = n - problem.n_test
        return [Fold(0, 0, rows[:cut], rows[cut:])], f"the test part that the data come with: {problem.n_test:,} rows"
    if problem.is_ordered:
        how = f"the last {share} of the rows by {options.time} are the test, because what is to come is to be predicted"
        return folds(n, TEST, ordered=True), how
    if problem.groups is not None:
        how = f"{share} of the groups by {options.group} are the test: rows of one group are never on both sides"
        return folds(n, TEST, groups=problem.groups, seed=options.seed), how
    labels = problem.y.values if problem.is_classifier else None
    train, _, test = train_validation_test(n, validation=0.0, test=TEST, stratify=labels, seed=options.seed)
    proportion = ", each class in proportion" if problem.is_classifier else ""
    how = f"{share} of the rows at random{proportion} are the test (seed {options.seed})"
    return [Fold(0, 0, train, test)], f"{how}; the others teach the network"


def _cross(problem: Problem, options: TableOptions) -> Division:
    n, cv = len(problem.X), options.cv
    most, what = (n, "rows") if problem.groups is None else (len(np.unique(problem.groups)), "groups")
    if isinstance(cv, int) and cv > most:
        raise ArgumentError(f"--cv is {cv}, but there are {most} {what}", hint="--cv loo leaves each one out once")
    if cv == "loo":
        one = "row" if problem.groups is None else f"group by {options.group}"
        how = f"each {one} is asked about once, by a model of all others"
        return Division(folds(n, "loo", groups=problem.groups), how, {"cv": "loo", "groups": problem.groups})
    if problem.is_ordered:
        how = f"{cv} parts by {options.time}, each asked about by a model of the rows before it"
        return Division(folds(n, cv, ordered=True), how, {"cv": cv, "ordered": True})
    counts = np.bincount(problem.y.values) if problem.is_classifier else np.array([n])
    labels = problem.y.values if problem.is_classifier and counts.min() >= int(cv or 2) else None
    more: dict[str, Any] = {"groups": problem.groups, "repeats": options.repeats, "seed": options.seed}
    found = folds(n, cv, labels=labels, **more)
    apart = "" if problem.groups is None else f", rows of one group by {options.group} together"
    proportion = ", each class in proportion" if labels is not None else ""
    times = "" if options.repeats == 1 else f", drawn {options.repeats} times"
    how = f"{cv} parts at random{proportion}{apart}, each asked about by a model of the others{times}"
    arguments = {"cv": cv, "groups": problem.groups, "repeats": options.repeats, "stratify": labels is not None}
    return Division(found, f"{how} (seed {options.seed})", arguments)
