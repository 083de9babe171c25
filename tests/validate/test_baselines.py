"""Baselines: each learns what it can learn, from training rows alone, with missing values and unseen levels."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet.data.tables import Column, Table
from forwardnet.errors import DataError, UnknownNameError
from forwardnet.validate.baselines import BASELINES, baseline, possible


def table(n: int, seed: int = 0, levels: int = 4) -> tuple[Table, np.ndarray]:
    """The target is x + 2 where the colour is 1; a tenth of x is missing."""
    rng = np.random.default_rng(seed)
    x, code = rng.normal(size=n), rng.integers(0, levels, n).astype(np.int32)
    y = x + 2 * (code == 1)
    x[rng.random(n) < 0.1] = np.nan
    code[rng.random(n) < 0.05] = -1
    names = tuple(f"c{k}" for k in range(levels))
    number = Column("id", "identifier", np.arange(n, dtype=np.int32), tuple(map(str, range(n))))
    return Table((Column("x", "number", x), Column("colour", "category", code, names), number)), y


@pytest.mark.parametrize("n_classes", [None, 2])
def test_better_models_are_better(n_classes: int | None) -> None:
    train, y = table(600)
    test, y_test = table(300, seed=1)
    if n_classes:
        y, y_test = (y > 0.5).astype(np.int64), (y_test > 0.5).astype(np.int64)
    errors = {}
    for name in BASELINES:
        found = baseline(name, train, y, test, n_classes=n_classes).predictions
        if n_classes:
            assert found.shape == (300, 2)
            np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)  # float32 in places
            errors[name] = float((found.argmax(axis=1) != y_test).mean())
        else:
            assert found.shape == (300,)
            errors[name] = float(np.mean((found - y_test) ** 2))
    assert errors["linear"] < 0.6 * errors["simplest"]
    assert errors["boosting"] < 0.6 * errors["simplest"]


def test_the_simplest_is_the_weighted_mean_or_the_shares() -> None:
    train, _ = table(4)
    weight = np.array([1.0, 1, 1, 5])
    mean = baseline("simplest", train, np.array([0.0, 0, 0, 8]), train, n_classes=None, weight=weight)
    assert mean.predictions.tolist() == [5.0] * 4
    shares = baseline("simplest", train, np.array([0, 0, 1, 2]), train, n_classes=4)
    assert shares.predictions[0].tolist() == [0.5, 0.25, 0.25, 0.0]


@pytest.mark.parametrize("name", ["linear", "boosting"])
def test_unseen_levels_absent_classes_and_many_levels(name: str) -> None:
    train, y = table(400, levels=300)
    test, _ = table(50, seed=2, levels=300)
    labels = np.where(y > 0, 2, 0)  # no row of class 1
    found = baseline(name, train, labels, test, n_classes=3).predictions
    assert found.shape == (50, 3) and (found[:, 1] == 0).all() and np.isfinite(found).all()
    same = baseline(name, train, np.zeros(400, np.int64), test, n_classes=3).predictions
    assert same[:, 0].tolist() == [1.0] * 50


@pytest.mark.parametrize("name", ["linear", "boosting"])
def test_weights_matter(name: str) -> None:
    train, _ = table(200)
    y = np.arange(200) % 2 * 10.0
    light = baseline(name, train, y, train, n_classes=None).predictions.mean()
    heavy = baseline(name, train, y, train, n_classes=None, weight=np.where(y > 0, 9.0, 1.0)).predictions.mean()
    assert heavy > light + 2  # the weighted mean is 9 instead of 5


def test_what_cannot_be_fitted_is_said() -> None:
    train, y = table(20)
    unused = train.select(["id"])
    assert possible(unused) == ("simplest",)
    with pytest.raises(DataError, match="0 columns"):
        baseline("linear", unused, y, unused, n_classes=None)
    with pytest.raises(UnknownNameError, match="did you mean 'linear'"):
        baseline("linaer", train, y, train, n_classes=None)


@pytest.mark.parametrize("name", ["linear", "boosting"])
def test_huge_numbers_and_columns_without_values(name: str) -> None:
    n = 40
    rng = np.random.default_rng(0)
    huge = Column("huge", "number", 1e300 * rng.normal(size=n))
    gone = Column("gone", "number", np.where(np.arange(n) == n - 1, 1.0, np.nan))
    data, y = Table((huge, gone)), rng.normal(size=n)
    train, test = data.take(slice(0, n - 1)), data.take(slice(n - 1, n))
    assert np.isfinite(baseline(name, train, y[:-1], test, n_classes=None).predictions).all()
    alone = baseline(name, train.select(["gone"]), y[:-1], test, n_classes=None).predictions
    assert alone.tolist() == pytest.approx([y[:-1].mean()])


def test_a_class_of_one_row_among_many() -> None:
    train, y = table(10_002)
    labels = (y > 0).astype(np.int64)
    labels[5] = 2
    found = baseline("boosting", train, labels, train.take(slice(0, 50)), n_classes=3).predictions
    assert (found[:, :2].argmax(axis=1) == labels[:50])[np.arange(50) != 5].mean() > 0.7


@pytest.mark.parametrize("name", ["linear", "boosting"])
def test_levels_of_another_file_are_known_by_name(name: str) -> None:
    """The same rows, from a file that numbers its colours otherwise and has one more, get the same predictions."""
    train, y = table(400)
    test, _ = table(200, seed=1)
    colour = test["colour"]
    names = ("new", *reversed(colour.levels or ()))
    codes = np.where(colour.values < 0, -1, len(names) - 1 - colour.values).astype(np.int32)
    other = Table((test["x"], Column("colour", "category", codes, names), test["id"]))
    assert [names[c] for c in codes[:5] if c >= 0] == [(colour.levels or ())[c] for c in colour.values[:5] if c >= 0]
    expected = baseline(name, train, y, test, n_classes=None).predictions
    np.testing.assert_array_equal(baseline(name, train, y, other, n_classes=None).predictions, expected)
