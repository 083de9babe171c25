"""Dates of series: their frequency, what follows them, gaps, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet.data.series.calendar import FEATURES, calendar_features, usual_features
from forwardnet.data.series.dates import Frequency, check_dates, date_text, detect_frequency, gaps
from forwardnet.errors import DataError, UnknownNameError


def span(start: str, end: str, unit: str, step: int = 1) -> np.ndarray:
    return np.arange(start, end, step, dtype=f"datetime64[{unit}]").astype("datetime64[s]")


MONTH_ENDS = check_dates(["2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"])
WEEKDAYS = np.array([d for d in span("2024-01-01", "2024-03-01", "D") if np.is_busday(d.astype("datetime64[D]"))])
# name, its dates, the date after the last one
KNOWN = [
    ("hourly", span("2024-03-01T00", "2024-03-02T00", "h"), "2024-03-02T00:00:00"),
    ("every 15 minutes", span("2024-03-01T00:00", "2024-03-01T06:00", "m", 15), "2024-03-01T06:00:00"),
    ("daily", span("2024-02-01", "2024-02-29", "D"), "2024-02-29T00:00:00"),
    ("daily, Monday to Friday", WEEKDAYS, "2024-03-01T00:00:00"),
    ("weekly", span("2024-01-01", "2024-03-01", "D", 7), "2024-03-04T00:00:00"),
    ("monthly", span("2023-01", "2024-03", "M"), "2024-03-01T00:00:00"),
    ("monthly", MONTH_ENDS, "2024-04-30T00:00:00"),
    ("quarterly", span("2020-01", "2024-01", "M", 3), "2024-01-01T00:00:00"),
    ("yearly", span("1990", "2020", "Y"), "2020-01-01T00:00:00"),
]


@pytest.mark.parametrize(("name", "dates", "following"), KNOWN, ids=[f"{n} {d[0]}" for n, d, _ in KNOWN])
def test_a_frequency_is_found_and_continued(name: str, dates: np.ndarray, following: str) -> None:
    frequency = detect_frequency(check_dates(dates))
    assert frequency.name == name
    assert str(frequency.after(dates[-1], 1)[0]) == following
    assert frequency.positions(dates).tolist() == list(range(len(dates)))
    assert not gaps(dates, frequency).size
    # The dates themselves follow from the first.
    assert np.array_equal(frequency.after(dates[0], len(dates) - 1), dates[1:])


@pytest.mark.parametrize(("name", "dates", "_"), KNOWN, ids=[f"{n} {d[0]}" for n, d, _ in KNOWN])
def test_a_missing_date_is_found(name: str, dates: np.ndarray, _: str) -> None:
    holed = np.delete(dates, [3])
    frequency = detect_frequency(holed)
    assert frequency.name == name
    assert gaps(holed, frequency).tolist() == [dates[3].item()]


@pytest.mark.parametrize(
    ("date", "frequency", "text"),
    [
        ("2024-01-01", Frequency("months", 12), "2024"),
        ("2024-03-31", Frequency("months", 12, 31), "2024-03-31"),
        ("2024-03-01", Frequency("months", 1), "2024-03"),
        ("2024-03-01", Frequency("seconds", 86_400), "2024-03-01"),
        ("2024-03-01T07:00:00", Frequency("seconds", 3600), "2024-03-01 07:00"),
        ("2024-03-01T07:00:05", None, "2024-03-01 07:00:05"),
    ],
)
def test_dates_are_written_as_short_as_their_frequency_allows(
    date: str, frequency: Frequency | None, text: str
) -> None:
    assert date_text(np.datetime64(date, "s"), frequency) == text


def test_seasons_are_those_of_day_week_and_year() -> None:
    assert Frequency("months", 1).seasons == (12,)
    assert Frequency("months", 3).seasons == (4,)
    assert Frequency("months", 12).seasons == ()
    assert Frequency("seconds", 3600).seasons == (24, 168)
    assert Frequency("seconds", 900).seasons == (96, 672)
    assert Frequency("seconds", 86_400).seasons == (7, 365)


@pytest.mark.parametrize(
    ("dates", "told"),
    [
        (["2024-01-01", "2024-01-02", "2024-01-01"], "2024-01-01 stands in row 0 and again in row 2"),
        (["2024-01-01", "2024-01-03", "2024-01-02"], "2024-01-02 in row 2 comes after a later date"),
        (["2024-01-01", "NaT", "2024-01-02"], "row 1 has none"),
        (["2024-01-01", "next week"], "cannot be read"),
    ],
)
def test_dates_that_cannot_be_used_are_named(dates: list[str], told: str) -> None:
    with pytest.raises(DataError, match=told):
        check_dates(dates)


def test_irregular_dates_are_one_error() -> None:
    dates = check_dates(["2024-01-01", "2024-01-08", "2024-01-15", "2024-01-17", "2024-01-24"])
    with pytest.raises(DataError, match=r"from 2024-01-15 in row 2 to 2024-01-17 in row 3, while most are weekly"):
        detect_frequency(dates)
    with pytest.raises(DataError, match="at least 3"):
        detect_frequency(dates[:2])


def test_calendar_features_lie_on_circles_and_close() -> None:
    dates = span("2024-01-01", "2026-01-01", "D")
    features = calendar_features(dates, ["year", "week"])
    assert features.shape == (len(dates), 2 * (FEATURES["year"] + FEATURES["week"]))
    pairs = features.reshape(len(dates), -1, 2)
    assert np.allclose((pairs**2).sum(axis=2), 1, atol=1e-12)  # rounding of sine and cosine
    assert np.allclose(features[:-7, 4:], features[7:, 4:], atol=1e-9)  # the week repeats; rounding of the division
    assert np.allclose(calendar_features(span("1970-01-05", "1970-01-06", "D"), ["week"])[0, :2], [0, 1])  # a Monday
    # The last day of a year lies beside the first of the next: closer than two days are.
    assert np.abs(features[365, :2] - features[366, :2]).max() < 2 * 2 * np.pi / 365
    months = calendar_features(span("2024-01", "2026-01", "M"), ["month"])
    assert np.allclose(months[:12], months[12:], atol=1e-9)
    assert np.unique(np.round(months[:12], 6), axis=0).shape[0] == 12


def test_features_suit_the_frequency() -> None:
    assert usual_features(Frequency("months", 1)) == ("month",)
    assert usual_features(Frequency("months", 12)) == ()
    assert usual_features(Frequency("seconds", 86_400)) == ("year", "week")
    assert usual_features(Frequency("seconds", 3600)) == ("year", "week", "day")
    assert usual_features(Frequency("seconds", 7 * 86_400)) == ("year",)
    with pytest.raises(UnknownNameError, match="did you mean 'week'"):
        calendar_features(span("2024-01", "2024-03", "M"), ["weeks"])
