"""Every array op on its examples: the shape rule is true, memory is treated as the record says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forwardnet import dtypes
from forwardnet.ops import REGISTRY, Op, index, layout
from ops import laws
from ops.test_elementwise import layouts

EVERY = pytest.mark.parametrize("op", laws.ARRAY, ids=lambda op: op.name)
TYPES = [d.np for d in dtypes.ALL]
# Sums of products by BLAS and LAPACK, which choose another order of summation for another layout.
ROUNDED = {"matmul", "inverse", "det", "svd", "eigh"}
MOVERS = [op for op in laws.ARRAY if any(v is op for room in (layout, index) for v in vars(room).values())]


@EVERY
def test_the_result_is_what_the_rule_says(op: Op) -> None:
    checked = 0
    for case in laws.cases(op):
        expected = laws.as_tuple_of_specs(op.spec(*map(laws.spec, case.arrays), **case.attrs))
        got = laws.call(op, case.arrays, case.attrs)
        assert len(got) == op.outputs
        assert all(isinstance(r, np.ndarray) for r in got)
        assert tuple(map(laws.spec, got)) == expected, case.name
        checked += 1
    assert checked


@EVERY
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_every_type_is_treated_as_the_rule_says_or_refused(op: Op, dtype: Any) -> None:
    taken = 0
    for case in laws.cases(op):
        cast = case.cast(dtype)
        try:
            expected = laws.as_tuple_of_specs(op.spec(*map(laws.spec, cast.arrays), **cast.attrs))
            got = laws.call(op, cast.arrays, cast.attrs)
        except TypeError:
            continue
        assert tuple(map(laws.spec, got)) == expected, cast.name
        taken += 1
    if dtype in (np.float32, np.float64) or op in MOVERS:
        assert taken, f"{op.name} does not take {dtype}"


@EVERY
def test_memory_layout_changes_nothing(op: Op) -> None:
    for case in laws.cases(op):
        expected = laws.call(op, case.arrays, case.attrs)
        for arrays in zip(*(other_orders(a) for a in case.arrays), strict=True):
            got = laws.call(op, arrays, case.attrs)
            for a, b in zip(got, expected, strict=True):
                if op.name in ROUNDED:
                    # A few roundings of numbers below 10.
                    np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-14)
                else:
                    assert laws.same_bits(a, b), case.name


def other_orders(x: Any) -> list[Any]:
    """The same array in other orders of memory; `layouts` makes them for matrices."""
    if x.ndim == 0 or x.size == 0:
        return [x.copy() for _ in range(4)]
    flat = x.reshape(x.shape[0], -1)
    made = [y.reshape(x.shape) for _, y in layouts(flat)]
    turned = np.ascontiguousarray(x.transpose()).transpose()
    return [turned, *made[:1], made[2], made[3]]


@EVERY
def test_inputs_stay_and_results_are_new_unless_a_view(op: Op) -> None:
    for case in laws.cases(op):
        before = [a.copy() for a in case.arrays]
        got = laws.call(op, case.arrays, case.attrs)
        for a, b in zip(case.arrays, before, strict=True):
            assert laws.same_bits(a, b), f"{case.name}: an input was written"
        for result in got:
            shares = any(np.shares_memory(result, a) for a in case.arrays)
            assert shares == (op.view and result.size > 0), case.name
            if not op.view:
                assert result.flags.writeable, case.name


@pytest.mark.parametrize("op", [op for op in laws.ARRAY if op.view], ids=lambda op: op.name)
def test_what_is_written_into_a_view_is_seen_in_its_source(op: Op) -> None:
    seen = 0
    for case in laws.cases(op):
        (x,) = case.arrays
        (y,) = laws.call(op, case.arrays, case.attrs)
        if y.size and y.flags.writeable:
            y[...] = 77.0
            assert np.count_nonzero(x == 77.0) == y.size, case.name
            seen += 1
        elif y.size > x.size:
            assert not y.flags.writeable, "memory that stands for several elements must not be written"
    assert seen


def test_an_example_without_data_is_fixed() -> None:
    """Twice the same cases: the suite does not depend on the order of its tests."""
    for op in REGISTRY.values():
        for a, b in zip(laws.cases(op), laws.cases(op), strict=True):
            assert all(laws.same_bits(x, y) for x, y in zip(a.arrays, b.arrays, strict=True))
