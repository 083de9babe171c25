"""What each op means: value, shape rule, derivative and lowering, one record each, all in `REGISTRY`."""

from __future__ import annotations

import operator
from typing import Any

from forwardnet.ir.graph import Node
from forwardnet.ops import index, layout, linear, logic, random, reduce, scalar
from forwardnet.ops.record import REGISTRY, CannotLower, Example, Op

__all__ = ["REGISTRY", "Example", "Op", "index", "layout", "linear", "logic", "random", "reduce", "scalar"]


def _give_nodes_operators() -> None:
    """Let nodes be combined with `+ - * / **` and comparisons, as arrays are."""
    pairs: dict[str, Op] = {
        "add": scalar.add,
        "sub": scalar.sub,
        "mul": scalar.mul,
        "truediv": scalar.div,
        "pow": scalar.pow_,
    }
    for name, op in pairs.items():
        setattr(Node, f"__{name}__", lambda self, other, op=op: op(self, other))
        setattr(Node, f"__r{name}__", lambda self, other, op=op: op(other, self))
    setattr(Node, "__neg__", lambda self: scalar.neg(self))  # noqa: B010 - mypy knows no such attribute
    for op in (scalar.lt, scalar.le, scalar.gt, scalar.ge):
        setattr(Node, f"__{op.name}__", lambda self, other, op=op: op(self, other))


class _NoNumbersError(CannotLower, AttributeError):
    """An AttributeError too, so that `hasattr` and `getattr` with a default get their answer."""


def _make_nodes_refuse() -> None:
    """Let every question for a node's numbers fail loudly: NumPy would take a node for an object and go on."""

    def refuse(self: Node, *_: Any, **__: Any) -> Any:
        raise _NoNumbersError(f"the numbers of a value of shape {self.single.shape} that is not known yet")

    def missing(self: Node, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise _NoNumbersError(f"{name} of a value of shape {self.single.shape} that is not known yet")

    for name in ("array", "bool", "len", "iter", "contains", "getitem", "setitem", "float", "int", "index"):
        setattr(Node, f"__{name}__", refuse)
    setattr(Node, "__getattr__", missing)  # noqa: B010 - mypy would take every attribute for known


def interpret(nodes: list[Node], values: dict[int, Any]) -> None:
    """Evaluate `nodes` in order with NumPy; `values` maps the index of each input to its array and is filled in."""
    for node in nodes:
        if node.index in values:
            continue
        operands = [values[n.index] for n in node.inputs]
        if node.op == "const":
            values[node.index] = node.value
        elif node.op == "pick":
            values[node.index] = operator.getitem(operands[0], node.attrs["index"])
        else:
            values[node.index] = node.op.evaluate(operands, node.attrs)


_give_nodes_operators()
_make_nodes_refuse()
