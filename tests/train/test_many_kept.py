"""Native programs that later calls of `fit_many` find again, and when they must not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.train import many
from forwardnet.train.many import fit_many

N, WIDTH, COUNT = 40, 4, 3
X = np.random.default_rng(1).standard_normal((N, WIDTH)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


class Doubled(nn.Module):
    """A layer that does what its class says at the moment."""

    factor = 2.0

    def forward(self, x: Any) -> Any:
        return x * type(self).factor


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, 6), nn.Tanh(), nn.Linear(6, 2))


def trained(
    make: Callable[[], nn.Module] = network, *, loss: Any = None, alone: bool = False, X: Any = X, **options: Any
) -> list[Any]:
    """The weights of some models after five epochs, in one program or one by one."""
    ff.manual_seed(0)
    models = [make() for _ in range(COUNT)]
    loss = nn.CrossEntropyLoss() if loss is None else loss
    settings = {"lr": 0.01, **options}
    trainers = [ff.Trainer(m, loss, optim.Adam(m.parameters(), **settings), seed=i) for i, m in enumerate(models)]
    if alone:
        for trainer in trainers:
            trainer.fit(X, Y, epochs=5, batch_size=16, progress=False)
    else:
        fit_many(trainers, X, Y, epochs=5, batch_size=16)
    return [np.concatenate([p.detach().numpy().ravel() for p in m.parameters()]) for m in models]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each program that had to be made."""
    entries: list[int] = []
    fresh = many._Many._made
    monkeypatch.setattr(many._Many, "_made", lambda self, *args: entries.append(1) or fresh(self, *args))
    monkeypatch.setattr(many, "_fleets", {})
    return entries


def test_the_second_call_makes_no_program_and_gives_the_same_bits(made: list[int]) -> None:
    first, second = trained(), trained()
    assert made == [1]
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "other",
    [
        {"lr": 0.02},
        {"betas": (0.8, 0.99)},
        {"loss": nn.CrossEntropyLoss(label_smoothing=0.2)},
        {"loss": nn.CrossEntropyLoss(weight=ff.tensor([1.0, 3.0]))},
        {"X": X[:, ::-1].astype(np.float32)},
        {"make": lambda: nn.Sequential(nn.Linear(WIDTH, 6), nn.ReLU(), nn.Linear(6, 2))},
        {"make": lambda: nn.Sequential(nn.Linear(WIDTH, 6), nn.LeakyReLU(0.3), nn.Linear(6, 2))},
    ],
    ids=["rate", "betas", "smoothing", "weights of classes", "data", "activation", "slope"],
)
def test_a_kept_program_is_not_used_for_something_else(other: Any, made: list[int]) -> None:
    trained()
    found = trained(**other)
    # Single fits are the oracle; they sum in another order, which five epochs of float32 keep within 1e-4.
    np.testing.assert_allclose(found, trained(**other, alone=True), atol=1e-4)
    assert np.abs(np.subtract(found, trained())).max() > 1e-3  # that other is something else indeed


def test_losses_of_one_call_that_differ_in_their_weights_stay_apart() -> None:
    def make(weight: Any) -> Any:
        ff.manual_seed(0)
        model = network()
        return ff.Trainer(model, nn.CrossEntropyLoss(weight=ff.tensor(weight)), optim.Adam(model.parameters(), lr=0.01))

    weights = [[1.0, 1.0]] * COUNT + [[1.0, 9.0]] * COUNT
    together, alone = [make(w) for w in weights], [make(w) for w in weights]
    fit_many(together, X, Y, epochs=5, batch_size=16)
    for trainer in alone:
        trainer.fit(X, Y, epochs=5, batch_size=16, progress=False)
    for a, b in zip(together, alone, strict=True):  # as above
        np.testing.assert_allclose(a.predict(X), b.predict(X), atol=1e-3)
    assert np.abs(together[0].predict(X) - together[-1].predict(X)).max() > 0.1


def test_layers_that_are_not_ours_are_traced_each_time(made: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(WIDTH, 6), Doubled(), nn.Tanh(), nn.Linear(6, 2))

    trained(make)
    monkeypatch.setattr(Doubled, "factor", 0.5)
    np.testing.assert_allclose(trained(make), trained(make, alone=True), atol=1e-4)  # as above
    assert made == [1, 1]


def test_a_shared_layer_is_not_taken_for_two(made: list[int]) -> None:
    def shared() -> nn.Module:
        layer = nn.Linear(WIDTH, WIDTH)
        twin = nn.Linear(WIDTH, WIDTH)
        twin.weight, twin.bias = layer.weight, layer.bias
        return nn.Sequential(layer, twin, nn.Linear(WIDTH, 2))

    def apart() -> nn.Module:
        return nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2))

    trained(apart)
    np.testing.assert_allclose(trained(shared), trained(shared, alone=True), atol=1e-4)  # as above
    assert made == [1, 1]


def test_the_oldest_programs_are_let_go(made: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "KEPT", 2)
    for rate in (0.1, 0.2, 0.1, 0.3, 0.1, 0.2):
        trained(lr=rate)
    # A rate is a number that may change, so one program serves them all.
    assert len(many._fleets) == len(made) == 1
    for epsilon in (1e-7, 1e-6, 1e-5):
        trained(eps=epsilon)
    assert len(many._fleets) == 2
