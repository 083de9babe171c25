"""Leaves, grad_fn, accumulation, retained and freed graphs, backward with a gradient."""

from __future__ import annotations

import gc
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from peer import ff, leaf, same


def test_requires_grad_spreads_and_leaves_are_what_the_user_made() -> None:
    w, x = leaf([1.0]), ff.tensor([2.0])
    assert (w * x).requires_grad and not (x * x).requires_grad
    assert w.is_leaf and x.is_leaf and (x * x).is_leaf and not (w * x).is_leaf
    assert not (w > 0).requires_grad and (w > 0).is_leaf  # comparisons have no derivative
    assert w.argmax().grad_fn is None


NAMES: dict[str, Callable[[Any], Any]] = {
    "AddBackward0": lambda x: x + x,
    "SubBackward0": lambda x: x - 1,
    "MulBackward0": lambda x: x * 2,
    "DivBackward0": lambda x: x / 2,
    "PowBackward0": lambda x: x**2,
    "PowBackward1": lambda x: x**x,
    "NegBackward0": lambda x: -x,
    "ExpBackward0": ff.exp,
    "LogBackward0": ff.log,
    "SqrtBackward0": ff.sqrt,
    "AbsBackward0": ff.abs,
    "TanhBackward0": ff.tanh,
    "SigmoidBackward0": ff.sigmoid,
    "ReluBackward0": ff.relu,
    "SinBackward0": ff.sin,
    "SumBackward0": lambda x: x.sum(),
    "SumBackward1": lambda x: x.sum(dim=0),
    "MeanBackward0": lambda x: x.mean(),
    "AmaxBackward0": lambda x: x.amax(0),
    "MmBackward0": lambda x: x @ x,
    "TBackward0": lambda x: x.t(),
    "ViewBackward0": lambda x: x.view(-1),
    "SelectBackward0": lambda x: x[0],
    "SliceBackward0": lambda x: x[1:],
    "IndexBackward0": lambda x: x[[0, 1]],
    "CatBackward0": lambda x: ff.cat([x, x]),
    "CloneBackward0": lambda x: x.clone(),
    "ExpandBackward0": lambda x: x.expand(3, 2, 2),
    "SoftmaxBackward0": lambda x: ff.softmax(x, dim=0),
    "LogSoftmaxBackward0": lambda x: ff.log_softmax(x, dim=0),
    "WhereBackward0": lambda x: ff.where(x > 0, x, -x),
    "GatherBackward0": lambda x: x.gather(0, ff.tensor([[0, 1]])),
    "CumsumBackward0": lambda x: x.cumsum(0),
}
# Digits tell overloads of one PyTorch function apart; they say nothing here.


@pytest.mark.parametrize("name", NAMES)
def test_grad_fn_is_named_after_the_operation(name: str) -> None:
    fn = NAMES[name](leaf([[1.0, 2.0], [3.0, 4.0]])).grad_fn
    assert fn.name().rstrip("01") == name.rstrip("01")
    assert str(fn).startswith("<" + name.rstrip("01"))


def test_plain_arithmetic_prints_pytorchs_exact_names() -> None:
    w = leaf([1.0])
    assert [t.grad_fn.name() for t in (w * 2, w + 1, w / 2, w**2)] == [
        "MulBackward0",
        "AddBackward0",
        "DivBackward0",
        "PowBackward0",
    ]


def test_next_functions_lead_to_the_leaves() -> None:
    w, b = leaf([2.0]), leaf([1.0])
    z = ff.exp(w) * 3 + b
    (mul, index), (accumulate, _) = z.grad_fn.next_functions
    assert index == 0 and mul.name() == "MulBackward0"
    assert accumulate.name().endswith("AccumulateGrad") and accumulate.variable is b
    exp = mul.next_functions[0][0]
    assert exp.name() == "ExpBackward0" and exp.next_functions[0][0].variable is w


def test_gradients_accumulate_over_graphs_and_over_uses() -> None:
    w = leaf([3.0])
    (w * w).sum().backward()
    same(w.grad, [6.0])
    (w * 5).sum().backward()
    same(w.grad, [11.0])
    w.grad = None
    (w + w + w).sum().backward()
    same(w.grad, [3.0])


def test_accumulation_keeps_the_gradient_tensor() -> None:
    w = leaf([3.0])
    (w * 2).sum().backward()
    kept = w.grad
    (w * 2).sum().backward()
    assert w.grad is kept
    same(kept, [4.0])


def test_gradient_of_a_leaf_does_not_share_memory_with_what_was_passed() -> None:
    w, g = leaf([1.0, 2.0]), ff.tensor([1.0, 1.0])
    (w + 0).backward(g)
    g[0] = 99
    (w + 0).backward(ff.tensor([1.0, 1.0]))
    same(w.grad, [2.0, 2.0])


def test_two_leaves_of_one_sum_do_not_share_a_gradient() -> None:
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (a + b).backward(ff.ones(2))
    a.grad[0] = 99
    same(b.grad, [1.0, 1.0])


def test_a_graph_that_saved_values_is_freed_by_backward() -> None:
    w = leaf([2.0])
    z = (w * w).sum()
    z.backward()
    with pytest.raises(RuntimeError, match=r"second time|freed"):
        z.backward()
    same(w.grad, [4.0])  # the refused call changed nothing


def test_a_graph_that_saved_nothing_may_be_walked_again() -> None:
    w, b = leaf([2.0]), leaf([3.0])
    z = w + b
    z.backward()
    z.backward()
    same(w.grad, [2.0])


def test_freed_part_of_a_shared_graph() -> None:
    w = leaf([2.0])
    shared = w.exp()
    first, second = (shared * 2).sum(), (shared * 3).sum()
    first.backward()
    with pytest.raises(RuntimeError, match=r"second time|freed"):
        second.backward()


def test_retain_graph_keeps_a_shared_part() -> None:
    w = leaf([0.0])
    shared = w.exp()
    (shared * 2).sum().backward(retain_graph=True)
    (shared * 3).sum().backward()
    same(w.grad, [5.0])


def test_create_graph_retains_by_default() -> None:
    w = leaf([2.0])
    z = (w**3).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of the reference cycle
        z.backward(create_graph=True)
    z.backward()
    same(w.grad, [24.0])


def test_backward_needs_a_gradient_of_the_right_shape() -> None:
    w = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (w * 2).backward()
    with pytest.raises(RuntimeError, match=r"(?i)shape"):
        (w * 2).backward(ff.ones(3))
    with pytest.raises(RuntimeError, match=r"(?i)shape"):
        (w * 2).sum().backward(ff.ones(2))
    (w * 2)[:1].backward()  # one element is enough, whatever its shape
    same(w.grad, [2.0, 0.0])


def test_gradients_have_the_type_of_their_tensor() -> None:
    w = leaf([1.0, 2.0])
    for dtype in (ff.float64, ff.int64, ff.float16):
        w.grad = None
        (w * 2).backward(ff.ones(2, dtype=dtype))
        assert w.grad.dtype == ff.float32
        same(w.grad, [2.0, 2.0])
    assert ff.autograd.grad(w * 2, w, ff.ones(2, dtype=ff.float64))[0].dtype == ff.float32


def test_backward_of_something_without_history() -> None:
    with pytest.raises(RuntimeError, match="does not require grad"):
        ff.ones(1).backward()
    w = leaf(2.0)
    w.backward()  # a leaf is its own graph
    assert w.grad.item() == 1.0


def test_backward_with_inputs_fills_only_those() -> None:
    a, b = leaf([1.0]), leaf([2.0])
    (a * b).sum().backward(inputs=[a])
    same(a.grad, [2.0])
    assert b.grad is None


def test_autograd_backward_of_several_roots() -> None:
    w = leaf([2.0])
    ff.autograd.backward([(w * 2).sum(), (w * 3).sum()])
    same(w.grad, [5.0])


def test_grad_of_non_leaf_is_none_unless_retained() -> None:
    w = leaf([2.0])
    y = w * 3
    y.retain_grad()
    y.retain_grad()  # twice is once
    (y * y).sum().backward()
    same(y.grad, [12.0])
    same(w.grad, [36.0])
    z = w * 3
    (z * z).sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert z.grad is None
    assert y.retains_grad and not z.retains_grad
    with pytest.raises(RuntimeError):
        ff.ones(1).retain_grad()


def test_assigning_grad_checks_shape_and_type() -> None:
    w = leaf([1.0, 2.0])
    w.grad = ff.tensor([5.0, 6.0])
    same(w.grad, [5.0, 6.0])
    w.grad = None
    assert w.grad is None
    with pytest.raises(RuntimeError):
        w.grad = ff.ones(3)
    with pytest.raises((RuntimeError, TypeError)):
        w.grad = ff.ones(2, dtype=ff.float64)
    with pytest.raises(TypeError):
        w.grad = 3


def test_hooks_see_and_replace_the_gradient() -> None:
    w, seen = leaf([1.0, 2.0]), []
    y = w * 3
    handle = y.register_hook(lambda g: seen.append(g.tolist()))
    w.register_hook(lambda g: g * 10)
    y.sum().backward(retain_graph=True)
    assert seen == [[1.0, 1.0]]
    same(w.grad, [30.0, 30.0])
    handle.remove()
    y.sum().backward()
    assert len(seen) == 1
    with pytest.raises(RuntimeError):
        ff.ones(1).register_hook(lambda g: g)


def test_hook_runs_once_with_the_summed_gradient() -> None:
    w, seen = leaf([1.0]), []
    w.register_hook(lambda g: seen.append(g.tolist()))
    (w * 2 + w * 3).sum().backward()
    assert seen == [[5.0]]


def test_deep_and_wide_graphs() -> None:
    w = leaf([1.0])
    y = w
    for _ in range(5000):  # deeper than Python's recursion limit
        y = y + 0.0
    y.sum().backward()
    same(w.grad, [1.0])
    y = w
    for _ in range(60):  # 2^60 paths, 60 nodes
        y = y + y
    (y * 2.0**-60).sum().backward()
    same(w.grad, [2.0])


def test_a_dropped_deep_graph_is_released_without_recursion() -> None:
    y = leaf([1.0])
    for _ in range(200_000 if ff.__name__ == "torch" else 20_000):
        y = y * 1.0
    del y
    gc.collect()


def test_a_graph_without_cycles_is_released_at_once() -> None:
    w = leaf([1.0])
    y = w * 2
    z = (y * 3).sum()
    alive = weakref.ref(z)
    gc.disable()
    try:
        z.backward()
        del z
        assert alive() is None
    finally:
        gc.enable()


def test_requires_grad_flag_rules() -> None:
    w = leaf([1.0])
    y = w * 2
    with pytest.raises(RuntimeError, match="leaf"):
        y.requires_grad_(False)
    with pytest.raises(RuntimeError, match="leaf"):
        y.requires_grad = False
    y.requires_grad_()  # already so
    t = ff.ones(2)
    assert t.requires_grad_() is t and t.requires_grad
    t.requires_grad = False
    assert not (t * 2).requires_grad
    for bad in (ff.tensor([1]), ff.tensor([True])):
        with pytest.raises(RuntimeError, match="floating point"):
            bad.requires_grad_()
        with pytest.raises(RuntimeError, match="floating point"):
            bad.requires_grad = True
    for data in ([1], [True]):
        with pytest.raises(RuntimeError, match="floating point"):
            ff.tensor(data, requires_grad=True)


def test_integer_results_leave_the_graph() -> None:
    w = leaf([1.5])
    assert not w.long().requires_grad and not w.bool().requires_grad
    assert w.double().requires_grad
    (w.double() * 2).sum().backward()
    assert w.grad.dtype == ff.float32
    same(w.grad, [2.0])


def test_unused_leaf_has_no_gradient() -> None:
    a, b = leaf([1.0]), leaf([2.0])
    (a * 2).sum().backward()
    assert b.grad is None


def test_zero_gradient_is_a_gradient() -> None:
    w = leaf([1.0, 2.0])
    (w * 0).sum().backward()
    same(w.grad, [0.0, 0.0])
    w.grad = None
    ff.sign(w).sum().backward()
    same(w.grad, [0.0, 0.0])


def test_backward_inside_no_grad_works() -> None:
    w = leaf([2.0])
    z = (w * w).sum()
    with ff.no_grad():
        z.backward()
    same(w.grad, [4.0])
    assert not w.grad.requires_grad


def test_gradient_is_of_the_leafs_type_and_shape_even_for_empty_ones() -> None:
    w = ff.zeros(0, 3, requires_grad=True)
    (w * 2).sum().backward()
    assert tuple(w.grad.shape) == (0, 3) and w.grad.dtype == ff.float32
    h = ff.ones(2, dtype=ff.float16, requires_grad=True)
    (h.float() * 3).sum().backward()
    assert h.grad.dtype == ff.float16
    same(h.grad, [3.0, 3.0])
