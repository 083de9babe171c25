"""Linear, Flatten, Identity, Sequential, ModuleList."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import functional as F


def test_linear_is_an_affine_map_of_the_last_axis() -> None:
    layer = nn.Linear(3, 2)
    for shape in ((3,), (5, 3), (2, 5, 3), (0, 3)):
        x = ff.randn(*shape)
        expected = x.numpy() @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    assert ff.equal(F.linear(x, layer.weight, layer.bias), layer(x))
    no_bias = nn.Linear(3, 2, bias=False)
    assert no_bias.bias is None and [n for n, _ in no_bias.named_parameters()] == ["weight"]


def test_linear_starts_uniform_within_one_over_the_root_of_fan_in() -> None:
    ff.manual_seed(0)
    layer = nn.Linear(100, 200)
    for p in (layer.weight, layer.bias):
        values = p.detach().numpy()
        assert np.abs(values).max() <= 0.1
        # 20,000 and 200 draws of a uniform distribution of standard deviation .1 / sqrt(3)
        assert values.std() == pytest.approx(0.1 / 3**0.5, rel=0.02 if values.size > 1000 else 0.15)
    assert nn.Linear(0, 2)(ff.zeros(1, 0)).tolist() == [[0, 0]]
    assert nn.Linear(2, 2, dtype=ff.float64).weight.dtype == ff.float64


def test_linear_starts_with_the_numbers_of_pytorch() -> None:
    """torch.manual_seed(0); nn.Linear(3, 2) in PyTorch 2.13."""
    ff.manual_seed(0, algorithm="torch")
    layer = nn.Linear(3, 2)
    assert layer.weight.tolist() == [
        [-0.004322517663240433, 0.3097158372402191, -0.4751853346824646],
        [-0.4248946011066437, -0.2223689705133438, 0.15482072532176971],
    ]
    assert layer.bias.tolist() == [-0.011439144611358643, 0.45777493715286255]


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((32, 28, 28), r"flatten the last two axes: x.flatten\(-2\)"),
        ((32, 1, 28, 28), r"flatten the last two axes: x.flatten\(-2\)"),
        ((32, 7, 28, 4), r"flatten the last three axes: x.flatten\(-3\)"),
        ((784, 32), r"the axes look exchanged: x.T"),
    ],
)
def test_linear_explains_a_misfit(shape: tuple[int, ...], hint: str) -> None:
    with pytest.raises(
        ValueError, match=r"Linear\(784, 64\): x has shape \(.*\), expected \(\.\.\., 784\)\nhint: " + hint
    ):
        nn.Linear(784, 64)(ff.zeros(shape))
    with pytest.raises(RuntimeError, match=r"x has shape \(5,\), expected \(\.\.\., 784\)$"):
        nn.Linear(784, 64)(ff.zeros(5))
    with pytest.raises(
        ValueError, match=r"x has shape \(5,\), expected \(\.\.\., 1\)\nhint: add an axis: x.unsqueeze\(-1\)"
    ):
        nn.Linear(1, 2)(ff.zeros(5))


def test_linear_explains_a_wrong_type() -> None:
    with pytest.raises(TypeError, match=r"Linear\(2, 1\): x has dtype float64, expected float32 .*\nhint: .*x.to\("):
        nn.Linear(2, 1)(ff.zeros(3, 2, dtype=ff.float64))
    for size in (-1, 2.5, True, "3"):
        with pytest.raises(ValueError, match="Linear: out_features is .*, expected a whole number >= 0"):
            nn.Linear(2, size)  # type: ignore[arg-type]
    assert nn.Linear(np.int64(2), 1).in_features == 2  # type: ignore[arg-type]


def test_flatten_and_identity() -> None:
    x = ff.zeros(2, 3, 4, 5)
    assert tuple(nn.Flatten()(x).shape) == (2, 60)
    assert tuple(nn.Flatten(0, 1)(x).shape) == (6, 4, 5)
    assert nn.Identity(54, unused=0.1)(x) is x


def test_sequential_indexing_and_changing() -> None:
    layers = [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)]
    net = nn.Sequential(*layers)
    assert list(net) == layers and len(net) == 3 and net[-1] is layers[2] and layers[1] in net
    assert isinstance(net[:2], nn.Sequential) and list(net[:2]) == layers[:2]
    net[1] = tanh = nn.Tanh()
    assert net.append(nn.Sigmoid()) is net and net[1] is tanh
    net.insert(0, nn.Flatten())
    assert [type(m).__name__ for m in net] == ["Flatten", "Linear", "Tanh", "Linear", "Sigmoid"]
    assert list(net._modules) == list("01234")
    del net[0]
    assert isinstance(net.pop(), nn.Sigmoid) and list(net._modules) == list("012")
    net.extend([nn.ReLU(), nn.ReLU()])
    del net[3:]
    assert list(net + nn.Sequential(nn.ReLU()))[:3] == list(net)
    with pytest.raises(IndexError, match="Sequential: index 3 is out of range for 3 modules"):
        net[3]
    with pytest.raises(
        TypeError, match=r"got <class 'forwardnet.nn.activations.ReLU'>, expected a Module\nhint: make one"
    ):
        nn.Sequential(nn.Linear(2, 2), nn.ReLU)  # type: ignore[arg-type]


def test_sequential_with_names() -> None:
    net = nn.Sequential(OrderedDict([("hidden", nn.Linear(2, 3)), ("act", nn.Tanh()), ("out", nn.Linear(3, 1))]))
    assert list(net.state_dict()) == ["hidden.weight", "hidden.bias", "out.weight", "out.bias"]
    assert net.hidden is net[0] is net["hidden"]
    part = net[1:]
    assert list(part._modules) == ["act", "out"]
    del net[1]
    assert list(net._modules) == ["hidden", "out"]
    assert tuple(nn.Sequential()(ff.zeros(3)).shape) == (3,)


def test_sequential_may_be_subclassed() -> None:
    class Block(nn.Sequential):
        def __init__(self, size: int) -> None:
            super().__init__(nn.Linear(size, size), nn.ReLU())

    assert tuple(Block(3)(ff.zeros(1, 3)).shape) == (1, 3)


def test_module_list() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = ff.relu(layer(x))
            return x

    net = Net()
    assert len(list(net.parameters())) == 6 and len(net.layers) == 3
    net.layers += [nn.Linear(4, 4)]
    net.layers.append(nn.Linear(4, 4))
    assert len(net.layers) == 5 and isinstance(net.layers[1:3], nn.ModuleList)
    assert tuple(net(ff.zeros(2, 4)).shape) == (2, 4)
    with pytest.raises(NotImplementedError, match="ModuleList has no forward"):
        net.layers(1)
