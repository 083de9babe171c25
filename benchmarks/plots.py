"""The results as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.contenders import ENTRIES, OWN
from benchmarks.markdown import best
from benchmarks.results import Run
from benchmarks.rounds import Spread
from benchmarks.sweep import Line

# Distinguishable also without colour, by their markers.
STYLES = {
    "forwardnet": ("#c1121f", "o"),
    "forwardnet-in-order": ("#c1121f", "x"),
    "forwardnet-eager": ("#e8a0a5", "o"),
    "torch": ("#e07b00", "s"),
    "torch-compile": ("#8f4e00", "D"),
    "jax": ("#1a6fb5", "^"),
    "jax-once": ("#1a6fb5", "^"),
    "sklearn": ("#5a5a5a", "v"),
    "many": ("#c1121f", "o"),
    "many-training": ("#c1121f", "x"),
    "many-jax": ("#1a6fb5", "^"),
    "many-jax-once": ("#1a6fb5", "^"),
    "many-sklearn": ("#5a5a5a", "v"),
}


def draw(run: Run, folder: Path) -> dict[str, str]:
    """Write the figures; returns caption -> file name."""
    found = {}
    if run.results:
        caption = "Microseconds per training step, better number of threads, median and quartiles. Left is faster."
        found[caption] = _save(tasks_figure(run), folder / "steps.png")
    if run.sweeps:
        caption = (
            "Cost of a step as one of batch, width and depth grows, the others fixed (64-128-128-10, batch 128), and "
            "the time to compile it anew. Bands are quartiles."
        )
        found[caption] = _save(sweep_figure(run), folder / "growth.png")
    if run.networks:
        caption = (
            "Milliseconds to train many networks at once (4-16-3, 100 epochs over iris without one row), against their "
            "number. Bands are quartiles."
        )
        found[caption] = _save(networks_figure(run), folder / "networks.png")
    return found


def tasks_figure(run: Run) -> Figure:
    """One row of points for each task, on a logarithmic axis of time."""
    figure = Figure(figsize=(9, 1.2 + 0.85 * len(run.results)), layout="constrained")
    axes = figure.add_subplot()
    shown: set[str] = set()
    for row, result in enumerate(run.results.values()):
        keys = list(dict.fromkeys(key for key, _ in result.samples if key != "peak"))
        for place, key in enumerate(keys):
            who = best(result.samples, [key])
            assert who is not None
            time = Spread.of(result.samples[who])
            y = row + 0.1 * (place - (len(keys) - 1) / 2)
            color, marker = STYLES[key]
            label = None if key in shown else ENTRIES[key].label.replace("`", "")
            shown.add(key)
            axes.hlines(y, 1e6 * time.low, 1e6 * time.high, color=color, linewidth=2)
            size = 9 if key == OWN else 7
            axes.plot(1e6 * time.median, y, marker, color=color, markersize=size, label=label, linestyle="none")
    axes.set_yticks(range(len(run.results)), [r.task.title.replace(" ", "\n", 1) for r in run.results.values()])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    axes.set_xlabel("microseconds per step")
    axes.grid(axis="x", which="both", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def sweep_figure(run: Run) -> Figure:
    """A panel for each axis, and one for the time to compile."""
    figure = Figure(figsize=(10, 7.5), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    for axes, (axis, lines) in zip(panels, run.sweeps.items(), strict=False):
        for key, line in lines.items():
            _line(axes, key, line)
        names = {"batch": "rows of a batch", "width": "units of each hidden layer", "depth": "hidden layers"}
        _finish(axes, names[axis], "microseconds per step", run.sweeps[axis])
    compiled = {k: line for k, line in run.sweeps.get("depth", {}).items() if max(line.compile_seconds) > 0}
    for key, line in compiled.items():
        color, marker = STYLES[key]
        panels[3].plot(line.x, line.compile_seconds, marker=marker, color=color)
    _finish(panels[3], "hidden layers", "seconds to compile", compiled)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    return figure


def networks_figure(run: Run) -> Figure:
    """Time against the number of networks, one line for each contender."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for key, line in run.networks.items():
        _line(axes, key, line, 1e3)
    _finish(axes, "networks", "milliseconds for all", run.networks)
    axes.legend(frameon=False)
    return figure


def _line(axes: Any, key: str, line: Line, scale: float = 1e6) -> None:
    color, marker = STYLES[key]
    low, median, high = ([scale * getattr(s, name) for s in line.y] for name in ("low", "median", "high"))
    axes.plot(line.x, median, marker=marker, color=color, label=ENTRIES[key].label.replace("`", ""))
    axes.fill_between(line.x, low, high, color=color, alpha=0.2, linewidth=0)


def _finish(axes: Any, x_name: str, y_name: str, lines: dict[str, Line]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    for side in (axes.xaxis, axes.yaxis):
        side.set_major_formatter(FuncFormatter(_plain))
    ticks = next(iter(lines.values())).x if lines else []
    axes.set_xticks(ticks)
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    axes.grid(which="major", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _plain(value: float, position: object) -> str:
    """A number without exponent."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _save(figure: Figure, path: Path) -> str:
    FigureCanvasAgg(figure)  # no window, whatever the system has
    figure.savefig(path, dpi=110)
    return path.name
