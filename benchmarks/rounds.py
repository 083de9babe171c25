"""Interleaved measurement: in every round each contender is timed once, in an order of its own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import quantiles
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of some measurements."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """From at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*quantiles(values, n=4, method="inclusive"))


def interleave(
    measure: Mapping[Key, Callable[[], Value]], *, seconds: float, least: int, most: int, seed: int = 0
) -> dict[Key, list[Value]]:
    """Rounds until `seconds` are over, at least `least` and at most `most`: key -> one value for each round.

    The order within a round is drawn anew, so that nobody always follows the same other.
    """
    draw = random.Random(seed)
    found: dict[Key, list[Value]] = {key: [] for key in measure}
    begin = time.perf_counter()
    for done in range(most):
        if done >= least and time.perf_counter() - begin >= seconds:
            break
        keys = list(measure)
        draw.shuffle(keys)
        for key in keys:
            found[key].append(measure[key]())
    return found


def ratio(slow: list[float], fast: list[float]) -> Spread:
    """How many times longer `slow` took than `fast`, round by round: what disturbs a whole round cancels out."""
    return Spread.of([s / f for s, f in zip(slow, fast, strict=True)])
