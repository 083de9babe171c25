"""Lanes: the text they emit, conversions as NumPy does them, choices between numbers, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compiler.harness import forms, kernel, name_of, samples, specials
from forwardnet.compiler import engine
from forwardnet.compiler.accuracy import Elementwise
from forwardnet.compiler.lanes import F32, I32, Lanes
from forwardnet.compiler.llvm import ir
from forwardnet.ops import REGISTRY
from forwardnet.ops.record import CannotLower

TYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64")


def empty_function(width: int = 16) -> tuple[Any, Lanes]:
    """A module and lanes that emit into its only function."""
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), []), "f")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    return module, Lanes(builder, width)


@pytest.mark.parametrize("source", TYPES)
@pytest.mark.parametrize("target", TYPES)
def test_cast_as_numpy(source: str, target: str) -> None:
    x = samples(source, 1, np.random.default_rng(4))[0]
    if np.dtype(source).kind == "f" and np.dtype(target).kind in "iu":
        # Out of range the result is the processor's; but the types below 32 bits take the lowest bits of an int32.
        top = np.iinfo(target if np.dtype(target).itemsize >= 4 else np.int32).max
        x = x[np.abs(x) < 0.99 * top]
        assert x.size > 1000
    with np.errstate(all="ignore"):
        expected = x.astype(target)
    for width in (16, 4):
        run = kernel(lambda k, v: k.cast(v, target, source), source, result=target, width=width)
        np.testing.assert_array_equal(run(x), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bound", [-1.5, 0.0, 1e30])
def test_bounds_let_nan_through(dtype: str, bound: float) -> None:
    x = samples(dtype, 1, np.random.default_rng(4))[0]
    wide = x.dtype.type(bound)
    np.testing.assert_array_equal(kernel(lambda k, v: k.at_least(v, bound), dtype)(x), np.maximum(x, wide))
    np.testing.assert_array_equal(kernel(lambda k, v: k.at_most(v, bound), dtype)(x), np.minimum(x, wide))


@pytest.mark.parametrize("form", forms(), ids=name_of)
def test_maximum_and_minimum_keep_nan(form: tuple[int, bool | None]) -> None:
    """LLVM's own maxnum would take the number and hide that training diverged."""
    a, b = samples("float32", 2, np.random.default_rng(4))
    assert np.isnan(a).any() and np.isnan(b).any()
    for name, value in (("maximum", np.maximum), ("minimum", np.minimum)):
        run = Elementwise(lambda k, u, v, name=name: getattr(k, name)(u, v), ["float32"] * 2, "float32", width=form[0])
        np.testing.assert_array_equal(run(a, b), value(a, b))
    assert np.isnan(kernel(lambda k, u: k.maximum(u, 0.0), "float32")(np.array([np.nan], np.float32))[0])


@pytest.mark.parametrize("relation", ["<", "<=", ">", ">=", "==", "!="])
def test_nan_compares_as_ieee_says(relation: str) -> None:
    a, b = samples("float32", 2, np.random.default_rng(4))
    ufunc = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal}
    expected = ufunc.get(relation, np.not_equal)(a, b)
    run = kernel(lambda k, u, v: k.compare(relation, u, v), "float32", "float32", result="bool")
    np.testing.assert_array_equal(run(a, b), expected)


def test_numbers_stand_for_constants() -> None:
    """On either side, in the type of the vector beside them."""
    x = np.array([1.0, 2.0, 4.0], np.float32)
    np.testing.assert_array_equal(kernel(lambda k, v: k.sub(1.0, v), "float32")(x), 1 - x)
    np.testing.assert_array_equal(kernel(lambda k, v: k.fma(v, 2, 0.1), "float32")(x), x * 2 + np.float32(0.1))
    np.testing.assert_array_equal(
        kernel(lambda k, v: k.select(k.compare(">", v, 2), v, 0.5), "float32")(x), [0.5, 0.5, 4]
    )
    n = np.arange(5, dtype=np.int32)
    np.testing.assert_array_equal(kernel(lambda k, v: k.add(3, k.mul(v, -2)), "int32")(n), 3 - 2 * n)


def test_a_polynomial_is_evaluated_from_the_lowest_power_up() -> None:
    x = np.linspace(-2, 2, 33)
    np.testing.assert_allclose(kernel(lambda k, v: k.poly(v, (1.0, -2.0, 3.0)), "float64")(x), 1 - 2 * x + 3 * x * x)


def test_fma_rounds_once() -> None:
    """The product alone would lose the last bits: (1 + e)(1 - e) - 1 = -e^2."""
    e = np.full(4, 2.0**-20)
    exact = kernel(lambda k, v: k.fma(k.add(1.0, v), k.sub(1.0, v), -1.0), "float64")(e)
    np.testing.assert_array_equal(exact, -(e * e))


def test_masks_add_and_multiply_as_truth_values() -> None:
    a, b = (g.ravel() for g in np.meshgrid(specials("bool"), specials("bool")))
    np.testing.assert_array_equal(kernel(lambda k, u, v: k.add(u, v), "bool", "bool")(a, b), a | b)
    np.testing.assert_array_equal(kernel(lambda k, u, v: k.mul(u, v), "bool", "bool")(a, b), a & b)


def test_constants_are_short_in_the_text() -> None:
    """Sixteen times the same number, in every use, would make most of the text that LLVM has to read."""
    module, k = empty_function()
    k.builder.ret_void()
    constant = k.splat(0.1, F32).get_reference()
    assert constant == "splat (float 0x3fb99999a0000000)"
    assert "-7" in k.splat(-7, I32).get_reference()
    assert "splat" not in str(module)


def test_no_flag_lets_llvm_bend_the_rules() -> None:
    """NaN, infinities and the order of operations are kept: no fast-math flag stands in any rule."""
    flags = ("fast", "nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc")
    for name, op in REGISTRY.items():
        if op.elementwise and op.lower is not None and op.to_float:
            text = kernel(op.lower, *["float32"] * len(op.inputs)).text
            assert not set(flags) & set(text.split()), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels_stay_short(dtype: str) -> None:
    """Long bodies are slow to compile; the longest is the power of float64, in two parts throughout."""
    for name, op in REGISTRY.items():
        if op.elementwise and op.lower is not None and op.to_float:
            text = kernel(op.lower, *[dtype] * len(op.inputs)).text
            assert text.count("\n") < 200, name


def test_a_byte_does_not_tell_its_sign() -> None:
    _, k = empty_function()
    x = k.splat(200, ir.IntType(8))
    with pytest.raises(CannotLower, match="8-bit"):
        k.compare("<", x, 0)
    assert k.is_mask(k.compare("==", x, 0))


def test_an_unknown_function_is_an_attribute_error() -> None:
    _, k = empty_function()
    with pytest.raises(AttributeError, match="sinus"):
        _ = k.sinus


def test_avx512_is_used_where_it_exists() -> None:
    text = kernel(lambda k, v: k.exp(v), "float32").text
    assert ("x86.avx512" in text) == (engine.vector_bytes() == 64)
    plain = Elementwise(lambda k, v: k.exp(v), ["float32"], "float32", avx512=False).text
    assert "x86" not in plain
