"""Training steps as graphs, and the interpreter as the oracle for native programs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.ir import Spec
from forwardnet.jit import Traced, trace
from forwardnet.jit.cells import cells_of
from forwardnet.ops import interpret
from forwardnet.train.program import make_step


def network(sizes: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of these sizes with activations between them, started from seed 0."""
    ff.manual_seed(0)
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(itertools.pairwise(sizes)):
        layers.append(nn.Linear(a, b))
        if i < len(sizes) - 2:
            layers.append(activation())
    return nn.Sequential(*layers)


def traced_step(
    model: nn.Module, loss: Any, optimizer: optim.Optimizer, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]
) -> Traced:
    """One step of training on batches like x and y."""
    optimizer.begin()
    specs = [Spec(a.shape, a.dtype) for a in (x, y)]
    return trace(make_step(model, loss, optimizer), specs, cells_of([model, optimizer]))


def interpreted(traced: Traced, states: list[Any], arguments: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The results of one step by NumPy, op by op, and the states after it."""
    graph = traced.graph
    values = {node.index: np.asarray(a) for node, a in zip(graph.inputs, [*states, *arguments], strict=True)}
    with np.errstate(all="ignore"):
        interpret(graph.live(), values)
    after = list(states)
    for number, output in traced.states.items():
        after[number] = values[graph.outputs[output].index]
    return [values[n.index] for n in graph.outputs[: traced.results]], after
