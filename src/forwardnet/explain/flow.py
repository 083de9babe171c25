"""How gradients fare on their way back through a network: what each layer gets, and why it is little or much.

    explain.gradient_flow(model, "cross_entropy", X, y).summary()

From one layer to the one before it a gradient is multiplied by the transposed weights and by the slopes of the
activation. Factors below 1 make it vanish with depth, factors above 1 make it explode (Hochreiter 1991; Bengio, Simard
& Frasconi 1994; Glorot & Bengio 2010).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn
from forwardnet.autograd import grad
from forwardnet.errors import ArgumentError
from forwardnet.explain.calls import Call, calls_of, norm
from forwardnet.explain.objective import double_copy, loss_from, rows_for
from forwardnet.explain.slopes import number_text, slopes, steepest
from forwardnet.tensor import Tensor
from forwardnet.train.callbacks import Callback
from forwardnet.train.gradients import LIMIT, Verdict, farthest, verdict_of
from forwardnet.train.inputs import whole
from forwardnet.train.run import Run

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FlowLayer:
    """One layer with parameters.

    `gradient` is the norm of the loss's derivative by the layer's output, `weight_gradient` that by its parameters,
    `weights` the norm of the parameters, `signal` the root mean square of the output, and `passes` the norm of the
    derivative by the layer's input over that by its output.
    """

    name: str
    kind: str
    gradient: float
    weight_gradient: float
    weights: float
    signal: float
    passes: float


@dataclass(frozen=True)
class FlowActivation:
    """One activation: what it leaves of a gradient (`passes`), its mean slope by size here, and the steepest it has."""

    name: str
    kind: str
    passes: float
    slope: float
    steepest: float


@dataclass(frozen=True)
class GradientFlow:
    """The gradient of a loss at every layer, from the input to the output."""

    loss: float
    layers: tuple[FlowLayer, ...]
    activations: tuple[FlowActivation, ...]
    limit: float

    @property
    def gradients(self) -> Floats:
        """Norms of the derivatives by the layers' outputs: what is sent back."""
        return np.array([layer.gradient for layer in self.layers])

    @property
    def weight_gradients(self) -> Floats:
        """Norms of the derivatives by the layers' parameters: how fast each learns."""
        return np.array([layer.weight_gradient for layer in self.layers])

    @property
    def per_layer(self) -> float:
        """(first / last)^(1 / (layers - 1)) of `gradients`: by what they are multiplied from layer to layer."""
        if len(self.layers) < 2 or not 0 < self.gradients[-1] < math.inf:
            return math.nan
        return float((self.gradients[0] / self.gradients[-1]) ** (1 / (len(self.layers) - 1)))

    @property
    def ratio(self) -> float:
        """The gradient of the layer that is farthest from the last one's, over the last one's."""
        return (
            float(self.gradients[farthest(self.gradients)] / self.gradients[-1]) if self.gradients[-1] > 0 else math.nan
        )

    @property
    def verdict(self) -> Verdict:
        """ "vanishing" below `limit` of the last layer's gradient, "exploding" above 1 / limit, "blocked" at 0."""
        if not np.isfinite([*self.weight_gradients, self.loss]).all():
            return "not finite"
        return verdict_of(self.gradients, self.limit)

    def summary(self) -> str:
        """What was found, with the measured reason, and what usually helps."""
        verdict = self.verdict
        if verdict == "not finite":
            bad = [layer.name for layer in self.layers if not math.isfinite(layer.gradient + layer.weight_gradient)]
            return f"The loss is {self.loss}; gradients are not finite in {', '.join(bad) or 'no layer'}: exploded."
        if verdict == "blocked":
            dead = [layer.name for layer in self.layers if layer.gradient == 0]
            return (
                f"Layers {', '.join(dead)} get no gradient at all: between them and the loss something has slope 0 for "
                "every row. Look for dead units, or a step function (explain.activity)."
            )
        first, last, at = self.layers[0], self.layers[-1], self.layers[farthest(self.gradients)]
        told = [f"{len(self.layers)} layers."]
        if len(self.layers) > 1:
            told.append(f"Layer {at.name}: gradient norm {self.ratio:.3g} of the last layer's: {verdict}.")
            told += self.reasons()
        speeds = (
            f"{first.weight_gradient:.3g} in the first layer ({first.name}), {last.weight_gradient:.3g} in the last"
        )
        told.append(f"The weights' gradient norm is {speeds} ({last.name}).")
        return " ".join([*told, HELP[verdict]] if verdict in HELP else told)

    def reasons(self) -> list[str]:
        """By what activations and weights multiply a gradient on its way back, one sentence for each kind."""
        told = []
        for kind, count in Counter(one.kind for one in self.activations).items():
            same = [one for one in self.activations if one.kind == kind]
            told.append(
                f"Each {kind} ({count}) multiplies the gradient by {_mean([one.passes for one in same]):.3g}; its "
                f"slope is {np.mean([one.slope for one in same]):.3g} here and at most {number_text(same[0].steepest)}."
            )
        inner = [layer.passes for layer in self.layers[1:]]
        if inner:
            told.append(
                f"Each weight layer after the first multiplies it by {_mean(inner):.3g}. "
                f"From layer to layer that leaves {self.per_layer:.3g}."
            )
        return told


HELP = {
    "vanishing": "What helps: activations whose slope is 1 somewhere (ReLU, tanh), Xavier or He starts, residual "
    "blocks, normalisation.",
    "exploding": "What helps: smaller starting weights (Xavier, He), clipping the gradient's norm, normalisation, a "
    "lower learning rate.",
}


def gradient_flow(
    model: nn.Module, loss: Any, X: Any, y: Any, *, training: bool = False, limit: float = LIMIT
) -> GradientFlow:
    """The gradients that the loss on the rows `X` and `y` sends through `model`.

    One forward and one backward pass on a copy in float64; `training` puts the copy in training mode. Layers whose
    gradient is less than `limit` of the last layer's are called vanishing, above 1 / limit exploding.
    Activations count where they are modules; what `forward` computes otherwise counts with the layers around it.

    Raises:
        ArgumentError: the model has no layer with parameters, or the loss is not one number.
        DataError, ShapeError, DTypeError: the data cannot be used with this model and loss.
    """
    if not 0 < limit < 1:
        raise ArgumentError(f"gradient_flow: limit is {limit}, expected a number between 0 and 1")
    own, loss_of = double_copy(model, training=training).requires_grad_(), loss_from(loss)
    rows, targets = rows_for(own, loss_of, X, y)
    output, calls = calls_of(own, rows.requires_grad_())
    weighted = [call for call in calls if call.own_parameters and not isinstance(call.module, nn.Activation)]
    if not weighted:
        raise ArgumentError(f"gradient_flow: {type(model).__name__} has no layer with parameters")
    value = loss_of(output, targets)
    gradients = _Gradients(value, calls)
    layers = tuple(gradients.layer(call) for call in weighted)
    activations = tuple(
        gradients.activation(call)
        for call in calls
        if isinstance(call.module, nn.Activation) and call.module.formula.elementwise
        if call.kind != "Identity"
    )
    return GradientFlow(float(value.item()), layers, activations, limit)


class _Gradients:
    """The derivatives of one loss by everything that the layers got, gave and hold."""

    def __init__(self, value: Tensor, calls: list[Call]) -> None:
        if value.numel() != 1:
            raise ArgumentError(f"gradient_flow: the loss has shape {tuple(value.shape)}, expected one number")
        wanted = {id(t): t for call in calls for t in (call.input, call.output, *call.own_parameters)}
        wanted = {key: t for key, t in wanted.items() if t.requires_grad}
        found = grad(value, list(wanted.values()), allow_unused=True)
        self._by = dict(zip(wanted, found, strict=True))

    def norm(self, x: Tensor) -> float:
        found = self._by.get(id(x))
        return 0.0 if found is None else norm(found.numpy())

    def passes(self, call: Call) -> float:
        out = self.norm(call.output)
        return self.norm(call.input) / out if out > 0 else math.nan

    def layer(self, call: Call) -> FlowLayer:
        parameters = call.own_parameters
        return FlowLayer(
            name=call.name,
            kind=call.kind,
            gradient=self.norm(call.output),
            weight_gradient=math.hypot(*(self.norm(p) for p in parameters)),
            weights=math.hypot(*(norm(p.detach().numpy()) for p in parameters)),
            signal=norm(call.output.detach().numpy()) / math.sqrt(max(call.output.numel(), 1)),
            passes=self.passes(call),
        )

    def activation(self, call: Call) -> FlowActivation:
        assert isinstance(call.module, nn.Activation)
        slope = float(np.abs(slopes(call.module, call.input.detach().numpy())).mean())
        return FlowActivation(call.name, call.kind, self.passes(call), slope, steepest(call.module))


def _mean(factors: list[float]) -> float:
    """The geometric mean, which multiplied as often as there are factors gives their product."""
    known = [f for f in factors if f == f]
    return math.exp(sum(math.log(f) for f in known) / len(known)) if known and min(known) > 0 else 0.0


class FlowRecorder(Callback):
    """Record the gradient flow on fixed rows while a model is trained: before the first step and after every `every`th.

    After the fit: `steps` (numbers of the steps, 0 before the first), `flows` (one `GradientFlow` each) and `speeds`
    (records, layers), the norms of the weights' gradients. The rows are passed once more for each record, so compiled
    training, which shows its gradients to nobody, can be recorded too.

    Example:
        >>> recorder = explain.FlowRecorder("cross_entropy", X, y, every=10)
        >>> trainer.fit(X, y, callbacks=[recorder])
    """

    def __init__(self, loss: Any, X: Any, y: Any, *, every: int = 1, training: bool = False) -> None:
        self.loss, self.X, self.y = loss, X, y
        self.every = whole(every, "FlowRecorder: every", least=1)
        self.training = training
        self.steps: list[int] = []
        self.flows: list[GradientFlow] = []

    @property
    def speeds(self) -> Floats:
        """Norms of the layers' weight gradients, one row for each record."""
        return np.array([flow.weight_gradients for flow in self.flows])

    @property
    def names(self) -> list[str]:
        """The layers, from the input to the output."""
        return [layer.name for layer in self.flows[0].layers] if self.flows else []

    def on_train_begin(self, run: Run) -> None:
        self.steps, self.flows = [], []
        self._record(run)

    def on_step_end(self, run: Run) -> None:
        if run.step % self.every == 0:
            self._record(run)

    def _record(self, run: Run) -> None:
        self.steps.append(run.step)
        self.flows.append(gradient_flow(run.model, self.loss, self.X, self.y, training=self.training))

    def summary(self) -> str:
        """How fast the layers learnt beside each other, at the start and on the whole."""
        if not self.flows:
            return "Nothing was recorded."
        names = self.names
        total = self.speeds.sum(axis=0)
        slow, fast = int(np.argmin(total)), int(np.argmax(total))
        share = total[slow] / total[fast] if total[fast] > 0 else math.nan
        return (
            f"{len(self.flows)} records of {len(names)} layers up to step {self.steps[-1]}. Layer {names[slow]} got "
            f"{share:.3g} of the gradient of layer {names[fast]} over the training: it learnt "
            f"{1 / share if share else math.inf:.3g} times more slowly. From layer to layer gradients were multiplied "
            f"by {self.flows[0].per_layer:.3g} before the first step ({self.flows[0].verdict}) and by "
            f"{self.flows[-1].per_layer:.3g} at the end ({self.flows[-1].verdict})."
        )
