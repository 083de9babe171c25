"""Mixtures of normal distributions: density, samples, and the fit to data.

Axis glossary: n rows, d columns, K components.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, DataError, ShapeError
from .checks import check_features

Floats = NDArray[np.float64]


class GaussianMixture:
    """p(x) = sum_k w_k N(x; m_k, C_k): a component is drawn with probability w_k, then x from its normal distribution.

    `weights` (K,) are positive and sum to 1, `means` (K, d), or (K,) for d = 1. `scales` are the standard deviations:
    (K,), alike in all directions, or (K, d), one for each column; or give whole `covariances` (K, d, d).

    Raises:
        ArgumentError: weights that are no probabilities, scales or covariances that are not positive (definite).
        ShapeError: shapes that do not fit together.

    Example:
        >>> mixture = GaussianMixture([0.5, 0.3, 0.2], [-2.0, 0.0, 3.0], scales=[0.5, 1.0, 0.8])
        >>> round(float(mixture.pdf([[0.0]])[0]), 6)
        0.119905
    """

    def __init__(self, weights: Any, means: Any, *, scales: Any = None, covariances: Any = None) -> None:
        self.weights: Floats = np.asarray(weights, dtype=np.float64)
        means = np.asarray(means, dtype=np.float64)
        self.means: Floats = means[:, None] if means.ndim == 1 else means
        if self.weights.ndim != 1 or self.means.ndim != 2 or len(self.means) != len(self.weights):
            raise ShapeError(f"GaussianMixture: {self.weights.shape} weights and means of shape {means.shape}")
        if not (self.weights >= 0).all() or abs(self.weights.sum() - 1) > 1e-9 or not np.isfinite(self.means).all():
            raise ArgumentError(f"GaussianMixture: weights {self.weights.tolist()} are not probabilities that sum to 1")
        if (scales is None) == (covariances is None):
            raise ArgumentError("GaussianMixture: give either scales or covariances")
        self.covariances: Floats = self._covariances(scales, covariances)
        try:
            self._roots = np.linalg.cholesky(self.covariances)
        except np.linalg.LinAlgError:
            raise ArgumentError("GaussianMixture: a covariance is not positive definite") from None

    def _covariances(self, scales: Any, covariances: Any) -> Floats:
        k, d = self.means.shape
        if covariances is not None:
            found = np.asarray(covariances, dtype=np.float64)
            if found.shape != (k, d, d):
                raise ShapeError(f"GaussianMixture: covariances have shape {found.shape}, expected {(k, d, d)}")
            return found
        spread = np.asarray(scales, dtype=np.float64)
        if spread.shape not in ((k,), (k, d)):
            raise ShapeError(f"GaussianMixture: scales have shape {spread.shape}, expected {(k,)} or {(k, d)}")
        if not (spread > 0).all() or not np.isfinite(spread).all():
            raise ArgumentError("GaussianMixture: scales are not all above 0")
        columns = spread[:, None] * np.ones(d) if spread.ndim == 1 else spread
        return np.asarray(columns[:, :, None] ** 2 * np.eye(d))

    @property
    def mean(self) -> Floats:
        """E[x] (d,)."""
        return np.asarray(self.weights @ self.means)

    @property
    def covariance(self) -> Floats:
        """The covariance of x (d, d): that within the components, and that between their means."""
        off = self.means - self.mean
        within = np.tensordot(self.weights, self.covariances, 1)
        return np.asarray(within + np.einsum("k,ki,kj->ij", self.weights, off, off))

    def log_joint(self, X: Any) -> Floats:
        """log w_k + log N(x; m_k, C_k) (n, K)."""
        x = self._rows(X, "log_joint")
        d = x.shape[1]
        found = np.empty((len(x), len(self.weights)))
        for k, root in enumerate(self._roots):
            z = np.linalg.solve(root, (x - self.means[k]).T)
            log_weight = math.log(self.weights[k]) if self.weights[k] > 0 else -math.inf
            constant = log_weight - 0.5 * d * math.log(2 * math.pi) - float(np.log(np.diag(root)).sum())
            found[:, k] = constant - 0.5 * (z**2).sum(axis=0)
        return found

    def log_pdf(self, X: Any) -> Floats:
        """log p(x) (n,), finite far from every component too."""
        joint = self.log_joint(X)
        top = joint.max(axis=1)
        return np.asarray(top + np.log(np.exp(joint - top[:, None]).sum(axis=1)))

    def pdf(self, X: Any) -> Floats:
        """p(x) (n,)."""
        return np.exp(self.log_pdf(X))

    def responsibilities(self, X: Any) -> Floats:
        """P(component k | x) (n, K): Bayes' rule."""
        joint = self.log_joint(X)
        return np.exp(joint - self.log_pdf(X)[:, None])

    def sample(self, n: int, *, seed: int = 0) -> tuple[Floats, NDArray[np.int64]]:
        """`n` rows (n, d), and the component that each came from (n,); a function of `seed`."""
        random = np.random.RandomState(seed)
        labels = random.choice(len(self.weights), size=n, p=self.weights / self.weights.sum()).astype(np.int64)
        noise = random.normal(size=(n, self.means.shape[1]))
        return self.means[labels] + np.einsum("nij,nj->ni", self._roots[labels], noise), labels

    @classmethod
    def fit(
        cls, X: Any, components: int, *, seed: int = 0, steps: int = 200, tolerance: float = 1e-6, floor: float = 1e-6
    ) -> GaussianMixture:
        """The mixture that makes the rows X (n, d) most likely, by expectation and maximisation (Dempster et al. 1977).

        Starts at `components` rows far from each other (k-means++), and ends when the mean log-likelihood rises by
        less than `tolerance`. `floor`, a share of the columns' mean variance, is added to every variance, without
        which a component may shrink to a single row and the likelihood grow for ever.

        Raises:
            DataError: fewer rows than components, NaN or infinities.
        """
        x = check_features(np.asarray(X), where="GaussianMixture.fit: X", ndim=2, dtype=np.float64)
        n, d = x.shape
        if not 1 <= components <= n:
            raise DataError(f"GaussianMixture.fit: {components} components for {n} rows")
        spread = np.cov(x.T, bias=True).reshape(d, d) if n > 1 else np.eye(d)
        ridge = floor * max(float(np.trace(spread)) / d, np.finfo(np.float64).tiny) * np.eye(d)
        made = cls(
            np.full(components, 1 / components),
            _far_apart(x, components, np.random.RandomState(seed)),
            covariances=np.repeat((spread + ridge)[None], components, axis=0),
        )
        before = -math.inf
        for _ in range(steps):
            share = made.responsibilities(x)
            after = float(made.log_pdf(x).mean())
            if after - before < tolerance:
                break
            before, made = after, cls._maximised(x, share, ridge)
        return made

    @classmethod
    def _maximised(cls, x: Floats, share: Floats, ridge: Floats) -> GaussianMixture:
        """The mixture whose components are the means and covariances of the rows, counted by their shares."""
        count = share.sum(axis=0) + 10 * np.finfo(np.float64).eps
        means = share.T @ x / count[:, None]
        off = x[None] - means[:, None]
        covariances = np.einsum("nk,kni,knj->kij", share, off, off) / count[:, None, None] + ridge
        return cls(count / count.sum(), means, covariances=covariances)

    def _rows(self, X: Any, where: str) -> Floats:
        x = np.asarray(X, dtype=np.float64)
        d = self.means.shape[1]
        if x.ndim == 1 and d == 1:
            x = x[:, None]
        if x.ndim != 2 or x.shape[1] != d:
            raise ShapeError(f"GaussianMixture.{where}: X has shape {x.shape}, expected (rows, {d})")
        return x


def _far_apart(x: Floats, count: int, random: np.random.RandomState) -> Floats:
    """`count` rows, each drawn with probability proportional to its squared distance from those before."""
    chosen = [int(random.randint(len(x)))]
    distance = ((x - x[chosen[0]]) ** 2).sum(axis=1)
    for _ in range(count - 1):
        total = distance.sum()
        share = distance / total if total > 0 else np.full(len(x), 1 / len(x))
        chosen.append(int(random.choice(len(x), p=share)))
        distance = np.minimum(distance, ((x - x[chosen[-1]]) ** 2).sum(axis=1))
    return x[chosen]
