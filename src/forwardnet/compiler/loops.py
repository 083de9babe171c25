"""Kernels of maps and reductions: an outer loop, and inside it one inner loop for each phase."""

from __future__ import annotations

from typing import Any

import numpy as np

from forwardnet.compiler.emit import Frame, index
from forwardnet.compiler.lanes import I64
from forwardnet.compiler.matrix import CAST, COPY, Operand, Val
from forwardnet.compiler.orient import LANES, panels
from forwardnet.compiler.plan import Plan
from forwardnet.compiler.schedule import COL, FULL, ONE, ROW, Kernel
from forwardnet.ops.record import CannotLower

Value = Any


class Place:
    """Where a kernel stands: which row and which panel, and what was computed or loaded there."""

    def __init__(self, row: Value | None = None, panel: Value | None = None) -> None:
        self.row, self.panel = row, panel
        self.held: dict[Any, Value] = {}


class Maps:
    """Emits the values of a kernel at a place; shared by loop kernels and the epilogues of products."""

    def __init__(self, frame: Frame, kernel: Kernel, plan: Plan) -> None:
        self.f, self.kernel, self.plan = frame, kernel, plan
        self.rows, self.cols = kernel.space
        self.ones = Place()

    def read(self, x: Operand, orientation: int, place: Place, outer: Place | None = None) -> Value:
        """An operand at a place: from a register if it is there, else from memory."""
        val = x.val
        if val.kind == "const" and np.size(val.attrs["value"]) == 1:
            return self.f.k.const(val.attrs["value"], val.dtype)
        how = self.plan.access(x, self.kernel, orientation)
        if outer is None and not val.is_scalar and (place.row is None or place.panel is None):
            how = COL if place.panel is None else ROW  # a vector of the outer level is read along the outer axis
        # One value may be read in several ways: a matrix and its transpose, a vector along either axis.
        key = val.index if val.index in self.kernel.phase else (val.index, how, self._form(x, orientation))
        for where in (place, outer, self.ones):
            if where is not None and key in where.held:
                return where.held[key]
        if how == FULL:
            return self._keep(place, key, self._full(x, orientation, place))
        if how == ONE:
            return self._keep(place, key, self.f.load_one(self.plan.offset(val), index(0), val.dtype))
        at = place.row if how == COL else place.panel
        home = place if at is not None else outer
        if at is None and outer is not None:
            at = outer.row if how == COL else outer.panel
        assert at is not None and home is not None, f"{x!r} cannot be read here"
        if home is place and outer is not None and (outer.row if how == COL else outer.panel) is at:
            home = outer
        return self._keep(home, key, self._vector(val, how, at))

    def _keep(self, place: Place, key: Any, value: Value) -> Value:
        place.held[key] = value
        return value

    def _form(self, x: Operand, orientation: int) -> int | None:
        """The form in which a matrix is read; a vector has one only."""
        return None if x.val.is_vector else orientation ^ int(x.flip)

    def _vector(self, val: Val, how: str, at: Value) -> Value:
        f = self.f
        if val.kind == "iota":
            if how == COL:
                return f.k.broadcast(at)
            first = f.k.broadcast(f.scaled(at, LANES))
            return f.builder.add(first, f.k.iota(I64))
        if how == COL:
            return f.load_one(self.plan.offset(val), at, val.dtype)
        return f.load(self.plan.offset(val), f.scaled(at, LANES), val.dtype)

    def _full(self, x: Operand, orientation: int, place: Place) -> Value:
        if x.val.kind == "iota":
            return self._vector(x.val, ROW, place.panel)
        offset = self.plan.offset(x.val, self._form(x, orientation))
        return self.f.load(offset, self.element(place), x.val.dtype)

    def element(self, place: Place) -> Value:
        """The number of the first of the 16 elements at a place, in the kernel's space."""
        f = self.f
        assert place.row is not None and place.panel is not None
        return f.plus(f.scaled(place.panel, self.rows * LANES), f.scaled(place.row, LANES))

    def load_ones(self) -> None:
        """Load the single numbers that the kernel reads before its loops begin."""
        for val in self.kernel.values:
            for arg in val.args:
                a = arg.val
                inside = a.index in self.kernel.phase
                if a.is_scalar and not inside and a.kind not in ("const", "iota") and self.kernel.space != (1, 1):
                    self.read(arg, 0, self.ones)

    def value(self, val: Val, place: Place, outer: Place | None = None) -> Value:
        """Compute a map at a place."""
        orientation = self.plan.orientation(val)
        args = [self.read(a, orientation, place, outer) for a in val.args]
        return self._keep(place, val.index, lowered(self.f, val, args))


def lowered(f: Frame, val: Val, args: list[Value]) -> Value:
    """The op of a map, on registers."""
    if val.op is CAST:
        return f.k.cast(args[0], val.dtype, val.args[0].val.dtype)
    if val.op is COPY:
        return args[0]
    assert val.op is not None
    if val.op.lower is None:
        raise CannotLower(f"op {val.op.name}")
    return val.op.lower(f.k, *args)


def emit_loop(frame: Frame, kernel: Kernel, plan: Plan) -> None:
    """The whole of a loop kernel."""
    Loop(frame, kernel, plan).run()


class Loop(Maps):
    """A kernel of kind "loop"."""

    def run(self) -> None:
        f = self.f
        self.load_ones()
        by_rows = self.kernel.outer == "rows"
        count = self.rows if by_rows else panels(self.cols)
        last = max(self.kernel.phase.values(), default=0)
        with f.share(count) as (i, _, done):
            outer = Place(row=i) if by_rows else Place(panel=i)
            for phase in range(last + 1):
                self._outer_values(phase, outer)
                self._phase(phase, outer, by_rows)
            done()

    def _level_is_outer(self, val: Val) -> bool:
        return val.kind == "map" and self.plan.shape(val) != self.kernel.space

    def _members(self, phase: int) -> list[Val]:
        return [v for v in self.kernel.values if self.kernel.phase[v.index] == phase]

    def _outer_values(self, phase: int, outer: Place) -> None:
        for val in self._members(phase):
            if self._level_is_outer(val):
                result = self.value(val, outer)
                if val.index in self.plan.stored:
                    self._store_outer(val, result, outer)

    def _store_outer(self, val: Val, result: Value, outer: Place) -> None:
        f = self.f
        if outer.row is not None:
            f.store_one(result, self.plan.offset(val), outer.row, val.dtype)
        else:
            f.store(result, self.plan.offset(val), f.scaled(outer.panel, LANES), val.dtype)

    def _phase(self, phase: int, outer: Place, by_rows: bool) -> None:
        members = [v for v in self._members(phase) if not self._level_is_outer(v)]
        if not members:
            return
        f = self.f
        reductions = [v for v in members if v.kind == "reduce"]
        inner = [v for v in reductions if self._ends_inside(v, by_rows)]
        carried = [f.identity(v.attrs["name"], v.dtype) for v in inner]
        count = panels(self.cols) if by_rows else self.rows
        is_cut = by_rows and bool(inner) and self.cols % LANES > 0
        if count > is_cut:
            with f.loop(count - is_cut, carried=carried) as (j, held, done):
                done(*self._turn(members, inner, j, outer, by_rows, held))
        if is_cut:  # of the last panel not all lanes count
            carried = self._turn(members, inner, index(count - 1), outer, by_rows, carried, is_cut=True)
        for val, total in zip(inner, carried, strict=True):
            result = f.across(val.attrs["name"], total) if self.plan.along_lanes(val, self.kernel) else total
            outer.held[val.index] = result
            if val.index in self.plan.stored:
                self._store_outer(val, result, outer)

    def _turn(
        self,
        members: list[Val],
        inner: list[Val],
        j: Value,
        outer: Place,
        by_rows: bool,
        held: list[Value],
        *,
        is_cut: bool = False,
    ) -> list[Value]:
        """One turn of the inner loop; returns what the totals of `inner` become."""
        f = self.f
        place = Place(outer.row, j) if by_rows else Place(j, outer.panel)
        for val in members:
            if val.kind == "map":
                result = self.value(val, place, outer)
                if val.index in self.plan.stored:
                    f.store(result, self.plan.offset(val), self.element(place), val.dtype)
        following = [self._accumulated(v, place, outer, so_far, is_cut) for v, so_far in zip(inner, held, strict=True)]
        for val in members:
            if val.kind == "reduce" and val not in inner:
                self._accumulate_in_memory(val, place, outer, by_rows)
        return following

    def _ends_inside(self, val: Val, by_rows: bool) -> bool:
        return self.plan.along_lanes(val, self.kernel) == by_rows

    def _term(self, val: Val, place: Place, outer: Place) -> Value:
        x = Operand(val.args[0].val)
        value = self.read(x, self.plan.orientation(x.val), place, outer)
        if val.dtype.kind == "b":
            value = self.f.k.truth(value)
        return value

    def _accumulated(self, val: Val, place: Place, outer: Place, so_far: Value, is_cut: bool) -> Value:
        f = self.f
        value = self._term(val, place, outer)
        if is_cut:
            inside = f.below(f.scaled(place.panel, LANES), self.cols)
            value = f.k.select(inside, value, f.identity(val.attrs["name"], val.dtype))
        return f.combine(val.attrs["name"], so_far, value)

    def _accumulate_in_memory(self, val: Val, place: Place, outer: Place, by_rows: bool) -> None:
        """A reduction along the outer loop: a row of totals in memory, begun anew in the first turn."""
        assert by_rows, "only rows are summed while panels follow each other inside"
        value = self._term(val, place, outer)
        accumulate(self.f, val, value, self.plan.offset(val), self.f.scaled(place.panel, LANES), outer.row)


def accumulate(f: Frame, val: Val, value: Value, offset: int, element: Value, turn: Value) -> None:
    """total = value in turn 0, else total combined with value."""
    before = f.load(offset, element, val.dtype)
    is_first = f.builder.icmp_unsigned("==", turn, index(0))
    start = f.identity(val.attrs["name"], val.dtype)
    before = f.builder.select(is_first, start, before)
    f.store(f.combine(val.attrs["name"], before, value), offset, element, val.dtype)
