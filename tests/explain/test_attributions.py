"""What models rely on: exact answers for linear ones, the axioms, and agreement with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.inspection import permutation_importance as published
from sklearn.linear_model import LinearRegression

import forwardnet as ff
from forwardnet import explain, nn
from forwardnet.errors import ArgumentError, ShapeError, UnknownNameError

Array = np.ndarray[Any, Any]
WEIGHTS = np.array([2.0, -1.0, 0.5, 0.0])


def rows(n: int = 400) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4)) + 1
    return X, X @ WEIGHTS + 0.1 * rng.normal(size=n)


def linear() -> nn.Module:
    model = nn.Linear(4, 1)
    with ff.no_grad():
        model.weight.copy_(ff.tensor(WEIGHTS[None]))
        model.bias.zero_()
    return model


def test_shuffling_costs_twice_the_explained_variance() -> None:
    """For y = w x + noise the squared error grows by 2 w_j^2 var(x_j) on average over the shuffles."""
    X, y = rows()
    found = explain.permutation_importance(linear(), "mse", X, y, repeats=20)
    expected = 2 * WEIGHTS**2 * X.var(axis=0)
    error = found.spread / 20**0.5
    assert (np.abs(found.mean - expected) <= 6 * error + 0.02 * expected).all()
    assert found.baseline == pytest.approx(0.01, rel=0.2) and found.order.tolist() == [0, 1, 2, 3]
    assert found.is_used.tolist() == [True, True, True, False]
    assert found.summary().startswith("mse 0.0") and "x1 (+7.7" in found.summary()
    assert "(within the spread: x4)" in found.summary()


def test_it_agrees_with_scikit_learn() -> None:
    X, y = rows()
    fitted = LinearRegression().fit(X, y)
    own = explain.permutation_importance(fitted.predict, lambda out, t: ((out - t) ** 2).mean(), X, y, repeats=30)
    theirs = published(fitted, X, y, scoring="neg_mean_squared_error", n_repeats=30, random_state=0)
    error = np.hypot(own.spread, theirs.importances_std) / 30**0.5
    assert (np.abs(own.mean - theirs.importances_mean) < 5 * error + 1e-6).all()
    np.testing.assert_allclose(own.spread[:3], theirs.importances_std[:3], rtol=0.6)  # of 30 draws each


def test_metrics_that_rise_when_better() -> None:
    X, _ = rows()
    y = (X[:, 0] > 1).astype(int)
    found = explain.permutation_importance(
        lambda x: x[:, :1] - 1, "accuracy", X, y, link="logits", names=["a", "b", "c", "d"], repeats=8
    )
    assert found.baseline == 1 and found.greater_is_better and found.mean[0] == pytest.approx(0.5, abs=0.05)
    assert found.mean[1:].tolist() == [0, 0, 0] and found.summary() == (
        f"accuracy 1 on the rows as they are; what shuffling one feature does to it: a (-{found.mean[0]:.3g} +- "
        f"{found.spread[0]:.2g}) (within the spread: b, c, d)."
    )


def test_shuffles_are_a_function_of_the_seed_and_leave_the_rows_alone() -> None:
    X, y = rows(50)
    before = X.copy()
    a, b, c = (explain.permutation_importance(linear(), "mse", X, y, seed=s, repeats=3).worsening for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    np.testing.assert_array_equal(X, before)
    assert explain.permutation_importance(linear(), "mse", X, y, repeats=1).spread.tolist() == [0] * 4


def test_importance_misuse_is_named() -> None:
    X, y = rows(20)
    with pytest.raises(UnknownNameError, match="unknown loss 'acuracy'"):
        explain.permutation_importance(linear(), "acuracy", X, y)
    with pytest.raises(ShapeError, match="2 names for 4 features"):
        explain.permutation_importance(linear(), "mse", X, y, names=["a", "b"])
    with pytest.raises(ArgumentError, match="repeats is 0"):
        explain.permutation_importance(linear(), "mse", X, y, repeats=0)
    with pytest.raises(ShapeError, match=r"X has shape \(20, 2, 2\), expected \(rows, features\)"):
        explain.permutation_importance(linear(), "mse", X.reshape(20, 2, 2), y)


# ---------------------------------------------------------------- integrated gradients


def network(activation: Any = nn.Tanh, outputs: int = 3) -> nn.Module:
    ff.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), activation(), nn.Linear(16, 8), activation(), nn.Linear(8, outputs))


def test_of_a_linear_model_it_is_weight_times_distance() -> None:
    X, _ = rows(10)
    found = explain.integrated_gradients(linear(), X, baseline=X.mean(axis=0), steps=1)
    np.testing.assert_allclose(found.values, WEIGHTS * (X - X.mean(axis=0)), rtol=1e-6)  # float32 weights
    np.testing.assert_allclose(found.gap, 0, atol=1e-13)


@pytest.mark.parametrize(("activation", "atol"), [(nn.Tanh, 1e-12), (nn.SiLU, 1e-12), (nn.ReLU, 5e-3)])
def test_completeness(activation: Any, atol: float) -> None:
    """The contributions add up to f(x) - f(b); kinks on the way cost accuracy of order 1 / steps."""
    X, _ = rows(30)
    for target in (0, np.arange(30) % 3):
        found = explain.integrated_gradients(network(activation), X, target=target, baseline=0.5, steps=64)
        np.testing.assert_allclose(found.values.sum(axis=1), found.output - found.baseline_output, atol=atol)
        np.testing.assert_allclose(found.gap, 0, atol=atol)
        assert np.abs(found.output - found.baseline_output).max() > 0.05, "there is something to explain"


def test_more_places_bring_a_rectifier_network_nearer() -> None:
    X, _ = rows(30)
    gaps = [np.abs(explain.integrated_gradients(network(nn.ReLU), X, target=0, steps=s).gap).mean() for s in (8, 512)]
    assert gaps[1] < gaps[0] / 8


def test_the_line_integral_by_brute_force() -> None:
    X, _ = rows(3)
    model = network()
    found = explain.integrated_gradients(model, X, target=2, baseline=-0.3)
    own = network().double()
    total = np.zeros_like(X)
    for t in (np.arange(1000) + 0.5) / 1000:
        at = ff.tensor(-0.3 + t * (X + 0.3), requires_grad=True)
        own(at)[:, 2].sum().backward()
        assert at.grad is not None
        total += at.grad.numpy() / 1000
    np.testing.assert_allclose(found.values, (X + 0.3) * total, atol=1e-6)  # the midpoint rule errs by 1 / 1000^2


def test_features_without_influence_get_nothing_and_saturation_hides_nothing() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    with ff.no_grad():
        model[0].weight.copy_(ff.tensor([[20.0, 0.0]]))
        model[0].bias.zero_()
    found = explain.integrated_gradients(model, [[5.0, 5.0]], steps=400)
    assert found.values[0, 1] == 0 and found.values[0, 0] == pytest.approx(0.5, rel=1e-3)
    at = ff.tensor([[5.0, 5.0]], requires_grad=True)
    model(at).sum().backward()
    assert at.grad is not None and at.grad.abs().max().item() < 1e-10, "the gradient alone sees nothing there"


def test_words_and_shapes() -> None:
    X, _ = rows(5)
    found = explain.integrated_gradients(network(), X, target=1, names=["a", "b", "c", "d"])
    assert found.summary().startswith("5 rows; mean size of the contributions: ")
    assert found.summary(2).startswith("Row 2: output ")
    images = explain.integrated_gradients(
        nn.Sequential(nn.Flatten(), nn.Linear(6, 1)), np.random.default_rng(0).normal(size=(4, 2, 3))
    )
    assert images.values.shape == (4, 2, 3) and np.abs(images.gap).max() < 1e-12


def test_attribution_misuse_is_named() -> None:
    X, _ = rows(5)
    with pytest.raises(ArgumentError, match=r"the output has shape \(5, 3\) and target is None\nhint: name the output"):
        explain.integrated_gradients(network(), X)
    for target in (3, -1, [0, 1], [0, 1, 2, 0, 3]):
        with pytest.raises(ArgumentError, match="expected a column from 0 to 2, or one a row"):
            explain.integrated_gradients(network(), X, target=target)
    with pytest.raises(ShapeError, match=r"baseline has shape \(3,\), expected a number, \(4,\) or \(5, 4\)"):
        explain.integrated_gradients(network(), X, target=0, baseline=[0.0, 0.0, 0.0])
    with pytest.raises(ArgumentError, match="steps is 0"):
        explain.integrated_gradients(network(), X, target=0, steps=0)
