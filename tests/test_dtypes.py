"""Number types: names, faces, promotion and casting by PyTorch's rules."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import dtypes
from forwardnet.errors import DTypeError

# One letter each: bool, uint8, int8, int16, int32, int64, float16, float32, float64.
CODES = "bBchilefd"
OF = dict(zip(CODES, dtypes.ALL, strict=True))


def rows(text: str) -> list[str]:
    return text.split()


# Made with PyTorch 2.13. Rows and columns in the order of CODES.
# torch.promote_types(row, column), which is also result_type of two tensors with dimensions.
PROMOTED = rows("bBchilefd BBhhilefd chchilefd hhhhilefd iiiiilefd llllllefd eeeeeeefd ffffffffd ddddddddd")
# torch.result_type(tensor with dimensions of type row, tensor without of type column).
WITH_ZERO = rows("bBchilefd BBBBBBefd ccccccefd hhhhhhefd iiiiiiefd llllllefd eeeeeeeee fffffffff ddddddddd")
# torch.result_type(tensor of each type, number), with dimensions or without, for the default types float32 and float64.
WITH_NUMBER = [
    (True, "f", "bBchilefd"),
    (1, "f", "lBchilefd"),
    (1.0, "f", "ffffffefd"),
    (True, "d", "bBchilefd"),
    (1, "d", "lBchilefd"),
    (1.0, "d", "ddddddefd"),
]
# torch.can_cast(row, column).
CASTS = rows("111111111 011111111 011111111 011111111 011111111 011111111 000000111 000000111 000000111")

PAIRS = list(itertools.product(CODES, CODES))


def cell(table: list[str], row: str, column: str) -> str:
    return table[CODES.index(row)][CODES.index(column)]


def tensor(code: str) -> tuple[Any, int, Any]:
    return OF[code].np, 1, None


def zero(code: str) -> tuple[Any, int, Any]:
    return OF[code].np, 0, None


def number(value: Any) -> tuple[Any, int, Any]:
    return None, 0, value


@pytest.fixture
def _default() -> Iterator[None]:
    before = dtypes.default()
    yield
    dtypes.set_default_dtype(before)


def test_there_are_nine() -> None:
    assert [d.name for d in dtypes.ALL] == rows("bool uint8 int8 int16 int32 int64 float16 float32 float64")
    assert len({*dtypes.ALL}) == 9


@pytest.mark.parametrize(("row", "column"), PAIRS)
def test_promotion_of_every_pair(row: str, column: str) -> None:
    expected = OF[cell(PROMOTED, row, column)]
    assert dtypes.promote_types(OF[row], OF[column]) is expected
    assert dtypes.result_of([tensor(row), tensor(column)]) == expected.np
    assert dtypes.result_of([zero(row), zero(column)]) == expected.np
    assert dtypes.result_of([tensor(row), zero(column)]) == OF[cell(WITH_ZERO, row, column)].np
    assert dtypes.result_of([zero(column), tensor(row)]) == OF[cell(WITH_ZERO, row, column)].np
    assert dtypes.can_cast(OF[row], OF[column]) == (cell(CASTS, row, column) == "1")


@pytest.mark.usefixtures("_default")
@pytest.mark.parametrize(("value", "default", "results"), WITH_NUMBER)
def test_python_numbers_count_only_by_category(value: Any, default: str, results: str) -> None:
    dtypes.set_default_dtype(OF[default])
    for code, expected in zip(CODES, results, strict=True):
        for own in (tensor(code), zero(code)):
            assert dtypes.result_of([own, number(value)]) == OF[expected].np
            assert dtypes.result_of([number(value), own]) == OF[expected].np


def test_three_operands_each_at_its_rank() -> None:
    """Dimensions first, then no dimensions, then numbers, each heard only if its category is higher."""
    for a, b in PAIRS:
        for value in (True, 1, 1.0):
            pair = OF[cell(WITH_ZERO, a, b)].np
            rank = 0 if value is True else 1 if value == 1 and isinstance(value, int) else 2
            found = dtypes.result_of([tensor(a), zero(b), number(value)])
            if rank <= dtypes.category(pair):
                assert found == pair
            else:
                assert found == dtypes.of_number(value)


def test_promotion_is_a_semilattice() -> None:
    for a, b, c in itertools.product(dtypes.ALL, repeat=3):
        assert dtypes.promote_types(a, a) is a
        assert dtypes.promote_types(a, b) is dtypes.promote_types(b, a)
        left = dtypes.promote_types(dtypes.promote_types(a, b), c)
        assert left is dtypes.promote_types(a, dtypes.promote_types(b, c))


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=lambda d: d.name)
def test_the_face_of_a_type(dtype: dtypes.DType) -> None:
    assert repr(dtype) == f"forwardnet.{dtype.name}"
    assert np.dtype(dtype) == dtype.np == np.dtype(dtype.name)
    assert np.zeros(2, dtype).dtype == dtype.np
    assert dtypes.face(dtype.np) is dtype
    assert dtype.itemsize == np.dtype(dtype.name).itemsize
    assert dtype.is_floating_point == ("float" in dtype.name)
    assert dtype.is_signed == (dtype.name not in ("bool", "uint8"))
    assert dtype.is_complex is False
    assert pickle.loads(pickle.dumps(dtype)) is dtype
    assert copy.deepcopy(dtype) is dtype
    assert dtypes.category(dtype.np) == (0 if dtype.name == "bool" else 2 if dtype.is_floating_point else 1)
    for name in (dtype, dtype.np, dtype.name, dtype.np.type):
        assert dtypes.as_numpy(name) == dtype.np
    if dtype.name != "bool":
        assert getattr(ff, dtype.name) is dtype


def test_python_types_are_names_too() -> None:
    assert dtypes.as_numpy(float) == np.float64
    assert dtypes.as_numpy(int) == np.int64
    assert dtypes.as_numpy(bool) == np.bool_
    assert (ff.float, ff.double, ff.half, ff.int, ff.long, ff.short) == (
        ff.float32,
        ff.float64,
        ff.float16,
        ff.int32,
        ff.int64,
        ff.int16,
    )


@pytest.mark.parametrize("bad", ["complex64", "uint16", "uint64", np.longdouble, "S3", object])
def test_types_that_tensors_do_not_hold(bad: Any) -> None:
    with pytest.raises(DTypeError, match="cannot be held by a tensor") as caught:
        dtypes.as_numpy(bad)
    assert "float32" in str(caught.value.hint)


@pytest.mark.parametrize("bad", ["float31", "quick", 3.5])
def test_what_is_no_type(bad: Any) -> None:
    with pytest.raises(DTypeError, match="is not a number type"):
        dtypes.as_numpy(bad)


@pytest.mark.usefixtures("_default")
def test_the_default_type() -> None:
    assert ff.get_default_dtype() is ff.float32
    assert dtypes.of_number(1.5) == np.float32
    ff.set_default_dtype(ff.float64)
    assert ff.get_default_dtype() is ff.float64
    assert dtypes.default() == np.float64
    assert ff.tensor(1.5).dtype is ff.float64
    for bad in (ff.int64, "bool"):
        with pytest.raises(DTypeError, match="expected a floating type"):
            ff.set_default_dtype(bad)
    assert ff.get_default_dtype() is ff.float64


def test_types_of_numbers() -> None:
    assert dtypes.of_number(True) == np.bool_
    assert dtypes.of_number(3) == np.int64
    with pytest.raises(DTypeError, match="str is not a number"):
        dtypes.of_number("3")
    with pytest.raises(DTypeError, match="complex is not a number"):
        dtypes.of_number(1j)


def test_limits() -> None:
    assert (ff.finfo(ff.float32).eps, ff.finfo(ff.float32).max) == (2.0**-23, (2 - 2.0**-23) * 2.0**127)
    assert (ff.finfo(ff.float16).max, ff.finfo("float64").tiny) == (65504, 2.0**-1022)
    assert (ff.iinfo(ff.uint8).min, ff.iinfo(ff.uint8).max, ff.iinfo(ff.int64).max) == (0, 255, 2**63 - 1)
