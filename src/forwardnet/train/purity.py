"""Noticing that a model keeps account of its calls, which a traced step would do once and never again."""

from __future__ import annotations

import copy
from collections import deque
from types import FunctionType, TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.ops.record import CannotLower

if TYPE_CHECKING:
    from forwardnet.nn import Module

CONTAINERS = (list, dict, set, deque, bytearray, np.ndarray)


class Untouched:
    """Within the block the attributes of all modules of a model are watched; at its end they are as they were.

    Raises `CannotLower`, naming the module, if something was changed.
    """

    def __init__(self, model: Module) -> None:
        self.modules = list(model.modules())

    def __enter__(self) -> Untouched:
        self.before = [
            {key: (value, copy.copy(value) if _watched(key, value) else None) for key, value in vars(module).items()}
            for module in self.modules
        ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        changed = [m for m, old in zip(self.modules, self.before, strict=True) if _restored(m, old)]
        if changed and error is None:
            raise CannotLower(f"a {type(changed[0]).__name__} that changes its own attributes")


def is_ours(owner: Any) -> bool:
    """Whether an object or function consists of the library's own code, which does the same at every call."""
    if isinstance(owner, FunctionType):
        held = [cell.cell_contents for cell in owner.__closure__ or ()]
        return _is_of_ours(owner) and all(is_ours(value) for value in held if callable(value))
    held = [value for value in vars(owner).values() if callable(value)] if hasattr(owner, "__dict__") else []
    return _is_of_ours(type(owner)) and all(is_ours(value) for value in held)


def _is_of_ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).startswith("forwardnet.")


def _watched(key: str, value: Any) -> bool:
    # What begins with an underscore is the module's own bookkeeping: parameters, buffers, hooks.
    return not key.startswith("_") and isinstance(value, CONTAINERS)


def _restored(module: Module, old: dict[str, tuple[Any, Any]]) -> bool:
    """Put the attributes back; tells whether any was changed."""
    now = vars(module)
    changed = len(now) != len(old) or any(now.get(key) is not value for key, (value, _) in old.items())
    for value, content in old.values():
        if content is not None and not _equal(value, content):
            changed = True
            _refill(value, content)
    if changed:
        now.clear()
        now.update({key: value for key, (value, _) in old.items()})
    return changed


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b))
    if len(a) != len(b):
        return False
    if isinstance(a, dict):
        return all(key in b and a[key] is b[key] for key in a)
    return a == b if isinstance(a, (set, bytearray)) else all(x is y for x, y in zip(a, b, strict=True))


def _refill(value: Any, content: Any) -> None:
    if isinstance(value, np.ndarray):
        value[...] = content
    else:
        value.clear()
        (value.update if isinstance(value, (dict, set)) else value.extend)(content)
