"""Forecasts from one origin after another: nothing later than the origin is seen, and the figures are what they say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forwardnet.data.series import Series, as_series
from forwardnet.errors import ArgumentError, DataError, ShapeError, UnknownNameError
from forwardnet.estimators import SequenceForecaster
from forwardnet.validate.rolling import Guess, naive_methods, rolling_origin

QUICK = {"members": 1, "max_epochs": 5, "hidden": 4, "compile": False, "window": 12, "horizon": 3}


def wave(n: int, seed: int = 0) -> np.ndarray:
    t = np.arange(n)
    return 10 + 0.05 * t + np.sin(2 * np.pi * t / 12) + 0.1 * np.random.default_rng(seed).normal(size=n)


def test_naive_forecasts_are_what_their_formulas_say() -> None:
    known = as_series([1.0, 5.0, 2.0, 8.0, 4.0, 3.0, 9.0])
    found = {name: learn(known)(known).values.tolist() for name, learn in naive_methods(4, 3).items()}
    assert found["naive"] == [9, 9, 9, 9]
    assert found["seasonal naive"] == [4, 3, 9, 4]
    assert np.allclose(found["drift"], 9 + np.arange(1, 5) * 8 / 6, atol=1e-12)
    assert "seasonal naive" not in naive_methods(4)


def test_scores_by_hand() -> None:
    found = rolling_origin(None, [1.0, 2.0, 4.0, 7.0, 11.0, 16.0], horizon=2, test=3, season=1)
    # Origins are the values 4 and 7; the truth after them (7, 11) and (11, 16); the naive errors 3, 7, 4, 9.
    assert found.origins.tolist() == [2, 3]
    assert found.truth.tolist() == [[7, 11], [11, 16]]
    scores, steps = found.scores("naive"), found.by_step("naive")
    assert scores["mae"] == 23 / 4
    assert scores["rmse"] == pytest.approx(np.sqrt((9 + 49 + 16 + 81) / 4))
    assert scores["mase"] == 23 / 4 / 1.5  # steps of 1 and 2 before the first origin
    assert scores["smape"] == pytest.approx(100 * np.mean([6 / 11, 14 / 15, 8 / 18, 18 / 23]))
    assert steps["mae"].tolist() == [3.5, 8]
    assert found.coverage("naive") is None
    low, high = found.intervals("naive")["mae"]
    assert low <= scores["mae"] <= high
    assert found.skill("drift", "naive")[0] == 1 - found.scores("drift")["mae"] / (23 / 4)
    with pytest.raises(UnknownNameError, match="did you mean 'naive'"):
        found.scores("naiv")


def test_changing_the_future_changes_no_forecast() -> None:
    y = wave(120)
    other = y.copy()
    other[100:] += np.random.default_rng(1).normal(size=20) * 50
    model = SequenceForecaster(**QUICK)
    first, second = (rolling_origin(model, as_series(v), horizon=3, test=30, season=12, refits=4) for v in (y, other))
    same = first.origins < 100
    for name in first.guesses:
        ours, theirs = first.guesses[name], second.guesses[name]
        assert np.array_equal(ours.values[same], theirs.values[same]), name
        assert not np.array_equal(ours.values[~same], theirs.values[~same]), name
    assert np.array_equal(first.guesses["network"].low[same], second.guesses["network"].low[same])  # type: ignore[index]


def test_methods_are_handed_the_past_alone() -> None:
    seen: list[tuple[int, int]] = []

    def spy(past: Series) -> Callable[[Series], Guess]:
        def forecast(known: Series) -> Guess:
            seen.append((len(past), len(known)))
            return Guess(np.zeros(2))

        return forecast

    found = rolling_origin(None, np.arange(20.0), horizon=2, test=6, others={"spy": spy}, refits=2, window=5)
    assert found.n_fits == 2
    assert seen == [(5, 14), (5, 15), (5, 16), (5, 17), (5, 18)]
    seen.clear()
    rolling_origin(None, np.arange(20.0), horizon=2, test=6, others={"spy": spy}, refits=5, step=2)
    assert seen == [(14, 14), (16, 16), (18, 18)]


def test_a_forecaster_is_better_where_there_is_something_to_learn() -> None:
    found = rolling_origin(SequenceForecaster(**QUICK), wave(160), horizon=3, test=40, season=12, refits=2, level=0.8)
    for naive in ("naive", "seasonal naive", "drift"):
        gain, low, high = found.skill("network", naive)
        assert 0 < low < gain < high < 1, naive
    coverage = found.coverage("network")
    assert coverage is not None and coverage.shape == (3,) and coverage.min() > 0.5
    assert "network: MAE" in found.summary() and found.fitted is not None


def test_what_cannot_be_rolled_is_refused() -> None:
    y = np.arange(20.0)
    with pytest.raises(ArgumentError, match="test is 2, expected at least 3"):
        rolling_origin(None, y, horizon=3, test=2)
    with pytest.raises(DataError, match="18 to test on leave 2 to learn from"):
        rolling_origin(None, y, horizon=3, test=18)
    with pytest.raises(ArgumentError, match="dict has no fit_series"):
        rolling_origin({}, y, horizon=3, test=5)
    with pytest.raises(ShapeError, match=r"odd: forecasts of shape \(1,\)"):
        rolling_origin(None, y, horizon=3, test=5, others={"odd": lambda past: lambda known: Guess(np.zeros(1))})
