"""The tensor rows of the coverage table, one test per row, named by its id: creation, shape, indexing.

Set FORWARDNET_TEST_PEER=torch to run the same file on PyTorch: what the tests claim is true there too.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from peer import ff, printed, same, seed_as_torch, x23


def randn_seed_100() -> Any:
    seed_as_torch(100)
    return ff.randn(2, 3)


# ---------------------------------------------------------------- what a tensor is, creation


def test_TA01_scalar_vector_matrix_and_more_dimensions() -> None:
    assert [ff.tensor(v).dim() for v in (3.0, [1.0, 2.0], [[1.0]], [[[1.0]]])] == [0, 1, 2, 3]
    assert tuple(ff.tensor(3.0).shape) == ()
    assert isinstance(ff.tensor([1.0]).numpy(), np.ndarray)


def test_TA02_rank_lengths_shape_volume() -> None:
    x = ff.zeros((4, 5, 6))
    assert x.ndim == 3 and list(x.shape) == [4, 5, 6] and x.numel() == 120
    assert [x.size(i) for i in range(3)] == [4, 5, 6]
    assert ff.zeros(4, 4).numel() == 16
    assert tuple(ff.zeros(28, 30, 3)[:, :, 0].shape) == (28, 30)  # (row, column, channel): the red plane


def test_TA03_Tensor_constructor() -> None:
    same(ff.Tensor([1, 2]), [1.0, 2.0], ff.float32)
    assert tuple(ff.Tensor(1).shape) == (1,)  # a size, not a value; the memory is uninitialised
    assert tuple(ff.Tensor(2, 3).shape) == (2, 3)
    same(ff.Tensor(np.array([1.5, 2.5])), [1.5, 2.5], ff.float32)
    assert tuple(ff.Tensor().shape) == (0,)


def test_TA04_tensor_infers_the_dtype() -> None:
    same(ff.tensor([1, 2]), [1, 2], ff.int64)
    scalar = ff.tensor(1)
    assert tuple(scalar.shape) == () and scalar.item() == 1
    half = ff.tensor([3.2, 4.3], dtype=ff.float16)
    assert half.dtype == ff.float16
    printed(half, [3.1992, 4.3008], 4)
    assert ff.tensor([1.0, 2]).dtype == ff.float32
    assert ff.tensor([True]).dtype == ff.bool
    assert ff.tensor([1.0], requires_grad=True).requires_grad


def test_TA05_empty_gives_the_shape_only() -> None:
    x = ff.empty(2, 3)
    assert tuple(x.shape) == (2, 3) and x.dtype == ff.float32
    assert tuple(ff.empty((0, 3)).shape) == (0, 3)


def test_TA06_typed_constructors_and_the_default_dtype() -> None:
    same(ff.LongTensor([[0, 1, 1]]), [[0, 1, 1]], ff.int64)
    same(ff.FloatTensor([1, 2]), [1.0, 2.0], ff.float32)
    assert ff.get_default_dtype() == ff.float32
    ff.set_default_dtype(ff.float64)
    try:
        assert ff.tensor([1.5]).dtype == ff.zeros(2).dtype == ff.float64
    finally:
        ff.set_default_dtype(ff.float32)
    assert ff.zeros(2).dtype == ff.float32


def test_TA07_eye() -> None:
    same(ff.eye(2, 2), [[1.0, 0.0], [0.0, 1.0]], ff.float32)
    same(ff.eye(2, 3), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    same(ff.eye(2), [[1.0, 0.0], [0.0, 1.0]])


def test_TA08_linspace() -> None:
    same(ff.linspace(1, 10, 4), [1.0, 4.0, 7.0, 10.0], ff.float32)
    same(ff.linspace(0, 10, 6), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    same(ff.linspace(start=3, end=5, steps=1), [3.0])


def test_TA09_logspace() -> None:
    printed(ff.logspace(0, 2, 3), [1, 10, 100], 4)
    printed(ff.logspace(start=0, end=3, steps=4, base=2), [1, 2, 4, 8], 4)


def test_TA10_rand_and_randn() -> None:
    x = ff.rand(1000)
    assert x.min().item() >= 0.0 and x.max().item() < 1.0
    seed_as_torch(100)
    printed(ff.rand(3), [0.1117, 0.8158, 0.2626], 4)
    printed(randn_seed_100(), [[0.3607, -0.2859, -0.3938], [0.2429, -1.3833, -2.3134]], 4)
    z = ff.randn(20_000)
    # five standard errors: 5 / sqrt(20,000) for the mean, 5 / sqrt(2 * 20,000) for the deviation
    assert abs(z.mean().item()) < 5 / 20_000**0.5 and abs(z.std().item() - 1.0) < 5 / 40_000**0.5


def test_TA11_randint() -> None:
    x = ff.randint(10, (2, 3))
    assert tuple(x.shape) == (2, 3) and x.dtype == ff.int64
    many = ff.randint(10, (1000,))
    assert sorted(set(many.tolist())) == list(range(10))  # each is missing with probability 0.9^1000 = 1e-46
    y = ff.randint(3, 5, (100,))
    assert set(y.tolist()) == {3, 4}
    with pytest.raises(RuntimeError):
        ff.randint(5, 5, (2,))


def test_TA12_ones_zeros_and_their_like_forms() -> None:
    same(ff.zeros(2, 3), [[0.0] * 3] * 2, ff.float32)
    same(ff.ones((2, 3)), [[1.0] * 3] * 2, ff.float32)
    same(ff.zeros_like(ff.rand(2, 3)), [[0.0] * 3] * 2)
    same(ff.ones_like(ff.LongTensor([[7, 8]])), [[1, 1]], ff.int64)


def test_TA13_arange_is_half_open() -> None:
    same(ff.arange(0, 1, 0.25), [0.0, 0.25, 0.5, 0.75], ff.float32)
    same(ff.arange(3), [0, 1, 2], ff.int64)
    same(ff.arange(1, 4), [1, 2, 3], ff.int64)
    same(ff.arange(5, 0, -2), [5, 3, 1])


def test_TA14_from_numpy_shares_memory() -> None:
    n = np.zeros(3)
    t = ff.from_numpy(n)
    assert t.dtype == ff.float64
    t[0] = 9
    assert n[0] == 9
    n[1] = 4
    assert t[1].item() == 4
    back = t.numpy()
    back[2] = 7
    assert n[2] == 7 and t[2].item() == 7


def test_TA15_manual_seed_repeats_the_numbers() -> None:
    for seed in (ff.manual_seed, seed_as_torch):
        draws = []
        for _ in range(2):
            seed(7)
            draws.append((ff.rand(3).tolist(), ff.randn(2, 2).tolist(), ff.randint(10, (4,)).tolist()))
        assert draws[0] == draws[1]
    ff.manual_seed(8)
    other = ff.rand(3).tolist()
    ff.manual_seed(9)
    assert ff.rand(3).tolist() != other


# ---------------------------------------------------------------- size and shape


def test_TA16_size_and_shape() -> None:
    x = ff.zeros(2, 3)
    assert list(x.size()) == list(x.shape) == [2, 3] and x.size() == x.shape == (2, 3)
    assert x.size(1) == x.size(-1) == 3
    assert x.shape.numel() == 6
    assert repr(x.size()).endswith("Size([2, 3])")


def test_TA17_dim_and_ndim() -> None:
    assert ff.zeros(2, 3).dim() == ff.zeros(2, 3).ndim == 2


def test_TA18_numel_and_nelement() -> None:
    x = ff.zeros(2, 3)
    assert ff.numel(x) == x.numel() == x.nelement() == 6


def test_TA19_view_shares_memory_and_needs_strides_that_fit() -> None:
    x = x23()
    assert tuple(x.view(3, 2).shape) == (3, 2)
    assert tuple(x.view(-1).shape) == (6,) and tuple(x.view(3, -1).shape) == (3, 2)
    x.view(-1)[1] = 7
    assert x[0, 1].item() == 7
    with pytest.raises(RuntimeError, match="view"):
        x.t().view(-1)
    with pytest.raises(RuntimeError):
        x.view(4, 2)


def test_TA20_reshape_is_a_view_where_it_can_be() -> None:
    x = x23()
    x.reshape(3, 2)[0, 1] = 7
    assert x[0, 1].item() == 7
    flat = x.t().reshape(-1)
    same(flat, [1, 4, 7, 5, 3, 6])
    flat[0] = 99
    assert x[0, 0].item() == 1
    same(ff.reshape(x, (2, 3)), x.tolist())


def test_TA21_resize_in_place() -> None:
    x = ff.arange(6)
    assert x.resize_(2, 2) is x
    same(x, [[0, 1], [2, 3]])
    x.resize_(3, 4)  # grows; the elements beyond the first six are uninitialised
    assert tuple(x.shape) == (3, 4)
    assert x.view(-1)[:6].tolist() == [0, 1, 2, 3, 4, 5]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = ff.arange(6)
        same(y.resize(2, 3), [[0, 1, 2], [3, 4, 5]])
        assert tuple(y.shape) == (6,)  # not in place


def test_TA22_contiguous_and_stride() -> None:
    x = x23()
    assert x.stride() == (3, 1) and x.t().stride() == (1, 3) and x.stride(0) == 3
    assert x.is_contiguous() and not x.t().is_contiguous()
    same(x.t().contiguous().view(-1), [1, 4, 2, 5, 3, 6])


def test_TA23_item() -> None:
    assert ff.tensor([3.0]).item() == 3.0
    assert isinstance(ff.tensor(2).item(), int)
    with pytest.raises((RuntimeError, ValueError)):
        ff.tensor([1.0, 2.0]).item()


def test_TA24_unsqueeze_and_squeeze() -> None:
    x = ff.zeros(2, 3)
    assert list(ff.unsqueeze(x.view(-1), 0).size()) == [1, 6]
    assert list(x.unsqueeze(-1).shape) == [2, 3, 1]
    y = ff.zeros(1, 2, 1)
    assert list(y.squeeze().shape) == [2]
    assert list(y.squeeze(0).shape) == [2, 1] and list(y.squeeze(-1).shape) == [1, 2]
    assert list(y.squeeze(1).shape) == [1, 2, 1]  # not of length 1: unchanged
    with pytest.raises(IndexError):
        x.unsqueeze(4)


def test_TA25_expand_is_a_view_of_stride_zero() -> None:
    x = ff.tensor([[1], [2], [3], [4]])
    y = x.expand(4, 3)
    same(y, [[1] * 3, [2] * 3, [3] * 3, [4] * 3])
    assert y.stride()[1] == 0
    assert list(x.expand(-1, 3).shape) == [4, 3]
    x[0, 0] = 9
    assert y[0].tolist() == [9, 9, 9]
    with pytest.raises(RuntimeError):
        x.expand(5, 3)


def test_TA26_t_and_transpose() -> None:
    x = x23()
    same(x.t(), [[1, 4], [2, 5], [3, 6]])
    same(ff.t(x), ff.transpose(x, 0, 1).tolist())
    same(x.T, x.transpose(0, 1).tolist())
    with pytest.raises(RuntimeError):
        ff.zeros(2, 3, 4).t()


def test_TA27_clone_is_independent_and_keeps_the_graph() -> None:
    x = ff.tensor([1.0, 2.0], requires_grad=True)
    y = x.clone()
    assert y.grad_fn is not None
    (y * 3).sum().backward()
    same(x.grad, [3.0, 3.0])
    d = x.detach().clone()
    d[0] = 9
    assert x[0].item() == 1.0


def test_TA28_cat() -> None:
    x, y = ff.zeros(2, 3), ff.ones(2, 3)
    assert list(ff.cat((x, y), 0).shape) == [4, 3] and list(ff.cat([x, y], dim=1).shape) == [2, 6]
    same(ff.cat((x, y), 0)[:, 0], [0.0, 0.0, 1.0, 1.0])
    with pytest.raises(RuntimeError):
        ff.cat((x, ff.ones(2, 4)), 0)


def test_TA29_flatten() -> None:
    x = x23()
    assert x.flatten().numel() == 6
    same(ff.flatten(x), x.view(-1).tolist())
    assert list(ff.zeros(2, 3, 4).flatten(1).shape) == [2, 12]


# ---------------------------------------------------------------- indexing


def test_TA30_row_and_column_indexing() -> None:
    x = ff.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    same(x[0, :], [1.0, 2.0, 3.0])
    same(x[:, -1], [3.0, 6.0])
    x[:, -1].sum().backward()
    same(x.grad, [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])


def test_TA31_index_select() -> None:
    same(ff.index_select(x23(), 0, ff.tensor([1])), [[4, 5, 6]])
    same(ff.index_select(x23(), 1, ff.LongTensor([0, 2])), [[1, 3], [4, 6]])
    same(x23().index_select(1, ff.tensor([0, 2])), [[1, 3], [4, 6]])


def test_TA32_nonzero() -> None:
    same(ff.nonzero(randn_seed_100() > 0), [[0, 0], [1, 0]], ff.int64)


def test_TA33_masked_select() -> None:
    x = randn_seed_100()
    mask = x > 0
    assert mask.dtype == ff.bool
    printed(ff.masked_select(x, mask), [0.3607, 0.2429], 4)
    printed(x[mask], [0.3607, 0.2429], 4)


def test_TA34_gather() -> None:
    same(ff.gather(x23(), 0, ff.tensor([[0, 1, 1]])), [[1, 5, 6]])
    same(ff.gather(x23(), 1, ff.tensor([[0, 1, 1], [1, 1, 1]])), [[1, 2, 2], [5, 5, 5]])
    with pytest.raises(RuntimeError, match="int64"):
        ff.gather(x23(), 0, ff.tensor([[0.0, 1.0, 1.0]]))
    x = x23().float().requires_grad_()
    x.gather(1, ff.tensor([[0, 1, 1], [1, 1, 1]])).sum().backward()
    same(x.grad, [[1.0, 2.0, 0.0], [0.0, 3.0, 0.0]])


def test_TA35_scatter_in_place() -> None:
    index = ff.tensor([[0, 1, 1], [1, 1, 1]])
    picked = ff.gather(x23().float(), 1, index)
    z = ff.zeros(2, 3)
    assert z.scatter_(1, index, picked) is z
    same(z, [[1.0, 2.0, 0.0], [0.0, 5.0, 0.0]])  # the inverse of gather only for permutations


def test_TA36_broadcasting() -> None:
    a, b = ff.arange(0, 40, 10).view(4, 1), ff.arange(0, 3)
    expected = [[0, 1, 2], [10, 11, 12], [20, 21, 22], [30, 31, 32]]
    same(a + b, expected, ff.int64)
    same(a.expand(4, 3) + b.expand(4, 3), expected)
    x, y = a.float().requires_grad_(), b.float().requires_grad_()
    (x + y).sum().backward()
    same(x.grad, [[3.0]] * 4)  # summed over the axis that was stretched
    same(y.grad, [4.0] * 3)
