"""Data made by a formula and a seed, with NumPy alone.

Each function returns X as float64 (n, d) and y. The same arguments give the same bits everywhere, because NumPy keeps
the streams of `RandomState` fixed for all time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from .mixtures import GaussianMixture

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def moons(*, n: int = 200, noise: float = 0.2, seed: int = 0) -> tuple[Floats, Labels]:
    """(cos t, sin t) and (1 - cos t, 1/2 - sin t), t in 0 .. pi, plus N(0, noise^2): two interleaving half circles.

    X (n, 2), y in {0, 1}. Bit for bit `sklearn.datasets.make_moons(n, noise=noise, random_state=seed)`.
    """
    _check_size("moons", n, 2, noise)
    n_outer = n // 2
    outer, inner = np.linspace(0, np.pi, n_outer), np.linspace(0, np.pi, n - n_outer)
    x = np.append(np.cos(outer), 1 - np.cos(inner))
    # Two subtractions rather than one of the sum: the rounding is part of being bit-identical.
    y = np.append(np.sin(outer), 1 - np.sin(inner) - 0.5)
    return _shuffled_with_noise(np.stack([x, y], axis=1), _halves(n), noise, seed)


def circles(*, n: int = 200, noise: float = 0.1, factor: float = 0.5, seed: int = 0) -> tuple[Floats, Labels]:
    """(cos t, sin t) and factor * (cos t, sin t), plus N(0, noise^2): a ring around a ring.

    X (n, 2), y in {0, 1}; 0 <= factor < 1 is the inner radius.
    Bit for bit `sklearn.datasets.make_circles(n, noise=noise, factor=factor, random_state=seed)`.
    """
    _check_size("circles", n, 2, noise)
    if not 0 <= factor < 1:
        raise ArgumentError(f"circles: factor is {factor}, expected 0 <= factor < 1")
    n_outer = n // 2
    outer, inner = (np.linspace(0, 2 * np.pi, count, endpoint=False) for count in (n_outer, n - n_outer))
    x = np.append(np.cos(outer), np.cos(inner) * factor)
    y = np.append(np.sin(outer), np.sin(inner) * factor)
    return _shuffled_with_noise(np.stack([x, y], axis=1), _halves(n), noise, seed)


def spirals(
    *, n: int = 300, arms: int = 2, turns: float = 1.25, noise: float = 0.03, seed: int = 0
) -> tuple[Floats, Labels]:
    """r (cos a, sin a) with r in 0.1 .. 1 and a = 2 pi (turns r + arm/arms), plus N(0, noise^2).

    X (n, 2), y the arm, 0 .. arms-1. A classic that no straight line, and no small network, can separate.
    """
    _check_size("spirals", n, arms, noise)
    if arms < 2:
        raise ArgumentError(f"spirals: arms is {arms}, expected at least 2")
    label = np.arange(n, dtype=np.int64) % arms
    position = np.arange(n) // arms
    r = 0.1 + 0.9 * position / max(int(position.max()), 1)
    angle = 2 * np.pi * (turns * r + label / arms)
    X = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
    return _shuffled_with_noise(X, label, noise, seed)


def blobs(
    *, n: int = 300, centers: int | Sequence[Sequence[float]] = 3, std: float = 1.0, seed: int = 0
) -> tuple[Floats, Labels]:
    """Normal clouds N(center, std^2 I), the same number of points in each (differing by one at most).

    `centers`: how many, spread evenly on a circle of radius 4, or their coordinates (k, d).
    X (n, d), y the number of the cloud.
    """
    if isinstance(centers, int):
        angle = 2 * np.pi * np.arange(centers) / max(centers, 1)
        where = 4.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    else:
        where = np.asarray(centers, dtype=np.float64)
    if where.ndim != 2 or len(where) < 2:
        raise ArgumentError(f"blobs: centers is {centers!r}, expected at least two centers")
    _check_size("blobs", n, len(where), std)
    label = np.arange(n, dtype=np.int64) % len(where)
    return _shuffled_with_noise(where[label], label, std, seed)


def mixture(
    *,
    n: int = 300,
    weights: Sequence[float] = (0.5, 0.3, 0.2),
    means: Sequence[Any] = ((-2.0, 0.0), (0.0, 2.0), (3.0, 0.0)),
    scales: Sequence[Any] = (0.5, 1.0, 0.8),
    seed: int = 0,
) -> tuple[Floats, Labels]:
    """Rows of a mixture of normal clouds N(means[k], scales[k]^2 I), each chosen with probability weights[k].

    X (n, d), y the number of the cloud; unlike in `blobs`, how many rows each has is chance. `data.mixtures` has the
    density, and the fit of a mixture to data.
    """
    _check_size("mixture", n, len(weights), 0.0)
    _random(seed)  # refuses a seed that is none
    return GaussianMixture(weights, means, scales=scales).sample(n, seed=int(seed))


def inverse_sine(*, n: int = 300, noise: float = 0.1, seed: int = 0) -> tuple[Floats, Floats]:
    """x = y + 0.3 sin(2 pi y) + noise * U(-1, 1), y uniform in 0 .. 1, to be read backwards, y from x.

    X (n, 1), y (n,). Around x = 0.5 three values of y are likely, and their mean is not: squared error fails
    here, a mixture density does not (Bishop 1994).
    """
    _check_size("inverse_sine", n, 2, noise)
    random = _random(seed)
    y = random.uniform(size=n)
    x = y + 0.3 * np.sin(2 * np.pi * y) + noise * random.uniform(-1, 1, size=n)
    return x[:, None], y


def xor() -> tuple[Floats, Labels]:
    """y = x1 xor x2: the four rows 00, 01, 10, 11 with y = 0, 1, 1, 0."""
    return np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0], dtype=np.int64)


def and_() -> tuple[Floats, Labels]:
    """y = x1 and x2: the four rows 00, 01, 10, 11 with y = 0, 0, 0, 1."""
    return xor()[0], np.array([0, 0, 0, 1], dtype=np.int64)


def or_() -> tuple[Floats, Labels]:
    """y = x1 or x2: the four rows 00, 01, 10, 11 with y = 0, 1, 1, 1."""
    return xor()[0], np.array([0, 1, 1, 1], dtype=np.int64)


def not_() -> tuple[Floats, Labels]:
    """y = not x: the two rows 0 and 1 with y = 1 and 0."""
    return np.array([[0.0], [1.0]]), np.array([1, 0], dtype=np.int64)


def separable(*, n: int = 200, margin: float = 0.2, seed: int = 0) -> tuple[Floats, Labels]:
    """Points of a square on both sides of the line (3 x1 + 4 x2) / 5 = 0.1, none nearer to it than margin / 2.

    X (n, 2), y = 1 above it. A perceptron finds such a line in a bounded number of corrections.
    """
    _check_size("separable", n, 2, margin)
    if not margin > 0:
        raise ArgumentError(f"separable: margin is {margin!r}, expected a number > 0")
    normal = np.array([0.6, 0.8])
    X = _random(seed).uniform(-1, 1, size=(n, 2))
    y = (X @ normal > 0.1).astype(np.int64)
    return X + np.outer(y - 0.5, margin * normal), y


def line(
    *, n: int = 100, slope: float = 2.0, intercept: float = 1.0, noise: float = 0.3, seed: int = 0
) -> tuple[Floats, Floats]:
    """y = slope x + intercept + N(0, noise^2), x uniform in -1 .. 1. X (n, 1), y (n,)."""
    return polynomial(n=n, coefficients=(intercept, slope), noise=noise, seed=seed)


def polynomial(
    *, n: int = 30, coefficients: Sequence[float] = (1.0, 2.0, -3.0), noise: float = 0.3, seed: int = 0
) -> tuple[Floats, Floats]:
    """y = sum_k coefficients[k] x^k + N(0, noise^2), x uniform in -1 .. 1. X (n, 1), y (n,).

    Few rows and a model with many powers show what learning by heart is.
    """
    _check_size("polynomial", n, 2, noise)
    random = _random(seed)
    x = random.uniform(-1, 1, size=n)
    return x[:, None], np.polyval(list(coefficients)[::-1], x) + random.normal(scale=noise, size=n)


def sine(*, n: int = 200, noise: float = 0.1, seed: int = 0) -> tuple[Floats, Floats]:
    """y = sin x + N(0, noise^2), x = linspace(-pi, pi, n). X (n, 1) in radians, y (n,)."""
    _check_size("sine", n, 2, noise)
    x = np.linspace(-np.pi, np.pi, n)
    return x[:, None], np.sin(x) + _random(seed).normal(scale=noise, size=n)


def parabola(*, n: int = 100, noise: float = 0.2, seed: int = 100) -> tuple[Floats, Floats]:
    """y = 3 x^2 + 2 + noise * U[0, 1), x = linspace(-1, 1, n). X (n, 1), y (n,).

    The noise is never negative: its mean is noise/2, so a fit finds the constant 2.1 and not 2.
    The numbers are those that a float32 `rand(n)` of the Mersenne Twister gives after seeding with `seed`:
    the low 24 bits of each 32-bit output, as a fraction.
    """
    _check_size("parabola", n, 2, noise)
    x = np.linspace(-1, 1, n)
    bits = _random(seed).randint(0, 2**32, size=n, dtype=np.uint32)
    uniform = (bits & np.uint32(2**24 - 1)) / 2**24
    return x[:, None], 3 * x**2 + 2 + noise * uniform


def _halves(n: int) -> Labels:
    """n // 2 zeros, then ones."""
    return (np.arange(n) >= n // 2).astype(np.int64)


def _shuffled_with_noise(X: Floats, y: Labels, noise: float, seed: int) -> tuple[Floats, Labels]:
    """Rows in random order, then N(0, noise^2) added: the order of the two draws fixes the bits."""
    random = _random(seed)
    order = np.arange(len(X))
    random.shuffle(order)
    X, y = X[order], y[order]
    X += random.normal(scale=noise, size=X.shape)
    return X, y


def _random(seed: Any) -> np.random.RandomState:
    """The generator of `seed`, which has 32 bits."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ArgumentError(f"seed is {seed!r}, expected a whole number from 0 to {2**32 - 1}")
    return np.random.RandomState(int(seed))


def _check_size(where: str, n: int, n_min: int, noise: float) -> None:
    """At least `n_min` rows (one per class) and a finite noise that is not negative."""
    if not isinstance(n, int | np.integer):
        raise ArgumentError(f"{where}: n is {n!r}, expected a whole number")
    if n < n_min:
        raise ArgumentError(f"{where}: n is {n}, expected at least {n_min}")
    if not 0 <= noise < math.inf:
        raise ArgumentError(f"{where}: noise is {noise}, expected a number >= 0")
