"""Forecasts of series: as good as they should be, honest about how good, the same again, and kept in one file."""

from __future__ import annotations

import csv
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.data.series import Series, as_series
from forwardnet.errors import ArgumentError, DataError, FileFormatError, ShapeError, UnknownNameError
from forwardnet.estimators.forecast import conformal
from forwardnet.estimators.forecaster import SequenceForecaster
from forwardnet.estimators.persistence import load

# Eager steps of one small network, where it is not the networks that are tested.
QUICK: dict[str, Any] = {"members": 1, "max_epochs": 5, "hidden": 4, "compile": False}


def months(n: int) -> np.ndarray:
    return np.datetime64("2000-01") + np.arange(n)


def wave(n: int, seed: int = 0, noise: float = 0.1) -> np.ndarray:
    t = np.arange(n)
    return 10 + 0.05 * t + np.sin(2 * np.pi * t / 12) + noise * np.random.default_rng(seed).normal(size=n)


def from_file(name: str) -> Series:
    folder = os.environ.get("FORWARDNET_DATA")
    if not folder or not (Path(folder) / "series" / f"{name}.csv").is_file():
        pytest.skip(f"series/{name}.csv is not in the folder FORWARDNET_DATA")
    with (Path(folder) / "series" / f"{name}.csv").open(encoding="utf-8") as file:
        rows = [row for row in list(csv.reader(file))[1:] if len(row) == 2]
    return as_series([float(value) for _, value in rows], [date for date, _ in rows], name=name)


@pytest.fixture(scope="module")
def fitted() -> SequenceForecaster:
    return SequenceForecaster(**QUICK).fit_series(wave(150), months(150))


def test_a_season_and_a_trend_are_continued(fitted: SequenceForecaster) -> None:
    found = fitted.forecast()
    truth = wave(162, noise=0)[150:]
    # The noise of the data is 0.1; nobody can know the truth much better than that.
    assert np.abs(found.values - truth).mean() < 0.1
    assert (found.low < found.values).all() and (found.values < found.high).all()
    assert found.labels[0] == "2012-07" and len(found) == 12
    assert any("season of 12" in note for note in fitted.notes_)
    assert json.dumps(found.to_dict())


def test_a_wider_level_is_a_wider_interval(fitted: SequenceForecaster) -> None:
    narrow, wide = fitted.forecast(level=0.5), fitted.forecast(level=0.9)
    assert (wide.high > narrow.high).all() and (wide.low < narrow.low).all()
    assert np.array_equal(fitted.forecast(3).values, wide.values[:3])


def test_a_history_is_continued_without_learning_anew(fitted: SequenceForecaster) -> None:
    longer = wave(156)
    again = fitted.forecast(history=longer[:150], dates=months(150))
    assert np.array_equal(again.values, fitted.forecast().values)
    later = fitted.forecast(history=longer, dates=months(156))
    assert later.labels[0] == "2013-01"
    # What comes before the reach of the window cannot matter.
    short = fitted.forecast(history=longer[-60:], dates=months(156)[-60:])
    assert np.array_equal(short.values, later.values)


@pytest.mark.parametrize("is_heavy", [False, True], ids=["normal", "heavy tails"])
def test_intervals_hold_what_they_promise(is_heavy: bool) -> None:
    # An autoregression whose next values are known only in distribution: 60 series of 160 values, 6 steps each.
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(60):
        shocks = rng.standard_t(3, 260) if is_heavy else rng.normal(size=260)
        y = np.zeros(260)
        for t in range(1, 260):
            y[t] = 0.8 * y[t - 1] + shocks[t]
        model = SequenceForecaster(8, 6, season=1, **{**QUICK, "max_epochs": 0}).fit_series(y[94:254])
        found = model.forecast(level=0.8)
        inside.append((found.low <= y[254:]) & (y[254:] <= found.high))
    coverage = float(np.mean(inside))
    # 60 independent series: a standard error of 0.05 for each step, and steps of a series go together.
    assert 0.7 <= coverage <= 0.93
    # and the width matters: intervals of half the level hold fewer
    assert np.mean(inside, axis=0).min() > 0.6


def test_half_widths_are_order_statistics() -> None:
    errors = np.arange(1.0, 21.0)[:, None] * np.array([1.0, -1.0])
    # Step 1: k = ceil(21 * 0.9) = 19 of 20. Step 2 counts 10 forecasts: k = ceil(11 * 0.9 * 2) = 20.
    assert conformal(errors, 0.9).tolist() == [19, 20]
    assert conformal(errors, 0.5).tolist() == [11, 11]
    assert np.isnan(conformal(np.empty((0, 3)), 0.9)).all()
    assert conformal(errors[:3], 0.99).tolist() == [3, 3]


def test_a_network_learns_what_a_line_cannot() -> None:
    # The logistic map: the next value is an exact function of the last, and no linear one.
    y = np.empty(400)
    y[0] = 0.3
    for t in range(1, 400):
        y[t] = 3.8 * y[t - 1] * (1 - y[t - 1])
    settings: dict[str, Any] = {"season": 1, "log": False, "difference": False, "lr": 1e-2}
    line = SequenceForecaster(2, 1, **settings, max_epochs=0).fit_series(y[:300])
    network = SequenceForecaster(2, 1, **settings, max_epochs=80).fit_series(y[:300])
    assert network.n_epochs_ > 0 and line.n_epochs_ == 0

    def error(model: SequenceForecaster) -> float:
        return float(np.mean([abs(model.forecast(history=y[:o]).values[0] - y[o]) for o in range(300, 400, 5)]))

    assert error(network) < 0.2 * error(line)


def test_what_is_known_ahead_is_used() -> None:
    rng = np.random.default_rng(3)
    price = rng.normal(size=(212, 1))
    y = 5 + 2 * price[:200, 0] + 0.01 * rng.normal(size=200)
    model = SequenceForecaster(4, 12, season=1, **QUICK).fit_series(y, X=price[:200])
    found = model.forecast(X=price[200:])
    assert np.abs(found.values - (5 + 2 * price[200:, 0])).max() < 0.2
    with pytest.raises(ArgumentError, match="expected X with 1 columns"):
        model.forecast()
    with pytest.raises(ShapeError, match="X has 3 rows, expected 12"):
        model.forecast(X=price[:3])


def test_many_series_share_a_network() -> None:
    many = [wave(100, seed) * scale for seed, scale in ((1, 1.0), (2, 1000.0), (3, 0.01))]
    model = SequenceForecaster(horizon=6, **QUICK).fit_series(many, [months(100)] * 3)
    found = model.forecast()
    assert [one.name for one in found] == ["series 0", "series 1", "series 2"]
    for one, scale in zip(found, (1.0, 1000.0, 0.01), strict=True):
        assert np.abs(one.values / scale - wave(106, noise=0)[100:]).mean() < 0.15  # the noise is 0.1
    with pytest.raises(ShapeError, match="1 series, expected the 3"):
        model.forecast(history=many[:1])


def test_the_same_seed_gives_the_same_bits_and_another_other_ones() -> None:
    # Few rows: a number of epochs that nothing decides, so that the networks do move.
    X = np.random.default_rng(0).normal(size=(12, 4))
    y = np.sin(X @ [1.0, 2.0, 3.0, 4.0])

    def values(**settings: Any) -> np.ndarray:
        model = SequenceForecaster(members=3, hidden=4, **settings).fit(X, y)
        assert model.n_epochs_ == 20
        return np.asarray(model.predict(X))

    first = values()
    assert np.array_equal(first, values(threads=1))
    assert not np.array_equal(first, values(random_state=1))


def test_epochs_that_help_by_chance_alone_are_not_taken() -> None:
    # Noise: no number of epochs is better than the mean, though some always looks so.
    taken = []
    for seed in range(5):
        y = np.random.default_rng(seed).normal(size=90)
        model = SequenceForecaster(8, 6, season=1, log=False, difference=False, max_epochs=20, compile=False, members=1)
        taken.append(model.fit_series(y).n_epochs_)
    assert taken.count(0) >= 3


def test_a_file_gives_the_same_forecasts(fitted: SequenceForecaster, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    fitted.save(path)
    loaded = load(path)
    ours, theirs = fitted.forecast(level=0.8), loaded.forecast(level=0.8)
    for name in ("values", "low", "high", "dates"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    assert loaded.notes_ == fitted.notes_ and loaded.get_params() == fitted.get_params()
    kept = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(kept.forecast().values, fitted.forecast().values)


def test_windows_are_kept_too(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(60, 4))
    model = SequenceForecaster(**QUICK).fit(X, X @ [1, 2, 3, 4])
    model.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert np.array_equal(loaded.predict(X), model.predict(X)) and loaded.predict(X).shape == (60,)
    assert model.score(X, X @ [1, 2, 3, 4]) > 0.99


def test_a_file_that_is_damaged_or_of_another_kind_is_refused(fitted: SequenceForecaster, tmp_path: Path) -> None:
    import forwardnet as ff
    from forwardnet.interop import load_model

    path = tmp_path / "model.safetensors"
    fitted.save(path)
    model, metadata = load_model(path)
    description = metadata["estimator"]
    own = description["fitted"]
    faults: list[Any] = [
        {"class": "Trainer"},
        {"format": 2},
        {"parameters": {"hidden": -1}},
        {"fitted": {**own, "view": {"framing": {"window": 8}, "calendar": []}}},
        {"fitted": {**own, "view": {**own["view"], "framing": {**own["view"]["framing"], "window": 10**12}}}},
        {"fitted": {**own, "view": {**own["view"], "calendar": ["eternity"]}}},
        {"fitted": {**own, "levels": []}},
        {"fitted": {**own, "inputs": {"mean": [0.0], "scale": [1.0]}}},
        {"fitted": {**own, "residuals": [[1.0]] * 5 + [[]]}},
        {"fitted": {**own, "series": [{**own["series"][0], "frequency": {"unit": "os", "step": 1, "day": 1}}]}},
    ]
    for fault in faults:
        ff.save(model, path, metadata={"estimator": {**description, **fault}})
        with pytest.raises(FileFormatError):
            load(path)


def test_what_cannot_be_forecast_is_refused_in_one_sentence(fitted: SequenceForecaster) -> None:
    y = wave(60)
    with pytest.raises(ArgumentError, match="13 steps, but 12 were learnt"):
        fitted.forecast(13)
    with pytest.raises(ArgumentError, match="level is 90"):
        fitted.forecast(level=90)
    with pytest.raises(DataError, match="expected at least"):
        fitted.forecast(history=y[:3], dates=months(3))
    with pytest.raises(DataError, match="is daily, but the forecaster has learnt from a series that is monthly"):
        fitted.forecast(history=y, dates=np.datetime64("2020-01-01") + np.arange(60))
    with pytest.raises(DataError, match="has 5 values, expected at least"):
        SequenceForecaster(horizon=4, **QUICK).fit_series(y[:5])
    with pytest.raises(DataError, match="logarithm cannot be taken of"):
        SequenceForecaster(log=True, **QUICK).fit_series(y - 20)
    with pytest.raises(DataError, match="1 missing value"):
        SequenceForecaster(**QUICK).fit_series(np.where(np.arange(60) == 7, np.nan, y))
    with pytest.raises(ArgumentError, match="fitted to windows"):
        SequenceForecaster(**QUICK).fit(np.ones((30, 2)), np.arange(30)).forecast()
    with pytest.raises(ArgumentError, match="fitted to series"):
        fitted.predict(np.ones((2, 3)))
    with pytest.raises(ArgumentError, match="window is 0"):
        SequenceForecaster(0).fit_series(y)
    with pytest.raises(UnknownNameError, match="did you mean 'year'"):
        SequenceForecaster(calendar=["years"]).fit_series(y)
    with pytest.raises(UnknownNameError, match="did you mean 'tanh'"):
        SequenceForecaster(activation="tan").fit_series(y)


def test_a_short_or_constant_series_still_has_a_forecast() -> None:
    short = SequenceForecaster(horizon=2, **QUICK).fit_series([3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    assert np.isfinite(short.forecast().values).all()
    assert np.isnan(short.forecast().low).all()  # nothing is known about how wrong it is
    same = SequenceForecaster(horizon=2, **QUICK).fit_series(np.full(80, 7.0))
    assert np.allclose(same.forecast().values, 7, atol=1e-6)  # float32 weights


def seasonal_naive(y: np.ndarray, steps: int, season: int) -> np.ndarray:
    return np.array([y[len(y) + h - season * (1 + h // season)] for h in range(steps)])


@pytest.mark.parametrize(
    ("name", "season", "steps", "most"),
    # At most this share of the seasonal-naive error; measured: 0.60 and 0.68.
    [("monthly-airline-passengers", 12, 12, 0.75), ("daily-min-temperatures", 365, 14, 0.8)],
)
def test_known_series_are_forecast_better_than_by_last_years_values(
    name: str, season: int, steps: int, most: float
) -> None:
    series = from_file(name)
    first = len(series) - 3 * min(season, 100)
    model = SequenceForecaster(horizon=steps, max_epochs=0).fit_series(series.head(first))
    own, naive = [], []
    for origin in range(first, len(series) - steps + 1, 3):
        truth, known = series.values[origin : origin + steps], series.head(origin)
        own.append(np.abs(model.forecast(history=known).values - truth).mean())
        naive.append(np.abs(seasonal_naive(known.values, steps, season) - truth).mean())
    assert np.mean(own) < most * np.mean(naive)
