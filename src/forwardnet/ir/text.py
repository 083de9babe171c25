"""A graph as text: one line a node, `%3 = mul(%1, %2) : float32[2, 3]`."""

from __future__ import annotations

from forwardnet.ir.graph import CONST, INPUT, Graph, Node, Spec


def to_text(graph: Graph) -> str:
    """All live nodes and the outputs, one line each."""
    lines = [_line(node) for node in graph.live()]
    lines.append("return " + ", ".join(f"%{n.index}" for n in graph.outputs))
    return "\n".join(lines)


def _line(node: Node) -> str:
    shown = str(node.spec) if isinstance(node.spec, Spec) else "(" + ", ".join(map(str, node.spec)) + ")"
    if node.op == INPUT:
        return f"%{node.index} = input : {shown}"
    if node.op == CONST:
        value = node.value.tolist() if node.value.size <= 4 else "..."
        return f"%{node.index} = const {value} : {shown}"
    args = [f"%{n.index}" for n in node.inputs] + [f"{k}={v!r}" for k, v in node.attrs.items()]
    return f"%{node.index} = {node.name}({', '.join(args)}) : {shown}"
