"""Figures as tables in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.cli.output import Output
from forwardnet.report import PartFigures
from forwardnet.report.words import heading, interval_text, score_text

if TYPE_CHECKING:
    from rich.table import Table

Array = np.ndarray[Any, np.dtype[Any]]

_MOST_CLASSES = 20  # wider matrices are left to the report


def show_figures(output: Output, parts: Sequence[PartFigures]) -> None:
    """One line for each figure, one column for each part; the last part with its interval and the baseline."""
    from rich.text import Text

    last = parts[-1]
    table = new_table()
    table.add_column("")
    for part in parts:
        table.add_column(part.part, justify="right", style="bold" if part is last else "")
    table.add_column("95 % interval", justify="right")
    table.add_column("baseline", justify="right", style="dim")
    table.add_row("rows", *(f"{part.rows:,}" for part in parts), "", "")
    for i, score in enumerate(last.scores):
        values = [score_text(score.name, part.scores[i].value) for part in parts]
        base = score_text(score.name, last.baseline.get(score.name, math.nan))
        cells = [heading(score.name).replace("²", "2"), *values, interval_text(score), base]
        table.add_row(*(Text(cell) for cell in cells))
    output.show(table)


def show_confusion(output: Output, counts: Array, names: Sequence[str], what: str = "rows") -> None:
    """Counts by true class (rows) and predicted class (columns)."""
    from rich.text import Text

    if len(counts) > _MOST_CLASSES:
        output.say(f"The confusion matrix of {len(counts)} classes is in the report.")
        return
    output.say(f"confusion matrix of the {what} (down: true class, across: predicted)")
    table = new_table()
    table.add_column("", style="bold")
    for name in names:
        table.add_column(Text(name), justify="right")
    for i, name in enumerate(names):
        cells = [
            Text(str(n), style="bold" if i == j else "red") if n else Text(".", "dim") for j, n in enumerate(counts[i])
        ]
        table.add_row(Text(name), *cells)
    output.show(table)


def new_table() -> Table:
    """A table of one rule below its headings."""
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
