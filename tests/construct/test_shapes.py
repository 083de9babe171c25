"""Pictures, shapes and cylinders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct
from forwardnet.construct import shapes
from forwardnet.construct.shapes import rectangles
from forwardnet.errors import ArgumentError, ShapeError


def values(network: Any, points: np.ndarray) -> np.ndarray:
    return network(ff.tensor(points, dtype=next(network.parameters()).dtype)).numpy().ravel()


def disc(p: np.ndarray) -> np.ndarray:
    return (p**2).sum(axis=1) <= 1


def ring(p: np.ndarray) -> np.ndarray:
    return disc(p) & ((p**2).sum(axis=1) >= 0.3)


def island(p: np.ndarray) -> np.ndarray:
    return ring(p) | ((p**2).sum(axis=1) <= 0.1)


def flower(p: np.ndarray) -> np.ndarray:
    return np.hypot(*p.T) < 1 + 0.4 * np.sin(5 * np.arctan2(p[:, 1], p[:, 0]))


def two(p: np.ndarray) -> np.ndarray:
    return (((p - 0.9) ** 2).sum(axis=1) < 0.3) | (((p + 0.9) ** 2).sum(axis=1) < 0.3)


def everything(p: np.ndarray) -> np.ndarray:
    return np.ones(len(p), bool)


DOMAIN = ((-1.5, 1.5), (-1.4, 1.6))


@pytest.mark.parametrize("inside", [disc, ring, island, flower, two, everything], ids=lambda f: f.__name__)
def test_shapes_to_a_given_accuracy(inside: Any) -> None:
    places = np.random.default_rng(0).uniform(*np.array(DOMAIN).T, (60_000, 2))
    wanted = inside(places)
    units = []
    for accuracy in (0.03, 0.003):
        network = construct.shape(inside, DOMAIN, accuracy=accuracy)
        wrong = np.mean(values(network, places) != wanted)
        # A share p counted on n random places is off by sqrt(p / n), four times which nothing exceeds.
        assert wrong <= accuracy + 4 * np.sqrt(accuracy / len(places))
        assert abs(wrong - network.about.error) <= 4 * np.sqrt(accuracy / len(places))
        assert network.about.error <= accuracy
        units.append(network.about.size.units)
    assert units[0] < units[1] or inside is everything
    assert network.about.size.layers == (2 if inside in (disc, everything) else 3)


def test_shapes_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match="no point of the domain is inside"):
        construct.shape(lambda p: p[:, 0] > 9, DOMAIN)
    with pytest.raises(ArgumentError, match="accuracy is 0, expected a part of the area between 0 and 1"):
        construct.shape(disc, DOMAIN, accuracy=0)
    with pytest.raises(ShapeError, match=r"domain has shape \(1, 2\), expected \(2, 2\)"):
        construct.shape(disc, [(0, 1)])
    with pytest.raises(ArgumentError, match="expected low < high"):
        construct.shape(disc, [(0, 1), (1, 1)])
    rng = np.random.default_rng(0)
    monkeypatch.setattr(shapes, "LAST_GRID", 48)
    with pytest.raises(ArgumentError, match="with a grid of 48 x 48, expected 0.01\nhint: ask for less"):
        construct.shape(lambda p: rng.random(len(p)) < 0.5, DOMAIN)


# ---------------------------------------------------------------- pictures


def test_pictures_are_exact_on_every_pixel() -> None:
    rng = np.random.default_rng(1)
    for size in [(1, 1), (3, 5), (8, 8), (12, 7)]:
        mask = rng.random(size) < 0.5
        mask[0, 0] = True
        network = construct.from_image(mask)
        row, column = np.indices(size)
        for off in (0, 0.25, 0.999):
            points = np.stack([column, row], axis=-1).reshape(-1, 2) + off
            np.testing.assert_array_equal(values(network, points), mask.ravel())
        # nothing outside
        assert not values(network, np.array([[-0.1, 0], [0, -0.1], [size[1], 0], [0, size[0]]])).any()


def test_a_domain_for_a_picture() -> None:
    mask = np.array([[1, 0, 0, 0], [1, 1, 1, 1]])
    network = construct.from_image(mask, domain=((-2, 2), (10, 12)))
    assert values(network, np.array([[-1.5, 10.5], [1.5, 10.5], [1.5, 11.5], [-2.1, 11]])).tolist() == [1, 0, 1, 0]
    assert construct.from_image(np.ones((5, 6))).about.size.widths == (4, 1)
    with pytest.raises(ArgumentError, match="no pixel is true"):
        construct.from_image(np.zeros((2, 2)))
    with pytest.raises(ShapeError, match=r"mask has shape \(3,\)"):
        construct.from_image(np.ones(3))


def test_rectangles_fill_the_pixels_once() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        mask = rng.random((9, 11)) < rng.random()
        count = np.zeros(mask.shape, int)
        for top, bottom, left, right in rectangles(mask):
            count[top:bottom, left:right] += 1
        np.testing.assert_array_equal(count, mask)
    assert rectangles(np.ones((4, 3), bool)) == [(0, 4, 0, 3)]


# ---------------------------------------------------------------- cylinders


def test_cylinders_inside_and_far_away() -> None:
    for n in (4, 5, 64):
        network = construct.cylinder((1.0, -2.0), 0.5, n)
        assert network.about.size.widths == (n, 1)
        angle = np.linspace(0, 2 * np.pi, 300)
        around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        centre = np.array([1.0, -2.0])
        np.testing.assert_allclose(values(network, centre + 0.499 * around), 1, atol=1e-5)  # float32, n terms
        far = values(network, centre + 1e4 * around)
        assert np.abs(far).max() <= (1e-5 if n % 2 == 0 else 1 / n + 1e-5)  # half of them fire; of an odd number nearly


def test_a_cut_cylinder_is_the_polygon_around_the_disc() -> None:
    network = construct.cylinder((0.0, 0.0), 1.0, 32, cut=True)
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (20_000, 2))
    r = np.hypot(*points.T)
    y = values(network, points)
    assert y[r <= 0.9999].all() and not y[r >= 1.0001 / np.cos(np.pi / 32)].any()
    between = (r > 1) & (r < 1 / np.cos(np.pi / 32))
    assert 0 < y[between].mean() < 1


def test_cylinders_that_cannot_be() -> None:
    for radius, units in ((0.0, 8), (np.inf, 8), (1.0, 2)):
        with pytest.raises(ArgumentError, match="expected a positive radius, 3 or more"):
            construct.cylinder((0, 0), radius, units)
    with pytest.raises(ShapeError, match=r"center has shape \(3,\)"):
        construct.cylinder((0, 0, 0))
