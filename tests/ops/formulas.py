"""The index formulas of the array ops, computed element by element, in exact arithmetic where there is any."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import localcontext
from fractions import Fraction
from typing import Any

import numpy as np

from forwardnet.ops import REGISTRY
from ops import laws, oracle

Index = tuple[int, ...]


def each(shape: tuple[int, ...], element: Callable[[Index], Any], dtype: Any = np.float64) -> Any:
    """The array whose element at an index is `element(index)`."""
    made = np.zeros(shape, dtype)
    for at in np.ndindex(shape):
        made[at] = element(at)
    return made


def replaced(at: Index, axis: int, i: int) -> Index:
    return (*at[:axis], i, *at[axis + 1 :])


# ---------------------------------------------------------------- moving elements: exact


def reshape(x: Any, shape: Any) -> Any:
    elements = [x[at] for at in np.ndindex(x.shape)]
    made = np.zeros(np.zeros(x.shape).reshape(shape).shape)
    for number, at in enumerate(np.ndindex(made.shape)):
        made[at] = elements[number]
    return made


def permute(x: Any, dims: Index) -> Any:
    made = np.zeros([x.shape[d] for d in dims])
    for at in np.ndindex(x.shape):
        made[tuple(at[d] for d in dims)] = x[at]
    return made


def expand(x: Any, shape: Index) -> Any:
    lead = len(shape) - x.ndim
    return each(shape, lambda at: x[tuple(0 if n == 1 else i for i, n in zip(at[lead:], x.shape, strict=True))])


def positions(n: int, item: Any) -> list[int]:
    """The places along an axis of length n that a slice chooses."""
    return list(range(n))[slice(*item[1:])]


def chosen(shape: Index, items: Any) -> tuple[list[int], list[Any]]:
    """For a basic index: the lengths of the result's axes, and for each axis of x its places (an int: one place)."""
    lengths: list[int] = []
    places: list[Any] = []
    for item in items:
        if item[0] == "new":
            lengths.append(1)
        elif item[0] == "int":
            places.append(item[1] % shape[len(places)])
        else:
            places.append((len(lengths), positions(shape[len(places)], item)))
            lengths.append(len(places[-1][1]))
    for n in shape[len(places) :]:
        places.append((len(lengths), list(range(n))))
        lengths.append(n)
    return lengths, places


def source(places: list[Any], at: Index) -> Index:
    return tuple(p if isinstance(p, int) else p[1][at[p[0]]] for p in places)


def slice_(x: Any, items: Any) -> Any:
    lengths, places = chosen(x.shape, items)
    return each(tuple(lengths), lambda at: x[source(places, at)])


def slice_put(x: Any, v: Any, items: Any) -> Any:
    lengths, places = chosen(x.shape, items)
    made = x.copy()
    for at in np.ndindex(tuple(lengths)):
        made[source(places, at)] = v[at]
    return made


def flip(x: Any, dims: Index) -> Any:
    return each(x.shape, lambda at: x[tuple(x.shape[d] - 1 - i if d in dims else i for d, i in enumerate(at))])


def roll(x: Any, shifts: Index, dims: Index) -> Any:
    by = dict(zip(dims, shifts, strict=True))
    return each(x.shape, lambda at: x[tuple((i - by.get(d, 0)) % x.shape[d] for d, i in enumerate(at))])


def cat(*xs: Any, dim: int) -> Any:
    owners = [(x, i) for x in xs for i in range(x.shape[dim])]
    shape = replaced(xs[0].shape, dim, len(owners))
    return each(shape, lambda at: owners[at[dim]][0][replaced(at, dim, owners[at[dim]][1])])


def diagonal_of(x: Any, offset: int) -> list[Index]:
    return [(i, i + offset) for i in range(x.shape[0]) if 0 <= i + offset < x.shape[1]]


def diagonal_put(x: Any, v: Any, offset: int) -> Any:
    made = x.copy()
    for k, at in enumerate(diagonal_of(x, offset)):
        made[at] = v[k]
    return made


def scatter(x: Any, index: Any, v: Any, dim: int, add: bool = False) -> Any:
    made = x.copy()
    for at in np.ndindex(index.shape):
        to = replaced(at, dim, index[at])
        made[to] = made[to] + v[at] if add else v[at]
    return made


def index_places(x: Any, indices: Any, layout: Any) -> list[tuple[Index, Index]]:
    """Pairs (place in the result, place in x); the indexed axes stand together where the first of them stood."""
    shape = np.broadcast_shapes(*(i.shape for i in indices))
    wide = [np.broadcast_to(i, shape) for i in indices]
    full = [*layout, *[None] * (x.ndim - len(layout))]
    used = [axis for axis, p in enumerate(full) if p is not None]
    together = used == list(range(used[0], used[-1] + 1))
    free = [axis for axis, p in enumerate(full) if p is None]
    lead = [axis for axis in free if axis < used[0]] if together else []
    pairs = []
    for at in np.ndindex(shape):
        for rest in np.ndindex(*(x.shape[axis] for axis in free)):
            own = dict(zip(free, rest, strict=True))
            place = tuple(own[axis] if p is None else int(wide[p][at]) for axis, p in enumerate(full))
            before, after = rest[: len(lead)], rest[len(lead) :]
            pairs.append(((*before, *at, *after), place))
    return pairs


def index(x: Any, *indices: Any, layout: Any) -> Any:
    pairs = index_places(x, indices, layout)
    shape = REGISTRY["index"].spec(laws.spec(x), *map(laws.spec, indices), layout=layout).shape
    made = np.zeros(shape)
    for at, place in pairs:
        made[at] = x[place]
    return made


def index_put(x: Any, v: Any, *indices: Any, layout: Any, accumulate: bool) -> Any:
    made = x.copy()
    for at, place in index_places(x, indices, layout):
        new = v if v.ndim == 0 else v[at]
        made[place] = made[place] + new if accumulate else new
    return made


def argsort(x: Any, dim: int, descending: bool) -> Any:
    made = np.zeros(x.shape, np.int64)
    for at in np.ndindex(replaced(x.shape, dim, min(1, x.shape[dim]))):
        line = [x[replaced(at, dim, i)] for i in range(x.shape[dim])]
        order = sorted(range(len(line)), key=lambda i: -line[i] if descending else line[i])
        for i, place in enumerate(order):
            made[replaced(at, dim, i)] = place
    return made


MOVED: dict[str, Callable[..., Any]] = {
    "reshape": reshape,
    "permute": permute,
    "expand": expand,
    "slice": slice_,
    "slice_put": slice_put,
    "flip": flip,
    "roll": roll,
    "tril": lambda x, diagonal: each(x.shape, lambda at: x[at] if at[-1] - at[-2] <= diagonal else 0),
    "triu": lambda x, diagonal: each(x.shape, lambda at: x[at] if at[-1] - at[-2] >= diagonal else 0),
    "cat": cat,
    "clone": lambda x, row_major: x,
    "cast": lambda x, dtype: x,
    "diagonal": lambda x, offset: np.array([x[at] for at in diagonal_of(x, offset)]),
    "diagonal_put": diagonal_put,
    "gather": lambda x, index, dim: each(index.shape, lambda at: x[replaced(at, dim, index[at])]),
    "scatter": scatter,
    "scatter_add": lambda x, index, v, dim: scatter(x, index, v, dim, add=True),
    "index": index,
    "index_put": index_put,
    "argsort": argsort,
}

# ---------------------------------------------------------------- reductions


def line(x: Any, at: Index, dim: Any, keepdim: bool) -> list[float]:
    """The elements of x that are reduced into the result at `at`, in order."""
    rest = iter(at)
    fixed = {d: i for d in range(x.ndim) if d not in dim for i in [next(rest)]} if not keepdim else dict(enumerate(at))
    ranges = [range(x.shape[d]) if d in dim else [fixed[d]] for d in range(x.ndim)]
    return [float(x[place]) for place in _product(ranges)]


def _product(ranges: list[Any]) -> list[Index]:
    places: list[Index] = [()]
    for r in ranges:
        places = [(*p, i) for p in places for i in r]
    return places


def reduced(element: Callable[[list[float]], Any], dtype: Any = np.float64) -> Callable[..., Any]:
    def value(x: Any, dim: Any, keepdim: bool) -> Any:
        over = dim if isinstance(dim, tuple) else (dim,)
        shape = [1 if d in over else n for d, n in enumerate(x.shape) if keepdim or d not in over]
        return each(tuple(shape), lambda at: element(line(x, at, over, keepdim)), dtype)

    return value


def along(element: Callable[[list[float], int], Any]) -> Callable[..., Any]:
    def value(x: Any, dim: int) -> Any:
        return each(x.shape, lambda at: element([float(x[replaced(at, dim, i)]) for i in range(x.shape[dim])], at[dim]))

    return value


def exact_product(values: list[float]) -> float:
    return float(math.prod(map(Fraction, values)))


def softmax(values: list[float], i: int) -> float:
    with localcontext(oracle.CONTEXT):
        e = [oracle.D(v).exp() for v in values]
        return float(e[i] / sum(e))


def log_softmax(values: list[float], i: int) -> float:
    with localcontext(oracle.CONTEXT):
        return float(oracle.D(values[i]) - sum(oracle.D(v).exp() for v in values).ln())  # type: ignore[union-attr]


REDUCED: dict[str, Callable[..., Any]] = {
    "sum": reduced(math.fsum),
    "prod": reduced(exact_product),
    "amax": reduced(max),
    "amin": reduced(min),
    "any": reduced(lambda v: any(e != 0 for e in v), bool),
    "all": reduced(lambda v: all(e != 0 for e in v), bool),
    "argmax": reduced(lambda v: v.index(max(v)), np.int64),
    "argmin": reduced(lambda v: v.index(min(v)), np.int64),
    "cumsum": along(lambda v, i: math.fsum(v[: i + 1])),
    "cumprod": along(lambda v, i: exact_product(v[: i + 1])),
    "softmax": along(softmax),
    "log_softmax": along(log_softmax),
}

# ---------------------------------------------------------------- linear algebra


def matmul(a: Any, b: Any) -> Any:
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = np.broadcast_to(a, (*batch, *a.shape[-2:]))
    b = np.broadcast_to(b, (*batch, *b.shape[-2:]))

    def element(at: Index) -> float:
        *lead, m, n = at
        pairs = ((a[(*lead, m, k)], b[(*lead, k, n)]) for k in range(a.shape[-1]))
        return float(sum(Fraction(float(x)) * Fraction(float(y)) for x, y in pairs))

    return each((*batch, a.shape[-2], b.shape[-1]), element)


def determinant(rows: list[list[Fraction]]) -> Fraction:
    """By the first row; of no rows it is 1."""
    if not rows:
        return Fraction(1)
    minors = ([r[:j] + r[j + 1 :] for r in rows[1:]] for j in range(len(rows)))
    return sum(((-1) ** j * rows[0][j] * determinant(m) for j, m in enumerate(minors)), Fraction(0))


def rows_of(x: Any, lead: Index) -> list[list[Fraction]]:
    return [[Fraction(float(v)) for v in row] for row in x[lead]]


def inverse(x: Any) -> Any:
    """Adjugate over determinant."""

    def element(at: Index) -> float:
        *lead, i, j = at
        rows = rows_of(x, tuple(lead))
        minor = [r[:i] + r[i + 1 :] for k, r in enumerate(rows) if k != j]
        return float((-1) ** (i + j) * determinant(minor) / determinant(rows))

    return each(x.shape, element)


LINEAR: dict[str, Callable[..., Any]] = {
    "matmul": matmul,
    "inverse": inverse,
    "det": lambda x: each(x.shape[:-2], lambda at: float(determinant(rows_of(x, at)))),
}


def slow_philox(c: list[int], k: list[int]) -> list[int]:
    """Ten rounds as the paper writes them, in Python's integers."""
    for r in range(10):
        k0, k1 = (k[0] + r * 0x9E3779B9) % 2**32, (k[1] + r * 0xBB67AE85) % 2**32
        h0, l0 = divmod(c[0] * 0xD2511F53, 2**32)
        h1, l1 = divmod(c[2] * 0xCD9E8D57, 2**32)
        c = [h1 ^ c[1] ^ k0, l1, h0 ^ c[3] ^ k1, l0]
    return c
