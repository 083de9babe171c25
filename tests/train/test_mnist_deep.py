"""Two wide hidden layers on the real MNIST: an error below two in a hundred."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import forwardnet as ff
from forwardnet import nn

FOLDER = os.environ.get("FORWARDNET_DATA", "")


@pytest.mark.slow
@pytest.mark.skipif(
    not (Path(FOLDER) / "mnist").is_dir(),
    reason="FORWARDNET_DATA names no folder with the MNIST files: none to train on",
)
def test_784_500_500_10_classifies_98_of_100(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDNET_DATA", FOLDER)
    data = ff.datasets.load("mnist")
    assert data.X_test is not None
    ff.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(784, 500),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(500, 500),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(500, 10),
    )
    trainer = ff.Trainer(model, "cross_entropy", "adam", scheduler="cosine", metrics=["accuracy"])
    trainer.fit(data.X.reshape(-1, 784), data.y, epochs=5, batch_size=128, progress=False)
    assert trainer.evaluate(data.X_test.reshape(-1, 784), data.y_test)["accuracy"] > 0.98
