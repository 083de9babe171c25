"""Pictures of validations hold what they say: every model, value and trial, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

import forwardnet as ff
from forwardnet import plot
from forwardnet.validate import compare_models, sweep, validation_curve


def moons() -> tuple[Any, Any]:
    data = ff.datasets.load("moons", n=60, noise=0.3, seed=0)
    return data.X, data.y


def texts(axes: Any) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


def test_models_stand_in_the_order_of_their_figures() -> None:
    found = compare_models({"one": KNeighborsClassifier(1), "many": KNeighborsClassifier(40)}, *moons(), cv=3)
    figure = found.plot("accuracy")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == found.ranking("accuracy")[::-1]
    diamonds = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "D"]
    assert diamonds == [found[name].pooled()["accuracy"] for name in found.ranking("accuracy")[::-1]]
    assert len(plot.png_bytes(figure)) > 2000


def test_a_curve_shows_both_kinds_of_rows() -> None:
    curve = validation_curve(KNeighborsClassifier(), *moons(), "n_neighbors", [1, 5, 30], cv=3, metrics="accuracy")
    (axes,) = curve.plot().axes
    test, train = axes.lines
    np.testing.assert_array_equal(test.get_ydata(), curve.points()["test"])
    np.testing.assert_array_equal(train.get_ydata(), curve.points()["train"])
    assert axes.get_xscale() == "log" and texts(axes) == ["1", "5", "30"]


def test_a_sweep_has_a_panel_for_each_parameter() -> None:
    found = sweep(KNeighborsClassifier(), *moons(), {"n_neighbors": [1, 3], "weights": ["uniform", "distance"]}, cv=3)
    figure = found.plot()
    assert [axes.get_xlabel() for axes in figure.axes] == ["n_neighbors", "weights"]
    assert set(texts(figure.axes[1])) == {"uniform", "distance"}
    values = figure.axes[0].lines[0].get_ydata()
    np.testing.assert_array_equal(values, [trial.validation.pooled()["accuracy"] for trial in found.ranking])
