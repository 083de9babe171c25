"""Orientation: which axis of each matrix lies along the vector lanes.

A matrix v is stored as panels `[cols/16][rows][16]` of itself (orientation 0) or of its transpose (orientation 1).
Values tied by maps share one orientation; matrix products can be computed either way round, and ask for one of their
operands in a certain form. Choosing well keeps lanes full: small nets put the batch along them, wide ones features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from forwardnet.compiler.matrix import LANES as LANES, NESTS, Operand, Program, Val
from forwardnet.compiler.nest import ACROSS, MAP, Piece, course

TILE = 8
DOT = 2

# Cost of turning one vector of 16 elements, in fused multiply-adds of vectors.
TRANSPOSE = 6.0


@dataclass
class Orientation:
    """The choice: `of[val.index]` for each value, `way[val.index]` for each matrix product.

    The ways are 0 (panels of the result), 1 (of its transpose) and `DOT` (element by element, summed along lanes).
    """

    of: dict[int, int] = field(default_factory=dict)
    way: dict[int, int] = field(default_factory=dict)

    def form(self, x: Operand) -> int:
        """0 if x lies in memory as panels of itself, 1 if as panels of its transpose."""
        return self.of[x.val.index] ^ int(x.flip)

    def shape(self, val: Val) -> tuple[int, int]:
        """(rows, columns) as stored: columns lie along the lanes."""
        rows, cols = val.shape
        return (cols, rows) if self.of[val.index] else (rows, cols)


def panels(n: int) -> int:
    """How many vectors hold n elements."""
    return -(-n // LANES)


def _is_straight(val: Val, number: int) -> bool:
    """Whether an operand of a nest lies best as the result lies."""
    return any(
        piece.is_straight(read)
        for piece in val.attrs["pieces"]
        for read, (operand, _) in enumerate(piece.reads)
        if operand == number
    )


class _Groups:
    """Values tied together by maps and parts, each with its orientation relative to the group's."""

    def __init__(self, program: Program) -> None:
        self.parent = list(range(len(program.values)))
        self.parity = [0] * len(program.values)
        for val in program.values:
            if val.kind in ("map", "assemble") and not val.is_vector:
                for number, arg in enumerate(val.args):
                    same = arg.shape == val.shape if val.kind == "map" else _is_straight(val, number)
                    if same and not arg.val.is_vector:
                        self.tie(val.index, arg.val.index, int(arg.flip))
        self.places = [self._place(val) for val in program.values]  # once all are tied

    def _place(self, val: Val) -> tuple[int | None, int]:
        """The group of a value, None where it needs none, and how it lies in that."""
        if val.is_vector:
            return None, int(val.shape[1] == 1 and val.shape[0] != 1)
        return self.root(val.index)

    def root(self, i: int) -> tuple[int, int]:
        """The group of value i, and its orientation relative to the group's."""
        parity = 0
        while self.parent[i] != i:
            parity ^= self.parity[i]
            i = self.parent[i]
        return i, parity

    def tie(self, i: int, j: int, flip: int) -> None:
        (a, p), (b, q) = self.root(i), self.root(j)
        if a != b:
            self.parent[b] = a
            self.parity[b] = p ^ q ^ flip


def choose(program: Program, given: Mapping[int, int] | None = None) -> Orientation:
    """The cheapest orientation found by changing one group at a time, from all of one kind and all of the other.

    `given` fixes the orientation of some inputs, by number.
    """
    groups = _Groups(program)
    fixed: dict[int, int] = {}
    for number, orientation in (given or {}).items():
        val = program.inputs[number]
        if not val.is_vector:
            root, parity = groups.root(val.index)
            fixed[root] = orientation ^ parity
    free = sorted({groups.root(v.index)[0] for v in program.values if not v.is_vector} - set(fixed))
    best: tuple[float, Orientation] | None = None
    for start in (0, 1):
        setting = {**dict.fromkeys(free, start), **fixed}
        current = _cost(program, groups, setting)
        improved = True
        while improved:
            improved = False
            for group in free:
                setting[group] ^= 1
                trial = _cost(program, groups, setting)
                if trial[0] < current[0]:
                    current, improved = trial, True
                else:
                    setting[group] ^= 1
        if best is None or current[0] < best[0]:
            best = current
    assert best is not None
    return best[1]


def _settled(program: Program, groups: _Groups, setting: dict[int, int]) -> dict[int, int]:
    places = zip(program.values, groups.places, strict=True)
    return {val.index: parity if root is None else setting[root] ^ parity for val, (root, parity) in places}


def _cost(program: Program, groups: _Groups, setting: dict[int, int]) -> tuple[float, Orientation]:
    chosen = Orientation(_settled(program, groups, setting))
    total = 0.0
    turned: set[int] = set()
    for val in program.values:
        rows, cols = chosen.shape(val)
        if val.kind == "map":
            total += MAP * rows * panels(cols)
        elif val.kind in NESTS:
            total += sum(_piece_cost(val, piece, chosen) for piece in val.attrs["pieces"])
        elif val.kind == "reduce":
            total += _reduce_cost(val, chosen)
        elif val.kind == "matmul":
            total += _matmul_cost(val, chosen, turned)
        elif val.kind == "random" or (val.kind == "input" and val.attrs.get("gathered")):
            total += rows * panels(cols) * (TRANSPOSE if chosen.of[val.index] else MAP)
    return total, chosen


def _piece_cost(val: Val, piece: Piece, chosen: Orientation) -> float:
    forms = tuple(chosen.form(val.args[number]) for number, _ in piece.reads)
    return course(piece, forms, chosen.of[val.index]).cost


def _reduce_cost(val: Val, chosen: Orientation) -> float:
    x = val.args[0]
    rows, cols = chosen.shape(x.val)
    along_lanes = (val.attrs["axis"] == 1) ^ bool(chosen.of[x.val.index])
    return MAP * rows * panels(cols) + (ACROSS * rows if along_lanes else 0.0)


def _matmul_cost(val: Val, chosen: Orientation, turned: set[int]) -> float:
    costs = []
    for way in (0, 1):
        needed = operand_to_turn(val, chosen, way)
        m, n = (val.shape[1], val.shape[0]) if way else val.shape
        k = val.args[0].shape[1]
        cost = float(m * k * panels(n))
        if m < TILE:  # few rows leave the multiply-add units waiting for each other
            cost *= math.sqrt(TILE / m)
        if needed is not None and needed.index not in turned:
            rows, cols = chosen.shape(needed)
            cost += TRANSPOSE * rows * panels(cols)
        if way != chosen.of[val.index]:
            cost += TRANSPOSE * m * panels(n)
        costs.append((cost, way, needed))
    if can_dot(val, chosen):
        m, n = val.shape
        costs.append((m * n * (panels(val.args[0].shape[1]) + ACROSS), DOT, None))
    cost, way, needed = min(costs, key=lambda c: (c[0], c[1]))
    chosen.way[val.index] = way
    if needed is not None:
        turned.add(needed.index)
    return cost


def can_dot(val: Val, chosen: Orientation) -> bool:
    """Whether both operands of a product lie with the axis that is summed along the lanes."""
    a, b = val.args
    return chosen.form(a) == 0 and chosen.form(b) == 1


def operand_to_turn(val: Val, chosen: Orientation, way: int) -> Val | None:
    """The operand of a product that does not lie as that way of computing needs it, or None.

    y = a b needs b as panels of itself; computed as y' = b' a', it needs a as panels of its transpose.
    """
    a, b = val.args
    x, wanted = (a, 1) if way else (b, 0)
    return x.val if chosen.form(x) != wanted else None
