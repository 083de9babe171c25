"""Weights that stay in native code between epochs, and are shown to those who only read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.train.compiled import CompiledProgram

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 4)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.int64)


class Reader(ff.Callback):
    """Remembers the first weight of each epoch, and changes nothing."""

    changes_weights = False

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_epoch_end(self, run: Any) -> None:
        self.seen.append(float(run.model[0].weight.detach().numpy()[0, 0]))


class Changer(Reader):
    """Halves a weight after the second epoch."""

    changes_weights = True

    def on_epoch_end(self, run: Any) -> None:
        super().on_epoch_end(run)
        if run.epoch == 2:
            with ff.no_grad():
                run.model[0].weight.mul_(0.5)


def fit(*callbacks: Any, compile: bool = True, scheduler: Any = None, validate: bool = True) -> Any:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6, bias=False), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.2), nn.Linear(6, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    trainer = ff.Trainer(model, "cross_entropy", optimizer, scheduler, compile=compile)
    held = (X[70:], Y[70:]) if validate else None
    trainer.fit(
        X[:70], Y[:70], epochs=5, batch_size=16, validation_data=held, callbacks=list(callbacks), progress=False
    )
    return trainer


@pytest.fixture
def taken_back(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that everything is brought back to the tensors."""
    entries: list[int] = []
    unpack = CompiledProgram._unpack
    monkeypatch.setattr(CompiledProgram, "_unpack", lambda self: entries.append(1) or unpack(self))
    return entries


@pytest.mark.parametrize("scheduler", [None, "cosine"])
def test_readers_see_what_eager_steps_would_show(scheduler: Any, taken_back: list[int]) -> None:
    native, eager = Reader(), Reader()
    found = fit(native, scheduler=scheduler)
    if scheduler is None:
        assert len(taken_back) == 1  # at the end
    expected = fit(eager, scheduler=scheduler, compile=False)
    # float32 rounding over 25 steps
    np.testing.assert_allclose(native.seen, eager.seen, atol=1e-5)
    np.testing.assert_allclose(found.history["val_loss"], expected.history["val_loss"], atol=1e-4)
    assert len(set(native.seen)) == 5


def test_a_change_is_taken_over(taken_back: list[int]) -> None:
    native, eager = Changer(), Changer()
    fit(native)
    assert len(taken_back) == 5
    fit(eager, compile=False)
    np.testing.assert_allclose(native.seen, eager.seen, atol=1e-5)  # as above


def test_bits_do_not_depend_on_who_looks() -> None:
    weights = []
    for callbacks in ([], [Reader()], [ff.Callback()]):
        trainer = fit(*callbacks)
        weights.append(b"".join(v.numpy().tobytes() for v in trainer.model.state_dict().values()))
    assert len(set(weights)) == 1
    alone = fit(validate=False)
    assert weights[0] == b"".join(v.numpy().tobytes() for v in alone.model.state_dict().values())


def test_the_optimiser_goes_on_from_what_it_remembers() -> None:
    """Two fits of 5 epochs with readers are one of 10: the moments are brought back at the end of the first."""
    twice = fit(Reader())
    twice.fit(X[:70], Y[:70], epochs=5, batch_size=16, callbacks=[Reader()], progress=False)
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6, bias=False), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.2), nn.Linear(6, 2))
    once = ff.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.01))
    once.fit(X[:70], Y[:70], epochs=10, batch_size=16, progress=False)
    for a, b in zip(twice.model.state_dict().values(), once.model.state_dict().values(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_validation_loss_that_is_no_number_gives_good_weights_back() -> None:
    bad = X[70:].copy()
    bad[0, 0] = 3e38  # finite, and its product with a weight of 4 is not

    model = nn.Sequential(nn.Linear(4, 2, bias=False))
    with ff.no_grad():
        model[0].weight.fill_(4.0)
    before = model[0].weight.detach().numpy().copy()
    trainer = ff.Trainer(model, "mse", optim.SGD(model.parameters(), lr=1e-3))
    with pytest.raises(ff.TrainingDivergedError, match="validation loss"):
        trainer.fit(
            X[:70], np.zeros((70, 2), np.float32), epochs=3, validation_data=(bad, np.zeros((20, 2), np.float32)),
            progress=False,
        )  # fmt: skip
    np.testing.assert_array_equal(model[0].weight.detach().numpy(), before)
