"""Noticing that a training run has left the numbers that can be computed with, and saying where."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import errors
from forwardnet.tensor import Tensor
from forwardnet.tensor.mode import no_grad
from forwardnet.train.state import Snapshot

if TYPE_CHECKING:
    from forwardnet.nn import Module
    from forwardnet.train.history import History

SNAPSHOT_STEPS = 64


class TrainingDivergedError(errors.DivergedError):
    """Training met a NaN or an infinity; the model has its last good weights again.

    `step` and `epoch` (from 1) say when, `tensor` names the first thing that was not finite, `good_step` is the step
    before which the restored weights were taken, and `history` is the record up to there.
    """

    def __init__(self, message: str, *, tensor: str, step: int, epoch: int, good_step: int | None, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.tensor = tensor
        self.step = step
        self.epoch = epoch
        self.good_step = good_step
        self.history: History | None = None


class Watch:
    """Checks each step before its update is made, and keeps a copy of the last good state.

    The copy is taken every `SNAPSHOT_STEPS` steps, after the loss and all gradients of that step were found finite,
    so what is restored is known to work and at most that many steps old.
    """

    def __init__(self, model: Module, optimizer: Any, *, step: int) -> None:
        self.model = model
        self.optimizer = optimizer
        self.step = step
        self.epoch = 0
        self.good_step: int | None = None
        self._countdown = 0
        self._good = Snapshot.of(model, optimizer)
        self._parameters = [(name, p) for name, p in model.named_parameters() if p.requires_grad]

    def check(self, loss: float, x: Tensor) -> None:
        """Before the update of a step: raise TrainingDivergedError unless the loss and the gradients are finite."""
        self.step += 1
        if not math.isfinite(loss):
            raise self.error(first_bad(self.model, x) or f"the loss is {loss}")
        for name, parameter in self._parameters:
            gradient = parameter.grad
            if gradient is not None and not is_finite(gradient):
                # An output may be infinite and the loss finite (tanh of it is 1): then that is where it began.
                raise self.error(first_bad(self.model, x) or f"the gradient of {name!r} holds {_bad_value(gradient)}")
        if self._countdown == 0:
            self._good = Snapshot.of(self.model, self.optimizer)
            self.good_step = self.step
            self._countdown = SNAPSHOT_STEPS
        self._countdown -= 1

    def remember(self, step: int) -> None:
        """Take the present state, that after `step` steps and known to be good, as the one to go back to."""
        self._good = Snapshot.of(self.model, self.optimizer)
        self.good_step = step + 1
        self._countdown = SNAPSHOT_STEPS

    def check_weights(self) -> None:
        """At the end of an epoch: raise TrainingDivergedError unless all weights are finite."""
        bad = _first_bad_weight(self.model)
        if bad:
            raise self.error(bad)

    def error(self, tensor: str) -> TrainingDivergedError:
        """The error that says that `tensor` is not finite; restores the last good state."""
        self._good.restore(self.model, self.optimizer)
        kept = "those from the start" if self.good_step is None else f"those before step {self.good_step}"
        rate = float(self.optimizer.param_groups[0]["lr"])
        return TrainingDivergedError(
            f"training diverged at step {self.step} (epoch {self.epoch}): {tensor}; the weights kept are {kept}",
            tensor=tensor,
            step=self.step,
            epoch=self.epoch,
            good_step=self.good_step,
            hint=f"lower the learning rate (now {rate:g}), scale the data, or clip the gradients",
        )


def is_finite(tensor: Tensor) -> bool:
    """Whether a tensor holds finite numbers only. Call it where NumPy does not report overflow: the fit's loop."""
    array = (tensor.detach() if tensor.requires_grad else tensor).numpy()
    # One pass in most cases; a sum of large finite numbers may overflow, and only then is a second look needed. Not the
    # sum of squares: BLAS would wake its threads, which then hold the processors for a while that they wait.
    return math.isfinite(array.sum()) or bool(np.isfinite(array).all())


def first_bad(model: Module, x: Tensor) -> str:
    """The first thing, in the order of computation, that is not finite for the input `x`; empty if there is none."""
    return _first_bad_weight(model) or next(_bad_outputs(model, x), "")


def _first_bad_weight(model: Module) -> str:
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not is_finite(tensor):
            return f"{name!r} holds {_bad_value(tensor)}"
    return ""


def _bad_outputs(model: Module, x: Tensor) -> Iterator[str]:
    """The layers whose outputs are not finite, found by running the model once more with hooks."""
    found: list[str] = []

    def look(name: str, layer: Module) -> Any:
        def hook(module: Module, args: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.is_floating_point() and not is_finite(output):
                label = f"layer {name!r} ({layer!r})" if name else f"the model ({type(layer).__name__})"
                found.append(f"the output of {label} holds {_bad_value(output)}")

        return layer.register_forward_hook(hook)

    leaves = [(name, layer) for name, layer in model.named_modules() if not name or not list(layer.children())]
    handles = [look(name, layer) for name, layer in leaves]
    try:
        with no_grad(), np.errstate(all="ignore"):
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    yield from found


def _bad_value(tensor: Tensor) -> str:
    """`nan`, `inf` or `-inf`: the first value that is not finite."""
    array = tensor.detach().numpy().ravel()
    return str(array[int(np.argmin(np.isfinite(array)))])
