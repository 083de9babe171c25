"""The published networks: the numbers of the recipes, and step by step what a second account of the formulas gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from estimators import by_the_paper as paper
from forwardnet.data.batches import batch_indices
from forwardnet.estimators.plan import Inputs, Plan
from forwardnet.estimators.presets import PRESETS
from forwardnet.estimators.training import trainer_of

N, BATCH, EPOCHS = 106, 25, 5  # four batches of an epoch, and six rows that are left over
NUMBERS, FLAGS, CODES = 4, 2, (5, 12)


def inputs(*, is_classifier: bool = True, codes: tuple[int, ...] = CODES, numbers: int = NUMBERS) -> Inputs:
    plain = numbers + FLAGS
    return Inputs(
        n_rows=N,
        width=plain + len(codes),
        is_number=np.arange(plain) < numbers,
        chunks=np.array([*range(numbers), numbers, numbers]),  # the flags are one category's
        cardinalities=codes,
        is_classifier=is_classifier,
        n_outputs=3 if is_classifier else 1,
    )


def rows(given: Inputs, seed: int = 0, n: int = N) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    numbers = int(given.is_number.sum())
    flags = np.eye(FLAGS)[rng.integers(0, FLAGS, n)]
    codes = [rng.integers(0, size, n) for size in given.cardinalities]
    X = np.column_stack([rng.normal(size=(n, numbers)), flags, *codes])
    figure = X[:, 0] * X[:, 1] + np.sin(3 * X[:, 2])
    if given.is_classifier:
        return X, np.digitize(figure, np.quantile(figure, [1 / 3, 2 / 3])).astype(np.int64)
    return X, (figure - figure.mean()) / figure.std()


def begun(plan: Plan, X: Any, y: Any) -> tuple[Any, dict[str, Any]]:
    """The trainer of a plan before its first step, in float64, and a copy of its weights."""
    plan.precision = "float64"
    trainer = trainer_of(plan, measures_training=False)
    if plan.prepare is not None:
        plan.prepare(X, y)
    return trainer, {name: np.array(p.detach().numpy()) for name, p in plan.model.named_parameters()}


def fit(trainer: Any, plan: Plan, X: Any, y: Any) -> None:
    trainer.fit(X, y, epochs=EPOCHS, batch_size=plan.batch_size, drop_last=plan.drop_last, progress=False)
    assert trainer._last_program.is_native


def compare(plan: Plan, weights: dict[str, Any], start: dict[str, Any]) -> None:
    """Weights of float64 after twenty steps: sums in another order, divided by roots of second moments near 0."""
    for name, p in plan.model.named_parameters():
        np.testing.assert_allclose(p.detach().numpy(), weights[name], rtol=1e-9, atol=1e-9, err_msg=name)
        assert not np.array_equal(weights[name], start[name]), f"{name} was not trained"


def loss_of(y: Any, given: Inputs, smoothing: float) -> Any:
    if given.is_classifier:
        return lambda output: paper.cross_entropy(output, y, smoothing)
    return lambda output: paper.squared(output, y[:, None])


@pytest.mark.parametrize("is_classifier", [True, False], ids=["classes", "numbers"])
@pytest.mark.parametrize("small", [False, True], ids=["realmlp", "realmlp-small"])
def test_realmlp_step_by_step(small: bool, is_classifier: bool) -> None:
    given = inputs(is_classifier=is_classifier, codes=() if small else CODES)
    X, y = rows(given)
    settings: dict[str, Any] = {"batch_size": BATCH, "epochs": EPOCHS, "hidden": (16, 12)}
    if not small:
        settings["dropout"] = 0.0
    plan = PRESETS["realmlp-small" if small else "realmlp"].plan(given, seed=3, **settings)
    trainer, start = begun(plan, X, y)
    fit(trainer, plan, X, y)

    weights, act = dict(start), "selu" if is_classifier else "mish"
    front = None if small else (NUMBERS, CODES)
    lr = 0.04 if is_classifier else (0.07 if small else 0.2)
    adam, t, total = paper.Adam(weights, (0.9, 0.95)), 0, EPOCHS * (N // BATCH)
    for epoch in range(1, EPOCHS + 1):
        for chosen in batch_indices(N, BATCH, seed=3, epoch=epoch, drop_last=True):
            loss = loss_of(y[chosen], given, 0.1)
            _, gradients = paper.realmlp(weights, X[chosen], loss, layers=2, act=act, front=front)
            now, wd = lr * paper.coslog4(t / total), 0.0 if small else 0.02 * paper.flat_cos(t / total)

            def decay(name: str, now: float = now, wd: float = wd) -> float:
                rate, own = paper.realmlp_factors(name)
                return now * wd * rate**2 * own**2

            adam.step(weights, gradients, lambda name, now=now: now * paper.realmlp_factors(name)[0], decay)
            t += 1
    assert t == 20
    compare(plan, weights, start)


@pytest.mark.parametrize("is_classifier", [True, False], ids=["classes", "numbers"])
@pytest.mark.parametrize("embeds", [True, False], ids=["bins", "plain"])
def test_tabm_step_by_step(embeds: bool, is_classifier: bool) -> None:
    given = inputs(is_classifier=is_classifier, codes=())
    X, y = rows(given)
    X[:45, 1] = X[0, 1]  # many equal values: quantiles that fall together
    plan = PRESETS["tabm"].plan(
        given, seed=3, batch_size=BATCH, epochs=EPOCHS, k=4, hidden=12, n_bins=7, dropout=0.0, numeric_embedding=embeds
    )
    trainer, start = begun(plan, X, y)
    fit(trainer, plan, X, y)

    weights = dict(start)
    edges = [np.unique(np.quantile(X[:, i], np.linspace(0, 1, 8))) for i in range(NUMBERS)] if embeds else None
    assert edges is None or [len(e) for e in edges] == [8, 6, 8, 8]
    adam, t = paper.Adam(weights, (0.9, 0.999)), 0
    for epoch in range(1, EPOCHS + 1):
        for chosen in batch_indices(N, BATCH, seed=3, epoch=epoch):
            _, gradients = paper.tabm(
                weights,
                X[chosen],
                members_loss(y[chosen], given, 4),
                layers=2 if embeds else 3,
                edges=edges,
                n_numbers=NUMBERS,
            )
            adam.step(weights, paper.clipped(gradients, 1.0), lambda name: 2e-3, lambda name: 2e-3 * 3e-4)
            t += 1
    assert t == 25  # the last batch of each epoch has six rows
    compare(plan, weights, start)


def members_loss(y: Any, given: Inputs, k: int) -> Any:
    """The mean of the losses of the members, each of which has the same targets."""

    def gradient(output: Any) -> Any:
        if not given.is_classifier:
            return paper.squared(output, y[:, None, None])
        flat = paper.cross_entropy(output.reshape(-1, output.shape[-1]), np.repeat(y, k), 0.0)
        return flat.reshape(output.shape)

    return gradient
