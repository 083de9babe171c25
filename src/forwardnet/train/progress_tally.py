"""What is seen while many trainings run: how many are done, and how long the rest may take."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from forwardnet import errors
from forwardnet.train.progress import PLAIN_LINES, REFRESH_SECONDS, _is_terminal, duration


class Tally:
    """Counts trainings that have ended, of `total`; this one shows nothing.

    It is a context manager, because a live line has to be given back to the terminal.
    """

    def __init__(self, total: int, what: str = "models") -> None:
        self.total, self.what = total, what
        self.done = 0
        self.started = time.perf_counter()

    def __enter__(self) -> Tally:
        return self

    def __exit__(self, *exception: object) -> None:
        self._end()

    def add(self, count: int = 1) -> None:
        """So many more have ended."""
        self.done += count
        self._show()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self.started

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the mean time of those that are done; None before the first."""
        return self.seconds * (self.total - self.done) / self.done if self.done else None

    @property
    def text(self) -> str:
        """`12/50 models  3.2 s left`."""
        left = self.seconds_left
        tail = "" if left is None or self.done >= self.total else f"  {duration(left)} left"
        return f"{self.done}/{self.total} {self.what}{tail}"

    @property
    def ending(self) -> str:
        """One sentence about how it ended."""
        verb = "finished" if self.done >= self.total else "interrupted after"
        return f"{verb} {self.done} of {self.total} {self.what} in {duration(self.seconds)}"

    def _show(self) -> None: ...

    def _end(self) -> None: ...


class Calls(Tally):
    """Calls a function with the tally."""

    def __init__(self, total: int, what: str, function: Callable[[Any], object]) -> None:
        super().__init__(total, what)
        self._function = function

    def _show(self) -> None:
        self._function(self)


class PlainTally(Tally):
    """Writes at most about twenty lines, in ASCII and without control characters."""

    def __init__(self, total: int, what: str, out: TextIO) -> None:
        super().__init__(total, what)
        self._out = out
        self._next = 0

    def _show(self) -> None:
        if self.done >= self._next and self.done < self.total:
            self._next = self.done + -(-self.total // PLAIN_LINES)
            self._write(self.text)

    def _end(self) -> None:
        self._write(self.ending)

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more
            self._out.write(line + "\n")
            self._out.flush()


class LiveTally(Tally):
    """One line that is kept up to date: a bar, how many are done, time left."""

    def __init__(self, total: int, what: str, out: TextIO) -> None:
        super().__init__(total, what)
        self._out = out
        self._next = 0.0
        self._live: Any = None

    def __enter__(self) -> Tally:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self._out, force_terminal=True, highlight=False)
        self._live = Live(self._line(), console=console, auto_refresh=False)
        self._live.start()
        return self

    def _show(self) -> None:
        now = time.perf_counter()
        if self._live is not None and now >= self._next:
            self._next = now + REFRESH_SECONDS
            with contextlib.suppress(OSError, ValueError):
                self._live.update(self._line(), refresh=True)

    def _end(self) -> None:
        if self._live is None:
            return
        live, self._live = self._live, None
        with contextlib.suppress(OSError, ValueError):
            live.update(self._line(), refresh=True)
            live.stop()
            live.console.print(self.ending, markup=False)

    def _line(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        table.add_row(ProgressBar(total=max(1, self.total), completed=self.done, width=20), self.text)
        return table


def tally_for(
    progress: bool | Callable[[Any], object], total: int, what: str = "models", *, file: TextIO | None = None
) -> Tally:
    """The display asked for by `progress`, as in `Trainer.fit`: True, False, or a function of the `Tally`."""
    if progress is False:
        return Tally(total, what)
    if progress is True:
        out = file if file is not None else sys.stdout
        if out is None:
            return Tally(total, what)
        return LiveTally(total, what, out) if _is_terminal(out) else PlainTally(total, what, out)
    if callable(progress):
        return Calls(total, what, progress)
    raise errors.ArgumentError(f"progress is {progress!r}, expected True, False or a function")
