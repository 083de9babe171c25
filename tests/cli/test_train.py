from __future__ import annotations

import errno
import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.cli import experiment
from forwardnet.cli.options import TrainOptions
from forwardnet.cli.output import Output
from forwardnet.cli.parts import divide
from forwardnet.cli.pipeline import Pipeline
from forwardnet.data import Standardizer, datasets
from forwardnet.interop import atomic, load_model
from forwardnet.train import History

FILES = ["curves.png", "history.csv", "model.safetensors", "report.html", "report.json"]


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_digits_with_default_settings_reach_97_percent(run: Any, tmp_path: Path, seed: int) -> None:
    result = run("train", "digits", "--seed", seed, "--out", tmp_path, "--json")
    assert result.code == 0
    figures = result.json["figures"]["test"]
    # 12 splits in a study gave 0.978 to 0.994; 0.97 is what is promised.
    assert figures["accuracy"] >= 0.97
    assert figures["baseline"]["accuracy"] < 0.11
    low, high = figures["accuracy_interval"]
    assert low < figures["accuracy"] < high


@pytest.mark.slow
def test_mnist_reaches_97_percent_in_five_epochs(run: Any, tmp_path: Path, mnist_dir: Path) -> None:
    result = run(
        *("train", "mnist", "--data-dir", mnist_dir, "--hidden", "128", "--epochs", "5", "--out", tmp_path, "--json")
    )
    assert result.code == 0
    figures = result.json["figures"]
    assert [figures[part]["rows"] for part in ("training", "validation", "test")] == [54_000, 6_000, 10_000]
    assert figures["test"]["accuracy"] >= 0.97  # 0.9755 to 0.9767 for several seeds


def test_what_is_said(run: Any, tmp_path: Path) -> None:
    result = run("train", "digits", "--epochs", "5", "--out", tmp_path / "new" / "run")
    lines = result.out.splitlines()
    assert result.code == 0
    assert lines[0] == "data     digits: 64 features, 10 classes; rows: 1,258 training, 180 validation, 359 test"
    assert lines[1] == "network  64-128-64-10, relu, 17,226 parameters"
    assert lines[2].startswith(
        "training adam, learning rate 0.002, 64 rows a step, at most 5 epochs, patience 10, seed 0"
    )
    assert any(line.startswith("epoch 5/5  loss ") for line in lines)
    head = next(line for line in lines if "95 % interval" in line)
    assert head.split() == ["training", "validation", "test", "95", "%", "interval", "baseline"]
    assert any(line.startswith("rows ") and line.split()[1:] == ["1,258", "180", "359"] for line in lines)
    assert any(line.startswith("accuracy ") for line in lines)
    assert "confusion matrix of the test part (down: true class, across: predicted)" in lines
    assert lines[-1] == f"wrote {', '.join(experiment_files())} to {tmp_path / 'new' / 'run'}{os.sep}"
    assert sorted(p.name for p in (tmp_path / "new" / "run").iterdir()) == FILES
    assert all(ord(c) >= 32 or c == "\n" for c in result.out + result.err)  # no control characters in a file


def experiment_files() -> list[str]:
    from forwardnet.cli.train import FILES as WRITTEN

    return list(WRITTEN)


def test_files_agree_with_each_other(run: Any, tmp_path: Path) -> None:
    result = run("train", "iris", "--epochs", "20", "--out", tmp_path, "--json")
    said = result.json
    assert json.loads((tmp_path / "report.json").read_text()).items() <= said.items()
    history = History.from_csv(tmp_path / "history.csv")
    assert len(history) == said["epochs"] == 20 and history.best_epoch == said["best_epoch"]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert said["files"]["model.safetensors"] == str(tmp_path / "model.safetensors")
    assert np.array(said["confusion"]).sum() == said["figures"]["test"]["rows"] == 30
    assert np.trace(said["confusion"]) / 30 == said["figures"]["test"]["accuracy"]
    assert said["classes"] == ["setosa", "versicolor", "virginica"]
    assert "epoch 1/20" in result.err  # progress does not disturb the object


def test_quiet_says_only_where(run: Any, tmp_path: Path) -> None:
    result = run("train", "iris", "--epochs", "2", "--quiet", "--out", tmp_path)
    assert result.out.splitlines() == [f"wrote {', '.join(experiment_files())} to {tmp_path}{os.sep}"]


def test_same_seed_same_bytes(run: Any, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run("train", "moons", "--epochs", "8", "--seed", seed, "--quiet", "--out", tmp_path / name).code == 0
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    assert (tmp_path / "a" / "curves.png").read_bytes() == (tmp_path / "b" / "curves.png").read_bytes()
    assert str(tmp_path).encode() not in a  # nothing in the file tells where or when it was made


def test_a_second_run_replaces_the_files_of_the_first(run: Any, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("mine")
    for seed in (0, 1):
        assert run("train", "xor", "--epochs", "3", "--seed", seed, "--quiet", "--out", tmp_path).code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*FILES, "other.txt"])
    assert load_model(tmp_path / "model.safetensors").metadata["training"]["seed"] == 1


@pytest.mark.parametrize("dataset", ["digits", "diabetes", "moons", "xor", "sine"])
def test_python_lines_of_the_report_repeat_the_run(run: Any, tmp_path: Path, dataset: str) -> None:
    result = run("train", dataset, "--hidden", "16", "--epochs", "4", "--out", tmp_path, "--json")
    space: dict[str, Any] = {}
    program = result.json["python"].replace("],\n)", "], progress=False,\n)")
    exec(compile(program, "report", "exec"), space)
    repeated = space["model"].state_dict()
    for name, weights in load_model(tmp_path / "model.safetensors").model.state_dict().items():
        np.testing.assert_array_equal(repeated[name].numpy(), weights.numpy())


def test_command_of_the_report_repeats_the_run(run: Any, tmp_path: Path) -> None:
    import shlex

    first = run(
        "train", "moons", "--hidden", "8,4", "--activation", "tanh", "--epochs", "3", "--out", tmp_path, "--json"
    )
    weights = (tmp_path / "model.safetensors").read_bytes()
    program, *arguments = shlex.split(first.json["command"])
    assert program == "forwardnet"
    (tmp_path / "model.safetensors").unlink()
    assert run(*arguments).code == 0
    assert (tmp_path / "model.safetensors").read_bytes() == weights


class References(HTMLParser):
    """All addresses that a page asks for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("digits", ["Confusion matrix of the test part", "Worst errors of the test part", "images of 8 x 8 pixels"]),
        ("diabetes", ["Predicted and true values of the test part", "RMSE", "progression"]),
        ("moons", ["Decision boundary", "Confusion matrix"]),
        ("parabola", ["Fitted curve", "R²"]),
        ("xor", ["Confusion matrix of the training part", "too few to divide"]),
    ],
)
def test_report_needs_nothing_from_outside(run: Any, tmp_path: Path, dataset: str, expected: list[str]) -> None:
    assert run("train", dataset, "--hidden", "8", "--epochs", "2", "--quiet", "--out", tmp_path).code == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    seen = References(page)
    assert seen.found and all(address.startswith("data:image/png;base64,") for address in seen.found)
    assert seen.tags.isdisjoint({"script", "link", "iframe"})
    for text in (*expected, "Learning curve", "forwardnet train", "Figures", "seed"):
        assert text in page


def test_scaling_is_learnt_from_the_training_part_only() -> None:
    data = datasets.load("wine")
    split = divide(data, seed=3)
    pipeline = Pipeline.fit(data, split.parts["train"].rows)
    expected = Standardizer().fit(data.X[split.parts["train"].rows])
    np.testing.assert_array_equal(pipeline.inputs.mean, expected.mean)
    np.testing.assert_array_equal(pipeline.inputs.scale, expected.scale)
    assert not np.array_equal(pipeline.inputs.mean, Standardizer().fit(data.X).mean)


def test_parts_are_disjoint_complete_and_stratified() -> None:
    data = datasets.load("digits")
    parts = divide(data, seed=5).parts
    rows = np.concatenate([part.rows for part in parts.values()])
    assert sorted(rows) == list(range(1797))
    for part in parts.values():
        shares = np.bincount(part.y) / len(part.y) - np.bincount(data.y) / 1797
        assert np.abs(shares).max() <= 1 / len(part.y)  # whole rows: at most one off
        np.testing.assert_array_equal(data.X[part.rows], part.X)


def test_best_epoch_is_kept() -> None:
    """The weights measured are those of the best epoch, not of the last."""
    data = datasets.load("digits")
    options = TrainOptions("digits", Path("unused"), hidden=(64,), patience=3, epochs=60, lr=0.02)
    outcome = experiment.run(data, options, Output(is_quiet=True))
    history = outcome.history
    assert history.stopped == "early stopping"
    assert history.best_epoch == len(history) - 3
    validation = outcome.split.parts["validation"]
    inputs = outcome.pipeline.inputs.transform(validation.X)
    # The same network on the same rows, but in blocks instead of one piece: the last bits of sums may differ.
    expected = history["val_loss"][history.best_epoch - 1]
    assert outcome.trainer.evaluate(inputs, validation.y)["loss"] == pytest.approx(expected, rel=1e-5)


def test_npz_file_with_its_own_test_part(run: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    np.savez(
        tmp_path / "own.npz", X=X, y=(X[:, 0] > 0).astype(int), X_test=X[:30] + 1, y_test=(X[:30, 0] > -1).astype(int)
    )
    result = run("train", tmp_path / "own.npz", "--epochs", "3", "--out", tmp_path / "run", "--json")
    assert result.code == 0
    assert {part: f["rows"] for part, f in result.json["figures"].items()} == {
        "training": 108,
        "validation": 12,
        "test": 30,
    }
    assert "official" in result.json["data"]["split"]


def test_defaults_by_the_number_of_rows() -> None:
    def chosen(n: int, **options: Any) -> tuple[Any, ...]:
        o = experiment.complete(TrainOptions("x", Path("x"), **options), n)
        return o.batch_size, o.epochs, o.patience, o.lr, o.label_smoothing

    assert chosen(100) == (32, 1250, 50, 0.002, 0.1)
    assert chosen(1258) == (64, 250, 10, 0.002, 0.1)
    assert chosen(54_000) == (128, 100, 10, 0.001, 0.0)
    assert chosen(100, optimizer="sgd")[3] == 0.1
    assert chosen(100, epochs=7, batch_size=5, patience=3, lr=1.0, label_smoothing=0.0) == (5, 7, 3, 1.0, 0.0)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", FILES)
def test_failed_write_is_said_and_leaves_no_half_file(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    replace = os.replace

    def fail(source: Any, target: Any, **options: Any) -> None:
        if os.path.basename(target) == name:
            raise OSError(code, os.strerror(code))
        replace(source, target, **options)

    monkeypatch.setattr(os, "replace", fail)
    assert atomic.os.replace is fail
    result = run("train", "xor", "--epochs", "2", "--quiet", "--out", tmp_path)
    assert result.code == 2
    assert len(result.err.splitlines()) >= 1
    line = next(line for line in result.err.splitlines() if line.startswith("error: "))
    assert name in line and os.strerror(code) in line
    assert all(p.name in FILES and p.name != name for p in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("y", "note"),
    [
        (np.tile(np.arange(3), 100), "The network is not clearly better than the baseline on the test part."),
        (np.r_[np.arange(2), np.full(298, 2)], "The test part has no row of 0, 1: the figures say nothing about that."),
        (np.arange(300) % 2, "The test part has only 60 rows: look at the interval, not at the figure."),
    ],
)
def test_doubts_are_said(run: Any, tmp_path: Path, y: Any, note: str) -> None:
    np.savez(tmp_path / "noise.npz", X=np.random.default_rng(6).normal(size=(300, 4)), y=y)
    result = run("train", tmp_path / "noise.npz", "--epochs", "3", "--out", tmp_path / "run", "--json")
    assert note in result.json["notes"] and f"note: {note}\n" in result.err
    assert note in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_constant_target_is_refused(run: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "flat.npz", X=np.random.default_rng(4).normal(size=(50, 4)), y=np.full(50, 2.5))
    result = run("train", tmp_path / "flat.npz", "--out", tmp_path / "run")
    assert result.code == 2
    assert "the target has the value 2.5 in all 35 training rows, expected different values" in result.err


def test_several_targets(run: Any, tmp_path: Path) -> None:
    X = np.random.default_rng(4).normal(size=(200, 3))
    np.savez(tmp_path / "two.npz", X=X, y=np.stack([X[:, 0], 100 * X[:, 1] + 7], axis=1))
    result = run("train", tmp_path / "two.npz", "--epochs", "40", "--out", tmp_path / "run", "--json")
    assert result.json["figures"]["test"]["r2"] > 0.9
    lines = run("predict", tmp_path / "run", tmp_path / "two.npz", "--part", "all").out.splitlines()
    assert lines[0] == "row,y1,y2" and len(lines) == 201


def test_an_optimiser_with_line_search_gets_its_own_rate(run: Any, tmp_path: Path) -> None:
    result = run("train", "iris", "--hidden", "4", "--optimizer", "lbfgs", "--epochs", "3", "--out", tmp_path / "run")
    assert "training lbfgs, learning rate 1," in result.out
    lines = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "optim.LBFGS(model.parameters(), lr=1.0, line_search_fn=" in lines
