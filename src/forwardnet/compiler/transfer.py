"""Kernels that only move elements: transposing, gathering the rows of a mini-batch, copying."""

from __future__ import annotations

from typing import Any

from forwardnet.compiler.emit import Frame, index
from forwardnet.compiler.lanes import I8, I64, PTR, memory_type
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.matrix import Val
from forwardnet.compiler.orient import LANES, panels
from forwardnet.compiler.plan import Plan

Value = Any


def _element(f: Frame, row: Value, col: Value, rows: int) -> Value:
    """The position of element (row, col) of a matrix stored as panels."""
    block = f.builder.lshr(col, index(4))
    lane = f.builder.and_(col, index(LANES - 1))
    return f.plus(f.plus(f.scaled(block, rows * LANES), f.scaled(row, LANES)), lane)


def emit_turn(f: Frame, val: Val, plan: Plan, source: int) -> None:
    """Write the other form of a value: panels of its transpose from panels of itself, or the reverse."""
    rows, cols = val.shape[::-1] if source else val.shape
    kind, size = memory_type(val.dtype), val.dtype.itemsize
    read, written = plan.offset(val, source), plan.offset(val, 1 - source)
    with f.loop(rows) as (r, _, rows_done):
        with f.loop(cols) as (c, _, cols_done):
            one = f.builder.load(f.at(read, _element(f, r, c, rows), size), typ=kind, align=size)
            f.builder.store(one, f.at(written, _element(f, c, r, cols), size), align=size)
            cols_done()
        rows_done()


def emit_gather(f: Frame, val: Val, plan: Plan, data: Value, order: Value) -> None:
    """Copy the rows of `data` (row-major) that `order` names into the buffer of a batch."""
    form = plan.orientation(val)
    is_list = val.shape[0] == 1  # a vector: one element for each row of the data
    batch, width = (val.shape[1], 1) if is_list else val.shape
    kind, size = memory_type(val.dtype), val.dtype.itemsize
    written = plan.offset(val)
    with f.loop(batch) as (i, _, done):
        address = f.builder.gep(order, [i], source_etype=I64)
        number = f.builder.load(address, typ=I64, align=8)
        row = f.builder.gep(data, [f.scaled(number, width * size)], source_etype=I8)
        if width == 1:
            one = f.builder.load(row, typ=kind, align=size)
            f.builder.store(one, f.at(written, i, size), align=size)
        elif form:
            _scatter_row(f, row, width, written, batch, i, kind, size)
        else:
            _copy_row(f, row, width, written, batch, i, kind, size)
        done()


def _copy_row(f: Frame, row: Value, width: int, written: int, batch: int, i: Value, kind: Any, size: int) -> None:
    """A row, 16 elements at a time, to its place in each panel; the last panel element by element."""
    vector = ir.VectorType(kind, LANES)
    whole, rest = divmod(width, LANES)
    place = f.scaled(i, LANES)
    if whole:
        with f.loop(whole) as (p, _, done):
            source = f.builder.gep(row, [f.scaled(p, LANES * size)], source_etype=I8)
            some = f.builder.load(source, typ=vector, align=size)
            f.builder.store(some, f.at(written, f.plus(f.scaled(p, batch * LANES), place), size), align=16)
            done()
    for lane in range(rest):
        source = f.builder.gep(row, [index((whole * LANES + lane) * size)], source_etype=I8)
        one = f.builder.load(source, typ=kind, align=size)
        position = f.plus(f.plus(index(whole * batch * LANES), place), index(lane))
        f.builder.store(one, f.at(written, position, size), align=size)


def _scatter_row(f: Frame, row: Value, width: int, written: int, batch: int, i: Value, kind: Any, size: int) -> None:
    """A row to one lane of consecutive vectors: the batch lies along the lanes."""
    block = f.builder.lshr(i, index(4))
    lane = f.builder.and_(i, index(LANES - 1))
    first = f.plus(f.scaled(block, width * LANES), lane)
    with f.loop(width) as (j, _, done):
        source = f.builder.gep(row, [f.scaled(j, size)], source_etype=I8)
        one = f.builder.load(source, typ=kind, align=size)
        f.builder.store(one, f.at(written, f.plus(first, f.scaled(j, LANES)), size), align=size)
        done()


def emit_copy(f: Frame, plan: Plan, new: Val, old: Val, flip: bool) -> None:
    """Put a new value where the old state lies."""
    form_new, form_old = plan.orientation(new), plan.orientation(old)
    same = (form_new ^ int(flip)) == form_old or old.is_vector
    rows, cols = plan.shape(old)
    kind, size = memory_type(old.dtype), old.dtype.itemsize
    read, written = plan.offset(new), plan.offset(old)
    if same:
        vector = ir.VectorType(kind, LANES)
        with f.loop(rows * panels(cols)) as (i, _, done):
            some = f.builder.load(f.at(read, f.scaled(i, LANES), size), typ=vector, align=size)
            f.builder.store(some, f.at(written, f.scaled(i, LANES), size), align=size)
            done()
        return
    with f.loop(rows) as (r, _, rows_done):
        with f.loop(cols) as (c, _, cols_done):
            one = f.builder.load(f.at(read, _element(f, c, r, cols), size), typ=kind, align=size)
            f.builder.store(one, f.at(written, _element(f, r, c, rows), size), align=size)
            cols_done()
        rows_done()


POINTER = PTR
