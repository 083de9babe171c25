"""The paths that optimisers take over a surface, side by side.

runs = explain.trajectories("saddle", {"sgd": {"lr": 0.05}, "adam": {"lr": 0.05}}, steps=100)
runs.steps_until(lambda place: abs(place[1]) > 1)      # who leaves the saddle, and when
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import optim
from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.explain.surfaces import Surface, surface_of
from forwardnet.nn import Parameter
from forwardnet.tensor.functional import from_numpy

Floats = NDArray[np.float64]
Recipe = Mapping[str, Any] | Callable[..., Any]

ARRIVED = 1e-2  # closer to a lowest place than this, in the units of the plane


@dataclass(frozen=True)
class Path:
    """One optimiser's path: `places` (steps + 1, 2) and `values` (steps + 1,), the start first.

    A path that leaves the numbers ends with the last finite place repeated; `diverged` says so.
    """

    name: str
    places: Floats
    values: Floats
    diverged: bool


@dataclass(frozen=True)
class Trajectories:
    """The paths of several optimisers over one surface from one start."""

    surface: Surface
    paths: tuple[Path, ...]

    def __getitem__(self, name: str) -> Path:
        by_name = {path.name: path for path in self.paths}
        if name not in by_name:
            raise unknown_name("path", name, by_name)
        return by_name[name]

    def steps_until(self, is_there: Callable[[Floats], Any]) -> dict[str, int | None]:
        """For each path the first step after which `is_there(place)` is true, or None."""
        return {p.name: next((i for i, at in enumerate(p.places) if is_there(at)), None) for p in self.paths}

    def arrivals(self, within: float = ARRIVED) -> dict[str, int | None]:
        """For each path the first step that ends this close to a lowest place, or None."""
        return self.steps_until(lambda place: self.surface.distance(place) <= within)

    def zigzag(self) -> dict[str, float]:
        """For each path the share of steps that turn back: whose angle with the step before is above 90 degrees."""
        found = {}
        for path in self.paths:
            steps = np.diff(path.places, axis=0)
            turns = (steps[1:] * steps[:-1]).sum(axis=1)[np.abs(steps[:-1]).sum(axis=1) > 0]
            found[path.name] = float((turns < 0).mean()) if len(turns) else 0.0
        return found

    def summary(self) -> str:
        """Who arrived, who is on the way, and who ran away."""
        steps = len(self.paths[0].values) - 1
        told = [f"{self.surface.name} ({self.surface.kind}), {steps} steps from {_place(self.paths[0].places[0])}:"]
        arrivals = self.arrivals()
        for path in self.paths:
            end, value = _place(path.places[-1]), path.values[-1]
            at = arrivals[path.name]
            if path.diverged:
                told.append(f"{path.name} diverged.")
            elif at is not None and self.surface.distance(path.places[-1]) <= ARRIVED:
                told.append(f"{path.name} arrived after {at} steps.")
            elif self.surface.lowest:
                away = self.surface.distance(path.places[-1])
                told.append(f"{path.name} is at {end}, {away:.2g} from a lowest place, f = {value:.3g}.")
            else:
                told.append(f"{path.name} is at {end}, f = {value:.3g}.")
        return " ".join(told)


def trajectories(
    surface: str | Surface,
    optimizers: Mapping[str, Recipe] | Sequence[str],
    *,
    steps: int = 100,
    start: Any = None,
) -> Trajectories:
    """Run each optimiser for `steps` steps over `surface`, in float64, from `start` or the surface's own.

    `optimizers`: names of `optim.OPTIMIZERS`; or name -> options, where an option "optimizer" may say which one it is
    when the name does not ({"momentum": {"optimizer": "sgd", "lr": 0.01, "momentum": 0.9}}); or name -> a function
    that makes an optimiser of the parameters.

    Raises:
        UnknownNameError: there is no such surface or optimiser.
        ArgumentError: there is no optimiser, or `steps` is below 1.
    """
    chosen = surface_of(surface)
    recipes = dict(optimizers) if isinstance(optimizers, Mapping) else {name: {} for name in optimizers}
    begin = np.array(chosen.start if start is None else start, dtype=np.float64)
    if begin.shape != (2,):
        raise ShapeError(f"trajectories: start has shape {begin.shape}, expected two numbers")
    if steps < 1 or not recipes:
        raise ArgumentError(f"trajectories: {steps} steps of {len(recipes)} optimisers, expected at least one of each")
    return Trajectories(chosen, tuple(_path(chosen, name, recipe, begin, steps) for name, recipe in recipes.items()))


def _path(chosen: Surface, name: str, recipe: Recipe, start: Floats, steps: int) -> Path:
    place = Parameter(from_numpy(start.copy()))
    optimizer = _made(name, recipe, place)
    places, values = [start], [float(np.asarray(chosen(*start)))]

    def closure() -> Any:
        optimizer.zero_grad()
        value = chosen(place[0], place[1])
        value.backward()
        return value

    for _ in range(steps):
        optimizer.step(closure)
        here = np.array(place.detach().numpy())
        with np.errstate(over="ignore", invalid="ignore"):
            value = float(np.asarray(chosen(*here)))
        if not (np.isfinite(here).all() and math.isfinite(value)):
            rest = steps + 1 - len(places)
            return Path(name, np.array(places + places[-1:] * rest), np.array(values + values[-1:] * rest), True)
        places.append(here)
        values.append(value)
    return Path(name, np.array(places), np.array(values), False)


def _made(name: str, recipe: Recipe, place: Parameter) -> Any:
    """The optimiser of one recipe, holding the place."""
    if not isinstance(recipe, Mapping):
        return recipe([place])
    options = dict(recipe)
    kind = options.pop("optimizer", name)
    if kind not in optim.OPTIMIZERS:
        raise unknown_name("optimizer", kind, optim.OPTIMIZERS)
    return optim.OPTIMIZERS[kind]([place], **options)


def _place(place: Floats) -> str:
    return f"({place[0]:.3g}, {place[1]:.3g})"
