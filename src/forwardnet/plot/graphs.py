"""Computational graphs, drawn from left to right with values, gradients, and what flows along each edge."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet.errors import ArgumentError
from forwardnet.explain.graph import ComputationGraph, GraphEdge, GraphNode
from forwardnet.explain.graph_text import number_text, value_text
from forwardnet.plot.style import BLACK, BLUE, GREY, ORANGE, SMALL, TEXT, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"input": "#DCEBF7", "constant": "#EEEEEE", "operation": "#FFFFFF", "layer": "#E3F2EC", "loss": "#FBE3D6"}
MOST = 120  # nodes; more than that is a wall and no picture
Place = tuple[float, float]  # in columns from the left and rows

COLUMN, ROW = 2.6, 1.25  # inches from centre to centre
WIDTH, HEIGHT = 0.62, 0.54  # of a node, in columns and rows
BENDS = (0.0, -0.2, 0.2, -0.4, 0.4, -0.6, 0.6)  # ways for an arrow, the first that meets no node is taken


def computation_graph(graph: ComputationGraph, *, title: str = "") -> Figure:
    """Draw a graph: in each node its value (blue) and gradient (orange), on each edge d and what flows back.

    d is the local derivative; the flow is d times the gradient at the far end, and the gradient of a node is the sum
    of what flows to it.

    Raises:
        ArgumentError: the graph has more than 120 nodes.
    """
    if len(graph.nodes) > MOST:
        raise ArgumentError(
            f"computation_graph: {len(graph.nodes)} nodes, expected at most {MOST}",
            hint="graph.to_text() lists them; network_graph(...) has one node for each layer",
        )
    places = _places(graph)
    bends = [_bend(places, edge) for edge in graph.edges]
    heights = [y for _, y in places]
    for edge, bend in zip(graph.edges, bends, strict=True):
        heights += [y for _, y in _curve(*_ends(places, edge), bend)]
    low, high = min(heights) - HEIGHT, max(heights) + HEIGHT
    columns = max(x for x, _ in places) + 1
    figure = new_figure(COLUMN * columns, ROW * (high - low) + (0.4 if title else 0.0))
    axes = figure.add_subplot()
    axes.axis("off")
    if title:
        axes.set_title(title, fontsize=TEXT + 1, loc="left", color=BLACK)
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(low, high)
    for edge, bend in zip(graph.edges, bends, strict=True):
        _draw_edge(axes, *_ends(places, edge), bend, edge)
    for node, place in zip(graph.nodes, places, strict=True):
        _draw_node(axes, place, node)
    return figure


def _places(graph: ComputationGraph) -> list[Place]:
    """Where nodes stand: as far right as their longest way from an input, beside each other without overlap."""
    n = len(graph.nodes)
    depth = [0] * n
    for edge in graph.edges:  # sources come before their targets
        depth[edge.target] = max(depth[edge.target], depth[edge.source] + 1)
    uses: list[list[int]] = [[] for _ in range(n)]
    feeds: list[list[int]] = [[] for _ in range(n)]
    for edge in graph.edges:
        uses[edge.source].append(edge.target)
        feeds[edge.target].append(edge.source)
    for i in range(n):  # an input stands just before its first use
        if not feeds[i] and uses[i]:
            depth[i] = max(0, min(depth[j] for j in uses[i]) - 1)
    column: dict[int, list[int]] = {}
    for i in range(n):
        column.setdefault(depth[i], []).append(i)
    height = [0.0] * n
    for _ in range(4):  # each column in the order of its neighbours' heights, from the right and from the left
        for beside, order in ((uses, sorted(column, reverse=True)), (feeds, sorted(column))):
            for x in order:
                _stack(column[x], beside, height)
    return [(float(depth[i]), height[i]) for i in range(n)]


def _stack(column: list[int], beside: list[list[int]], height: list[float]) -> None:
    """Put the nodes of a column near the mean height of their neighbours, at least one row apart."""
    wanted = {i: sum(height[j] for j in beside[i]) / len(beside[i]) if beside[i] else height[i] for i in column}
    column.sort(key=lambda i: (wanted[i], -i))
    placed: list[float] = []
    for i in column:
        placed.append(wanted[i] if not placed else max(wanted[i], placed[-1] + 1.0))
    shift = sum(wanted[i] for i in column) / len(column) - sum(placed) / len(placed)
    for i, y in zip(column, placed, strict=True):
        height[i] = y + shift


def _draw_node(axes: Axes, place: Place, node: GraphNode) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = place
    box = FancyBboxPatch(
        (x - WIDTH / 2, y - HEIGHT / 2),
        WIDTH,
        HEIGHT,
        boxstyle="round,pad=0.0,rounding_size=0.08",
        facecolor=COLOURS[node.kind],
        edgecolor=GREY,
        linewidth=1.0,
        zorder=3,
    )
    axes.add_patch(box)
    lines = [(0.16, node.label, TEXT - 1, BLACK), (-0.01, _short(node.value), SMALL, BLUE)]
    if node.gradient is not None:
        lines.append((-0.18, _short(node.gradient), SMALL, ORANGE))
    for above, text, size, colour in lines:
        axes.text(x, y + above, text, ha="center", va="center", fontsize=size, color=colour, zorder=4)


def _ends(places: list[Place], edge: GraphEdge) -> tuple[Place, Place]:
    """Where an arrow begins and ends: at the right of one node and the left of another."""
    (x0, y0), (x1, y1) = places[edge.source], places[edge.target]
    return (x0 + WIDTH / 2, y0), (x1 - WIDTH / 2, y1)


def _bend(places: list[Place], edge: GraphEdge) -> float:
    """The least bend with which an arrow meets no node but its own."""
    start, end = _ends(places, edge)
    return next((bend for bend in BENDS if not _hits(_curve(start, end, bend), places, edge)), BENDS[-1])


def _draw_edge(axes: Axes, start: Place, end: Place, bend: float, edge: GraphEdge) -> None:
    arrow = {"arrowstyle": "-|>", "color": GREY, "lw": 1.1, "connectionstyle": f"arc3,rad={bend}"}
    axes.annotate("", xy=end, xytext=start, arrowprops=arrow, zorder=1)
    curve = _curve(start, end, bend)
    at = len(curve) * 2 // 5  # not in the middle, where edges cross
    (xa, ya), (xb, yb) = curve[at - 1], curve[at + 1]
    written: dict[str, Any] = {
        "textcoords": "offset points",
        "ha": "center",
        "fontsize": SMALL - 1,
        "rotation": math.degrees(math.atan2((yb - ya) * ROW, (xb - xa) * COLUMN)),
        "rotation_mode": "anchor",
        "zorder": 2,
    }
    if edge.local is not None:
        axes.annotate(f"d {_short(edge.local)}", curve[at], (0, 4), va="bottom", color=BLACK, **written)
    if edge.flow is not None:
        axes.annotate(_short(edge.flow, brief=True), curve[at], (0, -4), va="top", color=ORANGE, **written)


def _curve(start: Place, end: Place, bend: float) -> list[Place]:
    """Places along the arrow, a parabola whose middle lies `bend` of half its length beside the straight line."""
    (x0, y0), (x1, y1) = start, end
    dx, dy = (x1 - x0) * COLUMN, (y1 - y0) * ROW  # inches, in which the arrow is bent
    xm, ym = (x0 + x1) / 2 + bend * dy / COLUMN, (y0 + y1) / 2 - bend * dx / ROW
    ts = [i / 40 for i in range(41)]
    return [
        ((1 - t) ** 2 * x0 + 2 * t * (1 - t) * xm + t**2 * x1, (1 - t) ** 2 * y0 + 2 * t * (1 - t) * ym + t**2 * y1)
        for t in ts
    ]


def _hits(curve: list[Place], places: list[Place], edge: GraphEdge) -> bool:
    """Whether an arrow passes through a node that is not its own."""
    others = [place for i, place in enumerate(places) if i not in (edge.source, edge.target)]
    return any(
        abs(x - px) < WIDTH / 2 + 0.03 and abs(y - py) < HEIGHT / 2 + 0.05 for x, y in curve for px, py in others
    )


def _short(value: Any, *, brief: bool = False) -> str:
    """A number, up to three of them, or shape and norm."""
    if value.size <= (1 if brief else 2):
        return value_text(value)
    norm = f"norm {number_text(float(np.linalg.norm(value)))}" if value.dtype.kind == "f" else ""
    return norm if brief else f"{' x '.join(map(str, value.shape))}, {norm}".rstrip(", ")
