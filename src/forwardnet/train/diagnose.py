"""What a history says about a training run, and what usually helps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forwardnet.train.history import History

# Shares by which a number has to differ before something is said about it: curves wiggle.
LITTLE = 0.05
MUCH = 0.2


def diagnose(history: History) -> list[str]:
    """Sentences about the course of `history`, the most important first; empty when nothing stands out.

    Bad on the training data: another activation, the proper loss, an adaptive rate, momentum. Good there and bad on
    the validation data: early stopping, regularisation, dropout, more data.
    """
    if history.stopped == "diverged":
        return ["The training diverged: lower the learning rate, scale the data, or clip the gradients."]
    if len(history) == 0:
        return ["No epoch was finished: train for longer."]
    advice: list[str] = []
    loss = history["loss"]
    fall = _share(loss[0] - loss.min(), loss[0])
    if len(loss) > 1 and fall < LITTLE:
        advice.append(
            "The training loss hardly falls: try another activation, a loss that suits the task, scaled inputs, "
            "an adaptive rate (Adam), momentum, or a higher learning rate."
        )
    elif _rises_often(loss):
        advice.append("The training loss jumps up and down: lower the learning rate, or use larger batches.")
    if "val_loss" in history:
        advice += _about_validation(loss, history["val_loss"], history["epoch"])
    if history.stopped is None and fall >= LITTLE and not advice and _still_falls(history):
        advice.append("The loss still falls at the end: train for more epochs.")
    return advice


def _about_validation(loss: NDArray[np.float64], held: NDArray[np.float64], epoch: NDArray[np.int64]) -> list[str]:
    """Advice from the gap between the two curves."""
    best = int(np.argmin(held))
    if best < len(held) - 1 and _share(held[-1] - held[best], abs(held[best])) > LITTLE and loss[-1] < loss[best]:
        return [
            f"The validation loss rises after epoch {epoch[best]} while the training loss falls (overfitting): "
            "stop early, add weight decay or dropout, use fewer units, or get more data."
        ]
    if _share(held[-1] - loss[-1], abs(held[-1])) > MUCH and loss[-1] < loss[0] * (1 - MUCH):
        return [
            "The validation loss stays well above the training loss: add weight decay or dropout, use fewer units, "
            "or get more data."
        ]
    return []


def _rises_often(loss: NDArray[np.float64]) -> bool:
    """Whether a third of the epochs end clearly higher than the one before."""
    if len(loss) < 6:
        return False
    rises = np.diff(loss) > LITTLE * np.abs(loss[:-1])
    return bool(rises.mean() > 1 / 3)


def _still_falls(history: History) -> bool:
    """Whether the last tenth of the epochs still lowered the watched loss by a good share of what was left."""
    values = history["val_loss" if "val_loss" in history else "loss"]
    tail = max(2, len(values) // 10)
    return len(values) > tail and _share(values[-tail - 1] - values[-1], abs(values[-tail - 1])) > LITTLE


def _share(part: float, whole: float) -> float:
    """part / whole; 0 where there is no whole."""
    return float(part / whole) if whole else 0.0
