"""Initialisers: fill a tensor in place with starting values, and return it.

A weight has shape (O, I): `fan_in` I numbers are summed for each output, and each input acts on `fan_out` O outputs.
The numbers come from the library's generator; `forwardnet.manual_seed` makes them repeatable.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.ir.shapes import numel
from forwardnet.nn.module import Module
from forwardnet.ops import layout, scalar
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy, randn, randperm
from forwardnet.tensor.mode import no_grad
from forwardnet.tensor.random import default_generator
from forwardnet.tensor.tape import new_tensor

Initializer = Callable[..., Tensor]
INITIALIZERS: dict[str, Initializer] = {}

GAINS: dict[str, Callable[[float], float]] = {
    "linear": lambda _: 1.0,
    "identity": lambda _: 1.0,
    "sigmoid": lambda _: 1.0,
    "tanh": lambda _: 5 / 3,
    "relu": lambda _: math.sqrt(2),
    "leaky_relu": lambda slope: math.sqrt(2 / (1 + slope**2)),
    "selu": lambda _: 3 / 4,
}


def initializer(function: Initializer) -> Initializer:
    """Enter `function` in the registry, under its name without the last underscore."""
    INITIALIZERS[function.__name__.rstrip("_")] = function
    return function


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight of shape (O, I), or (O, I, ...) with a receptive field behind.

    Raises:
        ShapeError: it has fewer than two axes.
    """
    shape = tuple(tensor.shape)
    if len(shape) < 2:
        raise ShapeError(
            f"fan_in and fan_out are not defined for shape {shape}, expected at least 2 axes",
            hint="give biases and other vectors a constant, uniform or normal start",
        )
    field = numel(shape[2:])
    return shape[1] * field, shape[0] * field


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """The factor by which weights make up for what an activation does to the spread of its input.

    `param` is the negative slope of "leaky_relu" (0.01 if not given).
    """
    if nonlinearity not in GAINS:
        raise unknown_name("nonlinearity", nonlinearity, GAINS)
    if isinstance(param, bool) or not isinstance(param, (int, float, type(None))):
        raise ArgumentError(f"calculate_gain: param is {param!r}, expected the negative slope as a number")
    return GAINS[nonlinearity](0.01 if param is None else float(param))


def _fill(tensor: Tensor, values: Any) -> Tensor:
    with no_grad():
        if isinstance(values, np.ndarray) and isinstance(tensor._data, np.ndarray) and tensor._data.flags.writeable:
            # What `copy_` does without a history, for the sake of the time it takes to make a model.
            tensor._data[...] = values
            tensor._counter.count += 1
        elif isinstance(values, Tensor):
            tensor.copy_(values)
        else:
            tensor.fill_(values)
    return tensor


def _fan(tensor: Tensor, mode: str) -> int:
    fan_in, fan_out = fans(tensor)
    known = {"fan_in": fan_in, "fan_out": fan_out}
    if mode not in known:
        raise unknown_name("mode", mode, known)
    return max(known[mode], 1)  # a tensor without elements has nothing to scale


@initializer
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """U[a, b)."""
    if a > b:
        raise ArgumentError(f"uniform_: a={a} is greater than b={b}")
    # PyTorch multiplies and adds in one rounding, with bounds of the tensor's own type: same draws, same bits.
    low, high = (np.asarray(bound, tensor.spec.dtype) for bound in (a, b))
    drawn = default_generator().uniform(tensor.spec.shape, tensor.spec.dtype)
    if isinstance(drawn, np.ndarray):
        return _fill(tensor, drawn.astype(np.float64) * float(high - low) + float(low))
    wide = layout.cast(drawn, dtype=np.dtype(np.float64))
    return _fill(tensor, new_tensor(scalar.add(scalar.mul(wide, float(high - low)), float(low))))


@initializer
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """N(mean, std^2)."""
    if std < 0:
        raise ArgumentError(f"normal_: std is {std}, expected a number >= 0")
    return _fill(tensor, randn(*tensor.shape, dtype=tensor.dtype) * std + mean)


@initializer
def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    """N(mean, std^2) given that the value is in [a, b]: what falls outside is drawn again.

    Raises:
        ArgumentError: less than one draw in a thousand would fall inside.
    """
    inside = 0.5 * (math.erf((b - mean) / (std * math.sqrt(2))) - math.erf((a - mean) / (std * math.sqrt(2))))
    if inside < 1e-3:
        raise ArgumentError(
            f"trunc_normal_: hardly anything of N({mean}, {std}^2) lies in [{a}, {b}]",
            hint="a and b are values, not multiples of std",
        )
    values = np.empty(numel(tensor.shape))
    todo = np.ones(values.shape, dtype=bool)
    while todo.any():
        values[todo] = randn(int(todo.sum())).numpy() * std + mean
        todo = (values < a) | (values > b)
    return _fill(tensor, from_numpy(values.reshape(tuple(tensor.shape))))


@initializer
def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same value everywhere."""
    return _fill(tensor, val)


@initializer
def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere; for biases. Weights of zero leave all units of a hidden layer alike for ever."""
    return _fill(tensor, 0.0)


@initializer
def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    return _fill(tensor, 1.0)


@initializer
def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix, which hands inputs on unchanged as far as there are outputs."""
    if tensor.ndim != 2:
        raise ShapeError(f"eye_: tensor has shape {tuple(tensor.shape)}, expected 2 axes")
    return _fill(tensor, from_numpy(np.eye(*tensor.shape)))


@initializer
def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """U[-l, l) with l = gain sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 16); for tanh and sigmoid."""
    limit = gain * math.sqrt(6 / max(sum(fans(tensor)), 1))
    return uniform_(tensor, -limit, limit)


@initializer
def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """N(0, s^2) with s = gain sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 12); for tanh and sigmoid."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / max(sum(fans(tensor)), 1)))


@initializer
def kaiming_uniform_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """U[-l, l) with l = gain sqrt(3 / fan) (He et al. 2015); for ReLU. `a` is the negative slope of a leaky one."""
    limit = calculate_gain(nonlinearity, a) * math.sqrt(3 / _fan(tensor, mode))
    return uniform_(tensor, -limit, limit)


@initializer
def kaiming_normal_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """N(0, s^2) with s = gain / sqrt(fan) (He et al. 2015, eq. 10); for ReLU. `a` is the negative slope."""
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)))


@initializer
def lecun_normal_(tensor: Tensor) -> Tensor:
    """N(0, 1 / fan_in) (LeCun et al. 1998, eq. 16); for SELU and layers without activation."""
    return normal_(tensor, 0.0, 1 / math.sqrt(_fan(tensor, "fan_in")))


@initializer
def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """gain Q with orthonormal rows or columns, whichever are fewer, drawn uniformly (Saxe et al. 2014)."""
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: tensor has shape {tuple(tensor.shape)}, expected at least 2 axes")
    shape = tuple(tensor.shape)
    if numel(shape) == 0:
        return tensor
    rows, columns = shape[0], numel(shape[1:])
    flat = randn(rows, columns).numpy().astype(np.float64)
    q, r = np.linalg.qr(flat.T if rows < columns else flat)
    q = q * np.sign(np.diag(r))  # without this the distribution is not uniform
    return _fill(tensor, from_numpy(np.ascontiguousarray(gain * (q.T if rows < columns else q)).reshape(shape)))


@initializer
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01) -> Tensor:
    """N(0, std^2) with the fraction `sparsity` of each column set to zero (Martens 2010)."""
    if tensor.ndim != 2:
        raise ShapeError(f"sparse_: tensor has shape {tuple(tensor.shape)}, expected 2 axes")
    if not 0 <= sparsity <= 1:
        raise ArgumentError(f"sparse_: sparsity is {sparsity}, expected a fraction in [0, 1]")
    rows, columns = tensor.shape
    values = randn(rows, columns).numpy() * std
    for column in range(columns):
        values[randperm(rows).numpy()[: math.ceil(sparsity * rows)], column] = 0.0
    return _fill(tensor, from_numpy(values))


def initialize(model: Module, name: str, *, bias: float | None = None, **options: Any) -> Module:
    """Give every weight of `model` with two axes or more the initialiser called `name`, and every bias one value.

    `bias=None` leaves biases as they are; `options` go to the initialiser.
    """
    if name not in INITIALIZERS:
        raise unknown_name("initialiser", name, INITIALIZERS)
    for path, param in model.named_parameters():
        if param.ndim >= 2:
            INITIALIZERS[name](param, **options)
        elif bias is not None and path.rpartition(".")[2] == "bias":
            constant_(param, bias)
    return model
