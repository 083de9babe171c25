"""Ctrl-C during a fit: the first ends it after the current step, the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


class Interrupts:
    """While the block runs, the first SIGINT calls `on_first`, every further one raises KeyboardInterrupt.

    Only Python's own reaction to Ctrl-C is replaced, and only in the main thread: a program that handles (or, like
    one started with `nohup`, ignores) the signal keeps doing so.
    """

    def __init__(self, on_first: Callable[[], object]) -> None:
        self.count = 0
        self._on_first = on_first
        self._is_installed = False

    def __enter__(self) -> Interrupts:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._is_installed = True
        return self

    def __exit__(self, *exception: object) -> None:
        if self._is_installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt
        self._on_first()
