"""Models side by side, residuals, dependence: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet import plot
from forwardnet.errors import DataError, ShapeError


def test_models_have_their_intervals() -> None:
    figure = plot.models(["network", "mean"], [0.8, 0.5], [(0.7, 0.9), (0.4, 0.6)], figure_of_merit="accuracy")
    drawn = [line.get_xdata() for line in figure.axes[0].lines]
    assert [0.7, 0.9] in [list(x) for x in drawn] and [0.5] in [list(x) for x in drawn]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["network", "mean"]
    with pytest.raises(ShapeError):
        plot.models(["a"], [1.0, 2.0], [(0, 1)], figure_of_merit="rmse")


def test_residuals_are_true_less_predicted() -> None:
    figure = plot.residuals(np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0]))
    points = figure.axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(points, [[1.5, -0.5], [2.0, 0.0], [3.0, 1.0]])
    with pytest.raises(ShapeError):
        plot.residuals(np.zeros(2), np.zeros(3))
    with pytest.raises(DataError):
        plot.residuals(np.zeros(0), np.zeros(0))


@pytest.mark.parametrize("outputs", [["price"], ["yes", "no"]])
@pytest.mark.parametrize("places", [[0.0, 1.0, 2.0], ["red", "green", "blue"]])
def test_dependence_of_numbers_and_of_names(places: list[object], outputs: list[str]) -> None:
    means = np.arange(3.0 * len(outputs)).reshape(3, -1)
    figure = plot.dependence("column", places, means, outputs, rows=np.array([0.5, 1.5]))
    line = figure.axes[0].lines[0]
    shown = line.get_xdata() if isinstance(places[0], str) and len(outputs) == 1 else line.get_ydata()
    np.testing.assert_allclose(shown, means[:, 0])
    assert plot.png_bytes(figure).startswith(b"\x89PNG")
    with pytest.raises(ShapeError):
        plot.dependence("column", places, means, [*outputs, "more"])
