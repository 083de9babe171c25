"""Writing in place while a function is traced: nodes have no memory to share, so views are told what was written."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from forwardnet.ops.layout import diagonal, diagonal_put, inverse, permute, reshape, slice_, slice_put
from forwardnet.ops.record import CannotLower

if TYPE_CHECKING:
    from forwardnet.tensor.tape import ViewStep
    from forwardnet.tensor.tensor import Tensor

# Views of a part of their source, and the ops that write that part.
PUTS = {slice_: slice_put, diagonal: diagonal_put}

# The label of the view step that stands for `contiguous()`.
MAYBE_COPY = "Contiguous"


def remember(view: Tensor) -> None:
    """Let the base of a traced view know of it, as long as it lives."""
    assert view._base is not None
    view._base._views = [*(weakref.ref(v) for v in _living(view._base)), weakref.ref(view)]


def _living(base: Tensor) -> Iterator[Tensor]:
    found = (kept() for kept in getattr(base, "_views", ()))
    return (view for view in found if view is not None)


def check_writable(x: Tensor) -> None:
    """Raise `CannotLower` where the order of memory, which a node does not have, decides what else a write changes."""
    if any(_is_doubtful(view._chain) for view in (x, *_living(x if x._base is None else x._base))):
        raise CannotLower("a write beside a reshaped view, which may or may not be a copy")


def share_write(x: Tensor) -> None:
    """Carry what was written into the traced `x` to its base, and from there to the other views of it."""
    base = x if x._base is None else x._base
    if base is not x:
        base._data = _put_back(base._data, x._chain, x._data)
    for view in _living(base):
        if view is not x:
            view._data = _along(base._data, view._chain)[-1]


def _is_doubtful(chain: Sequence[ViewStep]) -> bool:
    """Whether the order of memory decides if a reshape on the way is a view: after a transposition or a slice.

    One that only adds or drops lengths of 1 always is.
    """
    moved = False
    for step in chain:
        if step.op is reshape:
            before, after = ([n for n in spec.shape if n != 1] for spec in (step.source, step.result))
            if moved and (before != after or step.label == MAYBE_COPY):
                return True
        else:
            moved = True
    return False


def _along(data: Any, chain: Sequence[ViewStep]) -> list[Any]:
    """A base's node, and those of each view on the way along `chain`."""
    nodes = [data]
    for step in chain:
        nodes.append(step.op(nodes[-1], **step.attrs))
    return nodes


def _put_back(data: Any, chain: Sequence[ViewStep], written: Any) -> Any:
    """A base's node after the view at the end of `chain` was overwritten by `written`."""
    for step, old in zip(reversed(chain), reversed(_along(data, chain[:-1])), strict=True):
        if step.op in PUTS:
            written = PUTS[step.op](old, written, **step.attrs)
        elif step.op is permute:
            written = permute(written, dims=inverse(step.attrs["dims"]))
        else:
            written = reshape(written, shape=step.source.shape)
    return written
