"""Series in time: dates and their frequency, seasons, differences, and windows of past and future values."""

from __future__ import annotations

from forwardnet.data.series.calendar import calendar_features
from forwardnet.data.series.dates import Frequency, check_dates, detect_frequency
from forwardnet.data.series.framing import Framing
from forwardnet.data.series.read import read_series
from forwardnet.data.series.season import detect_season, log_helps
from forwardnet.data.series.series import Series, as_series, interpolated
from forwardnet.data.series.windows import difference, undifference, windows

__all__ = [
    "Framing",
    "Frequency",
    "Series",
    "as_series",
    "calendar_features",
    "check_dates",
    "detect_frequency",
    "detect_season",
    "difference",
    "interpolated",
    "log_helps",
    "read_series",
    "undifference",
    "windows",
]
