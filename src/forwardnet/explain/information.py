"""Information and its relatives: self-information, entropy, cross-entropy, divergence, and tables of joint probability.

`base` is the unit: e for nats, 2 for bits. 0 log 0 counts as 0, its limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import ArgumentError, DataError, ShapeError

Floats = NDArray[np.float64]


def self_information(p: Any, *, base: float = math.e) -> Floats:
    """I = -log p, of each element: how surprising an event of that probability is; infinite for p = 0."""
    p = _probabilities(p, "self_information", sums=False)
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(p) / math.log(base)) + 0.0


def entropy(p: Any, *, base: float = math.e) -> float:
    """H = -sum p log p = E[-log p]: the mean surprise, at most log of the number of outcomes (Shannon 1948).

    Raises:
        DataError: `p` is no distribution: negative, or not of sum 1.
    """
    p = _probabilities(p, "entropy")
    return float(-_p_log(p, p).sum() / math.log(base)) + 0.0


def cross_entropy(p: Any, q: Any, *, base: float = math.e) -> float:
    """-sum p log q: the mean surprise of what comes from p to one who expects q; infinite where q is 0 and p not.

    The loss of a classifier that says q when the truth is p; equals H(p) + KL(p || q).
    """
    p, q = _pair(p, q, "cross_entropy")
    return float(-_p_log(p, q).sum() / math.log(base)) + 0.0


def kl_divergence(p: Any, q: Any, *, base: float = math.e) -> float:
    """KL(p || q) = sum p log(p / q) >= 0: what expecting q costs where p is true (Kullback & Leibler 1951).

    Not symmetric: KL(p || q) is infinite where q is 0 and p is not, KL(q || p) where p is.
    """
    p, q = _pair(p, q, "kl_divergence")
    return max(0.0, float((_p_log(p, p) - _p_log(p, q)).sum() / math.log(base)))


@dataclass(frozen=True)
class Estimate:
    """A mean over samples and its standard error."""

    value: float
    error: float
    n: int

    def summary(self) -> str:
        """The estimate in words."""
        return f"{self.value:.4g} +- {self.error:.2g} (standard error, {self.n} samples)"


def kl_from_samples(log_p: Callable[[Any], Any], log_q: Callable[[Any], Any], samples: Any) -> Estimate:
    """KL(p || q) as the mean of log p(x) - log q(x) over `samples` x of p, with its standard error.

    For distributions whose densities are known and whose divergence has no formula, such as mixtures.

    Raises:
        DataError: fewer than two samples, or a sample that p rules out.
    """
    difference = np.asarray(log_p(samples), dtype=np.float64) - np.asarray(log_q(samples), dtype=np.float64)
    n = difference.size
    if n < 2 or np.isnan(difference).any() or (difference == -np.inf).any():
        raise DataError("kl_from_samples: expected two or more samples of p, at which its density is not 0")
    if np.isinf(difference).any():  # q rules out what p does
        return Estimate(math.inf, 0.0, n)
    return Estimate(float(difference.mean()), float(difference.std(ddof=1) / math.sqrt(n)), n)


class Joint:
    """A table of joint probabilities P(a, b, ...), one axis for each variable.

    `values` names the variables, in the order of the axes, and gives what each position stands for:
    `Joint([[0.1, 0.3], [0.2, 0.4]], {"x": [0, 1], "y": [0, 1]})`.

    Raises:
        DataError: the table is no distribution.
        ShapeError: names and values do not fit the table.
    """

    def __init__(self, table: Any, values: Mapping[str, Any]) -> None:
        self.table = _probabilities(table, "Joint")
        self.values = {name: np.asarray(given, dtype=np.float64) for name, given in values.items()}
        if tuple(len(v) for v in self.values.values()) != self.table.shape:
            raise ShapeError(
                f"Joint: the table has shape {self.table.shape}, the values {list(map(len, values.values()))}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, in the order of the axes."""
        return tuple(self.values)

    def marginal(self, *names: str) -> Joint:
        """P(names): the others summed out."""
        axes = [self._axis(name) for name in names]
        table = self.table.sum(axis=tuple(i for i in range(self.table.ndim) if i not in axes))
        kept = [name for name in self.names if name in names]
        return Joint(np.transpose(table, [kept.index(n) for n in names]), {n: self.values[n] for n in names})

    def given(self, **known: float) -> Joint:
        """P(the others | known): divided by the probability of what is known.

        Raises:
            ArgumentError: that has probability 0, or a value does not occur.
        """
        index: list[Any] = [slice(None)] * self.table.ndim
        for name, value in known.items():
            found = np.flatnonzero(self.values[name] == value) if name in self.values else np.array([], int)
            if not len(found):
                raise ArgumentError(f"Joint.given: there is no {name} = {value}")
            index[self._axis(name)] = int(found[0])
        part = self.table[tuple(index)]
        if part.sum() == 0:
            raise ArgumentError(f"Joint.given: {known} has probability 0, and nothing follows from it")
        return Joint(part / part.sum(), {n: v for n, v in self.values.items() if n not in known})

    def independent(self, first: str, second: str) -> bool:
        """Whether P(a, b) = P(a) P(b) for all values, to rounding."""
        both = self.marginal(first, second).table
        product = np.outer(self.marginal(first).table, self.marginal(second).table)
        return bool(np.abs(both - product).max() < 1e-12)

    def mutual_information(self, first: str, second: str, *, base: float = math.e) -> float:
        """KL(P(a, b) || P(a) P(b)): what one variable tells of the other; 0 if they are independent."""
        both = self.marginal(first, second).table
        product = np.outer(self.marginal(first).table, self.marginal(second).table)
        return kl_divergence(both, product, base=base)

    def expectation(self, function: Callable[..., Any]) -> float:
        """E[function(a, b, ...)], the values given in the order of the axes."""
        grids = np.meshgrid(*self.values.values(), indexing="ij")
        return float((self.table * np.asarray(function(*grids), dtype=np.float64)).sum())

    def mean(self, name: str) -> float:
        """E[a]."""
        return float(self.marginal(name).table @ self.values[name])

    def covariance(self, first: str, second: str) -> float:
        """E[(a - E a)(b - E b)]; of a variable with itself its variance."""
        if first == second:
            return float(self.marginal(first).table @ (self.values[first] - self.mean(first)) ** 2)
        off = np.outer(self.values[first] - self.mean(first), self.values[second] - self.mean(second))
        return float((self.marginal(first, second).table * off).sum())

    def variance(self, name: str) -> float:
        """E[(a - E a)^2]."""
        return self.covariance(name, name)

    def _axis(self, name: str) -> int:
        if name not in self.values:
            raise ArgumentError(f"Joint: there is no variable {name!r}", hint=f"variables: {', '.join(self.names)}")
        return self.names.index(name)


def _p_log(p: Floats, q: Floats) -> Floats:
    """p log q, 0 where p is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > 0, p * np.log(q), 0.0)


def _pair(p: Any, q: Any, where: str) -> tuple[Floats, Floats]:
    first, second = _probabilities(p, where), _probabilities(q, where)
    if first.shape != second.shape:
        raise ShapeError(f"{where}: p has shape {first.shape} and q {second.shape}, expected the same")
    return first, second


def _probabilities(p: Any, where: str, *, sums: bool = True) -> Floats:
    array = np.asarray(p, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all() or array.min() < 0 or array.max() > 1 + 1e-9:
        raise DataError(f"{where}: expected probabilities from 0 to 1, got {np.array2string(array, threshold=6)}")
    if sums and abs(array.sum() - 1) > 1e-6:
        raise DataError(f"{where}: the probabilities sum to {array.sum():.6g}, expected 1", hint="p / p.sum()")
    return array
