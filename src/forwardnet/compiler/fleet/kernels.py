"""LLVM IR for the groups of a fleet: plain loops over rows and columns, every element a vector of 16 models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from forwardnet.compiler.emit import Frame, index, tiles
from forwardnet.compiler.fleet.layout import Group, Layout
from forwardnet.compiler.fleet.nests import emit_nest
from forwardnet.compiler.lanes import I8, I64, memory_type
from forwardnet.compiler.loops import lowered
from forwardnet.compiler.matrix import NESTS, Operand, Val
from forwardnet.compiler.orient import LANES
from forwardnet.compiler.products import square_of
from forwardnet.compiler.random import Philox

Value = Any
Spot = tuple[Value, Value]  # row and column of an element


class Pass:
    """Emits one group."""

    def __init__(self, f: Frame, group: Group, layout: Layout) -> None:
        self.f, self.group, self.layout = f, group, layout
        self.rows, self.cols = group.space

    def run(self) -> None:
        """The whole group."""
        kinds: dict[str, Callable[[], None]] = {
            "loop": self._loop,
            "matmul": self._matmul,
            **dict.fromkeys(NESTS, self._nest),
            "random": self._random,
        }
        kinds[self.group.kind]()

    # Elements

    def element(self, x: Operand, spot: Spot) -> Value:
        """The number of the first lane of an operand's element; an axis of length one is broadcast."""
        rows, cols = x.shape
        r = index(0) if rows == 1 else spot[0]
        c = index(0) if cols == 1 else spot[1]
        if x.flip:
            r, c = c, r
        f = self.f
        return f.scaled(f.plus(f.scaled(r, x.val.shape[1]), c), LANES)

    def read(self, x: Operand, spot: Spot, held: dict[int, Value]) -> Value:
        """An operand at an element of the group's space."""
        val = x.val
        if val.index in held and not x.flip:
            return held[val.index]
        if val.kind == "const" and np.size(val.attrs["value"]) == 1:
            return self.f.k.const(val.attrs["value"], val.dtype)
        if val.kind == "iota":
            return self.f.k.broadcast(spot[0] if x.flip else spot[1])
        return self.f.load(self.layout.offset(val), self.element(x, spot), val.dtype)

    def write(self, val: Val, value: Value, spot: Spot) -> None:
        """An element to memory."""
        self.f.store(value, self.layout.offset(val), self.element(Operand(val), spot), val.dtype)

    def maps(self, spot: Spot, held: dict[int, Value]) -> None:
        """All maps of the group at an element."""
        for val in self.group.values:
            if val.kind == "map":
                held[val.index] = lowered(self.f, val, [self.read(a, spot, held) for a in val.args])
                if val.index in self.layout.stored:
                    self.write(val, held[val.index], spot)

    # Maps and reductions

    def _loop(self) -> None:
        f = self.f
        down = [v for v in self.group.values if v.kind == "reduce" and v.attrs["axis"] == 0]
        along = [v for v in self.group.values if v.kind == "reduce" and v.attrs["axis"] == 1]
        for val in down:
            with f.loop(self.cols) as (c, _, done):
                self.write(val, f.identity(val.attrs["name"], val.dtype), (index(0), c))
                done()
        with f.loop(self.rows) as (r, _, rows_done):
            totals = [f.identity(v.attrs["name"], v.dtype) for v in along]
            with f.loop(self.cols, carried=totals) as (c, so_far, cols_done):
                held: dict[int, Value] = {}
                self.maps((r, c), held)
                for val in down:
                    before = f.load(self.layout.offset(val), self.element(Operand(val), (r, c)), val.dtype)
                    self.write(val, f.combine(val.attrs["name"], before, self._term(val, (r, c), held)), (r, c))
                cols_done(
                    *(
                        f.combine(v.attrs["name"], total, self._term(v, (r, c), held))
                        for v, total in zip(along, so_far, strict=True)
                    )
                )
            for val, total in zip(along, totals, strict=True):
                self.write(val, total, (r, index(0)))
            rows_done()

    def _term(self, val: Val, spot: Spot, held: dict[int, Value]) -> Value:
        value = self.read(Operand(val.args[0].val), spot, held)
        return self.f.k.truth(value) if val.dtype.kind == "b" else value

    # Products

    def _matmul(self) -> None:
        """Squares of 4 by 4 or less: each k loads a column of a and a row of b for 16 multiply-adds."""
        side = square_of(self.group.root.dtype)
        for r0, tall, r_count in tiles(self.rows, side):
            with self.f.loop(r_count) as (i, _, i_done):
                row = self.f.plus(index(r0), self.f.scaled(i, tall))
                for c0, wide, c_count in tiles(self.cols, side):
                    with self.f.loop(c_count) as (j, _, j_done):
                        self._tile(row, tall, self.f.plus(index(c0), self.f.scaled(j, wide)), wide)
                        j_done()
                i_done()

    def _tile(self, row: Value, tall: int, col: Value, wide: int) -> None:
        f, root = self.f, self.group.root
        a, b = root.args
        rows = [f.plus(row, index(i)) for i in range(tall)]
        cols = [f.plus(col, index(j)) for j in range(wide)]
        sums = [f.k.const(0, root.dtype)] * (tall * wide)
        with f.loop(a.shape[1], carried=sums) as (k, held, done):
            left = [self._factor(a, (r, k)) for r in rows]
            right = [self._factor(b, (k, c)) for c in cols]
            done(*(f.k.fma(x, y, held[i * wide + j]) for i, x in enumerate(left) for j, y in enumerate(right)))
        for i, r in enumerate(rows):
            for j, c in enumerate(cols):
                values = {root.index: sums[i * wide + j]}
                if root.index in self.layout.stored:
                    self.write(root, values[root.index], (r, c))
                self.maps((r, c), values)

    def _factor(self, x: Operand, spot: Spot) -> Value:
        return self.f.load(self.layout.offset(x.val), self.element(x, spot), x.val.dtype)

    # What stands alone

    def _nest(self) -> None:
        emit_nest(self.f, self.group.root, self.layout)

    def _random(self) -> None:
        """Uniform numbers in the order of rows, each model with keys of its own: four words from each counter."""
        f, root = self.f, self.group.root
        count, size = self.rows * self.cols, root.dtype.itemsize
        seed, stream, position = (self.read(x, (index(0), index(0)), {}) for x in root.args)
        philox = Philox(f, seed, stream)
        each = 4 if size == 4 else 2
        whole, rest = divmod(count, each)

        def emit(i: Value, used: int) -> None:
            counter = f.builder.add(position, f.k.broadcast(i))
            for n, value in enumerate(philox.numbers_of(philox.words(counter), size)[:used]):
                element = f.scaled(f.plus(f.scaled(i, each), index(n)), LANES)
                f.store(value, self.layout.offset(root), element, root.dtype)

        if whole:
            with f.loop(whole) as (i, _, done):
                emit(i, each)
                done()
        if rest:
            emit(index(whole), rest)


def emit_gather(f: Frame, val: Val, layout: Layout, data: Value, order: Value) -> None:
    """The rows of `data` that `order` ([rows][16]) names, each lane its own."""
    batch, width = (val.shape[1], 1) if val.attrs["rank"] == 1 else val.shape
    kind, size = memory_type(val.dtype), val.dtype.itemsize
    b = f.builder
    with f.loop(batch) as (r, _, rows_done):
        place = f.scaled(r, LANES)
        numbers = (b.load(b.gep(order, [f.plus(place, index(n))], source_etype=I64), typ=I64) for n in range(LANES))
        rows = [b.gep(data, [f.scaled(number, width * size)], source_etype=I8) for number in numbers]
        with f.loop(width) as (c, _, cols_done):
            some = f.k.broadcast(b.load(b.gep(rows[0], [f.scaled(c, size)], source_etype=I8), typ=kind, align=size))
            for lane, row in enumerate(rows[1:], 1):
                one = b.load(b.gep(row, [f.scaled(c, size)], source_etype=I8), typ=kind, align=size)
                some = b.insert_element(some, one, index(lane))
            element = f.scaled(f.plus(f.scaled(r, width), c), LANES)
            if val.dtype.kind == "b":
                some = f.k.truth(some)
            f.store(some, layout.offset(val), element, val.dtype)
            cols_done()
        rows_done()


def emit_moves(f: Frame, layout: Layout) -> None:
    """At the end of a step: put the new states where the old ones lie; all are read before one is written over."""
    moved = layout.moved()
    replaced = {old.index for _, old in moved}
    assert not any(new.val.index in replaced for new, _ in moved), "a state that becomes another is a copy of it"
    for new, old in moved:
        rows, cols = old.shape
        with f.loop(rows) as (r, _, rows_done):
            with f.loop(cols) as (c, _, cols_done):
                a, b = (c, r) if new.flip else (r, c)
                source = f.scaled(f.plus(f.scaled(a, new.val.shape[1]), b), LANES)
                target = f.scaled(f.plus(f.scaled(r, cols), c), LANES)
                f.store(f.load(layout.offset(new.val), source, old.dtype), layout.offset(old), target, old.dtype)
                cols_done()
            rows_done()
