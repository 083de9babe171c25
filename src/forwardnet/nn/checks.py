"""Checks of the numbers that layers are made with."""

from __future__ import annotations

import math
from typing import Any

from forwardnet.errors import ArgumentError


def check_number(where: str, name: str, value: Any, expected: str, *, most: float = math.inf) -> None:
    """Raises `ArgumentError` if `value` is not a finite number from 0 to `most`, saying what is `expected`."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= most or math.isinf(value):
        raise ArgumentError(f"{where}: {name} is {value!r}, expected {expected}")


def check_probability(where: str, value: Any) -> None:
    """Raises `ArgumentError` if `value` is not a number from 0 to 1."""
    check_number(where, "p", value, "a probability from 0 to 1", most=1)


def check_count(where: str, name: str, value: Any) -> None:
    """Raises `ArgumentError` if `value` is not a whole number of at least 1."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise ArgumentError(f"{where}: {name} is {value!r}, expected a whole number >= 1")
