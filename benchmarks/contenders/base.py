"""What every contender can do, whatever library it speaks to."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from benchmarks import folds
from benchmarks.tasks import Array, Problem, Weights


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
        self.notes = {}
        self.take(problem)

    def take(self, problem: Problem) -> None:
        """The same task in another order, and with another seed for dropout; nothing has to be compiled anew."""
        self.problem = problem
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


class ManyContender(ABC):
    """Trains the networks of a leave-one-out: see `benchmarks.folds`."""

    commands = ("version", "load", "timed", "accuracy", "losses")

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.count = 0

    @abstractmethod
    def version(self) -> str:
        """The library and its version."""

    def load(self, count: int) -> float:
        """Take up so many networks; returns the seconds of a first run, what is compiled or started included."""
        self.count = count
        self.X, self.y = folds.iris()
        self.set_up()
        begin = time.perf_counter()
        self.run()
        return time.perf_counter() - begin

    def set_up(self) -> object:
        """What comes before each run and is not timed."""
        return None

    @abstractmethod
    def run(self) -> None:
        """What is timed."""

    @abstractmethod
    def accuracy(self) -> float:
        """The share of the rows left out that the networks of the latest run got right."""

    def losses(self, numbers: list[int]) -> list[float] | None:
        """The losses of these networks when trained as `folds.problem` says; None if that cannot be said to it."""
        return None

    def timed(self, seconds: float) -> tuple[float, float]:
        """Seconds per run by the clock and of processor time, over at least one run and `seconds`."""
        count, clock, used = 0, 0.0, 0.0
        while count == 0 or clock < seconds:
            self.set_up()
            begin, used_before = time.perf_counter(), time.process_time()
            self.run()
            clock, used = clock + time.perf_counter() - begin, used + time.process_time() - used_before
            count += 1
        return clock / count, used / count

    def _correct(self, predicted: Array) -> float:
        """The share of these classes, one for each network, that is right."""
        held_out = [folds.left_out(number, len(self.y)) for number in range(self.count)]
        return float((np.asarray(predicted) == self.y[held_out]).mean())
