"""Dates and times as people write them, in seconds since 1970-01-01 UTC."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = (
    r"(?:[T ]\s*(?P<h>[0-9]{1,2}):(?P<min>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r"\s*(?P<ampm>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[+-][0-9]{2}:?(?:[0-9]{2})?)?)?"
)
_YEAR = r"(?P<y>[0-9]{4})"
_NAMED = (
    r"(?P<name>[Jj]an(?:uary)?|[Ff]eb(?:ruary)?|[Mm]ar(?:ch)?|[Aa]pr(?:il)?|[Mm]ay|[Jj]une?|[Jj]uly?|[Aa]ug(?:ust)?|"
    r"[Ss]ep(?:t(?:ember)?)?|[Oo]ct(?:ober)?|[Nn]ov(?:ember)?|[Dd]ec(?:ember)?|"
    r"JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\.?"
)


@dataclass(frozen=True)
class DateForm:
    """One way of writing dates: what is said about it, and the pattern with the parts it names."""

    words: str
    pattern: re.Pattern[str]

    def parse(self, texts: Sequence[str]) -> list[float] | None:
        """Seconds since 1970 for all these texts, None where one is not written so or is no day of the calendar."""
        seconds = []
        for text in texts:
            found = self.pattern.fullmatch(text)
            if found is None:
                return None
            try:
                seconds.append(_seconds(found.groupdict()))
            except (ValueError, OverflowError):  # the 31st of February, hour 25
                return None
        return seconds


def _form(words: str, pattern: str, *, has_time: bool = True) -> DateForm:
    return DateForm(words, re.compile(pattern + (_TIME if has_time else "")))


# Tried in this order; a form of numbers alone stands last, since numbers are mostly quantities.
FORMS = (
    _form("dates", rf"{_YEAR}(?P<sep>[-/.])(?P<m>[0-9]{{1,2}})(?P=sep)(?P<d>[0-9]{{1,2}})"),
    _form("months", rf"{_YEAR}[-/](?P<m>[0-9]{{2}})", has_time=False),
    _form("quarters", rf"{_YEAR}[- ]?[Qq](?P<q>[1-4])", has_time=False),
    _form("dates, month first", rf"(?P<m>[0-9]{{1,2}})/(?P<d>[0-9]{{1,2}})/{_YEAR}"),
    _form("dates, day first", rf"(?P<d>[0-9]{{1,2}})(?P<sep>[-/.])(?P<m>[0-9]{{1,2}})(?P=sep){_YEAR}"),
    _form("dates with names of months", rf"(?P<d>[0-9]{{1,2}})[-/ .]+{_NAMED}[-/ ,]+{_YEAR}"),
    _form("dates with names of months", rf"{_NAMED} +(?P<d>[0-9]{{1,2}}),? +{_YEAR}"),
    _form("months", rf"{_NAMED}[- ]{_YEAR}", has_time=False),
)
COMPACT = _form(
    "dates without separators", r"(?P<y>19[0-9]{2}|20[0-9]{2})(?P<m>[0-9]{2})(?P<d>[0-9]{2})", has_time=False
)
YEAR = _form("years", _YEAR, has_time=False)  # only where it is told: years are quantities otherwise
MONTH_FIRST, DAY_FIRST = FORMS[3], FORMS[4]


def _seconds(parts: dict[str, str | None]) -> float:
    """The point in time; parts that are missing are the first of their kind, and without a zone it is UTC."""
    get: Callable[[str], int] = lambda name: int(parts.get(name) or 0)  # noqa: E731
    name = parts.get("name")
    month = (
        _MONTHS.index(name[:3].lower()) + 1
        if name
        else get("q") * 3 - 2
        if parts.get("q")
        else get("m")
        if "m" in parts
        else 1
    )
    day = get("d") if "d" in parts else 1
    hour = get("h")
    half = (parts.get("ampm") or "").lower()[:1]
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("no hour of a half day")
        hour = hour % 12 + 12 * (half == "p")
    zone = parts.get("zone") or "Z"
    where = UTC if zone[0] not in "+-" else timezone(_offset(zone))
    moment = datetime(get("y"), month, day, hour, get("min"), get("s"), tzinfo=where)
    fraction = parts.get("f")
    return (moment - _EPOCH).total_seconds() + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)


def _offset(zone: str) -> timedelta:
    digits = zone[1:].replace(":", "")
    return (1 if zone[0] == "+" else -1) * timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))


def form_of(texts: Sequence[str]) -> tuple[DateForm, bool] | None:
    """The form that all texts agree on, and whether another form would give other days; None where there is none."""
    for form in FORMS:
        if form.parse(texts[:1]) is None or form.parse(texts) is None:
            continue
        is_ambiguous = form is MONTH_FIRST and DAY_FIRST.parse(texts) not in (None, MONTH_FIRST.parse(texts))
        return form, is_ambiguous
    return None
