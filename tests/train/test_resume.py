"""Fits that are killed and go on: the same bits as those that were never interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.errors import ArgumentError, FileFormatError
from forwardnet.interop import safetensors


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 6)).astype(np.float32)
    return X, (X[:, 0] * X[:, 1] > 0).astype(np.int64)


class KilledError(Exception):
    """What ends a fit in the middle."""


class Killer(ff.train.Callback):
    """Ends the fit in an epoch, before anything of it is kept."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_begin(self, run: Any) -> None:
        if run.epoch == self.epoch:
            raise KilledError


def trainer(optimizer: str = "adam", **options: Any) -> Any:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
    return ff.Trainer(model, "cross_entropy", optimizer, metrics=["accuracy"], seed=3, **options)


def bits(made: Any) -> bytes:
    states = (v for s in made.optimizer.state_dict()["state"].values() for v in s.values())
    values = [*(v for v in made.model.state_dict().values()), *(v for v in states if hasattr(v, "numpy"))]
    return b"".join(v.numpy().tobytes() for v in values)


def fit(made: Any, path: Path | None, *callbacks: Any, epochs: int = 6, **options: Any) -> Any:
    X, y = data()
    settings = {"epochs": epochs, "batch_size": 32, "validation_split": 0.2, "progress": False, **options}
    return made.fit(X, y, callbacks=list(callbacks), resume=path, **settings)


@pytest.mark.parametrize("compile", [True, False], ids=["native", "eager"])
@pytest.mark.parametrize("scheduler", [None, "cosine", "one_cycle", "plateau"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "nadam"])
def test_the_bits_are_those_of_an_uninterrupted_fit(
    tmp_path: Path, optimizer: str, scheduler: Any, compile: bool
) -> None:
    options = {"optimizer": optimizer, "scheduler": scheduler, "compile": compile}
    whole = trainer(**options)
    expected = fit(whole, None)
    path = tmp_path / "run.state"
    for epoch in (3, 5):
        with pytest.raises(KilledError):
            fit(trainer(**options), path, Killer(epoch))
    made = trainer(**options)
    found = fit(made, path)
    assert bits(made) == bits(whole)
    assert found.steps["loss"].tolist() == expected.steps["loss"].tolist()
    for name in ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr"):
        assert found[name].tolist() == expected[name].tolist(), name
    assert made.epochs_done == 6 and made.steps_done == whole.steps_done
    again = trainer(**options)
    assert fit(again, path)["loss"].tolist() == expected["loss"].tolist(), "there is nothing left to do"
    assert bits(again) == bits(whole)


def test_early_stopping_goes_on_waiting(tmp_path: Path) -> None:
    def stopping() -> Any:
        return ff.EarlyStopping(patience=4)

    whole, path = trainer(), tmp_path / "run.state"
    expected = fit(whole, None, stopping(), epochs=60)
    assert expected.stopped == "early stopping" and 5 < len(expected) < 60
    for epoch in (2, len(expected) - 1):
        with pytest.raises(KilledError):
            fit(trainer(), path, stopping(), Killer(epoch), epochs=60)
    made = trainer()
    found = fit(made, path, stopping(), epochs=60)
    assert (found.stopped, len(found), found.best_epoch) == ("early stopping", len(expected), expected.best_epoch)
    assert bits(made) == bits(whole)
    late = trainer()
    assert len(fit(late, path, stopping(), epochs=60)) == len(expected), "a fit that was stopped stays stopped"
    assert bits(late) == bits(whole)


SCRIPT = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from train.test_resume import bits, fit, trainer
made = trainer()
fit(made, Path(sys.argv[1]), epochs=400)
sys.stdout.write(bits(made).hex())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no signal that kills at once")
def test_killed_at_any_moment(tmp_path: Path) -> None:
    """kill -9 while it trains and writes, several times; then to the end."""
    path, command = tmp_path / "run.state", [sys.executable, "-c", SCRIPT.format(path=sys.path)]
    kills = 0
    for pause in (0.02, 0.13, 0.05):
        process = subprocess.Popen([*command, str(path)], stdout=subprocess.DEVNULL, env=dict(os.environ))
        deadline = time.monotonic() + 60
        while not path.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(pause)
        kills += process.poll() is None
        process.kill()
        process.wait()
        safetensors.read(path)  # whole, whenever it was
    assert kills >= 1
    ended = subprocess.run([*command, str(path)], capture_output=True, text=True, timeout=120, check=True)
    whole = trainer()
    fit(whole, None, epochs=400)
    assert ended.stdout == bits(whole).hex()
    assert [p.name for p in tmp_path.iterdir() if p.name == "run.state"] == ["run.state"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"X": 1}, "data is other values"),
        ({"batch_size": 16}, "batch_size is 32, this fit 16"),
        ({"shuffle": False}, "shuffle is True, this fit False"),
        ({"optimizer": "sgd"}, "optimizer is 'Adam', this fit 'SGD'"),
        ({"seed": 4}, "data is other values|seed is 3"),  # the rows held out are others, too
    ],
    ids=lambda v: str(v)[:24],
)
def test_a_file_of_another_fit_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    path = tmp_path / "run.state"
    fit(trainer(), path, epochs=1)
    X, y = data()
    made = trainer(options.get("optimizer", "adam"))
    made.seed = options.get("seed", 3)
    before = bits(made)
    settings = {"batch_size": 32, "shuffle": True, **{k: options[k] for k in options if k in ("batch_size", "shuffle")}}
    with pytest.raises(ArgumentError, match=message):
        made.fit(X + options.get("X", 0), y, validation_split=0.2, progress=False, resume=path, **settings)
    assert bits(made) == before, "and nothing was changed"


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    ff.save(nn.Linear(6, 2), path)
    with pytest.raises(FileFormatError, match="no training state"):
        fit(trainer(), path)
    path.write_bytes(b"damaged")
    with pytest.raises(FileFormatError):
        fit(trainer(), path)


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="cannot be written"):
        fit(trainer(), tmp_path / "no" / "such" / "folder.state")
