"""From a graph to a native program: build, orient, schedule, plan, emit, load; then pack, run, unpack."""

from __future__ import annotations

import ctypes
import itertools
import sys
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forwardnet import config
from forwardnet.compiler import bits, cache, engine, module, orient, rules, threads
from forwardnet.compiler.explain import kernel_lines
from forwardnet.compiler.kept import found_or_made, key_of
from forwardnet.compiler.matrix import Program, Val
from forwardnet.compiler.module import Emitter, Signature, work
from forwardnet.compiler.orient import LANES, Orientation, panels
from forwardnet.compiler.plan import ALIGN, HEADER, Plan, make_plan, pack, unpack
from forwardnet.compiler.schedule import Schedule, schedule
from forwardnet.ir.graph import Graph
from forwardnet.ir.text import to_text
from forwardnet.ops.record import CannotLower

__all__ = ["Native", "Signature"]

# Multiply-adds of a step for each thread that takes part in it.
WORK_OF_A_THREAD = 1e6

SERIALS = itertools.count(1)
OWNER = 8  # where in the arena's header the number of the program that ran last is kept

Array = np.ndarray[Any, Any]
RUN = ctypes.CFUNCTYPE(
    ctypes.c_int64,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int64,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int64,
)


@dataclass(frozen=True)
class Built:
    """What equal graphs share."""

    program: Program
    orientation: Orientation
    schedule: Schedule
    plan: Plan
    work: float
    threads: int
    code: Any
    analysis_seconds: float
    compile_seconds: float


class Native:
    """A compiled graph with an arena of its own."""

    def __init__(
        self, graph: Graph, signature: Signature, *, like: Native | None = None, most_threads: int | None = None
    ) -> None:
        """`like` is a program for another batch size, with which this one shares the arena and so the states.

        At most `most_threads` threads (None: as many as there are processors) share a step, fewer for a small one.
        """
        if not engine.has_multiply_add():
            raise CannotLower("a program for a processor without fused multiply-add")
        bits.install()
        self.signature = signature
        limit = threads.available() if most_threads is None else most_threads
        found = found_or_made(_key(graph, signature, like, limit), lambda: self._built(graph, like, limit))
        self.program, self.orientation, self.schedule = found.program, found.orientation, found.schedule
        self.plan, self.work, self.threads, self.code = found.plan, found.work, found.threads, found.code
        self.analysis_seconds, self.compile_seconds = found.analysis_seconds, found.compile_seconds
        self._show(graph)
        self.entry: int = self.code.address("run")
        self._run = RUN(self.entry)
        self._check = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.code.address("check"))
        self.arena = _arena(self.plan.size) if like is None else like.grown(self.plan.size)
        self._serial, self._shares = next(SERIALS), like is not None
        self._constants = [v for v in self.program.values if v.kind == "const" and np.size(v.attrs["value"]) > 1]
        self.take_arena()

    def _built(self, graph: Graph, like: Native | None, limit: int) -> Built:
        begin = time.perf_counter()
        self.program = rules.build(graph, self.signature.states)
        for number in self.signature.gathered:
            self.program.inputs[number].attrs["gathered"] = True
        for val in self.program.values:
            if val.kind == "const":  # the array may be a tensor's, which somebody changes while this is kept
                val.attrs["value"] = np.array(val.attrs["value"])
        self.orientation = orient.choose(self.program, _shared_orientation(like))
        self.schedule = schedule(self.program, self.orientation)
        self.plan = make_plan(self.program, self.orientation, self.schedule, dict(self.signature.states))
        self.work = work(self.plan)  # multiply-adds of a step
        shares = any(module.is_worth_sharing(kernel, self.plan) for kernel in self.schedule.kernels)
        self.threads = max(1, min(limit, int(self.work / WORK_OF_A_THREAD))) if shares else 1
        analysis_seconds = time.perf_counter() - begin
        code = cache.load(self._description(), self._emitted, ["run", "check"])
        seconds = analysis_seconds, time.perf_counter() - begin
        return Built(self.program, self.orientation, self.schedule, self.plan, self.work, self.threads, code, *seconds)

    def take_arena(self) -> None:
        """Put the constants where they belong: the programs that share an arena lie over each other."""
        owner = self.arena[OWNER : OWNER + 8].view(np.int64)
        if owner[0] == self._serial:
            return
        owner[0] = self._serial
        for val in self._constants:
            self._write(val, val.attrs["value"])

    def leave_arena(self) -> None:
        """Let the next program that runs put its constants where they belong."""
        self.arena[OWNER : OWNER + 8] = 0

    def constants(self) -> tuple[int, Array]:
        """Where the constants begin in the arena, and what lies there while this program runs: bytes."""
        self.take_arena()
        ends = [self.plan.offset(val) + self._buffer(val, self.plan.orientation(val)).nbytes for val in self._constants]
        return self.plan.inputs_end, self.arena[self.plan.inputs_end : max(ends, default=self.plan.inputs_end)].copy()

    def place(self, number: int) -> int:
        """The address of the first element of an input."""
        val = self.program.inputs[number]
        return int(self._buffer(val, self.plan.orientation(val)).ctypes.data)

    def _description(self) -> str:
        """Everything the code depends on, besides the compiler and the processor."""
        sharing = f"{self.threads} {module.PRODUCT_WORK} {module.VECTOR_WORK}"
        layout = f"{self.orientation}\n{sorted(self.plan.offsets.items())}"
        return f"{sharing}\n{self.program}\n{layout}\n{self.signature}"

    def _emitted(self) -> str:
        text = str(Emitter(self.plan, self.signature, self.threads).run())
        if config.shows("llvm"):
            sys.stderr.write(f"{text}\n")
        return text

    def _show(self, graph: Graph) -> None:
        """What `FORWARDNET_SHOW` asks for, on standard error."""
        if config.shows("graph"):
            sys.stderr.write(f"{to_text(graph)}\n\n{self.program}\n")
        if config.shows("kernels"):
            sys.stderr.write("\n".join([*kernel_lines(self.plan), ""]))

    def grown(self, size: int) -> Array:
        """This program's arena, made larger if another one needs more; its content stays."""
        self._shares = True
        if size > len(self.arena):
            larger = _arena(size)
            larger[: len(self.arena)] = self.arena
            self.arena = larger
        return self.arena

    # Values in and out

    def _buffer(self, val: Val, form: int) -> Array:
        rows, cols = val.shape[::-1] if form else val.shape
        offset = self.plan.offset(val, form)
        count = rows * panels(cols) * LANES
        kind = np.dtype(np.uint8) if val.dtype.kind == "b" else val.dtype
        return self.arena[offset : offset + count * kind.itemsize].view(kind)

    def _write(self, val: Val, array: Array) -> None:
        form = self.plan.orientation(val)
        pack(array.reshape(val.shape), form, self._buffer(val, form))

    def set_input(self, number: int, array: Array) -> None:
        """Put an input into the arena."""
        self._write(self.program.inputs[number], np.asarray(array))

    def _read(self, val: Val, *, flip: bool, shape: tuple[int, ...]) -> Array:
        form = self.plan.orientation(val)
        array = unpack(self._buffer(val, form), val.shape, form)
        if val.dtype.kind == "b":
            array = array.astype(bool)
        return np.ascontiguousarray(array.T if flip else array).reshape(shape)

    def output(self, number: int, shape: tuple[int, ...]) -> Array:
        """The value of an output after the last step."""
        found = self.program.outputs[number]
        return self._read(found.val, flip=found.flip, shape=shape)

    def state(self, number: int, shape: tuple[int, ...]) -> Array:
        """The present value of an input that is a state."""
        return self._read(self.program.inputs[number], flip=False, shape=shape)

    def explain(self) -> str:
        """The kernels of a step as a table, with their times measured now."""
        from forwardnet.compiler.profile import report

        return report(self.plan, self.signature, self.arena)

    def states_are_finite(self) -> bool:
        """Whether all states hold finite numbers only (truth values and integers always do)."""
        self._check(self.arena.ctypes.data)
        if self.arena[module.FINITE]:
            return True
        states = (self.program.inputs[number] for number in self.signature.states)
        # A second look, without what the padding holds.
        return all(np.isfinite(self._read(v, flip=False, shape=v.shape)).all() for v in states if v.dtype.kind == "f")

    def saved(self) -> Array:
        """A copy of the states, for `restore`."""
        return self.arena[: self.plan.inputs_end].copy()

    def restore(self, saved: Array) -> None:
        """Put back what `saved` returned."""
        self.arena[HEADER : len(saved)] = saved[HEADER:]

    def run(
        self, sources: Sequence[Array] = (), order: Array | None = None, steps: int = 1, records: Array | None = None
    ) -> Array:
        """Run steps over consecutive parts of `order`; returns the recorded losses, fewer if one is not finite.

        The rows of the recorded output go to `records`.
        """
        if self._shares:
            self.take_arena()
        losses = np.zeros(max(steps, 1), np.float64)
        pointers = (ctypes.c_void_p * max(len(sources), 1))(*(s.ctypes.data for s in sources))
        order_at = order.ctypes.data if order is not None else None
        records_at = records.ctypes.data if records is not None else None
        arguments = (
            self.arena.ctypes.data,
            ctypes.addressof(pointers),
            order_at,
            steps,
            losses.ctypes.data,
            records_at,
        )
        done = threads.together(lambda thread: self._run(*arguments, thread), self.threads)
        return losses[:done]


def _arena(size: int) -> Array:
    raw = np.zeros(size + ALIGN, np.uint8)
    start = -raw.ctypes.data % ALIGN
    return raw[start : start + size]


def _key(graph: Graph, signature: Signature, like: Native | None, limit: int) -> Hashable | None:
    """What a built program is kept under."""
    key = key_of(graph)
    if key is None or config.shows("llvm"):  # which is shown while it is emitted
        return None
    states = tuple(sorted(_shared_orientation(like).items()))
    return key, repr(signature), states, limit, engine.vector_bytes()


def _shared_orientation(like: Native | None) -> dict[int, int]:
    """Number of an input -> orientation, for the states of another program."""
    if like is None:
        return {}
    gathered = set(like.signature.gathered)
    return {i: like.orientation.of[v.index] for i, v in enumerate(like.program.inputs) if i not in gathered}
