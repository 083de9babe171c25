"""Elementary functions on lanes: own polynomials, with the same bits on every processor that has a fused multiply-add.

A rule `f(k, x)` emits instructions through `k`, a `Lanes`, and answers with the value. What it must keep: NaN stays
NaN, zeros their sign, infinities and denormals what IEEE 754 and C's annex F say; no lane looks at another, so an
element has the same result in any company. `python -m forwardnet.compiler.accuracy` measures the errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forwardnet.compiler.mathlib.circular import cos, sin, tan
from forwardnet.compiler.mathlib.division import floor_divide, fmod, reciprocal, remainder, rsqrt
from forwardnet.compiler.mathlib.exponential import cosh, erf, exp, expm1, sigmoid, sinh, tanh
from forwardnet.compiler.mathlib.inverse import acos, asin, atan, atan2
from forwardnet.compiler.mathlib.logarithm import log, log1p, log2, log10
from forwardnet.compiler.mathlib.power import pow_

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": exp,
    "expm1": expm1,
    "sinh": sinh,
    "cosh": cosh,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "erf": erf,
    "log": log,
    "log1p": log1p,
    "log2": log2,
    "log10": log10,
    "pow": pow_,
    "sin": sin,
    "cos": cos,
    "tan": tan,
    "asin": asin,
    "acos": acos,
    "atan": atan,
    "atan2": atan2,
    "rsqrt": rsqrt,
    "reciprocal": reciprocal,
    "fmod": fmod,
    "remainder": remainder,
    "floor_divide": floor_divide,
}
