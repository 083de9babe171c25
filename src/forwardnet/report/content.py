"""What a report says, apart from how it looks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Rows = tuple[tuple[str, str], ...]  # label and value


@dataclass(frozen=True)
class Score:
    """One figure, with the ends of its 95 % interval where one is known."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class PartFigures:
    """The figures of one part of the data, and what the baseline reaches on the same rows."""

    part: str  # "training", "validation" or "test"
    rows: int
    scores: tuple[Score, ...]
    baseline: Mapping[str, float]  # by name of the score


@dataclass(frozen=True)
class WorstRow:
    """A row that the network got most wrong."""

    row: int  # within the data set
    true: str
    predicted: str
    detail: str  # how sure it was, or how far off


@dataclass(frozen=True)
class Picture:
    """A PNG picture with its heading, and in words what it shows."""

    title: str
    alt: str
    png: bytes = field(repr=False)


@dataclass(frozen=True)
class Report:
    """Everything that is said about one training run.

    `confusion[true, predicted]` counts rows of the last of `parts`, which is the test part.
    """

    title: str
    summary: str
    data: Rows
    parts: tuple[PartFigures, ...]
    baseline: str  # what the baseline does, in words
    interval: str  # how the intervals were made, in words
    curves: Picture | None
    chosen: str  # which epoch's weights were kept, and why
    pictures: tuple[Picture, ...]
    class_names: tuple[str, ...]
    confusion: Array | None
    worst: tuple[WorstRow, ...]
    worst_pictures: Picture | None
    model: Rows
    layers: tuple[tuple[str, ...], ...]  # the first is the heading
    settings: Rows
    environment: Rows
    timing: Rows
    command: str
    python: str
    notes: tuple[str, ...] = ()


def to_dict(report: Report) -> dict[str, Any]:
    """The report without its pictures, as what JSON can hold; what is not a finite number becomes None."""
    return {
        "title": report.title,
        "summary": report.summary,
        "notes": list(report.notes),
        "data": dict(report.data),
        "figures": {part.part: part_dict(part) for part in report.parts},
        "baseline": report.baseline,
        "interval": report.interval,
        "chosen": report.chosen,
        "classes": list(report.class_names),
        "confusion": None if report.confusion is None else report.confusion.tolist(),
        "worst": [{"row": w.row, "true": w.true, "predicted": w.predicted, "detail": w.detail} for w in report.worst],
        "model": dict(report.model),
        "settings": dict(report.settings),
        "environment": dict(report.environment),
        "timing": dict(report.timing),
        "command": report.command,
        "python": report.python,
    }


def finite(value: float | None) -> float | None:
    """`value`, or None where JSON has no number for it."""
    return None if value is None or not math.isfinite(value) else float(value)


def part_dict(part: PartFigures) -> dict[str, Any]:
    """The figures of one part as what JSON can hold."""
    figures: dict[str, Any] = {"rows": part.rows}
    for score in part.scores:
        figures[score.name] = finite(score.value)
        if score.low is not None:
            figures[f"{score.name}_interval"] = [finite(score.low), finite(score.high)]
    figures["baseline"] = {name: finite(value) for name, value in part.baseline.items()}
    return figures
