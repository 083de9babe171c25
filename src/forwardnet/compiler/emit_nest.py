"""Code for nests of loops: elements that move, are folded along some loops, or multiplied and summed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from forwardnet.compiler.emit import Frame, index, tiles
from forwardnet.compiler.lanes import I8, I64, Lanes, memory_type
from forwardnet.compiler.llvm import ir
from forwardnet.compiler.matrix import LANES, Val
from forwardnet.compiler.nest import NOWHERE, TARGET, Piece, Step, course, lanewise
from forwardnet.compiler.plan import Plan
from forwardnet.compiler.transfer import element

Value = Any
Place = tuple[Value, Value]  # in a panel, and along the lanes
# A tile of a product: as many lines of both factors, or lines of the one and vectors of the other.
SQUARE, TALL, WIDE = 4, 8, 2


def emit_nest(f: Frame, val: Val, plan: Plan) -> None:
    """All pieces of a value, one after the other."""
    for piece in val.attrs["pieces"]:
        (Product if piece.how == "product" else Nest)(f, val, plan, piece).run()


class Nest:
    """Emits one piece that moves or folds. `places` are where its reads stand and, last, what is written."""

    def __init__(self, f: Frame, val: Val, plan: Plan, piece: Piece) -> None:
        self.f, self.val, self.plan, self.piece = f, val, plan, piece
        self.operands = [val.args[number] for number, _ in piece.reads]
        self.forms = [*(plan.orientation(x.val) ^ int(x.flip) for x in self.operands), plan.orientation(val)]
        self.heights = [plan.shape(x)[0] for x in (*(x.val for x in self.operands), val)]
        self.course = course(piece, tuple(self.forms[:-1]), self.forms[-1])
        self.outer = list(self.course.order[: len(piece.loops) - piece.inner])
        self.inner = list(self.course.order[len(self.outer) :])
        starts = [*(start for _, start in piece.reads), piece.to]
        lanes = [lanewise(start, form) for start, form in zip(starts, self.forms, strict=True)]
        self.places: list[Place] = [(index(a), index(b)) for a, b in lanes]
        self.used = LANES  # how many lanes of the vectors count
        self.entered: set[int] = set()
        self.waiting = list(piece.picks)  # what indices still have to move
        self.valid: Value = None  # whether all places that indices have named exist; None: they do
        self.may_share = f.threads > 1

    def run(self) -> None:
        wide = self.f.k
        if self.course.lane is None:
            self.f.k = Lanes(self.f.builder, 1)
        self._pick()
        self._walk(self.outer)
        self.f.k = wide

    def _walk(self, loops: list[int]) -> None:
        if loops:
            self._each(loops[0], 1, lambda length: self._walk(loops[1:]))
        else:
            self._body()

    # Places

    def _each(self, number: int, size: int, inside: Callable[[int], None]) -> None:
        """The turns of a loop, `size` at once; along the lanes in vectors, the last perhaps of fewer elements.

        `inside(length)` emits what is done for `length` turns from the one where the places stand. Threads share the
        outermost loop of more than one turn.
        """
        count, unit = self.piece.loops[number].turns, 1
        spans: list[tuple[int, int, int, int | None]]
        if number == self.course.lane:
            whole, rest = divmod(count, LANES)
            unit, spans = LANES, [(*tile, LANES) for tile in tiles(whole, size)]
            spans += [(whole, 1, 1, rest)] if rest else []
        else:
            spans = [(*tile, None) for tile in tiles(count, size)]
        is_shared = self.may_share and max(n for _, _, n, _ in spans) > 1
        before, self.may_share = self.may_share, self.may_share and not is_shared
        for first, length, n, used in spans:
            with ExitStack() as stack:
                if is_shared and n == 1:
                    stack.enter_context(self.f.only(self.f.threads - 1))
                turns = (self.f.share if is_shared and n > 1 else self.f.loop)(n)
                i, _, done = stack.enter_context(turns)
                turn = self.f.scaled(self.f.plus(self.f.scaled(i, length), index(first)), unit)
                stack.enter_context(self._at(number, turn, used))
                inside(length)
                done()
        self.may_share = before

    @contextmanager
    def _at(self, number: int, turn: Value, used: int | None = None) -> Iterator[None]:
        """All places so many turns of a loop further."""
        before = (self.places, self.entered, self.waiting, self.valid, self.used)
        self.places = [
            self._further(place, lanewise(step, form), turn)
            for place, step, form in zip(self.places, self.piece.loops[number].steps, self.forms, strict=True)
        ]
        self.entered = self.entered | {number}
        self.used = self.used if used is None else used
        self._pick()
        yield
        self.places, self.entered, self.waiting, self.valid, self.used = before

    def _further(self, place: Place, step: Step, turns: Value) -> Place:
        moved = (p if s == 0 else self.f.plus(p, self.f.scaled(turns, s)) for p, s in zip(place, step, strict=True))
        return next(moved), next(moved)

    def _pick(self) -> None:
        """Let the indices move places that no loop still to be entered will change."""
        ready = [p for p in self.waiting if self._loops_of(p.by) <= self.entered]
        self.waiting = [p for p in self.waiting if p not in ready]
        b = self.f.builder
        for pick in ready:
            number = self._number(pick.by)
            if pick.wraps:
                number = b.select(b.icmp_signed("<", number, index(0)), b.add(number, index(pick.length)), number)
            exists = b.icmp_unsigned("<", number, index(pick.length))
            number = b.select(exists, number, index(0))
            self.valid = exists if self.valid is None else b.and_(self.valid, exists)
            step = lanewise(pick.step, self.forms[pick.moved])
            self.places = list(self.places)
            self.places[pick.moved] = self._further(self.places[pick.moved], step, number)

    def _loops_of(self, read: int) -> set[int]:
        return {i for i, loop in enumerate(self.piece.loops) if loop.steps[read] != NOWHERE}

    def _number(self, read: int) -> Value:
        x = self.operands[read].val
        if _is_number(x):
            return index(int(x.attrs["value"]))
        address = self.f.at(self.plan.offset(x), self._position(read), 8)
        return self.f.builder.load(address, typ=I64, align=8)

    def _position(self, which: int) -> Value:
        """The number of the element at a place."""
        (row, lane), height = self.places[which], self.heights[which]
        return lane if height == 1 else element(self.f, row, lane, height)

    def _vector(self, which: int) -> Value:
        """The number of the first element of the vector at a place."""
        (row, lane), height = self.places[which], self.heights[which]
        return self.f.plus(self.f.scaled(lane, height), self.f.scaled(row, LANES))

    # Elements

    def _read(self, read: int) -> Value:
        x = self.operands[read].val
        if _is_number(x):
            return self.f.k.const(x.attrs["value"], x.dtype)
        if self.course.vectors[read]:
            return self.f.load(self.plan.offset(x), self._vector(read), x.dtype)
        return self.f.load_one(self.plan.offset(x), self._position(read), x.dtype)

    def _write(self, value: Value) -> None:
        f, val = self.f, self.val
        offset = self.plan.offset(val)
        if self.course.lane is None or self.course.is_across:
            f.store_one(value, offset, self._position(TARGET), val.dtype)
        elif self.used == LANES:
            f.store(value, offset, self._vector(TARGET), val.dtype)
        else:  # what lies behind may belong to another piece
            kind = memory_type(val.dtype)
            value = f.builder.zext(value, ir.VectorType(I8, LANES)) if val.dtype.kind == "b" else value
            for lane in range(self.used):
                address = f.at(offset, f.plus(self._vector(TARGET), index(lane)), val.dtype.itemsize)
                f.builder.store(f.builder.extract_element(value, index(lane)), address, align=kind_align(kind, val))

    def _body(self) -> None:
        """For one element, or one vector of them: what is moved, or folded."""
        f, how = self.f, self.piece.how
        if how not in ("put", "add"):
            self._fold()
            return
        value = self._read(0)
        if self.valid is not None and self.val.dtype.kind == "f":
            value = f.builder.select(self.valid, value, f.k.const(np.nan, self.val.dtype))
        if how == "add":
            offset = self.plan.offset(self.val)
            is_one = self.course.lane is None
            place = self._position(TARGET) if is_one else self._vector(TARGET)
            before = (f.load_one if is_one else f.load)(offset, place, self.val.dtype)
            value = f.k.add(before, value)
        self._write(value)

    # Folds

    def _fold(self) -> None:
        name, dtype = self.piece.how, self.val.dtype

        def step(held: list[Value]) -> list[Value]:
            term = self._read(0)
            term = self.f.k.truth(term) if dtype.kind == "b" else term
            total = self.f.combine(name, held[0], self._counted(term, name))
            if self.piece.running:
                self._write(total)
            return [total]

        (total,) = self._turns(self.inner, [self.f.identity(name, dtype)], step)
        if not self.piece.running:
            self._write(self._across(name, total))

    def _counted(self, value: Value, name: str) -> Value:
        """The lanes that count, in the others what changes nothing."""
        if not self.course.is_across or self.used == LANES:
            return value
        return self.f.k.select(self.f.below(index(0), self.used), value, self.f.identity(name, self.val.dtype))

    def _across(self, name: str, total: Value) -> Value:
        return self.f.across(name, total) if self.course.is_across else total

    def _turns(
        self, loops: Sequence[int], held: list[Value], step: Callable[[list[Value]], list[Value]]
    ) -> list[Value]:
        """The folds after all turns of the loops: `step` says what one turn makes of them."""
        if not loops:
            return step(held)
        number, rest = loops[0], loops[1:]
        count, unit, left = self.piece.loops[number].turns, 1, 0
        if number == self.course.lane:
            (count, left), unit = divmod(count, LANES), LANES
        sums = list(held)
        if count:
            with self.f.loop(count, carried=sums) as (i, inside, done), self._at(number, self.f.scaled(i, unit)):
                done(*self._turns(rest, list(inside), step))
        if left:
            with self._at(number, index(count * unit), left):
                sums = self._turns(rest, sums, step)
        return sums


def kind_align(kind: Any, val: Val) -> int:
    """The alignment of single elements in memory."""
    return 1 if kind == I8 else val.dtype.itemsize


def _is_number(val: Val) -> bool:
    return val.kind == "const" and np.size(val.attrs["value"]) == 1


class Product(Nest):
    """Emits one piece that multiplies two reads and sums: tiles of several lines of both, summed in registers."""

    def run(self) -> None:
        wide, lane = self.f.k, self.course.lane
        if lane is None:
            self.f.k = Lanes(self.f.builder, 1)
        self.sides = [self._side(1), self._side(0)]  # the loops along which the one factor moves, and the other not
        sizes = [SQUARE, SQUARE] if lane not in self.sides or lane is None else [TALL, TALL]
        self.sizes = [
            WIDE if side == lane and lane is not None else n for side, n in zip(self.sides, sizes, strict=True)
        ]
        others = [n for n in self.outer if n not in self.sides]
        sides = [n for n in self.sides if n is not None]
        self._walk([*others, *sorted(sides, key=lambda n: n != lane)])
        self.f.k = wide

    def _side(self, still: int) -> int | None:
        """The longest loop along which one factor stands still and the other does not."""
        loops = self.piece.loops
        found = [n for n in self.outer if loops[n].steps[still] == NOWHERE != loops[n].steps[1 - still]]
        return max(found, key=lambda n: (n == self.course.lane, loops[n].turns), default=None)

    def _walk(self, loops: list[int], lengths: dict[int, int] | None = None) -> None:
        lengths = lengths or {}
        if not loops:
            self._tile(*(1 if side is None else lengths[side] for side in self.sides))
            return
        number = loops[0]
        size = self.sizes[self.sides.index(number)] if number in self.sides else 1
        self._each(number, size, lambda length: self._walk(loops[1:], {**lengths, number: length}))

    def _tile(self, tall: int, wide: int) -> None:
        def step(held: list[Value]) -> list[Value]:
            left, right = self._line(0, tall), self._line(1, wide)
            return [self.f.k.fma(left[n // wide], right[n % wide], total) for n, total in enumerate(held)]

        sums = self._turns(self.inner, [self.f.identity("sum", self.val.dtype)] * (tall * wide), step)
        for n, total in enumerate(sums):
            with ExitStack() as stack:
                for side, i in zip(self.sides, divmod(n, wide), strict=True):
                    if side is not None:
                        stack.enter_context(self._at(side, index(i * (LANES if side == self.course.lane else 1))))
                self._write(self._across("sum", total))

    def _line(self, read: int, length: int) -> list[Value]:
        """Some elements or vectors of a factor, side by side: at constant distances from the first wherever that is."""
        side = self.sides[read]
        distance = 0 if side is None else self._distance(read, side)
        if distance is None:
            made = []
            for i in range(length):
                with self._at(side or 0, index(i)):
                    made.append(self._counted(self._read(read), "sum"))
            return made
        return [self._counted(self._loaded(read, distance * i), "sum") for i in range(length)]

    def _distance(self, read: int, side: int) -> int | None:
        """Elements from one turn of a loop to the next, if they are always as many."""
        row, lane = lanewise(self.piece.loops[side].steps[read], self.forms[read])
        if side == self.course.lane:
            return LANES * self.heights[read]
        if lane and self.heights[read] > 1:
            return None
        return lane if self.heights[read] == 1 else row * LANES

    def _loaded(self, read: int, further: int) -> Value:
        f, x = self.f, self.operands[read].val
        if _is_number(x):
            return self._read(read)
        is_vector = self.course.vectors[read]
        place = self._vector(read) if is_vector else self._position(read)
        address = f.at(self.plan.offset(x), place, x.dtype.itemsize)
        if further:
            address = f.builder.gep(address, [index(further * x.dtype.itemsize)], source_etype=I8)
        kind = f.k.const(0, x.dtype).type
        if is_vector:
            return f.builder.load(address, typ=kind, align=64)
        return f.k.broadcast(f.builder.load(address, typ=kind.element, align=x.dtype.itemsize))
