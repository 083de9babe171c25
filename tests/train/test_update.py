"""Limits of gradients, penalties and constraints in a Trainer: by hand, eager and compiled; groups of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.optim import L1, L2, MaxNorm
from forwardnet.train.compiled import CompiledProgram
from forwardnet.train.many import fit_many


def data() -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    X = draw.standard_normal((60, 6))
    return X, X[:, :2].sum(1, keepdims=True) + 0.1 * draw.standard_normal((60, 1))


def trainer(optimizer: Any = "sgd", *, compile: bool, seed: int = 0, **options: Any) -> ff.Trainer:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
    made = optimizer(model) if callable(optimizer) else optimizer
    return ff.Trainer(model, "mse", made, compile=compile, precision="float64", seed=seed, **options)


def sgd(model: Any) -> Any:
    return optim.SGD(model.parameters(), lr=0.1, momentum=0.5)


def fit(t: ff.Trainer, epochs: int = 6) -> ff.History:
    return t.fit(*data(), epochs=epochs, batch_size=20, progress=False)


def weights(t: ff.Trainer) -> Any:
    return np.concatenate([p.detach().numpy().ravel() for p in t.model.parameters()])


def by_hand(options: dict[str, Any]) -> tuple[Any, list[float]]:
    """The weights and the losses without penalties of a loop in PyTorch's manner."""
    t = trainer(sgd, compile=False)
    model, optimizer = t.model.train(), t.optimizer
    X, y = (ff.tensor(a) for a in data())
    penalties = options.get("penalty") or []
    penalties = penalties if isinstance(penalties, list) else [penalties]
    losses = []
    from forwardnet.data.batches import batch_indices

    for epoch in range(1, 7):
        for rows in batch_indices(60, 20, seed=0, epoch=epoch, shuffle=True):
            optimizer.zero_grad()
            loss = nn.MSELoss()(model(X[rows]), y[rows])
            total = loss
            for penalty in penalties:
                total = total + penalty(model.parameters()) if penalty.has_term else total
            total.backward()
            if "clip_grad_value" in options:
                nn.utils.clip_grad_value_(model.parameters(), options["clip_grad_value"])
            if "clip_grad_norm" in options:
                nn.utils.clip_grad_norm_(model.parameters(), options["clip_grad_norm"])
            optimizer.step()
            for penalty in penalties:
                penalty.constrain(optimizer.param_groups)
            losses.append(loss.item())
    return weights(t), losses


OPTIONS: list[dict[str, Any]] = [
    {},
    {"clip_grad_norm": 0.3},
    {"clip_grad_value": 0.05},
    {"clip_grad_norm": 0.1, "clip_grad_value": 0.05},
    {"penalty": L2(0.1)},
    {"penalty": [L1(0.02), L2(0.01, biases=True)], "clip_grad_norm": 1},
    {"penalty": L1(0.05, proximal=True)},
    {"penalty": [MaxNorm(0.4), L1(0.01)]},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_compiled_and_eager_are_a_loop_by_hand(options: dict[str, Any]) -> None:
    expected, losses = by_hand(options)
    plain, _ = by_hand({})
    for flag in (True, False):
        t = trainer(sgd, compile=flag, **options)
        history = fit(t)
        assert isinstance(t._last_program, CompiledProgram) is flag
        # float64 sums in another order over 18 steps
        np.testing.assert_allclose(history.steps["loss"], losses, rtol=1e-9)
        np.testing.assert_allclose(weights(t), expected, rtol=1e-8, atol=1e-12)
    assert not options or not np.allclose(expected, plain, rtol=1e-3)


def test_what_they_promise_holds_in_a_long_fit() -> None:
    t = trainer(sgd, compile=True, penalty=[L1(0.05, proximal=True), MaxNorm(0.5)])
    fit(t, 60)
    w = t.model[0].weight.detach().numpy()
    assert np.sqrt((w**2).sum(1)).max() <= 0.5 * (1 + 1e-12) and (w[:, 2:] == 0).mean() >= 0.5
    free = trainer(sgd, compile=True)
    fit(free, 60)
    assert (free.model[0].weight.detach().numpy() == 0).sum() == 0


def test_evaluation_is_without_penalties() -> None:
    t = trainer(sgd, compile=True, penalty=L2(10.0))
    history = fit(t, 3)
    value = ((t.predict(data()[0]) - data()[1]) ** 2).mean()
    assert t.evaluate(*data())["loss"] == pytest.approx(value, rel=1e-12)
    assert history["loss"][-1] < 3  # the penalty alone began at 20


def test_groups_with_numbers_of_their_own_compile() -> None:
    def groups(kind: str, own: dict[str, Any], **options: Any) -> Any:
        def make(model: Any) -> Any:
            parts = [{"params": model[0].parameters(), **own}, {"params": model[2].parameters()}]
            return getattr(optim, kind)(parts, **options)

        return make

    for make in (
        groups("AdamW", {"lr": 0.03, "weight_decay": 0.5, "betas": (0.7, 0.95)}, lr=0.01, weight_decay=0.0),
        groups("SGD", {"momentum": 0.0, "weight_decay": 0.3}, lr=0.05, momentum=0.9, nesterov=False),
        groups("RMSprop", {"alpha": 0.5, "momentum": 0.5, "eps": 1e-3}, lr=0.01, centered=True),
        groups("Muon", {"lr": 0.05, "momentum": 0.5, "ns_steps": 3}, lr=0.02),
    ):
        ends = []
        for flag in (True, False):
            t = trainer(make, compile=flag)
            fit(t)
            assert isinstance(t._last_program, CompiledProgram) is flag
            ends.append(weights(t))
        np.testing.assert_allclose(ends[0], ends[1], rtol=1e-8, atol=1e-12)


def test_a_penalty_of_one_layer() -> None:
    def loss_of(only: bool) -> Any:
        ff.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
        penalty = L2(2.0, only=[model[0].weight] if only else None)
        t = ff.Trainer(model, "mse", sgd(model), penalty=penalty, precision="float64")
        fit(t, 30)
        return [float((p**2).sum().item()) for p in (model[0].weight, model[2].weight)]

    (first, last), (both, other) = loss_of(True), loss_of(False)
    assert first < 0.5 and both < 0.5 and last > 10 * other


def test_many_at_once_keep_their_limits() -> None:
    penalty = [L1(0.01), MaxNorm(0.5)]
    together = [trainer(sgd, compile=True, seed=s, penalty=penalty, clip_grad_norm=0.5) for s in range(4)]
    fit_many(together, *data(), epochs=3, batch_size=20)
    for seed, t in enumerate(together):
        alone = trainer(sgd, compile=True, seed=seed, penalty=penalty, clip_grad_norm=0.5)
        alone.fit(*data(), epochs=3, batch_size=20, progress=False)
        np.testing.assert_allclose(weights(t), weights(alone), rtol=1e-8, atol=1e-12)


def test_misuse() -> None:
    with pytest.raises(ValueError, match="clip_grad_norm is 0, expected a number above 0, or None"):
        trainer(compile=False, clip_grad_norm=0)
    with pytest.raises(ValueError, match="clip_grad_value is 'much', expected a number above 0"):
        trainer(compile=False, clip_grad_value="much")
    with pytest.raises(
        ValueError, match=r"clip_grad_norm with LBFGS, which searches along its direction.*\nhint: leave"
    ):
        trainer("lbfgs", compile=False, clip_grad_norm=1.0)
    for given in (0.1, "l1", L1, [L1(0.1), 0.2]):
        with pytest.raises(ValueError, match="penalty is .*, expected an object of optim.L2, optim.L1, optim.MaxNorm"):
            trainer(compile=False, penalty=given)
