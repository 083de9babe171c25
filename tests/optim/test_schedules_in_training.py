"""A Trainer with each schedule: compiled, the same course as eager, with the rates of the schedule at every step."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
import forwardnet.compiler.program
from forwardnet import nn, optim
from forwardnet.optim import lr_scheduler
from forwardnet.optim.lr_scheduler import SCHEDULERS, CyclicLR, LRScheduler, OneCycleLR, ReduceLROnPlateau
from forwardnet.train.compiled import CompiledProgram
from optim.schedules import EVERY, SETTINGS, advance

EPOCHS, BATCHES = 6, 3
BY_BATCH = [*sorted(name for name in EVERY if SCHEDULERS[name].every != "epoch"), "sequential"]


def data() -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    X = draw.standard_normal((60, 5))
    return X, X @ draw.standard_normal((5, 1)) + 0.5


def trainer(scheduler: Any, *, compile: bool, kind: str = "SGD", **options: Any) -> ff.Trainer:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1))
    usual: dict[str, Any] = {"lr": 0.1, "momentum": 0.5} if kind == "SGD" else {"lr": 0.02}
    groups: list[dict[str, Any]] = [
        {"params": model[0].parameters()},
        {"params": model[2].parameters(), "lr": usual["lr"] / 2},
    ]
    optimizer = getattr(optim, kind)(groups, **{**usual, **options})
    return ff.Trainer(model, "mse", optimizer, scheduler, compile=compile, precision="float64")


def fit(t: ff.Trainer, epochs: int = EPOCHS, **options: Any) -> ff.History:
    return t.fit(*data(), epochs=epochs, batch_size=20, progress=False, **options)


def settings_of(t: ff.Trainer) -> list[tuple[float, Any]]:
    return [(g["lr"], g["betas"][0] if "betas" in g else g.get("momentum")) for g in t.optimizer.param_groups]


class Watched(ff.Callback):
    """What each step was made with, and the weights after it."""

    def __init__(self) -> None:
        self.settings: list[Any] = []
        self.weights: list[Any] = []

    def on_step_end(self, run: Any) -> None:
        self.settings.append(settings_of(run))  # type: ignore[arg-type]
        self.weights.append(next(run.model.parameters()).detach().numpy().copy())


def expected(t: ff.Trainer, losses: Any, epochs: int = EPOCHS) -> list[Any]:
    """What a schedule of its own sets for every step, stepped by hand."""
    schedule, seen = t.scheduler, []
    every = schedule.every
    for epoch, batch in itertools.product(range(epochs), range(BATCHES)):
        seen.append(settings_of(t))
        if every == "part":
            schedule.step(epoch + (batch + 1) / BATCHES if batch + 1 < BATCHES else epoch + 1)
        elif every == "batch" or batch + 1 == BATCHES:
            advance(schedule, losses[epoch])
    return seen


@pytest.mark.parametrize(("name", "kind"), [*((n, "SGD") for n in EVERY), ("cyclic", "Adam"), ("one_cycle", "Adam")])
def test_every_step_has_its_rate_compiled_and_eager(name: str, kind: str) -> None:
    quick, watched, eager, alone = (
        trainer(SETTINGS[name], compile=flag, kind=kind) for flag in (True, True, False, False)
    )
    looks = [Watched(), Watched()]
    history = fit(quick)
    fit(watched, callbacks=[looks[0]])
    other = fit(eager, callbacks=[looks[1]])
    assert isinstance(quick._last_program, CompiledProgram)
    by_hand = expected(alone, other["loss"])
    assert looks[0].settings == looks[1].settings == by_hand
    # float64 sums in another order over 18 steps
    np.testing.assert_allclose(history.steps["loss"], other.steps["loss"], rtol=1e-9)
    np.testing.assert_allclose(looks[0].weights, looks[1].weights, rtol=1e-9, atol=1e-12)
    for a, b in zip(quick.model.parameters(), eager.model.parameters(), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-12)
    last_of_epoch = [step[0][0] for step in by_hand[BATCHES - 1 :: BATCHES]]
    np.testing.assert_array_equal(history["lr"], last_of_epoch)
    np.testing.assert_array_equal(other["lr"], last_of_epoch)
    assert settings_of(quick) == settings_of(eager) == settings_of(alone)
    assert quick.scheduler.last_epoch == eager.scheduler.last_epoch == alone.scheduler.last_epoch
    if name != "plateau":
        assert len({step[0][0] for step in by_hand}) > (EPOCHS if name in BY_BATCH else 1)


def calls_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of steps of each native call from now on, of which each makes those of one epoch at most."""
    monkeypatch.setattr("forwardnet.train.blocks.BLOCK_WORK", 0)
    counts: list[int] = []
    native = forwardnet.compiler.program.Native
    run = native.run

    def counted(self: Any, sources: Any = (), order: Any = None, steps: int = 1, records: Any = None) -> Any:
        counts.append(steps)
        return run(self, sources, order, steps, records)

    monkeypatch.setattr(native, "run", counted)
    return counts


@pytest.mark.parametrize("name", BY_BATCH)
def test_one_native_call_makes_many_steps_of_different_rates(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = calls_of(monkeypatch)
    fit(trainer(SETTINGS[name], compile=True))
    assert counts == [BATCHES] * EPOCHS


def test_a_schedule_of_ones_own_may_be_stepped_by_batch() -> None:
    class Halving:
        every = "batch"

        def __init__(self, optimizer: Any) -> None:
            self.optimizer = optimizer

        def step(self) -> None:
            self.optimizer.param_groups[0]["lr"] *= 0.9

    class ByGet(LRScheduler):
        every = "part"

        def get_lr(self) -> list[float]:
            return [base * 0.9**self.last_epoch for base in self.base_lrs]

    for kind in (Halving, ByGet):
        trainers = [trainer(kind, compile=flag) for flag in (True, False)]
        looks = [Watched(), Watched()]
        histories = [fit(t, callbacks=[look]) for t, look in zip(trainers, looks, strict=True)]
        rates = [step[0][0] for step in looks[0].settings]
        power = np.arange(18) if kind is Halving else np.arange(18) / BATCHES
        np.testing.assert_allclose(rates, 0.1 * 0.9**power, rtol=1e-12)
        assert looks[0].settings == looks[1].settings
        np.testing.assert_allclose(histories[0].steps["loss"], histories[1].steps["loss"], rtol=1e-9)
        np.testing.assert_allclose(histories[0]["lr"], rates[BATCHES - 1 :: BATCHES])


def test_any_schedule_may_count_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same object says so; nothing else changes."""
    counts = calls_of(monkeypatch)
    seen = []
    for flag in (True, False):
        t = trainer(lambda o: lr_scheduler.StepLR(o, 2, 0.5), compile=flag)
        t.scheduler.every = "batch"
        fit(t)
        seen.append(settings_of(t))
    assert seen[0] == seen[1] == [(0.1 * 0.5**9, 0.5), (0.05 * 0.5**9, 0.5)]
    assert counts == [BATCHES] * EPOCHS and "every" not in t.scheduler.state_dict()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("flag", [True, False], ids=["compiled", "eager"])
def test_saved_and_resumed(name: str, flag: bool) -> None:
    """Weights, optimiser and schedule after two of six epochs, in a new trainer: bit for bit the same end."""
    whole = trainer(SETTINGS[name], compile=flag)
    fit(whole)
    first = trainer(SETTINGS[name], compile=flag)
    fit(first, epochs=2)
    saved = json.loads(json.dumps(first.scheduler.state_dict()))
    second = trainer(SETTINGS[name], compile=flag)
    second.model.load_state_dict(first.model.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    second.scheduler.load_state_dict(saved)
    second.epochs_done = first.epochs_done
    fit(second, epochs=4)
    assert settings_of(second) == settings_of(whole)
    for a, b in zip(second.model.parameters(), whole.model.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


# ---------------------------------------------------------------- schedules by name


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"lambda"}))
def test_by_name_for_fits_of_any_length(name: str) -> None:
    for epochs, kind in ((1, "SGD"), (2, "Adam"), (7, "Adagrad")):
        options = {"momentum": 0.0} if kind == "SGD" else {}
        t = trainer(name, compile=False, kind=kind, **options)
        assert t.scheduler.schedule is None
        before = settings_of(t)
        history = fit(t, epochs=epochs)
        assert type(t.scheduler.schedule) is SCHEDULERS[name] and len(history) == epochs
        rates, after = history["lr"], settings_of(t)
        assert (rates >= 0).all() and rates.max() <= before[0][0] * (1 + 1e-12)
        # the groups keep the ratio of their rates, or both are at the bottom
        assert after[1][0] == pytest.approx(after[0][0] / 2, rel=1e-9, abs=1e-12)
        again = fit(t, epochs=epochs)
        np.testing.assert_array_equal(again["lr"][:1], rates[:1])  # a further fit has a schedule of its own


def test_names() -> None:
    assert isinstance(run_named("CosineAnnealingLR"), lr_scheduler.CosineAnnealingLR)
    cosine = run_named("cosine")
    assert cosine.T_max == EPOCHS and cosine.get_last_lr()[0] == pytest.approx(0, abs=1e-12)
    cycle = run_named("one_cycle")
    assert isinstance(cycle, OneCycleLR) and cycle.total_steps == EPOCHS * BATCHES and cycle.max_lrs == [0.1, 0.05]
    wave = run_named("cyclic")
    assert isinstance(wave, CyclicLR) and (wave.low_lrs[0], wave.step_size_up) == (0.025, EPOCHS * BATCHES // 4)
    assert wave.step_size_up + wave.step_size_down == EPOCHS * BATCHES / 2  # two whole cycles
    assert run_named("sequential").at(0)[0].get_last_lr()[0] <= 0.1


def run_named(name: str) -> Any:
    t = trainer(name, compile=False)
    fit(t)
    return t.scheduler.schedule


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


def test_misuse() -> None:
    with pytest.raises(ValueError, match="unknown scheduler 'cosin'\nhint: did you mean 'cosine'"):
        trainer("cosin", compile=False)
    with pytest.raises(
        ValueError, match="scheduler is the class StepLR, which needs more than an optimizer.*\nhint: sch"
    ):
        trainer(lr_scheduler.StepLR, compile=False)
    with pytest.raises(ValueError, match=r"scheduler is a int, expected something with a step\(\)"):
        trainer(3, compile=False)
    other = optim.SGD([ff.ones(1, requires_grad=True)], lr=0.1)
    with pytest.raises(ValueError, match="the scheduler belongs to another optimizer\nhint: make the optimizer first"):
        trainer(lr_scheduler.StepLR(other, 3), compile=False)
    with pytest.raises(
        ValueError, match="LambdaLR cannot be made from its name: it needs a function\nhint: scheduler=l"
    ):
        fit(trainer("lambda", compile=False))
    t = trainer(lambda o: OneCycleLR(o, 0.1, 10), compile=False)
    with pytest.raises(
        ValueError, match="the cycle has 10 steps left, but the fit makes 18: 6 epochs of 3 batches\nhin"
    ):
        fit(t)

    def mixed(o: Any) -> Any:
        return lr_scheduler.SequentialLR(o, [OneCycleLR(o, 0.1, 10), lr_scheduler.StepLR(o, 2)], [10])

    with pytest.raises(
        ValueError, match="SequentialLR: some of its schedules count batches and some epochs\nhint: set"
    ):
        fit(trainer(mixed, compile=False))
