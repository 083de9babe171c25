"""Where everything lies: buffers in one arena, each 64-byte aligned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forwardnet.compiler.matrix import Operand, Program, Val
from forwardnet.compiler.orient import LANES, Orientation, panels
from forwardnet.compiler.schedule import COL, FULL, ONE, ROW, Kernel, Schedule

ALIGN = 64
HEADER = 128  # the barrier's words


@dataclass
class Plan:
    """Offsets of buffers, and what kernels ask about values."""

    program: Program
    o: Orientation
    schedule: Schedule
    offsets: dict[tuple[int, int], int] = field(default_factory=dict)
    size: int = HEADER
    inputs_end: int = HEADER  # the inputs, and so the states, lie from the header to here
    copies: list[tuple[Operand, Val]] = field(default_factory=list)  # (new value, state it replaces) copied at the end

    @property
    def stored(self) -> set[int]:
        return self.schedule.stored

    def orientation(self, val: Val) -> int:
        """0 if the value lies as panels of itself, 1 if of its transpose."""
        return self.o.of[val.index]

    def shape(self, val: Val) -> tuple[int, int]:
        """(rows, columns) as stored."""
        return self.o.shape(val)

    def offset(self, val: Val, form: int | None = None) -> int:
        """Bytes from the arena's begin to the buffer of a value, in its own form or in the one given."""
        return self.offsets[val.index, self.o.of[val.index] if form is None else form]

    def access(self, x: Operand, kernel: Kernel, orientation: int) -> str:
        """How a kernel reads an operand of a value of the given orientation."""
        rows, cols = x.shape if not orientation else x.shape[::-1]
        if (rows, cols) == kernel.space:
            return FULL
        if (rows, cols) == (1, 1):
            return ONE
        return ROW if rows == 1 else COL

    def along_lanes(self, val: Val, kernel: Kernel) -> bool:
        """Whether a reduction of the kernel goes along the lanes."""
        x = val.args[0].val
        form = kernel.way if kernel.kind == "matmul" and x is kernel.root else self.o.of[x.index]
        return bool((val.attrs["axis"] == 1) ^ bool(form))

    # Making it

    def add(self, val: Val, form: int) -> None:
        """Reserve a buffer for one form of a value."""
        if (val.index, form) not in self.offsets:
            rows, cols = val.shape[::-1] if form else val.shape
            self.offsets[val.index, form] = self.size
            length = rows * panels(cols) * LANES * val.dtype.itemsize
            self.size += -(-length // ALIGN) * ALIGN


def pack(array: np.ndarray[Any, Any], form: int, into: np.ndarray[Any, Any]) -> None:
    """Write a matrix into a buffer as panels `[cols/16][rows][16]` of itself or of its transpose."""
    matrix = array.T if form else array
    rows, cols = matrix.shape
    whole = into.reshape(panels(cols), rows, LANES)
    full = cols // LANES
    whole[:full] = matrix[:, : full * LANES].reshape(rows, full, LANES).transpose(1, 0, 2)
    if cols % LANES:
        whole[full] = 0
        whole[full, :, : cols % LANES] = matrix[:, full * LANES :]


def unpack(buffer: np.ndarray[Any, Any], shape: tuple[int, int], form: int) -> np.ndarray[Any, Any]:
    """The matrix in a buffer of panels."""
    rows, cols = shape[::-1] if form else shape
    matrix = buffer.reshape(panels(cols), rows, LANES).transpose(1, 0, 2).reshape(rows, -1)[:, :cols]
    return np.array(matrix.T if form else matrix, order="C")  # a copy: the arena is written again


def make_plan(program: Program, o: Orientation, schedule: Schedule, states: dict[int, int]) -> Plan:
    """Lay out all buffers; `states` maps the number of an input to the number of the output that replaces it."""
    plan = Plan(program, o, schedule)
    for val in program.inputs:
        plan.add(val, o.of[val.index])
    plan.inputs_end = plan.size
    for val in program.values:
        if val.kind == "const" and np.size(val.attrs["value"]) > 1:
            plan.add(val, o.of[val.index])
    last_read = _last_reads(schedule)
    home = {v.index: i for i, k in enumerate(schedule.kernels) for v in k.values}
    for number, output in states.items():
        old, new = program.inputs[number], program.outputs[output].val
        if new is old:
            continue
        fits = (
            new.kind in ("map", "reduce")
            and not program.outputs[output].flip
            and o.of[new.index] == o.of[old.index]
            and new.dtype == old.dtype
            and (new.index, o.of[new.index]) not in plan.offsets
        )
        if fits and last_read.get(old.index, -1) <= home[new.index] and _is_free(plan, home[new.index], old, new):
            plan.offsets[new.index, o.of[new.index]] = plan.offset(old)
        else:
            plan.copies.append((program.outputs[output], old))
    for kernel in schedule.kernels:
        for val in kernel.values:
            if val.index in schedule.stored or _is_outer_total(plan, kernel, val):
                plan.add(val, kernel.way if kernel.kind == "matmul" and val is kernel.root else o.of[val.index])
        if kernel.kind == "turn":
            assert kernel.root is not None
            plan.add(kernel.root, 0)
            plan.add(kernel.root, 1)
    return plan


def _is_outer_total(plan: Plan, kernel: Kernel, val: Val) -> bool:
    return val.kind == "reduce" and (
        kernel.kind == "matmul" or plan.along_lanes(val, kernel) != (kernel.outer == "rows")
    )


def _last_reads(schedule: Schedule) -> dict[int, int]:
    last: dict[int, int] = {}
    for position, kernel in enumerate(schedule.kernels):
        read = [a.val for v in kernel.values for a in v.args]
        if kernel.kind == "turn" and kernel.root is not None:
            read.append(kernel.root)
        for val in read:
            last[val.index] = position
    return last


def _is_free(plan: Plan, position: int, old: Val, new: Val) -> bool:
    """Whether the kernel that writes the new value has read each element of the old one before it, and at its place.

    Elsewhere another row, or another thread, could still need it.
    """
    kernel = plan.schedule.kernels[position]
    order = {val.index: (kernel.phase[val.index], i) for i, val in enumerate(kernel.values)}
    for val in kernel.values:
        for arg in val.args:
            if arg.val is old and not _is_read_before(plan, kernel, arg, val, new, order):
                return False
    return True


def _is_read_before(
    plan: Plan, kernel: Kernel, x: Operand, reader: Val, new: Val, order: dict[int, tuple[int, int]]
) -> bool:
    if reader.kind != "map" or (new.kind == "reduce" and _is_outer_total(plan, kernel, new)):
        return False
    how = plan.access(x, kernel, plan.orientation(reader))
    if how == ONE:
        return True  # loaded before the loops begin
    if how == FULL:
        across = not x.val.is_vector and plan.o.form(x) != plan.orientation(reader)
        return across or order[reader.index] <= order[new.index]  # across, the transposed copy is read
    if plan.shape(reader) != kernel.space:  # both at the outer level
        return order[reader.index] <= order[new.index]
    # What is computed for each turn of the outer loop is stored before the inner loop of its phase; a reduction after.
    last = order[new.index][0] - int(new.kind == "map")
    return how == (COL if kernel.outer == "rows" else ROW) and order[reader.index][0] <= last
