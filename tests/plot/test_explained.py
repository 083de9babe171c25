"""Pictures of what `explain` finds: they show its numbers, and refuse what cannot be shown."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import forwardnet as ff
from forwardnet import explain, nn, plot
from forwardnet.data import PCA, GaussianMixture
from forwardnet.errors import ArgumentError, DataError, ShapeError, UnknownNameError

Array = np.ndarray[Any, Any]


def lines(figure: Figure, panel: int = 0) -> dict[str, tuple[Array, Array]]:
    return {
        str(line.get_label()): (np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))
        for line in figure.axes[panel].get_lines()
    }


def title(figure: Figure, panel: int = 0) -> str:
    return figure.axes[panel].get_title(loc="left")


def rows() -> tuple[Array, Array]:
    X = np.random.default_rng(0).normal(size=(40, 3))
    return X, (X[:, 0] > 0).astype(int)


def network(activation: Any = nn.Sigmoid, depth: int = 4) -> nn.Module:
    ff.manual_seed(0)
    inner = [layer for _ in range(depth) for layer in (nn.Linear(6, 6), activation())]
    return nn.Sequential(nn.Linear(3, 6), activation(), *inner, nn.Linear(6, 2))


# ---------------------------------------------------------------- gradients


def test_VF15_gradient_flow_shows_every_layer_and_the_bound() -> None:
    X, y = rows()
    flow = explain.gradient_flow(network(), "cross_entropy", X, y)
    figure = plot.gradient_flow(flow)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    np.testing.assert_array_equal(heights, flow.gradients)
    drawn = lines(figure)
    np.testing.assert_array_equal(drawn["gradient by the weights"][1], flow.weight_gradients)
    bound = drawn["slopes of at most 1/4"][1]
    np.testing.assert_allclose(bound, flow.gradients[-1] * 0.25 ** np.arange(5, -1, -1), rtol=1e-12)
    assert figure.axes[0].get_yscale() == "log" and title(figure) == f"Gradient flow: {flow.verdict}"
    steep = plot.gradient_flow(explain.gradient_flow(network(nn.ReLU), "cross_entropy", X, y))
    assert not any(label.startswith("slopes") for label in lines(steep)), "a slope of 1 bounds nothing"


def test_blocked_gradients_are_marked() -> None:
    X, y = rows()
    figure = plot.gradient_flow(explain.gradient_flow(network(nn.Step, 1), "cross_entropy", X, y))
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "0"]
    still = nn.Sequential(nn.Linear(3, 2), nn.Step())
    with pytest.raises(DataError, match="no gradient to draw"):
        plot.gradient_flow(explain.gradient_flow(still, "mse", X, np.zeros((40, 2))))


def test_VF15_learning_speeds_over_the_steps() -> None:
    X, y = rows()
    recorder = explain.FlowRecorder("cross_entropy", X, y, every=2)
    with pytest.raises(DataError, match="nothing was recorded"):
        plot.learning_speeds(recorder)
    ff.Trainer(network(depth=1), "cross_entropy", "adam", compile=False).fit(
        X, y, epochs=4, batch_size=20, callbacks=[recorder], progress=False
    )
    drawn = lines(plot.learning_speeds(recorder))
    assert list(drawn) == ["layer 0", "layer 2", "layer 4"]
    for k, (steps, speeds) in enumerate(drawn.values()):
        assert steps.tolist() == [0, 2, 4, 6, 8]
        np.testing.assert_array_equal(speeds, recorder.speeds[:, k])


def test_activity_bars_add_up() -> None:
    X, _ = rows()
    found = explain.activity(network(nn.Tanh, 1), X * 5)
    figure = plot.activity(found)
    heights = np.array([bar.get_height() for bar in figure.axes[0].patches]).reshape(3, -1)
    np.testing.assert_allclose(heights.sum(axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose(heights[0] + heights[2], [layer.flat_share for layer in found.layers], rtol=1e-12)
    assert lines(figure)["units that are dead"][1].tolist() == [0, 0]


def test_VF16_saturation_is_shaded_where_the_slope_is_small() -> None:
    figure = plot.saturation("sigmoid", flat=0.1)
    assert title(figure) == "sigmoid: slope at most 1/4"
    pixels = np.asarray(Image.open(BytesIO(plot.png_bytes(figure))).convert("RGB")).astype(int)
    row = pixels[int(0.72 * len(pixels))]
    tinted = (row[:, 0] - row[:, 2]) > 20  # amber
    assert tinted[int(0.96 * len(row))] and not tinted[len(row) // 2]
    with pytest.raises(UnknownNameError, match="unknown activation 'sigmoit'"):
        plot.saturation("sigmoit")
    with pytest.raises(ArgumentError, match="softmax works along an axis"):
        plot.saturation("softmax")


def test_AC30_VF08_VF17_every_activation_has_its_panel() -> None:
    figure = plot.activation_grid()
    known = sorted(name for name, cls in nn.ACTIVATIONS.items() if cls.formula.elementwise)
    assert [title(figure, i) for i in range(len(figure.axes))] == known and len(known) > 15
    family = plot.activation_grid(["relu", "leaky_relu", "rrelu", "elu"])
    for i, name in enumerate(("relu", "leaky_relu", "rrelu", "elu")):
        drawn = [
            (np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in family.axes[i].get_lines()[2:]
        ]
        (x, value), (_, slope) = drawn
        np.testing.assert_allclose(slope, explain.slopes(name, x), rtol=1e-12)
        assert (value[x > 0] == x[x > 0]).all()
    with pytest.raises(UnknownNameError, match="unknown activation 'softmax'"):
        plot.activation_grid(["softmax"])


# ---------------------------------------------------------------- surfaces


def test_VF10_landscapes_share_one_scale() -> None:
    X, y = rows()
    found = [
        explain.loss_landscape(network(act, 1), "cross_entropy", X, y, points=7, span=s)
        for act, s in ((nn.Tanh, 0.5), (nn.Tanh, 3.0))
    ]
    figure = plot.landscapes(found, titles=["near", "far"])
    assert [title(figure, i) for i in (0, 1)] == ["near", "far"]
    limits = [axes.collections[0].get_clim() for axes in figure.axes[:2]]
    assert limits[0] == limits[1], "colours mean the same in both"
    assert plot.png_bytes(plot.landscape(found[0], kind="surface"))
    line = explain.loss_landscape(network(nn.Tanh, 1), "cross_entropy", X, y, points=7, directions=1)
    drawn = plot.landscape(line, title="a line").axes[0].get_lines()[0]
    np.testing.assert_array_equal(drawn.get_ydata(), line.losses)
    with pytest.raises(ShapeError, match="some have one direction and some two"):
        plot.landscapes([line, found[0]])
    with pytest.raises(ArgumentError, match="nothing to draw"):
        plot.landscapes([])
    with pytest.raises(UnknownNameError, match="unknown kind of picture 'contours'"):
        plot.landscape(found[0], kind="contours")  # type: ignore[arg-type]


def test_landscapes_that_overflow_are_drawn() -> None:
    X, y = rows()
    found = explain.loss_landscape(network(nn.ReLU, 1), "cross_entropy", X, y, points=5)
    found.losses[0, 0], found.losses[4, 4] = np.inf, 1e12
    assert plot.png_bytes(plot.landscape(found))


@pytest.mark.parametrize("name", sorted(explain.SURFACES))
def test_terrains_mark_their_lowest_places(name: str) -> None:
    chosen = explain.SURFACES[name]
    figure = plot.terrain(name, arrows=name == "saddle")
    stars = [(float(s.get_xdata()[0]), float(s.get_ydata()[0])) for s in figure.axes[0].get_lines()]  # type: ignore[index]
    assert stars == [(float(x), float(y)) for x, y in chosen.lowest]
    assert figure.axes[0].get_xlim() == chosen.box[:2] and figure.axes[0].get_ylim() == chosen.box[2:]


def test_VF12_a_saddle_in_three_dimensions() -> None:
    assert plot.png_bytes(plot.terrain("saddle", kind="surface"))
    with pytest.raises(UnknownNameError, match="unknown surface 'saddl'"):
        plot.terrain("saddl")


def test_VF26_the_best_step_is_on_the_curve() -> None:
    figure = plot.best_step(lambda x: x[0] ** 2 + 5 * x[1] ** 2, [1.0, 1.0])
    drawn = lines(figure)
    (at,), (value,) = drawn["best step 0.1032"]
    assert (at, value) == pytest.approx((0.103175, 0.634921), abs=1e-6)
    np.testing.assert_allclose(drawn["loss"][1], drawn["as second order sees it"][1], rtol=1e-10)
    assert plot.png_bytes(plot.best_step(lambda x: x[0] ** 2 - x[1] ** 2, [1.0, 2.0])), "no best step"


def test_spectra_count_every_eigenvalue() -> None:
    X, y = rows()
    found = explain.spectrum(explain.Objective.of_model(network(nn.Tanh, 1), "cross_entropy", X, y))
    figure = plot.spectrum(found)
    bars = [(bar.get_x(), bar.get_height()) for bar in figure.axes[0].patches]
    assert sum(height for _, height in bars) == pytest.approx(1, rel=1e-9)
    negative = sum(height for x, height in bars if x < -1e-9)
    assert negative == pytest.approx((found.eigenvalues < 0).mean(), abs=1e-9), "no bar holds both signs"


# ---------------------------------------------------------------- descents


def test_VF12_trajectories_show_paths_and_values() -> None:
    runs = explain.trajectories(
        "valley", {"sgd": {"lr": 0.015}, "adam": {"lr": 0.1}, "far": {"optimizer": "sgd", "lr": 9.0}}
    )
    figure = plot.trajectories(runs)
    drawn = lines(figure)
    np.testing.assert_array_equal(np.array(drawn["sgd"]).T, runs["sgd"].places)
    np.testing.assert_array_equal(lines(figure, 1)["adam"][1], runs["adam"].values)
    assert "far (diverged)" in drawn and np.isfinite(drawn["far (diverged)"]).all()
    saddle = plot.trajectories(explain.trajectories("saddle", ["sgd"]))
    assert saddle.axes[1].get_yscale() == "linear" and figure.axes[1].get_yscale() == "log"


def test_VF12_OP21_an_animation_has_its_frames(tmp_path: Path) -> None:
    runs = explain.trajectories("saddle", {"sgd": {"lr": 0.05}, "adam": {"lr": 0.05}}, steps=30)
    plot.animate(runs, tmp_path / "saddle.gif", frames=5)
    with Image.open(tmp_path / "saddle.gif") as gif:
        assert gif.n_frames == 5  # type: ignore[attr-defined]
        first = np.asarray(gif.convert("RGB")).astype(int)
        gif.seek(4)
        assert np.abs(np.asarray(gif.convert("RGB")).astype(int) - first).sum() > 1000, "something moves"
    with pytest.raises(ArgumentError, match="expected a name that ends in .gif"):
        plot.animate(runs, tmp_path / "saddle.mp4")
    with pytest.raises(ArgumentError, match="frames is 1"):
        plot.animate(runs, tmp_path / "saddle.gif", frames=1)


def test_VF11_descent_goes_against_the_gradient() -> None:
    figure = plot.descent(lambda x: x**2, 2.0, lr=0.25, steps=3)
    x, y = lines(figure)["3 steps"]
    assert x.tolist() == [2, 1, 0.5, 0.25] and y.tolist() == [4, 1, 0.25, 0.0625]
    tangent = np.array(lines(figure)["tangent"])
    assert (tangent[1, 1] - tangent[1, 0]) / (tangent[0, 1] - tangent[0, 0]) == pytest.approx(4)
    away = plot.descent(lambda x: x**2, 2.0, lr=50.0, steps=20)
    assert plot.png_bytes(away), "a descent that runs away is drawn as far as it goes"
    with pytest.raises(ArgumentError, match="steps is 0"):
        plot.descent(lambda x: x**2, 2.0, lr=0.1, steps=0)


def test_VF13_critical_points_are_named() -> None:
    # two minima, a maximum between them, and a plateau to the right
    figure = plot.critical_points(lambda x: -2 * ff.exp(-((x + 2) ** 2)) - ff.exp(-((x - 1) ** 2)), -4, 8)
    named = sorted((round(float(t.xy[0]), 1), t.get_text()) for t in figure.axes[0].texts)  # type: ignore[attr-defined]
    assert [text for _, text in named] == ["lowest minimum", "maximum", "local minimum"]
    assert named[0][0] == pytest.approx(-2, abs=0.05) and named[2][0] == pytest.approx(1, abs=0.05)
    legend = figure.axes[0].get_legend()
    assert legend is not None and [t.get_text() for t in legend.get_texts()] == ["plateau"]


# ---------------------------------------------------------------- graphs


def test_VF06_graphs_show_every_value_and_gradient() -> None:
    graph = explain.computation_graph(lambda x, w, b: ff.sigmoid(w * x + b), x=2.0, w=-1.0, b=0.5)
    figure = plot.computation_graph(graph, title="one neuron")
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert {"x", "w", "b", "*", "+", "sigmoid", "-1.5", "0.1824", "0.2983", "d 0.1491", "d -1"} <= set(texts)
    assert len(figure.axes[0].patches) == 6, "a box for each node"


def test_BA06_a_network_with_a_block_is_drawn_with_its_detour() -> None:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Residual(nn.Linear(3, 3), nn.Tanh()), nn.Linear(3, 2))
    figure = plot.computation_graph(explain.network_graph(model, "cross_entropy", [[1.0, 2.0]], [0]))
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert "0: Linear 2 to 3" in texts and "CrossEntropyLoss" in texts
    assert plot.png_bytes(figure)
    deep = explain.computation_graph(lambda x: sum((x * float(k) for k in range(2, 130)), x), x=1.0)
    with pytest.raises(ArgumentError, match=r"nodes, expected at most 120\nhint: graph.to_text"):
        plot.computation_graph(deep)


# ---------------------------------------------------------------- importances


def test_importance_shows_mean_and_repeats() -> None:
    X, _ = rows()
    found = explain.permutation_importance(lambda x: x @ [2.0, 0.0, 1.0], "mse", X, X @ [2.0, 0.0, 1.0], repeats=4)
    figure = plot.importance(found)
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    np.testing.assert_array_equal(widths, found.mean[found.order[::-1]])
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["x2", "x3", "x1"]
    points = [np.asarray(line.get_xdata()) for line in figure.axes[0].get_lines()[:3]]
    np.testing.assert_array_equal(points[2], found.worsening[0])
    assert title(figure) == "Permutation importance (mse 0)"


def test_attributions_as_bars_and_as_images() -> None:
    X = np.random.default_rng(0).normal(size=(5, 6))
    ff.manual_seed(0)
    found = explain.integrated_gradients(nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 1)), X)
    widths = sorted(bar.get_width() for bar in plot.attribution(found, row=2).axes[0].patches)
    np.testing.assert_allclose(widths, sorted(found.values[2]), rtol=1e-12)
    totals = sorted(bar.get_width() for bar in plot.attribution(found).axes[0].patches)
    np.testing.assert_allclose(totals, sorted(found.total), rtol=1e-12)
    image = plot.attribution(found, row=2, shape=(2, 3)).axes[0].get_images()[0]
    np.testing.assert_array_equal(np.asarray(image.get_array()), found.values[2].reshape(2, 3))
    assert image.get_clim()[0] == -image.get_clim()[1], "0 has no colour"
    with pytest.raises(ShapeError, match="6 features, expected 2 x 2"):
        plot.attribution(found, row=0, shape=(2, 2))


# ---------------------------------------------------------------- distributions


def test_VF24_mixtures_in_one_and_two_dimensions() -> None:
    mixture = GaussianMixture([0.5, 0.3, 0.2], [-2.0, 0.0, 3.0], scales=[0.5, 1.0, 0.8])
    drawn = lines(plot.mixture(mixture, X=mixture.sample(500)[0]))
    x, density = drawn["density"]
    np.testing.assert_allclose(density, mixture.pdf(x), rtol=1e-12)
    parts = sum(drawn[f"component {k}"][1] for k in (1, 2, 3))
    np.testing.assert_allclose(parts, density, rtol=1e-9)
    assert title(plot.mixture(explain.Gaussian())) == "Normal distribution"
    plane = GaussianMixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], scales=[1.0, 0.5])
    means = lines(plot.mixture(plane, X=plane.sample(50)[0]))["means"]
    assert np.array(means).T.tolist() == [[0, 0], [3, 1]]
    with pytest.raises(ShapeError, match="3 dimensions, expected 1 or 2"):
        plot.mixture(GaussianMixture([1.0], [[0.0, 0.0, 0.0]], scales=[1.0]))


def test_VF25_both_divergences_are_drawn() -> None:
    figure = plot.divergences(GaussianMixture([0.5, 0.5], [-2.0, 2.0], scales=[0.6, 0.6]))
    assert title(figure) == "least KL(p || q): q covers p, 0.555 nats"
    assert title(figure, 1) == "least KL(q || p): q takes one peak, 0.692 nats"
    peaks = [float(x[np.argmax(q)]) for x, q in (list(lines(figure, i).values())[1] for i in (0, 1))]
    assert peaks[0] == pytest.approx(0, abs=0.05) and abs(peaks[1]) == pytest.approx(2, abs=0.05)


def test_conditional_densities() -> None:
    ff.manual_seed(0)
    layer = nn.MixtureDensity(1, 3)
    x = np.linspace(0, 1, 21, dtype="float32")[:, None]
    mixtures = layer.read(layer(ff.tensor(x)))
    figure = plot.conditional_density(x, mixtures, X=x, y=x)
    mean = lines(figure)["mean, what squared error finds"][1]
    np.testing.assert_allclose(mean, mixtures.mean[:, 0], rtol=1e-12)
    assert plot.png_bytes(plot.conditional_density(x, mixtures))
    with pytest.raises(ShapeError, match="20 inputs and means of shape"):
        plot.conditional_density(x[1:], mixtures)


# ---------------------------------------------------------------- recap


def test_VF27_norm_balls_touch_the_ellipse() -> None:
    figure = plot.norm_balls([[2.0, 0.5], [0.5, 1.0], [0.0, 1.0]], [3.0, 1.0, 0.2])
    answers = [np.array(lines(figure, i)["within the limit"]).ravel() for i in (0, 1)]
    assert np.linalg.norm(answers[0]) == pytest.approx(1) and answers[1].tolist() == [1, 0], "a corner"
    with pytest.raises(ShapeError, match=r"A has shape \(2, 3\)"):
        plot.norm_balls(np.zeros((2, 3)), [0.0, 0.0])


def test_VF26_principal_components() -> None:
    X = np.random.default_rng(0).normal(size=(100, 2)) @ [[2.0, 1.0], [0.0, 0.5]]
    figure = plot.principal_components(PCA().fit(X), X)
    white = figure.axes[1].collections[0].get_offsets()
    np.testing.assert_allclose(np.cov(np.asarray(white).T), np.eye(2), atol=1e-4)
    with pytest.raises(ShapeError, match=r"X has shape \(3, 4\)"):
        plot.principal_components(PCA(), np.zeros((3, 4)))


def test_VF26_capacity_marks_the_least_validation_error() -> None:
    figure = plot.capacity([1, 2, 4, 8], [[4, 3, 2, 1], [4, 3, 1, 1]], [[5, 3, 4, 6], [5, 3, 4, 8]], name="units")
    assert "least validation error: 2" in lines(figure) and lines(figure)["training"][1].tolist() == [4, 3, 1.5, 1]
    assert plot.png_bytes(plot.capacity([1, 100], [1.0, 0.001], [1.0, 2.0]))
    with pytest.raises(ShapeError, match=r"2 sizes and errors of shapes \(1, 3\)"):
        plot.capacity([1, 2], [1, 2, 3], [1, 2])
    with pytest.raises(DataError, match="no size to draw"):
        plot.capacity([], [], [])


def test_VF26_dimensions() -> None:
    found = explain.curse_of_dimensionality((1, 2, 3), points=100)
    figure = plot.dimensions(found)
    np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_ydata(), found.occupied)
    np.testing.assert_array_equal(figure.axes[1].get_lines()[0].get_ydata(), 1 + found.contrast)


def test_VF31_losses_of_several_trainings() -> None:
    X, y = rows()
    histories = {}
    for name, size in (("batch", 40), ("mini-batch", 10), ("one by one", 1)):
        ff.manual_seed(0)
        model = nn.Linear(3, 2)
        trainer = ff.Trainer(model, "cross_entropy", ff.optim.SGD(model.parameters(), lr=0.1), compile=False)
        histories[name] = trainer.fit(X, y, epochs=2, batch_size=size, progress=False)
    drawn = lines(plot.step_losses(histories))
    assert {name: len(values[0]) for name, values in drawn.items()} == {"batch": 2, "mini-batch": 8, "one by one": 80}
    np.testing.assert_array_equal(drawn["batch"][1], histories["batch"].steps["loss"])
    smooth = lines(plot.step_losses({"a": np.arange(10.0)}, smooth=4))["a"]
    assert smooth[0].tolist() == [4, 8] and smooth[1].tolist() == [1.5, 5.5]
    with pytest.raises(DataError, match="no run to draw"):
        plot.step_losses({})
