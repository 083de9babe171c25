"""Every elementwise op over shapes, types and memory layouts: the shape rule is true, the inputs stay as they were."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from forwardnet import dtypes
from forwardnet.ops import REGISTRY, Op
from forwardnet.tensor.tape import new_tensor
from ops import laws

EVERY = pytest.mark.parametrize("op", laws.ELEMENTWISE, ids=lambda op: op.name)
TYPES = [d.np for d in dtypes.ALL]


def typed(op: Op, position: int, shape: tuple[int, ...], dtype: Any) -> Any:
    """Values that every type holds: 1, 2 or 3, in the type of an input; bool where the op says so."""
    values = 1 + laws.generator(op.name, position, shape).integers(0, 3, shape)
    return np.asarray(values % 2 if op.elementwise and not op.promotes[position] else values).astype(
        dtype if op.promotes[position] else bool
    )


def shape_cases(op: Op) -> Iterator[tuple[tuple[int, ...], ...]]:
    return iter(laws.SHAPES[len(op.inputs)])


@EVERY
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_the_result_is_what_the_rule_says(op: Op, dtype: Any) -> None:
    if not laws.takes(op, dtype):
        arrays = [new_tensor(typed(op, i, (2,), dtype)) for i in range(len(op.inputs))]
        with pytest.raises(TypeError, match=rf"{op.name}|{np.dtype(dtype)}"):
            op(*arrays)
        return
    for shapes in shape_cases(op):
        arrays = [typed(op, i, shape, dtype) for i, shape in enumerate(shapes)]
        (got,) = laws.call(op, arrays, {})
        expected = op.spec(*map(laws.spec, op.promote(arrays)))
        assert laws.spec(got) == expected, shapes
        assert got.shape == np.broadcast_shapes(*shapes)
        if got.dtype != bool:
            assert got.dtype == (dtypes.FLOAT32 if op.to_float and np.dtype(dtype).kind != "f" else dtype)


@EVERY
def test_every_op_takes_numbers_of_some_type(op: Op) -> None:
    """All take every type of integers; all but the bitwise ops take floats, and then all three."""
    integers = [laws.takes(op, t) for t in TYPES if t.kind in "iu"]
    floats = [laws.takes(op, t) for t in laws.FLOATS]
    assert all(integers)
    assert all(floats) or (op.name.startswith("bitwise") and not any(floats))


@pytest.mark.parametrize("op", [op for op in laws.ELEMENTWISE if sum(op.promotes) == 2], ids=lambda op: op.name)
def test_two_types_meet_in_the_common_one(op: Op) -> None:
    checked = 0
    for a, b in itertools.product(TYPES, TYPES):
        common = dtypes.promote(a, b)
        if not laws.takes(op, common):
            continue
        kinds = iter((a, b))
        arrays = [typed(op, i, (2,), next(kinds) if p else bool) for i, p in enumerate(op.promotes)]
        (got,) = laws.call(op, arrays, {})
        if got.dtype != bool:
            assert got.dtype == (dtypes.FLOAT32 if op.to_float and common.kind != "f" else common), (a, b)
        same = [x.astype(common) if p else x for x, p in zip(arrays, op.promotes, strict=True)]
        assert laws.same_bits(got, laws.call(op, same, {})[0]), (a, b)
        checked += 1
    assert checked >= 25


@pytest.mark.parametrize("op", [op for op in laws.ELEMENTWISE if op.promotes == (True, True)], ids=lambda op: op.name)
def test_python_numbers_take_the_type_of_the_array(op: Op) -> None:
    for dtype in TYPES:
        x = typed(op, 0, (2,), dtype)
        for number in (True, 2, 2.0):
            common = dtypes.result_of([(np.dtype(dtype), 1, None), (None, 0, number)])
            if laws.takes(op, common):
                number_array = np.asarray(number, common)
                for mixed, plain in (((x, number), (x, number_array)), ((number, x), (number_array, x))):
                    plain = [p.astype(common) for p in plain]
                    assert laws.same_bits(laws.call(op, mixed, {})[0], laws.call(op, plain, {})[0]), (dtype, number)


def test_integers_become_the_default_floating_type() -> None:
    try:
        dtypes.set_default_dtype(np.float64)
        assert laws.call(REGISTRY["exp"], [np.array([1, 2])], {})[0].dtype == np.float64
        assert laws.call(REGISTRY["div"], [np.array([1, 2]), 2], {})[0].dtype == np.float64
        assert laws.call(REGISTRY["mul"], [np.array([1, 2]), 0.5], {})[0].dtype == np.float64
    finally:
        dtypes.set_default_dtype(np.float32)
    assert laws.call(REGISTRY["exp"], [np.array([1, 2])], {})[0].dtype == np.float32


@EVERY
def test_float16_is_computed_as_float32_and_rounded(op: Op) -> None:
    if not laws.takes(op, np.float16):
        return
    arrays = [laws.sample(op, i, (50,), laws.generator(op.name, 16)) for i in range(len(op.inputs))]
    half = [a.astype(np.float16) if p else a for a, p in zip(arrays, op.promotes, strict=True)]
    single = [a.astype(np.float32) if p else a for a, p in zip(half, op.promotes, strict=True)]
    (got,), (true,) = laws.call(op, half, {}), laws.call(op, single, {})
    if got.dtype == bool:
        assert np.array_equal(got, true)
    else:
        assert got.dtype == np.float16
        # One rounding of the result is half a unit; formulas of several steps round each.
        assert np.all(np.abs(got - true) <= 2 * np.spacing(np.abs(true.astype(np.float16))).astype(np.float32))


def layouts(x: Any) -> Iterator[tuple[str, Any]]:
    """The same matrix in other orders of memory, and one that may not be written to.

    Not backwards: for negative strides NumPy leaves its vector loops, and `from_numpy` refuses them.
    """
    wide = np.zeros((x.shape[0], 2 * x.shape[1]), x.dtype)
    wide[:, ::2] = x
    yield "strided", wide[:, ::2]
    yield "column by column", np.asfortranarray(x)
    yield "unaligned", np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)
    frozen = x.copy()
    frozen.flags.writeable = False
    yield "frozen", frozen


@EVERY
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64], ids=lambda t: t.__name__)
def test_memory_layout_changes_no_bit_and_nothing_is_written(op: Op, dtype: Any) -> None:
    if not laws.takes(op, dtype):
        return
    rng = laws.generator(op.name, "layout")
    arrays = [laws.sample(op, i, (7, 5), rng) for i in range(len(op.inputs))]
    if dtype == np.int64:
        arrays = [typed(op, i, (7, 5), dtype) for i in range(len(op.inputs))]
    arrays = [a.astype(dtype) if p else a for a, p in zip(arrays, op.promotes, strict=True)]
    before = [a.copy() for a in arrays]
    (expected,) = laws.call(op, arrays, {})
    assert not any(np.shares_memory(expected, a) for a in arrays)
    for kind in zip(*map(layouts, arrays), strict=True):
        (got,) = laws.call(op, [x for _, x in kind], {})
        assert laws.same_bits(got, expected), kind[0][0]
    for a, b in zip(arrays, before, strict=True):
        assert laws.same_bits(a, b)


@EVERY
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda t: t.__name__)
def test_an_element_alone_is_the_element_in_a_row(op: Op, dtype: Any) -> None:
    """The ends of a vector loop must not be computed in another way: a prediction does not depend on its batch."""
    if not laws.takes(op, dtype):
        return
    rng = laws.generator(op.name, "alone")
    arrays = [laws.sample(op, i, (37,), rng) for i in range(len(op.inputs))]
    arrays = [a.astype(dtype) if p else a for a, p in zip(arrays, op.promotes, strict=True)]
    (row,) = laws.call(op, arrays, {})
    alone = np.array([laws.call(op, [a[k] for a in map(np.asarray, arrays)], {})[0] for k in range(37)])
    assert laws.same_bits(row, alone)


def test_integers_refuse_what_they_cannot_hold() -> None:
    zero, one = np.array([0, 1]), np.array([1, 1])
    for name in ("remainder", "fmod", "floor_divide"):
        with pytest.raises(ValueError, match="division by zero"):
            REGISTRY[name](one, zero)
    with pytest.raises(ValueError, match="negative integer powers"):
        REGISTRY["pow"](one, -one)
    assert REGISTRY["pow"](np.array([2.0]), np.array([-1.0])).tolist() == [0.5]


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"mul: shapes \(2, 3\) and \(2,\) do not broadcast: .* 3 in one and 2"):
        REGISTRY["mul"].spec(laws.spec(np.ones((2, 3))), laws.spec(np.ones(2)))
