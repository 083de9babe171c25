"""The learning-rate range test: train with ever larger rates, and look at the loss."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors, nn
from forwardnet.tensor.functional import get_rng_state, set_rng_state
from forwardnet.train.callbacks import Callback
from forwardnet.train.divergence import TrainingDivergedError
from forwardnet.train.inputs import whole
from forwardnet.train.run import Run
from forwardnet.train.trainer import Trainer

Array = NDArray[np.float64]

MODES = ("exponential", "linear")


@dataclass(frozen=True)
class RangeTest:
    """What a range test saw: for each step its rate, the loss of its batch, and the smoothed loss.

    `suggestion` is the rate at which the smoothed loss falls fastest, None where it never falls. `stopped` is
    "diverged" where the loss left the range, "interrupted" after Ctrl-C, else None.
    """

    rates: Array
    losses: Array
    smoothed: Array
    suggestion: float | None
    mode: str
    stopped: str | None

    def plot(self) -> Any:
        """A matplotlib Figure of the losses over the rates, with the suggestion."""
        from forwardnet.plot.rates import range_test  # stands above `train`: opened when somebody asks for a picture

        return range_test(self)


def find_lr(
    model: nn.Module,
    loss: Any,
    X: Any,
    y: Any,
    *,
    optimizer: Any = "adam",
    start: float = 1e-5,
    end: float = 10.0,
    steps: int = 100,
    mode: str = "exponential",
    batch_size: int = 64,
    smoothing: float = 0.9,
    diverge: float = 4.0,
    compile: bool = True,
    seed: int = 0,
) -> RangeTest:
    """Train a copy of `model` while the rate rises from `start` to `end`; which rates make the loss fall (Smith 2017).

    Step i of n has the rate start (end / start)^(i / (n - 1)), or start + (end - start) i / (n - 1) with `mode`
    "linear". The suggestion is where the smoothed loss falls most steeply along that axis, before it first rises: a
    rate for the beginning of a training. Optimisers whose steps do not shrink with the gradient (Lion, RMSprop) may
    need a third to a tenth of it to come to rest, or a schedule. Model, optimiser and random numbers are afterwards
    what they were.

    Args:
        model: network to train.
        loss: as for `Trainer`.
        X: rows to train on, (n, d); they are gone through as often as the steps need.
        y: their targets.
        optimizer: name, or an optimiser of the model; groups keep the ratios of their rates.
        start: first rate, > 0.
        end: last rate, > start.
        steps: how many rates, >= 2.
        mode: "exponential" or "linear".
        batch_size: rows of a step.
        smoothing: what the running mean of the losses keeps at each step, in [0, 1); 0 leaves them as they are.
        diverge: the test ends when the smoothed loss is more than this many times its minimum, > 1, or not finite.
        compile: as for `Trainer`.
        seed: of the order of the rows.

    Raises:
        ArgumentError: a number outside its range.
        DataError, ShapeError, DTypeError: as `Trainer.fit`.

    Example:
        >>> found = ff.find_lr(model, "cross_entropy", X, y)
        >>> optimizer = ff.optim.Adam(model.parameters(), lr=found.suggestion)
    """
    rates = rates_between(start, end, whole(steps, "find_lr: steps", least=2), mode)
    if not 0 <= smoothing < 1:
        raise errors.ArgumentError(f"find_lr: smoothing is {smoothing!r}, expected a number in [0, 1)")
    if not diverge > 1:
        raise errors.ArgumentError(f"find_lr: diverge is {diverge!r}, expected a number above 1")
    model, optimizer = copy.deepcopy((model, optimizer))
    random = get_rng_state()
    precision = "float64" if any(p.dtype.name == "float64" for p in model.parameters()) else "float32"
    trainer = Trainer(model, loss, optimizer, compile=compile, precision=precision, seed=seed)
    sweep = Sweep(rates, smoothing, diverge)
    per_epoch = math.ceil(len(X) / max(batch_size, 1)) or 1
    try:
        trainer.fit(X, y, epochs=math.ceil(steps / per_epoch), batch_size=batch_size, callbacks=[sweep], progress=False)
    except TrainingDivergedError:
        trainer.history.stopped = "diverged"
    finally:
        set_rng_state(random)
    stopped = trainer.history.stopped
    losses, smoothed = np.array(sweep.losses), np.array(sweep.smoothed)
    return RangeTest(
        rates=rates[: len(losses)],
        losses=losses,
        smoothed=smoothed,
        suggestion=steepest(rates[: len(losses)], smoothed, mode),
        mode=mode,
        stopped=None if stopped == "complete" else stopped,
    )


class Sweep(Callback):
    """Sets the rate before each step, keeps the losses, and ends the fit when they leave the range."""

    def __init__(self, rates: Array, smoothing: float, diverge: float) -> None:
        self.rates, self.smoothing, self.diverge = rates, smoothing, diverge
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self._mean = 0.0
        self._ratios: list[float] = []

    def on_train_begin(self, run: Run) -> None:
        first = float(run.optimizer.param_groups[0]["lr"])
        self._ratios = [float(group["lr"]) / first if first else 1.0 for group in run.optimizer.param_groups]
        self._set(run)

    def on_step_end(self, run: Run) -> None:
        self.losses.append(run.loss)
        # m <- b m + (1 - b) loss, divided by 1 - b^t, which undoes the pull of the 0 at the start
        self._mean = self.smoothing * self._mean + (1 - self.smoothing) * run.loss
        self.smoothed.append(self._mean / (1 - self.smoothing ** len(self.losses)))
        least = min(self.smoothed)
        if self.smoothed[-1] > (self.diverge * least if least > 0 else least + self.diverge):
            run.stop("diverged")
        elif len(self.losses) == len(self.rates):
            run.stop("complete")
        else:
            self._set(run)

    def _set(self, run: Run) -> None:
        for group, ratio in zip(run.optimizer.param_groups, self._ratios, strict=True):
            group["lr"] = float(self.rates[len(self.losses)]) * ratio


def rates_between(start: float, end: float, steps: int, mode: str) -> Array:
    """The rates of a sweep, equally far apart or in equal ratios; raises `ArgumentError` for an empty range."""
    if mode not in MODES:
        raise errors.unknown_name("mode", mode, MODES)
    if not 0 < start < end < math.inf:
        raise errors.ArgumentError(f"find_lr: start is {start!r} and end is {end!r}, expected 0 < start < end")
    share = np.arange(steps) / (steps - 1)
    return start + (end - start) * share if mode == "linear" else start * (end / start) ** share


def steepest(rates: Array, smoothed: Array, mode: str) -> float | None:
    """The rate at which the smoothed loss falls fastest, before it first rises; None where it never falls.

    Fastest by log rate in an exponential sweep, by rate in a linear one. It rises where it is above its minimum so far
    by a tenth of all that it falls, and has fallen by as much: what falls again after that only recovers from rates
    that were too large, and what rises before it is the noise of the batches.
    """
    if len(smoothed) < 2:
        return None
    least = np.minimum.accumulate(smoothed)
    tenth = 0.1 * (smoothed[0] - smoothed.min())
    rises = np.flatnonzero((smoothed - least > tenth) & (smoothed[0] - least > tenth))
    last = int(np.argmin(smoothed[: rises[0]] if len(rises) else smoothed)) + 1
    if last < 2:
        return None
    slopes = np.gradient(smoothed[:last], np.log(rates[:last]) if mode == "exponential" else rates[:last])
    best = int(np.argmin(slopes))
    return float(rates[best]) if slopes[best] < 0 else None
