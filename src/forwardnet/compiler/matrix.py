"""Graphs of matrices: the form in which programs are laid out and fused.

Every value is a matrix; a vector is a matrix of one row. A transpose is no operation but a flag on the operand that
reads the value (`flip`), and broadcasting is reading an axis of length one. What remains are four kinds of value: maps
(one element from elements at the same place), reductions along an axis, matrix products, and what comes in; and nests
of loops for what is none of these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from forwardnet.ops import layout
from forwardnet.ops.record import Op

Shape = tuple[int, int]
LANES = 16
CAST, COPY = layout.cast, layout.clone
# The number types that native code computes with.
TYPES = ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")
NESTS = ("assemble", "fold", "contract")  # loops over places, with `pieces`: moved, folded, multiplied in batches
ALONE = (*NESTS, "random")  # what has a kernel of its own
REDUCTIONS = {
    "sum": "add",
    "prod": "mul",
    "amax": "maximum",
    "amin": "minimum",
    "any": "logical_or",
    "all": "logical_and",
}


@dataclass(eq=False)
class Val:
    """A matrix computed once.

    `kind` is "input", "const", "iota" (the number of the column), "map", "reduce", "matmul", or one of `ALONE`: the
    `NESTS` and "random" (uniform numbers).
    """

    index: int
    shape: Shape
    dtype: np.dtype[Any]
    kind: str
    op: Op | None = None
    args: tuple[Operand, ...] = ()
    attrs: dict[str, Any] = field(default_factory=dict)

    @property
    def is_vector(self) -> bool:
        return 1 in self.shape

    @property
    def is_scalar(self) -> bool:
        return self.shape == (1, 1)

    def __repr__(self) -> str:
        what = self.op.name if self.op is not None else self.kind
        args = ", ".join(repr(a) for a in self.args)
        more = "".join(f" {k}={v}" for k, v in self.attrs.items() if k != "value" or np.size(v) == 1)
        return f"v{self.index} = {what}({args}){more} : {self.dtype.name}{list(self.shape)}"


class Operand(NamedTuple):
    """A value, read as it is or transposed."""

    val: Val
    flip: bool = False

    @property
    def shape(self) -> Shape:
        rows, cols = self.val.shape
        return (cols, rows) if self.flip else (rows, cols)

    def __repr__(self) -> str:
        return f"v{self.val.index}{chr(39) if self.flip else ''}"


def turned(x: Operand) -> Operand:
    """The transpose; a single number is its own."""
    return x if x.val.is_scalar else Operand(x.val, not x.flip)


@dataclass
class Program:
    """Values in order, with the inputs and outputs of the graph they came from."""

    values: list[Val]
    inputs: list[Val]
    outputs: list[Operand]

    def __str__(self) -> str:
        return "\n".join([*(repr(v) for v in self.values), f"return {', '.join(map(repr, self.outputs))}"])


def matrix_shape(shape: tuple[int, ...]) -> Shape:
    """The matrix of a whole value: () is (1, 1), (n,) is (1, n), and all axes behind the first make the columns."""
    if len(shape) < 2:
        return 1, shape[0] if shape else 1
    rest = 1
    for length in shape[1:]:
        rest *= length
    return shape[0], rest
