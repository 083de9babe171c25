"""Nests of loops: kernels that stand alone because elements move, or meet along axes that are part of a matrix's axis.

A piece of such a kernel is a nest of loops. Each turn of a loop moves the place at which an operand is read, and the
place that is written, by so many rows and columns: that is a slice, a transpose of many axes, a repetition, a sum over
some of them, a product of batches. An index may move a place, too: that is a row of a table chosen by a number.

Which loop runs along the 16 lanes depends on how the operands lie, and is chosen here, for the cost model of
`orient` and for the code of `emit_nest` alike.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from forwardnet.compiler.matrix import LANES, Operand, Shape

Step = tuple[int, int]  # rows and columns
NOWHERE: Step = (0, 0)
# Cost of a vector moved, of one summed across its lanes, and of a product's turn that loads two vectors for each sum,
# in fused multiply-adds of vectors.
MAP, ACROSS, TWO_LOADS = 1.5, 8.0, 2.0
TARGET = -1


class Loop(NamedTuple):
    """How many turns, and how far each moves the place of every read and, last, of what is written."""

    turns: int
    steps: tuple[Step, ...]


class Pick(NamedTuple):
    """The number that read `by` gives, at least 0 and below `length`, moves read `moved` (or `TARGET`) by `step`s.

    Where it `wraps`, negative numbers count from the end. What has no place becomes NaN.
    """

    by: int
    moved: int
    step: Step
    length: int
    wraps: bool


class Piece(NamedTuple):
    """One nest: `reads` are (number of the operand, where it begins), indices last; `loops` from the outermost in.

    `how` is "put", "add" (to what is there), "product" (of two reads, summed), or the name of a reduction. The last
    `inner` loops are folded over; `running` writes what is folded so far at every turn.
    """

    reads: tuple[tuple[int, Step], ...]
    to: Step
    loops: tuple[Loop, ...]
    picks: tuple[Pick, ...] = ()
    how: str = "put"
    inner: int = 0
    running: bool = False

    @property
    def turns(self) -> int:
        """How often the innermost body runs."""
        return math.prod(loop.turns for loop in self.loops)

    @property
    def sources(self) -> int:
        """How many of the reads are no indices."""
        return len(self.reads) - len({pick.by for pick in self.picks})

    def is_straight(self, read: int) -> bool:
        """Whether rows stay rows and columns columns, as in a slice: both then lie in the same way."""
        ways = (loop.steps for loop in self.loops)
        return not self.picks and all(
            (a[0] == 0) == (b[0] == 0) and (a[1] == 0) == (b[1] == 0) for s in ways for a, b in [(s[read], s[TARGET])]
        )


class Read(NamedTuple):
    """An operand of a piece, where reading begins, and the step of each loop."""

    x: Operand
    steps: Sequence[Step]
    start: Step = NOWHERE


def piece_of(
    counts: Sequence[int],
    reads: Sequence[Read],
    to_steps: Sequence[Step],
    *,
    to: Step = NOWHERE,
    picks: tuple[Pick, ...] = (),
    how: str = "put",
    inner: int = 0,
    running: bool = False,
) -> Piece:
    """The piece with these loops, outermost first; loops of one turn are left out, and those that continue joined."""
    columns = [*(read.steps for read in reads), to_steps]
    loops = [Loop(n, tuple(c[i] for c in columns)) for i, n in enumerate(counts)]
    outer, folded = _joined(loops[: len(loops) - inner]), _joined(loops[len(loops) - inner :])
    places = tuple((number, read.start) for number, read in enumerate(reads))
    return Piece(places, to, (*outer, *folded), picks, how, len(folded), running)


def _joined(loops: Sequence[Loop]) -> list[Loop]:
    found: list[Loop] = []
    for loop in loops:
        if loop.turns == 1:
            continue
        last = found[-1] if found else None
        if last is not None and all(
            a == (b[0] * loop.turns, b[1] * loop.turns) for a, b in zip(last.steps, loop.steps, strict=True)
        ):
            found[-1] = Loop(last.turns * loop.turns, loop.steps)
        else:
            found.append(loop)
    return found


class Course(NamedTuple):
    """How a piece is gone through.

    `order` holds the numbers of all loops from the outermost in. Loop `lane` (None: none, elements go one by one) is
    cut into vectors; `is_across` says that it is folded over, and `vectors` which reads are vectors then, and not one
    number in all lanes.
    """

    order: tuple[int, ...]
    lane: int | None
    is_across: bool
    vectors: tuple[bool, ...]
    cost: float


def lanewise(step: Step, form: int) -> Step:
    """(row, column) as stored: (place in a panel, place along the lanes)."""
    return (step[1], step[0]) if form else step


@functools.lru_cache(maxsize=4096)
def course(piece: Piece, forms: tuple[int, ...], target: int) -> Course:
    """The cheapest way through a piece whose reads and target lie as `forms` and `target` say."""
    plain = Course(tuple(range(len(piece.loops))), None, False, (False,) * len(piece.reads), _scalar_cost(piece))
    return min([plain, *_with_lanes(piece, forms, target)], key=lambda c: c.cost)


def _with_lanes(piece: Piece, forms: Sequence[int], target: int) -> Iterator[Course]:
    outer = len(piece.loops) - piece.inner
    for number, loop in enumerate(piece.loops):
        step = lanewise(loop.steps[TARGET], target)
        is_across = number >= outer
        if is_across:
            fits = not piece.running and piece.how not in ("put", "add")
        else:
            fits = step == (0, 1) and _is_aligned(piece, number, TARGET, target)
        vectors = [_loaded(piece, number, read, forms[read]) for read in range(piece.sources)]
        if not fits or None in vectors or (is_across and not any(vectors)):
            continue
        found = tuple(bool(v) for v in vectors) + (False,) * (len(piece.reads) - piece.sources)
        order = _order(piece, number)
        yield Course(order, number, is_across, found, _cost(piece, number, is_across, found))


def _loaded(piece: Piece, lane: int, read: int, form: int) -> bool | None:
    """Whether a read is a vector (True) or one number (False) while a loop runs along the lanes; None: neither."""
    step = lanewise(piece.loops[lane].steps[read], form)
    if any(pick.moved == read and piece.loops[lane].steps[pick.by] != NOWHERE for pick in piece.picks):
        return None
    if step == NOWHERE:
        return False
    return True if step == (0, 1) and _is_aligned(piece, lane, read, form) else None


def _is_aligned(piece: Piece, lane: int, read: int, form: int) -> bool:
    """Whether vectors along a loop begin where vectors begin, wherever the other loops and indices stand."""
    start = piece.to if read == TARGET else piece.reads[read][1]
    others = [loop.steps[read] for i, loop in enumerate(piece.loops) if i != lane]
    for pick in piece.picks:
        if pick.moved == read:
            if piece.loops[lane].steps[pick.by] != NOWHERE:
                return False
            others.append(pick.step)
    return all(lanewise(step, form)[1] % LANES == 0 for step in (start, *others))


def _order(piece: Piece, lane: int) -> tuple[int, ...]:
    """Panels outermost: what lies in one is written in order. But what an index says is asked only once."""
    outer = list(range(len(piece.loops) - piece.inner))
    if lane in outer:
        outer.remove(lane)
        outer.insert(len(outer) if piece.picks else 0, lane)
    return (*outer, *range(len(outer), len(piece.loops)))


def _scalar_cost(piece: Piece) -> float:
    return MAP * piece.turns


def _cost(piece: Piece, lane: int, is_across: bool, vectors: tuple[bool, ...]) -> float:
    count = piece.loops[lane].turns
    work = piece.turns / count * -(-count // LANES)
    if piece.how != "product":
        work *= MAP
    elif all(vectors):
        work *= TWO_LOADS
    return work + (ACROSS * results(piece) if is_across else 0.0)


def results(piece: Piece) -> int:
    """How many elements a fold gives."""
    return math.prod(loop.turns for loop in piece.loops[: len(piece.loops) - piece.inner])


def can_share(piece: Piece) -> bool:
    """Whether threads can share a piece: no two turns of its outermost loop write to one place."""
    return not any(pick.moved == TARGET for pick in piece.picks) and len(piece.loops) > piece.inner


def strides(axes: Sequence[int], lengths: Sequence[int]) -> dict[int, int]:
    """How far one step along each of several axes leads where they make up one axis, the last innermost."""
    found, stride = {}, 1
    for axis in reversed(axes):
        found[axis] = stride
        stride *= lengths[axis]
    return found


def product_shape(rows: Sequence[int], cols: Sequence[int], lengths: Sequence[int]) -> Shape:
    """The matrix whose rows and columns are made of these axes."""
    return math.prod(lengths[a] for a in rows), math.prod(lengths[a] for a in cols)
