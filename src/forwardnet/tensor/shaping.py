"""Functions that change the shape or the order of elements: views where possible, copies where not."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import dtypes
from forwardnet.errors import ArgumentError, AxisError, DTypeError, ShapeError
from forwardnet.ir.graph import Node
from forwardnet.ir.shapes import axes, axis, expanded, numel, reshaped, sizes_of
from forwardnet.ops import layout as lay
from forwardnet.ops.record import REGISTRY
from forwardnet.tensor import tape
from forwardnet.tensor.traced import MAYBE_COPY

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor

_ALL = ("slice", None, None, None)


def _item(start: int | None, stop: int | None) -> tuple[str, int | None, int | None, None]:
    return ("slice", start, stop, None)


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape; one size may be -1. A view where memory allows, else a copy."""
    return lay.reshape(input, shape=reshaped(input.spec.shape, sizes_of(shape)))


def view(input: Tensor, *shape: Any) -> Tensor:
    """The same memory in another shape, or as another type of the same size.

    Raises `ShapeError` where the elements are not laid out so that no copy is needed.
    """
    if len(shape) == 1 and (isinstance(shape[0], dtypes.DType) or shape[0] is float):
        return tape.new_tensor(input._data.view(dtypes.as_numpy(shape[0])))
    wanted = reshaped(input.spec.shape, sizes_of(shape), where="view")
    if isinstance(input._data, np.ndarray) and input._data.size:
        try:
            np.reshape(input._data, wanted, copy=False)
        except ValueError:
            raise ShapeError(
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
                f"two contiguous subspaces): shape {input.spec.shape}, stride {input.stride()}, wanted {wanted}",
                hint="use .reshape(...), or .contiguous().view(...)",
            ) from None
    return lay.reshape(input, shape=wanted)


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """`view` in the shape of `other`."""
    return view(input, other.spec.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """`reshape` to the shape of `other`."""
    return reshape(input, other.spec.shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the dimensions from start_dim to end_dim into one."""
    first, last = (axis(d, input.ndim, where="flatten") for d in (start_dim, end_dim))
    if first > last:
        raise AxisError("flatten() has invalid args: start_dim cannot come after end_dim")
    shape = input.spec.shape
    return reshape(input, (*shape[:first], numel(shape[first : last + 1]), *shape[last + 1 :]))


def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension."""
    return flatten(input)


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split one dimension into several."""
    d = axis(dim, input.ndim, where="unflatten")
    shape = input.spec.shape
    inner = reshaped((shape[d],), sizes, where="unflatten")
    return reshape(input, (*shape[:d], *inner, *shape[d + 1 :]))


@tape.labelled("Squeeze")
def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Drop dimensions of length 1: all of them, or those given."""
    shape = input.spec.shape
    if dim is None:
        gone = {i for i, n in enumerate(shape) if n == 1}
    else:
        dims = dim if isinstance(dim, Sequence) else (dim,)
        gone = set(axes(dims, input.ndim, where="squeeze")) if dims else set()
    return lay.reshape(input, shape=tuple(n for i, n in enumerate(shape) if i not in gone or n != 1))


@tape.labelled("Unsqueeze")
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Insert a dimension of length 1 before `dim`."""
    d = axis(dim, input.ndim + 1, where="unsqueeze")
    shape = input.spec.shape
    return lay.reshape(input, shape=(*shape[:d], 1, *shape[d:]))


def permute(input: Tensor, *dims: Any) -> Tensor:
    """A view with the dimensions in another order."""
    order = tuple(axis(d, input.ndim, where="permute") for d in sizes_of(dims)) if input.ndim else ()
    if len(order) != input.ndim or len(set(order)) != len(order):
        raise AxisError(f"permute: dims {sizes_of(dims)} are not an order of the {input.ndim} dimensions, each once")
    return lay.permute(input, dims=order)


@tape.labelled("Transpose")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions exchanged."""
    a, b = (axis(d, input.ndim, where="transpose") for d in (dim0, dim1))
    order = list(range(input.ndim))
    if order:
        order[a], order[b] = order[b], order[a]
    return lay.permute(input, dims=tuple(order))


@tape.labelled("T")
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; vectors and scalars as they are."""
    if input.ndim > 2:
        raise ShapeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D", hint="use .transpose()"
        )
    return transpose(input, 0, 1) if input.ndim == 2 else lay.permute(input, dims=tuple(range(input.ndim)))


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """A view with dimensions moved to other places; the others keep their order."""
    given, wanted = (tuple(d) if isinstance(d, Sequence) else (d,) for d in (source, destination))
    if len(given) != len(wanted):
        raise ShapeError(f"movedim: source {given} and destination {wanted} have different lengths")
    if input.ndim == 0:
        return lay.permute(input, dims=())
    start, end = ([axis(d, input.ndim, where="movedim") for d in dims] for dims in (given, wanted))
    if len(set(start)) != len(start) or len(set(end)) != len(end):
        raise AxisError(f"movedim: source {given} or destination {wanted} names a dimension twice")
    order: list[int | None] = [None] * input.ndim
    for a, b in zip(start, end, strict=True):
        order[b] = a
    rest = (d for d in range(input.ndim) if d not in start)
    return lay.permute(input, dims=tuple(next(rest) if d is None else d for d in order))


def expand(input: Tensor, *sizes: Any) -> Tensor:
    """A view in which dimensions of length 1 are repeated without memory; -1 keeps a length."""
    return lay.expand(input, shape=expanded(input.spec.shape, sizes_of(sizes)))


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """`expand` to the shape of `other`."""
    return expand(input, other.spec.shape)


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """`expand` to the given shape."""
    return expand(input, tuple(size))


@tape.labelled("Repeat")
def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Copies side by side, `repeats[i]` times along dimension i."""
    counts = sizes_of(repeats)
    lead = len(counts) - input.ndim
    if lead < 0:
        raise ShapeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    shape = (1,) * lead + tuple(input.spec.shape)
    wide = lay.reshape(input, shape=tuple(k for n in shape for k in (1, n)))
    wide = lay.expand(wide, shape=tuple(k for c, n in zip(counts, shape, strict=True) for k in (c, n)))
    return lay.reshape(wide, shape=tuple(c * n for c, n in zip(counts, shape, strict=True)))


def tile(input: Tensor, *dims: Any) -> Tensor:
    """`repeat`, with missing counts at the left taken as 1."""
    counts = sizes_of(dims)
    return repeat(input, (1,) * (input.ndim - len(counts)) + counts)


def cat(tensors: Sequence[Tensor], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """The tensors one after the other along `dim`; types are promoted to a common one."""
    parts = list(tensors)
    if not parts:
        raise ArgumentError("cat: expected a non-empty list of Tensors")
    for part in parts:
        if not tape.is_tensor(part):
            raise DTypeError(f"cat(): expected Tensors, got {type(part).__name__}", hint="convert it with tensor(...)")
    if any(p.ndim == 0 for p in parts):
        raise ShapeError("zero-dimensional tensor cannot be concatenated", hint="use stack() for scalars")
    common = dtypes.result_of((p.spec.dtype, p.ndim, None) for p in parts)
    rank = max(p.ndim for p in parts)
    # An empty vector fits anywhere, as it always did in PyTorch.
    kept = [p for p in parts if p.spec.shape != (0,)] if rank > 1 else parts
    d = axes(dim if axis is None else axis, rank, where="cat")[0]
    return lay.cat(*(_cast(p, common) for p in kept), dim=d)


def _cast(x: Tensor, dtype: Any) -> Tensor:
    return x if x.spec.dtype == dtype else REGISTRY["cast"](x, dtype=dtype)


@tape.labelled("Stack")
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape, side by side along a new dimension."""
    parts = list(tensors)
    if not parts:
        raise ArgumentError("stack: expects a non-empty TensorList")
    for i, part in enumerate(parts):
        if part.spec.shape != parts[0].spec.shape:
            raise ShapeError(
                f"stack expects each tensor to be equal size, but got {list(parts[0].spec.shape)} at entry 0 and "
                f"{list(part.spec.shape)} at entry {i}"
            )
    d = axis(dim, parts[0].ndim + 1, where="stack")
    return cat([unsqueeze(p, d) for p in parts], d)


def _part(input: Tensor, d: int, start: int, stop: int) -> Tensor:
    return lay.slice_(input, items=(*(_ALL,) * d, _item(start, stop)))


def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """A view of `length` entries along `dim` from `start`."""
    d = axis(dim, input.ndim, where="narrow")
    n = input.spec.shape[d]
    if tape.is_tensor(start):
        if start.ndim or start.spec.dtype.kind not in "iu":
            raise DTypeError("narrow: start must be an 0-dim integral Tensor.")
        start = start.item()
    start = start + n if start < 0 else start
    if not 0 <= start <= n or length < 0 or start + length > n:
        raise AxisError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return _part(input, d, start, start + length)


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the given size (the last may be smaller), or of the given sizes, along `dim`."""
    d = axis(dim, tensor.ndim, where="split")
    n = tensor.spec.shape[d]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 0 or (size == 0 and n):
            raise ArgumentError(
                f"split: split_size can only be 0 if dimension size is 0, and never negative; got {size}"
            )
        sizes = [min(size, n - start) for start in range(0, n, size)] if n else [0]
    else:
        sizes = [int(k) for k in split_size_or_sections]
        if sum(sizes) != n:
            raise ShapeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
                f"dimension {d}), but got split_sizes={sizes}"
            )
    ends = np.cumsum(sizes).tolist()
    return tuple(_part(tensor, d, end - size, end) for size, end in zip(sizes, ends, strict=True))


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of nearly equal size along `dim`."""
    if chunks <= 0:
        raise ArgumentError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.spec.shape[axis(dim, input.ndim, where="chunk")]
    if n == 0:
        return split(input, [0] * chunks, dim)
    return split(input, -(-n // chunks), dim)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """One view for each index along `dim`."""
    d = axis(dim, input.ndim, where="unbind")
    if input.ndim == 0:
        raise AxisError("unbind: a zero-dimensional tensor cannot be unbound")
    return tuple(select(input, d, i) for i in range(input.spec.shape[d]))


@tape.labelled("Select")
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The view at one index along `dim`, without that dimension."""
    d = axis(dim, input.ndim, where="select")
    n = input.spec.shape[d] if input.ndim else 0
    if not -n <= index < n:
        raise AxisError(
            f"select(): index {index} out of range for tensor of size {list(input.spec.shape)} at dimension {d}"
        )
    return lay.slice_(input, items=(*(_ALL,) * d, ("int", index, None, None)))


def flip(input: Tensor, dims: Any, *more: int) -> Tensor:
    """The elements in reverse order along the given dimensions."""
    return lay.flip(input, dims=tuple(axis(d, input.ndim, where="flip") for d in sizes_of((dims, *more))))


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The elements moved round along dimensions; without `dims`, in the flattened tensor."""
    if dims is None:
        if not sizes_of((shifts,)):
            raise ArgumentError("roll: `shifts` required")
        return reshape(roll(flatten(input), shifts, 0), input.spec.shape)
    shift, along = sizes_of((shifts,)), sizes_of((dims,))
    if len(shift) != len(along):
        raise ShapeError(f"roll: shifts and dimensions must align. shifts: {len(shift)}, dims: {len(along)}")
    return lay.roll(input, shifts=shift, dims=tuple(axis(d, input.ndim, where="roll") for d in along))


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle, zeros above."""
    return lay.tril(_matrices("tril", input), diagonal=diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle, zeros below."""
    return lay.triu(_matrices("triu", input), diagonal=diagonal)


def _matrices(name: str, x: Tensor) -> Tensor:
    if x.ndim < 2:
        raise ShapeError(f"{name}: input tensor must have at least 2 dimensions, got {x.ndim}")
    return x


def clone(input: Tensor) -> Tensor:
    """A copy in memory of its own; gradients pass through."""
    return lay.clone(input, row_major=False)


def contiguous(input: Tensor) -> Tensor:
    """The tensor itself if its elements lie in row-major order, else a copy that does."""
    if isinstance(input._data, Node) and input._base is not None:
        # A copy or not, by an order of memory that is not known: refused only where one of the two is written to.
        made: Tensor = lay.reshape(input, shape=input.spec.shape)
        tape.relabel(made, MAYBE_COPY)
        return made
    return input if is_contiguous(input) else lay.clone(input, row_major=True)


def is_contiguous(input: Tensor) -> bool:
    """Whether the elements lie in row-major order without gaps."""
    return isinstance(input._data, Node) or bool(input._data.flags.c_contiguous)


def resize_(input: Tensor, *sizes: Any) -> Tensor:
    """Change the shape in place; growing leaves the new elements unset, shrinking drops the last.

    Raises `DTypeError` for a tensor that requires grad.
    """
    if input.requires_grad:
        raise DTypeError(
            "cannot resize variables that require grad", hint="use reshape(), or resize a detach()ed tensor"
        )
    shape = sizes_of(sizes)
    held = getattr(input, "_storage", None)  # what a tensor shrunk before still owns
    flat = held if held is not None else np.ascontiguousarray(input._data).reshape(-1)
    wanted = numel(shape)
    if wanted > flat.size:
        grown = np.empty(wanted, flat.dtype)
        grown[: flat.size] = flat
        flat = grown
    input._storage = flat  # type: ignore[attr-defined]
    input._data = flat[:wanted].reshape(shape)
    input._counter.count += 1
    return input


def resize(input: Tensor, *sizes: Any) -> Tensor:
    """`resize_` under its old name, on a tensor of the same memory: use `reshape` or `resize_`."""
    warnings.warn("non-inplace resize is deprecated; use reshape or resize_", DeprecationWarning, stacklevel=2)
    return resize_(input.detach(), *sizes)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one above the other: vectors become rows."""
    return cat([unsqueeze(x, 0) if x.ndim == 1 else x for x in tensors], 0)


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors side by side: along the second dimension, vectors along their only one."""
    parts = list(tensors)
    return cat(parts, 0 if parts and parts[0].ndim == 1 else 1)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All tensors expanded to their common shape."""
    shape = np.broadcast_shapes(*(t.spec.shape for t in tensors))
    return tuple(expand(t, shape) for t in tensors)
