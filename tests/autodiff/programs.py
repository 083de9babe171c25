"""Random programs: small compositions of ops of the registry, as functions of a few leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from forwardnet.ops import REGISTRY, Op
from ops import laws

SHAPES = ((), (3,), (2, 3), (2, 1), (1, 3), (2, 2), (2, 1, 3))
ELEMENTWISE = [op.name for op in laws.ELEMENTWISE if op.differentiable]
Step = tuple[str, int, int, int]
Ops = Mapping[str, Op]
WHOLE = ("slice", None, None, None)
# Far from a kink by more than all steps of the differences can move a value.
NEAR = 1e-2


def inside(ops: Ops, low: float, high: float, x: Any) -> Any:
    """x bent smoothly into an interval; a sine does not flatten out, so that gradients stay alive."""
    return ops["add"](ops["mul"](ops["sin"](x), 0.475 * (high - low)), 0.5 * (low + high))


def _along(name: str) -> Callable[..., Any]:
    return lambda ops, x, z, k: ops[name](x, dim=k % x.ndim) if x.ndim else None


def _over(name: str) -> Callable[..., Any]:
    return lambda ops, x, z, k: ops[name](x, dim=(k % x.ndim,), keepdim=k % 2 == 0) if x.ndim else None


def _bent(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda ops, x, z, k: function(ops, inside(ops, -2.0, 2.0, x), inside(ops, -2.0, 2.0, z), k)


def _positions(n: int, k: int, shape: tuple[int, ...]) -> Any:
    return laws.generator(n, k, shape).integers(0, n, shape)


def _gather(ops: Ops, x: Any, z: Any, k: int) -> Any:
    if not x.ndim:
        return None
    dim = k % x.ndim
    return ops["gather"](x, _positions(x.shape[dim], k, tuple(x.shape)), dim=dim)


def _scatter(name: str) -> Callable[..., Any]:
    def apply(ops: Ops, x: Any, z: Any, k: int) -> Any:
        if not x.ndim or tuple(x.shape) != tuple(z.shape):
            return None
        dim = k % x.ndim
        # One after the other along the axis: no place is written twice, which would leave the winner open.
        lengths = [1] * x.ndim
        lengths[dim] = x.shape[dim]
        order = np.roll(np.arange(x.shape[dim]), k).reshape(lengths)
        return ops[name](x, np.broadcast_to(order, tuple(x.shape)), z, dim=dim)

    return apply


def _index(ops: Ops, x: Any, z: Any, k: int) -> Any:
    return ops["index"](x, _positions(x.shape[0], k, (4,)), layout=(0,)) if x.ndim else None


def _index_put(ops: Ops, x: Any, z: Any, k: int) -> Any:
    if not x.ndim or z.ndim:
        return None
    return ops["index_put"](x, z, np.array([k % x.shape[0]]), layout=(0,), accumulate=k % 2 == 0)


def _slice(ops: Ops, x: Any, z: Any, k: int) -> Any:
    if not x.ndim:
        return None
    items = ((("int", k % x.shape[0], None, None),), ((*WHOLE[:3], 2),), (("new", None, None, None), WHOLE))
    return ops["slice"](x, items=items[k % 3])


def _slice_put(ops: Ops, x: Any, z: Any, k: int) -> Any:
    if not x.ndim or tuple(z.shape) != tuple(x.shape[1:]):
        return None
    return ops["slice_put"](x, z, items=(("int", k % x.shape[0], None, None),))


def _square(ops: Ops, x: Any) -> Any:
    """x x' + 3: symmetric, regular, with distinct eigenvalues almost always."""
    product = ops["matmul"](x, ops["permute"](x, dims=(1, 0)))
    n = product.shape[0]
    return ops["add"](product, np.diag(3.0 + np.arange(n)))


def _matmul(ops: Ops, x: Any, z: Any, k: int) -> Any:
    if x.ndim < 2 or z.ndim < 2 or x.shape[-1] != z.shape[-2]:
        return _square(ops, x) if x.ndim == 2 else None
    return ops["matmul"](x, z)


def _of_square(name: str) -> Callable[..., Any]:
    def apply(ops: Ops, x: Any, z: Any, k: int) -> Any:
        if x.ndim != 2:
            return None
        made = ops[name](_square(ops, x))
        if name == "eigh":
            return made[0]  # the sign of an eigenvector is nobody's
        return made[1] if name == "svd" else made

    return apply


ARRAY: dict[str, Callable[..., Any]] = {
    "sum": _over("sum"),
    "amax": _over("amax"),
    "amin": _over("amin"),
    "prod": _bent(_over("prod")),
    "cumsum": _along("cumsum"),
    "cumprod": _bent(_along("cumprod")),
    "softmax": _bent(_along("softmax")),
    "log_softmax": _along("log_softmax"),
    "reshape": lambda ops, x, z, k: ops["reshape"](x, shape=((-1,), (1, *x.shape), (-1, 1))[k % 3]),
    "permute": lambda ops, x, z, k: ops["permute"](x, dims=tuple(np.roll(np.arange(x.ndim), k).tolist())),
    "expand": lambda ops, x, z, k: ops["expand"](x, shape=(2, *x.shape)) if x.ndim < 3 else None,
    "slice": _slice,
    "slice_put": _slice_put,
    "flip": lambda ops, x, z, k: ops["flip"](x, dims=(k % x.ndim,)) if x.ndim else None,
    "roll": lambda ops, x, z, k: ops["roll"](x, shifts=(k,), dims=(k % x.ndim,)) if x.ndim else None,
    "tril": lambda ops, x, z, k: ops["tril"](x, diagonal=k % 3 - 1) if x.ndim > 1 else None,
    "triu": lambda ops, x, z, k: ops["triu"](x, diagonal=k % 3 - 1) if x.ndim > 1 else None,
    "cat": lambda ops, x, z, k: (
        ops["cat"](x, z, x, dim=k % x.ndim) if x.ndim and tuple(x.shape) == tuple(z.shape) else None
    ),
    "clone": lambda ops, x, z, k: ops["clone"](x, row_major=k % 2 == 0),
    "cast": lambda ops, x, z, k: ops["cast"](x, dtype=np.dtype("float64")),
    "diagonal": lambda ops, x, z, k: ops["diagonal"](x, offset=k % 2) if x.ndim == 2 else None,
    "diagonal_put": lambda ops, x, z, k: (
        ops["diagonal_put"](x, ops["diagonal"](inside(ops, -1.0, 1.0, x), offset=0), offset=0) if x.ndim == 2 else None
    ),
    "gather": _gather,
    "scatter": _scatter("scatter"),
    "scatter_add": _scatter("scatter_add"),
    "index": _index,
    "index_put": _index_put,
    "matmul": _bent(_matmul),
    "inverse": _bent(_of_square("inverse")),
    "det": _bent(_of_square("det")),
    "svd": _bent(_of_square("svd")),
    "eigh": _bent(_of_square("eigh")),
}
NAMES = ELEMENTWISE + list(ARRAY)


def _elementwise(ops: Ops, name: str, operands: list[Any], k: int) -> Any:
    op = ops[name]
    args: list[Any] = []
    for i, x in enumerate(operands[: len(op.inputs)]):
        if not op.promotes[i]:
            args.append(laws.generator("choice", k).random(tuple(operands[1].shape)) < 0.5)
        else:
            args.append(inside(ops, *op.domain[i], x))
    return op(*args)


def apply(ops: Ops, step: Step, values: list[Any]) -> Any:
    """The result of one step on earlier values; None where its shapes do not fit."""
    name, i, j, k = step
    x, z = values[i % len(values)], values[j % len(values)]
    if name in ARRAY:
        return ARRAY[name](ops, x, z, k)
    try:
        np.broadcast_shapes(tuple(x.shape), tuple(z.shape))
    except ValueError:
        return None
    operands = [x, z] if len(ops[name].inputs) == 2 else [x, x, z] if len(ops[name].inputs) == 3 else [x]
    return _elementwise(ops, name, operands, k)


@dataclass(frozen=True)
class Program:
    """Steps on leaves of given shapes; what does not fit, or stands near a kink, is left out once and for all."""

    shapes: tuple[tuple[int, ...], ...]
    steps: tuple[Step, ...]

    def leaves(self) -> list[Any]:
        return [laws.generator("leaf", n, s).uniform(-1.5, 1.5, s) for n, s in enumerate(self.shapes)]

    def fitting(self) -> Program:
        """The same program with only the steps that apply at its leaves."""
        values, kept = self.leaves(), []
        for step in self.steps:
            made = apply(REGISTRY, step, values)
            if made is not None and made.size <= 64 and not _at_a_kink(step, values, made):
                values.append(made)
                kept.append(step)
        return Program(self.shapes, tuple(kept))

    def run(self, leaves: list[Any], ops: Ops = REGISTRY) -> Any:
        """A number: the last values, each bent and weighted, summed, so that every element of them counts."""
        values = list(leaves)
        for step in self.steps:
            values.append(apply(ops, step, values))
        return _total(ops, values)


def _total(ops: Ops, values: list[Any]) -> Any:
    total = None
    for n, x in enumerate(values[-4:]):
        weights = laws.generator("weight", n, tuple(x.shape)).uniform(0.5, 1.5, tuple(x.shape))
        part = ops["mul"](ops["sin"](x), weights)
        number = ops["sum"](part, dim=tuple(range(x.ndim)), keepdim=False)
        total = number if total is None else ops["add"](total, number)
    return total


def _at_a_kink(step: Step, values: list[Any], made: Any) -> bool:
    """Whether moving the operands a little could cross a place without a derivative."""
    name, i, j, k = step
    x, z = values[i % len(values)], values[j % len(values)]
    if name in ("amax", "amin"):
        ranked = np.sort(np.moveaxis(x, k % x.ndim, -1), axis=-1)
        return bool(np.any(np.diff(ranked, axis=-1) < NEAR))
    if name in ("eigh", "svd"):
        return bool(np.any(np.abs(np.diff(made)) < NEAR))
    if name in ARRAY:
        return False
    op = REGISTRY[name]
    first = inside(REGISTRY, *op.domain[0], x)
    if name in ("maximum", "minimum", "clamp_min", "clamp_max"):
        return bool(np.any(np.abs(first - inside(REGISTRY, *op.domain[1], z)) < NEAR))
    return any(bool(np.any(np.abs(first - kink) < NEAR)) for kink in op.kinks)


def programs(max_steps: int = 8) -> st.SearchStrategy[Program]:
    """Programs of one to three leaves and some steps."""
    small = st.integers(0, 7)
    step = st.tuples(st.sampled_from(NAMES), small, small, small)
    return st.builds(
        lambda shapes, steps: Program(tuple(shapes), tuple(steps)).fitting(),
        st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3),
        st.lists(step, min_size=2, max_size=max_steps),
    )
