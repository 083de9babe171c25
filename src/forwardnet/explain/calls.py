"""What each layer of a network got and gave in one pass, as tensors that derivatives can be taken by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn
from forwardnet.tensor import Tensor

Array = NDArray[Any]


@dataclass(frozen=True)
class Call:
    """One call of one layer: its dotted name ("hidden.0", with " (2)" at a second call), its input, its output."""

    name: str
    module: nn.Module
    input: Tensor
    output: Tensor

    @property
    def kind(self) -> str:
        """The class of the layer."""
        return type(self.module).__name__

    @property
    def own_parameters(self) -> list[nn.Parameter]:
        """The parameters of this layer, with those of the affine maps that it is made of."""
        return list(self.module.parameters())


def calls_of(model: nn.Module, rows: Tensor) -> tuple[Tensor, list[Call]]:
    """The output of `model` for `rows`, and the calls of its innermost layers in the order in which they ended.

    Calls of layers that take or give something else than one tensor are left out. Each layer gets a view of its input
    of its own, so that the derivative by it is what passes back through this layer alone, also where a residual
    connection uses the same tensor.
    """
    calls: list[Call] = []
    counts: dict[str, int] = {}

    def recorder(name: str) -> Callable[..., None]:
        def record(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            if args and isinstance(args[0], Tensor) and isinstance(output, Tensor):
                counts[name] = counts.get(name, 0) + 1
                full = name if counts[name] == 1 else f"{name} ({counts[name]})"
                calls.append(Call(full, module, args[0], output))

        return record

    inside = {
        id(part)
        for module in model.modules()
        if module._is_one_layer
        for part in module.modules()
        if part is not module
    }
    handles = []
    for name, module in model.named_modules():
        if id(module) not in inside and (module._is_one_layer or not module._modules):
            handles.append(module.register_forward_pre_hook(_own_view))
            handles.append(module.register_forward_hook(recorder(name or type(module).__name__)))
    try:
        return model(rows), calls
    finally:
        for handle in handles:
            handle.remove()


def _own_view(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a call, the first one as a view."""
    return (args[0].view_as(args[0]), *args[1:]) if args and isinstance(args[0], Tensor) else args


def norm(values: Array | None) -> float:
    """The Euclidean norm of all elements, safe from overflow; 0 of nothing."""
    if values is None or values.size == 0:
        return 0.0
    top = float(np.abs(values).max())
    if not 0 < top < float("inf"):
        return top
    return top * float(np.linalg.norm((values / top).reshape(-1)))
