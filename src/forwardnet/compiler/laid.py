"""Values of any number of axes, laid on matrices.

A value (n, d, k) may lie on a matrix (n, d k), on (n d, k), or on (n k, d): its axes are dealt out to rows and columns.
A permutation of axes is then no operation, nor is a reshape of what lies together; a repeated axis is not carried out
but has the length one in memory. What does not lie as it is needed is moved by a nest of loops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from forwardnet.compiler.matrix import Operand, turned
from forwardnet.compiler.nest import Step, strides

Axes = tuple[int, ...]
Lengths = tuple[int, ...]
Block = tuple[list[int], list[int]]


class Laid(NamedTuple):
    """A value on a matrix: which axes its rows and its columns are made of, the last innermost.

    `lengths` are those in memory, 1 where the value is repeated; axes of length 1 are neither rows nor columns.
    """

    x: Operand
    lengths: Lengths
    rows: Axes
    cols: Axes

    @property
    def axes(self) -> Axes:
        """The axes that have a length."""
        return (*self.rows, *self.cols)

    @property
    def is_plain(self) -> bool:
        """Whether it is a matrix or vector that lies as such: one axis along each."""
        last = len(self.lengths) - 1
        return last < 2 and self.cols in ((), (last,)) and self.rows in ((), (last - 1,))

    def steps(self) -> dict[int, Step]:
        """Rows and columns that one step along each axis leads."""
        rows = {axis: (stride, 0) for axis, stride in strides(self.rows, self.lengths).items()}
        return rows | {axis: (0, stride) for axis, stride in strides(self.cols, self.lengths).items()}


def laid(x: Operand, lengths: Sequence[int], rows: Sequence[int], cols: Sequence[int]) -> Laid:
    """A value on a matrix, with the first of its axes along the rows; what has one line is a row.

    Only the value (n, 1) is a column, as everywhere else.
    """
    r, c = (tuple(a for a in group if lengths[a] > 1) for group in (rows, cols))
    if r and c:
        if min(r) > min(c):
            x, r, c = turned(x), c, r
    elif r or c:
        is_column = len(lengths) == 2 and (r or c) == (0,)
        if (x.shape[1] == 1) != is_column:
            x = turned(x)
        r, c = ((0,), ()) if is_column else ((), r or c)
    return Laid(x, tuple(lengths), r, c)


def given(x: Operand, shape: Lengths) -> Laid:
    """A value of `shape` as it comes in: all axes behind the first along the columns. A matrix may be repeated."""
    if len(shape) > 2:
        return laid(x, shape, (0,), range(1, len(shape)))
    lengths = ((), x.shape[1:], x.shape)[len(shape)]
    return laid(x, lengths, (0,) if len(shape) == 2 else (), (len(shape) - 1,) if shape else ())


def renamed(u: Laid, names: Sequence[int | None], lengths: Sequence[int]) -> Laid:
    """The same memory with axis i called names[i]; axes called None have the length 1 and are dropped."""
    rows, cols = ([names[a] for a in group] for group in (u.rows, u.cols))
    return laid(u.x, lengths, [a for a in rows if a is not None], [a for a in cols if a is not None])


def aligned(u: Laid, rank: int) -> Laid:
    """With axes of length 1 before it, up to so many axes."""
    more = rank - len(u.lengths)
    return renamed(u, range(more, rank), (*(1,) * more, *u.lengths)) if more else u


def blocks(shape: Lengths, wanted: Lengths) -> list[Block]:
    """Which axes of a shape together become which of another, in row-major order; axes of length 1 are left out."""
    found: list[Block] = []
    ins = [a for a, n in enumerate(shape) if n > 1]
    outs = [a for a, n in enumerate(wanted) if n > 1]
    while ins:
        block: Block = ([ins.pop(0)], [outs.pop(0)])
        while (a := math.prod(shape[i] for i in block[0])) != (b := math.prod(wanted[i] for i in block[1])):
            if a < b:
                block[0].append(ins.pop(0))
            else:
                block[1].append(outs.pop(0))
        found.append(block)
    return found


def reshaped(u: Laid, shape: Lengths, wanted: Lengths) -> Laid | None:
    """The value in another shape with its memory as it is; None if that cannot be."""
    lengths = [1] * len(wanted)
    groups = [list(u.rows), list(u.cols)]
    made: list[list[tuple[int, list[int]]]] = [[], []]  # for rows and columns: where a block began, and its new axes
    for ins, outs in blocks(shape, wanted):
        own = [u.lengths[a] for a in ins]
        if all(n == 1 for n in own):
            continue
        where = next((g for g in (0, 1) if ins[0] in groups[g]), None)
        if where is None:
            return None
        begin = groups[where].index(ins[0])
        if groups[where][begin : begin + len(ins)] != ins:
            return None
        for axis in outs:
            lengths[axis] = wanted[axis]
        made[where].append((begin, outs))
    rows, cols = ([axis for _, outs in sorted(parts) for axis in outs] for parts in made)
    return laid(u.x, lengths, rows, cols)


def arrangements(lengths: Lengths, values: Sequence[Laid]) -> list[tuple[Axes, Axes]]:
    """Ways to lay axes on a matrix: as those of the values lie that have them all, cut after some axis, one axis alone.

    The first is taken unless another is better.
    """
    axes = tuple(a for a, n in enumerate(lengths) if n > 1)
    whole = [u for u in values if set(u.axes) == set(axes)]
    found = [(u.rows, u.cols) for u in whole]
    if len(axes) < 2:
        found.append(((), axes))
    else:
        found += [(axes[:cut], axes[cut:]) for cut in range(1, len(axes))]
        found += [((axis,), tuple(a for a in axes if a != axis)) for axis in axes[1:]]
    return found


def lies(u: Laid, lengths: Lengths, rows: Axes, cols: Axes) -> Operand | None:
    """The matrix that has all of `rows` and of `cols`, or none of them, if the value lies so; else None."""
    if any(u.lengths[a] != lengths[a] for a in (*rows, *cols)):
        return None
    if (u.rows, u.cols) == (rows, cols):
        return u.x
    return turned(u.x) if (u.rows, u.cols) == (cols, rows) else None


def needed(u: Laid, rows: Axes, cols: Axes) -> tuple[Axes, Axes]:
    """The rows and columns of a matrix that a value, repeated along the others, has to have."""
    return tuple(rows if u_has(u, rows) else ()), tuple(cols if u_has(u, cols) else ())


def u_has(u: Laid, axes: Axes) -> bool:
    """Whether a value has one of some axes."""
    return any(u.lengths[a] > 1 for a in axes)
