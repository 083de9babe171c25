"""How far to go along a direction: until the loss falls enough, or until it also flattens enough.

With f(t) the loss at x + t d and f' its slope there, a step t falls enough when f(t) <= f(0) + c1 t f'(0), Armijo's
condition, and flattens enough when |f'(t)| <= c2 |f'(0)|; both together are the strong Wolfe conditions
(Nocedal & Wright 2006, section 3.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

ENOUGH = 1e-4  # c1, the share of the slope at 0 that a step has to keep
FLAT = 0.9  # c2, the share of the slope at 0 that may be left
MOST_HALVINGS = 40  # 2^-40 of a step is nothing in float32, and little in float64


class Point(NamedTuple):
    """A place on the line: the step, the loss, the slope, and the gradient there."""

    t: float
    loss: float
    slope: float
    gradient: Array


Evaluate = Callable[[float], Point]


class Found(NamedTuple):
    """Where a search ended, and how many places it looked at."""

    point: Point
    evaluations: int


def backtracking(evaluate: Evaluate, start: Point, t: float, *, shrink: float = 0.5) -> Found:
    """The first of t, t shrink, t shrink^2, ... at which the loss falls enough; `start` where none does.

    A loss that is not finite has not fallen. (Nocedal & Wright 2006, algorithm 3.1.)
    """
    for trial in range(1, MOST_HALVINGS + 1):
        point = evaluate(t)
        if point.loss <= start.loss + ENOUGH * t * start.slope:
            return Found(point, trial)
        t *= shrink
    return Found(start, MOST_HALVINGS)


def strong_wolfe(
    evaluate: Evaluate, start: Point, t: float, *, least_width: float = 0.0, most_evaluations: int = 25
) -> Found:
    """A step with the strong Wolfe conditions: first an interval that holds one, then ever smaller parts of it.

    Both phases place the next trial at the minimum of the cubic through the last two places. When the evaluations
    are used up, or the interval is shorter than `least_width`, the lowest place found is the answer.
    (Nocedal & Wright 2006, algorithms 3.5 and 3.6.)
    """
    before, now = start, _finite(evaluate(t))
    used, bracket = 1, None
    for trial in range(most_evaluations):
        if _too_high(now, start) or (trial > 1 and now.loss >= before.loss):
            bracket = [before, now]
        elif abs(now.slope) <= -FLAT * start.slope:
            return Found(now, used)
        elif now.slope >= 0:
            bracket = [before, now]
        if bracket is not None:
            return _zoomed(evaluate, start, bracket, Budget(used, trial, most_evaluations), least_width)
        # It still falls: further out, by a hundredth of the last stride to ten times the way so far.
        t = cubic_minimum(before, now, now.t + 0.01 * (now.t - before.t), 10 * now.t)
        before, now = now, _finite(evaluate(t))
        used += 1
    return Found(now if now.loss < start.loss else start, used)


class Budget(NamedTuple):
    """How many places were looked at, how many trials that makes, and how many trials there may be."""

    used: int
    trials: int
    most: int


def _zoomed(evaluate: Evaluate, start: Point, bracket: list[Point], budget: Budget, least_width: float) -> Found:
    """Make an interval smaller until its lower end has the strong Wolfe conditions."""
    used = budget.used
    low = 0 if bracket[0].loss <= bracket[1].loss else 1
    crept = False  # whether the last trial lay close to an end
    for _ in range(budget.trials, budget.most):
        ends = sorted(point.t for point in bracket)
        if ends[1] - ends[0] < least_width:
            break
        t, crept = _inside(cubic_minimum(bracket[0], bracket[1], *ends), ends, crept)
        now = _finite(evaluate(t))
        used += 1
        if _too_high(now, start) or now.loss >= bracket[low].loss:
            bracket[1 - low] = now
            low = 0 if bracket[0].loss <= bracket[1].loss else 1
            continue
        is_flat = abs(now.slope) <= -FLAT * start.slope
        if not is_flat and now.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]  # the minimum lies on the other side
        bracket[low] = now
        if is_flat:
            break
    return Found(bracket[low], used)


def _inside(t: float, ends: list[float], crept: bool) -> tuple[float, bool]:
    """The next trial, and whether it lies close to an end: the second time in a row a tenth of the interval away."""
    tenth = 0.1 * (ends[1] - ends[0])
    if min(ends[1] - t, t - ends[0]) >= tenth:
        return t, False
    if not crept and ends[0] < t < ends[1]:
        return t, True
    return (ends[1] - tenth if abs(t - ends[1]) < abs(t - ends[0]) else ends[0] + tenth), False


def _too_high(point: Point, start: Point) -> bool:
    """Whether the loss has not fallen enough."""
    return point.loss > start.loss + ENOUGH * point.t * start.slope


def _finite(point: Point) -> Point:
    """A loss that is not a number counts as infinite, so that the search turns back."""
    return point if math.isfinite(point.loss) else point._replace(loss=math.inf)


def cubic_minimum(a: Point, b: Point, least: float, most: float) -> float:
    """Where the cubic with the losses and slopes of two places has its minimum, kept in [least, most].

    The middle, where it has none (Nocedal & Wright 2006, eq. 3.59).
    """
    a, b = (a, b) if a.t <= b.t else (b, a)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not 0 <= square < math.inf:
        return (least + most) / 2
    d2 = math.sqrt(square)
    bend = b.slope - a.slope + 2 * d2
    if bend == 0:
        return (least + most) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / bend), least), most)
