"""The tables: files below $FORWARDNET_DATA, how they are split, and as matrices.

Axis glossary: n rows, d columns.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.tasks import Array
from forwardnet.data.splits import train_validation_test
from forwardnet.data.tables import TableEncoder, read_table
from forwardnet.data.tables.table import Column, Table

VARIABLE = "FORWARDNET_DATA"
SHARE = 0.2  # of the rows that are held out, for the test and again for the choice of the best epoch
OTHER = 1000


@dataclass(frozen=True)
class Source:
    """One file, split by a seed, or a file for learning and one for the test; `target` is the column to predict."""

    files: tuple[str, ...]
    target: str
    is_classifier: bool

    @property
    def figure(self) -> str:
        """What is counted on the test rows; less is better."""
        return "error rate" if self.is_classifier else "RMSE"


SOURCES = {
    "adult": Source(("adult-train.csv", "adult-test.csv"), "income", True),
    "california-housing": Source(("california-housing.csv",), "median_house_value", False),
    "abalone": Source(("abalone.csv",), "rings", False),
}


@dataclass(frozen=True)
class Rows:
    """A table without its target, and the target: class numbers int64 (n,), or numbers float64 (n,)."""

    table: Table
    y: Array

    def take(self, rows: Array) -> Rows:
        """Some of the rows."""
        return Rows(self.table.take(rows), self.y[rows])


def missing(name: str) -> str | None:
    """Why a table cannot be had; None if it can. The digits come with scikit-learn."""
    if name not in SOURCES:
        return None
    folder = os.environ.get(VARIABLE)
    if not folder:
        return f"${VARIABLE} does not name a folder with tabular/{SOURCES[name].files[0]}"
    absent = [file for file in SOURCES[name].files if not (Path(folder) / "tabular" / file).is_file()]
    return f"there is no {Path(folder) / 'tabular' / absent[0]}" if absent else None


@cache
def _read(name: str) -> tuple[Rows, ...]:
    """The files, one after the other; classes are numbered alike in all of them."""
    source = SOURCES[name]
    folder = Path(os.environ[VARIABLE]) / "tabular"
    tables = [read_table(folder / file, target=source.target) for file in source.files]
    labels = sorted({text for t in tables for text in t[source.target].levels or ()})
    found = []
    for table in tables:
        column = table[source.target]
        y = np.asarray(_codes(column, labels), np.int64) if source.is_classifier else column.values
        found.append(Rows(table.drop([source.target]), y))
    return tuple(found)


def split(name: str, seed: int, *, limit: int | None = None) -> tuple[Rows, Rows]:
    """Rows to learn from and rows for the test; where there are two files the seed decides on nothing.

    `limit` is the most rows to learn from, for a short try.
    """
    found = _read(name)
    if len(found) == 1:
        learnt, _, held = train_validation_test(len(found[0].y), validation=0.0, test=SHARE, seed=seed)
        found = found[0].take(learnt), found[0].take(held)
    train, test = found
    return (train if limit is None else train.take(np.arange(min(limit, len(train.y))))), test


def validation(rows: Rows, seed: int, *, is_classifier: bool) -> tuple[Rows, Rows]:
    """Rows to learn from and rows by which the best epoch is chosen, the same for everybody."""
    labels = rows.y if is_classifier else None
    other = seed + OTHER  # than the seed that drew the test rows
    learnt, held, _ = train_validation_test(len(rows.y), validation=SHARE, test=0.0, stratify=labels, seed=other)
    return rows.take(learnt), rows.take(held)


def filled(train: Rows, *others: Rows) -> list[Rows]:
    """Missing numbers become the median of the training rows, for those who take no gaps; categories stay."""
    found = [train, *others]
    for column in train.table:
        if column.is_coded:
            continue
        middle = float(np.nanmedian(column.values))
        found = [Rows(_replaced(rows.table, column.name, middle), rows.y) for rows in found]
    return found


def _replaced(table: Table, name: str, value: float) -> Table:
    """With `value` where the column has none."""
    columns = [
        replace(c, values=np.where(np.isnan(c.values), value, c.values)) if c.name == name else c for c in table.columns
    ]
    return replace(table, columns=tuple(columns))


def matrices(train: Table, *others: Table) -> tuple[list[Array], Array]:
    """float64 (n, d) for each table, with codes for categories and NaN for gaps and the unseen; which are codes."""
    found = []
    for table in (train, *others):
        columns = []
        for column in train.columns:
            own = table[column.name]
            if column.is_coded:
                codes = _codes(own, column.levels or ())
                columns.append(np.where(codes < 0, np.nan, codes))
            else:
                columns.append(own.values)
        found.append(np.column_stack(columns))
    return found, np.array([column.is_coded for column in train.columns])


def _codes(column: Column, levels: Sequence[str]) -> Array:
    """The codes of a column by other levels, -1 for what is missing there."""
    place = {text: code for code, text in enumerate(levels)}
    new = np.array([place.get(text, -1) for text in column.levels or ()] + [-1])
    return np.asarray(new[column.values])  # a missing value is -1, which takes the last


@dataclass(frozen=True)
class Arrays:
    """What estimators of plain arrays get: float32 inputs, targets, and whether these are classes."""

    X: Array
    y: Array
    X_test: Array
    y_test: Array
    is_classifier: bool


def arrays(name: str) -> Arrays:
    """Digits from 0 to 1; tables one-hot and standardised, numbers to predict standardised, too."""
    if name == "digits":
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        learnt, _, held = train_validation_test(len(y), validation=0.0, test=SHARE, seed=0)
        X = (X / 16).astype(np.float32)
        return Arrays(X[learnt], y[learnt], X[held], y[held], True)
    train, test = split(name, 0)
    encoder = TableEncoder(numeric="standard", one_hot_limit=None).fit(train.table)
    y, y_test = train.y, test.y
    if not SOURCES[name].is_classifier:
        mean, deviation = y.mean(), y.std()
        y, y_test = (y - mean) / deviation, (y_test - mean) / deviation
    return Arrays(encoder.transform(train.table), y, encoder.transform(test.table), y_test, SOURCES[name].is_classifier)
