"""The formulas of layers that are more than one activation: affine maps, gates, normalisation, table look-up.

Axis glossary: B batch, C features (channels).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forwardnet.errors import AxisError, DTypeError, ShapeError
from forwardnet.nn import loss_terms as terms
from forwardnet.nn.activations import sigmoid
from forwardnet.ops.scalar import where
from forwardnet.tensor import Tensor
from forwardnet.tensor.mode import no_grad


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y[..., o] = sum_i x[..., i] W[o, i] + b[o]"""
    y = input @ weight.T
    return y if bias is None else y + bias


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """y = a * sigmoid(b) for the halves a, b of the input along `dim` (Dauphin et al. 2017)."""
    a, b = halves("glu", input, dim)
    return a * sigmoid(b)


def halves(where: str, input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The first and the second half of `input` along `dim`.

    Raises:
        ShapeError: the axis is not of even length.
    """
    if input.ndim == 0 or input.shape[dim] % 2:
        raise ShapeError(f"{where}: input has shape {tuple(input.shape)}, expected an even length along axis {dim}")
    a, b = input.chunk(2, dim)
    return a, b


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """y = (x - mean) / sqrt(variance + eps) * w + b, mean and variance over the last axes (Ba et al. 2016).

    Raises:
        ShapeError: the last axes of the input are not of the lengths `normalized_shape`.
    """
    shape = tuple(normalized_shape)
    if tuple(input.shape)[max(input.ndim - len(shape), 0) :] != shape:
        lengths = ", ".join(map(str, shape))
        raise ShapeError(f"layer_norm: input has shape {tuple(input.shape)}, expected (..., {lengths})")
    dims = tuple(range(-len(shape), 0))
    centred = input - input.mean(dims, keepdim=True)
    variance = (centred * centred).mean(dims, keepdim=True)
    return _affine(centred / (variance + eps).sqrt(), weight, bias)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """y = (x - mean) / sqrt(variance + eps) * w + b for each place of axis 1 (Ioffe & Szegedy 2015).

    In `training` mean and variance are those of the batch, and the running ones move towards them by the share
    `momentum`, the variance in its unbiased form; else they are the running ones.

    Raises:
        ShapeError: there is one value for each feature, whose variance would be 0.
    """
    dims = tuple(d for d in range(input.ndim) if d != 1)
    along = (-1, *(1,) * (input.ndim - 2))
    if not training:
        if running_mean is None or running_var is None:
            raise ShapeError("batch_norm: running_mean or running_var is None, expected both outside of training")
        mean, variance = running_mean.reshape(along), running_var.reshape(along)
        return _affine((input - mean) / (variance + eps).sqrt(), _shaped(weight, along), _shaped(bias, along))
    count = input.numel() // max(input.shape[1], 1)
    if count == 1:
        raise ShapeError(
            f"batch_norm: Expected more than 1 value per channel when training, got input size {tuple(input.shape)}",
            hint="choose a batch size that leaves no batch of one row",
        )
    mean = input.mean(dims, keepdim=True)
    centred = input - mean
    variance = (centred * centred).mean(dims, keepdim=True)
    with no_grad():
        _follow(running_mean, mean, momentum)
        _follow(running_var, variance * (count / (count - 1)) if count else variance, momentum)
    return _affine(centred / (variance + eps).sqrt(), _shaped(weight, along), _shaped(bias, along))


def _follow(running: Tensor | None, now: Tensor, share: Any) -> None:
    """running = (1 - share) running + share now"""
    if running is not None:
        running.copy_((1 - share) * running + share * now.detach().reshape(running.shape))


def _affine(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _shaped(tensor: Tensor | None, along: tuple[int, ...]) -> Tensor | None:
    return tensor if tensor is None or len(along) == 1 else tensor.reshape(along)


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """y[..., d] = W[x[...], d]: the rows of a table by their numbers; row `padding_idx` gets no gradient.

    Raises:
        AxisError: an index is out of range.
        DTypeError: the indices are no integers.
        ShapeError: the weights are no table.
    """
    if input.is_floating_point() or terms.type_name(input) == "bool":
        raise DTypeError(
            f"embedding: input has dtype {terms.type_name(input)}, expected integers, the numbers of rows",
            hint="convert with input.long()",
        )
    if weight.ndim != 2:
        raise ShapeError(f"embedding: weight has shape {tuple(weight.shape)}, expected a table (rows, features)")
    rows = weight.shape[0]
    values = terms.concrete(input)
    if values is not None and values.size and (values.min() < 0 or values.max() >= rows):
        bad = tuple(int(i) for i in np.argwhere((values < 0) | (values >= rows))[0])
        place = f" at {terms.place_text(bad)}" if bad else ""
        raise AxisError(f"embedding: index {values[bad]} out of range [0, {rows}){place}")
    found = weight[input.long()]
    if padding_idx is None:
        return found
    return where((input != padding_idx).unsqueeze(-1), found, found.detach())  # type: ignore[no-any-return]
