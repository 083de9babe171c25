"""Shape arithmetic against NumPy's, over many shapes, and the messages."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

from forwardnet.errors import AxisError, ShapeError
from forwardnet.ir import shapes

lengths = st.integers(0, 3)
any_shape = st.lists(lengths, max_size=4).map(tuple)
SMALL = [s for n in range(4) for s in itertools.product((0, 1, 2), repeat=n)]


def test_numel() -> None:
    assert (shapes.numel(()), shapes.numel((2, 3)), shapes.numel((4, 0))) == (1, 6, 0)


@given(st.lists(any_shape, min_size=1, max_size=3))
def test_broadcast_is_numpys(given_shapes: list[tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*given_shapes)
    except ValueError:
        with pytest.raises(ShapeError, match="do not broadcast"):
            shapes.broadcast(*given_shapes)
        return
    assert shapes.broadcast(*given_shapes) == expected


def test_broadcast_of_all_small_pairs() -> None:
    fitting = 0
    for a, b in itertools.product(SMALL, SMALL):
        try:
            expected = np.broadcast_shapes(a, b)
        except ValueError:
            with pytest.raises(ShapeError):
                shapes.broadcast(a, b)
        else:
            assert shapes.broadcast(a, b) == expected
            fitting += 1
    assert 200 < fitting < len(SMALL) ** 2


def test_broadcast_names_the_dimension() -> None:
    with pytest.raises(ShapeError) as caught:
        shapes.broadcast((2, 3), (2, 4), where="add")
    assert str(caught.value) == (
        "add: shapes (2, 3) and (2, 4) do not broadcast: the size of dimension 1 is 3 in one and 4 in the other\n"
        "hint: each dimension must be equal or 1, counted from the right"
    )


@given(st.integers(-6, 6), st.integers(0, 4))
def test_axis(dim: int, ndim: int) -> None:
    """Like `range(ndim)[dim]`, but a zero-dimensional value has one axis."""
    try:
        expected = range(max(ndim, 1))[dim]
    except IndexError:
        with pytest.raises(
            AxisError, match=re.escape(f"sum: Dimension out of range (expected to be in range of [{-max(ndim, 1)}, ")
        ):
            shapes.axis(dim, ndim, where="sum")
        return
    assert shapes.axis(dim, ndim, where="sum") == expected


@pytest.mark.parametrize(
    ("dim", "ndim", "expected"),
    [
        (None, 3, (0, 1, 2)),
        (None, 0, ()),
        ((), 2, (0, 1)),
        ([], 2, (0, 1)),
        (-1, 3, (2,)),
        ((2, 0), 3, (0, 2)),
        ((-1, 0), 2, (0, 1)),
        (0, 0, ()),
        (-1, 0, ()),
        ((0,), 0, ()),
    ],
)
def test_axes(dim: object, ndim: int, expected: tuple[int, ...]) -> None:
    assert shapes.axes(dim, ndim, where="sum") == expected  # type: ignore[arg-type]


def test_axes_are_refused() -> None:
    with pytest.raises(AxisError, match="appears multiple times"):
        shapes.axes((0, -2), 2, where="sum")
    for dim, ndim in ((2, 2), (-3, 2), (1, 0), ((0, 5), 2)):
        with pytest.raises(AxisError, match="out of range"):
            shapes.axes(dim, ndim, where="sum")


@given(any_shape, st.data())
def test_reduced_is_numpys(shape: tuple[int, ...], data: st.DataObject) -> None:
    over = tuple(data.draw(st.sets(st.integers(0, len(shape) - 1)))) if shape else ()
    for keepdim in (False, True):
        expected = np.zeros(shape).sum(axis=over, keepdims=keepdim).shape
        assert shapes.reduced(shape, over, keepdim=keepdim) == expected


@given(any_shape, st.lists(st.integers(-1, 6), max_size=4))
def test_reshaped_is_numpys(shape: tuple[int, ...], wanted: list[int]) -> None:
    try:
        expected = np.zeros(shape).reshape(wanted).shape
    except ValueError:
        with pytest.raises(ShapeError):
            shapes.reshaped(shape, wanted)
        return
    assert shapes.reshaped(shape, wanted) == expected


@pytest.mark.parametrize(
    ("shape", "wanted", "told"),
    [
        ((2, 3), (4, 2), r"shape '\[4, 2\]' is invalid for input of size 6"),
        ((2, 3), (-1, -1), "only one dimension can be inferred"),
        ((2, 3), (-2, 3), "invalid shape dimension -2"),
        ((2, 3), (4, -1), r"shape '\[4, -1\]' is invalid for input of size 6"),
        ((0, 3), (0, -1), "ambiguous"),
    ],
)
def test_reshaping_is_refused(shape: tuple[int, ...], wanted: tuple[int, ...], told: str) -> None:
    with pytest.raises(ShapeError, match=told):
        shapes.reshaped(shape, wanted)


@given(any_shape, st.lists(lengths, max_size=4).map(tuple))
def test_expanded_is_numpys(shape: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    try:
        expected = np.broadcast_to(np.zeros(shape), sizes).shape
    except ValueError:
        with pytest.raises(ShapeError):
            shapes.expanded(shape, sizes)
        return
    assert shapes.expanded(shape, sizes) == expected


def test_expanded_keeps_lengths_given_as_minus_one() -> None:
    assert shapes.expanded((2, 1), (4, -1, 3)) == (4, 2, 3)
    assert shapes.expanded((2, 1), (-1, -1)) == (2, 1)
    for shape, sizes, told in (
        ((2,), (-1, 2), "isn't allowed in a leading, non-existing dimension 0"),
        ((2, 3), (3,), "number of sizes provided"),
        ((2,), (3,), r"must match the existing size \(2\) at non-singleton dimension 0"),
        ((1,), (-3,), "size -3 is negative"),
    ):
        with pytest.raises(ShapeError, match=told):
            shapes.expanded(shape, sizes)


def test_sizes() -> None:
    for args in ((2, 3), ((2, 3),), ([2, 3],), (np.int64(2), np.int32(3))):
        assert shapes.sizes_of(args) == (2, 3)
    assert shapes.sizes_of(()) == shapes.sizes_of(((),)) == ()
    assert shapes.sizes_of((4,)) == (4,)
    with pytest.raises(TypeError):
        shapes.sizes_of((2.5,))
