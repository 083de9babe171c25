"""What is seen while a network trains: a live line in a terminal, a few plain lines elsewhere, or nothing."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from forwardnet import errors
from forwardnet.train.history import Row
from forwardnet.train.run import Run

PLAIN_LINES = 20
REFRESH_SECONDS = 0.1


class Display(Protocol):
    """Shows a fit. `wants_steps` says whether `step` should be called after each step."""

    wants_steps: bool

    def begin(self, run: Run) -> None: ...
    def step(self, run: Run) -> None: ...
    def epoch(self, run: Run) -> None: ...
    def end(self, run: Run) -> None: ...


def display_for(progress: bool | Callable[[Run], object], *, file: TextIO | None = None) -> Display:
    """The display asked for by `progress`.

    True: live in a terminal; plain lines where standard output is a file, a pipe or a notebook. False: nothing.
    A function: it is called with the `Run` after each epoch and at most ten times a second in between.
    """
    if progress is True:
        out = file if file is not None else sys.stdout
        if out is None:  # a program without a console
            return Silent()
        return LiveLine(out) if _is_terminal(out) else PlainLines(out)
    if progress is False:
        return Silent()
    if callable(progress):
        return Calls(progress)
    raise errors.ArgumentError(f"progress is {progress!r}, expected True, False or a function")


def _is_terminal(out: TextIO) -> bool:
    """Whether `out` understands control characters."""
    try:
        is_tty = out.isatty()
    except (AttributeError, ValueError):  # a replaced or closed stream
        return False
    return is_tty and os.environ.get("TERM", "xterm") not in ("dumb", "unknown")


class Silent:
    """Shows nothing."""

    wants_steps = False

    def begin(self, run: Run) -> None: ...
    def step(self, run: Run) -> None: ...
    def epoch(self, run: Run) -> None: ...
    def end(self, run: Run) -> None: ...


class Calls(Silent):
    """Calls a function with the run."""

    wants_steps = True

    def __init__(self, function: Callable[[Run], object]) -> None:
        self._function = function
        self._next = 0.0

    def step(self, run: Run) -> None:
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + REFRESH_SECONDS
            self._function(run)

    def epoch(self, run: Run) -> None:
        self._function(run)


class PlainLines(Silent):
    """Writes at most about twenty lines for a fit, in ASCII and without control characters."""

    def __init__(self, out: TextIO) -> None:
        self._out: TextIO | None = out
        self._shown = 0

    def epoch(self, run: Run) -> None:
        every = -(-run.epochs // PLAIN_LINES)
        if run.epoch % every == 0 or run.epoch in (run.first_epoch, run.last_epoch):
            self._show(run)

    def end(self, run: Run) -> None:
        if run.logs and self._shown != run.logs.get("epoch"):
            self._show(run)
        text = ending(run)
        if text:
            self._write(text)

    def _show(self, run: Run) -> None:
        self._shown = int(run.logs["epoch"])
        parts = [f"epoch {self._shown}/{run.last_epoch}", *figures(run.logs), rate_text(run)]
        if run.seconds_left and run.stopped is None:
            parts.append(f"{duration(run.seconds_left)} left")
        self._write("  ".join(parts))

    def _write(self, line: str) -> None:
        if self._out is None:
            return
        try:
            self._out.write(line + "\n")
            self._out.flush()
        except (OSError, ValueError):
            # Nobody reads any more (`| head`, a closed window): that is no reason to lose a training run.
            self._out = None


class LiveLine(Silent):
    """One line that is kept up to date: epoch, bar, loss and metrics, rows per second, time left."""

    wants_steps = True

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._next = 0.0
        self._live: Any = None

    def begin(self, run: Run) -> None:
        from rich.console import Console
        from rich.live import Live

        # Refreshed by hand: a refreshing thread would compete with the training for the interpreter lock.
        console = Console(file=self._out, force_terminal=True, highlight=False)
        self._live = Live(self._line(run, console.width), console=console, auto_refresh=False)
        with self._survives():
            self._live.start()

    def step(self, run: Run) -> None:
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + REFRESH_SECONDS
            self._refresh(run)

    def epoch(self, run: Run) -> None:
        self.step(run)

    def end(self, run: Run) -> None:
        if self._live is None:
            return
        self._refresh(run)
        live, self._live = self._live, None
        with contextlib.suppress(OSError, ValueError):
            live.stop()
            text = ending(run)
            if text:
                live.console.print(text, markup=False)

    def _refresh(self, run: Run) -> None:
        if self._live is not None:
            with self._survives():
                self._live.update(self._line(run, self._live.console.width), refresh=True)

    @contextlib.contextmanager
    def _survives(self) -> Any:
        """A terminal that went away ends the display, not the training."""
        try:
            yield
        except (OSError, ValueError):
            self._live = None

    def _line(self, run: Run, width: int) -> Any:
        """The line, with as many figures as fit into `width` columns."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        left = f"epoch {max(run.epoch, run.first_epoch)}/{run.last_epoch}"
        right = rate_text(run)
        if run.seconds_left is not None and run.steps_done < run.steps_total and run.stopped is None:
            right += f"  {duration(run.seconds_left)} left"
        shown = figures(run.logs or {"loss": run.loss}) if run.steps_done else []
        bar_width = max(8, min(20, width // 8))
        room = width - len(left) - len(right) - bar_width - 8
        while shown and len("  ".join(shown)) > room:
            shown.pop()
        table = Table.grid(padding=(0, 2))
        for _ in range(4):
            table.add_column(no_wrap=True, overflow="crop")
        bar = ProgressBar(total=max(1, run.steps_total), completed=run.steps_done, width=bar_width)
        table.add_row(left, bar, "  ".join(shown), right)
        return table


def figures(logs: Row) -> list[str]:
    """`name value` for loss, metrics and their validation counterparts, the most telling first."""
    hidden = ("epoch", "lr", "seconds")
    names = [name for name in logs if name not in hidden and not name.startswith("lr_")]
    rank = {"loss": 0, "val_loss": 1}
    names.sort(key=lambda name: rank.get(name, 2 if name.startswith("val_") else 3))
    return [f"{name} {logs[name]:.4g}" for name in names]


def rate_text(run: Run) -> str:
    """Training rows per second."""
    return f"{run.samples_per_second:,.0f} samples/s"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s` or `2 h 7 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def ending(run: Run) -> str:
    """One sentence about how the fit ended; empty where an error message follows."""
    finished = len(run.history)
    took = f"{finished} epoch{'' if finished == 1 else 's'} in {duration(time.perf_counter() - run.started)}"
    if run.stopped is None:
        return f"finished {took}"
    if run.stopped == "diverged":
        return ""
    if run.stopped == "interrupted":
        return f"interrupted after {took}; what was learnt is kept"
    best = f"; best epoch {run.history.best_epoch}" if run.history.best_epoch is not None else ""
    return f"stopped ({run.stopped}) after {took}{best}"
