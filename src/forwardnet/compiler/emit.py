"""What every kernel is written with: a function under construction, its loops, and reads and writes of the arena."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from forwardnet.compiler.lanes import I8, I32, I64, PTR, Lanes, memory_type, scalar_type
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.matrix import LANES, REDUCTIONS

Value = Any
VOID = ir.VoidType()


def index(n: int) -> Value:
    """A 64-bit constant."""
    return ir.Constant(I64, n)


class Frame:
    """One function of the module: `builder` stands at its end; `k` emits on 16 lanes, or on `width`."""

    def __init__(
        self,
        module: Any,
        name: str,
        *,
        width: int = LANES,
        arguments: tuple[Any, ...] = (PTR,),
        threads: int = 1,
    ) -> None:
        """With several threads the function gets one more argument, the number of the thread that calls it."""
        self.module = module
        self.threads = threads
        if threads > 1:
            arguments = (*arguments, I64)
        self.function = ir.Function(module, ir.FunctionType(VOID, list(arguments)), name)
        self.function.attributes.add("nounwind")
        for argument, kind in zip(self.function.args, arguments, strict=True):
            if kind == PTR:
                argument.add_attribute("noalias")
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.k = Lanes(self.builder, width)
        self.arena = self.function.args[0]
        self.thread: Value = self.function.args[-1] if threads > 1 else index(0)
        self.entry_end: Any = None

    def finish(self) -> None:
        """Return."""
        self.builder.ret_void()

    # Loops

    @contextmanager
    def loop(
        self, count: int, *, carried: list[Value] | None = None
    ) -> Iterator[tuple[Value, list[Value], Callable[..., None]]]:
        """`for i in range(count)`: yields i, the carried values, and a function that says what they become.

        After the loop, `carried` (the list given) holds the final values. A loop of one turn is laid out straight.
        """
        state = carried if carried is not None else []
        following: list[Value] = []
        if count == 1:
            yield index(0), list(state), lambda *values: following.extend(values)
            state[:] = following
            return
        b = self.builder
        before = b.block
        body, after = self.function.append_basic_block("body"), self.function.append_basic_block("after")
        b.branch(body)
        b.position_at_end(body)
        i = b.phi(I64)
        i.add_incoming(index(0), before)
        phis = []
        for value in state:
            phi = b.phi(value.type)
            phi.add_incoming(value, before)
            phis.append(phi)
        yield i, list(phis), lambda *values: following.extend(values)
        succ = b.add(i, index(1))
        last = b.block
        i.add_incoming(succ, last)
        for phi, value in zip(phis, following, strict=True):
            phi.add_incoming(value, last)
        b.cbranch(b.icmp_unsigned("<", succ, index(count)), body, after)
        b.position_at_end(after)
        state[:] = following

    # Threads

    @contextmanager
    def share(self, count: int, *, unit: int = 1) -> Iterator[tuple[Value, list[Value], Callable[..., None]]]:
        """Like `loop(count)`, but each thread takes its own consecutive part; parts begin at multiples of `unit`."""
        if self.threads == 1:
            with self.loop(count) as parts:
                yield parts
            return
        b, units = self.builder, -(-count // unit)
        part = b.udiv(b.mul(self.thread, index(units)), index(self.threads))
        following = b.udiv(b.mul(b.add(self.thread, index(1)), index(units)), index(self.threads))
        begin, end = self.scaled(part, unit), self.scaled(following, unit)
        if count % unit:
            end = b.select(b.icmp_unsigned("<", end, index(count)), end, index(count))
        before = b.block
        body, after = self.function.append_basic_block("share"), self.function.append_basic_block("shared")
        b.cbranch(b.icmp_unsigned("<", begin, end), body, after)
        b.position_at_end(body)
        i = b.phi(I64)
        i.add_incoming(begin, before)
        yield i, [], lambda *values: None
        succ = b.add(i, index(1))
        i.add_incoming(succ, b.block)
        b.cbranch(b.icmp_unsigned("<", succ, end), body, after)
        b.position_at_end(after)

    @contextmanager
    def only(self, thread: int) -> Iterator[None]:
        """What only one thread does."""
        if self.threads == 1:
            yield
            return
        b = self.builder
        body, after = self.function.append_basic_block("only"), self.function.append_basic_block("all")
        b.cbranch(b.icmp_unsigned("==", self.thread, index(thread)), body, after)
        b.position_at_end(body)
        yield
        b.branch(after)
        b.position_at_end(after)

    def parts(self, count: int, size: int, emit: Callable[[Value, int], None], *, shared: bool) -> None:
        """`emit(i, length)` for each whole part of `size`, then for the rest; threads share them if `shared`."""
        whole, rest = divmod(count, size)
        if whole:
            with (self.share if shared else self.loop)(whole) as (i, _, done):
                emit(i, size)
                done()
        if rest:
            with self.only(self.threads - 1) if shared else nullcontext():
                emit(index(whole), rest)

    # Addresses

    def scaled(self, i: Value, factor: int) -> Value:
        """i * factor, folded for constants."""
        if factor == 1:
            return i
        if isinstance(i, ir.Constant):
            return index(int(i.constant) * factor)
        return self.builder.mul(i, index(factor))

    def plus(self, a: Value, b: Value) -> Value:
        """a + b, folded for constants."""
        if isinstance(a, ir.Constant) and isinstance(b, ir.Constant):
            return index(int(a.constant) + int(b.constant))
        if isinstance(a, ir.Constant) and int(a.constant) == 0:
            return b
        if isinstance(b, ir.Constant) and int(b.constant) == 0:
            return a
        return self.builder.add(a, b)

    def at(self, offset: int, element: Value, itemsize: int) -> Value:
        """The address of an element of a buffer that begins `offset` bytes into the arena."""
        base = self.builder.gep(self.arena, [index(offset)], source_etype=I8) if offset else self.arena
        position = self.scaled(element, itemsize)
        if isinstance(position, ir.Constant):
            total = offset + int(position.constant)
            return self.builder.gep(self.arena, [index(total)], source_etype=I8)
        return self.builder.gep(base, [position], source_etype=I8)

    def reserved(self, kind: Any, count: int) -> Value:
        """Memory of the stack for `count` values of a type."""
        entry = self.function.entry_basic_block
        with self.builder.goto_block(entry):
            self.builder.position_at_start(entry)
            slots = self.builder.alloca(kind, count)
            slots.align = 64
        return slots

    def prefetch(self, offset: int, element: Value, dtype: Any) -> None:
        """Ask for the memory of 16 elements that will be read and written soon."""
        self.fetch(self.at(offset, element, np.dtype(dtype).itemsize), writes=True)

    def fetch(self, pointer: Value, *, writes: bool = False, near: bool = True) -> None:
        """Ask for the memory at an address, which need not be one; `near` brings it as near as can be."""
        kind = ir.FunctionType(ir.VoidType(), [PTR, I32, I32, I32])
        fetch = self.module.globals.get("llvm.prefetch.p0") or ir.Function(self.module, kind, "llvm.prefetch.p0")
        self.builder.call(fetch, [pointer, *(ir.Constant(I32, n) for n in (int(writes), 3 if near else 2, 1))])

    # Reading and writing vectors

    def load(self, offset: int, element: Value, dtype: Any) -> Value:
        """16 elements from `element` on; truth values as a mask."""
        kind = memory_type(dtype)
        size = np.dtype(dtype).itemsize
        pointer = self.at(offset, element, size)
        align = min(64, size * self.k.width) if self.k.width > 1 else size
        raw = self.builder.load(pointer, typ=ir.VectorType(kind, self.k.width), align=align)
        if np.dtype(dtype).kind == "b":
            return self.builder.icmp_unsigned("!=", raw, ir.Constant(raw.type, [ir.Constant(I8, 0)] * self.k.width))
        return raw

    def load_one(self, offset: int, element: Value, dtype: Any) -> Value:
        """One element in all lanes."""
        pointer = self.at(offset, element, np.dtype(dtype).itemsize)
        raw = self.builder.load(pointer, typ=memory_type(dtype), align=np.dtype(dtype).itemsize)
        if np.dtype(dtype).kind == "b":
            raw = self.builder.icmp_unsigned("!=", raw, ir.Constant(I8, 0))
        return self.k.broadcast(raw)

    def store(self, value: Value, offset: int, element: Value, dtype: Any) -> None:
        """16 elements to `element` and following."""
        size = np.dtype(dtype).itemsize
        if np.dtype(dtype).kind == "b":
            value = self.builder.zext(value, ir.VectorType(I8, self.k.width))
        pointer = self.at(offset, element, size)
        self.builder.store(value, pointer, align=min(64, size * self.k.width) if self.k.width > 1 else size)

    def store_one(self, value: Value, offset: int, element: Value, dtype: Any) -> None:
        """The first lane to `element`."""
        one = self.builder.extract_element(value, ir.Constant(I32, 0))
        if np.dtype(dtype).kind == "b":
            one = self.builder.zext(one, I8)
        pointer = self.at(offset, element, np.dtype(dtype).itemsize)
        self.builder.store(one, pointer, align=np.dtype(dtype).itemsize)

    # Reductions

    def combine(self, name: str, a: Value, b: Value) -> Value:
        """One step of a reduction."""
        return getattr(self.k, REDUCTIONS[name])(a, b)

    def identity(self, name: str, dtype: Any) -> Value:
        """What changes nothing in a reduction."""
        kind = np.dtype(dtype)
        if kind.kind == "b":
            return self.k.const(name in ("all", "amin", "prod"), kind)
        if name in ("sum", "prod"):
            return self.k.const(int(name == "prod"), kind)
        if kind.kind == "f":
            return self.k.const(-np.inf if name == "amax" else np.inf, kind)
        limits = np.iinfo(kind)
        return self.k.const(limits.min if name == "amax" else limits.max, kind)

    def across(self, name: str, value: Value) -> Value:
        """All lanes combined, in all lanes: the upper half onto the lower, again and again, in a fixed order.

        Each time the vector gets shorter. Turning whole vectors instead (as `combine(x, turned x)`) gives wrong sums of
        float64: where LLVM knows some lanes to be zero, LLVM 22 follows only the lanes it takes for needed.
        """
        n = self.k.width
        while n > 1:
            low, high = (
                ir.Constant(ir.VectorType(I32, n // 2), [ir.Constant(I32, lane) for lane in lanes])
                for lanes in (range(n // 2), range(n // 2, n))
            )
            narrow = Lanes(self.builder, n // 2, avx512=self.k.avx512)
            halves = (self.builder.shuffle_vector(value, value, part) for part in (low, high))
            value = getattr(narrow, REDUCTIONS[name])(*halves)
            n //= 2
        return self.k.broadcast(self.builder.extract_element(value, ir.Constant(I32, 0)))

    def shuffle(self, a: Value, b: Value, order: list[int]) -> Value:
        """Lanes of a (0 to 15) and b (16 to 31) in the given order."""
        lanes = ir.Constant(ir.VectorType(I32, len(order)), [ir.Constant(I32, i) for i in order])
        return self.builder.shuffle_vector(a, b, lanes)

    def below(self, first: Value, count: int) -> Value:
        """A mask of the lanes whose element, counted from `first`, is less than `count`."""
        lanes = self.builder.add(self.k.broadcast(self.builder.trunc(first, I32)), self.k.iota(I32))
        return self.k.compare("<", lanes, self.k.splat(count, I32))


def scalar_of(dtype: Any) -> Any:
    """The LLVM type of one element in a register."""
    return scalar_type(dtype)


def tiles(count: int, size: int) -> list[tuple[int, int, int]]:
    """(first, length, how many): whole tiles of `size`, then one of what is left."""
    whole, rest = divmod(count, size)
    return [(first, length, n) for first, length, n in ((0, size, whole), (whole * size, rest, 1)) if length * n]
