"""Fusion: which values are computed in one pass over memory.

A kernel runs over a space (rows, columns) of stored elements. Its outer loop goes over rows or over panels of 16
columns; within, values are computed in phases, because what needs the result of a reduction along the inner loop must
wait for that loop to end. A matrix product is a kernel whose tiles are passed, while still in registers, to the maps
that follow (its epilogue). A value is stored only if another kernel, another phase or the outside needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from forwardnet.compiler.matrix import ALONE, Operand, Program, Val
from forwardnet.compiler.orient import DOT, LANES, Orientation, operand_to_turn, panels

FULL, ROW, COL, ONE = "full", "row", "col", "one"


@dataclass(eq=False)
class Kernel:
    """Values computed in one pass.

    `outer` is "rows" or "panels", or None while either will do. `phase` tells in which inner loop a value is computed
    (for a value of the outer level: before which).
    """

    kind: str  # "loop", "matmul", "dot" (a product element by element), "turn", or one of `ALONE`
    space: tuple[int, int]
    values: list[Val] = field(default_factory=list)
    outer: str | None = None
    phase: dict[int, int] = field(default_factory=dict)
    root: Val | None = None  # the product of a "matmul", the value that a "turn" transposes
    way: int = 0

    @property
    def is_flat(self) -> bool:
        """One row only: every reduction along the lanes can be kept in a register."""
        return self.space[0] == 1


@dataclass
class Schedule:
    """Kernels in order, and where values are kept."""

    kernels: list[Kernel]
    stored: set[int]
    turned: set[int]  # values of which a transposed copy is made as well


class Scheduler:
    """Places values into kernels, one root after another, pulling along the maps a root needs."""

    def __init__(self, program: Program, orientation: Orientation) -> None:
        self.program = program
        self.o = orientation
        self.kernels: list[Kernel] = []
        self.home: dict[int, int] = {}  # value -> its kernel
        self.turned: dict[int, int] = {}  # value -> kernel that makes its transposed copy
        self.readers: dict[int, list[Val]] = {val.index: [] for val in program.values}
        for val in program.values:
            for arg in val.args:
                self.readers[arg.val.index].append(val)

    def run(self) -> Schedule:
        for val in self.program.values:
            if val.kind in ("matmul", "reduce", *ALONE):
                self.place(val)
        for output in self.program.outputs:
            self.place(output.val)
        return Schedule(self.kernels, self._stored(), set(self.turned))

    def access(self, x: Operand, kernel: Kernel, orientation: int) -> str:
        """How an operand is read in a kernel's space: as a full matrix, a row, a column or one number."""
        rows, cols = x.shape if not orientation else x.shape[::-1]
        if (rows, cols) == (1, 1):
            return ONE
        if (rows, cols) == kernel.space:
            return FULL
        return ROW if rows == 1 else COL

    def place(self, val: Val) -> None:
        """Give `val` a kernel, if it has none, after everything it needs."""
        if val.index in self.home or val.kind in ("input", "const", "iota"):
            return
        if val.kind == "matmul":
            self._place_matmul(val)
            return
        if val.kind in ALONE:
            for arg in val.args:
                self.place(arg.val)
            self.home[val.index] = len(self.kernels)
            self.kernels.append(Kernel(val.kind, self.o.shape(val), [val], "panels", {val.index: 0}, val))
            return
        group = self._pulled(val)
        for member in group:
            for arg in member.args:
                if arg.val not in group:
                    self.place(arg.val)
                if self._is_across(arg, member) and arg.val.index not in self.turned:
                    self._turn(arg.val)
        group = [m for m in group if m.index not in self.home]
        made = [self._made(a, m) for m in group for a in m.args]
        first = max((position for position in made if position is not None), default=-1)
        for position in range(max(first, 0), len(self.kernels)):
            if self._join(self.kernels[position], position, group):
                return
        position = len(self.kernels)
        kernel = Kernel("loop", self._space(val))
        self.kernels.append(kernel)
        joined = self._join(kernel, position, group)
        assert joined, f"{val!r} does not fit a kernel of its own"

    def _space(self, val: Val) -> tuple[int, int]:
        return self.o.shape(val.args[0].val if val.kind == "reduce" else val)

    def _pulled(self, val: Val) -> list[Val]:
        """`val` and the maps without a home that lead to it in its own space, in order.

        What one of them reads the other way round than it lies is left out: it must be in memory, transposed.
        """
        apart: set[int] = set()
        while True:
            found = self._leading_to(val, apart)
            across = {a.val.index for v in found for a in v.args if self._is_across(a, v) and a.val in found}
            if not across:
                return found
            apart |= across

    def _leading_to(self, val: Val, apart: set[int]) -> list[Val]:
        """The maps of `_pulled`, each after what it needs, without those of `apart`."""
        space = self._space(val)
        found: dict[int, Val] = {}
        stack = [(val, iter(val.args))]  # a walk in depth, without recursion: chains of maps may be long
        entered = {val.index}
        while stack:
            here, rest = stack[-1]
            for arg in rest:
                a = arg.val
                is_free = a.kind == "map" and a.index not in self.home and a.index not in apart
                if is_free and a.index not in entered and self.o.shape(a) == space:
                    entered.add(a.index)
                    stack.append((a, iter(a.args)))
                    break
            else:
                found[here.index] = here
                stack.pop()
        return list(found.values())

    def _is_across(self, x: Operand, reader: Val) -> bool:
        """Whether a map reads a matrix the other way round than that matrix lies."""
        is_full = reader.kind == "map" and not x.val.is_vector and not reader.is_vector
        return is_full and self.o.form(x) != self.o.of[reader.index]

    def _made(self, x: Operand, reader: Val) -> int | None:
        """The kernel after which a reader finds an operand in memory; None if it is there from the beginning."""
        return (self.turned if self._is_across(x, reader) else self.home).get(x.val.index)

    def _place_matmul(self, val: Val) -> None:
        for arg in val.args:
            self.place(arg.val)
        way = self.o.way[val.index]
        if way == DOT:
            self.home[val.index] = len(self.kernels)
            self.kernels.append(Kernel("dot", self.o.shape(val), [val], "panels", {val.index: 0}, val))
            return
        needed = operand_to_turn(val, self.o, way)
        if needed is not None and needed.index not in self.turned:
            self._turn(needed)
        rows, cols = val.shape[::-1] if way else val.shape
        kernel = Kernel("matmul", (rows, cols), [val], "panels", {val.index: 0}, val, way)
        self.home[val.index] = len(self.kernels)
        self.kernels.append(kernel)
        if way != self.o.of[val.index]:
            self._turn(val)  # it leaves the kernel the other way round than the rest of its group lies

    def _turn(self, val: Val) -> None:
        self.turned[val.index] = len(self.kernels)
        self.kernels.append(Kernel("turn", self.o.shape(val), root=val))

    # Joining a kernel

    def _join(self, kernel: Kernel, position: int, group: list[Val]) -> bool:
        """Put the values of `group` into `kernel` if all of them fit; tells whether they did."""
        if kernel.kind in ("turn", "dot", *ALONE) or self._is_better_apart(kernel, group):
            return False
        trial = Kernel(
            kernel.kind, kernel.space, list(kernel.values), kernel.outer, dict(kernel.phase), kernel.root, kernel.way
        )
        for val in group:
            if not self._fits(trial, position, val):
                return False
        kernel.values, kernel.outer, kernel.phase = trial.values, trial.outer, trial.phase
        for val in group:
            self.home[val.index] = position
        return True

    def _is_better_apart(self, kernel: Kernel, group: list[Val]) -> bool:
        """Whether values that a kernel would compute row by row, as 16 equal numbers, are wanted by nothing in it.

        In a kernel of their own one vector has those of 16 rows: the update of a bias after the sum of its gradient.
        """
        rows, _ = kernel.space
        if kernel.kind != "loop" or kernel.outer != "rows" or rows < LANES:
            return False
        if any(val.kind != "map" or self.o.shape(val) != (1, rows) for val in group):
            return False
        readers = (reader for val in group for reader in self.readers[val.index])
        return not any(self._space(reader) == kernel.space for reader in readers)

    def _fits(self, kernel: Kernel, position: int, val: Val) -> bool:
        if val.kind == "reduce":
            return self._fits_reduce(kernel, position, val)
        level = self._level(kernel, val)
        if level is None:
            return False
        orientation = self.o.of[val.index]
        phase = 0
        for arg in val.args:
            found = self._ready(kernel, position, arg, orientation, level)
            if self._is_across(arg, val):
                found = 0 if self.turned.get(arg.val.index, position) < position else None
            if found is None:
                return False
            phase = max(phase, found)
        if kernel.kind == "matmul" and phase > 0:
            return False
        kernel.values.append(val)
        kernel.phase[val.index] = phase
        return True

    def _level(self, kernel: Kernel, val: Val) -> str | None:
        """Whether a map is computed for every element ("full") or once for each turn of the outer loop ("outer")."""
        shape = self.o.shape(val)
        if shape == kernel.space:
            return FULL
        if kernel.kind == "loop" and kernel.outer == "rows" and shape == (1, kernel.space[0]):
            return "outer"
        if kernel.kind == "loop" and kernel.outer == "panels" and not kernel.is_flat and shape == (1, kernel.space[1]):
            return "outer"
        return None

    def _ready(self, kernel: Kernel, position: int, x: Operand, orientation: int, level: str) -> int | None:
        """The phase from which an operand can be read in the kernel; None if it cannot."""
        home = self.home.get(x.val.index)
        inside = x.val.index in kernel.phase
        if not inside:
            return 0 if home is None or home < position else None
        phase = kernel.phase[x.val.index]
        if x.val.kind == "reduce":
            ends = self._is_inner(kernel, x.val)
            return phase + 1 if ends and (level != FULL or self._same_outer(kernel, x, orientation)) else None
        if level != FULL:
            return phase if self.o.shape(x.val) != kernel.space or kernel.is_flat else None
        if self.o.shape(x.val) == kernel.space:
            return phase if self.form(kernel, x) == orientation else None
        return phase if self._same_outer(kernel, x, orientation) else None

    def _same_outer(self, kernel: Kernel, x: Operand, orientation: int) -> bool:
        """Whether a vector of the outer level is read along the outer axis."""
        if x.val.is_scalar:
            return kernel.is_flat is False or kernel.outer == "panels"
        how = self.access(x, kernel, orientation)
        return how == (COL if kernel.outer == "rows" else ROW)

    def _is_inner(self, kernel: Kernel, val: Val) -> bool:
        """Whether a reduction in the kernel ends with the inner loop."""
        return self._along_lanes(val, kernel) == (kernel.outer == "rows") and kernel.kind == "loop"

    def form(self, kernel: Kernel, x: Operand) -> int:
        """How an operand lies: a product lies as its kernel computes it, while in registers."""
        return kernel.way ^ int(x.flip) if x.val is kernel.root else self.o.form(x)

    def _along_lanes(self, val: Val, kernel: Kernel) -> bool:
        return bool((val.attrs["axis"] == 1) ^ bool(self.form(kernel, Operand(val.args[0].val))))

    def _fits_reduce(self, kernel: Kernel, position: int, val: Val) -> bool:
        x = val.args[0]
        if self.o.shape(x.val) != kernel.space:
            return False
        phase = self._ready(kernel, position, Operand(x.val), self.form(kernel, Operand(x.val)), FULL)
        if phase is None:
            return False
        lanes = self._along_lanes(val, kernel)
        if kernel.kind == "matmul":
            if lanes or x.val.index not in kernel.phase:  # only what is in registers is summed there
                return False
        elif lanes and not self._becomes(kernel, "rows"):
            return False
        elif not lanes and kernel.outer is None:
            kernel.outer = "panels"
        kernel.values.append(val)
        kernel.phase[val.index] = phase
        return True

    @staticmethod
    def _becomes(kernel: Kernel, outer: str) -> bool:
        if kernel.outer is None:
            kernel.outer = outer
        return kernel.outer == outer

    def _stored(self) -> set[int]:
        """Values that must be in memory: read by another kernel or phase, transposed, or given out."""
        stored = {o.val.index for o in self.program.outputs} | set(self.turned)
        stored |= {v.index for v in self.program.values if v.kind in ALONE or self.o.way.get(v.index) == DOT}
        for position, kernel in enumerate(self.kernels):
            for val in kernel.values:
                for arg in val.args:
                    index = arg.val.index
                    home = self.home.get(index)
                    if (
                        home is None
                        or index not in kernel.phase
                        or home != position
                        or self._crosses(kernel, arg.val, val)
                    ):
                        stored.add(index)
        return stored

    def _crosses(self, kernel: Kernel, x: Val, reader: Val) -> bool:
        """Whether a value computed for every element is read in a later phase of its kernel."""
        is_full = x.kind != "reduce" and self.o.shape(x) == kernel.space
        return is_full and kernel.phase[x.index] != kernel.phase[reader.index]


def schedule(program: Program, orientation: Orientation) -> Schedule:
    """Kernels for the program under the chosen orientation."""
    return Scheduler(program, orientation).run()


def vectors(shape: tuple[int, int]) -> int:
    """How many vectors of 16 a stored matrix takes."""
    return shape[0] * panels(shape[1])
