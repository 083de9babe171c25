"""Rows in a private file: written once, read in parts, gone at the end."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from forwardnet.data.rows import RowStore
from forwardnet.errors import DataError, ShapeError


@pytest.mark.parametrize(("shape", "dtype"), [((), np.int64), ((), np.float32), ((2,), np.float32)])
def test_what_is_written_is_read(tmp_path, shape, dtype):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 3)).astype(np.float32)
    y = (10 * rng.standard_normal((50, *shape))).astype(dtype)
    with RowStore(3, target_shape=shape, target_dtype=dtype, folder=tmp_path / "rows") as store:
        for part in np.split(np.arange(50), [7, 7, 30]):
            store.append(X[part], y[part])
        assert len(store) == 50 and store.row_bytes == 12 + y[0].nbytes
        assert store.targets == (y.min(), y.max())
        got_X, got_y = np.empty((20, 3), np.float32), np.empty((20, *shape), dtype)
        store.read(13, got_X, got_y)
        np.testing.assert_array_equal(got_X, X[13:33])
        np.testing.assert_array_equal(got_y, y[13:33])
        with pytest.raises(DataError, match="ends within row"):
            store.read(40, got_X, got_y)


def test_the_folder_is_private_and_the_file_has_no_name(tmp_path):
    with RowStore(2, folder=tmp_path / "rows") as store:
        store.append(np.ones((4, 2)), np.ones(4))
        assert os.listdir(tmp_path / "rows") == []
        assert (tmp_path / "rows").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("X", "y", "error"),
    [
        (np.ones((2, 3)), np.ones(2), ShapeError),
        (np.ones((2, 2)), np.ones(3), ShapeError),
        (np.array([[1.0, 2], [np.nan, 1]]), np.ones(2), DataError),
        (np.ones((2, 2)), np.array([np.inf, 1]), DataError),
    ],
)
def test_rows_that_cannot_be_learnt_from_are_refused(tmp_path, X, y, error):
    with RowStore(2, folder=tmp_path / "rows") as store:
        store.append(np.ones((5, 2)), np.ones(5))
        with pytest.raises(error, match=r"expected|row [56] has"):
            store.append(X, y)


def test_a_full_disk_is_one_sentence(tmp_path):
    class Full:
        """A file for which there is no more room."""

        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            self.is_closed = True

    store = RowStore(2, folder=tmp_path / "rows")
    store._X.close()
    store._X = Full()
    with pytest.raises(DataError, match=r"no space for the encoded rows after 0 of them \(12 bytes each\)"):
        store.append(np.ones((5, 2)), np.ones(5))
    assert store._X.is_closed and store._y.closed  # what was written is given back at once
