"""Forecasts: m past values say n future ones. Windows, a noisy wave, and what an honest test of it looks like."""

from __future__ import annotations

import numpy as np

from forwardnet import SequenceForecaster
from forwardnet.data.series import windows
from forwardnet.validate import rolling_origin

# A series becomes rows: each window of three values with the two that follow it.
past, future = windows([1, 2, 3, 4, 5, 6, 7], 3, 2)
for row, answer in zip(past, future, strict=True):
    print(f"{row} -> {answer}")

# Ten years of months: a slope, a wave whose crests are sharper than its troughs, and noise.
t = np.arange(120)
rng = np.random.default_rng(0)
wave = np.exp(np.sin(2 * np.pi * t / 12))
series = 10 + 0.05 * t + 2 * wave + 0.2 * rng.normal(size=t.size)
dates = np.datetime64("2014-01") + t

# The last two years are forecast again and again, half a year ahead, each time from what was known then.
model = SequenceForecaster(horizon=6)
tried = rolling_origin(model, series, dates, horizon=6, test=24, season=12)
print(tried.summary())
gain, low, high = tried.skill("network", "seasonal naive")
print(f"better than last year's values by {gain:.0%} (95 % interval {low:.0%} to {high:.0%})")

# Then all of it is learnt from. What was decided, and what comes next:
model.fit_series(series, dates)
print(*model.notes_, sep="\n")
found = model.forecast(level=0.9)
for label, value, least, most in zip(found.labels, found.values, found.low, found.high, strict=True):
    print(f"{label}  {value:6.2f}  ({least:.2f} to {most:.2f})")

assert past.tolist() == [[1, 2, 3], [2, 3, 4], [3, 4, 5]] and future.tolist() == [[4, 5], [5, 6], [6, 7]]
assert low > 0, "the network is better than the seasonal-naive forecast, with an interval above zero"
assert np.all((found.low < found.values) & (found.values < found.high))
