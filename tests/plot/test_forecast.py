"""Pictures of forecasts: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet import plot
from forwardnet.errors import DataError, ShapeError

DATES = np.datetime64("2020-01") + np.arange(15)


def test_a_forecast_begins_where_the_series_ends() -> None:
    past, ahead = np.arange(10.0), np.array([9.5, 10.0, 11.0])
    figure = plot.forecast(past, ahead, ahead - 1, ahead + 1, level=0.8)
    known, said = figure.axes[0].lines[:2]
    assert known.get_ydata().tolist() == past.tolist()
    assert said.get_xdata().tolist() == [9, 10, 11, 12] and said.get_ydata().tolist() == [9, 9.5, 10, 11]
    (band,) = figure.axes[0].collections
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
    assert {(9, 9), (10, 8.5), (10, 10.5), (12, 10), (12, 12)} <= corners
    assert "80 % interval" in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_intervals_that_are_not_known_are_not_drawn() -> None:
    unknown = np.full(3, np.nan)
    assert not plot.forecast(np.arange(9.0), np.ones(3), unknown, unknown).axes[0].collections
    assert not plot.forecast(np.arange(9.0), np.ones(3)).axes[0].collections


def test_forecasts_stand_over_what_came() -> None:
    truth, said = np.arange(15.0), np.arange(6.0).reshape(2, 3)
    figure = plot.rolling_forecasts(truth, [2, 8], said, said - 1, said + 1, dates=DATES)
    came, first, _, second, _ = figure.axes[0].lines
    assert came.get_ydata().tolist() == truth.tolist()
    assert first.get_ydata().tolist() == [0, 1, 2] and second.get_ydata().tolist() == [3, 4, 5]
    assert first.get_xdata()[0] == DATES[2] and second.get_xdata()[0] == DATES[8]
    assert len(figure.axes[0].collections) == 2
    assert plot.png_bytes(figure).startswith(b"\x89PNG")


def test_errors_by_step_have_a_line_for_each_method() -> None:
    errors = {"network": np.array([1.0, 2.0]), "naive": np.array([2.0, 4.0])}
    figure = plot.errors_by_step(errors)
    assert [line.get_ydata().tolist() for line in figure.axes[0].lines] == [[1, 2], [2, 4]]
    assert figure.axes[0].get_ylim()[0] == 0
    with pytest.raises(ShapeError, match=r"errors of \[1, 2\] steps"):
        plot.errors_by_step({**errors, "odd": np.ones(1)})


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(DataError):
        plot.forecast(np.ones(0), np.ones(3))
    with pytest.raises(DataError):
        plot.rolling_forecasts(np.ones(3), [], np.ones((0, 3)))
    with pytest.raises(ShapeError, match="15 dates for 5 values"):
        plot.forecast(np.ones(2), np.ones(3), dates=DATES)
