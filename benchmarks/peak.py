"""The arithmetic peak of the processor: fused multiply-adds on float32 vectors in registers, and nothing else."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

from forwardnet.compiler import engine

TURNS = 200_000
KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)


def lanes() -> int:
    """float32 numbers in a vector register."""
    return engine.vector_bytes() // 4


def accumulators() -> int:
    """More than latency times throughput of any present core, and few enough for its registers: AVX2 has 16."""
    return 12 if engine.vector_bytes() == 32 else 24


def source() -> str:
    """LLVM IR of `peak(turns, sink)`: each turn multiplies and adds every accumulator once."""
    kind = f"<{lanes()} x float>"
    names = [f"%a{i}" for i in range(accumulators())]
    starts = [f"<{', '.join([f'float {float(i)!r}'] * lanes())}>" for i in range(1, accumulators() + 1)]
    phis = [
        f"  {name} = phi {kind} [{start}, %entry], [{name}.next, %loop]"
        for name, start in zip(names, starts, strict=True)
    ]
    fma = f"@llvm.fma.v{lanes()}f32"
    sums = [f"  {name}.next = call {kind} {fma}({kind} {name}, {kind} %factor, {kind} %factor)" for name in names]
    stores = [
        line
        for i, name in enumerate(names)
        for line in (
            f"  %p{i} = getelementptr {kind}, ptr %sink, i64 {i}",
            f"  store {kind} {name}.next, ptr %p{i}, align 4",
        )
    ]
    function = [
        f"declare {kind} {fma}({kind}, {kind}, {kind})",
        "define void @peak(i64 %turns, ptr %sink) {",
        "entry:",
        f"  %factor = load volatile {kind}, ptr %sink, align 4",
        "  br label %loop",
        "loop:",
        "  %turn = phi i64 [0, %entry], [%turn.next, %loop]",
        *phis,
        *sums,
        "  %turn.next = add i64 %turn, 1",
        "  %more = icmp slt i64 %turn.next, %turns",
        "  br i1 %more, label %loop, label %done",
        "done:",
        *stores,
        "  ret void",
        "}",
    ]
    return "\n".join(function)


class Peak:
    """Measures FLOP per second with some threads at once."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._code = engine.load(engine.assemble(source()), ["peak"])
        self._kernel: Callable[[int, int], None] = KERNEL(self._code.address("peak"))

    def version(self) -> str:
        """What was measured."""
        return f"float32 FMA, {lanes()} lanes"

    def timed(self, seconds: float) -> tuple[float, float]:
        """Seconds per operation of all threads, by the clock and of processor time, over at least `seconds`."""
        turns, count = TURNS, accumulators() * lanes()
        while True:
            used = time.process_time()
            elapsed = self._run(turns)
            used = time.process_time() - used
            if elapsed >= seconds:
                flops = 2.0 * count * turns * self.threads
                return elapsed / flops, used / flops
            turns = int(turns * max(1.5, 1.2 * seconds / elapsed))

    def _run(self, turns: int) -> float:
        gate = threading.Barrier(self.threads + 1)
        count = accumulators() * lanes()

        def work() -> None:
            sink = (ctypes.c_float * count)(*([0.5] * count))
            gate.wait()
            self._kernel(turns, ctypes.addressof(sink))
            gate.wait()

        threads = [threading.Thread(target=work) for _ in range(self.threads)]
        for thread in threads:
            thread.start()
        gate.wait()
        begin = time.perf_counter()
        gate.wait()
        elapsed = time.perf_counter() - begin
        for thread in threads:
            thread.join()
        return elapsed
