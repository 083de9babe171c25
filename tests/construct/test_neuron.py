"""One neuron with any activation, and exclusive or with two rectifiers."""

from __future__ import annotations

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct, nn
from forwardnet.errors import ArgumentError, ShapeError, UnknownNameError

ELEMENTWISE = sorted(name for name, kind in nn.ACTIVATIONS.items() if kind.formula.elementwise)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_any_activation(name: str) -> None:
    rng = np.random.default_rng(0)
    w, b, X = rng.normal(size=4), 0.3, rng.normal(size=(9, 4))
    network = construct.neuron(w, b, name, dtype=ff.float64).eval()
    alone = nn.ACTIVATIONS[name]().eval().double()(ff.tensor(X @ w + b).unsqueeze(1))
    np.testing.assert_allclose(network(ff.tensor(X)).numpy(), alone.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_a_module_will_do() -> None:
    network = construct.neuron([1.0], 0.0, nn.LeakyReLU(0.5))
    assert network(ff.tensor([[-2.0]])).item() == -1
    prelu = construct.neuron([1.0], 0.0, nn.PReLU())
    assert prelu.count_parameters(trainable_only=True) == 0


def test_what_is_no_neuron() -> None:
    with pytest.raises(UnknownNameError, match="unknown activation 'stepp'\nhint: did you mean 'step'"):
        construct.neuron([1.0], activation="stepp")
    with pytest.raises(ShapeError, match=r"weights have shape \(1, 2\), expected \(inputs,\)"):
        construct.neuron([[1.0, 2.0]])  # type: ignore[list-item]
    with pytest.raises(ArgumentError, match="bias nan, expected finite numbers"):
        construct.neuron([1.0], float("nan"))


def test_exclusive_or_with_rectifiers() -> None:
    network = construct.xor_relu()
    assert construct.truth_table(network).ravel().tolist() == [0, 1, 1, 0]
    assert network(ff.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])).reshape(-1).tolist() == [0, 1, 1, 0]
