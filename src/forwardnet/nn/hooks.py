"""Functions that are called before or after a module's `forward`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_ids = itertools.count()


@dataclass(frozen=True)
class Hook:
    """One registered function; `with_kwargs` says whether it also gets the keyword arguments."""

    function: Callable[..., Any]
    with_kwargs: bool = False


@dataclass
class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away, and so does leaving a `with` block."""

    hooks: dict[int, Hook]
    id: int = field(default_factory=_ids.__next__)

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def add(hooks: dict[int, Hook], hook: Hook, *, prepend: bool) -> RemovableHandle:
    """Register `hook` as the last to be called, or as the first."""
    handle = RemovableHandle(hooks)
    if prepend:
        later = dict(hooks)
        hooks.clear()
        hooks[handle.id] = hook
        hooks.update(later)
    else:
        hooks[handle.id] = hook
    return handle


def before(module: Any, hooks: dict[int, Hook], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The arguments after every pre-hook: each may answer with new ones, or with None to keep them."""
    for hook in tuple(hooks.values()):
        if hook.with_kwargs:
            answer = hook.function(module, args, kwargs)
            if answer is not None:
                args, kwargs = answer
        else:
            answer = hook.function(module, args)
            if answer is not None:
                args = answer if isinstance(answer, tuple) else (answer,)
    return args, kwargs


def after(module: Any, hooks: dict[int, Hook], args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
    """The output after every forward hook: each may answer with a new one, or with None to keep it."""
    for hook in tuple(hooks.values()):
        if hook.with_kwargs:
            answer = hook.function(module, args, kwargs, output)
        else:
            answer = hook.function(module, args, output)
        if answer is not None:
            output = answer
    return output
