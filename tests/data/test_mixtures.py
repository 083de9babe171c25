"""Mixtures of normal distributions: densities, moments, samples, and the fit by expectation and maximisation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture as Published

from forwardnet.data import GaussianMixture, generators
from forwardnet.errors import ArgumentError, DataError, ShapeError

PLANE = ([0.5, 0.3, 0.2], [[-2.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
TILTED = [[[1.0, 0.6], [0.6, 0.5]], [[0.3, 0.0], [0.0, 2.0]], [[1.0, -0.9], [-0.9, 1.0]]]


def test_the_density_sums_to_one_and_gives_the_moments() -> None:
    mixture = GaussianMixture(*PLANE, covariances=TILTED)
    x = np.linspace(-9, 9, 301)
    places = np.stack([axis.ravel() for axis in np.meshgrid(x, x)], axis=1)
    mass = mixture.pdf(places) * (x[1] - x[0]) ** 2
    assert mass.sum() == pytest.approx(1, abs=1e-6)  # the trapezium rule is exact for smooth functions that end at 0
    np.testing.assert_allclose(mass @ places, mixture.mean, atol=1e-5)
    off = places - mixture.mean
    np.testing.assert_allclose((mass[:, None] * off).T @ off, mixture.covariance, atol=1e-4)


def test_density_agrees_with_the_formula_in_one_dimension() -> None:
    mixture = GaussianMixture([0.5, 0.3, 0.2], [-2.0, 0.0, 3.0], scales=[0.5, 1.0, 0.8])
    for x in (-2.0, 0.0, 1.7):
        expected = sum(
            w * math.exp(-0.5 * ((x - m) / s) ** 2) / (s * math.sqrt(2 * math.pi))
            for w, m, s in ((0.5, -2.0, 0.5), (0.3, 0.0, 1.0), (0.2, 3.0, 0.8))
        )
        assert mixture.pdf([x])[0] == pytest.approx(expected, rel=1e-13)
    far = mixture.log_pdf([1e4])[0]
    assert far == pytest.approx(math.log(0.3) - 0.5 * 1e8 - 0.5 * math.log(2 * math.pi), rel=1e-12), "no underflow"
    assert mixture.pdf([1e4])[0] == 0


def test_responsibilities_are_bayes_rule() -> None:
    mixture = GaussianMixture(*PLANE, covariances=TILTED)
    X, labels = mixture.sample(2000, seed=1)
    share = mixture.responsibilities(X)
    np.testing.assert_allclose(share.sum(axis=1), 1, rtol=1e-12)
    confident = share.max(axis=1) > 0.9
    right = (share.argmax(axis=1) == labels)[confident].mean()
    # of those said to be right with 90 % or more, at least 90 % are, within the scatter of some thousand
    assert confident.sum() > 1000 and right > 0.9


def test_samples_have_the_moments() -> None:
    mixture = GaussianMixture(*PLANE, covariances=TILTED)
    X, labels = mixture.sample(20_000, seed=2)
    np.testing.assert_allclose(np.bincount(labels) / 20_000, mixture.weights, atol=5 * 0.5 / 20_000**0.5)
    error = np.sqrt(np.diag(mixture.covariance) / 20_000)
    assert (np.abs(X.mean(axis=0) - mixture.mean) < 5 * error).all()
    np.testing.assert_allclose(np.cov(X.T), mixture.covariance, atol=0.15)  # five standard errors of the largest
    for k in range(3):
        np.testing.assert_allclose(np.cov(X[labels == k].T), TILTED[k], atol=0.15)


def test_the_fit_finds_the_mixture_and_agrees_with_scikit_learn() -> None:
    mixture = GaussianMixture(*PLANE, covariances=TILTED)
    X, _ = mixture.sample(3000, seed=3)
    own = GaussianMixture.fit(X, 3, tolerance=1e-9, floor=1e-9)
    theirs = Published(3, random_state=0, tol=1e-9, reg_covar=1e-9, max_iter=500).fit(X)
    assert own.log_pdf(X).mean() == pytest.approx(theirs.score(X), abs=1e-6), "the same maximum"
    order = np.argsort(-own.weights)
    np.testing.assert_allclose(own.weights[order], mixture.weights, atol=0.04)
    np.testing.assert_allclose(own.means[order], mixture.means, atol=0.12)
    assert own.log_pdf(X).mean() >= mixture.log_pdf(X).mean(), "at least as likely as the truth"


def test_the_likelihood_never_falls() -> None:
    X, _ = GaussianMixture(*PLANE, covariances=TILTED).sample(400, seed=4)
    likelihoods = [GaussianMixture.fit(X, 4, steps=steps, seed=5).log_pdf(X).mean() for steps in (0, 1, 2, 5, 20, 60)]
    assert likelihoods == sorted(likelihoods) and likelihoods[-1] > likelihoods[0]


def test_a_component_does_not_shrink_onto_one_row() -> None:
    X = np.array([[0.0], [0.0], [0.0], [5.0]])
    fitted = GaussianMixture.fit(X, 2)
    assert np.isfinite(fitted.log_pdf(X)).all() and (fitted.covariances > 0).all()
    assert sorted(fitted.means[:, 0].round(6).tolist()) == [0.0, 5.0]


def test_the_generator_is_the_mixture() -> None:
    X, y = generators.mixture(n=5000, seed=7)
    assert X.shape == (5000, 2) and set(y.tolist()) == {0, 1, 2}
    np.testing.assert_allclose(np.bincount(y) / 5000, [0.5, 0.3, 0.2], atol=5 * 0.5 / 5000**0.5)
    np.testing.assert_allclose(X[y == 1].mean(axis=0), [0, 2], atol=5 * 1.0 / 1500**0.5)
    line, _ = generators.mixture(n=100, means=(-2.0, 0.0, 3.0), seed=1)
    assert line.shape == (100, 1)
    with pytest.raises(ArgumentError, match="n is 2, expected at least 3"):
        generators.mixture(n=2)
    with pytest.raises(ArgumentError, match="seed is -1"):
        generators.mixture(seed=-1)


def test_inverse_sine_is_its_formula() -> None:
    X, y = generators.inverse_sine(n=500, noise=0.0)
    np.testing.assert_allclose(X[:, 0], y + 0.3 * np.sin(2 * np.pi * y), rtol=1e-15)
    X, y = generators.inverse_sine(n=2000, noise=0.1)
    residual = X[:, 0] - y - 0.3 * np.sin(2 * np.pi * y)
    assert np.abs(residual).max() <= 0.1 and residual.std() == pytest.approx(0.1 / 3**0.5, rel=0.05)
    near = y[np.abs(X[:, 0] - 0.5) < 0.05]
    assert near.std() > 0.2, "three branches, of which the mean is one"


def test_misuse_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"weights \[0.5, 0.6\] are not probabilities"):
        GaussianMixture([0.5, 0.6], [0.0, 1.0], scales=[1.0, 1.0])
    with pytest.raises(ArgumentError, match="scales are not all above 0"):
        GaussianMixture([1.0], [0.0], scales=[0.0])
    with pytest.raises(ArgumentError, match="either scales or covariances"):
        GaussianMixture([1.0], [0.0])
    with pytest.raises(ArgumentError, match="not positive definite"):
        GaussianMixture([1.0], [[0.0, 0.0]], covariances=[[[1.0, 2.0], [2.0, 1.0]]])
    with pytest.raises(ShapeError, match=r"\(2,\) weights and means of shape \(3,\)"):
        GaussianMixture([0.5, 0.5], [0.0, 1.0, 2.0], scales=[1.0, 1.0])
    with pytest.raises(ShapeError, match=r"log_joint: X has shape \(2, 3\), expected \(rows, 1\)"):
        GaussianMixture([1.0], [0.0], scales=[1.0]).pdf(np.zeros((2, 3)))
    with pytest.raises(DataError, match="5 components for 4 rows"):
        GaussianMixture.fit(np.zeros((4, 1)), 5)
