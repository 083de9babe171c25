"""The activation and initialisation rows of the coverage table, named by their ids and using their figures.

Set FORWARDNET_TEST_PEER=torch to run what PyTorch has too on PyTorch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from peer import IS_PEER, ff, leaf, printed, seed_as_torch

nn, F, init = ff.nn, ff.nn.functional, ff.nn.init
own = pytest.mark.skipif(IS_PEER, reason="PyTorch has no such function")

X = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]
SIGMOID = [0.119203, 0.268941, 0.377541, 0.5, 0.622459, 0.731059, 0.880797]
SIGMOID_SLOPE = [0.104994, 0.196612, 0.235004, 0.25, 0.235004, 0.196612, 0.104994]
TANH = [-0.964028, -0.761594, -0.462117, 0, 0.462117, 0.761594, 0.964028]
TANH_SLOPE = [0.070651, 0.419974, 0.786448, 1, 0.786448, 0.419974, 0.070651]


def at_x(function: Any) -> tuple[Any, Any]:
    """Values and derivatives at X in float64."""
    x = leaf(X, ff.float64)
    y = function(x)
    y.sum().backward()
    return y, x.grad


@own
def test_AC01_what_is_known_of_every_activation() -> None:
    sigmoid, relu = nn.Sigmoid.formula, nn.ReLU.formula
    assert sigmoid.range == (0, 1) and sigmoid.saturates == "both" and sigmoid.monotone and not sigmoid.zero_centred
    assert relu.range == (0, math.inf) and relu.saturates == "left"
    assert nn.Tanh.formula.zero_centred


def test_AC04_identity() -> None:
    x = ff.randn(3)
    assert nn.Identity()(x) is x


@pytest.mark.parametrize("function", [nn.Sigmoid(), F.sigmoid, ff.sigmoid, lambda x: x.sigmoid()])
def test_AC05_AC06_TA42_sigmoid_and_its_derivative(function: Any) -> None:
    y, slope = at_x(function)
    printed(y, SIGMOID, 6)
    printed(slope, SIGMOID_SLOPE, 6)
    assert slope.max().item() == 0.25, "at most 1/4, reached at 0"
    np.testing.assert_allclose(slope.numpy(), (y * (1 - y)).detach().numpy(), rtol=1e-15)


def test_AC05_sigmoid_never_overflows() -> None:
    y = nn.Sigmoid()(ff.tensor([-math.inf, -1e4, 1e4, math.inf]))
    assert y.tolist() == [0, 0, 1, 1]


def test_AC07_positive_inputs_give_all_weights_gradients_of_one_sign() -> None:
    ff.manual_seed(0)
    layer = nn.Linear(6, 1)
    for upstream in (1.0, -2.0):
        layer.weight.grad = None
        (upstream * nn.Sigmoid()(layer(ff.rand(6) + 0.1))).sum().backward()
        assert set(np.sign(layer.weight.grad.numpy()).ravel()) == {math.copysign(1, upstream)}


@pytest.mark.parametrize("function", [nn.Tanh(), F.tanh, ff.tanh, lambda x: x.tanh()])
def test_AC08_AC10_TA42_tanh_and_its_derivative(function: Any) -> None:
    y, slope = at_x(function)
    printed(y, TANH, 6)
    printed(slope, TANH_SLOPE, 6)
    np.testing.assert_allclose(slope.numpy(), 1 - y.detach().numpy() ** 2, rtol=1e-14)


def test_AC09_tanh_is_a_stretched_sigmoid() -> None:
    x = ff.linspace(-8, 8, 1001, dtype=ff.float64)
    difference = ff.tanh(x) - (2 * ff.sigmoid(2 * x) - 1)
    assert difference.abs().max().item() < 1e-15


def test_AC11_small_weights_make_tanh_linear() -> None:
    ff.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 8, bias=False), nn.Tanh(), nn.Linear(8, 6, bias=False), nn.Tanh(), nn.Linear(6, 1))
    net = net.double()
    weights = [net[i].weight.detach().clone().normal_() for i in (0, 2, 4)]
    x = ff.randn(5, dtype=ff.float64)
    errors = []
    for scale in (0.1, 0.01, 0.001):
        v, u, w = (scale * weight for weight in weights)
        linear = w @ (u @ (v @ x))
        errors.append(((w @ ff.tanh(u @ ff.tanh(v @ x)) - linear) / linear).abs().item())
    # falls as the square of the scale; the next term of the series adds about scale^2
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.25)
    assert errors[1] / errors[2] == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("function", [nn.ReLU(), nn.ReLU(inplace=False), F.relu, ff.relu])
def test_AC12_relu_has_derivative_0_at_0(function: Any) -> None:
    y, slope = at_x(function)
    assert y.tolist() == [0, 0, 0, 0, 0.5, 1, 2]
    assert slope.tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_AC14_a_dead_unit_stays_dead() -> None:
    w, b = leaf(1.0), leaf(-5.0)
    x = ff.linspace(0, 1, 11)
    y = nn.ReLU()(w * x + b)
    y.sum().backward()
    assert y.abs().max().item() == 0 and w.grad.item() == 0 and b.grad.item() == 0


def test_AC16_leaky_relu() -> None:
    y, slope = at_x(nn.LeakyReLU())
    printed(y, [-0.02, -0.01, -0.005, 0, 0.5, 1, 2], 3)
    assert slope.tolist() == [0.01] * 4 + [1] * 3
    steep, _ = at_x(nn.LeakyReLU(2.0))  # where max(a x, x) would be wrong
    assert steep.tolist() == [-4, -2, -1, 0, 0.5, 1, 2]


def zero_slopes(y: Any, slope: Any, expected: list[float]) -> None:
    assert y.tolist() == expected
    assert slope.tolist() == [0] * len(X)


@own
def test_AC02_step_and_its_convention_at_0() -> None:
    assert nn.Step()(ff.tensor([-0.1, 0.0, 0.5])).tolist() == [0, 1, 1]
    for at_zero in (0.0, 0.5, 1.0):
        zero_slopes(*at_x(nn.Step(at_zero)), [0, 0, 0, at_zero, 1, 1, 1])
    w = leaf([[0.3, -0.2]])
    nn.Step()(ff.tensor([[1.0, 2.0]]) @ w.T).sum().backward()
    assert w.grad.tolist() == [[0, 0]], "nothing is learnt through a step"
    y, slope = at_x(nn.Step(straight_through=True))
    assert y.tolist() == [0, 0, 0, 1, 1, 1, 1] and slope.tolist() == [1] * 7
    assert nn.Step(straight_through=True)(ff.tensor([-math.inf, math.inf])).tolist() == [0, 1]


@pytest.mark.parametrize("function", [ff.sign] if IS_PEER else [ff.sign, nn.Sign()])
def test_AC03_sign(function: Any) -> None:
    assert function(ff.tensor([-2.0, 0.0, 3.0])).tolist() == [-1, 0, 1]
    zero_slopes(*at_x(function), [-1, -1, -1, 0, 1, 1, 1])


def test_AC17_prelu_learns_its_slope() -> None:
    layer = nn.PReLU()
    assert list(layer.state_dict()) == ["weight"] and layer.weight.tolist() == [0.25]
    layer(ff.tensor([-2.0])).sum().backward()
    assert layer.weight.grad.tolist() == [-2]
    channels = nn.PReLU(3, init=0.5)
    assert [p is channels.weight for p in channels.parameters()] == [True]
    z = ff.tensor([[-1.0, 2.0, -3.0], [4.0, -5.0, -6.0]])
    y = channels(z)
    assert y.tolist() == [[-0.5, 2, -1.5], [4, -2.5, -3]]
    y.sum().backward()
    assert channels.weight.grad.tolist() == [-1, -5, -9], "one for each channel: the sum of its negative z"
    images = ff.full((2, 3, 2, 2), -1.0)
    channels.weight.grad = None
    channels(images).sum().backward()
    assert channels.weight.grad.tolist() == [-8, -8, -8]


@own
def test_AC17_prelu_explains_a_misfit() -> None:
    with pytest.raises(ValueError, match=r"x has shape \(2, 4\) and weight 3 elements, expected \(batch, 3, ...\)"):
        nn.PReLU(3)(ff.zeros(2, 4))
    with pytest.raises(ValueError, match=r"num_parameters is 0, expected a whole number >= 1"):
        nn.PReLU(0)


def test_AC18_AC19_one_rectifier_with_four_slopes() -> None:
    x = ff.tensor(X)
    for slope, same in ((-1.0, ff.abs), (0.01, nn.LeakyReLU()), (0.0, ff.relu), (1.0, nn.Identity())):
        assert nn.LeakyReLU(slope)(x).tolist() == same(x).tolist()
        assert F.prelu(x, ff.tensor([slope])).tolist() == same(x).tolist()


@own
def test_AC19_absolute_value_rectification() -> None:
    y, slope = at_x(nn.Abs())
    assert y.tolist() == [2, 1, 0.5, 0, 0.5, 1, 2] and slope.tolist() == [-1, -1, -1, 0, 1, 1, 1]


def test_AC20_rrelu_draws_in_training_and_is_fixed_afterwards() -> None:
    ff.manual_seed(0)
    layer = nn.RReLU()
    x = ff.full((1000,), -1.0)
    slopes = -layer(x).numpy()
    assert slopes.min() >= 1 / 8 and slopes.max() <= 1 / 3
    # 1000 draws of standard deviation .06: the mean is known to .002
    assert slopes.std() > 0.05 and slopes.mean() == pytest.approx(0.229167, abs=0.01)
    assert not ff.equal(layer(x), layer(x))
    leaking = ff.full((5,), -2.0, requires_grad=True)
    y = layer(leaking)
    y.sum().backward()
    np.testing.assert_allclose(leaking.grad.numpy(), y.detach().numpy() / -2, rtol=1e-6)
    assert layer(ff.tensor([3.0, 0.0])).tolist() == [3, 0]
    printed(layer.eval()(ff.tensor([-1.0])), [-0.229167], 6)
    printed(nn.RReLU(1 / 5.5, 1 / 5.5)(ff.tensor([-1.0])), [-0.181818], 6)


def test_AC21_elu() -> None:
    y, slope = at_x(nn.ELU())
    printed(y, [-0.864665, -0.632121, -0.393469, 0, 0.5, 1, 2], 6)
    assert slope[3].item() == 1
    assert nn.ELU(0.7)(ff.tensor(-1e4)).item() == pytest.approx(-0.7, rel=1e-7), "where it saturates"


@own
@pytest.mark.parametrize("make", [lambda: nn.SiLU(), lambda: nn.Swish(beta=1), lambda: nn.Swish(1.0, learned=True)])
def test_AC22_swish(make: Any) -> None:
    y, _ = at_x(make().double())
    printed(y.detach(), [-0.238406, -0.268941, -0.188770, 0, 0.311230, 0.731059, 1.761594], 6)
    x = ff.linspace(-3, 0, 300001, dtype=ff.float64)
    lowest = make().double()(x).detach()
    assert lowest.min().item() == pytest.approx(-0.278465, abs=5e-7)
    assert x[lowest.argmin()].item() == pytest.approx(-1.278465, abs=1e-5)  # the grid's step


@own
def test_AC22_the_beta_of_swish_can_be_learned() -> None:
    layer = nn.SiLU(0.5, learned=True)
    assert list(layer.state_dict()) == ["beta"] and repr(layer) == "SiLU(beta=0.5, learned=True)"
    layer(ff.tensor([2.0])).sum().backward()
    s = 1 / (1 + math.exp(-1))
    assert layer.beta.grad.item() == pytest.approx(4 * s * (1 - s), rel=1e-6)  # x^2 s'(beta x), in float32
    assert nn.SiLU(0.0)(ff.tensor(3.0)).item() == 1.5
    assert nn.SiLU(-1.0)(ff.tensor([-math.inf, math.inf])).tolist() == [-math.inf, 0]


def filled(layer: Any, **weights: Any) -> Any:
    """`layer` with these parameters, by name with "_" for "."."""
    with ff.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(ff.tensor(weights[name.replace(".", "_")]))
    return layer


@own
def test_AC23_maxout() -> None:
    layer = nn.Maxout(1, 1, pieces=2, bias=False)
    filled(layer, linears_0_weight=[[1.0]], linears_1_weight=[[-1.0]])
    x = leaf([[-3.0], [-0.5], [0.0], [2.0]])
    y = layer(x)
    assert y.tolist() == x.abs().tolist()
    y.sum().backward()
    assert [linear.weight.grad.item() for linear in layer.linears] == [2, -3.5], "each learns where it is the largest"


@own
def test_AC24_AC25_gated_units() -> None:
    weights = {"value_weight": [[1.0, 1.0]], "gate_weight": [[0.5, -0.5]]}
    x = ff.tensor([[1.0, 2.0]])
    for make, figure in ((nn.GLU, 1.132622), (nn.GTU, 0.375674), (nn.ReGLU, 0.0), (nn.SwiGLU, 3 * -0.188770)):
        printed(filled(make(2, 1, bias=False), **weights)(x), [[figure]], 5)
    printed(filled(nn.GLU(2, 1, bias=False), **weights)(x), [[1.132622]], 6)
    halved = ff.tensor([[3.0, -0.5]])
    printed(nn.GLU()(halved), [[1.132622]], 6)
    printed(nn.GTU(dim=1)(halved), [[0.375674]], 6)


def test_AC24_the_gate_of_two_halves() -> None:
    x = ff.arange(12.0).reshape(2, 6)
    a, b = x[:, :3], x[:, 3:]
    assert ff.equal(F.glu(x, dim=1), a * ff.sigmoid(b)) and ff.equal(F.glu(x), nn.GLU(dim=1)(x))


def test_AC26_softplus() -> None:
    y, slope = at_x(nn.Softplus())
    printed(y[3].detach(), 0.693147, 6)
    np.testing.assert_allclose(slope.numpy(), at_x(nn.Sigmoid())[0].detach().numpy(), rtol=1e-14)
    assert nn.Softplus()(ff.tensor([-1e4, 1e4])).tolist() == [0, 1e4]
    infinitely_many = sum(ff.sigmoid(ff.tensor(1.0, dtype=ff.float64) - i + 0.5) for i in range(1, 60))
    assert infinitely_many.item() == pytest.approx(math.log1p(math.e), abs=0.02), "nearly the sum of shifted sigmoids"


def test_AC27_softmax_along_an_axis() -> None:
    printed(nn.Softmax(dim=0)(ff.tensor([0.0, 2.0, 4.0])), [0.0159, 0.1173, 0.8668], 4)
    x = ff.randn(2, 3)
    assert ff.allclose(nn.Softmax(dim=0)(x), nn.Softmax(dim=1)(x.T).T)


# ---------------------------------------------------------------- initialisation


def test_IN01_weights_and_biases_start_random_and_repeatable() -> None:
    ff.manual_seed(5)
    first = nn.Linear(4, 3)
    ff.manual_seed(5)
    second = nn.Linear(4, 3)
    assert ff.equal(first.weight, second.weight) and ff.equal(first.bias, second.bias)
    assert first.weight.unique().numel() == 12 if IS_PEER else len(set(first.weight.flatten().tolist())) == 12
    assert not ff.equal(nn.Linear(4, 3).weight, first.weight)


def test_IN02_zeros_keep_hidden_units_alike() -> None:
    ff.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    for parameter in net.parameters():
        init.constant_(parameter, 0.3)
    optimizer = ff.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        ((net(ff.randn(8, 3)) - 1) ** 2).mean().backward()
        optimizer.step()
    rows = net[0].weight.detach().numpy()
    assert not np.allclose(rows, 0.3), "they did learn"
    np.testing.assert_allclose(rows, np.tile(rows[0], (4, 1)), rtol=1e-5)


@own
def test_IN03_scaled_normal() -> None:
    ff.manual_seed(0)
    for fan_in, std in ((2, 0.707), (784, 0.035714)):
        weight = init.lecun_normal_(ff.empty(100_000 // fan_in, fan_in))
        assert weight.std().item() == pytest.approx(std, rel=0.015)  # standard error 1 / sqrt(2 * 100,000) = 0.2 %


def test_IN04_IN05_xavier_and_kaiming() -> None:
    ff.manual_seed(0)
    weight = ff.empty(10, 784)
    assert init.xavier_uniform_(weight).abs().max().item() == pytest.approx(0.086929, rel=2e-3)
    assert weight.abs().max().item() <= 0.086930
    # 7840 draws: standard error of the standard deviation 0.8 %
    assert weight.std().item() == pytest.approx(0.050189, rel=0.03)
    assert init.xavier_normal_(weight).std().item() == pytest.approx(0.050189, rel=0.03)
    assert init.kaiming_normal_(weight).std().item() == pytest.approx(0.050508, rel=0.03)
    assert init.kaiming_uniform_(weight).std().item() == pytest.approx(0.050508, rel=0.03)


def test_IN06_AC15_a_small_positive_bias_wakes_units() -> None:
    ff.manual_seed(0)
    layer = nn.Linear(20, 500)
    init.normal_(layer.weight, std=0.02)
    x = ff.randn(200, 20)
    active = []
    for bias in (0.0, 0.1):
        init.constant_(layer.bias, bias)
        active.append((layer(x) > 0).float().mean().item())
    # pre-activations have standard deviation .02 sqrt(20) = .089: Phi(0) = .5 and Phi(.1 / .089) = .868
    assert active[0] == pytest.approx(0.5, abs=0.02)
    assert active[1] == pytest.approx(0.868, abs=0.02)


def test_IN07_a_bad_start_kills_units() -> None:
    ff.manual_seed(0)
    layer = nn.Linear(5, 50)
    x = ff.rand(100, 5)
    init.uniform_(layer.weight, -1.0, 0.0)  # all inputs positive, all weights negative
    init.zeros_(layer.bias)
    dead = ((layer(x) > 0).sum(dim=0) == 0).float().mean().item()
    assert dead == 1
    init.kaiming_normal_(layer.weight)
    assert ((layer(x) > 0).sum(dim=0) == 0).float().mean().item() < 0.5


def test_IN08_the_numbers_of_the_example() -> None:
    seed_as_torch(100)
    ff.rand(100)
    w = ff.randn(1, requires_grad=True)
    b = ff.zeros(1, requires_grad=True)
    printed(w[0], 0.243652, 6)
    assert w.is_leaf and b.tolist() == [0]


def test_IN09_the_spread_of_activations_through_the_layers() -> None:
    ff.manual_seed(0)
    x = ff.randn(256, 100)
    spread = {}
    for name, start in {
        "1": lambda w: init.normal_(w, std=1.0),
        "0.01": lambda w: init.normal_(w, std=0.01),
        "xavier": init.xavier_normal_,
    }.items():
        h = x
        for _ in range(5):
            h = ff.tanh(F.linear(h, start(ff.empty(100, 100))))
        spread[name] = h.std().item()
    assert spread["1"] > 0.9, "saturated"
    assert spread["0.01"] < 1e-4, "vanished"
    assert 0.2 < spread["xavier"] < 0.7
    h = x
    for _ in range(10):
        h = ff.relu(F.linear(h, init.kaiming_normal_(ff.empty(100, 100), nonlinearity="relu")))
    # mean square stays 1 under He's rule, within the scatter of ten random layers of 100 units
    assert 0.3 < (h**2).mean().item() < 3
