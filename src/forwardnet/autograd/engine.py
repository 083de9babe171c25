"""`grad` and `backward` on tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forwardnet.errors import AutogradError
from forwardnet.tensor.tensor import Tensor
from forwardnet.tensor.walk import required_edge, walk_back

Tensors = Tensor | Sequence[Tensor]


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, Tensor) or value is None else list(value)


def _roots(outputs: Tensors, gradients: Any) -> list[tuple[Tensor, Any]]:
    ys = _listed(outputs)
    gs = [None] * len(ys) if gradients is None else _listed(gradients)
    if len(gs) != len(ys):
        raise AutogradError(f"got {len(ys)} tensors and {len(gs)} gradients")
    return list(zip(ys, gs, strict=True))


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the outputs' sum, weighted by `grad_outputs`, with respect to each input; `.grad` is untouched.

    Raises `AutogradError` for an input that the outputs do not depend on, unless `allow_unused` (then None) or
    `materialize_grads` (then zeros).
    """
    xs = _listed(inputs)
    edges = [required_edge(x, "grad") for x in xs]
    keep = bool(create_graph if retain_graph is None else retain_graph)
    found = walk_back(_roots(outputs, grad_outputs), keep, create_graph, edges, capture=True)
    if materialize_grads:
        found = [(x * 0).detach() if g is None else g for g, x in zip(found, xs, strict=True)]
    elif not allow_unused and any(g is None for g in found):
        raise AutogradError(
            "One of the differentiated Tensors appears to not have been used in the graph. "
            "Set allow_unused=True if this is the desired behavior.",
            hint="pass allow_unused=True to get None for it",
        )
    return tuple(found)


def backward(
    tensors: Tensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Accumulate the gradients of the tensors' sum, weighted by `grad_tensors`, into the leaves' `.grad`."""
    keep = bool(create_graph if retain_graph is None else retain_graph)
    wanted = None if inputs is None else [required_edge(x, "backward(inputs=...)") for x in _listed(inputs)]
    walk_back(_roots(tensors, grad_tensors), keep, create_graph, wanted)
