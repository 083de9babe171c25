"""Encoded rows in a private temporary file, for training that reads more than fits into memory.

Axis glossary: n rows, d features.
"""

from __future__ import annotations

import errno
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import config
from forwardnet.data.cache import make_private
from forwardnet.errors import DataError, ShapeError

Array = NDArray[Any]


class RowStore:
    """Rows (X, y): float32 (n, d) and targets of one shape and type, written once from begin to end, read in parts.

    The file has no name, so it is gone when the store is closed or the process ends, in whatever way. It lies in
    `folder`, by default in the user's cache folder: the folder for temporary files may be memory on some machines.
    """

    def __init__(
        self, d: int, *, target_shape: Sequence[int] = (), target_dtype: Any = np.float32, folder: Path | None = None
    ) -> None:
        self.d, self.target_shape, self.target_dtype = d, tuple(target_shape), np.dtype(target_dtype)
        self.folder = make_private(folder or config.cache_dir() / "rows")
        self.n = 0
        self.targets = (np.inf, -np.inf)  # the lowest and the highest
        self._lock = threading.Lock()
        self._X: IO[bytes] = tempfile.TemporaryFile(dir=self.folder, buffering=0)  # noqa: SIM115
        self._y: IO[bytes] = tempfile.TemporaryFile(dir=self.folder, buffering=0)  # noqa: SIM115

    def __len__(self) -> int:
        return self.n

    @property
    def row_bytes(self) -> int:
        """What a row takes: its features and its targets."""
        return 4 * self.d + self._target_bytes

    @property
    def _target_bytes(self) -> int:
        return int(self.target_dtype.itemsize * np.prod(self.target_shape, dtype=np.int64))

    def append(self, X: Array, y: Array) -> None:
        """Write rows X (m, d) and y (m, ...) behind the others.

        Raises ShapeError for others; DataError for numbers that are not finite, and where the disk is full.
        """
        X = np.ascontiguousarray(X, np.float32)
        y = np.ascontiguousarray(y, self.target_dtype)
        if X.shape[1:] != (self.d,) or y.shape != (len(X), *self.target_shape):
            expected = f"(rows, {self.d}) and {('rows', *self.target_shape)}"
            raise ShapeError(f"rows have shapes {X.shape} and {y.shape}, expected {expected}")
        if not len(X):
            return
        for name, array in (("features", X), ("targets", y)):
            bad = ~np.isfinite(array).reshape(len(array), -1).all(1)
            if bad.any():
                row = self.n + int(np.argmax(bad))
                raise DataError(f"row {row} has {name} that are not finite, expected numbers")
        self.targets = min(self.targets[0], y.min()), max(self.targets[1], y.max())
        self._write(self._X, X)
        self._write(self._y, y)
        self.n += len(X)

    def _write(self, stream: IO[bytes], array: Array) -> None:
        left = memoryview(array.reshape(-1).view(np.uint8).data)
        try:
            while left:
                left = left[stream.write(left) :]
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            self.close()
            raise DataError(
                f"{self.folder}: no space for the encoded rows after {self.n} of them ({self.row_bytes} bytes each)",
                hint="free some, or name another folder with FORWARDNET_CACHE",
            ) from error

    def read(self, start: int, X: Array, y: Array) -> None:
        """Fill X (m, d) and y (m, ...), both contiguous, with the rows from `start` on. May be called by any thread."""
        self._read(self._X, start * 4 * self.d, X)
        self._read(self._y, start * self._target_bytes, y)

    def _read(self, stream: IO[bytes], offset: int, array: Array) -> None:
        left = memoryview(array.reshape(-1).view(np.uint8).data)
        with self._lock:
            stream.seek(offset)
            while left:
                got = stream.readinto(left)  # type: ignore[attr-defined]
                if not got:
                    raise DataError(f"the file of encoded rows ends within row {self.n - 1} of {self.n}")
                left = left[got:]

    def close(self) -> None:
        """Delete the rows."""
        self._X.close()
        self._y.close()

    def __enter__(self) -> RowStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
