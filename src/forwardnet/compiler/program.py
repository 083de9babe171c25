"""From a graph to a native program: build, orient, schedule, plan, emit, load; then pack, run, unpack."""

from __future__ import annotations

import ctypes
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forwardnet.compiler import cache, engine, matrix, orient
from forwardnet.compiler.emit import VOID, Frame, index
from forwardnet.compiler.lanes import F32, F64, I32, I64, PTR, memory_type
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.loops import emit_loop
from forwardnet.compiler.matrix import Val
from forwardnet.compiler.orient import LANES, panels
from forwardnet.compiler.plan import ALIGN, Plan, make_plan, pack, unpack
from forwardnet.compiler.products import emit_product
from forwardnet.compiler.schedule import Kernel, schedule
from forwardnet.compiler.transfer import emit_copy, emit_gather, emit_turn
from forwardnet.ir.graph import Graph

Array = np.ndarray[Any, Any]
FTZ_AND_DAZ = 0x8040
RUN = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p
)


@dataclass
class Signature:
    """How a graph is used as a training step.

    `gathered` are the numbers of inputs of which each step takes the rows that an order names; `states` maps the
    number of an input to the number of the output that replaces it; `loss` is the number of the output to record.
    """

    gathered: Sequence[int] = ()
    states: Mapping[int, int] = field(default_factory=dict)
    loss: int | None = None


class Native:
    """A compiled graph with an arena of its own."""

    def __init__(self, graph: Graph, signature: Signature) -> None:
        begin = time.perf_counter()
        self.program = matrix.build(graph)
        for number in signature.gathered:
            self.program.inputs[number].attrs["gathered"] = True
        self.signature = signature
        self.orientation = orient.choose(self.program)
        self.schedule = schedule(self.program, self.orientation)
        self.plan = make_plan(self.program, self.orientation, self.schedule, signature.states)
        self.text = str(emit_module(self.plan, signature))
        self.analysis_seconds = time.perf_counter() - begin
        self.code = cache.load_or_assemble(self.text, ["run"])
        self.compile_seconds = time.perf_counter() - begin
        self._run = RUN(self.code.address("run"))
        raw = np.zeros(self.plan.size + ALIGN, np.uint8)
        start = -raw.ctypes.data % ALIGN
        self.arena: Array = raw[start : start + self.plan.size]
        for val in self.program.values:
            if val.kind == "const" and np.size(val.attrs["value"]) > 1:
                self._write(val, val.attrs["value"])

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

    def run(self, sources: Sequence[Array] = (), order: Array | None = None, steps: int = 1) -> Array:
        """Run steps over consecutive parts of `order`; returns the recorded losses, fewer if one is not finite."""
        losses = np.zeros(max(steps, 1), np.float64)
        pointers = (ctypes.c_void_p * max(len(sources), 1))(*(s.ctypes.data for s in sources))
        order_at = order.ctypes.data if order is not None else None
        done = self._run(self.arena.ctypes.data, ctypes.addressof(pointers), order_at, steps, losses.ctypes.data)
        return losses[:done]


def emit_module(plan: Plan, signature: Signature) -> Any:
    """The LLVM module: one function for each kernel, and `run`, the loop over steps."""
    module = ir.Module("forwardnet")
    names = []
    for number, kernel in enumerate(plan.schedule.kernels):
        names.append(_emit_kernel(module, f"kernel{number}", kernel, plan))
    _emit_run(module, names, plan, signature)
    return module


def _emit_kernel(module: Any, name: str, kernel: Kernel, plan: Plan) -> Any:
    frame = Frame(module, name, width=1 if kernel.kind == "loop" and kernel.space == (1, 1) else LANES)
    frame.function.linkage = "internal"
    if kernel.kind == "matmul":
        emit_product(frame, kernel, plan)
    elif kernel.kind == "turn":
        assert kernel.root is not None
        emit_turn(frame, kernel.root, plan, _turn_source(kernel, plan))
    else:
        emit_loop(frame, kernel, plan)
    frame.finish()
    return frame.function


def _turn_source(kernel: Kernel, plan: Plan) -> int:
    """The form in which the value to be transposed was written."""
    assert kernel.root is not None
    for other in plan.schedule.kernels:
        if other.kind == "matmul" and other.root is kernel.root:
            return other.way
    return plan.orientation(kernel.root)


def _emit_run(module: Any, kernels: list[Any], plan: Plan, signature: Signature) -> None:
    """run(arena, sources, order, steps, losses) -> steps done: the loop over mini-batches."""
    kind = ir.FunctionType(I64, [PTR, PTR, PTR, I64, PTR])
    function = ir.Function(module, kind, "run")
    function.attributes.add("nounwind")
    arena, sources, order, steps, losses = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    restore = _flush_denormals(module, b)
    head, body, after = (function.append_basic_block(n) for n in ("head", "body", "after"))
    entry = b.block
    b.branch(head)
    b.position_at_end(head)
    step = b.phi(I64)
    step.add_incoming(index(0), entry)
    b.cbranch(b.icmp_signed("<", step, steps), body, after)
    b.position_at_end(body)
    _emit_gathers(module, b, plan, signature, arena, sources, order, step)
    for kernel in kernels:
        b.call(kernel, [arena])
    for frame in _emit_copies(module, plan, signature):
        b.call(frame, [arena])
    going = ir.Constant(ir.IntType(1), 1)
    succ = b.add(step, index(1))
    if signature.loss is not None:
        going = _record_loss(b, plan, signature.loss, arena, losses, step)
    last = b.block
    step.add_incoming(succ, last)
    early = function.append_basic_block("early")
    b.cbranch(going, head, early)
    b.position_at_end(early)
    restore(b)
    b.ret(succ)
    b.position_at_end(after)
    restore(b)
    b.ret(steps)


def _emit_gathers(
    module: Any, b: Any, plan: Plan, signature: Signature, arena: Any, sources: Any, order: Any, step: Any
) -> None:
    for slot, number in enumerate(signature.gathered):
        val = plan.program.inputs[number]
        batch = val.shape[1] if val.shape[0] == 1 else val.shape[0]
        frame = Frame(module, f"gather{number}", arguments=(PTR, PTR, PTR))
        frame.function.linkage = "internal"
        emit_gather(frame, val, plan, frame.function.args[1], frame.function.args[2])
        frame.finish()
        data = b.load(b.gep(sources, [index(slot)], source_etype=PTR), typ=PTR)
        rows = b.gep(order, [b.mul(step, index(batch))], source_etype=I64)
        b.call(frame.function, [arena, data, rows])


def _emit_copies(module: Any, plan: Plan, signature: Signature) -> list[Any]:
    functions = []
    flips = {signature_output.val.index: signature_output.flip for signature_output in plan.program.outputs}
    for number, (new, old) in enumerate(plan.copies):
        frame = Frame(module, f"copy{number}")
        frame.function.linkage = "internal"
        emit_copy(frame, plan, new, old, flips[new.index])
        frame.finish()
        functions.append(frame.function)
    return functions


def _record_loss(b: Any, plan: Plan, number: int, arena: Any, losses: Any, step: Any) -> Any:
    """losses[step] = loss; tells whether it is finite."""
    val = plan.program.outputs[number].val
    address = b.gep(arena, [index(plan.offset(val))], source_etype=ir.IntType(8))
    value = b.load(address, typ=memory_type(val.dtype))
    wide = value if value.type == F64 else b.fpext(value, F64)
    b.store(wide, b.gep(losses, [step], source_etype=F64))
    return b.fcmp_ordered("==", b.fsub(wide, wide), ir.Constant(F64, 0.0))


def _flush_denormals(module: Any, b: Any) -> Any:
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


WIDTHS = (F32, F64)
