"""Generated data: the same bits as the published generators, the figures of the text, and the formulas."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_circles, make_moons

from forwardnet.data import generators
from forwardnet.errors import ArgumentError

SIZES = [(200, 0.2, 0), (7, 0.5, 3), (100, 0.0, 1), (1001, 1.0, 42), (2, 0.1, 5)]


@pytest.mark.parametrize(("n", "noise", "seed"), SIZES)
def test_moons_are_bit_identical_to_scikit_learn(n: int, noise: float, seed: int) -> None:
    X, y = make_moons(n, noise=noise, random_state=seed)
    own_X, own_y = generators.moons(n=n, noise=noise, seed=seed)
    assert own_X.tobytes() == X.tobytes()
    assert own_y.tolist() == y.tolist()


@pytest.mark.parametrize(("n", "noise", "seed"), SIZES)
def test_circles_are_bit_identical_to_scikit_learn(n: int, noise: float, seed: int) -> None:
    X, y = make_circles(n, noise=noise, factor=0.3, random_state=seed)
    own_X, own_y = generators.circles(n=n, noise=noise, factor=0.3, seed=seed)
    assert own_X.tobytes() == X.tobytes()
    assert own_y.tolist() == y.tolist()


def test_ds03_moons_of_the_text() -> None:
    X, y = generators.moons()
    assert X.shape == (200, 2)
    assert np.round(X[0], 6).tolist() == [0.743461, 0.464656]
    assert y[:10].tolist() == [0, 1, 1, 0, 1, 1, 0, 1, 0, 1]


def test_ds08_parabola_of_the_text() -> None:
    X, y = generators.parabola()
    noise = (y - 2 - 3 * X[:, 0] ** 2) / 0.2
    assert np.round(noise[:3], 4).tolist() == [0.1117, 0.8158, 0.2626]  # the seeded uniform numbers
    assert (0 <= noise.round(9)).all() and (noise < 1).all()
    fit, *_ = np.linalg.lstsq(np.stack([X[:, 0] ** 2, np.ones(100)], axis=1), y, rcond=None)
    assert np.round(fit, 6).tolist() == [2.966840, 2.113779]


def test_ds01_xor_is_its_truth_table() -> None:
    X, y = generators.xor()
    assert X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert y.tolist() == [0, 1, 1, 0]


def test_formulas_hold_without_noise() -> None:
    X, y = generators.sine(n=50, noise=0.0)
    assert y.tolist() == np.sin(X[:, 0]).tolist()
    X, y = generators.circles(n=101, noise=0.0, factor=0.5)
    # cos^2 + sin^2 and a square root: a few roundings of size 1e-16
    np.testing.assert_allclose(np.hypot(*X.T), np.where(y == 0, 1.0, 0.5), rtol=1e-15)
    X, y = generators.spirals(n=90, arms=3, turns=1.0, noise=0.0)
    r = np.hypot(*X.T)
    angle = 2 * np.pi * (r + y / 3)
    np.testing.assert_allclose(X, np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1), atol=1e-14)  # as above


def test_blobs_lie_round_their_centers() -> None:
    X, y = generators.blobs(n=3000, centers=[[0, 0, 9], [5, 5, 5], [-5, 0, 0]], std=0.5)
    for cloud, center in enumerate([[0, 0, 9], [5, 5, 5], [-5, 0, 0]]):
        rows = X[y == cloud]
        assert len(rows) == 1000
        np.testing.assert_allclose(rows.mean(axis=0), center, atol=5 * 0.5 / 1000**0.5)  # five standard errors
        np.testing.assert_allclose(rows.std(axis=0), 0.5, rtol=5 / 2000**0.5)  # five standard errors
    X, y = generators.blobs(centers=4)
    assert np.unique(y).tolist() == [0, 1, 2, 3]


MADE = [
    generators.moons,
    generators.circles,
    generators.spirals,
    generators.blobs,
    generators.sine,
    generators.parabola,
]


@pytest.mark.parametrize("make", MADE, ids=lambda f: f.__name__)
def test_seeds(make: object) -> None:
    assert callable(make)
    same, again, other = make(seed=5), make(seed=5), make(seed=6)
    assert same[0].tobytes() + same[1].tobytes() == again[0].tobytes() + again[1].tobytes()
    assert same[0].tobytes() + same[1].tobytes() != other[0].tobytes() + other[1].tobytes()
    if same[1].dtype == np.int64:
        sizes = np.bincount(same[1])
        assert sizes.max() - sizes.min() <= 1, "the classes are equally large"


@pytest.mark.parametrize("make", MADE, ids=lambda f: f.__name__)
def test_sizes_that_cannot_be(make: object) -> None:
    assert callable(make)
    with pytest.raises(ArgumentError, match=f"^{make.__name__}: n is 1, expected at least"):  # type: ignore[attr-defined]
        make(n=1)


def test_options_that_cannot_be() -> None:
    for seed in (-1, 2**32, 0.5, "a"):
        with pytest.raises(ArgumentError, match=r"^seed is .*, expected a whole number from 0 to 4294967295$"):
            generators.sine(seed=seed)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"^moons: n is 2.5, expected a whole number$"):
        generators.moons(n=2.5)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"moons: noise is -1, expected a number >= 0"):
        generators.moons(noise=-1)
    with pytest.raises(ArgumentError, match=r"noise is nan"):
        generators.moons(noise=float("nan"))
    with pytest.raises(ArgumentError, match=r"circles: factor is 1, expected 0 <= factor < 1"):
        generators.circles(factor=1)
    with pytest.raises(ArgumentError, match=r"spirals: arms is 1"):
        generators.spirals(arms=1)
    with pytest.raises(ArgumentError, match=r"blobs: centers is 1, expected at least two centers"):
        generators.blobs(centers=1)
