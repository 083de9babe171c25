"""The LLVM module of a program: a function for each kernel, and `run`, the loop over steps.

`run(arena, sources, order, steps, losses, records, thread)` is called by every thread at once. What is too small to be
worth sharing is done by thread 0 alone; between what one thread writes and another reads stands a barrier.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forwardnet.compiler.ahead import asking
from forwardnet.compiler.barrier import emit_barrier
from forwardnet.compiler.emit import VOID, Frame, index
from forwardnet.compiler.emit_nest import emit_nest
from forwardnet.compiler.lanes import F64, I8, I32, I64, PTR, memory_type
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.loops import emit_loop
from forwardnet.compiler.matrix import NESTS, Val
from forwardnet.compiler.nest import can_share
from forwardnet.compiler.orient import LANES, panels
from forwardnet.compiler.plan import Plan
from forwardnet.compiler.products import emit_dot, emit_product
from forwardnet.compiler.random import emit_random
from forwardnet.compiler.schedule import Kernel
from forwardnet.compiler.transfer import (
    batch_of,
    emit_check,
    emit_copy,
    emit_gather,
    emit_record,
    emit_turn,
)

RUN = ir.FunctionType(I64, [PTR, PTR, PTR, I64, PTR, PTR, I64])
FTZ_AND_DAZ = 0x8040
FINITE = 16  # where in the arena's header, between the barrier's words, the answer of `check` lies
# Work below which sharing a kernel costs more than it saves: multiply-adds of a product, vectors of anything else.
PRODUCT_WORK, VECTOR_WORK = 100_000, 600


@dataclass
class Signature:
    """How a graph is used as a training step.

    `gathered` are the numbers of inputs of which each step takes the rows that an order names; `states` maps the
    number of an input to the number of the output that replaces it; `loss` is the number of the output whose value is
    kept for every step, `record` of one that is kept row by row.
    """

    gathered: Sequence[int] = ()
    states: Mapping[int, int] = field(default_factory=dict)
    loss: int | None = None
    record: int | None = None


@dataclass
class Part:
    """One call in a step: `call(builder, step)` emits it; shared by all threads, or done by thread 0."""

    is_shared: bool
    call: Callable[[Any, Any], None]


def work(plan: Plan) -> float:
    """Multiply-adds of all products of a step."""
    return float(sum(_multiply_adds(k) for k in plan.schedule.kernels if k.kind in ("matmul", "dot", "contract")))


def _multiply_adds(kernel: Kernel) -> int:
    assert kernel.root is not None
    if kernel.kind == "contract":
        return int(sum(piece.turns for piece in kernel.root.attrs["pieces"]))
    return kernel.space[0] * kernel.space[1] * kernel.root.args[0].shape[1]


def is_worth_sharing(kernel: Kernel, plan: Plan) -> bool:
    """Whether several threads finish a kernel sooner than one; totals over rows are summed by one."""
    if kernel.kind == "matmul":
        # What follows the sums costs about as much for each element as another term.
        epilogue = kernel.space[0] * kernel.space[1] * len(kernel.values)
        return _multiply_adds(kernel) + epilogue >= PRODUCT_WORK
    if kernel.kind == "dot":  # threads share the columns; squares of them that share lines of memory are few
        return _multiply_adds(kernel) >= PRODUCT_WORK and kernel.space[1] >= 4 * LANES
    if kernel.kind in NESTS:
        assert kernel.root is not None
        pieces = kernel.root.attrs["pieces"]
        least = PRODUCT_WORK if kernel.kind == "contract" else LANES * VECTOR_WORK
        return len(pieces) == 1 and can_share(pieces[0]) and pieces[0].turns >= least
    vectors = kernel.space[0] * panels(kernel.space[1]) * max(1, len(kernel.values))
    if kernel.kind == "random":
        return vectors >= VECTOR_WORK // 8
    if kernel.kind == "turn":
        return vectors >= VECTOR_WORK
    by_rows = kernel.outer == "rows"
    has_totals = any(v.kind == "reduce" and plan.along_lanes(v, kernel) != by_rows for v in kernel.values)
    return vectors >= VECTOR_WORK and not has_totals


class Emitter:
    """Emits the module of a plan for a number of threads."""

    def __init__(self, plan: Plan, signature: Signature, threads: int, *, exported: bool = False) -> None:
        """`exported` kernels can be called one by one, to time them."""
        self.exported = exported
        self.plan, self.signature, self.threads = plan, signature, threads
        self.module = ir.Module("forwardnet")
        # A kernel that is called by itself, to time it, knows of no next step.
        self.asking = None if exported else asking(plan, list(signature.gathered))

    def run(self) -> Any:
        """The whole module."""
        function = ir.Function(self.module, RUN, "run")
        function.attributes.add("nounwind")
        self.arena, self.sources, self.order, self.steps, self.losses, self.records, self.thread = function.args
        parts = self._parts()
        self.barrier = emit_barrier(self.module) if self.threads > 1 else None
        b = ir.IRBuilder(function.append_basic_block("entry"))
        restore = flush_denormals(self.module, b)
        head, body, early, after = (function.append_basic_block(n) for n in ("head", "body", "early", "after"))
        entry = b.block
        b.branch(head)
        b.position_at_end(head)
        step = b.phi(I64)
        step.add_incoming(index(0), entry)
        b.cbranch(b.icmp_signed("<", step, self.steps), body, after)
        b.position_at_end(body)
        self._step(b, step, parts)
        going = self._is_going(b, step)
        succ = b.add(step, index(1))
        step.add_incoming(succ, b.block)
        b.cbranch(going, head, early)
        for block, result in ((early, succ), (after, self.steps)):
            b.position_at_end(block)
            restore(b)
            b.ret(result)
        self._check()
        return self.module

    def _check(self) -> None:
        """`check(arena)`: whether the states are finite."""
        frame = Frame(self.module, "check")
        states = [self.plan.program.inputs[number] for number in self.signature.states]
        buffers = [
            (self.plan.offset(v), self.plan.shape(v)[0] * panels(self.plan.shape(v)[1]), v.dtype)
            for v in states
            if v.dtype.kind == "f"
        ]
        emit_check(frame, buffers, FINITE)
        frame.finish()

    def _step(self, b: Any, step: Any, parts: list[Part]) -> None:
        """All parts in order; a barrier wherever the work passes from one set of threads to another."""
        position = 0
        while position < len(parts):
            run = [parts[position]]
            position += 1
            while not run[0].is_shared and position < len(parts) and not parts[position].is_shared:
                run.append(parts[position])
                position += 1
            self._section(b, step, run)
            if self.barrier is not None:
                b.call(self.barrier, [self.arena, index(self.threads)])

    def _section(self, b: Any, step: Any, run: list[Part]) -> None:
        alone = self.threads > 1 and not run[0].is_shared
        if alone:
            body, after = b.function.append_basic_block("alone"), b.function.append_basic_block("joined")
            b.cbranch(b.icmp_unsigned("==", self.thread, index(0)), body, after)
            b.position_at_end(body)
        for part in run:
            part.call(b, step)
        if alone:
            b.branch(after)
            b.position_at_end(after)

    # Parts

    def _parts(self) -> list[Part]:
        parts = [self._gather(slot, number) for slot, number in enumerate(self.signature.gathered)]
        keeps_loss, loss = Part(False, self._keep_loss), self._loss
        for i, kernel in enumerate(self.plan.schedule.kernels):
            parts.append(self._kernel(f"kernel{i}", kernel))
            if loss is not None and any(made is loss for made in (*kernel.values, kernel.root)):
                parts.append(keeps_loss)
        if loss is not None and keeps_loss not in parts:  # it is an input, or a constant
            parts.append(keeps_loss)
        if self.signature.record is not None:
            parts.append(self._record(self.signature.record))
        for number, (new, old) in enumerate(self.plan.copies):
            frame = self._frame(f"copy{number}", shared=False)
            emit_copy(frame, self.plan, new, old)
            parts.append(self._part(frame))
        return parts

    def _frame(self, name: str, *, shared: bool, width: int = LANES, arguments: tuple[Any, ...] = (PTR,)) -> Frame:
        frame = Frame(self.module, name, width=width, arguments=arguments, threads=self.threads if shared else 1)
        frame.function.linkage = "" if self.exported and name.startswith("kernel") else "internal"
        return frame

    def _part(self, frame: Frame, more: Callable[[Any, Any], list[Any]] = lambda b, step: []) -> Part:
        frame.finish()
        thread = [self.thread] if frame.threads > 1 else []
        return Part(frame.threads > 1, lambda b, step: b.call(frame.function, [self.arena, *more(b, step), *thread]))

    def _kernel(self, name: str, kernel: Kernel) -> Part:
        width = 1 if kernel.kind == "loop" and kernel.space == (1, 1) else LANES
        shared = self.threads > 1 and is_worth_sharing(kernel, self.plan)
        if self.asking is not None and kernel is self.asking[0]:
            return self._asking_product(name, *self.asking, shared=shared)
        frame = self._frame(name, shared=shared, width=width)
        if kernel.kind == "matmul":
            emit_product(frame, kernel, self.plan)
        elif kernel.kind == "dot":
            assert kernel.root is not None
            emit_dot(frame, kernel.root, self.plan)
        elif kernel.kind in NESTS:
            assert kernel.root is not None
            emit_nest(frame, kernel.root, self.plan)
        elif kernel.kind == "random":
            assert kernel.root is not None
            emit_random(frame, kernel.root, self.plan)
        elif kernel.kind == "turn":
            assert kernel.root is not None
            emit_turn(frame, kernel.root, self.plan, _turn_source(kernel, self.plan))
        else:
            emit_loop(frame, kernel, self.plan)
        return self._part(frame)

    def _asking_product(self, name: str, kernel: Kernel, slot: int, *, shared: bool) -> Part:
        """A product that meanwhile asks for the rows of the next step."""
        val = self.plan.program.inputs[self.signature.gathered[slot]]
        frame = self._frame(name, shared=shared, arguments=(PTR, PTR, PTR))
        emit_product(frame, kernel, self.plan, asks=(val, frame.function.args[1], frame.function.args[2]))

        def more(b: Any, step: Any) -> list[Any]:
            following = b.add(step, index(1))
            following = b.select(b.icmp_signed("<", following, self.steps), following, step)
            return self._rows(b, slot, following)

        return self._part(frame, more)

    def _rows(self, b: Any, slot: int, step: Any) -> list[Any]:
        """Where the rows of an input lie, and the numbers of those that a step takes."""
        batch, _ = batch_of(self.plan.program.inputs[self.signature.gathered[slot]])
        data = b.load(b.gep(self.sources, [index(slot)], source_etype=PTR), typ=PTR)
        return [data, b.gep(self.order, [b.mul(step, index(batch))], source_etype=I64)]

    def _gather(self, slot: int, number: int) -> Part:
        val = self.plan.program.inputs[number]
        batch, width = batch_of(val)
        # Vectors from far memory take longer than those of other kernels.
        shared = self.threads > 1 and batch * panels(width) >= VECTOR_WORK // 3
        frame = self._frame(f"gather{number}", shared=shared, arguments=(PTR, PTR, PTR))
        emit_gather(frame, val, self.plan, frame.function.args[1], frame.function.args[2])
        return self._part(frame, lambda b, step: self._rows(b, slot, step))

    def _record(self, number: int) -> Part:
        found = self.plan.program.outputs[number]
        rows, cols = found.shape
        frame = self._frame("record", shared=False, arguments=(PTR, PTR))
        emit_record(frame, found, self.plan, frame.function.args[1])
        size = rows * cols * found.val.dtype.itemsize

        def more(b: Any, step: Any) -> list[Any]:
            return [b.gep(self.records, [b.mul(step, index(size))], source_etype=I8)]

        return self._part(frame, more)

    @property
    def _loss(self) -> Val | None:
        return None if self.signature.loss is None else self.plan.program.outputs[self.signature.loss].val

    def _keep_loss(self, b: Any, step: Any) -> None:
        """losses[step] = loss, by one thread: the next step may begin to write another one where it lies."""
        assert self._loss is not None
        address = b.gep(self.arena, [index(self.plan.offset(self._loss))], source_etype=I8)
        value = b.load(address, typ=memory_type(self._loss.dtype))
        wide = value if value.type == F64 else b.fpext(value, F64)
        b.store(wide, b.gep(self.losses, [step], source_etype=F64))

    def _is_going(self, b: Any, step: Any) -> Any:
        """Whether the loss of a step that all threads have done is finite; all of them find the same."""
        if self._loss is None:
            return ir.Constant(ir.IntType(1), 1)
        value = b.load(b.gep(self.losses, [step], source_etype=F64), typ=F64)
        return b.fcmp_ordered("==", b.fsub(value, value), ir.Constant(F64, 0.0))


def _turn_source(kernel: Kernel, plan: Plan) -> int:
    """The form in which the value to be transposed was written."""
    assert kernel.root is not None
    for other in plan.schedule.kernels:
        if other.kind == "matmul" and other.root is kernel.root:
            return other.way
    return plan.orientation(kernel.root)


def flush_denormals(module: Any, b: Any) -> Callable[[Any], Any]:
    """Set flush-to-zero and denormals-are-zero; returns what restores the caller's mode."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return lambda builder: None
    kind = ir.FunctionType(VOID, [PTR])
    store = ir.Function(module, kind, "llvm.x86.sse.stmxcsr")
    load = ir.Function(module, kind, "llvm.x86.sse.ldmxcsr")
    before, during = b.alloca(I32), b.alloca(I32)
    b.call(store, [before])
    b.store(b.or_(b.load(before, typ=I32), ir.Constant(I32, FTZ_AND_DAZ)), during)
    b.call(load, [during])
    return lambda builder: builder.call(load, [before])
