"""Hidden units that no longer learn: dead ones, whose slope is 0 for every row, and saturated ones.

    explain.activity(model, X).summary()

A unit's incoming weights get a gradient in proportion to the slope of its activation. A rectifier whose input is
negative for every row has slope 0 for all of them and stays as it is; a sigmoid or tanh far from 0 has next to none.

Axis glossary: n rows, u units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn
from forwardnet.errors import ArgumentError
from forwardnet.explain.calls import Call, calls_of
from forwardnet.explain.objective import double_copy, inputs_for
from forwardnet.explain.slopes import number_text, slopes, steepest
from forwardnet.tensor.mode import no_grad

Floats = NDArray[np.float64]

DEAD = 1e-8  # slopes below this share of the steepest are none: a float32 weight could not show their effect
FLAT = 0.1  # slopes below this share are flat: beyond +-3.6 for the sigmoid, beyond +-1.8 for tanh


@dataclass(frozen=True)
class Units:
    """The units of one activation, seen over all rows (u,).

    `flat_low` and `flat_high` are the shares of rows on the flat part at negative and at positive inputs, `slope` the
    mean slope by size, `dead` whether it is 0 for every row.
    """

    name: str
    kind: str
    saturates: str
    steepest: float
    dead: NDArray[np.bool_]
    flat_low: Floats
    flat_high: Floats
    slope: Floats
    output: Floats

    @property
    def dead_share(self) -> float:
        """The share of units that are dead, 0 to 1."""
        return float(self.dead.mean())

    @property
    def flat_share(self) -> float:
        """The share of (row, unit) pairs on a flat part, 0 to 1."""
        return float((self.flat_low + self.flat_high).mean())


@dataclass(frozen=True)
class Activity:
    """The units of every activation of a network on some rows, from the input to the output."""

    layers: tuple[Units, ...]
    rows: int

    @property
    def dead_share(self) -> float:
        """The share of dead units among all, 0 to 1."""
        return float(np.concatenate([layer.dead for layer in self.layers]).mean())

    @property
    def saturated_share(self) -> float:
        """The share of (row, unit) pairs on a flat part, of activations that are flat at both ends; 0 without any."""
        both = [layer.flat_low + layer.flat_high for layer in self.layers if layer.saturates == "both"]
        return float(np.concatenate(both).mean()) if both else 0.0

    def summary(self) -> str:
        """What was found in each layer, and what usually helps."""
        count = len(self.layers)
        told = [f"{count} activation{'s' if count > 1 else ''} over {self.rows} rows."]
        told += [self._about(layer) for layer in self.layers]
        if any(layer.dead.any() for layer in self.layers):
            told.append(
                "Dead units cannot come back by gradient descent: lower the learning rate, start with He's rule and "
                "small positive biases, or use LeakyReLU, PReLU, ELU or Maxout."
            )
        if self.saturated_share > 0.5:
            told.append(
                "Saturated units learn slowly: standardise the inputs, start with smaller weights (Xavier), normalise "
                "between layers, or use ReLU."
            )
        return " ".join(told)

    @staticmethod
    def _about(layer: Units) -> str:
        size = f"{layer.name} ({layer.kind}, {len(layer.dead)} units)"
        slope = f"mean slope {layer.slope.mean():.3g} of at most {number_text(layer.steepest)}"
        dead = f"{int(layer.dead.sum())} dead ({layer.dead_share:.0%}), " if layer.dead.any() else ""
        if layer.saturates == "both":
            return f"{size}: {dead}{layer.flat_share:.0%} saturated, {slope}."
        return f"{size}: {dead or 'none dead, '}{layer.flat_share:.0%} of the outputs on the flat part, {slope}."


def activity(model: nn.Module, X: Any, *, flat: float = FLAT) -> Activity:
    """What the units of each activation of `model` do on the rows X, in evaluation mode.

    `flat` is the share of the steepest slope below which a place counts as flat. The last axis counts the units.
    Activations count where they are elementwise modules; those that `forward` calls as functions cannot be seen.

    Raises:
        ArgumentError: the model has no such module, or `flat` is not between 0 and 1.
        DataError, ShapeError: the model cannot take X.
    """
    if not 0 < flat < 1:
        raise ArgumentError(f"activity: flat is {flat}, expected a share between 0 and 1")
    rows = inputs_for(X)
    with no_grad():
        calls = calls_of(double_copy(model, training=False), rows)[1]
    seen = [call for call in calls if _is_bent(call.module)]
    if not seen:
        raise ArgumentError(
            f"activity: {type(model).__name__} has no activation module to look at",
            hint="write activations as layers, nn.ReLU() in nn.Sequential, rather than as functions",
        )
    return Activity(tuple(_units(call, flat) for call in seen), len(rows))


def _is_bent(module: nn.Module) -> bool:
    """Whether a module is an elementwise activation other than the identity."""
    return isinstance(module, nn.Activation) and module.formula.elementwise and not isinstance(module, nn.Identity)


def _units(call: Call, flat: float) -> Units:
    assert isinstance(call.module, nn.Activation)
    x = call.input.numpy()
    slope = np.abs(slopes(call.module, x)).reshape(-1, x.shape[-1])
    places, bound = x.reshape(slope.shape), steepest(call.module)
    is_flat = slope < flat * bound
    return Units(
        name=call.name,
        kind=call.kind,
        saturates=call.module.formula.saturates,
        steepest=bound,
        dead=np.asarray((slope <= DEAD * bound).all(axis=0)),
        flat_low=(is_flat & (places < 0)).mean(axis=0),
        flat_high=(is_flat & (places >= 0)).mean(axis=0),
        slope=slope.mean(axis=0),
        output=call.output.numpy().reshape(slope.shape).mean(axis=0),
    )
