"""Rows that change from epoch to epoch: what a fit sees, that it can be had again, and that the given rows stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.data.augment import Jitter, Mixup, Shift


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((90, 6)).astype("float32")
    return X, (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def trainer(*, compile: bool = True, seed: int = 0, optimizer: Any = None, **options: Any) -> Any:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 2))
    make = optimizer or (lambda parameters: ff.optim.Adam(parameters, lr=0.01))
    return ff.Trainer(model, "cross_entropy", make(model.parameters()), compile=compile, seed=seed, **options)


def losses(*fits: int, augment: Any = None, **options: Any) -> Any:
    fitted = trainer(**options)
    parts = [fitted.fit(*data(), epochs=n, batch_size=40, augment=augment, progress=False) for n in fits]
    return np.concatenate([part.steps["loss"] for part in parts])


class Seen:
    """An augmentation that adds the number of the epoch, and keeps account of its calls."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def __call__(self, X: Any, y: Any, *, seed: int, epoch: int) -> Any:
        self.calls.append((seed, epoch, X.copy()))
        return X + np.float32(epoch), y


@pytest.mark.parametrize("compile", [True, False])
def test_each_epoch_learns_from_its_own_rows(compile: bool) -> None:
    X, y = data()
    before, seen = X.copy(), Seen()
    fitted = trainer(compile=compile, seed=7, optimizer=lambda p: ff.optim.SGD(p, lr=0.0))
    history = fitted.fit(X, y, epochs=3, augment=seen, progress=False)
    assert [(seed, epoch) for seed, epoch, _ in seen.calls] == [(7, 1), (7, 2), (7, 3)]
    assert all(np.array_equal(given, before) for _, _, given in seen.calls), "always made from the given rows"
    assert np.array_equal(X, before), "which stay as they are"
    # nothing is learnt at rate 0: the loss of epoch e is that of the rows plus e
    expected = [fitted.evaluate(before + e, y)["loss"] for e in (1, 2, 3)]
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)


def test_compiled_and_eager_see_the_same_rows() -> None:
    change = Jitter(0.5)
    native, eager = (losses(4, augment=change, compile=flag) for flag in (True, False))
    np.testing.assert_allclose(native, eager, rtol=2e-5)  # float32 over 12 steps
    assert abs(native - losses(4)).max() > 1e-3


def test_a_fit_with_noise_can_be_had_again_and_continued() -> None:
    change = Jitter(0.5)
    once = losses(4, augment=change)
    assert losses(2, 2, augment=change).tolist() == once.tolist() == losses(4, augment=change).tolist()
    assert losses(4, augment=change, seed=1).tolist() != once.tolist()


def test_mixed_targets_and_validation_rows_that_stay() -> None:
    X, y = data()
    probabilities = ff.one_hot(ff.tensor(y)).float().numpy()
    fitted = trainer()
    held = (X[:20], probabilities[:20])
    history = fitted.fit(X, probabilities, epochs=3, augment=Mixup(0.4), validation_data=held, progress=False)
    assert history["val_loss"][-1] == pytest.approx(fitted.evaluate(*held)["loss"], rel=1e-6)
    split = trainer(metrics=["accuracy"])
    split.fit(X, y, epochs=2, augment=Shift((2, 3)), validation_split=0.2, sample_weight=np.ones(90), progress=False)


def test_an_optimiser_that_takes_all_rows_sees_them_too() -> None:
    seen = Seen()
    fitted = trainer(optimizer=ff.optim.LBFGS)
    fitted.fit(*data(), epochs=2, augment=seen, progress=False)
    assert len(seen.calls) == 2
    X, y = data()
    assert fitted.history["loss"][-1] == pytest.approx(fitted.evaluate(X + 2, y)["loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("augment", "said"),
    [
        ("jitter", r"fit: augment is 'jitter', expected an augmentation or a function"),
        (Jitter, r"fit: augment is Jitter, expected an augmentation"),
        (lambda X, y, *, seed, epoch: X, r"augment: it gave a ndarray, expected the pair \(X, y\)"),
        (lambda X, y, *, seed, epoch: (X[:5], y), r"it made X of shape \(5, 6\) and dtype float32, expected \(90, 6\)"),
        (lambda X, y, *, seed, epoch: (X, y * 0.5), r"it made y of shape \(90,\) and dtype float64, expected \(90,\)"),
        (lambda X, y, *, seed, epoch: (X / 0, y), r"it made X with numbers that are not finite"),
        (Mixup(0.4), r"Mixup: y is mixed as well, and it has dtype int64"),
    ],
)
def test_what_cannot_be_used(augment: Any, said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said), np.errstate(divide="ignore", invalid="ignore"):
        trainer().fit(*data(), epochs=1, augment=augment, progress=False)
