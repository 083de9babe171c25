"""The command as a process of its own: start-up, streams, signals, limits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from forwardnet import __version__
from forwardnet.interop import load_model

COMMAND = [sys.executable, "-m", "forwardnet"]
SOURCE = str(Path(__file__).resolve().parents[2] / "src")


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "FORWARDNET_SHOW"}
    return {**kept, "PYTHONPATH": SOURCE, **changes}


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    settings: dict[str, Any] = {"env": environment(), "capture_output": True, "text": True, "timeout": 120}
    return subprocess.run([*COMMAND, *map(str, arguments)], **{**settings, **options})


def test_version_and_help() -> None:
    result = process("--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"forwardnet {__version__}\n", "")
    for arguments in (["--help"], []):
        result = process(*arguments)
        assert result.returncode == 0
        for word in ("train", "predict", "evaluate", "datasets", "--version"):
            assert word in result.stdout
    result = process("train", "--help")
    for option in ("--hidden", "--activation", "--epochs", "--batch-size", "--lr", "--seed", "--out", "--json"):
        assert option in result.stdout


@pytest.mark.parametrize("arguments", ["--version", "--help", "train --help", "train digits --epochs 0"])
def test_start_up_imports_nothing_heavy(arguments: str) -> None:
    code = (
        "import sys; from forwardnet.cli.run import execute; execute(sys.argv[1:]);"
        "print([m for m in ('sklearn', 'matplotlib', 'scipy', 'llvmlite', 'pandas') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments.split()], env=environment(), capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_usage_error_of_a_process() -> None:
    result = process("train", "digit")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: unknown data set 'digit' (hint: did you mean 'digits'?)\n"


def test_reader_that_goes_away_ends_the_words_and_not_the_work(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "train", "iris", "--epochs", "20", "--out", str(tmp_path)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        errors = running.stderr.read().decode()
        assert running.wait(timeout=120) == 0
    assert "Traceback" not in errors and "Broken" not in errors
    assert load_model(tmp_path / "model.safetensors").metadata["training"]["epochs"] == 20


def test_interrupted_training_keeps_what_was_learnt(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "train", "digits", "--epochs", "100000", "--patience", "100000", "--out", str(tmp_path)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("epoch 1/"):
                break
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        out, errors = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "note: The training was interrupted in epoch" in errors and "Traceback" not in errors
    assert out.splitlines()[-1].startswith("wrote model.safetensors")
    assert "interrupted" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert load_model(tmp_path / "model.safetensors").metadata["training"]["epochs"] >= 1


def test_full_disk(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: the write fails half-way."""
    resource = pytest.importorskip("resource")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    result = process("train", "digits", "--epochs", "1", "--quiet", "--out", tmp_path, preexec_fn=limit)
    assert result.returncode == 2
    assert "model.safetensors' cannot be written" in result.stderr and "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_terminal_without_unicode(tmp_path: Path, encoding: str) -> None:
    changes = {"PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    result = process(
        *("train", "diabetes", "--epochs", "2", "--out", tmp_path), env=environment(**changes), encoding=encoding
    )
    assert result.returncode == 0 and "R2" in result.stdout and "Traceback" not in result.stderr


def test_json_goes_alone_to_standard_output(tmp_path: Path) -> None:
    import json

    result = process("train", "xor", "--epochs", "3", "--json", "--out", tmp_path)
    assert json.loads(result.stdout)["epochs"] == 3
    assert "epoch 3/3" in result.stderr
