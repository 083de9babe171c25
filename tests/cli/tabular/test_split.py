"""Divisions: disjoint, stratified, grouped, ordered, and the arguments that make `cross_validate` do the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.cli.tabular.options import TableOptions
from forwardnet.cli.tabular.problem import Problem, make_problem
from forwardnet.cli.tabular.split import Division, divide
from forwardnet.data.tables import Column, Table
from forwardnet.errors import ForwardnetError
from forwardnet.validate import folds


def problem(options: TableOptions, n: int = 60) -> Problem:
    rng = np.random.default_rng(0)
    columns = (
        Column("x", "number", rng.normal(size=n)),
        Column("group", "number", (np.arange(n) // 6).astype(np.float64)),
        Column("time", "number", rng.permutation(n).astype(np.float64)),
        Column("y", "category", (np.arange(n) % 5 == 0).astype(np.int32), ("no", "yes")),
    )
    return make_problem(Table(columns, name="t.csv"), options)


def divided(**options: Any) -> tuple[Problem, Division]:
    made = TableOptions(data="t.csv", out=Path("out"), target="y", **options)
    found = problem(made)
    return found, divide(found, made)


def test_hold_out_keeps_classes_in_proportion() -> None:
    found, division = divided()
    (fold,) = division.folds
    assert len(fold.test) == 12 and len(np.intersect1d(fold.train, fold.test)) == 0
    assert found.y.values[fold.test].sum() == pytest.approx(12 / 5, abs=1)
    assert "each class in proportion" in division.how
    ((train, test),) = division.arguments["cv"]
    assert train is fold.train and test is fold.test


def test_groups_and_time_are_respected() -> None:
    found, division = divided(group="group", cv=4)
    for fold in division.folds:
        assert not set(found.groups[fold.train]) & set(found.groups[fold.test])  # type: ignore[index]
    _, ordered = divided(time="time")
    assert ordered.folds[0].train.max() < ordered.folds[0].test.min()
    for fold in divided(time="time", cv=3)[1].folds:
        assert fold.train.max() < fold.test.min()


@pytest.mark.parametrize("options", [{"cv": 5}, {"cv": 4, "repeats": 2}, {"cv": "loo"}, {"cv": 3, "group": "group"}])
def test_the_arguments_make_the_same_folds(options: dict[str, Any]) -> None:
    found, division = divided(**options, seed=3)
    arguments = dict(division.arguments)
    labels = found.y.values if arguments.pop("stratify", False) else None
    again = folds(len(found.X), arguments.pop("cv"), labels=labels, seed=3, **arguments)
    assert len(again) == len(division.folds)
    for one, two in zip(again, division.folds, strict=True):
        np.testing.assert_array_equal(one.test, two.test)
        assert one.repeat == two.repeat


def test_rare_classes_are_divided_without_proportion() -> None:
    options = TableOptions(data="t.csv", out=Path("out"), target="y", cv=20)
    division = divide(problem(options), options)  # 12 rows of a class in 20 folds
    assert division.arguments["stratify"] is False and "proportion" not in division.how


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cv": 61}, "--cv is 61, but there are 60 rows"),
        ({"cv": 11, "group": "group"}, "but there are 10 groups"),
    ],
)
def test_too_many_folds(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ForwardnetError, match=words):
        divided(**options)


def test_a_fold_that_would_learn_one_class_is_named() -> None:
    n = 40
    y = (np.arange(n) >= 35).astype(np.int32)  # a class that comes only at the end
    columns = (Column("time", "number", np.arange(n) * 1.5), Column("x", "number", np.sin(np.arange(n))))
    options = TableOptions(data="t.csv", out=Path("out"), target="y", time="time")
    found = make_problem(Table((*columns, Column("y", "category", y, ("no", "yes"))), name="t.csv"), options)
    with pytest.raises(ForwardnetError, match="fold 1 would learn from rows of the class 'no' alone"):
        divide(found, options)
