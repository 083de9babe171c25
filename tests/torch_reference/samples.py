"""PyTorch's sample inputs turned into ours, and results compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import forwardnet as ff

DTYPES = {
    torch.bool: ff.bool,
    torch.uint8: ff.uint8,
    torch.int8: ff.int8,
    torch.int16: ff.int16,
    torch.int32: ff.int32,
    torch.int64: ff.int64,
    torch.float16: ff.float16,
    torch.float32: ff.float32,
    torch.float64: ff.float64,
}


class UnsupportedError(Exception):
    """A sample uses something that our tensors do not have at all."""


def convert(value: Any, leaves: list[tuple[Any, Any]] | None = None) -> Any:
    """Tensors, types, sizes and containers of PyTorch as ours; pairs of leaves that require grad go into `leaves`."""
    if isinstance(value, torch.Tensor):
        if value.dtype not in DTYPES or value.layout != torch.strided:
            raise UnsupportedError(f"{value.dtype} {value.layout}")
        if value.ndim > 64:
            raise UnsupportedError("more dimensions than NumPy has")
        array = value.detach().numpy()
        made = ff.from_numpy(array.copy() if value.is_contiguous() else array)
        if value.requires_grad:
            made.requires_grad_()
            if leaves is not None:
                leaves.append((value, made))
        return made
    if isinstance(value, torch.dtype):
        if value not in DTYPES:
            raise UnsupportedError(str(value))
        return DTYPES[value]
    if isinstance(value, (torch.memory_format, torch.layout)):
        raise UnsupportedError(str(value))
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, complex):
        raise UnsupportedError("complex")
    if isinstance(value, list):
        return [convert(v, leaves) for v in value]
    if isinstance(value, tuple):
        return tuple(convert(v, leaves) for v in value)
    if isinstance(value, dict):
        return {k: convert(v, leaves) for k, v in value.items()}
    return value


def tensors(value: Any) -> list[Any]:
    """The tensors in a result, in order."""
    if isinstance(value, (torch.Tensor, ff.Tensor)):
        return [value]
    if isinstance(value, (tuple, list)) and not isinstance(value, torch.Size):
        return [t for v in value for t in tensors(v)]
    return []


def compare(got: Any, expected: Any, factor: float, *, with_dtype: bool = True) -> None:
    """Shapes and types equal; values within `factor` roundings of the largest value that occurs."""
    if not isinstance(expected, (torch.Tensor, tuple, list)):
        assert got == expected or (got != got and expected != expected), f"{got!r}, expected {expected!r}"
        return
    mine, theirs = tensors(got), tensors(expected)
    assert len(mine) == len(theirs), f"{len(mine)} tensors, expected {len(theirs)}"
    for g, e in zip(mine, theirs, strict=True):
        assert tuple(g.shape) == tuple(e.shape), f"shape {tuple(g.shape)}, expected {tuple(e.shape)}"
        if with_dtype:
            assert g.dtype == DTYPES[e.dtype], f"type {g.dtype}, expected {e.dtype}"
        a, b = g.detach().numpy(), e.detach().numpy(force=True)
        if b.dtype.kind == "f":
            eps = float(np.finfo(b.dtype).eps) * factor
            finite = np.abs(b[np.isfinite(b)])
            scale = max(1.0, float(finite.max())) if finite.size else 1.0
            np.testing.assert_allclose(a, b, rtol=eps, atol=eps * scale)
        else:
            np.testing.assert_array_equal(a, b)


def brief(sample: Any) -> str:
    """A sample in one line."""

    def show(value: Any) -> str:
        if isinstance(value, torch.Tensor):
            return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
        if isinstance(value, (list, tuple)):
            return "(" + ", ".join(show(v) for v in value) + ")"
        return repr(value)

    named = [f"{k}={show(v)}" for k, v in sample.kwargs.items()]
    return "(" + ", ".join([show(sample.input), *map(show, sample.args), *named]) + ")"
