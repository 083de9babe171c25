"""Progress: plain lines where nobody watches, one live line in a terminal, nothing when asked for nothing."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import textwrap

import pytest

from forwardnet.errors import ArgumentError
from forwardnet.train import EarlyStopping
from forwardnet.train.progress import PLAIN_LINES, PlainLines, Silent, display_for, duration, figures

LINE = re.compile(
    r"epoch (\d+)/(\d+)  loss [\d.e+-]+  val_loss [\d.e+-]+  val_accuracy [\d.e+-]+  accuracy [\d.e+-]+"
    r"  [\d,]+ samples/s(  [\d.]+ (s|min \d+ s) left)?"
)


@pytest.mark.parametrize("epochs", [1, 3, 20, 21, 100, 205])
def test_plain_lines(trainer, blobs, capsys, epochs):
    t = trainer(2, 3, loss="cross_entropy", metrics=["accuracy"])
    t.fit(*blobs, epochs=epochs, batch_size=60, validation_split=0.2)
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert text.isascii()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)  # no control characters but the ends of lines
    shown = [LINE.fullmatch(line) for line in lines[:-1]]
    assert all(shown)
    numbers = [int(match[1]) for match in shown]
    assert numbers[0] == 1 and numbers[-1] == epochs
    assert len(numbers) == epochs if epochs <= PLAIN_LINES else PLAIN_LINES // 2 <= len(numbers) <= PLAIN_LINES + 1
    assert re.fullmatch(rf"finished {epochs} epochs? in .*", lines[-1])


def test_an_early_end_is_told(trainer, blobs, capsys):
    t = trainer(2, 3, loss="cross_entropy", lr=0.0)
    t.fit(*blobs, epochs=1000, validation_split=0.2, callbacks=[EarlyStopping(patience=3)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith("epoch 4/1000  loss ")
    assert re.fullmatch(r"stopped \(early stopping\) after 4 epochs in [\d.]+ s; best epoch 1", lines[-1])


def test_silence(trainer, line, capsys):
    trainer(2, 1).fit(*line, epochs=2, progress=False)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_a_function_of_ones_own(trainer, line, capsys):
    seen = []
    trainer(2, 1).fit(*line, epochs=3, progress=lambda run: seen.append((run.epoch, run.steps_done, dict(run.logs))))
    ends = {epoch: logs for epoch, _, logs in seen if logs.get("epoch") == epoch}
    assert sorted(ends) == [1, 2, 3]
    assert capsys.readouterr().out == ""


def test_other_values_are_refused(trainer, line):
    with pytest.raises(ArgumentError, match="progress is 'bar', expected True, False or a function"):
        trainer(2, 1).fit(*line, progress="bar")


def test_a_program_without_a_console(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert isinstance(display_for(True), Silent)


def test_a_closed_output_does_not_end_the_training(trainer, line, monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    assert len(trainer(2, 1).fit(*line, epochs=3)) == 3


def test_a_dumb_terminal_gets_plain_lines(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(display_for(True, file=Terminal()), PlainLines)


def test_durations_and_figures():
    assert [duration(s) for s in (0.44, 12.4, 185, 7620)] == ["0.4 s", "12 s", "3 min 5 s", "2 h 7 min"]
    row = {"epoch": 1, "loss": 0.12345678, "f1": 0.5, "val_loss": 1e-7, "val_f1": 1.0, "lr": 1.0, "seconds": 1.0}
    assert figures(row) == ["loss 0.1235", "val_loss 1e-07", "val_f1 1", "f1 0.5"]


SCRIPT = """
import numpy as np
import forwardnet as ff
from forwardnet import nn
from forwardnet.train import Trainer

X = np.random.default_rng(0).standard_normal((200, 3)).astype("float32")
Trainer(nn.Linear(3, 1), "mse", "sgd", metrics=["rmse"]).fit(X, X[:, 0], epochs=40, validation_split=0.2)
print("after")
"""


def in_a_terminal(script: str, columns: int) -> str:
    """What a script writes when its standard output is a terminal that wide."""
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals on this system")
    leader, follower = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "COLUMNS": str(columns)}
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=follower, env=environment)
    os.close(follower)
    written = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other end was closed
            break
        if not part:
            break
        written += part
    os.close(leader)
    assert process.wait(60) == 0
    return written.decode("utf-8")


@pytest.mark.parametrize("columns", [120, 60])
def test_a_live_line_in_a_terminal(columns):
    text = in_a_terminal(SCRIPT, columns)
    assert "\x1b[" in text  # rewritten in place
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)
    drawn = [part for part in re.split(r"[\r\n]+", plain) if part.startswith("epoch")]
    assert drawn
    assert max(len(part.rstrip()) for part in drawn) <= columns
    assert any(re.search(r"epoch 40/40 .* loss [\d.e-]+", part) for part in drawn)
    assert "samples/s" in plain
    tail = [part for part in re.split(r"[\r\n]+", plain) if part.strip()][-2:]
    assert tail[0].startswith("finished 40 epochs in")
    assert tail[1] == "after"
