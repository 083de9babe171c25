"""Where the time of a compiled step goes: each kernel run by itself, beside the machine's own peak."""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from forwardnet.compiler import engine
from forwardnet.compiler.emit import Frame, index
from forwardnet.compiler.explain import KernelInfo, describe
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.module import Emitter
from forwardnet.compiler.plan import Plan

CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
CHAINS, TURNS, UNROLL = 12, 500, 8  # more chains than latency times units, so that none waits for another


def kernel_seconds(plan: Plan, signature: Any, arena: np.ndarray[Any, Any]) -> list[tuple[KernelInfo, float]]:
    """Each kernel with the least time it took on one thread, over a copy of the arena."""
    emitter = Emitter(plan, signature, 1, exported=True)
    names = [f"kernel{i}" for i in range(len(plan.schedule.kernels))]
    code = engine.load(engine.assemble(str(emitter.run())), names)
    space = np.zeros(len(arena) + 64, np.uint8)
    start = -space.ctypes.data % 64
    space[start : start + len(arena)] = arena
    address = space.ctypes.data + start
    idle = _least(lambda: None)
    found = []
    for name, kernel in zip(names, plan.schedule.kernels, strict=True):
        call = CALL(code.address(name))
        found.append((describe(kernel, plan), max(_least(lambda call=call: call(address)) - idle, 0.0)))  # type: ignore[misc]
    return found


def _least(call: Callable[[], object], rounds: int = 7) -> float:
    """Seconds of one call, the least of several rounds of about a millisecond."""
    begin = time.perf_counter()
    call()
    count = max(3, int(1e-3 / max(time.perf_counter() - begin, 1e-7)))
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, (time.perf_counter() - begin) / count)
    return best


@functools.cache
def peak_flops() -> float:
    """Floating-point operations a second that one core reaches with float32 multiply-adds on registers."""
    module = ir.Module("peak")
    frame = Frame(module, "peak")
    k = frame.k
    factor, term = k.const(0.999, "float32"), k.const(0.001, "float32")
    sums = [k.const(1 + i / 10, "float32") for i in range(CHAINS)]
    with frame.loop(TURNS, carried=sums) as (_, held, done):
        for _ in range(UNROLL):
            held = [k.fma(s, factor, term) for s in held]
        done(*held)
    for i, total in enumerate(sums):
        frame.store(total, 0, index(i * k.width), "float32")
    frame.finish()
    code = engine.load(engine.assemble(str(module)), ["peak"])
    out = np.zeros(CHAINS * k.width + 16, np.float32)
    start = -out.ctypes.data % 64
    call = CALL(code.address("peak"))
    seconds = _least(lambda: call(out.ctypes.data + start), rounds=15)
    return 2.0 * CHAINS * TURNS * UNROLL * k.width / seconds


def report(plan: Plan, signature: Any, arena: np.ndarray[Any, Any]) -> str:
    """A table: kernel, what was fused, operations, bytes, microseconds, and the share of the peak."""
    peak = peak_flops()
    rows = kernel_seconds(plan, signature, arena)
    total = sum(seconds for _, seconds in rows)
    lines = [f"one step on one thread; this core's peak is {peak / 1e9:.0f} GFLOP/s (float32 multiply-adds)"]
    lines.append(
        f"{'kernel':>6} {'kind':7} {'space':>12} {'us':>9} {'time':>6} {'MFLOP':>9} {'MB':>7} {'peak':>6}  fused"
    )
    for i, (info, seconds) in enumerate(rows):
        share = info.operations / seconds / peak if seconds else 0.0
        lines.append(
            f"{i:6d} {info.kind:7} {f'{info.rows} x {info.columns}':>12} {seconds * 1e6:9.2f} {seconds / total:6.1%} "
            f"{info.operations / 1e6:9.3f} {info.bytes / 1e6:7.3f} {share:6.1%}  {' '.join(info.fused)}"
        )
    operations = sum(info.operations for info, _ in rows)
    lines.append(
        f"{'all':>6} {'':7} {'':>12} {total * 1e6:9.2f} {1:6.1%} {operations / 1e6:9.3f} "
        f"{sum(info.bytes for info, _ in rows) / 1e6:7.3f} {operations / total / peak:6.1%}"
    )
    return "\n".join(lines)
