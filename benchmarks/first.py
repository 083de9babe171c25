"""A fresh process up to the end of its first epoch: when it got where, and how much memory it took.

Usage: python -m benchmarks.first CONTENDER THREADS TASK.json DATA.npz. Prints one JSON object. Nothing is imported
that the contender itself does not need, but NumPy.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders import ENTRIES, OWN
from benchmarks.tasks import Problem, Task, given


def peak_bytes() -> int:
    """The most memory of this process that was resident at once.

    Linux counts what the parent had before `exec` into `ru_maxrss`, and has a number without it in /proc.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _problem(key: str, task: Task, path: str) -> Problem:
    """The rows from the file; our own process loads the digits by name, as anybody would."""
    with np.load(path) as file:
        X, y, order = file["X"], file["y"], file["order"]
    if key == OWN and task.name == "digits":
        import forwardnet as ff

        found = ff.datasets.load("digits")
        X, y = found.X[: task.rows], found.y[: task.rows]
    return given(task, X, y, order)


def main() -> None:
    """Import, load, and train for one epoch; the clock is the system's, which the parent reads too."""
    key, threads, task_path, data_path = sys.argv[1:]
    contender = ENTRIES[key].make(int(threads))
    found: dict[str, Any] = {"imported": time.monotonic()}
    task = Task.from_dict(json.loads(Path(task_path).read_text()))
    contender.load(_problem(key, task, data_path))
    if key != OWN:  # its first fit compiles
        contender.prepare()
    contender.train(task.steps)
    found["epoch"] = time.monotonic()
    found["peak_bytes"] = peak_bytes()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
