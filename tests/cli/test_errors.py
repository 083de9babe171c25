from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.cli import run as run_module
from forwardnet.interop import load_model, safetensors, save

TRAIN = {
    "train digit": "error: unknown data set 'digit' (hint: did you mean 'digits'?)",
    "train Digits": "error: unknown data set 'Digits' (hint: did you mean 'digits'?)",
    "train digits --activation rleu": "error: unknown activation 'rleu' (hint: did you mean 'relu'?)",
    "train digits --optimizer adm": "error: unknown optimizer 'adm' (hint: did you mean 'adam'?)",
    "train digits --epochs 0": "error: --epochs is 0, expected a whole number of at least 1",
    "train digits --epochs 1.5": "error: --epochs is '1.5', expected a whole number such as 20",
    "train digits --epochs many": "error: --epochs is 'many', expected a whole number such as 20",
    "train digits --batch-size -3": "error: --batch-size is -3, expected a whole number of at least 1",
    "train digits --patience 0": "error: --patience is 0, expected a whole number of at least 1",
    "train digits --lr -1": "error: --lr is -1, expected a number above 0 (hint: 0.002 suits adam, 0.1 sgd)",
    "train digits --lr 0": "error: --lr is 0, expected a number above 0 (hint: 0.002 suits adam, 0.1 sgd)",
    "train digits --lr nan": "error: --lr is nan, expected a number above 0 (hint: 0.002 suits adam, 0.1 sgd)",
    "train digits --lr fast": "error: --lr is 'fast', expected a number such as 0.01",
    "train digits --seed -1": "error: --seed is -1, expected a whole number from 0 to 2^63 - 1",
    "train digits --label-smoothing 1": "error: --label-smoothing is 1, expected a number from 0 to below 1",
    "train digits --hidden 12x": (
        "error: --hidden is '12x', expected whole numbers separated by commas, such as 128,64 "
        "(hint: 'none' makes a linear model without hidden layers)"
    ),
    "train digits --hidden 64,,32": (
        "error: --hidden is '64,,32', expected whole numbers separated by commas, such as 128,64 "
        "(hint: 'none' makes a linear model without hidden layers)"
    ),
    "train digits --hidden 64,0": "error: --hidden has a layer of 0 units, expected 1 to 10,000,000",
    "train digits --hidden 99999999": "error: --hidden has a layer of 99999999 units, expected 1 to 10,000,000",
    "train digits --data-dir .": "error: --data-dir is given, but data set 'digits' needs no files",
    "train some/folder": (
        "error: 'some/folder' is neither a data set's name nor a file of a known kind "
        "(hint: 'forwardnet datasets' lists the names; files are tables (.csv, ...), .npz, IDX images, "
        "or folders of images)"
    ),
    "train": "error: missing argument 'DATA' (hint: 'forwardnet train --help' lists what there is)",
}


@pytest.mark.parametrize("line", TRAIN)
def test_golden_messages(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*line.split())
    assert (result.code, result.out, result.err) == (2, "", TRAIN[line] + "\n")


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("trian digits", "no such command 'trian'"),
        ("train digits --epoch 3", "no such option: --epoch (Possible options: --epochs)"),
        ("train digits --epochs", "'--epochs' requires an argument"),
        ("train digits iris", "unexpected extra argument"),
        ("predict model.safetensors", "missing argument 'DATA'"),
        ("train missing.npz", "missing.npz: no such file"),
        ("train mnist --data-dir missing", "missing: no such folder"),
        ("train mnist --data-dir .", "no folder has the files train-images-idx3-ubyte.gz"),
        ("predict missing.safetensors digits", "'missing.safetensors' does not exist"),
        ("train digits --hidden 10000000,10000000", "GiB are free (hint: choose smaller layers with --hidden)"),
    ],
)
def test_one_line_and_code_2(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, part: str) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*line.split())
    assert result.code == 2 and result.out == ""
    # Where the option was fine, the first lines of the run were not yet said; nothing but the error is on this stream.
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("error: ") and part in result.err


def arrays(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"X": rng.normal(size=(40, 3)), "y": np.arange(40) % 2, **changes}


def with_nan() -> np.ndarray:
    X = arrays()["X"]
    X[7, 2] = np.nan
    return X


BAD_DATA = {
    "NaN": (arrays(X=with_nan()), "X has nan at row 7, column 2"),
    "infinity": (arrays(X=np.where(np.arange(120).reshape(40, 3) == 5, np.inf, 1.0)), "X has inf at row 1, column 2"),
    "no rows": (arrays(X=np.zeros((0, 3)), y=np.zeros(0, int)), "X is empty: shape (0, 3)"),
    "one class": (arrays(y=np.zeros(40, int)), "y has only one class: all 40 labels are 0"),
    "negative label": (arrays(y=np.arange(40) % 2 - 1), "y has the label -1 at row 0"),
    "fewer labels": (arrays(y=np.arange(30) % 2), "y has 30 rows, but X has 40"),
    "X of one dimension": (arrays(X=np.zeros(40)), "X has shape (40,), expected (rows, features)"),
    "X of text": (arrays(X=np.full((40, 3), "a")), "X holds text"),
    "y of text": (arrays(y=np.full(40, "cat")), "holds text, the first is 'cat'"),
    "X complex": (arrays(X=np.zeros((40, 3), complex)), "X has dtype complex128"),
    "y of two columns": (arrays(y=np.zeros((40, 2), int)), "y has shape (40, 2), expected (rows,) class indices"),
    "no y": ({"X": np.zeros((4, 2))}, "has no array 'y'"),
    "pickled objects": (
        arrays(y=np.array([{"a": 1}] * 40, dtype=object)),
        "holds Python objects, expected arrays of numbers",
    ),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_data_that_cannot_be_used(run: Any, tmp_path: Path, case: str) -> None:
    content, message = BAD_DATA[case]
    np.savez(tmp_path / "data.npz", **content)
    result = run("train", tmp_path / "data.npz", "--out", tmp_path / "run")
    assert result.code == 2 and result.out == ""
    assert len(result.err.splitlines()) == 1 and result.err.startswith("error: ")
    assert "data.npz" in result.err and message in result.err


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"not a zip at all" * 10])
def test_damaged_npz(run: Any, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.npz").write_bytes(content)
    result = run("train", tmp_path / "data.npz", "--out", tmp_path / "run")
    assert result.code == 2 and "data.npz" in result.err and len(result.err.splitlines()) == 1


def test_divergence_is_named(run: Any, tmp_path: Path) -> None:
    result = run("train", "diabetes", "--optimizer", "sgd", "--lr", "1e6", "--out", tmp_path, "--quiet")
    assert result.code == 2
    error = next(line for line in result.err.splitlines() if line.startswith("error: "))
    assert "step" in error and "learning rate" in error


def test_out_that_is_a_file_or_cannot_be_made(run: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    result = run("train", "xor", "--out", tmp_path / "file")
    assert result.code == 2 and "is a file, expected a folder" in result.err
    result = run("train", "xor", "--out", tmp_path / "file" / "run")
    assert result.code == 2 and len(result.err.splitlines()) == 1 and "Not a directory" in result.err
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission(run: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    result = run("train", "xor", "--out", tmp_path / "run")
    tmp_path.chmod(0o700)
    assert result.code == 2 and "Permission denied" in result.err and "another folder" in result.err


def test_errors_as_json(run: Any) -> None:
    result = run("train", "digit", "--json")
    assert result.code == 2
    assert result.json == {"error": "unknown data set 'digit'", "hint": "did you mean 'digits'?"}
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 2, "error: not enough memory: the data or the network is too large"),
        (MemoryError("9 TiB"), 2, "error: not enough memory: 9 TiB"),
        (OSError(28, "No space left on device", "/x/y"), 2, "error: '/x/y' cannot be written or read: No space left"),
        (OSError(5, "Input/output error"), 2, "error: Input/output error"),
        (ZeroDivisionError("by zero"), 1, "error: this is a defect of forwardnet: ZeroDivisionError: by zero"),
    ],
)
def test_everything_else_is_one_line(
    run: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise error

    monkeypatch.setattr("forwardnet.cli.app.run_app", fail)
    result = run("datasets")
    assert result.code == code and result.out == ""
    assert result.err.startswith(line) and len(result.err.splitlines()) == 1


def test_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("forwardnet.cli.app.run_app", fail)
    monkeypatch.setenv("FORWARDNET_SHOW", "traceback")
    with pytest.raises(ZeroDivisionError):
        run_module.execute(["datasets"])


# -- models ---------------------------------------------------------------------------------------------------


def changed(metadata: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of `metadata` in which one entry of the pipeline has another value; `...` takes it away."""
    import copy

    result: Any = copy.deepcopy(metadata)
    node = result["pipeline"]
    *parents, last = path.split(".")
    for name in parents:
        node = node[name]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return dict(result)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("task", "other"),
        ("task", "regression"),
        ("task", ...),
        ("feature_names", ["a"]),
        ("feature_names", "abc"),
        ("target_names", []),
        ("target_names", ["a", "b"]),
        ("target_names", [1] * 10),
        ("image_shape", "8x8"),
        ("input_scale", None),
        ("input_range", [1]),
        ("inputs", None),
        ("inputs.mean", [0.0]),
        ("inputs.scale", [0.0] * 64),
        ("inputs.scale", [float("1e400")] * 0),
        ("targets", {"mean": [0.0], "scale": [1.0]}),
    ],
)
def test_damaged_description_in_a_model(run: Any, digits_run: Path, tmp_path: Path, path: str, value: Any) -> None:
    model, metadata = load_model(digits_run / "model.safetensors")
    save(model, tmp_path / "m.safetensors", metadata=changed(metadata, path, value))
    result = run("predict", tmp_path / "m.safetensors", "digits")
    assert result.code == 2 and result.out == ""
    assert len(result.err.splitlines()) == 1
    assert "m.safetensors" in result.err
    assert any(words in result.err for words in ("is damaged", "do not fit", "names for them"))


def test_model_without_description_or_architecture(run: Any, digits_run: Path, tmp_path: Path) -> None:
    model, _ = load_model(digits_run / "model.safetensors")
    save(model, tmp_path / "a.safetensors")
    save(model.state_dict(), tmp_path / "b.safetensors")
    (tmp_path / "c.safetensors").write_bytes(b"rubbish")
    for name, message in (("a", "does not tell how rows"), ("b", "no architecture"), ("c", "not a usable safetensors")):
        result = run("evaluate", tmp_path / f"{name}.safetensors", "digits")
        assert result.code == 2 and message in result.err and len(result.err.splitlines()) == 1


def test_model_with_nan_weights(run: Any, digits_run: Path, tmp_path: Path) -> None:
    arrays, strings = safetensors.read(digits_run / "model.safetensors")
    arrays["0.weight"][2, 3] = np.nan
    safetensors.write(tmp_path / "m.safetensors", arrays, strings)
    result = run("predict", tmp_path / "m.safetensors", "digits")
    assert result.code == 2 and "weight '0.weight' is nan at [2, 3]" in result.err


def test_mutated_models_never_show_a_traceback(run: Any, digits_run: Path, tmp_path: Path) -> None:
    content = (digits_run / "model.safetensors").read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    np.savez(tmp_path / "x.npz", X=np.zeros((2, 64), np.float32))
    rng = np.random.default_rng(11)
    codes = []
    for _ in range(150):
        data = bytearray(content)
        for _ in range(int(rng.integers(1, 4))):
            data[int(rng.integers(8, header))] = int(rng.choice(list(b'0123456789{}[]",:aeLn-')))
        (tmp_path / "bad.safetensors").write_bytes(data)
        result = run("predict", tmp_path / "bad.safetensors", tmp_path / "x.npz")
        assert result.code in (0, 2), result.err  # 1 would be a defect
        codes.append(result.code)
    assert codes.count(2) > 50


@pytest.mark.parametrize("where", ["load_dataset", "make_report"])
def test_ctrl_c_outside_the_training_says_that_nothing_was_written(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    from forwardnet.cli import summary, train

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train if where == "load_dataset" else summary, where, stop)
    result = run("train", "xor", "--epochs", 2, "--json", "--out", tmp_path)
    assert result.code == 130 and result.err.splitlines()[-1] == "interrupted: nothing was written"
    assert result.json == {"stopped": "interrupted", "files": {}} and list(tmp_path.iterdir()) == []
