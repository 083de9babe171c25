"""What all figures share: colours that colour-blind readers can tell apart, readable text, PNG output."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from forwardnet.errors import ArgumentError
from forwardnet.interop.atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito, "Color universal design" (2008); the yellow is left out, it is too faint on white.
BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER, GREY, BLACK = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#6B6B6B",
    "#1A1A1A",
)
CLASS_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER, GREY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

TEXT = 11  # points
SMALL = 9
DPI = 120


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure of `width` by `height` inches with the Agg canvas; pyplot never hears of it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, *, title: str = "", x: str = "", y: str = "", grid: bool = True) -> None:
    """Titles, labels and quiet lines."""
    if title:
        axes.set_title(title, fontsize=TEXT + 1, loc="left", color=BLACK)
    axes.set_xlabel(x, fontsize=TEXT, color=BLACK)
    axes.set_ylabel(y, fontsize=TEXT, color=BLACK)
    axes.tick_params(labelsize=SMALL + 1, color=GREY, labelcolor=BLACK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    if grid:
        axes.grid(True, color="#E4E4E4", linewidth=0.8)
        axes.set_axisbelow(True)


def png_bytes(figure: Figure) -> bytes:
    """The figure as a PNG file's bytes; the same figure always gives the same bytes."""
    buffer = io.BytesIO()
    # matplotlib would write its version into the file.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure to `path` as PNG, SVG or PDF, by its ending, whole or not at all.

    Raises:
        ArgumentError: another ending.
        OSError: the file cannot be written.
    """
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending not in (".png", ".svg", ".pdf"):
        raise ArgumentError(f"{os.fspath(path)!r}: ending {ending!r}, expected .png, .svg or .pdf")
    if ending == ".png":
        write_bytes(path, png_bytes(figure))
        return
    buffer = io.BytesIO()
    figure.savefig(buffer, format=ending[1:], metadata={"Date": None} if ending == ".svg" else {"CreationDate": None})
    write_bytes(path, buffer.getvalue())
