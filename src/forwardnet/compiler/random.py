"""Kernels of random numbers: Philox4x32-10 on 16 counters at a time (Salmon et al., 2011).

The numbers stand in the order of rows, four words from each counter, exactly as `seeds.bits` gives them, so a value
depends neither on how it lies in memory nor on the number of threads. Groups of rows that begin with a fresh block of
counters are drawn into a small buffer on the stack and copied from there to their panels.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from forwardnet.compiler.emit import Frame, index
from forwardnet.compiler.lanes import F32, F64, I8, I32, I64, memory_type
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.matrix import Operand, Val
from forwardnet.compiler.orient import LANES
from forwardnet.compiler.plan import Plan
from forwardnet.compiler.transfer import copy_row, scatter_row

Value = Any
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
# A group of rows with more numbers than this is drawn row by row, with some numbers at both ends thrown away.
LARGEST = 1 << 14


def emit_random(f: Frame, val: Val, plan: Plan) -> None:
    """Uniform numbers of the stream and position that the arguments say."""
    rows, cols = val.shape
    draw = _Draw(f, val, plan)
    together = draw.block // math.gcd(cols, draw.block)  # rows after which a block of counters ends with a row
    if together * cols > LARGEST:
        _row_by_row(f, draw, rows, cols)
        return
    whole, rest = divmod(rows, together)
    if whole:
        with f.share(whole) as (group, _, done):
            draw.fill(f.scaled(group, together * cols // draw.block), together * cols // draw.block)
            with f.loop(together) as (r, _, placed):
                draw.place(f.plus(f.scaled(group, together), r), f.scaled(r, cols))
                placed()
            done()
    if rest:
        with f.only(f.threads - 1):
            draw.fill(index(whole * together * cols // draw.block), -(-rest * cols // draw.block))
            with f.loop(rest) as (r, _, placed):
                draw.place(f.plus(index(whole * together), r), f.scaled(r, cols))
                placed()


def _row_by_row(f: Frame, draw: _Draw, rows: int, cols: int) -> None:
    with f.share(rows) as (r, _, done):
        first = f.scaled(r, cols)
        draw.fill(f.builder.udiv(first, index(draw.block)), -(-cols // draw.block) + 1)
        draw.place(r, f.builder.urem(first, index(draw.block)))
        done()


class Philox:
    """Emits the rounds for 16 counters; `seed` and `stream` are 64-bit numbers, one for all lanes or one for each."""

    def __init__(self, f: Frame, seed: Value, stream: Value) -> None:
        self.f = f
        self.keys = [
            [self._all(f.builder.add(key, _like(key, r * step))) for r in range(ROUNDS)]
            for key, step in zip(self._halves(seed), WEYL, strict=True)
        ]
        self.stream = [self._all(half) for half in self._halves(stream)]

    def _halves(self, x: Value) -> tuple[Value, Value]:
        """The low and high 32 bits."""
        b = self.f.builder
        narrow = self.f.k.vector(I32) if isinstance(x.type, ir.VectorType) else I32
        return b.trunc(x, narrow), b.trunc(b.lshr(x, _like(x, 32)), narrow)

    def _all(self, x: Value) -> Value:
        return x if isinstance(x.type, ir.VectorType) else self.f.k.broadcast(x)

    def words(self, counter: Value) -> list[Value]:
        """Four vectors of words, for a vector of 64-bit counters."""
        b = self.f.builder
        c = [*self._halves(counter), *self.stream]
        for k0, k1 in zip(*self.keys, strict=True):
            (h0, l0), (h1, l1) = self._product(c[0], MULTIPLIERS[0]), self._product(c[2], MULTIPLIERS[1])
            c = [b.xor(b.xor(h1, c[1]), k0), l1, b.xor(b.xor(h0, c[3]), k1), l0]
        return c

    def _product(self, x: Value, factor: int) -> tuple[Value, Value]:
        """High and low words of x times a constant: of even and odd lanes apart, as processors multiply."""
        b = self.f.builder
        pairs = b.bitcast(x, ir.VectorType(I64, LANES // 2))
        low_half, high_half = _like(pairs, 0xFFFFFFFF), _like(pairs, 0xFFFFFFFF << 32)
        even = b.mul(b.and_(pairs, low_half), _like(pairs, factor))
        odd = b.mul(b.lshr(pairs, _like(pairs, 32)), _like(pairs, factor))
        high = b.or_(b.lshr(even, _like(pairs, 32)), b.and_(odd, high_half))
        low = b.or_(b.and_(even, low_half), b.shl(odd, _like(pairs, 32)))
        return b.bitcast(high, x.type), b.bitcast(low, x.type)

    def numbers_of(self, words: list[Value], size: int) -> list[Value]:
        """In each lane the numbers of its counter, of `size` bytes each: four of one word, or two of two words."""
        b = self.f.builder
        if size == 4:
            return [self._scaled(b.lshr(x, _like(x, 8)), F32, 2.0**-24) for x in words]
        return [self._wide(words[i], words[i + 1]) for i in (0, 2)]

    def _wide(self, high: Value, low: Value) -> Value:
        b, kind = self.f.builder, self.f.k.vector(I64)
        high, low = b.zext(high, kind), b.zext(low, kind)
        joined = b.or_(b.shl(high, _like(high, 32)), low)
        return self._scaled(b.lshr(joined, _like(joined, 11)), F64, 2.0**-53)

    def _scaled(self, x: Value, element: Any, factor: float) -> Value:
        return self.f.k.mul(self.f.builder.sitofp(x, self.f.k.vector(element)), factor)


def _like(x: Value, value: int) -> Value:
    """A constant of the type of x, in all lanes."""
    width = (x.type.element if isinstance(x.type, ir.VectorType) else x.type).width
    value &= (1 << width) - 1
    if isinstance(x.type, ir.VectorType):
        return ir.Constant(x.type, [ir.Constant(x.type.element, value)] * x.type.count)
    return ir.Constant(x.type, value)


def in_order(f: Frame, numbers: list[Value]) -> list[Value]:
    """The two or four numbers of 16 counters, those of the first counter first."""
    if len(numbers) == 2:
        orders = ([8 * j + lane // 2 + LANES * (lane % 2) for lane in range(LANES)] for j in (0, 1))
        return [f.shuffle(numbers[0], numbers[1], order) for order in orders]
    found = []
    for j in range(4):
        chosen = [4 * j + lane // 4 + LANES * (lane % 2) for lane in range(LANES)]
        a, c = f.shuffle(numbers[0], numbers[1], chosen), f.shuffle(numbers[2], numbers[3], chosen)
        found.append(f.shuffle(a, c, [lane + LANES * (lane % 4 >= 2) for lane in range(LANES)]))
    return found


class _Draw:
    """Fills the buffer with blocks of numbers, and copies rows from it."""

    def __init__(self, f: Frame, val: Val, plan: Plan) -> None:
        self.f, self.val, self.plan = f, val, plan
        self.size = val.dtype.itemsize
        self.block = LANES * (4 if self.size == 4 else 2)  # numbers of 16 counters
        self.buffer: Value = None
        seed, stream, self.position = (_word(f, x, plan) for x in val.args)
        self.philox = Philox(f, seed, stream)

    def fill(self, first: Value, blocks: int) -> None:
        """Blocks from number `first` on, to the begin of the buffer."""
        f = self.f
        self._reserve(blocks * self.block // LANES)
        with f.loop(blocks) as (i, _, done):
            start = f.builder.add(self.position, f.scaled(f.plus(first, i), LANES))
            words = self.philox.words(f.builder.add(f.k.broadcast(start), f.k.iota(I64)))
            for n, vector in enumerate(in_order(f, self.philox.numbers_of(words, self.size))):
                place = f.plus(f.scaled(i, self.block // LANES), index(n))
                f.builder.store(vector, f.builder.gep(self.buffer, [place], source_etype=vector.type), align=64)
            done()

    def _reserve(self, vectors: int) -> None:
        """A buffer on the stack."""
        entry = self.f.function.entry_basic_block
        with self.f.builder.goto_block(entry):
            self.f.builder.position_at_start(entry)
            self.buffer = self.f.builder.alloca(self.f.k.vector(memory_type(self.val.dtype)), vectors)
            self.buffer.align = 64

    def place(self, row: Value, begin: Value) -> None:
        """Copy row `row` from element `begin` of the buffer to where it belongs."""
        f, (rows, cols) = self.f, self.val.shape
        source = f.builder.gep(self.buffer, [f.scaled(begin, self.size)], source_etype=I8)
        copy = scatter_row if self.plan.orientation(self.val) else copy_row
        copy(f, source, cols, self.plan.offset(self.val), rows, row, memory_type(self.val.dtype), self.size)


def _word(f: Frame, x: Operand, plan: Plan) -> Value:
    """A single 64-bit number."""
    if x.val.kind == "const":
        return index(int(np.asarray(x.val.attrs["value"]).item()))
    return f.builder.load(f.at(plan.offset(x.val), index(0), 8), typ=I64, align=8)
