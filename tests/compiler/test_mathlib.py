"""Elementary functions: bounds on dense samples, special values, the primitives they are built from, the fits."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from llvmlite import binding

from compiler.harness import forms, kernel, name_of, op_kernel, samples, specials
from forwardnet.compiler import engine, mathlib
from forwardnet.compiler.accuracy import BOUNDS, IS_WIDE, WIDE, Elementwise, exact, ulps
from forwardnet.compiler.mathlib import coefficients, exponential, primitives
from forwardnet.ops import REGISTRY

ONE = sorted(name for name in BOUNDS if name not in ("pow", "atan2"))
TWO = ("pow", "atan2")
INF, NAN = math.inf, math.nan
# One float32 in 4099 over all bit patterns: a prime, so that exponents and fractions are all visited.
DENSE = np.arange(0, 2**32, 4099, dtype=np.uint64).astype(np.uint32).view(np.float32)


def wide_samples(name: str) -> Any:
    """float64 of all sizes, denser where functions bend."""
    rng = np.random.default_rng(11)
    n = 6000
    parts = [specials(np.float64), rng.integers(0, 2**64, n, dtype=np.uint64).view(np.float64)]
    parts += [rng.uniform(-b, b, n) for b in (1.0, 8.0, 760.0, 1e5)]
    parts += [rng.uniform(0.5, 2, n), -1 + 10.0 ** rng.uniform(-16, 0, n), np.exp(rng.uniform(-40, 40, n))]
    # Next to the zeros of sine and cosine almost all digits cancel.
    parts += [np.arange(-2000, 2000) * (np.pi / 2), np.arange(1, 200) * 1e6 * np.pi]
    return np.concatenate(parts)


def test_every_function_has_a_bound() -> None:
    assert set(mathlib.FUNCTIONS) - set(BOUNDS) == {"fmod", "remainder", "floor_divide"}  # these are exact


@pytest.mark.parametrize("name", ONE)
def test_bound_in_float32(name: str) -> None:
    errors = ulps(op_kernel(name, "float32")(DENSE), exact(name, [DENSE]))
    worst = int(np.argmax(errors))
    assert errors[worst] <= BOUNDS[name][0], DENSE[worst]


@pytest.mark.parametrize("name", ONE)
def test_bound_in_float64(name: str) -> None:
    x = wide_samples(name)
    errors = ulps(op_kernel(name, "float64")(x), exact(name, [x]))
    worst = int(np.argmax(errors))
    # Without a wider type the reference itself is only good to an ULP.
    assert errors[worst] <= BOUNDS[name][1] + (not IS_WIDE), x[worst]


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bound_of_two_arguments(name: str, dtype: str) -> None:
    rng, n = np.random.default_rng(12), 20000
    size = 8 * np.dtype(dtype).itemsize
    a = [rng.integers(0, 2**size, n, dtype=f"u{size // 8}").view(dtype) for _ in range(2)]
    pairs = [a, [np.abs(a[0]), rng.uniform(-2, 2, n)], [np.exp(rng.uniform(-9, 9, n)), rng.uniform(-30, 30, n)]]
    # Powers near the ends of the range need the most digits of the logarithm.
    near = rng.uniform(0.5, 2, n)
    largest = np.finfo(dtype).maxexp
    pairs += [
        [rng.uniform(0.9, 1.1, n), rng.uniform(-7000, 7000, n)],
        [near, rng.uniform(-largest, largest, n) / np.log2(near)],
        [-np.exp(rng.uniform(-9, 9, n)), rng.integers(-9, 9, n)],
    ]
    with np.errstate(invalid="ignore"):  # signalling NaN
        arrays = [np.concatenate([p[i] for p in pairs]).astype(dtype) for i in range(2)]
    errors = ulps(op_kernel(name, dtype)(*arrays), exact(name, arrays))
    worst = int(np.argmax(errors))
    bound = BOUNDS[name][dtype == "float64"] + (dtype == "float64" and not IS_WIDE)
    assert errors[worst] <= bound, [x[worst] for x in arrays]


TINY = float(np.finfo(np.float32).smallest_subnormal)
VALUES: dict[str, list[tuple[float, float]]] = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (89.0, INF), (-104.0, 0.0), (-103.0, TINY), (TINY, 1.0)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (TINY, TINY), (-TINY, -TINY), (89.0, INF)],
    "log": [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (-1.0, NAN), (-TINY, NAN)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (-1.5, NAN), (-INF, NAN), (INF, INF), (TINY, TINY)],
    "log2": [(1.0, 0.0), (8.0, 3.0), (2.0**-149, -149.0), (2.0**127, 127.0), (0.0, -INF), (INF, INF), (-1.0, NAN)],
    "log10": [(1.0, 0.0), (0.0, -INF), (INF, INF), (-1.0, NAN)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (20.0, 1.0), (TINY, TINY)],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (-104.0, 0.0), (-103.0, TINY)],
    "erf": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (4.0, 1.0), (TINY, TINY)],
    "sinh": [(-0.0, -0.0), (INF, INF), (-INF, -INF), (TINY, TINY), (-90.0, -INF)],
    "cosh": [(-0.0, 1.0), (INF, INF), (-INF, INF), (90.0, INF)],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (TINY, TINY)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN)],
    "tan": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-TINY, -TINY)],
    "asin": [(-0.0, -0.0), (1.0, np.float32(np.pi / 2)), (1.5, NAN), (-INF, NAN), (TINY, TINY)],
    "acos": [(1.0, 0.0), (-1.0, np.float32(np.pi)), (0.0, np.float32(np.pi / 2)), (2.0, NAN)],
    "atan": [(-0.0, -0.0), (INF, np.float32(np.pi / 2)), (-INF, -np.float32(np.pi / 2)), (TINY, TINY)],
    "rsqrt": [(0.0, INF), (-0.0, -INF), (INF, 0.0), (-1.0, NAN), (4.0, 0.5)],
    "reciprocal": [(0.0, INF), (-0.0, -INF), (INF, 0.0), (-INF, -0.0)],
}


@pytest.mark.parametrize("name", ONE)
def test_special_values(name: str) -> None:
    """C's annex F, and denormals in and out. That NaN stays NaN is asked of all."""
    points = [*VALUES[name], (NAN, NAN)]
    x, expected = (np.array(column, np.float32) for column in zip(*points, strict=True))
    for form in forms():
        got = op_kernel(name, "float32", *form)(x)
        np.testing.assert_array_equal(got, expected)
        zero = expected == 0
        np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(expected[zero]))


POWERS = [
    *[(0.0, 3.0, 0.0), (-0.0, 3.0, -0.0), (-0.0, 2.0, 0.0), (0.0, -3.0, INF), (-0.0, -3.0, -INF), (-0.0, -2.0, INF)],
    *[(0.0, -INF, INF), (-0.0, -INF, INF), (0.0, INF, 0.0), (-1.0, INF, 1.0), (-1.0, -INF, 1.0), (1.0, NAN, 1.0)],
    *[(NAN, 0.0, 1.0), (NAN, -0.0, 1.0), (INF, 0.0, 1.0), (-8.0, 1 / 3, NAN), (0.5, -INF, INF), (2.0, -INF, 0.0)],
    *[(0.5, INF, 0.0), (2.0, INF, INF), (-INF, -3.0, -0.0), (-INF, -2.0, 0.0), (-INF, 3.0, -INF), (-INF, 2.5, INF)],
    *[(INF, -1.0, 0.0), (INF, 0.5, INF), (-2.0, 3.0, -8.0), (-2.0, 2.0, 4.0), (-2.0, 2.0**24, INF), (NAN, 1.0, NAN)],
    *[(-3.0, NAN, NAN), (2.0, -149.0, TINY), (2.0, -151.0, 0.0), (0.0, 1e-30, 0.0), (INF, -1e-30, 0.0)],
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_powers(dtype: str) -> None:
    """The table of IEEE 754-2019, 9.2.1."""
    a, b, expected = (np.array(column, dtype) for column in zip(*POWERS, strict=True))
    if dtype == "float64":
        expected[a == 2.0] = 2.0 ** b[a == 2.0]  # the ends of float32's range are no ends here
        expected[b == 2.0**24] = INF
    got = op_kernel("pow", dtype)(a, b)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got[expected == 0]), np.signbit(expected[expected == 0]))


@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_remainders_are_exact(name: str, dtype: str) -> None:
    """Next to whole quotients, and where rounding makes a quotient wrong by more than one."""
    rng, digits = np.random.default_rng(9), np.finfo(dtype).nmant
    b = rng.uniform(0.5, 2, 40000).astype(dtype) * rng.choice([-1, 1], 40000).astype(dtype)
    quotient = np.floor(2.0 ** rng.uniform(0, digits + 5, b.size)).astype(dtype)
    a = b * quotient  # rounded: the quotient is next to a whole number
    a[::2] += b[::2] * rng.uniform(-1, 1, b.size)[::2].astype(dtype)
    op = REGISTRY[name]
    np.testing.assert_array_equal(op_kernel(name, dtype)(a, b), op(a, b))


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_angles_are_reduced_exactly(name: str, dtype: str) -> None:
    x = np.array([1e5, -1e9, 2.0**30, 1.1e9, -3e10, 1e20, 3e38], dtype)
    x = np.concatenate([x, np.linspace(1, 2, 30).astype(dtype) * 10 ** np.linspace(3, 37, 30).astype(dtype)])
    errors = ulps(op_kernel(name, dtype)(x), exact(name, [x]))
    assert errors.max() <= BOUNDS[name][dtype == "float64"] + (dtype == "float64" and not IS_WIDE)


@pytest.mark.parametrize("form", forms(), ids=name_of)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scale_rounds_once(form: tuple[int, bool | None], dtype: str) -> None:
    """Through denormals (a second rounding would show in one of thousands), to 0 and to inf."""
    rng, top = np.random.default_rng(5), np.finfo(dtype).maxexp
    x = np.concatenate([rng.uniform(0.5, 2, 20000), [0.0, -0.0, INF, -INF, NAN] * 4]).astype(dtype)
    n = rng.integers(-2 * top + 10, 2 * top - 10, x.size).astype(dtype)
    n[:8000] = -top - rng.integers(-2, np.finfo(dtype).nmant, 8000)
    run = Elementwise(primitives.scale, [dtype, dtype], dtype, width=form[0], avx512=form[1])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(run(x, n), np.ldexp(x, n.astype(np.int32)))


@pytest.mark.parametrize("form", forms(), ids=name_of)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_split_takes_a_number_apart(form: tuple[int, bool | None], dtype: str) -> None:
    rng = np.random.default_rng(6)
    size = np.dtype(dtype).itemsize
    x = np.abs(rng.integers(0, 2 ** (8 * size), 20000, dtype=f"u{size}").view(dtype))
    x = np.concatenate([x, specials(dtype), np.array([1.5, 3.0, 0.75], dtype)])
    with np.errstate(invalid="ignore"):
        x = np.concatenate([x, np.nextafter(x, x.dtype.type(0))])
    m, e = (
        Elementwise(lambda k, x, i=i: primitives.split(k, x)[i], [dtype], dtype, width=form[0], avx512=form[1])(x)
        for i in range(2)
    )
    plain = np.isfinite(x) & (x > 0)
    assert ((0.75 <= m[plain]) & (m[plain] < 1.5)).all()
    np.testing.assert_array_equal(np.ldexp(m[plain], e[plain].astype(np.int32)), x[plain])
    assert (e[x == 0] == -INF).all()
    assert (e[x == INF] == INF).all()
    assert np.isfinite(m[(x == 0) | (x == INF)]).all()
    invalid = np.isnan(x) | (x < 0)
    assert invalid.any()
    assert np.isnan(m[invalid]).all()
    assert np.isnan(e[invalid]).all()


def for_avx2(text: str) -> bytes:
    """Object code of x86-64-v3: 256-bit vectors and FMA, no AVX-512."""
    return bytes(engine.target_machine("x86-64-v3", "").emit_object(binding.parse_assembly(text)))


@pytest.mark.skipif(engine.vector_bytes() < 64, reason="this is what the other tests run on a machine without AVX-512")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(mathlib.FUNCTIONS))
def test_avx2_has_the_same_bits(name: str, dtype: str) -> None:
    op, rule = REGISTRY[name], mathlib.FUNCTIONS[name]
    arrays = samples(dtype, len(op.inputs), np.random.default_rng(8))
    run = Elementwise(rule, [dtype] * len(arrays), dtype, avx512=False, assemble=for_avx2)
    got, own = run(*arrays), op_kernel(name, dtype)(*arrays)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(own))
    kept = ~np.isnan(own)
    np.testing.assert_array_equal(got[kept].view(np.uint8), own[kept].view(np.uint8))


@pytest.mark.parametrize("name", sorted(mathlib.FUNCTIONS))
def test_neon_has_all_instructions(name: str) -> None:
    """Code for 64-bit ARM is generated without calls, but for the rare ones to the C library."""
    try:
        binding.initialize_all_targets()
        binding.initialize_all_asmprinters()
        target = binding.Target.from_triple("aarch64-unknown-linux-gnu")
    except RuntimeError as reason:
        pytest.skip(f"this LLVM has no ARM: {reason}")
    kind = [np.float32] * len(REGISTRY[name].inputs)
    text = Elementwise(mathlib.FUNCTIONS[name], kind, np.float32, width=4, avx512=False).text
    module = binding.parse_assembly(text)
    module.triple = "aarch64-unknown-linux-gnu"
    assembler = target.create_target_machine(features="+neon", opt=3).emit_assembly(module)
    assert "fmla" in assembler or "fmls" in assembler or "fdiv" in assembler
    called = set(re.findall(r"\bbl\s+(\w+)", assembler))
    assert called <= {"fmod" if name in ("remainder", "floor_divide") else name}


def test_a_wrong_coefficient_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dense sample is sharp enough for an error of one part in a hundred in the last coefficient."""
    worse = (*coefficients.EXP_32[:-1], coefficients.EXP_32[-1] * 1.01)
    monkeypatch.setattr(coefficients, "EXP_32", worse)
    errors = ulps(kernel(exponential.exp, np.float32)(DENSE), exact("exp", [DENSE]))
    assert errors.max() > BOUNDS["exp"][0]


def test_ulps_measures_what_it_says() -> None:
    got = np.array([1.0, 1.0, INF, NAN, 1.0, 0.0, INF, 1e-45], np.float32)
    true = np.array([1.0, 1 + 2.0**-23, INF, NAN, NAN, 2.0**-150, 3.5e38, 0.0])
    np.testing.assert_allclose(ulps(got, true), [0, 1, 0, 0, INF, 0.5, 0, 1])
    assert ulps(np.array([INF], np.float32), np.array([1e38]))[0] == INF
    assert ulps(np.array([1.0]), np.array([1.0], WIDE) + WIDE(2) ** -53)[0] == (0.5 if IS_WIDE else 0)
