"""Rows of all that holds a table, and validations of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from forwardnet.data.tables import Column, Table, as_table
from forwardnet.errors import DataError, ShapeError
from forwardnet.validate import cross_validate
from forwardnet.validate.rows import count, plain, take

N = 30
NUMBERS = np.arange(N, dtype=np.float64) * 1.5
NAMES = np.array(["a", "b", "c"])[np.random.default_rng(0).integers(0, 3, N)]
ROWS = np.array([4, 4, 0, 29])


def values(part: Any, name: str) -> list[Any]:
    """A column of whatever it is, as a list."""
    column = part[name]
    if isinstance(column, Column):
        return column.values.tolist() if column.levels is None else [column.levels[code] for code in column.values]
    return column.to_pylist() if hasattr(column, "to_pylist") else list(column)


def frames() -> dict[str, Any]:
    columns = {"x": NUMBERS, "c": NAMES}
    found: dict[str, Any] = {"dict": columns, "table": as_table(columns)}
    for library, make in (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "table")):
        module = pytest.importorskip(library, reason="a data frame of each library is needed")
        found[library] = getattr(module, make)({"x": NUMBERS.tolist(), "c": NAMES.tolist()})
    return found


def test_rows_of_frames_are_frames() -> None:
    for kind, frame in frames().items():
        part = take(frame, ROWS)
        assert type(part) is type(frame) and count(frame) == N, kind
        assert values(part, "x") == NUMBERS[ROWS].tolist()
        assert values(part, "c") == NAMES[ROWS].tolist()


def test_rows_of_arrays_matrices_and_lists() -> None:
    dense = np.arange(60.0).reshape(N, 2)
    np.testing.assert_array_equal(take(dense, ROWS), dense[ROWS])
    for kind in (sparse.csr_matrix, sparse.coo_array, sparse.csc_array):
        np.testing.assert_array_equal(take(kind(dense), ROWS).toarray(), dense[ROWS])
        assert count(kind(dense)) == N
    assert take(NAMES.tolist(), ROWS) == NAMES[ROWS].tolist()
    with pytest.raises(ShapeError, match="X is int"):
        count(3)
    with pytest.raises(ShapeError, match="X has no rows"):
        count([])


def test_targets_of_all_kinds_become_arrays() -> None:
    levels, codes = np.unique(NAMES, return_inverse=True)
    column = Column("y", "category", codes.astype(np.int32), tuple(levels.tolist()))
    assert plain(column).tolist() == NAMES.tolist()
    assert plain([[1], [2]]).shape == (2,)
    with pytest.raises(DataError, match="y has no value at row 1"):
        plain(Column("y", "number", np.array([1.0, np.nan])))


def test_a_pipeline_gets_the_rows_of_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas", reason="a data frame is needed")
    frame = pandas.DataFrame({"x": NUMBERS, "c": NAMES}, index=np.arange(N) + 100)
    y = pandas.Series(np.where(NAMES == "a", "yes", "no"), index=frame.index)
    encode = make_column_transformer((OneHotEncoder(), ["c"]), remainder="passthrough")
    found = cross_validate(make_pipeline(encode, LogisticRegression(max_iter=1000)), frame, y, cv=3)
    assert found.pooled()["accuracy"] > 0.9
    assert found.classes is not None and found.classes.tolist() == ["no", "yes"]


def test_texts_are_rows_too() -> None:
    texts = [f"{'good' if i % 2 else 'bad'} word{i % 5}" for i in range(N)]
    found = cross_validate(make_pipeline(CountVectorizer(), LogisticRegression()), texts, np.arange(N) % 2, cv=3)
    assert found.pooled()["accuracy"] == 1


def test_our_estimators_take_tables_as_they_are() -> None:
    """Each fold learns its own encoding; a category that a fold has not met is unknown to it, and nothing fails."""
    from forwardnet.estimators import MLPClassifier

    rare = NAMES.astype(object)
    rare[7] = "once"
    table = Table(
        (*as_table({"x": NUMBERS}).columns, *as_table({"c": rare.astype(str)}, kinds={"c": "category"}).columns)
    )
    model = MLPClassifier(hidden_layer_sizes=(8,), max_iter=60, learning_rate_init=0.05, compile=False)
    found = cross_validate(model, table, NAMES == "a", cv=3)
    assert found.pooled()["accuracy"] > 0.8


def test_VA09_the_confusion_matrix_is_that_of_the_out_of_fold_predictions() -> None:
    X = np.column_stack([NUMBERS, np.random.default_rng(0).normal(size=N)])
    y = np.where(NUMBERS + 9 * X[:, 1] > 22, "high", "low")
    found = cross_validate(LogisticRegression(), X, y, cv=4)
    np.testing.assert_array_equal(found.confusion(), confusion_matrix(y, found.labels))
    assert found.confusion().sum() == N
