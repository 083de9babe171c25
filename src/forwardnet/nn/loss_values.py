"""Losses of numbers and of distributions: robust errors, quantiles, likelihoods, divergence, margins.

`input` is what the network says (x in the formulas), `target` what is true (y). `reduction` as in `loss_functions`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.nn import loss_terms as terms
from forwardnet.ops.scalar import exp, log, relu, where
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import tensor as tensor_of

KL_REDUCTIONS = ("none", "batchmean", "mean", "sum")


def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """l = d^2 / (2 beta) for d = |x - y| < beta, d - beta / 2 elsewhere (Girshick 2015); beta = 0 gives l1_loss."""
    name = "smooth_l1_loss"
    _check_pair(name, input, target)
    if not beta >= 0:
        raise ArgumentError(f"{name}: beta is {beta}, expected a number >= 0")
    loss = (input - target).abs() if beta == 0 else _huber(input - target, beta) / beta
    return terms.reduced(loss, reduction)


def huber_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """l = d^2 / 2 for d = |x - y| <= delta, delta (d - delta / 2) elsewhere: outliers pull no harder (Huber 1964)."""
    name = "huber_loss"
    _check_pair(name, input, target)
    if not delta > 0:
        raise ArgumentError(f"{name}: delta is {delta}, expected a number > 0")
    return terms.reduced(_huber(input - target, delta), reduction)


def _huber(difference: Tensor, delta: float) -> Tensor:
    # m (d - m / 2) with m = min(d, delta) is both cases, and squares nothing that is large
    distance = difference.abs()
    near = where(distance > delta, delta, distance)
    return near * (distance - 0.5 * near)  # type: ignore[no-any-return]


def quantile_loss(
    input: Tensor, target: Tensor, *, quantile: float | Sequence[float] = 0.5, reduction: str = "mean"
) -> Tensor:
    """l = q max(y - x, 0) + (1 - q) max(x - y, 0): least when x is the q-quantile of y (Koenker & Bassett 1978).

    `quantile` is q in (0, 1), or one q for each place of the last axis. The derivative is 0 where x = y.
    """
    name = "quantile_loss"
    _check_pair(name, input, target)
    q: float | Tensor
    if isinstance(quantile, Sequence):
        if input.ndim == 0 or input.shape[-1] != len(quantile):
            raise ShapeError(
                f"{name}: input has shape {tuple(input.shape)}, expected (..., {len(quantile)}): one for each quantile"
            )
        q = tensor_of([float(one) for one in quantile], dtype=input.dtype)
    else:
        q = quantile
    _check_quantiles(name, quantile)
    missing = target - input
    return terms.reduced(q * relu(missing) + (1 - q) * relu(-missing), reduction)


def _check_quantiles(name: str, quantile: float | Sequence[float]) -> None:
    for one in quantile if isinstance(quantile, Sequence) else (quantile,):
        if not 0 < one < 1:
            raise ArgumentError(f"{name}: quantile is {one}, expected a number between 0 and 1")


def kl_div(input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """l = y (log y - x), the divergence KL(y || p) in parts, for log-probabilities x = log p and probabilities y.

    With `log_target` the target holds log y. The divergence itself is the sum over the classes; its mean over the
    samples, axis 0, is reduction="batchmean", while "mean" divides by the number of classes as well.

    Raises:
        ArgumentError: a probability is negative.
    """
    name = "kl_div"
    _check_pair(name, input, target)
    terms.check_floating(name, "input", input)
    terms.check_reduction(reduction, KL_REDUCTIONS)
    if log_target:
        loss = exp(target) * (target - input)
    else:
        terms.check_all(name, "target", target, lambda y: ~(y < 0), "probabilities", "log y goes with log_target=True")
        is_zero = target == 0  # 0 log 0 = 0, the limit of y log y
        loss = where(is_zero, 0.0, target * (log(where(is_zero, 1.0, target)) - input))
    if reduction == "batchmean":
        return loss.sum() / (input.shape[0] if input.ndim else 1)  # type: ignore[no-any-return]
    return terms.reduced(loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float = 1.0,
    *,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """l = (log v + (x - y)^2 / v) / 2: negative log-likelihood of y under a Gaussian of mean x and variance v.

    `var` holds v, positive, in the shape of x, with 1 in place of its last axis, or without it; a number stands for
    all. Variances below `eps` count as `eps`, with the derivative that they would have. `full` adds log(2 pi) / 2.
    (Nix & Weigend 1994.)

    Raises:
        ArgumentError, ShapeError: a variance is negative, or does not fit the input.
    """
    name = "gaussian_nll_loss"
    _check_pair(name, input, target)
    if not eps > 0:
        raise ArgumentError(f"{name}: eps is {eps}, expected a number > 0")
    squares = (input - target) ** 2
    loss: Tensor
    if isinstance(var, Tensor):
        spread = _spread(name, input, var, eps)
        loss = 0.5 * (log(spread) + squares / spread)
    else:
        if not var >= 0:
            raise ArgumentError(f"{name}: var is {var}, expected a number >= 0")
        v = max(var, eps)
        loss = 0.5 * (squares / v + math.log(v))
    return terms.reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def _spread(name: str, input: Tensor, var: Tensor, eps: float) -> Tensor:
    """The variances as they divide the squares: in a shape that broadcasts, and at least `eps`."""
    shape, own = tuple(input.shape), tuple(var.shape)
    if own != shape:
        if own == shape[:-1]:
            var = var.unsqueeze(-1)
        elif own != (*shape[:-1], 1):
            raise ShapeError(f"{name}: var has shape {own}, expected {shape}, {(*shape[:-1], 1)} or {shape[:-1]}")
    terms.check_all(name, "var", var, lambda v: ~(v < 0), "variances", "exp or softplus makes an output positive")
    # the derivative is that of the variance itself, so that one which has become too small can grow again
    return where(var < eps, eps + (var - var.detach()), var)  # type: ignore[no-any-return]


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """l = e^x - y x: negative log-likelihood of a count y under a Poisson distribution of mean e^x, up to log y!.

    Without `log_input` x is the mean itself: l = x - y log(x + eps). `full` adds Stirling's log y! for y > 1.

    Raises:
        ArgumentError: a count is negative.
    """
    name = "poisson_nll_loss"
    _check_pair(name, input, target)
    terms.check_all(name, "target", target, lambda y: ~(y < 0), "counts, which are not negative")
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        many = where(target > 1, target, 1.0)
        loss = loss + where(target > 1, many * log(many) - many + 0.5 * log(2 * math.pi * many), 0.0)
    return terms.reduced(loss, reduction)


def hinge_loss(input: Tensor, target: Tensor, *, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """l = max(0, margin - y x) for scores x and classes y = -1 or 1 (Cortes & Vapnik 1995); derivative 0 at the margin.

    Raises:
        ArgumentError: a target is neither -1 nor 1.
    """
    name = "hinge_loss"
    _check_pair(name, input, target)
    hint = "2 * y - 1 turns 0 and 1 into -1 and 1"
    terms.check_all(name, "target", target, lambda y: (y == -1) | (y == 1), "-1 or 1", hint)
    return terms.reduced(relu(margin - target * input), reduction)


def _check_pair(name: str, input: Tensor, target: Tensor) -> None:
    terms.check_tensors(name, input=input, target=target)
    terms.warn_if_broadcast(name, input, target, stacklevel=6)
