"""Validation rows by native code: the same figures as by eager steps, whatever happens to the model meanwhile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.train import outputs
from forwardnet.train.outputs import Outputs, _NativeOutputs
from forwardnet.train.program import forward

RNG = np.random.default_rng(0)
X = RNG.standard_normal((600, 5)).astype(np.float32)


def network() -> nn.Sequential:
    ff.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Mish(), nn.Dropout(0.5), nn.Linear(8, 3))


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Native code for however few rows."""
    monkeypatch.setattr(outputs, "WORTH", 0.0)


@pytest.mark.parametrize("n", [1, 2, 255, 256, 257, 600])
def test_outputs_are_those_of_eager_steps(n: int, always: None) -> None:
    model = network()
    ask = Outputs(model, X[:n], 10, compile=True)
    for _ in range(2):
        found = ask()
        assert isinstance(ask._native, _NativeOutputs)
        # The order of sums differs: some rounding of float32 on numbers of size 1.
        np.testing.assert_allclose(found, forward(model, X[:n]), atol=2e-6)
        with ff.no_grad():
            model[0].weight.mul_(1.5)
            model[1].running_mean.add_(0.25)
    assert model.training


def test_a_changed_setting_is_seen(always: None) -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.LeakyReLU(0.1))
    ask = Outputs(model, X, 10, compile=True)
    ask()
    model[1].negative_slope = 0.5
    np.testing.assert_allclose(ask(), forward(model, X), atol=2e-6)  # as above


@pytest.mark.parametrize("inverted", [True, False])
def test_a_share_that_moves_during_training_makes_no_program_anew(inverted: bool, always: None) -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.Dropout(0.5, inverted=inverted))
    ask = Outputs(model, X, 10, compile=True)
    ask()
    first = ask._native
    model[1].p = 0.25
    np.testing.assert_allclose(ask(), forward(model, X), atol=2e-6)  # as above
    assert (ask._native is first) == inverted  # the older form uses it in evaluation


class Drawing(nn.Module):
    """Noise in evaluation, too."""

    def forward(self, x: Any) -> Any:
        return x + 0 * ff.rand(x.shape)


class Deciding(nn.Module):
    """Looks at numbers."""

    def forward(self, x: Any) -> Any:
        return x if float(x.sum().item()) > 0 else -x


@pytest.mark.parametrize("layer", [Drawing, Deciding])
def test_what_cannot_be_compiled_runs_eagerly(layer: type[nn.Module], always: None) -> None:
    model = nn.Sequential(layer(), nn.Linear(5, 2))
    ask = Outputs(model, X, 10, compile=True)
    np.testing.assert_array_equal(ask(), forward(model, X))
    assert ask._native is None


def test_few_rows_and_few_epochs_are_not_worth_native_code() -> None:
    model = network()
    assert not Outputs(model, X[:50], 20, compile=True)._may_compile
    assert Outputs(model, X, 10_000, compile=True)._may_compile
    assert not Outputs(model, X, 10_000, compile=False)._may_compile


def test_a_fit_has_the_same_course_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    found = []
    for worth in (0.0, np.inf):
        monkeypatch.setattr(outputs, "WORTH", worth)
        trainer = ff.Trainer(network(), "cross_entropy", "adam", metrics=["accuracy"])
        history = trainer.fit(
            X[:500], y[:500], epochs=6, validation_data=(X[500:], y[500:]), callbacks=[ff.EarlyStopping(patience=2)],
            progress=False,
        )  # fmt: skip
        found.append(history)
    assert len(found[0]) == len(found[1])
    np.testing.assert_array_equal(found[0]["loss"], found[1]["loss"])
    np.testing.assert_allclose(found[0]["val_loss"], found[1]["val_loss"], rtol=1e-5)  # rounding of float32
    np.testing.assert_array_equal(found[0]["val_accuracy"], found[1]["val_accuracy"])
