"""What a user waits for before the first result: imports, compilation, the first epoch; and the memory it takes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tasks import DIGITS, TASKS, Task, order_of, problem
from benchmarks.team import FailedError, Member, environment

IMPORTS = {"forwardnet": "forwardnet", "torch": "torch", "jax-once": "jax", "sklearn": "sklearn.neural_network"}
# Processes that must compile anew, and such that find the code of the ones before. Torch takes long to compile.
COLD, WARM = 3, 5
COLD_TORCH = 1


@dataclass
class Waits:
    """Seconds and bytes; each list has one number for each process."""

    imports: dict[str, list[float]] = field(default_factory=dict)
    cold: dict[str, list[float]] = field(default_factory=dict)
    warm: dict[str, list[float]] = field(default_factory=dict)
    compiled_cold: dict[str, float] = field(default_factory=dict)
    compiled_warm: dict[str, float] = field(default_factory=dict)
    memory: dict[str, dict[str, float]] = field(default_factory=dict)  # contender -> task -> bytes


def measure(keys: Sequence[str], folder: Path, log: Any, say: Callable[[str], None], *, quick: bool = False) -> Waits:
    """Everything for these contenders, one process at a time; files go below `folder`."""
    waits = Waits()
    import_seconds("numpy", folder)  # the first one finds a cold disk
    for name in ("numpy", *(k for k in IMPORTS if k in keys)):
        times = [import_seconds(name, folder) for _ in range(2 if quick else 6)]
        waits.imports[name] = times[1:]
    tasks = [DIGITS] if quick else [DIGITS, TASKS["mnist"], TASKS["large"]]
    files = {task.name: write_data(task, folder) for task in tasks}
    for key in keys:
        say(f"  {key}")
        try:
            _first_epochs(waits, key, files, folder, log, quick=quick)
            if not quick:
                _compilation(waits, key, folder, log)
        except FailedError as error:
            say(f"  {key}: {error}")
    return waits


def import_seconds(name: str, folder: Path) -> float:
    """Seconds for an import in a fresh process, beyond NumPy's own (for "numpy": its own)."""
    before = "" if name == "numpy" else "import numpy; "
    code = (
        f"from time import perf_counter as t; {before}a = t(); import {IMPORTS.get(name, name)}; b = t(); print(b - a)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(1, folder), capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def write_data(task: Task, folder: Path) -> tuple[Path, Path]:
    """The files from which `benchmarks.first` takes a task and its rows."""
    if task is DIGITS:
        import forwardnet as ff

        found = ff.datasets.load("digits")
        X, y = found.X[: task.rows], found.y[: task.rows]
    else:
        made = problem(task)
        X, y = made.X, made.y
    description, data = folder / f"{task.name}.json", folder / f"{task.name}.npz"
    description.write_text(json.dumps(task.to_dict()))
    np.savez(data, X=X, y=y, order=order_of(task))
    return description, data


def first_epoch(key: str, files: tuple[Path, Path], cache: Path, log: Any) -> dict[str, float]:
    """Seconds from the start of a process to "imported" and to "epoch", and its "peak_bytes"."""
    command = [sys.executable, "-m", "benchmarks.first", key, "1", *map(str, files)]
    begin = time.monotonic()
    done = subprocess.run(
        command, env=environment(1, cache), stdout=subprocess.PIPE, stderr=log, text=True, check=False
    )
    if done.returncode:
        raise FailedError(f"its process ended with status {done.returncode}")
    found = json.loads(done.stdout)
    return {
        "imported": found["imported"] - begin,
        "epoch": found["epoch"] - begin,
        "peak_bytes": found["peak_bytes"],
    }


def _first_epochs(
    waits: Waits, key: str, files: dict[str, tuple[Path, Path]], folder: Path, log: Any, *, quick: bool
) -> None:
    cache = folder / f"first-{key}"
    cold = 1 if quick else COLD_TORCH if key == "torch-compile" else COLD
    digits = files["digits"]
    first_epoch(key, digits, cache, log)  # now Python has compiled all modules, and the disk is warm
    for _ in range(cold):
        shutil.rmtree(cache, ignore_errors=True)
        waits.cold.setdefault(key, []).append(first_epoch(key, digits, cache, log)["epoch"])
    runs = [first_epoch(key, digits, cache, log) for _ in range(1 if quick else WARM)]
    waits.warm[key] = [run["epoch"] for run in runs]
    waits.memory[key] = {"digits": max(run["peak_bytes"] for run in runs)}
    for name in set(files) - {"digits"}:
        waits.memory[key][name] = first_epoch(key, files[name], cache, log)["peak_bytes"]


def _compilation(waits: Waits, key: str, folder: Path, log: Any) -> None:
    """Compile the mnist step in a process that has never done so, and in one that finds the code of the first."""
    cache = folder / f"compile-{key}"
    for found in (waits.compiled_cold, waits.compiled_warm):
        member = Member(key, 1, cache, log)
        try:
            seconds = member.ask("load", TASKS["mnist"].to_dict())["compile_seconds"]
        finally:
            member.close()
        if seconds is None:
            return
        found[key] = seconds


def command_line(folder: Path, log: Any, runs: int = 3) -> list[float]:
    """Seconds for the whole of `forwardnet train digits --epochs 1`: model, curves and report included."""
    start = [sys.executable, "-c", "from forwardnet.cli import main; main()"]
    command = [*start, "train", "digits", "--epochs", "1", "--quiet", "--out", str(folder / "run")]
    times = []
    for _ in range(runs):
        begin = time.monotonic()
        done = subprocess.run(
            command, env=environment(1, folder / "first-forwardnet"), stdout=log, stderr=log, check=False
        )
        if done.returncode:
            raise FailedError(f"the command ended with status {done.returncode}")
        times.append(time.monotonic() - begin)
    return times
