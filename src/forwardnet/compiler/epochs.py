"""Many runs of programs in one native call: epochs of full batches and of the smaller one that is left.

`epochs(calls, count, arena, sources, words, threads, stream, position, thread)` goes through a table of calls of the
`run` of programs that share an arena. It is called by every thread at once, and threads that a program does not take
wait for those it takes. Between two calls one of them writes what the next one finds in the arena: constants, where the
program before lay over them, and the generator of an epoch. A loss that is not finite ends it.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forwardnet.compiler import cache, threads
from forwardnet.compiler.barrier import BYTES, emit_barrier
from forwardnet.compiler.emit import VOID, index
from forwardnet.compiler.lanes import F64, I8, I64, PTR
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.module import RUN
from forwardnet.compiler.plan import ALIGN
from forwardnet.compiler.program import Native

Array = np.ndarray[Any, Any]
Value = Any

# Words of a call: the address of `run`, its arguments, the threads it takes; whether an epoch begins, and the stream of
# its generator; the constants of the program, where in the arena they belong, and their bytes.
ENTRY, ORDER, STEPS, LOSSES, RECORDS, THREADS, BEGINS, STREAM, IMAGE, PLACE, SIZE = WORDS = range(11)


@dataclass(frozen=True)
class Part:
    """Consecutive batches of an epoch that one program runs: `steps` of them, from the row `start` on."""

    native: Native
    start: int
    steps: int


class Epochs:
    """Whole epochs of some parts, to be run in one call as often as wanted.

    `order` (epochs, rows) has the row numbers, int64; all parts share an arena. Losses go to `losses` (epochs, steps),
    recorded outputs to `records` (epochs, rows, ...).
    """

    def __init__(
        self, parts: Sequence[Part], sources: Sequence[Array], order: Array, *, records: Array | None = None
    ) -> None:
        self.parts, self.sources, self.order, self.records = parts, sources, order, records
        self.losses = np.empty((len(order), sum(part.steps for part in parts)))
        self.threads = max(part.native.threads for part in parts)
        self._drawn: tuple[int, int] | None = None
        self._images = self._constants()
        self._calls = np.zeros((len(order), len(parts), len(WORDS)), np.int64)
        done = 0
        for number, part in enumerate(parts):
            self._fill(self._calls[:, number], part, done)
            done += part.steps
        for number, (start, image) in enumerate(self._images):
            self._calls[:, number, IMAGE] = image.ctypes.data
            self._calls[:, number, PLACE] = start
            self._calls[:, number, SIZE] = image.nbytes

    def draw(self, cells: tuple[int, int], streams: Array) -> None:
        """Begin each epoch at position 0 of its stream, int64 (epochs,).

        `cells` are the numbers of the inputs that hold the stream and the position.
        """
        self._drawn = cells
        self._calls[:, 0, BEGINS] = 1
        self._calls[:, 0, STREAM] = streams

    def _fill(self, calls: Array, part: Part, done: int) -> None:
        """The calls of a part, (epochs, words), in each epoch after so many steps."""
        epochs = np.arange(len(calls))
        calls[:, ENTRY], calls[:, STEPS] = part.native.entry, part.steps
        calls[:, THREADS] = part.native.threads
        for word, array, column in (
            (ORDER, self.order, part.start),
            (LOSSES, self.losses, done),
            (RECORDS, self.records, part.start),
        ):
            if array is not None:
                calls[:, word] = array.ctypes.data + epochs * array.strides[0] + column * array.strides[1]

    def _constants(self) -> list[tuple[int, Array]]:
        """For each part the constants that the other writes over: where they begin in the arena, and their bytes."""
        if len(self.parts) == 1:
            return []
        return [part.native.constants() for part in self.parts]

    def run(self, epochs: int) -> Array:
        """Run the first `epochs`; returns their losses (epochs, steps), NaN where one before was not finite."""
        native = self.parts[0].native
        native.take_arena()
        losses = self.losses[:epochs]
        losses[...] = np.nan
        calls = self._calls[:epochs]
        pointers = (ctypes.c_void_p * max(len(self.sources), 1))(*(s.ctypes.data for s in self.sources))
        raw = np.zeros(BYTES + ALIGN, np.uint8)
        words = raw.ctypes.data + -raw.ctypes.data % ALIGN
        generator = (None, None) if self._drawn is None else tuple(native.place(number) for number in self._drawn)
        arguments = (
            calls.ctypes.data,
            epochs * len(self.parts),
            native.arena.ctypes.data,
            ctypes.addressof(pointers),
            words,
            self.threads,
            *generator,
        )
        call = _driver().call
        threads.together(lambda thread: call(*arguments, thread) or 0, self.threads)
        if self._images:
            native.leave_arena()
        return losses


def emit_epochs(module: Any) -> None:
    """The function `epochs` (see the module)."""
    meet = emit_barrier(module)
    function = ir.Function(module, ir.FunctionType(VOID, [PTR, I64, PTR, PTR, PTR, I64, PTR, PTR, I64]), "epochs")
    function.attributes.add("nounwind")
    calls, count, arena, sources, words, every, stream, position, thread = function.args
    entry, head, body, work, after, done = (
        function.append_basic_block(n) for n in ("entry", "head", "body", "work", "after", "done")
    )
    b = ir.IRBuilder(entry)
    no_loss = b.alloca(F64)  # before the first call
    b.store(ir.Constant(F64, 0.0), no_loss)
    b.branch(head)
    b.position_at_end(head)
    number, last = b.phi(I64), b.phi(PTR)
    number.add_incoming(index(0), entry)
    last.add_incoming(no_loss, entry)
    b.cbranch(b.icmp_unsigned("<", number, count), body, done)
    b.position_at_end(body)
    call = _Call(b, b.gep(calls, [b.mul(number, index(len(WORDS)))], source_etype=I64))
    with b.if_then(b.icmp_unsigned("!=", call.word(SIZE), index(0))):
        b.call(meet, [words, every])  # nobody reads the loss of the call before any more
    with b.if_then(b.icmp_unsigned("==", thread, index(0))):
        _prepare(call, arena, stream, position)
    b.call(meet, [words, every])
    loss = b.load(last, typ=F64)
    finite = b.fcmp_ordered("==", b.fsub(loss, loss), ir.Constant(F64, 0.0))
    takes = b.icmp_unsigned("<", thread, call.word(THREADS))
    going = function.append_basic_block("going")
    b.cbranch(finite, going, done)
    b.position_at_end(going)
    steps, losses = call.word(STEPS), call.pointer(LOSSES)
    b.cbranch(takes, work, after)
    b.position_at_end(work)
    run = call.pointer(ENTRY, RUN.as_pointer())
    b.call(run, [arena, sources, call.pointer(ORDER), steps, losses, call.pointer(RECORDS), thread])
    b.branch(after)
    b.position_at_end(after)
    number.add_incoming(b.add(number, index(1)), after)
    last.add_incoming(b.gep(losses, [b.sub(steps, index(1))], source_etype=F64), after)
    b.branch(head)
    b.position_at_end(done)
    b.ret_void()


class _Call:
    """The words of a call, read where the builder stands."""

    def __init__(self, b: Any, place: Value) -> None:
        self.b, self.place = b, place

    def word(self, number: int) -> Value:
        return self.b.load(self.b.gep(self.place, [index(number)], source_etype=I64), typ=I64)

    def pointer(self, number: int, kind: Any = PTR) -> Value:
        return self.b.load(self.b.gep(self.place, [index(number)], source_etype=I64), typ=kind)


def _prepare(call: _Call, arena: Value, stream: Value, position: Value) -> None:
    """What a call finds in the arena: its constants, and at the begin of an epoch the generator's stream."""
    b = call.b
    with b.if_then(b.icmp_unsigned("!=", call.word(BEGINS), index(0))):
        b.store(call.word(STREAM), stream)
        b.store(index(0), position)
    with b.if_then(b.icmp_unsigned("!=", call.word(SIZE), index(0))):
        copy = b.module.declare_intrinsic("llvm.memcpy", [PTR, PTR, I64])
        place = b.gep(arena, [call.word(PLACE)], source_etype=I8)
        b.call(copy, [place, call.pointer(IMAGE), call.word(SIZE), ir.Constant(ir.IntType(1), 0)])


class _Driver:
    """The function, loaded."""

    def __init__(self) -> None:
        def emitted() -> str:
            module = ir.Module("epochs")
            emit_epochs(module)
            return str(module)

        pointer, number = ctypes.c_void_p, ctypes.c_int64
        kind = ctypes.CFUNCTYPE(None, pointer, number, *[pointer] * 3, number, pointer, pointer, number)
        self._code = cache.load("epochs", emitted, ["epochs"])
        self.call = kind(self._code.address("epochs"))


@functools.cache
def _driver() -> _Driver:
    return _Driver()
