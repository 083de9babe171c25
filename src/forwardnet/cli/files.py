"""Rows in files: NumPy's .npz and .npy, and IDX images as MNIST has them. Files are data: nothing pickled is read."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from forwardnet.errors import FileFormatError

Array = np.ndarray[Any, np.dtype[Any]]

ARRAYS = ("X", "y", "X_test", "y_test")
_GZIP, _IDX = b"\x1f\x8b", b"\0\0"


def read_rows(path: Path, labels: Path | None) -> dict[str, Array]:
    """The arrays of a file by name: X, and what there is of y, X_test and y_test. `labels` is a file with y.

    Raises:
        FileFormatError: the file is damaged or of an unknown kind.
    """
    from forwardnet.data import idx

    if path.suffix == ".npz":
        found = _npz(path)
    elif path.suffix == ".npy":
        found = {"X": _numpy(path)}
    elif _start(path) in (_GZIP, _IDX):
        found = {"X": idx.read_images(path)}
        beside = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
        labels = labels or (beside if beside != path and beside.is_file() else None)
    else:
        raise FileFormatError(f"{str(path)!r} is no file of a known kind, expected .npz, .npy or IDX images")
    if labels is not None:
        found = {"X": found["X"], "y": read_labels(labels)}
    return found


def read_labels(path: Path) -> Array:
    """True values from a .npy file, or labels from an IDX file."""
    from forwardnet.data import idx

    if not path.is_file():
        raise FileFormatError(f"--labels {str(path)!r}: there is no such file")
    if path.suffix == ".npy":
        return np.asarray(_numpy(path))
    if _start(path) in (_GZIP, _IDX):
        return idx.read_labels(path, n_classes=256)
    raise FileFormatError(f"--labels {str(path)!r} is no file of a known kind, expected .npy or IDX labels")


def _npz(path: Path) -> dict[str, Array]:
    archive = _numpy(path)
    with archive:
        try:
            found = {name: archive[name] for name in ARRAYS if name in archive.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise FileFormatError(f"{str(path)!r} is damaged: {error}") from None
        if "X" not in found:
            names = ", ".join(archive.files) or "none"
            raise FileFormatError(f"{str(path)!r} has no array 'X', only {names}")
    return found


def _numpy(path: Path) -> Any:
    try:
        loaded = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if "allow_pickle" in str(error):
            raise FileFormatError(f"{str(path)!r} holds Python objects, expected arrays of numbers") from None
        raise FileFormatError(f"{str(path)!r} is not a readable {path.suffix} file: {error}") from None
    if isinstance(loaded, np.ndarray) == (path.suffix == ".npz"):
        raise FileFormatError(f"{str(path)!r} is not what its name says, expected a {path.suffix} file")
    return loaded


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(2)
