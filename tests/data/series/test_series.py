"""Checked series: windows, differences, missing values, seasons, logarithms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from forwardnet.data.series import (
    as_series,
    detect_season,
    difference,
    interpolated,
    log_helps,
    undifference,
    windows,
)
from forwardnet.errors import ArgumentError, DataError, ShapeError, UnknownNameError


def months(n: int) -> np.ndarray:
    return np.datetime64("2000-01") + np.arange(n)


def test_windows_of_three_past_and_two_future_values() -> None:
    X, Y = windows([1, 2, 3, 4, 5, 6, 7], 3, 2)
    assert X.tolist() == [[1, 2, 3], [2, 3, 4], [3, 4, 5]]
    assert Y.tolist() == [[4, 5], [5, 6], [6, 7]]


def test_windows_of_several_series_never_cross() -> None:
    X, Y = windows([[1, 2, 3, 4], [10, 20, 30, 40, 50]], 2, 1)
    assert X.tolist() == [[1, 2], [2, 3], [10, 20], [20, 30], [30, 40]]
    assert Y[:, 0].tolist() == [3, 4, 30, 40, 50]
    assert windows(np.arange(10), 2, 2, step=3)[0][:, 0].tolist() == [0, 3, 6]


def test_windows_that_cannot_be_had_are_refused() -> None:
    with pytest.raises(DataError, match="4 values, expected at least 3 past and 2 future"):
        windows([1, 2, 3, 4], 3, 2)
    with pytest.raises(ArgumentError, match="future is 0"):
        windows([1, 2, 3, 4], 3, 0)
    with pytest.raises(DataError, match="nan at row 1"):
        windows([1.0, np.nan, 3.0], 1, 1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(2**40), 2**40), min_size=3, max_size=60), st.data())
def test_differences_of_whole_numbers_are_undone_exactly(values: list[int], data: st.DataObject) -> None:
    lag = data.draw(st.integers(1, len(values) - 1))
    y = np.array(values, np.float64)
    assert np.array_equal(undifference(difference(y, lag), y[:lag]), y)


def test_differences_of_differences_are_undone() -> None:
    y = np.exp(np.random.default_rng(0).normal(size=100))
    seasonal = difference(y, 12)
    both = difference(seasonal)
    back = undifference(undifference(both, seasonal[:1]), y[:12])
    assert np.allclose(back, y, rtol=0, atol=1e-13)  # some hundred roundings of numbers below 16
    with pytest.raises(ArgumentError, match="lag is 5"):
        difference([1, 2, 3], 5)


def test_missing_values_are_named_and_filled_only_when_asked() -> None:
    y = [1.0, 2.0, np.nan, np.nan, 5.0]
    with pytest.raises(DataError, match=r"2 missing values \(2000-03, 2000-04\)"):
        as_series(y, months(5))
    filled = as_series(y, months(5), missing="interpolate")
    assert filled.values.tolist() == [1, 2, 3, 4, 5]
    assert "interpolated" in filled.notes[-1]
    assert interpolated(np.array([np.nan, 1.0, np.nan])).tolist() == [1, 1, 1]
    with pytest.raises(DataError, match="no value to interpolate"):
        as_series([np.nan] * 3, missing="interpolate")
    with pytest.raises(UnknownNameError, match="interpolate"):
        as_series(y, missing="interpolated")
    with pytest.raises(DataError, match="inf"):
        as_series([1.0, np.inf])
    with pytest.raises(DataError, match=r"1e\+200 in row 1 is too large"):
        as_series([1.0, 1e200])
    with pytest.raises(ShapeError, match="y has shape"):
        as_series(np.ones((3, 2)))


def test_a_few_missing_dates_are_closed_and_many_are_refused() -> None:
    keep = np.delete(np.arange(200), [50])
    closed = as_series(np.arange(200.0)[keep], months(200)[keep])
    assert len(closed) == 199
    assert "1 date missing from the monthly series (2004-03); the rows are taken as consecutive" in closed.notes[-1]
    opened = as_series(np.arange(200.0)[keep], months(200)[keep], missing="interpolate")
    assert opened.values.tolist() == list(range(200))
    many = np.delete(np.arange(200), [50, 60, 70])
    with pytest.raises(DataError, match="3 dates missing"):
        as_series(np.arange(200.0)[many], months(200)[many])


def test_a_season_is_seen_where_there_is_one() -> None:
    rng = np.random.default_rng(1)
    t = np.arange(240)
    wave = 5 + 0.1 * t + np.sin(2 * np.pi * t / 12) + 0.2 * rng.normal(size=240)
    assert detect_season(wave, (12,))[0] == 12
    assert detect_season(wave)[0] % 12 == 0
    assert detect_season(rng.normal(size=240), (12,))[0] == 1
    assert detect_season(np.cumsum(rng.normal(size=240)), (12,))[0] == 1
    assert detect_season(np.arange(100.0), (12,)) == (1, "no season: the values lie on a straight line")
    assert detect_season(wave[:20], (12,))[0] == 1


def test_a_logarithm_is_taken_where_the_spread_grows_with_the_level() -> None:
    rng = np.random.default_rng(2)
    level = np.exp(np.linspace(0, 3, 240))
    multiplied = level * np.exp(0.1 * rng.normal(size=240))
    added = 100 + level + 0.5 * rng.normal(size=240)
    assert log_helps(multiplied, 12)[0]
    assert not log_helps(added, 12)[0]
    assert not log_helps(multiplied - 2, 12)[0]
    assert "too short" in log_helps(multiplied[:24], 12)[1]
