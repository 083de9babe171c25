"""Array ops in whole native programs: reductions, softmax, products, choosing by index, moving elements."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from compiler.graphs import SIZES
from compiler.test_lowerings import natively
from forwardnet.compiler import cache, engine
from forwardnet.ops import REGISTRY as R
from forwardnet.ops.record import CannotLower

Array = np.ndarray[Any, Any]
FLOATS = ("float32", "float64")


@pytest.fixture(scope="module", autouse=True)
def _kept_nowhere() -> Any:
    """None of these programs is made twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "load", lambda text, emit, names: engine.load(engine.assemble(emit()), names))
        yield


def turned(x: Any) -> Any:
    return R["permute"](x, dims=(1, 0))


def pairs(count: int) -> list[tuple[int, int]]:
    """Rows and columns: each size in both places, once."""
    return [(SIZES[i], SIZES[(i * 5 + 2) % len(SIZES)]) for i in range(count)]


def with_specials(x: Array, rng: np.random.Generator) -> Array:
    chosen = rng.random(x.shape) < 0.03
    return np.where(chosen, rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0], x.shape), x).astype(x.dtype)


# Reductions

WAYS = [((0,), False), ((0,), True), ((1,), False), ((1,), True), ((0, 1), False), ((0, 1), True), ((), False)]


@pytest.mark.parametrize("size", pairs(len(SIZES)), ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_reductions(size: tuple[int, int], dtype: str) -> None:
    """Over rows, columns and both, of a matrix, of its transpose, and of what was just computed."""
    rng = np.random.default_rng(size[0] * 1000 + size[1])
    x = (rng.standard_normal(size) * 3).astype(dtype) if dtype != "bool" else rng.random(size) < 0.9
    names = ("sum", "amax", "amin", "any", "all")
    name = names[(size[0] + len(dtype)) % 5]
    ways = [WAYS[(size[1] + i) % len(WAYS)] for i in range(5)]

    def build(x: Any) -> list[Any]:
        same = R["maximum"](x, x)
        found = [R[name](v, dim=d, keepdim=k) for d, k in ways for v in (x, turned(same))]
        return [
            *found,
            *(R[other](x, dim=(1,), keepdim=True) for other in names),
            R["sum"](same, dim=(0,), keepdim=False),
        ]

    got = iter(natively(build, [x]))
    for dim, keepdim in ways:
        for v in (x, x.T):
            compare(name, next(got), v, dim, keepdim)
    for other in names:
        compare(other, next(got), x, (1,), True)
    compare("sum", next(got), x, (0,), False)


def compare(name: str, got: Array, x: Array, dim: tuple[int, ...], keepdim: bool) -> None:
    """Equal; sums of floats within n eps sum |x|."""
    with np.errstate(all="ignore"):
        want = R[name](x, dim=dim, keepdim=keepdim)
    assert (got.shape, got.dtype) == (want.shape, want.dtype), name
    if name == "sum" and x.dtype.kind == "f" and np.isfinite(x).all():
        exact = x.sum(axis=dim, keepdims=keepdim, dtype=np.float64 if x.dtype == np.float32 else np.longdouble)
        bound = np.abs(x).sum(axis=dim, keepdims=keepdim, dtype=np.float64) * x.size * np.finfo(x.dtype).eps
        assert (np.abs(got - exact) <= bound).all(), name
    else:
        np.testing.assert_array_equal(got, want, err_msg=name)


@pytest.mark.parametrize("n", SIZES)
def test_reductions_of_vectors(n: int) -> None:
    x = np.random.default_rng(n).standard_normal(n).astype("float32")
    names = ("sum", "amax", "amin", "any", "all")
    ways = [(name, keepdim) for name in names for keepdim in (False, True)]
    got = natively(lambda x: [R[name](x, dim=(0,), keepdim=k) for name, k in ways], [x])
    for (name, keepdim), array in zip(ways, got, strict=True):
        compare(name, array, x, (0,), keepdim)


@pytest.mark.parametrize("size", [(3, 17), (16, 16), (33, 5), (1, 40), (40, 1)], ids=str)
def test_nan_and_infinities_in_reductions(size: tuple[int, int]) -> None:
    """NaN wins an extreme, is true, and is left alone in the padding of the last vector."""
    rng = np.random.default_rng(0)
    x = with_specials(rng.standard_normal(size), rng)
    ways = list(itertools.product(("sum", "amax", "amin", "any", "all"), ((0,), (1,), (0, 1))))
    # Beyond the columns of the logarithm lies what the padding gives: -inf or NaN, which must not be counted.
    got = natively(
        lambda x: [R[n](v, dim=d, keepdim=False) for n, d in ways for v in (x, R["log"](x * 0.0 + 2.0))], [x]
    )
    with np.errstate(all="ignore"):
        log = np.log(x * 0 + 2)
        for i, (name, dim) in enumerate(ways):
            for array, v in ((got[2 * i], x), (got[2 * i + 1], log)):
                np.testing.assert_allclose(array, R[name](v, dim=dim, keepdim=False), rtol=1e-14)  # sums of 80 terms


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [*pairs(6), (1, 7), (7, 1), (31, 31), (5, 129)], ids=str)
def test_softmax(size: tuple[int, int], dtype: str, axis: int) -> None:
    rng = np.random.default_rng(1)
    x = (rng.standard_normal(size) * 5).astype(dtype)
    far = x + np.linspace(-1000, 1000, size[1 - axis]).astype(dtype).reshape((1, -1) if axis == 0 else (-1, 1))
    got = natively(
        lambda x, far: [
            *(R[name](v, dim=axis) for v in (x, far) for name in ("softmax", "log_softmax")),
            *(R[name](turned(R["mul"](x, 1.0)), dim=1 - axis) for name in ("softmax", "log_softmax")),
        ],
        [x, far],
    )
    eps, n = np.finfo(dtype).eps, size[axis]
    for i, v in enumerate((x, far, x)):
        wide = v.astype(np.float64)
        shifted = wide - wide.max(axis=axis, keepdims=True)
        log = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
        soft, log_soft = (a.T for a in got[4:]) if i == 2 else got[2 * i : 2 * i + 2]
        # Differences of numbers up to 40 are rounded once, and so is each of n terms.
        np.testing.assert_allclose(soft, np.exp(log), rtol=(n + 50) * eps, atol=np.finfo(dtype).tiny)
        np.testing.assert_allclose(log_soft, log, rtol=4 * eps, atol=(n + 50) * eps)
        np.testing.assert_allclose(soft.sum(axis=axis), 1, rtol=(n + 4) * eps)


def test_softmax_of_special_numbers() -> None:
    x = np.array([[0, -np.inf, 1], [-np.inf] * 3, [np.nan, 0, 0], [np.inf, 0, 1]], np.float32)
    with np.errstate(all="ignore"):
        for name in ("softmax", "log_softmax"):
            got = natively(lambda x, name=name: [R[name](x, dim=1), R[name](turned(x), dim=0)], [x])
            np.testing.assert_allclose(got[0], R[name](x, dim=1), rtol=1e-6)
            np.testing.assert_allclose(got[1].T, R[name](x, dim=1), rtol=1e-6)


# Products


def check_products(m: int, k: int, n: int, dtype: str, *, special: bool = False) -> None:
    """a b with a and b given as they are and transposed, plain and inside of maps and sums."""
    rng = np.random.default_rng((m * 1000 + k) * 1000 + n)
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    if special:
        a, b = with_specials(a, rng), with_specials(b, rng)

    def build(a: Any, b: Any, a_turned: Any, b_turned: Any) -> list[Any]:
        forms = itertools.product((a, turned(a_turned)), (b, turned(b_turned)))
        products = [R["matmul"](x, y) for x, y in forms]
        fused = R["relu"](R["matmul"](a, R["neg"](b)))
        return [*products, turned(products[0]), fused, R["sum"](fused, dim=(0,), keepdim=False)]

    got = natively(build, [a, b, a.T.copy(), b.T.copy()])
    with np.errstate(all="ignore"):
        wide = np.matmul(a.astype(np.longdouble), b.astype(np.longdouble))
        size = np.matmul(np.abs(a).astype(float), np.abs(b).astype(float))
        bound = np.where(np.isfinite(size), (k + 1) * np.finfo(dtype).eps * size, 0)
        results = [*got[:4], got[4].T, -got[5]]
        for array, want in zip(results, [wide] * 5 + [np.minimum(wide, 0)], strict=True):
            assert array.shape == (m, n)
            same = (array == want) | (np.isnan(array) & np.isnan(want))
            assert (same | (np.abs(array - want) <= bound)).all()
        for array in results[1:5]:
            assert special or array.tobytes() == results[0].tobytes()  # each sum in the order of k
        if not special:
            total = np.maximum(-wide, 0).sum(axis=0).astype(float)
            error = bound.max() * m + m * np.finfo(dtype).eps * size.sum()
            np.testing.assert_allclose(got[6], total, rtol=0, atol=error)


LENGTHS = np.random.default_rng(0).integers(1, 41, (9, 3)).tolist()
VECTORS = [(1, 1, 1), (1, 40, 1), (1, 17, 33), (33, 17, 1), (40, 1, 40), (1, 1, 20), (20, 1, 1), (2, 300, 2)]
LARGE = [(65, 129, 127), (200, 64, 31), (129, 300, 65)]


@pytest.mark.parametrize("size", [*LENGTHS, *VECTORS, *LARGE], ids=str)
def test_products(size: tuple[int, int, int]) -> None:
    for dtype in FLOATS:
        check_products(*size, dtype)


@pytest.mark.parametrize("size", [(5, 17, 9), (20, 33, 20)], ids=str)
def test_products_of_special_numbers(size: tuple[int, int, int]) -> None:
    check_products(*size, "float32", special=True)


def test_products_that_are_not_lowered() -> None:
    for a, b in (
        (np.ones((3, 3), int), np.ones((3, 3), int)),
        (np.ones((2, 0)), np.ones((0, 2))),
        (np.ones((0, 2)), np.ones((2, 2))),
    ):
        with pytest.raises(CannotLower):
            natively(lambda a, b: R["matmul"](a, b), [a, b])


# Choosing by index


@pytest.mark.parametrize("size", [*pairs(len(SIZES)), (1, 1), (5, 1), (1, 5)], ids=str)
def test_gather_and_scatter_add_of_one_column_of_each_row(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal(size).astype("float32")
    i, v = rng.integers(0, size[1], (size[0], 1)), rng.standard_normal((size[0], 1)).astype("float32")

    def build(x: Any, i: Any, i32: Any, v: Any) -> list[Any]:
        zeros = R["zeros_like"](x)
        return [R["gather"](x, i, dim=1), R["gather"](x * 2.0, i32, dim=1), R["scatter_add"](x, i, v, dim=1),
                R["scatter_add"](zeros, i, v, dim=1), R["gather"](turned(turned(x)), i, dim=1)]  # fmt: skip

    got = natively(build, [x, i, i.astype("int32"), v])
    taken = np.take_along_axis(x, i, 1)
    added, alone = x.copy(), np.zeros_like(x)
    added[np.arange(size[0]), i[:, 0]] += v[:, 0]
    alone[np.arange(size[0]), i[:, 0]] += v[:, 0]
    for array, want in zip(got, [taken, taken * 2, added, alone, taken], strict=True):
        np.testing.assert_array_equal(array, want)


@pytest.mark.parametrize("n", SIZES)
def test_a_vector_indexed_by_a_vector(n: int) -> None:
    rng = np.random.default_rng(n)
    x = rng.standard_normal(n)
    for count in (1, 16, 21):
        i = rng.integers(-n, n, count)
        got = natively(lambda x, i, j: [R["index"](x, i, layout=(0,)), R["index"](x, j, layout=(0,))], [x, i, i % n])
        np.testing.assert_array_equal(got[0], x[i])
        np.testing.assert_array_equal(got[1], x[i])


def test_places_that_do_not_exist_give_nan() -> None:
    """Eagerly they are an error; native code must not go on with a number."""
    x = np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3)
    i, ones = np.array([[3], [1]]), np.ones((2, 1), np.float32)
    build = lambda x, i, v: [R["gather"](x, i, dim=1), R["scatter_add"](x, i, v, dim=1)]  # noqa: E731
    for wrong in (3, -1, 1 << 40, -(1 << 40)):
        i[0] = wrong
        gathered, added = natively(build, [x, i, ones])
        assert np.isnan(gathered[0]).all() and gathered[1] == 5
        assert np.isnan(added[0]).any() and added[1].tolist() == [4, 6, 6]
    (taken,) = natively(lambda x, i: R["index"](x, i, layout=(0,)), [x[0], np.array([2, 3, -3, -4])])
    np.testing.assert_array_equal(taken, [3, np.nan, 1, np.nan])


REFUSED: dict[str, tuple[str, Sequence[Any], dict[str, Any]]] = {
    "gather of whole numbers": ("gather", (np.ones((2, 3), int), np.zeros((2, 1), int)), {"dim": 1}),
    "index of whole numbers": ("index", (np.ones(3, int), np.zeros(2, int)), {"layout": (0,)}),
    "index_put of whole numbers": (
        "index_put", (np.ones(3, int), np.ones(2, int), np.zeros(2, int)), {"layout": (0,), "accumulate": False},
    ),
    "index by a mask": ("index", (np.ones(3), np.ones(3, bool)), {"layout": (0,)}),
    "an empty sum": ("sum", (np.ones((0, 3)),), {"dim": (0,), "keepdim": False}),
    "an empty transpose": ("permute", (np.ones((0, 3)),), {"dims": (1, 0)}),
    "an empty product": ("matmul", (np.ones((2, 3, 0)), np.ones((0, 3))), {}),
    "a diagonal of nothing": ("diagonal", (np.ones((2, 3)),), {"offset": 5}),
    "an extreme of bytes": ("amax", (np.ones((2, 3), "uint8"),), {"dim": (0,), "keepdim": False}),
    "an extreme of bytes in part of an axis": (
        "amax", (np.ones((2, 3, 2), "uint8"),), {"dim": (1,), "keepdim": False},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_lowered_is_refused(name: str) -> None:
    """In one way, which the callers take for "run it eagerly"."""
    op, arrays, attrs = REFUSED[name]
    with pytest.raises(CannotLower):
        natively(lambda *nodes: R[op](*nodes, **attrs), arrays)


# Moving elements


@pytest.mark.parametrize("size", pairs(len(SIZES)), ids=str)
def test_elements_are_moved_exactly(size: tuple[int, int]) -> None:
    """Shapes, repetitions and parts; zeros keep their signs and NaN its place."""
    m, n = size
    rng = np.random.default_rng(3)
    x = with_specials(rng.standard_normal(size), rng)
    row, column = x[0].copy(), x[:, :1].copy()

    def every(x: Any, row: Any, column: Any) -> list[Any]:
        part = (("slice", m // 2, None, None), ("slice", None, None, -2))
        return [
            turned(x), *(R["reshape"](row, shape=s) for s in ((n, 1), (1, n))),
            *(R["reshape"](column, shape=s) for s in ((m,), (1, m))),
            R["expand"](row, shape=(m, n)), R["expand"](column, shape=(m, n)), R["clone"](x, row_major=True),
            R["flip"](x, dims=(0, 1)), R["slice"](x, items=part), R["slice"](x, items=(("int", -1, None, None),)),
            R["cat"](x, R["flip"](x, dims=(0,)), dim=0),
            R["cat"](column, x, dim=1), R["slice_put"](x, row, items=(("int", m // 2, None, None),)),
            R["replace"](x, row), R["zeros_like"](x),
        ]  # fmt: skip

    for got, want in zip(natively(every, [x, row, column]), every(x, row, column), strict=True):
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(np.signbit(got[want == 0]), np.signbit(want[want == 0]))


def test_outputs_that_are_inputs_and_constants() -> None:
    x = np.arange(6.0).reshape(2, 3)
    got = natively(
        lambda x: [
            x,
            turned(x),
            x,
            x.graph.const(np.float32(-0.0)),
            x.graph.const(np.arange(5)),
            x.graph.const(x.size > 3),
        ],
        [x],
    )
    for array, want in zip(got, [x, x.T, x, np.float32(-0.0), np.arange(5), np.True_], strict=True):
        assert array.dtype == want.dtype
        np.testing.assert_array_equal(array, want)
    assert np.signbit(got[3])
