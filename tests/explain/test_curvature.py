"""Curvature, best steps, spectra: against known quadratics, NumPy's eigenvalues, and each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import explain, nn
from forwardnet.errors import ArgumentError, DataError, ShapeError, UnknownNameError

Array = np.ndarray[Any, Any]


def symmetric(values: Any, seed: int = 0) -> Array:
    """A matrix with these eigenvalues, turned at random."""
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))
    return np.asarray(turn @ np.diag(values) @ turn.T)


def quadratic(matrix: Array) -> Any:
    m = ff.tensor(matrix)
    return lambda x: 0.5 * (x @ (m @ x))


def test_the_best_step_is_best_on_a_quadratic() -> None:
    matrix = symmetric([1.0, 4.0, 25.0])
    found = explain.curvature(quadratic(matrix), [1.0, -2.0, 0.5])
    objective = explain.Objective(quadratic(matrix), [1.0, -2.0, 0.5])
    g = objective.gradient()
    assert found.best_step is not None and found.best_step == pytest.approx(g @ g / (g @ matrix @ g), rel=1e-12)
    assert found.reached == pytest.approx(found.predicted, rel=1e-10)
    around = [objective.value(objective.x - s * g) for s in np.linspace(0.9, 1.1, 21) * found.best_step]
    assert int(np.argmin(around)) == 10, "shorter and longer steps end higher"
    assert "as a quadratic would have it" in found.summary()


def test_curvature_along_a_direction() -> None:
    matrix = symmetric([2.0, 3.0, -5.0], seed=1)
    x = np.array([1.0, 2.0, 3.0])
    values, vectors = np.linalg.eigh(matrix)
    for value, vector in zip(values, vectors.T, strict=True):
        found = explain.curvature(quadratic(matrix), x, direction=3.0 * vector)
        assert found.along == pytest.approx(value, rel=1e-12)
        assert (found.best_step is None) == (value < 0)
    downhill = explain.curvature(quadratic(matrix), x, direction=vectors[:, 0])
    assert (
        "does not bend upwards" in downhill.summary()
        and explain.optimal_step(quadratic(-np.eye(2)), [1.0, 1.0]) is None
    )


def test_where_second_order_is_no_good_guide_the_summary_says_so() -> None:
    found = explain.curvature(lambda x: x[0] ** 4 + 0.01 * x[0] ** 2, [1.0])
    assert found.predicted is not None and found.reached is not None
    assert abs(found.reached - found.predicted) > 0.1 and "so it is none over that step" in found.summary()
    assert "critical point" in explain.curvature(lambda x: (x**2).sum(), [0.0, 0.0]).summary()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.0, 2.0], "minimum"),
        ([-1.0, -2.0], "maximum"),
        ([-1.0, 2.0], "saddle"),
        ([0.0, 2.0], "degenerate"),
        ([0.0, 0.0], "degenerate"),
        ([-1.0, 0.0, 1.0], "saddle"),
        ([1e-9, 1.0], "degenerate"),
    ],
)
def test_kinds_of_critical_points(values: list[float], kind: str) -> None:
    assert explain.classify_critical_point(values) == kind
    assert explain.classify_critical_point(symmetric(values)) == kind
    assert explain.spectrum(quadratic(symmetric(values)), np.zeros(len(values))).kind == kind


def test_condition_numbers() -> None:
    assert explain.condition_number(symmetric([2.0, -8.0])) == pytest.approx(4, rel=1e-12)
    assert explain.condition_number(np.array([[3.0, 0.0], [4.0, 5.0]])) == pytest.approx(
        3, rel=1e-12
    )  # sqrt 45 / sqrt 5
    assert explain.condition_number([[1.0, 2.0], [2.0, 4.0]]) > 1e15
    assert explain.condition_number([[0.0, 0.0], [0.0, 1.0]]) == np.inf
    hilbert = 1 / (np.arange(8)[:, None] + np.arange(8) + 1)
    assert explain.condition_number(hilbert) == pytest.approx(np.linalg.cond(hilbert), rel=1e-6)


def test_lanczos_finds_the_ends_early_and_everything_in_the_end() -> None:
    values = np.concatenate([np.random.default_rng(0).uniform(-0.5, 0.5, 196), [-4.0, -2.0, 3.0, 9.0]])
    matrix = symmetric(values, seed=2)
    early = explain.lanczos(lambda v: matrix @ v, 200, steps=40, seed=1)
    assert early.values[[0, -1]] == pytest.approx([-4.0, 9.0], abs=1e-10)
    assert early.values[1] == pytest.approx(-2.0, abs=1e-8) and early.values[-2] == pytest.approx(3.0, abs=1e-8)
    # the promise of `errors`: an eigenvalue lies that near
    distance = np.abs(early.values[:, None] - values).min(axis=1)
    assert (distance <= early.errors + 1e-12).all()
    assert early.weights.sum() == pytest.approx(1, rel=1e-12)
    whole = explain.lanczos(lambda v: matrix @ v, 200, steps=200, seed=1)
    np.testing.assert_allclose(whole.values, np.linalg.eigvalsh(matrix), atol=1e-10)
    np.testing.assert_allclose(matrix @ whole.vectors, whole.vectors * whole.values, atol=1e-9)


def test_lanczos_stops_at_an_invariant_subspace() -> None:
    matrix = np.diag([1.0, 1.0, 1.0, 5.0])
    found = explain.lanczos(lambda v: matrix @ v, 4, steps=10)
    np.testing.assert_allclose(found.values, [1.0, 5.0], rtol=1e-12)  # equal ones come once
    assert explain.lanczos(lambda v: matrix @ v, 4, steps=3, start=[0, 0, 0, 2.0]).values.tolist() == [5.0]


def model_and_rows() -> tuple[nn.Module, Array, Array]:
    ff.manual_seed(1)
    X = np.random.default_rng(1).normal(size=(60, 4))
    return nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 3)), X, X[:, 0].argsort().argsort() % 3


def test_both_ways_to_a_spectrum_agree() -> None:
    model, X, y = model_and_rows()
    objective = explain.Objective.of_model(model, "cross_entropy", X, y)
    exact = explain.spectrum(objective)
    assert exact.method == "exact" and len(exact.eigenvalues) == objective.size == 99
    fast = explain.spectrum(objective, method="lanczos", steps=50)
    assert fast.method == "lanczos"
    assert [fast.largest, fast.smallest] == pytest.approx([exact.largest, exact.smallest], rel=1e-9)
    assert fast.stable_rate == pytest.approx(2 / exact.largest, rel=1e-9)
    # the trace from random vectors: the mean of v'Hv over many of them is the mean eigenvalue
    many = explain.spectrum(objective, method="lanczos", steps=50, probes=40)
    spread = exact.eigenvalues.std() / (40 * 99) ** 0.5
    assert many.density @ many.eigenvalues == pytest.approx(exact.eigenvalues.mean(), abs=8 * spread)
    assert many.density.sum() == pytest.approx(1, rel=1e-12)


def test_gradient_descent_diverges_above_the_stable_rate() -> None:
    matrix = symmetric([0.5, 2.0, 10.0])
    rate = explain.spectrum(quadratic(matrix), [1.0, 1.0, 1.0]).stable_rate
    assert rate == pytest.approx(0.2, rel=1e-12)
    for factor, is_stable in ((0.99, True), (1.01, False)):
        x = np.ones(3)
        for _ in range(2000):
            x = x - factor * rate * matrix @ x
        assert (np.linalg.norm(x) < 1) == is_stable


def test_summaries_say_what_is_there() -> None:
    bowl = explain.spectrum(quadratic(symmetric([1.0, 100.0])), [0.0, 0.0])
    assert "A critical point: a minimum" in bowl.summary() and "Condition number 100;" in bowl.summary()
    slope = explain.spectrum(quadratic(symmetric([1.0, 100.0])), [1.0, 1.0])
    assert "no critical point; it bends upwards in all" in slope.summary()
    assert "The Hessian of 2 parameters is zero" in explain.spectrum(lambda x: x.sum(), [1.0, 1.0]).summary()
    assert "in some directions and downwards" in explain.spectrum(quadratic(np.diag([1.0, -1.0])), [1.0, 1.0]).summary()


def test_misuse_is_named() -> None:
    with pytest.raises(ArgumentError, match="got function without x, expected an Objective"):
        explain.curvature(lambda x: x.sum())
    with pytest.raises(ArgumentError, match="the direction is zero"):
        explain.curvature(lambda x: x.sum(), [1.0], direction=[0.0])
    with pytest.raises(ShapeError, match=r"direction has shape \(2,\), expected \(1,\)"):
        explain.curvature(lambda x: x.sum(), [1.0], direction=[0.0, 1.0])
    with pytest.raises(UnknownNameError, match="unknown method 'exat'"):
        explain.spectrum(lambda x: x.sum(), [1.0], method="exat")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="steps is 0"):
        explain.spectrum(lambda x: x.sum(), [1.0], method="lanczos", steps=0)
    with pytest.raises(ArgumentError, match="probes is 0"):
        explain.spectrum(lambda x: x.sum(), [1.0], method="lanczos", probes=0)
    with pytest.raises(DataError, match="the matrix is not symmetric"):
        explain.classify_critical_point([[1.0, 2.0], [0.0, 1.0]])
    with pytest.raises(ShapeError, match=r"got shape \(2, 3\), expected a square matrix"):
        explain.classify_critical_point(np.zeros((2, 3)))
    with pytest.raises(DataError, match="NaN or an infinity"):
        explain.condition_number([[np.nan]])
    with pytest.raises(ShapeError, match=r"got shape \(3,\), expected a matrix"):
        explain.condition_number([1.0, 2.0, 3.0])
    with pytest.raises(ArgumentError, match="the starting vector is zero"):
        explain.lanczos(lambda v: v, 3, steps=2, start=[0.0, 0.0, 0.0])
