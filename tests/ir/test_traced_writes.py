"""Writing in place while tracing: bases, views and views of views show what they show with memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import forwardnet as ff
from forwardnet.errors import ShapeError
from forwardnet.ir.verify import verify
from forwardnet.ops.record import CannotLower
from ir import tracing
from ops import laws

X = np.arange(6.0).reshape(2, 3) + 1


def of_row(y: Any) -> list[Any]:
    v = y[0]
    v.mul_(2)
    return [y, v]


def of_base(y: Any) -> list[Any]:
    v, w = y[0], y.t()
    y.mul_(2)
    return [y, v, w]


def of_transposed(y: Any) -> list[Any]:
    v = y.t()
    v[1] = 7.0
    return [y, v]


def of_view_of_view(y: Any) -> list[Any]:
    rows = y[:, 1:]
    column = rows.t()[0]
    column += 10
    return [y, rows, column]


def of_siblings(y: Any) -> list[Any]:
    a, b = y[0], y[:, 0]
    a.add_(1)
    b.mul_(3)
    a.sub_(5)
    return [y, a, b]


def of_flat(y: Any) -> list[Any]:
    flat = y.view(-1)
    flat[2:4] = 0.0
    return [y, flat]


def of_diagonal(y: Any) -> list[Any]:
    d = ff.diagonal(y, 1)
    d.fill_(9)
    return [y, d]


def of_unsqueezed(y: Any) -> list[Any]:
    v = y.t().unsqueeze(0)
    v.mul_(2)
    return [y, v]


def of_elements(y: Any) -> list[Any]:
    y[0, 1] = y[1, 2]
    y[1] = y[0] * 2
    y[:, -1] += 1
    return [y]


def of_indices(y: Any) -> list[Any]:
    y[ff.tensor([1, 0]), ff.tensor([2, 0])] = ff.tensor([5.0, 6.0], dtype=ff.float64)
    return [y]


def of_copy(y: Any) -> list[Any]:
    z = y.clone()
    z.zero_()
    return [y, z]


WRITES: list[Callable[[Any], list[Any]]] = [
    of_row,
    of_base,
    of_transposed,
    of_view_of_view,
    of_siblings,
    of_flat,
    of_diagonal,
    of_unsqueezed,
    of_elements,
    of_indices,
    of_copy,
]


@pytest.mark.parametrize("write", WRITES, ids=lambda f: f.__name__)
def test_values(write: Callable[[Any], list[Any]]) -> None:
    def function(x: Any) -> list[Any]:
        return write(x * 1)

    graph = tracing.trace(function, [X])
    verify(graph)
    for a, b in zip(tracing.run(graph, [X]), tracing.eager(function, [X]), strict=True):
        assert laws.same_bits(a, b)


@pytest.mark.parametrize("write", WRITES, ids=lambda f: f.__name__)
def test_gradients(write: Callable[[Any], list[Any]]) -> None:
    def function(x: Any) -> list[Any]:
        x.requires_grad_()
        total = sum((ff.sin(y).sum() for y in write(x * 1)), ff.zeros((), dtype=ff.float64))
        return list(ff.autograd.grad(total, [x]))

    graph = tracing.trace(function, [X])
    for a, b in zip(tracing.run(graph, [X]), tracing.eager(function, [X]), strict=True):
        assert laws.same_bits(a, b)


VIEWS: list[Callable[[Any], Any]] = [
    lambda v: v[0],
    lambda v: v[-1:],
    lambda v: v[..., ::2],
    lambda v: v.t() if v.ndim == 2 else v,
    lambda v: v.unsqueeze(0),
    lambda v: v.squeeze(),
    lambda v: v.reshape(-1),
    lambda v: v.expand(2, *v.shape),
    lambda v: ff.diagonal(v) if v.ndim == 2 else v,
    lambda v: v.contiguous(),
]
CHANGES: list[Callable[[Any], Any]] = [
    lambda v: v.mul_(2),
    lambda v: v.add_(1),
    lambda v: v.zero_(),
    lambda v: v.copy_(ff.sin(v)),
]
step = st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 9))


@given(st.lists(step, min_size=2, max_size=7))
@settings(max_examples=150)
def test_random_programs_of_views_and_writes(steps: list[tuple[bool, int, int]]) -> None:
    """Whatever is not refused is right."""

    def function(x: Any) -> list[Any]:
        known = [x * 1]
        for is_write, which, how in steps:
            v = known[which % len(known)]
            if is_write:
                CHANGES[how % len(CHANGES)](v)
            elif v.ndim and v.numel() < 50:
                known.append(VIEWS[how](v))
        return known

    try:
        expected = tracing.eager(function, [X])
    except RuntimeError as error:
        assert "single memory location" in str(error)
        with pytest.raises((RuntimeError, CannotLower)):
            tracing.trace(function, [X])
        return
    try:
        graph = tracing.trace(function, [X])
    except CannotLower as reason:
        assert "reshaped view" in str(reason)
        assume(False)
    verify(graph)
    for a, b in zip(tracing.run(graph, [X]), expected, strict=True):
        assert laws.same_bits(a, b)


@pytest.mark.parametrize(
    "view",
    [lambda y: y.t().reshape(6), lambda y: y.t().contiguous(), lambda y: y.expand(2, 2, 3).contiguous()],
)
def test_a_write_into_what_may_be_a_copy_is_refused(view: Callable[[Any], Any]) -> None:
    """With memory they are copies here, and with other orders of memory they are not."""

    def function(x: Any) -> list[Any]:
        y = x * 1
        z = view(y)
        z.mul_(2)
        return [y, z]

    tracing.eager(function, [X])
    with pytest.raises(CannotLower, match="reshaped view"):
        tracing.trace(function, [X])


def test_a_write_into_repeated_elements_is_refused_as_with_memory() -> None:
    with pytest.raises(ShapeError, match="single memory location"):
        tracing.trace(lambda x: [(x * 1).expand(2, 2, 3).mul_(2)], [X])


@pytest.mark.parametrize(
    "question",
    [
        lambda x: x.sum().item(),
        lambda x: x.tolist(),
        lambda x: x.numpy(),
        lambda x: np.asarray(x),
        lambda x: float(x.sum()),
        lambda x: bool(x.sum() > 0),
        lambda x: 1.0 in x,
        lambda x: x.nonzero(),
        lambda x: ff.unique(x),
        lambda x: ff.tensor(x),
        lambda x: ff.equal(x, x + 0),
        lambda x: ff.isclose(x, x),
        lambda x: ff.allclose(x, x),
        lambda x: x[x > 2],
        lambda x: x.masked_select(x > 2),
        lambda x: x.stride(),
        lambda x: np.sin(x._data),
        lambda x: np.add(np.ones(3), x._data),
        lambda x: len(x._data),
        lambda x: list(x._data),
        lambda x: x._data[0],
        lambda x: np.ones((2, 3)).__setitem__(0, x._data),
        lambda x: ff.ones(2, 3).copy_(x),
        lambda x: ff.ones(2, 3).mul_(x.to(ff.float32)),
    ],
)
def test_questions_for_numbers_are_refused(question: Callable[[Any], Any]) -> None:
    """NumPy would take a node for an object and answer something."""
    with pytest.raises((CannotLower, TypeError)):
        tracing.trace(lambda x: [question(x)], [X])
