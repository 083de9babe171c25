"""Carrying out a plan: which epoch is kept, when it ends, what is prepared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forwardnet import nn, optim
from forwardnet.estimators.plan import Plan
from forwardnet.estimators.stopping import Best
from forwardnet.estimators.training import train

X = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
Y = 3 * X


def plan(**given: Any) -> Plan:
    model = nn.Sequential(nn.Linear(1, 1))
    for p in model.parameters():
        nn.init.zeros_(p)
    settings: dict[str, Any] = {"epochs": 5, "batch_size": None, "compile": False, **given}
    return Plan(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=settings.pop("lr", 0.1)), **settings)


def test_a_plan_is_carried_out() -> None:
    seen = []
    made = plan(prepare=lambda X, y: seen.append((X.shape, y.shape)))
    found = train(made, X, Y)
    assert seen == [((40, 1), (40, 1))]
    assert (found.epochs, found.best_epoch, found.best_figure) == (5, 5, None)
    assert found.history["loss"][-1] < found.history["loss"][0]


@pytest.mark.parametrize("counts", [True, False])
def test_the_untrained_network_may_be_the_best(counts: bool) -> None:
    # Every step makes it worse on validation rows that want the opposite.
    made = plan(metrics=("rmse",), monitor="val_rmse", keep_best=True, counts_untrained=counts)
    found = train(made, X, Y, validation=(X, -Y))
    assert found.best_epoch == (0 if counts else 1)
    weight = made.model[0].weight.item()
    assert (weight == 0) == counts
    if counts:
        assert found.best_figure == pytest.approx(float(np.sqrt(np.mean(Y**2))))


@pytest.mark.parametrize(("last", "epoch"), [(True, 5), (False, 1)])
def test_of_equal_epochs_the_first_or_the_last_is_kept(last: bool, epoch: int) -> None:
    made = plan(metrics=("rmse",), monitor="val_rmse", keep_best=True, last_of_ties=last, lr=0.0)
    assert train(made, X, Y, validation=(X, Y)).best_epoch == epoch


def test_patience_in_epochs_and_as_a_function() -> None:
    settings: dict[str, Any] = {"monitor": "val_loss", "epochs": 50, "lr": 0.0}
    assert train(plan(**settings, patience=3), X, Y, validation=(X, Y)).epochs == 4
    rule = train(plan(**settings, patience=lambda epoch, best: epoch > 2 * best + 5), X, Y, validation=(X, Y))
    assert rule.epochs == 8  # the best is the first: 8 > 2 + 5


def test_validation_rows_may_have_weights() -> None:
    held = (X, np.where(X > 0, Y, 100), (X[:, 0] > 0).astype(float))
    found = train(plan(metrics=("rmse",), lr=0.0), X, Y, validation=held)
    assert found.history["val_rmse"][0] == pytest.approx(float(np.sqrt(np.mean(Y[X > 0] ** 2))))
    assert "rmse" not in found.history.columns


def test_a_figure_that_is_no_number_is_not_kept() -> None:
    best = Best("val_loss", greater=False, last_of_ties=True, restore=False)

    class Run:
        epoch, first_epoch = 1, 1
        history = type("History", (), {"best_epoch": None})()
        stopped = None

        def __init__(self, value: float) -> None:
            self.logs = {"val_loss": value}

    best.on_train_begin(Run(0.0))  # type: ignore[arg-type]
    best.on_epoch_end(Run(float("nan")))  # type: ignore[arg-type]
    assert best.best_epoch == 0
    best.on_epoch_end(Run(2.0))  # type: ignore[arg-type]
    assert best.best_epoch == 1
