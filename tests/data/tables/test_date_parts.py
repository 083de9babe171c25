"""Parts of dates, against Python's calendar."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
from hypothesis import given, strategies as st

from forwardnet.data.tables.date_parts import PARTS, parts_of, with_days_for_months


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))
def test_parts_are_those_of_the_calendar(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    found = parts_of(np.array([moment.timestamp()]), 0.0)
    assert tuple(found) == PARTS
    day = moment.timetuple()
    steps = {
        "month": (moment.month - 1, 12),
        "weekday": (moment.weekday(), 7),
        "day of year": (day.tm_yday - 1, 366),
        "time of day": (moment.hour * 60 + moment.minute, 1440),
    }
    assert found["year"][0] == moment.year
    for name, (step, period) in steps.items():
        angle = 2 * math.pi * step / period
        # float64 rounding of an angle up to 2 pi
        assert abs(found[f"{name} sin"][0] - math.sin(angle)) < 1e-15 * 8
        assert abs(found[f"{name} cos"][0] - math.cos(angle)) < 1e-15 * 8
    assert found["days"][0] == moment.timestamp() / 86400


def test_missing_dates_stay_missing_and_far_ones_stand_at_the_end() -> None:
    found = parts_of(np.array([np.nan, 1e300, -1e300, 0.0, -1e-200]), 86400.0)
    for part in found.values():
        assert np.isnan(part[0]) and np.isfinite(part[1:]).all()
    assert found["days"][3] == -1


def test_december_lies_beside_january() -> None:
    months = np.array([datetime(2021, m, 1, tzinfo=UTC).timestamp() for m in (12, 1, 2, 7)])
    found = parts_of(months, 0.0)
    points = np.stack([found["month sin"], found["month cos"]], axis=1)
    gaps = np.linalg.norm(points[1:] - points[:-1], axis=1)
    assert abs(gaps[0] - gaps[1]) < 1e-12 and gaps[2] > 1.9


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))
def test_days_and_months_change_places(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    turned = with_days_for_months(np.array([moment.timestamp(), np.nan]))
    if moment.day > 12:
        assert turned is None
        return
    assert turned is not None and np.isnan(turned[1])
    assert turned[0] == moment.replace(day=moment.month, month=moment.day).timestamp()
