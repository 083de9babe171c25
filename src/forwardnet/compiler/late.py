"""What follows the sums of a tile, done while those of the next tile are under way.

An optimiser's update takes a square root and a division for each element. They keep one unit of the processor busy
for about 20 cycles a vector, in which its multiply-add units stand still unless they have other work at hand; the sums
of the next tile are such work, but lie further ahead than a processor looks. So they are brought near: the sums of a
tile are put aside, and while the next tile is summed, one vector of them is finished after every few terms.
Every element is still computed by the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from forwardnet.compiler.emit import index
from forwardnet.compiler.lanes import I64
from forwardnet.compiler.loops import Place

if TYPE_CHECKING:
    from forwardnet.compiler.products import Product

Value = Any
NOTHING = -1


class Late:
    """The tile that was summed last and is not finished: its sums, row and panel, in memory of the stack."""

    def __init__(self, product: Product) -> None:
        self.product, self.f = product, product.f
        self.count, self.wide = product.tall * product.wide, product.wide
        kind = self.f.k.const(0, product.root.dtype).type
        self.kind, self.sums = kind, self.f.reserved(kind, self.count)
        self.row, self.panel = self.f.reserved(I64, 1), self.f.reserved(I64, 1)
        self.f.builder.store(index(NOTHING), self.row)

    def among(self, units: int, sums: list[Value], unit: Callable[[Value, list[Value]], None]) -> int:
        """Sum `units` of terms, or nearly as many, and finish the tile before among them; returns how many.

        `unit(i, sums)` emits the i-th unit.
        """
        f = self.f
        turns = 1 << (min(self.count, units).bit_length() - 1)  # as there are a power of two of sums
        each, units_of_turn = self.count // turns, units // turns
        with f.loop(turns, carried=sums) as (turn, held, done):
            # The branch comes before the sums: sums before a branch would be moved behind it, away from their loads.
            self._finish(turn, each)
            inside = list(held)
            with f.loop(units_of_turn, carried=inside) as (i, now, unit_done):
                within = list(now)
                unit(f.plus(f.scaled(turn, units_of_turn), i), within)
                unit_done(*within)
            done(*inside)
        return turns * units_of_turn

    def leave(self, panel: Value, row: Value, sums: list[Value]) -> None:
        """Put the sums of a tile aside."""
        f = self.f
        for i, value in enumerate(sums):
            f.builder.store(value, f.builder.gep(self.sums, [index(i)], source_etype=self.kind), align=64)
        f.builder.store(row, self.row)
        f.builder.store(panel, self.panel)

    def flush(self) -> None:
        """Finish the last tile, with no other to sum meanwhile."""
        self._finish(index(0), self.count)

    def _finish(self, turn: Value, each: int) -> None:
        """Finish `each` vectors of the tile put aside, if there is one; `turn` counts the calls for one tile."""
        f, b = self.f, self.f.builder
        row, panel = b.load(self.row, typ=I64), b.load(self.panel, typ=I64)
        body, after = f.function.append_basic_block("late"), f.function.append_basic_block("early")
        b.cbranch(b.icmp_signed("!=", row, index(NOTHING)), body, after)
        b.position_at_end(body)
        with f.loop(each) as (i, _, done):
            number = f.plus(f.scaled(turn, each), i)
            total = b.load(b.gep(self.sums, [number], source_etype=self.kind), typ=self.kind, align=64)
            column = Place(panel=f.plus(panel, b.urem(number, index(self.wide))))
            self.product.finish(column, f.plus(row, b.udiv(number, index(self.wide))), total)
            done()
        b.branch(after)
        b.position_at_end(after)


def finishes_late(product: Product, units: int) -> bool:
    """Whether a product finishes tiles late: what follows its sums is long, and terms enough to hide it are summed.

    Column totals are taken in the order of the rows, which late tiles would leave.
    """
    return not (product.reductions or product.is_short(product.tall, product.wide)) and units >= product.wide * 2
