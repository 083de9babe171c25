"""Rows of the coverage table on learning rates: what they do to training. The schedules' figures are in tests/optim."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.optim import lr_scheduler


def ravine(lr: float, steps: int) -> Any:
    """The losses (x^2 + 100 y^2) / 2 of gradient descent from (1, 1)."""
    scale = ff.tensor([1.0, 100.0], dtype=ff.float64)
    p = ff.tensor([1.0, 1.0], dtype=ff.float64, requires_grad=True)
    optimizer, losses = optim.SGD([p], lr=lr), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = 0.5 * (scale * p**2).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


def test_LR01_too_small_is_slow_too_large_oscillates_or_diverges() -> None:
    slow, good, restless, diverging = (ravine(lr, 100) for lr in (1e-4, 0.019, 0.0199, 0.021))
    assert slow[-1] > 0.4 > good[-1]  # the flat direction alone has 1/2, and has hardly moved
    assert (np.diff(slow) < 0).all() and (np.diff(good) < 0).all()
    assert restless[-1] > 100 * good[-1] and diverging[-1] > 1e9
    # The steep coordinate changes its sign at every step once lr exceeds 1 / 100, and grows once it exceeds 2 / 100.
    for lr, factor in ((0.005, 0.5), (0.015, -0.5), (0.021, -1.1)):
        assert 1 - lr * 100 == pytest.approx(factor)


def test_LR04_annealing_ends_where_a_level_rate_goes_on_shaking() -> None:
    """(w - noise)^2 / 2 with noise of variance 1: w^2 is lr / (2 - lr) on average at a level rate, 1 / t at 1 / t."""

    def end(make: Any) -> float:
        draw, squares = np.random.default_rng(0), []
        for _ in range(40):
            w = ff.tensor([3.0], dtype=ff.float64, requires_grad=True)
            optimizer = optim.SGD([w], lr=0.5)
            schedule = make(optimizer)
            for noise in draw.normal(size=200):
                w.grad = (w - noise).detach()
                optimizer.step()
                schedule.step()
            squares.append(w.item() ** 2)
        return float(np.mean(squares))

    level = end(lambda o: lr_scheduler.LambdaLR(o, lambda t: 1.0))
    annealed = end(lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t / 2)))
    assert 0.15 < level < 0.7  # 1/3, from 40 draws
    assert annealed < level / 10


def test_LR12_adagrad_gives_each_parameter_a_rate_of_its_own() -> None:
    """A feature that is seen in one of twenty rows keeps a rate that is about sqrt(20) times larger."""
    w = ff.tensor([0.0, 0.0], dtype=ff.float64, requires_grad=True)
    optimizer = optim.Adagrad([w], lr=0.1)
    for t in range(100):
        w.grad = ff.tensor([1.0, 1.0 if t % 20 == 19 else 0.0], dtype=ff.float64)
        optimizer.step()
    often, rare = 0.1 / np.sqrt(optimizer.state[w]["sum"].numpy())
    assert rare / often == pytest.approx(20**0.5, rel=1e-6)
    np.testing.assert_allclose(
        w.tolist(), [-0.1 * sum(k**-0.5 for k in range(1, 101)), -0.1 * sum(k**-0.5 for k in range(1, 6))]
    )


def test_LR14_the_best_step_of_second_order_as_a_rate() -> None:
    """g'g / g'Hg at every step beats every level rate of gradient descent in the ravine from where it is worst."""
    scale = ff.tensor([1.0, 100.0], dtype=ff.float64)
    p = ff.tensor([1.0, 0.01], dtype=ff.float64, requires_grad=True)
    optimizer = optim.SteepestDescent([p])
    rates = []
    for _ in range(20):
        optimizer.step(lambda: 0.5 * (scale * p**2).sum())
        rates.append(optimizer.state[p]["t"])
    # From there (Nocedal & Wright 2006, eq. 3.29) each step takes the loss times ((100 - 1) / (100 + 1))^2, at 2 / 101.
    np.testing.assert_allclose(rates, 2 / 101, rtol=1e-6)
    assert (0.5 * (scale * p**2).sum()).item() == pytest.approx(0.505 * (99 / 101) ** 40, rel=1e-6)


def test_LR15_a_rate_that_is_too_large_kills_units() -> None:
    """Units that are 0 for every row have no gradient and stay so; Adagrad, whose rates shrink, stops in time."""
    digits = ff.datasets.load("digits")
    X, y = digits.X[:400].astype("float32"), digits.y[:400]

    def trained(kind: Any, lr: float) -> tuple[float, float]:
        """The share of dead units and the last loss."""
        ff.manual_seed(0)
        model = nn.Sequential(nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 10))
        trainer = ff.Trainer(model, "cross_entropy", kind(model.parameters(), lr=lr))
        loss = trainer.fit(X, y, epochs=8, batch_size=20, progress=False)["loss"][-1]
        return float((model[:2](ff.tensor(X)).detach().numpy().max(0) <= 0).mean()), float(loss)

    assert trained(optim.SGD, 0.1)[0] < 0.15
    dead, loss = trained(optim.SGD, 2.0)
    assert dead == 1.0 and loss > 2.3  # nothing is left that could learn: a guess among ten
    dead, loss = trained(optim.Adagrad, 2.0)
    assert dead < 0.9 and loss < 1.5


def test_LR16_a_sum_over_rows_makes_the_rate_n_times_larger() -> None:
    """The gradient of a sum of 200 rows times .01 is that of the mean times 2; 2 / L bounds both."""
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(200, 2)), draw.normal(size=(200, 1))
    ends = []
    for reduction, lr in (("sum", 1e-3), ("mean", 1e-3 * 200)):
        ff.manual_seed(0)
        model = nn.Linear(2, 1)
        t = ff.Trainer(
            model, nn.MSELoss(reduction=reduction), optim.SGD(model.parameters(), lr=lr), precision="float64"
        )
        t.fit(X, y, epochs=15, batch_size=None, progress=False)
        ends.append(np.concatenate([p.detach().numpy().ravel() for p in model.parameters()]))
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-11)


def test_LR16_at_the_edge_of_stability_losses_alternate() -> None:
    """A little above 2 / f'' a step overshoots to the other side and back again: the losses have period two."""
    x = ff.tensor([1.0], dtype=ff.float64, requires_grad=True)
    optimizer, losses = optim.SGD([x], lr=2.2), []  # f'' is 0.94 at the bottom: 2 / f'' = 2.13
    for _ in range(300):
        optimizer.zero_grad()
        loss = ((1 + x * x).sqrt() + 0.2 * x).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    late = np.array(losses[-20:])
    np.testing.assert_allclose(late[2:], late[:-2], rtol=1e-9)
    assert abs(late[1] - late[0]) > 1e-3


def test_LR10_the_minima_of_a_cyclical_rate_answer_better_together() -> None:
    """Five cycles of a rate that falls along a cosine: a copy at each end, and the average of their probabilities."""
    draw = np.random.default_rng(0)
    y = draw.integers(0, 3, 360)
    X = np.eye(3)[y] @ draw.normal(size=(3, 8)) + 1.6 * draw.normal(size=(360, 8))  # classes that overlap
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 40), nn.ReLU(), nn.Linear(40, 3))
    optimizer = optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    schedule = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 8)
    snapshots, monitor = ff.Snapshot(every=8), ff.LRMonitor()
    trainer = ff.Trainer(model, "cross_entropy", optimizer, schedule)
    trainer.fit(X[:120], y[:120], epochs=40, batch_size=12, callbacks=[snapshots, monitor], progress=False)
    assert snapshots.epochs == [8, 16, 24, 32, 40]
    rates = np.ravel(monitor.rates).reshape(5, 80)
    np.testing.assert_allclose(rates, np.tile(rates[0], (5, 1)), rtol=1e-10)
    assert (np.diff(rates[0]) < 0).all() and rates[0, -1] < 1e-3 < 0.3 == rates[0, 0]

    together = snapshots.ensemble(trainer)
    one_by_one = [ff.train.Ensemble([member]).evaluate(X[120:], y[120:], ["log_loss"]) for member in together.members]
    apart = np.array([scores["log_loss"] for scores in one_by_one])
    loss = together.evaluate(X[120:], y[120:], ["log_loss"])["log_loss"]
    mean = np.mean([ff.train.Ensemble([member]).predict(X[120:]) for member in together.members], axis=0)
    np.testing.assert_allclose(together.predict(X[120:]), mean, rtol=1e-6)
    # The logarithm is concave, so the average is never worse than the members on average; here than any of the last.
    assert loss < apart.mean() and loss < apart[1:].min()
    np.testing.assert_array_equal(together.members[-1].predict(X), trainer.predict(X))
    with pytest.raises(ValueError, match="no copy was made, expected a fit of at least 9 epochs"):
        ff.Snapshot(every=9).ensemble(trainer)
    latest = ff.Snapshot(every=1, last=2)
    trainer.fit(X[:120], y[:120], epochs=3, callbacks=[latest], progress=False)
    assert latest.epochs == [42, 43] and len(latest.weights) == 2
