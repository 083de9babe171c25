"""Maxout and gated units: values, derivatives, sizes, and what they say about unusable arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn

GATED = {"GLU": nn.GLU, "GTU": nn.GTU, "ReGLU": nn.ReGLU, "SwiGLU": nn.SwiGLU}
FORMULAS: dict[str, Any] = {
    "GLU": lambda a, b: a / (1 + np.exp(-b)),
    "GTU": lambda a, b: np.tanh(a) / (1 + np.exp(-b)),
    "ReGLU": lambda a, b: a * np.maximum(b, 0),
    "SwiGLU": lambda a, b: a * b / (1 + np.exp(-b)),
}


@pytest.mark.parametrize("name", GATED)
def test_the_formula_with_weights_and_without(name: str) -> None:
    ff.manual_seed(0)
    layer = GATED[name](3, 4).double()
    for shape in ((3,), (5, 3), (2, 5, 3)):
        x = ff.randn(*shape, dtype=ff.float64)
        a, b = layer.value(x).detach().numpy(), layer.gate(x).detach().numpy()
        expected = FORMULAS[name](a, b)
        np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-13)
        both = ff.tensor(np.concatenate([a, b], axis=-1))
        np.testing.assert_allclose(GATED[name]()(both).numpy(), expected, rtol=1e-13)
    assert list(layer.state_dict()) == ["value.weight", "value.bias", "gate.weight", "gate.bias"]
    assert not list(GATED[name](dim=0).parameters())


@pytest.mark.parametrize(
    "make", [*(lambda kind=kind: kind(3, 4) for kind in GATED.values()), lambda: nn.Maxout(3, 4, 3)]
)
def test_derivatives_of_first_and_second_order(make: Any) -> None:
    ff.manual_seed(1)
    layer = make().double()
    x = ff.randn(5, 3, dtype=ff.float64, requires_grad=True)
    assert ff.autograd.gradcheck(layer, (x,))
    assert ff.autograd.gradgradcheck(layer, (x,))


def test_maxout_is_the_largest_of_its_pieces() -> None:
    ff.manual_seed(0)
    layer = nn.Maxout(3, 2, pieces=4)
    x = ff.randn(7, 3)
    pieces = np.stack([piece(x).detach().numpy() for piece in layer.linears])
    assert len(pieces) == 4 and layer.count_parameters() == 4 * 8
    np.testing.assert_array_equal(layer(x).detach().numpy(), pieces.max(axis=0))


def test_they_count_as_one_layer() -> None:
    net = nn.Sequential(nn.Maxout(3, 6, pieces=2), nn.GLU(6, 5), nn.Linear(5, 2))
    table = net.summary(3)
    assert net.depth == 3 and net.width == 6
    assert [(row.name, row.type, row.parameters) for row in table.rows] == [
        ("0", "Maxout", 48),
        ("1", "GLU", 70),
        ("2", "Linear", 12),
    ]
    # two maps of 3 x 6 with bias and 6 comparisons; two of 6 x 5, 5 gates and 5 products
    assert [row.flops for row in table.rows] == [2 * 42 + 6, 2 * 65 + 10, 22]
    halved = nn.Sequential(nn.Linear(3, 6), nn.GLU()).summary(3)
    assert [(row.type, row.output_shape, row.flops) for row in halved.rows][1] == ("GLU", ("B", 3), 6)


def test_text() -> None:
    assert repr(nn.GLU()) == "GLU(dim=-1)"
    assert repr(nn.SwiGLU(3, 4, bias=False)) == "SwiGLU(in_features=3, out_features=4, bias=False)"
    assert repr(nn.Maxout(3, 4)) == "Maxout(in_features=3, out_features=4, pieces=2)"
    assert nn.GLU.__doc__ != nn.GTU.__doc__ and "in_features: I" in str(nn.GTU.__doc__)


def test_unusable_arguments() -> None:
    with pytest.raises(
        ValueError, match=r"GLU: in_features is 1 and out_features None, expected both or neither\nhint: .*GLU\(dim=1\)"
    ):
        nn.GLU(1)
    with pytest.raises(ValueError, match=r"GLU: input has shape \(2, 3\), expected an even length along axis -1"):
        nn.GLU()(ff.zeros(2, 3))
    with pytest.raises(ValueError, match=r"pieces is 0, expected a whole number >= 1"):
        nn.Maxout(2, 2, pieces=0)
    with pytest.raises(ValueError, match=r"Linear\(3, 4\): x has shape \(5, 2\)"):
        nn.GTU(3, 4)(ff.zeros(5, 2))
    huge = {"layer": "Maxout", "arguments": {"in_features": 10, "out_features": 10, "pieces": 10**9}}
    with pytest.raises(ValueError, match="expected at most 1000 in all"):
        nn.build(huge, max_parameters=1000)
    huge = {"layer": "GLU", "arguments": {"in_features": 10**9, "out_features": 10}}
    with pytest.raises(ValueError, match="expected at most 1000 in all"):
        nn.build(huge, max_parameters=1000)
