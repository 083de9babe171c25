"""What a network sees of a series at an origin, and what its outputs are added to."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet.data.series import Framing
from forwardnet.errors import ArgumentError, DataError

CASES = [
    Framing(5, 3),
    Framing(5, 3, is_difference=True),
    Framing(5, 3, season=4, is_seasonal=True),
    Framing(5, 10, season=4, is_difference=True, is_seasonal=True),
    Framing(5, 9, season=8),
    Framing(5, 9, season=8, is_difference=True),
]


@pytest.mark.parametrize("framing", CASES, ids=str)
def test_targets_and_base_give_the_future_back(framing: Framing) -> None:
    z = np.random.default_rng(0).integers(-1000, 1000, 60).astype(float)
    at = framing.origins(len(z))
    assert at[-1] == len(z) - framing.horizon - 1
    future = framing.base(z, at) + framing.targets(z, at)
    assert np.array_equal(future, z[at[:, None] + np.arange(1, framing.horizon + 1)])  # whole numbers: exact
    assert framing.inputs(z, at).shape == (len(at), framing.width)


@pytest.mark.parametrize("framing", CASES, ids=str)
def test_nothing_after_the_origin_is_seen_and_nothing_before_the_reach(framing: Framing) -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=60)
    at = np.array([40])
    changed = rng.normal(size=60)
    first = 40 - framing.reach + 1
    changed[first:41] = z[first:41]
    for of in (framing.inputs, framing.base):
        assert np.array_equal(of(z, at), of(changed, at))
    nudged = z.copy()
    nudged[first] += 1  # and the reach is not larger than needed
    assert not all(np.array_equal(of(z, at), of(nudged, at)) for of in (framing.inputs, framing.base))


def test_bases_are_the_naive_forecasts() -> None:
    t = np.arange(48)
    season = np.tile([1.0, 2.0, 4.0, 8.0], 12)
    at = np.array([30])
    assert np.array_equal(Framing(2, 6, 4, is_seasonal=True).base(season, at)[0], season[31:37])
    assert np.array_equal(Framing(2, 6, is_difference=True).base(season, at)[0], np.full(6, season[30]))
    # A trend over a season is continued, however far the horizon.
    assert np.array_equal(Framing(2, 10, 4, True, True).base(season + t, at)[0], (season + t)[31:41])


def test_a_framing_that_cannot_be_is_refused() -> None:
    with pytest.raises(ArgumentError, match="season of at least 2"):
        Framing(3, 1, is_seasonal=True)
    with pytest.raises(ArgumentError, match="window is 1"):
        Framing(1, 1, is_difference=True)
    with pytest.raises(DataError, match="4 values known, expected at least 5"):
        Framing(5, 1).inputs(np.ones(4), np.array([3]))
    with pytest.raises(DataError, match="not all known"):
        Framing(2, 3).targets(np.ones(9), np.array([6]))
    assert Framing(**CASES[3].to_dict()) == CASES[3]
