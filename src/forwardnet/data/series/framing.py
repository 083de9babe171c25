"""How values up to a moment become the inputs of a network, and its outputs forecasts.

Axis glossary: T points in time, n origins (the last known points), m window, H horizon, s season.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import ArgumentError, DataError

Array = NDArray[Any]


@dataclass(frozen=True)
class Framing:
    """What a network sees at an origin t, and what its outputs are added to.

    The base of the forecast for step h is what a naive forecast would say,

        neither           0
        difference        z[t]
        seasonal          z[t + h - k s],                              k = ceil(h / s)
        both              z[t + h - k s] + k (z[t] - z[t - s])

    and the network learns z[t + h] - base. Its inputs are the last m values of z, or of z[t] - z[t - s] if `seasonal`,
    less the last of them if `difference`; and, where a season is longer than the window and not subtracted already,
    z[t + h - k s] for each step, less z[t] if `difference`.
    """

    window: int
    horizon: int
    season: int = 1
    is_difference: bool = False
    is_seasonal: bool = False

    def __post_init__(self) -> None:
        for name in ("window", "horizon", "season"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} is {getattr(self, name)}, expected at least 1")
        if self.is_seasonal and self.season < 2:
            raise ArgumentError("seasonal differences need a season of at least 2 steps")
        if self.is_difference and self.window < 2:
            raise ArgumentError(f"window is {self.window}, expected at least 2 where differences are taken")

    @property
    def has_lags(self) -> bool:
        """Whether values of the season before are inputs of their own."""
        return self.season > self.window and not self.is_seasonal

    @property
    def reach(self) -> int:
        """How many values up to and with the origin are needed."""
        own = self.window + (self.season if self.is_seasonal else 0)
        return max(own, self.season if self.has_lags else 0)

    @property
    def width(self) -> int:
        """How many inputs `inputs` gives."""
        return self.window - self.is_difference + (self.horizon if self.has_lags else 0)

    @property
    def name(self) -> str:
        """In words, what the network learns."""
        if self.is_seasonal:
            both = "changes of seasonal differences" if self.is_difference else "seasonal differences"
            return f"{both} (season {self.season})"
        return "changes since the last value" if self.is_difference else "values"

    def origins(self, n: int) -> NDArray[np.int64]:
        """The origins in a series of `n` values that have both their past and their future."""
        return np.arange(self.reach - 1, n - self.horizon)

    def inputs(self, z: Array, origins: Array) -> Array:
        """(n, width): what is known of z at each origin."""
        at = self._checked(z, origins)[:, None]
        own = at + np.arange(1 - self.window, 1)
        d = z[own] - z[own - self.season] if self.is_seasonal else z[own]
        parts = [(d - d[:, -1:])[:, :-1] if self.is_difference else d]
        if self.has_lags:
            parts.append(z[self._year_before(at)] - (z[at] if self.is_difference else 0))
        return np.concatenate(parts, axis=1)

    def base(self, z: Array, origins: Array) -> Array:
        """(n, H): what outputs are added to."""
        at = self._checked(z, origins)[:, None]
        if not self.is_seasonal:
            last = z[at] if self.is_difference else np.zeros_like(z[at])
            return np.repeat(last, self.horizon, axis=1)
        found = z[self._year_before(at)]
        if self.is_difference:
            found = found + self._cycles() * (z[at] - z[at - self.season])
        return np.asarray(found)

    def targets(self, z: Array, origins: Array) -> Array:
        """(n, H): z[t + h] - base, for origins whose future is known."""
        future = np.asarray(origins)[:, None] + np.arange(1, self.horizon + 1)
        if future.size and future.max() >= len(z):
            raise DataError(f"origin {int(np.max(origins))}: the {self.horizon} values after it are not all known")
        return np.asarray(z[future] - self.base(z, origins))

    def to_dict(self) -> dict[str, Any]:
        """For a JSON file: `Framing(**values)` gives it back."""
        return asdict(self)

    def _cycles(self) -> Array:
        """k = ceil(h / s) for h = 1 .. H."""
        return np.asarray(-(-np.arange(1, self.horizon + 1) // self.season))

    def _year_before(self, at: Array) -> Array:
        """t + h - k s: the same point of the season, as late as it is known."""
        return np.asarray(at + np.arange(1, self.horizon + 1) - self._cycles() * self.season)

    def _checked(self, z: Array, origins: Array) -> Array:
        at = np.asarray(origins)
        if at.size and (at.min() < self.reach - 1 or at.max() >= len(z)):
            raise DataError(f"{len(z)} values known, expected at least {self.reach} up to each origin")
        return at
