"""What a computation is: a graph of typed nodes, each the result of one op."""

from __future__ import annotations

from forwardnet.ir.graph import Graph, Node, Spec

__all__ = ["Graph", "Node", "Spec"]
