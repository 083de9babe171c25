"""Partial dependence: exact for functions whose means are known."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet.data.tables import Column, Table
from forwardnet.errors import DataError, UnknownNameError
from forwardnet.explain.dependence import LEVELS, PLACES, partial_dependence


def table(n: int = 100) -> Table:
    rng = np.random.default_rng(0)
    x, code = rng.normal(size=n), rng.integers(0, 15, n).astype(np.int32)
    x[:3] = np.nan
    return Table(
        (
            Column("x", "number", x),
            Column("level", "category", code, tuple(f"l{k}" for k in range(15))),
            Column("flag", "boolean", (code % 2).astype(np.float64)),
            Column("none", "empty", np.full(n, np.nan)),
        )
    )


def predict(rows: Table) -> np.ndarray:
    """x^2 + 10 level + flag, and x alone."""
    x = rows["x"].values
    return np.stack([x**2 + 10 * rows["level"].values + rows["flag"].values, x], axis=1)


def test_a_sum_of_functions_depends_on_each_up_to_a_constant() -> None:
    data = table()
    known = data.take(slice(3, None))
    found = partial_dependence(predict, known, "x")
    at = np.array(found.places)
    rest = (10 * known["level"].values + known["flag"].values).mean()
    np.testing.assert_allclose(found.means[:, 0], at**2 + rest, rtol=1e-12)  # means of 97 numbers in another order
    np.testing.assert_allclose(found.means[:, 1], at, rtol=1e-12)
    assert len(at) == PLACES and (np.diff(at) > 0).all()


def test_levels_are_the_most_frequent_ones_and_small_sets_are_taken_whole() -> None:
    data = table().take(slice(3, None))
    found = partial_dependence(predict, data, "level")
    counts = np.bincount(data["level"].values, minlength=15)
    assert len(found.places) == LEVELS and found.places[0] == f"l{counts.argmax()}"
    numbers = np.array([int(name[1:]) for name in found.places])
    np.testing.assert_allclose(np.diff(found.means[:, 0]), 10 * np.diff(numbers), rtol=1e-9)
    assert partial_dependence(predict, data, "flag").places == (0.0, 1.0)


def test_the_table_stays_as_it_was() -> None:
    data = table().take(slice(3, None))
    before = [column.values.copy() for column in data]
    partial_dependence(predict, data, "x")
    for column, values in zip(data, before, strict=True):
        np.testing.assert_array_equal(column.values, values)


def test_what_has_no_places_is_refused() -> None:
    with pytest.raises(DataError, match="'none' has no value"):
        partial_dependence(predict, table(), "none")
    with pytest.raises(UnknownNameError, match="did you mean 'level'"):
        partial_dependence(predict, table(), "levle")
