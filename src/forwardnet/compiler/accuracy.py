"""Accuracy and speed of the elementary functions: `python -m forwardnet.compiler.accuracy [function ...]`.

Every float32 is tried, all 2^32 of them (for functions of two arguments, as many pairs), against NumPy's or SciPy's
float64, whose own error is below 2^-26 float32 ULP. An ULP is the distance of the floats next to the exact result.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forwardnet.compiler import engine
from forwardnet.compiler.lanes import I8, I64, PTR, Lanes, memory_type
from forwardnet.compiler.llvm import ir

Array = np.ndarray[Any, Any]
Rule = Callable[..., Any]


class Elementwise:
    """A rule of lanes compiled to a loop over arrays; call it with as many arrays as the rule has operands."""

    def __init__(
        self, rule: Rule, inputs: Sequence[Any], result: Any, *, width: int = 16, avx512: bool | None = None
    ) -> None:
        self.inputs, self.result, self.width = [np.dtype(d) for d in inputs], np.dtype(result), width
        self.text = self._module(rule, avx512)
        self._code = engine.load(engine.assemble(self.text), ["run"])
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(inputs) + 1), ctypes.c_int64)
        self._run = kind(self._code.address("run"))

    def _module(self, rule: Rule, avx512: bool | None) -> str:
        module = ir.Module()
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [PTR] * (len(self.inputs) + 1) + [I64]), "run")
        function.attributes.add("nounwind")
        b = ir.IRBuilder(function.append_basic_block("entry"))
        k = Lanes(b, self.width, avx512=avx512)
        loop, done = function.append_basic_block("loop"), function.append_basic_block("done")
        entry = b.block
        b.branch(loop)
        b.position_at_end(loop)
        first = b.phi(I64)
        first.add_incoming(ir.Constant(I64, 0), entry)
        *sources, target, count = function.args
        values = [self._load(k, p, first, d) for p, d in zip(sources, self.inputs, strict=True)]
        y = rule(k, *values)
        y = b.zext(y, k.vector(I8)) if self.result.kind == "b" else y
        b.store(y, b.gep(target, [first], source_etype=memory_type(self.result)), align=1)
        following = b.add(first, ir.Constant(I64, self.width))
        first.add_incoming(following, b.block)
        b.cbranch(b.icmp_signed("<", following, count), loop, done)
        b.position_at_end(done)
        b.ret_void()
        return str(module)

    def _load(self, k: Any, pointer: Any, first: Any, dtype: np.dtype[Any]) -> Any:
        element = memory_type(dtype)
        place = k.builder.gep(pointer, [first], source_etype=element)
        x = k.builder.load(place, typ=k.vector(element), align=1)
        return k.compare("!=", x, 0) if dtype.kind == "b" else x

    def into(self, out: Array, *arrays: Array) -> None:
        """Compute into `out`; the arrays are contiguous and their length is a multiple of the width."""
        self._run(*[a.ctypes.data for a in arrays], out.ctypes.data, out.size)

    def __call__(self, *arrays: Array) -> Array:
        """The results for arrays of one length, any length."""
        n = arrays[0].size
        size = -(-n // self.width) * self.width
        padded = [np.concatenate([a.astype(d), np.ones(size - n, d)]) for a, d in zip(arrays, self.inputs, strict=True)]
        out = np.empty(size, self.result)
        if size:
            self.into(out, *padded)
        return out[:n]


def ulps(got: Array, exact: Array) -> Array:
    """The error of each result in ULP of its type; `exact` is in a wider type. Inf where only one is NaN or infinite.

    A result that is inf has no error where the exact one rounds to inf.
    """
    info = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        exponent = np.frexp(np.abs(exact))[1] - 1
        exponent = np.clip(exponent, info.minexp, info.maxexp - 1)
        ulp = np.ldexp(np.ones_like(exact), exponent - info.nmant)
        error = np.abs(got.astype(exact.dtype) - exact) / ulp
        same = (got == exact.astype(got.dtype)) | (np.isnan(got) & np.isnan(exact))
        return np.where(same & ~(error <= 1), 0, np.where(np.isnan(error), np.inf, error))
