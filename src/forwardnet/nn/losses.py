"""Losses as modules, and which of them fit which output of a network."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from forwardnet.nn import loss_functions as of, loss_terms as terms, loss_values as by
from forwardnet.nn.activations import LogSoftmax, Sigmoid, Softmax
from forwardnet.nn.mixture import mixture_nll_loss
from forwardnet.nn.module import Module
from forwardnet.tensor import Tensor

LOSSES: dict[str, type[Loss]] = {}


class Loss(Module):
    """Base of the losses: a module that applies a loss function of (input, target) with its own options.

    `class MSELoss(Loss, function=mse_loss, name="mse", takes="values")` is a whole definition. `takes` says what the
    network has to put out, "values", "logits", "log-probabilities" or "probabilities", and `target` what it is compared
    with: "values", "classes" (int64 class indices), "labels" (floating, 0 to 1, one for each output), or "custom" (of a
    shape of its own, which the loss says).
    Options that are tensors are buffers, and so part of the state dict. `inputs` is the number of tensors that
    the function takes first.
    """

    function: ClassVar[Callable[..., Tensor]]
    name: ClassVar[str]
    takes: ClassVar[str]
    target: ClassVar[str]
    inputs: ClassVar[int] = 2
    reductions: ClassVar[tuple[str, ...]] = terms.REDUCTIONS
    _options: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(
        cls,
        *,
        function: Callable[..., Tensor] | None = None,
        name: str = "",
        takes: str = "values",
        target: str = "values",
        inputs: int = 2,
        reductions: tuple[str, ...] = terms.REDUCTIONS,
        **rest: Any,
    ) -> None:
        super().__init_subclass__(**rest)
        if function is not None:
            cls.function = staticmethod(function)
            cls.name, cls.takes, cls.target, cls.inputs, cls.reductions = name, takes, target, inputs, reductions
            cls.__doc__ = cls.__doc__ or function.__doc__
            options = list(inspect.signature(function).parameters.values())[inputs:]
            cls._options = tuple(option.name for option in options)
            cls.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
            LOSSES[name] = cls

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__()
        bound = inspect.signature(type(self)).bind(*args, **options)
        bound.apply_defaults()
        for option, value in bound.arguments.items():
            if option.endswith("weight"):
                self.register_buffer(option, value)
            else:
                setattr(self, option, value)
        terms.check_reduction(self.reduction, self.reductions)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return type(self).function(input, target, **self._arguments())

    def _arguments(self) -> dict[str, Any]:
        return {option: getattr(self, option) for option in self._options}


class MSELoss(Loss, function=of.mse_loss, name="mse"): ...


class L1Loss(Loss, function=of.l1_loss, name="l1"): ...


class CrossEntropyLoss(Loss, function=of.cross_entropy, name="cross_entropy", takes="logits", target="classes"): ...


class NLLLoss(Loss, function=of.nll_loss, name="nll", takes="log-probabilities", target="classes"): ...


class BCELoss(Loss, function=of.binary_cross_entropy, name="bce", takes="probabilities", target="labels"): ...


class BCEWithLogitsLoss(
    Loss, function=of.binary_cross_entropy_with_logits, name="bce_with_logits", takes="logits", target="labels"
): ...


class SmoothL1Loss(Loss, function=by.smooth_l1_loss, name="smooth_l1"): ...


class HuberLoss(Loss, function=by.huber_loss, name="huber"): ...


class QuantileLoss(Loss, function=by.quantile_loss, name="quantile"): ...


class KLDivLoss(
    Loss,
    function=by.kl_div,
    name="kl_div",
    takes="log-probabilities",
    target="labels",
    reductions=by.KL_REDUCTIONS,
): ...


class GaussianNLLLoss(Loss, function=by.gaussian_nll_loss, name="gaussian_nll", inputs=3):
    def forward(self, input: Tensor, target: Tensor, var: Tensor | float = 1.0) -> Tensor:
        return by.gaussian_nll_loss(input, target, var, **self._arguments())


class PoissonNLLLoss(Loss, function=by.poisson_nll_loss, name="poisson_nll"): ...


class HingeLoss(Loss, function=by.hinge_loss, name="hinge"): ...


class MixtureNLLLoss(Loss, function=mixture_nll_loss, name="mixture_nll", target="custom"): ...


def pairing_problem(model: Module, loss: Module) -> str | None:
    """What is wrong with training `model` on `loss`, judged by the last layer of the network, or None.

    Only pairings that spoil the training are named: a softmax before a loss that applies its own, a loss of
    probabilities on raw outputs, squared error on a softmax.
    """
    if not isinstance(loss, Loss):
        return None
    last = model
    while last._modules:
        last = [module for module in last._modules.values() if module is not None][-1]
    what, end = type(loss).__name__, type(last).__name__
    if loss.takes == "logits" and isinstance(last, (Softmax, LogSoftmax, Sigmoid)):
        return (
            f"{what} applies its own {'sigmoid' if loss.target == 'labels' else 'softmax'}: leave out the final {end}"
        )
    if loss.takes == "log-probabilities" and not isinstance(last, LogSoftmax):
        return (
            f"{what} takes log-probabilities, and the network ends with {end}: "
            "end with LogSoftmax, or use CrossEntropyLoss"
        )
    if loss.takes == "probabilities" and not isinstance(last, (Sigmoid, Softmax)):
        return (
            f"{what} takes probabilities, and the network ends with {end}: use BCEWithLogitsLoss, or end with Sigmoid"
        )
    if loss.takes == "values" and isinstance(last, (Softmax, LogSoftmax)):
        return f"{what} on {end} learns slowly from wrong answers: leave out {end} and use CrossEntropyLoss"
    return None
