"""Courses over a fit: their formulas, and that every native step has the rate, decay and dropout of its own time."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.optim.lr_scheduler import COURSES, CosLogLR, Courses, FlatCosineLR, Knob
from forwardnet.train.compiled import CompiledProgram

EPOCHS, BATCHES = 6, 3


def data() -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    X = draw.standard_normal((60, 5))
    return X, X @ draw.standard_normal((5, 1)) + 0.5


def trainer(*, compile: bool, decay: float = 0.1, p: float = 0.3, kind: str = "AdamW") -> ff.Trainer:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Dropout(p), nn.Linear(4, 1))
    groups = [
        {"params": [model[0].weight, model[3].weight]},
        {"params": [model[0].bias, model[3].bias], "lr": 0.002, "weight_decay": 0.0},
    ]
    optimizer = getattr(optim, kind)(groups, lr=0.02, weight_decay=decay)
    courses = Courses({"lr": "coslog4", "weight_decay": "flat_cos"}, [(Knob(model[2], "p"), "flat_cos")])
    return ff.Trainer(model, "mse", optimizer, courses, compile=compile, precision="float64")


def fit(t: ff.Trainer, epochs: int = EPOCHS, **options: Any) -> ff.History:
    return t.fit(*data(), epochs=epochs, batch_size=20, progress=False, **options)


def weights(t: ff.Trainer) -> Any:
    return np.concatenate([p.detach().numpy().ravel() for p in t.model.parameters()])


def test_the_formulas() -> None:
    assert COURSES["coslog4"](0.0) == 0 and COURSES["coslog4"](1.0) == pytest.approx(0, abs=1e-12)
    for peak in (0.5, 1.5, 2.5, 3.5):  # t at which log2(1 + 15 t) lies between two whole numbers
        assert COURSES["coslog4"]((2**peak - 1) / 15) == pytest.approx(1, abs=1e-12)
    t = 0.3
    assert COURSES["coslog4"](t) == pytest.approx(0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t))), abs=1e-15)
    assert [COURSES["flat_cos"](t) for t in (0, 0.25, 0.49, 0.5)] == [1, 1, 1, 1]
    assert COURSES["flat_cos"](0.75) == pytest.approx(0.5) and COURSES["flat_cos"](1.0) == 0
    assert COURSES["constant"](0.7) == 1


@pytest.mark.parametrize(("kind", "name"), [(CosLogLR, "coslog4"), (FlatCosineLR, "flat_cos")])
def test_rates_by_steps_and_by_name(kind: Any, name: str) -> None:
    o = optim.SGD(
        [{"params": [ff.ones(1, requires_grad=True)]}, {"params": [ff.ones(1, requires_grad=True)], "lr": 2}], lr=1
    )
    schedule = kind(o, 8)
    for t in range(9):
        expected = COURSES[name](t / 8)
        assert [g["lr"] for g in o.param_groups] == [expected, 2 * expected]
        schedule.step()
    assert o.param_groups[0]["lr"] == COURSES[name](1.0)  # beyond the end it stays
    t = ff.Trainer(nn.Linear(5, 1), "mse", "adam", name)
    fit(t)
    assert isinstance(t.scheduler.schedule, kind) and t.scheduler.schedule.total_steps == EPOCHS * BATCHES


class Seen(ff.Callback):
    """What every step was made with."""

    def __init__(self) -> None:
        self.steps: list[Any] = []

    def on_step_end(self, run: Any) -> None:
        groups = run.optimizer.param_groups
        self.steps.append((groups[0]["lr"], groups[1]["lr"], groups[0]["weight_decay"], run.model[2].p))


@pytest.mark.parametrize("kind", ["AdamW", "Adam", "SGD"])
def test_every_native_step_has_its_own_numbers(kind: str) -> None:
    quick, eager = trainer(compile=True, kind=kind), trainer(compile=False, kind=kind)
    seen = Seen()
    fit(quick)
    fit(eager, callbacks=[seen])
    assert isinstance(quick._last_program, CompiledProgram) and len(quick._last_program._programs) == 1
    # float64: sums in another order over 18 steps
    np.testing.assert_allclose(weights(quick), weights(eager), rtol=1e-9, atol=1e-12)
    total = EPOCHS * BATCHES
    expected = [
        (0.02 * c, 0.002 * c, 0.1 * f, 0.3 * f)
        for c, f in ((COURSES["coslog4"](t / total), COURSES["flat_cos"](t / total)) for t in range(total))
    ]
    np.testing.assert_allclose(seen.steps, expected, rtol=1e-12, atol=1e-15)


def test_the_courses_matter_and_the_program_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    own = CompiledProgram._traced
    monkeypatch.setattr(CompiledProgram, "_traced", lambda self, specs: made.append(1) or own(self, specs))
    changing = trainer(compile=True)
    fit(changing)
    assert len(made) == 1  # not again in each epoch, whose numbers are others
    level = trainer(compile=True)
    level.scheduler.make = Courses({"lr": "coslog4"}).for_fit
    fit(level)
    assert np.abs(weights(changing) - weights(level)).max() > 1e-3


def test_numbers_are_put_back_and_another_fit_begins_anew() -> None:
    t = trainer(compile=True)
    fit(t)
    assert t.model[2].p == 0.3 and [g["weight_decay"] for g in t.optimizer.param_groups] == [0.1, 0.0]
    fit(t, epochs=2)
    assert t.history["lr"][0] == pytest.approx(0.02 * COURSES["coslog4"](2 / 6), rel=1e-12)  # of its last batch
    one, two = trainer(compile=True), trainer(compile=False)
    for each in (one, two):
        fit(each, epochs=2)
        fit(each, epochs=2)
    np.testing.assert_allclose(weights(one), weights(two), rtol=1e-9, atol=1e-12)  # as above


def test_a_fit_of_courses_can_be_resumed(tmp_path: Path) -> None:
    class Stop(ff.Callback):
        def on_epoch_end(self, run: Any) -> None:
            if run.epoch == 4:
                raise SystemExit

    for compile in (True, False):
        whole, cut, rest = (trainer(compile=compile) for _ in range(3))
        fit(whole)
        path = tmp_path / f"{compile}.state"
        with pytest.raises(SystemExit):
            fit(cut, resume=path, callbacks=[Stop()])
        fit(rest, resume=path)
        assert (weights(rest) == weights(whole)).all()


def test_what_is_0_stays_a_constant() -> None:
    t = trainer(compile=True, decay=0.0, p=0.0)
    fit(t)
    schedule = t.scheduler.schedule
    assert schedule.knob_values(3) == [] and schedule.settings(3, 0).keys() == {"lr"}


def test_misuse() -> None:
    with pytest.raises(ValueError, match="unknown course 'flat_cosine'\nhint: did you mean 'flat_cos'"):
        Courses({"lr": "flat_cosine"})
    model = nn.Linear(5, 1)
    with pytest.raises(ValueError, match="Courses: SGD has no number 'weight_decai' in its groups"):
        fit(ff.Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.1), Courses({"weight_decai": "flat_cos"})))


def test_the_state_is_json() -> None:
    t = trainer(compile=False)
    fit(t, epochs=2)
    state = t.scheduler.schedule.state_dict()
    assert json.loads(json.dumps(state))["total_steps"] == 6
