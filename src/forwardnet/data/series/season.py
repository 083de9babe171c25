"""What can be seen of a series before anything is trained: its season, and whether logarithms make it steadier.

Axis glossary: T points in time, B blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# A season is believed in when the autocorrelation at its length is at least this.
LEAST_CORRELATION = 0.3
# Where nothing is known of the dates, only seasons up to this length are looked for.
LONGEST, ALMOST = 400, 0.9
# A logarithm is taken when it makes the spread of blocks at least this much more alike.
LEAST_GAIN = 0.1
_FEWEST_BLOCKS = 4


def detect_season(values: Array, candidates: Sequence[int] | None = None) -> tuple[int, str]:
    """The length of the season of `values` (T,), 1 for none, and the reason in words.

    Of the candidates (None: 2 to T/3, at most 400) that fit in twice, a season s is one where the autocorrelation r(s)
    of the values without their straight trend is at least 0.3, and higher than a quarter of a season earlier and
    later: a slow wave has a high r everywhere, a season a peak. The one with the highest r is taken; without candidates
    the shortest of which r is nine tenths of that, because two cycles of a season look like a season, too.
    """
    n = len(values)
    fitting = [
        s for s in (range(2, min(n // 3, LONGEST) + 1) if candidates is None else candidates) if 2 <= s <= n // 2
    ]
    if not fitting:
        return 1, "no season: the series is shorter than two of the cycles it could have"
    time = np.arange(n)
    rest = values - np.polyval(np.polyfit(time, values, 1), time)
    total = float(rest @ rest)
    if total <= 1e-12 * float(values @ values):
        return 1, "no season: the values lie on a straight line"

    def correlation(lag: int) -> float:
        # Divided by T - lag: sums of fewer products must not look like a weaker season.
        return float(rest[lag:] @ rest[:-lag]) / (n - lag) / (total / n) if 0 < lag < n else 1.0

    peaks: dict[int, float] = {}
    for s in fitting:
        r, aside = correlation(s), max(1, s // 4)
        if r >= LEAST_CORRELATION and r > correlation(s - aside) and r > correlation(s + aside):
            peaks[s] = r
    if not peaks:
        tried = "" if candidates is None else f" of {', '.join(map(str, fitting))} steps"
        return 1, f"no season{tried}: no peak of the autocorrelation of {LEAST_CORRELATION:g} or more"
    best = max(peaks, key=lambda s: peaks[s])
    if candidates is None:
        best = min(s for s, r in peaks.items() if r >= ALMOST * peaks[best])
    return best, f"season of {best} steps: the autocorrelation there has a peak of {peaks[best]:.2f}"


def log_helps(values: Array, block: int) -> tuple[bool, str]:
    """Whether logarithms make the spread alike over time, and the reason in words.

    Of blocks of `block` values (a season), the means m and the deviations d from a straight line are taken. If d / m
    varies less over the blocks than d (by the coefficient of variation, a tenth less at least), the spread grows with
    the level, and a logarithm steadies it: the choice between the powers 0 and 1 of Guerrero (1993). Never where a
    value is 0 or negative.
    """
    if not (values > 0).all():
        return False, "no logarithm: some values are 0 or negative"
    blocks = len(values) // max(block, 2)
    if blocks < _FEWEST_BLOCKS:
        return False, "no logarithm: the series is too short to see how its spread changes"
    parts = values[len(values) - blocks * max(block, 2) :].reshape(blocks, -1)
    mean, time = parts.mean(axis=1), np.linspace(-1, 1, parts.shape[1])
    # Without the line, growth within a block would count as spread.
    slope = parts @ time / (time @ time)
    deviation = (parts - mean[:, None] - slope[:, None] * time).std(axis=1)
    if not deviation.mean() > 0:
        return False, "no logarithm: the values do not vary within their blocks"
    plain, relative = (float(x.std() / x.mean()) for x in (deviation, deviation / mean))
    if relative < (1 - LEAST_GAIN) * plain:
        return (
            True,
            f"logarithms: the spread grows with the level (it varies by {plain:.0%}, relative to it by {relative:.0%})",
        )
    return False, f"no logarithm: the spread does not grow with the level ({plain:.0%}, relative to it {relative:.0%})"
