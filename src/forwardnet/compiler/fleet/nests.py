"""Nests of loops for a fleet: the same pieces as in `emit_nest`, every element a vector of 16 models.

An index may name another place in each model: then the lanes are read, and written, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forwardnet.compiler.emit import Frame, index, tiles
from forwardnet.compiler.fleet.layout import Layout
from forwardnet.compiler.lanes import I8, memory_type
from forwardnet.compiler.matrix import LANES, Val
from forwardnet.compiler.nest import NOWHERE, TARGET, Piece, Step

Value = Any
SIDE = 4  # turns of each of a product's two loops that are summed together


def emit_nest(f: Frame, val: Val, layout: Layout) -> None:
    """All pieces of a value, one after the other."""
    for piece in val.attrs["pieces"]:
        _Nest(f, val, layout, piece).run()


class _Nest:
    """Emits one piece; places are the numbers of elements in their matrices: of each read, and last of the target."""

    def __init__(self, f: Frame, val: Val, layout: Layout, piece: Piece) -> None:
        self.f, self.val, self.layout, self.piece = f, val, layout, piece
        self.operands = [val.args[number] for number, _ in piece.reads]
        self.places = [index(self._elements(i, start)) for i, (_, start) in enumerate(piece.reads)]
        self.places.append(index(self._elements(TARGET, piece.to)))
        self.steps = [[self._elements(i, s) for i, s in enumerate(loop.steps[:-1])] for loop in piece.loops]
        for loop, steps in zip(piece.loops, self.steps, strict=True):
            steps.append(self._elements(TARGET, loop.steps[TARGET]))

    def _elements(self, which: int, step: Step) -> int:
        """How many elements so many rows and columns are."""
        rows, cols = step
        if which in (TARGET, len(self.operands)):
            return rows * self.val.shape[1] + cols
        x = self.operands[which]
        return (cols if x.flip else rows) * x.val.shape[1] + (rows if x.flip else cols)

    def run(self) -> None:
        loops = list(range(len(self.piece.loops)))
        outer, inner = loops[: len(loops) - self.piece.inner], loops[len(loops) - self.piece.inner :]
        if self.piece.how == "product":
            self._product(outer, inner)
        elif self.piece.how in ("put", "add"):
            self._walk(outer, self._move)
        else:
            self._walk(outer, lambda: self._fold(inner))

    def _walk(self, loops: Sequence[int], body: Callable[[], None]) -> None:
        if not loops:
            body()
            return
        with self.f.loop(self.piece.loops[loops[0]].turns) as (i, _, done):
            before = self._enter(loops[0], i)
            self._walk(loops[1:], body)
            self.places = before
            done()

    def _enter(self, number: int, turn: Value) -> list[Value]:
        """Go so many turns of a loop further; returns the places before."""
        before, f = self.places, self.f
        self.places = [
            f.plus(p, f.scaled(turn, s)) if s else p for p, s in zip(before, self.steps[number], strict=True)
        ]
        return before

    # Elements

    def _load(self, read: int, further: int = 0) -> Value:
        x = self.operands[read].val
        if x.kind == "const" and np.size(x.attrs["value"]) == 1:
            return self.f.k.const(x.attrs["value"], x.dtype)
        place = self.f.plus(self.places[read], index(further))
        return self.f.load(self.layout.offset(x), self.f.scaled(place, LANES), x.dtype)

    def _store(self, value: Value, further: int = 0) -> None:
        place = self.f.plus(self.places[TARGET], index(further))
        self.f.store(value, self.layout.offset(self.val), self.f.scaled(place, LANES), self.val.dtype)

    def _move(self) -> None:
        f, val = self.f, self.val
        moves, valid = self._picked()
        value = self._load(0) if 0 not in moves else self._each_lane(0, moves[0])
        if valid is not None and val.dtype.kind == "f":
            value = f.k.select(valid, value, np.nan)
        if TARGET in moves:
            self._put_each_lane(value, moves[TARGET])
            return
        if self.piece.how == "add":
            place = f.scaled(self.places[TARGET], LANES)
            value = f.k.add(f.load(self.layout.offset(val), place, val.dtype), value)
        self._store(value)

    def _picked(self) -> tuple[dict[int, Value], Value]:
        """How many elements the indices move each read (or the target), lane by lane; and which lanes have a place."""
        k, valid = self.f.k, None
        moves: dict[int, Value] = {}
        for pick in self.piece.picks:
            number = self._load(pick.by)
            if pick.wraps:
                number = k.select(k.compare("<", number, 0), k.add(number, pick.length), number)
            exists = k.logical_and(k.compare(">=", number, 0), k.compare("<", number, pick.length))
            valid = exists if valid is None else k.logical_and(valid, exists)
            moved = k.mul(k.select(exists, number, 0), self._elements(pick.moved, pick.step))
            moves[pick.moved] = moved if pick.moved not in moves else k.add(moves[pick.moved], moved)
        return moves, valid

    def _addresses(self, val: Val, place: Value, moves: Value) -> list[Value]:
        """Where each lane's own element lies."""
        f = self.f
        places = f.k.add(f.k.broadcast(place), moves)
        found = []
        for lane in range(LANES):
            here = f.plus(f.scaled(f.builder.extract_element(places, index(lane)), LANES), index(lane))
            found.append(f.at(self.layout.offset(val), here, val.dtype.itemsize))
        return found

    def _each_lane(self, read: int, moves: Value) -> Value:
        f, x = self.f, self.operands[read].val
        if x.kind == "const" and np.size(x.attrs["value"]) == 1:
            return self._load(read)
        kind = memory_type(x.dtype)
        value = f.k.const(0, x.dtype if x.dtype.kind != "b" else np.int8)
        for lane, address in enumerate(self._addresses(x, self.places[read], moves)):
            one = f.builder.load(address, typ=kind, align=x.dtype.itemsize)
            value = f.builder.insert_element(value, one, index(lane))
        return f.k.truth(value) if x.dtype.kind == "b" else value

    def _put_each_lane(self, value: Value, moves: Value) -> None:
        f, val = self.f, self.val
        kind = memory_type(val.dtype)
        for lane, address in enumerate(self._addresses(val, self.places[TARGET], moves)):
            one = f.builder.extract_element(value, index(lane))
            if self.piece.how == "add":
                before = f.builder.load(address, typ=kind, align=val.dtype.itemsize)
                one = (f.builder.fadd if val.dtype.kind == "f" else f.builder.add)(before, one)
            one = f.builder.zext(one, I8) if val.dtype.kind == "b" else one
            f.builder.store(one, address, align=val.dtype.itemsize)

    # Folds and products

    def _fold(self, inner: Sequence[int]) -> None:
        name, dtype = self.piece.how, self.val.dtype

        def step(held: list[Value]) -> list[Value]:
            term = self._load(0)
            total = self.f.combine(name, held[0], self.f.k.truth(term) if dtype.kind == "b" else term)
            if self.piece.running:
                self._store(total)
            return [total]

        (total,) = self._turns(inner, [self.f.identity(name, dtype)], step)
        if not self.piece.running:
            self._store(total)

    def _turns(
        self, loops: Sequence[int], held: list[Value], step: Callable[[list[Value]], list[Value]]
    ) -> list[Value]:
        """The folds after all turns of the loops."""
        if not loops:
            return step(held)
        sums = list(held)
        with self.f.loop(self.piece.loops[loops[0]].turns, carried=sums) as (i, inside, done):
            before = self._enter(loops[0], i)
            made = self._turns(loops[1:], list(inside), step)
            self.places = before
            done(*made)
        return sums

    def _product(self, outer: list[int], inner: list[int]) -> None:
        """Tiles of 4 by 4 along a loop that moves the first factor alone, and one that moves the second."""
        loops = self.piece.loops
        sides = []
        for moved in (0, 1):
            found = [n for n in outer if loops[n].steps[1 - moved] == NOWHERE != loops[n].steps[moved]]
            sides.append(max(found, key=lambda n: loops[n].turns, default=None))
        others = [n for n in outer if n not in sides]
        self._walk(others, lambda: self._tiles(sides, inner, []))

    def _tiles(self, sides: Sequence[int | None], inner: list[int], sizes: list[int]) -> None:
        if len(sizes) == len(sides):
            self._tile(sides, inner, sizes)
            return
        number = sides[len(sizes)]
        if number is None:
            self._tiles(sides, inner, [*sizes, 1])
            return
        for first, length, n in tiles(self.piece.loops[number].turns, SIDE):
            with self.f.loop(n) as (i, _, done):
                before = self._enter(number, self.f.plus(self.f.scaled(i, length), index(first)))
                self._tiles(sides, inner, [*sizes, length])
                self.places = before
                done()

    def _tile(self, sides: Sequence[int | None], inner: list[int], sizes: Sequence[int]) -> None:
        tall, wide = sizes
        own = [0 if n is None else self.steps[n][read] for read, n in enumerate(sides)]
        to = [0 if n is None else self.steps[n][TARGET] for n in sides]

        def step(held: list[Value]) -> list[Value]:
            left = [self._load(0, own[0] * i) for i in range(tall)]
            right = [self._load(1, own[1] * i) for i in range(wide)]
            return [self.f.k.fma(left[n // wide], right[n % wide], total) for n, total in enumerate(held)]

        sums = self._turns(inner, [self.f.k.const(0, self.val.dtype)] * (tall * wide), step)
        for n, total in enumerate(sums):
            self._store(total, to[0] * (n // wide) + to[1] * (n % wide))
