"""An op called with nodes makes the graph of the call; interpreted, the graph gives the eager bits, at every order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from forwardnet import autograd
from forwardnet.ir import Graph, Node, Spec
from forwardnet.ir.verify import verify
from forwardnet.ops import REGISTRY, Op
from ir import tracing
from ops import laws

EVERY = pytest.mark.parametrize("op", REGISTRY.values(), ids=lambda op: op.name)
DIFFERENTIABLE = pytest.mark.parametrize("op", laws.DIFFERENTIABLE, ids=lambda op: op.name)


def agrees(function: tracing.Function, arrays: Sequence[Any], what: str) -> Graph:
    """Trace, verify, interpret, and compare with the eager call bit for bit."""
    graph = tracing.trace(function, arrays)
    verify(graph)
    expected = tracing.eager(function, arrays)
    got = tracing.run(graph, arrays)
    assert len(got) == len(expected) > 0
    for node, a, b in zip(graph.outputs, got, expected, strict=True):
        assert node.spec == laws.spec(a), what
        assert laws.same_bits(a, b), f"{what}: {a} traced, {b} eager"
    return graph


def variants(op: Op) -> list[laws.Case]:
    """The cases of an op in float64, and in float32 where the law of types says that it takes them."""
    found = list(laws.cases(op))
    return found + [case.cast(np.float32) for case in found]


@EVERY
def test_values(op: Op) -> None:
    for case in variants(op):
        graph = agrees(lambda *xs, a=case.attrs: laws.as_tuple(op(*xs, **a)), case.arrays, case.name)
        assert any(node.op is op for node in graph.nodes)


@EVERY
def test_values_of_bare_nodes(op: Op) -> None:
    """Without tensors above: nodes in, nodes out."""
    for case in laws.cases(op):
        graph = Graph()
        made = laws.as_tuple(op(*[graph.input(laws.spec(a)) for a in case.arrays], **case.attrs))
        assert all(isinstance(node, Node) for node in made)
        graph.outputs = list(made)
        verify(graph)
        for a, b in zip(tracing.run(graph, case.arrays), laws.call(op, case.arrays, case.attrs), strict=True):
            assert laws.same_bits(a, b), case.name


@pytest.mark.parametrize("op", [op for op in laws.ELEMENTWISE if op.promotes == (True, True)], ids=lambda op: op.name)
def test_arrays_and_numbers_beside_a_node_become_constants(op: Op) -> None:
    x = laws.sample(op, 0, (2, 3), laws.generator(op.name))
    for other in (x[0] + 1, 2) if laws.takes(op, np.float64) else (np.array([1, 2, 3]), 2):
        graph = Graph()
        node = graph.input(laws.spec(x))
        graph.outputs = [op(node, other), op(other, node)]
        verify(graph)
        got = tracing.run(graph, [x])
        for a, b in zip(got, (laws.call(op, (x, other), {})[0], laws.call(op, (other, x), {})[0]), strict=True):
            assert laws.same_bits(a, b)


def test_types_meet_by_casts_in_the_graph() -> None:
    graph = Graph()
    a, b = graph.input(Spec((2,), np.dtype("float32"))), graph.input(Spec((2,), np.dtype("float64")))
    y = REGISTRY["add"](a, b)
    assert y.dtype == np.float64
    assert [n.name for n in graph.nodes] == ["input", "input", "cast", "add"]


def first(op: Op, case: laws.Case) -> tracing.Function:
    """The gradients of the wanted inputs, as a function of inputs and gradients of the results."""
    n = len(case.arrays)
    wanted = laws.wanted_inputs(op, case.arrays)
    return lambda *vs: laws.pull(op, vs[:n], case.attrs, vs[n:], wanted)[1]


def second(op: Op, case: laws.Case) -> tracing.Function:
    """Their gradients in turn, by inputs and gradients of the results."""
    n = len(case.arrays)
    wanted = laws.wanted_inputs(op, case.arrays)

    def function(*vs: Any) -> Any:
        gs = [g.requires_grad_() for g in vs[n:]]
        leaves, made = laws.pull(op, list(vs[:n]), case.attrs, gs, wanted, create_graph=True)
        ends = [leaves[i] for i in wanted] + gs
        curved = [m for m in made if m.requires_grad]
        if not curved:
            return made
        return autograd.grad(curved, ends, [m.detach() for m in curved], allow_unused=True, materialize_grads=True)

    return function


def with_gradients(op: Op, case: laws.Case) -> list[Any]:
    prepare = laws.PREPARED.get(op.name, lambda x: x)
    results = laws.call(op, [prepare(a) for a in case.arrays], case.attrs)
    rng = laws.generator(case.name, "traced")
    return [*case.arrays, *(rng.standard_normal(y.shape).astype(y.dtype) for y in results)]


@DIFFERENTIABLE
@pytest.mark.parametrize("order", [first, second], ids=lambda f: f.__name__)
def test_derivatives(op: Op, order: Any) -> None:
    """The rules are written in ops, so the backward pass of a traced call is part of the graph."""
    for case in variants(op):
        agrees(order(op, case), with_gradients(op, case), f"{case.name}, {order.__name__} order")


# ---------------------------------------------------------------- operators of nodes


@pytest.mark.parametrize(
    "expression",
    [
        lambda x: x + 2,
        lambda x: 2 + x,
        lambda x: x - 0.5,
        lambda x: 0.5 - x,
        lambda x: x * x,
        lambda x: x / 3,
        lambda x: 3 / x,
        lambda x: x**2,
        lambda x: 2.0**x,
        lambda x: -x,
        lambda x: x < 1,
        lambda x: x <= 1,
        lambda x: x > 1,
        lambda x: x >= 1,
        lambda x: np.float32(2) * x,
        lambda x: np.array([1.0, 2.0]) * x,
        lambda x: np.array([1.0, 2.0]) - x,
    ],
)
def test_operators(expression: Any) -> None:
    graph = Graph()
    x = np.array([0.5, 1.5])
    graph.outputs = [expression(graph.input(laws.spec(x)))]
    verify(graph)
    assert laws.same_bits(tracing.run(graph, [x])[0], expression(x))


def test_equality_of_nodes_is_identity() -> None:
    graph = Graph()
    a, b = graph.input(Spec((), np.dtype("float32"))), graph.input(Spec((), np.dtype("float32")))
    assert (a == a, a == b, len({a, b})) == (True, False, 2)
