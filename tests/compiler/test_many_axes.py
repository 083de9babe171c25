"""Values of three and four axes in whole native programs: the interpreter's answers, for all lengths of a tail.

What only moves, compares or rounds once has to agree to the last bit; sums are held to n eps times the sum of sizes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from compiler.test_lowerings import natively
from forwardnet.compiler import cache, engine, orient, rules
from forwardnet.compiler.program import Native, Signature
from forwardnet.compiler.schedule import schedule
from forwardnet.ir.graph import Graph, Spec
from forwardnet.ops import REGISTRY as R, interpret
from forwardnet.ops.record import CannotLower

Array = np.ndarray[Any, Any]
FLOATS = ("float32", "float64")
# Batch, middle, last: each a length with a tail, a full one, and more than one panel, in all three places.
SIZES = [
    (1, 1, 1), (2, 3, 4), (5, 1, 7), (16, 2, 16), (17, 3, 15), (33, 5, 8), (3, 17, 2), (1, 31, 16), (64, 4, 1),
    (7, 9, 33),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _kept_nowhere() -> Any:
    """None of these programs is made twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "load", lambda text, emit, names: engine.load(engine.assemble(emit()), names))
        yield


def check(build: Callable[..., Sequence[Any]], arrays: Sequence[Array], *, terms: int = 0) -> None:
    """The interpreter's answers: exactly, or within `terms` roundings of the largest number."""
    with np.errstate(all="ignore"):
        want = build(*arrays)
    for number, (a, b) in enumerate(zip(natively(build, arrays), want, strict=True)):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), number
        if terms and b.dtype.kind == "f":
            bound = terms * float(np.finfo(b.dtype).eps) * float(np.abs(b[np.isfinite(b)]).max(initial=1.0))
            np.testing.assert_allclose(a, b, rtol=0, atol=bound, err_msg=str(number))
        else:
            np.testing.assert_array_equal(a, b, err_msg=str(number))


def some(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    return np.asarray(np.random.default_rng(seed).standard_normal(shape).astype(dtype))


SIZED = pytest.mark.parametrize("size", SIZES, ids=str)
# Each size in one type and its neighbours in the other, and the largest in both: compiling takes all the time here.
TYPED = pytest.mark.parametrize(
    ("size", "dtype"), [*((size, FLOATS[i % 2]) for i, size in enumerate(SIZES)), (SIZES[-1], FLOATS[0])], ids=str
)


@TYPED
def test_maps_broadcast_along_every_axis(size: tuple[int, int, int], dtype: str) -> None:
    n, d, k = size
    x = some(size, dtype)
    others = [some(s, dtype, i) for i, s in enumerate(((d, k), (k,), (n, 1, k), (n, d, 1), (1, d, 1), (n, 1, 1), ()))]

    def build(x: Any, *others: Any) -> list[Any]:
        found = [R["mul"](x, y) for y in others]
        turned = R["permute"](x, dims=(2, 0, 1))
        less = R["permute"](R["lt"](x, others[0]), dims=(2, 0, 1))
        outer = R["sub"](R["reshape"](others[2], shape=(n, 1, k)), others[4])
        return [*found, R["where"](less, turned, R["neg"](turned)), outer]

    check(build, [x, *others])


@TYPED
def test_reductions_over_every_set_of_axes(size: tuple[int, int, int], dtype: str) -> None:
    x = some(size, dtype)
    sets = [s for count in (1, 2, 3) for s in itertools.combinations(range(3), count)]

    def moved(x: Any) -> list[Any]:
        found = [R[name](x, dim=s, keepdim=bool(len(s) % 2)) for s in sets for name in ("amax", "amin", "any", "all")]
        found += [R[name](x, dim=a, keepdim=a == 1) for a in range(3) for name in ("argmax", "argmin")]
        return [*found, *(R["cumsum"](x, dim=a) for a in range(3))]

    def summed(x: Any) -> list[Any]:
        turned = R["permute"](R["mul"](x, x), dims=(1, 2, 0))
        wide = R["expand"](R["sum"](x, dim=(1,), keepdim=True), shape=size)
        found = [R["sum"](v, dim=s, keepdim=bool(len(s) % 2)) for s in sets for v in (x, turned, wide)]
        found += [R[name](x, dim=a) for a in range(3) for name in ("softmax", "log_softmax", "cumprod")]
        return [*found, *(R["prod"](x, dim=(a,), keepdim=False) for a in range(3))]

    check(moved, [x])
    check(summed, [x], terms=4 * x.size)


@SIZED
def test_nan_and_zeros_in_folds(size: tuple[int, int, int]) -> None:
    """NaN wins an extreme and is its place; zeros keep their signs; truth values and whole numbers are folded, too."""
    rng = np.random.default_rng(1)
    x = np.where(rng.random(size) < 0.1, rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0], size), some(size, "float64"))
    whole, truth = rng.integers(-4, 5, size), rng.random(size) < 0.8

    def build(x: Any, whole: Any, truth: Any) -> list[Any]:
        found = [R[name](x, dim=(a,), keepdim=False) for a in range(3) for name in ("amax", "amin", "any", "all")]
        found += [
            R[name](v, dim=a, keepdim=False) for a in range(3) for v in (x, whole) for name in ("argmax", "argmin")
        ]
        found += [R[name](whole, dim=(a,), keepdim=True) for a in range(3) for name in ("sum", "prod", "amax", "any")]
        found += [R[name](truth, dim=(a,), keepdim=True) for a in range(3) for name in ("any", "all")]
        return [*found, *(R["cumsum"](whole, dim=a) for a in range(3))]

    check(build, [x, whole, truth])


@SIZED
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_sorting_is_stable_and_nan_is_largest(size: tuple[int, int, int], dtype: str) -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(-3, 4, size).astype(dtype)
    if dtype == "float32":
        x = np.where(rng.random(size) < 0.3, rng.choice(np.array([np.nan, np.inf, -np.inf, -0.0], "f4"), size), x)
    check(lambda x: [R["argsort"](x, dim=a, descending=d) for a in range(3) for d in (False, True)], [x])


def test_sorted_values() -> None:
    """And what compares more than some million pairs is refused."""
    x = some((6, 20), "float32")
    check(lambda x: [R["gather"](x, R["argsort"](x, dim=1, descending=False), dim=1)], [x])
    with pytest.raises(CannotLower, match="sorting 3000 numbers"):
        natively(lambda x: R["argsort"](x, dim=0, descending=False), [some((3000,), "float32")])


@SIZED
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_elements_move_exactly(size: tuple[int, int, int], dtype: str) -> None:
    n, d, k = size
    x, v = (some(s, "float32", i).astype(dtype) for i, s in enumerate((size, (d, k))))
    part = (("slice", n // 2, None, None), ("slice", None, None, -2), ("int", k - 1, None, None))
    middle = (("new", None, None, None), ("slice", None, None, None), ("int", d // 2, None, None))

    def build(x: Any, v: Any) -> list[Any]:
        found = [R["permute"](x, dims=p) for p in itertools.permutations(range(3))]
        found += [R["reshape"](x, shape=s) for s in ((n * d, k), (n, d * k), (n * d * k,), (k, n, d), (d * k, n))]
        found += [R["reshape"](R["permute"](x, dims=(1, 0, 2)), shape=s) for s in ((d, n * k), (n * d, k), (k, n * d))]
        found += [R["slice"](x, items=items) for items in (part, middle)]
        found += [R["flip"](x, dims=s) for s in ((0,), (1, 2), (0, 1, 2))]
        found += [R["roll"](x, shifts=(5, -1), dims=(0, 2)), R["roll"](x, shifts=(1,), dims=(1,))]
        found += [R["tril"](x, diagonal=1), R["triu"](x, diagonal=-1)]
        found += [R["cat"](x, R["flip"](x, dims=(1,)), x, dim=a) for a in range(3)]
        found += [R["slice_put"](x, v, items=(("int", n - 1, None, None),)), R["expand"](v, shape=(3, d, k))]
        flat = R["reshape"](x, shape=(n * d, k))
        length = min(n * d, k)
        return [
            *found,
            R["diagonal"](flat, offset=0),
            R["diagonal_put"](flat, R["diagonal"](flat, offset=0), offset=0),
        ][: None if length else -2]

    check(build, [x, v])


# Products


@TYPED
def test_products_of_batches(size: tuple[int, int, int], dtype: str) -> None:
    """Every factor with and without a batch, given and transposed, and their sums over the batch."""
    n, d, k = size
    m = 5
    a, w = some((d, n, k), dtype), some((d, k, m), dtype, 1)
    single, rows = some((k, m), dtype, 2), some((n, k), dtype, 3)

    def build(a: Any, w: Any, single: Any, rows: Any) -> list[Any]:
        swapped = R["permute"](R["permute"](a, dims=(1, 0, 2)), dims=(1, 0, 2))
        products = [
            R["matmul"](x, y) for x in (a, swapped, rows) for y in (w, single) if not (x is rows and y is single)
        ]
        back = R["matmul"](products[0], R["permute"](w, dims=(0, 2, 1)))
        weights = R["matmul"](R["permute"](a, dims=(0, 2, 1)), products[0])
        shared = R["sum"](R["matmul"](R["permute"](a, dims=(0, 2, 1)), products[1]), dim=(0,), keepdim=False)
        four = R["matmul"](R["reshape"](a, shape=(d, n, 1, k)), R["reshape"](w, shape=(d, 1, k, m)))
        return [*products, back, weights, shared, four]

    check(build, [a, w, single, rows], terms=8 * n * d * k)


def test_a_product_with_one_matrix_is_one_product_of_matrices() -> None:
    """And so is the gradient of that matrix: summed over batch and rows at once, ready for what follows to be fused."""
    graph = Graph()
    x, w, g = (graph.input(Spec(s, np.dtype("float32"))) for s in ((32, 8, 20), (20, 12), (32, 8, 12)))
    y = R["matmul"](x, w)
    gradient = R["sum"](R["matmul"](R["permute"](x, dims=(0, 2, 1)), g), dim=(0,), keepdim=False)
    graph.outputs = [y, gradient]
    kinds = [v.kind for v in rules.build(graph, {}).values]
    assert kinds.count("matmul") == 2 and "contract" not in kinds


def test_infinities_are_multiplied_before_they_are_added() -> None:
    """A sum over the batch goes into a product only where both factors have it: inf 1 + inf (-2) is NaN."""
    a, w = np.full((2, 3), np.inf), np.stack([np.ones((3, 4)), -2 * np.ones((3, 4))])
    (got,) = natively(lambda a, w: [R["sum"](R["matmul"](a, w), dim=(0,), keepdim=False)], [a, w])
    assert np.isnan(got).all()


def test_the_batch_lies_along_the_lanes() -> None:
    """Features with weights of their own: nothing is transposed, and the products work on 16 rows at once."""
    graph = Graph()
    x, w = (graph.input(Spec(s, np.dtype("float32"))) for s in ((256, 20), (20, 16)))
    v = graph.input(Spec((20, 16, 4), np.dtype("float32")))
    z = R["cos"](R["mul"](R["reshape"](x, shape=(256, 20, 1)), w))
    y = R["permute"](R["matmul"](R["permute"](z, dims=(1, 0, 2)), v), dims=(1, 0, 2))
    graph.outputs = [R["relu"](R["reshape"](y, shape=(256, 80)))]
    program = rules.build(graph, {})
    chosen = orient.choose(program)
    kernels = schedule(program, chosen).kernels
    (product,) = (kernel.root for kernel in kernels if kernel.kind == "contract")
    assert product is not None and chosen.shape(product) == (80, 256)
    assert not [kernel for kernel in kernels if kernel.kind == "turn"]


# Choosing by index


@TYPED
def test_rows_and_places_by_index(size: tuple[int, int, int], dtype: str) -> None:
    n, _, k = size
    rng = np.random.default_rng(3)
    x, table, v = some(size, dtype), some((n, k), dtype, 1), some((7, 3, k), dtype, 2)
    rows = rng.integers(-n, n, (7, 3))
    along = [rng.integers(0, size[a], tuple(9 if b == a else m for b, m in enumerate(size))) for a in range(3)]
    first, last = rng.integers(-n, n, 6), rng.integers(-k, k, (2, 6))

    def build(x: Any, table: Any, v: Any, rows: Any, first: Any, last: Any, *along: Any) -> list[Any]:
        zeros = R["zeros_like"](table)
        found = [
            R["index"](table, rows, layout=(0,)),
            R["index"](x, rows, layout=(0,)),
            R["index"](x, first, layout=(0,)),
        ]
        found += [R["index"](x, first, last, layout=(0, None, 1))]
        found += [R["index_put"](t, v, rows, layout=(0,), accumulate=True) for t in (table, zeros)]
        found += [R["index_put"](table, v, rows, layout=(0,), accumulate=False)]
        found += [R["index_put"](x, table.dtype.type(2.5), first, last, layout=(0, None, 1), accumulate=False)]
        for axis, index in enumerate(along):
            taken = R["gather"](x, index, dim=axis)
            found += [taken, R["scatter"](x, index, taken, dim=axis), R["scatter_add"](x, index, taken, dim=axis)]
        return found

    check(build, [x, table, v, rows, first, last, *along])


def test_of_several_numbers_for_one_place_the_last_is_kept_and_all_are_added_in_order() -> None:
    """In order: float32 additions of numbers of other sizes give other sums in other orders."""
    rng = np.random.default_rng(0)
    rows, v = (
        rng.integers(0, 3, 200),
        (rng.standard_normal((200, 20)) * 10.0 ** rng.integers(-6, 7, (200, 1))).astype("f4"),
    )
    x = np.zeros((3, 20), "float32")
    check(lambda x, v, i: [R["index_put"](x, v, i, layout=(0,), accumulate=add) for add in (True, False)], [x, v, rows])


def test_places_that_do_not_exist_give_nan() -> None:
    """Eagerly they are an error; native code must not go on with a number."""
    table, v = np.ones((4, 20), np.float32), np.ones((3, 20), np.float32)
    build = lambda t, i, v: [  # noqa: E731
        R["index"](t, i, layout=(0,)),
        *(R["index_put"](t, v, i, layout=(0,), accumulate=add) for add in (True, False)),
        R["gather"](R["permute"](t, dims=(1, 0)), R["expand"](i, shape=(20, 3)), dim=1),
    ]
    for wrong in (4, -5, 1 << 40, -(1 << 40)):
        taken, added, put, along = natively(build, [table, np.array([1, wrong, 2]), v])
        assert np.isnan(taken[1]).all() and (taken[[0, 2]] == 1).all()
        assert np.isnan(added).any() and np.isnan(put).any()
        assert np.isnan(along[:, 1]).all() and (along[:, [0, 2]] == 1).all()


def test_known_places_of_whole_numbers_are_taken() -> None:
    """There is no NaN among them, but where the places are known none is needed."""
    x = np.arange(24).reshape(4, 3, 2)
    check(lambda x: [R["index"](x, x.graph.const(np.array([3, -1, 0])), layout=(0,))] if hasattr(x, "graph")
          else [x[[3, -1, 0]]], [x])  # fmt: skip


# Threads and layouts


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("group", [0, 1])
def test_threads_and_layouts_change_nothing(monkeypatch: pytest.MonkeyPatch, threads: int, group: int) -> None:
    """Every kernel is shared by all threads; all matrices lie one way, or the other."""
    monkeypatch.setattr("forwardnet.compiler.module.PRODUCT_WORK", 0)
    monkeypatch.setattr("forwardnet.compiler.module.VECTOR_WORK", 0)
    monkeypatch.setattr("forwardnet.compiler.program.WORK_OF_A_THREAD", 1.0)
    monkeypatch.setattr("forwardnet.compiler.program.work", lambda plan: 100.0)
    settled = orient._settled
    monkeypatch.setattr(orient, "_settled", lambda p, g, s: settled(p, g, dict.fromkeys(s, group)))
    n, d, k, m = 33, 5, 18, 7
    arrays = [some((n, d, k), "float32"), some((d, k, m), "float32", 1), np.arange(n)[::-1].copy()]
    graph = Graph()
    x, w, i = (graph.input(Spec(a.shape, a.dtype)) for a in arrays)
    y = R["permute"](R["matmul"](R["permute"](x, dims=(1, 0, 2)), w), dims=(1, 0, 2))
    graph.outputs = [
        y, R["sum"](x, dim=(1,), keepdim=False), R["sum"](y, dim=(0, 2), keepdim=False), R["cumsum"](x, dim=0),
        R["index"](y, i, layout=(0,)), R["roll"](x, shifts=(3,), dims=(2,)), R["softmax"](y, dim=1),
        R["matmul"](R["permute"](x, dims=(1, 2, 0)), R["permute"](y, dims=(1, 0, 2))),
    ]  # fmt: skip
    native = Native(graph, Signature(), most_threads=threads)
    assert native.threads == threads
    alone = Native(graph, Signature(), most_threads=1)
    values: dict[int, Any] = {node.index: a for node, a in zip(graph.inputs, arrays, strict=True)}
    interpret(graph.live(), values)
    for program in (native, alone):
        for number, array in enumerate(arrays):
            program.set_input(number, array)
        program.run()
    for number, node in enumerate(graph.outputs):
        got = native.output(number, node.shape)
        np.testing.assert_allclose(got, values[node.index], rtol=0, atol=2e-4)  # sums of some 600 products in float32
        assert got.tobytes() == alone.output(number, node.shape).tobytes()
