"""Other training rows in each epoch: an augmentation of the given ones, in the arrays that steps gather from.

Axis glossary: n rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors

Array = NDArray[Any]
Renew = Callable[[int], None]


def renewal(arrays: tuple[Array, ...], augment: Any, seed: int) -> tuple[tuple[Array, ...], Renew | None]:
    """The arrays (X, y, ...) for a fit, and what puts the rows of an epoch into them; without `augment` nothing does.

    `augment(X, y, seed=..., epoch=...)` gives new X and y of the same shapes and types, see `forwardnet.data.augment`.

    Raises:
        ArgumentError: it is no function.
    """
    if augment is None:
        return arrays, None
    if isinstance(augment, type) or not callable(augment):
        name = getattr(augment, "__name__", repr(augment))
        raise errors.ArgumentError(
            f"fit: augment is {name}, expected an augmentation or a function (X, y, *, seed, epoch) -> (X, y)",
            hint="forwardnet.data.augment has some, as Jitter(0.1)",
        )
    given = arrays[:2]
    own = tuple(array.copy() for array in given)  # the caller's rows stay as they are

    def renew(epoch: int) -> None:
        new = augment(*given, seed=seed, epoch=epoch)
        if not isinstance(new, tuple) or len(new) != 2:
            raise errors.ArgumentError(f"augment: it gave a {type(new).__name__}, expected the pair (X, y)")
        for name, array, was, rows in zip(("X", "y"), own, given, new, strict=True):
            if rows is not was:
                array[...] = _checked(name, was, np.asarray(rows))

    return (*own, *arrays[2:]), renew


def _checked(name: str, was: Array, new: Array) -> Array:
    if new.shape != was.shape or new.dtype != was.dtype:
        raise errors.ShapeError(
            f"augment: it made {name} of shape {new.shape} and dtype {new.dtype}, "
            f"expected {was.shape} and {was.dtype} as before"
        )
    if new.dtype.kind == "f" and not np.isfinite(new).all():
        raise errors.DataError(f"augment: it made {name} with numbers that are not finite")
    return new
