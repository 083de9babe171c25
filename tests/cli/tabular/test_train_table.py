"""`forwardnet train` on tables, from the file to what it writes; and what the other commands do with the model."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.cli.run import execute
from forwardnet.estimators import load

FILES = {"model.safetensors", "report.html", "report.json", "predictions.csv", "history.csv", "README.md"}
FAST = ("--hidden", "8", "--epochs", "20", "--lr", "0.03")


def write_table(path: Path, n: int = 150, *, classes: bool = True) -> Path:
    """A table in which the target depends on x, a colour and little noise; with gaps, and columns of other kinds."""
    rng = np.random.default_rng(0)
    x, colour = rng.normal(size=n), rng.integers(0, 3, n)
    value = 2 * x + np.array([0.0, 3.0, -3.0])[colour] + 0.3 * rng.normal(size=n)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "x", "colour", "day", "flag", "one", "group", "y"])
        for i in range(n):
            gap = "" if i % 17 == 0 else f"{x[i]:.6g}"
            y = ("high" if value[i] > 0 else "low") if classes else f"{value[i]:.6g}"
            day = str(np.datetime64("2024-01-01") + i)
            name = ["red, light", "blue", "grün"][colour[i]]
            writer.writerow([f"r{i:04d}", gap, name, day, ["yes", "no"][i % 2], "k", i // 5, y])
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with table.csv and the results of a classification of it in run/."""
    folder = tmp_path_factory.mktemp("tables")
    write_table(folder / "table.csv")
    line = ["train", str(folder / "table.csv"), "--target", "y", *FAST, "--quiet", "--out", str(folder / "run")]
    assert execute(line) == 0
    return folder


def report_of(folder: Path) -> Any:
    return json.loads((folder / "run" / "report.json").read_text(encoding="utf-8"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_everything_is_written_and_says_the_same(trained: Path) -> None:
    assert {path.name for path in (trained / "run").iterdir()} == FILES
    report = report_of(trained)
    assert (report["task"], report["target"], report["classes"]) == ("classification", "y", ["high", "low"])
    assert report["inputs"] == ["x", "colour", "day", "flag", "group"]
    kinds = {column["name"]: column["kind"] for column in report["columns"]}
    assert (kinds["id"], kinds["one"], kinds["day"], kinds["flag"]) == ("identifier", "constant", "date", "boolean")
    assert list(report["figures"]) == ["network", "simplest", "linear", "boosting"]
    accuracy = report["figures"]["network"]["accuracy"]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert report["gain_over"]["simplest"]["low"] > 0
    assert "clearly better than the simplest guess" in report["judgement"]
    assert {entry["column"] for entry in report["importance"][:2]} == {"x", "colour"}
    rows = rows_of(trained / "run" / "predictions.csv")
    assert len(rows) == report["asked"] == 30
    assert sum(row["true"] == row["predicted"] for row in rows) / 30 == pytest.approx(accuracy["value"])


def test_the_page_stands_alone_and_has_its_sections(trained: Path) -> None:
    page = (trained / "run" / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=[\"'](?!data:)", page) and "<script" not in page
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "Models on the same rows", "Data", "Columns", "Split", "Learning curve", "Confusion matrix", "Classes",
        "Probabilities", "Where it is wrong most", "What the network relies on", "What single columns do", "Network",
        "Time and versions", "To repeat this run",
    ]  # fmt: skip
    assert page.count("data:image/png") >= 7
    for words in ("red, light", "identifier", "the simplest guess", "--target y"):
        assert words in page


def test_the_card_has_the_figures(trained: Path) -> None:
    card = (trained / "run" / "README.md").read_text(encoding="utf-8")
    value = report_of(trained)["figures"]["network"]["accuracy"]["value"]
    assert "pipeline_tag: tabular-classification" in card and f"value: {value:.6g}" in card


def test_the_python_lines_give_the_same_figure(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(trained)
    capsys.readouterr()
    exec(compile(report["python"], "report.json", "exec"), {})
    found = re.search(r"^accuracy ([\d.]+) ", capsys.readouterr().out, flags=re.MULTILINE)
    assert found is not None
    assert float(found[1]) == pytest.approx(report["figures"]["network"]["accuracy"]["value"], rel=1e-3)  # four digits


def test_the_same_command_gives_the_same_model(trained: Path) -> None:
    line = ["train", str(trained / "table.csv"), "--target", "y", *FAST, "--quiet", "--out", str(trained / "again")]
    assert execute(line) == 0
    one, two = (load(trained / name / "model.safetensors") for name in ("run", "again"))
    for a, b in zip(one.network_.parameters(), two.network_.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_evaluate_measures_the_rows_that_were_tested(run: Any, trained: Path) -> None:
    found = run("evaluate", trained / "run", trained / "table.csv", "--json").json
    report = report_of(trained)
    assert found["rows"] == 30 and "test part" in found["what"]
    assert found["accuracy"] == pytest.approx(report["figures"]["network"]["accuracy"]["value"])
    assert found["confusion"] == report["confusion"]
    both = [
        run("evaluate", trained / "run", trained / "table.csv", "--json", "--part", p).json for p in ("all", "train")
    ]
    assert [one["rows"] for one in both] == [150, 120]
    shown = run("evaluate", trained / "run", trained / "table.csv")
    assert shown.code == 0 and "confusion matrix" in shown.out and "ROC AUC" in shown.out


def test_predict_gives_a_line_for_each_row_whatever_the_order_of_the_columns(run: Any, trained: Path) -> None:
    rows = rows_of(trained / "table.csv")
    other = trained / "other.csv"
    with other.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["day", "group", "flag", "colour", "x"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows[:3])
    few = run("predict", trained / "run", other)
    every = run("predict", trained / "run", trained / "table.csv", "--out", trained / "p.csv")
    assert few.code == every.code == 0, few.err
    lines = (trained / "p.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "row,y,p(high),p(low)" and len(lines) == 151
    assert few.out.splitlines() == lines[:4]  # to the last digit: a row's prediction depends on that row alone
    found = run("predict", trained / "run", other, "--json").json
    assert found["predicted"] == [line.split(",")[1] for line in lines[1:4]] and found["classes"] == ["high", "low"]


def test_inspect_says_what_the_model_wants(run: Any, trained: Path) -> None:
    found = run("inspect", trained / "run", "--json").json
    assert (found["task"], found["target"], found["classes"]) == ("classification", "y", ["high", "low"])
    kinds = {column["name"]: column["kind"] for column in found["columns"]}
    assert kinds == {"x": "number", "colour": "category", "day": "date", "flag": "boolean", "group": "number"}
    assert set(next(c for c in found["columns"] if c["name"] == "colour")["levels"]) == {"red, light", "blue", "grün"}
    assert found["figures"]["network"]["accuracy"][0] == report_of(trained)["figures"]["network"]["accuracy"]["value"]
    shown = run("inspect", trained / "run")
    assert shown.code == 0 and "colour" in shown.out and "Linear(" in shown.out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x,colour,day,flag\n1,blue,2024-01-01,yes\n", "the column 'group' is missing"),
        ("X,colour,day,flag,group\n1,blue,2024-01-01,yes,1\n", "is it 'X' there?"),
        ("x,colour,day,flag,group\nmany,blue,2024-01-01,yes,1\n", "'many'"),
        ("x,colour,day,flag,group\n1,blue,2024-01-01,perhaps,1\n", "'perhaps'"),
        ("", "new.csv"),
    ],
)
def test_rows_that_do_not_fit_are_one_sentence(
    run: Any, trained: Path, tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "new.csv").write_text(content, encoding="utf-8")
    result = run("predict", trained / "run", tmp_path / "new.csv")
    assert result.code == 2 and result.out == "" and len(result.err.splitlines()) == 1
    assert words in result.err and "new.csv" in result.err


def test_evaluate_names_unknown_classes_and_missing_targets(run: Any, trained: Path, tmp_path: Path) -> None:
    head = "x,colour,day,flag,group"
    (tmp_path / "a.csv").write_text(f"{head},y\n1,blue,2024-01-01,yes,1,middle\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text(f"{head}\n1,blue,2024-01-01,yes,1\n", encoding="utf-8")
    for name, words in (("a", "'middle' in row 0, but the model knows high, low"), ("b", "there is no column 'y'")):
        result = run("evaluate", trained / "run", tmp_path / f"{name}.csv")
        assert result.code == 2 and words in result.err and len(result.err.splitlines()) == 1
    assert run("predict", trained / "run", tmp_path / "b.csv").code == 0


def test_a_category_and_a_level_never_seen_are_no_error(run: Any, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("x,colour,day,flag,group\n,violet,,,\n", encoding="utf-8")
    result = run("predict", trained / "run", tmp_path / "new.csv")
    assert result.code == 0 and result.out.startswith("row,y,p(high),p(low)\n0,")


@pytest.mark.parametrize(
    ("options", "split"),
    [
        (("--cv", "3"), "3 parts at random"),
        (("--cv", "2", "--repeats", "2", "--metric", "mae"), "drawn 2 times"),
        (("--group", "group", "--weights", "one_to_n"), "20 % of the groups by group"),
        (("--time", "day"), "the last 20 % of the rows by day"),
    ],
)
def test_regressions_with_other_splits(run: Any, tmp_path: Path, options: tuple[str, ...], split: str) -> None:
    source = write_table(tmp_path / "table.csv", classes=False)
    lines = source.read_text(encoding="utf-8").splitlines()
    weighted = [f"{line},{'one_to_n' if i == 0 else 1 + i % 3}" for i, line in enumerate(lines)]
    source.write_text("\n".join(weighted), encoding="utf-8")
    result = run("train", source, "--target", "y", *FAST, *options, "--json", "--out", tmp_path / "run")
    assert result.code == 0, result.err
    report = result.json
    assert report["task"] == "regression" and split in report["split"]
    metric = "mae" if "--metric" in options else "rmse"
    assert report["metric"] == metric and report["gain_over"]["simplest"]["low"] > 0
    assert report["asked"] == (150 if "--cv" in options else 30)
    titles = re.findall(r"<h2>(.*?)</h2>", (tmp_path / "run" / "report.html").read_text(encoding="utf-8"))
    assert {"Predicted and true values", "Errors"} <= set(titles)
    found = run("evaluate", tmp_path / "run", source, "--json").json
    assert found["rows"] == (150 if "--cv" in options else 30)


def test_leave_one_out(run: Any, tmp_path: Path) -> None:
    found = run(
        "train", "iris", "--cv", "loo", "--hidden", "4", "--epochs", "3", "--json", "--out", tmp_path / "a"
    ).json
    assert found["folds"] == found["asked"] == 150 and any("10 folds" in note for note in found["notes"])


def test_data_sets_by_name(run: Any, tmp_path: Path) -> None:
    found = run("train", "diabetes", "--target", "target", *FAST, "--json", "--out", tmp_path / "b").json
    assert found["task"] == "regression" and found["asked"] == 88
    assert run("evaluate", tmp_path / "b", "diabetes", "--json").json["rows"] == 88


def test_little_time_is_said(run: Any, tmp_path: Path) -> None:
    source = write_table(tmp_path / "table.csv")
    line = ("train", source, "--target", "y", *FAST, "--time-limit", "0.001", "--json", "--out", tmp_path / "run")
    found = run(*line).json
    assert list(found["figures"]) == ["network", "simplest"]
    assert "The time limit allowed 1 epochs instead of 20." in found["notes"] and found["importance"] == []
    assert any("before the baseline 'boosting'" in note for note in found["notes"])
    assert found["epochs"] == 1 and "--epochs 1 " in found["command"]


def test_what_cannot_fit_into_memory_is_refused_before_training(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_table(tmp_path / "table.csv")
    monkeypatch.setattr("forwardnet.cli.options._free_memory", lambda: 20_000)
    result = run("train", source, "--target", "y", *FAST, "--out", tmp_path / "run")
    assert result.code == 2 and "GiB are free" in result.err.splitlines()[-1] and "--ignore" in result.err


@pytest.mark.parametrize("what", [("--task", "classification"), ("--task", "regression"), ("--target", "1")])
def test_find_lr(run: Any, tmp_path: Path, what: tuple[str, str]) -> None:
    source = write_table(tmp_path / "table.csv", classes=False)
    source.write_text("z,a,b\n" + "".join(f"{int((i * 5) % 11 > 4)},{i / 7},{(i * 5) % 11}\n" for i in range(80)))
    target = () if "--target" in what else ("--target", "z")
    found = run("find-lr", source, *target, *what, "--hidden", "8", "--json", "--out", tmp_path / "lr.png").json
    assert len(found["rates"]) == len(found["losses"]) > 10 and found["rates"][0] == 1e-5
    assert found["suggestion"] is None or 1e-5 < found["suggestion"] < 10
    assert (tmp_path / "lr.png").read_bytes().startswith(b"\x89PNG")
    assert "loss" in run("find-lr", source, *target, *what, "--hidden", "8").out
