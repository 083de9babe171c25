"""A Trainer with each schedule: compiled, the same course as eager, and the rates of the history are the schedule's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.optim.lr_scheduler import ReduceLROnPlateau
from forwardnet.train.compiled import CompiledProgram
from optim.schedules import EVERY, SETTINGS, advance

EPOCHS = 7


def fitted(name: str, *, compile: bool) -> tuple[ff.Trainer, ff.History]:
    ff.manual_seed(0)
    draw = np.random.default_rng(0)
    X = draw.standard_normal((60, 5))
    y = X @ draw.standard_normal((5, 1)) + 0.5
    model = nn.Linear(5, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    trainer = ff.Trainer(model, "mse", optimizer, SETTINGS[name](optimizer), compile=compile, precision="float64")
    return trainer, trainer.fit(X, y, epochs=EPOCHS, batch_size=20, progress=False)


@pytest.mark.parametrize("name", EVERY)
def test_each_schedule_trains_compiled(name: str) -> None:
    (trainer, history), (other, eager) = (fitted(name, compile=flag) for flag in (True, False))
    assert isinstance(trainer._last_program, CompiledProgram)
    # float64 sums in another order over 21 steps
    np.testing.assert_allclose(history.steps["loss"], eager.steps["loss"], rtol=1e-9)
    np.testing.assert_array_equal(history["lr"], eager["lr"])
    assert trainer.scheduler.state_dict().keys() == other.scheduler.state_dict().keys()
    assert trainer.scheduler.last_epoch == EPOCHS

    alone = SETTINGS[name](optim.SGD([ff.ones(1, requires_grad=True)], lr=0.1, momentum=0.5))
    expected: list[Any] = []
    for loss in history["loss"]:
        expected += alone.get_last_lr()
        advance(alone, loss)
    np.testing.assert_array_equal(history["lr"], expected)
    assert trainer.optimizer.param_groups[0]["lr"] == alone.get_last_lr()[0]
    if name != "plateau":
        assert len(set(expected)) > 1


def test_a_plateau_is_seen_in_the_validation_loss() -> None:
    ff.manual_seed(0)
    draw = np.random.default_rng(0)
    X, y = draw.standard_normal((80, 6)), draw.standard_normal((80, 1))  # nothing can be learnt, only by heart
    model = nn.Sequential(nn.Linear(6, 30), nn.Tanh(), nn.Linear(30, 1))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    trainer = ff.Trainer(model, "mse", optimizer, schedule)
    history = trainer.fit(X[:40], y[:40], validation_data=(X[40:], y[40:]), epochs=25, progress=False)
    assert schedule.best == history["val_loss"].min() and history["lr"][-1] < 0.01
    best, waited = np.inf, 0
    for epoch, loss in enumerate(history["val_loss"][:-1]):
        best, waited = (loss, 0) if loss < best * (1 - 1e-4) else (best, waited + 1)
        falls = waited > 1
        waited = 0 if falls else waited
        assert history["lr"][epoch + 1] == history["lr"][epoch] * (0.5 if falls else 1)
