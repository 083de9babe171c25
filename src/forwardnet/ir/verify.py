"""Checks that a graph is sound: order, ownership, shapes and types as the records say."""

from __future__ import annotations

from forwardnet.ir.graph import CONST, INPUT, PICK, Graph, Node


def verify(graph: Graph) -> None:
    """Raise `AssertionError` naming the first node that breaks a rule.

    Rules: a node stands after its inputs and in their graph; its spec is what its record's rule says;
    constants have the shape and type of their value; outputs and inputs belong to the graph.
    """
    for position, node in enumerate(graph.nodes):
        assert node.index == position, f"{node!r} stands at {position}"
        assert node.graph is graph, f"{node!r} belongs to another graph"
        for operand in node.inputs:
            assert operand.index < position, f"{node!r} stands before its input {operand!r}"
            assert operand.graph is graph, f"{node!r} uses a node of another graph"
        _verify_spec(node)
    for node in (*graph.inputs, *graph.outputs):
        assert node.index < len(graph.nodes) and graph.nodes[node.index] is node, f"{node!r} is not in the graph"


def _verify_spec(node: Node) -> None:
    if node.op == INPUT:
        return
    if node.op == CONST:
        assert (node.value.shape, node.value.dtype) == tuple(node.single), f"{node!r} is not its value's spec"
    elif node.op == PICK:
        assert node.inputs[0].spec[node.attrs["index"]] == node.spec, f"{node!r} picks another spec"
    else:
        expected = node.op.spec(*(n.single for n in node.inputs), **node.attrs)
        assert node.spec == expected, f"{node.name} {node!r}: its rule says {expected}"
