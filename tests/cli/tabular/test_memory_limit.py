"""`forwardnet train --memory-limit`: a table in blocks gets what a table in memory gets, within the limit."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.cli.run import execute
from forwardnet.cli.tabular.limit import of_stream, parse_size
from forwardnet.data.tables import TableStream
from forwardnet.errors import ArgumentError
from forwardnet.estimators import load

N = 900
FILES = {"model.safetensors", "report.html", "report.json", "predictions.csv", "history.csv", "README.md"}
FAST = ("--hidden", "8", "--epochs", "15", "--lr", "0.03", "--memory-limit", "20MB", "--quiet")


def write_rows(path: Path, *, wrong: frozenset[int] = frozenset(), classes: bool = True) -> Path:
    """Rows of which y follows from x and a colour; of the `wrong` ones all is turned round but the colour."""
    rng = np.random.default_rng(0)
    x, colour = rng.normal(size=N), rng.integers(0, 3, N)
    value = 2 * x + np.array([0.0, 3.0, -3.0])[colour] + 0.3 * rng.normal(size=N)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "x", "colour", "unused", "y"])
        for i in range(N):
            sign = -1 if i in wrong else 1
            y = ("high" if sign * value[i] > 0 else "low") if classes else f"{sign * value[i]:.6g}"
            gap = "" if i % 17 == 0 else f"{sign * x[i]:.6g}"
            name = ["red, light", "blue", "grün"][colour[i]]
            writer.writerow([f"r{i:04d}", gap, name, f"{rng.normal():.4f}", y if i % 13 else ""])
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with table.csv and the results of a classification of it in run/."""
    folder = tmp_path_factory.mktemp("streamed")
    write_rows(folder / "table.csv")
    assert execute(["train", *line(folder)]) == 0
    return folder


def line(folder: Path, name: str = "table.csv", out: str = "run") -> list[str]:
    return [str(folder / name), "--target", "y", "--ignore", "unused", *FAST, "--out", str(folder / out)]


def report_of(folder: Path) -> Any:
    return json.loads((folder / "run" / "report.json").read_text(encoding="utf-8"))


def predictions_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "run" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_everything_is_written_and_says_the_same(trained: Path) -> None:
    assert {path.name for path in (trained / "run").iterdir()} == FILES
    report = report_of(trained)
    assert (report["task"], report["classes"]) == ("classification", ["high", "low"])
    assert report["inputs"] == ["x", "colour"]
    assert list(report["figures"]) == ["network", "simplest", "linear", "boosting"]
    accuracy = report["figures"]["network"]["accuracy"]
    assert 0.85 < accuracy["low"] <= accuracy["value"] <= accuracy["high"]  # 0.5 by guessing, 0.95 at best
    assert report["gain_over"]["simplest"]["low"] > 0
    assert "--memory-limit 20000000" in report["command"]
    assert {entry["column"] for entry in report["importance"]} == {"x", "colour"}
    rows = predictions_of(trained)
    assert len(rows) == report["asked"]
    assert np.mean([row["true"] == row["predicted"] for row in rows]) == pytest.approx(accuracy["value"])


def test_no_row_is_lost_or_on_two_sides(trained: Path) -> None:
    report = report_of(trained)
    assert report["rows"] == N - len(range(0, N, 13))
    put_aside = report["rows"] - report["learnt_rows"]
    tested = [int(row["row"]) for row in predictions_of(trained)]
    assert len(set(tested)) == len(tested) == report["asked"] < put_aside  # others choose the epoch
    assert 0.22 < put_aside / report["rows"] < 0.34  # 0.28 are meant; four standard deviations
    with (trained / "table.csv").open(encoding="utf-8", newline="") as file:
        truth = [row["y"] for row in csv.DictReader(file)]
    assert [truth[i] for i in tested] == [row["true"] for row in predictions_of(trained)]


def test_nothing_is_learnt_from_the_tested_rows(trained: Path) -> None:
    # Which rows are tested depends on seed and number alone: what they say must not matter.
    wrong = frozenset(int(row["row"]) for row in predictions_of(trained))
    write_rows(trained / "wrong.csv", wrong=wrong)
    assert execute(["train", *line(trained, "wrong.csv", "wrong")]) == 0
    one, two = (load(trained / name / "model.safetensors") for name in ("run", "wrong"))
    for a, b in zip(one.network_.parameters(), two.network_.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_evaluate_measures_the_rows_that_were_tested(run: Any, trained: Path) -> None:
    found = run("evaluate", trained / "run", trained / "table.csv", "--json").json
    report = report_of(trained)
    assert found["rows"] == report["asked"] and "test part" in found["what"]
    assert found["accuracy"] == pytest.approx(report["figures"]["network"]["accuracy"]["value"])


def test_predictions_and_figures_in_blocks_are_those_of_the_whole_file(run: Any, trained: Path) -> None:
    model, table = trained / "run", trained / "table.csv"
    stream = TableStream(table, memory_limit=of_stream(parse_size("20MB") or 0))
    assert stream.block_rows < N  # so there are several blocks
    limit = ("--memory-limit", "20MB")
    for part in ("all", "test"):
        whole = run("predict", model, table, "--part", part)
        blocks = run("predict", model, table, "--part", part, *limit)
        assert blocks.out == whole.out and len(whole.out.splitlines()) > 100 and blocks.err == whole.err
        told = [run("predict", model, table, "--json", "--part", part, *more).json for more in ((), limit)]
        assert told[0] == told[1] and len(told[0]["rows"]) == len(whole.out.splitlines()) - 1
        figures = [run("evaluate", model, table, "--json", "--part", part, *more).json for more in ((), limit)]
        assert figures[0] == figures[1] and figures[0]["accuracy"] > 0.85
        done = run("predict", model, table, "--part", part, "--out", trained / "p.csv", *limit)
        assert done.code == 0 and (trained / "p.csv").read_text(encoding="utf-8") == whole.out


def test_blocks_without_true_values_are_passed_over(run: Any, trained: Path, tmp_path: Path) -> None:
    """Targets in the last rows only, and in no row."""
    lines = (trained / "table.csv").read_text(encoding="utf-8").splitlines()
    bare = [line.rsplit(",", 1)[0] + "," for line in lines[1:]]
    (tmp_path / "late.csv").write_text("\n".join([lines[0], *bare[:890], *lines[891:]]), encoding="utf-8")
    (tmp_path / "none.csv").write_text("\n".join([lines[0], *bare]), encoding="utf-8")
    limit = ("--memory-limit", "20MB")
    late = run("evaluate", trained / "run", tmp_path / "late.csv", "--json", *limit).json
    assert late["rows"] == sum(not line.endswith(",") for line in lines[891:])
    result = run("evaluate", trained / "run", tmp_path / "none.csv", *limit)
    assert result.code == 2 and "there is no value in the column 'y' with the true values" in result.err


def test_what_cannot_be_read_in_blocks_is_said(run: Any, trained: Path) -> None:
    model, table = trained / "run", trained / "table.csv"
    result = run("predict", model, table, "--memory-limit", "1MB")
    assert result.code == 2 and "--memory-limit is 1,000,000 bytes, expected 20MB or more" in result.err
    result = run("evaluate", model, "digits", "--memory-limit", "20MB")
    assert result.code == 2 and "'digits' is no file of a table" in result.err


def test_the_python_lines_give_the_same_figure(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(trained)
    capsys.readouterr()
    exec(compile(report["python"], "report.json", "exec"), {})
    assert float(capsys.readouterr().out) == report["figures"]["network"]["accuracy"]["value"]


def test_numbers_are_predicted(run: Any, tmp_path: Path) -> None:
    write_rows(tmp_path / "table.csv", classes=False)
    found = run("train", *line(tmp_path), "--json").json
    assert found["task"] == "regression" and next(iter(found["figures"]["network"])) == "rmse"
    assert found["figures"]["network"]["r2"]["value"] > 0.9  # the noise is 0.3 of a deviation of 3
    assert found["rows_looked_at"] < found["rows"] == N - len(range(0, N, 13))


REFUSED = {
    "--memory-limit much": "--memory-limit is 'much', expected a size such as 200MB or 1GB",
    "--memory-limit 5XB": "--memory-limit is '5XB', expected a size",
    "--memory-limit 1MB": "--memory-limit is 1,000,000 bytes, expected 20MB or more",
    "--memory-limit 1GB --preset realmlp": "--preset and --memory-limit exclude each other: a preset learns from all",
    "--memory-limit 1GB --cv 5": "--cv and --memory-limit exclude each other: cross-validation asks about every row",
    "--memory-limit 1GB --group g": "--group and --memory-limit exclude each other",
    "--memory-limit 1GB --time t": "--time and --memory-limit exclude each other",
    "--memory-limit 1GB --weights w": "--weights and --memory-limit exclude each other",
    "--memory-limit 1GB --time-limit 9": "--time-limit and --memory-limit exclude each other",
    "--memory-limit 1GB --optimizer lbfgs": "--optimizer lbfgs and --memory-limit exclude each other",
}


@pytest.mark.parametrize("options", REFUSED)
def test_one_line_and_code_2_before_the_file_is_read(run: Any, options: str) -> None:
    result = run("train", "missing.csv", *options.split())
    assert result.code == 2 and result.out == "" and len(result.err.splitlines()) == 1
    assert REFUSED[options] in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--hidden 4000,4000", "more than a quarter of --memory-limit 20MB"),
        ("--target z", "--target: unknown column 'z'"),
        ("--target y --ignore z", "--ignore: unknown column 'z'"),
        ("--target id", "column 'id' cannot be the target"),
    ],
)
def test_one_line_for_what_the_file_does_not_allow(run: Any, trained: Path, options: str, message: str) -> None:
    given = options if "--target" in options else f"--target y {options}"
    result = run("train", trained / "table.csv", "--memory-limit", "20MB", "--quiet", *given.split())
    assert result.code == 2 and len(result.err.splitlines()) == 1 and message in result.err


@pytest.mark.parametrize("classes", [30, 100])
def test_many_classes_leave_out_trees_or_need_a_larger_limit(run: Any, tmp_path: Path, classes: int) -> None:
    path = tmp_path / "table.csv"
    path.write_text("x,y\n" + "".join(f"{i % classes + 0.01 * (i % 7)},k{i % classes}\n" for i in range(1500)))
    result = run("train", path, "--target", "y", *FAST, "--epochs", "1", "--json", "--out", tmp_path / "run")
    if classes == 30:
        assert list(result.json["figures"]) == ["network", "simplest", "linear"]
        assert any("trees of 30 classes do not fit" in note for note in result.json["notes"])
    else:
        assert result.code == 2 and "100 classes need about 6MB for the report" in result.json["error"]


def test_a_data_set_by_name_is_no_file(run: Any) -> None:
    result = run("train", "digits", "--memory-limit", "1GB")
    assert result.code == 2 and "--memory-limit is given, but 'digits' is no file of a table" in result.err


@pytest.mark.parametrize(
    ("text", "size"),
    [("200MB", 200_000_000), ("1gb", 10**9), ("1.5 GB", 1_500_000_000), ("64MiB", 64 << 20), ("123456", 123_456)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1e9", "1 2MB", "nan"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ArgumentError, match="expected a size"):
        parse_size(text)


PROGRAM = """
import sys, threading, time
from forwardnet.cli.run import execute

def anonymous():
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("RssAnon"))

def watch():
    while True:
        peak[0] = max(peak[0], anonymous())
        time.sleep(0.005)

peak = [0]
threading.Thread(target=watch, daemon=True).start()
code = execute(sys.argv[1:])
print(peak[0])
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="anonymous memory is read from /proc")
def test_a_file_of_ten_times_the_limit_stays_within_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program itself takes is what the same command takes for a table of 300 rows."""
    limit = 20_000_000
    rng = np.random.default_rng(0)
    rows = []
    for values in rng.standard_normal((2000, 31)).tolist():
        label = "high" if values[0] + values[1] > 0 else "low"
        cells = [f"{value:.17f}".rjust(200) for value in values]  # long texts: a large file of few cells
        rows.append(",".join([*cells, "red" if values[2] > 0 else "blue", label]) + "\n")
    header = ",".join(f"x{i}" for i in range(31)) + ",colour,y\n"
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text(header + "".join(rows[:300]))
    large.write_text(header + -(-10 * limit // sum(map(len, rows))) * "".join(rows))
    assert large.stat().st_size > 10 * limit
    monkeypatch.setenv("FORWARDNET_CACHE", str(tmp_path / "cache"))

    def peak(*words: str | Path) -> int:
        command = [sys.executable, "-c", PROGRAM, *map(str, words), "--memory-limit", str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return int(re.findall(r"^\d+$", done.stdout, flags=re.MULTILINE)[-1])

    def trained(path: Path) -> int:
        return peak("train", path, "--target", "y", "--epochs", "1", "--quiet", "--out", tmp_path)

    program, taken = trained(small), trained(large)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["rows"] > 30_000 and report["figures"]["network"]["accuracy"]["low"] > 0.9  # 0.5 by guessing
    assert taken - program < limit, f"{(taken - program) / 1e6:.1f} MB above what the program takes"
    program = peak("evaluate", tmp_path, small)
    for command, *more in (("evaluate", "--part", "all"), ("predict", "--out", tmp_path / "p.csv")):
        taken = peak(command, tmp_path, large, *more)
        assert taken - program < limit, f"{command}: {(taken - program) / 1e6:.1f} MB above what the program takes"
    with (tmp_path / "p.csv").open(encoding="utf-8") as file:
        assert sum(1 for _ in file) == report["rows"] + 1
