"""What a compiled program consists of, for people: kernels, what was fused into them, operations and bytes."""

from __future__ import annotations

from dataclasses import dataclass

from forwardnet.compiler.matrix import NESTS, Val
from forwardnet.compiler.orient import LANES, panels
from forwardnet.compiler.plan import Plan
from forwardnet.compiler.schedule import Kernel


@dataclass(frozen=True)
class KernelInfo:
    """One kernel: what it does, its operations (a multiply-add counts two), and the bytes it reads and writes."""

    kind: str
    rows: int
    columns: int
    fused: tuple[str, ...]
    operations: int
    bytes: int

    def __str__(self) -> str:
        inside = f" + {' '.join(self.fused)}" if self.fused else ""
        return (
            f"{self.kind:7s} {self.rows} x {self.columns}{inside}: {self.operations:,} operations, {self.bytes:,} bytes"
        )


def describe(kernel: Kernel, plan: Plan) -> KernelInfo:
    """What one kernel does."""
    rows, columns = kernel.space
    operations = 0
    touched: dict[int, Val] = {}
    for val in kernel.values:
        if val.kind == "matmul":
            operations += 2 * rows * columns * val.args[0].shape[1]
        elif val.kind in NESTS:
            each = 2 if val.kind == "contract" else 1
            operations += each * sum(piece.turns for piece in val.attrs["pieces"])
        else:
            shape = val.args[0].val.shape if val.kind == "reduce" else val.shape
            operations += shape[0] * shape[1]
        if val.index in plan.stored:
            touched[val.index] = val
        touched.update({a.val.index: a.val for a in val.args if a.val.index not in kernel.phase})
    if kernel.kind == "turn" and kernel.root is not None:
        touched[kernel.root.index] = kernel.root
    size = sum(_bytes(val, plan) for val in touched.values() if val.kind not in ("const", "iota"))
    names = tuple(_name(v) for v in kernel.values if v is not kernel.root)
    return KernelInfo(kernel.kind, rows, columns, names, operations, size * (2 if kernel.kind == "turn" else 1))


def _name(val: Val) -> str:
    return str(val.attrs["name"]) if val.kind == "reduce" else val.op.name if val.op is not None else val.kind


def _bytes(val: Val, plan: Plan) -> int:
    rows, columns = plan.shape(val)
    return rows * panels(columns) * LANES * val.dtype.itemsize


def kernel_lines(plan: Plan) -> list[str]:
    """One line for each kernel, in order."""
    return [f"{i:3d} {describe(kernel, plan)}" for i, kernel in enumerate(plan.schedule.kernels)]
