"""Approximations: never farther off than they say, and as near as they were asked to be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct, nn
from forwardnet.construct.functions import values_of
from forwardnet.errors import ArgumentError, ShapeError, UnknownNameError


def values(network: Any, x: np.ndarray) -> np.ndarray:
    x = x if x.ndim == 2 else x[:, None]
    return network(ff.tensor(x, dtype=next(network.parameters()).dtype)).detach().numpy().ravel().astype(float)


def wave(x: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * x)


def bump(x: float) -> float:
    return math.exp(-x * x) + 0.1 * math.cos(9 * x)


def test_pulses() -> None:
    network = construct.pulse(0.5, 2.0, 3.0)
    assert values(network, np.array([-9, 0.49, 0.5, 1, 1.99, 2, 9])).tolist() == [0, 0, 3, 3, 3, 0, 0]
    assert network.about.size.widths == (2, 1)
    for t1, t2 in ((1.0, 1.0), (2.0, 1.0), (0.0, math.inf)):
        with pytest.raises(ArgumentError, match="expected t1 < t2, finite"):
            construct.pulse(t1, t2)


@pytest.mark.parametrize("n", [1, 7, 100])
def test_equal_pieces_have_the_value_in_the_middle(n: int) -> None:
    network = construct.approximate_1d(wave, (0, 1), n, dtype=ff.float64)
    assert network.about.size.widths == (n, 1)
    middles = (np.arange(n) + 0.5) / n
    np.testing.assert_allclose(values(network, middles), wave(middles), atol=1e-12)  # float64, sums of n terms
    assert values(network, np.array([-0.01, 1.5])) == pytest.approx([0, wave(middles[-1])], abs=1e-12)


@pytest.mark.parametrize("dtype", [ff.float32, ff.float64])
@pytest.mark.parametrize(("f", "interval", "steepest"), [(wave, (0, 1), 2 * math.pi), (bump, (-2, 3), 1.76)])
def test_errors_are_as_stated_on_a_dense_grid(f: Any, interval: Any, steepest: float, dtype: Any) -> None:
    x = np.linspace(*interval, 30_001)
    x = x.astype(np.float32).astype(float) if dtype is ff.float32 else x
    wanted = np.array([f(v) for v in x])
    # float32: a place rounded over a threshold adds the rise of f on the way, and sums of n terms their rounding.
    slack = 1e-5 if dtype is ff.float32 else 1e-9
    for n in (10, 333):
        network = construct.approximate_1d(f, interval, n, dtype=dtype)
        off = np.abs(values(network, x) - wanted).max()
        assert 0.95 * network.about.error <= off <= network.about.error * (1 + 1e-3) + slack
        proved = construct.approximate_1d(f, interval, n, lipschitz=steepest, dtype=dtype)
        assert off <= proved.about.error + slack
        assert proved.about.error == pytest.approx(steepest * (interval[1] - interval[0]) / (2 * n))
    for error in (0.2, 0.01):
        for lipschitz in (None, steepest):
            network = construct.approximate_1d(f, interval, error=error, lipschitz=lipschitz, dtype=dtype)
            assert np.abs(values(network, x) - wanted).max() <= error + slack
            assert network.about.error <= error


def test_adaptive_pieces_are_about_as_few_as_can_be() -> None:
    # Each piece spans a band of 2 * error, so a monotone stretch of height 1 takes 1 / (2 * error) of them.
    for error in (0.1, 0.01, 0.001):
        n = construct.approximate_1d(lambda x: x**3, (0, 1), error=error).about.size.widths[0]
        assert 1 / (2 * error) <= n <= 1.2 / (2 * error) + 1
        equal = construct.approximate_1d(lambda x: x**3, (0, 1), error=error, lipschitz=3.0).about.size.widths[0]
        assert equal == math.ceil(3 / (2 * error)) and n < 0.5 * equal


def test_a_constant_function_needs_one_piece() -> None:
    network = construct.approximate_1d(lambda x: 2.5, (0, 1), error=0.1)
    assert network.about.size.units == 2 and network.about.error == 0
    assert values(network, np.array([0.0, 0.3, 1.0])).tolist() == [2.5] * 3


@pytest.mark.parametrize("output", ["sigmoid", "tanh"])
def test_an_output_activation_gives_the_same_values(output: str) -> None:
    def f(x: np.ndarray) -> np.ndarray:
        return 0.5 + 0.4 * np.sin(x)

    x = np.linspace(0, 5.9999, 5000)
    plain = construct.approximate_1d(f, (0, 6), 50, dtype=ff.float64)
    network = construct.approximate_1d(f, (0, 6), 50, output=output, dtype=ff.float64)
    assert type(network[-1]) is {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh}[output]
    np.testing.assert_allclose(values(network, x), values(plain, x), rtol=1e-12)
    flat = construct.approximate_nd(lambda p: f(p[:, 0]), [(0, 6)], 50, output=output, dtype=ff.float64)
    np.testing.assert_allclose(values(flat, np.array([0.1, 5.9])), f(np.array([0.12, 5.88])), atol=0.02)
    with pytest.raises(ArgumentError, match="f goes from .* expected values between"):
        construct.approximate_1d(lambda x: 2 * x, (0, 1), 9, output=output)
    with pytest.raises(UnknownNameError, match="unknown output of approximate_1d, 'sigmoit'"):
        construct.approximate_1d(f, (0, 1), 9, output="sigmoit")


def test_steep_sigmoids_approximate_too() -> None:
    x = np.linspace(0, 1, 4001)
    network = construct.approximate_1d(wave, (0, 1), 50, steepness=2000.0, dtype=ff.float64)
    near = np.abs((x * 50) % 1 - 0.5) < 0.3  # away from the thresholds, where a sigmoid is on its way
    assert np.abs(values(network, x) - wave(x))[near].max() <= network.about.size.widths[0] ** -1 * math.pi


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "units is None and error None, expected one of them"),
        ({"units": 3, "error": 0.1}, "units is 3 and error 0.1, expected one of them"),
        ({"units": 0}, "units is 0, expected a whole number >= 1"),
        ({"error": -1.0}, "error is -1.0, expected a positive number"),
        ({"error": 0.1, "lipschitz": 0.0}, "lipschitz is 0.0, expected a positive number"),
    ],
)
def test_what_has_to_be_given(arguments: dict[str, Any], told: str) -> None:
    for build in (
        lambda: construct.approximate_1d(wave, (0, 1), **arguments),
        lambda: construct.approximate_nd(lambda x, y: x, [(0, 1), (0, 1)], **arguments),
    ):
        with pytest.raises(ArgumentError) as error:
            build()
        assert told in str(error.value)


def test_functions_that_cannot_be_approximated() -> None:
    with pytest.raises(ArgumentError, match="f moves by 1 between x = 0.5 and the next of 1048576 samples") as error:
        construct.approximate_1d(lambda x: x > 0.5, (0, 1), error=0.01)
    assert "no staircase of finite steps comes near a jump" in str(error.value)
    with pytest.raises(ArgumentError, match="f is not finite at 0.5"):
        construct.approximate_1d(lambda x: 1 / (x - 0.5), (0, 1), 1)
    with pytest.raises(ArgumentError, match="f cannot be called: .*\nhint: f takes 1 numbers, or points in rows"):
        construct.approximate_1d(lambda: 1, (0, 1), 4)
    with pytest.raises(ArgumentError, match="expected low < high"):
        construct.approximate_1d(wave, (1, 0), 4)


def test_functions_are_called_in_any_way() -> None:
    points = np.random.default_rng(0).uniform(size=(5, 2))
    wanted = points[:, 0] * points[:, 1] + 1
    for f in (
        lambda p: p[:, 0] * p[:, 1] + 1,
        lambda p: (p[:, 0] * p[:, 1] + 1)[:, None],
        lambda x, y: x * y + 1,
        lambda x, y: math.prod((x, y)) + 1,
        lambda p: float(p[0]) * float(p[1]) + 1,
    ):
        np.testing.assert_allclose(values_of(f, points, "here"), wanted, rtol=1e-15)
    np.testing.assert_array_equal(values_of(lambda p: 3, points, "here"), [3] * 5)
    np.testing.assert_allclose(values_of(math.sin, points[:, :1], "here"), np.sin(points[:, 0]), rtol=1e-15)


# ---------------------------------------------------------------- several dimensions


def hill(p: np.ndarray) -> np.ndarray:
    return np.sin(3 * p[:, 0]) * np.cos(2 * p[:, 1])


SQUARE = ((0.0, 1.0), (-1.0, 1.0))


def test_boxes_have_the_value_in_the_middle_and_the_stated_error() -> None:
    x = np.random.default_rng(0).uniform(*np.array(SQUARE).T, (20_000, 2))
    errors = []
    for units in (1, 7, 97, 400):
        network = construct.approximate_nd(hill, SQUARE, units)
        hidden = network.about.size.widths[:-1]
        assert sum(hidden) <= max(units, 1) and len(hidden) == (1 if units == 1 else 2)
        k = round(hidden[-1] ** 0.5)
        middles = (np.arange(k) + 0.5) / k
        at = np.stack(np.meshgrid(middles, 2 * middles - 1), axis=-1).reshape(-1, 2)
        np.testing.assert_allclose(values(network, at), hill(at), atol=1e-6)
        off = np.abs(values(network, x) - hill(x)).max()
        # Measured at up to 81 places in each box, the corners among them; smooth f moves little between those.
        assert off <= network.about.error * 1.02 + 1e-6
        errors.append(off)
    assert errors == sorted(errors, reverse=True)


def test_boxes_to_a_given_error() -> None:
    x = np.random.default_rng(0).uniform(*np.array(SQUARE).T, (20_000, 2))
    network = construct.approximate_nd(hill, SQUARE, error=0.2)
    assert np.abs(values(network, x) - hill(x)).max() <= 0.2 * 1.02
    steepest = 3.0  # |grad|^2 = 9 cos^2 cos^2 + 4 sin^2 sin^2
    proved = construct.approximate_nd(hill, SQUARE, error=0.2, lipschitz=steepest)
    assert np.abs(values(proved, x) - hill(x)).max() <= proved.about.error <= 0.2
    assert "proved" in proved.about.claim and proved.about.size.units >= network.about.size.units
    three = construct.approximate_nd(lambda x, y, z: x * y + z, [(0, 1)] * 3, error=0.25)
    p = np.random.default_rng(1).uniform(size=(5000, 3))
    assert np.abs(values(three, p) - (p[:, 0] * p[:, 1] + p[:, 2])).max() <= 0.25
    # Outside the domain it is what it is in the nearest box.
    assert values(network, np.array([[5.0, 0.1]])) == pytest.approx(values(network, np.array([[0.99, 0.1]])))


def test_boxes_that_would_be_too_many() -> None:
    with pytest.raises(ArgumentError, match="off by .* with 256 boxes along each axis, expected 1e-06"):
        construct.approximate_nd(hill, SQUARE, error=1e-6)
    with pytest.raises(ArgumentError, match="100 boxes along each of 4 axes are 100000000, expected at most 65536"):
        construct.approximate_nd(lambda p: p[:, 0], [(0, 1)] * 4, error=0.01, lipschitz=1.0)
    with pytest.raises(ShapeError, match=r"domain has shape \(2,\), expected \(d, 2\)"):
        construct.approximate_nd(hill, (0, 1), 9)


def test_ridges_are_one_hidden_layer_and_come_nearer() -> None:
    x = np.random.default_rng(0).uniform(*np.array(SQUARE).T, (20_000, 2))
    average = []
    for units in (20, 80, 320):
        network = construct.ridges(hill, SQUARE, units)
        assert network.about.size.widths == (units, 1)
        off = np.abs(values(network, x) - hill(x))
        assert off.max() <= 1.6 * network.about.error, "measured elsewhere, on another grid"
        average.append(off.mean())
    assert average[0] > 2 * average[1] > 4 * average[2]
    line = construct.ridges(lambda x: x, [(0, 1)], 50)
    assert np.abs(values(line, np.linspace(0, 1, 999)) - np.linspace(0, 1, 999)).max() < 0.03
    three = construct.ridges(lambda p: p.sum(axis=1), [(0, 1)] * 3, 200)
    p = np.random.default_rng(1).uniform(size=(3000, 3))
    assert np.abs(values(three, p) - p.sum(axis=1)).mean() < 0.1
    with pytest.raises(ArgumentError, match="units is 1, expected at least 2"):
        construct.ridges(hill, SQUARE, 1)
