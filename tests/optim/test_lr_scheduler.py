"""Schedules: PyTorch's rates over 60 steps, laws that every one keeps, the coverage table's figures, misuse."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import optim
from forwardnet.optim import lr_scheduler
from forwardnet.optim.lr_scheduler import SCHEDULERS, LRScheduler, ReduceLROnPlateau
from optim.schedules import EVERY, SETTINGS, Make, advance, optimizer, rates

# Rates of both groups at 0, ..., 60 steps of PyTorch 2.13's schedules, to 12 digits; momenta where they change.
PEER = json.loads((Path(__file__).parent / "pytorch_rates.json").read_text())
PEER_IDS = [f"{c['schedule']}-{'-'.join(c['options'])}" for c in PEER]


def built(case: dict[str, Any], o: Any) -> list[Any]:
    """The schedules of one of PyTorch's cases."""
    s = lr_scheduler
    if case["schedule"] == "chained":
        return [s.LinearLR(o, start_factor=0.1, total_iters=8), s.StepLR(o, 10, 0.5), s.CosineAnnealingLR(o, 40, 1e-4)]
    if case["schedule"] == "LambdaLR":
        return [s.LambdaLR(o, [lambda t: 0.95**t, lambda t: 1 / (1 + t)])]
    if case["schedule"] == "SequentialLR":
        parts = [
            s.LinearLR(o, start_factor=0.1, total_iters=6),
            s.ExponentialLR(o, gamma=0.9),
            s.CosineAnnealingLR(o, T_max=30),
        ]
        return [s.SequentialLR(o, parts, [6, 25])]
    return [getattr(s, case["schedule"])(o, **case["options"])]


@pytest.mark.parametrize("case", PEER, ids=PEER_IDS)
def test_rates_are_pytorchs_over_sixty_steps(case: dict[str, Any]) -> None:
    o = optimizer(case["optimizer"], groups=len(case["rates"]))
    schedules = built(case, o)
    seen, momenta = [], []
    for t in range(61):
        if t:
            for schedule in schedules:
                schedule.step(case["numbers"][t - 1]) if "numbers" in case else schedule.step()
        if case["schedule"] == "chained" and t == 21:
            o.param_groups[0]["lr"] *= 3  # a hand
        seen.append([group["lr"] for group in o.param_groups])
        group = o.param_groups[0]
        momenta.append(group["betas"][0] if "betas" in group else group["momentum"])
    # 12 digits were written down. Where a rate comes down to 0, PyTorch's multiplied rates stop at a rounding.
    np.testing.assert_allclose(np.transpose(seen), case["rates"], rtol=1e-9, atol=1e-16)
    if case["momentum"]:
        np.testing.assert_allclose(momenta, case["momentum"], rtol=1e-11)


# ---------------------------------------------------------------- laws


def test_the_registry() -> None:
    assert set(SCHEDULERS) == set(SETTINGS)
    public = {name for name in lr_scheduler.__all__ if name.endswith(("LR", "Restarts", "Plateau"))}
    assert {cls.__name__ for cls in SCHEDULERS.values()} == public
    assert all(cls.__doc__ and cls.__doc__.startswith(("lr_t", "lr <-")) for cls in SCHEDULERS.values())


@pytest.mark.parametrize("name", EVERY)
def test_the_rates_are_set_in_the_groups(name: str) -> None:
    o = optimizer()
    schedule = SETTINGS[name](o)
    assert isinstance(schedule, LRScheduler) and type(schedule) is SCHEDULERS[name]
    seen = []
    for t in range(13):
        now = [group["lr"] for group in o.param_groups]
        assert schedule.get_last_lr() == now and schedule.last_epoch == t
        assert all(type(lr) is float and math.isfinite(lr) and lr >= 0 for lr in now)
        seen.append(tuple(now))
        advance(schedule)
    assert len(set(seen)) > 2


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("stop", [1, 4, 7])
def test_state_round_trip_continues_bit_for_bit(name: str, stop: int) -> None:
    o = optimizer()
    schedule = SETTINGS[name](o)
    for _ in range(stop):
        advance(schedule)
    saved = json.loads(json.dumps(schedule.state_dict()))  # plain numbers, lists and texts
    numbers = copy.deepcopy(o.state_dict())
    other_o = optimizer(lr=77.0)
    other = SETTINGS[name](other_o)
    other_o.load_state_dict(numbers)
    other.load_state_dict(saved)
    assert other.get_last_lr() == schedule.get_last_lr()
    for _ in range(6):
        advance(schedule)
        advance(other)
        assert other.get_last_lr() == schedule.get_last_lr()
        assert other_o.state_dict()["param_groups"] == o.state_dict()["param_groups"]


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"plateau"}))
def test_any_epoch_can_be_gone_to_and_continued_from(name: str) -> None:
    course = rates(SETTINGS[name], 12)
    schedule = SETTINGS[name](optimizer(groups=1))
    for t in (9, 3, 0, 12):
        schedule.step(t)
        assert schedule.get_last_lr() == [course[t]]
    schedule.step(4)
    advance(schedule)
    assert schedule.get_last_lr() == [course[5]]


@pytest.mark.parametrize("name", ["step", "cosine", "cosine_warm_restarts", "inverse_sqrt"])
def test_last_epoch_continues_a_schedule(name: str) -> None:
    course = rates(SETTINGS[name], 6)
    o = optimizer(groups=1)
    SETTINGS[name](o).step(4)
    options = {"step": (3, 0.5), "cosine": (6, 1e-3), "cosine_warm_restarts": (3, 2), "inverse_sqrt": ()}[name]
    again = SCHEDULERS[name](o, *options, last_epoch=4)
    assert again.get_last_lr() == [course[5]] and again.last_epoch == 5
    with pytest.raises(ValueError, match="last_epoch is 4, but group 0 has no 'initial_lr'"):
        SCHEDULERS[name](optimizer(), *options, last_epoch=4)


def test_a_subclass_writes_a_rate_or_get_lr() -> None:
    class Own(LRScheduler):
        def rate(self, t: float, group: int) -> float:
            return self.base_lrs[group] / (1 + t)

    class Other(LRScheduler):
        def get_lr(self) -> list[float]:
            return [base / (1 + self.last_epoch) for base in self.base_lrs]

    class Neither(LRScheduler):
        pass

    assert rates(Own, 3) == rates(Other, 3) == [0.1, 0.05, 0.1 / 3, 0.025]
    assert "Own" not in SCHEDULERS
    with pytest.raises(NotImplementedError, match="Neither has neither a rate nor a get_lr method"):
        Neither(optimizer())


def test_scale_functions() -> None:
    by_cycle = rates(lambda o: lr_scheduler.CyclicLR(o, 0.0, 1.0, 2, scale_fn=lambda c: 1 / c), 8)
    assert by_cycle == pytest.approx([0, 0.5, 1, 0.5, 0, 0.25, 0.5, 0.25, 0], abs=1e-15)
    by_step = rates(lambda o: lr_scheduler.CyclicLR(o, 0.0, 1.0, 2, scale_fn=float, scale_mode="iterations"), 3)
    assert by_step == [0, 0.5, 2, 1.5]


# ---------------------------------------------------------------- the coverage table


def test_LR05_inverse_root() -> None:
    got = rates(lr_scheduler.InverseSqrtLR, 99)
    assert [got[t] for t in (0, 1, 3, 8, 99)] == pytest.approx([0.1, 0.0707107, 0.05, 0.0333333, 0.01], abs=5e-8)


def test_LR06_step_decay() -> None:
    got = rates(lambda o: lr_scheduler.StepLR(o, 10, 0.5), 30)
    assert [got[e] for e in (0, 9, 10, 25, 30)] == [0.1, 0.1, 0.05, 0.025, 0.0125]


def test_LR07_reduce_when_nothing_improves() -> None:
    got = rates(lambda o: ReduceLROnPlateau(o, factor=0.5, patience=2), 8)
    assert got == [0.1] * 4 + [0.05] * 3 + [0.025] * 2  # the first number is the best; then each third one


def test_LR08_cyclical() -> None:
    schedule = lr_scheduler.CyclicLR(optimizer(), 0.001, 0.006, 2000)
    got = []
    for t in (0, 1000, 2000, 3000, 4000, 6000):
        schedule.step(t)
        got.append(schedule.get_last_lr()[0])
    assert got == pytest.approx([0.001, 0.0035, 0.006, 0.0035, 0.001, 0.006], rel=1e-12)


def test_LR09_warm_restarts() -> None:
    schedule = lr_scheduler.CosineAnnealingWarmRestarts(optimizer(), 10)
    got = []
    for t in (0, 2.5, 5, 7.5, 9, 10):
        schedule.step(t)
        got.append(schedule.get_last_lr()[0])
    assert got == pytest.approx([0.1, 0.085355, 0.05, 0.014645, 0.002447, 0.1], abs=5e-7)


def test_LR10_the_rates_of_snapshots() -> None:
    """a_0 / 2 (cos(pi mod(t - 1, T / M) / (T / M)) + 1) for T = 100 steps in M = 5 cycles, counted from 1."""
    got = rates(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 20), 20)
    assert [got[t - 1] for t in (1, 11, 20, 21)] == pytest.approx([0.1, 0.05, 0.000616, 0.1], abs=5e-7)


def test_long_cycles_end_where_they_should() -> None:
    """Cycles of 1, 5, 25, ... epochs: a logarithm takes 3906 epochs for one too few or too many cycles."""
    schedule = lr_scheduler.CosineAnnealingWarmRestarts(optimizer(), 1, 5)
    for power in range(1, 12):
        schedule.step((5**power - 1) // 4)
        assert schedule.get_last_lr() == [0.1, 0.02]


# ---------------------------------------------------------------- misuse

WRONG: list[tuple[Make, str]] = [
    (lambda o: lr_scheduler.StepLR(o, 0), "StepLR: step_size is 0, expected a whole number of at least 1"),
    (lambda o: lr_scheduler.ExponentialLR(o, -1), "ExponentialLR: gamma is -1, expected a number >= 0"),
    (lambda o: lr_scheduler.LinearLR(o, 0), r"LinearLR: start_factor is 0, expected a number in \(0, 1\]"),
    (lambda o: lr_scheduler.LinearLR(o, 1, 2), r"LinearLR: end_factor is 2, expected a number in \[0, 1\]"),
    (lambda o: lr_scheduler.LambdaLR(o, [abs]), "LambdaLR: got 1 functions, expected 2, one for each group"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 1.5), "T_0 is 1.5, expected a whole number"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2).step(-1), "epoch is -1, expected a number >= 0"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, [0.2]), "CyclicLR: max_lr has 1 values, expected 2"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.2, mode="triangle"), "unknown mode 'triangle'\nhint: did you mean 'tri"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.2, scale_mode="step"), "unknown scale_mode 'step'"),
    (lambda o: lr_scheduler.OneCycleLR(o, 0.1), "OneCycleLR: the length is missing\nhint: total_steps, or epochs"),
    (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 9, pct_start=2), r"pct_start is 2, expected a share in \[0, 1\]"),
    (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 9, anneal_strategy="exp"), "unknown anneal_strategy 'exp'"),
    (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 9).step(10), "this is step 10, but the cycle has 9 steps"),
    (lambda o: ReduceLROnPlateau(o, factor=1.0), r"factor is 1.0, expected a number in \[0, 1\)"),
    (lambda o: ReduceLROnPlateau(o, mode="auto"), "unknown mode 'auto'"),
    (lambda o: ReduceLROnPlateau(o, min_lr=[0.1]), "min_lr has 1 values, expected 2, one for each group"),
    (lambda o: lr_scheduler.SequentialLR(o, [], []), "got an empty list of schedulers"),
    (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(o, 1)], [3]), "1 milestones for 1 schedulers"),
    (lambda o: lr_scheduler.SequentialLR(o, [ReduceLROnPlateau(o)], []), "scheduler 0 is a ReduceLROnPlateau"),
    (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(optimizer(), 1)], []), "belongs to another optimizer"),
    (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(o, 1)] * 3, [5, 3]), "expected them to rise"),
    (lambda o: lr_scheduler.StepLR(o, 1).load_state_dict({}), "StepLR.load_state_dict: there is no 'last_epoch'"),
]


@pytest.mark.parametrize(("make", "said"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_wrong_numbers_and_names(make: Make, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(optimizer())


def test_wrong_optimizers() -> None:
    for name in set(EVERY) - {"sequential", "lambda"}:
        with pytest.raises(TypeError, match="optimizer is a list, expected an Optimizer"):
            SETTINGS[name]([])
    adagrad = optim.Adagrad([ff.ones(1, requires_grad=True)])
    with pytest.raises(ValueError, match="Adagrad has neither momentum nor betas\nhint: cycle_momentum=False"):
        lr_scheduler.CyclicLR(adagrad, 0.1, 0.2)
    assert lr_scheduler.CyclicLR(adagrad, 0.1, 0.2, cycle_momentum=False).get_last_lr() == [0.1]
    o = optimizer()
    schedule = lr_scheduler.StepLR(o, 1)
    o.add_param_group({"params": [ff.ones(1, requires_grad=True)]})
    with pytest.raises(ValueError, match="the optimizer has 3 groups, expected 2\nhint: make the schedule after"):
        schedule.step()
