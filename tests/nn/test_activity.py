"""Penalties on activations: their formulas, how they reach a loss, and what happens where nobody collects them."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import functional as F


def test_RG23_the_formulas() -> None:
    x = ff.tensor([[0.5, -1.0], [0.25, 3.0]], dtype=ff.float64)
    assert F.l1_activity(x).item() == (1.5 + 3.25) / 2
    h = ff.tensor([[0.2, 0.9], [0.4, 0.1]], dtype=ff.float64)
    rates, t = np.array([0.3, 0.5]), 0.05
    expected = (t * np.log(t / rates) + (1 - t) * np.log((1 - t) / (1 - rates))).sum()
    assert F.kl_activity(h).item() == pytest.approx(expected, rel=1e-14)
    assert F.kl_activity(ff.full((3, 4), 0.2), target=0.2).item() == pytest.approx(0, abs=1e-7), "at the target"
    for off in (ff.zeros(3, 4), ff.ones(3, 4)):
        assert np.isfinite(F.kl_activity(off).item())


@pytest.mark.parametrize("function", [F.l1_activity, F.kl_activity])
def test_derivatives_of_first_and_second_order(function: Any) -> None:
    ff.manual_seed(0)
    x = (0.8 * ff.rand(5, 3, dtype=ff.float64) + 0.1).requires_grad_()
    assert ff.autograd.gradcheck(function, (x,)) and ff.autograd.gradgradcheck(function, (x,))


def test_the_layer_hands_its_input_on_and_the_block_collects() -> None:
    ff.manual_seed(0)
    first, second = nn.ActivityPenalty(0.1), nn.ActivityPenalty(0.3, "kl", target=0.2)
    model = nn.Sequential(nn.Linear(3, 4), first, nn.Sigmoid(), second)
    x = ff.randn(6, 3)
    with nn.activity_penalties() as extra:
        y = model(x)
    hidden = model[0](x)
    assert ff.equal(y, hidden.sigmoid())
    expected = 0.1 * F.l1_activity(hidden) + 0.3 * F.kl_activity(hidden.sigmoid(), 0.2)
    assert extra.total().item() == pytest.approx(expected.item(), rel=1e-6)
    extra.total().backward()
    assert model[0].weight.grad.abs().sum().item() > 0


def test_nothing_is_collected_outside_of_training() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ActivityPenalty(0.1))
    x = ff.randn(6, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.eval()(x)
        with ff.no_grad():
            model.train()(x)
        with nn.activity_penalties() as extra:
            model.eval()(x)
        assert extra.values == [] and extra.total() == 0
    with pytest.warns(UserWarning, match=r"nobody adds the penalty to the loss: .*`with nn.activity_penalties\(\)"):
        model.train()(x)


def test_blocks_are_independent_and_close_on_errors() -> None:
    model = nn.Sequential(nn.ActivityPenalty(1.0))
    with nn.activity_penalties() as outer:
        model(ff.ones(2, 3))
        with contextlib.suppress(ZeroDivisionError), nn.activity_penalties() as inner:
            model(2 * ff.ones(2, 3))
            raise ZeroDivisionError
        model(ff.ones(2, 3))
    assert outer.total().item() == 6 and inner.total().item() == 6
    with pytest.warns(UserWarning, match="nobody adds"):
        model(ff.ones(2, 3))


def units(penalty: Any, *, is_compiled: bool) -> Any:
    """Activations of 20 hidden units after a fit, and the reported losses."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 5)).astype("float32")
    y = np.sin(x[:, :1] * 2)
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 20), nn.Sigmoid(), *penalty, nn.Linear(20, 1))
    trainer = ff.Trainer(model, "mse", ff.optim.Adam(model.parameters(), lr=0.02), compile=is_compiled)
    history = trainer.fit(x, y, epochs=40, batch_size=50, progress=False)
    return model[:2](ff.from_numpy(x)).detach().numpy(), history["loss"], trainer.evaluate(x, y)["loss"]


@pytest.mark.parametrize("penalty", [nn.ActivityPenalty(0.02), nn.ActivityPenalty(0.5, "kl", target=0.1)], ids=repr)
def test_a_trainer_adds_the_penalty_and_reports_the_loss_without_it(penalty: Any) -> None:
    plain, _, _ = units([], is_compiled=True)
    sparse, loss, evaluated = units([penalty], is_compiled=True)
    assert sparse.mean() < 0.7 * plain.mean()
    if penalty.kind == "kl":
        assert sparse.mean() == pytest.approx(0.1, abs=0.05), "units are on as often as asked for"
    # mean over the batches of an epoch against the loss after it: the last epochs hardly change it
    assert loss[-1] == pytest.approx(evaluated, rel=0.1)
    eager, eager_loss, _ = units([penalty], is_compiled=False)
    np.testing.assert_allclose(loss, eager_loss, rtol=1e-3)  # float32 over 160 steps of Adam
    np.testing.assert_allclose(sparse, eager, atol=1e-3)


def test_unusable_arguments() -> None:
    for arguments, said in (
        ({"weight": -1.0}, r"weight is -1.0, expected a number >= 0"),
        ({"kind": "l2"}, r"unknown kind of ActivityPenalty 'l2'"),
        ({"target": 1.0}, r"target is 1.0, expected a number between 0 and 1"),
    ):
        with pytest.raises(ValueError, match=said):
            nn.ActivityPenalty(**arguments)
    with pytest.raises(ValueError, match=r"l1_activity: input has shape \(3,\), expected \(batch, units\)"):
        F.l1_activity(ff.ones(3))
    with pytest.raises(ValueError, match=r"kl_activity: target is 0"):
        F.kl_activity(ff.ones(3, 2), target=0)
    assert repr(nn.ActivityPenalty(0.1, "kl")) == "ActivityPenalty(weight=0.1, kind='kl', target=0.05)"
