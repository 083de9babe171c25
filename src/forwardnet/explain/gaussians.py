"""Normal distributions: density, divergence in closed form, and the best normal distribution for a mixture.

    explain.fit_gaussian(mixture, "forward"), explain.fit_gaussian(mixture, "reverse")

Fitting q to p by the least KL(p || q) covers all of p, because q must not be 0 where p is not; by the least KL(q || p)
it settles on one peak, because q must not reach where p does not (Bishop 2006, section 10.1.2).

Axis glossary: n rows, d numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.mixtures import GaussianMixture
from forwardnet.errors import ShapeError, unknown_name

Floats = NDArray[np.float64]
Direction = Literal["forward", "reverse"]

# Means over a standard normal distribution are sums over this grid: the trapezium rule is exact to rounding for smooth
# functions. Gauss-Hermite places are not: log p bends sharply between two peaks, and no polynomial follows it.
REACH, PLACES = 10.0, 4001
STEPS = 200


class Gaussian(GaussianMixture):
    """N(x; mean, covariance): a mixture of one component, with its density, samples and moments.

    `mean` (d,) or a number, and `covariance` (d, d) or a variance; `Gaussian()` is the standard normal distribution.
    """

    def __init__(self, mean: Any = 0.0, covariance: Any = 1.0) -> None:
        middle = np.atleast_1d(np.asarray(mean, dtype=np.float64))
        spread = np.asarray(covariance, dtype=np.float64)
        full = spread.reshape(1, 1) if spread.size == 1 and middle.size == 1 else spread
        super().__init__([1.0], middle[None], covariances=full[None])


def kl_gaussians(p: Gaussian, q: Gaussian) -> float:
    """KL(p || q) = (tr(C_q^-1 C_p) + (m_q - m_p)' C_q^-1 (m_q - m_p) - d + log det C_q / det C_p) / 2, in nats."""
    if p.means.shape != q.means.shape:
        raise ShapeError(f"kl_gaussians: p has {p.means.shape[1]} numbers and q {q.means.shape[1]}")
    root_p, root_q = (np.linalg.cholesky(g.covariances[0]) for g in (p, q))
    turned = np.linalg.solve(root_q, root_p)
    off = np.linalg.solve(root_q, q.means[0] - p.means[0])
    logs = 2 * float(np.log(np.diag(root_q)).sum() - np.log(np.diag(root_p)).sum())
    return max(0.0, 0.5 * (float((turned**2).sum()) + float(off @ off) - len(off) + logs))


@dataclass(frozen=True)
class GaussianFit:
    """The normal distribution with the least divergence, and others with a least one around them (`also`)."""

    mean: float
    scale: float
    divergence: float
    direction: Direction
    also: tuple[tuple[float, float, float], ...]

    @property
    def gaussian(self) -> Gaussian:
        """The distribution."""
        return Gaussian(self.mean, self.scale**2)

    def summary(self) -> str:
        """What was found, in words."""
        way = "KL(p || q), which covers all of p" if self.direction == "forward" else "KL(q || p), which takes one peak"
        also = "".join(
            f" Another lowest place: mean {m:.4g}, standard deviation {s:.4g}, divergence {k:.4g}."
            for m, s, k in self.also
        )
        return (
            f"Least {way}: mean {self.mean:.4g}, standard deviation {self.scale:.4g}, {self.divergence:.4g} nats.{also}"
        )


def fit_gaussian(mixture: GaussianMixture, direction: Direction = "forward") -> GaussianFit:
    """The normal distribution q in one dimension with the least divergence from a mixture p.

    "forward" is KL(p || q), least for the mean and variance of p itself; "reverse" KL(q || p), which has a least place
    near each peak, found from each by Newton's method on (mean, log scale); the lowest one is the fit, the others are
    `also`.

    Raises:
        ShapeError: the mixture has more than one dimension.
    """
    if mixture.means.shape[1] != 1:
        raise ShapeError(f"fit_gaussian: the mixture has {mixture.means.shape[1]} dimensions, expected 1")
    if direction not in ("forward", "reverse"):
        raise unknown_name("direction", direction, ("forward", "reverse"))
    if direction == "forward":
        mean, scale = float(mixture.mean[0]), math.sqrt(float(mixture.covariance[0, 0]))
        return GaussianFit(mean, scale, _forward(mixture, mean, scale), direction, ())
    found: list[tuple[float, float, float]] = []
    for m, c in zip(mixture.means[:, 0], mixture.covariances[:, 0, 0], strict=True):
        mean, scale = _descended(mixture, float(m), math.sqrt(float(c)))
        if all(abs(mean - other[0]) > 1e-4 * scale for other in found):
            found.append((mean, scale, _reverse(mixture, mean, scale)))
    found.sort(key=lambda one: one[2])
    return GaussianFit(*found[0], direction, tuple(found[1:]))


def _standard() -> tuple[Floats, Floats]:
    """Places z and weights so that sum w f(z) is the mean of f over a standard normal distribution."""
    places = np.linspace(-REACH, REACH, PLACES)
    return places, np.exp(-0.5 * places**2) * ((places[1] - places[0]) / math.sqrt(2 * math.pi))


def _forward(mixture: GaussianMixture, mean: float, scale: float) -> float:
    """KL(p || q), component by component."""
    z, w = _standard()
    total = 0.0
    for share, m, c in zip(mixture.weights, mixture.means[:, 0], mixture.covariances[:, 0, 0], strict=True):
        x = m + math.sqrt(float(c)) * z
        log_q = -0.5 * ((x - mean) / scale) ** 2 - math.log(scale * math.sqrt(2 * math.pi))
        total += float(share * (w @ (mixture.log_pdf(x) - log_q)))
    return total


def _reverse(mixture: GaussianMixture, mean: float, scale: float) -> float:
    """KL(q || p) = -H(q) - E_q[log p]."""
    z, w = _standard()
    return -0.5 - math.log(scale * math.sqrt(2 * math.pi)) - float(w @ mixture.log_pdf(mean + scale * z))


def _descended(mixture: GaussianMixture, mean: float, scale: float) -> tuple[float, float]:
    """The lowest place of KL(q || p) around a start, by Newton's method on (mean, log scale), damped."""
    at = np.array([mean, math.log(scale)])
    value = _reverse(mixture, *_parameters(at))
    for _ in range(STEPS):
        g, h = _differences(mixture, at)
        values, vectors = np.linalg.eigh(h)
        # Down along every axis, also where the surface bends the wrong way.
        step = -vectors @ ((vectors.T @ g) / np.maximum(np.abs(values), 1e-6))
        length = 1.0
        while length > 1e-12 and not _reverse(mixture, *_parameters(at + length * step)) <= value:
            length /= 2
        if length <= 1e-12 or float(np.abs(step).max()) < 1e-10:
            break
        at = at + length * step
        value = _reverse(mixture, *_parameters(at))
    return _parameters(at)


def _parameters(at: Floats) -> tuple[float, float]:
    return float(at[0]), math.exp(float(at[1]))


def _differences(mixture: GaussianMixture, at: Floats) -> tuple[Floats, Floats]:
    """Gradient and Hessian of KL(q || p) by (mean, log scale), from the derivatives of log p."""
    z, w = _standard()
    mean, scale = _parameters(at)
    first, second = _log_slopes(mixture, mean + scale * z)
    g = np.array([-(w @ first), -1.0 - scale * (w @ (first * z))])
    mixed = -scale * (w @ (second * z))
    own = -scale * (w @ (first * z)) - scale**2 * (w @ (second * z**2))
    return g, np.array([[-(w @ second), mixed], [mixed, own]])


def _log_slopes(mixture: GaussianMixture, x: Floats) -> tuple[Floats, Floats]:
    """First and second derivative of log p at x (n,)."""
    share, variances = mixture.responsibilities(x), mixture.covariances[:, 0, 0]
    pull = (mixture.means[:, 0] - x[:, None]) / variances
    first = (share * pull).sum(axis=1)
    return first, (share * (pull**2 - 1 / variances)).sum(axis=1) - first**2
