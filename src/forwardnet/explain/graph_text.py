"""How the nodes of a computational graph are called, and how their numbers are written."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.ir.graph import CONST, Node

SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "^", "matmul": "@"}
MAX_SHOWN = 6  # numbers of an array that are written out


def label_of(node: Node) -> str:
    """The sign of an operation or its name; a single number that it takes is written beside it: "^ 2", "1 -"."""
    if node.op == CONST:
        return "constant"
    sign = SIGNS.get(node.name, node.name)
    numbers = [(i, source) for i, source in enumerate(node.inputs) if source.op == CONST and source.value.ndim == 0]
    if len(node.inputs) == 2 and len(numbers) == 1:
        (position, constant), text = numbers[0], f"{numbers[0][1].value:g}"
        assert constant.op == CONST
        return f"{sign} {text}" if position == 1 else f"{text} {sign}"
    return sign


def value_text(value: NDArray[Any] | None) -> str:
    """A number in four digits, a small array in full, of a large one the shape and the norm."""
    if value is None:
        return ""
    if value.ndim == 0 or value.size == 1:
        return number_text(float(value.reshape(())[()]))
    if value.size <= MAX_SHOWN:
        return _nested(value)
    size = " x ".join(map(str, value.shape))
    if value.dtype.kind != "f":
        return f"({size})"
    return f"({size}), norm {number_text(float(np.linalg.norm(value)))}"


def number_text(value: float) -> str:
    """Four significant digits, and no minus before 0."""
    return f"{value + 0.0:.4g}"


def _nested(value: NDArray[Any]) -> str:
    if value.ndim == 0:
        return number_text(float(value))
    return f"[{', '.join(_nested(np.asarray(part)) for part in value)}]"
