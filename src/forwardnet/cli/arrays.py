"""Arrays from what is no file of arrays: the columns of a table, images in IDX files and in folders."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from forwardnet.cli.files import read_rows
from forwardnet.data import Dataset
from forwardnet.data.checks import check_targets
from forwardnet.errors import DataError, FileFormatError

Array = np.ndarray[Any, np.dtype[Any]]

_GZIP, _IDX = b"\x1f\x8b", b"\0\0"
_MOST_NAMES = 6


def read_columns(path: str, names: Sequence[str]) -> Array:
    """X (n, d) from the columns of a table with these names.

    Raises:
        DataError: a column is missing or has no numbers.
    """
    from forwardnet.data.tables import read_table

    table = read_table(path)
    absent = [name for name in names if name not in table]
    if absent:
        more = ", ..." if len(names) > _MOST_NAMES else ""
        raise DataError(
            f"{path}: the column {absent[0]!r} is missing, one of {len(absent)} of {len(names)} that the model wants",
            hint=f"it learnt from columns called {', '.join(names[:_MOST_NAMES])}{more}",
        )
    found = np.empty((len(table), len(names)), np.float64)
    for j, name in enumerate(names):
        column = table[name]
        if column.levels is not None:
            raise DataError(f"{path}: column {name!r} has names such as {column.levels[0]!r}, expected numbers")
        found[:, j] = column.values
    return found


def is_idx(path: Path) -> bool:
    """Whether a file is in the IDX format, plain or packed by gzip."""
    if not path.is_file() or path.suffix in (".npz", ".npy"):
        return False
    try:
        with path.open("rb") as raw:
            start = raw.read(2)
        if start != _GZIP:
            return start == _IDX
        with gzip.open(path) as stream:
            return stream.read(2) == _IDX
    except (OSError, EOFError, zlib.error):
        return False


def idx_dataset(path: Path) -> Dataset:
    """The images of an IDX file with the labels of the file beside it.

    Raises:
        FileFormatError: a file is damaged, or there are no labels.
    """
    arrays = read_rows(path, None)
    beside = path.name.replace("images-idx3", "labels-idx1")
    if "y" not in arrays:
        expected = repr(beside) if beside != path.name else "a name with 'images-idx3', and labels named alike"
        raise FileFormatError(f"{str(path)!r}: there are no labels beside the images, expected {expected}")
    images, y = arrays["X"], arrays["y"]
    n_classes = int(y.max()) + 1
    height, width = images.shape[1:]
    return Dataset(
        name=path.name.partition(".")[0],
        X=np.ascontiguousarray(images.reshape(len(images), -1), dtype=np.float32) / np.float32(255),
        y=check_targets(y, "classification", n_classes, where=str(path.with_name(beside)), n=len(images)),
        feature_names=tuple(f"pixel {i}, {j}" for i in range(height) for j in range(width)),
        target_names=tuple(str(k) for k in range(n_classes)),
        task="classification",
        description=f"images of {path.name}",
        image_shape=(height, width),
        input_scale=255.0,
    )
