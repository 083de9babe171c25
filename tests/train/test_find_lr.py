"""The range test: its rates, where it stops, what it suggests, and that it leaves everything as it was."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.train.find_lr import rates_between, steepest


def digits_like(n=200, width=20, classes=5):
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, n)
    return (rng.standard_normal((classes, width))[y] + 0.8 * rng.standard_normal((n, width))).astype("float32"), y


def net(seed=0):
    ff.manual_seed(seed)
    return nn.Sequential(nn.Linear(20, 24), nn.ReLU(), nn.Linear(24, 5))


def test_LR03_rates_of_an_exponential_sweep():
    rates = rates_between(1e-5, 10, 100, "exponential")
    np.testing.assert_allclose(rates[[0, 33, 66, 99]], [1e-5, 1e-3, 0.1, 10], rtol=1e-12)
    np.testing.assert_allclose(rates_between(0.1, 1, 10, "linear"), np.arange(1, 11) / 10, rtol=1e-12)


def test_each_step_has_its_rate_and_its_loss():
    """The same steps by hand: the loss of a batch, then the update with the rate of the step."""
    X, y = digits_like()
    found = ff.find_lr(net(), "cross_entropy", X, y, optimizer="sgd", start=1e-3, end=0.1, steps=12, batch_size=50)
    assert found.stopped is None and len(found.losses) == 12
    np.testing.assert_array_equal(found.rates, rates_between(1e-3, 0.1, 12, "exponential"))
    model = net()
    optimizer = optim.SGD(model.parameters())
    from forwardnet.data.batches import batch_indices

    order = [rows for epoch in (1, 2, 3) for rows in batch_indices(200, 50, seed=0, epoch=epoch, shuffle=True)]
    losses = []
    for rate, rows in zip(found.rates, order, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(model(ff.tensor(X[rows])), ff.tensor(y[rows]))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    np.testing.assert_allclose(found.losses, losses, rtol=1e-5)  # float32
    mean, expected = 0.0, []
    for t, loss in enumerate(found.losses, start=1):
        mean = 0.9 * mean + 0.1 * loss
        expected.append(mean / (1 - 0.9**t))
    np.testing.assert_allclose(found.smoothed, expected, rtol=1e-12)


@pytest.mark.parametrize("compile", [True, False])
def test_stops_at_divergence_and_suggests_a_rate_that_trains(compile):
    X, y = digits_like()
    found = ff.find_lr(net(), "cross_entropy", X, y, optimizer="sgd", end=1e4, batch_size=32, compile=compile)
    assert found.stopped == "diverged" and 20 < len(found.losses) < 100
    assert found.smoothed[-1] > 4 * found.smoothed.min() or not np.isfinite(found.losses).all()
    assert 1e-3 < found.suggestion < found.rates[np.argmin(found.smoothed)]
    losses = {}
    for rate in (found.suggestion / 100, found.suggestion, found.rates[-1]):
        model = net()
        trainer = ff.Trainer(model, "cross_entropy", optim.SGD(model.parameters(), lr=rate), compile=False)
        try:
            losses[rate] = trainer.fit(X, y, epochs=5, batch_size=32, progress=False)["loss"][-1]
        except ff.TrainingDivergedError:
            losses[rate] = np.inf
    assert min(losses, key=losses.get) == found.suggestion


def test_a_loss_that_overflows_ends_the_test():
    X, y = np.ones((40, 3)), np.ones((40, 1))
    found = ff.find_lr(nn.Linear(3, 1), "mse", X, y, optimizer="sgd", end=1e30, steps=60, diverge=np.inf)
    assert found.stopped == "diverged" and 5 < len(found.losses) < 60 and np.isfinite(found.losses).all()


def test_model_optimizer_and_random_numbers_stay():
    X, y = digits_like()
    model = nn.Sequential(net(), nn.Identity()).double()
    optimizer = optim.Adam([{"params": model[0][0].parameters()}, {"params": model[0][2].parameters(), "lr": 1e-4}])
    model(ff.tensor(X).double()).sum().backward()
    optimizer.step()
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    gradient = model[0][0].weight.grad.numpy().copy()
    state = repr(optimizer.state_dict())
    ff.manual_seed(5)
    following = ff.rand(3).tolist()
    ff.manual_seed(5)
    model.train()
    first = ff.find_lr(model, "cross_entropy", X, y, optimizer=optimizer, steps=10)
    assert model.training and repr(optimizer.state_dict()) == state
    np.testing.assert_array_equal(model[0][0].weight.grad.numpy(), gradient)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    assert ff.rand(3).tolist() == following
    again = ff.find_lr(model, "cross_entropy", X, y, optimizer=optimizer, steps=10)
    np.testing.assert_array_equal(first.losses, again.losses)


def test_a_model_that_draws_random_numbers():
    class Noise(nn.Module):
        def forward(self, x):
            return x + 0.1 * ff.randn_like(x)

    ff.manual_seed(5)
    following = ff.rand(3).tolist()
    model = nn.Sequential(Noise(), nn.Linear(20, 5))
    ff.manual_seed(5)
    ff.find_lr(model, "cross_entropy", *digits_like(), steps=5, compile=False)
    assert ff.rand(3).tolist() == following


def test_groups_keep_their_ratios():
    seen = []

    class Spy(optim.SGD):
        def step(self, closure=None):
            seen.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    model = net()
    optimizer = Spy([{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.4}], lr=0.1)
    X, y = digits_like()
    found = ff.find_lr(model, "cross_entropy", X, y, optimizer=optimizer, start=1e-3, end=1e-1, steps=5, compile=False)
    np.testing.assert_allclose(seen, np.outer(found.rates, [1, 4]), rtol=1e-12)


def test_the_steepest_descent():
    rates = rates_between(1e-4, 1, 5, "exponential")
    falling = np.array([3.0, 2.9, 2.0, 1.9, 5.0])
    assert steepest(rates, falling, "exponential") == pytest.approx(
        1e-3
    )  # (2.0 - 3.0) / 2, just before (1.9 - 2.9) / 2
    assert steepest(rates, falling, "linear") == pytest.approx(1e-4)  # by the rate itself, the first steps are small
    bouncing = np.array([3.0, 2.9, 2.5, 3.5, 1.0])  # down to 2.5, up, and steeply down again from there
    assert steepest(rates, bouncing, "exponential") == pytest.approx(1e-2)
    assert steepest(rates, np.arange(5.0), "exponential") is None
    assert steepest(rates[:1], falling[:1], "linear") is None


@pytest.mark.parametrize("mode", ["exponential", "linear"])
def test_plot(mode):
    X, y = digits_like()
    found = ff.find_lr(net(), "cross_entropy", X, y, start=1e-4, end=1.0, steps=30, mode=mode)
    figure = found.plot()
    axes = figure.axes[0]
    assert axes.get_xscale() == ("log" if mode == "exponential" else "linear")
    assert axes.get_xlabel() == "learning rate"
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), found.smoothed)
    assert axes.lines[2].get_xdata() == [found.suggestion]
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start": 0}, r"find_lr: start is 0 and end is 10.0, expected 0 < start < end"),
        ({"start": 2, "end": 1}, r"start is 2 and end is 1, expected"),
        ({"mode": "log"}, r"unknown mode 'log'"),
        ({"steps": 1}, r"find_lr: steps is 1, expected a whole number of at least 2"),
        ({"smoothing": 1.0}, r"smoothing is 1.0, expected a number in \[0, 1\)"),
        ({"diverge": 1}, r"diverge is 1, expected a number above 1"),
        ({"batch_size": 0}, r"batch_size is 0"),
    ],
)
def test_wrong_numbers(options, said):
    with pytest.raises(ValueError, match=said):
        ff.find_lr(net(), "cross_entropy", *digits_like(), **options)
