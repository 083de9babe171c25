"""Line searches: their conditions hold where they end, on losses of many shapes, and on those that are not finite."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from forwardnet.optim.line_search import ENOUGH, FLAT, MOST_HALVINGS, Point, backtracking, cubic_minimum, strong_wolfe

Loss = Callable[[float], float]


def line(loss: Loss, slope: Loss) -> Callable[[float], Point]:
    return lambda t: Point(t, loss(t), slope(t), np.array([slope(t)]))


# A loss and its slope along a line, falling at 0: a parabola, a narrow one far away, a wave on a slope, one that
# flattens for ever, a quartic, and Moré & Thuente's first example (1994, eq. 5.1 with beta = 2).
LINES: dict[str, tuple[Loss, Loss]] = {
    "parabola": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "narrow": (lambda t: 1e4 * (t - 1e-3) ** 2, lambda t: 2e4 * (t - 1e-3)),
    "far": (lambda t: (t - 5e3) ** 2 / 1e4, lambda t: (t - 5e3) / 5e3),
    "wave": (lambda t: 0.3 * math.sin(5 * t) - t + 0.1 * t * t, lambda t: 1.5 * math.cos(5 * t) - 1 + 0.2 * t - 1.6),
    "quartic": (lambda t: (t - 1) ** 4 - t, lambda t: 4 * (t - 1) ** 3 - 1),
    "hill": (lambda t: -t / (t * t + 2), lambda t: (t * t - 2) / (t * t + 2) ** 2),
}
LINES["wave"] = (
    lambda t: 0.3 * math.sin(5 * t) - 2.6 * t + 0.1 * t * t,
    lambda t: 1.5 * math.cos(5 * t) - 2.6 + 0.2 * t,
)


@pytest.mark.parametrize("first", [1e-4, 0.1, 1.0, 50.0])
@pytest.mark.parametrize("name", sorted(LINES))
def test_strong_wolfe_conditions_hold(name: str, first: float) -> None:
    evaluate = line(*LINES[name])
    start = evaluate(0.0)
    assert start.slope < 0
    found, used = strong_wolfe(evaluate, start, first)
    assert found.t > 0 and used <= 26
    assert found.loss <= start.loss + ENOUGH * found.t * start.slope
    assert abs(found.slope) <= FLAT * abs(start.slope)


@settings(max_examples=60)
@given(st.floats(0.05, 20), st.floats(0.01, 100), st.floats(1e-3, 30))
def test_strong_wolfe_on_any_parabola(middle: float, bend: float, first: float) -> None:
    evaluate = line(lambda t: bend * (t - middle) ** 2, lambda t: 2 * bend * (t - middle))
    start = evaluate(0.0)
    found, _ = strong_wolfe(evaluate, start, first)
    assert found.loss <= start.loss + ENOUGH * found.t * start.slope
    assert abs(found.slope) <= FLAT * abs(start.slope)


def test_the_calls_may_run_out() -> None:
    evaluate = line(*LINES["far"])
    start = evaluate(0.0)
    found, used = strong_wolfe(evaluate, start, 1e-4, most_evaluations=2)
    assert used == 3 and 0 < found.t < 1 and found.loss < start.loss
    rising = line(lambda t: abs(t), lambda t: 1.0)  # the slope at 0 lies: no step is better
    stays = Point(0.0, 0.0, -1.0, np.zeros(1))
    assert strong_wolfe(rising, stays, 1.0, most_evaluations=3).point is stays
    assert strong_wolfe(rising, stays, 1.0, least_width=0.5).point is stays


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_both_turn_back_where_the_loss_is_not_finite(bad: float) -> None:
    evaluate = line(lambda t: (t - 1) ** 2 if t < 2 else bad, lambda t: 2 * (t - 1) if t < 2 else bad)
    start = evaluate(0.0)
    for found in (strong_wolfe(evaluate, start, 64.0).point, backtracking(evaluate, start, 64.0).point):
        assert 0 < found.t < 2 and found.loss < start.loss


def test_backtracking_takes_the_first_step_that_falls_enough() -> None:
    evaluate = line(lambda t: (t - 1) ** 2, lambda t: 2 * (t - 1))
    found = backtracking(evaluate, evaluate(0.0), 16.0)
    assert (found.point.t, found.evaluations) == (1.0, 5)  # 16, 8, 4; 2 is as high as the start; 1
    assert backtracking(evaluate, evaluate(0.0), 9.0, shrink=1 / 3).point.t == pytest.approx(1.0)
    uphill = line(lambda t: t, lambda t: 1.0)
    start = Point(0.0, 0.0, -1.0, np.zeros(1))
    assert backtracking(uphill, start, 1.0) == (start, MOST_HALVINGS)


def test_the_minimum_of_a_cubic() -> None:
    def at(t: float) -> Point:
        return Point(t, t**3 - 3 * t, 3 * t * t - 3, np.zeros(1))  # least at 1, largest at -1

    assert cubic_minimum(at(0.0), at(3.0), 0.0, 3.0) == pytest.approx(1.0)
    assert cubic_minimum(at(3.0), at(0.0), 0.0, 3.0) == pytest.approx(1.0)
    assert cubic_minimum(at(0.0), at(3.0), 2.0, 3.0) == 2.0  # kept inside
    steady = (Point(0.0, 0.0, -1.0, np.zeros(1)), Point(1.0, -1.0, -1.0, np.zeros(1)))
    assert cubic_minimum(*steady, 1.0, 10.0) == 5.5  # a line has none: the middle
    concave = (Point(0.0, 0.0, -1.0, np.zeros(1)), Point(1.0, -3.0, -4.0, np.zeros(1)))
    assert 1.0 <= cubic_minimum(*concave, 1.0, 10.0) <= 10.0
