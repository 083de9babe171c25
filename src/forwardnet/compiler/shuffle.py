"""Native exchanges that bring rows into the random order of `seeds.permutation`, bit for bit.

That order is NumPy's: from the last element to the second, each is exchanged with one at or before it, whose number is
drawn by rejection from the 32-bit halves of Philox4x64-10's words (Salmon et al., 2011). Both are frozen in NumPy.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from forwardnet.compiler import cache
from forwardnet.compiler.emit import VOID, index
from forwardnet.compiler.lanes import I8, I32, I64, PTR
from forwardnet.compiler.llvm import ir

Value = Any
MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
ROUNDS = 10
HALVES = 8  # 32-bit halves of the four words of a counter
I128 = ir.IntType(128)


def emit_shuffle(module: Any) -> Any:
    """The function `shuffle(rows, count, stride, seed, stream)`: exchange 64-bit elements that lie `stride` apart."""
    philox = _emit_philox(module)
    function = ir.Function(module, ir.FunctionType(VOID, [PTR, I64, I64, I64, I64]), "shuffle")
    rows, count, stride, seed, stream = function.args
    entry, head, swap, after = (function.append_basic_block(n) for n in ("entry", "next", "swap", "done"))
    b = ir.IRBuilder(entry)
    words = b.alloca(ir.ArrayType(I64, 4))
    b.branch(head)
    b.position_at_end(head)
    i, counter, used = (b.phi(I64) for _ in range(3))
    for phi, first in ((i, count), (counter, index(0)), (used, index(HALVES))):
        phi.add_incoming(first, entry)
    last = b.sub(i, index(1))
    draw = function.append_basic_block("draw")
    b.cbranch(b.icmp_signed(">", i, index(1)), draw, after)
    b.position_at_end(draw)
    chosen, counter_taken, used_next = _draw_below(b, philox, words, (seed, stream), last, (counter, used, head), swap)
    b.position_at_end(swap)
    here, there = (b.gep(rows, [b.mul(n, stride)], source_etype=I64) for n in (last, chosen))
    x, y = b.load(here, typ=I64, align=8), b.load(there, typ=I64, align=8)
    b.store(y, here, align=8)
    b.store(x, there, align=8)
    for phi, value in ((i, last), (counter, counter_taken), (used, used_next)):
        phi.add_incoming(value, swap)
    b.branch(head)
    b.position_at_end(after)
    b.ret_void()
    return function


def _draw_below(
    b: Any, philox: Any, words: Value, key: tuple[Value, Value], most: Value, came: tuple[Value, Value, Any], go: Any
) -> tuple[Value, Value, Value]:
    """A number from 0 to `most`, the counter, and how many halves are used; goes to the block `go` with them.

    `came` is the counter and the halves used so far, and the block it comes from. Halves are taken in order, masked to
    the bits that `most` has, until one is not greater.
    """
    counter, used, before = came
    draw = b.block
    refill, take = (b.function.append_basic_block(n) for n in ("refill", "take"))
    counter_now, used_now = b.phi(I64), b.phi(I64)
    counter_now.add_incoming(counter, before)
    used_now.add_incoming(used, before)
    mask = b.lshr(index(0xFFFFFFFFFFFFFFFF), b.ctlz(most, ir.Constant(ir.IntType(1), 0)))
    b.cbranch(b.icmp_unsigned("==", used_now, index(HALVES)), refill, take)
    b.position_at_end(refill)
    counter_next = b.add(counter_now, index(1))
    b.call(philox, [words, counter_next, *key])
    b.branch(take)
    b.position_at_end(take)
    counter_taken, place = b.phi(I64), b.phi(I64)
    for phi, kept, fresh in ((counter_taken, counter_now, counter_next), (place, used_now, index(0))):
        phi.add_incoming(kept, draw)
        phi.add_incoming(fresh, refill)
    half = b.load(b.gep(words, [place], source_etype=I32), typ=I32, align=4)
    chosen = b.and_(b.zext(half, I64), mask)
    used_next = b.add(place, index(1))
    counter_now.add_incoming(counter_taken, take)
    used_now.add_incoming(used_next, take)
    b.cbranch(b.icmp_unsigned(">", chosen, most), draw, go)
    return chosen, counter_taken, used_next


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
    """The function, loaded."""

    def __init__(self) -> None:
        def emitted() -> str:
            module = ir.Module("shuffle")
            emit_shuffle(module)
            return str(module)

        self._code = cache.load("shuffle", emitted, ["shuffle"])
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint64, ctypes.c_uint64)
        self._call = kind(self._code.address("shuffle"))

    def __call__(self, n: int, seed: int, stream: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """What `seeds.permutation` returns, int64 (n,)."""
        order = np.arange(n, dtype=np.int64)
        self._call(order.ctypes.data, n, 1, seed, stream)
        return order
