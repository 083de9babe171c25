"""Compute the polynomials of forwardnet/compiler/mathlib/coefficients.py anew.

    pip install mpmath
    python tools/minimax.py > src/forwardnet/compiler/mathlib/coefficients.py
    ruff format src/forwardnet/compiler/mathlib/coefficients.py

Method: Remez's exchange (E. Ya. Remez, 1934) in 60 digits. The coefficients are rounded one after another from the
lowest power up, and what a rounding spoils is fitted again by those that follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mpmath import mp, mpf

mp.dps = 60
Real = Callable[[mpf], mpf]

HEADER = '''"""Coefficients of minimax polynomials, from the lowest power up; made by tools/minimax.py, not by hand.

Above each: what is approximated, where, and the largest error, weighted as said, once the coefficients are rounded.
An ULP of a float32 is 2^-23 to 2^-24 of its value, of a float64 2^-52 to 2^-53.
"""

from __future__ import annotations
'''


@dataclass(frozen=True)
class Fit:
    """f(x) ~ sum_i c_i x^i on the interval such that the largest of weight(x) |error| is least."""

    name: str
    says: str
    f: Real
    interval: tuple[float, float]
    weight: Real
    terms32: int = 0
    terms64: int = 0


def remez(f: Real, powers: list[int], low: mpf, high: mpf, weight: Real) -> list[mpf]:
    """The coefficients of x^powers."""
    n = len(powers)

    def nodes(count: int) -> list[mpf]:
        return [(low + high) / 2 + (low - high) / 2 * mp.cos(mp.pi * i / count) for i in range(count + 1)]

    points, grid = nodes(n), nodes(40 * n)
    known = [(x, f(x), weight(x)) for x in grid]
    for _ in range(30):
        rows = [[x**p for p in powers] + [(-1) ** i / weight(x)] for i, x in enumerate(points)]
        c = list(mp.lu_solve(mp.matrix(rows), mp.matrix([f(x) for x in points])))[:n]
        errors = [w * (sum(a * x**p for a, p in zip(c, powers, strict=True)) - y) for x, y, w in known]
        peaks = extrema(errors)
        while len(peaks) > n + 1:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        if len(peaks) < n + 1 or max(map(abs, errors)) < 1.01 * min(abs(errors[i]) for i in peaks):
            break
        points = [grid[i] for i in peaks]
    return c


def extrema(errors: list[mpf]) -> list[int]:
    """Where the error is largest between two changes of its sign."""
    peaks: list[int] = []
    for i, e in enumerate(errors):
        if not peaks or (errors[peaks[-1]] > 0) != (e > 0):
            peaks.append(i)
        elif abs(e) > abs(errors[peaks[-1]]):
            peaks[-1] = i
    return peaks


def rounded(fit: Fit, terms: int, kind: type) -> tuple[list[float], float]:
    """The coefficients as floats, and the logarithm of the largest weighted error.

    Fitting again fails where the powers that are left have no unique best fit (those without a constant, round 0), so
    plain rounding competes with it.
    """
    low, high = map(mpf, fit.interval)
    grid = [low + (high - low) * i / 1000 for i in range(1001)]

    def worst(c: list[float]) -> mpf:
        return max(abs(fit.weight(x) * (sum(mpf(a) * x**p for p, a in enumerate(c)) - fit.f(x))) for x in grid)

    plain = [float(kind(float(c))) for c in remez(fit.f, list(range(terms)), low, high, fit.weight)]
    chosen = plain[:1]
    for i in range(1, terms):

        def rest(x: mpf) -> mpf:
            return fit.f(x) - sum(mpf(c) * x**p for p, c in enumerate(chosen))

        chosen.append(float(kind(float(remez(rest, list(range(i, terms)), low, high, fit.weight)[0]))))
    best = min((plain, chosen), key=worst)
    return best, float(mp.log(worst(best), 2))


def odd(g: Real) -> Real:
    """(g(x)/x - 1)/x^2 as a function of x^2, for an odd g with g'(0) = 1."""
    return lambda t: (g(mp.sqrt(t)) / mp.sqrt(t) - 1) / t


def exp_rest(r: mpf) -> mpf:
    return (mp.expm1(r) - r) / r**2 if abs(r) > 1e-15 else mpf(1) / 2 + r / 6


def log_rest(f: mpf) -> mpf:
    return (mp.log1p(f) - f + f * f / 2) / f**3 if abs(f) > 1e-15 else mpf(1) / 3 - f / 4


def exp2_rest(r: mpf) -> mpf:
    return mp.expm1(r * mp.log(2)) / r if abs(r) > 1e-20 else mp.log(2)


def atanh_rest(z: mpf) -> mpf:
    return (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z


def log2_erfc(u: mpf) -> mpf:
    return mp.log(mp.erfc(1 + u), 2)


def erf_rest(t: mpf) -> mpf:
    return mp.erf(mp.sqrt(t)) / mp.sqrt(t) - 1


def cos_rest(t: mpf) -> mpf:
    return (mp.cos(mp.sqrt(t)) - 1 + t / 2) / t**2


# What an error of the polynomial is in the result.


def same(z: mpf) -> mpf:
    return z


def of_exp(r: mpf) -> mpf:
    return r**2 / mp.exp(r) + NEAR


def of_exp2(r: mpf) -> mpf:
    return abs(r) / mp.power(2, r) + NEAR


def of_erf(u: mpf) -> mpf:
    return mp.erfc(1 + u) / mp.erf(1 + u) * mp.log(2)


def of_cos(t: mpf) -> mpf:
    return t * t / mp.cos(mp.sqrt(t))


TINY, NEAR = 1e-12, mpf("1e-30")
HALF_LN2, FIFTH, QUARTER_PI = 0.34661, (TINY, 0.0401), (TINY, 0.78545**2)
# The reductions round, so each interval is a little longer than the exact one.
EXP, EXP2, ERFC = (-HALF_LN2, HALF_LN2), (-0.501, 0.501), "log2 erfc(1+u), 0 < u < {}, relative in erf(1+u)"
FITS = (
    Fit("EXP", "(e^r - 1 - r) / r^2, |r| < ln(2)/2, relative in e^r", exp_rest, EXP, of_exp, 5, 10),
    Fit("EXP2", "(2^r - 1) / r, |r| < 1/2, relative in 2^r", exp2_rest, EXP2, of_exp2, 6, 11),
    Fit("EXP2_SHORT", "the same, for less accurate results", exp2_rest, EXP2, of_exp2, 5, 7),
    Fit(
        "LOG",
        "(ln(1+f) - f + f^2/2) / f^3, -1/4 < f < 1/2, relative in ln(1+f)",
        log_rest,
        (-0.2501, 0.5001),
        lambda f: abs(f**3 / mp.log1p(f)) if f else NEAR,
        8,
    ),
    Fit("ATANH", "(2 atanh(s)/s - 2) / s^2 in s^2, s < 1/5, relative in atanh(s)", atanh_rest, FIFTH, same, 0, 8),
    Fit("ATANH_SHORT", "the same, for float32 results", atanh_rest, FIFTH, same, 0, 5),
    Fit(
        "ATANH_TAIL",
        "(2 atanh(s)/s - 2 - 2/3 s^2) / s^4 in s^2, relative in atanh(s)",
        lambda z: (atanh_rest(z) - mpf(2) / 3) / z,
        FIFTH,
        lambda z: z * z,
        0,
        8,
    ),
    Fit("TANH", "(tanh(x)/x - 1) / x^2 in x^2, |x| < 0.56", odd(mp.tanh), (TINY, 0.56**2), same, 4, 11),
    Fit("SINH", "(sinh(x)/x - 1) / x^2 in x^2, |x| < 1", odd(mp.sinh), (TINY, 1.0), same, 4, 7),
    Fit("ERF", "erf(x)/x - 1 in x^2, |x| < 1, absolute", erf_rest, (TINY, 1.0), lambda t: mpf(1), 7, 12),
    Fit("ERFC_32", ERFC.format("2.95"), log2_erfc, (0.0, 2.95), of_erf, 6),
    Fit("ERFC_64", ERFC.format("5"), log2_erfc, (0.0, 5.0), of_erf, 0, 18),
    Fit("SIN", "(sin(x)/x - 1) / x^2 in x^2, |x| < pi/4", odd(mp.sin), QUARTER_PI, same, 3, 6),
    Fit("COS", "(cos(x) - 1 + x^2/2) / x^4 in x^2, |x| < pi/4", cos_rest, QUARTER_PI, of_cos, 3, 6),
    Fit("ASIN", "(asin(x)/x - 1) / x^2 in x^2, |x| < 1/2", odd(mp.asin), (TINY, 0.25), same, 5, 12),
    Fit("ATAN", "(atan(x)/x - 1) / x^2 in x^2, |x| < tan(pi/8)", odd(mp.atan), (TINY, 0.1717), same, 5, 11),
)


def literal(c: float, kind: type) -> str:
    return str(np.float32(c)) if kind is np.float32 else repr(c)


def main() -> None:
    print(HEADER)
    for fit in FITS:
        for terms, kind, suffix in ((fit.terms32, np.float32, "32"), (fit.terms64, np.float64, "64")):
            if terms:
                c, error = rounded(fit, terms, kind)
                name = fit.name if fit.name.endswith(("32", "64")) else f"{fit.name}_{suffix}"
                print(f"# {fit.says}: 2^{error:.1f}")
                print(f"{name} = ({', '.join(literal(x, kind) for x in c)},)\n", flush=True)


if __name__ == "__main__":
    main()
