"""A fleet: whole training runs of sixteen models as one native call."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forwardnet.compiler import bits, cache, rules
from forwardnet.compiler.emit import VOID, Frame, index
from forwardnet.compiler.fleet.kernels import Pass, emit_gather, emit_moves
from forwardnet.compiler.fleet.layout import Layout, lay_out
from forwardnet.compiler.lanes import F64, I8, I64, PTR, memory_type
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.matrix import Val
from forwardnet.compiler.module import flush_denormals
from forwardnet.compiler.orient import LANES
from forwardnet.compiler.plan import ALIGN
from forwardnet.compiler.shuffle import counted, emit_shuffle
from forwardnet.ir.graph import Graph

Array = np.ndarray[Any, Any]
Value = Any


@dataclass(frozen=True)
class Course:
    """A traced step for batches of `batch` rows, of which an epoch makes `steps`; `loss` is the number of an output."""

    graph: Graph
    states: Mapping[int, int]
    batch: int
    steps: int
    loss: int | None = 0


class Fleet:
    """The code of a course of epochs, and the layout of its arena; any number of arenas may run at once."""

    def __init__(self, courses: Sequence[Course], cells: int, drawn: Mapping[str, int]) -> None:
        """`courses` are the full batches and what is left; the first `cells` inputs are the same cells in both.

        `drawn` gives the numbers of the cells that hold the generator's "stream" and "position".
        """
        bits.install()
        self.courses, self.cells, self._drawn = courses, cells, dict(drawn)
        self.layouts: list[Layout] = []
        for course in courses:
            program = rules.build(course.graph, course.states)
            begin = self.layouts[-1].size if self.layouts else None
            self.layouts.append(lay_out(program, course.states, cells, begin=begin))
        self.size = self.layouts[-1].size
        self.rows = sum(course.batch * course.steps for course in courses)
        self.steps = sum(course.steps for course in courses)
        self.sizes = [course.batch for course in courses for _ in range(course.steps)]
        self.work = sum(x.work() * c.steps for x, c in zip(self.layouts, courses, strict=True))  # of an epoch
        described = "\n".join(f"{x.program}\n{dict(x.states)} {x.offsets}" for x in self.layouts)
        counts = [(course.batch, course.steps, course.loss) for course in courses]
        self._code = cache.load(f"fleet {counts} {cells} {self._drawn}\n{described}", self._emitted, ["run"])
        words = [ctypes.c_int64] * 5
        self._run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 6, *words)(self._code.address("run"))

    # Values in and out

    def arena(self) -> Array:
        """Zeroed memory for sixteen models, with the constants in their places."""
        raw = np.zeros(self.size + ALIGN, np.uint8)
        start = -raw.ctypes.data % ALIGN
        arena = raw[start : start + self.size]
        for layout in self.layouts:
            for val in layout.program.values:
                if val.kind == "const" and val.index in layout.offsets:
                    self._view(arena, layout, val)[...] = np.asarray(val.attrs["value"]).reshape(val.shape)[..., None]
        return arena

    def _view(self, arena: Array, layout: Layout, val: Val) -> Array:
        kind = np.dtype(np.uint8) if val.dtype.kind == "b" else val.dtype
        offset, (rows, cols) = layout.offset(val), val.shape
        return arena[offset : offset + rows * cols * LANES * kind.itemsize].view(kind).reshape(rows, cols, LANES)

    def cell(self, arena: Array, number: int) -> Array:
        """The cell of an input in all models, (rows, columns, 16); writing to it sets it."""
        layout = self.layouts[0]
        return self._view(arena, layout, layout.program.inputs[number])

    def run(
        self,
        arena: Array,
        sources: Sequence[Array],
        rows: Array,
        seeds: Array,
        *,
        epochs: int,
        first_epoch: int,
        shuffle: int | None,
        noise: int,
    ) -> Array:
        """Train; returns the losses, float64 (epochs, steps, 16).

        `rows` (n, 16) are the rows of the data that each model learns from, and `seeds` (16,) its seeds. In epoch e
        they are shuffled by stream `shuffle` + e (None: not at all), and noise is drawn from stream `noise` + e.
        """
        rows = np.ascontiguousarray(rows, np.int64)
        seeds = np.ascontiguousarray(seeds, np.int64)
        order, losses = np.empty_like(rows), np.zeros((epochs, self.steps, LANES))
        pointers = (ctypes.c_void_p * len(sources))(*(s.ctypes.data for s in sources))
        self._run(
            arena.ctypes.data,
            ctypes.addressof(pointers),
            rows.ctypes.data,
            seeds.ctypes.data,
            order.ctypes.data,
            losses.ctypes.data,
            first_epoch,
            epochs,
            int(shuffle is not None),
            ctypes.c_int64(shuffle or 0).value,
            ctypes.c_int64(noise).value,
        )
        return losses

    # Code

    def _emitted(self) -> str:
        return str(_Writer(self).module())


class _Writer:
    """Emits the module: the groups of each course, and the loops over epochs and steps around them."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self._module = ir.Module("fleet")
        self._shuffle = emit_shuffle(self._module)
        self._shuffle.linkage = "internal"

    def module(self) -> Any:
        """The whole module, with its function `run`."""
        kind = ir.FunctionType(VOID, [PTR] * 6 + [I64] * 5)
        function = ir.Function(self._module, kind, "run")
        self.arena, self.sources, self.rows, self.seeds, self.order, self.losses, *numbers = function.args
        first, epochs, self.is_shuffled, self.shuffled, self.noise = numbers
        courses = [
            self._course(n, layout, course.loss)
            for n, (layout, course) in enumerate(zip(self.fleet.layouts, self.fleet.courses, strict=True))
        ]
        b = ir.IRBuilder(function.append_basic_block("entry"))
        restore = flush_denormals(self._module, b)
        with counted(b, epochs) as epoch:
            number = b.add(first, epoch)
            self._begin_epoch(b, number)
            row, step = index(0), b.mul(epoch, index(self.fleet.steps))
            for course, calls in zip(self.fleet.courses, courses, strict=True):
                with counted(b, index(course.steps)) as s:
                    here = b.add(row, b.mul(s, index(course.batch)))
                    calls(b, b.gep(self.order, [b.mul(here, index(LANES))], source_etype=I64))
                    if calls.loss is not None:
                        self._record(b, calls.loss, b.add(step, s))
                row, step = b.add(row, index(course.batch * course.steps)), b.add(step, index(course.steps))
        restore(b)
        b.ret_void()
        return self._module

    def _begin_epoch(self, b: Any, epoch: Value) -> None:
        """The rows in the order of the epoch, and the generator at the begin of its stream."""
        with counted(b, index(self.fleet.rows * LANES)) as i:
            one = b.load(b.gep(self.rows, [i], source_etype=I64), typ=I64)
            b.store(one, b.gep(self.order, [i], source_etype=I64))
        with b.if_then(b.icmp_unsigned("!=", self.is_shuffled, index(0))), counted(b, index(LANES)) as lane:
            seed = b.load(b.gep(self.seeds, [lane], source_etype=I64), typ=I64)
            column = b.gep(self.order, [lane], source_etype=I64)
            stream = b.add(self.shuffled, epoch)
            b.call(self._shuffle, [column, index(self.fleet.rows), index(LANES), seed, stream])
        layout = self.fleet.layouts[0]
        values = {"stream": b.add(self.noise, epoch), "position": index(0)}
        for key, number in self.fleet._drawn.items():
            offset = layout.offset(layout.program.inputs[number])
            for lane in range(LANES):
                b.store(values[key], b.gep(self.arena, [index(offset + 8 * lane)], source_etype=I8), align=8)

    def _course(self, number: int, layout: Layout, output: int | None) -> _Calls:
        """The functions of one course."""
        gathers, groups = [], []
        for slot, val in enumerate(layout.program.inputs[self.fleet.cells :]):
            frame = Frame(self._module, f"gather{number}_{slot}", arguments=(PTR, PTR, PTR))
            emit_gather(frame, val, layout, frame.function.args[1], frame.function.args[2])
            gathers.append(self._finished(frame))
        for i, group in enumerate(layout.groups):
            frame = Frame(self._module, f"group{number}_{i}")
            Pass(frame, group, layout).run()
            groups.append(self._finished(frame))
        frame = Frame(self._module, f"moves{number}")
        emit_moves(frame, layout)
        groups.append(self._finished(frame))
        loss = None if output is None else layout.program.outputs[output].val
        place = None if loss is None else (layout.offset(loss), memory_type(loss.dtype))
        return _Calls(self, gathers, groups, place)

    def _finished(self, frame: Frame) -> Any:
        frame.finish()
        frame.function.linkage = "internal"
        return frame.function

    def _record(self, b: Any, loss: tuple[int, Any], step: Value) -> None:
        offset, kind = loss
        values = b.load(b.gep(self.arena, [index(offset)], source_etype=I8), typ=ir.VectorType(kind, LANES), align=64)
        wide = ir.VectorType(F64, LANES)
        values = values if kind == F64 else b.fpext(values, wide)
        b.store(values, b.gep(self.losses, [b.mul(step, index(LANES))], source_etype=F64), align=8)


@dataclass
class _Calls:
    """Calls one step's functions."""

    writer: _Writer
    gathers: list[Any]
    groups: list[Any]
    loss: tuple[int, Any] | None

    def __call__(self, b: Any, order: Value) -> None:
        for slot, function in enumerate(self.gathers):
            data = b.load(b.gep(self.writer.sources, [index(slot)], source_etype=PTR), typ=PTR)
            b.call(function, [self.writer.arena, data, order])
        for function in self.groups:
            b.call(function, [self.writer.arena])
