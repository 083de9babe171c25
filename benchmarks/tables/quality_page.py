"""The errors of whole fits as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.markdown import number, table
from benchmarks.tables import data
from benchmarks.tables.quality import LEARNERS, REFERENCE, Done, Interval, errors, paired

INTRODUCTION = """\
The mean over {seeds} seeds, ± half its 95 % interval by Student's t: over such splits, not over other tables. A seed
decides on the split (a fifth of the rows is the test; *adult* has a file for that), on the rows held out inside, and on
first weights. Everybody has the defaults of its library. Ours and boosting take gaps and categories as they are;
scikit-learn's networks get medians, standardised and one-hot columns, and a standardised target; pytabkit gets medians.
Inputs *as published* are without the frequent values of numbers that are one value in most rows; only *adult* has such.
Less is better. A difference is in bold if 0 is not in its interval. Seconds are the median of a fit on this machine,
compiling included; boosting has one thread.
"""


def interval(values: Sequence[float] | Interval, *, signed: bool = False) -> str:
    """The mean +- half its 95 % interval."""
    found = values if isinstance(values, Interval) else Interval.of(values)
    size = max(abs(found.mean), found.half) if not math.isnan(found.half) else abs(found.mean)
    places = 0 if size >= 100 else 3 if size >= 1 else 4  # the same for both, and no exponent
    sign = "+" if signed and found.mean > 0 else ""
    return f"{sign}{found.mean:.{places}f}" + ("" if math.isnan(found.half) else f" ± {found.half:.{places}f}")


def section(done: Sequence[Done]) -> str:
    """For each table: errors, and the differences to gradient boosting seed by seed."""
    counts = {len(errors(done, d.data, d.learner)) for d in done}
    seeds = str(max(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
    text = INTRODUCTION.format(seeds=seeds)
    names = [name for name in data.SOURCES if any(d.data == name for d in done)]
    for name in names:
        text += f"\n### {name}, {data.SOURCES[name].figure}\n\n" + _table(done, name)
    versions = sorted({d.version for d in done if d.version})
    dates = sorted({d.date for d in done if d.date})
    if versions and dates:
        text += f"\nFitted with {', '.join(versions)}, {dates[0]}" + (f" to {dates[-1]}" if dates[1:] else "") + ".\n"
    return text


def _table(done: Sequence[Done], name: str) -> str:
    reference = errors(done, name, REFERENCE)
    rows = []
    for learner, label in LEARNERS.items():
        own = errors(done, name, learner)
        if not own:
            continue
        difference = None if learner == REFERENCE else paired(own, reference)
        times = sorted(d.seconds for d in done if d.data == name and d.learner == learner)
        rows.append(
            (
                Interval.of(list(own.values())).mean,
                [
                    label,
                    interval(list(own.values())),
                    _difference(difference),
                    number(times[len(times) // 2]),
                    str(len(own)),
                ],
            )
        )
    head = ["", data.SOURCES[name].figure, "less that of boosting, seed by seed", "s", "seeds"]
    return table(head, [row for _, row in sorted(rows, key=lambda row: row[0])])


def _difference(found: Interval | None) -> str:
    if found is None:
        return ""
    text = interval(found, signed=True)
    return f"**{text}**" if abs(found.mean) > found.half else text
