"""Kernels and buffers of a program of which every element is a vector, with one model in each lane.

A matrix (rows, columns) lies as `[rows][columns][16]`. A transpose is then an exchange of two indices, sums never cross
lanes, and nothing needs turning; what is left to decide is which maps are computed together, while in registers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from forwardnet.compiler.matrix import ALONE, Operand, Program, Shape, Val
from forwardnet.compiler.orient import LANES
from forwardnet.compiler.plan import ALIGN


@dataclass(eq=False)
class Group:
    """Values computed in one pass over a space: a "loop", a "matmul" with maps that follow, or one of `ALONE`."""

    kind: str
    space: Shape
    values: list[Val] = field(default_factory=list)

    @property
    def root(self) -> Val:
        """The product, or what stands alone."""
        return self.values[0]


def grouped(program: Program) -> tuple[list[Group], set[int]]:
    """The groups in order, and the values that must be in memory."""
    groups: list[Group] = []
    home: dict[int, int] = {}
    for val in program.values:
        if val.kind in ("input", "const", "iota"):
            continue
        position = _position(val, groups, home)
        if position == len(groups):
            kind = val.kind if val.kind in ("matmul", *ALONE) else "loop"
            groups.append(Group(kind, _space(val)))
        groups[position].values.append(val)
        home[val.index] = position
    stored = {o.val.index for o in program.outputs}
    for position, group in enumerate(groups):
        for val in group.values:
            stored |= {a.val.index for a in val.args if home.get(a.val.index, -1) != position}
            if val.kind in ("reduce", *ALONE):
                stored.add(val.index)
    return groups, stored


def _space(val: Val) -> Shape:
    return val.args[0].val.shape if val.kind == "reduce" else val.shape


def _position(val: Val, groups: list[Group], home: Mapping[int, int]) -> int:
    """The first group that a value can be computed in; a new one if there is none."""
    if val.kind in ("matmul", *ALONE):
        return len(groups)
    space = _space(val)
    first = 0
    for arg in val.args:
        made = home.get(arg.val.index, -1)
        inside = made >= 0 and arg.val.kind in ("map", "matmul") and arg.val.shape == space and not arg.flip
        first = max(first, made if inside else made + 1)
    kinds = ("loop",) if val.kind == "reduce" else ("loop", "matmul")
    for position in range(first, len(groups)):
        if groups[position].space == space and groups[position].kind in kinds:
            return position
    return len(groups)


@dataclass
class Layout:
    """Offsets of all buffers; the cells (weights, moments, counts) come first, at the same places for any batch."""

    program: Program
    groups: list[Group]
    stored: set[int]
    offsets: dict[int, int]
    size: int
    states: Mapping[int, int]  # number of an input -> number of the output that replaces it

    def offset(self, val: Val) -> int:
        """Bytes from the begin of the arena to a value."""
        return self.offsets[val.index]

    def work(self) -> int:
        """Multiply-adds of all products of a step, of all sixteen models."""
        products = [g.root for g in self.groups if g.kind == "matmul"]
        return sum(LANES * v.shape[0] * v.shape[1] * v.args[0].shape[1] for v in products)

    def moved(self) -> list[tuple[Operand, Val]]:
        """At the end of a step: the new value, and the state it replaces."""
        pairs = ((self.program.outputs[output], self.program.inputs[number]) for number, output in self.states.items())
        return [(new, old) for new, old in pairs if new.val is not old]


def lay_out(program: Program, states: Mapping[int, int], cells: int, *, begin: int | None = None) -> Layout:
    """Buffers for a program whose first `cells` inputs are cells; the others begin at `begin`, or behind the cells."""
    groups, stored = grouped(program)
    offsets: dict[int, int] = {}
    size = 0

    def reserve(val: Val) -> None:
        nonlocal size
        offsets[val.index] = size
        kind = 1 if val.dtype.kind == "b" else val.dtype.itemsize
        size += -(-val.shape[0] * val.shape[1] * LANES * kind // ALIGN) * ALIGN

    for val in program.inputs[:cells]:
        reserve(val)
    size = size if begin is None else begin
    for val in program.inputs[cells:]:
        reserve(val)
    for val in program.values:
        if val.index in stored and val.index not in offsets and not _is_number(val) and val.kind != "iota":
            reserve(val)
    return Layout(program, groups, stored, offsets, size, states)


def _is_number(val: Val) -> bool:
    return val.kind == "const" and np.size(val.attrs["value"]) == 1
