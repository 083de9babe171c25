"""Learning by trying: change weights or activations, see what the loss does, and count what it costs.

    estimate = perturbation.one_weight(lambda: loss(model(x), y), model.parameters())
    estimate.passes                       # n + 1 forward passes for n weights
    estimate.assign(); optimizer.step()   # as after backward()

What backpropagation finds in one pass forward and one back, which costs about three forward passes, these methods find
in as many passes as there are weights or units, or with noise in fewer. They are the yardstick for it, and work where
there is no derivative. `passes_needed` says how many passes each takes for a network.

Axis glossary: n numbers of all parameters, U units (outputs of linear layers), B rows of a batch, m samples.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors, nn, seeds
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.mode import no_grad
from forwardnet.train.inputs import whole

Array = NDArray[Any]
Loss = Callable[[], Any]

# Sizes of a change where none is given: about the cube root of the rounding, where a difference quotient is best.
SIZES = {"float32": 5e-3, "float64": 5e-6}


@dataclass(frozen=True)
class Estimate:
    """Gradients that were found without derivatives: one for each parameter, and the forward passes that it took."""

    parameters: tuple[Tensor, ...]
    gradients: tuple[Array, ...]
    passes: int

    def assign(self) -> None:
        """Put the gradients into `.grad`, as `backward` does, for an optimiser to use."""
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = from_numpy(gradient.astype(parameter._data.dtype))

    def vector(self) -> Array:
        """All gradients one after another, (n,)."""
        return np.concatenate([gradient.ravel() for gradient in self.gradients])


@dataclass(frozen=True)
class Search:
    """What a search by trial gave: the loss after each trial, how many were kept, and the forward passes it took."""

    losses: Array
    kept: int
    passes: int


def random_search(loss: Loss, parameters: Iterable[Tensor], *, trials: int, size: float, seed: int = 0) -> Search:
    """Change one random weight by a normal number of this `size`, keep it where the loss falls, and so on.

    Each trial takes one forward pass of the whole network to learn one bit about one weight: 1 + trials passes. The
    parameters are changed in place.

    Args:
        loss: computes the loss at the present parameters; a tensor of one number, or a number.
        parameters: what may be changed.
        trials: how many changes are tried, >= 1.
        size: standard deviation of a change, > 0.
        seed: of the weights and changes that are drawn.
    """
    flat = _Flat(parameters, loss, size)
    trials = whole(trials, "random_search: trials", least=1)
    which = seeds.unit64(seeds.bits(2 * trials, seed=seed, stream=0)) * flat.n
    change = seeds.normal64(seeds.bits(4 * trials, seed=seed, stream=1))[:trials] * flat.size
    w = flat.start.copy()
    best, kept, losses = flat(w), 0, np.empty(trials)
    for trial in range(trials):
        place = int(which[trial])
        before = w[place]
        w[place] += change[trial]
        now = flat(w)
        if now < best:
            best, kept = now, kept + 1
        else:
            w[place] = before
        losses[trial] = best
    flat.write(w)
    return Search(losses, kept, flat.passes)


def one_weight(
    loss: Loss, parameters: Iterable[Tensor], *, size: float | None = None, central: bool = False
) -> Estimate:
    """dL/dw_i = (L(w + size e_i) - L(w)) / size, one weight at a time: n + 1 forward passes.

    `central` takes (L(w + size e_i) - L(w - size e_i)) / (2 size), whose error is of the order of size^2, in 2 n.
    """
    flat = _Flat(parameters, loss, size)
    slopes, start = np.empty(flat.n), None if central else flat(flat.start)
    w = flat.start.copy()
    for i in range(flat.n):
        w[i] = flat.start[i] + flat.size
        above = flat(w)
        if start is None:
            w[i] = flat.start[i] - flat.size
            slopes[i] = (above - flat(w)) / (2 * flat.size)
        else:
            slopes[i] = (above - start) / flat.size
        w[i] = flat.start[i]
    return flat.estimate(slopes)


def all_weights(
    loss: Loss, parameters: Iterable[Tensor], *, samples: int = 1, size: float | None = None, seed: int = 0
) -> Estimate:
    """dL/dw = mean of u (L(w + size u) - L(w - size u)) / (2 size): all weights at once, by random signs u.

    2 forward passes for each of the m samples, however many weights there are; but the slope along u says nothing about
    the other n - 1 directions, and their noise goes away slowly: |error|^2 is (n - 1) / m of |gradient|^2 on average
    (Spall 1992).
    """
    flat = _Flat(parameters, loss, size)
    total = np.zeros(flat.n)
    for sample in range(whole(samples, "all_weights: samples", least=1)):
        u = _signs(flat.n, seed, sample)
        total += u * ((flat(flat.start + flat.size * u) - flat(flat.start - flat.size * u)) / (2 * flat.size))
    return flat.estimate(total / samples)


def activations(
    model: nn.Module,
    loss: Any,
    x: Tensor,
    y: Tensor,
    *,
    samples: int | None = None,
    size: float | None = None,
    seed: int = 0,
) -> Estimate:
    """Change what goes into the activations instead of the weights: dL/dW = sum over rows of dL/da h', for a = W h + b.

    A layer of O units and I inputs has O I weights, but only O activations, so that U + 1 forward passes find the whole
    gradient: one unit at a time, in all rows together, since rows do not influence each other. With `samples` all units
    are changed at once by random signs, which takes 1 + 2 m passes and leaves noise, as `all_weights` does, but of
    U - 1 directions instead of n - 1.

    Args:
        model: whose parameters all belong to linear layers, each called once, without batch normalisation in training.
        loss: of `forwardnet.nn`, with a mean or a sum over the rows.
        x: rows, (B, I).
        y: their targets.
        samples: m, or None for one unit at a time.
        size: of a change; None chooses one for the number type.
        seed: of the signs.

    Raises:
        ArgumentError: the model has other parameters, or the loss gives no value for each row.
    """
    step = SIZES[str(x.dtype).rpartition(".")[2]] if size is None else float(size)
    with no_grad(), _Rows(model, loss, x, y) as rows:
        base, inputs = rows(), rows.inputs()
        slopes = _unit_by_unit(rows, base, step) if samples is None else _units_at_once(rows, step, samples, seed)
    scale = 1.0 / len(x) if loss.reduction == "mean" else 1.0
    parameters, gradients = [], []
    for layer, h, slope in zip(rows.layers, inputs, slopes, strict=True):
        parameters.append(layer.weight)
        gradients.append(scale * slope.T @ h)
        if layer.bias is not None:
            parameters.append(layer.bias)
            gradients.append(scale * slope.sum(0))
    return Estimate(tuple(parameters), tuple(gradients), rows.passes)


def passes_needed(model: nn.Module, *, error: float = 0.1) -> dict[str, int]:
    """Forward passes for the gradient of a batch, by each method; where there is noise, for this relative `error`.

    Backpropagation counts as 3, since its way back has two matrix products for each one of the way forward.
    """
    if not error > 0:
        raise errors.ArgumentError(f"passes_needed: error is {error!r}, expected a number above 0")
    n = sum(p.numel() for p in model.parameters() if p.requires_grad)
    units = sum(layer.out_features for layer in model.modules() if isinstance(layer, nn.Linear))
    return {
        "backpropagation": 3,
        "one weight": n + 1,
        "all weights": 2 * math.ceil((n - 1) / error**2),
        "one activation": units + 1,
        "all activations": 1 + 2 * math.ceil((units - 1) / error**2),
    }


class _Flat:
    """The loss as a function of all parameters as one vector in float64; counts its calls."""

    def __init__(self, parameters: Iterable[Tensor], loss: Loss, size: float | None) -> None:
        self.parameters = tuple(parameters)
        if not self.parameters:
            raise errors.ArgumentError("perturbation: got no parameters")
        self.loss, self.passes = loss, 0
        self.start = np.concatenate([p.detach().numpy().ravel().astype(np.float64) for p in self.parameters])
        self.n = len(self.start)
        self.size = SIZES[str(self.parameters[0].dtype).rpartition(".")[2]] if size is None else float(size)
        if not self.size > 0:
            raise errors.ArgumentError(f"perturbation: size is {size!r}, expected a number above 0")

    def __call__(self, w: Array) -> float:
        """The loss there; the parameters are put back where they were."""
        self.passes += 1
        self.write(w)
        with no_grad():
            value = float(self.loss())
        self.write(self.start)
        return value

    def write(self, w: Array) -> None:
        """Put a vector into the parameters."""
        begin = 0
        with no_grad():
            for p in self.parameters:
                p.copy_(from_numpy(w[begin : begin + p.numel()].reshape(p.shape).astype(p._data.dtype)))
                begin += p.numel()

    def estimate(self, slopes: Array) -> Estimate:
        """A vector as gradients."""
        ends = np.cumsum([p.numel() for p in self.parameters])[:-1]
        parts = np.split(slopes, ends)
        shaped = tuple(part.reshape(p.shape) for part, p in zip(parts, self.parameters, strict=True))
        return Estimate(self.parameters, shaped, self.passes)


def _signs(count: int, seed: int, stream: int) -> Array:
    """-1 or 1, each as likely."""
    words = seeds.bits(count, seed=seed, stream=stream)
    return (words >> np.uint32(31)).astype(np.float64) * 2 - 1


class _Rows:
    """The loss of each row, with what is in `shifts` added to the outputs of the linear layers; counts its calls."""

    def __init__(self, model: nn.Module, loss: Any, x: Tensor, y: Tensor) -> None:
        self.model, self.x, self.y = model, x, y
        self.layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
        self._check(loss)
        self.is_sum = loss.reduction == "sum"
        self.loss = copy.copy(loss)
        self.loss.reduction = "none"
        self.shifts: list[Array | None] = [None] * len(self.layers)
        self.seen: list[tuple[int, Array]] = []
        self.passes = 0

    def _check(self, loss: Any) -> None:
        own = {id(p) for layer in self.layers for p in layer.parameters()}
        others = [name for name, p in self.model.named_parameters() if p.requires_grad and id(p) not in own]
        if others or not self.layers:
            what = f"{others[0]!r} belongs to no Linear layer" if others else "it has no Linear layer"
            name = type(self.model).__name__
            raise errors.ArgumentError(f"activations: {name}: {what}", hint="all_weights takes any parameters")
        if getattr(loss, "reduction", None) not in ("mean", "sum"):
            raise errors.ArgumentError(
                "activations: the loss gives no value for each row", hint="use a loss class of forwardnet.nn"
            )

    def __enter__(self) -> _Rows:
        self._handles = [
            layer.register_forward_hook(lambda module, args, output, i=i: self._shift(i, args[0], output))
            for i, layer in enumerate(self.layers)
        ]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _shift(self, number: int, h: Tensor, output: Tensor) -> Tensor:
        self.seen.append((number, h.numpy().astype(np.float64)))
        shift = self.shifts[number]
        return output if shift is None else output + from_numpy(shift.astype(output._data.dtype))

    def __call__(self) -> Array:
        """The loss of each row, (B,)."""
        self.seen.clear()
        self.passes += 1
        values = self.loss(self.model(self.x), self.y).numpy().astype(np.float64).reshape(len(self.x), -1)
        return np.asarray(values.sum(1) if self.is_sum else values.mean(1))

    def inputs(self) -> list[Array]:
        """What went into the layers in the last pass, (B, I) each."""
        if [number for number, _ in sorted(self.seen, key=lambda pair: pair[0])] != list(range(len(self.layers))):
            raise errors.ArgumentError("activations: a Linear layer is called more than once, or not at all")
        return [h for _, h in sorted(self.seen, key=lambda pair: pair[0])]


def _unit_by_unit(rows: _Rows, base: Array, step: float) -> list[Array]:
    slopes = [np.empty((len(base), layer.out_features)) for layer in rows.layers]
    for number, slope in enumerate(slopes):
        for unit in range(slope.shape[1]):
            shift = np.zeros(slope.shape)
            shift[:, unit] = step
            rows.shifts[number] = shift
            slope[:, unit] = (rows() - base) / step
        rows.shifts[number] = None
    return slopes


def _units_at_once(rows: _Rows, step: float, samples: int, seed: int) -> list[Array]:
    shapes = [(len(rows.x), layer.out_features) for layer in rows.layers]
    total = [np.zeros(shape) for shape in shapes]
    for sample in range(whole(samples, "activations: samples", least=1)):
        signs = [
            _signs(shape[0] * shape[1], seed, sample * len(shapes) + i).reshape(shape) for i, shape in enumerate(shapes)
        ]
        ends = []
        for size in (step, -step):
            rows.shifts[:] = [size * u for u in signs]
            ends.append(rows())
        slope = (ends[0] - ends[1])[:, None] / (2 * step)
        total = [t + slope * u for t, u in zip(total, signs, strict=True)]
    return [t / samples for t in total]
