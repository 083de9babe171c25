"""The lowering of every elementwise op against its NumPy value: types, widths, special numbers, places in memory."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from compiler.harness import ELEMENTWISE, forms, kernel, name_of, op_kernel, samples
from forwardnet.compiler import mathlib
from forwardnet.compiler.accuracy import BOUNDS, exact, ulps
from forwardnet.ops import REGISTRY, Op
from forwardnet.ops.record import CannotLower, elementwise

# Polynomials and NumPy's functions round differently; all other ops are exact or rounded once, so their bits agree.
ROUNDED = set(BOUNDS) - {"reciprocal", "rsqrt"}
# IEEE 754 leaves open which of two zeros is the greater.
EITHER_ZERO = {"maximum", "minimum", "clamp_min", "clamp_max", "relu"}
FLOATS = ("float32", "float64")
OTHERS = ("bool", "uint8", "int8", "int16", "int32", "int64")
NOT_FOR_INTEGERS = {"pow", "remainder", "fmod", "floor_divide"}
ORDERING = {"maximum", "minimum", "clamp_min", "clamp_max", "abs", "sign", "relu", "lt", "le", "gt", "ge"}


def is_defined(op: Op, dtype: str) -> bool:
    """Whether NumPy has the op for a type."""
    try:
        op(*[np.ones(1, dtype if promotes else bool) for promotes in op.promotes])
    except TypeError:
        return False
    return True


ON_FLOATS = [pytest.param(op, d, id=f"{op.name}-{d}") for op in ELEMENTWISE for d in FLOATS if is_defined(op, d)]
# Ops of results that are never whole numbers convert their operands before they are lowered.
ON_OTHERS = [
    pytest.param(op, d, id=f"{op.name}-{d}")
    for op in ELEMENTWISE
    for d in OTHERS
    if not op.to_float and is_defined(op, d)
]
EVERY = pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
FORMS = pytest.mark.parametrize("form", forms(), ids=name_of)


def operands(op: Op, dtype: str, rng: np.random.Generator) -> list[Any]:
    """Samples for each operand; those that keep their own type are truth values."""
    arrays = samples(dtype, len(op.inputs), rng)
    return [a if promotes else rng.random(a.size) < 0.5 for a, promotes in zip(arrays, op.promotes, strict=True)]


def value(op: Op, arrays: list[Any]) -> Any:
    """NumPy's value."""
    with np.errstate(all="ignore"):
        return op(*arrays)


def check(op: Op, got: Any, expected: Any, arrays: list[Any]) -> None:
    """Equal as far as the op can be; NaN equals NaN, and zeros have the same sign."""
    assert got.dtype == expected.dtype
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected)
        return
    if op.name in ROUNDED:
        wide = exact(op.name, arrays)
        errors = ulps(got, wide)
        worst = int(np.argmax(errors))
        where = [a[worst] for a in arrays]
        assert errors[worst] <= BOUNDS[op.name][got.dtype == np.float64], (where, got[worst], wide[worst])
        expected = np.where(wide == 0, wide, got)  # beside the error, the sign of exact zeros
    np.testing.assert_array_equal(got, expected)
    if op.name not in EITHER_ZERO:
        zero = expected == 0
        np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(expected[zero]))


@EVERY
def test_every_elementwise_op_has_a_lowering(op: Op) -> None:
    assert op.lower is not None


@pytest.mark.parametrize(("op", "dtype"), ON_FLOATS)
@FORMS
def test_a_lowering_agrees_with_numpy_on_floats(op: Op, form: tuple[int, bool | None], dtype: str) -> None:
    arrays = operands(op, dtype, np.random.default_rng(zlib.crc32(op.name.encode())))
    check(op, op_kernel(op.name, dtype, *form)(*arrays), value(op, arrays), arrays)


@pytest.mark.parametrize(("op", "dtype"), ON_OTHERS)
def test_a_lowering_agrees_with_numpy_on_whole_numbers(op: Op, dtype: str) -> None:
    arrays = operands(op, dtype, np.random.default_rng(zlib.crc32(op.name.encode())))
    if op.name in NOT_FOR_INTEGERS:
        arrays[1] = np.maximum(arrays[1], 1)  # NumPy refuses what would divide by zero
    expected = value(op, arrays)
    for width in (16, 4):
        try:
            got = op_kernel(op.name, dtype, width)(*arrays)
        except CannotLower:
            # Native code cannot say that an integer division failed; 8-bit types do not tell whether they are signed.
            assert op.name in NOT_FOR_INTEGERS or (op.name in ORDERING and dtype in ("uint8", "int8"))
            continue
        check(op, got, expected, arrays)


@FORMS
@pytest.mark.parametrize("name", ["add", "tanh", "where", "eq"])
@pytest.mark.parametrize("shift", [0, 1, 3])
def test_places_in_memory(form: tuple[int, bool | None], name: str, shift: int) -> None:
    """Arrays that begin anywhere are read, and nothing around the result is written."""
    op, run = REGISTRY[name], op_kernel(name, "float32", *form)
    rng, n = np.random.default_rng(1), 48
    arrays = [rng.standard_normal(n + 8).astype(d)[shift : shift + n] for d in run.inputs]
    room = np.zeros(n + 8, run.result)
    room.view(np.uint8)[:] = 7
    run.into(room[shift : shift + n], *arrays)
    check(op, room[shift : shift + n].copy(), value(op, arrays), arrays)
    assert (np.delete(room, slice(shift, shift + n)).view(np.uint8) == 7).all()


@pytest.mark.parametrize("name", sorted(mathlib.FUNCTIONS))
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_bits_do_not_depend_on_neighbours_or_width(name: str, dtype: str) -> None:
    """The promise that a row has the same prediction alone and in any batch rests on this."""
    op = REGISTRY[name]
    rng = np.random.default_rng(3)
    arrays = samples(dtype, len(op.inputs), rng, count=200)
    whole = op_kernel(name, dtype)(*arrays)
    order = rng.permutation(whole.size)
    shuffled = op_kernel(name, dtype)(*[a[order] for a in arrays])
    np.testing.assert_array_equal(shuffled.view(np.uint8), whole[order].view(np.uint8))
    for form in forms():
        other = op_kernel(name, dtype, *form)(*arrays)
        np.testing.assert_array_equal(np.isnan(other), np.isnan(whole))
        kept = ~np.isnan(whole)  # which NaN it is differs
        np.testing.assert_array_equal(other[kept].view(np.uint8), whole[kept].view(np.uint8))


def test_the_comparison_finds_a_wrong_lowering() -> None:
    """A sign, a lost NaN, a swapped operand and an error of a few ULP are all seen."""
    x = samples("float32", 1, np.random.default_rng(0))[0]
    faults = {
        "neg": lambda k, a: a,
        "relu": lambda k, a: k.select(k.compare(">", a, 0.0), a, 0.0),  # NaN becomes 0
        "tanh": lambda k, a: k.mul(k.tanh(a), 1 + 2**-21),
        "isnan": lambda k, a: k.compare("==", a, a),
        "exp": lambda k, a: k.add(k.exp(a), 1e-6),
    }
    for name, rule in faults.items():
        op = REGISTRY[name]
        with pytest.raises(AssertionError):
            check(op, kernel(rule, "float32", result=value(op, [x]).dtype)(x), value(op, [x]), [x])


def test_a_rule_may_refuse() -> None:
    assert issubclass(CannotLower, Exception)
    assert elementwise.__kwdefaults__["emit"] is None  # an op without a lowering is possible: the graph runs eagerly


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_square_is_a_product_and_so_are_its_derivatives(dtype: str) -> None:
    """Bit for bit NumPy's power, for every kind of number; a general power would take fifty times as long."""
    values = np.array([0.0, -0.0, 1.5, -2.25, 1e-30, -1e30, np.inf, -np.inf, np.nan, 2e-38, 1 / 3], dtype)
    x = ff.tensor(values)

    def squares(x: Any) -> Any:
        return x**2

    def slope(x: Any) -> Any:
        y = x.detach().requires_grad_()
        (y**2).sum().backward()
        return y.grad

    with np.errstate(all="ignore"):
        for function in (squares, slope):
            compiled = ff.jit(function)
            np.testing.assert_array_equal(compiled(x).numpy(), function(x).numpy())
            (made,) = compiled.programs.values()
            assert "pow" not in str(made.native.program)
    cubes = ff.jit(lambda x: x**3)
    np.testing.assert_allclose(cubes(x).numpy(), (x**3).numpy(), rtol=4e-7)  # 2 ULP of float32
