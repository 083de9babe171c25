"""The numerical rows of the coverage table, one test per row, named by its id, with its figures.

Linear algebra and gradients run on PyTorch too with FORWARDNET_TEST_PEER=torch; the tools of `explain` and `data` are
ours alone.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np
import pytest

from peer import IS_PEER, ff, leaf, printed, same

own = pytest.mark.skipif(IS_PEER, reason="PyTorch has no such tools")
F64 = ff.float64
# One namespace for both: PyTorch keeps some of these in torch.linalg only.
linalg = ff.linalg if hasattr(ff, "linalg") else ff


def explain() -> Any:
    return importlib.import_module("forwardnet.explain")


def data() -> Any:
    return importlib.import_module("forwardnet.data")


# ---------------------------------------------------------------- linear algebra


def test_NM01_scalars_vectors_matrices_and_tensors() -> None:
    shapes = [tuple(ff.tensor(value).shape) for value in (3.0, [1.0, 2.0], [[1.0, 2.0]], [[[1.0], [2.0]]])]
    assert shapes == [(), (2,), (1, 2), (1, 2, 1)]
    assert [ff.tensor(value).ndim for value in (3.0, [1.0], [[1.0]], [[[1.0]]])] == [0, 1, 2, 3]


def test_NM02_matrix_product_transpose_and_identity() -> None:
    a, b = ff.arange(6.0).reshape(2, 3), ff.arange(12.0).reshape(3, 4)
    product = ff.mm(a, b)
    for i in range(2):
        for j in range(4):
            assert product[i, j].item() == sum(a[i, k].item() * b[k, j].item() for k in range(3))
    same(ff.mm(ff.eye(2), a), a.tolist())
    same(ff.mm(a, b).t(), ff.mm(b.t(), a.t()).tolist())


def test_NM03_linear_equations() -> None:
    a, b = ff.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=F64), ff.tensor([3.0, 3.0], dtype=F64)
    printed(linalg.solve(a, b), [1.0, 1.0], 12)
    printed(ff.inverse(a) @ b, [1.0, 1.0], 12)
    printed(ff.inverse(a) @ a, [[1.0, 0.0], [0.0, 1.0]], 12)
    with pytest.raises(RuntimeError, match="singular"):
        ff.inverse(ff.tensor([[1.0, 2.0], [2.0, 4.0]]))


def test_NM04_norms() -> None:
    x = ff.tensor([3.0, -4.0], dtype=F64)
    for p, value in ((1, 7), (2, 5), (3, 4.497941), (math.inf, 4)):
        assert x.norm(p).item() == pytest.approx(value, abs=5e-7)


def test_NM05_eigenvalues() -> None:
    a = ff.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=F64)
    values, vectors = linalg.eigh(a)
    printed(values, [1.0, 3.0], 12)
    printed(vectors.abs(), [[2**-0.5] * 2] * 2, 12)
    assert (vectors[0, 0] * vectors[1, 0]).item() < 0 < (vectors[0, 1] * vectors[1, 1]).item(), "(-1, 1) and (1, 1)"
    printed(vectors @ ff.diag(values) @ vectors.t(), a.numpy(), 12)


def test_NM06_trace_and_determinant() -> None:
    a = ff.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=F64)
    assert ff.trace(a).item() == 4 and ff.det(a).item() == pytest.approx(3, rel=1e-14)


def test_NM07_singular_values() -> None:
    a = ff.tensor([[3.0, 0.0], [4.0, 5.0]], dtype=F64)
    u, s, v = ff.svd(a)
    printed(s, [6.708204, 2.236068], 6)
    printed(u @ ff.diag(s) @ v.t(), a.numpy(), 12)


# ---------------------------------------------------------------- probability


@own
def test_NM08_probabilities_of_two_variables() -> None:
    joint = explain().Joint([[0.1, 0.3], [0.2, 0.4]], {"x": [0, 1], "y": [0, 1]})
    assert joint.marginal("x").table.tolist() == pytest.approx([0.4, 0.6])
    assert joint.given(x=1).table.tolist() == pytest.approx([1 / 3, 2 / 3])
    assert joint.marginal("x").table[1] * joint.given(x=1).table[0] == pytest.approx(0.2), "P(x, y) = P(x) P(y | x)"
    assert not joint.independent("x", "y") and joint.mean("x") == pytest.approx(0.6)
    assert joint.variance("x") == pytest.approx(0.24) and joint.covariance("x", "y") == pytest.approx(-0.02)


@own
def test_NM09_normal_density() -> None:
    gaussian = explain().Gaussian()
    assert gaussian.pdf([0.0])[0] == pytest.approx(0.398942, abs=5e-7)
    x = np.linspace(-8, 8, 1601)
    assert gaussian.pdf(x).sum() * 0.01 == pytest.approx(1, rel=1e-12)


@own
def test_NM10_self_information() -> None:
    assert explain().self_information(1 / 8) == pytest.approx(2.079442, abs=5e-7)
    assert explain().self_information(1 / 8, base=2) == pytest.approx(3, rel=1e-15)


@own
def test_NM11_entropy() -> None:
    assert explain().entropy([0.5, 0.25, 0.25], base=2) == pytest.approx(1.5, rel=1e-15)
    assert explain().entropy([0.9, 0.1]) == pytest.approx(0.325083, abs=5e-7), "with the minus: it is never negative"


@own
def test_NM12_divergence_is_not_symmetric() -> None:
    p, q, e = (0.9, 0.1), (0.5, 0.5), explain()
    assert e.kl_divergence(p, q) == pytest.approx(0.368064, abs=5e-7)
    assert e.kl_divergence(q, p) == pytest.approx(0.510826, abs=5e-7)
    assert e.entropy(p) + e.kl_divergence(p, q) == pytest.approx(e.cross_entropy(p, q), rel=1e-14)
    assert e.cross_entropy(p, q) == pytest.approx(0.693147, abs=5e-7)


@own
def test_NM13_VF25_the_two_best_normal_distributions() -> None:
    mixture = data().GaussianMixture([0.5, 0.5], [-2.0, 2.0], scales=[0.6, 0.6])
    forward, reverse = (explain().fit_gaussian(mixture, way) for way in ("forward", "reverse"))
    assert (forward.mean, forward.scale, forward.divergence) == pytest.approx((0, 2.088061, 0.555155), abs=1e-6)
    assert abs(reverse.mean) == pytest.approx(1.99708, abs=5e-6)
    assert (reverse.scale, reverse.divergence) == pytest.approx((0.604856, 0.691836), abs=2e-6)
    ((other, scale, divergence),) = reverse.also
    assert (other, scale, divergence) == pytest.approx((-reverse.mean, reverse.scale, reverse.divergence), abs=1e-6)


@own
def test_NM14_VF24_a_mixture_of_three() -> None:
    mixture = data().GaussianMixture([0.5, 0.3, 0.2], [-2.0, 0.0, 3.0], scales=[0.5, 1.0, 0.8])
    assert mixture.pdf([0.0])[0] == pytest.approx(0.119905, abs=5e-7)
    assert mixture.mean[0] == pytest.approx(-0.4, rel=1e-12) and mixture.covariance[0, 0] == pytest.approx(
        4.193, rel=1e-12
    )
    drawn, labels = mixture.sample(20_000, seed=0)
    assert drawn.mean() == pytest.approx(-0.4, abs=5 * 4.193**0.5 / 20_000**0.5)
    np.testing.assert_allclose(np.bincount(labels) / 20_000, mixture.weights, atol=5 * 0.5 / 20_000**0.5)


# ---------------------------------------------------------------- optimisation


def test_NM15_descent_in_one_dimension_ends_where_the_gradient_does() -> None:
    """x^4 / 4 - x^2 / 2 + x / 5 has two minima; the start decides, and the nearly lowest one may do."""
    ends = []
    for start in (1.9, -1.9):
        x = leaf(start, F64)
        for _ in range(200):
            (slope,) = ff.autograd.grad(x**4 / 4 - x**2 / 2 + 0.2 * x, x)
            with ff.no_grad():
                x -= 0.1 * slope
        assert abs(slope.item()) < 1e-6
        ends.append(x.item())
    values = [x**4 / 4 - x**2 / 2 + 0.2 * x for x in ends]
    assert ends[0] > 0 > ends[1] and values[1] < values[0] < 0


@own
def test_NM16_kinds_of_critical_points() -> None:
    classify = explain().classify_critical_point
    assert classify(np.diag([2.0, -3.0])) == "saddle"
    assert classify(np.diag([2.0, 3.0])) == "minimum" and classify(np.diag([-2.0, -3.0])) == "maximum"
    assert explain().spectrum(explain().SURFACES["saddle"].at((0, 0))).kind == "saddle"


def bent(x: Any) -> Any:
    """H = diag(2, 10)."""
    return x[0] ** 2 + 5 * x[1] ** 2


@own
def test_NM17_NM18_curvature_and_the_best_step() -> None:
    found = explain().curvature(bent, [1.0, 1.0])
    assert found.gradient_norm**2 == pytest.approx(104, rel=1e-14)
    assert found.along * found.gradient_norm**2 == pytest.approx(1008, rel=1e-14), "g'Hg"
    assert found.best_step == pytest.approx(0.103175, abs=5e-7) and found.value == 6
    assert found.reached == pytest.approx(0.634921, abs=5e-7) and found.predicted == pytest.approx(
        found.reached, rel=1e-12
    )
    assert explain().curvature(lambda x: x[0] ** 2 - 1.5 * x[1] ** 2, [1.0, 1.0]).best_step is None, "g'Hg = -3"
    assert explain().Objective(lambda x: x[0] ** 2 - 1.5 * x[1] ** 2, [1.0, 1.0]).gradient().tolist() == [2, -3]


@own
def test_NM19_large_eigenvalues_shorten_the_step_along_them() -> None:
    assert explain().optimal_step(bent, [1.0, 0.0]) == pytest.approx(0.5, rel=1e-14)
    assert explain().optimal_step(bent, [0.0, 1.0]) == pytest.approx(0.1, rel=1e-14)
    falls = [explain().curvature(bent, at) for at in ([1.0, 0.0], [5.0, 0.0])]
    assert falls[1].value - falls[1].reached == pytest.approx(25 * (falls[0].value - falls[0].reached)), "g'g is larger"


@own
@pytest.mark.slow
def test_NM20_the_right_capacity_lies_in_between() -> None:
    """Polynomials of degree 1, 3 and 11 through twelve noisy rows; networks do so in `examples/explain_capacity.py`."""
    rng = np.random.default_rng(0)
    train, held = (np.sort(rng.uniform(-1, 1, n)) for n in (12, 400))

    def target(x: Any) -> Any:
        return np.sin(3 * x)

    y = target(train) + 0.2 * rng.normal(size=12)
    errors = []
    for degree in (1, 3, 11):
        powers = [np.stack([x**k for k in range(degree + 1)], axis=1) for x in (train, held)]
        weights, *_ = np.linalg.lstsq(powers[0], y, rcond=None)
        errors.append([((p @ weights - t) ** 2).mean() for p, t in zip(powers, (y, target(held)), strict=True)])
    assert errors[0][0] > errors[1][0] > errors[2][0], "the training error falls with capacity"
    assert errors[1][1] < errors[0][1] and errors[1][1] < errors[2][1], "the error on new rows does not"


@own
def test_NM21_cells_of_many_dimensions() -> None:
    found = explain().curse_of_dimensionality((1, 2, 3, 10), bins=10, points=1000)
    assert found.cells == (10, 100, 1000, 10**10)
    assert found.occupied[0] == 1 and found.occupied[-1] <= 1000 / 10**10


PUBLISHED = [
    [2.5, 2.4],
    [0.5, 0.7],
    [2.2, 2.9],
    [1.9, 2.2],
    [3.1, 3.0],
    [2.3, 2.7],
    [2, 1.6],
    [1, 1.1],
    [1.5, 1.6],
    [1.1, 0.9],
]


@own
def test_NM22_principal_components_of_ten_points() -> None:
    pca = data().PCA().fit(PUBLISHED)
    assert pca.variances.tolist() == pytest.approx([1.284028, 0.049083], abs=5e-7)
    assert pca.share.tolist() == pytest.approx([0.9632, 0.0368], abs=5e-5)
    np.testing.assert_allclose(pca.inverse(pca.transform(PUBLISHED)), PUBLISHED, atol=1e-6)  # float32 out
    white = data().PCA(whiten="pca").fit_transform(PUBLISHED)
    np.testing.assert_allclose(np.cov(white.T), np.eye(2), atol=1e-6)


def test_NM23_derivatives_and_gradients() -> None:
    x = leaf([1.0, 2.0], F64)
    y = x[0] ** 2 * x[1] + ff.exp(x[1])
    (gradient,) = ff.autograd.grad(y, x)
    printed(gradient, [4.0, 1 + math.exp(2)], 12)
    h = 1e-6
    point = np.array([1.0, 2.0])

    def value(at: Any) -> float:
        return float(at[0] ** 2 * at[1] + math.exp(at[1]))

    slopes = [(value(point + h * e) - value(point - h * e)) / (2 * h) for e in np.eye(2)]
    assert gradient.tolist() == pytest.approx(slopes, rel=1e-8)
    steepest = gradient.numpy() / np.linalg.norm(gradient.numpy())
    around = [np.array([math.cos(a), math.sin(a)]) for a in np.linspace(0, 2 * math.pi, 100)]
    rises = [value(point + 1e-5 * d) - value(point) for d in around]
    best = around[int(np.argmax(rises))]
    assert best @ steepest > math.cos(2 * math.pi / 100), "no direction rises faster than that of the gradient"


def test_NM24_the_likeliest_parameters_are_least_squares() -> None:
    """Minimising the negative log-likelihood of a normal distribution finds the mean and the variance of the data."""
    rng = np.random.default_rng(1)
    rows = ff.tensor(rng.normal(3.0, 2.0, size=50))
    mean, log_scale = leaf(0.0, F64), leaf(0.0, F64)
    for _ in range(2000):
        nll = (0.5 * ((rows - mean) / ff.exp(log_scale)) ** 2 + log_scale).mean()
        slopes = ff.autograd.grad(nll, (mean, log_scale))
        with ff.no_grad():
            mean -= 0.5 * slopes[0]
            log_scale -= 0.1 * slopes[1]
    assert mean.item() == pytest.approx(rows.numpy().mean(), rel=1e-6)
    assert math.exp(2 * log_scale.item()) == pytest.approx(rows.numpy().var(), rel=1e-6)
