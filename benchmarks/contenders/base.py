"""What every contender can do, whatever library it speaks to."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from typing import Any

from benchmarks.tasks import Problem, Weights


class Contender(ABC):
    """Trains the network of a problem with one library and one number of threads.

    The object is made in a process of its own, whose environment already names the number of threads; making it
    imports the library.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.notes: dict[str, Any] = {}  # what the results should tell about this task
        self.problem: Problem

    @abstractmethod
    def version(self) -> str:
        """The library and its version."""

    def load(self, problem: Problem) -> None:
        """Take up a problem; `prepare` must follow before anything is trained."""
        self.problem = problem
        self.notes = {}
        self.reset()

    def prepare(self) -> float | None:
        """Compile the step; returns the seconds, None where nothing is compiled."""
        return None

    def wake(self) -> object:
        """Compile something trivial, so that loading the compiler itself is not counted as compiling."""
        return None

    @abstractmethod
    def reset(self) -> None:
        """Back to the first weights and an optimiser that has seen nothing."""

    @abstractmethod
    def train(self, steps: int) -> int:
        """Train for at least so many steps over the problem's batches, in their order; returns how many were done."""

    @property
    def least(self) -> int:
        """Steps that warm up and tell how long a step takes."""
        return min(20, self.problem.task.steps)

    @abstractmethod
    def weights(self) -> Weights:
        """The present weights."""

    def after_one_epoch(self) -> Weights:
        """The weights after the first epoch."""
        self.reset()
        self.train(self.problem.task.steps)
        return self.weights()

    def timed(self, seconds: float) -> tuple[float, float]:
        """Seconds per step by the clock and of processor time, over at least `seconds`, after some steps to warm up."""
        self.reset()
        begin = time.perf_counter()
        done = self.train(self.least)
        count = max(self.least, math.ceil(seconds * done / (time.perf_counter() - begin)))
        done, elapsed = 0, 0.0
        begin, used = time.perf_counter(), time.process_time()
        while elapsed < seconds:
            done += self.train(count)
            elapsed = time.perf_counter() - begin
        return elapsed / done, (time.process_time() - used) / done
