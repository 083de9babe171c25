"""Gradients through a training: how long each parameter's is, epoch by epoch, and whether they vanish or explode.

Axis glossary: r records, P trainable parameters, L layers.
"""

from __future__ import annotations

import copy
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors, nn
from forwardnet.autograd import grad
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import as_tensor, from_numpy
from forwardnet.tensor.random import Generator, drawing_from
from forwardnet.train.callbacks import Callback
from forwardnet.train.inputs import whole
from forwardnet.train.parts import loss_of
from forwardnet.train.program import learning_of, minimised
from forwardnet.train.run import Run
from forwardnet.train.update import NOTHING

Floats = NDArray[np.float64]
Verdict = Literal["healthy", "vanishing", "exploding", "blocked", "not finite"]

LIMIT = 1e-3  # a layer that learns a thousand times more slowly than another hardly learns
COLUMNS = ("norms", "means", "stds", "zeros", "sizes")


def farthest(norms: Floats) -> int:
    """The layer of which the norm has the largest ratio to the last one's, upwards or downwards."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(np.log(norms / norms[-1]))
    return int(np.argmax(np.where(np.isnan(distance), -1.0, distance)))


def verdict_of(norms: Floats, limit: float) -> Verdict:
    """ "vanishing" where a layer has less than `limit` of the last one's norm, "exploding" above 1 / limit.

    "blocked" where one has none at all.
    """
    if not np.isfinite(norms).all():
        return "not finite"
    if (norms == 0).any():
        return "blocked"
    ratio = norms[farthest(norms)] / norms[-1]
    if ratio < limit:
        return "vanishing"
    return "exploding" if ratio > 1 / limit else "healthy"


class GradientMonitor(Callback):
    """Measure every parameter's gradient before the first step and after each `every`th epoch.

    It is the gradient of what the fit minimises (the loss, weights of rows, penalties), before any limit, on up to
    `rows` training rows spread over all of them: one forward and one backward pass of a copy of the model in evaluation
    mode. So it is the same for compiled and eager training, and neither the training nor its random numbers notice.
    Other rows and another loss can be given as `data` = (X, y) and `loss`; optimisers that take all rows at once
    (L-BFGS) need them. `explain.FlowRecorder` looks at single steps, and says what activations do to the gradient.

    After the fit, with r records of P parameters:

        steps, epochs, losses   (r,) after how many steps and epochs, and the loss and penalties there
        parameters, layers      their names
        norms, means, stds      (r, P) of the elements of each gradient; NaN for what is not trained
        zeros                   (r, P) share of elements that are exactly 0
        sizes                   (r, P) norms of the parameters themselves
        speeds                  (r, L) norms of the layers' gradients
        verdicts                one for each record: "healthy", "vanishing", "exploding", "blocked" or "not finite"

    A layer is vanishing if its gradient has less than `limit` of the last layer's norm, exploding above 1 / limit.

    Example:
        >>> monitor = ff.GradientMonitor()
        >>> trainer.fit(X, y, callbacks=[monitor])
        >>> print(monitor.summary()); monitor.plot()
    """

    changes_weights = False

    def __init__(
        self,
        *,
        every: int = 1,
        rows: int = 512,
        limit: float = LIMIT,
        data: tuple[Any, Any] | None = None,
        loss: Any = None,
    ) -> None:
        if not 0 < limit < 1:
            raise errors.ArgumentError(f"GradientMonitor: limit is {limit!r}, expected a number between 0 and 1")
        if (data is None) != (loss is None):
            raise errors.ArgumentError(
                f"GradientMonitor: {'loss' if loss is None else 'data'} is missing, expected both data and loss or none"
            )
        self.every = whole(every, "GradientMonitor: every", least=1)
        self.rows = whole(rows, "GradientMonitor: rows", least=1)
        self.limit = float(limit)
        self._given = None if data is None else (loss_of(loss), data)
        self._forget()

    def _forget(self) -> None:
        self.parameters: list[str] = []
        self.layers: list[str] = []
        self._layer_of: list[int] = []  # of each parameter; -1 for those of activations
        self._places: list[tuple[int, int]] = []  # steps and epochs
        self._losses: list[float] = []
        self._found: dict[str, list[list[float]]] = {name: [] for name in COLUMNS}

    # -- measuring ----------------------------------------------------------------------------------------

    def on_train_begin(self, run: Run) -> None:
        self._forget()
        trained = [name for name, p in run.model.named_parameters() if p.requires_grad]
        if not trained:
            raise errors.ArgumentError(f"GradientMonitor: {type(run.model).__name__} has no trainable parameter")
        self.parameters = trained
        owners = [_layer(run.model, name) for name in trained]
        self.layers = list(dict.fromkeys(owner for owner in owners if owner is not None))
        self._layer_of = [-1 if owner is None else self.layers.index(owner) for owner in owners]
        self._loss, self._update, self._tensors = self._sample(run)
        self._record(run)

    def on_epoch_end(self, run: Run) -> None:
        if (run.epoch - run.first_epoch + 1) % self.every == 0 or run.epoch == run.last_epoch:
            self._record(run)

    def on_train_end(self, run: Run) -> None:
        self._loss, self._update, self._tensors = None, NOTHING, []

    def _sample(self, run: Run) -> tuple[Any, Any, list[Tensor]]:
        """The loss, what is minimised besides it, and copies of the rows that are looked at."""
        if self._given is not None:
            loss, data = self._given
            dtype = next(p.dtype for p in run.model.parameters() if p.requires_grad)
            tensors = [as_tensor(values) for values in data]
            return loss, NOTHING, [t.to(dtype) if t.is_floating_point() else t for t in tensors]
        learning = learning_of(run.model, run.optimizer)
        if learning is None:
            raise errors.ArgumentError(
                f"GradientMonitor: the rows that {type(run.optimizer).__name__} learns from are not to be seen",
                hint="GradientMonitor(data=(X, y), loss=...) measures on rows that you give",
            )
        n = len(learning.arrays[0])
        chosen = np.unique(np.linspace(0, n - 1, min(n, self.rows)).round().astype(np.int64))
        return learning.loss, learning.update, [from_numpy(array[chosen]) for array in learning.arrays]

    def _record(self, run: Run) -> None:
        model = copy.deepcopy(run.model).eval()
        for module in model.modules():
            module._forward_hooks.clear()
            module._forward_pre_hooks.clear()
        known = {name: p for name, p in model.named_parameters() if p.requires_grad}
        wanted = [known[name] for name in self.parameters if name in known]
        # Layers of users may draw in evaluation, too: from numbers of their own, not from those of the training.
        with drawing_from(Generator(0)), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            total = minimised(model, self._loss, self._update, *self._tensors)[2]
            found = dict(zip(map(id, wanted), grad(total, wanted, allow_unused=True), strict=True))
        self._places.append((run.step, run.epoch))
        self._losses.append(float(total.item()))
        rows = [_measured(known.get(name), found.get(id(known.get(name)))) for name in self.parameters]
        for name, values in zip(COLUMNS, zip(*rows, strict=True), strict=True):
            self._found[name].append(list(values))

    # -- what was found -----------------------------------------------------------------------------------

    def _column(self, name: str) -> Floats:
        return np.array(self._found[name], np.float64).reshape(len(self._places), len(self.parameters))

    @property
    def steps(self) -> NDArray[np.int64]:
        """How many steps had been made."""
        return np.array([step for step, _ in self._places], np.int64)

    @property
    def epochs(self) -> NDArray[np.int64]:
        """How many epochs had been made."""
        return np.array([epoch for _, epoch in self._places], np.int64)

    @property
    def losses(self) -> Floats:
        """What is minimised, on the rows looked at and in evaluation mode."""
        return np.array(self._losses, np.float64)

    @property
    def norms(self) -> Floats:
        """Euclidean norms of the gradients (r, P)."""
        return self._column("norms")

    @property
    def means(self) -> Floats:
        """Means of the gradients' elements (r, P)."""
        return self._column("means")

    @property
    def stds(self) -> Floats:
        """Standard deviations of the gradients' elements (r, P)."""
        return self._column("stds")

    @property
    def zeros(self) -> Floats:
        """Shares of elements without a gradient (r, P)."""
        return self._column("zeros")

    @property
    def sizes(self) -> Floats:
        """Norms of the parameters (r, P)."""
        return self._column("sizes")

    @property
    def names(self) -> list[str]:
        """The layers, as a `FlowRecorder` calls them."""
        return self.layers

    @property
    def speeds(self) -> Floats:
        """Norms of the layers' gradients (r, L), those of activations left out; NaN for layers that are not trained."""
        squares, owner = np.square(self.norms), np.array(self._layer_of, np.int64)
        columns = [squares[:, owner == layer] for layer in range(len(self.layers))]
        summed = [np.where(np.isnan(own).all(axis=1), np.nan, np.nansum(own, axis=1)) for own in columns]
        return np.sqrt(np.stack(summed, axis=1)) if summed else np.empty((len(self._places), 0))

    @property
    def verdicts(self) -> list[Verdict]:
        """What the layers' gradients beside each other say at each record."""
        return [self._verdict(speeds) for speeds in self.speeds]

    def _verdict(self, speeds: Floats) -> Verdict:
        trained = speeds[~np.isnan(speeds)]
        return verdict_of(trained, self.limit) if len(trained) else "not finite"

    def summary(self) -> str:
        """How long gradients were at the start and at the end, and where something was wrong."""
        if not self._places or not self.layers:
            return "Nothing was recorded."
        speeds, verdicts = self.speeds, self.verdicts
        told = [f"{len(verdicts)} records of {len(self.layers)} layers up to step {self.steps[-1]}."]
        for name, at in (("Before the first step", 0), (f"After epoch {self.epochs[-1]}", len(verdicts) - 1)):
            first, last = speeds[at, 0], speeds[at, -1]
            told.append(
                f"{name}: gradient norm {first:.3g} in layer {self.layers[0]}, {last:.3g} in layer {self.layers[-1]}: "
                f"{verdicts[at]}."
            )
        ill = [number for number, verdict in enumerate(verdicts) if verdict != "healthy"]
        if ill:
            at = ill[-1]
            told.append(
                f"{len(ill)} of {len(verdicts)} records are not healthy, the last after epoch {self.epochs[at]}: "
                f"layer {self._culprit(speeds[at])} is {verdicts[at]}."
            )
        return " ".join(told)

    def _culprit(self, speeds: Floats) -> str:
        """The layer that a verdict is about."""
        bad = np.flatnonzero(np.isinf(speeds) | (speeds == 0))
        known = np.flatnonzero(~np.isnan(speeds))
        if len(bad) or not len(known):
            return self.layers[int(bad[0]) if len(bad) else 0]
        return self.layers[int(known[farthest(speeds[known])])]

    def plot(self, *, title: str = "") -> Any:
        """Draw the norms of the layers' gradients over the steps; raises `DataError` if nothing was recorded."""
        from forwardnet import plot

        return plot.learning_speeds(self, title=title or "Gradients through the training")


def _layer(model: nn.Module, name: str) -> str | None:
    """The layer that a parameter belongs to; None for those of activations, of which the sizes say little."""
    path, module, parts = "", model, name.split(".")[:-1]
    for part in parts:
        if module._is_one_layer:
            break
        path, module = f"{path}.{part}" if path else part, getattr(module, part)
    return None if isinstance(module, nn.Activation) else path or type(module).__name__


def _measured(parameter: Tensor | None, gradient: Tensor | None) -> tuple[float, ...]:
    """Norm, mean, standard deviation and share of zeros of a gradient, and the parameter's norm."""
    if parameter is None:  # not trained at the moment
        return (math.nan,) * len(COLUMNS)
    values = np.zeros(1) if gradient is None else gradient.numpy().astype(np.float64)
    size = float(np.linalg.norm(parameter.detach().numpy().astype(np.float64)))
    return (
        float(np.linalg.norm(values)),
        float(values.mean()),
        float(values.std()),
        float(np.mean(values == 0)),
        size,
    )
