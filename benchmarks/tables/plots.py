"""What was found on tables as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.compare import Timed
from benchmarks.contenders import ENTRIES
from benchmarks.markdown import best
from benchmarks.plots import _plain, _save
from benchmarks.rounds import Spread
from benchmarks.tables import data, fits, realmlp
from benchmarks.tables.quality import LEARNERS, Done, Interval, errors
from benchmarks.tables.stored import Speed

STYLES = {
    fits.OWN: ("#c1121f", "o"),
    fits.PEER: ("#5a5a5a", "v"),
    fits.PEER_DOUBLE: ("#a0a0a0", "^"),
    realmlp.OWN: ("#c1121f", "D"),
    realmlp.PEER: ("#e07b00", "s"),
}


def draw(speed: Speed | None, done: Sequence[Done], folder: Path) -> dict[str, str]:
    """Write the figures; returns caption -> file name."""
    found = {}
    if speed is not None and (speed.fits or speed.presets):
        caption = (
            "Milliseconds of a whole fit at equal settings, and of an epoch of RealMLP; the better number of threads, "
            "median and quartiles. Left is faster."
        )
        found[caption] = _save(speed_figure(speed), folder / "tables-speed.png")
    if done:
        caption = (
            "Errors of the test rows: mean over the seeds, its 95 % interval, and the seeds as dots. Left is better."
        )
        found[caption] = _save(quality_figure(done), folder / "tables-quality.png")
    return found


def speed_figure(speed: Speed) -> Figure:
    """A panel for whole fits and one for epochs, a row for each of them, on logarithmic axes of time."""
    parts: list[tuple[Mapping[str, Timed], str]] = [
        (speed.fits, "ms of a whole fit"),
        (speed.presets, "ms of an epoch"),
    ]
    parts = [part for part in parts if part[0]]
    heights = [len(results) + 0.6 for results, _ in parts]
    figure = Figure(figsize=(9, 1.4 + 0.62 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
    shown: dict[str, Any] = {}
    for axes, (results, label) in zip(panels, parts, strict=True):
        for row, result in enumerate(results.values()):
            keys = [key for key in STYLES if best(result.samples, [key]) is not None]
            for place, key in enumerate(keys):
                y = row + 0.2 * (place - (len(keys) - 1) / 2)
                shown.setdefault(ENTRIES[key].label.replace("`", ""), _point(axes, key, result, y))
        axes.set_yticks(range(len(results)), list(results))
        axes.set_ylim(len(results) - 0.5, -0.5)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(_plain)
        axes.set_xlabel(label)
        axes.grid(axis="x", which="both", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(shown.values(), shown.keys(), loc="outside upper center", ncols=3, frameon=False)
    return figure


def _point(axes: Any, key: str, result: Timed, y: float) -> Any:
    who = best(result.samples, [key])
    assert who is not None
    time, (color, marker) = Spread.of(result.samples[who]), STYLES[key]
    axes.hlines(y, 1e3 * time.low, 1e3 * time.high, color=color, linewidth=2)
    return axes.plot(1e3 * time.median, y, marker, color=color, markersize=7, linestyle="none")[0]


def quality_figure(done: Sequence[Done]) -> Figure:
    """A panel for each table, a row for each learner."""
    names = [name for name in data.SOURCES if any(d.data == name for d in done)]
    learners = [name for name in LEARNERS if any(d.learner == name for d in done)]
    figure = Figure(figsize=(4 + 3 * len(names), 1 + 0.42 * len(learners)), layout="constrained")
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    for axes, name in zip(panels, names, strict=True):
        for row, learner in enumerate(learners):
            values = list(errors(done, name, learner).values())
            if not values:
                continue
            found, color = Interval.of(values), "#c1121f" if "Forwardnet" in LEARNERS[learner] else "#5a5a5a"
            axes.plot(values, [row] * len(values), ".", color=color, alpha=0.35)
            axes.errorbar(found.mean, row, xerr=found.half, fmt="o", color=color, capsize=3)
        axes.set_title(name, fontsize="medium")
        axes.set_xlabel(data.SOURCES[name].figure)
        axes.grid(axis="x", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    labels = [LEARNERS[name].replace("`", "") for name in learners]
    panels[0].set_yticks(range(len(learners)), labels)
    panels[0].invert_yaxis()
    return figure
