"""What the law suite asks of any op, read from its record: samples of its inputs, and derivatives by differences.

`faults` is the one check of derivatives. The suite asks that it finds none; the planted faults ask that it finds each.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forwardnet import autograd
from forwardnet.ir import Spec
from forwardnet.ops import REGISTRY, Op
from forwardnet.ops.layout import permute
from forwardnet.tensor.tape import new_tensor

ELEMENTWISE = [op for op in REGISTRY.values() if op.elementwise]
ARRAY = [op for op in REGISTRY.values() if not op.elementwise]
DIFFERENTIABLE = [op for op in REGISTRY.values() if op.differentiable]
FLOATS = (np.dtype("float16"), np.dtype("float32"), np.dtype("float64"))

# Samples keep this far from a kink and from ties, several times the largest step of the differences.
MARGIN = 0.05

SHAPES: dict[int, tuple[tuple[tuple[int, ...], ...], ...]] = {
    1: (((),), ((3,),), ((2, 3),), ((0,),), ((0, 3),)),
    2: (
        ((), ()),
        ((3,), (3,)),
        ((2, 3), (2, 3)),
        ((2, 3), (3,)),
        ((3,), (2, 3)),
        ((2, 1), (1, 3)),
        ((), (2,)),
        ((2,), ()),
        ((0,), (0,)),
        ((0, 3), (3,)),
        ((), (0,)),
    ),
    3: (
        ((), (), ()),
        ((2, 3), (2, 3), (2, 3)),
        ((2, 1), (1, 3), ()),
        ((), (2, 1), (3,)),
        ((3,), (), (2, 1)),
        ((2,), (), ()),
        ((0, 3), (3,), ()),
    ),
}


@dataclass(frozen=True)
class Case:
    """One call of an op: its arrays and attributes, and a name for messages."""

    name: str
    arrays: tuple[Any, ...]
    attrs: dict[str, Any] = field(default_factory=dict)

    def cast(self, dtype: Any) -> Case:
        """The same case with its floating arrays in another type."""
        arrays = tuple(a.astype(dtype) if a.dtype.kind == "f" else a for a in self.arrays)
        return Case(f"{self.name} {np.dtype(dtype)}", arrays, self.attrs)


def generator(*key: Any) -> np.random.Generator:
    """Random numbers that depend on the key alone: the same on every run and in any order of the tests."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def sample(op: Op, position: int, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """float64 inside the domain of an input and away from the kinks; bool where the input is not promoted.

    Integers for an op that takes no floats.
    """
    if op.elementwise and not op.promotes[position]:
        return rng.random(shape) < 0.5
    if op.elementwise and not takes(op, np.float64):
        return rng.integers(-8, 8, shape)
    low, high = op.domain[min(position, len(op.domain) - 1)]
    x = np.asarray(rng.uniform(low, high, shape))
    for _ in range(100):
        near = np.zeros(shape, bool)
        for kink in op.kinks:
            near |= np.abs(x - kink) < MARGIN
        if not near.any():
            return x
        x = np.where(near, rng.uniform(low, high, shape), x)
    raise AssertionError(f"{op.name}: no sample of its domain {low, high} keeps away from its kinks {op.kinks}")


def cases(op: Op) -> Iterator[Case]:
    """The calls that the suite makes of an op: all shapes and broadcast forms, or its examples."""
    if op.elementwise:
        for shapes in SHAPES[len(op.inputs)]:
            rng = generator(op.name, shapes)
            arrays = [sample(op, i, shape, rng) for i, shape in enumerate(shapes)]
            yield Case(f"{op.name}{shapes}", _untied(op, arrays, rng))
        return
    for number, example in enumerate(op.examples):
        rng = generator(op.name, number)
        arrays = [sample(op, i, x, rng) if isinstance(x, tuple) else x.copy() for i, x in enumerate(example.inputs)]
        yield Case(f"{op.name} example {number}", tuple(arrays), example.attrs)


def delicate() -> list[Case]:
    """Points where a quotient, a logarithm or a decomposition would be 0 / 0 although the derivative exists."""
    zeros = np.array([[0.0, 0, 3, 1], [1, 2, 0, 4]])
    singular, regular = np.array([[1.0, 2], [2, 4]]), np.array([[1.0, 2], [3, 4]])
    far, tall = np.array([800.0, -800, 30, -30]), np.random.default_rng(0).normal(size=(2, 3, 2))
    return [
        Case("prod one zero", (np.array([2.0, 0, 3]),), {"dim": (0,), "keepdim": False}),
        Case("prod zeros", (zeros,), {"dim": (1,), "keepdim": True}),
        Case("cumprod zeros", (np.array([2.0, 0, 3, 0, 1]),), {"dim": 0}),
        Case("det singular", (singular,)),
        Case("det singular 3x3", (np.array([[1.0, 2, 3], [2, 4, 7], [3, 6, 1]]),)),
        Case("det 1x1", (np.zeros((1, 1)),)),
        Case("det one of two singular", (np.stack([singular, regular]),)),
        Case("det no matrices", (np.zeros((0, 2, 2)),)),
        Case("inverse batch", (tall[:, :2],)),
        Case("svd batch", (tall,)),
        Case("svd negative", (np.array([[-2.0]]),)),
        Case("matmul nothing to sum", (np.zeros((3, 2, 0)), np.zeros((0, 2)))),
        Case("softmax far apart", (np.array([1000.0, 1001, -1000]),), {"dim": 0}),
        Case("log_softmax far apart", (np.array([1000.0, 1001, -1000]),), {"dim": 0}),
        Case("sigmoid far", (far,)),
        Case("tanh far", (far,)),
        Case("pow negative base, whole exponent", (np.array([-1.5, -2, 0, 0, 0]), np.array([2, 3, 1, 2, 3]))),
    ]


def _untied(op: Op, arrays: list[Any], rng: np.random.Generator) -> tuple[Any, ...]:
    """Samples of a binary op in which no a is close to a b: max(a, b) has a kink there."""
    while op.differentiable and len(arrays) == 2 and np.any(np.abs(arrays[0] - arrays[1]) < MARGIN):
        arrays = [sample(op, i, x.shape, rng) for i, x in enumerate(arrays)]
    return tuple(arrays)


def takes(op: Op, dtype: Any) -> bool:
    """Whether an elementwise op is defined for a type; bitwise ops are not for floats."""
    ones = [np.ones(1, dtype if p else bool) for p in op.promotes]
    try:
        op(*ones)
    except TypeError:
        return False
    return True


def spec(array: Any) -> Spec:
    """Shape and type of an array."""
    return Spec(array.shape, array.dtype)


def as_tuple_of_specs(value: Any) -> tuple[Spec, ...]:
    """The answer of a shape rule: one spec (a tuple itself) or several."""
    return (value,) if isinstance(value, Spec) else tuple(value)


def as_tuple(value: Any) -> tuple[Any, ...]:
    """One result or several as a tuple."""
    return value if isinstance(value, tuple) else (value,)


def call(op: Op, arrays: Sequence[Any], attrs: dict[str, Any]) -> tuple[Any, ...]:
    """The results of an op on arrays, silent about the infinities that samples may meet."""
    with np.errstate(all="ignore"):
        return as_tuple(op(*arrays, **attrs))


def same_bits(a: Any, b: Any) -> bool:
    """Equal shape, type and elements; nan equals nan, 0 differs from -0."""
    a, b = np.asarray(a), np.asarray(b)
    return bool(
        a.shape == b.shape
        and a.dtype == b.dtype
        and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        and (a.dtype.kind != "f" or np.array_equal(np.signbit(a[~np.isnan(a)]), np.signbit(b[~np.isnan(b)])))
    )


# ---------------------------------------------------------------- derivatives

# eigh reads one triangle and its derivative is that of a symmetric matrix, so it is checked on (x + x') / 2.
PREPARED: dict[str, Callable[[Any], Any]] = {"eigh": lambda x: (x + permute(x, dims=(1, 0))) * 0.5}

STEP = 5e-4
# The five-point stencil is wrong by step^4 f'''''/30, below 1e-8 of the largest derivative on these domains, and by
# rounding, eps/step = 5e-13 of the function. A derivative wrong by 0.1 % is a thousand times outside.
RELATIVE, OF_LARGEST, ABSOLUTE = 1e-6, 1e-7, 1e-9

Function = Callable[[list[Any]], list[Any]]


def differences(function: Function, arrays: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
    """d/dx of the number sum(function(arrays)) for each wanted array, by the five-point stencil."""

    def total(changed: list[Any]) -> float:
        return float(sum(np.sum(r, dtype=np.float64) for r in function(changed)))

    found = []
    for i in wanted:
        slope = np.zeros(arrays[i].shape)
        for at in np.ndindex(arrays[i].shape):
            ends = []
            for k in (-2, -1, 1, 2):
                moved = arrays[i].copy()
                moved[at] += k * STEP
                ends.append(total([*arrays[:i], moved, *arrays[i + 1 :]]))
            slope[at] = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * STEP)
        found.append(slope)
    return found


def pull(op: Op, xs: Sequence[Any], attrs: dict[str, Any], ws: Sequence[Any], wanted: Sequence[int], **how: Any) -> Any:
    """The gradients that the reverse pass gives the wanted inputs of an op, for the gradients `ws` of its results."""
    leaves = [x.requires_grad_() if i in wanted and not x.requires_grad else x for i, x in enumerate(xs)]
    prepare = PREPARED.get(op.name, lambda x: x)
    ys = as_tuple(op(*[prepare(x) for x in leaves], **attrs))
    return leaves, autograd.grad(ys, [leaves[i] for i in wanted], list(ws), **how)


def wanted_inputs(op: Op, arrays: Sequence[Any]) -> list[int]:
    """The inputs that have a derivative and a floating type."""
    return [i for i, a in enumerate(arrays) if op.derivative(i) is not None and a.dtype.kind == "f"]


def faults(op: Op, case: Case) -> list[str]:
    """Where first and second derivatives of an op differ from differences; an empty list if nowhere.

    First order: L = sum w y with random w, so every element of the gradient of every input is compared, and a
    derivative that ignores its g, or uses it twice, differs. Second order: S = sum u dL/dx with random u, by x and w.
    """
    attrs, arrays = case.attrs, list(case.arrays)
    wanted = wanted_inputs(op, arrays)
    assert wanted, f"{case.name}: nothing to differentiate"
    rng = generator(case.name, "directions")
    prepare = PREPARED.get(op.name, lambda x: x)
    ws = [rng.standard_normal(y.shape) for y in call(op, [prepare(a) for a in arrays], attrs)]
    us = [rng.standard_normal(arrays[i].shape) for i in wanted]

    def weighted(xs: list[Any]) -> list[Any]:
        return [w * y for w, y in zip(ws, call(op, [prepare(x) for x in xs], attrs), strict=True)]

    def slopes(values: list[Any]) -> list[Any]:
        xs, gs = values[: len(arrays)], values[len(arrays) :]
        made = pull(op, [_leaf(x) for x in xs], attrs, [_leaf(g) for g in gs], wanted)[1]
        return [u * g.numpy() for u, g in zip(us, made, strict=True)]

    told = []
    firsts = pull(op, [_leaf(a) for a in arrays], attrs, [_leaf(w) for w in ws], wanted)[1]
    for i, got, slope in zip(wanted, firsts, differences(weighted, arrays, wanted), strict=True):
        told += _compare(f"{case.name}: first derivative by input {i}", got.numpy(), slope)
    if told:
        return told
    weights = [_leaf(w).requires_grad_() for w in ws]
    leaves, made = pull(op, [_leaf(a) for a in arrays], attrs, weights, wanted, create_graph=True)
    ends = [leaves[i] for i in wanted] + weights
    linear = [(m, u) for m, u in zip(made, us, strict=True) if m.requires_grad]
    if linear:
        seconds = autograd.grad(
            [m for m, _ in linear], ends, [_leaf(u) for _, u in linear], allow_unused=True, materialize_grads=True
        )
    else:
        seconds = tuple((e * 0).detach() for e in ends)
    everything = [*arrays, *ws]
    at = [*wanted, *range(len(arrays), len(everything))]
    for i, got, slope in zip(at, seconds, differences(slopes, everything, at), strict=True):
        told += _compare(f"{case.name}: second derivative by input {i}", got.numpy(), slope)
    return told


def _leaf(array: Any) -> Any:
    return new_tensor(np.array(array))


def _compare(what: str, got: Any, slope: Any) -> list[str]:
    if got.shape != slope.shape:
        return [f"{what}: shape {got.shape}, expected {slope.shape}"]
    allowed = RELATIVE * np.abs(slope) + OF_LARGEST * np.max(np.abs(slope), initial=0.0) + ABSOLUTE
    if np.all(np.abs(got - slope) <= allowed):  # not true for nan
        return []
    return [f"{what}: {got.tolist()}, by differences {slope.tolist()}"]
