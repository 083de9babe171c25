"""Which parameters a search tries: every combination, or draws that depend on a seed alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forwardnet import errors, seeds
from forwardnet.data.batches import permutation, stream_of

# A grid of more combinations than this is drawn from without writing it down.
MOST_LISTED = 1_000_000


@dataclass(frozen=True)
class Between:
    """Numbers from `low` to `high`, all alike likely; with `log` their logarithms are; with `whole` whole numbers.

    Raises:
        ArgumentError: `low` is not below `high`, or not above 0 with `log`.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise errors.ArgumentError(
                f"Between: from {self.low} to {self.high}, expected low < high{', and above 0' if self.log else ''}"
            )

    def at(self, share: float) -> float | int:
        """The number below which this share (0 to 1) of them lies."""
        low, high = float(self.low), float(self.high)
        if self.whole:
            low, high = low - (0.5 if self.log else 0), high + (0.5 if self.log else 1)
        value = math.exp(math.log(low) + share * math.log(high / low)) if self.log else low + share * (high - low)
        if not self.whole:
            return value
        found = round(value) if self.log else math.floor(value)
        return int(min(max(found, self.low), self.high))


Space = Mapping[str, Any]


def grid(space: Space) -> list[dict[str, Any]]:
    """All combinations of the lists of a space.

    Raises:
        ArgumentError: a parameter has no list of values.
    """
    lists = {name: _listed(name, values) for name, values in _checked(space).items()}
    return [dict(zip(lists, chosen, strict=True)) for chosen in itertools.product(*lists.values())]


def draws(space: Space, count: int, seed: int) -> list[dict[str, Any]]:
    """`count` combinations: drawn without repeating one where all parameters are lists, and at most as many as are.

    A parameter is a list, a `Between`, or anything with scipy's `rvs(random_state=...)`.
    """
    space = _checked(space)
    if all(_is_list(values) for values in space.values()):
        size = math.prod(len(values) for values in space.values())
        if size <= MOST_LISTED:
            order = permutation(size, seed=seed, purpose="sweep")[:count]
            return [_combination(space, int(number)) for number in order]
    words = seeds.bits(count * len(space), seed=seed, stream=stream_of("sweep", 1))
    items = list(space.items())
    shares = (words.astype(np.float64) / 2**32).reshape(count, len(space))
    return [
        {name: _drawn(values, float(share), word) for (name, values), share, word in zip(items, row, own, strict=True)}
        for row, own in zip(shares, words.reshape(count, len(space)).tolist(), strict=True)
    ]


def _checked(space: Any) -> Space:
    """The space, if there is something to try for everything in it."""
    if not isinstance(space, Mapping) or not space:
        raise errors.ArgumentError("sweep: space is empty, expected names of parameters and what to try for each")
    for name, values in space.items():
        if _is_list(values) and not len(values):
            raise errors.ArgumentError(f"sweep: there is nothing to try for {name!r}")
        if not _is_list(values) and not isinstance(values, Between) and not hasattr(values, "rvs"):
            raise errors.ArgumentError(
                f"sweep: {name!r} is {values!r}, expected a list of values, or Between(low, high)"
            )
    return space


def _is_list(values: Any) -> bool:
    """Whether it is a list of values, of whichever kind."""
    return isinstance(values, (Sequence, np.ndarray)) and not isinstance(values, str)


def _listed(name: str, values: Any) -> Sequence[Any]:
    if not _is_list(values):
        raise errors.ArgumentError(
            f"sweep: {name!r} is {values!r}, and a grid needs a list of values", hint='how="random" draws from a range'
        )
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def _combination(space: Space, number: int) -> dict[str, Any]:
    """The combination of that number, counted as `grid` does."""
    found = {}
    for name, values in reversed(list(space.items())):
        number, place = divmod(number, len(values))
        found[name] = _listed(name, values)[place]
    return {name: found[name] for name in space}


def _drawn(values: Any, share: float, word: int) -> Any:
    if isinstance(values, Between):
        return values.at(share)
    if hasattr(values, "rvs"):
        drawn = values.rvs(random_state=word)
        return drawn.item() if hasattr(drawn, "item") else drawn
    return _listed("", values)[int(share * len(values))]
