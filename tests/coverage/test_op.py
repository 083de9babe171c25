"""Rows of the coverage table on optimisers: how training uses them. The rules and their figures are in tests/optim."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.data.batches import batch_indices
from forwardnet.train import Convergence, gradient_norm
from forwardnet.train.history import merge


def data(n: int = 60) -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    X = draw.normal(size=(n, 3))
    return X, X @ np.array([[1.0], [-2.0], [0.5]]) + 0.1 * draw.normal(size=(n, 1))


def trainer(lr: float = 0.05, loss: Any = None, **options: Any) -> ff.Trainer:
    ff.manual_seed(0)
    model = nn.Linear(3, 1)
    return ff.Trainer(model, loss or nn.MSELoss(), optim.SGD(model.parameters(), lr=lr), precision="float64", **options)


def weights(t: ff.Trainer) -> Any:
    return np.concatenate([p.detach().numpy().ravel() for p in t.model.parameters()])


def test_OP02_the_gradient_is_the_direction_of_steepest_ascent() -> None:
    """Of all directions of length 1 the loss rises fastest along g, by |g|, and falls as fast along -g."""
    x = ff.tensor([0.7, -0.3], dtype=ff.float64, requires_grad=True)
    ((x[0] - 2) ** 2 + 3 * (x[0] * x[1]).sin()).backward()
    g = x.grad.numpy()

    def at(p: Any) -> float:
        return float((p[0] - 2) ** 2 + 3 * np.sin(p[0] * p[1]))

    angles = np.linspace(0, 2 * np.pi, 721)
    h, p = 1e-6, x.detach().numpy()
    slopes = [(at(p + h * d) - at(p - h * d)) / (2 * h) for d in np.stack([np.cos(angles), np.sin(angles)], 1)]
    best, worst = angles[int(np.argmax(slopes))], angles[int(np.argmin(slopes))]
    assert max(slopes) == pytest.approx(np.linalg.norm(g), rel=1e-4)  # the nearest angle is within a quarter degree
    assert math.cos(best - math.atan2(g[1], g[0])) > 1 - 1e-4 and math.cos(worst - best) < -1 + 1e-3


@pytest.mark.parametrize("flag", [True, False], ids=["compiled", "eager"])
def test_OP03_all_rows_at_once_is_gradient_descent_by_hand(flag: bool) -> None:
    X, y = data()
    t = trainer(compile=flag)
    w, b = (p.detach().numpy().copy() for p in t.model.parameters())
    history = t.fit(X, y, epochs=10, batch_size=None, progress=False)
    assert len(history.steps["loss"]) == 10  # one update an epoch
    for _ in range(10):
        error = X @ w.T + b - y
        w, b = w - 0.05 * 2 * (error * X).mean(0), b - 0.05 * 2 * error.mean(0)
    np.testing.assert_allclose(weights(t), np.append(w, b), rtol=1e-12)
    # The sum over the rows needs a rate that is n times smaller.
    summed = trainer(lr=0.05 / 60, loss=nn.MSELoss(reduction="sum"), compile=flag)
    summed.fit(X, y, epochs=10, batch_size=None, progress=False)
    np.testing.assert_allclose(weights(summed), weights(t), rtol=1e-12)


def test_OP04_one_row_at_a_time_in_a_new_order_each_epoch() -> None:
    X, y = data(20)
    t = trainer()
    w, b = (p.detach().numpy().copy() for p in t.model.parameters())
    history = t.fit(X, y, epochs=3, batch_size=1, progress=False)
    assert len(history.steps["loss"]) == 3 * 20
    orders = []
    for epoch in (1, 2, 3):
        order = np.concatenate(list(batch_indices(20, 1, seed=0, epoch=epoch)))
        orders.append(order.tolist())
        for row in order:
            error = w @ X[row] + b - y[row]
            w, b = w - 0.05 * 2 * error * X[row], b - 0.05 * 2 * error
    assert all(sorted(order) == list(range(20)) for order in orders) and len({tuple(o) for o in orders}) == 3
    np.testing.assert_allclose(weights(t), np.append(w, b), rtol=1e-11)


def test_OP08_rows_that_repeat_others_cost_a_full_batch_and_feed_a_stochastic_one() -> None:
    """Every row eight times over: one row at a time needs an eighth of the epochs, all rows at once the same number."""
    X, y = data(30)

    def epochs_to(target: float, copies: int, batch_size: int | None, lr: float) -> int:
        t = trainer(lr=lr)
        rows = np.tile(np.arange(30), copies)
        for epoch in range(1, 400):
            t.fit(X[rows], y[rows], epochs=1, batch_size=batch_size, progress=False)
            if t.evaluate(X, y)["loss"] <= target:
                return epoch
        raise AssertionError("the loss was not reached")

    target = 0.02
    assert epochs_to(target, 1, None, 0.05) == epochs_to(target, 8, None, 0.05)
    once, eight = (epochs_to(target, copies, 1, 0.002) for copies in (1, 8))
    assert once >= 8 and eight == -(-once // 8)


def test_OP09_batches_may_grow_as_training_proceeds() -> None:
    """Fits of 16, 32 and 64 rows a step follow each other: the optimiser, the epochs and their orders go on."""
    X, y = data(64)
    ends = []
    for flag in (True, False):
        ff.manual_seed(0)
        model = nn.Linear(3, 1)
        t = ff.Trainer(model, "mse", optim.Adam(model.parameters(), lr=0.05), compile=flag, precision="float64")
        parts = [t.fit(X, y, epochs=2, batch_size=size, progress=False) for size in (16, 32, 64)]
        whole = merge(parts)
        assert whole["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
        assert [len(part.steps["loss"]) for part in parts] == [8, 4, 2] and len(whole.steps["loss"]) == 14
        assert t.optimizer.state[model.weight]["step"] == 14
        ends.append(weights(t))
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-10)
    orders = {tuple(np.concatenate(list(batch_indices(64, 16, seed=0, epoch=epoch)))) for epoch in (1, 2, 3)}
    assert len(orders) == 3


def test_OP12_newton_is_there_in_one_step_and_says_why_it_is_for_small_networks() -> None:
    X, y = data()
    model = nn.Linear(3, 1)
    t = ff.Trainer(model, "mse", "newton", precision="float64")
    t.fit(X, y, epochs=1, progress=False)
    exact, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(60)]), y.ravel(), rcond=None)
    np.testing.assert_allclose(weights(t), exact, rtol=1e-10)  # linear least squares is a quadratic
    digits = nn.Sequential(nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 10))
    with pytest.raises(ValueError, match=r"397,510 parameters have a Hessian of 1.58e\+11 entries"):
        optim.Newton(digits.parameters())


@pytest.mark.parametrize("flag", [True, False], ids=["compiled", "eager"])
def test_OP25_stop_where_the_gradient_is_nearly_zero(flag: bool) -> None:
    X, y = data()
    t = trainer(compile=flag)
    stop = Convergence(change=0.0, gradient=1e-3, loss="mse", data=(X, y))
    history = t.fit(X, y, epochs=2000, batch_size=None, callbacks=[stop], progress=False)
    assert history.stopped == "converged" and stop.reason == "gradient" and 10 < len(history) < 2000
    assert stop.norms[-1] < 1e-3 <= min(stop.norms[:-1])
    # by hand: 2 X'(Xw - y) / n
    error = t.predict(X) - y
    by_hand = np.append(2 * (error * X).mean(0), 2 * error.mean())
    assert stop.norms[-1] == pytest.approx(np.linalg.norm(by_hand), rel=1e-9)
    assert gradient_norm(t.model, nn.MSELoss(reduction="sum"), X, y) == pytest.approx(60 * stop.norms[-1], rel=1e-9)
    kept = t.model.weight.grad
    gradient_norm(t.model, "mse", X, y)
    assert t.model.weight.grad is kept


def test_OP25_stop_where_the_loss_no_longer_changes() -> None:
    X, y = data()
    t = trainer()
    stop = Convergence(change=1e-5, patience=4)
    history = t.fit(X, y, epochs=2000, batch_size=None, callbacks=[stop], progress=False)
    changes = np.abs(np.diff(history["loss"]))
    assert history.stopped == "converged" and stop.reason == "loss"
    assert (changes[-4:] <= 1e-5).all() and not any((changes[i : i + 4] <= 1e-5).all() for i in range(len(changes) - 4))
    with pytest.raises(ValueError, match="gradient is given, but not of what\nhint: Convergence"):
        Convergence(gradient=0.1)
    with pytest.raises(ValueError, match="change is -1, expected a number >= 0"):
        Convergence(change=-1)
    again = t.fit(X, y, epochs=3, callbacks=[stop], progress=False)
    assert again.stopped is None and stop.reason is None  # a further fit counts anew


def test_OP26_the_course_is_kept_and_written(tmp_path: Any) -> None:
    X, y = data()
    history = trainer().fit(X, y, epochs=8, batch_size=20, progress=False)
    assert (np.diff(history["loss"]) < 0).all() and len(history.steps["loss"]) == 24
    np.testing.assert_allclose(history["loss"], history.steps["loss"].reshape(8, 3).mean(1), rtol=1e-12)
    history.to_csv(tmp_path / "course.csv")
    again = ff.History.from_csv(tmp_path / "course.csv")
    for name in history:
        np.testing.assert_array_equal(again[name], history[name])
