"""Curves of known shape get the advice that belongs to them, and healthy ones get none."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet.train import History, diagnose


def history(loss, val_loss=None, stopped=None) -> History:
    made = History()
    for epoch, value in enumerate(loss, start=1):
        row = {"epoch": epoch, "loss": float(value)}
        made.add_epoch(row if val_loss is None else {**row, "val_loss": float(val_loss[epoch - 1])})
    made.stopped = stopped
    return made


T = np.arange(40)
FALLS = 0.2 + np.exp(-T / 4)


@pytest.mark.parametrize(
    ("made", "start"),
    [
        (history([1, 2], stopped="diverged"), "The training diverged"),
        (history([]), "No epoch was finished"),
        (history(1.0 - 0.0005 * T), "The training loss hardly falls"),
        (history(FALLS + 0.3 * (T % 2)), "The training loss jumps up and down"),
        (history(FALLS, 0.3 + np.exp(-T / 4) + 0.02 * T), "The validation loss rises after epoch "),
        (history(FALLS, FALLS + 0.5), "The validation loss stays well above the training loss"),
        (history(np.exp(-T / 20)), "The loss still falls at the end"),
    ],
)
def test_curves_that_call_for_something(made, start):
    advice = diagnose(made)
    assert len(advice) == 1
    assert advice[0].startswith(start)


def test_overfitting_names_the_epoch_of_the_minimum():
    val_loss = 0.5 + 0.01 * (T - 12) ** 2
    assert "rises after epoch 13 while" in diagnose(history(FALLS, val_loss))[0]


@pytest.mark.parametrize("made", [history(FALLS), history(FALLS, FALLS + 0.01), history([0.1])])
def test_healthy_curves_call_for_nothing(made):
    assert diagnose(made) == []
