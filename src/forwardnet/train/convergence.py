"""Stopping because there is nothing left to do: the loss no longer changes, or the gradient is nearly 0."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from forwardnet import errors, nn
from forwardnet.autograd import grad
from forwardnet.tensor.functional import as_tensor
from forwardnet.train.callbacks import Callback
from forwardnet.train.inputs import whole
from forwardnet.train.parts import loss_of
from forwardnet.train.run import Run


def gradient_norm(model: nn.Module, loss: Any, X: Any, y: Any) -> float:
    """|grad J|, the Euclidean norm of the gradient by all trainable parameters, over all rows and in evaluation mode.

    Neither the parameters nor their `.grad` are touched.
    """
    was_training = model.training
    model.eval()
    try:
        parameters = [p for p in model.parameters() if p.requires_grad]
        rows = as_tensor(X).to(parameters[0].dtype)
        targets = as_tensor(y)
        targets = targets.to(parameters[0].dtype) if targets.is_floating_point() else targets
        found = grad(loss_of(loss)(model(rows), targets), parameters, materialize_grads=True)
    finally:
        model.train(was_training)
    return math.sqrt(sum(float(np.square(g.numpy().astype(np.float64)).sum()) for g in found))


class Convergence(Callback):
    """Stop when the loss has changed by at most `change` in `patience` epochs in a row, or the gradient is short.

    With `gradient`, `loss` and `data` = (X, y) it also stops as soon as the norm of the gradient over all rows is
    below `gradient`; that takes one more pass over them each epoch. After the fit `reason` says which it was, and
    `norms` holds the norms.

    Example:
        >>> trainer.fit(X, y, epochs=10_000, callbacks=[ff.train.Convergence(change=1e-6)])
    """

    def __init__(
        self,
        *,
        change: float = 1e-4,
        patience: int = 3,
        gradient: float | None = None,
        loss: Any = None,
        data: tuple[Any, Any] | None = None,
    ) -> None:
        if not change >= 0:
            raise errors.ArgumentError(f"Convergence: change is {change!r}, expected a number >= 0")
        if gradient is not None and (loss is None or data is None):
            raise errors.ArgumentError(
                "Convergence: gradient is given, but not of what",
                hint='Convergence(gradient=1e-3, loss="mse", data=(X, y))',
            )
        self.change, self.patience = change, whole(patience, "Convergence: patience", least=1)
        self.gradient, self.loss, self.data = gradient, loss, data
        self.looks_at_weights = gradient is not None or type(self) is not Convergence  # a class made of it may look
        self.reason: str | None = None
        self.norms: list[float] = []

    def on_train_begin(self, run: Run) -> None:
        self.reason, self.norms, self._last, self._still = None, [], math.nan, 0

    def on_epoch_end(self, run: Run) -> None:
        loss = run.logs["loss"]
        self._still = self._still + 1 if abs(loss - self._last) <= self.change else 0
        self._last = loss
        if self._still >= self.patience:
            self.reason = "loss"
        if self.gradient is not None and self.data is not None:
            self.norms.append(gradient_norm(run.model, self.loss, *self.data))
            if self.norms[-1] < self.gradient:
                self.reason = "gradient"
        if self.reason is not None:
            run.stop("converged")
