from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from forwardnet import plot
from forwardnet.errors import ArgumentError, DataError, ShapeError, UnknownNameError

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class FakeHistory:
    epochs: dict[str, Array]
    best_epoch: int | None = None


def history(n: int = 12, *, validation: bool = True) -> FakeHistory:
    epoch = np.arange(1, n + 1)
    loss = 2.0 * 0.7**epoch
    columns = {"epoch": epoch, "loss": loss, "accuracy": 1 - loss / 2, "lr": 0.1 + 0 * loss, "seconds": 0 * loss}
    if validation:
        columns |= {"val_loss": loss + 0.01 * epoch, "val_accuracy": 0.9 - loss / 2}
        return FakeHistory(columns, int(np.argmin(columns["val_loss"])) + 1)
    return FakeHistory(columns)


def lines(figure: Figure, panel: int = 0) -> dict[str, tuple[Array, Array]]:
    return {
        str(line.get_label()): (np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))
        for line in figure.axes[panel].get_lines()
    }


def test_curves_draw_the_numbers_of_the_history() -> None:
    h = history()
    figure = plot.curves(h)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Loss", "Accuracy"]  # neither lr nor seconds
    for panel, name in enumerate(["loss", "accuracy"]):
        drawn = lines(figure, panel)
        np.testing.assert_array_equal(drawn["training"][1], h.epochs[name])
        np.testing.assert_array_equal(drawn["validation"][1], h.epochs[f"val_{name}"])
        at, value = drawn[next(label for label in drawn if label.startswith("best epoch"))]
        assert at.tolist() == [h.best_epoch]
        assert value.tolist() == [h.epochs[f"val_{name}"][at[0] - 1]]


def test_curves_without_validation_and_with_one_epoch() -> None:
    drawn = lines(plot.curves(history(1, validation=False)))
    assert list(drawn) == ["training"]


def test_curves_mark_the_loss_scale() -> None:
    assert plot.curves(history(3)).axes[0].get_yscale() == "linear"
    assert plot.curves(history(40, validation=False)).axes[0].get_yscale() == "log"  # falls by 0.7^39, a million


def test_curves_bear_a_diverged_history() -> None:
    h = history(5)
    h.epochs["loss"][3:] = np.nan
    h.epochs["val_loss"][3:] = np.inf
    assert plot.png_bytes(plot.curves(h))


def test_curves_of_nothing() -> None:
    with pytest.raises(DataError, match="no epoch"):
        plot.curves(FakeHistory({"epoch": np.zeros(0), "loss": np.zeros(0)}))


def test_confusion_shows_every_count() -> None:
    matrix = np.array([[50, 3, 0], [1, 40, 2], [0, 0, 0]])  # the last class has no row
    axes = plot.confusion(matrix, ["cat", "dog", "owl"]).axes[0]
    texts = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts}
    assert texts == {(0, 0): "50", (0, 1): "3", (1, 0): "1", (1, 1): "40", (1, 2): "2"}
    assert [t.get_text() for t in axes.get_xticklabels()] == ["cat", "dog", "owl"]
    assert axes.get_ylabel() == "true" and axes.get_xlabel() == "predicted"


@pytest.mark.parametrize("n", [1, 2, 30, 100])
def test_confusion_of_any_size(n: int) -> None:
    assert plot.png_bytes(plot.confusion(np.eye(n, dtype=int)))


def test_confusion_refuses_other_shapes() -> None:
    with pytest.raises(ShapeError, match=r"shape \(2, 3\)"):
        plot.confusion(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match=r"3 labels .* 2 classes"):
        plot.confusion(np.eye(2), ["a", "b", "c"])


def test_predicted_vs_true() -> None:
    y, p = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    axes = plot.predicted_vs_true(y, p).axes[0]
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), np.stack([y, p], axis=1))
    assert axes.get_xlim() == axes.get_ylim()
    with pytest.raises(ShapeError, match="3 true values and 2 predictions"):
        plot.predicted_vs_true(y, p[:2])
    with pytest.raises(DataError):
        plot.predicted_vs_true(np.zeros(0), np.zeros(0))
    assert plot.png_bytes(plot.predicted_vs_true(np.ones(3), np.ones(3)))  # no spread


def test_fitted_line_calls_predict_on_a_column() -> None:
    figure = plot.fitted_line(np.array([-1.0, 1.0]), np.array([5.0, 5.0]), lambda x: 3 * x**2 + 2)
    grid, values = lines(figure)["network"]
    np.testing.assert_allclose(values, 3 * grid**2 + 2, rtol=1e-6)  # predict sees float32


def test_decision_boundary_separates_the_half_planes() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = (X[:, 0] > 0).astype(int)
    scores: dict[str, Callable[[Array], Array]] = {
        "classes": lambda p: (p[:, 0] > 0).astype(int),
        "one score": lambda p: p[:, :1],
        "two scores": lambda p: np.stack([-p[:, 0], p[:, 0]], axis=1),
    }
    pictures = {name: plot.png_bytes(plot.decision_boundary(f, X, y, resolution=80)) for name, f in scores.items()}
    assert len(set(pictures.values())) == 1  # three ways of saying the same thing
    pixels = np.asarray(Image.open(BytesIO(pictures["classes"])).convert("RGB")).astype(int)
    left, right = pixels[250, 120], pixels[250, 500]
    assert left[2] > left[0] and right[0] > right[2]  # bluish for class 0, reddish for class 1


def test_decision_boundary_refuses_other_shapes() -> None:
    X, y = np.zeros((3, 2)), np.zeros(3, int)
    with pytest.raises(ShapeError, match=r"X has shape \(3, 4\)"):
        plot.decision_boundary(lambda p: p[:, 0], np.zeros((3, 4)), y)
    with pytest.raises(ShapeError, match=r"y has shape \(2,\)"):
        plot.scatter(X, y[:2])
    with pytest.raises(ShapeError, match="predict returned shape"):
        plot.decision_boundary(lambda p: p[:5, 0], X, y)
    with pytest.raises(DataError, match="class indices"):
        plot.scatter(X, np.zeros(3))
    with pytest.raises(ArgumentError, match="resolution"):
        plot.decision_boundary(lambda p: p[:, 0], X, y, resolution=1)


def test_one_class_everywhere_is_drawn() -> None:
    assert plot.png_bytes(plot.decision_boundary(lambda p: 0 * p[:, 0].astype(int), np.eye(2), np.zeros(2, int)))


def test_images() -> None:
    figure = plot.images(np.arange(32.0).reshape(2, 16), shape=(4, 4), captions=["a", "b"])
    shown = [axes.get_images()[0].get_array() for axes in figure.axes]
    np.testing.assert_array_equal(np.stack([np.asarray(s) for s in shown]), np.arange(32.0).reshape(2, 4, 4))
    with pytest.raises(ShapeError, match=r"\(2, 15\), expected \(n, 16\)"):
        plot.images(np.zeros((2, 15)), shape=(4, 4))
    with pytest.raises(DataError):
        plot.images(np.zeros((0, 4, 4)))


@pytest.mark.parametrize(("ending", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_save_writes_the_format_of_the_ending(tmp_path: Path, ending: str, magic: bytes) -> None:
    plot.save(plot.curves(history()), tmp_path / f"a{ending}")
    assert (tmp_path / f"a{ending}").read_bytes().startswith(magic)
    with pytest.raises(ArgumentError, match=r"'\.jpg', expected"):
        plot.save(plot.curves(history()), tmp_path / "a.jpg")


def test_same_figure_same_bytes() -> None:
    assert plot.png_bytes(plot.curves(history())) == plot.png_bytes(plot.curves(history()))


def test_pyplot_is_never_imported_and_matplotlib_only_when_drawing() -> None:
    code = (
        "import sys; from forwardnet import plot; assert 'matplotlib' not in sys.modules;"
        "import numpy as np; plot.png_bytes(plot.confusion(np.eye(2)));"
        "assert 'matplotlib.figure' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "leaky_relu"])
def test_activation_and_its_derivative(name: str) -> None:
    drawn = lines(plot.activation(name))
    x, y = drawn["f(x)"]
    slope = np.gradient(y.astype(float), x.astype(float))
    away = np.abs(x) > 0.05  # the corner of ReLU at 0
    # Central differences of step 0.02 err by 0.02^2 / 6 times the third derivative, which is below 2.
    np.testing.assert_allclose(drawn["f'(x)"][1][away], slope[away], atol=2e-3)
    with pytest.raises(UnknownNameError, match="did you mean 'relu'"):
        plot.activation("rleu")
