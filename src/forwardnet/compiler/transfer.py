"""Kernels that only move elements: transposing, gathering the rows of a mini-batch, copying."""

from __future__ import annotations

from typing import Any

from forwardnet.compiler.emit import Frame, index
from forwardnet.compiler.lanes import I8, I64, memory_type
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.matrix import Operand, Val
from forwardnet.compiler.orient import LANES, panels
from forwardnet.compiler.plan import Plan

Value = Any
NARROW = 8  # elements of a row that is laid out straight, sixteen of which are still a short piece of code


def element(f: Frame, row: Value, col: Value, rows: int) -> Value:
    """The position of element (row, col) of a matrix stored as panels."""
    block = f.builder.lshr(col, index(4))
    lane = f.builder.and_(col, index(LANES - 1))
    return f.plus(f.plus(f.scaled(block, rows * LANES), f.scaled(row, LANES)), lane)


def emit_turn(f: Frame, val: Val, plan: Plan, source: int) -> None:
    """Write the other form of a value: panels of its transpose from panels of itself, or the reverse."""
    rows, cols = val.shape[::-1] if source else val.shape
    read, written = plan.offset(val, source), plan.offset(val, 1 - source)
    turn = _Turn(f, val, read, written, rows, cols)

    def rows_of(p: Value, width: int) -> None:
        f.parts(rows, LANES, lambda b, height: turn.block(p, b, height, width), shared=False)

    def panels_of(b: Value, height: int) -> None:
        f.parts(cols, LANES, lambda p, width: turn.block(p, b, height, width), shared=False)

    if val.attrs.get("gathered") and not source:  # threads have gathered blocks of rows, and go on with those
        f.parts(rows, LANES, panels_of, shared=True)
    else:
        f.parts(cols, LANES, rows_of, shared=True)


class _Turn:
    """Transposes blocks of 16 by 16 elements in registers, in four rounds of exchanges (Eklundh, 1972)."""

    def __init__(self, f: Frame, val: Val, read: int, written: int, rows: int, cols: int) -> None:
        self.f, self.rows, self.cols = f, rows, cols
        self.read, self.written = read, written
        self.dtype = val.dtype

    def block(self, p: Value, b: Value, rows: int, cols: int) -> None:
        """Rows 16b and following of panel p; `rows` and `cols` of them count."""
        f = self.f
        first = f.plus(f.scaled(p, self.rows * LANES), f.scaled(b, LANES * LANES))
        vectors = [f.load(self.read, f.plus(first, index(r * LANES)), self.dtype) for r in range(rows)]
        vectors += [f.k.const(0, self.dtype)] * (LANES - rows)
        distance = LANES // 2
        while distance:
            vectors = self._exchanged(vectors, distance)
            distance //= 2
        place = f.plus(f.scaled(b, self.cols * LANES), f.scaled(p, LANES * LANES))
        for c in range(cols):
            f.store(vectors[c], self.written, f.plus(place, index(c * LANES)), self.dtype)

    def _exchanged(self, vectors: list[Value], distance: int) -> list[Value]:
        low = [i if not i & distance else LANES + i - distance for i in range(LANES)]
        high = [i + distance if not i & distance else LANES + i for i in range(LANES)]
        made = list(vectors)
        for i in range(LANES):
            if not i & distance:
                a, b = vectors[i], vectors[i + distance]
                made[i], made[i + distance] = self.f.shuffle(a, b, low), self.f.shuffle(a, b, high)
        return made


def batch_of(val: Val) -> tuple[int, int]:
    """How many rows of the data a gathered input takes, and how many elements each has."""
    return (val.shape[1], 1) if val.attrs["rank"] == 1 else val.shape


def emit_gather(f: Frame, val: Val, plan: Plan, data: Value, order: Value) -> None:
    """Copy the rows of `data` (row-major) that `order` names into the buffer of a batch."""
    form = plan.orientation(val)
    batch, width = batch_of(val)
    kind, size = memory_type(val.dtype), val.dtype.itemsize
    written = plan.offset(val)
    if width == 1 or (form and width <= NARROW):
        gather_narrow(f, data, order, batch, width, written, kind, size)
        return
    with f.share(batch, unit=LANES) as (i, _, done):
        address = f.builder.gep(order, [i], source_etype=I64)
        number = f.builder.load(address, typ=I64, align=8)
        row = f.builder.gep(data, [f.scaled(number, width * size)], source_etype=I8)
        if form:
            scatter_row(f, row, width, written, batch, i, kind, size)
        else:
            copy_row(f, row, width, written, batch, i, kind, size)
        done()


def gather_narrow(
    f: Frame, data: Value, order: Value, batch: int, width: int, written: int, kind: Any, size: int
) -> None:
    """Rows of few elements to the lanes of one vector for each, 16 rows laid out straight."""

    def rows(block: Value, count: int) -> None:
        numbers = f.builder.gep(order, [f.scaled(block, LANES)], source_etype=I64)
        into = f.at(written, f.scaled(block, width * LANES), size)
        for lane in range(count):
            number = f.builder.load(f.builder.gep(numbers, [index(lane)], source_etype=I64), typ=I64, align=8)
            row = f.builder.gep(data, [f.scaled(number, width * size)], source_etype=I8)
            for j in range(width):
                source = f.builder.gep(row, [index(j * size)], source_etype=I8)
                place = f.builder.gep(into, [index((j * LANES + lane) * size)], source_etype=I8)
                f.builder.store(f.builder.load(source, typ=kind, align=size), place, align=size)

    f.parts(batch, LANES, rows, shared=True)


def copy_row(f: Frame, row: Value, width: int, written: int, batch: int, i: Value, kind: Any, size: int) -> None:
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


def scatter_row(f: Frame, row: Value, width: int, written: int, batch: int, i: Value, kind: Any, size: int) -> None:
    """A row to one lane of consecutive vectors: the batch lies along the lanes."""
    block = f.builder.lshr(i, index(4))
    lane = f.builder.and_(i, index(LANES - 1))
    first = f.plus(f.scaled(block, width * LANES), lane)
    with f.loop(width) as (j, _, done):
        source = f.builder.gep(row, [f.scaled(j, size)], source_etype=I8)
        one = f.builder.load(source, typ=kind, align=size)
        f.builder.store(one, f.at(written, f.plus(first, f.scaled(j, LANES)), size), align=size)
        done()


def position_of(f: Frame, x: Operand, plan: Plan, row: Value, column: Value) -> Value:
    """Where element (row, column) of an operand lies in its value's buffer."""
    if x.flip ^ bool(plan.orientation(x.val)):
        row, column = column, row
    return element(f, row, column, plan.shape(x.val)[0])


def emit_record(f: Frame, x: Operand, plan: Plan, into: Value) -> None:
    """Write a value to memory of the caller, row by row."""
    rows, cols = x.shape
    turned = bool(plan.orientation(x.val) ^ int(x.flip))
    kind, size = memory_type(x.val.dtype), x.val.dtype.itemsize
    read = plan.offset(x.val)
    stored_rows = cols if turned else rows
    with f.loop(rows) as (r, _, rows_done):
        with f.loop(cols) as (c, _, cols_done):
            position = element(f, c, r, stored_rows) if turned else element(f, r, c, stored_rows)
            one = f.builder.load(f.at(read, position, size), typ=kind, align=size)
            here = f.builder.gep(into, [f.scaled(f.plus(f.scaled(r, cols), c), size)], source_etype=I8)
            f.builder.store(one, here, align=size)
            cols_done()
        rows_done()


def emit_copy(f: Frame, plan: Plan, new: Operand, old: Val) -> None:
    """Put a new value where the old state lies."""
    same = plan.o.form(new) == plan.orientation(old) or old.is_vector
    rows, cols = plan.shape(old)
    kind, size = memory_type(old.dtype), old.dtype.itemsize
    read, written = plan.offset(new.val), plan.offset(old)
    if same:
        vector = ir.VectorType(kind, LANES)
        with f.loop(rows * panels(cols)) as (i, _, done):
            some = f.builder.load(f.at(read, f.scaled(i, LANES), size), typ=vector, align=size)
            f.builder.store(some, f.at(written, f.scaled(i, LANES), size), align=size)
            done()
        return
    with f.loop(rows) as (r, _, rows_done):
        with f.loop(cols) as (c, _, cols_done):
            one = f.builder.load(f.at(read, element(f, c, r, cols), size), typ=kind, align=size)
            f.builder.store(one, f.at(written, element(f, r, c, rows), size), align=size)
            cols_done()
        rows_done()


def emit_check(f: Frame, buffers: list[tuple[int, int, Any]], answer: int) -> None:
    """Write 1 to the word at `answer` if all elements of the buffers (offset, vectors, type) are finite, else 0.

    x - x is 0 for every finite x, and NaN for the others.
    """
    bad: Value = None
    for offset, count, dtype in buffers:
        sums = [f.k.const(0, dtype)]
        with f.loop(count, carried=sums) as (i, held, done):
            x = f.load(offset, f.scaled(i, LANES), dtype)
            done(f.builder.fadd(held[0], f.builder.fsub(x, x)))
        found = f.k.compare("!=", f.across("sum", sums[0]), 0.0)
        bad = found if bad is None else f.builder.or_(bad, found)
    word = index(1) if bad is None else f.builder.zext(f.builder.not_(f.builder.extract_element(bad, index(0))), I64)
    f.builder.store(word, f.at(answer, index(0), 8), align=8)
