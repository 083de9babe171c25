"""Tools for gradients, parameters as one vector, and stacks of linear layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from forwardnet.errors import ArgumentError, DivergedError, ShapeError
from forwardnet.nn.activations import Identity
from forwardnet.nn.linear import Linear
from forwardnet.nn.module import Module
from forwardnet.nn.sequential import Sequential
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import cat, stack, tensor
from forwardnet.tensor.mode import no_grad


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [param.grad for param in listed if param.grad is not None]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients by one factor so that their common norm is at most `max_norm`; returns the norm before.

    `norm_type` is the p of the norm, `math.inf` for the largest absolute value (Pascanu et al. 2013).

    Raises:
        DivergedError: the norm is NaN or infinite and `error_if_nonfinite` is true.
    """
    if not max_norm >= 0:
        raise ArgumentError(f"clip_grad_norm_: max_norm is {max_norm}, expected a number >= 0")
    gradients = _gradients(parameters)
    if not gradients:
        return tensor(0.0)
    with no_grad():
        total = stack([gradient.norm(norm_type) for gradient in gradients]).norm(norm_type)
        if error_if_nonfinite and not math.isfinite(total.item()):
            raise DivergedError(f"clip_grad_norm_: the norm of the gradients is {total.item()}")
        factor = (max_norm / (total + 1e-6)).clamp(max=1.0)  # as PyTorch: never a division by zero
        for gradient in gradients:
            gradient.mul_(factor)
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit every element of every gradient to [-clip_value, clip_value]."""
    if not clip_value >= 0:
        raise ArgumentError(f"clip_grad_value_: clip_value is {clip_value}, expected a number >= 0")
    with no_grad():
        for gradient in _gradients(parameters):
            gradient.clamp_(-clip_value, clip_value)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters one after another as a vector."""
    return cat([param.reshape(-1) for param in parameters])


def vector_to_parameters(vector: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the parts of `vector` into the parameters, in order.

    Raises:
        ShapeError: it has not one element for each number in the parameters.
    """
    listed = list(parameters)
    wanted = sum(param.numel() for param in listed)
    if tuple(vector.shape) != (wanted,):
        raise ShapeError(f"vector_to_parameters: vector has shape {tuple(vector.shape)}, expected ({wanted},)")
    start = 0
    with no_grad():
        for param in listed:
            param.copy_(vector[start : start + param.numel()].reshape(param.shape))
            start += param.numel()


def collapse_linear(model: Sequential) -> Sequential:
    """The same function with each run of `Linear` layers made one: W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2).

    Without an activation between them, layers add no power. `Identity` and a `Sequential` inside are looked through;
    other layers are kept, as the same objects.
    """
    result: list[Any] = []
    for layer in _flat(model):
        if isinstance(layer, Linear) and result and isinstance(result[-1], Linear):
            result[-1] = _product(result[-1], layer)
        else:
            result.append(layer)
    return Sequential(*result)


def _flat(model: Module) -> Iterator[Module]:
    for layer in model.children() if not isinstance(model, Sequential) else model:
        if isinstance(layer, Sequential):
            yield from _flat(layer)
        elif not isinstance(layer, Identity):
            yield layer


def _product(first: Linear, second: Linear) -> Linear:
    has_bias = first.bias is not None or second.bias is not None
    merged = Linear(first.in_features, second.out_features, bias=has_bias, dtype=first.weight.dtype)
    with no_grad():
        merged.weight.copy_(second.weight @ first.weight)
        if merged.bias is not None:
            merged.bias.zero_()
            if first.bias is not None:
                merged.bias.add_(second.weight @ first.bias)
            if second.bias is not None:
                merged.bias.add_(second.bias)
    return merged


@contextmanager
def capture(model: Module, *names: str) -> Iterator[dict[str, Any]]:
    """Collect the outputs of the submodules called `names` (of all, if none are named) while the block runs.

    Example:
        >>> with nn.utils.capture(model, "0") as outputs:
        ...     _ = model(x)
        >>> outputs["0"].shape
        forwardnet.Size([5, 8])
    """
    outputs: dict[str, Any] = {}
    wanted = [(name, model.get_submodule(name)) for name in names] or [n for n in model.named_modules() if n[0]]

    def keep(name: str) -> Any:
        return lambda module, args, output: outputs.__setitem__(name, output)

    handles = [module.register_forward_hook(keep(name)) for name, module in wanted]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
