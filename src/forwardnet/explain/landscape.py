"""The loss around a trained network: along lines and planes through its weights.

    explain.loss_landscape(model, "cross_entropy", X, y, directions=2).summary()

A random direction says little as it is: a network of large weights looks flat and one of small weights steep, though
rectifiers make both the same function. So a direction gets the length of the weights, unit by unit ("filter
normalisation": Li, Xu, Taylor, Studer & Goldstein 2018, section 4).

Axis glossary: n parameters, D directions (1 or 2), k places along each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn
from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.explain.lanczos import random_vector
from forwardnet.explain.objective import Objective, Part

Floats = NDArray[np.float64]
Normalise = Literal["filter", "layer", "none"]
NORMALISE: tuple[Normalise, ...] = ("filter", "layer", "none")


@dataclass(frozen=True)
class Landscape:
    """Losses at centre + a d1 (+ b d2): `losses` (k,) for one direction, (k, k) with a along the columns for two.

    `places` are the values of a, and of b. `centre` is the loss of the network itself.
    """

    places: Floats
    losses: Floats
    centre: float
    directions: Floats
    names: tuple[str, ...]

    @property
    def convex_share(self) -> float:
        """The share of places where the surface bends upwards in every direction shown, by second differences."""
        z = self.losses
        if z.ndim == 1:
            return float((z[2:] - 2 * z[1:-1] + z[:-2] > 0).mean())
        c = z[1:-1, 1:-1]
        xx, yy = z[1:-1, 2:] - 2 * c + z[1:-1, :-2], z[2:, 1:-1] - 2 * c + z[:-2, 1:-1]
        xy = (z[2:, 2:] - z[2:, :-2] - z[:-2, 2:] + z[:-2, :-2]) / 4
        return float(((xx + yy) / 2 > np.hypot((xx - yy) / 2, xy)).mean())

    def basin(self, rise: float = 1.0) -> float:
        """The share of the places shown at which the loss is less than `rise` above the centre's, 0 to 1."""
        return float((self.losses < self.centre + rise).mean())

    @property
    def relief(self) -> float:
        """The mean rise of the loss from the centre to the edge."""
        edge = self.losses[[0, -1]] if self.losses.ndim == 1 else _border(self.losses)
        return float(np.mean(edge) - self.centre)

    @property
    def lower(self) -> float:
        """How much lower than at the centre the loss is anywhere: above 0 the network is not at its lowest."""
        return max(0.0, self.centre - float(np.nanmin(self.losses)))

    def summary(self) -> str:
        """What the surface looks like, in words."""
        span = f"{self.places[0]:g} to {self.places[-1]:g}"
        told = [
            f"Loss {self.centre:.4g} at the centre; from there to the edge of {span} it rises by {self.relief:.4g} on "
            f"average, up to {float(np.nanmax(self.losses)):.4g}.",
            f"{self.basin():.0%} of the places are less than 1 above the centre, and at {self.convex_share:.0%} the "
            "surface bends upwards in every direction shown"
            + (": nearly a bowl." if self.convex_share > 0.9 else ": there are kinks, ridges or side valleys."),
        ]
        if self.lower > 0.01 * abs(self.relief):
            told.append(f"Elsewhere it is lower by {self.lower:.3g}: the network is not at the lowest place shown.")
        return " ".join(told)


def loss_landscape(
    model: nn.Module,
    loss: Any,
    X: Any,
    y: Any,
    *,
    directions: int | Sequence[Any] = 2,
    span: float = 1.0,
    points: int = 25,
    normalise: Normalise = "filter",
    seed: int = 0,
    names: Sequence[str] | None = None,
) -> Landscape:
    """The loss of `model` on the rows `X` and `y` along one or two directions through its parameters.

    `directions` is how many random ones (a function of `seed`), or the directions themselves, each a vector (n,) as
    `Objective.parts` lays them out; `weight_axis` makes one for a single weight.
    `span` is how far to go to either side, in lengths of the direction: with "filter" normalisation 1 means that every
    unit's weights change by as much as they are. `points` places along each; it costs points^directions forward passes.
    Biases and other vectors stay as they are under "filter", as in the paper. `names` are those of the directions.

    Raises:
        ArgumentError: not 1 or 2 directions, fewer than 3 points, or a span that is not positive.
        ShapeError: a direction has another length than the parameters.
    """
    objective = Objective.of_model(model, loss, X, y)
    vectors, own = _directions(objective, directions, normalise, seed)
    if points < 3 or not span > 0:
        raise ArgumentError(f"loss_landscape: points is {points} and span {span}, expected at least 3, and above 0")
    places = np.linspace(-span, span, points)
    return _measured(objective, vectors, places, own if names is None else tuple(names))


def _measured(objective: Objective, vectors: Floats, places: Floats, names: tuple[str, ...]) -> Landscape:
    x = objective.x
    if len(vectors) == 1:
        losses = np.array([objective.value(x + a * vectors[0]) for a in places])
    else:
        losses = np.array([[objective.value(x + a * vectors[0] + b * vectors[1]) for a in places] for b in places])
    return Landscape(places, losses, objective.value(), vectors, names)


def _directions(
    objective: Objective, directions: int | Sequence[Any], normalise: Normalise, seed: int
) -> tuple[Floats, tuple[str, ...]]:
    if normalise not in NORMALISE:
        raise unknown_name("normalisation", normalise, NORMALISE)
    if isinstance(directions, int):
        if directions not in (1, 2):
            raise ArgumentError(f"loss_landscape: directions is {directions}, expected 1 or 2")
        drawn = [random_direction(objective, normalise=normalise, seed=seed, stream=i) for i in range(directions)]
        return np.array(drawn), tuple(f"random direction {i + 1}" for i in range(directions))
    given = [np.asarray(d, dtype=np.float64) for d in directions]
    for d in given:
        if d.shape != objective.x.shape:
            raise ShapeError(f"loss_landscape: a direction has shape {d.shape}, expected {objective.x.shape}")
    if len(given) not in (1, 2):
        raise ArgumentError(f"loss_landscape: got {len(given)} directions, expected 1 or 2")
    return np.array(given), tuple(f"direction {i + 1}" for i in range(len(given)))


def random_direction(
    objective: Objective, *, normalise: Normalise = "filter", seed: int = 0, stream: int = 0
) -> Floats:
    """A random direction (n,) in the parameters of a model.

    "filter": each unit's row of a weight matrix has the length of the weights there, and vectors (biases, scales) get
    0; "layer": each parameter has the length of that parameter; "none": standard normal numbers.
    """
    drawn = random_vector(objective.size, seed, stream)
    if normalise == "none":
        return drawn
    parts = objective.parts or (Part("x", 0, objective.size, (objective.size,)),)
    for part in parts:
        piece, weights = (v[part.start : part.stop].reshape(part.shape) for v in (drawn, objective.x))
        if normalise == "filter" and len(part.shape) < 2:
            piece[...] = 0.0
            continue
        axes = tuple(range(1 if normalise == "filter" else 0, len(part.shape)))
        length, own = (np.sqrt((v**2).sum(axis=axes, keepdims=True)) for v in (piece, weights))
        piece *= np.divide(own, length, out=np.zeros_like(own), where=length > 0)
    return drawn


def weight_axis(objective: Objective, name: str, index: tuple[int, ...]) -> Floats:
    """The direction (n,) in which the one weight `name[index]` grows, for example ("0.weight", (0, 1)).

    Raises:
        UnknownNameError: no parameter has that name.
        ArgumentError: it has no such element.
    """
    part = _part(objective, name)
    if len(index) != len(part.shape) or not all(0 <= i < n for i, n in zip(index, part.shape, strict=True)):
        raise ArgumentError(f"weight_axis: {name} has shape {part.shape}, and no element {index}")
    axis = np.zeros(objective.size)
    axis[part.start + int(np.ravel_multi_index(index, part.shape))] = 1.0
    return axis


def _part(objective: Objective, name: str) -> Part:
    by_name = {part.name: part for part in objective.parts}
    if name not in by_name:
        raise unknown_name("parameter", name, by_name)
    return by_name[name]


def line_between(
    first: nn.Module, second: nn.Module, loss: Any, X: Any, y: Any, *, points: int = 41, beyond: float = 0.5
) -> Landscape:
    """The loss along the straight line from `first` (0) through `second` (1), and `beyond` at either end.

    From a fresh start to a trained network the loss mostly falls all the way (Goodfellow, Vinyals & Saxe 2015); between
    two trained networks it mostly rises in between, unless they lie in one valley.

    Raises:
        ShapeError: the networks have other parameters.
    """
    start, end = (Objective.of_model(model, loss, X, y) for model in (first, second))
    if [(p.name, p.shape) for p in start.parts] != [(p.name, p.shape) for p in end.parts]:
        raise ShapeError("line_between: the networks have other parameters", hint="build both by the same code")
    places = np.linspace(-beyond, 1 + beyond, points)
    return _measured(start, (end.x - start.x)[None], places, ("from the first network (0) to the second (1)",))


def _border(z: Floats) -> Floats:
    return np.concatenate([z[0], z[-1], z[1:-1, 0], z[1:-1, -1]])
