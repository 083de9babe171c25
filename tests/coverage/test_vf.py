"""Figures that no other test draws: what is in them is read back from the figure."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct, nn, plot
from forwardnet.errors import ArgumentError, DataError
from forwardnet.validate import sweep
from forwardnet.validate.folds import folds


def test_VF01_points_of_two_classes() -> None:
    data = ff.datasets.load("moons")
    axes = plot.scatter(data.X, data.y).axes[0]
    assert [len(points.get_offsets()) for points in axes.collections] == [100, 100]
    for k, points in enumerate(axes.collections):
        np.testing.assert_allclose(points.get_offsets(), data.X[data.y == k])


def test_VF03_boundaries_of_several_sizes_side_by_side() -> None:
    data = ff.datasets.load("moons")
    names = {f"{units} units": (lambda places, u=units: (places[:, 0] > u).astype(int)) for units in (0, 1, 2, 5)}
    figure = plot.decision_boundaries(names, data.X, data.y, columns=2, resolution=40)
    assert [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes] == list(names)
    assert (
        len({(axes.get_subplotspec().rowspan.start, axes.get_subplotspec().colspan.start) for axes in figure.axes}) == 4
    )
    assert [axes.get_legend() is not None for axes in figure.axes] == [True, False, False, False]
    with pytest.raises(ArgumentError, match="no classifier"):
        plot.decision_boundaries({}, data.X, data.y)


def test_VF18_exclusive_or_before_and_behind_the_hidden_layer() -> None:
    """In h-space (0, 0), (1, 0), (1, 0), (2, 1) the classes are on two sides of a line; in x-space they are not."""
    data = ff.datasets.load("xor")
    model = construct.xor_relu()
    hidden = nn.Sequential(*list(model)[:2])(ff.tensor(data.X, dtype=next(model.parameters()).dtype)).detach().numpy()
    assert sorted(map(tuple, hidden.tolist())) == [(0, 0), (1, 0), (1, 0), (2, 1)]
    for X, is_separable in ((data.X, False), (hidden, True)):
        assert construct.separation(X, data.y).is_separable == is_separable
        points = plot.scatter(X, data.y).axes[0].collections
        np.testing.assert_allclose(
            np.concatenate([p.get_offsets() for p in points]), X[np.argsort(data.y, kind="stable")]
        )


def test_VF23_EX23_depth_beside_width() -> None:
    """Networks of 1 and 3 hidden layers and 2 or 12 units: a panel for each, with the error of rows held out."""
    data = ff.datasets.load("moons", n=120)

    def trainer(depth: int, width: int) -> ff.Trainer:
        ff.manual_seed(0)
        pairs = itertools.pairwise([2, *[width] * depth, 2])
        model = nn.Sequential(*[layer for i, o in pairs for layer in (nn.Linear(i, o), nn.Tanh())][:-1])
        return ff.Trainer(model, "cross_entropy", ff.optim.Adam(model.parameters(), lr=0.05))

    space = {"depth": [1, 3], "width": [2, 12]}
    found = sweep(trainer, data.X, data.y, space, cv=3, epochs=30, batch_size=40, metrics=["accuracy"])
    assert len(found.trials) == 4
    panels = plot.swept(found).axes
    assert {axes.get_xlabel() for axes in panels} >= {"depth", "width"}
    assert found.best_params["width"] == 12  # two units bend the boundary too little, however deep


def test_VF28_folds_as_lines_of_rows() -> None:
    for cv, count in ((4, 4), ("loo", 12)):
        divided = folds(12, cv, seed=0)
        mesh = plot.splits(divided).axes[0].collections[0]
        parts = np.asarray(mesh.get_array()).reshape(count, 12)
        for part, fold in zip(parts, divided, strict=True):
            assert np.flatnonzero(part == 2).tolist() == sorted(fold.test.tolist())
            assert np.flatnonzero(part == 1).tolist() == sorted(fold.train.tolist())
    ordered = plot.splits(folds(12, 3, ordered=True)).axes[0]
    assert (np.asarray(ordered.collections[0].get_array()) == 0).any()  # what is still to come is left alone
    assert "the first 40 of 50" in plot.splits(folds(50, "loo")).axes[0].get_title(loc="left") + str(
        plot.splits(folds(50, "loo")).axes[0].get_title()
    )
    with pytest.raises(DataError, match="no fold"):
        plot.splits([])


def test_VF27_a_network_thinned_by_dropout() -> None:
    """Units that are left out in a step have no lines: the weights to and from them count as 0."""
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    thinned = copy.deepcopy(model)
    with ff.no_grad():
        for unit in (1, 2):
            thinned[0].weight[unit] = 0.0
            thinned[2].weight[:, unit] = 0.0
    lines = [len(plot.network(drawn).axes[0].get_lines()) for drawn in (model, thinned)]
    assert lines == [3 * 4 + 4 * 2, 3 * 2 + 2 * 2]
