"""Which parameters are tried: all of a grid, draws that the seed decides, ranges of numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy import stats

from forwardnet.errors import ArgumentError
from forwardnet.validate.space import Between, draws, grid

LISTS: dict[str, Any] = {"a": [1, 2, 3], "b": ("x", "y"), "c": np.array([0.5])}


def test_a_grid_has_every_combination_once() -> None:
    found = grid(LISTS)
    assert len(found) == 6
    assert found[0] == {"a": 1, "b": "x", "c": 0.5}
    assert found[1] == {"a": 1, "b": "y", "c": 0.5}
    assert isinstance(found[0]["c"], float)


def test_draws_from_lists_repeat_nothing_and_end_with_the_grid() -> None:
    found = draws(LISTS, 4, seed=0)
    assert len({tuple(one.values()) for one in found}) == 4
    assert sorted(map(str, draws(LISTS, 100, seed=0))) == sorted(map(str, grid(LISTS)))
    assert found == draws(LISTS, 4, seed=0) != draws(LISTS, 4, seed=1)


def test_ranges_are_covered_evenly() -> None:
    """The oracle is the distribution: shares of draws in parts of the range, within 5 standard errors."""
    space = {"rate": Between(1e-4, 1e-1, log=True), "share": Between(0, 1), "n": Between(1, 4, whole=True)}
    found = draws(space, 3000, seed=0)
    logs = np.log10([one["rate"] for one in found])
    shares = np.array([one["share"] for one in found])
    error = 5 * np.sqrt(1 / 3 * 2 / 3 / 3000)
    assert -4 <= logs.min() and logs.max() <= -1
    for low in (-4, -3, -2):
        assert ((logs >= low) & (logs < low + 1)).mean() == pytest.approx(1 / 3, abs=error)
    assert ((0.2 < shares) & (shares < 0.2 + 1 / 3)).mean() == pytest.approx(1 / 3, abs=error)
    counts = Counter(one["n"] for one in found)
    assert set(counts) == {1, 2, 3, 4} and all(isinstance(one["n"], int) for one in found)
    assert min(counts.values()) > 3000 * (1 / 4 - error)
    assert abs(np.corrcoef(logs, shares)[0, 1]) < 5 / np.sqrt(3000)


def test_the_ends_of_whole_logarithmic_ranges_are_in_them() -> None:
    between = Between(1, 64, log=True, whole=True)
    assert [between.at(share) for share in (0.0, 0.5, 1 - 1e-9)] == [1, round((0.5 * 64.5) ** 0.5), 64]


def test_distributions_of_scipy() -> None:
    space = {"x": stats.norm(3, 0.1), "y": [1, 2]}
    found = draws(space, 50, seed=0)
    assert np.mean([one["x"] for one in found]) == pytest.approx(3, abs=5 * 0.1 / np.sqrt(50))
    assert found == draws(space, 50, seed=0)
    assert {one["y"] for one in found} == {1, 2}


WRONG: list[tuple[Any, Any, str]] = [
    (grid, {}, "space is empty"),
    (grid, {"a": []}, "nothing to try for 'a'"),
    (grid, {"a": 3}, "'a' is 3, expected a list of values"),
    (grid, {"a": "xy"}, "'a' is 'xy', expected a list of values"),
    (grid, {"a": Between(0, 1)}, "a grid needs a list"),
]


@pytest.mark.parametrize(("function", "space", "message"), WRONG, ids=lambda v: str(v)[:20])
def test_wrong_spaces(function: Any, space: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        function(space)


def test_wrong_ranges() -> None:
    with pytest.raises(ArgumentError, match="from 2 to 1, expected low < high"):
        Between(2, 1)
    with pytest.raises(ArgumentError, match="above 0"):
        Between(0, 1, log=True)
