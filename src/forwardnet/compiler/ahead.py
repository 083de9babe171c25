"""Asking for the rows of the next step while this one computes.

The rows of a mini-batch lie anywhere in the data, which are larger than the caches near a core: copying them takes as
long as reading them from far memory, and nothing else is done meanwhile. So the last large product of a step asks for
the next step's rows, a few lines of them with each of its tiles, and the copy finds them near.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forwardnet.compiler.emit import Frame, index
from forwardnet.compiler.lanes import I8, I64
from forwardnet.compiler.matrix import Val
from forwardnet.compiler.plan import Plan
from forwardnet.compiler.schedule import Kernel
from forwardnet.compiler.transfer import batch_of

Value = Any
LINE = 64
# Fewer bytes than this are copied before asking for them would help.
FEWEST_BYTES = 16_384
# What a tile asks for at most, so that its code stays short and its own reads are not held up.
MOST_LINES = 64


class Ahead:
    """The rows of the next step: `data` is where all rows lie, `order` where the numbers of the next ones do."""

    def __init__(self, f: Frame, val: Val, data: Value, order: Value, tiles: int) -> None:
        """`tiles` share the lines of the batch evenly."""
        self.f, self.data, self.order = f, data, order
        self.batch, width = batch_of(val)
        self.row_bytes = width * val.dtype.itemsize
        self.share = Share.of(self.batch, self.row_bytes, tiles)

    def fetch(self, tile: Value) -> None:
        """Ask for the lines that belong to a tile, counted from 0."""
        f, b, share = self.f, self.f.builder, self.share
        part = f.scaled(b.udiv(tile, index(share.tiles)), share.parts)
        last = index(self.batch - 1)
        for n in range(share.parts):
            place = f.plus(part, index(n))
            row = b.udiv(place, index(share.parts_of_row))
            row = b.select(b.icmp_unsigned("<", row, last), row, last)
            number = b.load(b.gep(self.order, [row], source_etype=I64), typ=I64, align=8)
            first = f.scaled(b.urem(place, index(share.parts_of_row)), share.lines * LINE)
            begin = b.gep(self.data, [f.plus(f.scaled(number, self.row_bytes), first)], source_etype=I8)
            for line in range(share.lines):
                f.fetch(b.gep(begin, [index(line * LINE)], source_etype=I8), near=False)


@dataclass(frozen=True)
class Share:
    """Each row is asked for in `parts_of_row` of so many `lines`; each of `tiles` tiles asks for `parts` of them."""

    parts_of_row: int
    lines: int
    parts: int
    tiles: int

    @classmethod
    def of(cls, batch: int, row_bytes: int, tiles: int) -> Share:
        """The share of a tile of so many."""
        lines = -(-row_bytes // LINE) + 1  # a row need not begin where a line does
        each = next(n for n in range(1, lines + 1) if n == lines or batch * -(-lines // n) <= tiles)
        parts_of_row = -(-lines // each)
        of_batch = batch * parts_of_row
        parts = min(-(-of_batch // tiles), max(1, MOST_LINES // each))
        return cls(parts_of_row, each, parts, max(1, tiles // of_batch))


def asking(plan: Plan, gathered: list[int]) -> tuple[Kernel, int] | None:
    """The product that asks for the next rows, and the slot of the input that they belong to; None if none should."""
    sizes = []
    for slot, number in enumerate(gathered):
        val = plan.program.inputs[number]
        batch, width = batch_of(val)
        sizes.append((batch * width * val.dtype.itemsize, slot))
    products = [k for k in plan.schedule.kernels if k.kind == "matmul"]
    if not sizes or not products or max(sizes)[0] < FEWEST_BYTES:
        return None
    most = max(k.space[0] * k.space[1] for k in products)
    last = [k for k in products if 4 * k.space[0] * k.space[1] >= most][-1]
    return last, max(sizes)[1]
