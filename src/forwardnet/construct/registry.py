"""The list of constructions: what each is called, how many units it takes, and how sure its result is.

The tables of the documentation and the tests read it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Construction:
    """A function that makes a network; `units` is its number of hidden and output units, `claim` how exact it is."""

    function: Callable[..., Any]
    units: str
    claim: str


CONSTRUCTIONS: dict[str, Construction] = {}


def construction(units: str, claim: str) -> Callable[[Function], Function]:
    """Put a function into the list."""

    def add(function: Function) -> Function:
        CONSTRUCTIONS[function.__name__] = Construction(function, units, claim)
        return function

    return add
