"""The benchmark of estimators on tables: the same data for all, fits that are kept, and sentences that can be wrong."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.contenders import ENTRIES  # noqa: E402
from benchmarks.tables import data, page, quality, quality_page, realmlp, stored  # noqa: E402
from benchmarks.tables.fits import FITS, Fit, Fitted  # noqa: E402
from benchmarks.tables.realmlp import Preset  # noqa: E402
from benchmarks.tables.stored import Speed  # noqa: E402
from benchmarks.team import FailedError  # noqa: E402

SMALL = Fit("small", "digits", (8,), 200, 3)


@pytest.fixture
def houses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table of houses: a gap in row 3, and a category."""
    rows = ["total_bedrooms,median_income,ocean_proximity,median_house_value"]
    for n in range(60):
        rows.append(f"{'' if n == 3 else 7.5 * n},{n % 11}.25,{('INLAND', 'NEAR BAY')[n % 3 == 0]},{1000 * n + 3}")
    (tmp_path / "tabular").mkdir()
    (tmp_path / "tabular" / "california-housing.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.setenv(data.VARIABLE, str(tmp_path))
    data._read.cache_clear()
    yield tmp_path
    data._read.cache_clear()


def test_a_table_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(data.VARIABLE, raising=False)
    assert data.missing("digits") is None
    assert data.missing("adult") == "$FORWARDNET_DATA does not name a folder with tabular/adult-train.csv"
    monkeypatch.setenv(data.VARIABLE, str(tmp_path))
    assert data.missing("abalone") == f"there is no {tmp_path / 'tabular' / 'abalone.csv'}"


def test_a_seed_decides_on_the_split(houses: Path) -> None:
    name = "california-housing"
    train, test = data.split(name, 0)
    assert (len(train.y), len(test.y)) == (48, 12) and "median_house_value" not in train.table
    np.testing.assert_array_equal(np.sort(np.concatenate([train.y, test.y])), 1000.0 * np.arange(60) + 3)
    np.testing.assert_array_equal(data.split(name, 0)[1].y, test.y)
    assert (data.split(name, 1)[1].y != test.y).any()
    assert len(data.split(name, 0, limit=10)[0].y) == 10
    learnt, held = data.validation(train, 0, is_classifier=False)
    assert len(held.y) == 10 and set(learnt.y) | set(held.y) == set(train.y) and not set(learnt.y) & set(held.y)


def test_gaps_get_the_median_of_the_training_rows(houses: Path) -> None:
    (rows,) = data._read("california-housing")
    train, test = rows.take(np.array([1, 2, 5])), rows.take(np.array([3, 4]))
    filled = data.filled(train, test)
    np.testing.assert_array_equal(filled[1].table["total_bedrooms"].values, [15.0, 30.0])  # of 7.5, 15, 37.5
    assert np.isnan(rows.table["total_bedrooms"].values[3])
    (X, X_test), is_code = data.matrices(train.table, test.table)
    assert is_code.tolist() == [False, False, True]
    inland = rows.table["ocean_proximity"].levels.index("INLAND")
    assert (X[:, 2] == inland).tolist() == [True] * 3 and np.isnan(X_test[0, 0])
    assert (X_test[:, 2] == inland).tolist() == [False, True]


def test_codes_follow_the_names_of_other_levels() -> None:
    column = data.Column("c", "category", np.array([0, 1, -1, 2], np.int32), ("b", "new", "a"))
    assert data._codes(column, ("a", "b")).tolist() == [1, -1, -1, 0]


def test_a_table_becomes_arrays_for_all(houses: Path) -> None:
    found = data.arrays("california-housing")
    assert found.X.dtype == np.float32 and found.X.shape[0] == 48 and not found.is_classifier
    assert abs(found.y.mean()) < 1e-12 and found.y.std() == pytest.approx(1.0)  # standardised, in double precision
    digits = data.arrays("digits")
    assert digits.X.shape == (1438, 64) and (digits.X.min(), digits.X.max()) == (0.0, 1.0)


def test_the_operations_of_a_fit() -> None:
    # an epoch of n rows: 2 n (forward and dW of both layers, dX of the second)
    assert SMALL.flops(100, 64, 10) == 3 * 2 * 100 * (2 * (64 * 8 + 8 * 10) + 8 * 10)
    assert Fit.from_dict(json.loads(json.dumps(SMALL.to_dict()))) == SMALL
    assert all(fit.name == name for name, fit in FITS.items())


@pytest.mark.parametrize("key", ["fit", "fit-sklearn", "fit-sklearn-double"])
def test_nothing_ends_a_fit_early(key: str) -> None:
    contender = ENTRIES[key].make(1)
    loaded = contender.load(SMALL.to_dict())
    assert loaded["epochs"] == SMALL.epochs and loaded["sizes"] == (1438, 64, 10)
    assert 0.1 < loaded["score"] < 1.0  # better than chance, for all of them, after three epochs
    assert contender.X.dtype == (np.float64 if "double" in key else np.float32)
    assert min(contender.timed(0.0)) > 0


def test_realmlp_is_fitted_and_judged(houses: Path) -> None:
    contender = ENTRIES["realmlp"].make(1)
    contender.load("california-housing", 0, None)
    found = contender.fit(1)
    assert found["seconds"] > 0
    predicted = contender.model.predict(contender.test.table)
    assert not contender.model._reader.encoder.settings.frequent_values  # which pytabkit has not either
    assert found["error"] == pytest.approx(math.sqrt(((predicted - contender.test.y) ** 2).mean()))
    # 38 rows are less than a batch of 256: all products are those of the ten rows held out
    layers = [layer.weight.shape for n, layer in contender.model.network_.named_children() if n.startswith(("l", "ou"))]
    assert contender.sizes() == {"rows": 38, "flops": 2 * 10 * sum(a * b for a, b in layers)}


# Quality


def test_fits_are_kept_and_a_restart_goes_on(tmp_path: Path) -> None:
    path, wanted = tmp_path / "quality.jsonl", list(quality.plan(["a", "b"], ["plain", "boosting"], 2))
    assert wanted[:3] == [("a", "plain", 0), ("b", "plain", 0), ("a", "plain", 1)] and len(wanted) == 8
    assert [*quality.plan(quality.DATA, [quality.PUBLISHED], 1)] == [("adult", quality.PUBLISHED, 0)]
    asked: list[tuple[str, str, int]] = []
    said: list[str] = []

    def ask(*key: object) -> dict[str, float]:
        asked.append(key)  # type: ignore[arg-type]
        if len(asked) == 3:
            raise FailedError("too hot")
        if len(asked) == 5:
            raise KeyboardInterrupt
        return {"seconds": 1.0, "error": float(len(asked))}

    with pytest.raises(KeyboardInterrupt):
        quality.run(path, wanted, ask, said.append)
    assert len(quality.read(path)) == 3 and "too hot" in said[2]
    with path.open("a") as file:
        file.write('{"data": "a", "lear')  # a process that was ended while it wrote
    done = quality.run(path, wanted, ask, said.append)
    assert sorted(d.key for d in done) == sorted(wanted)
    assert asked[5:] == [wanted[2], *wanted[4:]]  # what had failed, what was cut short, and what was left
    assert quality.read(path, quick=True) == []
    assert [json.loads(line)["error"] for line in path.read_text().splitlines() if line.endswith("}")][:3] == [1, 2, 4]


def test_an_interval_by_hand() -> None:
    # by hand: deviation of 1, 2, 3 is 1, t of 0.975 with 2 degrees of freedom 4.3027, over the root of 3
    found = quality.Interval.of([1.0, 2.0, 3.0])
    assert (found.mean, found.count) == (2.0, 3) and found.half == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert math.isnan(quality.Interval.of([1.0]).half)
    # only the seeds that both have; the differences are 1 and 3
    difference = quality.paired({0: 2.0, 1: 5.0, 7: 9.0}, {1: 2.0, 0: 1.0})
    assert difference is not None and difference.mean == 2.0 and difference.count == 2
    assert quality.paired({0: 1.0}, {1: 1.0}) is None


def some_fits(difference: float) -> list[quality.Done]:
    """Two learners on abalone; ours has an error that is larger by `difference`, and by a little chance."""
    errors = [2.0, 3.0, 4.0]
    found = [quality.Done("abalone", "boosting", seed, 1.0, e) for seed, e in enumerate(errors)]
    chance = [0.01, 0.0, -0.01]
    return found + [
        quality.Done("abalone", "plain", seed, 1.0, e + difference + c)
        for seed, (e, c) in enumerate(zip(errors, chance, strict=True))
    ]


def test_a_difference_is_judged_seed_by_seed() -> None:
    text = quality_page.section(some_fits(0.5))
    assert "### abalone, RMSE" in text and "**+0.5000 ± 0.0248**" in text  # 4.3027 * 0.01 / sqrt(3)
    assert "3.000 ± 2.484" in text  # although the errors themselves are far apart
    assert "| +0.0010 ± 0.0248 |" in quality_page.section(some_fits(0.001))
    rows = [line for line in quality_page.section(some_fits(-0.5)).splitlines() if line.startswith("| ")]
    assert "MLPClassifier" in rows[2]  # the best comes first
    assert quality_page.interval([300000.0, 300100.0]).startswith("300050 ± ")


# The page


def a_speed(own: float) -> Speed:
    """scikit-learn takes 1 s for what we need `own` for; pytabkit 0.2 s an epoch, as we do at `own` = 1."""
    samples = {("fit", 1): [2 * own] * 3, ("fit", 2): [own] * 3, ("fit-sklearn", 1): [1.0] * 3, ("peak", 2): [1e-9] * 3}
    fitted = Fitted(
        samples,
        samples,
        fit=SMALL.to_dict(),
        first=dict.fromkeys(samples, 3.0),
        scores=dict.fromkeys(samples, 0.9),
        epochs=dict.fromkeys(samples, 3),
        flops=20_000_000,
    )
    times = {("realmlp", 1): [own / 5] * 3, ("realmlp-pytabkit", 1): [0.2] * 3, ("peak", 1): [1e-9] * 3}
    preset = Preset(
        times,
        times,
        data="abalone",
        rows=100,
        lengths={"realmlp": [4, 12], "realmlp-pytabkit": [4, 12]},
        fixed=dict.fromkeys(times, [0.5] * 3),
        first=dict.fromkeys(times, 2.0),
        flops=50_000_000,
        whole={
            ("realmlp", 1): [{"seconds": 1.0, "used": 1.0, "error": e} for e in (2.0, 2.2)],
            ("realmlp-pytabkit", 1): [{"seconds": 4.0, "used": 4.0, "error": e} for e in (2.1, 2.1)],
        },
    )
    return Speed({"cores": "2"}, {"small": fitted}, {"abalone": preset}, {"adult": "no file"}, [1.0])


def test_what_falls_short_on_tables_is_said() -> None:
    text = page.write(a_speed(0.05), [], {})
    assert text.count("All aims are reached.") == 2 and "adult (no file)" in text
    assert "**20.0 (20.0 to 20.0)**" in text and "| 50.0 |" in text  # 1 s over 2e7 operations of 1 ns
    slow = page.write(a_speed(0.25), [], {})
    assert "*small*: 4.00 times as fast, aim 10." in slow and "*abalone*: 4.00 times as fast, aim 5." in slow
    # 0.2 s over 5e7 operations of 1 ns: no step could be five times as fast
    assert "The arithmetic peak of this machine allows 4.00 at most." in slow.split("## RealMLP")[1]
    assert "Ours is 4.00 (4.00 to 4.00) times as fast" in slow and "0.000 ± 1.271" in slow


def test_a_page_of_errors_alone_says_on_what_machine() -> None:
    text = page.write(Speed({"cores": "2"}), some_fits(0.5), {"a caption": "picture.png"})
    assert text.startswith("# Estimators on tables\n\n* cores: 2\n") and "![a caption](picture.png)" in text
    assert "## Method" not in text and "## Everybody" not in text and "## Errors of whole fits" in text


def test_the_page_can_be_written_again(tmp_path: Path) -> None:
    speed = a_speed(0.05)
    stored.write(speed, tmp_path / "tables.json")
    again = stored.read(tmp_path / "tables.json")
    assert again == speed and page.write(again, [], {}) == page.write(speed, [], {})
    assert stored.read(tmp_path / "nothing.json") is None


def test_an_epoch_is_what_two_lengths_differ_by() -> None:
    class Clock:
        key, threads, process = "realmlp", 1, 0

        def ask(self, command: str, *arguments: object) -> object:
            if command == "fit":
                return {"seconds": 3.0 + 0.5 * arguments[0], "used": 1.0 + 0.25 * arguments[0]}  # type: ignore[operator]
            return {"rows": 7, "flops": 9} if command == "sizes" else None

    effort = realmlp.Effort(rounds=0.0, least=2, most=2)
    found = realmlp.run("abalone", [Clock()], effort, print)  # type: ignore[list-item]
    assert found.samples == {("realmlp", 1): [0.5, 0.5]} and found.used == {("realmlp", 1): [0.25, 0.25]}
    assert found.fixed == {("realmlp", 1): [3.0, 3.0]} and (found.rows, found.flops) == (7, 9)


@pytest.mark.slow
def test_a_run_on_tables_without_peers(tmp_path: Path, houses: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "bench.py"), "--quick", "--only", "tables,quality"]
    command += ["--tasks", "california,adult", "--peers", "sklearn", "--threads", "1"]
    command += ["--learners", "plain,boosting", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "adult is left out: there is no" in done.stdout
    found = stored.read(tmp_path / "out" / "tables.json")
    assert found is not None and set(found.fits) == {"california"} and found.fits["california"].errors == {}
    assert len(quality.read(tmp_path / "out" / "quality.jsonl", quick=True)) == 2 * 2
    text = (tmp_path / "out" / "TABLES.md").read_text()
    assert "### california-housing, RMSE" in text and not (tmp_path / "out" / "RESULTS.md").exists()
    for name in ("tables-speed.png", "tables-quality.png"):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")
