"""Starting values that look at data: weights and biases of `NTKLinear` layers, one layer after another.

Axis glossary: n rows, I inputs, O outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.nn.module import Module
from forwardnet.nn.neuronwise import NTKLinear
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy, rand, randint, randn, randperm
from forwardnet.tensor.mode import no_grad

Array = NDArray[Any]

# Rows that statistics are taken of: more would move a standard deviation by less than 0.3 %.
MOST_ROWS = 1 << 16
# Rows of which each bias is a random mixture.
MIXED = 5


def init_from_data(model: Module, X: Array, *, most_rows: int = MOST_ROWS) -> Module:
    """Start the `NTKLinear` layers of `model` from the rows of `X` (n, ...), in the order in which they are reached.

    Weights are standard normal numbers, those of each neuron divided by the standard deviation of what they make of the
    data, so that all neurons begin with deviation 1. The bias of a neuron is minus a random convex combination of what
    `MIXED` random rows give it, so that its kink or bend lies among the data (Steinwart 2019; Holzmüller et al. 2024).
    Of more than `most_rows` rows, so many random ones are looked at. Drawn from the library's generator.
    """
    if len(X) > most_rows:
        X = X[np.sort(randperm(len(X)).numpy()[:most_rows])]
    handles = [m.register_forward_pre_hook(_start) for m in model.modules() if isinstance(m, NTKLinear)]
    was_training = model.training
    model.eval()
    try:
        with no_grad():
            model(from_numpy(np.ascontiguousarray(X)).to(next(model.parameters()).dtype))
    finally:
        for handle in handles:
            handle.remove()
        model.train(was_training)
    return model


def _start(layer: Any, args: tuple[Tensor, ...]) -> None:
    """Give a layer its start from what reaches it."""
    x = args[0].numpy()
    x = x.reshape(-1, x.shape[-1])
    weight = randn(*layer.weight.shape, dtype=layer.weight.dtype).numpy()
    z = x @ weight.T * layer.factor
    spread = z.std(axis=0, dtype=np.float64)
    spread[spread == 0] = 1.0  # nothing but equal rows: there is no scale to take
    layer.weight.copy_(from_numpy((weight / spread[:, None]).astype(weight.dtype)))
    if layer.bias is not None:
        rows = randint(0, len(x), (z.shape[1], MIXED)).numpy()
        shares = -np.log1p(-rand(z.shape[1], MIXED).numpy().astype(np.float64))
        shares /= shares.sum(axis=1, keepdims=True)
        picked = (z / spread)[rows, np.arange(z.shape[1])[:, None]]
        layer.bias.copy_(from_numpy((-(picked * shares).sum(axis=1)).astype(weight.dtype)))
