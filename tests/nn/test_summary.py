"""Sizes, costs and the table of them; parameters as one vector; freezing; capturing; collapsing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import utils


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def test_the_table() -> None:
    net = mlp()
    net[1].weight.requires_grad_(False)
    assert net.summary((28, 28)) == (
        "Sequential for input (B, 28, 28)\n"
        "-------------------------------------------------\n"
        "layer  type     output shape  parameters    FLOPs\n"
        "-------------------------------------------------\n"
        "0      Flatten  (B, 784)               -        0\n"
        "1      Linear   (B, 128)         100,480  200,832\n"
        "2      ReLU     (B, 128)               -      128\n"
        "3      Linear   (B, 10)            1,290    2,570\n"
        "-------------------------------------------------\n"
        "parameters  101,770 (100,352 frozen), 397.5 KiB\n"
        "FLOPs       203,530 for one sample, forward\n"
        "depth       2, width 128"
    )


def test_the_figures() -> None:
    summary = mlp().summary((28, 28))
    assert repr(summary) == str(summary)
    assert (summary.parameters, summary.trainable, summary.bytes) == (101_770, 101_770, 407_080)
    # a multiplication and an addition for each weight, an addition for each bias, one for each activation
    assert summary.flops == 2 * 784 * 128 + 128 + 128 + 2 * 128 * 10 + 10
    assert [row.name for row in summary.rows] == ["0", "1", "2", "3"]
    assert summary.rows[1].output_shape == ("B", 128) and summary.rows[1].parameters == 100_480


def test_nested_shared_and_unknown_layers() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = nn.Parameter(ff.ones(4))

        def forward(self, x: Any) -> Any:
            return x * self.factor

    shared = nn.Linear(4, 4)
    net = nn.Sequential(nn.Sequential(shared, nn.Tanh()), shared, Scale())
    summary = net.summary(4)
    assert [row.name for row in summary.rows] == ["0.0", "0.1", "0.0", "2"]
    assert [row.parameters for row in summary.rows] == [20, 0, 0, 4]
    assert summary.rows[2].is_repeated and "(shared)" in summary
    assert summary.rows[3].flops is None and "or more" in summary
    assert summary.parameters == 24 and summary.depth == 2


def test_the_model_is_left_as_it_was() -> None:
    net = mlp()
    net[2].eval()
    assert "float64" not in net.double().summary((28, 28))
    assert net.training and not net[2].training and net[1].training
    assert not any(module._forward_hooks for module in net.modules())
    with pytest.raises(ValueError, match=r"an input of size \(28, 27\) does not fit: Linear\(784, 128\): x has shape"):
        net.summary((28, 27))
    assert not any(module._forward_hooks for module in net.modules())
    with pytest.raises(ValueError, match="input_size is 'big', expected the shape of one sample"):
        net.summary("big")  # type: ignore[arg-type]
    assert nn.Linear(3, 2).summary(3).rows[0].name == "Linear"


def test_vectors_of_parameters() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    vector = net.get_flat_params()
    assert tuple(vector.shape) == (13,) and not vector.requires_grad
    np.testing.assert_array_equal(vector[:6].numpy(), net[0].weight.detach().numpy().ravel())
    assert net.set_flat_params(ff.arange(13.0)) is net
    assert net[0].bias.tolist() == [6, 7, 8] and vector[0].item() != 0, "the vector was a copy"
    assert ff.equal(net.get_flat_params(), ff.arange(13.0))
    with pytest.raises(ValueError, match=r"vector has shape \(12,\), expected \(13,\)"):
        net.set_flat_params(ff.zeros(12))
    assert utils.parameters_to_vector(net.parameters()).requires_grad


def test_collapse_linear_keeps_what_lies_between() -> None:
    ff.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(3, 5, bias=False),
        nn.Identity(),
        nn.Linear(5, 4),
        nn.Tanh(),
        nn.Sequential(nn.Linear(4, 2)),
        nn.Linear(2, 2),
    ).double()
    small = utils.collapse_linear(net)
    assert [type(m).__name__ for m in small] == ["Linear", "Tanh", "Linear"] and small[1] is net[3]
    x = ff.randn(6, 3, dtype=ff.float64)
    np.testing.assert_allclose(small(x).detach().numpy(), net(x).detach().numpy(), rtol=1e-12, atol=1e-14)
    no_bias = utils.collapse_linear(nn.Sequential(nn.Linear(2, 3, bias=False), nn.Linear(3, 2, bias=False)))
    assert no_bias[0].bias is None


def test_capture() -> None:
    net = mlp()
    x = ff.zeros(2, 28, 28)
    with utils.capture(net) as everything, utils.capture(net, "2") as one:
        y = net(x)
    assert list(everything) == ["0", "1", "2", "3"] and everything["3"] is y and list(one) == ["2"]
    net(ff.zeros(3, 28, 28))
    assert len(one["2"]) == 2, "nothing is kept outside the block"
    with pytest.raises(AttributeError, match="no submodule 'x'"), utils.capture(net, "x"):
        pass


# ---------------------------------------------------------------- clipping


def gradients() -> list[Any]:
    params = [ff.zeros(2, requires_grad=True), ff.zeros(1, requires_grad=True), ff.zeros(3, requires_grad=True)]
    params[0].grad, params[1].grad = ff.tensor([3.0, 0.0]), ff.tensor([-4.0])
    return params


def test_clip_grad_norm() -> None:
    params = gradients()
    assert utils.clip_grad_norm_(params, 1.0).item() == 5
    np.testing.assert_allclose(params[0].grad.numpy(), [0.6, 0], rtol=1e-6)
    np.testing.assert_allclose(params[1].grad.numpy(), [-0.8], rtol=1e-6)
    params = gradients()
    assert utils.clip_grad_norm_(params, 10.0).item() == 5
    assert params[0].grad.tolist() == [3, 0] and params[2].grad is None
    assert utils.clip_grad_norm_(gradients(), 1.0, norm_type=float("inf")).item() == 4
    assert utils.clip_grad_norm_(gradients(), 1.0, norm_type=1.0).item() == 7
    assert utils.clip_grad_norm_(params[0], 1.0).item() == 3
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    params[0].grad[0] = float("nan")
    with pytest.raises(ArithmeticError, match="the norm of the gradients is nan"):
        utils.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    with pytest.raises(ValueError, match="max_norm is -1"):
        utils.clip_grad_norm_(params, -1)


def test_clip_grad_value() -> None:
    params = gradients()
    utils.clip_grad_value_(params, 2.0)
    assert params[0].grad.tolist() == [2, 0] and params[1].grad.tolist() == [-2]
    with pytest.raises(ValueError, match="clip_value is nan"):
        utils.clip_grad_value_(params, float("nan"))
