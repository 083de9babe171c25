"""In-place changes: what is allowed, what enters the graph, and what backward must refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from peer import ff, leaf, same

CHANGED = r"in-?place"


# ---------------------------------------------------------------- leaves

LEAF_WRITES: dict[str, Callable[[Any], Any]] = {
    "add_": lambda w: w.add_(1),
    "mul_": lambda w: w.mul_(2),
    "zero_": lambda w: w.zero_(),
    "fill_": lambda w: w.fill_(3),
    "copy_": lambda w: w.copy_(ff.ones(2)),
    "iadd": lambda w: w.__iadd__(1),
    "setitem": lambda w: w.__setitem__(0, 5),
    "setitem of all": lambda w: w.__setitem__(slice(None), 5),
    "through a view": lambda w: w.view(-1).add_(1),
    "through a view of a view": lambda w: w.view(2, 1)[0].mul_(2),
    "masked_fill_": lambda w: w.masked_fill_(w > 0, 0),
    "index_put": lambda w: w.__setitem__(ff.tensor([0]), 5),
}


@pytest.mark.parametrize("name", LEAF_WRITES)
def test_in_place_change_of_a_leaf_that_requires_grad(name: str) -> None:
    w = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match=r"leaf .*in-?place"):
        LEAF_WRITES[name](w)
    same(w, [1.0, 2.0])  # refused before anything was written


@pytest.mark.parametrize("name", LEAF_WRITES)
def test_in_place_change_of_a_leaf_is_allowed_under_no_grad(name: str) -> None:
    w = leaf([1.0, 2.0])
    with ff.no_grad():
        LEAF_WRITES[name](w)
    assert w.tolist() != [1.0, 2.0]
    assert w.requires_grad and w.is_leaf and w.grad_fn is None


def test_update_by_hand() -> None:
    w, b = leaf([[1.0, 2.0]]), leaf([0.5])
    for _ in range(3):
        ((w.sum(1) + b) ** 2).sum().backward()
        with ff.no_grad():
            w -= 0.1 * w.grad
            b.sub_(b.grad, alpha=0.1)
        w.grad.zero_()
        b.grad.zero_()
    # s = w1 + w2 + b falls by 3 * 0.1 * 2 s each time
    assert (w.sum() + b).item() == pytest.approx(3.5 * 0.4**3, rel=1e-5)  # float32
    same(w.grad, [[0.0, 0.0]])


def test_update_through_data() -> None:
    w = leaf([1.0])
    w.data -= 0.25
    w.data = w.data * 2
    same(w, [1.5])
    assert w.requires_grad and w.is_leaf


# ---------------------------------------------------------------- in-place steps of a graph


def test_in_place_ops_are_differentiated() -> None:
    w = leaf([1.0, 2.0])
    y = w * 1
    y.mul_(3).add_(1)
    y += w
    y **= 2
    same(y, [25.0, 81.0])
    y.sum().backward()
    same(w.grad, [40.0, 72.0])  # 2 (4 w + 1) 4


UNARY: dict[str, Callable[[Any], Any]] = {
    "exp_": ff.exp,
    "log_": ff.log,
    "sqrt_": ff.sqrt,
    "tanh_": ff.tanh,
    "sigmoid_": ff.sigmoid,
    "relu_": ff.relu,
    "neg_": ff.neg,
    "reciprocal_": ff.reciprocal,
    "sin_": ff.sin,
    "abs_": ff.abs,
    "square_": ff.square,
    "floor_": ff.floor,
}


@pytest.mark.parametrize("name", UNARY)
def test_in_place_unary_has_the_gradient_of_its_function(name: str) -> None:
    a, b = leaf([0.5, 2.0]), leaf([0.5, 2.0])
    y = a * 1
    assert getattr(y, name)() is y
    UNARY[name](b * 1).sum().backward()
    y.sum().backward()
    same(a.grad, b.grad.tolist())


def test_constants_take_part_once_something_is_written_into_them() -> None:
    w = leaf([2.0])
    buffer = ff.zeros(1)
    buffer += w * 3
    assert buffer.requires_grad and not buffer.is_leaf
    buffer.sum().backward()
    same(w.grad, [3.0])


def test_zero_and_fill_cut_the_graph() -> None:
    w = leaf([1.0, 2.0])
    y = w * 2
    y.zero_()
    y.sum().backward()
    same(w.grad, [0.0, 0.0])


def test_copy_in_place() -> None:
    w, v = leaf([1.0, 2.0]), leaf([3.0])
    y = w * 2
    y.copy_(v)
    y.sum().backward()
    same(w.grad, [0.0, 0.0])
    same(v.grad, [2.0])


def test_in_place_result_may_not_change_shape_or_category() -> None:
    with pytest.raises(RuntimeError, match=r"(?i)shape"):
        ff.ones(2).add_(ff.ones(2, 2))
    for wrong in (
        lambda: ff.ones(2, dtype=ff.int64).add_(0.5),
        lambda: ff.ones(2, dtype=ff.int64).div_(2),
        lambda: ff.ones(2, dtype=ff.int64).add_(ff.ones(2)),
        lambda: ff.ones(2, dtype=ff.bool).add_(1),
        lambda: ff.ones(2, dtype=ff.int64).exp_(),
    ):
        with pytest.raises(RuntimeError):
            wrong()
    assert ff.ones(2, dtype=ff.int32).add_(ff.ones(2, dtype=ff.int64)).dtype == ff.int32
    assert ff.ones(2).add_(ff.ones(2, dtype=ff.float64)).dtype == ff.float32


# ---------------------------------------------------------------- assignment by index


def test_assignment_of_one_element() -> None:
    w = leaf(5.0)
    y = ff.zeros(2, 2)
    y[0, 1] = w * 2
    y[1, 0] = w**2
    assert y.grad_fn.name().endswith("CopySlices")
    (y * ff.tensor([[1.0, 10.0], [100.0, 1000.0]])).sum().backward()
    assert w.grad.item() == 10 * 2 + 100 * 10


def test_overwritten_values_lose_their_gradient() -> None:
    w, v = leaf([1.0, 2.0, 3.0]), leaf(7.0)
    y = w * 2
    y[1] = v
    y.sum().backward()
    same(w.grad, [2.0, 0.0, 2.0])
    assert v.grad.item() == 1.0


ASSIGNMENTS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "element": ((0, 1), ()),
    "row": (1, (4,)),
    "column": ((slice(None), 2), (3,)),
    "slice": ((slice(1, 3), slice(0, 4, 2)), (2, 2)),
    "broadcast": ((slice(0, 2),), (4,)),
    "broadcast of one": ((slice(0, 2),), (1, 1)),
    "ellipsis": ((..., -1), (3,)),
    "new axis": ((None, 0), (1, 4)),
    "list": (([0, 2],), (2, 4)),
    "two lists": (([0, 2], [1, 3]), (2,)),
    "list and slice": ((slice(None), [0, 3]), (3, 2)),
    "mask": ("mask", (5,)),
    "row mask": ("row mask", (2, 4)),
    "all": (..., (3, 4)),
}


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_assignment_has_the_gradient_of_its_formula(name: str) -> None:
    """y[index] = v and elsewhere w: dL/dv gathers, dL/dw is masked; against NumPy's own assignment."""
    index, shape = ASSIGNMENTS[name]
    at: Any = index
    if name == "mask":
        at = np.array([[1, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 1]], bool)
    elif name == "row mask":
        at = np.array([True, False, True])
    where = ff.from_numpy(at) if isinstance(at, np.ndarray) else at
    w = ff.arange(12, dtype=ff.float64).view(3, 4).requires_grad_()
    v = (ff.ones(shape, dtype=ff.float64) * 100 + ff.rand(shape, dtype=ff.float64)).requires_grad_()
    weight = ff.arange(1, 13, dtype=ff.float64).view(3, 4)
    y = w * 1
    y[where] = v
    expected = np.arange(12.0).reshape(3, 4)
    expected[at] = v.detach().numpy()
    assert y.tolist() == expected.tolist()
    (y * weight).sum().backward()
    mask = np.ones((3, 4))
    mask[at] = 0
    assert w.grad.tolist() == (mask * weight.numpy()).tolist()
    taken = weight.numpy()[at]
    lead = taken.ndim - len(shape)
    summed = taken.sum(axis=tuple(range(lead)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and summed.shape[i] != 1)
    assert v.grad.tolist() == summed.sum(axis=axes, keepdims=True).reshape(shape).tolist()


def test_assignment_is_differentiable_twice() -> None:
    def f(w: Any) -> Any:
        y = w * 1
        y[0] = w[1] ** 3
        y[1:, 0] *= y[0, 0].clone()
        return (y**2).sum()

    w = ff.tensor([[0.5, -0.3], [0.8, 1.1]], dtype=ff.float64, requires_grad=True)
    assert ff.autograd.gradcheck(f, (w,)) and ff.autograd.gradgradcheck(f, (w,))


def test_self_assignment_with_overlap() -> None:
    w = leaf([1.0, 2.0, 3.0])
    y = w * 1
    y[1:] = y[:-1].clone()
    same(y, [1.0, 1.0, 2.0])
    (y * ff.tensor([1.0, 10.0, 100.0])).sum().backward()
    same(w.grad, [11.0, 100.0, 0.0])


def test_augmented_assignment_to_an_index() -> None:
    w = leaf([1.0, 2.0, 3.0])
    y = w * 1
    y[0] += 10
    y[1:] *= w[0]
    y[[0, 2]] -= 1
    y.sum().backward()
    same(w.grad, [1.0 + 5.0, 1.0, 1.0])


def test_assignment_casts_to_the_type_of_the_target() -> None:
    w = leaf([1.5], ff.float64)
    y = ff.zeros(2)
    y[0] = w[0]
    assert y.dtype == ff.float32
    y.sum().backward()
    assert w.grad.dtype == ff.float64
    same(w.grad, [1.0])
    n = ff.zeros(2, dtype=ff.int64)
    n[0] = 2.7
    same(n, [2, 0])


# ---------------------------------------------------------------- saved values


SAVERS: dict[str, Callable[[Any], Any]] = {
    "square": lambda y: y**2,
    "product": lambda y: y * y,
    "sin": ff.sin,
    "log": ff.log,
    "matmul": lambda y: y.view(1, 2) @ (y.view(2, 1) * 1),
    "division": lambda y: (y.detach() + 1) / y,
    "norm": lambda y: y.norm(),
    "prod": lambda y: y.prod(),
    "log1p": ff.log1p,
}


@pytest.mark.parametrize("name", SAVERS)
def test_change_of_a_saved_input_is_refused(name: str) -> None:
    y = leaf([1.0, 2.0]) * 2
    z = SAVERS[name](y)
    y += 1
    with pytest.raises(RuntimeError, match=CHANGED):
        z.sum().backward()


@pytest.mark.parametrize("name", ["exp", "sigmoid", "tanh", "sqrt", "reciprocal", "relu"])
def test_change_of_a_saved_result_is_refused(name: str) -> None:
    y = getattr(ff, name)(leaf([1.0, 2.0]))
    z = y * 1
    y.add_(1)
    with pytest.raises(RuntimeError, match=CHANGED):
        z.sum().backward()


@pytest.mark.parametrize(
    "function", [lambda y: y + 2, lambda y: y.sum(), lambda y: 3 * y, lambda y: -y, lambda y: y[0]]
)
def test_change_of_a_value_that_was_not_saved_is_harmless(function: Any) -> None:
    w = leaf([1.0, 2.0])
    y = w * 2
    z = function(y)
    y += 1
    z.sum().backward()
    assert w.grad is not None


def test_the_message_names_the_operation_and_the_versions() -> None:
    y = ff.exp(leaf([1.0, 2.0]))
    y.add_(1)
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"(?i)(?=.*\D2\D)(?=.*exp).*version 2.*version 0"):
        y.sum().backward()


THROUGH: dict[str, Callable[[Any], Any]] = {
    "index": lambda y: y.__setitem__(0, 3),
    "view": lambda y: y.view(-1).__setitem__(0, 3),
    "view of view": lambda y: y.view(2, 1)[1].add_(1),
    "transpose": lambda y: y.view(1, 2).t().mul_(2),
    "detach": lambda y: y.detach().add_(1),
    "no_grad": lambda y: add_under_no_grad(y),
    "expand": lambda y: y.view(2, 1).expand(2, 1).add_(1),
}


def add_under_no_grad(y: Any) -> None:
    with ff.no_grad():
        y.add_(1)


@pytest.mark.parametrize("name", THROUGH)
def test_change_of_a_saved_value_through(name: str) -> None:
    y = ff.exp(leaf([1.0, 2.0]))
    z = y * 1
    THROUGH[name](y)
    with pytest.raises(RuntimeError, match=CHANGED):
        z.sum().backward()


def test_version_counter() -> None:
    t = ff.zeros(3)
    start = t._version
    t.add_(1)
    t[0] = 2
    view = t[1:]
    view.mul_(2)
    assert t._version == view._version == t.detach()._version == start + 3
    assert t.clone()._version == 0
    assert t.data._version == 0  # `data` has a counter of its own


def test_changes_through_numpy_are_not_seen() -> None:
    w = leaf([0.0])
    y = w.exp()
    y.detach().numpy()[0] = 5.0
    y.sum().backward()
    same(w.grad, [5.0])


def test_leaf_changed_under_no_grad_between_forward_and_backward() -> None:
    w = leaf([1.0, 2.0])
    z = (w * w).sum()
    with ff.no_grad():
        w -= 0.1
    with pytest.raises(RuntimeError, match=CHANGED):
        z.backward()


def test_a_constant_factor_is_a_saved_value_too() -> None:
    w, x = leaf([1.0]), ff.tensor([2.0])
    z = w * x
    x.zero_()
    with pytest.raises(RuntimeError, match=CHANGED):
        z.sum().backward()


def test_index_tensor_is_a_saved_value() -> None:
    w, i = leaf([1.0, 2.0]), ff.tensor([0])
    z = w.index_select(0, i)
    i.fill_(1)
    with pytest.raises(RuntimeError, match=CHANGED):
        z.sum().backward()


def test_only_the_factor_that_is_needed_is_saved() -> None:
    w, x = leaf([1.0]), ff.tensor([2.0])
    y = w * 1
    z = y * x  # x is needed for y's gradient; y would be needed for x's, which nobody wants
    y.add_(5)
    z.sum().backward()
    same(w.grad, [2.0])
