"""Native exchanges that bring rows into the random order of `seeds.permutation`, bit for bit.

That order is NumPy's: from the last element to the second, each is exchanged with one at or before it, whose number is
drawn by rejection from the 32-bit halves of Philox4x64-10's words (Salmon et al., 2011). Both are frozen in NumPy.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from forwardnet.compiler import cache
from forwardnet.compiler.emit import VOID, index
from forwardnet.compiler.lanes import I8, I32, I64, PTR
from forwardnet.compiler.llvm import ir

Value = Any
Orders = np.ndarray[Any, np.dtype[np.int64]]
MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
ROUNDS = 10
HALVES = 8  # 32-bit halves of the four words of a counter
COUNTERS = 64  # at most so many are drawn at once: their words, 2 kB, stay in the nearest cache
I128 = ir.IntType(128)


def emit_shuffle(module: Any) -> Any:
    """The function `shuffle(rows, count, stride, seed, stream)`: exchange 64-bit elements that lie `stride` apart.

    Which halves are rejected cannot be foretold, so no branch depends on it: a rejected one exchanges the element with
    itself. Branches are left where the number of bits that are drawn changes, and where no halves are left.
    """
    fill = _emit_fill(module)
    function = ir.Function(module, ir.FunctionType(VOID, [PTR, I64, I64, I64, I64]), "shuffle")
    rows, count, stride, seed, stream = function.args
    entry, refill, level, draw, drawn, more, done = (
        function.append_basic_block(n) for n in ("entry", "refill", "level", "draw", "drawn", "more", "done")
    )
    b = ir.IRBuilder(entry)
    words = b.alloca(ir.ArrayType(I64, 4 * COUNTERS))
    begin = b.sub(count, index(1))
    b.cbranch(b.icmp_signed(">", begin, index(0)), refill, done)
    b.position_at_end(refill)
    counter, before = b.phi(I64), b.phi(I64)  # how many were drawn, and the last element that is not in its place
    taken = b.call(fill, [words, counter, before, seed, stream])
    counter_next, end = b.add(counter, taken), b.mul(taken, index(HALVES))
    b.branch(level)

    b.position_at_end(level)
    last_0, place_0 = b.phi(I64), b.phi(I64)
    mask = b.lshr(index(0xFFFFFFFFFFFFFFFF), b.ctlz(last_0, ir.Constant(ir.IntType(1), 0)))
    least = b.lshr(mask, index(1))
    b.branch(draw)

    b.position_at_end(draw)
    last, place = b.phi(I64), b.phi(I64)
    half = b.load(b.gep(words, [place], source_etype=I32), typ=I32, align=4)
    is_taken = _exchange(b, rows, stride, last, b.and_(b.zext(half, I64), mask))
    last_next, place_next = b.sub(last, b.zext(is_taken, I64)), b.add(place, index(1))
    stays = b.and_(b.icmp_unsigned(">", last_next, least), b.icmp_unsigned("<", place_next, end))
    b.cbranch(stays, draw, drawn)

    b.position_at_end(drawn)
    b.cbranch(b.icmp_unsigned("==", last_next, index(0)), done, more)
    b.position_at_end(more)
    b.cbranch(b.icmp_unsigned("==", place_next, end), refill, level)
    for phi, first, later in ((counter, index(0), counter_next), (before, begin, last_next)):
        phi.add_incoming(first, entry)
        phi.add_incoming(later, more)
    for phi, first, later in ((last_0, before, last_next), (place_0, index(0), place_next)):
        phi.add_incoming(first, refill)
        phi.add_incoming(later, more)
    for phi, first, later in ((last, last_0, last_next), (place, place_0, place_next)):
        phi.add_incoming(first, level)
        phi.add_incoming(later, draw)
    b.position_at_end(done)
    b.ret_void()
    return function


def _exchange(b: Any, rows: Value, stride: Value, last: Value, chosen: Value) -> Value:
    """Exchange the last element with the chosen one, or with itself where there is none; tells whether there is."""
    is_taken = b.icmp_unsigned("<=", chosen, last)
    other = b.select(is_taken, chosen, last)
    here, there = (b.gep(rows, [b.mul(n, stride)], source_etype=I64) for n in (last, other))
    x, y = b.load(here, typ=I64, align=8), b.load(there, typ=I64, align=8)
    b.store(y, here, align=8)
    b.store(x, there, align=8)
    return is_taken


def emit_permutations(module: Any) -> None:
    """The function `permutations(rows, n, count, seed, stream)`: an order of 0 .. n-1 for each stream."""
    shuffle = emit_shuffle(module)
    function = ir.Function(module, ir.FunctionType(VOID, [PTR, I64, I64, I64, I64]), "permutations")
    rows, n, count, seed, stream = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    with counted(b, count) as number:
        own = b.gep(rows, [b.mul(number, n)], source_etype=I64)
        with counted(b, n) as i:
            b.store(i, b.gep(own, [i], source_etype=I64), align=8)
        b.call(shuffle, [own, n, index(1), seed, b.add(stream, number)])
    b.ret_void()


@contextmanager
def counted(b: Any, count: Value) -> Iterator[Value]:
    """Emit what is inside for each number from 0 to `count`, exclusive."""
    before, head, body, after = b.block, *(b.append_basic_block(n) for n in ("head", "body", "after"))
    b.branch(head)
    b.position_at_end(head)
    i = b.phi(I64)
    i.add_incoming(index(0), before)
    b.cbranch(b.icmp_signed("<", i, count), body, after)
    b.position_at_end(body)
    yield i
    i.add_incoming(b.add(i, index(1)), b.block)
    b.branch(head)
    b.position_at_end(after)


def _emit_fill(module: Any) -> Any:
    """The function `fill(words, drawn, halves, seed, stream)`: words of counters after the first `drawn`; how many.

    So many `halves` at least will be needed. Counters do not depend on each other, so a processor works on several.
    """
    philox = _emit_philox(module)
    function = ir.Function(module, ir.FunctionType(I64, [PTR, I64, I64, I64, I64]), "fill")
    function.linkage = "internal"
    words, drawn, halves, seed, stream = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    wanted = b.udiv(b.add(halves, index(HALVES - 1)), index(HALVES))
    count = b.select(b.icmp_unsigned("<", wanted, index(COUNTERS)), wanted, index(COUNTERS))
    with counted(b, count) as number:
        place = b.gep(words, [b.mul(number, index(4))], source_etype=I64)
        b.call(philox, [place, b.add(drawn, b.add(number, index(1))), seed, stream])
    b.ret(count)
    return function


def _emit_philox(module: Any) -> Any:
    """The function `philox(words, counter, seed, stream)`: the four words of a counter below 2^64."""
    function = ir.Function(module, ir.FunctionType(VOID, [PTR, I64, I64, I64]), "philox4x64")
    function.linkage = "internal"
    words, counter, *keys = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    c = [counter, index(0), index(0), index(0)]
    for r in range(ROUNDS):
        k = [b.add(key, index(r * step & 0xFFFFFFFFFFFFFFFF)) for key, step in zip(keys, WEYL, strict=True)]
        products = [
            b.mul(b.zext(x, I128), ir.Constant(I128, factor)) for x, factor in zip(c[::2], MULTIPLIERS, strict=True)
        ]
        low = [b.trunc(p, I64) for p in products]
        high = [b.trunc(b.lshr(p, ir.Constant(I128, 64)), I64) for p in products]
        c = [b.xor(b.xor(high[1], c[1]), k[0]), low[1], b.xor(b.xor(high[0], c[3]), k[1]), low[0]]
    for n, word in enumerate(c):
        b.store(word, b.gep(words, [index(8 * n)], source_etype=I8), align=8)
    b.ret_void()
    return function


class Shuffle:
    """The function `permutations`, loaded."""

    def __init__(self) -> None:
        def emitted() -> str:
            module = ir.Module("shuffle")
            emit_permutations(module)
            return str(module)

        self._code = cache.load("permutations", emitted, ["permutations"])
        number, word = ctypes.c_int64, ctypes.c_uint64
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, number, number, word, word)
        self._call = kind(self._code.address("permutations"))

    def __call__(self, n: int, seed: int, stream: int) -> Orders:
        """What `seeds.permutation` returns, int64 (n,)."""
        return self.several(n, 1, seed, stream).reshape(n)

    def several(self, n: int, count: int, seed: int, stream: int) -> Orders:
        """What `seeds.permutations` returns, int64 (count, n)."""
        orders = np.empty((count, n), np.int64)
        self._call(orders.ctypes.data, n, count, seed, stream)
        return orders
