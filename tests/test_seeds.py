"""Philox4x32-10 against published answers and a slow version, and what is made of its words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from forwardnet import seeds
from ops import laws
from ops.formulas import slow_philox

word = st.integers(0, 2**32 - 1)
key64 = st.integers(0, 2**64 - 1)

# Salmon et al. (2011), file kat_vectors of Random123: counter, key, result. The last are digits of pi.
PUBLISHED = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def numbers(text: str) -> list[int]:
    return [int(w, 16) for w in text.split()]


@pytest.mark.parametrize(("counter", "key", "result"), PUBLISHED)
def test_published_answers(counter: str, key: str, result: str) -> None:
    found = seeds.philox(tuple(numbers(counter)), tuple(numbers(key)))  # type: ignore[arg-type]
    assert [f"{int(w):08x}" for w in found] == result.split()


@given(st.lists(word, min_size=4, max_size=4), st.lists(word, min_size=2, max_size=2))
def test_against_the_slow_version(counter: list[int], key: list[int]) -> None:
    found = seeds.philox(tuple(counter), tuple(key))  # type: ignore[arg-type]
    assert [int(w) for w in found] == slow_philox(counter, key)


def test_counters_may_be_arrays() -> None:
    words = seeds.philox((np.arange(5), 0, 7, 0), (1, 2))
    assert all(w.dtype == np.uint32 and w.shape == (5,) for w in words)
    for n in range(5):
        assert [int(w[n]) for w in words] == slow_philox([n, 0, 7, 0], [1, 2])


def test_where_seed_stream_and_position_go() -> None:
    """The seed is the key, the position the lower half of the counter, the stream the upper half."""
    seed, stream, start = 0x1122334455667788, 0x99AABBCCDDEEFF00, 0x0123456789ABCDEF
    found = seeds.bits(4, seed=seed, stream=stream, start=start)
    assert found.tolist() == slow_philox([0x89ABCDEF, 0x01234567, 0xDDEEFF00, 0x99AABBCC], [0x55667788, 0x11223344])


def test_positions_carry_over_32_bits() -> None:
    found = seeds.bits(8, seed=3, start=2**32 - 1)
    assert found.tolist() == slow_philox([2**32 - 1, 0, 0, 0], [3, 0]) + slow_philox([0, 1, 0, 0], [3, 0])


@given(st.integers(0, 40), st.integers(0, 40), key64, key64, st.integers(0, 2**40))
def test_fewer_words_are_the_beginning_of_more(n: int, more: int, seed: int, stream: int, start: int) -> None:
    how = {"seed": seed, "stream": stream, "start": start}
    short, long = seeds.bits(n, **how), seeds.bits(n + more, **how)
    assert short.dtype == np.uint32
    assert short.shape == (n,)
    assert np.array_equal(short, long[:n])


@given(st.integers(1, 10), st.integers(0, 10), key64)
def test_later_words_can_be_had_without_the_earlier(n: int, skip: int, seed: int) -> None:
    whole = seeds.bits(4 * (skip + n), seed=seed)
    assert np.array_equal(whole[4 * skip :], seeds.bits(4 * n, seed=seed, start=skip))


def test_seeds_beyond_64_bits_and_below_0_wrap() -> None:
    assert np.array_equal(seeds.bits(8, seed=-1), seeds.bits(8, seed=2**64 - 1))
    assert np.array_equal(seeds.bits(8, seed=2**64 + 5), seeds.bits(8, seed=5))


def test_every_seed_and_stream_has_its_own_numbers() -> None:
    drawn = [tuple(seeds.bits(4, seed=s, stream=t).tolist()) for s in range(30) for t in range(30)]
    assert len(set(drawn)) == 900


def correlation(a: Any, b: Any) -> float:
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"seed": 0, "stream": 1}, {"seed": 0, "start": 5000}, {"seed": 2**32}, {"seed": 0, "stream": 2**32}],
)
def test_streams_are_independent(other: dict[str, int]) -> None:
    """The correlation of n independent pairs has the deviation 1/sqrt(n); four of them come once in 16,000 tries."""
    n = 20_000
    a, b = seeds.unit64(seeds.bits(2 * n, seed=0)), seeds.unit64(seeds.bits(2 * n, **other))
    assert abs(correlation(a, b)) < 4 / math.sqrt(n)
    assert abs(correlation(a[1:], b[:-1])) < 4 / math.sqrt(n)


# ---------------------------------------------------------------- numbers from words

ENDS = np.array([0, 2**32 - 1, 2**31, 255, 256], np.uint32)


def test_unit32_takes_the_upper_24_bits() -> None:
    found = seeds.unit32(ENDS)
    assert found.dtype == np.float32
    assert found.tolist() == [0.0, 1 - 2.0**-24, 0.5, 0.0, 2.0**-24]
    assert found.max() < 1


def test_unit64_takes_53_bits_of_two_words() -> None:
    words = np.array([0, 0, 2**32 - 1, 2**32 - 1, 2**31, 0, 0, 2**11, 0, 2**11 - 1], np.uint32)
    found = seeds.unit64(words)
    assert found.dtype == np.float64
    assert found.tolist() == [0.0, 1 - 2.0**-53, 0.5, 2.0**-53, 0.0]


N = 100_000


@pytest.mark.parametrize(("unit", "words"), [(seeds.unit32, 1), (seeds.unit64, 2)])
def test_uniform_numbers_are_uniform(unit: Any, words: int) -> None:
    u = unit(seeds.bits(words * N, seed=42)).astype(np.float64)
    assert len(u) == N
    assert 0 <= u.min() < 1e-3
    assert 1 - 1e-3 < u.max() < 1
    # Deviations of the mean and of the mean square of n uniform numbers: sqrt(1/12n) and sqrt(4/45n).
    assert abs(u.mean() - 1 / 2) < 4 * math.sqrt(1 / 12 / N)
    assert abs((u**2).mean() - 1 / 3) < 4 * math.sqrt(4 / 45 / N)
    # Chi-square of 100 classes: 99 degrees of freedom, deviation sqrt(198).
    counts = np.bincount((u * 100).astype(int), minlength=100)
    assert abs(((counts - N / 100) ** 2 / (N / 100)).sum() - 99) < 4 * math.sqrt(198)


def test_normal_numbers_are_normal() -> None:
    z = seeds.normal64(seeds.bits(2 * N, seed=7))
    assert z.shape == (N,)
    assert np.isfinite(z).all()
    # Deviations of the first four moments of n normal numbers: 1, sqrt 2, sqrt 15, sqrt 96, over sqrt n.
    for power, (moment, deviation) in enumerate([(0, 1), (1, math.sqrt(2)), (0, math.sqrt(15)), (3, math.sqrt(96))], 1):
        assert abs((z**power).mean() - moment) < 4 * deviation / math.sqrt(N), f"moment {power}"
    assert abs(correlation(z[::2], z[1::2])) < 4 / math.sqrt(N / 2), "the two numbers of a pair"
    # Kolmogorov and Smirnov: the largest distance to the distribution; 1.95/sqrt n comes once in 1000.
    steps = (np.arange(N) + 1) / N
    true = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in np.sort(z)])
    assert np.abs(true - steps).max() < 1.95 / math.sqrt(N)


def test_the_rarest_words_give_finite_normals() -> None:
    """u = 1 - 2^-53 is the largest: its logarithm stands for 1 - u = 2^-53, and u = 0 gives 0."""
    words = np.array([2**32 - 1, 2**32 - 1, 0, 0, 0, 0, 0, 0], np.uint32)
    pair = seeds.normal64(np.concatenate([words[:2], words[2:4]]))
    assert pair[0] == pytest.approx(math.sqrt(2 * 53 * math.log(2)), rel=1e-12)  # some roundings of a number near 8.6
    assert seeds.normal64(words[4:]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("n", [1, 2, 7, 1000, 2**40])
def test_below(n: int) -> None:
    found = seeds.below(seeds.bits(20_000, seed=1), n)
    assert found.dtype == np.int64
    assert found.min() >= 0
    assert found.max() < n
    if n <= 7:
        counts = np.bincount(found, minlength=n)
        # Each count has the deviation sqrt(m p (1 - p)) < sqrt(m/n).
        assert np.all(np.abs(counts - 10_000 / n) <= 5 * math.sqrt(10_000 / n))


@pytest.mark.parametrize("n", [0, 1, 2, 10, 1001])
def test_permutations(n: int) -> None:
    order = seeds.permutation(n, seed=3, stream=4)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))
    assert laws.same_bits(order, seeds.permutation(n, seed=3, stream=4))
    if n > 2:
        assert order.tolist() != list(range(n))
        assert order.tolist() != seeds.permutation(n, seed=3, stream=5).tolist()


def test_all_orders_of_three_come_equally_often() -> None:
    orders = [tuple(seeds.permutation(3, seed=s).tolist()) for s in range(3000)]
    counts = [orders.count(order) for order in sorted(set(orders))]
    assert len(counts) == 6
    # Each count is 500 with the deviation sqrt(3000 * 5/36) = 20.4.
    assert all(abs(c - 500) < 4 * 20.4 for c in counts)


def test_all_bits_of_seed_and_stream_count() -> None:
    """Also those of numbers above 2^63, of which a float keeps 53."""
    big = 2**63 + 2**40
    for first, second in (({"seed": 1, "stream": big}, {"seed": 1, "stream": big + 1}), ({"seed": -1}, {"seed": -2})):
        assert not np.array_equal(seeds.permutation(100, **first), seeds.permutation(100, **second))
        assert not np.array_equal(seeds.source(**first).random_sample(4), seeds.source(**second).random_sample(4))
    assert np.array_equal(seeds.source(seed=-1).random_sample(4), seeds.source(seed=2**64 - 1).random_sample(4))
