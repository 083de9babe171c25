"""Spec, Node and Graph."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet.errors import ShapeError
from forwardnet.ir import Graph, Spec
from forwardnet.ops import REGISTRY, interpret

F32, F64 = np.dtype("float32"), np.dtype("float64")


def test_spec() -> None:
    spec = Spec((2, 3), F32)
    assert (spec.ndim, spec.size, str(spec)) == (2, 6, "float32[2, 3]")
    assert (Spec((), F64).ndim, Spec((), F64).size, str(Spec((), F64))) == (0, 1, "float64[]")
    assert Spec((4, 0), F64).size == 0
    assert spec == Spec((2, 3), F32) != Spec((2, 3), F64)


def test_a_node_knows_its_shape_and_type() -> None:
    x = Graph().input(Spec((2, 3), F32))
    assert (x.shape, x.dtype, x.ndim, x.size, x.name, repr(x)) == ((2, 3), F32, 2, 6, "input", "%0:float32[2, 3]")


def test_a_constant_holds_its_value() -> None:
    graph = Graph()
    node = graph.const([1.0, 2.0])
    assert (node.spec, node.name) == (Spec((2,), F64), "const")
    assert node.value.tolist() == [1.0, 2.0]
    assert graph.inputs == []


def test_nodes_are_numbered_in_the_order_of_their_making() -> None:
    graph = Graph()
    x = graph.input(Spec((2,), F64))
    y = REGISTRY["exp"](x)
    z = REGISTRY["mul"](y, x)
    assert [n.index for n in graph.nodes] == [0, 1, 2]
    assert graph.nodes == [x, y, z]
    assert z.inputs == (y, x)


def test_several_results_come_as_picks() -> None:
    graph = Graph()
    u, s, v = REGISTRY["svd"](graph.input(Spec((3, 2), F64)))
    assert [n.name for n in graph.nodes] == ["input", "svd", "pick", "pick", "pick"]
    assert (u.shape, s.shape, v.shape) == ((3, 2), (2,), (2, 2))
    assert [n.attrs for n in (u, s, v)] == [{"index": 0}, {"index": 1}, {"index": 2}]
    with pytest.raises(AssertionError, match="svd has several results"):
        _ = graph.nodes[1].shape


def test_live_leaves_out_what_no_output_needs() -> None:
    graph = Graph()
    x, unused = graph.input(Spec((2,), F64)), graph.input(Spec((2,), F64))
    y = REGISTRY["exp"](x)
    dead = REGISTRY["log"](x)
    z = y + y
    graph.outputs = [z, z]
    assert graph.live() == [x, y, z]
    assert unused not in graph.live()
    assert dead not in graph.live()
    graph.outputs = []
    assert graph.live() == []


def test_live_of_a_deep_graph_does_not_recurse() -> None:
    graph = Graph()
    y = graph.input(Spec((), F64))
    for _ in range(5000):
        y = -y
    graph.outputs = [y]
    assert len(graph.live()) == 5001


def test_interpretation_fills_in_what_is_missing() -> None:
    graph = Graph()
    x = graph.input(Spec((2,), F64))
    y = REGISTRY["exp"](x)
    z = y * 2.0
    known = {y.index: np.array([5.0, 7.0])}  # given, so neither computed nor asked for its input
    interpret([y, *graph.nodes[2:]], known)
    assert known[z.index].tolist() == [10.0, 14.0]


def test_shapes_are_checked_when_the_node_is_made() -> None:
    graph = Graph()
    with pytest.raises(ShapeError, match="do not broadcast"):
        REGISTRY["add"](graph.input(Spec((2,), F64)), graph.input(Spec((3,), F64)))
    with pytest.raises(ShapeError, match=r"matmul: mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)"):
        REGISTRY["matmul"](graph.input(Spec((2, 3), F64)), graph.input(Spec((2, 3), F64)))
    assert len(graph.nodes) == 4, "no node was made"
