"""Whether operations are recorded for differentiation: `no_grad`, `enable_grad`, `set_grad_enabled`."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


class _Mode(threading.local):
    enabled = True


_mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether this thread records operations now."""
    return _mode.enabled


class _Switch:
    """A context manager, or a decorator, that sets the mode and restores it."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self.previous: list[bool] = []

    def __enter__(self) -> None:
        self.previous.append(_mode.enabled)
        _mode.enabled = self.mode

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _mode.enabled = self.previous.pop()

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                running = function(*args, **kwargs)
                while True:
                    # The mode holds while the generator runs, not while its caller does.
                    with type(self)._again(self):
                        try:
                            item = next(running)
                        except StopIteration as end:
                            return end.value
                    yield item

            return cast(F, generator)

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with type(self)._again(self):
                return function(*args, **kwargs)

        return cast(F, wrapped)

    def _again(self) -> _Switch:
        return _Switch(self.mode)


class no_grad(_Switch):  # noqa: N801 - the name users know
    """Record nothing inside: `with no_grad(): w -= lr * w.grad`."""

    def __init__(self, function: Any = None) -> None:
        super().__init__(False)

    def __new__(cls, function: Any = None) -> Any:
        return super().__new__(cls) if function is None else _Switch(False)(function)


class enable_grad(_Switch):  # noqa: N801
    """Record inside, even within `no_grad`."""

    def __init__(self, function: Any = None) -> None:
        super().__init__(True)

    def __new__(cls, function: Any = None) -> Any:
        return super().__new__(cls) if function is None else _Switch(True)(function)


class inference_mode(_Switch):  # noqa: N801
    """Like `no_grad`, under the name PyTorch gives its stricter form."""

    def __init__(self, mode: Any = True) -> None:
        super().__init__(not mode)

    def __new__(cls, mode: Any = True) -> Any:
        return _Switch(False)(mode) if callable(mode) else super().__new__(cls)


class set_grad_enabled(_Switch):  # noqa: N801
    """Set the mode at once; as a context manager, restore it at the end."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self.before = _mode.enabled
        _mode.enabled = self.mode

    def __enter__(self) -> None:
        self.previous.append(self.before)
        _mode.enabled = self.mode

    def __call__(self, function: F) -> F:
        _mode.enabled = self.before
        return super().__call__(function)
