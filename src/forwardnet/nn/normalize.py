"""Normalisation: values of mean 0 and variance 1 over the batch or over the features, then scaled and shifted.

Axis glossary: B batch, C features (channels), L length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from forwardnet.errors import ArgumentError, DTypeError, ShapeError
from forwardnet.ir.shapes import numel
from forwardnet.nn import functional as F
from forwardnet.nn.checks import check_count
from forwardnet.nn.module import Module
from forwardnet.nn.parameter import Parameter
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import ones, tensor, zeros
from forwardnet.tensor.mode import no_grad


def dtype_name(dtype: Any) -> str:
    """The number type as "float32"."""
    return str(dtype).rpartition(".")[2]


class LayerNorm(Module):
    """y = (x - mean) / sqrt(variance + eps) * w + b over the last axes of each sample (Ba, Kiros & Hinton 2016).

    The same in training and evaluation, and independent of the other samples.

    Args:
        normalized_shape: lengths of the last axes, or of the last one.
        eps: keeps the root away from 0.
        elementwise_affine: whether there are w, which starts at 1, and b.
        bias: whether there is b, which starts at 0.

    Raises:
        ShapeError: the last axes of an input are not of these lengths.
    """

    weight: Parameter | None
    bias: Parameter | None
    _takes_stacks = True

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        if not shape or any(isinstance(n, bool) or not hasattr(n, "__index__") or n < 1 for n in shape):
            raise ArgumentError(f"LayerNorm: normalized_shape is {normalized_shape!r}, expected whole numbers > 0")
        self.normalized_shape, self.eps, self.elementwise_affine = shape, eps, elementwise_affine
        self.register_parameter("weight", Parameter(ones(shape, dtype=dtype)) if elementwise_affine else None)
        self.register_parameter("bias", Parameter(zeros(shape, dtype=dtype)) if elementwise_affine and bias else None)

    def reset_parameters(self) -> None:
        """Scale by 1 and shift by 0."""
        _reset(self)

    def forward(self, x: Tensor) -> Tensor:
        _check_dtype("LayerNorm", x, self.weight)
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def _arguments(self) -> dict[str, Any]:
        found = {
            "normalized_shape": list(self.normalized_shape),
            "eps": self.eps,
            "elementwise_affine": self.elementwise_affine,
            "bias": self.bias is not None,
        }
        return _with_dtype(found, self.weight)

    @staticmethod
    def _claim(**arguments: Any) -> int:
        shape = arguments.get("normalized_shape", 0)
        sizes = shape if isinstance(shape, (list, tuple)) else [shape]
        kinds = bool(arguments.get("elementwise_affine", True)) * (1 + bool(arguments.get("bias", True)))
        return kinds * math.prod(max(n, 0) if isinstance(n, int) else 0 for n in sizes)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        # the sum, the difference, its square and their sum, the quotient; then scale and shift
        return numel(y) * (5 + (self.weight is not None) + (self.bias is not None))

    def extra_repr(self) -> str:
        affine, bias = self.elementwise_affine, self.bias is not None
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}, bias={bias}"


class BatchNorm1d(Module):
    """y = (x - mean) / sqrt(variance + eps) * w + b for each feature over the batch (Ioffe & Szegedy 2015).

    Training uses mean and (biased) variance of the batch, and follows them with running averages, the variance in its
    unbiased form; evaluation uses the averages. x has shape (B, C) or (B, C, L), with statistics over B and L.

    Args:
        num_features: C.
        eps: keeps the root away from 0.
        momentum: share of the newest batch in the running averages; None averages all batches alike.
        affine: whether there are w, which starts at 1, and b, which starts at 0.
        track_running_stats: whether there are averages; without them evaluation uses the batch, too.
        bias: whether `affine` brings b.

    Raises:
        ShapeError: an input has another shape, or one value for each feature to learn from.
    """

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        check_count("BatchNorm1d", "num_features", num_features)
        n = self.num_features = int(num_features)
        self.eps, self.momentum, self.affine, self.track_running_stats = eps, momentum, affine, track_running_stats
        self.register_parameter("weight", Parameter(ones(n, dtype=dtype)) if affine else None)
        self.register_parameter("bias", Parameter(zeros(n, dtype=dtype)) if affine and bias else None)
        self.register_buffer("running_mean", zeros(n, dtype=dtype) if track_running_stats else None)
        self.register_buffer("running_var", ones(n, dtype=dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", tensor(0) if track_running_stats else None)

    def reset_running_stats(self) -> None:
        """Forget all batches."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1.0)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Forget all batches, scale by 1 and shift by 0."""
        self.reset_running_stats()
        _reset(self)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim not in (2, 3) or x.shape[1] != self.num_features:
            raise ShapeError(
                f"BatchNorm1d({self.num_features}): x has shape {tuple(x.shape)}, "
                f"expected (batch, {self.num_features}) or (batch, {self.num_features}, length)"
            )
        _check_dtype("BatchNorm1d", x, self.weight)
        uses_batch = self.training or self.running_mean is None
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training=uses_batch,
            momentum=self._share(x) if self.training else 0.0,
            eps=self.eps,
        )

    def _share(self, x: Tensor) -> Any:
        """The share of the next batch in the running averages; counts the batch."""
        if self.num_batches_tracked is None:
            return 0.0
        with no_grad():
            self.num_batches_tracked.add_(1)
            return self.momentum if self.momentum is not None else 1.0 / self.num_batches_tracked.to(x.dtype)

    def _arguments(self) -> dict[str, Any]:
        names = ("num_features", "eps", "momentum", "affine", "track_running_stats")
        found = {**{name: getattr(self, name) for name in names}, "bias": self.bias is not None}
        return _with_dtype(found, self.weight, self.running_mean)

    @staticmethod
    def _claim(**arguments: Any) -> int:
        n = arguments.get("num_features", 0)
        kinds = bool(arguments.get("affine", True)) * (1 + bool(arguments.get("bias", True)))
        kinds += 2 * bool(arguments.get("track_running_stats", True))  # the averages take memory as well
        return kinds * (max(n, 0) if isinstance(n, int) else 0)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return numel(y) * (
            2 + (self.weight is not None) + (self.bias is not None)
        )  # in evaluation: minus the mean, by the root, scale, shift

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


def _reset(layer: LayerNorm | BatchNorm1d) -> None:
    if layer.weight is not None:
        layer.weight.data.fill_(1.0)
    if layer.bias is not None:
        layer.bias.data.zero_()


def _with_dtype(arguments: dict[str, Any], *held: Tensor | None) -> dict[str, Any]:
    dtype = next((dtype_name(one.dtype) for one in held if one is not None), "float32")
    return arguments if dtype == "float32" else {**arguments, "dtype": dtype}


def _check_dtype(where: str, x: Tensor, weight: Tensor | None) -> None:
    if weight is not None and x.dtype != weight.dtype:
        own = dtype_name(weight.dtype)
        raise DTypeError(
            f"{where}: x has dtype {dtype_name(x.dtype)}, expected {own} as the weights",
            hint=f"convert the input with x.to(forwardnet.{own}), or the model with model.to(x.dtype)",
        )
