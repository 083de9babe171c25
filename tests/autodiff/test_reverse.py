"""The walk back by itself, without tensors: arrays through a hand-made graph of functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forwardnet.autodiff.reverse import Accumulator, Edge, Face, Function, Saved, Version, Walk
from forwardnet.errors import AutogradError
from forwardnet.ir import Spec
from forwardnet.ops import REGISTRY

SPEC = Spec((2,), np.dtype("float64"))
ONES = np.ones(2)


class Leaf:
    """What gradients are added to."""

    def __init__(self) -> None:
        self.total: Any = 0.0
        self.times = 0
        self.edge = Edge(Accumulator(self), 0)


def accumulate(leaf: Leaf, gradient: Any) -> None:
    leaf.total = leaf.total + gradient
    leaf.times += 1


FACE = Face(lift=lambda a: a, lower=lambda a: a, restore=lambda saved: saved.data, accumulate=accumulate)


def node(name: str, *edges: Edge | None, **saved: Any) -> Function:
    """A recorded call of an op on vectors of two, with the values that its derivatives need."""
    made = Function(REGISTRY[name], {}, edges, (SPEC,) * len(edges), (SPEC,))
    made.saved = {n: Saved(v, Version(), None) for n, v in saved.items()}
    return made


def edge(function: Function) -> Edge:
    return Edge(function, 0)


def walk(root: Function, gradient: Any = ONES, **how: Any) -> list[Any]:
    return Walk(FACE, **how).run([(edge(root), gradient)])


def test_a_chain() -> None:
    x = Leaf()
    y = node("exp", edge(node("square", x.edge, x=np.array([1.0, 2.0]))), y=np.exp([1.0, 4.0]))
    walk(y)
    np.testing.assert_allclose(x.total, 2 * np.array([1.0, 2.0]) * np.exp([1.0, 4.0]))


def test_both_ways_of_a_diamond_arrive_as_one_sum() -> None:
    """Each function runs once, when all that flows into it is there; the walk goes by the order of recording."""
    x = Leaf()
    top = node("neg", x.edge)
    left, right = node("neg", edge(top)), node("square", edge(top), x=np.array([3.0, 5.0]))
    bottom = node("add", edge(left), edge(right))
    runs: list[str] = []
    for function in (top, left, right, bottom):
        function.hooks[0] = [lambda g, f=function: runs.append(f.name())]
    walk(bottom)
    assert runs == ["AddBackward0", "SquareBackward0", "NegBackward0", "NegBackward0"]
    np.testing.assert_array_equal(x.total, [-(6 - 1), -(10 - 1)])
    assert x.times == 1


def test_paths_double_without_doubling_the_work() -> None:
    """Sixty additions of a value to itself have 2^60 paths and sixty-one visits."""
    x = Leaf()
    y = node("neg", x.edge)
    visits: list[float] = []
    for _ in range(60):
        y.hooks[0] = [lambda g: visits.append(g[0])]
        y = node("add", edge(y), edge(y))
    walk(y)
    np.testing.assert_array_equal(x.total, [-(2.0**60)] * 2)
    assert visits == [2.0**k for k in range(1, 61)]


def test_functions_know_their_order() -> None:
    first, second = node("neg", None), node("neg", None)
    assert first.sequence < second.sequence
    assert Accumulator(None).sequence < 0 <= first.sequence


def test_targets_capture_and_nothing_else_runs() -> None:
    x, z = Leaf(), Leaf()
    inner = node("neg", x.edge)
    aside = node("neg", z.edge)
    y = node("add", edge(inner), edge(aside))
    touched: list[str] = []
    aside.hooks[0] = [lambda g: touched.append("aside")]
    found = walk(y, targets=[edge(inner), x.edge], accumulate=False)
    np.testing.assert_array_equal(found[0], ONES)
    np.testing.assert_array_equal(found[1], -ONES)
    assert touched == []
    assert x.times == z.times == 0
    assert walk(y, targets=[Leaf().edge], accumulate=False) == [None]


def test_targets_may_be_accumulated() -> None:
    x, z = Leaf(), Leaf()
    walk(node("add", x.edge, z.edge), targets=[x.edge], accumulate=True)
    assert (x.times, z.times) == (1, 0)


def test_several_roots_and_several_results() -> None:
    x = Leaf()
    spec = Spec((2, 2), np.dtype("float64"))
    svd = Function(REGISTRY["svd"], {}, (x.edge,), (spec,), (spec, SPEC, spec))
    matrix = np.array([[3.0, 1.0], [0.0, 2.0]])
    svd.saved = {"y": tuple(Saved(a, Version(), None) for a in REGISTRY["svd"](matrix))}
    Walk(FACE).run([(Edge(svd, 1), ONES)])
    u, _, v = REGISTRY["svd"](matrix)
    # Only the singular values have a gradient; those of the vectors are taken as zeros. d(s1 + s2)/dx = u v'.
    np.testing.assert_allclose(x.total, u @ v.T, atol=1e-14)


def test_hooks_replace_what_flows_on() -> None:
    x = Leaf()
    y = node("neg", x.edge)
    y.hooks[0] = [lambda g: g * 3, lambda g: None, lambda g: g + 1]
    walk(y)
    np.testing.assert_array_equal(x.total, -(3 * ONES + 1))


def test_values_are_freed_unless_retained() -> None:
    x = Leaf()
    y = node("square", x.edge, x=ONES)
    walk(y, retain_graph=True)
    walk(y)
    with pytest.raises(AutogradError, match="backward through the graph a second time") as caught:
        walk(y)
    assert "retain_graph=True" in str(caught.value.hint)
    np.testing.assert_array_equal(x.total, 4 * ONES)


def test_a_saved_value_that_was_written_is_refused() -> None:
    x = Leaf()
    version = Version()
    y = node("square", x.edge)
    y.saved = {"x": Saved(ONES, version, None)}
    version.count += 2
    with pytest.raises(AutogradError, match=r"x of SquareBackward0, shape \[2\], is at version 2; expected version 0"):
        walk(y)
    assert x.times == 0


def test_stretched_operands_get_sums() -> None:
    x = Leaf()
    y = Function(REGISTRY["mul"], {}, (x.edge, None), (Spec((1,), SPEC.dtype), SPEC), (SPEC,))
    y.saved = {"b": Saved(np.array([3.0, 4.0]), Version(), None)}
    walk(y)
    assert x.total.tolist() == [7.0]
    assert y.needed() == ("b",)


def test_names() -> None:
    x = Leaf()
    y = node("neg", x.edge, None)
    assert (y.name(), repr(y), repr(x.edge.node)) == ("NegBackward0", "<NegBackward0>", "<AccumulateGrad>")
    assert y.next_functions == ((x.edge.node, 0), (None, 0))
    y.label = "Rsub"
    assert y.name() == "RsubBackward0"


def test_infinities_on_the_way_warn_nobody() -> None:
    x = Leaf()
    walk(node("log", x.edge, x=np.zeros(2)))
    np.testing.assert_array_equal(x.total, [np.inf, np.inf])
