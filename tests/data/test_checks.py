"""Bad data: each kind gives one sentence with the place, what came and what was expected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forwardnet.data.checks import check_features, check_targets
from forwardnet.errors import DataError, DTypeError, ForwardnetError, ShapeError

NAN, INF = float("nan"), float("inf")


def with_value(value: float, row: int, column: int, dtype: Any = np.float32) -> Any:
    X = np.ones((4, 3), dtype=dtype)
    X[row, column] = value
    return X


@pytest.mark.parametrize(
    ("X", "kind", "message"),
    [
        (
            with_value(NAN, 2, 1),
            DataError,
            "fit: X has nan at row 2, column 1, expected finite numbers\n"
            "hint: fill in or leave out rows with missing values",
        ),
        (
            with_value(-INF, 0, 2),
            DataError,
            "fit: X has -inf at row 0, column 2, expected finite numbers\nhint: remove or clip infinite values",
        ),
        ([[1.0, NAN], [NAN, INF]], DataError, "fit: X has nan at row 0, column 1 (3 such values in all), expected"),
        (
            with_value(1e300, 3, 0, np.float64),
            DataError,
            "fit: X has the value 1e+300 at row 3, column 0, which is too large for float32\nhint: scale the data",
        ),
        (np.zeros((0, 3)), DataError, "fit: X is empty: shape (0, 3), expected at least one row and one feature"),
        (np.zeros((3, 0)), DataError, "fit: X is empty: shape (3, 0)"),
        ([], ShapeError, "fit: X has shape (0,), expected (rows, features)"),
        (
            [1.0, 2.0],
            ShapeError,
            "fit: X has shape (2,), expected (rows, features)\n"
            "hint: X.reshape(-1, 1) for one feature, X.reshape(1, -1) for one row",
        ),
        (
            np.zeros((5, 28, 28)),
            ShapeError,
            "fit: X has shape (5, 28, 28), expected (rows, features)\n"
            "hint: flatten the last axes: X.reshape(len(X), -1)",
        ),
        (3.0, ShapeError, "fit: X has shape (), expected (rows, features)"),
        ([[1.0, 2.0], [3.0]], ShapeError, "fit: X has rows of different lengths, expected a rectangular array"),
        (
            np.array([[1, 2], [3, "abc"]], dtype=object),
            DTypeError,
            "fit: X has dtype object (row 1, column 1 holds 'abc'), expected numbers\nhint: convert it with .astype",
        ),
        (np.array([[1, None]], dtype=object), DTypeError, "object (row 0, column 1 holds 'None'), expected numbers"),
        (np.array([[1, 2.5]], dtype=object), DTypeError, "fit: X has dtype object, expected numbers\nhint: convert"),
        ([["a", "b"]], DTypeError, "fit: X holds text, the first is 'a', expected numbers"),
        (np.ones((2, 2), dtype=complex), DTypeError, "fit: X has dtype complex128, expected real numbers"),
        (np.zeros((2, 2), dtype="M8[s]"), DTypeError, "fit: X has dtype datetime64[s], expected real numbers"),
    ],
)
def test_features_refused(X: Any, kind: type[ForwardnetError], message: str) -> None:
    with pytest.raises(kind) as caught:
        check_features(X, where="fit: X")
    assert message in str(caught.value)
    assert str(caught.value).startswith("fit: X ")


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32, np.float64])
def test_features_accepted(dtype: Any) -> None:
    X = np.array([[0, 1], [1, 1], [1, 0]], dtype=dtype)
    for given in (X, np.asfortranarray(X), X.tolist(), X[::-1][::-1]):
        got = check_features(given)
        assert got.dtype == np.float32
        assert got.flags.c_contiguous
        assert got.tolist() == X.astype(float).tolist()


def test_float32_rows_are_not_copied() -> None:
    X = np.ones((3, 2), dtype=np.float32)
    assert check_features(X) is X


def test_features_of_other_dimensions_and_width() -> None:
    assert check_features(np.ones((2, 4, 4)), ndim=None).shape == (2, 4, 4)
    with pytest.raises(DataError, match=r"nan at row 1, position \(0, 2\)"):
        check_features(np.where(np.arange(24).reshape(2, 3, 4) == 14, NAN, 0.0), ndim=None)
    with pytest.raises(ShapeError, match="^predict: X has 3 features, expected 4$"):
        check_features(np.ones((2, 3)), where="predict: X", n_features=4)


@pytest.mark.parametrize(
    ("y", "n_classes", "kind", "message"),
    [
        ([0, 1, 5], 3, DataError, "y has the label 5 at row 2, expected 0 to 2\nhint: number the classes 0, 1, 2, ..."),
        ([0, -1], None, DataError, "y has the label -1 at row 1, expected 0 or more"),
        (
            [1, 2, 3],
            3,
            DataError,
            "y has the label 3 at row 2, expected 0 to 2\nhint: classes count from 0: subtract 1",
        ),
        (
            [0, 0.5, 1],
            None,
            DataError,
            "y has the label 0.5 at row 1, expected whole numbers\nhint: for numbers to predict, the task is regres",
        ),
        ([0.0, NAN], None, DataError, "y has the label nan at row 1, expected whole numbers"),
        ([0.0, INF], None, DataError, "y has the label inf at row 1, expected whole numbers"),
        ([2, 2, 2], 3, DataError, "y has only one class: all 3 labels are 2, expected at least two classes"),
        ([], 3, DataError, "y is empty: shape (0,), expected at least one row"),
        (
            [[0], [1]],
            2,
            ShapeError,
            "y has shape (2, 1), expected (rows,) class indices\nhint: y.ravel() makes a column flat",
        ),
        ([[0, 1], [1, 0]], 2, ShapeError, "y has shape (2, 2), expected (rows,) class indices"),
        (["cat", "dog"], 2, DTypeError, "y holds text, the first is 'cat', expected numbers\nhint: number the classes"),
        (1, 2, ShapeError, "y has shape (), expected (rows,) class indices"),
    ],
)
def test_labels_refused(y: Any, n_classes: int | None, kind: type[ForwardnetError], message: str) -> None:
    with pytest.raises(kind) as caught:
        check_targets(y, "classification", n_classes)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.int64, np.float64])
def test_labels_accepted(dtype: Any) -> None:
    got = check_targets(np.array([1, 0, 1], dtype=dtype), "classification", 2, n=3)
    assert got.dtype == np.int64
    assert got.tolist() == [1, 0, 1]


def test_one_class_is_enough_where_nothing_is_learnt() -> None:
    assert check_targets([2, 2], "classification", 3, for_training=False).tolist() == [2, 2]


def test_lengths_must_match() -> None:
    with pytest.raises(ShapeError, match="^fit: y has 2 rows, but X has 3$"):
        check_targets([0, 1], "classification", 2, where="fit: y", n=3)
    with pytest.raises(ShapeError, match="^fit: y has 2 rows, but X has 3$"):
        check_targets([0.5, 1.5], "regression", None, where="fit: y", n=3)


def test_regression_targets() -> None:
    assert check_targets([1, 2], "regression", None).dtype == np.float32
    assert check_targets(np.ones((3, 2)), "regression", None).shape == (3, 2)
    with pytest.raises(DataError, match="^y has nan at row 1, expected finite numbers"):
        check_targets([1.0, NAN], "regression", None)
    with pytest.raises(ShapeError, match=r"^y has shape \(1, 1, 1\), expected \(rows,\) or \(rows, targets\)"):
        check_targets([[[1.0]]], "regression", None)
