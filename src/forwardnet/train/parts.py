"""What a trainer is made of, from objects or names: the loss and the optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forwardnet import errors, nn, optim


def loss_of(loss: Any) -> Any:
    """A loss from an object or a name."""
    if isinstance(loss, str):
        made: Any = named(loss, "loss", nn.losses.LOSSES)()
        return made
    if isinstance(loss, type) or not callable(loss):
        name = getattr(loss, "__name__", repr(loss))
        raise errors.ArgumentError(
            f"Trainer: loss is {name}, expected a loss object, a function or a name",
            hint=f"write {name}()" if isinstance(loss, type) else None,
        )
    if getattr(loss, "reduction", "mean") == "none":
        raise errors.ArgumentError(
            'Trainer: the loss has reduction="none", expected one number', hint='use reduction="mean"'
        )
    return loss


def optimizer_of(optimizer: Any, model: nn.Module) -> Any:
    """An optimiser from an object or a name; it must hold parameters of the model."""
    own = {id(parameter) for parameter in model.parameters() if parameter.requires_grad}
    if not own:
        raise errors.ArgumentError(f"Trainer: {type(model).__name__} has no parameters to train")
    if isinstance(optimizer, str):
        kind = named(optimizer, "optimizer", optim.OPTIMIZERS)
        return kind(model.parameters(), **kind.usual)
    if isinstance(optimizer, type) or not hasattr(optimizer, "param_groups"):
        name = getattr(optimizer, "__name__", type(optimizer).__name__)
        raise errors.ArgumentError(
            f"Trainer: optimizer is {name}, expected an optimiser object or a name",
            hint=f"write {name}(model.parameters())" if isinstance(optimizer, type) else None,
        )
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    if not held & own:
        raise errors.ArgumentError(
            "Trainer: the optimizer holds none of the model's parameters",
            hint="make it with this model: Adam(model.parameters())",
        )
    return optimizer


def named(name: str, kind: str, known: Mapping[str, Any]) -> Any:
    """The class that is registered under `name`, or has that name itself: "mse" and "MSELoss" are the same."""
    found = known.get(name) or {cls.__name__: cls for cls in known.values()}.get(name)
    if found is None:
        raise errors.unknown_name(kind, name, known)
    return found
