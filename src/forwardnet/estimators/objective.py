"""What an estimator minimises: a loss of each row, their weighted mean, and scikit-learn's penalty of the weights.

Axis glossary: B rows of a batch, k targets of a row, C classes, q quantiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from forwardnet import nn
from forwardnet.nn import functional as F
from forwardnet.ops.scalar import exp, log, where
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import softplus
from forwardnet.train.pairing import Pairing

Rows = Callable[[Tensor, Tensor], Tensor]

# The least variance that `gaussian_nll` believes in, in units of the target as it is learnt.
LEAST_VARIANCE = 1e-6


class Objective:
    """J = sum_i w_i l_i / sum_i w_i + alpha / 2 sum |W|^2 / sum_i w_i, over the rows i of a batch.

    `rows` gives the losses l (B,). Without weights w is 1, so that the penalty is divided by the number of rows:
    scikit-learn's meaning of alpha. `share` is what of the first term is shown, where that is not what is minimised:
    scikit-learn shows the mean over several targets and minimises the sum. Without `divides` the first term is
    sum_i w_i l_i / B: then the weights of the rows are factors of their steps.
    """

    takes_weights = True
    reduction = "mean"
    alike = ""  # objectives with the same words here are the same function: their networks may train in one program

    def __init__(
        self,
        rows: Rows,
        pairing: Pairing,
        *,
        weights: Sequence[Tensor] = (),
        alpha: float = 0.0,
        share: float = 1.0,
        divides: bool = True,
    ) -> None:
        self.rows, self.pairing, self.divides = rows, pairing, divides
        self.weights, self.alpha, self.share = list(weights), float(alpha), share
        self.__name__ = pairing.loss

    def __call__(self, output: Tensor, y: Tensor, w: Tensor | None = None) -> Tensor:
        """What is minimised; its value is what is shown."""
        mean, total = self._mean(output, y, w)
        value = mean
        if self.alpha and self.weights:
            squares = sum(((weight * weight).sum() for weight in self.weights[1:]), (self.weights[0] ** 2).sum())
            value = value + squares * (0.5 * self.alpha / total)
        return value if self.share == 1 else value - (mean * (1 - self.share)).detach()

    def measured(self, output: Tensor, y: Tensor, w: Tensor | None = None) -> Tensor:
        """The mean of rows that were not learnt from, without the penalty."""
        return self._mean(output, y, w)[0] * self.share

    measured.takes_weights = True  # type: ignore[attr-defined]

    def _mean(self, output: Tensor, y: Tensor, w: Tensor | None) -> tuple[Tensor, Any]:
        terms = self.rows(output, y)
        if w is None:
            return terms.mean(), len(y)
        total = w.sum() if self.divides else len(y)
        return (terms * w).sum() / total, total


def classes(label_smoothing: float = 0.0) -> tuple[Rows, Pairing]:
    """-log softmax(output)[y], for class indices y."""

    def rows(output: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(output, y, reduction="none", label_smoothing=label_smoothing)

    return rows, Pairing("log_loss", "classes", "logits", needs_classes=False)


def labels(label_smoothing: float = 0.0) -> tuple[Rows, Pairing]:
    """The sum over the outputs of -y log p - (1 - y) log(1 - p), p = sigmoid(output), for y 0 or 1."""

    def rows(output: Tensor, y: Tensor) -> Tensor:
        target = y * (1 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y
        return F.binary_cross_entropy_with_logits(output, target, reduction="none").sum(1)

    return rows, Pairing("log_loss", "labels", "logits", needs_classes=False)


def squared_error(output: Tensor, y: Tensor) -> Tensor:
    """1/2 sum_k (output - y)^2"""
    return 0.5 * ((output - y) ** 2).sum(1)


def absolute_error(output: Tensor, y: Tensor) -> Tensor:
    """sum_k |output - y|"""
    return (output - y).abs().sum(1)


def poisson(output: Tensor, y: Tensor) -> Tensor:
    """sum_k y log(y / m) - y + m with m = e^output: half the deviance of counts y from their means m."""
    constant = where(y > 0, y * log(where(y > 0, y, 1.0)), 0.0)
    terms: Tensor = constant - y + exp(output) - y * output
    return terms.sum(1)


def perceptron(output: Tensor, y: Tensor) -> Tensor:
    """sum_k max(0, -y output) for y = -1 or 1, with the derivative -y at 0: a network of zeros has to begin."""
    against = -(output * y)
    return where(against >= 0, against, 0.0).sum(1)  # type: ignore[no-any-return]


def huber(delta: float) -> Rows:
    """sum_k d^2 / 2 for d = |output - y| <= delta, delta (d - delta / 2) beyond."""

    def rows(output: Tensor, y: Tensor) -> Tensor:
        return F.huber_loss(output, y, delta=delta, reduction="none").sum(1)

    return rows


def quantile(quantiles: Sequence[float], targets: int) -> Rows:
    """The pinball losses of q outputs for each target, whose columns stand side by side: (k q,)."""
    levels = [float(q) for _ in range(targets) for q in quantiles]

    def rows(output: Tensor, y: Tensor) -> Tensor:
        return nn.functional.quantile_loss(output, y, quantile=levels, reduction="none").sum(1)

    return rows


def gaussian_nll(output: Tensor, y: Tensor) -> Tensor:
    """sum_k (log v + (y - m)^2 / v) / 2 with output (m, s) and v = softplus(s) + a least variance."""
    k = y.shape[1]
    variance = softplus(output[:, k:]) + LEAST_VARIANCE
    terms: Tensor = 0.5 * (log(variance) + (y - output[:, :k]) ** 2 / variance)
    return terms.sum(1)
