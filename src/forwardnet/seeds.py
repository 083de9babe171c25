"""Counter-based random numbers: Philox4x32-10.

A random number is a function of a key (seed and stream) and a counter (position), so it depends neither on threads nor
on what was drawn before. Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_MASK = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_ALL = 0xFFFFFFFFFFFFFFFF

Words = np.ndarray[Any, np.dtype[np.uint32]]


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> tuple[Words, Words, Words, Words]:
    """Four 32-bit words for each counter; the four counter words and the two key words are 32-bit numbers.

    Known answer: counter 0 and key 0 give 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
    """
    c0, c1, c2, c3 = np.broadcast_arrays(*(np.asarray(c, np.uint64) for c in counter))
    k0, k1 = key
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ np.uint64(k0), p1 & _MASK, (p0 >> _32) ^ c3 ^ np.uint64(k1), p0 & _MASK
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return tuple(np.asarray(c, np.uint32) for c in (c0, c1, c2, c3))  # type: ignore[return-value]


class _Native:
    """What draws faster than NumPy, once there is such a thing; the numbers are the same."""

    bits: Callable[[int, int, int, int], Words] | None = None  # (n, seed, stream, start) -> words
    permutation: Callable[[int, int, int], Any] | None = None  # (n, seed, stream) -> the order from start 0
    permutations: Callable[[int, int, int, int], Any] | None = None  # (n, count, seed, first stream) -> the orders


def bits(n: int, *, seed: int, stream: int = 0, start: int = 0) -> Words:
    """`n` 32-bit words of the stream of `seed`, from the counter `start` on; each counter gives four."""
    if _Native.bits is not None:
        return _Native.bits(n, seed & _ALL, stream & _ALL, start & _ALL)
    return slow_bits(n, seed=seed, stream=stream, start=start)


def slow_bits(n: int, *, seed: int, stream: int, start: int) -> Words:
    """What `bits` returns, by NumPy."""
    blocks = (n + 3) // 4
    counters = start + np.arange(blocks, dtype=np.uint64)
    seed &= _ALL
    words = philox(
        (counters & _MASK, counters >> _32, stream & 0xFFFFFFFF, (stream >> 32) & 0xFFFFFFFF),
        (seed & 0xFFFFFFFF, seed >> 32),
    )
    return np.stack(words, axis=1).reshape(-1)[:n]


def unit32(words: Words) -> Any:
    """float32 in [0, 1): the upper 24 bits of each word."""
    return (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def unit64(words: Words) -> Any:
    """float64 in [0, 1) with 53 bits, from two words each."""
    pairs = words.reshape(-1, 2).astype(np.uint64)
    return (((pairs[:, 0] << _32) | pairs[:, 1]) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal64(words: Words) -> Any:
    """Standard normal float64 from four words for each pair (Box and Muller, 1958)."""
    u = unit64(words)
    half = len(u) // 2
    # 1 - u lies in (0, 1], so the logarithm is finite.
    radius = np.sqrt(-2.0 * np.log1p(-u[:half]))
    angle = 2.0 * np.pi * u[half : 2 * half]
    return np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1).reshape(-1)


def below(words: Words, n: int) -> Any:
    """Integers in [0, n) from two words each; the bias is below n / 2^64."""
    pairs = words.reshape(-1, 2).astype(np.uint64)
    wide = (pairs[:, 0] << _32) | pairs[:, 1]
    return (wide % np.uint64(n)).astype(np.int64)


def source(*, seed: int, stream: int = 0, start: int = 0) -> np.random.RandomState:
    """NumPy's own distributions, drawn from its Philox4x64-10 with key (seed, stream) from the counter `start` on.

    Both the bits and what `RandomState` makes of them are promised never to change.
    """
    # As a list, NumPy would make floats of numbers above 2^63, which lose their last digits: the epoch of a stream.
    key = np.array([seed & _ALL, stream & _ALL], np.uint64)
    return np.random.RandomState(np.random.Philox(key=key, counter=start))


def permutation(n: int, *, seed: int, stream: int = 0, start: int = 0) -> Any:
    """A random order of 0 .. n-1, int64 (n,), by exchanges (Fisher and Yates, 1938).

    Ten times faster than sorting random keys.
    """
    if _Native.permutation is not None and not start:
        return _Native.permutation(n, seed & _ALL, stream & _ALL)
    return slow_permutation(n, seed=seed, stream=stream, start=start)


def permutations(n: int, count: int, *, seed: int, stream: int = 0) -> Any:
    """The orders of `count` streams from `stream` on, int64 (count, n): rows of `permutation`."""
    if _Native.permutations is not None:
        return _Native.permutations(n, count, seed & _ALL, stream & _ALL)
    orders = [slow_permutation(n, seed=seed, stream=stream + number) for number in range(count)]
    return np.stack(orders) if orders else np.empty((0, n), np.int64)


def slow_permutation(n: int, *, seed: int, stream: int, start: int = 0) -> Any:
    """What `permutation` returns, by NumPy."""
    return source(seed=seed, stream=stream, start=start).permutation(n).astype(np.int64, copy=False)
