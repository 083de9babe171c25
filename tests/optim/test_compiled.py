"""Every optimiser compiled, through a Trainer: the course of a hundred steps is the eager one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
import forwardnet.train.compiled
from forwardnet import nn
from forwardnet.optim import OPTIMIZERS
from forwardnet.train.compiled import CompiledProgram
from optim.by_the_book import RULED, VARIANT_IDS, VARIANTS

# Rates with which each learns the clusters below in a hundred steps.
RATES = {"sgd": 0.1, "adagrad": 0.1, "adadelta": 1.0, "lion": 3e-3, "adamax": 0.02, "radam": 0.02}


def clusters(n: int = 120, width: int = 12, classes: int = 4) -> tuple[Any, Any]:
    """Points around four centres."""
    draw = np.random.default_rng(0)
    y = draw.integers(0, classes, n)
    X = draw.standard_normal((classes, width))[y] + 0.8 * draw.standard_normal((n, width))
    return X.astype("float32"), y


def trainer(name: str, options: dict[str, Any], *, compile: bool, precision: str) -> ff.Trainer:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 4))
    optimizer = OPTIMIZERS[name](model.parameters(), lr=RATES.get(name, 0.01), **options)
    return ff.Trainer(model, "cross_entropy", optimizer, compile=compile, precision=precision)


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=VARIANT_IDS)
def test_a_hundred_steps(name: str, options: dict[str, Any]) -> None:
    """In float64, where roundings in another order stay far below what a wrong formula would change."""
    options = {key: value for key, value in options.items() if key != "maximize"}
    trainers = [trainer(name, options, compile=flag, precision="float64") for flag in (True, False)]
    histories = [t.fit(*clusters(), epochs=20, batch_size=25, progress=False) for t in trainers]
    assert isinstance(trainers[0]._last_program, CompiledProgram)
    assert len(histories[0].steps["loss"]) == 100 and histories[0]["loss"][-1] < 0.9 * histories[0]["loss"][0]
    # A sign that a rounding turns moves Lion by a whole step; its course is the same as long as none does.
    np.testing.assert_allclose(histories[0].steps["loss"], histories[1].steps["loss"], rtol=1e-8, atol=1e-10)
    states = [t.optimizer.state_dict()["state"] for t in trainers]
    for compiled, eager in zip(*(s.values() for s in states), strict=True):
        assert compiled.keys() == eager.keys() and compiled["step"] == eager["step"] == 100
        for key in compiled:
            assert type(compiled[key]) is type(eager[key])
            np.testing.assert_allclose(np.asarray(compiled[key]), np.asarray(eager[key]), rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("name", RULED)
def test_a_hundred_steps_in_float32(name: str) -> None:
    trainers = [trainer(name, {}, compile=flag, precision="float32") for flag in (True, False)]
    histories = [t.fit(*clusters(), epochs=20, batch_size=25, progress=False) for t in trainers]
    assert all(p.dtype == ff.float32 for p in trainers[0].model.parameters())
    # Roundings of 6e-8 a step, which training multiplies; Lion's signs may turn at one.
    rtol = 2e-2 if name == "lion" else 2e-3
    np.testing.assert_allclose(histories[0].steps["loss"], histories[1].steps["loss"], rtol=rtol, atol=1e-4)


@pytest.mark.parametrize("name", ["adam", "nadam"])  # NAdam remembers a number besides arrays
def test_compiled_and_eager_steps_may_alternate(name: str) -> None:
    ends = []
    for flags in ((False, False), (True, False), (False, True)):
        t = trainer(name, {}, compile=flags[0], precision="float64")
        for flag in flags:
            t.compile = flag
            t.fit(*clusters(), epochs=2, batch_size=40, progress=False)
        ends.append(np.concatenate([p.detach().numpy().ravel() for p in t.model.parameters()]))
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ends[2], ends[0], rtol=1e-8, atol=1e-10)


MOVING = sorted(name for name in RULED if OPTIMIZERS[name].moving)


class Moved(ff.Callback):
    """Changes the momentum, or the first beta, before each epoch."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def on_epoch_begin(self, run: Any) -> None:
        value = self.values[run.epoch - 1]
        for group in run.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (value, *group["betas"][1:])
            else:
                group["momentum"] = value


def moved(name: str, options: dict[str, Any], values: list[float], monkeypatch: pytest.MonkeyPatch) -> int:
    """Compare a compiled and an eager fit with these momenta; returns how often the step was traced."""
    traced = []
    before = forwardnet.train.compiled.trace
    monkeypatch.setattr(forwardnet.train.compiled, "trace", lambda *a, **k: traced.append(1) or before(*a, **k))
    trainers = [trainer(name, options, compile=flag, precision="float64") for flag in (True, False)]
    histories = [
        t.fit(*clusters(), epochs=len(values), batch_size=40, callbacks=[Moved(values)], progress=False)
        for t in trainers
    ]
    assert isinstance(trainers[0]._last_program, CompiledProgram)
    # float64, sums in another order, over some dozen steps
    np.testing.assert_allclose(histories[0].steps["loss"], histories[1].steps["loss"], rtol=1e-8, atol=1e-10)
    for a, b in zip(*(t.model.parameters() for t in trainers), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6, atol=1e-9)
    return len(traced)


@pytest.mark.parametrize("name", MOVING)
def test_a_moving_momentum_needs_no_new_program(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"momentum": 0.9} if name in ("sgd", "rmsprop") else {}
    assert moved(name, options, [0.95, 0.9, 0.85, 0.7, 0.9], monkeypatch) == 1


@pytest.mark.parametrize(("name", "programs"), [("sgd", 4), ("rmsprop", 4), ("adam", 5)])
def test_a_momentum_that_comes_and_goes(name: str, programs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new program each time that it begins or ends; Adam's is there before the first epoch ends it."""
    assert moved(name, {}, [0.0, 0.9, 0.5, 0.0, 0.9], monkeypatch) == programs


def test_every_momentum_moves() -> None:
    """All optimisers with a momentum, or with betas, say so."""
    for name in RULED:
        keys = {
            key
            for group in trainer(name, {}, compile=False, precision="float32").optimizer.param_groups
            for key in group
        } & {"momentum", "betas"}
        assert keys == set(OPTIMIZERS[name].moving), name
