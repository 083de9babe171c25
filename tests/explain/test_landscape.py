"""Landscapes: what lies on them, what filter normalisation makes equal, and what residual blocks do to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import explain, nn
from forwardnet.data.generators import moons
from forwardnet.errors import ArgumentError, ShapeError

Array = np.ndarray[Any, Any]


def rows() -> tuple[Array, Array]:
    return moons(n=80, noise=0.2, seed=0)


def network(seed: int = 0) -> nn.Module:
    ff.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 2))


def test_places_are_what_they_say() -> None:
    X, y = rows()
    model = network()
    found = explain.loss_landscape(model, "cross_entropy", X, y, points=5, span=0.5, seed=3)
    objective = explain.Objective.of_model(model, "cross_entropy", X, y)
    first, second = found.directions
    assert found.losses.shape == (5, 5) and found.places.tolist() == [-0.5, -0.25, 0, 0.25, 0.5]
    assert found.centre == found.losses[2, 2] == objective.value()
    # a along the columns, b along the rows
    assert found.losses[0, 4] == objective.value(objective.x + 0.5 * first - 0.5 * second)
    line = explain.loss_landscape(model, "cross_entropy", X, y, points=5, span=0.5, seed=3, directions=1)
    np.testing.assert_array_equal(line.losses, found.losses[2])
    np.testing.assert_array_equal(
        found.losses, explain.loss_landscape(model, "cross_entropy", X, y, points=5, span=0.5, seed=3).losses
    )
    assert not np.array_equal(
        found.losses, explain.loss_landscape(model, "cross_entropy", X, y, points=5, span=0.5, seed=4).losses
    )


def test_filter_normalised_directions_are_as_long_as_the_weights_unit_by_unit() -> None:
    X, y = rows()
    objective = explain.Objective.of_model(network(), "cross_entropy", X, y)
    direction = explain.random_direction(objective, seed=1)
    for part in objective.parts:
        piece, own = (v[part.start : part.stop].reshape(part.shape) for v in (direction, objective.x))
        if len(part.shape) == 1:
            assert not piece.any(), "biases stay"
        else:
            np.testing.assert_allclose(np.linalg.norm(piece, axis=1), np.linalg.norm(own, axis=1), rtol=1e-12)
    layer = explain.random_direction(objective, seed=1, normalise="layer")
    for part in objective.parts:
        norms = [np.linalg.norm(v[part.start : part.stop]) for v in (layer, objective.x)]
        assert norms[0] == pytest.approx(norms[1], rel=1e-12)
    free = explain.random_direction(objective, seed=1, normalise="none")
    assert np.linalg.norm(free) == pytest.approx(objective.size**0.5, rel=0.2)  # standard normal: four standard errors


def test_VF10_scaling_the_weights_of_a_rectifier_network_changes_only_unnormalised_landscapes() -> None:
    """Weights times 10 before a ReLU and divided by 10 after it: the same function (Li et al. 2018, section 3)."""
    X, y = rows()
    model = network()
    scaled = network()
    with ff.no_grad():
        scaled[0].weight.mul_(10.0), scaled[0].bias.mul_(10.0), scaled[2].weight.div_(10.0)
    for normalise, is_same in (("filter", True), ("none", False)):
        a, b = (
            explain.loss_landscape(m, "cross_entropy", X, y, directions=1, points=9, normalise=normalise, seed=2)  # type: ignore[arg-type]
            for m in (model, scaled)
        )
        # the same numbers up to the float32 rounding of the weights that were scaled
        assert (np.abs(a.losses - b.losses).max() < 1e-5) == is_same


def test_shapes_are_measured() -> None:
    class Bowl(nn.Module):
        """A loss of |w|^2 / 2, whatever the rows."""

        def __init__(self, size: float) -> None:
            super().__init__()
            self.w = nn.Parameter(ff.zeros(2))
            self.size = size

        def forward(self, x: Any) -> Any:
            return self.size * (self.w**2).sum() + self.w[0] * 0 + x.sum() * 0

    axes = np.eye(2)
    bowl = explain.loss_landscape(Bowl(0.5), lambda o, y: o, [[0.0]], [[0.0]], directions=axes, points=21, span=2.0)
    assert bowl.convex_share == 1 and bowl.lower == 0 and bowl.centre == 0
    assert bowl.basin(rise=0.5) == pytest.approx(np.pi / 16, abs=0.05), "a disc of radius 1 in a square of side 4"
    assert "nearly a bowl" in bowl.summary()
    hill = explain.loss_landscape(Bowl(-0.5), lambda o, y: o, [[0.0]], [[0.0]], directions=axes, points=21, span=2.0)
    assert hill.convex_share == 0 and hill.lower == pytest.approx(4.0) and "not at the lowest place" in hill.summary()
    assert (
        explain.loss_landscape(Bowl(0.5), lambda o, y: o, [[0.0]], [[0.0]], directions=axes[:1], points=7).convex_share
        == 1
    )


def test_lines_between_networks() -> None:
    X, y = rows()
    first, second = network(0), network(1)
    found = explain.line_between(first, second, "cross_entropy", X, y, points=9, beyond=0.5)
    assert found.places.tolist() == np.linspace(-0.5, 1.5, 9).tolist()
    ends = [explain.Objective.of_model(m, "cross_entropy", X, y).value() for m in (first, second)]
    assert found.losses[[2, 6]] == pytest.approx(ends, rel=1e-12) and found.centre == ends[0]
    with pytest.raises(ShapeError, match="the networks have other parameters"):
        explain.line_between(first, nn.Sequential(nn.Linear(2, 2)), "cross_entropy", X, y)


def test_VF09_cross_entropy_is_steeper_than_squared_error_where_the_answer_is_wrong() -> None:
    """Two weights of a sigmoid network with the wrong sign: the plateau of squared error (Glorot & Bengio 2010)."""
    X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    y = np.array([0.0, 1.0, 1.0, 0.0])
    model = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    with ff.no_grad():
        model[0].weight.zero_(), model[0].bias.zero_()
    surfaces = []
    for loss in ("bce", "mse"):
        objective = explain.Objective.of_model(model, loss, X, y)
        axes = [explain.weight_axis(objective, "0.weight", (0, i)) for i in (0, 1)]
        surfaces.append(explain.loss_landscape(model, loss, X, y, directions=axes, points=25, span=12.0))
    entropy, square = surfaces
    for found in surfaces:
        assert np.unravel_index(found.losses.argmin(), (25, 25))[1] > 12, "x1 decides: its weight should be large"
    # a step outwards from the worst corner towards the origin: how much the loss falls
    corner, inner = (0, 0), (1, 1)
    assert entropy.losses[corner] - entropy.losses[inner] > 0.3
    assert square.losses[corner] - square.losses[inner] < 1e-3, "a plateau: hardly any gradient"
    # the likelihood of a logistic model is convex, its squared error is not
    assert min(np.diff(entropy.losses, 2, axis=i).min() for i in (0, 1)) > -1e-12
    assert min(np.diff(square.losses, 2, axis=i).min() for i in (0, 1)) < -0.01 and square.convex_share < 0.6


def test_directions_that_cannot_be() -> None:
    X, y = rows()
    objective = explain.Objective.of_model(network(), "cross_entropy", X, y)
    with pytest.raises(ArgumentError, match="directions is 3, expected 1 or 2"):
        explain.loss_landscape(network(), "cross_entropy", X, y, directions=3)
    with pytest.raises(ArgumentError, match="got 3 directions"):
        explain.loss_landscape(network(), "cross_entropy", X, y, directions=[objective.x] * 3)
    with pytest.raises(ShapeError, match=r"a direction has shape \(2,\), expected \(92,\)"):
        explain.loss_landscape(network(), "cross_entropy", X, y, directions=[[1.0, 2.0]])
    with pytest.raises(ArgumentError, match="points is 2 and span 1.0"):
        explain.loss_landscape(network(), "cross_entropy", X, y, points=2)
    with pytest.raises(ValueError, match="unknown normalisation 'filtr'\nhint: did you mean 'filter'"):
        explain.loss_landscape(network(), "cross_entropy", X, y, normalise="filtr")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown parameter '0.wight'\nhint: did you mean '0.weight'"):
        explain.weight_axis(objective, "0.wight", (0, 0))
    with pytest.raises(ArgumentError, match=r"0.weight has shape \(8, 2\), and no element \(0, 2\)"):
        explain.weight_axis(objective, "0.weight", (0, 2))


@pytest.mark.slow
def test_NW24_LR11_residual_connections_keep_the_surroundings_low() -> None:
    """Plain and residual networks of the same 16 layers, trained alike: how high the loss rises around them."""
    X, y = moons(n=200, noise=0.2, seed=0)
    relief = {}
    for residual in (False, True):
        ff.manual_seed(0)
        blocks: list[nn.Module] = []
        for _ in range(7):
            inner = [nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16)]
            blocks += [nn.Residual(*inner) if residual else nn.Sequential(*inner), nn.ReLU()]
        model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), *blocks, nn.Linear(16, 2))
        for module in model.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
        if residual:  # the sum of seven blocks starts at the size of one
            for block in blocks[::2]:
                block[2].weight.data.mul_(7**-0.5)
        trainer = ff.Trainer(model, "cross_entropy", ff.optim.Adam(model.parameters(), lr=1e-3))
        trainer.fit(X, y, epochs=60, batch_size=25, progress=False)
        assert trainer.evaluate(X, y)["loss"] < 0.3, "both have learnt"
        found = [explain.loss_landscape(model, "cross_entropy", X, y, points=9, seed=seed) for seed in range(3)]
        relief[residual] = np.median([one.relief for one in found])
    assert relief[False] > 10 * relief[True]
