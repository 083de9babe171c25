"""What makes figures look better than they are is named, in arrays, frames and tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forwardnet.data.tables import Column, Table
from forwardnet.validate import folds, leaks

N = 40
RNG = np.random.default_rng(0)


def number(name: str, values: Any) -> Column:
    return Column(name, "number", np.asarray(values, np.float64))


def category(name: str, values: Any, kind: str = "category") -> Column:
    levels, codes = np.unique(values, return_inverse=True)
    return Column(name, kind, codes.astype(np.int32), tuple(levels.tolist()))


CLASSES = np.repeat([0, 1, 2, 1], N // 4)
NUMBERS = RNG.normal(size=N).round(3)
FOLDS = folds(N, 4)

CASES: dict[str, tuple[Column, Any, str]] = {
    "other names": (category("x", np.array(["c", "a", "b"])[CLASSES]), CLASSES, "is the target under other names"),
    "other numbers": (number("x", np.array([7, 3, 9])[CLASSES]), CLASSES, "is the target under other names"),
    "two classes": (number("x", (CLASSES == 1) * 5 - 1), CLASSES == 1, "is the target under other names"),
    "numbers as text": (category("x", NUMBERS.astype(str)), NUMBERS, "is the target, or the target in other units"),
    "other units": (number("x", 9 - NUMBERS / 7), NUMBERS, "is the target, or the target in other units"),
    "details": (
        category("x", [f"{c}{i % 2}" for i, c in enumerate(CLASSES > 0)]),
        CLASSES > 0,
        "decides the target: each of its 4 values goes with one class alone",
    ),
    "shuffled numbers": (number("x", RNG.permutation(N) + 100), CLASSES, "numbers the rows"),
    "names": (category("x", [f"row-{i:03}" for i in range(N)], "identifier"), CLASSES, "has another value in each row"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_column_that_knows_too_much_is_named(case: str) -> None:
    column, target, told = CASES[case]
    plain = number("plain", RNG.normal(size=N))
    (said,) = leaks(Table((plain, column)), target, FOLDS)
    assert said.startswith(f"column 'x' {told}")


FINE: dict[str, tuple[Column, Any]] = {
    "a category": (category("x", RNG.choice(["a", "b"], N)), CLASSES),
    "a good predictor": (number("x", CLASSES + RNG.normal(size=N) / 9), CLASSES),
    "all different numbers": (number("x", RNG.normal(size=N)), NUMBERS),
    "a constant": (number("x", np.ones(N)), CLASSES),
    "many values, few rows each": (category("x", [f"{c}{i % 7}" for i, c in enumerate(CLASSES)]), CLASSES),
    "missing": (number("x", np.where(np.arange(N) < 30, np.nan, 1.0)), NUMBERS),
}


@pytest.mark.parametrize("case", FINE)
def test_a_column_that_may_be_there_is_not(case: str) -> None:
    column, target = FINE[case]
    assert leaks(Table((column, number("plain", RNG.normal(size=N)))), target, FOLDS) == []


def test_rows_that_are_alike_are_counted_even_with_values_missing() -> None:
    x, c = RNG.normal(size=N), RNG.integers(0, 3, N)
    x[1], c[1] = np.nan, 0
    for twin in (2, 3):
        x[twin], c[twin] = x[1], c[1]
    table = Table((number("x", x), category("c", np.array(list("abc"))[c])))
    apart = [(np.arange(20), np.arange(20, N))]
    across = [([*range(2), *range(4, 20)], [2, 3, *range(20, N)])]
    assert leaks(table, NUMBERS, folds(N, apart)) == []
    (said,) = leaks(table, NUMBERS, folds(N, across))
    assert said.startswith(f"2 of {N} rows are asked about although an identical row was learnt from")


def test_frames_are_read_as_tables() -> None:
    pandas = pytest.importorskip("pandas", reason="a data frame is needed")
    frame = pandas.DataFrame({"a": NUMBERS, "b": np.array(["u", "v", "w"])[CLASSES]})
    (said,) = leaks(frame, CLASSES, FOLDS)
    assert "'b' is the target under other names" in said or "b is the target under other names" in said


def test_what_is_no_table_is_not_judged() -> None:
    assert leaks(["some text", "more", "and more"] * 4, np.arange(12) % 2, folds(12, 3)) == []
