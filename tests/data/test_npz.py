"""Data sets in `.npz` files: what is written is read, what is damaged is refused, and nothing is unpickled."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.data import datasets
from forwardnet.errors import DataError, FileFormatError, ForwardnetError

X = np.arange(12.0).reshape(4, 3)
Y = np.array([0, 1, 2, 1])


def write(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "own.npz", **arrays)
    return folder / "own.npz"


def test_classification(tmp_path: Path) -> None:
    data = datasets.load(write(tmp_path, X=X, y=Y, X_test=X[:1], y_test=Y[:1], feature_names=np.array(["a", "b", "c"])))
    assert (data.name, data.task) == ("own", "classification")
    assert data.X.tolist() == X.tolist()
    assert data.y.tolist() == Y.tolist()
    assert data.X_test is not None
    assert data.X_test.tolist() == X[:1].tolist()
    assert (data.feature_names, data.target_names) == (("a", "b", "c"), ("0", "1", "2"))


def test_regression(tmp_path: Path) -> None:
    data = datasets.load(str(write(tmp_path, X=X, y=Y / 2)))
    assert (data.task, data.y.dtype) == ("regression", np.float32)
    assert (data.feature_names, data.target_names) == (("x1", "x2", "x3"), ("y1",))
    assert datasets.load(write(tmp_path, X=X, y=np.ones((4, 2)))).target_names == ("y1", "y2")


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"X": X}, "has no array 'y', only X"),
        ({}, "has no array 'X', and no other that is known"),
        ({"X": X, "y": Y, "X_test": X}, "has only one of X_test and y_test"),
        ({"X": X, "y": Y[:2]}, "own.npz: y has 2 rows, but X has 4"),
        ({"X": X * np.nan, "y": Y}, "own.npz: X has nan at row 0, column 0"),
        ({"X": X, "y": Y * 0}, "own.npz: y has only one class"),
        ({"X": X, "y": Y, "X_test": X[:, :2], "y_test": Y}, "own.npz: X_test has 2 features, expected 3"),
        ({"X": X, "y": Y, "X_test": X, "y_test": Y + 1}, "own.npz: y_test has the label 3 at row 2, expected 0 to 2"),
        ({"X": X, "y": Y, "feature_names": np.array(["a"])}, "feature_names has shape (1,), expected (3,)"),
        (
            {"X": X, "y": Y, "target_names": np.array(["a", "b"])},
            "own.npz: y has the label 2 at row 2, expected 0 to 1",
        ),
        ({"X": np.array([["a", None]], dtype=object), "y": Y}, "holds Python objects, expected arrays of numbers"),
        ({"X": X, "y": Y * 1000}, "y has the label 2000 at row 2, but only 4 rows: most classes would be empty"),
        ({"X": X, "y": Y * 10**12}, "y has the label 2000000000000 at row 2, but only 4 rows"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, arrays: dict[str, Any], told: str) -> None:
    with pytest.raises(ForwardnetError) as caught:
        datasets.load(write(tmp_path, **arrays))
    assert told in str(caught.value)
    assert "own.npz" in str(caught.value)


def test_classes_without_rows_are_possible(tmp_path: Path) -> None:
    assert datasets.load(write(tmp_path, X=X, y=Y * 100)).n_outputs == 201
    names = np.array([f"class {i}" for i in range(3001)])
    assert datasets.load(write(tmp_path, X=X, y=Y * 1500, target_names=names)).n_outputs == 3001


def test_damaged_files(tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.savez_compressed(whole, X=X, y=Y)
    single = io.BytesIO()
    np.save(single, X)
    path = tmp_path / "bad.npz"
    for content in (b"", b"text", whole.getvalue()[:-30], whole.getvalue()[:50], single.getvalue()):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=r"bad\.npz: "):
            datasets.load(path)
    path.write_bytes(whole.getvalue()[:50])
    with pytest.raises(FileFormatError, match="a damaged .npz file"):
        datasets.load(path)
    with pytest.raises(FileFormatError, match="no such file"):
        datasets.load(tmp_path / "absent.npz")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(FileFormatError, match="a folder, expected a file"):
        datasets.load(tmp_path / "folder.npz")
    rng = np.random.default_rng(0)
    n_refused = 0
    for _ in range(200):
        content = bytearray(whole.getvalue())
        for position in rng.integers(0, len(content), 3):
            content[position] = rng.integers(0, 256)
        path.write_bytes(content)
        try:
            datasets.load(path)
        except DataError as error:
            n_refused += 1
            assert "bad.npz" in str(error)
    assert n_refused > 100
