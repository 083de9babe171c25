"""Brings columns to mean 0 and standard deviation 1, and remembers how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, FileFormatError, ForwardnetError, ShapeError
from .checks import check_features

BLOCK = 4096  # rows converted to float64 at a time, so that large data needs no second copy of that size


class Standardizer:
    """z = (x - mean) / scale, column by column; scale is the standard deviation (divisor n), 1 for a constant column.

    For X (n, d), or a single column (n,). Means and deviations are float64; what comes out is float32.
    """

    def __init__(self, mean: NDArray[np.float64] | None = None, scale: NDArray[np.float64] | None = None) -> None:
        self.mean = mean
        self.scale = scale

    def fit(self, X: Any) -> Standardizer:
        """Learn mean and scale from the rows of X. Raises DataError for NaN, infinities, no rows."""
        array = np.asarray(X)
        array = check_features(array, where="Standardizer.fit: X", ndim=1 if array.ndim == 1 else 2, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = array.mean(axis=0)
            # A second look at the differences: their mean corrects the rounding of the first.
            mean = mean + (array - mean).mean(axis=0)
            scale = np.sqrt(np.square(array - mean).mean(axis=0))
        # A column whose values differ by rounding alone (0.3 and 0.1 + 0.2) is constant: dividing by its deviation
        # would blow that noise up to size 1.
        if not np.isfinite(scale).all():
            raise DataError(
                f"Standardizer.fit: column {int(np.argmin(np.isfinite(scale)))} of X is too large to be squared"
            )
        is_constant = scale <= 10 * np.finfo(np.float64).eps * np.abs(mean)
        self.mean, self.scale = np.atleast_1d(mean), np.atleast_1d(np.where(is_constant, 1.0, scale))
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """(X - mean) / scale as float32, of the shape of X."""
        return self._map(X, lambda block, mean, scale: (block - mean) / scale, "transform")

    def inverse(self, Z: Any) -> NDArray[np.float32]:
        """Z * scale + mean as float32: undoes `transform`."""
        return self._map(Z, lambda block, mean, scale: block * scale + mean, "inverse")

    def fit_transform(self, X: Any) -> NDArray[np.float32]:
        """`fit`, then `transform`."""
        return self.fit(X).transform(X)

    def to_dict(self) -> dict[str, list[float]]:
        """For a JSON file; every float64 comes back exactly."""
        mean, scale = self._fitted("to_dict")
        return {"mean": mean.tolist(), "scale": scale.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Standardizer:
        """What `to_dict` gave. Raises FileFormatError unless it is two equally long lists, finite, with scales > 0."""
        try:
            mean, scale = (np.array(values[name], dtype=np.float64) for name in ("mean", "scale"))
        except (KeyError, TypeError, ValueError) as error:
            raise FileFormatError(f"standardizer: expected lists of numbers 'mean' and 'scale' ({error!r})") from error
        is_sound = mean.ndim == 1 and mean.shape == scale.shape and np.isfinite(mean).all() and np.isfinite(scale).all()
        if not is_sound or not (scale > 0).all():
            raise FileFormatError(
                f"standardizer: 'mean' {mean.shape} and 'scale' {scale.shape} are not equally many finite numbers "
                "with scales above 0"
            )
        return cls(mean, scale)

    def _fitted(self, where: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.mean is None or self.scale is None:
            raise ForwardnetError(f"Standardizer.{where}: nothing has been learnt yet", hint="call fit(X) first")
        return self.mean, self.scale

    def _map(self, X: Any, formula: Any, where: str) -> NDArray[np.float32]:
        mean, scale = self._fitted(where)
        array = np.asarray(X)
        width = array.shape[1] if array.ndim == 2 else 1
        if array.ndim not in (1, 2) or width != len(mean):
            raise ShapeError(f"Standardizer.{where}: the data has shape {array.shape}, expected {len(mean)} columns")
        rows = array.reshape(-1, width)
        result = np.empty(rows.shape, dtype=np.float32)
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK].astype(np.float64)
            result[start : start + BLOCK] = formula(block, mean, scale)
        return result.reshape(array.shape)
