"""Data sets in NumPy's `.npz` files. Files are data, never code: nothing pickled is read."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, FileFormatError, MissingFileError
from .checks import check_features, check_targets
from .dataset import Dataset, Task

NAMES = ("X", "y", "X_test", "y_test", "feature_names", "target_names")
HINT = "write it with numpy.savez(path, X=X, y=y)"
# Classes that one may have without a row for each. Labels beyond are numbers of something else (years, codes): a
# network with an output for every number up to them would not fit into memory.
CLASSES_WITHOUT_ROWS = 1000


def load(path: str | Path) -> Dataset:
    """A data set from the arrays X (n, d) and y, and where they are there X_test, y_test, feature_names, target_names.

    y of an integer type is classification with classes 0 .. C-1, other y is regression.
    Raises FileFormatError where the file or an array is missing or damaged, DataError where the numbers cannot be used.
    """
    path = Path(path)
    arrays = _read(path)
    for name in ("X", "y"):
        if name not in arrays:
            others = f"only {', '.join(arrays)}" if arrays else "and no other that is known"
            raise FileFormatError(f"{path}: has no array {name!r}, {others}", hint=HINT)
    if ("X_test" in arrays) != ("y_test" in arrays):
        raise FileFormatError(f"{path}: has only one of X_test and y_test", hint="a test part needs both")
    task: Task = "classification" if arrays["y"].dtype.kind in "iub" else "regression"
    n_classes = len(arrays["target_names"]) if task == "classification" and "target_names" in arrays else None
    X = check_features(arrays["X"], where=f"{path}: X")
    y = check_targets(arrays["y"], task, n_classes, where=f"{path}: y", n=len(X))
    if task == "classification" and n_classes is None:
        n_classes = _count_classes(y, f"{path}: y")
    X_test = y_test = None
    if "X_test" in arrays:
        X_test = check_features(arrays["X_test"], where=f"{path}: X_test", n_features=X.shape[1])
        where = f"{path}: y_test"
        y_test = check_targets(arrays["y_test"], task, n_classes, where=where, n=len(X_test), for_training=False)
    targets = n_classes or (1 if y.ndim == 1 else y.shape[1])
    return Dataset(
        name=path.stem,
        X=X,
        y=y,
        feature_names=_texts(arrays, "feature_names", X.shape[1], path, "x{}"),
        target_names=_texts(arrays, "target_names", targets, path, "{}" if n_classes else "y{}"),
        task=task,
        description=f"arrays of {path.name}",
        X_test=X_test,
        y_test=y_test,
    )


def _count_classes(y: NDArray[Any], where: str) -> int:
    """C for labels in 0 .. C-1 that were given no names."""
    row = int(np.argmax(y))
    if y[row] >= max(len(y), CLASSES_WITHOUT_ROWS):
        raise DataError(
            f"{where} has the label {y[row]} at row {row}, but only {len(y)} rows: most classes would be empty",
            hint="number the classes 0, 1, 2, ...: numpy.unique(y, return_inverse=True)[1]; "
            "or make y floating-point numbers to predict",
        )
    return int(y[row]) + 1


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays with names we know; others are left alone."""
    if path.is_dir():
        raise FileFormatError(f"{path}: a folder, expected a file")
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            is_cut = stream.read(2) == b"PK"
        raise FileFormatError(f"{path}: {'a damaged' if is_cut else 'not an'} .npz file", hint=HINT)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in NAMES if name in archive.files}
    except Exception as error:
        if "Object arrays" in str(error):
            raise FileFormatError(f"{path}: holds Python objects, expected arrays of numbers", hint=HINT) from error
        # What the readers of zip archives and headers raise on damaged bytes is not limited.
        raise FileFormatError(
            f"{path}: damaged .npz file ({str(error) or type(error).__name__})", hint="write it again with numpy.savez"
        ) from error


def _texts(arrays: dict[str, NDArray[Any]], name: str, count: int, path: Path, default: str) -> tuple[str, ...]:
    """The names in an array of texts, or counted ones where there is none: from 1 for columns, from 0 for classes."""
    if name not in arrays:
        first = 0 if default == "{}" else 1
        return tuple(default.format(i + first) for i in range(count))
    if arrays[name].shape != (count,):
        raise FileFormatError(f"{path}: {name} has shape {arrays[name].shape}, expected ({count},)")
    return tuple(str(text) for text in arrays[name])
