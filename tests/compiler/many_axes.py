"""Random ops on values of any number of axes: what the grower of `graphs` adds to maps, sums and matrix products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from forwardnet.ir.graph import Node
from forwardnet.ir.shapes import broadcast
from forwardnet.ops import REGISTRY

LENGTHS = (1, 2, 3, 5, 8, 16, 17, 33)
LARGEST = 6000


class ManyAxes:
    """Growth by one op, as the methods of `Grower`, whose picks, nodes and inputs it uses."""

    pick: Any
    one_of: Any
    some: Any
    apply: Any
    input: Any
    array: Any
    index: Any
    values: dict[int, Any]
    exact: dict[int, bool]
    dtype: Any

    def shuffle_axes(self) -> None:
        x = self.some(lambda n: n.ndim > 1)
        if x is not None:
            order = list(range(x.ndim))
            for i in range(x.ndim - 1, 0, -1):
                j = self.pick(i + 1)
                order[i], order[j] = order[j], order[i]
            self.apply("permute", x, dims=tuple(order))

    def fold_axes(self) -> None:
        """The same elements in another shape: two axes joined, one split, or all of it anew."""
        x = self.some(lambda n: n.ndim > 0)
        if x is None:
            return
        shape = list(x.shape)
        kind, axis = self.pick(4), self.pick(x.ndim)
        if kind == 0 and x.ndim > 1:
            axis = self.pick(x.ndim - 1)
            shape[axis : axis + 2] = [shape[axis] * shape[axis + 1]]
        elif kind == 1 and len(shape) < 4:
            factor = self.one_of([d for d in (1, 2, 3, 4, 5, 8, 11, 16, shape[axis]) if shape[axis] % d == 0])
            shape[axis : axis + 1] = [factor, shape[axis] // factor]
        elif kind == 2:
            shape = [n for n in shape if n > 1]
        else:
            size = math.prod(shape)
            first = self.one_of([d for d in range(1, 40) if size % d == 0])
            shape = [first, size // first]
        self.apply("reshape", x, shape=tuple(shape))

    def stretch(self) -> None:
        """Repeated along axes of length one, and along new ones before."""
        x = self.some(lambda n: n.ndim < 3 or 1 in n.shape)
        if x is None:
            return
        shape = [self.one_of(LENGTHS) if n == 1 and self.pick(2) else n for n in x.shape]
        if len(shape) < 3 and self.pick(2):
            shape = [self.one_of(LENGTHS), *shape]
        if math.prod(shape) <= LARGEST:
            self.apply("expand", x, shape=tuple(shape))

    def batches(self) -> None:
        """A product, mostly one in which one factor or both have three axes."""
        rank = 3 if self.pick(3) else 2
        a = self.some(lambda n: n.dtype == self.dtype and n.ndim >= rank)
        if a is None:
            return
        k, n = a.shape[-1], self.one_of(LENGTHS)
        fits = self.some(lambda m: m.dtype == self.dtype and m.ndim >= 2 and m.shape[-2] == k and _meet(a, m))
        if fits is None or self.pick(3) == 0:
            lead = [self.one_of((size, size, 1)) for size in a.shape[:-2]]
            if self.pick(4) == 0:
                lead = lead[1:] if lead else [self.one_of(LENGTHS[:5])]
            fits = self.input(self.array((*lead, k, n), self.dtype))
        if math.prod(broadcast(a.shape[:-2], fits.shape[:-2])) * a.shape[-2] * fits.shape[-1] > LARGEST:
            return
        node = self.apply("matmul", a, fits, exact=False)
        if node is None:
            return
        if self.pick(3) == 0 and node.ndim > 2:
            total = self.apply("sum", node, exact=False, dim=(self.pick(node.ndim - 2),), keepdim=bool(self.pick(2)))
            node = node if total is None else total
        if np.abs(self.values[node.index]).max() > 10:
            self.apply("mul", node, 1 / 32)

    def roll(self) -> None:
        x = self.some(lambda n: n.ndim > 0)
        if x is not None:
            dims = tuple({self.pick(x.ndim), self.pick(x.ndim)})
            self.apply("roll", x, shifts=tuple(self.pick(40) - 20 for _ in dims), dims=dims)

    def triangle(self) -> None:
        x = self.some(lambda n: n.ndim > 1)
        if x is not None:
            self.apply(self.one_of(("tril", "triu")), x, diagonal=self.pick(7) - 3)

    def diagonals(self) -> None:
        x = self.some(lambda n: n.ndim == 2)
        if x is None:
            return
        offset = self.pick(9) - 4
        (count,) = REGISTRY["diagonal"].spec(x.spec, offset=offset).shape
        if not count:
            return
        if self.pick(2):
            self.apply("diagonal", x, offset=offset)
            return
        v = self.some(lambda n: n.shape == (count,) and n.dtype == x.dtype)
        if v is None:
            v = self.input(self.array((count,), x.dtype))
        self.apply("diagonal_put", x, v, offset=offset)

    def running(self) -> None:
        """cumsum, cumprod, prod, argmax, argmin, argsort."""
        x = self.some(lambda n: n.dtype == self.dtype and n.ndim > 0)
        if x is None:
            return
        dim, keep = self.pick(x.ndim), bool(self.pick(2))
        name = self.one_of(("cumsum", "cumsum", "cumprod", "prod", "argmax", "argmin", "argsort"))
        if name == "prod":
            self.apply(name, x, exact=False, dim=(dim,), keepdim=keep)
        elif name in ("argmax", "argmin"):
            if self.exact[x.index]:
                self.apply(name, x, dim=dim, keepdim=keep)
        elif name == "argsort":
            if self.exact[x.index] and x.size * x.shape[dim] < 1 << 17:
                self.apply(name, x, dim=dim, descending=keep)
        else:
            self.apply(name, x, exact=None if name == "cumsum" else False, dim=dim)

    def choose_along(self) -> None:
        """gather, scatter and scatter_add of any shape along any axis."""
        x = self.some(lambda n: n.dtype == self.dtype and n.ndim > 0)
        if x is None:
            return
        dim = self.pick(x.ndim)
        shape = [1 + self.pick(n) if self.pick(2) else n for n in x.shape]
        shape[dim] = self.one_of(LENGTHS)
        if math.prod(shape) > LARGEST:
            return
        i = self.index(x.shape[dim], tuple(shape))
        name = self.one_of(("gather", "scatter", "scatter_add"))
        if name == "gather":
            self.apply(name, x, i, dim=dim)
            return
        larger = tuple(n + self.pick(2) for n in shape)
        v = self.input(self.array(larger if self.pick(3) == 0 else tuple(shape), self.dtype))
        self.apply(name, x, i, v, dim=dim)

    def choose_by_arrays(self) -> None:
        """index and index_put by one array, or by two; negative numbers count from the end."""
        x = self.some(lambda n: n.dtype == self.dtype and n.ndim > 0)
        if x is None:
            return
        used = sorted({self.pick(x.ndim), self.pick(x.ndim)})
        shapes = [self.one_of(((), (5,), (16,), (3, 4), (2, 17), (1, 4), (33,))) for _ in used]
        try:
            broadcast(*shapes)
        except ValueError:
            shapes = [shapes[0]] * len(used)
        layout = tuple(used.index(a) if a in used else None for a in range(used[-1] + 1))
        arrays = [self.index(x.shape[a], s, wraps=True) for a, s in zip(used, shapes, strict=True)]
        shape = REGISTRY["index"].spec(x.spec, *(a.spec for a in arrays), layout=layout).shape
        if math.prod(shape) > LARGEST:
            return
        if self.pick(2):
            self.apply("index", x, *arrays, layout=layout)
            return
        v = self.input(self.array(shape[self.pick(2) :] if shape else shape, self.dtype))
        self.apply("index_put", x, v, *arrays, layout=layout, accumulate=bool(self.pick(2)))


def _meet(a: Node, m: Node) -> bool:
    pairs = zip(reversed(a.shape[:-2]), reversed(m.shape[:-2]), strict=False)
    return all(x == y or 1 in (x, y) for x, y in pairs)
