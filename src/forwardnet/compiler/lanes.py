"""Lanes: one op on many elements at once, as LLVM vector instructions.

The rules in the ops' records (`lower`) are written against this class, so they read like the formula they emit:
`lambda k, x: k.exp(x)`. Every value is a vector of `k.width` lanes; masks are vectors of `i1`.

No fast-math flag is ever set: NaN and infinities propagate as IEEE 754 says, and results do not depend on how
LLVM feels about reassociation. Contraction is explicit, by `fma`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forwardnet.compiler import engine, mathlib
from forwardnet.compiler.llvm import ir
from forwardnet.ops.record import CannotLower

Value = Any
Rule = Callable[..., Any]

F32, F64 = ir.FloatType(), ir.DoubleType()
I1, I8, I32, I64 = (ir.IntType(n) for n in (1, 8, 32, 64))
PTR = ir.PointerType()
SCALARS: dict[str, Any] = {
    "float32": F32,
    "float64": F64,
    "int64": I64,
    "int32": I32,
    "int16": ir.IntType(16),
    "int8": I8,
    "uint8": I8,
    "bool": I1,
}


def scalar_type(dtype: Any) -> Any:
    """The LLVM type of one element held in a register."""
    return SCALARS[np.dtype(dtype).name]


def memory_type(dtype: Any) -> Any:
    """The LLVM type of one element in memory: truth values take a byte."""
    return I8 if np.dtype(dtype).kind == "b" else scalar_type(dtype)


class Splat(ir.Constant):  # type: ignore[misc]  # llvmlite has no types
    """A constant that is the same in all lanes, in LLVM's short notation (llvmlite would write every lane)."""

    def __init__(self, kind: Any, element: Any, one: Any) -> None:
        self.type = kind
        self.constant = one
        self.text = f"splat ({element} {one.get_reference()})"

    def _to_string(self) -> str:
        return f"{self.type} {self.text}"

    def _get_reference(self) -> str:
        return self.text

    def get_reference(self) -> str:
        return self.text


class Lanes:
    """Emits vector instructions at the end of a builder's block.

    An operand beside a vector may be a Python number: it stands for that constant in all lanes. A few rare cases
    (the sine of 1e20) branch, so the builder may stand in another block after a rule than before it.

    `avx512` allows instructions that only AVX-512 (F, DQ, VL) has; None asks the processor. Results have the same bits
    either way.
    """

    def __init__(self, builder: Any, width: int, *, avx512: bool | None = None) -> None:
        self.builder = builder
        self.width = width
        self.avx512 = engine.vector_bytes() == 64 if avx512 is None else avx512

    # Types and constants

    def vector(self, element: Any) -> Any:
        """The type of a vector of this width."""
        return ir.VectorType(element, self.width)

    def element(self, x: Value) -> Any:
        """The element type of a vector."""
        return x.type.element

    def is_float(self, x: Value) -> bool:
        """Whether x is a vector of floating-point numbers."""
        return isinstance(x.type.element, (ir.FloatType, ir.DoubleType))

    def is_double(self, x: Value) -> bool:
        """Whether x is a vector of float64."""
        return isinstance(x.type.element, ir.DoubleType)

    def is_mask(self, x: Value) -> bool:
        """Whether x is a vector of truth values."""
        return not self.is_float(x) and x.type.element.width == 1

    def is_byte(self, x: Value) -> bool:
        """Whether x is a vector of 8-bit integers, signed or not."""
        return not self.is_float(x) and x.type.element.width == 8

    def splat(self, value: Any, element: Any) -> Value:
        """A constant in all lanes."""
        if isinstance(element, (ir.FloatType, ir.DoubleType)):
            one = ir.Constant(element, float(np.float32(value)) if isinstance(element, ir.FloatType) else float(value))
        else:
            one = ir.Constant(element, int(value))
        return Splat(self.vector(element), element, one)

    def const(self, value: Any, dtype: Any) -> Value:
        """A constant of a NumPy type in all lanes."""
        return self.splat(value, scalar_type(dtype))

    def like(self, value: Any, x: Value) -> Value:
        """A constant of the type of x in all lanes."""
        return self.splat(value, x.type.element)

    def values(self, *operands: Value) -> list[Value]:
        """The operands, with Python numbers made constants of the type of the first vector."""
        first = next(x for x in operands if not isinstance(x, (int, float)))
        return [self.like(x, first) if isinstance(x, (int, float)) else x for x in operands]

    def broadcast(self, scalar: Value) -> Value:
        """A scalar register in all lanes."""
        vector = self.vector(scalar.type)
        one = self.builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(I32, 0))
        mask = ir.Constant(self.vector(I32), [ir.Constant(I32, 0)] * self.width)
        return self.builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), mask)

    def iota(self, element: Any) -> Value:
        """0, 1, 2, ... in the lanes."""
        return ir.Constant(self.vector(element), [ir.Constant(element, i) for i in range(self.width)])

    def intrinsic(self, name: str, *args: Value) -> Value:
        """Call an LLVM intrinsic that is overloaded on the type of its first argument."""
        kind = args[0].type
        element = kind.element
        code = {F32: "f32", F64: "f64"}.get(element) or f"i{element.width}"
        full = f"llvm.{name}.v{self.width}{code}"
        module = self.builder.module
        function = module.globals.get(full)
        if function is None:
            function = ir.Function(module, ir.FunctionType(kind, [a.type for a in args]), full)
        return self.builder.call(function, args)

    # Arithmetic

    def _either(self, a: Value, b: Value, floating: str, integer: str) -> Value:
        a, b = self.values(a, b)
        return getattr(self.builder, floating if self.is_float(a) else integer)(a, b)

    def add(self, a: Value, b: Value) -> Value:
        """a + b; of masks, a or b."""
        return self._either(a, b, "fadd", "add" if not self._masks(a, b) else "or_")

    def sub(self, a: Value, b: Value) -> Value:
        return self._either(a, b, "fsub", "sub")

    def mul(self, a: Value, b: Value) -> Value:
        """a b; of masks, a and b."""
        return self._either(a, b, "fmul", "mul" if not self._masks(a, b) else "and_")

    def _masks(self, a: Value, b: Value) -> bool:
        return self.is_mask(self.values(a, b)[0])

    def div(self, a: Value, b: Value) -> Value:
        """a / b in floating point."""
        return self.builder.fdiv(*self.values(a, b))

    def neg(self, x: Value) -> Value:
        return self.builder.fneg(x) if self.is_float(x) else self.builder.neg(x)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a b + c, rounded once."""
        return self.intrinsic("fma", *self.values(a, b, c))

    def abs(self, x: Value) -> Value:
        if self.is_float(x):
            return self.intrinsic("fabs", x)
        return self.select(self.compare("<", x, self.like(0, x)), self.neg(x), x)

    def sqrt(self, x: Value) -> Value:
        return self.intrinsic("sqrt", x)

    def floor(self, x: Value) -> Value:
        return self.intrinsic("floor", x) if self.is_float(x) else x

    def ceil(self, x: Value) -> Value:
        return self.intrinsic("ceil", x) if self.is_float(x) else x

    def trunc(self, x: Value) -> Value:
        return self.intrinsic("trunc", x) if self.is_float(x) else x

    def round(self, x: Value) -> Value:
        """To the nearest integer, halves to even."""
        return self.intrinsic("rint", x) if self.is_float(x) else x

    def copysign(self, x: Value, sign: Value) -> Value:
        """|x| with the sign of `sign`."""
        return self.intrinsic("copysign", *self.values(x, sign))

    def poly(self, x: Value, coefficients: Sequence[float]) -> Value:
        """c0 + c1 x + c2 x^2 + ..., by Horner's rule."""
        result = self.like(coefficients[-1], x)
        for c in reversed(coefficients[:-1]):
            result = self.fma(result, x, c)
        return result

    # Comparison and choice

    def compare(self, relation: str, a: Value, b: Value) -> Value:
        """A mask; with a NaN every relation is false but `!=`.

        Raises `CannotLower` for the order of 8-bit integers: their type does not tell int8 from uint8.
        """
        a, b = self.values(a, b)
        if self.is_float(a):
            if relation == "!=":
                return self.builder.fcmp_unordered("!=", a, b)
            return self.builder.fcmp_ordered(relation, a, b)
        if self.element(a).width == 1:
            return self.builder.icmp_unsigned(relation, a, b)
        if relation not in ("==", "!=") and self.is_byte(a):
            raise CannotLower(f"{relation} of 8-bit integers")
        return self.builder.icmp_signed(relation, a, b)

    def select(self, mask: Value, a: Value, b: Value) -> Value:
        """a where the mask is set, else b; one of the two at least is a vector."""
        return self.builder.select(mask, *self.values(a, b))

    def maximum(self, a: Value, b: Value) -> Value:
        """The greater; NaN if either is NaN (`llvm.maxnum` would hide it)."""
        a, b = self.values(a, b)
        larger = self.select(self.compare(">=", a, b), a, b)
        return self.select(self.isnan(a), a, larger) if self.is_float(a) else larger

    def minimum(self, a: Value, b: Value) -> Value:
        """The less; NaN if either is NaN."""
        a, b = self.values(a, b)
        smaller = self.select(self.compare("<=", a, b), a, b)
        return self.select(self.isnan(a), a, smaller) if self.is_float(a) else smaller

    def at_least(self, x: Value, bound: float) -> Value:
        """max(x, bound) for a bound that is no NaN; NaN stays (one instruction, unlike `maximum`)."""
        return self.select(self.compare("<", x, bound), bound, x)

    def at_most(self, x: Value, bound: float) -> Value:
        """min(x, bound) for a bound that is no NaN; NaN stays."""
        return self.select(self.compare(">", x, bound), bound, x)

    def isnan(self, x: Value) -> Value:
        return self.builder.fcmp_unordered("uno", x, x) if self.is_float(x) else self.splat(0, I1)

    def logical_and(self, a: Value, b: Value) -> Value:
        return self.builder.and_(self.truth(a), self.truth(b))

    def logical_or(self, a: Value, b: Value) -> Value:
        return self.builder.or_(self.truth(a), self.truth(b))

    def logical_xor(self, a: Value, b: Value) -> Value:
        return self.builder.xor(self.truth(a), self.truth(b))

    def logical_not(self, x: Value) -> Value:
        return self.builder.not_(self.truth(x))

    def truth(self, x: Value) -> Value:
        """A mask of what is not zero; NaN is not zero."""
        return x if self.is_mask(x) else self.compare("!=", x, 0)

    # Bits and conversions

    def bits(self, x: Value) -> Value:
        """The bit pattern of floating-point numbers as integers."""
        return self.builder.bitcast(x, self.vector(I64 if self.is_double(x) else I32))

    def from_bits(self, x: Value) -> Value:
        """Integers as bit patterns of floating-point numbers of the same size."""
        return self.builder.bitcast(x, self.vector(F64 if self.element(x).width == 64 else F32))

    def shift_left(self, x: Value, count: int) -> Value:
        return self.builder.shl(x, self.like(count, x))

    def shift_right(self, x: Value, count: int, *, signed: bool = False) -> Value:
        return (self.builder.ashr if signed else self.builder.lshr)(x, self.like(count, x))

    def bit_and(self, a: Value, b: Value) -> Value:
        return self.builder.and_(*self.values(a, b))

    def bit_or(self, a: Value, b: Value) -> Value:
        return self.builder.or_(*self.values(a, b))

    def bit_xor(self, a: Value, b: Value) -> Value:
        return self.builder.xor(*self.values(a, b))

    def bit_not(self, x: Value) -> Value:
        return self.builder.not_(x)

    def to_int(self, x: Value) -> Value:
        """Floating-point numbers towards zero to integers of the same size; they must fit."""
        return self.builder.fptosi(x, self.vector(I64 if self.is_double(x) else I32))

    def to_float(self, x: Value) -> Value:
        """Signed integers to floating-point numbers of the same size."""
        return self.builder.sitofp(x, self.vector(F64 if self.element(x).width == 64 else F32))

    def cast(self, x: Value, dtype: Any, source: Any) -> Value:
        """Convert from one NumPy type to another, as NumPy does."""
        source, dtype = np.dtype(source), np.dtype(dtype)
        target = self.vector(scalar_type(dtype))
        if source == dtype:
            return x
        b = self.builder
        if dtype.kind == "b":
            return self.truth(x)
        if source.kind == "b":
            return b.uitofp(x, target) if dtype.kind == "f" else b.zext(x, target)
        if source.kind == "f" and dtype.kind == "f":
            return b.fpext(x, target) if dtype.itemsize > source.itemsize else b.fptrunc(x, target)
        if source.kind == "f":
            # NumPy converts to the narrower types by way of int32, and so keeps the lowest bits.
            return b.fptosi(x, target) if dtype.itemsize >= 4 else b.trunc(b.fptosi(x, self.vector(I32)), target)
        if dtype.kind == "f":
            return b.uitofp(x, target) if source.kind == "u" else b.sitofp(x, target)
        if dtype.itemsize < source.itemsize:
            return b.trunc(x, target)
        if dtype.itemsize == source.itemsize:
            return x
        return b.zext(x, target) if source.kind == "u" else b.sext(x, target)

    # Elementary functions, each a polynomial of `mathlib`

    def __getattr__(self, name: str) -> Rule:
        rule = mathlib.FUNCTIONS.get(name)
        if rule is None:
            raise AttributeError(f"Lanes has no function {name!r}")
        return lambda *args: rule(self, *args)
