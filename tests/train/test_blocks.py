"""Epochs that run several in one native call: the same bits as one by one, whatever happens between them.

The oracle is the fit of one epoch for each call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.train.compiled import CompiledProgram
from forwardnet.train.history import number_text

RNG = np.random.default_rng(0)
X = RNG.standard_normal((70, 4)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.int64) + (X[:, 2] > 0.5)
EPOCHS, AT_ONCE = 9, 3  # one, and blocks of 3, 3 and 2


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """at_once(3): blocks have three epochs from now on; returns a list that gets the epochs of each block."""
    run_block = CompiledProgram.run_block

    def limited(count: int, growth: int = EPOCHS * 200) -> list[int]:
        made: list[int] = []

        def counted(self: CompiledProgram, order: Any, streams: Any) -> Any:
            made.append(len(order))
            return run_block(self, order, streams)

        monkeypatch.setattr("forwardnet.train.compiled.most_epochs", lambda *_: count)
        monkeypatch.setattr("forwardnet.train.loop.GROWTH", growth)
        monkeypatch.setattr(CompiledProgram, "run_block", counted)
        return made

    return limited


class Heard(ff.Callback):
    """Writes down what it is told, and may do something at an epoch."""

    looks_at_weights = False

    def __init__(self, at: tuple[str, int] = ("", 0), action: Callable[[Any], object] = lambda run: None) -> None:
        self.told: list[Any] = []
        self.at, self.action = at, action

    def on_epoch_begin(self, run: Any) -> None:
        self._tell("begin", run)

    def on_epoch_end(self, run: Any) -> None:
        self._tell("end", run)

    def _tell(self, event: str, run: Any) -> None:
        logs = {name: value for name, value in run.logs.items() if name != "seconds"}
        self.told.append((event, run.epoch, run.step, run.steps_done, run.loss, logs, len(run.history)))
        if self.at == (event, run.epoch):
            self.action(run)


def network(hidden: int = 6) -> Any:
    ff.manual_seed(0)
    return nn.Sequential(nn.Linear(4, hidden), nn.Tanh(), nn.Linear(hidden, 3))


def drawing() -> Any:
    ff.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.3), nn.Linear(6, 3))


def trainer_of(model: Any, loss: Any = "cross_entropy", **options: Any) -> Any:
    return ff.Trainer(model, loss, optim.Adam(model.parameters(), lr=0.02), **options)


def fit(trainer: Any, rows: int = 70, **options: Any) -> Any:
    given = {"epochs": EPOCHS, "batch_size": 16, "progress": False, **options}
    return trainer.fit(X[:rows], Y[:rows], **given)


def left(trainer: Any) -> Any:
    """What a fit leaves behind, in comparable form: weights, the optimiser's state, the record without seconds."""
    history = trainer.history
    states = trainer.optimizer.state_dict()["state"]
    return (
        [v.numpy().tobytes() for v in trainer.model.state_dict().values()],
        [
            {k: v.numpy().tobytes() if isinstance(v, ff.Tensor) else v for k, v in state.items()}
            for state in states.values()
        ],
        {name: column.tolist() for name, column in history.epochs.items() if name != "seconds"},
        {name: column.tolist() for name, column in history.steps.items()},
        (history.stopped, history.best_epoch, list(history.epochs), trainer.epochs_done, trainer.steps_done),
    )


FITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "smaller last batch": ({}, {}),
    "equal batches": ({}, {"rows": 64}),
    "in order": ({}, {"shuffle": False}),
    "dropped last": ({}, {"drop_last": True}),
    "dropped last, in order": ({}, {"drop_last": True, "shuffle": False}),
    "one batch": ({}, {"batch_size": 70}),
    "one batch of fewer rows": ({}, {"batch_size": 100}),
    "row by row": ({}, {"rows": 5, "batch_size": 1}),
    "weights of rows": ({}, {"sample_weight": np.linspace(0.2, 2.0, 70)}),
    "outputs": ({"metrics": ["accuracy"]}, {}),
    "weights of rows and outputs": ({"metrics": ["accuracy"]}, {"sample_weight": np.linspace(0.2, 2.0, 70)}),
    "noise": ({"model": drawing}, {}),
    "noise and outputs": ({"model": drawing, "metrics": ["log_loss"]}, {"shuffle": False}),
    "constants": ({"loss": nn.CrossEntropyLoss(weight=ff.tensor([0.3, 1.0, 2.5]))}, {}),
    "a course": ({"scheduler": "one_cycle"}, {}),
    "a course with noise": ({"scheduler": "one_cycle", "model": drawing}, {"rows": 64}),
    "sums": ({"loss": nn.CrossEntropyLoss(reduction="sum")}, {}),
    "listeners": ({}, {"callbacks": "heard"}),
    "a display": ({}, {"progress": True}),
}


@pytest.mark.parametrize("name", FITS)
def test_bits_do_not_depend_on_how_many_epochs_run_at_once(name: str, at_once: Any) -> None:
    """The second fit goes on from what the first one left."""
    made_of, options = FITS[name]
    found, told = [], []
    for count in (1, AT_ONCE):
        blocks = at_once(count)
        given = {**made_of}
        trainer = trainer_of(given.pop("model", network)(), **given)
        for _ in range(2):
            heard = [Heard()] if "callbacks" in options else []
            fit(trainer, **{**options, "callbacks": heard})
            found.append(left(trainer))
            told.append([h.told for h in heard])
        assert blocks == {1: [], AT_ONCE: [3, 3, 2] * 2}[count]
    assert found[2:] == found[:2]
    assert repr(told[2:]) == repr(told[:2])  # the first loss is NaN, which equals nothing


def test_blocks_grow_from_one_epoch(at_once: Any) -> None:
    blocks = at_once(20, growth=4)
    fit(trainer_of(network()), epochs=50)
    assert blocks == [4, 16, 20, 9]


def test_the_program_of_constants_has_some() -> None:
    """Or the test above would not notice if one program's were lost under the other's values."""
    trainer = trainer_of(network(), **FITS["constants"][0])
    fit(trainer)
    natives = [native for _, native in trainer._last_program._programs.values()]
    assert len(natives) == 2 and any(native.constants()[1].size for native in natives)


@pytest.mark.parametrize(
    ("rows", "model", "of_a_thread", "each"),
    [
        (64, network, 800.0, [2]),
        (70, network, 800.0, [2, 1]),
        (70, drawing, 800.0, [2, 1]),
        (70, drawing, 300.0, [3, 2]),
        (70, network, 300.0, [3, 2]),
    ],
)
def test_threads(
    rows: int, model: Any, of_a_thread: float, each: list[int], at_once: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kernel is shared by all threads; of the small last batch only some of them take part."""
    found = []
    for threads, count in ((1, 1), (each[0], 1), (each[0], AT_ONCE)):
        monkeypatch.setattr("forwardnet.compiler.kept._kept", {})
        if threads > 1:
            monkeypatch.setattr("forwardnet.compiler.module.PRODUCT_WORK", 0)
            monkeypatch.setattr("forwardnet.compiler.module.VECTOR_WORK", 0)
            monkeypatch.setattr("forwardnet.compiler.program.WORK_OF_A_THREAD", of_a_thread)
        blocks = at_once(count)
        trainer = trainer_of(model(), threads=threads)
        fit(trainer, rows)
        natives = [native for _, native in trainer._last_program._programs.values()]
        assert [native.threads for native in natives] == (each if threads > 1 else [1] * len(each))
        assert len(blocks) == (0 if count == 1 else 3)
        found.append(left(trainer))
    assert found[1] == found[0] and found[2] == found[0]


def stop(run: Any) -> None:
    run.stop("enough")


def interrupt(run: Any) -> None:
    raise KeyboardInterrupt


def fail(run: Any) -> None:
    raise RuntimeError("a callback that fails")


def slower(run: Any) -> None:
    run.optimizer.param_groups[0]["lr"] *= 0.5


@pytest.mark.parametrize("action", [stop, interrupt, fail, slower])
@pytest.mark.parametrize("at", [("begin", 1), ("end", 1), ("begin", 5), ("end", 5), ("begin", 7), ("end", 6)])
def test_what_callbacks_do_within_a_block(at: tuple[str, int], action: Any, at_once: Any) -> None:
    found = []
    for count in (1, AT_ONCE):
        blocks = at_once(count)
        trainer, heard = trainer_of(drawing() if at == ("end", 5) else network()), Heard(at, action)
        try:
            fit(trainer, callbacks=[heard])
        except RuntimeError as error:
            assert action is fail and str(error) == "a callback that fails"
        assert bool(blocks) == (count > 1 and (at[1] > 1 or action is slower))
        before = left(trainer), repr(heard.told)
        fit(trainer, epochs=2)
        found.append((before, left(trainer)))
    assert found[1] == found[0]


@pytest.mark.parametrize("kind", ["early stopping", "convergence", "a file"])
def test_callbacks_that_read_numbers_do_what_they_would(kind: str, at_once: Any, tmp_path: Any) -> None:
    found = []
    for count in (1, 50):
        blocks = at_once(count)
        trainer = trainer_of(network())
        trainer.optimizer.param_groups[0]["lr"] = 0.5
        ends = [ff.train.Convergence(change=0.02, patience=2)]
        if kind != "convergence":
            ends = [ff.EarlyStopping("loss", patience=2, restore_best=False)]
        if kind == "a file":
            ends.append(ff.train.CSVLogger(tmp_path / f"{count}.csv"))
        fit(trainer, epochs=50, callbacks=ends)
        found.append(left(trainer))
        if kind == "a file":
            assert ff.train.History.from_csv(tmp_path / f"{count}.csv")["loss"].tolist() == found[-1][2]["loss"]
        assert blocks == ([] if count == 1 else [49])
    assert found[0] == found[1]
    assert 1 < len(trainer.history) < 50


def test_ctrl_c_while_a_block_runs_ends_after_its_first_epoch(at_once: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import signal

    at_once(4)
    run_block = CompiledProgram.run_block

    def pressed(self: CompiledProgram, order: Any, streams: Any) -> Any:
        block = run_block(self, order, streams)
        if self._watch.epoch == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return block

    monkeypatch.setattr(CompiledProgram, "run_block", pressed)
    trainer = trainer_of(network())
    assert fit(trainer).stopped == "interrupted"
    at_once(1)
    other = trainer_of(network())
    fit(other, epochs=6)
    assert left(trainer)[:4] == left(other)[:4]


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("early", [False, True])
def test_divergence_is_named_as_step_by_step(heard: bool, early: bool, at_once: Any) -> None:
    """A rate far too high, for the first epoch; or one that is a little too high, so that it takes some blocks."""
    found = []
    for count in (1, AT_ONCE, EPOCHS * 200):
        blocks = at_once(count)
        ff.manual_seed(0)
        model = nn.Linear(4, 1)
        trainer = ff.Trainer(model, "mse", optim.SGD(model.parameters(), lr=1e12 if early else 1.4))
        with pytest.raises(ff.TrainingDivergedError) as caught:
            trainer.fit(
                X, X[:, 0], epochs=EPOCHS * 200, batch_size=16, callbacks=[Heard()] if heard else [], progress=False
            )
        error = caught.value
        assert bool(blocks) == (count > 1 and not early)
        assert error.history is trainer.history and trainer.history.stopped == "diverged"
        columns = {name: column.tolist() for name, column in trainer.history.epochs.items() if name != "seconds"}
        found.append((error.step, error.epoch, error.tensor, columns, trainer.history.steps["loss"].tolist()))
        # What is kept are the weights before `good_step`: those of a fit that made so many steps and one epoch more.
        assert error.good_step is not None
        assert error.step - 2 * 64 < error.good_step <= error.step
        assert all(np.isfinite(p.detach().numpy()).all() for p in model.parameters())
    assert found[1] == found[0] and found[2] == found[0]


def test_fits_that_are_resumed_keep_their_file_after_each_epoch(tmp_path: Any, at_once: Any) -> None:
    blocks = at_once(AT_ONCE)
    once = trainer_of(network())
    fit(once)
    assert blocks
    del blocks[:]

    def killed(run: Any) -> None:
        raise RuntimeError("killed")

    trainer = trainer_of(network())
    with pytest.raises(RuntimeError, match="killed"):
        fit(trainer, callbacks=[Heard(("begin", 5), killed)], resume=tmp_path / "state")
    again = trainer_of(network())
    fit(again, resume=tmp_path / "state")
    assert blocks == []
    assert left(again)[:4] == left(once)[:4]


class Slowing(Heard):
    """Changes the rate after every epoch."""

    changes_rates = True

    def on_epoch_end(self, run: Any) -> None:
        slower(run)


@pytest.mark.parametrize("looks", ["validation", "callback", "augment", "steps", "calls", "schedule", "rates"])
def test_epochs_are_run_one_by_one_for_those_who_step_in(looks: str, at_once: Any) -> None:
    options: dict[str, dict[str, Any]] = {
        "validation": {"validation_split": 0.2},
        "callback": {"callbacks": [ff.Callback(), type("Looks", (), {"on_epoch_end": lambda self, run: None})()]},
        "augment": {"augment": ff.data.augment.Jitter(0.1)},
        "steps": {"callbacks": [ff.train.LRMonitor()]},
        "calls": {"progress": lambda run: None},
        "schedule": {},
        "rates": {"callbacks": [Slowing()]},
    }
    blocks = at_once(AT_ONCE)
    fit(trainer_of(network(), scheduler="cosine" if looks == "schedule" else None), **options[looks])
    assert blocks == []


def test_seconds_are_shared_out(at_once: Any) -> None:
    at_once(EPOCHS)
    for callbacks in ([], [Heard()]):
        history = fit(trainer_of(network()), callbacks=callbacks)
        assert (history["seconds"] > 0).all()
    assert len(history) == EPOCHS and number_text(history.last["epoch"]) == str(EPOCHS)


def test_speed_is_that_of_the_epochs_told_of(at_once: Any) -> None:
    """Or the first epoch of a block would seem to have taken as long as all of it."""
    at_once(EPOCHS)
    untold, elapsed, left = [], [], []

    class Speed(Heard):
        def on_epoch_end(self, run: Any) -> None:
            untold.append(run.untold)
            elapsed.append(run.elapsed)
            left.append(run.seconds_left)

    fit(trainer_of(network()), callbacks=[Speed()])
    assert untold[0] == 0 < untold[1]  # the first epoch is run by itself
    np.testing.assert_allclose(untold[1:], untold[1] * np.arange(EPOCHS - 2, -1, -1) / (EPOCHS - 2))  # even shares
    assert elapsed[0] > 0 and (np.diff(elapsed) >= untold[1] / EPOCHS).all()
    assert min(left) == left[-1] == 0.0
