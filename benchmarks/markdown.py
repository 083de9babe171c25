"""Numbers, names and tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.compare import Who
from benchmarks.contenders import ENTRIES
from benchmarks.rounds import Spread


def number(value: float) -> str:
    """Three significant figures, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(found: Spread, scale: float = 1.0) -> str:
    """Median and, in brackets, the quartiles."""
    low, median, high = (number(scale * x) for x in (found.low, found.median, found.high))
    return f"{median} ({low} to {high})"


def seconds(value: float | None) -> str:
    """To the millisecond where there are few."""
    return "" if value is None else number(value) if value >= 0.1 else f"{value:.3f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def named(who: Who) -> str:
    """Contender and threads."""
    return f"{ENTRIES[who[0]].label}, {who[1]} thread{'s' if who[1] > 1 else ''}"


def best(samples: Mapping[Who, list[float]], keys: Iterable[str]) -> Who | None:
    """The contender and number of threads with the least median."""
    medians = {who: Spread.of(values).median for who, values in samples.items() if who[0] in keys}
    return min(medians, key=lambda who: medians[who]) if medians else None
