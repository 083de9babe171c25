"""Surfaces read from the registry: what is said about each is true; and the paths that optimisers take over them."""

from __future__ import annotations

import math

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import explain
from forwardnet.errors import ArgumentError, ShapeError, UnknownNameError
from forwardnet.explain import SURFACES

NAMES = sorted(SURFACES)


def test_the_standard_ones_are_there() -> None:
    assert {"valley", "saddle", "beale", "rosenbrock", "plateau"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_lowest_places_are_minima_and_nothing_is_lower(name: str) -> None:
    chosen = SURFACES[name]
    for place in chosen.lowest:
        at = chosen.at(place)
        assert at.value() == pytest.approx(chosen.least, abs=1e-12)
        assert np.abs(at.gradient()).max() < 1e-11 and explain.spectrum(at).kind == "minimum"
    _, _, z = chosen.grid(201)
    assert z.min() >= chosen.least - 1e-12, "nowhere on the grid is it lower"


@pytest.mark.parametrize("name", NAMES)
def test_critical_places_have_no_gradient_and_the_start_has(name: str) -> None:
    chosen = SURFACES[name]
    for place in chosen.critical:
        assert np.abs(chosen.at(place).gradient()).max() < 1e-11
    assert np.abs(chosen.at(chosen.start).gradient()).max() > 1e-4
    x0, x1, y0, y1 = chosen.box
    assert x0 < chosen.start[0] < x1 and y0 < chosen.start[1] < y1
    for x, y in (*chosen.lowest, *chosen.critical):
        assert x0 < x < x1 and y0 < y < y1, "what is known can be seen"
    assert chosen.formula.startswith("f = ") and chosen.kind


@pytest.mark.parametrize("name", NAMES)
def test_numbers_arrays_and_tensors_agree(name: str) -> None:
    chosen = SURFACES[name]
    places = np.random.default_rng(0).uniform(-1, 1, size=(2, 5))
    array = np.asarray(chosen(*places))
    tensor = chosen(*(ff.tensor(p) for p in places)).numpy()
    single = [float(np.asarray(chosen(np.float64(x), np.float64(y)))) for x, y in places.T]
    np.testing.assert_allclose(array, tensor, rtol=1e-14)
    np.testing.assert_allclose(array, single, rtol=1e-14, atol=1e-15)


def test_published_values() -> None:
    assert SURFACES["rosenbrock"](-1.2, 1.0) == pytest.approx(24.2)  # More, Garbow & Hillstrom 1981, problem 1
    assert SURFACES["beale"](1.0, 1.0) == pytest.approx(14.203125)  # problem 5 there
    assert SURFACES["himmelblau"](0.0, 0.0) == 170
    assert SURFACES["camel"].least == pytest.approx(-1.0316, abs=5e-5)
    assert explain.spectrum(SURFACES["valley"].at((0, 0))).condition_number == pytest.approx(100, rel=1e-12)


def test_kinds_of_the_critical_points() -> None:
    kinds = {name: [explain.spectrum(s.at(p)).kind for p in s.critical] for name, s in SURFACES.items() if s.critical}
    assert kinds["saddle"] == ["saddle"] and kinds["beale"] == ["saddle"] and kinds["himmelblau"] == ["maximum"]
    assert kinds["monkey_saddle"] == ["degenerate"], "second order sees nothing there"
    assert kinds["camel"] == ["saddle", "minimum", "minimum"]


def test_adding_a_surface_is_one_function() -> None:
    @explain.surface("bowl", start=(1.0, 1.0), box=(-2, 2, -2, 2), lowest=((0.0, 0.0),))
    def quartic(x: object, y: object) -> object:
        """f = x^4 + y^4"""
        return x**4 + y**4  # type: ignore[operator]

    try:
        runs = explain.trajectories("quartic", {"sgd": {"lr": 0.1}}, steps=5)
        assert runs["sgd"].values[-1] < runs["sgd"].values[0]
    finally:
        del SURFACES["quartic"]


# ---------------------------------------------------------------- paths

RECIPES = {
    "sgd": {"lr": 0.05},
    "momentum": {"optimizer": "sgd", "lr": 0.05, "momentum": 0.9},
    "adagrad": {"lr": 0.05},
    "rmsprop": {"lr": 0.05, "alpha": 0.9},
    "adam": {"lr": 0.05},
}


def test_OP10_OP21_who_leaves_the_saddle_when() -> None:
    runs = explain.trajectories("saddle", RECIPES, steps=100)
    left = runs.steps_until(lambda place: abs(place[1]) > 1)
    assert left == {"sgd": 73, "momentum": 27, "adagrad": 57, "rmsprop": 8, "adam": 20}
    for path in runs.paths:
        assert path.places.shape == (101, 2) and path.places[0].tolist() == [1.0, 0.001]
        np.testing.assert_allclose(path.values, SURFACES["saddle"](*path.places.T), rtol=1e-13)


def test_OP01_OP11_paths_are_those_of_the_rule() -> None:
    runs = explain.trajectories("valley", {"sgd": {"lr": 0.019}}, steps=100)
    expected = np.array([(1 - 0.019) ** np.arange(101), (1 - 1.9) ** np.arange(101)]).T
    np.testing.assert_allclose(runs["sgd"].places, expected, rtol=1e-11)  # a hundred roundings
    assert runs["sgd"].values[-1] == pytest.approx(0.01078, rel=5e-4)


def test_VF12_momentum_turns_less_often_than_it_would_without() -> None:
    runs = explain.trajectories(
        "valley",
        {"steep": {"optimizer": "sgd", "lr": 0.019}, "momentum": {"optimizer": "sgd", "lr": 0.01, "momentum": 0.9}},
        steps=100,
    )
    turns = runs.zigzag()
    assert turns["steep"] > 1.5 * turns["momentum"], "across the ravine plain descent turns at every step at first"
    arrived = runs.arrivals(within=0.05)
    assert arrived["momentum"] is not None and (arrived["steep"] is None or arrived["momentum"] < arrived["steep"])


def test_optimisers_that_look_again_and_own_ones() -> None:
    runs = explain.trajectories(
        "rosenbrock",
        {"lbfgs": {"line_search_fn": "strong_wolfe"}, "own": lambda p: ff.optim.Adam(p, lr=0.2)},
        steps=40,
    )
    assert runs.arrivals()["lbfgs"] is not None and "lbfgs arrived after" in runs.summary()
    assert "own is at" in runs.summary() and math.isfinite(runs["own"].values[-1])


def test_divergence_is_named_and_drawn_to_its_end() -> None:
    runs = explain.trajectories("beale", {"sgd": {"lr": 10.0}}, steps=30)
    path = runs["sgd"]
    assert path.diverged and np.isfinite(path.places).all() and path.places.shape == (31, 2)
    assert "sgd diverged." in runs.summary()


def test_VF13_a_start_on_a_plateau_or_in_a_dent_stays_there() -> None:
    """What descent finds depends on where it begins: the plateau, a local minimum, or the lowest place."""
    flat = explain.trajectories("plateau", {"sgd": {"lr": 0.1}}, steps=100)
    assert np.abs(flat["sgd"].places[-1] - flat["sgd"].places[0]).max() < 0.01, "hardly any gradient there"
    near = explain.trajectories("plateau", {"sgd": {"lr": 0.1}}, steps=100, start=(0.7, 0.7))
    assert near.arrivals()["sgd"] is not None
    runs = explain.trajectories(
        "hills", {"sgd": {"lr": 0.1}, "ball": {"optimizer": "sgd", "lr": 0.1, "momentum": 0.9}}, steps=300
    )
    dent = SURFACES["hills"].at(runs["sgd"].places[-1])
    assert runs.arrivals()["sgd"] is None and explain.spectrum(dent).kind == "minimum", "the nearest dent"
    assert runs.arrivals()["ball"] is not None, "momentum rolls on through two dents to the lowest place"
    near = explain.trajectories("hills", {"sgd": {"lr": 0.1}}, steps=300, start=(-1.2, 0.6))
    assert near.arrivals()["sgd"] is not None


def test_misuse_is_named() -> None:
    with pytest.raises(UnknownNameError, match="unknown surface 'saddel'\nhint: did you mean 'saddle'"):
        explain.trajectories("saddel", ["sgd"])
    with pytest.raises(UnknownNameError, match="unknown optimizer 'momentum'"):
        explain.trajectories("saddle", {"momentum": {"lr": 0.1}})
    with pytest.raises(ArgumentError, match="0 steps of 1 optimisers"):
        explain.trajectories("saddle", ["sgd"], steps=0)
    with pytest.raises(ShapeError, match=r"start has shape \(3,\), expected two numbers"):
        explain.trajectories("saddle", ["sgd"], start=(1, 2, 3))
    with pytest.raises(UnknownNameError, match="unknown path 'adm'"):
        explain.trajectories("saddle", ["adam"], steps=2)["adm"]
