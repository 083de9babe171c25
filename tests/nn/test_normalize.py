"""Batch and layer normalisation, residual blocks, embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import functional as F
from peer import printed

FOUR = [[1.0], [2.0], [3.0], [4.0]]


def test_RG15_batch_normalisation() -> None:
    layer = nn.BatchNorm1d(1)
    printed(layer(ff.tensor(FOUR)).detach(), [[-1.3416], [-0.4472], [0.4472], [1.3416]], 4)
    printed(layer.running_mean, [0.25], 6)
    printed(layer.running_var, [0.9 + 0.1 * 5 / 3], 6)  # the unbiased variance is 5/3
    assert layer.num_batches_tracked.item() == 1 and layer.num_batches_tracked.dtype == ff.int64
    with ff.no_grad():
        layer.weight.fill_(2.0)
        layer.bias.fill_(1.0)
    printed(layer(ff.tensor(FOUR)).detach(), [[-1.6833], [0.1056], [1.8944], [3.6833]], 4)


def test_evaluation_uses_the_averages_and_changes_nothing() -> None:
    layer = nn.BatchNorm1d(1, momentum=None)
    for shift in (0.0, 10.0):
        layer(ff.tensor(FOUR) + shift)
    printed(layer.running_mean, [7.5], 5)  # the mean of 2.5 and 12.5
    printed(layer.running_var, [5 / 3], 5)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    layer.eval()
    x = ff.tensor([[7.5], [7.5 + (5 / 3) ** 0.5]])
    printed(layer(x).detach(), [[0.0], [1.0]], 5)
    assert layer(x[:1]).shape == (1, 1), "one row is enough"
    assert all(ff.equal(value, before[name]) for name, value in layer.state_dict().items())
    layer.reset_running_stats()
    assert [v.tolist() for v in layer.buffers()] == [[0], [1], 0]


def test_statistics_of_three_axes() -> None:
    ff.manual_seed(0)
    x = ff.randn(4, 3, 5, dtype=ff.float64) * 3 + 2
    layer = nn.BatchNorm1d(3, affine=False).double()
    y = layer(x).numpy()
    np.testing.assert_allclose(y.mean(axis=(0, 2)), 0, atol=1e-14)
    np.testing.assert_allclose(y.var(axis=(0, 2)), 1, rtol=1e-5)  # eps
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * x.numpy().mean(axis=(0, 2)), rtol=1e-13)


def test_without_averages_evaluation_uses_the_batch() -> None:
    layer = nn.BatchNorm1d(1, track_running_stats=False)
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert list(nn.BatchNorm1d(1, track_running_stats=False, bias=False).state_dict()) == ["weight"]
    assert ff.equal(layer(ff.tensor(FOUR)), layer.eval()(ff.tensor(FOUR)))


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.BatchNorm1d(3), (5, 3)),
        (lambda: nn.BatchNorm1d(3), (4, 3, 2)),
        (lambda: nn.BatchNorm1d(3).eval(), (5, 3)),
        (lambda: nn.LayerNorm(3), (5, 3)),
        (lambda: nn.LayerNorm((2, 3), bias=False), (4, 2, 3)),
        (lambda: nn.Residual(nn.Linear(3, 3), nn.Tanh()), (5, 3)),
    ],
)
def test_derivatives_of_first_and_second_order(make: Any, shape: tuple[int, ...]) -> None:
    ff.manual_seed(0)
    layer = make().double()
    x = ff.randn(*shape, dtype=ff.float64, requires_grad=True)
    weights = ff.randn(*shape, dtype=ff.float64)  # the plain sum of normalised numbers is always 0
    assert ff.autograd.gradcheck(lambda v: layer(v) * weights, (x,))
    assert ff.autograd.gradgradcheck(lambda v: layer(v) * weights, (x,))


def test_layer_norm_knows_only_its_sample() -> None:
    ff.manual_seed(0)
    x = ff.randn(4, 6, dtype=ff.float64) * 5 + 3
    layer = nn.LayerNorm(6).double()
    y = layer(x).detach().numpy()
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-14)
    np.testing.assert_allclose(y.var(axis=1), 1, rtol=1e-4)  # eps
    np.testing.assert_allclose(layer(x[2]).detach().numpy(), y[2], rtol=1e-14)
    np.testing.assert_allclose(layer.eval()(x).detach().numpy(), y, rtol=0)
    assert list(nn.LayerNorm(6, bias=False).state_dict()) == ["weight"]
    assert list(nn.LayerNorm((2, 6), elementwise_affine=False).state_dict()) == []
    assert repr(nn.LayerNorm(6)) == "LayerNorm((6,), eps=1e-05, elementwise_affine=True, bias=True)"


def test_misfits_of_normalisation() -> None:
    with pytest.raises(
        ValueError, match=r"Expected more than 1 value per channel when training.*\(1, 3\)\nhint: choose"
    ):
        nn.BatchNorm1d(3)(ff.zeros(1, 3))
    for shape in ((3,), (5, 4), (2, 3, 4, 4)):
        with pytest.raises(
            ValueError, match=r"BatchNorm1d\(3\): x has shape .*expected \(batch, 3\) or \(batch, 3, length\)"
        ):
            nn.BatchNorm1d(3)(ff.zeros(*shape))
    with pytest.raises(ValueError, match=r"input has shape \(2, 4\), expected \(..., 3\)"):
        nn.LayerNorm(3)(ff.zeros(2, 4))
    for layer in (nn.LayerNorm(3), nn.BatchNorm1d(3)):
        with pytest.raises(TypeError, match=r"x has dtype float64, expected float32 as the weights\nhint: convert"):
            layer(ff.zeros(2, 3, dtype=ff.float64))
    for make in (lambda: nn.LayerNorm(()), lambda: nn.LayerNorm((2, 0)), lambda: nn.BatchNorm1d(-1)):
        with pytest.raises(ValueError, match="expected"):
            make()
    for name, size in (
        ("BatchNorm1d", {"num_features": 10**9, "affine": False}),
        ("LayerNorm", {"normalized_shape": [10**9]}),
    ):
        with pytest.raises(ValueError, match="expected at most 1000 in all"):
            nn.build({"layer": name, "arguments": size}, max_parameters=1000)


# ---------------------------------------------------------------- residual blocks


def test_a_residual_block_adds_its_input() -> None:
    ff.manual_seed(0)
    inner = nn.Linear(3, 3)
    block = nn.Residual(inner, nn.Tanh())
    x = ff.randn(5, 3)
    assert ff.equal(block(x), x + inner(x).tanh())
    assert ff.equal(nn.Residual()(x), 2 * x), "nothing is applied, and the input added"
    assert list(block.state_dict()) == ["0.weight", "0.bias"] and len(block) == 2
    with pytest.raises(ValueError, match=r"turn \(5, 3\) into \(5, 1\), expected the shape of x\nhint: end the block"):
        nn.Residual(nn.Linear(3, 1))(x)


def test_gradients_reach_the_bottom_of_many_blocks() -> None:
    """Forty layers of small weights: without the additions nothing is left of the gradient."""

    def slope(kind: Any) -> float:
        ff.manual_seed(0)
        net = nn.Sequential(*(kind(nn.Linear(8, 8), nn.Tanh()) for _ in range(40)))
        x = ff.ones(1, 8, requires_grad=True)
        net(x).sum().backward()
        assert x.grad is not None
        return float(x.grad.abs().max().item())

    assert slope(nn.Residual) > 0.1
    assert slope(nn.Sequential) < 1e-6


# ---------------------------------------------------------------- embeddings


def test_embedding_looks_rows_up_and_learns_them() -> None:
    ff.manual_seed(0)
    table = nn.Embedding(5, 3)
    rows = ff.tensor([[0, 4], [4, 2]])
    assert ff.equal(table(rows), table.weight[rows]) and table(ff.tensor(3)).shape == (3,)
    table(rows).sum().backward()
    assert table.weight.grad[:, 0].tolist() == [1, 0, 1, 0, 2]
    assert ff.equal(table(rows), F.embedding(rows.to(ff.int32), table.weight))


def test_the_padding_row_stays_0() -> None:
    table = nn.Embedding(4, 2, padding_idx=-1)
    assert table.weight[3].tolist() == [0, 0] and repr(table) == "Embedding(4, 2, padding_idx=3)"
    table(ff.tensor([3, 1])).sum().backward()
    assert table.weight.grad.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0]]


def test_given_rows_are_kept() -> None:
    table = nn.Embedding.from_pretrained(ff.eye(3, dtype=ff.float64))
    assert table(ff.tensor([1])).tolist() == [[0, 1, 0]] and not table.weight.requires_grad
    assert nn.Embedding.from_pretrained(ff.eye(3), freeze=False).weight.requires_grad
    assert nn.build(nn.architecture(table)).weight.dtype == ff.float64


def test_misfits_of_embeddings() -> None:
    table = nn.Embedding(4, 2)
    with pytest.raises(IndexError, match=r"embedding: index 4 out of range \[0, 4\) at index \(1, 0\)"):
        table(ff.tensor([[0], [4]]))
    with pytest.raises(IndexError, match=r"index -1 out of range \[0, 4\) at row 0"):
        table(ff.tensor([-1]))
    with pytest.raises(TypeError, match=r"input has dtype float32, expected integers.*\nhint: convert with input.long"):
        table(ff.tensor([1.0]))
    with pytest.raises(IndexError, match="padding_idx is 4, expected a row of 4"):
        nn.Embedding(4, 2, padding_idx=4)
    with pytest.raises(ValueError, match="num_embeddings is 0"):
        nn.Embedding(0, 2)
