"""Every op in a whole native program: elementwise ops over types, shapes and special numbers; which ops run eagerly.

What lanes compute is tested in `test_emit`; here the way through matrices, orientation, loops and tails.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from compiler.graphs import SIZES
from compiler.harness import ELEMENTWISE, specials
from forwardnet.compiler import cache, engine
from forwardnet.compiler.accuracy import BOUNDS, exact, ulps
from forwardnet.compiler.program import Native, Signature
from forwardnet.ir.graph import Graph, Node, Spec
from forwardnet.ops import REGISTRY, Op
from forwardnet.ops.record import CannotLower

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

# Ops that native code has no form of, and why. Exactly these: an op that is lowered is taken from the list.
EAGER_ONLY = {
    "inverse": "a library's decomposition",
    "det": "a library's decomposition",
    "svd": "a library's decomposition",
    "eigh": "a library's decomposition",
}
# Native code cannot say that a division failed.
NOT_FOR_INTEGERS = {"pow", "remainder", "fmod", "floor_divide"}
# Polynomials and NumPy's functions round differently; all other ops are exact or rounded once.
ROUNDED = set(BOUNDS) - {"reciprocal", "rsqrt"}
# IEEE 754 leaves open which of two zeros is the greater.
EITHER_ZERO = {"maximum", "minimum", "clamp_min", "clamp_max", "relu"}
TYPES = ("float32", "float64", "int64", "bool")


@pytest.fixture(scope="module", autouse=True)
def _kept_nowhere() -> Any:
    """None of these programs is made twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "load", lambda text, emit, names: engine.load(engine.assemble(emit()), names))
        yield


def natively(build: Callable[..., Any], arrays: Sequence[Array]) -> list[Array]:
    """The outputs of a graph built on nodes for these arrays."""
    graph = Graph()
    made = build(*(graph.input(Spec(a.shape, a.dtype)) for a in arrays))
    graph.outputs = list(made) if isinstance(made, (tuple, list)) else [made]
    native = Native(graph, Signature(), most_threads=1)
    for number, array in enumerate(arrays):
        native.set_input(number, array)
    native.run()
    return [native.output(i, node.shape) for i, node in enumerate(graph.outputs)]


# Elementwise ops

FORMS: dict[int, Callable[[int, int], list[tuple[Shape, ...]]]] = {
    1: lambda m, n: [((),), ((n,),), ((m, n),), ((m, 1),), ((1, n),), ((1, 1),)],
    2: lambda m, n: [
        ((n,), (n,)), ((m, n), (m, n)), ((m, n), (n,)), ((m, 1), (m, n)), ((m, 1), (1, n)), ((m, n), ()), ((), (n,)),
        ((1, n), (m, n)), ((n,), (m, 1)), ((1, 1), (m, 1)), ((), ()),
    ],
    3: lambda m, n: [
        ((m, n), (m, n), (m, n)), ((n,), (m, n), ()), ((m, 1), (n,), (m, n)), ((), (m, 1), (1, n)), ((m, n), (), ()),
        ((n,), (n,), (n,)),
    ],
}  # fmt: skip
AT_ONCE = 4  # forms of one program


def forms_for(op: Op, dtype: str) -> list[tuple[Shape, ...]]:
    """Some forms of some sizes; over all ops and types they are all of both."""
    turn = ELEMENTWISE.index(op) + TYPES.index(dtype) * 5
    m, n = SIZES[turn % len(SIZES)], SIZES[(turn * 7 + 3) % len(SIZES)]
    if m * n > 3000:
        m, n = (m, 5) if turn % 2 else (7, n)
    every = FORMS[len(op.inputs)](m, n)
    return [every[(turn + i) % len(every)] for i in range(AT_ONCE)]


def sample(op: Op, position: int, shape: Shape, dtype: str, rng: np.random.Generator) -> Array:
    """Special numbers among moderate ones, without denormals, which native code takes for zero."""
    if not op.promotes[position]:
        return np.asarray(rng.random(shape) < 0.5)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    special = specials(kind)
    if kind.kind == "f":
        special = special[~((np.abs(special) < np.finfo(kind).tiny * 4) & (special != 0))]
        moderate = rng.standard_normal(shape) * rng.choice([1, 10], shape)
    else:
        moderate = rng.integers(-9, 10, shape)
    return np.asarray(np.where(rng.random(shape) < 0.5, rng.choice(special, shape), moderate).astype(kind))


def is_defined(op: Op, dtype: str) -> bool:
    """Whether NumPy has the op for a type."""
    try:
        op(*[np.ones(1, dtype if promotes else bool) for promotes in op.promotes])
    except TypeError:
        return False
    return True


def check(op: Op, got: Array, arrays: Sequence[Array]) -> None:
    """The eager value, or where functions round, the value in a wider type; zeros keep their sign."""
    with np.errstate(all="ignore"):
        want = op(*arrays)
        operands = op.promote(arrays)
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        return
    least = float(np.finfo(want.dtype).tiny)
    if op.name in ROUNDED:
        wide = exact(op.name, operands)
        errors = ulps(got, wide)
        errors = np.where((np.abs(wide) < 2 * least) & (np.abs(got) < 3 * least), 0, errors)  # denormals become zero
        assert errors.max() <= BOUNDS[op.name][got.dtype == np.float64], (got, wide)
        want = np.where(wide == 0, wide, got)
    kept = ~(np.abs(want) < least) | (want == 0)
    np.testing.assert_array_equal(got[kept], want[kept])
    assert (np.abs(got[~kept]) <= least).all()
    if op.name not in EITHER_ZERO:
        zero = (want == 0) & kept
        np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]))


ELEMENTS = [pytest.param(op, d, id=f"{op.name}-{d}") for op in ELEMENTWISE for d in TYPES if is_defined(op, d)]


@pytest.mark.parametrize(("op", "dtype"), ELEMENTS)
def test_elementwise_ops(op: Op, dtype: str) -> None:
    rng = np.random.default_rng(zlib.crc32(f"{op.name} {dtype}".encode()))
    forms = forms_for(op, dtype)
    arrays = [sample(op, i, shape, dtype, rng) for form in forms for i, shape in enumerate(form)]
    if op.name in NOT_FOR_INTEGERS:
        arrays = [np.where(a == 0, a.dtype.type(1), np.abs(a)) if a.dtype.kind in "ib" else a for a in arrays]
    k = len(op.inputs)

    def build(*nodes: Node) -> list[Any]:
        return [op(*nodes[i * k : (i + 1) * k]) for i in range(len(forms))]

    if op.name in NOT_FOR_INTEGERS and dtype == "int64":
        with pytest.raises(CannotLower, match="of integers"):
            natively(build, arrays)
        return
    for i, got in enumerate(natively(build, arrays)):
        check(op, got, arrays[i * k : (i + 1) * k])


@pytest.mark.parametrize("n", SIZES)
def test_one_op_for_all_lengths_and_places(n: int) -> None:
    """Rows, columns, transposes and squares of every length, where a tail is one lane or fifteen."""
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal((2, 3, n))
    square = rng.standard_normal((n, n)).astype("float32")
    turned = REGISTRY["permute"]

    def build(x: Any, y: Any, s: Any, row: Any, column: Any) -> Any:
        return (
            x - turned(turned(y, dims=(1, 0)) * 2.0, dims=(1, 0)),
            turned(x, dims=(1, 0)) - turned(y, dims=(1, 0)),
            s - turned(s, dims=(1, 0)),
            s * row + column,
            s * turned(column, dims=(1, 0)) + turned(row, dims=(1, 0)),
        )

    row, column = square[:1] + 1, square[:, :1] - 1
    got = natively(build, [x, y, square, row, column])
    want = [x - y * 2, (x - y).T, square - square.T, square * row + column, square * column.T + row.T]
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_comparison_finds_faults() -> None:
    """A swapped operand, a lost sign of zero, a lost NaN and an error of a few ULP are all seen."""
    x = np.array([1.5, -0.0, 0.0, np.nan, -2.0], np.float32)
    faults = {
        "sub": (1 - x, [x, np.float32([1] * 5)]),
        "neg": (np.float32(0) - x, [x]),
        "relu": (np.fmax(x, 0), [x]),
        "tanh": (np.tanh(x) * np.float32(1 + 2**-21), [x]),
        "isnan": (np.isinf(x), [x]),
    }
    for name, (got, arrays) in faults.items():
        with pytest.raises(AssertionError):
            check(REGISTRY[name], got, arrays)


# Which ops are lowered


# Uses that no example shows.
MORE: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "gather": ((np.ones((2, 3)), np.array([[2], [0]])), {"dim": 1}),
    "scatter_add": ((np.ones((2, 3)), np.array([[2], [0]]), np.ones((2, 1))), {"dim": 1}),
    "index": ((np.arange(4.0), np.array([3, 0, -1])), {"layout": (0,)}),
}


def uses(op: Op) -> list[tuple[list[Array], dict[str, Any]]]:
    """The examples of an op in float32; of an elementwise op one call."""
    if op.elementwise:
        dtype = "float32" if is_defined(op, "float32") else "int64"
        return [([np.ones((2, 3), dtype if p else "bool") for p in op.promotes], {})]
    given, attrs = MORE.get(op.name, ((), {}))
    made = [([np.asarray(a) for a in given], attrs)] if given else []
    for number, example in enumerate(op.examples):
        rng = np.random.default_rng(number)
        arrays = [rng.uniform(-1, 1, x) if isinstance(x, tuple) else x for x in example.inputs]
        made.append(([np.asarray(a, "float32") if a.dtype.kind == "f" else a for a in arrays], example.attrs))
    return made


def is_lowered(op: Op) -> bool:
    """Whether native code answers all uses of an op, and rightly; those of empty values are refused."""
    answered, refused = 0, 0
    for arrays, attrs in uses(op):
        with np.errstate(all="ignore"):
            want = op(*arrays, **attrs)
        results = want if isinstance(want, tuple) else (want,)
        try:
            got = natively(lambda *nodes, a=attrs: op(*nodes, **a), arrays)
        except CannotLower as reason:
            assert str(reason), op.name
            refused += all(a.size for a in (*arrays, *results))
            continue
        for a, b in zip(got, results, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), op.name
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=op.name)  # sums of a few terms
        answered += 1
    return answered > 0 and not refused


@pytest.mark.parametrize("name", REGISTRY)
def test_an_op_is_lowered_or_says_why_not(name: str) -> None:
    assert uses(REGISTRY[name]), f"{name} has no example"
    assert is_lowered(REGISTRY[name]) is (name not in EAGER_ONLY)


def test_the_list_names_no_others() -> None:
    assert set(EAGER_ONLY) <= set(REGISTRY)
    assert all(EAGER_ONLY.values())


@pytest.mark.parametrize("dtype", ["float16", "uint16", "complex64"])
def test_types_without_native_code(dtype: str) -> None:
    x = np.ones((2, 3), dtype)
    with pytest.raises(CannotLower, match=dtype):
        natively(lambda x: REGISTRY["add"](x, x), [x])


NUMBERS = ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")


@pytest.mark.parametrize("source", NUMBERS)
def test_conversions(source: str) -> None:
    """Of every type to every type, of numbers that the target can hold."""
    rng = np.random.default_rng(1)
    x = (rng.integers(0, 100, (5, 17)) - (0 if source in ("uint8", "bool") else 50)).astype(source)
    if source[0] == "f":
        x += rng.choice([0, 0.5, 0.25], x.shape).astype(source)
    targets = [t for t in NUMBERS if not (t == "uint8" and (x < 0).any())]
    got = natively(lambda n: [REGISTRY["cast"](n, dtype=np.dtype(t)) for t in targets], [x])
    for target, array in zip(targets, got, strict=True):
        assert array.dtype == np.dtype(target)
        np.testing.assert_array_equal(array, x.astype(target), err_msg=f"{source} to {target}")
