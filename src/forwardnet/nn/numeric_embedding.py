"""Embeddings of numbers: each numeric feature becomes several, so that a network sees its fine structure at once.

Axis glossary: B batch, d features, K frequencies, T bins, D dimensions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import ShapeError
from forwardnet.nn import init
from forwardnet.nn.checks import check_count, check_number
from forwardnet.nn.module import Module
from forwardnet.nn.parameter import Parameter
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import cat, empty, from_numpy, zeros
from forwardnet.tensor.mode import no_grad

Array = NDArray[Any]


class NumericEmbedding(Module):
    """Base: from (..., B, d) to (..., B, d, D), or with `flatten` to (..., B, d D), which is what dense layers read."""

    n_features: int
    d_embedding: int
    flatten: bool

    def _set(self, *, flatten: bool, **sizes: int) -> None:
        for name, size in sizes.items():
            check_count(type(self).__name__, name, size)
            setattr(self, name, int(size))
        self.flatten = bool(flatten)

    def _by_feature(self, x: Tensor) -> Tensor:
        """(B, d) as (d, B, 1): the features are the batch of the products, so that each has weights of its own."""
        if x.ndim < 2 or x.shape[-1] != self.n_features:
            where = f"{type(self).__name__}({self.n_features})"
            raise ShapeError(f"{where}: x has shape {tuple(x.shape)}, expected (batch, {self.n_features})")
        return x.transpose(-1, -2).unsqueeze(-1)

    def _by_row(self, y: Tensor) -> Tensor:
        """(d, B, D) as (B, d, D) or (B, d D)."""
        y = y.transpose(-3, -2)
        return y.reshape(*y.shape[:-2], -1) if self.flatten else y

    def _named(self, *names: str) -> dict[str, Any]:
        """The constructor's arguments with these names, and the number type where it is not the usual one."""
        found = {name: getattr(self, name) for name in (*names, "flatten")}
        dtype = str(next(self.parameters()).dtype).rpartition(".")[2]
        return found if dtype == "float32" else {**found, "dtype": dtype}

    def extra_repr(self) -> str:
        shown = {name: value for name, value in self._arguments().items() if name not in ("n_features", "dtype")}
        return ", ".join([str(self.n_features), *(f"{name}={value!r}" for name, value in shown.items())])


def _size(arguments: dict[str, Any], name: str, usual: int = 0) -> int:
    """A size among the arguments of a constructor that may hold anything."""
    found = arguments.get(name, usual)
    return max(found, 0) if isinstance(found, int) else 0


class PBLDEmbeddings(NumericEmbedding):
    """y[b, i] = (W_i cos(2 pi w_i x[b, i] + b_i) + c_i, x[b, i]): waves of a number, mixed down, and the number itself.

    Each of d features has K waves w_i, b_i of its own and a linear map to D - 1 numbers ("periodic, bias, linear,
    densely connected", Holzmüller et al. 2024). w starts as N(0, sigma^2), b uniform in +-pi, W and c in +-1/sqrt(K).

    Args:
        n_features: d.
        n_frequencies: K.
        d_embedding: D, at least 2.
        frequency_init_scale: sigma; larger ones see finer structure, and overfit sooner.
        flatten: whether the output is (B, d D) instead of (B, d, D).

    Example:
        >>> nn.PBLDEmbeddings(3)(ff.zeros(5, 3)).shape
        forwardnet.Size([5, 12])
    """

    frequencies: Parameter
    phases: Parameter
    weight: Parameter
    bias: Parameter

    def __init__(
        self,
        n_features: int = 1,
        n_frequencies: int = 16,
        d_embedding: int = 4,
        frequency_init_scale: float = 0.1,
        flatten: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._set(n_features=n_features, n_frequencies=n_frequencies, flatten=flatten, d_embedding=d_embedding)
        check_count("PBLDEmbeddings", "d_embedding - 1", d_embedding - 1)
        check_number("PBLDEmbeddings", "frequency_init_scale", frequency_init_scale, "a number >= 0")
        self.frequency_init_scale = frequency_init_scale
        d, k, mixed = self.n_features, int(n_frequencies), self.d_embedding - 1
        self.frequencies, self.phases = (Parameter(empty(d, k, dtype=dtype)) for _ in range(2))
        self.weight = Parameter(empty(d, k, mixed, dtype=dtype))
        self.bias = Parameter(empty(d, mixed, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw everything anew."""
        init.normal_(self.frequencies, 0.0, self.frequency_init_scale)
        init.uniform_(self.phases, -math.pi, math.pi)
        bound = 1 / math.sqrt(self.frequencies.shape[1])
        for part in (self.weight, self.bias):
            init.uniform_(part, -bound, bound)

    _takes_stacks = True

    def forward(self, x: Tensor) -> Tensor:
        number = self._by_feature(x)
        waves = (2 * math.pi * number * self.frequencies.unsqueeze(1) + self.phases.unsqueeze(1)).cos()
        return self._by_row(cat([waves @ self.weight + self.bias.unsqueeze(1), number], dim=-1))

    def _arguments(self) -> dict[str, Any]:
        return self._named("n_features", "n_frequencies", "d_embedding", "frequency_init_scale")

    @staticmethod
    def _claim(**arguments: Any) -> int:
        k, wide = _size(arguments, "n_frequencies", 16), _size(arguments, "d_embedding", 4)
        return _size(arguments, "n_features", 1) * (2 * k + (k + 1) * max(wide - 1, 0))

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        k = int(self.frequencies.shape[1])
        return self.n_features * (4 * k + (2 * k + 1) * (self.d_embedding - 1))


class PeriodicEmbeddings(NumericEmbedding):
    """y[b, i] = relu(W_i (cos 2 pi w_i x[b, i], sin 2 pi w_i x[b, i]) + c_i): waves of a number, and a dense layer.

    Each of d features has K frequencies of its own, w ~ N(0, sigma^2) cut off at 3 sigma ("PLR", Gorishniy et al.
    2022).

    Args:
        n_features: d.
        d_embedding: D.
        n_frequencies: K.
        frequency_init_scale: sigma, the setting that matters most: from 0.01 to 1, smaller is safer.
        activation: whether there is a ReLU.
        lite: whether all features share W and c.
        flatten: whether the output is (B, d D) instead of (B, d, D).

    Example:
        >>> nn.PeriodicEmbeddings(3, flatten=False)(ff.zeros(5, 3)).shape
        forwardnet.Size([5, 3, 24])
    """

    frequencies: Parameter
    weight: Parameter
    bias: Parameter

    def __init__(
        self,
        n_features: int = 1,
        d_embedding: int = 24,
        n_frequencies: int = 48,
        frequency_init_scale: float = 0.01,
        activation: bool = True,
        lite: bool = False,
        flatten: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._set(n_features=n_features, n_frequencies=n_frequencies, d_embedding=d_embedding, flatten=flatten)
        check_number("PeriodicEmbeddings", "frequency_init_scale", frequency_init_scale, "a number >= 0")
        self.frequency_init_scale, self.activation, self.lite = frequency_init_scale, bool(activation), bool(lite)
        d, k = self.n_features, int(n_frequencies)
        own = () if lite else (d,)
        self.frequencies = Parameter(empty(d, k, dtype=dtype))
        self.weight = Parameter(empty(*own, 2 * k, self.d_embedding, dtype=dtype))
        self.bias = Parameter(empty(*own, self.d_embedding, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw everything anew."""
        sigma, bound = self.frequency_init_scale, 1 / math.sqrt(2 * self.frequencies.shape[1])
        if sigma:
            init.trunc_normal_(self.frequencies, 0.0, sigma, -3 * sigma, 3 * sigma)
        else:
            init.zeros_(self.frequencies)
        for part in (self.weight, self.bias):
            init.uniform_(part, -bound, bound)

    _takes_stacks = True

    def forward(self, x: Tensor) -> Tensor:
        angles = 2 * math.pi * self._by_feature(x) * self.frequencies.unsqueeze(1)
        y = cat([angles.cos(), angles.sin()], dim=-1) @ self.weight
        y = y + (self.bias if self.lite else self.bias.unsqueeze(1))
        return self._by_row(y.relu() if self.activation else y)

    def _arguments(self) -> dict[str, Any]:
        names = ("n_features", "d_embedding", "n_frequencies", "frequency_init_scale", "activation", "lite")
        return self._named(*names)

    @staticmethod
    def _claim(**arguments: Any) -> int:
        d, k = _size(arguments, "n_features", 1), _size(arguments, "n_frequencies", 48)
        maps = (2 * k + 1) * _size(arguments, "d_embedding", 24)
        return d * k + (maps if arguments.get("lite", False) else d * maps)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        k = int(self.frequencies.shape[1])
        return self.n_features * (4 * k + (4 * k + 1 + int(self.activation)) * self.d_embedding)


class PiecewiseLinearEmbeddings(NumericEmbedding):
    """y[b, i] = u_i x + c_i + sum_t V_i[t] e_t(x), x = x[b, i]: a function with a bend at the edges of T bins.

    e_t rises from 0 at the left edge of bin t to 1 at the right one, and is level outside; the first goes on to the
    left and the last to the right. V starts with zeros, so that bends come where data ask for them ("version B",
    Gorishniy et al. 2022, 2025). The edges are quantiles of training data, set by `fit_bins`; until then there is one
    bin from 0 to 1. They are kept as buffers, which are part of the state dict.

    Args:
        n_features: d.
        n_bins: T, the most bins of a feature.
        d_embedding: D.
        flatten: whether the output is (B, d D) instead of (B, d, D).

    Example:
        >>> layer = nn.PiecewiseLinearEmbeddings(3, n_bins=8)
        >>> layer.fit_bins(np.random.default_rng(0).normal(size=(100, 3)))
        >>> layer(ff.zeros(5, 3)).shape
        forwardnet.Size([5, 48])
    """

    weight: Parameter
    bias: Parameter
    bin_weight: Parameter
    slope: Tensor
    left: Tensor
    lowest: Tensor
    highest: Tensor

    def __init__(
        self, n_features: int = 1, n_bins: int = 48, d_embedding: int = 16, flatten: bool = True, dtype: Any = None
    ) -> None:
        super().__init__()
        self._set(n_features=n_features, n_bins=n_bins, d_embedding=d_embedding, flatten=flatten)
        d, t, wide = self.n_features, int(n_bins), self.d_embedding
        self.weight, self.bias = (Parameter(empty(d, wide, dtype=dtype)) for _ in range(2))
        self.bin_weight = Parameter(empty(d, t, wide, dtype=dtype))
        for name in ("slope", "left", "lowest", "highest"):
            self.register_buffer(name, zeros(d, t, dtype=dtype))
        self.n_bins = t
        self.set_edges([np.array([0.0, 1.0])] * d)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the linear part anew, uniform in +-1/sqrt(D), and level the rest."""
        bound = 1 / math.sqrt(self.d_embedding)
        for part in (self.weight, self.bias):
            init.uniform_(part, -bound, bound)
        init.zeros_(self.bin_weight)

    def fit_bins(self, X: Array) -> None:
        """Put the edges at quantiles of the columns of `X` (n, d), as many as there are different ones.

        Edges that are closer than a millionth of the column's range are one: in a bin of no width the outputs explode.
        """
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise ShapeError(f"fit_bins: X has shape {X.shape}, expected (n, {self.n_features})")
        self.set_edges([quantile_edges(column, self.n_bins) for column in X.T])

    def set_edges(self, edges: list[Array]) -> None:
        """Use these edges: for each feature at most T + 1 numbers, ascending; one without two has no bin."""
        top = float(np.finfo(np.float32).max)
        shape = (self.n_features, self.n_bins)
        slope, left, lowest, highest = (np.zeros(shape) for _ in range(4))
        for i, own in enumerate(edges):
            bins = len(own) - 1
            if bins < 1:
                continue
            slope[i, :bins], left[i, :bins] = 1 / np.diff(own), own[:-1]
            highest[i, :bins] = 1
            lowest[i, 0], highest[i, bins - 1] = -top, top  # not level on the outside
        with no_grad():
            for name, values in zip(
                ("slope", "left", "lowest", "highest"), (slope, left, lowest, highest), strict=True
            ):
                buffer = getattr(self, name)
                buffer.copy_(from_numpy(values).to(buffer.dtype))

    def encode(self, x: Tensor) -> Tensor:
        """e_t(x[b, i]) as (d, B, T)."""
        # The difference first: of near numbers it is exact, where a product and a sum would cancel in narrow bins.
        raw = (self._by_feature(x) - self.left.unsqueeze(1)) * self.slope.unsqueeze(1)
        return raw.maximum(self.lowest.unsqueeze(1)).minimum(self.highest.unsqueeze(1))

    _takes_stacks = True

    def forward(self, x: Tensor) -> Tensor:
        line = self._by_feature(x) * self.weight.unsqueeze(1) + self.bias.unsqueeze(1)
        return self._by_row(line + self.encode(x) @ self.bin_weight)

    def _arguments(self) -> dict[str, Any]:
        return self._named("n_features", "n_bins", "d_embedding")

    @staticmethod
    def _claim(**arguments: Any) -> int:
        t, wide = _size(arguments, "n_bins", 48), _size(arguments, "d_embedding", 16)
        return _size(arguments, "n_features", 1) * (2 * wide + t * wide + 4 * t)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return self.n_features * (4 * self.n_bins + (2 * self.n_bins + 3) * self.d_embedding)


def quantile_edges(column: Array, n_bins: int) -> Array:
    """The different ones among the n_bins + 1 quantiles of a column, float64 and ascending."""
    edges = np.unique(np.quantile(column.astype(np.float64), np.linspace(0.0, 1.0, n_bins + 1)))
    least = 1e-6 * max(float(edges[-1] - edges[0]), 1e-6)
    kept = [edges[0]]
    for edge in edges[1:]:
        if edge - kept[-1] > least:
            kept.append(edge)
    return np.array(kept)
