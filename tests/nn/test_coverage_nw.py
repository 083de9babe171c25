"""The network rows of the coverage table, one test per row, named by its id and using its figures.

Set FORWARDNET_TEST_PEER=torch to run what PyTorch has too on PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peer import IS_PEER, ff, printed

nn = ff.nn
own = pytest.mark.skipif(IS_PEER, reason="PyTorch has no such function")


def chain(*sizes: int, bias: bool = True, activation: Any = None) -> Any:
    """Linear layers of the given sizes with an activation after each but the last."""
    layers: list[Any] = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1], bias=bias))
        if activation and i < len(sizes) - 2:
            layers.append(activation())
    return nn.Sequential(*layers)


class Net(nn.Module):  # type: ignore[misc, name-defined]
    """Linear-ReLU-Linear, written as in every tutorial."""

    def __init__(self, input_size: int, hidden_size: int, num_classes: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(hidden_size, num_classes)

    def forward(self, x: Any) -> Any:
        return self.fc2(self.relu(self.fc1(x)))


def test_NW01_a_feedforward_network_is_a_composition() -> None:
    ff.manual_seed(0)
    net = chain(3, 4, 5, 2, activation=nn.Tanh)
    f1, f2, f3 = net[0:2], net[2:4], net[4:]
    x = ff.randn(7, 3)
    assert ff.equal(net(x), f3(f2(f1(x))))


@own
def test_NW02_depth_and_width() -> None:
    net = chain(784, 500, 500, 10, activation=nn.ReLU)
    assert (net.depth, net.width) == (3, 500)
    summary = net.summary(784)
    assert (summary.depth, summary.width) == (3, 500)
    assert (chain(4, 2).depth, chain(4, 2).width) == (1, 0)


def test_NW03_rows_and_columns_compute_the_same() -> None:
    ff.manual_seed(1)
    net = chain(3, 4, 2, activation=nn.Sigmoid).double()
    x = ff.randn(5, 3, dtype=ff.float64)
    w1, b1, w2, b2 = [p.detach().numpy() for p in net.parameters()]
    columns = x.numpy().T  # y = W2 h(W1 x + b1) + b2 with one sample per column
    y = w2 @ (1 / (1 + np.exp(-(w1 @ columns + b1[:, None])))) + b2[:, None]
    # float64: sums of 4 terms, a few units of the last digit
    np.testing.assert_allclose(net(x).detach().numpy(), y.T, rtol=1e-13)


def test_NW04_three_three_two() -> None:
    net = chain(3, 3, 2, bias=False)
    with ff.no_grad():
        net[0].weight.copy_(ff.eye(3))
        net[1].weight.copy_(ff.tensor([[0.1, 0, 0], [0, 0.1, 0]]))
    n = net(ff.tensor([22.0, 35.0, 86.0]))
    printed(n, [2.2, 3.5], 1)
    printed(nn.Softmax(dim=0)(n), [0.214165, 0.785835], 6)
    assert sum(p.numel() for p in net.parameters()) == 15
    assert sum(p.numel() for p in chain(3, 3, 2).parameters()) == 20


def test_NW05_a_class_with_layers_as_attributes() -> None:
    net = Net(784, 500, 10)
    assert sum(p.numel() for p in net.parameters()) == 784 * 500 + 500 + 500 * 10 + 10 == 397_510
    assert [name for name, _ in net.named_parameters()] == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    assert tuple(net(ff.zeros(2, 784)).shape) == (2, 10)
    other = Net(784, 500, 10)
    other.load_state_dict(net.state_dict())
    x = ff.randn(3, 784)
    assert ff.equal(net(x), other(x))
    assert not net.eval().training and not net.fc1.training


@own
def test_NW06_without_activation_any_depth_is_one_layer() -> None:
    ff.manual_seed(2)
    net = chain(5, 7, 6, 3).double()
    one = nn.utils.collapse_linear(net)
    assert len(one) == 1 and tuple(one[0].weight.shape) == (3, 5)
    x = ff.randn(11, 5, dtype=ff.float64)
    np.testing.assert_allclose(one(x).detach().numpy(), net(x).detach().numpy(), rtol=1e-12, atol=1e-14)
    with_relu = chain(5, 7, 6, 3, activation=nn.ReLU)
    assert len(nn.utils.collapse_linear(with_relu)) == 5, "an activation keeps its neighbours apart"


def test_NW08_a_bias_is_a_weight_of_a_constant_input() -> None:
    layer = nn.Linear(3, 2)
    augmented = nn.Linear(4, 2, bias=False)
    with ff.no_grad():
        augmented.weight.copy_(ff.cat([layer.weight, layer.bias.unsqueeze(1)], dim=1))
    x = ff.randn(6, 3)
    with_one = ff.cat([x, ff.ones(6, 1)], dim=1)
    assert ff.allclose(layer(x), augmented(with_one), atol=1e-6)  # float32, sums of four terms in another order
    assert augmented.bias is None and "bias" not in augmented.state_dict()


@own
def test_NW10_parameters_are_connections() -> None:
    assert chain(5, 6).count_parameters(bias=False) == 30
    net = chain(5, 6, 1)
    assert net.count_parameters(bias=False) == 36
    assert net.count_parameters() == net.count_parameters(bias=True) == 43
    assert net.memory_footprint() == 4 * 43
    assert net.double().memory_footprint() == 8 * 43


@own
def test_NW11_a_network_of_speech_size() -> None:
    net = chain(*[1000] * 8, bias=False)
    assert net[0].count_parameters(bias=False) == 10**6
    assert net.count_parameters(bias=False) == 7 * 10**6


def test_NW12_NW14_NW16_define_judge_learn_alternately_until_the_error_is_small() -> None:
    ff.manual_seed(0)
    # classification: the class is the larger of two inputs; regression: their difference
    x = ff.rand(64, 2)
    difference = x[:, :1] - x[:, 1:]
    for target, loss_function, outputs in (
        ((x[:, 0] > x[:, 1]).long(), nn.CrossEntropyLoss(), 2),
        (difference, nn.MSELoss(), 1),
    ):
        net = chain(2, 8, outputs, activation=nn.Tanh)  # 1. a set of functions
        optimizer = ff.optim.Adam(net.parameters(), lr=0.05)
        start = loss_function(net(x), target).item()  # 2. how good one of them is
        for _ in range(150):  # 3. the best of them
            optimizer.zero_grad()
            loss = loss_function(net(x), target)
            loss.backward()
            optimizer.step()
        assert loss.item() < 0.1 * start


def test_NW15_frozen_parameters() -> None:
    net = Net(4, 5, 2).requires_grad_(False)
    x = ff.randn(3, 4)
    assert not net(x).requires_grad
    assert ff.equal(net(x), net(x))
    with pytest.raises(RuntimeError, match="does not require grad"):
        net(x).sum().backward()
    if not IS_PEER:
        assert net.unfreeze()(x).requires_grad
        assert not net.freeze()(x).requires_grad
        assert net.count_parameters(trainable_only=True) == 0
    part = Net(4, 5, 2)
    part.fc1.requires_grad_(False)
    part(x).sum().backward()
    assert part.fc1.weight.grad is None and part.fc2.weight.grad is not None


@own
@pytest.mark.parametrize(("n", "sizes"), [(200, [50, 50, 50, 50]), (103, [50, 50, 3])])
def test_NW17_an_epoch_is_one_presentation_of_every_sample_in_mini_batches(n: int, sizes: list[int]) -> None:
    from forwardnet.data.batches import batch_indices

    x, y = ff.randn(n, 2), ff.randn(n, 1)
    net = nn.Linear(2, 1)
    optimizer = ff.optim.SGD(net.parameters(), lr=0.01)
    for epoch in range(2):
        batches = list(batch_indices(n, 50, seed=0, epoch=epoch))
        for rows in batches:
            optimizer.zero_grad()
            nn.MSELoss()(net(x[ff.from_numpy(rows)]), y[ff.from_numpy(rows)]).backward()
            optimizer.step()
        assert [len(rows) for rows in batches] == sizes
        assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    assert optimizer.state[net.weight]["step"] == 2 * len(sizes), "iterations"


@own
def test_NW21_losses_that_do_not_fit_the_output_are_named() -> None:
    body = [nn.Linear(3, 2)]
    assert nn.pairing_problem(nn.Sequential(*body), nn.CrossEntropyLoss()) is None
    assert nn.pairing_problem(nn.Sequential(*body, nn.LogSoftmax()), nn.NLLLoss()) is None
    assert nn.pairing_problem(nn.Sequential(*body, nn.Sigmoid()), nn.BCELoss()) is None
    for end, loss, said in (
        (nn.Softmax(), nn.CrossEntropyLoss(), "applies its own softmax"),
        (nn.Sigmoid(), nn.BCEWithLogitsLoss(), "applies its own sigmoid"),
        (nn.ReLU(), nn.NLLLoss(), "takes log-probabilities"),
        (nn.Identity(), nn.BCELoss(), "takes probabilities"),
        (nn.Softmax(), nn.MSELoss(), "learns slowly"),
    ):
        assert said in nn.pairing_problem(nn.Sequential(*body, end), loss)


def test_NW25_ten_outputs_are_a_distribution_over_digits() -> None:
    ff.manual_seed(3)
    net = chain(784, 32, 10, activation=nn.ReLU)
    p = nn.Softmax(dim=1)(net(ff.rand(6, 784)))
    assert tuple(p.shape) == (6, 10)
    np.testing.assert_allclose(p.sum(dim=1).detach().numpy(), 1, rtol=1e-6)  # ten float32 terms
    assert bool((p > 0).all())
    assert ff.equal(p.argmax(dim=1), p.log().argmax(dim=1))


def test_NW26_hooks_show_the_features_of_every_layer() -> None:
    net = chain(4, 3, 2, activation=nn.ReLU)
    seen: dict[str, Any] = {}
    handles = [
        module.register_forward_hook(lambda m, args, y, name=name: seen.__setitem__(name, y))
        for name, module in net.named_children()
    ]
    x = ff.randn(5, 4)
    y = net(x)
    assert ff.equal(seen["1"], net[1](net[0](x))) and seen["2"] is y
    for handle in handles:
        handle.remove()
    seen.clear()
    net(x)
    assert not seen
    if not IS_PEER:
        with nn.utils.capture(net, "1") as outputs:
            net(x)
        assert list(outputs) == ["1"] and tuple(outputs["1"].shape) == (5, 3)
