"""The tensor rows of the coverage table, one test per row, named by its id: arithmetic, reductions, matrices.

Set FORWARDNET_TEST_PEER=torch to run the same file on PyTorch: what the tests claim is true there too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peer import ff, printed, same, x23


def a23() -> Any:
    """The even numbers 0..10 in a (2, 3) matrix of float32, the `a` of the table."""
    return ff.linspace(0, 10, 6).view(2, 3)


# ---------------------------------------------------------------- elementwise


def test_TA37_elementwise_functions_with_gradients() -> None:
    same(ff.sign(ff.tensor([-2, 0, 3])), [-1, 0, 1])
    same(ff.abs(ff.tensor([-2.0, 3.0])), [2.0, 3.0])
    same(ff.neg(ff.tensor([-2.0, 3.0])), [2.0, -3.0])
    same(ff.sqrt(ff.tensor([4.0, 9.0])), [2.0, 3.0])
    same(ff.pow(ff.tensor([2.0, 3.0]), 2), [4.0, 9.0])
    printed(ff.exp(ff.tensor([0.0, 1.0])), [1.0, 2.71828], 5)
    printed(ff.log(ff.tensor([1.0, 2.718281828])), [0.0, 1.0], 5)
    cases = {"abs": [-1, 0, 1], "neg": [-1, -1, -1], "sign": [0, 0, 0], "exp": [np.exp(-1), 1, np.exp(1)]}
    for name, expected in cases.items():
        x = ff.tensor([-1.0, 0.0, 1.0], requires_grad=True)
        getattr(ff, name)(x).sum().backward()
        printed(x.grad, expected, 5)
    for name, expected in {"sqrt": [0.25, 0.5], "log": [0.25, 1.0]}.items():
        x = ff.tensor([4.0, 1.0], requires_grad=True)
        getattr(ff, name)(x).sum().backward()
        printed(x.grad, expected, 5)
    x = ff.tensor([2.0, 3.0], requires_grad=True)
    ff.pow(x, 3).sum().backward()
    same(x.grad, [12.0, 27.0])


def test_TA38_add_and_mul_and_their_in_place_forms() -> None:
    t = ff.tensor([1.0, 2.0])
    same(ff.add(t, 2), [3.0, 4.0])
    same(ff.add(t, t, alpha=10), [11.0, 22.0])
    same(ff.mul(t, t), (t * t).tolist())
    assert t.add_(2) is t
    same(t, [3.0, 4.0])
    same(t.mul_(2), [6.0, 8.0])
    same(t.zero_(), [0.0, 0.0])


def test_TA39_addcdiv_and_addcmul() -> None:
    t, t1, t2 = ff.ones(1, 3), ff.ones(3, 1), 2 * ff.ones(1, 3)
    out = ff.addcdiv(t, t1, t2, value=0.1)
    assert list(out.shape) == [3, 3]
    printed(out, np.full((3, 3), 1.05), 6)
    out = ff.addcmul(ff.tensor([1.0]), ff.tensor([2.0]), ff.tensor([3.0]), value=0.5)
    same(out, [4.0])


def test_TA40_ceil_and_floor_keep_the_dtype() -> None:
    x = ff.tensor([-1.5, 1.2])
    same(ff.ceil(x), [-1.0, 2.0], ff.float32)
    same(ff.floor(x), [-2.0, 1.0], ff.float32)


def test_TA41_clamp() -> None:
    x = ff.tensor([-0.5, 0.3, 1.7], requires_grad=True)
    y = ff.clamp(x, 0, 1)
    printed(y, [0, 0.3, 1], 6)
    y.sum().backward()
    same(x.grad, [0.0, 1.0, 0.0])
    printed(x.detach().clamp(min=0), [0, 0.3, 1.7], 6)
    printed(ff.clamp(x, max=1.0), [-0.5, 0.3, 1], 6)


def test_TA42_sigmoid_tanh_softmax_as_functions() -> None:
    x = ff.tensor([0.0, 1.0, 2.0])
    printed(ff.sigmoid(x), [0.5, 0.7310586, 0.8807971], 6)
    printed(ff.tanh(x), [0.0, 0.7615942, 0.9640276], 6)
    printed(ff.softmax(x, dim=0), [0.0900306, 0.2447285, 0.6652410], 6)
    printed(ff.softmax(ff.tensor([1000.0, 1001.0, 1002.0]), dim=-1), [0.0900, 0.2447, 0.6652], 4)


# ---------------------------------------------------------------- reductions


def test_TA43_cumsum_and_cumprod() -> None:
    same(ff.cumsum(a23(), dim=0), [[0.0, 2.0, 4.0], [6.0, 10.0, 14.0]])
    same(ff.cumprod(a23() + 1, dim=0), [[1.0, 3.0, 5.0], [7.0, 27.0, 55.0]])


def test_TA44_dist() -> None:
    a, b = ff.tensor([1.0, 2.0]), ff.tensor([4.0, 6.0])
    assert ff.dist(a, b, 2).item() == pytest.approx(5.0, abs=1e-6)  # float32
    assert ff.dist(a, b, p=1).item() == 7.0
    assert ff.dist(a, b).item() == ff.norm(a - b).item()


def test_TA45_norm() -> None:
    printed(ff.norm(a23(), 2), 14.8324, 4)
    printed(ff.norm(a23(), p=1), 30, 4)
    printed(a23().norm(), 14.8324, 4)


def test_TA46_mean_and_median() -> None:
    assert ff.mean(a23()).item() == 5.0
    assert ff.median(a23()).item() == 4.0  # the lower of the two middle values
    assert np.median(a23().numpy()) == 5.0  # NumPy takes their mean


def test_TA47_std_and_var() -> None:
    printed(ff.std(a23()), 3.7417, 4)
    assert ff.var(a23()).item() == pytest.approx(14.0, abs=1e-5)  # float32
    printed(ff.std(a23(), correction=0), 3.4157, 4)
    printed(a23().std(unbiased=False), 3.4157, 4)
    assert a23().numpy().std(ddof=1) == pytest.approx(ff.std(a23()).item(), rel=1e-6)


def test_TA48_prod_sum_keepdim() -> None:
    a = a23()
    assert ff.prod(a + 1).item() == 10395.0 and ff.sum(a).item() == 30.0
    same(ff.sum(a, dim=0), [6.0, 10.0, 14.0])
    assert list(ff.sum(a, dim=0, keepdim=True).shape) == [1, 3]
    assert list(a.prod(1, keepdim=True).shape) == [2, 1]


# ---------------------------------------------------------------- comparison


def test_TA49_eq_equal_ne() -> None:
    a, b = ff.tensor([1, 2, 3]), ff.tensor([1, 5, 3])
    same(ff.eq(a, b), [True, False, True], ff.bool)
    same(ff.ne(a, b), [False, True, False])
    assert ff.equal(a, a.clone()) is True and ff.equal(a, b) is False
    assert ff.equal(ff.tensor([1, 1]), ff.tensor([1])) is False  # no broadcasting


def test_TA50_order_comparisons() -> None:
    a, b = ff.tensor([1, 2, 3]), ff.tensor([3, 2, 1])
    expected = {"ge": [False, True, True], "le": [True, True, False], "gt": [False, False, True]}
    expected["lt"] = [True, False, False]
    for name, values in expected.items():
        same(getattr(ff, name)(a, b), values, ff.bool)
        same(getattr(a, name)(b), values)
    same(a >= b, expected["ge"])
    same(a < 2, [True, False, False])
    for long, short in {"greater_equal": "ge", "less_equal": "le", "greater": "gt", "less": "lt"}.items():
        same(getattr(ff, long)(a, b), expected[short])
    same(ff.not_equal(a, b), [True, False, True])


def test_TA51_max_and_min_with_indices() -> None:
    a = a23()
    assert ff.max(a).item() == 10.0 and a.min().item() == 0.0
    top = ff.max(a, dim=0)
    same(top.values, [6.0, 8.0, 10.0])
    same(top.indices, [1, 1, 1], ff.int64)
    values, indices = a.min(dim=1)
    same(values, [0.0, 6.0])
    same(indices, [0, 0])


def test_TA52_topk() -> None:
    values, indices = ff.topk(a23(), 1, dim=0)
    same(values, [[6.0, 8.0, 10.0]])
    same(indices, [[1, 1, 1]], ff.int64)
    same(ff.topk(a23(), k=2, dim=0).values, [[6.0, 8.0, 10.0], [0.0, 2.0, 4.0]])


# ---------------------------------------------------------------- matrices


def test_TA53_dot_of_vectors() -> None:
    same(ff.dot(ff.tensor([2, 3]), ff.tensor([3, 4])), 18)
    with pytest.raises(RuntimeError):
        ff.dot(ff.ones(2, 2), ff.ones(2, 2))


def test_TA54_mm_and_bmm() -> None:
    assert list(ff.mm(ff.rand(2, 3), ff.rand(3, 4)).shape) == [2, 4]
    assert list(ff.bmm(ff.rand(2, 2, 3), ff.rand(2, 3, 4)).shape) == [2, 2, 4]
    x, y = x23().float(), x23().float().t()
    same(ff.mm(x, y), [[14.0, 32.0], [32.0, 77.0]])
    same(x @ y, ff.matmul(x, y).tolist())
    with pytest.raises(RuntimeError):
        ff.mm(ff.rand(2, 3), ff.rand(2, 3))


def test_TA55_mv() -> None:
    same(ff.mv(ff.tensor([[0, 1, 2], [3, 4, 5]]), ff.tensor([1, 2, 3])), [8, 26])


def test_TA56_svd() -> None:
    x = ff.tensor([[3.0, 0.0], [4.0, 5.0]])
    u, s, v = ff.svd(x)
    printed(s, [6.7082, 2.2361], 4)
    np.testing.assert_allclose((u @ ff.diag(s) @ v.t()).numpy(), x.numpy(), atol=1e-5)  # float32, values up to 5


def test_TA57_numpy_correspondence() -> None:
    n = np.array([[1.0, -2.5, 3.0], [4.0, 5.5, -6.0]])
    x, y = ff.tensor(n), ff.tensor(n.copy() * 0.5 + 1)
    m = n * 0.5 + 1
    for name in ("float16", "float32", "float64", "int64", "int32"):
        assert ff.tensor(n).to(getattr(ff, name)).numpy().dtype == np.dtype(name)
    assert ff.float == ff.float32 and ff.double == ff.float64 and ff.long == ff.int64 and ff.half == ff.float16
    rows = [
        (x.clone(), n.copy()),
        (ff.cat((x, y), 0), np.concatenate((n, m), 0)),
        (ff.mm(x, y.t()), np.dot(n, m.T)),
        (x.view(3, 2), n.reshape(3, 2)),
        (x.view(-1), n.flatten()),
        (x.flatten(), n.ravel()),
        (ff.floor(x), np.floor(n)),
        (ff.lt(x, y), np.less(n, m)),
        (ff.le(x, y), np.less_equal(n, m)),
        (ff.gt(x, y), np.greater(n, m)),
        (ff.ge(x, y), np.greater_equal(n, m)),
        (ff.eq(x, y), np.equal(n, m)),
        (ff.ne(x, y), np.not_equal(n, m)),
        (x.sum(1, keepdim=True), n.sum(1, keepdims=True)),
        (x.argmax(1), n.argmax(1)),
        (ff.exp(x), np.exp(n)),
        (x.T, n.T),
    ]
    for got, expected in rows:
        assert got.numpy().dtype == expected.dtype
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-15)  # one unit of float64, for exp and dot
    assert x.dim() == n.ndim and x.nelement() == n.size


def test_TA58_integer_matmul_and_promotion() -> None:
    same(ff.mm(ff.tensor([[1, 2]]), ff.tensor([[3], [4]])), [[11]], ff.int64)
    assert (ff.arange(4).view(4, 1) + ff.arange(3)).dtype == ff.int64
    assert (ff.arange(3) + ff.ones(3)).dtype == ff.float32
    assert (ff.arange(3) + 0.5).dtype == ff.float32
    assert (ff.arange(3) / 2).dtype == ff.float32
    assert (ff.ones(3) + ff.ones(3, dtype=ff.float64)).dtype == ff.float64


def test_TA59_operators_and_masks() -> None:
    x = ff.tensor([1.0, 2.0, 3.0])
    same(x**2, [1.0, 4.0, 9.0])
    same(2**x, [2.0, 4.0, 8.0])
    same(x + 1, [2.0, 3.0, 4.0])
    same(1 - x, [0.0, -1.0, -2.0])
    same(x - x, [0.0] * 3)
    same(x * 2, [2.0, 4.0, 6.0])
    same(6 / x, [6.0, 3.0, 2.0])
    same(-x, [-1.0, -2.0, -3.0])
    same(ff.tensor([7, -7]) // 2, [3, -4])
    same(ff.tensor([7, -7]) % 3, [1, 2])
    same(x > 1, [False, True, True], ff.bool)
    same((x > 1) & (x < 3), [False, True, False])
    same((x > 2) | (x < 2), [True, False, True])
    same(~(x > 1), [True, False, False])
    x -= 1
    same(x, [0.0, 1.0, 2.0])


# ---------------------------------------------------------------- devices, images, axes, programs


def test_TA60_device() -> None:
    x = ff.ones(2)
    assert x.device.type == "cpu" and str(x.device) == "cpu"
    same(x.to("cpu"), [1.0, 1.0])
    assert x.cpu() is x
    assert ff.zeros(2, device="cpu").device == ff.device("cpu")
    assert ff.cuda.is_available() is False
    with pytest.raises((RuntimeError, AssertionError, ValueError)):
        x.to("cuda")


def test_TA61_image_tensors() -> None:
    gray = np.arange(28 * 28, dtype=np.uint32).reshape(28, 28).astype(np.uint8)
    image = ff.from_numpy(gray)
    assert image.dtype == ff.uint8 and list(image.shape) == [28, 28]
    assert image.max().item() == 255
    scaled = image.float() / 255
    assert scaled.dtype == ff.float32 and scaled.min().item() == 0.0 and scaled.max().item() == 1.0
    inverted = 1 - scaled  # dark ink on white paper as ink = 1
    assert inverted[0, 0].item() == 1.0
    binary = scaled > 0.5
    assert binary.dtype == ff.bool
    rgb = ff.from_numpy(np.stack([gray] * 3, axis=-1))  # 3 x 8 bit, (height, width, 3)
    assert list(rgb.shape) == [28, 28, 3] and list(rgb.permute(2, 0, 1).shape) == [3, 28, 28]


def test_TA62_dim_0_runs_down_the_rows() -> None:
    a = a23()
    same(a.sum(dim=0), [6.0, 10.0, 14.0])  # one sum per column
    same(a.sum(dim=1), [6.0, 24.0])  # one sum per row
    same(a.sum(dim=(0, 1)), 30.0)


def test_TA63_network_as_a_tensor_program() -> None:
    w1, w2 = ff.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), ff.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 1.0]])
    n = w2 @ (w1 @ ff.tensor([1.0, 2.0]))
    same(n, [1.0, 5.0])
    printed(ff.softmax(n, dim=0), [0.01798621, 0.98201379], 6)
