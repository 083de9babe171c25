"""Numbers to a network's size: by mean and deviation, by quartiles, by ranks, or not at all.

Axis glossary: n rows, k columns, q quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.scaling import BLOCK, Standardizer
from forwardnet.data.tables import stored
from forwardnet.errors import FileFormatError, unknown_name

Floats = NDArray[np.float64]

METHODS = {
    "standard": "(x - mean) / standard deviation",
    "robust": "c = (x - median) / (upper - lower quartile), then c / sqrt(1 + (c / 3)^2), which stays within -3 and 3",
    "quantile": "the normal quantile of x's rank among the training rows",
    "none": "x",
}
# No value of n training rows is farther than sqrt(n) deviations from their mean: what lies beyond this is damage, and
# its square would soon overflow float32.
FARTHEST = 1e6
LARGEST = dict.fromkeys(METHODS, FARTHEST) | {"none": float(np.finfo(np.float32).max)}
WIDEST = 1e300  # numbers beyond it stand there, so that differences of two stay finite
NOISE = 1e-5  # deviation of the noise that tells equal values apart before quantiles are taken
EDGE = 1e-7  # what lies this close to the smallest or largest training value is taken to lie there
_TAIL = EDGE - float(np.spacing(1))  # the smallest probability that is told from 0


def is_near_constant(values: Floats) -> bool:
    """Whether the values (no NaN) differ by no more than rounding: a range of 1e-6 of their size.

    Whole numbers are exact, so theirs is a range of 0. Such a column has no information, and what is divided by its
    width explodes as soon as a value comes from outside.
    """
    if not len(values):
        return True
    low, high = float(values.min()), float(values.max())
    size = max(abs(low), abs(high))
    if high - low > 1e-6 * size and high - low > 1 / WIDEST:
        return False
    return low == high or not bool((values == np.floor(values)).all())


def are_apart(q25: float, q75: float) -> bool:
    """Whether the quartiles differ by more than rounding: if not, half of the values or more are one value."""
    return q75 - q25 > 1e-15 * max(abs(q25), abs(q75))


def quartile_scale(q25: float, q75: float, low: float, high: float) -> float:
    """q75 - q25, or half the range where the quartiles are equal."""
    return q75 - q25 if are_apart(q25, q75) else 0.5 * (high - low)


def smooth_clip(x: Any) -> Any:
    """x / sqrt(1 + (x / 3)^2)."""
    return x / np.sqrt(1 + np.square(x / 3))


class NumberScaler:
    """Maps columns of numbers as `method` says (METHODS); missing ones become the middle, 0 (the mean for "none").

    After `fit`: `center` and `scale` (k,), and for "quantile" the `quantiles`, one rising (q,) array per column.
    Formulas are computed in float64 and results are float32; they never overflow: see FARTHEST.
    """

    def __init__(self, method: str = "standard", *, seed: int = 0) -> None:
        if method not in METHODS:
            raise unknown_name("scaling of numbers", method, METHODS)
        self.method = method
        self.seed = seed
        self.center: Floats = np.zeros(0)
        self.scale: Floats = np.ones(0)
        self.quantiles = []

    @property
    def quantiles(self) -> list[Floats]:
        """The quantiles of each column."""
        return [rising for rising, _, _ in self._curves]

    @quantiles.setter
    def quantiles(self, values: Sequence[Floats]) -> None:
        # What each row would have to compute again: the negatives in rising order, and the ranks.
        self._curves = [(q, -q[::-1], np.linspace(0, 1, len(q))) for q in values]

    def fit(self, columns: Sequence[Floats]) -> NumberScaler:
        """Learn from columns (n,) that are not nearly constant; NaN is left out."""
        columns = [np.clip(column, -WIDEST, WIDEST) for column in columns]
        learnt = [self._learn(column[~np.isnan(column)]) for column in columns]
        self.center = np.array([center for center, _ in learnt], dtype=np.float64)
        self.scale = np.array([scale for _, scale in learnt], dtype=np.float64)
        if self.method == "quantile":
            self.quantiles = [self._quantiles(column, i) for i, column in enumerate(columns)]
        return self

    def transform(self, columns: Sequence[Floats], out: NDArray[np.float32]) -> tuple[int, int] | None:
        """Write the columns (n,) each, scaled, into `out` (n, k).

        Returns column and row of the first infinite number that is met, and stops there.
        """
        if not columns:
            return None
        for start in range(0, len(out), BLOCK):
            x = np.stack([column[start : start + BLOCK] for column in columns])
            infinite = np.isinf(x)
            if infinite.any():
                column, row = divmod(int(np.argmax(infinite)), x.shape[1])
                return column, start + row
            out[start : start + BLOCK] = self._scaled(np.clip(x, -WIDEST, WIDEST)).T
        return None

    def _scaled(self, x: Floats) -> Floats:
        """The columns x (k, n), scaled."""
        center, scale = self.center[:, None], self.scale[:, None]
        is_missing = np.isnan(x)
        if self.method == "none":
            z = np.where(is_missing, center, x)
        elif self.method == "quantile":
            z = self._ranked(x)
        else:
            with np.errstate(over="ignore"):
                z = (x - center) / scale
        z = np.clip(z, -LARGEST[self.method], LARGEST[self.method])
        if self.method == "robust":
            z = smooth_clip(z)
        if self.method != "none":
            z[is_missing] = 0
        return z

    def to_dict(self) -> dict[str, Any]:
        """For a JSON file; every float64 comes back exactly."""
        state: dict[str, Any] = {"method": self.method, "center": self.center.tolist(), "scale": self.scale.tolist()}
        if self.method == "quantile":
            state["quantiles"] = [quantiles.tolist() for quantiles in self.quantiles]
        return state

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], width: int, where: str) -> NumberScaler:
        """What `to_dict` gave, for `width` columns. Raises FileFormatError for anything else."""
        self = cls(stored.text(values, "method", where, METHODS))
        self.center = stored.floats(values, "center", where, length=width)
        self.scale = stored.floats(values, "scale", where, length=width, positive=True)
        if self.method == "quantile":
            lists = stored.field(values, "quantiles", where)
            if not isinstance(lists, list) or len(lists) != width:
                raise FileFormatError(f"{where}: expected {width} lists of quantiles")
            self.quantiles = [_stored_quantiles(lists[i], f"{where}, column {i}") for i in range(width)]
        return self

    def _learn(self, values: Floats) -> tuple[float, float]:
        """Center and scale of the values of one column."""
        low, high = float(values.min()), float(values.max())
        if self.method == "robust":
            q25, median, q75 = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
            return median, quartile_scale(q25, q75, low, high)
        # Measured in widths of the column, so that nothing is too large or too small to be squared.
        standardizer = Standardizer().fit((values - low) / (high - low))
        assert standardizer.mean is not None and standardizer.scale is not None
        mean = low + (high - low) * float(standardizer.mean[0])
        deviation = (high - low) * float(standardizer.scale[0])
        return mean, 1.0 if self.method == "none" else deviation

    def _quantiles(self, column: Floats, i: int) -> Floats:
        """Quantiles at equally spaced ranks, of values that a little noise has made different.

        As TabM does it (Gorishniy et al. 2025): max(min(n / 30, 1000), 10) of them, noise of deviation 1e-5; less for
        columns so narrow that this would blur them.
        """
        values = column[~np.isnan(column)]
        n = max(min(len(column) // 30, 1000), 10)
        noise = np.random.default_rng((self.seed, i)).normal(0.0, NOISE * float(_fineness(self.scale[i])), len(values))
        quantiles = np.percentile(values + noise, np.linspace(0, 1, min(n, max(len(values), 2))) * 100)
        return np.asarray(np.maximum.accumulate(quantiles), dtype=np.float64)  # rounding may have let them fall

    def _ranked(self, x: Floats) -> Floats:
        """The normal quantile of each value's rank; the mean of the lowest and the highest where ranks are tied."""
        from scipy.special import ndtri

        p = np.empty_like(x)
        for i, row in enumerate(x):
            rising, falling, ranks = self._curves[i]
            p[i] = 0.5 * (np.interp(row, rising, ranks) - np.interp(-row, falling, -ranks[::-1]))
        edge = EDGE * _fineness(self.scale[:, None])
        p[x + edge > np.array([[rising[-1]] for rising, _, _ in self._curves])] = 1
        p[x - edge < np.array([[rising[0]] for rising, _, _ in self._curves])] = 0
        return np.asarray(np.clip(ndtri(p), ndtri(_TAIL), ndtri(1 - _TAIL)))


def _fineness(deviation: Any) -> Any:
    """How much finer than usual noise and edges must be: for columns of a deviation below 1/100."""
    return np.minimum(1.0, 100 * deviation)


def _stored_quantiles(values: Any, where: str) -> Floats:
    """The quantiles of one column in a file."""
    quantiles = stored.floats({"quantiles": values}, "quantiles", where)
    if len(quantiles) < 2 or (np.diff(quantiles) < 0).any():
        raise FileFormatError(f"{where}: quantiles are not a rising list of two or more")
    return quantiles
