"""Where threads that share native work wait for each other."""

from __future__ import annotations

from typing import Any

from forwardnet.compiler.emit import VOID, index
from forwardnet.compiler.lanes import I8, I32, I64, PTR
from forwardnet.compiler.llvm import ir

COUNTER, GENERATION, BYTES = 0, 64, 128  # the two words, each on a cache line of its own, and what they take
SPINS = 2000


def emit_barrier(module: Any) -> Any:
    """The function `meet(words, threads)`: wait for all; spin a while, then give the processor away between looks."""
    function = ir.Function(module, ir.FunctionType(VOID, [PTR, I64]), "meet")
    function.linkage = "internal"
    words, threads = function.args
    pause = ir.Function(module, ir.FunctionType(I32, []), "sched_yield")
    entry, last, wait, again, rest, done = (
        function.append_basic_block(n) for n in ("entry", "last", "wait", "again", "rest", "done")
    )
    b = ir.IRBuilder(entry)
    counter, generation = (b.gep(words, [index(n)], source_etype=I8) for n in (COUNTER, GENERATION))
    now = b.load_atomic(generation, "acquire", 8, typ=I64)
    arrived = b.atomic_rmw("add", counter, index(1), "acq_rel")
    b.cbranch(b.icmp_unsigned("==", b.add(arrived, index(1)), threads), last, wait)
    b.position_at_end(last)
    b.atomic_rmw("xchg", counter, index(0), "monotonic")
    b.atomic_rmw("xchg", generation, b.add(now, index(1)), "release")
    b.branch(done)
    b.position_at_end(wait)
    spins = b.phi(I64)
    spins.add_incoming(index(0), entry)
    seen = b.load_atomic(generation, "acquire", 8, typ=I64)
    b.cbranch(b.icmp_unsigned("!=", seen, now), done, again)
    b.position_at_end(again)
    more = b.add(spins, index(1))
    spins.add_incoming(more, again)
    spins.add_incoming(more, rest)
    b.cbranch(b.icmp_unsigned("<", more, index(SPINS)), wait, rest)
    b.position_at_end(rest)
    b.call(pause, [])
    b.branch(wait)
    b.position_at_end(done)
    b.ret_void()
    return function
