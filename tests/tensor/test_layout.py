"""Shapes, strides, views and copies; joining and splitting; the errors of each."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from peer import ff, same


def x23() -> Any:
    return ff.arange(6).view(2, 3)


def x234() -> Any:
    return ff.arange(24).view(2, 3, 4)


# name: (the operation, shape, strides; None where a copy is made)
LAYOUTS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...], tuple[int, ...] | None]] = {
    "view": (lambda x: x.view(4, 6), (4, 6), (6, 1)),
    "view with one inferred": (lambda x: x.view(2, -1), (2, 12), (12, 1)),
    "view as tuple": (lambda x: x.view((6, 4)), (6, 4), (4, 1)),
    "view of a part": (lambda x: x[:, 1].view(2, 2, 2), (2, 2, 2), (12, 2, 1)),
    "view splits a transposed axis": (lambda x: x.transpose(0, 2).view(2, 2, 3, 2), (2, 2, 3, 2), (2, 1, 4, 12)),
    "reshape view": (lambda x: x.reshape(24), (24,), (1,)),
    "reshape copy": (lambda x: x.transpose(0, 2).reshape(24), (24,), None),
    "flatten": (lambda x: x.flatten(), (24,), (1,)),
    "flatten some": (lambda x: x.flatten(0, 1), (6, 4), (4, 1)),
    "flatten of no dimensions": (lambda x: x[0, 0, 0].flatten(), (1,), (1,)),
    "unflatten": (lambda x: x.unflatten(2, (2, 2)), (2, 3, 2, 2), (12, 4, 2, 1)),
    "transpose": (lambda x: x.transpose(0, 1), (3, 2, 4), (4, 12, 1)),
    "transpose negative": (lambda x: x.transpose(-1, 0), (4, 3, 2), (1, 4, 12)),
    "permute": (lambda x: x.permute(2, 0, 1), (4, 2, 3), (1, 12, 4)),
    "permute tuple": (lambda x: x.permute((1, 2, 0)), (3, 4, 2), (4, 1, 12)),
    "mT": (lambda x: x.mT, (2, 4, 3), (12, 1, 4)),
    "movedim": (lambda x: x.movedim(0, -1), (3, 4, 2), (4, 1, 12)),
    "unsqueeze 0": (lambda x: x.unsqueeze(0), (1, 2, 3, 4), (24, 12, 4, 1)),
    "unsqueeze -1": (lambda x: x.unsqueeze(-1), (2, 3, 4, 1), (12, 4, 1, 1)),
    "squeeze": (lambda x: x[:, :1].squeeze(), (2, 4), (12, 1)),
    "squeeze one": (lambda x: x[:, :1].squeeze(1), (2, 4), (12, 1)),
    "squeeze several": (lambda x: x[:1, :1].squeeze((0, 1)), (4,), (1,)),
    "select": (lambda x: x[1], (3, 4), (4, 1)),
    "select negative": (lambda x: x[:, -1], (2, 4), (12, 1)),
    "slice": (lambda x: x[:, 1:], (2, 2, 4), (12, 4, 1)),
    "slice with step": (lambda x: x[:, :, 1::2], (2, 3, 2), (12, 4, 2)),
    "slice beyond the end": (lambda x: x[:, 1:100], (2, 2, 4), (12, 4, 1)),
    "empty slice": (lambda x: x[:, 2:1], (2, 0, 4), (12, 4, 1)),
    "new axis": (lambda x: x[:, None], (2, 1, 3, 4), (12, 12, 4, 1)),
    "ellipsis": (lambda x: x[..., 2], (2, 3), (12, 4)),
    "expand": (lambda x: x[:, :1].expand(2, 5, 4), (2, 5, 4), (12, 0, 1)),
    "expand with -1": (lambda x: x[:, :1].expand(-1, 5, -1), (2, 5, 4), (12, 0, 1)),
    "expand to more dimensions": (lambda x: x.expand(2, 2, 3, 4), (2, 2, 3, 4), (0, 12, 4, 1)),
    "expand_as": (lambda x: x[:1].expand_as(x), (2, 3, 4), (0, 4, 1)),
    "narrow": (lambda x: x.narrow(2, 1, 2), (2, 3, 2), (12, 4, 1)),
    "repeat": (lambda x: x.repeat(1, 2, 1), (2, 6, 4), None),
    "flip": (lambda x: x.flip(0), (2, 3, 4), None),
    "roll": (lambda x: x.roll(1, 2), (2, 3, 4), None),
    "contiguous": (lambda x: x.contiguous(), (2, 3, 4), (12, 4, 1)),
    "contiguous copy": (lambda x: x.transpose(0, 1).contiguous(), (3, 2, 4), None),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(name: str) -> None:
    function, shape, strides = LAYOUTS[name]
    x = x234()
    y = function(x)
    assert tuple(y.shape) == shape
    if strides is None:
        assert y.is_contiguous()
        before = y.tolist()
        x.fill_(99)
        assert y.tolist() == before
    else:
        long = [i for i, n in enumerate(shape) if n != 1]  # the stride of a dimension of length 1 says nothing
        assert [y.stride(i) for i in long] == [strides[i] for i in long]
        memory = x.numpy().ravel()[(y.data_ptr() - x.data_ptr()) // 8 :]
        assert y.tolist() == np.lib.stride_tricks.as_strided(memory, shape, [8 * n for n in strides]).tolist()
        x.fill_(99)
        assert (y == 99).all().item()


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("number of elements", lambda x: x.view(4)),
        ("two inferred", lambda x: x.view(-1, -1)),
        ("not divisible", lambda x: x.view(-1, 4)),
        ("reshape", lambda x: x.reshape(5)),
        ("strides", lambda x: x.t().view(6)),
        ("permute too few", lambda x: x.permute(0)),
        ("permute twice", lambda x: x.permute(0, 0)),
        ("expand", lambda x: x.expand(2, 4)),
        ("expand too few", lambda x: x.expand(3)),
        ("flatten backwards", lambda x: x.flatten(1, 0)),
        ("split 0", lambda x: x.split(0)),
        ("split sum", lambda x: x.split([1, 2])),
        ("chunk 0", lambda x: x.chunk(0)),
        ("narrow", lambda x: x.narrow(0, 1, 5)),
        ("cat dimensions", lambda x: ff.cat([x, ff.zeros(3)])),
        ("stack shapes", lambda x: ff.stack([x, ff.zeros(3)])),
        ("stack nothing", lambda x: ff.stack([])),
        ("t of three", lambda x: x.view(1, 2, 3).t()),
        ("squeeze a repeated dim", lambda x: x.squeeze((0, 0))),
    ],
)
def test_shape_errors(name: str, call: Any) -> None:
    with pytest.raises(RuntimeError):
        call(x23())


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.transpose(0, 2),
        lambda x: x.squeeze(5),
        lambda x: x.unsqueeze(3),
        lambda x: x.unsqueeze(-4),
        lambda x: ff.cat([x, x], 2),
        lambda x: x.flatten(5),
        lambda x: x.size(2),
        lambda x: x.split(1, 3),
        lambda x: x.sum(2),
        lambda x: x.cumsum(-3),
        lambda x: ff.softmax(x.float(), 2),
        lambda x: x.narrow(2, 0, 1),
    ],
)
def test_dimension_errors(call: Any) -> None:
    with pytest.raises(IndexError):
        call(x23())


def test_cat_of_nothing() -> None:
    with pytest.raises((RuntimeError, ValueError)):
        ff.cat([])


def test_messages_say_what_came_and_what_fits() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)\[4\]|\(4,\).*6"):
        x23().view(4)
    with pytest.raises(RuntimeError, match=r"(?s)2.*3"):
        ff.ones(2) + ff.ones(3)
    with pytest.raises(RuntimeError, match=r"(?s)2.*3.*2.*3"):
        ff.ones(2, 3) @ ff.ones(2, 3)
    with pytest.raises(RuntimeError, match="reshape"):
        x23().t().view(6)


def test_contiguous_rules() -> None:
    x = x23()
    assert x.contiguous() is x
    assert x[1].is_contiguous() and not x[:, 1].is_contiguous() and x[:, :1][0].is_contiguous()
    assert ff.zeros(2, 0).t().is_contiguous() and ff.ones(1, 3).t().is_contiguous()
    assert (x.t() + 0).tolist() == x.t().clone().tolist() == [[0, 3], [1, 4], [2, 5]]


def test_copies_of_expanded_tensors_can_be_viewed() -> None:
    x = ff.arange(3).expand(2, 3).clone()
    assert x.stride() == (3, 1) and x.view(-1).tolist() == [0, 1, 2, 0, 1, 2]


def test_resize_shares_and_grows() -> None:
    x = x23()
    x.resize_(2, 2)
    same(x, [[0, 1], [2, 3]])
    x.resize_((6,))
    same(x, [0, 1, 2, 3, 4, 5])  # the memory was kept
    x.resize_(8)
    assert x[:6].tolist() == [0, 1, 2, 3, 4, 5]
    w = ff.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError):
        w.resize_(3)


def test_cat_stack_values_and_types() -> None:
    x = x23()
    same(ff.cat([x, x], -1), [[0, 1, 2, 0, 1, 2], [3, 4, 5, 3, 4, 5]])
    same(ff.stack([x, x], 1), [[[0, 1, 2]] * 2, [[3, 4, 5]] * 2])
    assert tuple(ff.stack([x, x], -1).shape) == (2, 3, 2)
    assert ff.cat([x, ff.ones(1, 3)]).dtype == ff.float32
    same(ff.cat([ff.zeros(0), ff.ones(2)]), [1.0, 1.0])
    same(ff.cat((x[:0], x)), x.tolist())
    assert ff.concat is not None and ff.concat([x, x]).shape == (4, 3)
    same(ff.vstack([ff.ones(2), ff.zeros(2)]), [[1.0, 1.0], [0.0, 0.0]])
    same(ff.hstack([ff.ones(1), ff.zeros(1)]), [1.0, 0.0])


def test_split_chunk_unbind() -> None:
    x = ff.arange(10)
    assert [p.numel() for p in x.split(4)] == [4, 4, 2] and [p.numel() for p in x.chunk(4)] == [3, 3, 3, 1]
    assert [p.numel() for p in x.chunk(20)] == [1] * 10
    assert [p.tolist() for p in x23().split((1, 2), dim=1)] == [[[0], [3]], [[1, 2], [4, 5]]]
    assert [p.tolist() for p in x23().unbind(1)] == [[0, 3], [1, 4], [2, 5]]
    assert isinstance(x.split(4), tuple)


def test_iteration_length_containment() -> None:
    x = x23()
    assert len(x) == 2 and [r.tolist() for r in x] == [[0, 1, 2], [3, 4, 5]]
    _, b = x
    assert b.tolist() == [3, 4, 5] and 5 in x and 9 not in x
    for wrong in (len, list):
        with pytest.raises(TypeError):
            wrong(ff.tensor(1.0))


def test_conversions_to_python() -> None:
    assert float(ff.tensor([2.5])) == 2.5 and int(ff.tensor(2.9)) == 2 and bool(ff.tensor([[0.1]]))
    assert not ff.tensor(0) and isinstance(ff.tensor(True).item(), bool)
    assert [10, 20, 30][ff.tensor(1)] == 20  # an integer tensor is an index
    with pytest.raises(TypeError):
        [1][ff.tensor(0.0)]
    with pytest.raises(RuntimeError, match="ambiguous"):
        bool(ff.ones(2))
    with pytest.raises((RuntimeError, ValueError)):
        float(ff.ones(2))


def test_size_is_a_tuple() -> None:
    s = ff.zeros(2, 3).size()
    assert isinstance(s, tuple) and s + s == (2, 3, 2, 3) and s[-1] == 3 and s[1:] == (3,)
    assert s.numel() == 6


def test_hash_identity_and_copy() -> None:
    x = ff.ones(2, requires_grad=True)
    assert len({x, x}) == 1 and hash(x) == hash(x)
    y = copy.deepcopy(x)
    assert y is not x and y.requires_grad and y.tolist() == [1.0, 1.0] and y.data_ptr() != x.data_ptr()
    z = pickle.loads(pickle.dumps(x))
    assert z.tolist() == [1.0, 1.0] and z.requires_grad and z.dtype == ff.float32
    with pytest.raises(RuntimeError):
        copy.deepcopy(x * 2)  # only leaves have a copy of their own


def test_meshgrid_broadcast_tensors_atleast() -> None:
    a, b = ff.meshgrid(ff.arange(2), ff.arange(3), indexing="ij")
    same(a, [[0, 0, 0], [1, 1, 1]])
    same(b, [[0, 1, 2], [0, 1, 2]])
    p, q = ff.broadcast_tensors(ff.ones(2, 1), ff.ones(3))
    assert p.shape == q.shape == (2, 3)
