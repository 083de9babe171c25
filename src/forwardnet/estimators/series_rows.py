"""Rows that a network learns from one or many series, and the rolling-origin splits of them.

Axis glossary: n rows (origins), I inputs, H steps of the horizon, B blocks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.series import Framing, Series, calendar_features
from forwardnet.errors import DataError, ShapeError

Array = NDArray[Any]
Split = tuple[Array, Array]  # rows to learn from, rows asked about

BLOCKS = 4
# Rows asked about in all, at least and at most; between them a fifth of the rows.
FEWEST_ASKED, MOST_ASKED = 24, 1000
# A network is not trained on fewer rows than these to see how it would have done.
FEWEST_LEARNT = 8


@dataclass(frozen=True)
class Level:
    """z = (g(y) - mean) / scale with g = log or nothing: each series in its own unit, so that one network fits all."""

    is_log: bool
    mean: float
    scale: float

    @classmethod
    def of(cls, values: Array, *, is_log: bool) -> Level:
        """Learnt from the values of a series."""
        if is_log and not (values > 0).all():
            raise DataError(
                f"a logarithm cannot be taken of {values.min():g}", hint="use log=False for values that are 0 or less"
            )
        z = np.log(values) if is_log else values
        spread = float(z.std())
        return cls(is_log, float(z.mean()), spread if spread > 1e-12 * (1 + abs(float(z.mean()))) else 1.0)

    def to(self, values: Array) -> Array:
        """z of values y."""
        if self.is_log and not (values > 0).all():
            raise DataError(f"a value of {values.min():g} where the forecaster has learnt from logarithms")
        return np.asarray(((np.log(values) if self.is_log else values) - self.mean) / self.scale)

    def back(self, z: Array) -> Array:
        """y of z; a logarithm cannot carry it beyond the largest number."""
        y = z * self.scale + self.mean
        return np.asarray(np.exp(np.minimum(y, math.log(np.finfo(float).max))) if self.is_log else y)


@dataclass(frozen=True)
class View:
    """How series become rows: the framing, and the calendar features of the first step."""

    framing: Framing
    calendar: tuple[str, ...] = ()

    def inputs(self, series: Series, z: Array, origins: Array, known: Array | None) -> Array:
        """(n, I): past values, calendar, and what is `known` (T, e) ahead of the steps that are forecast."""
        parts = [self.framing.inputs(z, origins)]
        if self.calendar:
            parts.append(calendar_features(_first_dates(series, origins), self.calendar))
        if known is not None:
            ahead = origins[:, None] + np.arange(1, self.framing.horizon + 1)
            if ahead.size and ahead.max() >= len(known):
                raise ShapeError(
                    f"X has {len(known)} rows, expected {int(ahead.max()) + 1}: also those of the steps to be forecast"
                )
            parts.append(known[ahead].reshape(len(origins), -1))
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True)
class Rows:
    """X (n, I) and Y (n, H) of many series one after another, and which rows belong to which, in the order of time."""

    X: Array
    Y: Array
    groups: tuple[Array, ...]


def make_rows(
    view: View, many: Sequence[Series], levels: Sequence[Level], known: Sequence[Array | None], *, reach: int = 0
) -> Rows:
    """All rows of the series; those with at least `reach` values, where other views need more."""
    X, Y, groups, start = [], [], [], 0
    for series, level, ahead in zip(many, levels, known, strict=True):
        z = level.to(series.values)
        origins = view.framing.origins(len(z))
        origins = origins[origins >= reach - 1]
        X.append(view.inputs(series, z, origins, ahead))
        Y.append(view.framing.targets(z, origins))
        groups.append(np.arange(start, start + len(origins)))
        start += len(origins)
    return Rows(np.concatenate(X), np.concatenate(Y), tuple(groups))


def rolling_splits(groups: Sequence[Array], horizon: int) -> list[Split]:
    """Blocks of the last rows, each asked about by what was learnt from as many rows before it; none if they are few.

    What is learnt ends where its last target is known: `horizon` - 1 rows before the block.
    """
    learnt: list[list[Array]] = [[] for _ in range(BLOCKS)]
    asked: list[list[Array]] = [[] for _ in range(BLOCKS)]
    most = max(1, MOST_ASKED // max(1, len(groups)))
    for rows in groups:
        count = min(max(FEWEST_ASKED, len(rows) // 5), len(rows) // 2, most)
        size = len(rows) - count - (horizon - 1)
        if size < 1 or count < BLOCKS:
            continue
        edges = len(rows) - count + np.arange(BLOCKS + 1) * count // BLOCKS
        for block, (begin, end) in enumerate(itertools.pairwise(edges)):
            last = begin - (horizon - 1)
            learnt[block].append(rows[last - size : last])
            asked[block].append(rows[begin:end])
    if sum(len(rows) for rows in learnt[0]) < FEWEST_LEARNT:
        return []
    return [(np.concatenate(a), np.concatenate(b)) for a, b in zip(learnt, asked, strict=True)]


def _first_dates(series: Series, origins: Array) -> Array:
    """The date one step after each origin."""
    if series.dates is None or series.frequency is None:
        raise DataError(f"{series.name} has no dates, which the forecaster's calendar features need")
    every = np.concatenate([series.dates, series.frequency.after(series.dates[-1], 1)])
    return np.asarray(every[origins + 1])
