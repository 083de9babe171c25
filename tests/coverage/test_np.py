"""The neuron and perceptron rows of the coverage table, one test per row, named by its id and using its figures.

NP02 (a spiking neuron), NP05 and NP06 (weights by experience, logistic regression) and NP20 (three ways to features)
are examples: construct_spiking_neuron.py, construct_weights_by_experience.py and construct_choosing_features.py.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct, nn, plot
from peer import printed

ROWS = [[0, 0], [0, 1], [1, 0], [1, 1]]
LINE = ([[1.0], [2.0], [3.0]], [1.0, 2.0, 2.0])


def outputs(network: Any, rows: Any = ROWS) -> list[float]:
    values: list[float] = network(ff.tensor(rows, dtype=ff.float32)).reshape(-1).tolist()
    return values


def test_NP01_many_inputs_and_one_output_named_as_in_a_nerve_cell() -> None:
    drawn = {text.get_text() for text in plot.neuron().axes[0].texts}
    assert {"dendrites", "synapses", "cell body", "axon"} <= drawn
    assert {"inputs x", "weights w", "sum w . x + b", "output y"} <= drawn
    assert {"x1", "x2", "x3", "y"} <= drawn


def test_NP03_a_threshold_unit_fires_at_its_threshold() -> None:
    theta = 2.0
    unit = construct.neuron([1.0, 1.0], -theta)
    assert outputs(unit) == [0, 0, 0, 1]
    assert outputs(construct.neuron([1.0, 1.0], -theta, nn.Step(0.0))) == [0, 0, 0, 0], "the strict inequality"


def test_NP04_an_artificial_neuron() -> None:
    neuron = construct.neuron([0.1, 0.2, -0.3], 0.5, "sigmoid")
    x = ff.tensor([[1.0, 2.0, 3.0]])
    printed(neuron[0](x), [[0.1]], 6)
    printed(neuron(x), [[0.524979]], 6)
    assert neuron.count_parameters() == 4


def test_NP07_NP08_the_learning_rule_finds_a_separating_line() -> None:
    X, y = [[3.0, 3.0], [4.0, 3.0], [1.0, 1.0]], [1, 1, -1]
    found = construct.perceptron(X, y, rate=1.0)
    assert (found.weights.tolist(), found.bias, found.updates) == ([1, 1], -3, 7)
    assert found.is_separating and found.updates <= found.separation.bound
    network = found.network()
    assert outputs(network, X) == [1, 1, 0]
    assert outputs(network, [[1.5, 1.5]]) == [1], "on the line itself: sign(0) is taken as +1"
    # The bound by hand: the line of the largest margin is (1, 1, -4) / sqrt(18), at (3, 3) and (1, 1).
    assert found.separation.margin == pytest.approx(2 / 18**0.5)
    assert found.separation.bound == pytest.approx(26 / (4 / 18))


def test_NP09_and() -> None:
    assert outputs(construct.neuron([1, 1], -2)) == outputs(construct.gate("and", 2)) == [0, 0, 0, 1]


def test_NP10_or() -> None:
    for theta in (0.5, 1.0):
        assert outputs(construct.neuron([1, 1], -theta)) == outputs(construct.gate("or", 2)) == [0, 1, 1, 1]
    assert construct.gate("or", 2)[0].bias.tolist() == [-0.5]


def test_NP11_not() -> None:
    unit = construct.neuron([-0.6, 0.0], 0.5)
    printed(unit[0](ff.tensor(ROWS, dtype=ff.float32)).reshape(-1), [0.5, 0.5, -0.1, -0.1], 6)
    assert outputs(unit) == outputs(construct.gate("not", 2)) == [1, 1, 0, 0]


def test_NP12_no_line_computes_exclusive_or() -> None:
    fit = construct.fit_linear(ROWS, [0, 1, 1, 0])
    np.testing.assert_allclose([*fit.weights, fit.bias], [0, 0, 0.5], atol=1e-15)
    assert 2 * fit.loss / 4 == pytest.approx(0.25)  # J, the mean of the squares
    # Of the 16 ways to label the four rows, all but two can be separated; those are proved not to be.
    separable = {
        y for y in itertools.product((0, 1), repeat=4) if len(set(y)) == 1 or construct.separation(ROWS, y).is_separable
    }
    impossible = set(itertools.product((0, 1), repeat=4)) - separable
    assert impossible == {(0, 1, 1, 0), (1, 0, 0, 1)}
    assert construct.separation(ROWS, (0, 1, 1, 0)).certificate == pytest.approx(np.full(4, 0.25))
    assert max(sum(a == b for a, b in zip(y, (0, 1, 1, 0), strict=True)) for y in separable) == 3


def test_NP13_the_activation_is_an_object_of_its_own() -> None:
    x = ff.tensor([[2.0, -1.0]])
    sums = construct.neuron([1.0, 3.0], -0.5, "identity")(x)
    for activation in (nn.Step(), nn.Sigmoid(), nn.Tanh(), nn.ReLU(), nn.Softplus()):
        assert ff.equal(construct.neuron([1.0, 3.0], -0.5, activation)(x), activation(sums))


def test_NP14_a_structure_is_a_set_of_functions_and_parameters_pick_one() -> None:
    structure = nn.Sequential(nn.Linear(2, 2), nn.Step(), nn.Linear(2, 1), nn.Step())
    parameters = {
        "xor": construct.gate("xor").get_flat_params(),
        "or": ff.tensor([1.0, 1, 1, 1, -0.5, -1.5, 1, 0, -0.5]),
        "and": ff.tensor([1.0, 1, 1, 1, -0.5, -1.5, 0, 1, -0.5]),
    }
    wanted = {"xor": [0, 1, 1, 0], "or": [0, 1, 1, 1], "and": [0, 0, 0, 1]}
    for kind, vector in parameters.items():
        assert outputs(structure.set_flat_params(vector).freeze()) == wanted[kind]
        assert structure.get_flat_params().tolist() == vector.tolist()


def test_NP15_NP16_a_line_by_the_normal_equation() -> None:
    fit = construct.fit_linear(*LINE)
    assert fit.bias == pytest.approx(2 / 3) and fit.weights.tolist() == pytest.approx([1 / 2])
    assert fit.loss == pytest.approx(1 / 12)
    X1 = construct.add_bias_column(LINE[0])
    assert X1.tolist() == [[1, 1], [1, 2], [1, 3]]
    np.testing.assert_allclose(np.linalg.solve(X1.T @ X1, X1.T @ np.array(LINE[1])), [2 / 3, 1 / 2], rtol=1e-12)
    x = ff.tensor(X1)
    np.testing.assert_allclose(x @ ff.tensor([2 / 3, 1 / 2], dtype=ff.float64), [7 / 6, 10 / 6, 13 / 6], rtol=1e-12)


def test_NP17_the_squared_loss_is_the_likelihood_of_gaussian_errors() -> None:
    X1, y = ff.tensor(construct.add_bias_column(LINE[0])), ff.tensor(LINE[1], dtype=ff.float64)
    slopes = {}
    for name, loss in (
        ("squares", lambda z: 0.5 * ((z - y) ** 2).sum()),
        ("likelihood", lambda z: nn.GaussianNLLLoss(reduction="sum", full=True)(z, y, ff.ones_like(y))),
    ):
        w = ff.zeros(2, dtype=ff.float64).requires_grad_()
        value = loss(X1 @ w)
        value.backward()
        slopes[name] = w.grad.tolist()
        if name == "likelihood":
            assert value.item() == pytest.approx(0.5 * 9 + 1.5 * np.log(2 * np.pi)), "the same but for a constant"
    assert slopes["squares"] == [-5, -11] and slopes["likelihood"] == pytest.approx([-5, -11])
    fit = construct.fit_linear(*LINE, solver="gd", rate=0.1, max_steps=1)
    assert [fit.bias, *fit.weights] == pytest.approx([0.5, 1.1])
    printed(fit.curvature, [0.3606, 16.6394], 4)
    printed(np.array(fit.largest_rate), 0.1202, 4)


def test_NP18_gradient_descent_from_zero_or_anywhere() -> None:
    for start in (None, [3.0, -2.0]):
        fit = construct.fit_linear(*LINE, solver="gd", rate=0.1, start=start)
        assert fit.is_converged and [fit.bias, *fit.weights] == pytest.approx([2 / 3, 1 / 2], abs=1e-7)
    stopped = construct.fit_linear(*LINE, solver="gd", rate=0.1, max_steps=10)
    assert not stopped.is_converged and stopped.steps == 10


def test_NP19_products_of_inputs_make_exclusive_or_linear() -> None:
    phi = construct.polynomial_features(ROWS, interactions_only=True)
    assert phi.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1]]
    assert (phi @ [1, 1, -2]).tolist() == [0, 1, 1, 0]
    fit = construct.fit_linear(phi, [0, 1, 1, 0])
    np.testing.assert_allclose([*fit.weights, fit.bias], [1, 1, -2, 0], atol=1e-14)
    near = construct.rbf_features(ROWS, ROWS, width=0.5)
    np.testing.assert_allclose(construct.fit_linear(near, [0, 1, 1, 0]).loss, 0, atol=1e-20)
