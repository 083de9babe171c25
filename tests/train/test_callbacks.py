"""Callbacks: when they are called, and what the ready-made ones do."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.errors import ArgumentError, FileFormatError, UnknownNameError
from forwardnet.train import Callback, Checkpoint, CSVLogger, EarlyStopping, History, LRMonitor, Trainer


class Tape:
    """Notes every call with the epoch and step it came at."""

    def __init__(self, name: str, log: list):
        self.name, self.log = name, log

    def _note(self, event, run):
        self.log.append((self.name, event, run.epoch, run.step))

    def on_train_begin(self, run):
        self._note("train begin", run)

    def on_epoch_begin(self, run):
        self._note("epoch begin", run)

    def on_step_end(self, run):
        self._note("step end", run)

    def on_epoch_end(self, run):
        self._note("epoch end", run)

    def on_train_end(self, run):
        self._note("train end", run)


class Scripted(Callback):
    """Makes the validation losses those of a list."""

    def __init__(self, values):
        self.values = values
        self.weights = {}

    def on_epoch_end(self, run):
        run.logs["val_loss"] = self.values[run.epoch - 1]
        self.weights[run.epoch] = [p.detach().numpy().copy() for p in run.model.parameters()]


def equal(model: nn.Module, kept: list[np.ndarray]) -> bool:
    return all(np.array_equal(p.detach().numpy(), k) for p, k in zip(model.parameters(), kept, strict=True))


# -- order ----------------------------------------------------------------------------------------------------


def test_order_of_calls(trainer, line):
    log: list = []
    trainer(2, 1).fit(*line, epochs=2, batch_size=25, callbacks=[Tape("a", log), Tape("b", log)], progress=False)
    events = [("train begin", 0, 0)]
    for epoch, steps in ((1, (1, 2)), (2, (3, 4))):
        events.append(("epoch begin", epoch, steps[0] - 1))
        events += [("step end", epoch, step) for step in steps]
        events.append(("epoch end", epoch, steps[1]))
    events.append(("train end", 2, 4))
    assert log == [(name, *event) for event in events for name in ("a", "b")]


def test_a_callback_needs_only_the_methods_it_wants(trainer, line):
    class OnlyEnd:
        seen = None

        def on_train_end(self, run):
            self.seen = run.epoch

    only = OnlyEnd()
    trainer(2, 1).fit(*line, epochs=2, callbacks=only, progress=False)
    assert only.seen == 2


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (3, "callbacks: 3 has none of the methods on_train_begin, "),
        (EarlyStopping, "hint: make an object of the class first"),
    ],
)
def test_what_is_no_callback(trainer, line, callback, message):
    with pytest.raises(ArgumentError) as caught:
        trainer(2, 1).fit(*line, callbacks=[callback], progress=False)
    assert message in str(caught.value)


def test_numbers_added_to_the_row_are_kept(trainer, line):
    class Norm(Callback):
        def on_epoch_end(self, run):
            run.logs["norm"] = sum(float((p.detach().numpy() ** 2).sum()) for p in run.model.parameters())

    history = trainer(2, 1).fit(*line, epochs=3, callbacks=[Norm()], progress=False)
    assert history["norm"].shape == (3,)
    assert (history["norm"] > 0).all()


@pytest.mark.parametrize(("event", "epochs", "steps"), [("on_step_end", 1, 3), ("on_epoch_begin", 1, 2)])
def test_a_callback_may_stop_the_fit(trainer, line, event, epochs, steps):
    class Stop:
        def __init__(self):
            def react(run):
                if run.epoch == 2:
                    run.stop("enough")

            setattr(self, event, react)

    history = trainer(2, 1).fit(*line, epochs=9, batch_size=25, callbacks=[Stop()], progress=False)
    assert history.stopped == "enough"
    assert len(history) == epochs
    assert len(history.steps["step"]) == steps


def test_on_train_end_comes_after_an_error(trainer, line):
    log: list = []

    class Fails(Callback):
        def on_step_end(self, run):
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        trainer(2, 1).fit(*line, callbacks=[Tape("a", log), Fails()], progress=False)
    assert log[-1][1] == "train end"


# -- early stopping -------------------------------------------------------------------------------------------


def test_RG10_early_stopping_restores_the_best_weights(trainer, line):
    """Validation loss 5, 4, 3, 3.5, 3.6 with patience 2: stop at epoch 5, best epoch 3."""
    script, stopping = Scripted([5, 4, 3, 3.5, 3.6, 0.1]), EarlyStopping(patience=2)
    t = trainer(2, 1)
    history = t.fit(*line, epochs=6, validation_split=0.2, callbacks=[script, stopping], progress=False)
    assert history["val_loss"].tolist() == [5, 4, 3, 3.5, 3.6]
    assert (history.stopped, history.best_epoch) == ("early stopping", 3)
    assert (stopping.stopped_epoch, stopping.best_epoch, stopping.best) == (5, 3, 3.0)
    assert equal(t.model, script.weights[3])
    assert not equal(t.model, script.weights[5])


def test_without_restoring_the_last_weights_stay(trainer, line):
    script = Scripted([5, 4, 3, 3.5, 3.6])
    t = trainer(2, 1)
    stopping = EarlyStopping(patience=2, restore_best=False)
    t.fit(*line, epochs=5, validation_split=0.2, callbacks=[script, stopping], progress=False)
    assert equal(t.model, script.weights[5])


def test_best_weights_are_restored_when_the_epochs_run_out(trainer, line):
    script = Scripted([5, 3, 4])
    t = trainer(2, 1)
    history = t.fit(*line, epochs=3, validation_split=0.2, callbacks=[script, EarlyStopping()], progress=False)
    assert history.stopped is None
    assert equal(t.model, script.weights[2])


def test_min_delta_asks_for_a_real_improvement(trainer, line):
    script, stopping = Scripted([5, 4.95, 4.9, 4.85]), EarlyStopping(patience=3, min_delta=0.5)
    history = trainer(2, 1).fit(*line, epochs=9, validation_split=0.2, callbacks=[script, stopping], progress=False)
    assert (stopping.best_epoch, stopping.stopped_epoch, history.best_epoch) == (1, 4, 1)


def test_larger_is_better_for_accuracy(trainer, blobs):
    values = [0.5, 0.9, 0.8, 0.7]

    class Accuracies(Callback):
        def on_epoch_end(self, run):
            run.logs["val_accuracy"] = values[run.epoch - 1]

    stopping = EarlyStopping("val_accuracy", patience=2)
    t = trainer(2, 3, loss="cross_entropy", metrics=["accuracy"])
    t.fit(*blobs, epochs=4, validation_split=0.2, callbacks=[Accuracies(), stopping], progress=False)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (2, 4)


def test_not_a_number_is_no_improvement(trainer, line):
    script, stopping = Scripted([5, float("nan"), float("nan")]), EarlyStopping(patience=2)
    trainer(2, 1).fit(*line, epochs=3, validation_split=0.2, callbacks=[script, stopping], progress=False)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (1, 3)


def test_an_early_stopping_can_be_used_again(trainer, line):
    stopping = EarlyStopping(patience=2)
    for _ in range(2):
        script = Scripted([3, 4, 5])
        trainer(2, 1).fit(*line, epochs=5, validation_split=0.2, callbacks=[script, stopping], progress=False)
        assert (stopping.best_epoch, stopping.stopped_epoch) == (1, 3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: EarlyStopping(),
            UnknownNameError,
            "EarlyStopping: 'val_loss' is not recorded\nhint: give validation_data or validation_split",
        ),
        (
            lambda: EarlyStopping("los"),
            UnknownNameError,
            "EarlyStopping: 'los' is not recorded\nhint: did you mean 'loss'?",
        ),
        (
            lambda: EarlyStopping("spread"),
            ArgumentError,
            'EarlyStopping: cannot tell whether a larger \'spread\' is better\nhint: say mode="min" or mode="max"',
        ),
        (
            lambda: EarlyStopping(patience=0),
            ArgumentError,
            "EarlyStopping: patience is 0, expected a whole number of at least 1",
        ),
        (lambda: EarlyStopping(min_delta=-1), ArgumentError, "EarlyStopping: min_delta is -1, expected 0 or more"),
        (lambda: EarlyStopping(mode="mn"), UnknownNameError, "unknown mode 'mn'\nhint: did you mean 'min'?"),
    ],
)
def test_early_stopping_refuses(trainer, line, make, error, message):
    def spread(y, output):
        return float(np.std(output))

    with pytest.raises(error) as caught:
        trainer(2, 1, metrics=[spread]).fit(*line, callbacks=[make()], progress=False)
    assert str(caught.value) == message


# -- files ----------------------------------------------------------------------------------------------------


def test_csv_logger_writes_as_it_goes(trainer, line, tmp_path):
    path = tmp_path / "log.csv"
    lengths = []

    class Count(Callback):
        def on_epoch_end(self, run):
            lengths.append(len(path.read_text(encoding="utf-8").splitlines()))

    history = trainer(2, 1).fit(*line, epochs=3, callbacks=[CSVLogger(path), Count()], progress=False)
    assert lengths == [2, 3, 4]  # the first line and one for each epoch, at once
    back = History.from_csv(path)
    for name in history:
        np.testing.assert_array_equal(back[name], history[name])


def test_csv_logger_starts_again_or_goes_on(trainer, line, tmp_path):
    path = tmp_path / "log.csv"
    t = trainer(2, 1)
    t.fit(*line, epochs=2, callbacks=[CSVLogger(path)], progress=False)
    t.fit(*line, epochs=2, callbacks=[CSVLogger(path, append=True)], progress=False)
    assert History.from_csv(path)["epoch"].tolist() == [1, 2, 3, 4]
    t.fit(*line, epochs=1, callbacks=[CSVLogger(path)], progress=False)
    assert History.from_csv(path)["epoch"].tolist() == [5]


def test_csv_logger_that_cannot_write_is_an_error(trainer, line, tmp_path):
    with pytest.raises(FileFormatError, match="log.csv: cannot be written: No such file"):
        trainer(2, 1).fit(*line, callbacks=[CSVLogger(tmp_path / "none" / "log.csv")], progress=False)


def test_checkpoint_saves_each_improvement(trainer, line, tmp_path):
    script = Scripted([5, 4, 4.5, 3])
    checkpoint = Checkpoint(tmp_path / "best.safetensors")
    t = trainer(2, 1)
    t.fit(*line, epochs=4, validation_split=0.2, callbacks=[script, checkpoint], progress=False)
    assert len(checkpoint.saved) == 3
    assert equal(ff.load(tmp_path / "best.safetensors"), script.weights[4])


def test_checkpoint_of_every_epoch_with_names(trainer, line, tmp_path):
    checkpoint = Checkpoint(tmp_path / "model-{epoch:02d}.safetensors", monitor=None)
    trainer(2, 1).fit(*line, epochs=3, callbacks=[checkpoint], progress=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"model-0{i}.safetensors" for i in (1, 2, 3)]


def test_checkpoint_path_that_cannot_be_filled_in(trainer, line, tmp_path):
    checkpoint = Checkpoint(tmp_path / "{val_los}.safetensors", monitor=None)
    with pytest.raises(ArgumentError, match="cannot be filled in: 'val_los'\nhint: known: epoch, loss"):
        trainer(2, 1).fit(*line, epochs=1, callbacks=[checkpoint], progress=False)


def test_save_and_load(trainer, line, tmp_path):
    t = trainer(2, 4, 1)
    t.fit(*line, epochs=2, progress=False)
    t.save(tmp_path / "model.safetensors")
    again = Trainer(ff.load(tmp_path / "model.safetensors"), "mse", "adam")
    assert again.predict(line[0]).tobytes() == t.predict(line[0]).tobytes()


# -- learning rates -------------------------------------------------------------------------------------------


def test_lr_monitor(net, line, tmp_path):
    model = net(2, 3, 1)
    groups = [
        {"params": list(model[0].parameters()), "lr": 0.1},
        {"params": list(model[2].parameters()), "lr": 0.01},
    ]
    optimizer = optim.SGD(groups, lr=1.0)

    class Schedule:
        def step(self):
            for group in optimizer.param_groups:
                group["lr"] /= 2

    monitor = LRMonitor()
    t = Trainer(model, "mse", optimizer, Schedule())
    history = t.fit(*line, epochs=2, batch_size=25, callbacks=[monitor], progress=False)
    assert monitor.steps == [1, 2, 3, 4]
    assert monitor.rates == [[0.1, 0.01]] * 2 + [[0.05, 0.005]] * 2
    assert history["lr_1"].tolist() == [0.01, 0.005]
    history.to_csv(tmp_path / "h.csv")
    with open(tmp_path / "h.csv", newline="", encoding="utf-8") as file:
        assert next(csv.reader(file)) == ["epoch", "loss", "lr", "seconds", "lr_0", "lr_1"]
