"""Rules of ops that move elements: shapes, slices, concatenation, rolls, triangles, diagonals.

Where axes change their names or places only, nothing is done; what is put together from parts is a nest of loops for
each part, and lies as the largest part does.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from forwardnet.compiler.builder import Builder, Part
from forwardnet.compiler.laid import Laid, Lengths, aligned, laid, renamed
from forwardnet.compiler.matrix import Operand
from forwardnet.compiler.nest import NOWHERE, Piece, Read, Step, piece_of, product_shape, strides
from forwardnet.ir.graph import Node
from forwardnet.ops import layout, scalar
from forwardnet.ops.record import CannotLower

Line = tuple[int, int, int]  # of an axis: where to begin, the step, how many


def reshape(b: Builder, node: Node, u: Laid) -> Laid:
    return b.reshaped(u, node.inputs[0].shape, node.shape)


def permute(b: Builder, node: Node, u: Laid) -> Laid:
    dims = node.attrs["dims"]
    return renamed(u, layout.inverse(dims), [u.lengths[d] for d in dims])


def expand(b: Builder, node: Node, u: Laid) -> Laid:
    return aligned(u, len(node.shape))


def clone(b: Builder, node: Node, u: Laid) -> Laid:
    return u


def replace(b: Builder, node: Node, old: Laid, new: Laid) -> Laid:
    return aligned(new, len(node.shape))


def flip(b: Builder, node: Node, u: Laid) -> Laid:
    shape, dims = node.shape, node.attrs["dims"]
    return _taken(b, u, shape, [(n - 1, -1, n) if a in dims else (0, 1, n) for a, n in enumerate(shape)])


def triangle(b: Builder, node: Node, u: Laid) -> Laid:
    """tril and triu."""
    keep = np.tril if node.name == "tril" else np.triu
    mask = b.constant(keep(np.ones(node.shape[-2:], bool), node.attrs["diagonal"]))
    zero = b.number(0, node.dtype, 0)
    return b.elementwise(scalar.where, mask, u, zero, shape=node.shape, dtype=node.dtype)


# Slices


def _lines(shape: Lengths, items: layout.Items) -> tuple[list[Line], list[int | None]]:
    """For each axis of x what a basic index takes of it, and which axis of the result that is; None: none."""
    lines: list[Line] = []
    names: list[int | None] = []
    place = 0
    for kind, start, stop, step in items:
        if kind == "new":
            place += 1
            continue
        n = shape[len(lines)]
        if kind == "int":
            assert start is not None
            lines.append((start % n, 1, 1))
            names.append(None)
            continue
        span = range(*slice(start, stop, step).indices(n))
        lines.append((span.start, span.step, len(span)))
        names.append(place)
        place += 1
    rest = shape[len(lines) :]
    return lines + [(0, 1, n) for n in rest], names + list(range(place, place + len(rest)))


def slice_(b: Builder, node: Node, u: Laid) -> Laid:
    lines, names = _lines(node.inputs[0].shape, node.attrs["items"])
    part = _taken(b, u, node.inputs[0].shape, lines)
    return renamed(part, names, _renamed_lengths(part, names, len(node.shape)))


def _renamed_lengths(u: Laid, names: Sequence[int | None], rank: int) -> list[int]:
    lengths = [1] * rank
    for own, name in zip(u.lengths, names, strict=True):
        if name is not None:
            lengths[name] = own
    return lengths


def _taken(b: Builder, u: Laid, shape: Lengths, lines: Sequence[Line]) -> Laid:
    """The part of a value that the lines of its axes say, laid as it is; all of it is itself."""
    if all(line == (0, 1, n) or own == 1 for line, n, own in zip(lines, shape, u.lengths, strict=True)):
        return u
    own = u.steps()
    lengths = [line[2] if a in own else 1 for a, line in enumerate(lines)]
    start = _moved([(own[a], lines[a][0]) for a in u.axes])
    down, along = strides(u.rows, lengths), strides(u.cols, lengths)
    steps = [(own[a][0] * lines[a][1], own[a][1] * lines[a][1]) for a in u.axes]
    to = [(down[a], 0) if a in down else (0, along[a]) for a in u.axes]
    piece = piece_of([lengths[a] for a in u.axes], [Read(u.x, steps, start)], to)
    x = b.nest("assemble", product_shape(u.rows, u.cols, lengths), u.x.val.dtype, [([u.x], piece)])
    return laid(x, lengths, u.rows, u.cols)


def _moved(steps: Sequence[tuple[Step, int]]) -> Step:
    """The place so many steps from the begin."""
    return sum(s[0] * n for s, n in steps), sum(s[1] * n for s, n in steps)


# What is put together


class Target:
    """A value under construction: its axes on a matrix, and the pieces written so far."""

    def __init__(self, b: Builder, shape: Lengths, values: Sequence[Laid]) -> None:
        """It lies as the first of the values that has all axes, a matrix always as itself."""
        self.b, self.shape = b, shape
        axes = tuple(a for a, n in enumerate(shape) if n > 1)
        self.rows, self.cols = (axes[:1], axes[1:]) if len(axes) > 1 else ((), axes)
        whole = next((u for u in values if set(u.axes) == set(axes) and len(axes) > 1), None)
        if whole is not None and len(shape) > 2:
            self.rows, self.cols = whole.rows, whole.cols
        down, along = strides(self.rows, shape), strides(self.cols, shape)
        self.steps = {a: (down[a], 0) for a in down} | {a: (0, along[a]) for a in along}
        self.parts: list[Part] = []

    def put(
        self, u: Laid, lines: Sequence[Line], names: Sequence[int | None] | None = None, start: Step = NOWHERE
    ) -> None:
        """Write a value, from `start` on, to the places that the lines of the axes say.

        Along axis a goes the value's axis names[a], or a.
        """
        own = u.steps()
        axes = [a for a in (*self.rows, *self.cols) if lines[a][2] > 1]
        called = [a if names is None else names[a] for a in axes]
        read = Read(u.x, [NOWHERE if a is None else own.get(a, NOWHERE) for a in called], start)
        target = [(self.steps[a][0] * lines[a][1], self.steps[a][1] * lines[a][1]) for a in axes]
        to = _moved([(step, lines[a][0]) for a, step in self.steps.items()])
        self.add([u.x], piece_of([lines[a][2] for a in axes], [read], target, to=to))

    def add(self, operands: Sequence[Operand], piece: Piece) -> None:
        """Write one more piece."""
        self.parts.append((operands, piece))

    def whole(self) -> list[Line]:
        """All of each axis."""
        return [(0, 1, n) for n in self.shape]

    def done(self, dtype: Any) -> Laid:
        """The value, of the type given."""
        parts = [([self.b.cast(x[0], dtype), *x[1:]], piece) for x, piece in self.parts]
        x = self.b.nest("assemble", product_shape(self.rows, self.cols, self.shape), dtype, parts)
        return laid(x, self.shape, self.rows, self.cols)


def slice_put(b: Builder, node: Node, u: Laid, v: Laid) -> Laid:
    lines, names = _lines(node.shape, node.attrs["items"])
    if any(n == 0 for _, _, n in lines):
        raise CannotLower("an empty value")
    target = Target(b, node.shape, [u])
    target.put(u, target.whole())
    rank = len(layout.sliced(node.shape, node.attrs["items"]))
    target.put(aligned(v, rank), lines, names)
    return target.done(node.dtype)


def cat(b: Builder, node: Node, *xs: Laid) -> Laid:
    if 0 in node.shape:
        raise CannotLower("an empty value")
    dim, position = node.attrs["dim"], 0
    target = Target(b, node.shape, xs)
    for u, made in zip(xs, node.inputs, strict=True):
        if 0 in made.shape:
            continue
        lines = target.whole()
        lines[dim] = (position, 1, made.shape[dim])
        target.put(u, lines)
        position += made.shape[dim]
    return target.done(node.dtype)


def roll(b: Builder, node: Node, u: Laid) -> Laid:
    shifts = [0] * len(node.shape)
    for dim, shift in zip(node.attrs["dims"], node.attrs["shifts"], strict=True):
        shifts[dim] = (shifts[dim] + shift) % node.shape[dim]
    shifts = [shift if own > 1 else 0 for shift, own in zip(shifts, u.lengths, strict=True)]
    if not any(shifts):
        return u
    target = Target(b, u.lengths, [u])
    # Along each axis two parts: (from where, to where, how many).
    halves = [[(0, s, n - s), (n - s, 0, s)] if s else [(0, 0, n)] for s, n in zip(shifts, u.lengths, strict=True)]
    for parts in itertools.product(*halves):
        start = _moved([(step, parts[a][0]) for a, step in u.steps().items()])
        target.put(u, [(to, 1, n) for _, to, n in parts], start=start)
    return target.done(node.dtype)


# Diagonals


def _along_diagonal(steps: dict[int, Step], offset: int) -> tuple[Step, Step]:
    """Where the diagonal of a matrix begins, and where it goes on."""
    row, col = (steps.get(a, NOWHERE) for a in (0, 1))
    start = _moved([(row, max(0, -offset)), (col, max(0, offset))])
    return start, (row[0] + col[0], row[1] + col[1])


def diagonal(b: Builder, node: Node, u: Laid) -> Laid:
    (n,) = node.shape
    start, step = _along_diagonal(u.steps(), node.attrs["offset"])
    piece = piece_of([n], [Read(u.x, [step], start)], [(0, 1)])
    return laid(b.nest("assemble", (1, n), node.dtype, [([u.x], piece)]), (n,), (), (0,))


def diagonal_put(b: Builder, node: Node, u: Laid, v: Laid) -> Laid:
    target = Target(b, node.shape, [])
    target.put(u, target.whole())
    to, step = _along_diagonal(target.steps, node.attrs["offset"])
    count = layout.diagonal_length(node.shape, node.attrs["offset"])
    if not count:
        raise CannotLower("an empty value")
    target.add([v.x], piece_of([count], [Read(v.x, [v.steps().get(0, NOWHERE)])], [step], to=to))
    return target.done(node.dtype)
