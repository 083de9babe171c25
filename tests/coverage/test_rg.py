"""The regularisation rows of the coverage table that no single part owns: fits of polynomials, decay, trees, capacity.

The layers and tools of the other rows are tested where they live: dropout, noise, pruning, sharing, tasks and sparse
activations in tests/nn, penalties in tests/optim, ensembles and early stopping in tests/train.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim, plot
from peer import printed

X = np.arange(-1, 1.01, 0.25)
EPS = np.array([0.3, -0.4, 0.2, 0.5, -0.3, 0.1, -0.5, 0.4, -0.2])
GRID = np.linspace(-1, 1, 2001)


def truth(x: Any) -> Any:
    return 1 + 2 * x - 3 * x**2


Y = truth(X) + EPS


def powers(x: Any, degree: int) -> Any:
    """Columns x, x^2, ...; the constant is the bias."""
    return np.stack([x**k for k in range(1, degree + 1)], axis=1)


class Polynomial(nn.Module):
    """bias + sum_k w_k x^k, the weights up to x^2 and those above it apart."""

    def __init__(self, degree: int) -> None:
        super().__init__()
        self.low, self.high = nn.Linear(2, 1), nn.Linear(degree - 2, 1, bias=False)

    def forward(self, x: Any) -> Any:
        return self.low(x[:, :2]) + self.high(x[:, 2:])

    def all_weights(self) -> Any:
        low, high = self.low.weight.detach().numpy(), self.high.weight.detach().numpy()
        return np.concatenate([self.low.bias.detach().numpy(), low[0], high[0]])


def fitted(degree: int, penalty: Any = None) -> Polynomial:
    """The minimum of mean squared error and penalty, a quadratic: one step of Newton's method, and one for rounding."""
    ff.manual_seed(0)
    model = Polynomial(degree)
    made = None if penalty is None else penalty(model)
    trainer = ff.Trainer(model, "mse", optim.Newton(model.parameters()), penalty=made, precision="float64")
    trainer.fit(powers(X, degree), Y, epochs=3, batch_size=None, progress=False)
    return model


def largest_error(model: Any, degree: int) -> float:
    predicted = model(ff.tensor(powers(GRID, degree))).detach().numpy()[:, 0]
    return float(np.abs(predicted - truth(GRID)).max())


def test_RG01_the_more_capacity_the_smaller_the_error_on_the_data_and_the_larger_beside_them() -> None:
    learnt, beside = [], []
    for degree in (3, 4, 8):
        model = fitted(degree)
        predicted = model(ff.tensor(powers(X, degree))).detach().numpy()[:, 0]
        learnt.append(((predicted - Y) ** 2).mean())
        beside.append(largest_error(model, degree))
    assert learnt[0] > learnt[1] > 0.1 and learnt[2] < 1e-18, "nine numbers fit nine points"
    printed(np.array(beside[2]), 3.04, 2)
    assert beside[0] < beside[1] < beside[2]
    # too little capacity fails on both: a line through a parabola
    line = np.polyfit(X, Y, 1)
    assert ((np.polyval(line, X) - Y) ** 2).mean() > 5 * learnt[0]
    assert np.abs(np.polyval(line, GRID) - truth(GRID)).max() > 5 * beside[0]


def test_RG02_RG03_a_penalty_on_two_weights_alone_brings_the_parabola_back() -> None:
    """1 / (2 m) sum of squares + 1000 w3^2 + 1000 w4^2, which is half of: mean square + 4000 / 2 (w3^2 + w4^2)."""
    printed(fitted(4).all_weights(), [1.0462, 1.9027, -3.3427, 0.0054, 0.3506], 4)
    tamed = fitted(4, lambda model: optim.L2(4000.0, only=[model.high.weight])).all_weights()
    printed(tamed[:3], [1.0039, 1.9067, -2.9827], 4)
    assert abs(tamed[3]) < 1e-6 and abs(tamed[4]) < 3e-6
    degree_2 = np.polyfit(X, Y, 2)[::-1]
    np.testing.assert_allclose(tamed[:3], degree_2, atol=1e-4)


def test_RG09_ridge_on_a_polynomial_that_goes_through_every_point() -> None:
    """Mean square + theta |w|^2, the bias left out."""
    printed(np.linalg.norm(fitted(8).all_weights()), 234.5, 1)
    path, strengths = [], (0.001, 0.01, 0.1)
    for theta, error, norm in zip(strengths, (0.344, 0.208, 0.832), (5.07, 2.95, 1.75), strict=True):
        model = fitted(8, lambda _, theta=theta: optim.L2(2 * theta))
        printed(np.array(largest_error(model, 8)), error, 3)
        weights = model.all_weights()[1:]
        printed(np.linalg.norm(weights), norm, 2)
        path.append(weights)
    figure = plot.regularisation_path(strengths, path, names=[f"x^{k}" for k in range(1, 9)])
    drawn = {str(line.get_label()): line for line in figure.axes[0].get_lines() if "x^" in str(line.get_label())}
    assert len(drawn) == 8
    np.testing.assert_array_equal(np.asarray(drawn["x^2"].get_ydata()), np.array(path)[:, 1])
    for strength, rows in (((1.0, 2.0), [[1.0]]), ((0.0,), [[1.0]])):
        with pytest.raises(ValueError, match="regularisation_path"):
            plot.regularisation_path(strength, rows)


def test_RG04_the_penalty_is_added_to_the_loss_and_leaves_biases_alone() -> None:
    ff.manual_seed(0)
    model, x, y = nn.Linear(3, 2).double(), ff.randn(5, 3, dtype=ff.float64), ff.randn(5, 2, dtype=ff.float64)
    for omega in (optim.L2(0.1), optim.L1(0.1)):
        model.zero_grad()
        nn.MSELoss()(model(x), y).backward()
        plain = [p.grad.clone() for p in model.parameters()]
        model.zero_grad()
        (nn.MSELoss()(model(x), y) + omega(model.parameters())).backward()
        weight = model.weight.detach()
        expected = 0.1 * (weight if isinstance(omega, optim.L2) else weight.sign())
        np.testing.assert_allclose((model.weight.grad - plain[0]).numpy(), expected.numpy(), rtol=1e-12)
        assert ff.equal(model.bias.grad, plain[1])


def test_RG07_the_regularised_network_of_two_moons() -> None:
    """loss + 0.01 / 2 sum W^2 over both matrices: each gradient gets 0.01 W, biases nothing."""
    data, labels = ff.data.generators.moons(n=200, noise=0.2, seed=0)
    x, y, strength = ff.tensor(data), ff.tensor(labels), 0.01
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    penalty = optim.L2(strength)
    by_hand = sum(0.5 * strength * float((layer.weight.detach().numpy() ** 2).sum()) for layer in (model[0], model[2]))
    assert penalty(model.parameters()).item() == pytest.approx(by_hand, rel=1e-13)
    gradients = []
    for extra in (False, True):
        model.zero_grad()
        loss = nn.CrossEntropyLoss()(model(x), y)
        (loss + penalty(model.parameters()) if extra else loss).backward()
        gradients.append([p.grad.numpy().copy() for p in model.parameters()])
    for parameter, plain, changed in zip(model.parameters(), *gradients, strict=True):
        expected = strength * parameter.detach().numpy() if parameter.ndim == 2 else 0.0
        np.testing.assert_allclose(changed - plain, expected, rtol=1e-10, atol=1e-15)


def test_RG08_weight_decay_shrinks_and_then_steps() -> None:
    eta, theta = 0.1, 0.5
    w = ff.tensor([2.0, -1.0], dtype=ff.float64, requires_grad=True)
    optimizer = optim.SGD([w], lr=eta, weight_decay=theta)
    (3 * w[0] - w[1]).backward()
    optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), (1 - eta * theta) * np.array([2.0, -1.0]) - eta * np.array([3, -1]))


def test_RG20_a_decision_tree_is_pruned_by_the_cost_of_its_leaves() -> None:
    """Not a network: scikit-learn's trees. A leaf has to lower the impurity by more than it costs."""
    from sklearn.tree import DecisionTreeClassifier

    data, labels = ff.data.generators.moons(n=200, noise=0.3, seed=0)
    new, their_labels = ff.data.generators.moons(n=2000, noise=0.3, seed=1)
    grown, pruned = (DecisionTreeClassifier(ccp_alpha=cost, random_state=0).fit(data, labels) for cost in (0, 0.01))
    assert grown.score(data, labels) == 1 and pruned.get_n_leaves() < 0.4 * grown.get_n_leaves()
    assert pruned.score(new, their_labels) > grown.score(new, their_labels) + 0.01


def test_RG27_the_number_of_hidden_units_controls_the_complexity() -> None:
    """More units fit sixty noisy points better, and others worse from some number on."""
    data, labels = ff.data.generators.moons(n=60, noise=0.3, seed=0)
    new, their_labels = ff.data.generators.moons(n=2000, noise=0.3, seed=1000)
    losses = []
    for units in (1, 4, 50):
        ff.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, units), nn.Tanh(), nn.Linear(units, 2))
        trainer = ff.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.05))
        trainer.fit(data, labels, epochs=400, batch_size=60, progress=False)
        losses.append([trainer.evaluate(*rows)["loss"] for rows in ((data, labels), (new, their_labels))])
    (learnt, held) = np.array(losses).T
    assert learnt[0] > learnt[1] > learnt[2] and held[2] > 1.5 * held[:2].min()
