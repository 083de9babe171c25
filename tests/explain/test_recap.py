"""Information, normal distributions, overflow, conditioning, constraints, dimensions: formulas and other routes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from forwardnet import explain
from forwardnet.data import GaussianMixture
from forwardnet.errors import ArgumentError, DataError, ShapeError, UnknownNameError
from forwardnet.explain import Gaussian, Joint

Array = np.ndarray[Any, Any]

# ---------------------------------------------------------------- information


@given(seed=st.integers(0, 10**6), n=st.integers(1, 8))
def test_entropy_cross_entropy_and_divergence(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))
    assert 0 <= explain.entropy(p) <= math.log(n) + 1e-12
    assert explain.kl_divergence(p, q) >= 0 and explain.kl_divergence(p, p) == 0
    together = explain.entropy(p) + explain.kl_divergence(p, q)
    assert explain.cross_entropy(p, q) == pytest.approx(together, rel=1e-9, abs=1e-12)
    bits = explain.kl_divergence(p, q, base=2)
    assert bits == pytest.approx(explain.kl_divergence(p, q) / math.log(2), rel=1e-9, abs=1e-15)
    assert explain.entropy(np.full(n, 1 / n)) == pytest.approx(math.log(n), abs=1e-12), "most for equal chances"


def test_impossible_events() -> None:
    assert explain.entropy([1.0, 0.0]) == 0 and explain.self_information(0.0) == math.inf
    assert explain.kl_divergence([0.5, 0.5], [1.0, 0.0]) == math.inf
    assert explain.kl_divergence([1.0, 0.0], [0.5, 0.5]) == pytest.approx(math.log(2), rel=1e-15)
    for p in ([0.5, 0.6], [1.5, -0.5], [], [math.nan, 1.0]):
        with pytest.raises(DataError, match="entropy: "):
            explain.entropy(p)
    with pytest.raises(ShapeError, match=r"p has shape \(2,\) and q \(1,\)"):
        explain.kl_divergence([0.5, 0.5], [1.0])


def test_divergence_from_samples_agrees_with_the_closed_form() -> None:
    p, q = Gaussian([0.0, 1.0], [[1.0, 0.3], [0.3, 0.5]]), Gaussian([0.5, 0.0], [[2.0, 0.0], [0.0, 1.0]])
    samples, _ = p.sample(20_000, seed=1)
    found = explain.kl_from_samples(p.log_pdf, q.log_pdf, samples)
    assert abs(found.value - explain.kl_gaussians(p, q)) < 5 * found.error and found.error < 0.02
    assert found.summary().endswith("(standard error, 20000 samples)")
    with pytest.raises(DataError, match="two or more samples"):
        explain.kl_from_samples(p.log_pdf, q.log_pdf, samples[:1])


def test_joint_tables() -> None:
    joint = Joint([[0.1, 0.3], [0.2, 0.4]], {"x": [0, 1], "y": [0, 5]})
    assert joint.marginal("x").table == pytest.approx([0.4, 0.6]) and joint.names == ("x", "y")
    assert joint.given(y=5).table == pytest.approx([3 / 7, 4 / 7])
    # the chain rule P(x, y) = P(y) P(x | y)
    chained = np.stack([joint.marginal("y").table[i] * joint.given(y=v).table for i, v in enumerate((0, 5))], axis=1)
    np.testing.assert_allclose(chained, joint.table, rtol=1e-12)
    assert joint.mean("y") == pytest.approx(3.5) and joint.variance("x") == pytest.approx(0.24)
    assert joint.covariance("x", "y") == pytest.approx(joint.expectation(lambda x, y: x * y) - 0.6 * 3.5)
    assert not joint.independent("x", "y")
    own = joint.mutual_information("x", "y")
    by_entropies = explain.entropy([0.4, 0.6]) + explain.entropy([0.3, 0.7]) - explain.entropy(joint.table.ravel())
    assert own == pytest.approx(by_entropies, rel=1e-9)
    apart = Joint(np.outer([0.4, 0.6], [0.3, 0.7]), {"x": [0, 1], "y": [0, 5]})
    assert apart.independent("x", "y") and apart.mutual_information("x", "y") == pytest.approx(0, abs=1e-15)
    assert apart.covariance("x", "y") == pytest.approx(0, abs=1e-15)
    three = Joint(np.full((2, 3, 4), 1 / 24), {"a": [0, 1], "b": [0, 1, 2], "c": [0, 1, 2, 3]})
    assert three.marginal("c", "a").table.shape == (4, 2) and three.given(b=1).names == ("a", "c")


def test_uncorrelated_is_not_independent() -> None:
    """y = x^2 for x = -1, 0, 1: no covariance, and yet x tells y."""
    joint = Joint([[0, 1 / 3], [1 / 3, 0], [0, 1 / 3]], {"x": [-1, 0, 1], "y": [0, 1]})
    assert joint.covariance("x", "y") == pytest.approx(0, abs=1e-15) and not joint.independent("x", "y")


def test_joint_misuse_is_named() -> None:
    joint = Joint([[0.5, 0.5], [0.0, 0.0]], {"x": [0, 1], "y": [0, 1]})
    with pytest.raises(ArgumentError, match=r"\{'x': 1\} has probability 0"):
        joint.given(x=1)
    with pytest.raises(ArgumentError, match="there is no y = 7"):
        joint.given(y=7)
    with pytest.raises(ArgumentError, match="no variable 'z'\nhint: variables: x, y"):
        joint.marginal("z")
    with pytest.raises(ShapeError, match=r"the table has shape \(2, 2\), the values \[2, 3\]"):
        Joint(np.full((2, 2), 0.25), {"x": [0, 1], "y": [0, 1, 2]})


# ---------------------------------------------------------------- normal distributions


def test_divergence_of_normal_distributions() -> None:
    p, q = Gaussian(0.0, 1.0), Gaussian(1.0, 4.0)
    assert explain.kl_gaussians(p, q) == pytest.approx(math.log(2) + (1 + 1) / 8 - 0.5, rel=1e-14)
    assert explain.kl_gaussians(q, p) == pytest.approx(-math.log(2) + (4 + 1) / 2 - 0.5, rel=1e-14)
    assert explain.kl_gaussians(p, p) == 0
    # a turn of both changes nothing
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    a, b = np.diag([1.0, 2.0, 0.5]), np.diag([3.0, 0.7, 1.0])
    plain = explain.kl_gaussians(Gaussian([0, 0, 0], a), Gaussian([1, 2, 3], b))
    turned = explain.kl_gaussians(
        Gaussian([0, 0, 0], turn @ a @ turn.T), Gaussian(turn @ [1.0, 2.0, 3.0], turn @ b @ turn.T)
    )
    assert turned == pytest.approx(plain, rel=1e-12)
    with pytest.raises(ShapeError, match="p has 1 numbers and q 3"):
        explain.kl_gaussians(p, Gaussian([1, 2, 3], b))


@pytest.mark.parametrize(
    "mixture",
    [
        GaussianMixture([0.5, 0.5], [-2.0, 2.0], scales=[0.6, 0.6]),
        GaussianMixture([0.7, 0.3], [-1.0, 3.0], scales=[1.0, 0.5]),
        GaussianMixture([0.4, 0.3, 0.3], [-4.0, 0.0, 3.0], scales=[0.8, 0.5, 0.7]),
    ],
)
def test_the_fit_is_the_least_divergence_on_a_grid(mixture: GaussianMixture) -> None:
    x = np.linspace(-30, 30, 12001)
    p, log_p, width = mixture.pdf(x), mixture.log_pdf(x), x[1] - x[0]

    def divergence(mean: float, scale: float, direction: str) -> float:
        log_q = -0.5 * ((x - mean) / scale) ** 2 - math.log(scale * math.sqrt(2 * math.pi))
        terms = p * (log_p - log_q) if direction == "forward" else np.exp(log_q) * (log_q - log_p)
        return float(terms.sum() * width)

    for direction in ("forward", "reverse"):
        fit = explain.fit_gaussian(mixture, direction)  # type: ignore[arg-type]
        assert fit.divergence == pytest.approx(divergence(fit.mean, fit.scale, direction), abs=1e-6)
        means, scales = np.linspace(-5, 5, 41), np.geomspace(0.3, 4, 25)
        least = min(divergence(m, s, direction) for m in means for s in scales)
        assert fit.divergence <= least + 1e-9, "no place of the grid is lower"
        for m, s, k in fit.also:
            assert k >= fit.divergence and k == pytest.approx(divergence(m, s, direction), abs=1e-6)
            nearby = [divergence(m + a, s * b, direction) for a in (-0.05, 0, 0.05) for b in (0.95, 1, 1.05)]
            assert min(nearby) > k - 1e-9, "a least place too"


def test_fits_of_one_peak_agree() -> None:
    """Where p is normal both directions find p itself."""
    p = GaussianMixture([0.6, 0.4], [1.0, 1.0], scales=[0.5, 0.5])
    for direction in ("forward", "reverse"):
        fit = explain.fit_gaussian(p, direction)  # type: ignore[arg-type]
        assert (fit.mean, fit.scale) == pytest.approx((1.0, 0.5), rel=1e-8)
        assert fit.divergence == pytest.approx(0, abs=1e-9) and fit.also == ()
    with pytest.raises(UnknownNameError, match="unknown direction 'backward'"):
        explain.fit_gaussian(p, "backward")  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="the mixture has 2 dimensions"):
        explain.fit_gaussian(GaussianMixture([1.0], [[0.0, 0.0]], scales=[1.0]))


# ---------------------------------------------------------------- overflow and conditioning


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("formula", ["softmax", "log_sum_exp", "log_softmax"])
def test_stable_forms_survive_what_naive_ones_do_not(formula: str, dtype: str) -> None:
    eps = float(np.finfo(dtype).eps)
    size = 200.0 if dtype == "float32" else 800.0
    for x in ([size, size + 1], [-size, -size - 1], [1e4, 0.0], [-1e4, -1e4]):
        found = explain.overflow(formula, x, dtype=dtype)  # type: ignore[arg-type]
        assert found.stable_error < 8 * eps
        if abs(x[1]) > 1:
            assert found.naive_error == math.inf and "as written gives" in found.summary()
    fine = explain.overflow(formula, [0.5, 1.0, -2.0], dtype=dtype)  # type: ignore[arg-type]
    assert fine.naive_error < 8 * eps and "is right here" in fine.summary()


def test_overflow_and_underflow_are_told_apart() -> None:
    assert "e^1000 is more than float32 holds (e^88.72)" in explain.overflow("softmax", [1000.0, 0.0]).summary()
    assert "e^-1000 is 0 in float32" in explain.overflow("softmax", [-1000.0, -1000.0]).summary()
    with pytest.raises(UnknownNameError, match="unknown formula 'softmx'"):
        explain.overflow("softmx", [1.0])
    with pytest.raises(ShapeError, match="expected a vector of finite numbers"):
        explain.overflow("softmax", [[1.0]])


def test_errors_are_amplified_up_to_the_condition_number() -> None:
    matrix = np.array([[1.0, 1.0], [1.0, 1.0001]])
    found = explain.conditioning(matrix)
    assert found.number == pytest.approx(np.linalg.cond(matrix), rel=1e-6)
    assert found.amplification == pytest.approx(found.number, rel=1e-3), "the worst pair reaches the bound"
    # by hand: b changed by a millionth along the worst direction
    b = np.linalg.svd(matrix)[0][:, 0]
    x, moved = (np.linalg.solve(matrix, c) for c in (b, b + 1e-6 * found.worst))
    assert np.linalg.norm(moved - x) / np.linalg.norm(x) == pytest.approx(1e-6 * found.number, rel=1e-2)
    assert "about 5 of the 16 decimal digits" in found.summary()
    for seed in range(5):
        random = np.random.default_rng(seed).normal(size=(6, 6))
        known = explain.conditioning(random, seed=seed)
        assert known.amplification <= known.number * (1 + 1e-9)
    assert "well conditioned" in explain.conditioning(np.eye(3)).summary()
    assert "singular" in explain.conditioning([[1.0, 2.0], [2.0, 4.0]]).summary()
    with pytest.raises(ShapeError, match=r"the matrix has shape \(2, 3\)"):
        explain.conditioning(np.zeros((2, 3)))


# ---------------------------------------------------------------- constraints


@given(seed=st.integers(0, 10**6), n=st.integers(1, 6))
def test_projections_are_the_nearest_points(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x, radius = rng.normal(size=n) * 3, float(rng.uniform(0.1, 3))
    for project, p in ((explain.project_l2, 2), (explain.project_l1, 1)):
        nearest = project(x, radius)
        assert np.linalg.norm(nearest, p) <= radius * (1 + 1e-12)
        if np.linalg.norm(x, p) <= radius:
            np.testing.assert_array_equal(nearest, x)
        for _ in range(20):
            other = rng.normal(size=n)
            other *= radius * rng.uniform() / np.linalg.norm(other, p)
            # the angle at the nearest point of a convex set is never sharp
            assert (x - nearest) @ (other - nearest) <= 1e-9
    box = explain.project_box(x, -0.5, 0.5)
    assert box.tolist() == np.clip(x, -0.5, 0.5).tolist()


@given(seed=st.integers(0, 10**6), n=st.integers(1, 5), norm=st.sampled_from([1, 2]))
def test_answers_meet_their_conditions(seed: int, n: int, norm: int) -> None:
    rng = np.random.default_rng(seed)
    A, b = rng.normal(size=(n + 3, n)), rng.normal(size=n + 3) * 3
    found = explain.constrained_least_squares(A, b, radius=0.7, norm=norm)  # type: ignore[arg-type]
    size = float(np.abs(A.T @ b).max())
    assert found.stationarity < 1e-8 * size and found.overrun < 1e-9 and found.slack < 1e-8 * size
    assert found.multiplier >= 0
    for _ in range(10):
        other = rng.normal(size=n)
        other *= 0.7 * rng.uniform() / np.linalg.norm(other, norm)
        assert 0.5 * ((A @ other - b) ** 2).sum() >= found.value - 1e-9


def test_the_limit_is_a_penalty_and_its_multiplier_is_its_price() -> None:
    A, b = np.array([[2.0, 0.5], [0.5, 1.0], [0.0, 1.0]]), np.array([3.0, 1.0, 0.2])
    found = explain.constrained_least_squares(A, b, radius=0.8)
    # ridge regression with the weight multiplier / radius (the slope of |x| is x / |x|)
    ridge = np.linalg.solve(A.T @ A + found.multiplier / 0.8 * np.eye(2), A.T @ b)
    np.testing.assert_allclose(found.x, ridge, rtol=1e-9)
    for norm in (1, 2):
        low, high = (explain.constrained_least_squares(A, b, radius=0.8 + d, norm=norm).value for d in (-1e-5, 1e-5))  # type: ignore[arg-type]
        price = explain.constrained_least_squares(A, b, radius=0.8, norm=norm).multiplier  # type: ignore[arg-type]
        assert (low - high) / 2e-5 == pytest.approx(price, rel=1e-4)
    assert explain.constrained_least_squares(A, b, radius=9.0).multiplier == 0


def test_the_l1_answer_is_the_lasso() -> None:
    from sklearn.linear_model import Lasso

    rng = np.random.default_rng(3)
    A = rng.normal(size=(40, 6))
    b = A @ [2.0, 0.0, -1.0, 0.0, 0.0, 0.5] + 0.1 * rng.normal(size=40)
    found = explain.constrained_least_squares(A, b, radius=2.0, norm=1)
    lasso = Lasso(alpha=found.multiplier / 40, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(A, b)
    np.testing.assert_allclose(found.x, lasso.coef_, atol=1e-6)
    assert found.zeros == int((lasso.coef_ == 0).sum()) >= 2


def test_constraint_misuse_is_named() -> None:
    with pytest.raises(ArgumentError, match="norm is 3, expected 1 or 2"):
        explain.constrained_least_squares(np.eye(2), [1.0, 1.0], radius=1.0, norm=3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="radius is 0"):
        explain.project_l1([1.0], 0)
    with pytest.raises(ShapeError, match=r"A has shape \(2, 2\) and b \(3,\)"):
        explain.constrained_least_squares(np.eye(2), [1.0, 1.0, 1.0], radius=1.0)
    with pytest.raises(ArgumentError, match="low 2 lies above high 1"):
        explain.project_box([1.0], 2, 1)


# ---------------------------------------------------------------- dimensions


def test_space_empties_and_distances_become_alike() -> None:
    found = explain.curse_of_dimensionality((1, 2, 5, 20, 100), points=500, seed=1)
    assert found.cells[:2] == (10, 100) and found.occupied[0] == 1 and found.occupied[3] < 1e-16
    assert (np.diff(found.contrast) < 0).all() and found.contrast[-1] < 0.6
    np.testing.assert_allclose(found.edge, [0.01, 0.1, 0.01**0.2, 0.01**0.05, 0.01**0.01], rtol=1e-12)
    with pytest.raises(ArgumentError, match=r"dimensions \(0,\)"):
        explain.curse_of_dimensionality((0,))
