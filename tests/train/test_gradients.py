"""GradientMonitor: its numbers against those of backward, and that the training does not notice it."""

from __future__ import annotations

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.errors import ArgumentError, DataError
from forwardnet.train import GradientMonitor, Trainer


def deep(activation, depth: int = 3) -> nn.Sequential:
    ff.manual_seed(0)
    layers: list[nn.Module] = [nn.Linear(2, 12), activation()]
    for _ in range(depth):
        layers += [nn.Linear(12, 12), activation()]
    return nn.Sequential(*layers, nn.Linear(12, 3))


@pytest.mark.parametrize("compile", [True, False], ids=["compiled", "eager"])
def test_the_numbers_are_those_of_backward(blobs, compile):
    X, y = blobs
    weight = np.linspace(0.5, 1.5, len(y))
    model = nn.Sequential(nn.Linear(2, 6), nn.PReLU(), nn.Dropout(0.4), nn.Linear(6, 3))
    start = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    monitor = GradientMonitor()
    trainer = Trainer(model, "cross_entropy", optim.SGD(model.parameters(), lr=0.1), penalty=optim.L2(0.1))
    trainer.compile = compile
    trainer.fit(X, y, epochs=2, batch_size=20, sample_weight=weight, callbacks=monitor, progress=False)
    assert monitor.steps.tolist() == [0, 3, 6] and monitor.epochs.tolist() == [0, 1, 2]
    assert monitor.parameters == ["0.weight", "0.bias", "1.weight", "3.weight", "3.bias"]
    assert monitor.layers == ["0", "3"]
    w = ff.tensor((weight / weight.mean()).astype(np.float32))
    for record, weights in ((0, start), (-1, None)):
        if weights is not None:
            final = {name: value.numpy().copy() for name, value in model.state_dict().items()}
            model.load_state_dict(weights)
        else:
            model.load_state_dict(final)
        model.eval().zero_grad()
        each = nn.CrossEntropyLoss(reduction="none")(model(ff.tensor(X)), ff.tensor(y))
        total = (each * w).mean() + optim.L2(0.1)(model.parameters())
        total.backward()
        gradients = [p.grad.numpy() for p in model.parameters()]
        # float32 sums of 60 rows, here and there in another order
        close = {"rtol": 1e-4, "atol": 1e-6}
        np.testing.assert_allclose(monitor.norms[record], [np.linalg.norm(g) for g in gradients], **close)
        np.testing.assert_allclose(monitor.means[record], [g.mean() for g in gradients], **close)
        np.testing.assert_allclose(monitor.stds[record], [g.std() for g in gradients], **close)
        sizes = [np.linalg.norm(p.detach().numpy()) for p in model.parameters()]
        np.testing.assert_allclose(monitor.sizes[record], sizes, **close)
        np.testing.assert_allclose(monitor.losses[record], total.item(), **close)
        together = [np.hypot(*monitor.norms[record, :2]), np.hypot(*monitor.norms[record, 3:])]
        np.testing.assert_allclose(monitor.speeds[record], together, rtol=1e-12)  # the same numbers added in float64


@pytest.mark.parametrize("compile", [True, False], ids=["compiled", "eager"])
def test_the_training_does_not_notice_it(blobs, weights, compile):
    ends = []
    for callbacks in ((), (GradientMonitor(rows=7),)):
        ff.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
        trainer = Trainer(model, "cross_entropy", "adam", compile=compile)
        trainer.fit(*blobs, epochs=3, batch_size=16, callbacks=callbacks, progress=False)
        ends.append([*weights(model), *(b.numpy().copy() for b in model.buffers())])
        grads = [p.grad is None for p in model.parameters()]
        ends[-1].append(np.array(grads))
    for plain, watched in zip(*ends, strict=True):
        np.testing.assert_array_equal(plain, watched)


def test_every_and_the_last_epoch(blobs):
    monitor = GradientMonitor(every=2)
    trainer = Trainer(deep(nn.ReLU, 0), "cross_entropy", "sgd")
    trainer.fit(*blobs, epochs=5, callbacks=[monitor], progress=False)
    assert monitor.epochs.tolist() == [0, 2, 4, 5]
    trainer.fit(*blobs, epochs=2, callbacks=[monitor], progress=False)
    assert monitor.epochs.tolist() == [5, 7]  # a further fit begins anew


@pytest.mark.parametrize(
    ("activation", "scale", "expected"),
    [(nn.Tanh, 1.0, "healthy"), (nn.Sigmoid, 1.0, "vanishing"), (nn.ReLU, 20.0, "exploding")],
)
def test_verdicts(blobs, activation, scale, expected):
    X, y = blobs
    model = deep(activation, 6)
    with ff.no_grad():
        for layer in model[2:-1]:
            for p in layer.parameters():
                p.mul_(scale)
        if scale > 1:  # without it the last layer's inputs are as large as what comes back
            model[-1].weight.mul_(1e3)
            model[0].weight.mul_(1e-6)
            for p in (m.bias for m in model if isinstance(m, nn.Linear)):
                p.zero_()
    monitor = GradientMonitor(limit=1e-2)
    Trainer(model, "cross_entropy", optim.SGD(model.parameters(), lr=1e-9)).fit(
        X, y, epochs=1, callbacks=[monitor], progress=False
    )
    assert monitor.verdicts == [expected] * 2
    assert expected in monitor.summary()
    ratio = monitor.speeds[-1] / monitor.speeds[-1, -1]
    assert {"healthy": 0.01 < ratio.min(), "vanishing": ratio[0] < 0.01, "exploding": ratio[0] > 100}[expected]


def test_dead_units_block_the_way_and_frozen_layers_have_no_numbers(blobs):
    model = deep(nn.ReLU, 1)
    model[0].requires_grad_(False)
    with ff.no_grad():
        model[2].bias.fill_(-1e3)
    monitor = GradientMonitor()
    optimizer = optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)

    class Freezes(ff.Callback):
        def on_epoch_end(self, run):
            model[4].bias.requires_grad_(False)

    Trainer(model, "cross_entropy", optimizer, compile=False).fit(
        *blobs, epochs=1, callbacks=[Freezes(), monitor], progress=False
    )
    assert monitor.parameters == ["2.weight", "2.bias", "4.weight", "4.bias"]
    assert monitor.verdicts == ["blocked", "blocked"] and "layer 2 is blocked" in monitor.summary()
    np.testing.assert_array_equal(monitor.zeros[0], [1, 1, 1, 0])  # units that are off show nothing to the last weights
    assert np.isnan(monitor.norms[1, 3]) and not np.isnan(monitor.norms[1, :3]).any()


def test_plot_draws_the_layers(blobs):
    monitor = GradientMonitor()
    with pytest.raises(DataError, match="nothing was recorded"):
        monitor.plot()
    Trainer(deep(nn.Tanh, 1), "cross_entropy", "adam").fit(*blobs, epochs=3, callbacks=[monitor], progress=False)
    drawn = monitor.plot().axes[0].get_lines()
    assert [line.get_label() for line in drawn] == [f"layer {name}" for name in monitor.layers]
    for line, speeds in zip(drawn, monitor.speeds.T, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), monitor.steps)
        np.testing.assert_array_equal(line.get_ydata(), speeds)


def test_optimisers_of_all_rows_need_data(blobs):
    X, y = blobs
    trainer = Trainer(deep(nn.Tanh, 0), "cross_entropy", "lbfgs")
    with pytest.raises(ArgumentError, match=r"rows that LBFGS learns from.*\n.*data=\(X, y\)"):
        trainer.fit(X, y, epochs=1, callbacks=[GradientMonitor()], progress=False)
    monitor = GradientMonitor(data=(X, y), loss="cross_entropy")
    trainer.fit(X, y, epochs=3, callbacks=[monitor], progress=False)
    norm = ff.train.gradient_norm(trainer.model, "cross_entropy", X, y)
    # the same sums of float32 numbers
    assert np.linalg.norm(monitor.norms[-1]) == pytest.approx(norm, rel=1e-4, abs=1e-7)
    assert np.linalg.norm(monitor.norms[-1]) < 0.1 * np.linalg.norm(monitor.norms[0])


def test_refusals(blobs):
    for wrong in ({"every": 0}, {"rows": 0}, {"limit": 1.0}, {"data": blobs}, {"loss": "mse"}):
        with pytest.raises(ArgumentError, match="GradientMonitor"):
            GradientMonitor(**wrong)
