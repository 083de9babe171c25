"""Losses as formulas.

Axis glossary: B batch, C classes, * any further axes. `input` is what the network says, `target` what is true.
Each takes `reduction`: "none" keeps the terms, "sum" adds them, "mean" also divides by their number (or weight).
"""

from __future__ import annotations

import math

from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.nn import loss_terms as terms
from forwardnet.ops.scalar import exp, log, log1p, where
from forwardnet.tensor import Tensor

# The logarithm that binary_cross_entropy takes for that of 0, as PyTorch does, and the number it belongs to
LOG_OF_ZERO = -100.0
SMALLEST = math.exp(LOG_OF_ZERO)
SLOPE_AT_ZERO = 1e12


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """l = (x - y)^2: squared error, the negative log-likelihood of a Gaussian up to a constant and a factor 1/2."""
    terms.check_tensors("mse_loss", input=input, target=target)
    terms.warn_if_broadcast("mse_loss", input, target)
    return terms.reduced((input - target) ** 2, reduction)


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """l = |x - y|: absolute error, with derivative 0 where x = y."""
    terms.check_tensors("l1_loss", input=input, target=target)
    terms.warn_if_broadcast("l1_loss", input, target)
    return terms.reduced((input - target).abs(), reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """l = -w_y log softmax(x)_y for a class y, or -sum_c w_c y_c log softmax(x)_c for probabilities y.

    `input` holds logits x of shape (C,), (B, C) or (B, C, *); `target` has that shape without C for int64 class
    indices, or the whole of it for floating probabilities. With class indices the mean is weighted by w_y, and
    targets equal to `ignore_index` count neither above nor below. `label_smoothing` s in [0, 1] replaces y by
    (1 - s) y + s / C (Szegedy et al. 2016).

    Raises:
        AxisError, DTypeError, ShapeError: a label is out of range, or target and input do not fit together.
    """
    name = "cross_entropy"
    terms.check_tensors(name, input=input, target=target)
    terms.check_floating(name, "input", input)
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(f"{name}: label_smoothing is {label_smoothing}, expected a number in [0, 1]")
    axis = class_axis(name, input)
    log_p = input.log_softmax(axis)  # never log(softmax): that is -inf as soon as softmax underflows
    if tuple(target.shape) == tuple(input.shape) and target.is_floating_point():
        return _of_probabilities(name, log_p, target, axis, weight, reduction, label_smoothing)
    return _of_classes(name, log_p, target, axis, weight, ignore_index, reduction, label_smoothing)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """l = -w_y x_y for log-probabilities x, shape (C,), (B, C) or (B, C, *), and classes y of that shape without C.

    The mean is weighted by w_y; targets equal to `ignore_index` count neither above nor below.

    Raises:
        AxisError, DTypeError, ShapeError: a label is out of range, or target and input do not fit together.
    """
    name = "nll_loss"
    terms.check_tensors(name, input=input, target=target)
    terms.check_floating(name, "input", input)
    return _of_classes(name, input, target, class_axis(name, input), weight, ignore_index, reduction, 0.0)


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """l = -w (y log p + (1 - y) log(1 - p)) for probabilities p and labels or probabilities y, both in [0, 1].

    A logarithm counts as -100 at least, so that a wrong certainty costs much but not infinitely.

    Raises:
        ArgumentError, ShapeError: values outside [0, 1], or target and input differ in shape.
    """
    name = "binary_cross_entropy"
    terms.check_tensors(name, input=input, target=target)
    terms.check_same_shape(name, input, target)
    terms.check_floating(name, "input", input)
    terms.check_between_0_and_1(name, "input", input)
    terms.check_between_0_and_1(name, "target", target, slack=1e-4)  # averages may round to just above 1
    loss = -(target * _bounded_log(input) + (1 - target) * _bounded_log(1 - input))
    return terms.reduced(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """l = -w (p y log s(x) + (1 - y) log(1 - s(x))) with s the sigmoid, for logits x and y in [0, 1].

    `pos_weight` p multiplies the terms of positive labels; its shape broadcasts to the input's, as (C,) for (B, C).

    Raises:
        ArgumentError, ShapeError: targets outside [0, 1], or shapes do not fit together.
    """
    name = "binary_cross_entropy_with_logits"
    terms.check_tensors(name, input=input, target=target)
    terms.check_same_shape(name, input, target)
    terms.check_floating(name, "input", input)
    terms.check_between_0_and_1(name, "target", target, slack=1e-4)
    # log s(x) = -(max(-x, 0) + r) and log(1 - s(x)) = -(max(x, 0) + r) with r = log(1 + e^-|x|): exp sees no positive
    # number, and no difference of large ones loses the small loss of a right answer. The three are written with one
    # and the same case distinction, x > 0 or not, so that at x = 0 all their derivatives belong to one branch.
    is_positive = input > 0
    above = where(is_positive, input, 0.0)  # max(x, 0)
    below = where(is_positive, 0.0, -input)  # max(-x, 0)
    rest = log1p(exp(-(above + below)))
    positive = target if pos_weight is None else target * pos_weight
    loss = positive * (below + rest) + (1 - target) * (above + rest)
    return terms.reduced(loss if weight is None else loss * weight, reduction)


def class_axis(name: str, input: Tensor) -> int:
    """The axis of the classes: 1, or 0 for a single sample without batch axis."""
    if input.ndim == 0:
        raise ShapeError(f"{name}: input has shape (), expected (C,), (B, C) or (B, C, ...)")
    return 1 if input.ndim > 1 else 0


def _of_classes(
    name: str,
    log_p: Tensor,
    target: Tensor,
    axis: int,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    smoothing: float,
) -> Tensor:
    """-(1 - s) w_y log p_y - s / C sum_c w_c log p_c for each sample."""
    terms.check_reduction(reduction)
    n_classes = log_p.shape[axis]
    sizes = tuple(log_p.shape[:axis]) + tuple(log_p.shape[axis + 1 :])
    labels, may_be_ignored = terms.check_labels(name, target, sizes, n_classes, ignore_index)
    terms.check_class_weight(name, weight, n_classes)
    counts = None
    if may_be_ignored:
        counts = labels != ignore_index
        labels = where(counts, labels, 0)  # any class will do: its term is left out below
    loss = -log_p.gather(axis, labels.unsqueeze(axis)).squeeze(axis)
    share = None if weight is None else weight[labels]
    if share is not None:
        loss = loss * share
    if smoothing:
        everywhere = -(log_p if weight is None else log_p * _along(weight, axis, log_p.ndim)).sum(axis)
        loss = (1 - smoothing) * loss + smoothing / n_classes * everywhere
    if counts is not None:
        loss = where(counts, loss, 0.0)  # not a product: 0 * inf would be NaN
        share = counts.to(log_p.dtype) if share is None else where(counts, share, 0.0)
    if reduction == "mean" and share is not None:
        return loss.sum() / share.sum()
    return terms.reduced(loss, reduction)


def _of_probabilities(
    name: str, log_p: Tensor, target: Tensor, axis: int, weight: Tensor | None, reduction: str, smoothing: float
) -> Tensor:
    """-sum_c w_c y_c log p_c for each sample."""
    terms.check_reduction(reduction)
    n_classes = log_p.shape[axis]
    terms.check_class_weight(name, weight, n_classes)
    if smoothing:
        target = (1 - smoothing) * target + smoothing / n_classes
    is_nothing = (target == 0) & (log_p == -math.inf)
    products = where(is_nothing, 0.0, target * log_p)  # 0 log 0 = 0, the limit of p log p
    if weight is not None:
        products = products * _along(weight, axis, log_p.ndim)
    return terms.reduced(-products.sum(axis), reduction)


def _along(weight: Tensor, axis: int, ndim: int) -> Tensor:
    """A vector as an array that has it along `axis`."""
    return weight.reshape([-1 if i == axis else 1 for i in range(ndim)])


def _bounded_log(p: Tensor) -> Tensor:
    """max(log p, -100), with a steep but finite slope up to p = e^-100 in place of an infinite one."""
    is_zero = p < SMALLEST
    # the logarithm never sees the zeros: an infinite derivative there would turn the gradient into NaN
    log_p = log(where(is_zero, 1.0, p))
    bounded: Tensor = where(is_zero, LOG_OF_ZERO + SLOPE_AT_ZERO * p, log_p)
    return bounded
