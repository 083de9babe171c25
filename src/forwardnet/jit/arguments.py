"""What a compiled function is called with: tensors in any nesting, and values that are constants of its program."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from forwardnet.ops.record import CannotLower
from forwardnet.tensor import Tensor

NUMBERS = (bool, int, float, complex)


def described(value: Any, tensors: list[Tensor]) -> Hashable:
    """What decides which program fits: structure, shapes, types, constants; the tensors inside are added to `tensors`.

    Raises `CannotLower` for a value that may be another one at the next call although it is the same object.
    """
    if isinstance(value, Tensor):
        tensors.append(value)
        return (Tensor, value.spec, value.requires_grad)
    if isinstance(value, tuple) or type(value) is list:
        return (type(value), *(described(item, tensors) for item in value))
    if type(value) is dict:
        return (dict, *((type(k), k, described(item, tensors)) for k, item in value.items()))
    if isinstance(value, NUMBERS):
        return (type(value), repr(value))  # 1, 1.0 and True are equal, and so are 0.0 and -0.0
    try:
        hash(value)
    except TypeError:
        raise CannotLower(f"an argument of type {type(value).__name__}") from None
    return (type(value), value)


def put_back(value: Any, tensors: Iterator[Tensor]) -> Any:
    """The same structure with other tensors in the places of those inside."""
    if isinstance(value, Tensor):
        return next(tensors)
    if isinstance(value, tuple) or type(value) is list:
        items = [put_back(item, tensors) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if type(value) is dict:
        return {k: put_back(item, tensors) for k, item in value.items()}
    return value
