"""Matrix products on panels, with an epilogue.

y[m, n] = sum_k a[m, k] b[k, n] with b as panels `[n/16][k][16]`: a tile of 8 rows and 2 panels is 16 accumulators, into
which each k adds 8 broadcast elements of a times 2 vectors of b; where registers are fewer it is smaller. Nothing is
packed when the kernel runs, and every address moves by a constant: a lies either as panels of its rows
(`[k/16][m][16]`) or of its columns (`[m/16][k][16]`). Each element is summed in the order of k by one accumulator,
whatever the tile it falls into.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from forwardnet.compiler import engine
from forwardnet.compiler.ahead import Ahead
from forwardnet.compiler.emit import Frame, index, tiles
from forwardnet.compiler.lanes import I8
from forwardnet.compiler.late import Late, finishes_late
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.loops import Maps, Place, accumulate
from forwardnet.compiler.matrix import Operand, Val
from forwardnet.compiler.orient import LANES, panels
from forwardnet.compiler.plan import Plan
from forwardnet.compiler.schedule import FULL, Kernel
from forwardnet.compiler.transfer import position_of

Value = Any
# Accumulators that fit the registers beside what a tile loads: of 32 registers, and of the 16 of AVX2.
MANY, FEW = 16, 8
UNROLL = 4
# Epilogues of more operations than this are emitted once, in a loop over the rows of the tile.
SHORT = 12
# From so many terms on, summing a tile takes longer than what its epilogue reads needs to come from main memory.
FAR = 128


class Product(Maps):
    """A kernel of kind "matmul"."""

    def __init__(self, frame: Frame, kernel: Kernel, plan: Plan) -> None:
        super().__init__(frame, kernel, plan)
        root = kernel.root
        assert root is not None
        a, b = root.args
        if kernel.way:  # y' = b' a'
            a, b = Operand(b.val, not b.flip), Operand(a.val, not a.flip)
        self.root: Val = root
        self.m, self.n = kernel.space
        self.k_count = a.shape[1]
        self.size = root.dtype.itemsize
        self.tall, self.wide = tile_of(root.dtype)
        form = plan.orientation(a.val) ^ int(a.flip)
        self.by_rows = form == 0  # a lies as [k/16][m][16]
        self.a_offset = plan.offset(a.val)
        self.b_offset = plan.offset(b.val, int(b.flip))
        self.maps = [v for v in kernel.values if v.kind == "map"]
        self.reductions = [v for v in kernel.values if v.kind == "reduce"]
        self.unit = LANES if self.by_rows else UNROLL
        self.late: Late | None = None
        self.ahead: Ahead | None = None

    def run(self, asks: tuple[Val, Value, Value] | None = None) -> None:
        """All tiles: for each group of panels, for each group of rows. Threads share those, or, of few, these."""
        f = self.f
        self.load_ones()
        in_strip = self.m // self.tall
        if asks is not None and in_strip and panels(self.n) >= self.wide:
            self.ahead = Ahead(f, *asks, tiles=in_strip * (panels(self.n) // self.wide))
        if finishes_late(self, self.k_count // self.unit):
            self.late = Late(self)
        groups, rest = divmod(panels(self.n), self.wide)
        by_panels = f.threads == 1 or splits_by_panels(self.kernel, f.threads)
        if groups:
            with (f.share if by_panels else f.loop)(groups) as (p, _, done):
                self._strip(f.scaled(p, self.wide), self.wide, shared=not by_panels)
                done()
        if rest and self.reductions:
            with f.only(f.threads - 1):
                self._strip(index(groups * self.wide), rest, shared=False)
        elif rest:
            self._strip(index(groups * self.wide), rest, shared=True)
        if self.late is not None:
            self.late.flush()

    def _strip(self, panel: Value, wide: int, *, shared: bool) -> None:
        f = self.f

        def tile(t: Value, tall: int) -> None:
            self._tile(panel, wide, f.scaled(t, self.tall), tall)

        f.parts(self.m, self.tall, tile, shared=shared)

    def _tile(self, panel: Value, wide: int, row: Value, tall: int) -> None:
        f = self.f
        if self.ahead is not None and (tall, wide) == (self.tall, self.wide):
            b, in_strip = f.builder, self.m // self.tall
            strip, tile = b.udiv(panel, index(wide)), b.udiv(row, index(tall))
            self.ahead.fetch(f.plus(f.scaled(strip, in_strip), tile))
        self._fetch(panel, wide, row, tall)
        zero = f.k.const(0, self.root.dtype)
        sums = [zero] * (tall * wide)
        self._sum(panel, wide, row, tall, sums)
        late = self._late(tall, wide)
        if late is not None:
            late.leave(panel, row, sums)
        else:
            self._epilogue(panel, wide, row, tall, sums)

    def _late(self, tall: int, wide: int) -> Late | None:
        """What finishes a tile of this size among the sums of the next; None if it is finished at once."""
        return self.late if (tall, wide) == (self.tall, self.wide) else None

    def _fetch(self, panel: Value, wide: int, row: Value, tall: int) -> None:
        """Ask for what the epilogue will read, so that it comes from far memory while the products are summed.

        A late epilogue waits for it without anybody else's waiting.
        """
        if self.k_count < FAR or self._late(tall, wide) is not None:
            return
        f = self.f
        for val, offset in self._read_in_full():
            for v in range(wide):
                for r in range(tall):
                    place = Place(f.plus(row, index(r)), f.plus(panel, index(v)))
                    f.prefetch(offset, self.element(place), val.dtype)

    def _read_in_full(self) -> list[tuple[Val, int]]:
        """The matrices that the epilogue reads element by element, and where they lie."""
        found = {}
        inside = self.kernel.phase
        for val in self.maps:
            for arg in val.args:
                orientation = self.plan.orientation(val)
                own = arg.val.index in inside or arg.val.kind in ("const", "iota")
                if not own and self.plan.access(arg, self.kernel, orientation) == FULL:
                    form = self._form(arg, orientation)
                    found[arg.val.index, form] = arg.val, self.plan.offset(arg.val, form)
        return list(found.values())

    # Sums

    def _sum(self, panel: Value, wide: int, row: Value, tall: int, sums: list[Value]) -> None:
        """All terms in the order of k; among them what the tile before has left to do, if it was left."""
        f = self.f
        a, b = self._a_address(row), self._b_address(panel)

        def unit(i: Value, inside: list[Value]) -> None:
            self._unit(a, b, i, tall, wide, inside)

        units, rest = divmod(self.k_count, self.unit)
        late = self._late(tall, wide)
        summed = 0 if late is None else late.among(units, sums, unit)
        if units > summed:
            with f.loop(units - summed, carried=sums) as (i, held, done):
                inside = list(held)
                unit(f.plus(i, index(summed)), inside)
                done(*inside)
        if rest:
            self._terms(a, b, index(units), rest, 1, tall, wide, sums)

    def _a_address(self, row: Value) -> Value:
        """Where the first term of a tile's first row lies in a."""
        f = self.f
        if self.by_rows:
            return f.at(self.a_offset, f.scaled(row, LANES), self.size)
        if isinstance(row, ir.Constant):
            m = int(row.constant)
            return f.at(self.a_offset, index((m // LANES) * self.k_count * LANES + m % LANES), self.size)
        block = f.builder.lshr(row, index(4))
        base = f.plus(f.scaled(block, self.k_count * LANES), f.builder.and_(row, index(LANES - 1)))
        return f.at(self.a_offset, base, self.size)

    def _unit(self, a: Value, b: Value, i: Value, tall: int, wide: int, sums: list[Value]) -> None:
        """The i-th unit of terms: what is unrolled, or as many of those as lie in one panel of a."""
        if not self.by_rows:
            self._terms(a, b, i, 1, UNROLL, tall, wide, sums)
            return
        self._terms(a, b, i, LANES // UNROLL, UNROLL, tall, wide, sums)

    def _terms(
        self, a: Value, b: Value, i: Value, count: int, unroll: int, tall: int, wide: int, sums: list[Value]
    ) -> None:
        """`count` times `unroll` terms, from the first of unit i on."""
        f = self.f
        # From one unit to the next, and from one term to the next: within a panel of a they lie side by side.
        unit_step, step = (self.m * LANES, 1) if self.by_rows else (self.unit * LANES, LANES)
        a = self._moved(a, f.scaled(i, unit_step * self.size))
        if self.by_rows and unroll > 1:  # the next panel of a lies far off, where no processor looks by itself
            for r in range(tall):
                f.fetch(self._moved(a, index((unit_step + r * LANES) * self.size)))
        b = self._moved(b, f.scaled(i, self.unit * LANES * self.size))
        with f.loop(count, carried=sums) as (n, held, done):
            inside = list(held)
            a_here = self._moved(a, f.scaled(n, unroll * step * self.size))
            b_here = self._moved(b, f.scaled(n, unroll * LANES * self.size))
            for u in range(unroll):
                self._add_k(inside, tall, wide, a_here, u * step, LANES if self.by_rows else 1, b_here, u)
            done(*inside)

    def _moved(self, pointer: Value, count: Value) -> Value:
        if isinstance(count, ir.Constant) and int(count.constant) == 0:
            return pointer
        return self.f.builder.gep(pointer, [count], source_etype=I8)

    def _b_address(self, panel: Value) -> Value:
        """Where the first term of a panel's columns lies in b."""
        return self.f.at(self.b_offset, self.f.scaled(panel, self.k_count * LANES), self.size)

    def _add_k(
        self, sums: list[Value], tall: int, wide: int, a: Value, a_first: int, a_step: int, b: Value, u: int
    ) -> None:
        """One k: `tall` elements of a, `a_step` apart, times `wide` vectors of b."""
        f = self.f
        kind = f.k.const(0, self.root.dtype).type
        vectors = []
        for v in range(wide):
            address = f.builder.gep(b, [index((v * self.k_count + u) * LANES * self.size)], source_etype=I8)
            vectors.append(f.builder.load(address, typ=kind, align=64))
        for r in range(tall):
            address = f.builder.gep(a, [index((a_first + r * a_step) * self.size)], source_etype=I8)
            one = f.k.broadcast(f.builder.load(address, typ=kind.element, align=self.size))
            for v in range(wide):
                sums[r * wide + v] = f.k.fma(one, vectors[v], sums[r * wide + v])

    # What follows the sums

    def _epilogue(self, panel: Value, wide: int, row: Value, tall: int, sums: list[Value]) -> None:
        f = self.f
        if self.is_short(tall, wide):
            for v in range(wide):
                here = Place(panel=f.plus(panel, index(v)))
                for r in range(tall):
                    self.finish(here, f.plus(row, index(r)), sums[r * wide + v])
            return
        held = self._spill(sums)
        for v in range(wide):
            here = Place(panel=f.plus(panel, index(v)))
            with f.loop(tall) as (r, _, done):
                position = f.plus(f.scaled(r, wide), index(v))
                address = f.builder.gep(held, [position], source_etype=sums[0].type)
                self.finish(here, f.plus(row, r), f.builder.load(address, typ=sums[0].type, align=64))
                done()

    def is_short(self, tall: int, wide: int) -> bool:
        """Whether the epilogue of a tile is laid out straight."""
        return tall == 1 or len(self.maps) <= SHORT // 2 or len(self.maps) * tall * wide <= SHORT * 8

    def _spill(self, sums: list[Value]) -> Value:
        """The sums in memory of the stack, so that a loop can go over them."""
        f = self.f
        slots = f.reserved(sums[0].type, len(sums))
        for i, value in enumerate(sums):
            address = f.builder.gep(slots, [index(i)], source_etype=sums[0].type)
            f.builder.store(value, address, align=64)
        return slots

    def finish(self, column: Place, row: Value, total: Value) -> None:
        """Maps, stores and column sums for one row of a tile."""
        f = self.f
        place = Place(row, column.panel)
        place.held[self.root.index] = total
        if self.root.index in self.plan.stored:
            f.store(total, self.plan.offset(self.root, self.kernel.way), self.element(place), self.root.dtype)
        for val in self.maps:
            result = self.value(val, place, column)
            if val.index in self.plan.stored:
                f.store(result, self.plan.offset(val), self.element(place), val.dtype)
        for val in self.reductions:
            value = place.held[val.args[0].val.index]
            accumulate(f, val, value, self.plan.offset(val), f.scaled(column.panel, LANES), row)


def square_of(dtype: Any) -> int:
    """Rows and columns of a square of accumulators, each 16 elements, that the registers hold: 4, 2 or 1."""
    tall, wide = tile_of(dtype)
    return math.isqrt(tall * wide)


def tile_of(dtype: Any) -> tuple[int, int]:
    """Rows and panels of a tile: as many accumulators as the processor's registers hold, at most 8 rows of 2 panels.

    16 elements take one register of AVX-512 in float32, two of AVX2, four of NEON. The rows of a tile lie in one block
    of 16, so they are a power of two.
    """
    each = -(-LANES * np.dtype(dtype).itemsize // engine.vector_bytes())
    room = FEW if engine.vector_bytes() == 32 else MANY
    wide = 2 if each * 2 * 8 <= room else 1
    return max(1, min(8, room // (each * wide))), wide


def splits_by_panels(kernel: Kernel, threads: int) -> bool:
    """Whether threads share a product's panels; column sums need all rows of a panel in one thread."""
    assert kernel.root is not None
    tall, wide = tile_of(kernel.root.dtype)
    has_totals = any(v.kind == "reduce" for v in kernel.values)
    return has_totals or panels(kernel.space[1]) >= 2 * wide * threads or kernel.space[0] < tall * threads


def emit_product(frame: Frame, kernel: Kernel, plan: Plan, *, asks: tuple[Val, Value, Value] | None = None) -> None:
    """The whole of a product's kernel; `asks` are the input, the data and the order of rows to ask for meanwhile."""
    Product(frame, kernel, plan).run(asks)


def emit_dot(f: Frame, root: Val, plan: Plan) -> None:
    """y[i, j] = sum_k a[i, k] b[k, j] with k along the lanes of both: small results of sums over a batch.

    Squares of accumulators run along k, then each is summed across its lanes.
    """
    a, b = root.args
    side = square_of(root.dtype)
    for i0, tall, i_count in tiles(root.shape[0], side):
        with f.loop(i_count) as (i, _, i_done):
            for j0, wide, j_count in tiles(root.shape[1], side):
                with f.share(j_count) as (j, _, j_done):
                    row, col = f.plus(index(i0), f.scaled(i, tall)), f.plus(index(j0), f.scaled(j, wide))
                    rows = [f.plus(row, index(n)) for n in range(tall)]
                    cols = [f.plus(col, index(n)) for n in range(wide)]
                    sums = _dots(f, plan, (a, b), rows, cols)
                    for n, (r, c) in enumerate(itertools.product(rows, cols)):
                        place = position_of(f, Operand(root), plan, r, c)
                        f.store_one(f.across("sum", sums[n]), plan.offset(root), place, root.dtype)
                    j_done()
            i_done()


def _dots(f: Frame, plan: Plan, operands: tuple[Operand, Operand], rows: list[Value], cols: list[Value]) -> list[Value]:
    """For each row of a and column of b the sums of products, lane by lane; the last lanes count only up to k."""
    a, b = operands
    count = a.shape[1]
    whole, rest = divmod(count, LANES)
    sums = [f.k.const(0, a.val.dtype)] * (len(rows) * len(cols))

    def load(x: Operand, height: int, line: Value, panel: Value) -> Value:
        element = f.plus(f.scaled(panel, height * LANES), f.scaled(line, LANES))
        return f.load(plan.offset(x.val, plan.orientation(x.val)), element, x.val.dtype)

    def add(panel: Value, held: list[Value], used: int) -> list[Value]:
        left = [load(a, a.shape[0], r, panel) for r in rows]
        if used < LANES:
            zero = f.k.const(0, a.val.dtype)
            left = [f.k.select(f.below(index(0), used), x, zero) for x in left]
        right = [load(b, b.shape[1], c, panel) for c in cols]
        if used < LANES:  # what pads b may not be finite
            right = [f.k.select(f.below(index(0), used), y, zero) for y in right]
        return [f.k.fma(x, y, total) for (x, y), total in zip(itertools.product(left, right), held, strict=True)]

    if whole:
        with f.loop(whole, carried=sums) as (panel, held, done):
            done(*add(panel, held, LANES))
    return add(index(whole), sums, rest) if rest else sums
