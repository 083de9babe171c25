"""The count of trainings that have ended, as people see it."""

from __future__ import annotations

import io

import pytest

from forwardnet.errors import ArgumentError
from forwardnet.train.progress_tally import Tally, tally_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_are_few_and_end_with_a_sentence() -> None:
    out = io.StringIO()
    with tally_for(True, 1000, "folds", file=out) as tally:
        for _ in range(500):
            tally.add(2)
    lines = out.getvalue().splitlines()
    assert 10 <= len(lines) <= 22
    assert lines[0].startswith("2/1000 folds") and lines[0].endswith("left")
    assert lines[-1].startswith("finished 1000 of 1000 folds in ")
    assert out.getvalue().isascii()


def test_a_terminal_has_a_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    with tally_for(True, 3, file=out) as tally:
        tally.add()
        tally.add(2)
    assert "3/3 models" in out.getvalue() and "finished 3 of 3 models" in out.getvalue()


def test_an_interrupted_count_says_so() -> None:
    out = io.StringIO()
    tally = tally_for(True, 5, file=out)
    tally.add()
    tally.__exit__(KeyboardInterrupt)
    assert out.getvalue().splitlines()[-1].startswith("interrupted after 1 of 5 models")


def test_a_function_gets_the_tally_and_false_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[int, int]] = []
    with tally_for(lambda t: seen.append((t.done, t.total)), 4) as tally:
        tally.add(3)
    assert seen == [(3, 4)] and tally.seconds_left is not None
    with tally_for(False, 4) as silent:
        silent.add()
    assert type(silent) is Tally and silent.seconds_left is not None and Tally(1).seconds_left is None
    assert capsys.readouterr().out == ""
    with pytest.raises(ArgumentError, match="progress is 'loud'"):
        tally_for("loud", 1)  # type: ignore[arg-type]
