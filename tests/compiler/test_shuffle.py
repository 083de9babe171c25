"""Native shuffling gives the orders of NumPy's generator, which is the oracle."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet import seeds
from forwardnet.compiler.shuffle import COUNTERS, HALVES, Shuffle

FULL = COUNTERS * HALVES  # elements from which on the words are drawn in several parts
# Where the number of bits that are drawn changes, and where the words of a part are used up.
SIZES = [0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 33, 150, FULL - 1, FULL, FULL + 1, FULL + 2, 2 * FULL + 1, 5000]


@pytest.mark.parametrize("seed", [0, 3, 2**63 + 5, 2**64 - 1])
def test_orders_are_those_of_numpy(seed: int) -> None:
    shuffle = Shuffle()
    for n in SIZES:
        expected = [seeds.slow_permutation(n, seed=seed, stream=7 + number) for number in range(3)]
        np.testing.assert_array_equal(shuffle.several(n, 3, seed, 7), np.stack(expected))
        np.testing.assert_array_equal(shuffle(n, seed, 8), expected[1])


@pytest.mark.parametrize("native", [True, False])
def test_orders_of_several_streams(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds._Native, "permutations", Shuffle().several if native else None)
    found = seeds.permutations(40, 2, seed=-1, stream=2**63)
    assert found.shape == (2, 40) and found.dtype == np.int64
    for row, stream in zip(found, (2**63, 2**63 + 1), strict=True):
        np.testing.assert_array_equal(row, seeds.slow_permutation(40, seed=2**64 - 1, stream=stream))
    assert seeds.permutations(40, 0, seed=1).shape == (0, 40)
