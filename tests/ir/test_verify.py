"""The verifier passes sound graphs and names each kind of damage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forwardnet.ir import Graph, Spec
from forwardnet.ir.verify import verify
from forwardnet.ops import REGISTRY

F32, F64 = np.dtype("float32"), np.dtype("float64")


def sound() -> Graph:
    """%0 input, %1 const, %2 mul, %3 sum, %4 eigh, %5 and %6 its picks, %7 add."""
    graph = Graph()
    x = graph.input(Spec((2, 2), F64))
    y = x * graph.const(np.ones((2, 2)))
    total = REGISTRY["sum"](y, dim=(0,), keepdim=False)
    values, _ = REGISTRY["eigh"](x)
    graph.outputs = [REGISTRY["add"](total, values)]
    return graph


def test_a_sound_graph_passes() -> None:
    graph = sound()
    assert [n.name for n in graph.nodes] == ["input", "const", "mul", "sum", "eigh", "pick", "pick", "add"]
    verify(graph)
    verify(Graph())


def swap_order(graph: Graph) -> None:
    graph.nodes[2], graph.nodes[3] = graph.nodes[3], graph.nodes[2]


def swap_and_renumber(graph: Graph) -> None:
    swap_order(graph)
    for position, node in enumerate(graph.nodes):
        node.index = position


def use_itself(graph: Graph) -> None:
    graph.nodes[2].inputs = (graph.nodes[0], graph.nodes[2])


def lose_a_node(graph: Graph) -> None:
    del graph.nodes[1]


def foreign_owner(graph: Graph) -> None:
    graph.nodes[3].graph = Graph()


def foreign_input(graph: Graph) -> None:
    graph.nodes[2].inputs = (sound().nodes[0], graph.nodes[1])


def wrong_shape(graph: Graph) -> None:
    graph.nodes[3].spec = Spec((1, 2), F64)


def wrong_type(graph: Graph) -> None:
    graph.nodes[2].spec = Spec((2, 2), F32)


def wrong_attribute(graph: Graph) -> None:
    graph.nodes[3].attrs = {"dim": (0,), "keepdim": True}


def changed_input(graph: Graph) -> None:
    graph.nodes[0].spec = Spec((5, 5), F64)


def wrong_constant(graph: Graph) -> None:
    graph.nodes[1].value = np.ones((2, 2), np.float32)


def wrong_pick(graph: Graph) -> None:
    graph.nodes[5].attrs = {"index": 1}


def one_of_several(graph: Graph) -> None:
    graph.nodes[4].spec = graph.nodes[4].spec[:1]  # type: ignore[assignment]


def foreign_output(graph: Graph) -> None:
    graph.outputs = [sound().outputs[0]]


def output_beyond(graph: Graph) -> None:
    other = sound()
    graph.outputs = [REGISTRY["exp"](other.outputs[0])]


def foreign_graph_input(graph: Graph) -> None:
    graph.inputs.append(sound().nodes[0])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (swap_order, "stands at 2"),
        (swap_and_renumber, "stands before its input"),
        (use_itself, "stands before its input"),
        (lose_a_node, "stands at 1"),
        (foreign_owner, "belongs to another graph"),
        (foreign_input, "uses a node of another graph"),
        (wrong_shape, r"sum .*: its rule says float64\[2\]"),
        (wrong_type, r"mul .*: its rule says float64\[2, 2\]"),
        (wrong_attribute, r"sum .*: its rule says float64\[1, 2\]"),
        (changed_input, "its rule says|do not broadcast"),
        (wrong_constant, "is not its value's spec"),
        (wrong_pick, "picks another spec"),
        (one_of_several, "its rule says"),
        (foreign_output, "is not in the graph"),
        (output_beyond, "is not in the graph"),
        (foreign_graph_input, "is not in the graph"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_damage_is_named(damage: Callable[[Graph], None], told: str) -> None:
    graph = sound()
    damage(graph)
    with pytest.raises(Exception, match=told) as caught:
        verify(graph)
    assert isinstance(caught.value, AssertionError | ValueError)
