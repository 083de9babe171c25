"""Objectives: derivatives against central differences, and models that stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.errors import ArgumentError, AutogradError, DataError, ShapeError
from forwardnet.explain import Objective

Array = np.ndarray[Any, Any]


def rows(n: int = 20, d: int = 3) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    return X, (X[:, 0] > 0).astype(int)


def network() -> nn.Module:
    ff.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.BatchNorm1d(5), nn.Linear(5, 2))


class Shared(nn.Module):
    """One layer used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        return self.layer(self.layer(x).tanh())


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("make", "loss"), [(network, "cross_entropy"), (Shared, "mse")])
def test_derivatives_of_a_model(make: Any, loss: str, training: bool) -> None:
    X, labels = rows()
    objective = Objective.of_model(make(), loss, X, labels if loss == "cross_entropy" else X, training=training)
    n, step = objective.size, 1e-5
    unit = np.eye(n)
    slopes = [
        (objective.value(objective.x + step * e) - objective.value(objective.x - step * e)) / (2 * step) for e in unit
    ]
    # central differences err by step^2 / 6 times the third derivative, and by rounding / step = 1e-11
    np.testing.assert_allclose(objective.gradient(), slopes, atol=1e-9)
    bends = [
        (objective.at(objective.x + step * e).gradient() - objective.at(objective.x - step * e).gradient()) / (2 * step)
        for e in unit
    ]
    hessian = objective.hessian()
    np.testing.assert_allclose(hessian, bends, atol=1e-8)
    np.testing.assert_array_equal(hessian, hessian.T)
    products = np.array([objective.product(e) for e in unit])
    np.testing.assert_allclose(products, hessian, atol=1e-13)  # the same numbers in another order


def test_a_shared_layer_counts_once() -> None:
    X, _ = rows()
    objective = Objective.of_model(Shared(), "mse", X, X)
    assert [(part.name, part.shape) for part in objective.parts] == [("layer.weight", (3, 3)), ("layer.bias", (3,))]
    assert objective.size == 12


def test_the_model_stays_as_it_is() -> None:
    X, y = rows()
    model = network().train()
    model[0].weight.grad = ff.ones(5, 3)
    seen: list[int] = []
    model[1].register_forward_hook(lambda *_: seen.append(1))
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    for training in (False, True):
        objective = Objective.of_model(model, "cross_entropy", X, y, training=training)
        objective.hessian(), objective.gradient(), objective.value(objective.x + 1)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name], err_msg=name)
        assert value.dtype in (ff.float32, ff.int64)
    assert model.training and model[0].weight.grad.tolist() == [[1.0] * 3] * 5 and not seen
    assert len(model[1]._forward_hooks) == 1, "its hooks are still there"


def test_the_value_is_the_loss_in_float64() -> None:
    X, y = rows()
    model = network().eval()
    expected = nn.CrossEntropyLoss()(model(ff.tensor(X).float()), ff.tensor(y)).item()
    value = Objective.of_model(model, nn.CrossEntropyLoss(), X, y).value()
    assert value == pytest.approx(expected, rel=1e-5) and value != expected  # the model's own is float32


def test_frozen_parameters_are_no_part_of_it() -> None:
    X, y = rows()
    model = network()
    model[0].weight.requires_grad_(False)
    objective = Objective.of_model(model, "cross_entropy", X, y)
    assert objective.parts[0].name == "0.bias" and objective.size == 42 - 15
    model.requires_grad_(False)
    with pytest.raises(ArgumentError, match="Sequential has no trainable parameter"):
        Objective.of_model(model, "cross_entropy", X, y)


def test_functions_that_are_linear_or_constant() -> None:
    linear = Objective(lambda x: 3 * x[0] - x[1], [1.0, 2.0])
    assert linear.gradient().tolist() == [3, -1] and linear.product([1.0, 1.0]).tolist() == [0, 0]
    assert linear.hessian().tolist() == [[0, 0], [0, 0]]
    constant = Objective(lambda x: ff.tensor(7.0), [1.0])
    assert (constant.value(), constant.gradient().tolist(), constant.product([1.0]).tolist()) == (7.0, [0.0], [0.0])


def test_misuse_is_named() -> None:
    X, y = rows()
    with pytest.raises(DataError, match="x is nan at position 1"):
        Objective(lambda x: x.sum(), [0.0, np.nan])
    with pytest.raises(AutogradError, match=r"returned a tensor of shape \(2,\), expected a tensor of one element"):
        Objective(lambda x: x, [0.0, 1.0]).value()
    with pytest.raises(ShapeError, match="x has 3 numbers, expected 2"):
        Objective(lambda x: x.sum(), [0.0, 1.0]).at([1.0, 2.0, 3.0])
    with pytest.raises(ShapeError, match=r"v has shape \(3,\), expected \(2,\)"):
        Objective(lambda x: x.sum(), [0.0, 1.0]).product([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="unknown loss 'cross_entrpy'\nhint: did you mean 'cross_entropy'"):
        Objective.of_model(network(), "cross_entrpy", X, y)
    with pytest.raises(ArgumentError, match="loss is MSELoss, expected a loss object"):
        Objective.of_model(network(), nn.MSELoss, X, y)
    with pytest.raises(DataError, match="holds label 8 at row 0"):
        Objective.of_model(network(), "cross_entropy", X, y + 7)
    with pytest.raises(ArgumentError, match=r"5,000 parameters make a matrix of 0.2 GiB.*\nhint: product\(v\)"):
        Objective(lambda x: x.sum(), np.zeros(5000)).hessian()
