"""From a table to a question: target, task, roles of columns, rows; and everything that cannot be asked is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.cli.tabular.options import TableOptions
from forwardnet.cli.tabular.problem import Problem, make_problem
from forwardnet.data.tables import Column, Table
from forwardnet.errors import ForwardnetError


def table(n: int = 40) -> Table:
    rng = np.random.default_rng(0)
    names = tuple(f"name {k}" for k in range(n))
    return Table(
        (
            Column("x", "number", rng.normal(size=n)),
            Column("colour", "category", (np.arange(n) % 3).astype(np.int32), ("red", "blue", "green")),
            Column("when", "date", rng.permutation(n).astype(np.float64) * 86400),
            Column("who", "identifier", np.arange(n, dtype=np.int32), names),
            Column("weight", "number", np.linspace(0, 1, n)),
            Column("price", "number", np.where(np.arange(n) == 3, np.nan, rng.normal(size=n))),
            Column("one", "constant", np.ones(n)),
            Column("count", "number", (np.arange(n) % 4).astype(np.float64)),
        ),
        name="t.csv",
        notes=("read with commas",),
    )


def problem(**options: Any) -> Problem:
    return make_problem(table(), TableOptions(data="t.csv", out=Path("out"), **options))


def test_numbers_are_a_regression_of_the_rows_that_have_one() -> None:
    found = problem(target="price")
    assert found.task == "regression" and "fractions" in found.reason
    assert len(found.X) == len(found.y) == 39 and 3 not in found.rows
    assert "one row without a target was left out: row 3" in found.notes and "read with commas" in found.notes
    assert found.X.names == ("x", "colour", "when", "weight", "count")
    assert [column.name for column in found.left_out] == ["who", "one"]


@pytest.mark.parametrize(("target", "name"), [("colour", "colour"), ("2", "colour"), ("8", "count")])
def test_a_target_by_name_or_number(target: str, name: str) -> None:
    found = problem(target=target)
    assert found.y.name == name and found.is_classifier and name not in found.X


def test_classes_are_in_the_order_of_their_names() -> None:
    found = problem(target="colour")
    assert found.classes == ("blue", "green", "red")
    assert [found.classes[k] for k in found.y.values[:3]] == ["red", "blue", "green"]
    assert problem(target="count").classes == ("0", "1", "2", "3")
    assert problem(target="count", task="regression").classes == ()


def test_roles_are_no_inputs() -> None:
    found = problem(target="price", group="colour", weights="weight", ignore=("x",))
    assert found.X.names == ("when", "count")
    assert found.groups is not None and len(np.unique(found.groups)) == 3
    assert found.weight is not None and len(found.weight) == 39
    ordered = problem(target="price", time="when")
    assert ordered.is_ordered and "when" not in ordered.X
    assert (np.diff(table()["when"].values[ordered.rows]) > 0).all()


def test_a_column_called_target_needs_no_option() -> None:
    named = Table((*table().columns[:2], Column("Target", "number", np.arange(40) / 7)), name="t.csv")
    found = make_problem(named, TableOptions(data="t.csv", out=Path("out")))
    assert found.y.name == "Target" and any("--target names another" in note for note in found.notes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "which column is to be predicted? There are 8"),
        ({"target": "prise"}, "did you mean 'price'?"),
        ({"target": "9"}, "unknown column '9'"),
        ({"target": "0"}, "unknown column '0'"),
        ({"target": "one"}, "'one' has one value only"),
        ({"target": "who"}, "nothing to be predicted"),
        ({"target": "colour", "task": "regression"}, "has names such as 'red'"),
        ({"target": "one", "task": "regression"}, "is 1 in every row"),
        ({"target": "one", "task": "classification"}, "is '1' in every row"),
        ({"target": "price", "weights": "price"}, "was given two roles"),
        ({"target": "price", "weights": "6"}, "was given two roles"),
        ({"target": "price", "weights": "colour"}, "has names, expected numbers"),
        ({"target": "x", "weights": "price"}, "has no value in row 3"),
        ({"target": "price", "weights": "x"}, "expected 0 or more"),
        ({"target": "price", "group": "one"}, "the same in every row"),
        ({"target": "x", "group": "price"}, "--group: column 'price' has no value in row 3"),
        ({"target": "price", "ignore": ("nothing",)}, "--ignore: unknown column 'nothing'"),
        ({"target": "price", "ignore": ("x", "colour", "when", "weight", "count")}, "no column to predict it from"),
    ],
)
def test_what_cannot_be_asked_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ForwardnetError) as caught:
        problem(**options)
    assert words in str(caught.value)


def test_few_rows_and_no_targets_are_refused() -> None:
    options = TableOptions(data="t.csv", out=Path("out"), target="price")
    with pytest.raises(ForwardnetError, match="8 rows have a target, expected at least 10"):
        make_problem(table().take(slice(0, 9)), options)
    with pytest.raises(ForwardnetError, match="no value in any row"):
        make_problem(table().take(slice(3, 4)), options)
