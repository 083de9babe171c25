"""Mixture density: a network whose output is a distribution with several peaks (Bishop 1994).

Where one x goes with several likely y, the mean of y may itself be unlikely, and squared error finds just that mean.
Here the network puts out the weights, means and scales of K normal distributions, and is trained on the likelihood.

Axis glossary: I inputs, K components, D numbers of the target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.ir.shapes import numel
from forwardnet.nn import init, loss_terms as terms
from forwardnet.nn.checks import check_count
from forwardnet.nn.linear import Linear
from forwardnet.nn.module import Module
from forwardnet.nn.smooth import logsigmoid
from forwardnet.ops.scalar import exp
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import cat

Array = NDArray[Any]


def mixture_nll_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """l = -log sum_k w_k prod_d N(y_d; m_kd, s_kd^2): negative log-likelihood of y under a mixture (Bishop 1994).

    The last axis of `input` holds K scores, whose softmax are the weights w; then K means m for each of the D numbers;
    then K logarithms of scales s for each, as `nn.MixtureDensity` puts them out. `target` has the axes of `input` with
    D in place of the last, or, for D = 1, without it. Computed with logarithms throughout, so that a y far from every
    component has a finite loss and a gradient that leads to it.

    Raises:
        ShapeError: the input's last axis is no multiple of 2 D + 1, or the other axes differ.
    """
    name = "mixture_nll_loss"
    terms.check_tensors(name, input=input, target=target)
    terms.check_floating(name, "input", input)
    shape, own = tuple(input.shape), tuple(target.shape)
    y = target if len(own) == len(shape) else target.unsqueeze(-1)
    numbers = y.shape[-1] if y.ndim else 0
    if (
        not shape
        or tuple(y.shape[:-1]) != shape[:-1]
        or numbers == 0
        or shape[-1] == 0
        or shape[-1] % (2 * numbers + 1)
    ):
        raise ShapeError(
            f"{name}: input has shape {shape} and target {own}, expected input (..., K (2 D + 1)) and target (..., D)",
            hint="nn.MixtureDensity(in_features, components, out_features=D) puts out such an input",
        )
    k = shape[-1] // (2 * numbers + 1)
    joint = input[..., :k].log_softmax(-1) - 0.5 * numbers * math.log(2 * math.pi)
    # One number of the target after the other, K columns at a time: no value is larger than the input.
    for d in range(numbers):
        log_scales = input[..., k * (1 + numbers + d) : k * (2 + numbers + d)]
        z = (y[..., d : d + 1] - input[..., k * (1 + d) : k * (2 + d)]) * exp(-log_scales)
        joint = joint - 0.5 * z**2 - log_scales
    return terms.reduced(-joint.logsumexp(-1), reduction)


@dataclass(frozen=True)
class Mixtures:
    """One mixture for each row: `weights` (n, K), `means` (n, K, D), `scales` (n, K, D), standard deviations."""

    weights: Array
    means: Array
    scales: Array

    @property
    def mean(self) -> Array:
        """E[y] (n, D): what squared error would find."""
        return np.asarray((self.weights[..., None] * self.means).sum(axis=-2))

    @property
    def variance(self) -> Array:
        """The variance of y (n, D): that within the components, and that between them."""
        off = self.means - self.mean[..., None, :]
        return np.asarray((self.weights[..., None] * (self.scales**2 + off**2)).sum(axis=-2))

    @property
    def likeliest(self) -> Array:
        """The mean of the component with the highest peak (n, D): a y that is likely, which the mean may not be."""
        with np.errstate(divide="ignore"):
            peaks = np.log(self.weights) - np.log(self.scales).sum(axis=-1)
        best = peaks.argmax(axis=-1)[..., None, None]
        return np.asarray(np.take_along_axis(self.means, best, axis=-2)[..., 0, :])

    def log_pdf(self, y: Any) -> Array:
        """log p(y) for y (n, D), or (m, 1, D) to see every y under every row's mixture (m, n)."""
        z = (np.asarray(y, dtype=np.float64)[..., None, :] - self.means) / self.scales
        numbers = self.means.shape[-1]
        with np.errstate(divide="ignore"):
            joint = np.log(self.weights) - (0.5 * z**2 + np.log(self.scales)).sum(axis=-1)
        joint = joint - 0.5 * numbers * math.log(2 * math.pi)
        top = joint.max(axis=-1, keepdims=True)
        return np.asarray(top[..., 0] + np.log(np.exp(joint - top).sum(axis=-1)))

    def sample(self, *, seed: int = 0) -> Array:
        """One y drawn from each row's mixture (n, D); a function of `seed`."""
        random = np.random.RandomState(seed)
        reached = np.cumsum(self.weights, axis=-1)
        drawn = random.uniform(size=(*self.weights.shape[:-1], 1)) * reached[..., -1:]
        chosen = (drawn > reached).sum(axis=-1)[..., None, None]
        mean, scale = (np.take_along_axis(v, chosen, axis=-2)[..., 0, :] for v in (self.means, self.scales))
        return np.asarray(mean + scale * random.normal(size=mean.shape))


class MixtureDensity(Module):
    """An output layer for the parameters of K normal distributions of D numbers each, all from x W' + b.

    Puts out (..., K (2 D + 1)): scores, means, and log(e^a + min_scale) for the scales, which keeps a component from
    shrinking onto a single sample. Train it with `MixtureNLLLoss`; `read` turns outputs into mixtures. The means start
    apart, with biases drawn from N(0, 1), so targets should be scaled to about that size.

    Args:
        in_features: I, length of the last axis of the input.
        components: K; more than there are peaks do no harm.
        out_features: D, how many numbers the target has.
        min_scale: the least standard deviation, in the unit of the target.

    Example:
        >>> nn.MixtureDensity(8, components=3)(ff.zeros(5, 8)).shape
        forwardnet.Size([5, 9])
    """

    _is_one_layer = True

    def __init__(
        self,
        in_features: int,
        components: int = 3,
        out_features: int = 1,
        *,
        min_scale: float = 1e-3,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        for name, count in (("components", components), ("out_features", out_features)):
            check_count("MixtureDensity", name, count)
        if not 0 < min_scale < math.inf:
            raise ArgumentError(f"MixtureDensity: min_scale is {min_scale}, expected a number > 0")
        self.in_features, self.components, self.out_features = int(in_features), int(components), int(out_features)
        self.min_scale = float(min_scale)
        self.linear = Linear(in_features, self.components * (2 * self.out_features + 1), True, device, dtype)
        means = slice(self.components, self.components * (1 + self.out_features))
        assert self.linear.bias is not None
        init.normal_(self.linear.bias.data[means])

    def forward(self, x: Tensor) -> Tensor:
        y = self.linear(x)
        before = self.components * (1 + self.out_features)
        floor = math.log(self.min_scale)
        log_scales = floor - logsigmoid(floor - y[..., before:])  # log(e^a + e^floor) without either power
        return cat([y[..., :before], log_scales], dim=-1)

    def read(self, output: Tensor | Array) -> Mixtures:
        """The mixtures that outputs of this layer, a tensor or an array (n, K (2 D + 1)), stand for.

        Raises:
            ShapeError: these are no outputs of this layer.
        """
        values = np.asarray(output.detach().numpy() if isinstance(output, Tensor) else output, dtype=np.float64)
        k, d = self.components, self.out_features
        if values.ndim == 0 or values.shape[-1] != k * (2 * d + 1):
            raise ShapeError(f"MixtureDensity.read: got shape {values.shape}, expected (..., {k * (2 * d + 1)})")
        weights = np.exp(values[..., :k] - values[..., :k].max(axis=-1, keepdims=True))
        both = values[..., k:].reshape(*values.shape[:-1], 2, d, k).swapaxes(-1, -2)
        return Mixtures(weights / weights.sum(axis=-1, keepdims=True), both[..., 0, :, :], np.exp(both[..., 1, :, :]))

    def _arguments(self) -> dict[str, Any]:
        names = ("in_features", "components", "out_features", "min_scale")
        linear = self.linear._arguments()
        return {name: getattr(self, name) for name in names} | {k: v for k, v in linear.items() if k == "dtype"}

    @staticmethod
    def _claim(**arguments: Any) -> int:
        sizes = [arguments.get("components", 3), arguments.get("out_features", 1)]
        components, numbers = (max(size, 0) if isinstance(size, int) else 0 for size in sizes)
        return Linear._claim(in_features=arguments.get("in_features"), out_features=components * (2 * numbers + 1))

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        scales = numel(y) // (2 * self.out_features + 1) * self.out_features
        return (self.linear._flops(x, y) or 0) + scales

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, components={self.components}, out_features={self.out_features}"
