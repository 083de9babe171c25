"""Where a command's words go: results to standard output, the rest to standard error, plain where no terminal is.

With `--json`, standard output gets exactly one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 200  # columns, where no terminal says how many it has: nothing is cut off in a file


class Output:
    """The two streams of a command; a reader that went away (`| head`) ends the words, not the work."""

    def __init__(self, *, is_json: bool = False, is_quiet: bool = False) -> None:
        self.is_json = is_json
        self.is_quiet = is_quiet
        self._is_open = True

    def say(self, text: str = "") -> None:
        """A line of the result; with --json it goes to standard error, with --quiet nowhere."""
        if not self.is_quiet:
            self._write(self._talk(), text + "\n")

    def last(self, text: str) -> None:
        """The line that a command ends with, also with --quiet."""
        self._write(self._talk(), text + "\n")

    def show(self, table: Any) -> None:
        """A rich table, as `say`."""
        if not self.is_quiet and self._is_open:
            console = self._console(self._talk())
            # Captured, because a console whose reader went away would end the program.
            with console.capture() as captured:
                console.print(table)
            self._write(self._talk(), captured.get())

    def text(self, text: str) -> None:
        """Standard output as it is, for results that other programs read."""
        self._write(sys.stdout, text)

    def json(self, value: Any) -> None:
        """The one JSON object of a command with --json; NaN must have been replaced before."""
        self._write(sys.stdout, json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")

    def note(self, text: str) -> None:
        """A line on standard error that does not belong to the result."""
        with contextlib.suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)

    def error(self, message: str, hint: str | None) -> None:
        """One line on standard error; with --json also an object that says the same."""
        line = " ".join(message.split())
        self.note(f"error: {line}" + (f" (hint: {' '.join(hint.split())})" if hint else ""))
        if self.is_json:
            self.json({"error": line, "hint": hint})

    def close(self) -> None:
        """Flush; what cannot be delivered any more is dropped, so that Python does not complain about it at its end."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                with contextlib.suppress(OSError, ValueError):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

    @property
    def talk(self) -> TextIO:
        """The stream that words for people go to."""
        return self._talk()

    def _talk(self) -> TextIO:
        return sys.stderr if self.is_json else sys.stdout

    def _write(self, stream: TextIO, text: str) -> None:
        if self._is_open:
            with self._survives():
                stream.write(text)
                stream.flush()

    @contextlib.contextmanager
    def _survives(self) -> Any:
        try:
            yield
        except BrokenPipeError:
            self._is_open = False

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console

        return Console(file=stream, highlight=False, width=None if stream.isatty() else _WIDE)
