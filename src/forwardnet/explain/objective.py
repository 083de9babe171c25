"""A loss as a function of one vector: its value, gradient, Hessian, and products with the Hessian, at a place.

    objective = explain.Objective.of_model(model, "cross_entropy", X, y)
    objective.gradient(), objective.product(v), objective.hessian()

Everything is computed in float64 on a copy of the model, so that second derivatives have digits left and nothing of
the model changes: neither weights nor gradients, running statistics or mode.

Axis glossary: n numbers of the vector, for a model all its trainable parameters one after another.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn
from forwardnet.autograd import functional, grad
from forwardnet.dtypes import float64
from forwardnet.errors import ArgumentError, AutogradError, DataError, ShapeError, unknown_name
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.mode import no_grad
from forwardnet.train.inputs import features
from forwardnet.train.pairing import pairing_of

Floats = NDArray[np.float64]
Function = Callable[[Tensor], Tensor]

MAX_EXACT = 4000  # a Hessian of this many rows takes 128 MB


@dataclass(frozen=True)
class Part:
    """One parameter inside the vector: its name, where it begins and ends, and its shape."""

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]


class Objective:
    """f(x), a number that depends on a vector x of n numbers, at the place `x`.

    `function` takes a tensor (n,) of float64 and returns a tensor of one element. `parts` names pieces of x where it
    is made of several.

    Raises:
        DataError: x holds a NaN or an infinity.

    Example:
        >>> f = explain.Objective(lambda x: x[0] ** 2 + 5 * x[1] ** 2, [1.0, 1.0])
        >>> f.gradient().tolist(), f.hessian().tolist()
        ([2.0, 10.0], [[2.0, 0.0], [0.0, 10.0]])
    """

    def __init__(self, function: Function, x: Any, *, parts: tuple[Part, ...] = ()) -> None:
        self.function = function
        self.x: Floats = np.array(x.detach().numpy() if isinstance(x, Tensor) else x, dtype=np.float64).reshape(-1)
        if not np.isfinite(self.x).all():
            raise DataError(f"Objective: x is {self.x[~np.isfinite(self.x)][0]} at {_first_bad(self.x)}")
        self.parts = parts
        self._recorded: tuple[Tensor, Tensor] | None = None

    @classmethod
    def of_model(cls, model: nn.Module, loss: Any, X: Any, y: Any, *, training: bool = False) -> Objective:
        """The loss of `model` on the rows `X` and `y` as a function of its trainable parameters.

        `loss` is an object, a function (output, y) or a name, as `Trainer` takes it. With `training` the copy of the
        model is in training mode: batch normalisation looks at these rows, and dropout draws.

        Raises:
            ArgumentError: the model has no trainable parameter, or `loss` gives more than one number.
            DataError, ShapeError, DTypeError: the data cannot be used with this model and loss.
        """
        own, loss_of = double_copy(model, training=training), loss_from(loss)
        rows, targets = rows_for(own, loss_of, X, y)
        places = _places(own)
        if not places:
            raise ArgumentError(f"Objective: {type(model).__name__} has no trainable parameter")
        parts, vector = _laid_out(places)

        def function(x: Tensor) -> Tensor:
            for part, holders in zip(parts, places.values(), strict=True):
                piece = x[part.start : part.stop].reshape(part.shape)
                for module, name in holders:
                    # As plain tensors, so that derivatives pass through them to x.
                    module._parameters[name] = piece  # type: ignore[assignment]
            result: Tensor = loss_of(own(rows), targets)
            return result

        return cls(function, vector, parts=parts)

    @property
    def size(self) -> int:
        """n."""
        return int(self.x.size)

    def at(self, x: Any) -> Objective:
        """The same function at another place."""
        moved = Objective(self.function, x, parts=self.parts)
        if moved.size != self.size:
            raise ShapeError(f"Objective: x has {moved.size} numbers, expected {self.size}")
        return moved

    def value(self, x: Floats | None = None) -> float:
        """f(x), at the objective's own place unless another is given."""
        with no_grad():
            return float(self._number(self.function(from_numpy(self.x.copy() if x is None else np.array(x)))).item())

    def gradient(self) -> Floats:
        """df/dx (n,)."""
        return np.array(self._gradient_graph()[1].detach().numpy())

    def product(self, v: Any) -> Floats:
        """H v (n,) for a vector v (n,), without forming H: the derivative of g'v (Pearlmutter 1994)."""
        vector = np.asarray(v, dtype=np.float64)
        if vector.shape != self.x.shape:
            raise ShapeError(f"Objective.product: v has shape {vector.shape}, expected {self.x.shape}")
        x, g = self._gradient_graph()
        if not g.requires_grad:  # linear in x
            return np.zeros_like(self.x)
        (found,) = grad(g, [x], from_numpy(vector.copy()), retain_graph=True, allow_unused=True)
        return np.zeros_like(self.x) if found is None else np.array(found.numpy())

    def hessian(self) -> Floats:
        """H (n, n), exact to rounding, and symmetric.

        Raises:
            ArgumentError: n is above 4000; products with H need no such memory.
        """
        if self.size > MAX_EXACT:
            raise ArgumentError(
                f"hessian: {self.size:,} parameters make a matrix of {self.size**2 * 8 / 2**30:,.1f} GiB, "
                f"expected at most {MAX_EXACT:,}",
                hint="product(v) multiplies by it without forming it, and spectrum(...) finds its eigenvalues that way",
            )
        full = functional.hessian(lambda x: self._number(self.function(x)), from_numpy(self.x.copy())).numpy()
        return np.asarray((full + full.T) / 2)  # the two halves differ by rounding

    def _gradient_graph(self) -> tuple[Tensor, Tensor]:
        """x and the gradient at it, recorded so that it can be differentiated again; made once."""
        if self._recorded is None:
            x = from_numpy(self.x.copy()).requires_grad_()
            y = self._number(self.function(x))
            g = grad(y, [x], create_graph=True, allow_unused=True)[0] if y.requires_grad else None
            self._recorded = x, (x * 0).detach() if g is None else g
        return self._recorded

    def _number(self, y: Any) -> Tensor:
        if not isinstance(y, Tensor) or y.numel() != 1:
            what = f"a tensor of shape {tuple(y.shape)}" if isinstance(y, Tensor) else f"a {type(y).__name__}"
            raise AutogradError(f"Objective: the function returned {what}, expected a tensor of one element")
        return y.reshape(())


def objective_of(target: Any, x: Any = None, *, where: str) -> Objective:
    """`target` itself if it is an `Objective`, or the function `target` at the place `x`."""
    if isinstance(target, Objective):
        return target if x is None else target.at(x)
    if not callable(target) or isinstance(target, nn.Module) or x is None:
        raise ArgumentError(
            f"{where}: got {type(target).__name__}{' without x' if x is None else ''}, "
            "expected an Objective, or a function and a place x",
            hint="Objective.of_model(model, loss, X, y) is the loss of a model",
        )
    return Objective(target, x)


def double_copy(model: nn.Module, *, training: bool) -> nn.Module:
    """A copy of `model` in float64 and of its own: without hooks or gradients, in the mode asked for."""
    own = copy.deepcopy(model).double().train(training)
    for module in own.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    own.zero_grad()
    return own


def loss_from(loss: Any) -> Callable[[Any, Any], Tensor]:
    """A loss from an object, a function or a name ("mse")."""
    if isinstance(loss, str):
        if loss not in nn.LOSSES:
            raise unknown_name("loss", loss, nn.LOSSES)
        return nn.LOSSES[loss]()
    if isinstance(loss, type) or not callable(loss):
        raise ArgumentError(
            f"loss is {getattr(loss, '__name__', repr(loss))}, expected a loss object, a function or a name"
        )
    found: Callable[[Any, Any], Tensor] = loss
    return found


def rows_for(model: nn.Module, loss: Any, X: Any, y: Any) -> tuple[Tensor, Tensor]:
    """X and y as float64 tensors (class indices as int64) that this model and loss take; refused as in training."""
    rows, training = inputs_for(X), model.training
    with no_grad():
        shape = tuple(model.eval()(rows[:1]).shape)  # one row has no batch statistics
    model.train(training)
    return rows, from_numpy(pairing_of(loss).targets(y, len(rows), shape, np.float64))


def inputs_for(X: Any) -> Tensor:
    """The rows of X as a float64 tensor of their own."""
    return from_numpy(np.array(features(X, np.float64))).to(float64)


def _places(model: nn.Module) -> dict[str, list[tuple[nn.Module, str]]]:
    """Name of each trainable parameter -> the modules that hold it; a shared one has several."""
    names: dict[int, str] = {}
    found: dict[str, list[tuple[nn.Module, str]]] = {}
    for path, module in model.named_modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and parameter.requires_grad:
                full = names.setdefault(id(parameter), f"{path}.{name}" if path else name)
                found.setdefault(full, []).append((module, name))
    return found


def _laid_out(places: dict[str, list[tuple[nn.Module, str]]]) -> tuple[tuple[Part, ...], Floats]:
    """Where each parameter stands in the vector, and the vector."""
    parts, pieces, start = [], [], 0
    for full, ((module, name), *_) in places.items():
        parameter = module._parameters[name]
        assert parameter is not None
        pieces.append(parameter.detach().numpy().reshape(-1))
        parts.append(Part(full, start, start + pieces[-1].size, tuple(parameter.shape)))
        start += pieces[-1].size
    return tuple(parts), np.concatenate(pieces)


def _first_bad(x: Floats) -> str:
    return f"position {int(np.argmin(np.isfinite(x)))}"
