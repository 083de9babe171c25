"""Rules of lanes as functions on arrays, and what they are compared with."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from forwardnet.compiler import engine
from forwardnet.compiler.accuracy import Elementwise
from forwardnet.ops import REGISTRY

WIDTHS = (16, 8, 4, 1)
ELEMENTWISE = [op for op in REGISTRY.values() if op.elementwise]


def forms() -> list[Any]:
    """(width, avx512): all widths, and the widest without AVX-512 instructions where the processor has them."""
    own = [(width, None) for width in WIDTHS]
    return [*own, (16, False)] if engine.vector_bytes() == 64 else own


def name_of(form: tuple[int, bool | None]) -> str:
    return f"{form[0]} lanes" + (" without avx512" if form[1] is False else "")


@functools.cache
def op_kernel(name: str, dtype: str, width: int = 16, avx512: bool | None = None) -> Elementwise:
    """The lowering of an op for operands of one type, compiled."""
    op = REGISTRY[name]
    inputs = [np.dtype(dtype) if promotes else np.dtype(bool) for promotes in op.promotes]
    result = op(*[np.ones(1, d) for d in inputs]).dtype
    assert op.lower is not None
    return Elementwise(op.lower, inputs, result, width=width, avx512=avx512)


def kernel(rule: Callable[..., Any], *inputs: Any, result: Any = None, width: int = 16) -> Elementwise:
    """Any rule, compiled; the result has the type of the first operand unless said."""
    return Elementwise(rule, inputs, inputs[0] if result is None else result, width=width)


def specials(dtype: Any) -> Any:
    """Zeros, infinities, NaN, the ends of the range, and what stands next to whole and half numbers."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return np.array([False, True])
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        return np.array([0, 1, 2, 3, 7, limits.min, limits.max, limits.min + 1, limits.max // 2], kind)
    info = np.finfo(kind)
    one = kind.type(1)
    positive = [0, 0.5, 1, 1.5, 2, 2.5, 3, 7, 10, 100, 1e5, 2**23 - 0.5, 2.0**24, 2.0**53, 3e9, 1e20]
    positive += [np.nextafter(one, kind.type(0)), np.nextafter(one, kind.type(2)), info.max, np.inf]
    positive += [info.smallest_subnormal, info.smallest_subnormal * kind.type(12345), info.tiny, info.tiny * 3]
    # Where exp overflows, becomes denormal and vanishes, and where sinh and cosh overflow.
    positive += [88.0, 88.72, 88.73, 87.4, 89.4, 89.5, 103.9, 104.1, 709.7, 709.79, 708.5, 710.4, 710.5, 745.1, 745.2]
    values = np.array(positive, kind)
    return np.concatenate([values, -values, np.array([np.nan], kind)])


def samples(dtype: Any, n_operands: int, rng: np.random.Generator, count: int = 1500) -> list[Any]:
    """Arrays of specials in all combinations, of any bit pattern, and of moderate numbers."""
    kind = np.dtype(dtype)
    special = specials(kind)
    some = special if n_operands < 3 else special[:12]
    grid = [g.ravel() for g in np.meshgrid(*[some] * n_operands)]
    return [np.concatenate([g, *_random(kind, rng, count)]) for g in grid]


def _random(kind: np.dtype[Any], rng: np.random.Generator, count: int) -> list[Any]:
    if kind.kind == "b":
        return [rng.random(count) < 0.5]
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        small = rng.integers(max(-9, limits.min), 9, count).astype(kind)
        return [rng.integers(limits.min, limits.max, count, dtype=kind, endpoint=True), small]
    bits = rng.integers(0, 2 ** (8 * kind.itemsize), count, dtype=f"u{kind.itemsize}").view(kind)
    near = [rng.uniform(-1, 1, count), rng.uniform(-10, 10, count), rng.uniform(-100, 100, count)]
    whole = rng.integers(-20, 20, count)
    return [bits, *[x.astype(kind) for x in (*near, np.exp(rng.uniform(-20, 20, count)), whole, whole + 0.5)]]
