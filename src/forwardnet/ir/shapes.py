"""Shape arithmetic shared by every op: broadcasting, axes, reshaping, slicing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index as as_index
from typing import Any

from forwardnet.errors import AxisError, ShapeError

Shape = tuple[int, ...]


def numel(shape: Iterable[int]) -> int:
    """Number of elements."""
    n = 1
    for length in shape:
        n *= length
    return n


def broadcast(*shapes: Shape, where: str = "broadcast") -> Shape:
    """The common shape after broadcasting: aligned at the right, ones stretch.

    Raises `ShapeError` where two lengths differ and neither is one.
    """
    if all(s == shapes[0] for s in shapes):
        return shapes[0]
    rank = max(len(s) for s in shapes)
    result = [1] * rank
    for shape in shapes:
        for i, length in enumerate(shape, rank - len(shape)):
            if length != 1:
                if result[i] not in (1, length):
                    listed = " and ".join(str(s) for s in shapes)
                    raise ShapeError(
                        f"{where}: shapes {listed} do not broadcast: "
                        f"the size of dimension {i} is {result[i]} in one and {length} in the other",
                        hint="each dimension must be equal or 1, counted from the right",
                    )
                result[i] = length
    return tuple(result)


def axis(dim: int, ndim: int, *, where: str) -> int:
    """`dim` counted from the left, checked; a zero-dimensional value has the axes -1 and 0."""
    rank = max(ndim, 1)
    i = as_index(dim)
    if not -rank <= i < rank:
        raise AxisError(
            f"{where}: Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {i})"
        )
    return i % rank


def axes(dim: int | Iterable[int] | None, ndim: int, *, where: str) -> tuple[int, ...]:
    """Axes as a sorted tuple; None and an empty list mean all of them."""
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, Iterable):
        return (axis(dim, ndim, where=where),) if ndim else _scalar_axis(dim, where)
    found = [axis(d, ndim, where=where) for d in dim]
    if len(set(found)) != len(found):
        raise AxisError(f"{where}: dim {tuple(dim)} appears multiple times in the list of dims")
    if not found:
        return tuple(range(ndim))
    return tuple(sorted(found)) if ndim else ()


def _scalar_axis(dim: int, where: str) -> tuple[int, ...]:
    axis(dim, 0, where=where)
    return ()


def reduced(shape: Shape, over: Iterable[int], *, keepdim: bool) -> Shape:
    """The shape after a reduction over the axes `over`."""
    gone = set(over)
    if keepdim:
        return tuple(1 if i in gone else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in gone)


def reshaped(shape: Shape, wanted: Sequence[int], *, where: str = "reshape") -> Shape:
    """`wanted` with a -1 replaced by the length that keeps the number of elements."""
    sizes = [as_index(n) for n in wanted]
    total = numel(shape)
    free = [i for i, n in enumerate(sizes) if n == -1]
    if any(n < -1 for n in sizes):
        bad = next(n for n in sizes if n < -1)
        raise ShapeError(f"{where}: invalid shape dimension {bad}")
    if len(free) > 1:
        raise ShapeError(f"{where}: only one dimension can be inferred, got {tuple(sizes)}")
    if free:
        rest = numel(n for n in sizes if n != -1)
        if rest == 0:
            raise ShapeError(
                f"{where}: cannot reshape tensor of {total} elements into shape {tuple(sizes)} because the unspecified "
                f"dimension size -1 can be any value and is ambiguous"
            )
        if total % rest == 0:
            sizes[free[0]] = total // rest
    if numel(sizes) != total or -1 in sizes:
        raise ShapeError(f"{where}: shape '{list(wanted)}' is invalid for input of size {total} (its shape is {shape})")
    return tuple(sizes)


def expanded(shape: Shape, sizes: Sequence[int], *, where: str = "expand") -> Shape:
    """The shape that `expand(sizes)` gives: -1 keeps a length, ones stretch, new axes come at the left."""
    extra = len(sizes) - len(shape)
    if extra < 0:
        raise ShapeError(
            f"{where}: the number of sizes provided ({len(sizes)}) must be greater or equal to the number of "
            f"dimensions in the tensor ({len(shape)})"
        )
    result = []
    for i, size in enumerate(sizes):
        own = shape[i - extra] if i >= extra else None
        if size == -1:
            if own is None:
                raise ShapeError(
                    f"{where}: the expanded size -1 isn't allowed in a leading, non-existing dimension {i}"
                )
            size = own
        if own not in (None, 1, size):
            raise ShapeError(
                f"{where}: The expanded size of the tensor ({size}) must match the existing size ({own}) at "
                f"non-singleton dimension {i}. Target sizes: {list(sizes)}. Tensor sizes: {list(shape)}"
            )
        if size < 0:
            raise ShapeError(f"{where}: size {size} is negative")
        result.append(size)
    return tuple(result)


def sizes_of(args: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given as `f(2, 3)`, `f((2, 3))` or `f([2, 3])`."""
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args = tuple(args[0])
    return tuple(as_index(n) for n in args)
