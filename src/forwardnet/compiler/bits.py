"""Native random numbers for all of a process: `seeds.bits`, sixteen counters at a time, and `seeds.permutation(s)`."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from forwardnet import seeds
from forwardnet.compiler import cache
from forwardnet.compiler.emit import Frame, index
from forwardnet.compiler.lanes import I8, I32, I64, PTR
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.orient import LANES
from forwardnet.compiler.random import Philox, in_order
from forwardnet.compiler.shuffle import Shuffle

BLOCK = 4 * LANES  # words of one turn


def _emitted() -> str:
    module = ir.Module("bits")
    frame = Frame(module, "bits", arguments=(PTR, I64, I64, I64, I64))
    out, turns, seed, stream, start = frame.function.args
    b = frame.builder
    philox = Philox(frame, seed, stream)
    before = b.block
    body, after = frame.function.append_basic_block("body"), frame.function.append_basic_block("after")
    b.branch(body)
    b.position_at_end(body)
    i = b.phi(I64)
    i.add_incoming(index(0), before)
    counter = b.add(start, b.mul(i, index(LANES)))
    words = philox.words(b.add(frame.k.broadcast(counter), frame.k.iota(I64)))
    place = b.gep(out, [b.mul(i, index(4 * BLOCK))], source_etype=I8)
    for n, vector in enumerate(in_order(frame, words)):
        b.store(vector, b.gep(place, [index(n)], source_etype=ir.VectorType(I32, LANES)), align=4)
    succ = b.add(i, index(1))
    i.add_incoming(succ, b.block)
    b.cbranch(b.icmp_unsigned("<", succ, turns), body, after)
    b.position_at_end(after)
    frame.finish()
    return str(module)


class _Bits:
    """The function, loaded."""

    def __init__(self) -> None:
        self._code = cache.load("bits", _emitted, ["bits"])
        words = [ctypes.c_uint64] * 3
        self._call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, *words)(self._code.address("bits"))

    def __call__(self, n: int, seed: int, stream: int, start: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
        turns = max(1, -(-n // BLOCK))
        out = np.empty(turns * BLOCK, np.uint32)
        self._call(out.ctypes.data, turns, seed, stream, start)
        return out[:n]


def install() -> None:
    """Let all random numbers of this process be drawn natively from now on; the numbers stay the same."""
    if seeds._Native.bits is None:
        shuffle = Shuffle()
        seeds._Native.bits, seeds._Native.permutation, seeds._Native.permutations = _Bits(), shuffle, shuffle.several
