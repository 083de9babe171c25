from __future__ import annotations

import csv
import gzip
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.cli.parts import divide
from forwardnet.cli.pipeline import Pipeline
from forwardnet.data import datasets
from forwardnet.interop import load_model
from forwardnet.train.program import forward

Array = np.ndarray[Any, np.dtype[Any]]


def idx(path: Path, values: Array) -> None:
    """A gzip IDX file of bytes."""
    head = b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(head + values.astype(np.uint8).tobytes()))


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def by_hand(folder: Path, X: Array) -> Array:
    """Probabilities computed from the file's parts: scaling, network, softmax."""
    model, metadata = load_model(folder / "model.safetensors")
    scaling = metadata["pipeline"]["inputs"]
    Z = (X.astype(np.float64) - scaling["mean"]) / scaling["scale"]
    scores = forward(model, Z.astype(np.float32)).astype(np.float64)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def test_prediction_is_that_of_the_network(run: Any, digits_run: Path) -> None:
    data = datasets.load("digits")
    test = divide(data, seed=0).parts["test"]
    result = run("predict", digits_run, "digits")
    assert result.code == 0 and result.err == "359 rows: the test part of the data that the model was trained on\n"
    lines = table(result.out)
    assert lines[0] == ["row", "predicted", *(f"p({k})" for k in range(10))]
    assert [int(line[0]) for line in lines[1:]] == test.rows.tolist()
    expected = by_hand(digits_run, test.X)
    assert [int(line[1]) for line in lines[1:]] == expected.argmax(axis=1).tolist()
    # float32 arithmetic, and six digits are printed
    np.testing.assert_allclose(np.array([line[2:] for line in lines[1:]], float), expected, rtol=1e-4, atol=1e-6)


def test_evaluation_gives_the_figures_of_the_training_run(run: Any, digits_run: Path, diabetes_run: Path) -> None:
    import json

    for folder, name in ((digits_run, "digits"), (diabetes_run, "diabetes")):
        said = json.loads((folder / "report.json").read_text())
        for part, figures in (("test", "test"), ("train", "training"), ("validation", "validation")):
            result = run("evaluate", folder, name, "--part", part, "--json").json
            for key, value in said["figures"][figures].items():
                assert result[key] == value, (name, part, key)
        assert run("evaluate", folder, name, "--json").json["confusion"] == said["confusion"]


def test_evaluation_says_which_rows(run: Any, digits_run: Path) -> None:
    result = run("evaluate", digits_run, "digits")
    first = f"{digits_run / 'model.safetensors'} on digits: the test part of the data that the model was trained on"
    assert result.out.splitlines()[0] == first
    assert "accuracy" in result.out and "confusion matrix" in result.out
    everything = run("evaluate", digits_run, "digits", "--part", "all", "--json").json
    assert everything["rows"] == 1797 and everything["what"] == "all rows of the data that the model was trained on"


def test_same_rows_from_every_kind_of_file(run: Any, digits_run: Path, tmp_path: Path) -> None:
    data = datasets.load("digits")
    X, y = data.X[:50], data.y[:50]
    raw = np.round(X * 16).astype(np.uint8)
    np.savez(tmp_path / "rows.npz", X=X, y=y)
    np.save(tmp_path / "rows.npy", X)
    np.save(tmp_path / "labels.npy", y)
    np.save(tmp_path / "images.npy", raw.reshape(50, 8, 8))
    idx(tmp_path / "own-images-idx3-ubyte.gz", raw.reshape(50, 8, 8))
    idx(tmp_path / "own-labels-idx1-ubyte.gz", y)
    files = ["rows.npz", "rows.npy", "images.npy", "own-images-idx3-ubyte.gz"]
    outputs = [run("predict", digits_run, tmp_path / name) for name in files]
    assert all(output.code == 0 and output.err == "50 rows: all rows\n" for output in outputs)
    assert len({output.out for output in outputs}) == 1
    labels, idx_labels = tmp_path / "labels.npy", tmp_path / "own-labels-idx1-ubyte.gz"
    figures = [
        run("evaluate", digits_run, tmp_path / "rows.npz", "--json").json,
        run("evaluate", digits_run, tmp_path / "rows.npy", "--labels", labels, "--json").json,
        run("evaluate", digits_run, tmp_path / "own-images-idx3-ubyte.gz", "--json").json,  # labels lie beside it
        run("evaluate", digits_run, tmp_path / "images.npy", "--labels", idx_labels, "--json").json,
    ]
    for figure in figures:
        del figure["data"]
        assert figure == figures[0]
    assert figures[0]["rows"] == 50


def test_own_data_in_a_file_are_recognised(run: Any, digits_run: Path, tmp_path: Path) -> None:
    """Rows that were learnt from are not taken for new ones because they come from a file."""
    data = datasets.load("digits")
    np.savez(tmp_path / "copy.npz", X=data.X.astype(np.float64), y=data.y)
    result = run("evaluate", digits_run, tmp_path / "copy.npz", "--json").json
    assert result["what"] == "the test part of the data that the model was trained on" and result["rows"] == 359


def test_predictions_of_a_regression_are_in_the_unit_of_the_target(run: Any, diabetes_run: Path) -> None:
    data = datasets.load("diabetes")
    model, metadata = load_model(diabetes_run / "model.safetensors")
    values = Pipeline.from_dict(metadata["pipeline"], where="").predict(model, data.X)[:, 0]
    lines = table(run("predict", diabetes_run, "diabetes", "--part", "all").out)
    assert lines[0] == ["row", "progression"]
    np.testing.assert_array_equal(np.array([line[1] for line in lines[1:]], np.float32), values)
    assert 100 < values.mean() < 200  # the target's mean is 152
    said = run("predict", diabetes_run, "diabetes", "--json").json
    assert said["targets"] == ["progression"] and len(said["predicted"]) == len(said["rows"]) == 88


def test_predict_writes_a_file(run: Any, digits_run: Path, tmp_path: Path) -> None:
    result = run("predict", digits_run, "digits", "--out", tmp_path / "p.csv")
    assert result.out.startswith("wrote 359 predictions") and result.out.rstrip().endswith("p.csv")
    assert (tmp_path / "p.csv").read_text() == run("predict", digits_run, "digits").out
    result = run("predict", digits_run, "digits", "--out", tmp_path / "none" / "p.csv")
    assert result.code == 2 and "No such file or directory" in result.err


def test_predict_json(run: Any, digits_run: Path) -> None:
    said = run("predict", digits_run, "digits", "--json").json
    assert len(said["rows"]) == len(said["predicted"]) == len(said["probabilities"]) == 359
    assert said["classes"] == [str(k) for k in range(10)]
    assert said["predicted"][0] == said["classes"][int(np.argmax(said["probabilities"][0]))]


def test_other_unit_is_noticed(run: Any, digits_run: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "raw.npy", datasets.load("digits").X[:5] * 255)
    result = run("predict", digits_run, tmp_path / "raw.npy")
    assert result.code == 0 and "are they in the same unit?" in result.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"X": np.zeros((3, 4))}, "X has 4 features, expected 64"),
        ({"X": np.zeros((3, 64)), "y": np.array([0, 1, 10])}, "y has the label 10 at row 2, expected 0 to 9"),
        ({"X": np.zeros((3, 64)), "y": np.array([0, 1])}, "y has 2 rows, but X has 3"),
        ({"X": np.full((3, 64), np.nan)}, "X has nan at row 0, column 0"),
        ({"X": np.zeros((0, 64))}, "X is empty"),
        ({"Z": np.zeros((3, 64))}, "has no array 'X', only Z"),
        ({"X": np.array([[None]])}, "damaged: Object arrays cannot be loaded"),
    ],
)
def test_rows_that_do_not_fit(run: Any, digits_run: Path, tmp_path: Path, content: Any, message: str) -> None:
    np.savez(tmp_path / "rows.npz", **content)
    result = run("evaluate", digits_run, tmp_path / "rows.npz")
    assert result.code == 2 and result.out == ""
    assert len(result.err.splitlines()) == 1 and "rows.npz" in result.err and message in result.err


def test_other_refusals(run: Any, digits_run: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 64)))
    np.save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "what.bin").write_bytes(b"what")
    (tmp_path / "xy.csv").write_text("pixel_0_1,b\n1.5,2\n2.5,3\n")
    cases: list[tuple[list[Any], str]] = [
        (["evaluate", digits_run, tmp_path / "x.npy"], "has no true values to compare with"),
        (["evaluate", digits_run, "digits", "--labels", "y.npy"], "has its own true values"),
        (["evaluate", digits_run, tmp_path / "x.npy", "--labels", "none.npy"], "there is no such file"),
        (["evaluate", digits_run, "digits", "--part", "tset"], "did you mean 'test'?"),
        (["predict", digits_run, "nofile.npy"], "nofile.npy: no such file"),
        (["predict", digits_run, tmp_path / "objects.npy"], "holds Python objects, expected arrays of numbers"),
        (["predict", digits_run, tmp_path / "x.npy", "--part", "test"], "one set of rows without parts"),
        (["predict", digits_run, tmp_path / "none"], "neither a data set's name nor a file of a known kind"),
        (["predict", digits_run, tmp_path], "expected one folder of images for each of at least two classes"),
        (["predict", digits_run, tmp_path / "empty.npy"], "not a readable .npy file"),
        (["predict", digits_run, tmp_path / "what.bin"], "no file of a known kind"),
        (["predict", digits_run, tmp_path / "table.csv"], "table.csv: no such file"),
        (["predict", digits_run, tmp_path / "xy.csv"], "the column 'pixel_0_0' is missing, one of 63 of 64"),
        (["predict", digits_run, "iris"], "iris: X has 4 features, expected 64"),
        (["evaluate", digits_run, "diabetes"], "is for regression, but the model was trained for classification"),
        (["predict", digits_run / "history.csv", "digits"], "not a usable safetensors file"),
    ]
    for arguments, message in cases:
        result = run(*arguments)
        assert (result.code, result.out) == (2, ""), arguments
        assert len(result.err.splitlines()) == 1 and message in result.err, arguments


def test_datasets_lists_every_name(run: Any) -> None:
    result = run("datasets")
    assert result.code == 0 and result.err == ""
    for name in datasets.names():
        assert any(line.split()[:1] == [name] for line in result.out.splitlines())
    listed = run("datasets", "--json").json
    assert [entry["name"] for entry in listed] == datasets.names()
    digits = listed[0]
    assert (digits["rows"], digits["features"], digits["outputs"]) == (1797, 64, 10)
    assert digits["where"] == "comes with scikit-learn"


def test_datasets_says_where_files_are(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forwardnet.data.mnist import FILENAMES

    monkeypatch.delenv("FORWARDNET_DATA", raising=False)

    def where() -> str:
        listed = run("datasets", "--data-dir", tmp_path, "--json").json
        return str(next(entry["where"] for entry in listed if entry["name"] == "mnist"))

    assert where().startswith("not here")
    (tmp_path / "mnist").mkdir()
    for name in FILENAMES:
        (tmp_path / "mnist" / name).write_bytes(b"")
    assert where() == str(tmp_path / "mnist")
