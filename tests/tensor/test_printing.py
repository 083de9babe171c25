"""How tensors print. The texts are PyTorch's, made with 2.13; the name of a type carries the name of the module."""

from __future__ import annotations

import math
from typing import Any

import pytest

from peer import ff

t: Any = ff.tensor
inf, nan = math.inf, math.nan


def rg(data: Any) -> Any:
    return t(data, requires_grad=True)


TEXTS: list[tuple[Any, str]] = [
    (lambda: t(3.0), "tensor(3.)"),
    (lambda: t(3), "tensor(3)"),
    (lambda: t(True), "tensor(True)"),
    (lambda: t([1.0, 2.0]), "tensor([1., 2.])"),
    (lambda: t([1.0, 2.5]), "tensor([1.0000, 2.5000])"),
    (lambda: t([0.1, 100.0]), "tensor([  0.1000, 100.0000])"),
    (lambda: t([1e10, 1.0]), "tensor([1.0000e+10, 1.0000e+00])"),
    (lambda: t([1e-5, 1.0]), "tensor([1.0000e-05, 1.0000e+00])"),
    (lambda: t([nan, 1.0, inf]), "tensor([nan, 1., inf])"),
    (lambda: t([nan, 1.5, -inf]), "tensor([   nan, 1.5000,   -inf])"),
    (lambda: t([inf, inf]), "tensor([inf, inf])"),
    (lambda: t([nan]), "tensor([nan])"),
    (lambda: t([]), "tensor([])"),
    (lambda: t([], dtype=ff.int64), "tensor([], dtype=MODULE.int64)"),
    (lambda: ff.zeros(2, 0), "tensor([], size=(2, 0))"),
    (lambda: ff.zeros(0, 3, requires_grad=True), "tensor([], size=(0, 3), requires_grad=True)"),
    (lambda: t([1, -20, 300]), "tensor([  1, -20, 300])"),
    (lambda: t([2**40, 1]), "tensor([1099511627776,             1])"),
    (lambda: t([True, False]), "tensor([ True, False])"),
    (lambda: t([[1.0, 2.0], [3.0, 4.0]]), "tensor([[1., 2.],\n        [3., 4.]])"),
    (
        lambda: t([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]),
        "tensor([[[1, 2],\n         [3, 4]],\n\n        [[5, 6],\n         [7, 8]]])",
    ),
    (lambda: t([1.0], dtype=ff.float64), "tensor([1.], dtype=MODULE.float64)"),
    (lambda: t([3.14159, 2.71828], dtype=ff.float64), "tensor([3.1416, 2.7183], dtype=MODULE.float64)"),
    (lambda: t([1, 2], dtype=ff.int32), "tensor([1, 2], dtype=MODULE.int32)"),
    (lambda: t([1, 2]).to(ff.uint8), "tensor([1, 2], dtype=MODULE.uint8)"),
    (lambda: t([1.5], dtype=ff.float16), "tensor([1.5000], dtype=MODULE.float16)"),
    (lambda: t([1e8]), "tensor([100000000.])"),
    (lambda: t([123456.0]), "tensor([123456.])"),
    (lambda: t([0.0001]), "tensor([1.0000e-04])"),
    (lambda: t([0.001]), "tensor([0.0010])"),
    (lambda: t([1000.5]), "tensor([1000.5000])"),
    (lambda: t([-1.0, 1.0]), "tensor([-1.,  1.])"),
    (lambda: t([-0.0, 1.0]), "tensor([-0., 1.])"),
    (lambda: t([-0.5, 10.25]), "tensor([-0.5000, 10.2500])"),
    (lambda: t([1e30]), "tensor([1.0000e+30])"),
    (lambda: t(0.1234567), "tensor(0.1235)"),
    (lambda: t(1e-7), "tensor(1.0000e-07)"),
    (lambda: t([1e8, 1.0]), "tensor([1.0000e+08, 1.0000e+00])"),
    (lambda: t([1.5, 2e5]), "tensor([1.5000e+00, 2.0000e+05])"),
    (lambda: ff.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (
        lambda: ff.zeros(40, 40),
        "tensor([[0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        ...,\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.]])",
    ),
    (
        lambda: ff.arange(12.0).view(3, 4) / 3,
        "tensor([[0.0000, 0.3333, 0.6667, 1.0000],\n"
        "        [1.3333, 1.6667, 2.0000, 2.3333],\n"
        "        [2.6667, 3.0000, 3.3333, 3.6667]])",
    ),
    (
        lambda: ff.arange(30),
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
        "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])",
    ),
    (
        lambda: ff.linspace(0, 1, 11),
        "tensor([0.0000, 0.1000, 0.2000, 0.3000, 0.4000, 0.5000, 0.6000, 0.7000, 0.8000,\n        0.9000, 1.0000])",
    ),
    (lambda: rg([1.0, 2.0]), "tensor([1., 2.], requires_grad=True)"),
    (lambda: rg(1.0), "tensor(1., requires_grad=True)"),
    (lambda: rg([1.0, 2.0]) * 2, "tensor([2., 4.], grad_fn=<MulBackward0>)"),
    (lambda: rg([1.0, 2.0]).sum(), "tensor(3., grad_fn=<SumBackward0>)"),
    (lambda: rg([1.0, 2.0]).double()[0], "tensor(1., dtype=MODULE.float64, grad_fn=<SelectBackward0>)"),
    (lambda: rg([1.0, 2.0]).view(2, 1), "tensor([[1.],\n        [2.]], grad_fn=<ViewBackward0>)"),
    (lambda: rg([1.0, 2.0]).detach(), "tensor([1., 2.])"),
]


@pytest.mark.parametrize(("make", "text"), TEXTS, ids=[text[:60] for _, text in TEXTS])
def test_repr(make: Any, text: str) -> None:
    assert repr(make()) == text.replace("MODULE", ff.__name__)
    assert str(make()) == repr(make())


def test_format() -> None:
    assert f"{t(3.14159):.2f}" == "3.14"
    assert f"{t(3)}" == "3"
    assert f"{t([1.0])}" == "tensor([1.])"
    assert f"loss {t(0.5):>8.3f}" == "loss    0.500"


def test_size_and_dtype() -> None:
    assert repr(ff.zeros(2, 3).shape) == f"{ff.__name__}.Size([2, 3])"
    assert repr(ff.float32) == str(ff.float32) == f"{ff.__name__}.float32"
    assert repr(ff.bool) == f"{ff.__name__}.bool"


def test_print_options() -> None:
    try:
        ff.set_printoptions(precision=2)
        assert repr(t([1.0, 2.54321])) == "tensor([1.00, 2.54])"
        ff.set_printoptions(threshold=3, edgeitems=1)
        assert repr(ff.arange(5)) == "tensor([0,  ..., 4])"
        ff.set_printoptions(profile="default", sci_mode=True)
        assert repr(t([1.5])) == "tensor([1.5000e+00])"
    finally:
        ff.set_printoptions(profile="default")
    assert repr(t([1.5])) == "tensor([1.5000])"


def test_printing_is_not_an_operation_of_the_graph() -> None:
    w = rg([1.0, 2.0])
    repr(w * 2)
    assert w.grad is None and w.grad_fn is None
