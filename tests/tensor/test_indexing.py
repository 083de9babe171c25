"""Reading and writing by index, compared with NumPy over random indices, and PyTorch's own rules where they differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from peer import ff, same

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)


@st.composite
def slices(draw: Any, n: int) -> slice:
    """Slices with a positive step, in and beyond the range."""
    end = st.none() | st.integers(-n - 2, n + 2)
    return slice(draw(end), draw(end), draw(st.none() | st.integers(1, 3)))


@st.composite
def basic(draw: Any) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """A shape and an index of integers, slices, None and at most one ellipsis."""
    shape = draw(SHAPES)
    used = draw(st.integers(0, len(shape)))
    skipped = draw(st.integers(0, used))
    parts: list[Any] = []
    for n in shape[:skipped]:
        parts.append(draw(st.integers(-n, n - 1) | slices(n)))
    if draw(st.booleans()):
        parts.append(Ellipsis)
        tail = shape[len(shape) - (used - skipped) :]
    else:
        tail = shape[skipped:used]
    for n in tail:
        parts.append(draw(st.integers(-n, n - 1) | slices(n)))
    for _ in range(draw(st.integers(0, 2))):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return shape, tuple(parts)


@st.composite
def advanced(draw: Any) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """A shape and an index with integer arrays that broadcast, boolean masks, slices and None; no bare integers."""
    shape = draw(SHAPES)
    common = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple))
    parts: list[Any] = []
    axis, arrays = 0, 0
    while axis < len(shape):
        kind = draw(st.sampled_from(["array", "array", "slice", "mask", "stop"]))
        n = shape[axis]
        if kind == "array":
            own = draw(st.sampled_from([common, common[-1:], (1,), ()]))
            size = int(np.prod(own))
            values = draw(st.lists(st.integers(-n, n - 1), min_size=size, max_size=size))
            parts.append(np.array(values, np.int64).reshape(own))
            arrays += 1
            axis += 1
        elif kind == "mask" and not arrays:
            width = draw(st.integers(1, len(shape) - axis))
            block = shape[axis : axis + width]
            bits = draw(st.lists(st.booleans(), min_size=int(np.prod(block)), max_size=int(np.prod(block))))
            parts.append(np.array(bits, bool).reshape(block))
            arrays += 100  # a mask broadcasts with nothing but itself here
            axis += width
        elif kind == "slice":
            parts.append(draw(slices(n)))
            axis += 1
        else:
            break
        if arrays >= 100 and any(isinstance(p, np.ndarray) and p.dtype != bool for p in parts):
            break
    if arrays >= 100:
        parts = [p for p in parts if not isinstance(p, np.ndarray) or p.dtype == bool]
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return shape, tuple(parts)


def as_tensors(index: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(ff.from_numpy(p) if isinstance(p, np.ndarray) else p for p in index)


def array(shape: tuple[int, ...]) -> Any:
    return np.arange(int(np.prod(shape)), dtype=np.float64).reshape(shape)


def applies(shape: tuple[int, ...], index: tuple[Any, ...]) -> bool:
    try:
        array(shape)[index]
    except IndexError:
        return False
    return True


def check_read(shape: tuple[int, ...], index: tuple[Any, ...]) -> None:
    expected = array(shape)[index]
    x = ff.from_numpy(array(shape)).requires_grad_()
    got = x[as_tensors(index)]
    assert tuple(got.shape) == expected.shape
    assert got.tolist() == expected.tolist()
    weight = np.arange(1.0, expected.size + 1).reshape(expected.shape)
    gradient = np.zeros(shape)
    np.add.at(gradient, index, weight)
    (got * ff.from_numpy(weight)).sum().backward()
    assert x.grad.tolist() == gradient.tolist()


def check_write(shape: tuple[int, ...], index: tuple[Any, ...], unique: bool) -> None:
    n = array(shape)
    x = ff.from_numpy(n.copy())
    n[index] = -7.0
    x[as_tensors(index)] = -7.0
    assert x.tolist() == n.tolist()
    target = n[index]
    if unique and target.size:
        values = 100 + np.arange(float(target.size)).reshape(target.shape)
        n[index] = values
        x[as_tensors(index)] = ff.from_numpy(np.asarray(values))
        assert x.tolist() == n.tolist()
        if target.ndim:
            n[index] = values[:1]
            x[as_tensors(index)] = ff.from_numpy(values[:1].copy())
            assert x.tolist() == n.tolist()


@given(basic())
def test_basic_reads_with_gradients(case: Any) -> None:
    check_read(*case)


@given(basic())
def test_basic_writes(case: Any) -> None:
    check_write(*case, unique=True)


@given(basic())
def test_basic_reads_are_views(case: Any) -> None:
    shape, index = case
    x = ff.zeros(shape)
    v = x[index]
    v.fill_(1.0)
    n = np.zeros(shape)
    n[index] = 1.0
    assert x.tolist() == n.tolist()


@given(advanced())
def test_advanced_reads_with_gradients(case: Any) -> None:
    if applies(*case):
        check_read(*case)


@given(advanced())
def test_advanced_writes(case: Any) -> None:
    shape, index = case
    if applies(shape, index):
        unique = not any(isinstance(p, np.ndarray) and p.dtype != bool for p in index)
        check_write(shape, index, unique)


@given(advanced())
def test_reads_and_writes_of_transposed_memory(case: Any) -> None:
    shape, index = case
    if not applies(shape, index):
        return
    n = array(shape[::-1]).T
    x = ff.from_numpy(array(shape[::-1])).permute(*range(len(shape))[::-1])
    assert x[as_tensors(index)].tolist() == n[index].tolist()
    n[index] = -1.0
    x[as_tensors(index)] = -1.0
    assert x.tolist() == n.tolist()


# ---------------------------------------------------------------- rules of their own


def x234() -> Any:
    return ff.arange(24).view(2, 3, 4)


def test_advanced_indices_apart_put_their_dimensions_first() -> None:
    assert tuple(x234()[[0, 1], :, [1, 2]].shape) == (2, 3)
    assert tuple(x234()[:, [0, 1, 2], [1, 2, 3]].shape) == (2, 3)
    assert tuple(x234()[[[0], [1]], :, [1, 2, 3]].shape) == (2, 3, 3)


def test_an_integer_beside_an_array_selects_first() -> None:
    """NumPy counts the integer as an array and gives (2, 3) here."""
    assert tuple(x234()[0, :, ff.tensor([1, 2])].shape) == (3, 2)


def test_kinds_of_indices() -> None:
    x = ff.tensor([10, 20, 30])
    same(x[[2, 0]], [30, 10])
    same(x[(1,)], 20)
    same(x[np.array([0, 2])], [10, 30])
    same(x[np.int64(1)], 20)
    same(x[ff.tensor(1)], 20)
    same(x[ff.tensor([0, 2], dtype=ff.int32)], [10, 30])
    same(x[ff.tensor([True, False, True])], [10, 30])
    same(x[[True, False, True]], [10, 30])
    same(x[np.array([True, False, True])], [10, 30])
    same(x[ff.tensor([], dtype=ff.int64)], [])
    same(x[[]], [])
    same(x[...], [10, 20, 30])
    same(x[()], [10, 20, 30])
    same(x[ff.tensor(1) : ff.tensor(3)], [20, 30])
    same(x[True], [[10, 20, 30]])
    assert tuple(x[False].shape) == (0, 3)
    same(x.view(1, 3)[0][1], 20)


def test_zero_dimensional_tensors() -> None:
    s = ff.tensor(5)
    same(s[None], [5])
    same(s[...], 5)
    same(s[()], 5)
    same(s[s > 3], [5])
    same(s[s > 9], [])
    s[...] = 6
    assert s.item() == 6
    with pytest.raises(IndexError):
        s[0]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: x[2], IndexError),
        (lambda x: x[-3], IndexError),
        (lambda x: x[0, 3], IndexError),
        (lambda x: x[0, 0, 0], IndexError),
        (lambda x: x[1.5], (IndexError, TypeError)),
        (lambda x: x[ff.tensor([0.5])], IndexError),
        (lambda x: x[[5]], IndexError),
        (lambda x: x[ff.tensor([-3])], IndexError),
        (lambda x: x[ff.tensor([True])], IndexError),
        (lambda x: x[ff.ones(2, 2, dtype=ff.bool)], IndexError),
        (lambda x: x[[0, 1], [0, 1, 2]], IndexError),
        (lambda x: x[::-1], ValueError),
        (lambda x: x[::0], ValueError),
        (lambda x: x["a"], (TypeError, IndexError)),
        (lambda x: x.__setitem__(2, 0), IndexError),
        (lambda x: x.__setitem__([0, 5], 0), IndexError),
        (lambda x: x.__setitem__(0, ff.ones(2)), RuntimeError),
        (lambda x: x.__setitem__((slice(None), 0), ff.ones(3)), RuntimeError),
        (lambda x: x.__setitem__(0, "a"), (TypeError, ValueError)),
    ],
)
def test_errors(call: Any, error: Any) -> None:
    x = ff.arange(6).view(2, 3)
    with pytest.raises(error):
        call(x)
    if ff.__name__ != "torch":  # which may have written a part
        same(x, [[0, 1, 2], [3, 4, 5]])


def test_out_of_range_message_names_index_and_size() -> None:
    with pytest.raises(IndexError, match=r"(?s)5.*3"):
        ff.ones(3)[5]


def test_deleting_is_refused() -> None:
    x = ff.ones(3)
    with pytest.raises((TypeError, AttributeError)):
        del x[0]


def test_write_of_leading_ones_and_types() -> None:
    x = ff.zeros(2, 3)
    x[0] = ff.ones(1, 1, 3)  # leading ones are dropped
    same(x[0], [1.0, 1.0, 1.0])
    x[1] = np.array([1.0, 2.0, 3.0])[0]
    same(x[1], [1.0, 1.0, 1.0])
    x[ff.tensor([True, False])] = 5
    same(x[:, 0], [5.0, 1.0])
    x[:, 1] = ff.tensor([7, 8])
    same(x[:, 1], [7.0, 8.0])
    b = ff.zeros(2, dtype=ff.bool)
    b[0] = 3
    same(b, [True, False])


def test_index_put_accumulate_and_index_add() -> None:
    x = ff.zeros(3)
    x.index_put_((ff.tensor([0, 0, 2]),), ff.tensor([1.0, 2.0, 3.0]), accumulate=True)
    same(x, [3.0, 0.0, 3.0])
    same(ff.zeros(3).index_add_(0, ff.tensor([0, 0, 2]), ff.tensor([1.0, 2.0, 3.0])), [3.0, 0.0, 3.0])
    same(ff.zeros(3).index_fill_(0, ff.tensor([1]), 4.0), [0.0, 4.0, 0.0])
    same(ff.zeros(3).index_copy_(0, ff.tensor([2]), ff.tensor([4.0])), [0.0, 0.0, 4.0])


# ---------------------------------------------------------------- gather, scatter, select, take, where


@given(SHAPES, st.data())
def test_gather_and_scatter_add_are_adjoint(shape: tuple[int, ...], data: Any) -> None:
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    sizes = tuple(data.draw(st.integers(1, n)) for n in shape)
    size = list(sizes)
    size[dim] = data.draw(st.integers(1, 4))
    count = int(np.prod(size))
    values = data.draw(st.lists(st.integers(0, shape[dim] - 1), min_size=count, max_size=count))
    index = np.array(values, np.int64).reshape(size)
    n = array(shape)
    expected = np.take_along_axis(n[tuple(slice(s) for s in _but(size, shape, dim))], index, dim % len(shape))
    x = ff.from_numpy(n).requires_grad_()
    got = x.gather(dim, ff.from_numpy(index))
    assert got.tolist() == expected.tolist()
    weight = 1 + array(tuple(size))
    (got * ff.from_numpy(weight)).sum().backward()
    scattered = ff.zeros(shape, dtype=ff.float64).scatter_add_(dim, ff.from_numpy(index), ff.from_numpy(weight))
    assert x.grad.tolist() == scattered.tolist()


def _but(size: list[int], shape: tuple[int, ...], dim: int) -> list[int]:
    kept = list(size)
    kept[dim] = shape[dim]
    return kept


def test_scatter_forms() -> None:
    index = ff.tensor([[0, 2], [1, 0]])
    src = ff.tensor([[1.0, 2.0], [3.0, 4.0]])
    same(ff.zeros(2, 3).scatter(1, index, src), [[1.0, 0.0, 2.0], [4.0, 3.0, 0.0]])
    same(ff.zeros(2, 3).scatter(1, index, 9.0), [[9.0, 0.0, 9.0], [9.0, 9.0, 0.0]])
    same(ff.zeros(2, 3).scatter_(dim=1, index=index, value=9.0), [[9.0, 0.0, 9.0], [9.0, 9.0, 0.0]])
    same(ff.zeros(2, 3).scatter_add(1, ff.zeros_like(index), src), [[3.0, 0.0, 0.0], [7.0, 0.0, 0.0]])
    base = ff.ones(2, 3).requires_grad_()
    src.requires_grad_()
    (base.scatter(1, index, src) * ff.tensor([[1.0, 2.0, 3.0]])).sum().backward()
    same(src.grad, [[1.0, 3.0], [2.0, 1.0]])
    same(base.grad, [[0.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
    labels = ff.tensor([2, 0])
    same(ff.zeros(2, 3).scatter_(1, labels.unsqueeze(1), 1.0), [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def test_select_take_where_nonzero() -> None:
    x = ff.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    picked = x.index_select(1, ff.tensor([2, 2, 0]))
    same(picked, [[3.0, 3.0, 1.0], [6.0, 6.0, 4.0]])
    picked.sum().backward()
    same(x.grad, [[1.0, 0.0, 2.0], [1.0, 0.0, 2.0]])
    x.grad = None
    taken = x.take(ff.tensor([[0, -1], [5, 2]]))
    same(taken, [[1.0, 6.0], [6.0, 3.0]])
    taken.sum().backward()
    same(x.grad, [[1.0, 0.0, 1.0], [0.0, 0.0, 2.0]])
    rows, columns = ff.where(x > 2)
    same(rows, [0, 1, 1, 1])
    same(columns, [2, 0, 1, 2])
    assert [p.tolist() for p in ff.nonzero(x > 4, as_tuple=True)] == [[1, 1], [1, 2]]
    same(ff.where(x > 2, x, 0.0), [[0.0, 0.0, 3.0], [4.0, 5.0, 6.0]])
    same(ff.where(ff.tensor([True, False]), 1, 2), [1, 2])
    assert tuple(ff.nonzero(ff.tensor(5)).shape) == (1, 0) and tuple(ff.nonzero(ff.zeros(2, 2)).shape) == (0, 2)
    same(x.masked_select(ff.tensor([True, False, True])), [1.0, 3.0, 4.0, 6.0])  # the mask broadcasts
    same(x.detach().masked_fill(ff.tensor([[True], [False]]), 0.0), [[0.0] * 3, [4.0, 5.0, 6.0]])


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: x.index_select(0, ff.tensor([5])), IndexError),
        (lambda x: x.index_select(0, ff.tensor([0.0])), RuntimeError),
        (lambda x: x.gather(0, ff.tensor([[5]])), (RuntimeError, IndexError)),
        (lambda x: x.gather(0, ff.tensor([1])), RuntimeError),
        (lambda x: x.gather(0, ff.tensor([[-1]])), (RuntimeError, IndexError)),
        (lambda x: x.scatter(1, ff.tensor([[5]]), 1.0), (RuntimeError, IndexError)),
        (lambda x: x.scatter(1, ff.tensor([[0.0]]), 1.0), RuntimeError),
        (lambda x: x.take(ff.tensor([7])), IndexError),
        (lambda x: x.masked_select(x), RuntimeError),
        (lambda x: x.masked_fill(x, 1), RuntimeError),
        (lambda x: ff.where(x, x, x), RuntimeError),
        (lambda x: x.masked_fill_(x > 0, ff.ones(2)), RuntimeError),
    ],
)
def test_selection_errors(call: Any, error: Any) -> None:
    with pytest.raises(error):
        call(ff.ones(2, 3))
