"""Ctrl-C in each part of `forwardnet train table.csv`: what is learnt is kept, and what is missing is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet.cli.run import execute
from forwardnet.cli.tabular import page, run as table_run, source
from forwardnet.estimators import load
from forwardnet.train.callbacks import Dispatcher
from forwardnet.validate import estimated

SOURCE = str(Path(__file__).resolve().parents[3] / "src")
KEPT = {"model.safetensors", "history.csv"}
ALL = {*KEPT, "report.html", "report.json", "predictions.csv", "README.md"}
FAST = ("--hidden", "8", "--epochs", "4")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{'yes' if a > b else 'no'}" for a, b, c in X]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["a,b,c,y", *lines]) + "\n", encoding="utf-8")
    return path


def stops(work: Callable[..., Any], *, at: int = 1) -> Callable[..., Any]:
    """The function, at whose call number `at` Ctrl-C comes."""
    calls = []

    def stopped(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return work(*args, **kwargs)

    return stopped


def trains_until(monkeypatch: pytest.MonkeyPatch, epoch: int, *, fit: int = 1) -> None:
    """Ctrl-C comes in that epoch of the training number `fit`: what the first SIGINT does."""
    begun = []

    class Stop(ff.Callback):
        def on_train_begin(self, run: Any) -> None:
            begun.append(1)

        def on_epoch_begin(self, run: Any) -> None:
            if run.epoch == epoch and len(begun) == fit:
                run.stop("interrupted")

    original = Dispatcher.__init__
    monkeypatch.setattr(Dispatcher, "__init__", lambda self, given: original(self, [*given, Stop()]))


def files(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()} if out.is_dir() else set()


def test_a_signal_in_the_training(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["train", table, "--target", "y", "--epochs", "1000000", "--hidden", "8", "--json", "--out", out]
    with subprocess.Popen(
        [sys.executable, "-m", "forwardnet", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": SOURCE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:  # words go there, because standard output belongs to the object
            if line.startswith("split"):
                break
        running.send_signal(signal.SIGINT)
        told, errors = running.communicate(timeout=120)
    assert running.returncode == 130 and "Traceback" not in errors
    found = json.loads(told)
    if not found.get("notes"):  # the signal came before anything was learnt
        assert found == {"stopped": "interrupted", "files": {}} and files(out) == set()
        return
    assert "note: The training was interrupted after" in errors
    assert files(out) == ALL and load(out / "model.safetensors").n_iter_ < 1_000_000


def test_in_the_training(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    trains_until(monkeypatch, 3)
    out = tmp_path / "out"
    assert execute(["train", str(table), "--target", "y", *FAST, "--out", str(out)]) == 130
    told = capsys.readouterr().err
    assert "note: The training was interrupted after 2 epochs; what was learnt is kept." in told
    assert "interrupted before the baseline 'boosting'" in told and "before the importances" in told
    assert files(out) == ALL and load(out / "model.safetensors").n_iter_ == 2
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert list(report["figures"]) == ["network", "simplest"] and report["importance"] == []
    assert execute(["predict", str(out), str(table)]) == 0


def test_in_the_training_from_a_stream(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    trains_until(monkeypatch, 3)
    out = tmp_path / "out"
    arguments = ["train", str(table), "--target", "y", *FAST, "--memory-limit", "300MB", "--out", str(out)]
    assert execute(arguments) == 130
    assert "note: The training was interrupted after 2 epochs" in capsys.readouterr().err
    assert files(out) == ALL and load(out / "model.safetensors").n_iter_ == 2


@pytest.mark.parametrize(
    "more", [FAST, ("--epochs", "2"), (*FAST, "--time-limit", "60")], ids=["plain", "usual", "pace"]
)
def test_before_anything_is_learnt(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, more: tuple[str, ...]
) -> None:
    trains_until(monkeypatch, 1)
    out = tmp_path / "out"
    assert execute(["train", str(table), "--target", "y", *more, "--quiet", "--out", str(out)]) == 130
    when = "while the time of an epoch was measured" if "--time-limit" in more else "while the network was validated"
    assert capsys.readouterr().err == f"interrupted {when}: nothing was written, because no network was finished\n"
    assert files(out) == set()


def test_while_reading(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(source, "read_for_training", stops(source.read_for_training))
    assert execute(["train", str(table), "--target", "y", "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err.startswith("interrupted while the data were read: nothing was written")


@pytest.mark.parametrize("jobs", [1, 2])
def test_between_folds(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, jobs: int) -> None:
    if jobs == 1:  # there the signal ends the training of a fold, which is not to count
        trains_until(monkeypatch, 2, fit=2)
        more = ["--patience", "3"]
    else:
        monkeypatch.setattr(estimated, "asked", stops(estimated.asked, at=3))
        more = []
    arguments = ["train", str(table), "--target", "y", *FAST, *more, "--cv", "3", "--threads", str(jobs)]
    assert execute([*arguments, "--out", str(tmp_path / "out")]) == 130
    told = capsys.readouterr()
    assert "interrupted while the network was validated: nothing was written" in told.err
    assert files(tmp_path / "out") == set() and "wrote" not in told.out


def test_in_the_network_that_learns_from_all_rows(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    trains_until(monkeypatch, 3, fit=4)
    out = tmp_path / "out"
    arguments = ["train", str(table), "--target", "y", *FAST, "--patience", "3", "--cv", "3", "--threads", "1"]
    assert execute([*arguments, "--out", str(out)]) == 130
    told = capsys.readouterr().err
    assert "note: The training was interrupted after 2 epochs" in told and "before the importances" in told
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert files(out) == ALL and list(report["figures"]) == ["network", "simplest", "linear", "boosting"]
    assert load(out / "model.safetensors").n_iter_ == 2


def test_in_a_baseline_and_in_the_importances(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(table_run, "_baseline", stops(table_run._baseline, at=2))
        assert execute(["train", str(table), "--target", "y", *FAST, "--out", str(tmp_path / "a")]) == 130
    told = capsys.readouterr().err
    assert "interrupted in the baseline 'linear'" in told and "before the baseline 'boosting'" in told
    assert "training was interrupted" not in told and files(tmp_path / "a") == ALL
    monkeypatch.setattr(table_run, "column_importance", stops(table_run.column_importance))
    assert execute(["train", str(table), "--target", "y", *FAST, "--out", str(tmp_path / "b")]) == 130
    assert capsys.readouterr().err.startswith("note: The run was interrupted before the importances of the columns.\n")
    assert files(tmp_path / "b") == ALL


@pytest.mark.parametrize("where", ["figures", "report"])
def test_the_model_is_written_without_its_report(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, where: str
) -> None:
    if where == "figures":
        monkeypatch.setattr(table_run, "compare", stops(table_run.compare))
        when = "while figures were computed"
    else:
        monkeypatch.setattr(page, "make_document", stops(page.make_document))
        when = "while the report was made"
    out = tmp_path / "out"
    out.mkdir()
    (out / "README.md").write_text("of an earlier run", encoding="utf-8")
    assert execute(["train", str(table), "--target", "y", *FAST, "--json", "--out", str(out)]) == 130
    told = capsys.readouterr()
    assert f"interrupted {when}: the network is kept; report.html, report.json, predictions.csv" in told.err
    assert "(README.md in that folder may be of an earlier run)" in told.err
    found = json.loads(told.out)
    assert found["stopped"] == "interrupted" and found["epochs"] == 4 and set(found["files"]) == KEPT
    assert files(out) == {*KEPT, "README.md"}
    for command in ("predict", "evaluate", "inspect"):  # the model can be used like any other
        data = [] if command == "inspect" else [str(table)]
        assert execute([command, str(out / "model.safetensors"), *data]) == 0
    assert "interrupted before the network was measured" in capsys.readouterr().out
