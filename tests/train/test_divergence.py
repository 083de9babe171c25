"""A run that leaves the finite numbers is stopped where it happens, named, and put back to its last good weights."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.errors import DivergedError
from forwardnet.train import Callback, EarlyStopping, Trainer, TrainingDivergedError
from forwardnet.train.divergence import SNAPSHOT_STEPS, is_finite


def steep(lr: float, **options) -> Trainer:
    """A line fitted with a rate far beyond what is stable."""
    ff.manual_seed(0)
    model = nn.Linear(2, 1)
    # The eager program, step by step; tests/train/test_compiled.py has the compiled one.
    return Trainer(model, "mse", optim.SGD(model.parameters(), lr=lr), **{"compile": False, **options})


def test_divergence_is_named_and_the_last_good_weights_are_kept(line, weights):
    t = steep(100.0)
    start = weights(t.model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy's overflow warnings would only come before the message
        with pytest.raises(TrainingDivergedError) as caught:
            t.fit(*line, epochs=50, batch_size=50, progress=False)
    error = caught.value
    assert isinstance(error, DivergedError)
    assert error.history is t.history
    assert t.history.stopped == "diverged"
    assert np.isfinite(t.history.steps["loss"]).all()
    assert len(t.history.steps["step"]) == error.step - 1 > 0
    assert error.epoch == error.step  # one step an epoch
    assert error.good_step == 1  # fewer than SNAPSHOT_STEPS steps were made
    assert str(error).startswith(f"training diverged at step {error.step} (epoch {error.epoch}): {error.tensor}; ")
    assert str(error).endswith(
        "the weights kept are those before step 1\n"
        "hint: lower the learning rate (now 100), scale the data, or clip the gradients"
    )
    for a, b in zip(weights(t.model), start, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.isfinite(t.predict(line[0])).all()


def test_the_kept_weights_are_recent(line):
    """With a rate only just too high the run is long: the weights kept are at most SNAPSHOT_STEPS steps old."""
    rows = np.column_stack([line[0], np.ones(50)])
    curvature = np.linalg.eigvalsh(2 / 50 * rows.T @ rows)[-1]
    t = steep(1.04 * 2 / curvature)  # the error grows by 8 % a step
    kept = {}

    class Keep(Callback):
        def on_step_end(self, run):
            kept[run.step] = [p.detach().numpy().copy() for p in run.model.parameters()]

    with pytest.raises(TrainingDivergedError) as caught:
        t.fit(*line, epochs=5000, batch_size=50, callbacks=[Keep()], progress=False)
    error = caught.value
    assert error.step > 2 * SNAPSHOT_STEPS
    assert error.step - SNAPSHOT_STEPS <= error.good_step <= error.step
    for parameter, expected in zip(t.model.parameters(), kept[error.good_step - 1], strict=True):
        np.testing.assert_array_equal(parameter.detach().numpy(), expected)


def test_the_optimizer_goes_back_too(line):
    ff.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=100.0, momentum=0.9)
    t = Trainer(model, "mse", optimizer)
    with pytest.raises(TrainingDivergedError):
        t.fit(*line, epochs=100, batch_size=50, progress=False)
    optimizer.param_groups[0]["lr"] = 0.01  # what the hint says
    history = t.fit(*line, epochs=50, batch_size=50, progress=False)
    assert history.stopped is None
    assert history["loss"][-1] < history["loss"][0]


def test_early_stopping_restores_its_best_weights_after_a_divergence(line):
    t = steep(1.3)
    stopping = EarlyStopping("loss", patience=10_000)
    first = {}

    class Keep(Callback):
        def on_epoch_end(self, run):
            first.setdefault(run.epoch, [p.detach().numpy().copy() for p in run.model.parameters()])

    with pytest.raises(TrainingDivergedError):
        t.fit(*line, epochs=5000, batch_size=50, callbacks=[stopping, Keep()], progress=False)
    for parameter, expected in zip(t.model.parameters(), first[stopping.best_epoch], strict=True):
        np.testing.assert_array_equal(parameter.detach().numpy(), expected)


class Spoils(nn.Module):
    """Passes on what it gets, and infinity or NaN from a given call in training on."""

    def __init__(self, value: float, call: int):
        super().__init__()
        self.value, self.call, self.calls = value, call, 0

    def forward(self, x):
        self.calls += self.training
        return x * self.value if self.calls >= self.call else x


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_layer_where_it_began_is_named(line, value):
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), Spoils(value, call=4), nn.Tanh(), nn.Linear(3, 1))
    t = Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.01), compile=False)
    with pytest.raises(TrainingDivergedError) as caught:
        t.fit(*line, epochs=5, batch_size=25, progress=False)
    assert caught.value.step == 4
    assert caught.value.epoch == 2
    assert caught.value.tensor.startswith("the output of layer '1' (Spoils()) holds ")
    assert not model[1]._forward_hooks  # nothing is left behind


def test_a_gradient_that_is_not_finite_changes_no_weight(line, weights):
    """The loss is 0 for this output, and its gradient 0/0: noticed before the update."""

    def root(output, y):
        return ((output - output.detach()) ** 2).sqrt().mean()

    ff.manual_seed(0)
    model = nn.Linear(2, 1)
    t = Trainer(model, root, optim.SGD(model.parameters(), lr=0.1))
    start = weights(model)
    with pytest.raises(TrainingDivergedError) as caught:
        t.fit(line[0], line[1].reshape(-1, 1), epochs=1, progress=False)
    assert caught.value.tensor == "the gradient of 'weight' holds nan"
    for a, b in zip(weights(model), start, strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_that_are_not_finite_are_named(line):
    t = steep(0.1)
    with ff.no_grad():
        t.model.bias.fill_(float("nan"))
    with pytest.raises(TrainingDivergedError, match="'bias' holds nan; the weights kept are those from the start"):
        t.fit(*line, progress=False)


def test_the_last_update_is_checked_as_well(line, weights):
    class Spoil(Callback):
        def on_step_end(self, run):
            if run.step == 2:
                with ff.no_grad():
                    run.model.weight.fill_(float("inf"))

    t = steep(0.1)
    with pytest.raises(TrainingDivergedError, match="'weight' holds inf"):
        t.fit(*line, epochs=1, batch_size=25, callbacks=[Spoil()], progress=False)
    assert all(np.isfinite(w).all() for w in weights(t.model))


def test_a_validation_loss_that_is_not_finite_is_a_divergence(line):
    X, y = line
    held = np.full((3, 2), 3e38, np.float32)  # finite, but not its products
    t = steep(0.1)
    with pytest.raises(TrainingDivergedError, match="the validation loss is (inf|nan)"):
        t.fit(X, y, epochs=1, validation_data=(held, y[:3]), progress=False)


def test_a_loss_that_refuses_nan_is_a_divergence_too(blobs):
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 1), Spoils(float("nan"), call=2), nn.Sigmoid())
    t = Trainer(model, "bce", optim.SGD(model.parameters(), lr=0.1), compile=False)
    with pytest.raises(TrainingDivergedError) as caught:
        t.fit(blobs[0], (blobs[1] > 0).astype(int), epochs=1, batch_size=20, progress=False)
    assert caught.value.step == 2
    assert "layer '1'" in caught.value.tensor


def test_large_numbers_are_not_mistaken_for_infinities():
    with np.errstate(over="ignore"):
        assert is_finite(ff.from_numpy(np.full(4, 3e38, np.float32)))
    assert is_finite(ff.from_numpy(np.empty((0, 3), np.float32)))
    assert not is_finite(ff.from_numpy(np.array([[1.0, np.inf], [0.0, 1.0]])))
    assert not is_finite(ff.from_numpy(np.array([1.0, np.nan])))


def test_a_snapshot_is_a_copy(line):
    from forwardnet.train.state import Snapshot

    t = steep(0.1)
    snapshot = Snapshot.of(t.model, t.optimizer)
    before = t.predict(line[0])
    t.fit(*line, epochs=3, progress=False)
    assert not np.array_equal(t.predict(line[0]), before)
    snapshot.restore(t.model, t.optimizer)
    np.testing.assert_array_equal(t.predict(line[0]), before)
