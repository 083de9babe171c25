"""Accuracy and speed of the elementary functions: `python -m forwardnet.compiler.accuracy [function ...]`.

In float32 every input is tried, all 2^32 of them (for functions of two arguments 2^30 pairs), against NumPy's or
SciPy's float64, whose own error is below 2^-26 float32 ULP. In float64 it is a sample, against `longdouble`.
An ULP is the distance of the two numbers of the type around the exact result.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from forwardnet.compiler import engine
from forwardnet.compiler.lanes import I8, I64, PTR, Lanes, memory_type
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.mathlib import FUNCTIONS
from forwardnet.ops import REGISTRY

Array = np.ndarray[Any, Any]
Rule = Callable[..., Any]

# The type with more digits than float64; on some machines there is none, and then its own error adds to what is seen.
WIDE = np.longdouble
IS_WIDE = np.finfo(WIDE).nmant >= 63

# The largest error in ULP that is promised, in float32 (over all inputs) and in float64.
BOUNDS: dict[str, tuple[float, float]] = {
    "exp": (1.0, 1.0),
    "expm1": (1.5, 1.5),
    "sinh": (2.0, 2.0),
    "cosh": (1.5, 1.5),
    "tanh": (2.0, 2.0),
    "sigmoid": (2.5, 1.5),
    "erf": (2.0, 2.0),
    "log": (1.0, 1.0),
    "log1p": (1.0, 1.0),
    "log2": (1.5, 1.5),
    "log10": (1.5, 1.5),
    "pow": (1.0, 1.5),
    "sin": (2.0, 1.0),
    "cos": (2.0, 1.0),
    "tan": (2.0, 1.5),
    "asin": (1.5, 1.5),
    "acos": (1.5, 1.5),
    "atan": (2.0, 2.0),
    "atan2": (2.5, 2.5),
    "rsqrt": (1.5, 1.5),
    "reciprocal": (0.5, 0.5),
}


class Elementwise:
    """A rule of lanes compiled to a loop over arrays; call it with as many arrays as the rule has operands.

    `assemble` turns the module's text into object code for a processor that this machine's can stand in for.
    """

    def __init__(
        self,
        rule: Rule,
        inputs: Sequence[Any],
        result: Any,
        *,
        width: int = 16,
        avx512: bool | None = None,
        assemble: Callable[[str], bytes] = engine.assemble,
    ) -> None:
        self.inputs, self.result, self.width = [np.dtype(d) for d in inputs], np.dtype(result), width
        self.text = self._module(rule, avx512)
        self._code = engine.load(assemble(self.text), ["run"])
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
        exponent = np.where(exact == 0, info.minexp, np.clip(exponent, info.minexp, info.maxexp - 1))
        ulp = np.ldexp(np.ones_like(exact), exponent - info.nmant)
        error = np.abs(got.astype(exact.dtype) - exact) / ulp
        same = (got == exact.astype(got.dtype)) | (np.isnan(got) & np.isnan(exact))
        return np.where(same & ~(error <= 1), 0, np.where(np.isnan(error), np.inf, error))


def exact(name: str, arrays: Sequence[Array]) -> Array:
    """An elementary function of float32 arrays in float64, of float64 arrays in `WIDE`."""
    op = REGISTRY[name]
    is_single = arrays[0].dtype == np.float32
    with np.errstate(all="ignore"):
        if name == "erf" and not is_single:
            return _wide_erf(arrays[0])
        return np.asarray(op.value(*[a.astype(np.float64 if is_single else WIDE) for a in arrays]))


def _wide_erf(x: Array) -> Array:
    """e^(-x^2) sum_n 2^n x^(2n+1) / (1 3 5 ... (2n+1)), and beyond 3 one minus a continued fraction for erfc."""
    root_pi = np.sqrt(WIDE("3.14159265358979323846264338327950288"))
    a = np.minimum(np.abs(x.astype(WIDE)), WIDE(8))
    term, total = a.copy(), np.zeros_like(a)
    for n in range(80):
        total = total + term
        term = term * 2 * a * a / (2 * n + 3)
    fraction, large = np.zeros_like(a), np.maximum(a, 3)
    for n in range(80, 0, -1):
        fraction = WIDE(n) / 2 / (large + fraction)
    bell = np.exp(-a * a)
    y = np.where(a > 3, 1 - bell / root_pi / (large + fraction), 2 / root_pi * bell * total)
    return np.asarray(np.where(np.isnan(x), x, np.copysign(y, x)))


CHUNK = 1 << 20


def inputs(name: str, dtype: Any) -> Iterator[list[Array]]:
    """In float32 all inputs, or 2^30 pairs; in float64 2^23 of any bit pattern and of moderate size."""
    n = len(REGISTRY[name].inputs)
    if dtype == np.float32 and n == 1:
        for first in range(0, 1 << 32, CHUNK):
            yield [np.arange(first, first + CHUNK, dtype=np.uint64).astype(np.uint32).view(np.float32)]
        return
    rng, kind = np.random.default_rng(1), np.dtype(dtype)
    for turn in range(1024 if dtype == np.float32 else 8):
        if turn % 2:
            yield [rng.normal(scale=8.0, size=CHUNK).astype(kind) for _ in range(n)]
        else:
            words = rng.integers(0, 1 << 8 * kind.itemsize, (n, CHUNK), dtype=f"u{kind.itemsize}")
            yield [w.view(kind) for w in words]


def measure(name: str, dtype: Any) -> tuple[float, list[Any]]:
    """(largest error in ULP, where)."""
    run = Elementwise(FUNCTIONS[name], [dtype] * len(REGISTRY[name].inputs), dtype)
    worst, where, out = -1.0, [], np.empty(CHUNK, dtype)
    for arrays in inputs(name, dtype):
        run.into(out, *arrays)
        errors = ulps(out, exact(name, arrays))
        at = int(np.argmax(errors))
        if errors[at] > worst:
            worst, where = float(errors[at]), [a[at] for a in arrays]
    return worst, where


def speed(name: str, dtype: Any, *, rounds: int = 2000) -> float:
    """Nanoseconds for 16 elements that lie in the first-level cache, as the difference of two lengths of the array.

    The difference is free of what the call itself costs.
    """
    run = Elementwise(FUNCTIONS[name], [dtype] * len(REGISTRY[name].inputs), dtype)
    sizes, best = (256, 1280), [float("inf")] * 2
    arrays = [_aligned(np.linspace(0.1, 0.9, sizes[1]).astype(dtype)) for _ in run.inputs]
    out = _aligned(np.zeros(sizes[1], dtype))
    for _ in range(rounds):
        for i, n in enumerate(sizes):
            start = time.perf_counter()
            run.into(out[:n], *arrays)
            best[i] = min(best[i], time.perf_counter() - start)
    return (best[1] - best[0]) / (sizes[1] - sizes[0]) * 16e9


def _aligned(x: Array) -> Array:
    room = np.empty(x.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    aligned = room[start : start + x.nbytes].view(x.dtype)
    aligned[:] = x
    return aligned


def main(names: Sequence[str]) -> int:
    """Print a line for each function and type; 1 if one of them breaks its bound."""
    failed = False
    sys.stdout.write(f"{'function':<11}{'type':<9}{'max ULP':>8}{'bound':>7}{'ns/16':>7}  worst input\n")
    for name in names or BOUNDS:
        for dtype, bound in zip((np.float32, np.float64), BOUNDS[name], strict=True):
            worst, where = measure(name, dtype)
            failed |= worst > bound
            at = ", ".join(repr(float(x)) for x in where)
            line = f"{name:<11}{np.dtype(dtype).name:<9}{worst:>8.3f}{bound:>7.1f}{speed(name, dtype):>7.2f}  {at}"
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
