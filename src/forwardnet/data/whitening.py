"""Turns columns into uncorrelated ones: principal components, and whitening to variance 1.

Axis glossary: n rows, d columns, k components.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, DataError, FileFormatError, ForwardnetError, ShapeError, unknown_name
from .checks import check_features
from .scaling import BLOCK

Floats = NDArray[np.float64]
Whiten = Literal["none", "pca", "zca"]
KINDS: tuple[Whiten, ...] = ("none", "pca", "zca")


class PCA:
    """z = A (x - mean), where the rows of A (k, d) are directions of largest variance, at right angles to each other.

    `components`: how many (None: all), or the share of the variance to keep (0 to 1, exclusive). `whiten`:

    * "none": coordinates along the directions, whose variances stay as they are;
    * "pca": the same divided by sqrt(variance + eps), so that the covariance is the identity;
    * "zca": that turned back to the columns, z = A' diag(variance + eps)^(-1/2) A (x - mean): white, and as close to x
      as white data can be (Bell & Sejnowski 1997).

    Variances have the divisor n - 1. After `fit`: `mean` (d,), `axes` (k, d) whose largest element is positive,
    `variances` (k,) falling, `share` (k,) of the whole variance. For X (n, d); what comes out is float32. Scale the
    columns first (`Standardizer`) where they have different units, because variance counts units.
    """

    def __init__(self, components: int | float | None = None, *, whiten: Whiten = "none", eps: float = 0.0) -> None:
        if whiten not in KINDS:
            raise unknown_name("whitening", whiten, KINDS)
        is_share = isinstance(components, float) and 0 < components < 1
        is_count = isinstance(components, int | np.integer) and not isinstance(components, bool) and components >= 1
        if components is not None and not is_share and not is_count:
            raise ArgumentError(f"PCA: components is {components!r}, expected a whole number >= 1, or a share below 1")
        if not 0 <= eps < float("inf"):
            raise ArgumentError(f"PCA: eps is {eps}, expected a number >= 0")
        self.components = components
        self.whiten: Whiten = whiten
        self.eps = float(eps)
        self.mean: Floats | None = None
        self.axes: Floats | None = None
        self.variances: Floats | None = None
        self.share: Floats | None = None

    def fit(self, X: Any) -> PCA:
        """Learn mean and directions from the rows of X. Raises DataError for NaN, infinities, fewer than two rows."""
        array = check_features(np.asarray(X), where="PCA.fit: X", ndim=2, dtype=np.float64)
        n, d = array.shape
        if n < 2:
            raise DataError(f"PCA.fit: X has {n} row, expected at least two, or there is no variance")
        mean = array.mean(axis=0)
        mean = mean + (array - mean).mean(axis=0)  # corrects the rounding of the first
        variances, axes = _by_covariance(array, mean) if d <= n else _by_svd(array, mean)
        # Rounding leaves directions without variance a little of either sign.
        variances = np.where(variances > 1e-14 * max(float(variances[0]), 0.0), variances, 0.0)
        total = float(variances.sum())
        k = self._count(variances, total)
        largest = np.argmax(np.abs(axes[:k]), axis=1)
        signs = np.where(axes[np.arange(k), largest] < 0, -1.0, 1.0)
        self.mean, self.axes, self.variances = mean, signs[:, None] * axes[:k], variances[:k]
        self.share = variances[:k] / total if total > 0 else np.zeros(k)
        return self

    def _count(self, variances: Floats, total: float) -> int:
        if self.components is None:
            return len(variances)
        if isinstance(self.components, float):
            reached = np.cumsum(variances) >= self.components * total - 1e-12 * total
            return int(np.argmax(reached)) + 1
        if self.components > len(variances):
            raise ArgumentError(f"PCA: components is {self.components}, but X allows at most {len(variances)}")
        return int(self.components)

    def transform(self, X: Any) -> NDArray[np.float32]:
        """The components of the rows of X: float32 (n, k), for "zca" (n, d)."""
        mean, axes, scales = self._fitted("transform")
        turned = axes.T / scales if self.whiten != "none" else axes.T
        matrix = turned @ axes if self.whiten == "zca" else turned
        return self._map(X, len(mean), lambda block: (block - mean) @ matrix, "transform")

    def inverse(self, Z: Any) -> NDArray[np.float32]:
        """Rows with these components, float32 (n, d): undoes `transform` up to the components that were left out."""
        mean, axes, scales = self._fitted("inverse")
        turned = (axes.T * scales).T if self.whiten != "none" else axes
        matrix = axes.T @ turned if self.whiten == "zca" else turned
        return self._map(Z, len(matrix), lambda block: block @ matrix + mean, "inverse")

    def fit_transform(self, X: Any) -> NDArray[np.float32]:
        """`fit`, then `transform`."""
        return self.fit(X).transform(X)

    def summary(self) -> str:
        """How much of the variance the components hold, in words."""
        self._fitted("summary")
        assert self.share is not None and self.mean is not None
        first = ", ".join(f"{share:.2%}" for share in self.share[:5]) + (", ..." if len(self.share) > 5 else "")
        return (
            f"{len(self.share)} of {len(self.mean)} directions hold {self.share.sum():.2%} of the variance: {first}"
            + {"none": ".", "pca": "; scaled to variance 1.", "zca": "; scaled to variance 1 and turned back."}[
                self.whiten
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """For a JSON file; every float64 comes back exactly."""
        self._fitted("to_dict")
        learnt = {name: getattr(self, name).tolist() for name in ("mean", "axes", "variances", "share")}
        return {"whiten": self.whiten, "eps": self.eps, **learnt}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PCA:
        """What `to_dict` gave. Raises FileFormatError unless shapes agree and all numbers are usable."""
        try:
            made = cls(whiten=values["whiten"], eps=values["eps"])
            mean, axes, variances, share = (
                np.array(values[name], dtype=np.float64) for name in ("mean", "axes", "variances", "share")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FileFormatError(f"pca: expected 'whiten', 'eps' and lists of numbers ({error!r})") from error
        fits = mean.ndim == 1 and axes.ndim == 2 and axes.shape[1:] == mean.shape
        fits = fits and variances.shape == share.shape == axes.shape[:1] and axes.size > 0
        if not fits or not all(np.isfinite(a).all() for a in (mean, axes, variances, share)) or variances.min() < 0:
            raise FileFormatError(
                f"pca: 'mean' {mean.shape}, 'axes' {axes.shape}, 'variances' {variances.shape} and 'share' "
                f"{share.shape} do not fit together, or hold numbers that cannot be"
            )
        made.mean, made.axes, made.variances, made.share = mean, axes, variances, share
        made.components = len(axes)
        return made

    def _fitted(self, where: str) -> tuple[Floats, Floats, Floats]:
        """Mean, axes, and what whitening divides by: 1 where there is no variance to bring to 1."""
        if self.mean is None or self.axes is None or self.variances is None:
            raise ForwardnetError(f"PCA.{where}: nothing has been learnt yet", hint="call fit(X) first")
        padded = self.variances + self.eps
        return self.mean, self.axes, np.sqrt(np.where(padded > 0, padded, 1.0))

    @staticmethod
    def _map(X: Any, width: int, formula: Any, where: str) -> NDArray[np.float32]:
        array = np.asarray(X)
        if array.ndim != 2 or array.shape[1] != width:
            raise ShapeError(f"PCA.{where}: the data has shape {array.shape}, expected (rows, {width})")
        blocks = [
            formula(array[start : start + BLOCK].astype(np.float64)).astype(np.float32)
            for start in range(0, max(len(array), 1), BLOCK)
        ]
        return np.concatenate(blocks)


def _by_covariance(array: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """Variances, falling, and directions, from the covariance matrix (d, d), which needs no second copy of the data."""
    d = array.shape[1]
    covariance = np.zeros((d, d))
    for start in range(0, len(array), BLOCK):
        block = array[start : start + BLOCK] - mean
        with np.errstate(over="ignore", invalid="ignore"):
            covariance += block.T @ block
    if not np.isfinite(covariance).all():
        raise DataError("PCA.fit: X is too large to be squared")
    values, vectors = np.linalg.eigh(covariance / (len(array) - 1))
    return values[::-1], vectors[:, ::-1].T


def _by_svd(array: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """The same for fewer rows than columns, of which at most n - 1 directions have variance."""
    _, sizes, axes = np.linalg.svd(array - mean, full_matrices=False)
    return sizes**2 / (len(array) - 1), axes
