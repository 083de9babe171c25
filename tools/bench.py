"""Times our own training steps, and the import, on this machine: `make bench`.

A step is forward, backward and the update: float32, Adam, softmax cross-entropy, random data. Printed are the median
of many steps and, as the spread, the quartiles. It is a first measure of the eager path; a comparison with other
libraries is not part of it yet.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

import numpy as np

import forwardnet as ff
from forwardnet import nn


@dataclass(frozen=True)
class Task:
    """A network and the rows of one step."""

    name: str
    sizes: tuple[int, ...]
    activation: type[Any]
    batch: int


TASKS = [
    Task("tiny", (2, 20, 2), nn.Tanh, 200),
    Task("small", (20, 64, 64, 2), nn.ReLU, 32),
    Task("mnist", (784, 128, 10), nn.ReLU, 64),
    Task("tab", (100, 256, 256, 256, 2), nn.ReLU, 256),
    Task("large", (784, 1024, 1024, 10), nn.ReLU, 256),
]


def training_step(task: Task) -> Callable[[], None]:
    """One step of training `task`, always on the same rows."""
    ff.manual_seed(0)
    random = np.random.default_rng(0)
    layers: list[Any] = []
    for n_in, n_out in zip(task.sizes[:-1], task.sizes[1:], strict=True):
        layers += [nn.Linear(n_in, n_out), task.activation()]
    model = nn.Sequential(*layers[:-1])
    loss_of = nn.CrossEntropyLoss()
    optimizer = ff.optim.Adam(model.parameters(), lr=1e-3)
    X = ff.from_numpy(random.standard_normal((task.batch, task.sizes[0]), dtype=np.float32))
    y = ff.from_numpy(random.integers(0, task.sizes[-1], task.batch))

    def step() -> None:
        optimizer.zero_grad()
        loss_of(model(X), y).backward()
        optimizer.step()

    return step


def microseconds(step: Callable[[], None], seconds: float) -> tuple[float, float, float, int]:
    """Lower quartile, median, upper quartile and number of the steps that fit into `seconds`, after some to warm up."""
    for _ in range(5):
        step()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 8 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(1e6 * (time.perf_counter() - start))
    low, middle, high = quantiles(times, n=4)
    return low, middle, high, len(times)


def import_milliseconds(runs: int = 7) -> tuple[float, float]:
    """Smallest time of `runs` fresh interpreters for `import numpy`, and for `import forwardnet` after it."""
    code = (
        "from time import perf_counter as t; a = t(); import numpy; b = t(); import forwardnet; c = t(); "
        "print(1e3 * (b - a), 1e3 * (c - b))"
    )
    lines = [subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(runs)]
    numpy_times, own_times = zip(*([float(number) for number in line.split()] for line in lines), strict=True)
    return min(numpy_times), min(own_times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each network (default: 2)")
    seconds = parser.parse_args().seconds
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "as NumPy chooses")
    print(f"forwardnet {ff.__version__}, NumPy {np.__version__}, Python {platform.python_version()}")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, BLAS threads: {threads}\n")
    print(f"{'eager training step':<32} {'batch':>5} {'median us':>10} {'quartiles us':>19} {'steps':>7}")
    for task in TASKS:
        low, middle, high, count = microseconds(training_step(task), seconds)
        name = f"{task.name} {'-'.join(map(str, task.sizes))}"
        print(f"{name:<32} {task.batch:>5} {middle:>10.0f} {f'{low:.0f} to {high:.0f}':>19} {count:>7}")
    numpy_time, own_time = import_milliseconds()
    print(f"\nimport forwardnet: {own_time:.0f} ms beyond NumPy's own {numpy_time:.0f} ms")
    print("Only our own steps are timed; a comparison with other libraries is not part of this benchmark yet.")


if __name__ == "__main__":
    main()
