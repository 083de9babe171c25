"""Where formulas fail on a computer: overflow and underflow in softmax and log-sum-exp, and ill-conditioned systems.

    explain.overflow("softmax", [1000.0, 1001.0]).summary()
    explain.conditioning([[1.0, 1.0], [1.0, 1.0001]]).summary()

(Goodfellow, Bengio & Courville 2016, sections 4.1 and 4.2; Higham 2002.)

Axis glossary: n numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.explain.curvature import condition_number
from forwardnet.explain.lanczos import random_vector
from forwardnet.nn import functional as F
from forwardnet.tensor.functional import from_numpy

Array = NDArray[Any]
Floats = NDArray[np.float64]
Formula = Callable[[Array], Array]


def _naive_softmax(x: Array) -> Array:
    powers = np.exp(x)
    return np.asarray(powers / powers.sum())


def _naive_log_sum_exp(x: Array) -> Array:
    return np.asarray(np.log(np.exp(x).sum()))


def _naive_log_softmax(x: Array) -> Array:
    return np.asarray(np.log(_naive_softmax(x)))


# As written in a textbook, and as the library computes it.
FORMULAS: dict[str, tuple[Formula, Callable[[Any], Any]]] = {
    "softmax": (_naive_softmax, lambda x: F.softmax(x, 0)),
    "log_sum_exp": (_naive_log_sum_exp, lambda x: x.logsumexp(0)),
    "log_softmax": (_naive_log_softmax, lambda x: F.log_softmax(x, 0)),
}


@dataclass(frozen=True)
class Overflow:
    """A formula on numbers of one type: as written, as the library computes it, and what it should be.

    `largest` is the largest x whose e^x the type holds, `exact` the value in exact arithmetic, rounded to float64.
    """

    formula: str
    x: Array
    naive: Array
    stable: Array
    exact: Floats
    largest: float

    @property
    def naive_error(self) -> float:
        """The largest relative error of the formula as written; infinite where it gave NaN, an infinity, or 0."""
        return _relative_error(self.naive, self.exact)

    @property
    def stable_error(self) -> float:
        """The largest relative error of the library's."""
        return _relative_error(self.stable, self.exact)

    def summary(self) -> str:
        """What went wrong, and what is done about it."""
        kind = self.x.dtype.name
        if not np.isfinite(self.naive).all():
            top, low = float(self.x.max()), float(self.x.min())
            too_large = f"e^{top:.4g} is more than {kind} holds (e^{self.largest:.2f})"
            why = too_large if top > self.largest else f"e^{low:.4g} is 0 in {kind}"
            wrong = f"gives {_short(self.naive)}: {why}"
        elif self.naive_error > 1e-3:
            wrong = f"gives {_short(self.naive)}, wrong by {self.naive_error:.1g}"
        else:
            wrong = f"is right here, to {self.naive_error:.1g}"
        return (
            f"{self.formula} of {_short(self.x)} as written {wrong}. With the largest number subtracted first it is "
            f"{_short(self.stable)}, right to {self.stable_error:.1g}."
        )


def overflow(formula: str, x: Any, *, dtype: Literal["float32", "float64"] = "float32") -> Overflow:
    """Compute a formula of `FORMULAS` on the numbers x (n,) as written and as the library does.

    e^x overflows above 88.7 in float32 and 709.8 in float64, and is 0 below about -104 and -746. Subtracting the
    largest x first changes nothing in exact arithmetic, leaves at least one power at 1, and lets none exceed it.

    Raises:
        UnknownNameError: there is no such formula.
        ShapeError: x is no vector.
    """
    if formula not in FORMULAS:
        raise unknown_name("formula", formula, FORMULAS)
    if dtype not in ("float32", "float64"):
        raise unknown_name("number type", dtype, ("float32", "float64"))
    given = np.asarray(x, dtype=dtype)
    if given.ndim != 1 or given.size == 0 or not np.isfinite(given).all():
        raise ShapeError(f"overflow: x has shape {given.shape}, expected a vector of finite numbers")
    naive, stable = FORMULAS[formula]
    with np.errstate(all="ignore"):
        written = naive(given)
    found = np.array(stable(from_numpy(given.copy())).numpy())
    return Overflow(formula, given, written, found, _exact(formula, given), math.log(float(np.finfo(dtype).max)))


def _exact(formula: str, x: Array) -> Floats:
    """The value in extended precision where the machine has it, in float64 elsewhere; never by the naive formula."""
    wide = x.astype(np.longdouble)
    top = wide.max()
    log_sum = top + np.log(np.exp(wide - top).sum())
    if formula == "log_sum_exp":
        return np.asarray(log_sum, dtype=np.float64)
    return np.asarray(wide - log_sum if formula == "log_softmax" else np.exp(wide - log_sum), dtype=np.float64)


def _relative_error(got: Array, exact: Floats) -> float:
    got = np.asarray(got, dtype=np.float64)
    if not np.isfinite(got).all():
        return math.inf
    size = np.maximum(np.abs(exact), np.finfo(np.float64).tiny)
    # Below the smallest number of the type 0 is the nearest one, and no error.
    error = np.where(np.abs(exact) < np.finfo(np.float32).tiny, 0.0, np.abs(got - exact) / size)
    return float(error.max())


def _short(values: Array) -> str:
    return np.array2string(np.asarray(values), precision=4, threshold=6, separator=", ")


@dataclass(frozen=True)
class Conditioning:
    """How a linear system A x = b answers small changes of b.

    `number` is the condition number, `amplification` the largest factor between the relative change of x and that of b
    that was found, `worst` the direction of change of b (n,) that gave it.
    """

    number: float
    amplification: float
    worst: Floats
    digits: float

    def summary(self) -> str:
        """What it means for the digits of a solution."""
        if not math.isfinite(self.number):
            return "The matrix is singular: A x = b has no solution, or many."
        told = "well" if self.number < 1e3 else "badly" if self.number < 1e8 else "very badly"
        return (
            f"Condition number {self.number:.3g}: {told} conditioned. A relative change of b was amplified "
            f"{self.amplification:.3g} times; about {max(0.0, math.log10(self.number)):.0f} of the {self.digits:.0f} "
            "decimal digits of float64 are lost."
        )


def conditioning(matrix: Any, *, tries: int = 50, seed: int = 0) -> Conditioning:
    """The condition number of a square matrix A (n, n), and how far changes of b in A x = b are amplified.

    Tries the worst pair, b along the singular vector of the largest singular value and the change along that of the
    smallest, which reaches the condition number, and `tries` random changes beside it.

    Raises:
        ShapeError: the matrix is not square.
    """
    a = np.asarray(matrix, dtype=np.float64)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.size == 0:
        raise ShapeError(f"conditioning: the matrix has shape {a.shape}, expected a square one")
    if tries < 0:
        raise ArgumentError(f"conditioning: tries is {tries}, expected 0 or more")
    number, digits = condition_number(a), -math.log10(np.finfo(np.float64).eps)
    n = len(a)
    left, _, _ = np.linalg.svd(a)
    if not math.isfinite(number) or number > 1 / np.finfo(np.float64).eps:
        return Conditioning(math.inf, math.inf, left[:, -1], digits)
    b = left[:, 0]
    x = np.linalg.solve(a, b)
    changes = [left[:, -1], *(random_vector(n, seed, i) for i in range(tries))]
    factors = [
        float(np.linalg.norm(np.linalg.solve(a, change)) / np.linalg.norm(x) / np.linalg.norm(change))
        for change in changes
    ]
    best = int(np.argmax(factors))
    return Conditioning(number, factors[best], changes[best] / np.linalg.norm(changes[best]), digits)
