"""Making tensors: values, types, shapes, memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peer import ff, same

# ---------------------------------------------------------------- from data


@pytest.mark.parametrize(
    ("data", "name", "shape"),
    [
        (1, "int64", ()),
        (1.5, "float32", ()),
        (True, "bool", ()),
        ([], "float32", (0,)),
        ([[], []], "float32", (2, 0)),
        ([1, 2.5], "float32", (2,)),
        ([True, 2], "int64", (2,)),
        ([[1, 2], [3, 4]], "int64", (2, 2)),
        ((1, 2), "int64", (2,)),
        (range(3), "int64", (3,)),
        (np.float64(1.5), "float64", ()),
        (np.float32(1.5), "float32", ()),
        (np.arange(3, dtype=np.int32), "int32", (3,)),
        (np.ones((2, 2)), "float64", (2, 2)),
        (np.array(True), "bool", ()),
    ],
)
def test_tensor_infers_type_and_shape(data: Any, name: str, shape: tuple[int, ...]) -> None:
    t = ff.tensor(data)
    assert t.dtype == getattr(ff, name) and tuple(t.shape) == shape
    assert np.array_equal(t.numpy(), np.asarray(data))


def test_tensor_copies_and_from_numpy_does_not() -> None:
    n = np.zeros(3, np.float32)
    copied, shared, as_is = ff.tensor(n), ff.from_numpy(n), ff.as_tensor(n)
    n[0] = 5
    same(copied, [0.0, 0.0, 0.0])
    same(shared, [5.0, 0.0, 0.0])
    same(as_is, [5.0, 0.0, 0.0])
    t = ff.ones(2)
    assert ff.as_tensor(t) is t
    assert ff.as_tensor(t, dtype=ff.float64).dtype == ff.float64
    same(ff.as_tensor([1, 2]), [1, 2])


def test_tensor_of_tensors() -> None:
    same(ff.tensor([ff.tensor(1.0), ff.tensor(2.0)]), [1.0, 2.0])
    same(ff.tensor([[1, ff.tensor(2)], [3, 4]]), [[1, 2], [3, 4]])


def test_from_numpy_keeps_strides_and_refuses_what_it_cannot_hold() -> None:
    n = np.arange(6.0).reshape(2, 3)
    t = ff.from_numpy(n.T)
    assert t.stride() == (1, 3) and not t.is_contiguous()
    t[2, 1] = 50
    assert n[1, 2] == 50
    with pytest.raises(TypeError):
        ff.from_numpy(np.array(["a"]))
    with pytest.raises(TypeError):
        ff.from_numpy([1, 2])


def test_numpy_shares_and_tolist_copies() -> None:
    t = ff.zeros(2, 2)
    t.numpy()[0, 1] = 3
    same(t, [[0.0, 3.0], [0.0, 0.0]])
    assert isinstance(t.tolist()[0][0], float) and isinstance(ff.tensor(3).tolist(), int)
    assert np.shares_memory(np.asarray(t), t.numpy())
    assert t.t().numpy().strides == (4, 8)


def test_wrong_data_is_refused() -> None:
    for wrong in ([[1, 2], [3]], "text", [None], [1, "a"], {"a": 1}, object()):
        with pytest.raises((ValueError, TypeError, RuntimeError)):
            ff.tensor(wrong)
    with pytest.raises((RuntimeError, OverflowError, ValueError)):
        ff.tensor([2**63])


def test_new_methods_follow_the_tensor() -> None:
    x = ff.ones(2, dtype=ff.float64)
    same(x.new_zeros(2), [0.0, 0.0], ff.float64)
    same(x.new_ones(1), [1.0], ff.float64)
    same(x.new_full((1,), 3), [3.0], ff.float64)
    same(x.new_tensor([1, 2]), [1.0, 2.0], ff.float64) if ff.__name__ != "torch" else None
    assert x.new_empty(3).shape == (3,)


# ---------------------------------------------------------------- filled


@pytest.mark.parametrize("name", ["zeros", "ones", "empty", "rand", "randn"])
def test_sizes_may_be_given_in_every_way(name: str) -> None:
    make = getattr(ff, name)
    for t in (make(2, 3), make((2, 3)), make([2, 3]), make(ff.ones(2, 3).shape), make(size=(2, 3))):
        assert tuple(t.shape) == (2, 3) and t.dtype == ff.float32 and t.is_contiguous()
    assert tuple(make(0).shape) == (0,) and tuple(make(()).shape) == ()
    t = make(2, dtype=ff.float64, requires_grad=True)
    assert t.requires_grad and t.is_leaf and t.dtype == ff.float64
    with pytest.raises(RuntimeError):
        make(-1)
    with pytest.raises(TypeError):
        make(2.5)


def test_full() -> None:
    same(ff.full((2,), 1.5), [1.5, 1.5], ff.float32)
    same(ff.full((2,), 3), [3, 3], ff.int64)
    same(ff.full((1,), True), [True], ff.bool)
    same(ff.full((1,), 3, dtype=ff.float64), [3.0], ff.float64)


@pytest.mark.parametrize("name", ["zeros_like", "ones_like", "empty_like", "rand_like", "randn_like"])
def test_like_forms(name: str) -> None:
    make = getattr(ff, name)
    x = ff.ones(2, 3, dtype=ff.float64, requires_grad=True)
    y = make(x)
    assert y.shape == x.shape and y.dtype == ff.float64 and not y.requires_grad
    assert make(x, dtype=ff.float32, requires_grad=True).requires_grad
    assert make(x, dtype=ff.float32).dtype == ff.float32


def test_full_like() -> None:
    same(ff.full_like(ff.ones(2, dtype=ff.int64), 7), [7, 7], ff.int64)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((5,), [0, 1, 2, 3, 4]),
        ((2, 5), [2, 3, 4]),
        ((0, 5, 2), [0, 2, 4]),
        ((5, 0, -2), [5, 3, 1]),
        ((0,), []),
        ((2.5,), [0.0, 1.0, 2.0]),
        ((0, 1, 0.25), [0.0, 0.25, 0.5, 0.75]),
        ((1, 2.5, 0.5), [1.0, 1.5, 2.0]),
    ],
)
def test_arange(arguments: tuple[float, ...], expected: list[float]) -> None:
    t = ff.arange(*arguments)
    same(t, expected, ff.float32 if any(isinstance(a, float) for a in arguments) else ff.int64)


def test_arange_details() -> None:
    same(ff.arange(3, dtype=ff.float64), [0.0, 1.0, 2.0], ff.float64)
    same(ff.arange(end=3, start=1), [1, 2])
    assert ff.arange(0, 1, 0.1).numel() == 10
    for wrong in ((0, 5, 0), (0, 5, -1), (5, 0)):
        with pytest.raises(RuntimeError):
            ff.arange(*wrong)


def test_linspace_and_logspace() -> None:
    same(ff.linspace(0, 1, 5), [0.0, 0.25, 0.5, 0.75, 1.0], ff.float32)
    same(ff.linspace(1, 0, 3, dtype=ff.float64), [1.0, 0.5, 0.0], ff.float64)
    same(ff.linspace(2, 9, 0), [])
    same(ff.linspace(0, 10, 3, dtype=ff.int64), [0, 5, 10], ff.int64)
    x = ff.linspace(-3, 7, 1001)
    assert x[0].item() == -3.0 and x[-1].item() == 7.0
    np.testing.assert_allclose(x.numpy(), np.linspace(-3, 7, 1001), atol=1e-6)  # float32, values up to 7
    np.testing.assert_allclose(ff.logspace(-2, 2, 5).numpy(), [0.01, 0.1, 1, 10, 100], rtol=1e-6)
    same(ff.logspace(0, 4, 5, base=2), [1.0, 2.0, 4.0, 8.0, 16.0])
    with pytest.raises(RuntimeError):
        ff.linspace(0, 1, -1)


def test_eye_and_diag() -> None:
    same(ff.eye(2, dtype=ff.int64), [[1, 0], [0, 1]], ff.int64)
    same(ff.eye(3, 1), [[1.0], [0.0], [0.0]])
    same(ff.eye(0), [])
    same(ff.diag(ff.tensor([1, 2])), [[1, 0], [0, 2]])
    same(ff.diag(ff.tensor([[1, 2], [3, 4]])), [1, 4])
    same(ff.tril(ff.ones(2, 2)), [[1.0, 0.0], [1.0, 1.0]])
    same(ff.triu(ff.ones(2, 2), 1), [[0.0, 1.0], [0.0, 0.0]])


def test_typed_constructors() -> None:
    for name, dtype in {
        "FloatTensor": ff.float32,
        "DoubleTensor": ff.float64,
        "LongTensor": ff.int64,
        "IntTensor": ff.int32,
        "BoolTensor": ff.bool,
    }.items():
        make = getattr(ff, name)
        assert make([1, 0]).dtype == dtype and make([1, 0]).tolist() == [1, 0]
        assert tuple(make(2, 3).shape) == (2, 3) and make(2, 3).dtype == dtype
        assert ff.ones(1).type(f"{ff.__name__}.{name}").dtype == dtype
        assert ff.ones(1).to(dtype).type() == f"{ff.__name__}.{name}"


def test_default_dtype() -> None:
    ff.set_default_dtype(ff.float64)
    try:
        made = (ff.tensor(1.0), ff.zeros(1), ff.rand(1), ff.arange(1.0), ff.tensor([1]) / 2, ff.tensor([1]) + 0.5)
        assert all(t.dtype == ff.float64 for t in made)
        assert ff.Tensor([1]).dtype == ff.float64
    finally:
        ff.set_default_dtype(ff.float32)
    with pytest.raises(TypeError):
        ff.set_default_dtype(ff.int64)


def test_is_tensor_isinstance_and_types() -> None:
    assert ff.is_tensor(ff.ones(1)) and not ff.is_tensor(np.ones(1))
    assert isinstance(ff.ones(1), ff.Tensor)


def test_tensors_cannot_be_empty_of_meaning() -> None:
    with pytest.raises(TypeError):
        ff.tensor()
    assert ff.tensor([1.0]).requires_grad is False


# ---------------------------------------------------------------- random


def test_seeds_and_state() -> None:
    ff.manual_seed(3)
    a = ff.randn(5).tolist()
    state = ff.get_rng_state()
    b = ff.rand(3).tolist()
    ff.set_rng_state(state)
    assert ff.rand(3).tolist() == b
    ff.manual_seed(3)
    assert ff.randn(5).tolist() == a


def test_generator() -> None:
    g = ff.Generator()
    g.manual_seed(5)
    a = ff.rand(3, generator=g).tolist()
    g.manual_seed(5)
    ff.rand(7)  # the global stream is another
    assert ff.rand(3, generator=g).tolist() == a


def test_distributions() -> None:
    """Moments of 40,000 draws within five standard errors."""
    ff.manual_seed(0)
    n, sigma = 40_000, 5 / 200
    u, z = ff.rand(n, dtype=ff.float64), ff.randn(n, dtype=ff.float64)
    assert abs(u.mean().item() - 0.5) < sigma * (1 / 12) ** 0.5
    assert abs(u.var().item() - 1 / 12) < sigma * (1 / 180) ** 0.5
    assert abs(z.mean().item()) < sigma and abs(z.var().item() - 1) < sigma * 2**0.5
    assert abs((z**3).mean().item()) < sigma * 15**0.5 and abs((z**4).mean().item() - 3) < sigma * 96**0.5
    assert abs((z[1:] * z[:-1]).mean().item()) < sigma
    k = ff.randint(0, 4, (n,))
    counts = np.bincount(k.numpy(), minlength=4) / n
    assert np.abs(counts - 0.25).max() < sigma * (3 / 16) ** 0.5
    assert 0.0 <= u.min().item() and u.max().item() < 1.0


def test_in_place_random_fills() -> None:
    ff.manual_seed(0)
    x = ff.zeros(10_000)
    assert x.uniform_(-1, 3) is x and x.min().item() >= -1 and x.max().item() <= 3 and abs(x.mean().item() - 1) < 0.06
    x.normal_(2, 0.5)  # five standard errors: 5 * 0.5 / 100
    assert abs(x.mean().item() - 2) < 0.025 and abs(x.std().item() - 0.5) < 0.025
    p = ff.bernoulli(ff.full((10_000,), 0.3)).mean().item()
    assert abs(p - 0.3) < 5 * (0.21 / 10_000) ** 0.5
    n = ff.normal(0.0, 1.0, (3, 2))
    assert tuple(n.shape) == (3, 2)


def test_randperm_and_randint_details() -> None:
    ff.manual_seed(0)
    p = ff.randperm(100)
    assert p.dtype == ff.int64 and sorted(p.tolist()) == list(range(100)) and p.tolist() != list(range(100))
    assert ff.randint(5, (2, 2)).dtype == ff.int64
    assert ff.randint(0, 5, (2,), dtype=ff.int32).dtype == ff.int32
    assert set(ff.randint(-3, -1, (50,)).tolist()) == {-3, -2}


TORCH_STREAMS: dict[str, tuple[Any, Any]] = {
    "rand": (lambda: ff.rand(3), [0.111664, 0.815843, 0.262562]),
    "rand in float64": (lambda: ff.rand(3, dtype=ff.float64), [0.893315, 0.100496, 0.412029]),
    "randn": (lambda: ff.randn(2, 3), [[0.360656, -0.285921, -0.393818], [0.242938, -1.383323, -2.313436]]),
    "randn of 16 and more": (
        lambda: ff.randn(20)[[0, 1, 15, 16, 19]],
        [0.126849, 1.356398, 2.746675, -1.047983, 1.139794],
    ),
    "randn between rands": (lambda: ff.cat([ff.rand(1), ff.randn(1), ff.rand(1)]), [0.111664, -1.995401, 0.753911]),
    "randint": (lambda: ff.randint(10, (2, 3)), [[0, 2, 5], [9, 5, 1]]),
    "randperm": (lambda: ff.randperm(5), [0, 1, 4, 2, 3]),
    "uniform_": (lambda: ff.zeros(2).uniform_(-1, 1), [-0.776671, 0.631686]),
    "normal_": (lambda: ff.zeros(3).normal_(1, 2), [1.721312, 0.428158, 0.212364]),
}


@pytest.mark.parametrize("name", TORCH_STREAMS)
def test_numbers_of_torch_for_seed_100(name: str) -> None:
    ff.manual_seed(100) if ff.__name__ == "torch" else ff.manual_seed(100, algorithm="torch")
    draw, expected = TORCH_STREAMS[name]
    np.testing.assert_allclose(draw().numpy(), expected, atol=6e-7)  # six printed digits
    if ff.__name__ != "torch":
        ff.manual_seed(0)


# ---------------------------------------------------------------- NumPy's functions


def test_functions_of_numpy_give_tensors() -> None:
    """As PyTorch's tensors do; `want` is what NumPy makes of the same numbers."""
    t = ff.tensor([1.0, 4.0, 9.0])
    a = t.numpy()
    for name in ("sqrt", "exp", "isnan", "round", "abs", "signbit"):
        made, want = getattr(np, name)(t), getattr(np, name)(a)
        assert isinstance(made, ff.Tensor) and made.numpy().dtype == want.dtype
        np.testing.assert_array_equal(made.numpy(), want)
    for made, want in (
        (np.add(np.ones(3), t), 1.0 + a.astype(np.float64)),
        (np.clip(t, 0, 2), np.clip(a, 0, 2)),
        (np.sqrt(t[1]), np.float32(2)),
        (np.greater(t, 2), a > 2),
    ):
        assert isinstance(made, ff.Tensor) and made.numpy().dtype == want.dtype and made.shape == want.shape
        np.testing.assert_array_equal(made.numpy(), want)
    assert all(isinstance(part, ff.Tensor) for part in np.frexp(t))
    out = np.empty(3, np.float32)
    assert np.sqrt(t, out=out) is out
    assert type(np.concatenate([t, t])) is np.ndarray
    with pytest.raises(RuntimeError, match="requires grad"):
        np.sqrt(t.clone().requires_grad_())
    wide = np.add(np.ones(3, np.uint16), ff.tensor([1, 2, 3], dtype=ff.uint8))  # a type that tensors do not have
    assert type(wide) is np.ndarray and wide.dtype == np.uint16
