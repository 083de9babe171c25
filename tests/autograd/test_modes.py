"""no_grad, enable_grad and set_grad_enabled as contexts, decorators and calls; detach; autograd.grad."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from peer import ff, leaf, same


def test_no_grad_as_context_and_nested() -> None:
    w = leaf([1.0])
    assert ff.is_grad_enabled()
    with ff.no_grad():
        assert not ff.is_grad_enabled()
        y = w * 2
        assert not y.requires_grad and y.is_leaf and y.grad_fn is None
        with ff.enable_grad():
            assert (w * 2).requires_grad
        assert not (w * 2).requires_grad
    assert (w * 2).requires_grad


def test_the_mode_is_restored_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), ff.no_grad():
        _ = 1 // 0
    assert ff.is_grad_enabled()


@pytest.mark.parametrize("with_call", [True, False])
def test_modes_as_decorators(with_call: bool) -> None:
    def double(x: Any) -> Any:
        """Twice x."""
        return x * 2

    quiet = ff.no_grad()(double) if with_call else ff.no_grad(double)
    assert not quiet(leaf([1.0])).requires_grad
    assert quiet.__name__ == "double" and quiet.__doc__ == "Twice x."
    loud = ff.enable_grad()(double)
    with ff.no_grad():
        assert loud(leaf([1.0])).requires_grad
    assert not ff.set_grad_enabled(False)(double)(leaf([1.0])).requires_grad
    assert ff.is_grad_enabled()


def test_set_grad_enabled_as_context_and_as_call() -> None:
    with ff.set_grad_enabled(False):
        assert not ff.is_grad_enabled()
    assert ff.is_grad_enabled()
    ff.set_grad_enabled(False)
    try:
        assert not (leaf([1.0]) * 2).requires_grad
    finally:
        ff.set_grad_enabled(True)
    assert ff.is_grad_enabled()


def test_leaves_may_be_made_under_no_grad() -> None:
    with ff.no_grad():
        w = ff.ones(2, requires_grad=True)
        assert w.requires_grad
    (w * 2).sum().backward()
    same(w.grad, [2.0, 2.0])


def test_the_mode_belongs_to_the_thread() -> None:
    seen: list[bool] = []
    with ff.no_grad():
        thread = threading.Thread(target=lambda: seen.append(ff.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_generators_under_no_grad_leave_the_caller_alone() -> None:
    @ff.no_grad()
    def values() -> Any:
        for i in range(2):
            yield (leaf([1.0]) * i).requires_grad

    for inside in values():
        assert not inside
        assert ff.is_grad_enabled()


def test_inference_mode() -> None:
    with ff.inference_mode():
        assert not (leaf([1.0]) * 2).requires_grad


# ---------------------------------------------------------------- detach


def test_detach_shares_memory_and_leaves_the_graph() -> None:
    w = leaf([1.0, 2.0])
    d = w.detach()
    assert not d.requires_grad and d.is_leaf and d.data_ptr() == w.data_ptr()
    d[0] = 9
    same(w, [9.0, 2.0])
    (w.detach() * w).sum().backward()
    same(w.grad, [9.0, 2.0])  # only one factor counts


def test_data_shares_memory_and_is_not_watched() -> None:
    w = leaf([1.0, 2.0])
    y = w.exp()
    y.data.zero_()
    y.sum().backward()
    same(w.grad, [0.0, 0.0])  # the change was not seen, and the wrong value was used


def test_detach_in_place() -> None:
    y = leaf([1.0]) * 2
    assert y.detach_() is y
    assert y.is_leaf and not y.requires_grad and y.grad_fn is None
    with pytest.raises(RuntimeError, match="view"):
        (leaf([1.0, 2.0]) * 2)[0].detach_()


def test_numpy_of_a_tensor_in_a_graph_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"detach"):
        leaf([1.0]).numpy()
    with ff.no_grad():
        assert (leaf([1.0]) * 2).numpy().tolist() == [2.0]
    assert leaf([1.0]).tolist() == [1.0] and leaf(1.0).item() == 1.0


# ---------------------------------------------------------------- autograd.grad


def test_grad_returns_and_does_not_accumulate() -> None:
    a, b = leaf([2.0]), leaf([3.0])
    ga, gb = ff.autograd.grad((a * b).sum(), (a, b))
    same(ga, [3.0])
    same(gb, [2.0])
    assert a.grad is None and b.grad is None
    (only,) = ff.autograd.grad((a * 2).sum(), a)
    same(only, [2.0])


def test_grad_with_respect_to_a_non_leaf() -> None:
    w = leaf([2.0])
    y = w * 3
    z = (y * y).sum()
    (g,) = ff.autograd.grad(z, y, retain_graph=True)
    same(g, [12.0])
    gy, gw = ff.autograd.grad(z, (y, w))
    same(gy, [12.0])
    same(gw, [36.0])


def test_grad_of_unused_inputs() -> None:
    a, b = leaf([2.0]), leaf([3.0])
    with pytest.raises(RuntimeError, match="allow_unused"):
        ff.autograd.grad((a * 2).sum(), (a, b))
    ga, gb = ff.autograd.grad((a * 2).sum(), (a, b), allow_unused=True)
    assert gb is None
    same(ga, [2.0])
    _, gb = ff.autograd.grad((a * 2).sum(), (a, b), materialize_grads=True)
    same(gb, [0.0])
    with pytest.raises(RuntimeError):
        ff.autograd.grad((a * 2).sum(), ff.ones(1))  # requires no grad


def test_grad_outputs() -> None:
    w = leaf([2.0, 3.0])
    (g,) = ff.autograd.grad(w * w, w, grad_outputs=ff.tensor([1.0, 10.0]))
    same(g, [4.0, 60.0])
    (g,) = ff.autograd.grad([w.sum(), (w * 2).sum()], w, grad_outputs=[ff.tensor(1.0), ff.tensor(10.0)])
    same(g, [21.0, 21.0])
    with pytest.raises(RuntimeError):
        ff.autograd.grad(w * w, w)


def test_grad_frees_the_graph_unless_told() -> None:
    w = leaf([2.0])
    z = (w * w).sum()
    ff.autograd.grad(z, w, retain_graph=True)
    ff.autograd.grad(z, w)
    with pytest.raises(RuntimeError, match=r"second time|freed"):
        ff.autograd.grad(z, w)


def test_grad_walks_only_what_is_needed() -> None:
    w = leaf([2.0])
    y = w * w
    z = y * y
    ff.autograd.grad(z.sum(), y)  # does not walk, and does not free, the part below y
    y.sum().backward()
    same(w.grad, [4.0])
