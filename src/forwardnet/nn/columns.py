"""Layers for the columns of a table: those that a part of a network reads, and codes of categories.

Axis glossary: B batch, d columns, V values of all categories together, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.nn import init
from forwardnet.nn.checks import check_count
from forwardnet.nn.module import Module
from forwardnet.nn.parameter import Parameter
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import empty, tensor


class Columns(Module):
    """y[..., j] = x[..., columns[j]]: some columns of a table, in that order.

    With `Heads`, which puts the outputs of several modules side by side, different columns go different ways.

    Args:
        columns: numbers of the columns, each >= 0.

    Example:
        >>> nn.Columns([2, 0])(ff.tensor([[1.0, 2.0, 3.0]]))
        tensor([[3., 1.]])
    """

    _takes_stacks = True

    def __init__(self, columns: Sequence[int] = ()) -> None:
        super().__init__()
        listed = [columns] if isinstance(columns, int) else list(columns)
        for column in listed:
            if isinstance(column, bool) or not hasattr(column, "__index__") or column < 0:
                raise ArgumentError(f"Columns: {column!r} is no number of a column, expected whole numbers >= 0")
        self.columns = tuple(int(column) for column in listed)

    def forward(self, x: Tensor) -> Tensor:
        if self.columns and (x.ndim == 0 or max(self.columns) >= x.shape[-1]):
            raise ShapeError(
                f"Columns: x has shape {tuple(x.shape)}, expected at least {max(self.columns) + 1} columns"
            )
        first, count = (self.columns[0] if self.columns else 0), len(self.columns)
        if self.columns == tuple(range(first, first + count)):  # neighbours: a part, which costs a copy at most
            return x if count == x.shape[-1] else x[..., first : first + count]
        return x.index_select(-1, tensor(list(self.columns)))

    def _arguments(self) -> dict[str, Any]:
        return {"columns": list(self.columns)}

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return 0

    def extra_repr(self) -> str:
        shown = ", ".join(map(str, self.columns[:6]))
        return f"[{shown}]" if len(self.columns) <= 6 else f"[{shown}, ...], {len(self.columns)} in all"


class CategoryEmbedding(Module):
    """y = (W_1[x_1], ..., W_m[x_m]): a learned vector of D numbers for each value of each of m categories.

    `x` (..., m) holds codes as floating whole numbers, as they stand in a table beside quantities; y is (..., m D). The
    tables W_j (V_j, D) lie one below the other in `weight` (V, D), which starts with standard normal numbers.

    Args:
        cardinalities: V_j, the number of values of each category; its codes are 0 to V_j - 1.
        embedding_dim: D.

    Raises:
        ShapeError: an input has not one column for each category.

    Example:
        >>> nn.CategoryEmbedding([3, 5], 8)(ff.tensor([[0.0, 4.0], [2.0, 1.0]])).shape
        forwardnet.Size([2, 16])
    """

    weight: Parameter
    _takes_stacks = True

    def __init__(self, cardinalities: Sequence[int], embedding_dim: int = 8, dtype: Any = None) -> None:
        super().__init__()
        listed = list(cardinalities)
        for size in listed:
            check_count("CategoryEmbedding", "a number of values", size)
        if not listed:
            raise ArgumentError("CategoryEmbedding: cardinalities is empty, expected the number of values of each")
        check_count("CategoryEmbedding", "embedding_dim", embedding_dim)
        self.cardinalities = tuple(int(size) for size in listed)
        self.embedding_dim = int(embedding_dim)
        self.weight = Parameter(empty(sum(self.cardinalities), self.embedding_dim, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all vectors anew."""
        init.normal_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        m = len(self.cardinalities)
        if x.ndim == 0 or x.shape[-1] != m:
            raise ShapeError(f"CategoryEmbedding: x has shape {tuple(x.shape)}, expected (..., {m}) codes")
        starts = [sum(self.cardinalities[:j]) for j in range(m)]
        numbers = x.long() + tensor(starts)
        found = self.weight[numbers]
        return found.reshape(*x.shape[:-1], m * self.embedding_dim)

    def _arguments(self) -> dict[str, Any]:
        dtype = str(self.weight.dtype).rpartition(".")[2]
        found = {"cardinalities": list(self.cardinalities), "embedding_dim": self.embedding_dim}
        return found if dtype == "float32" else {**found, "dtype": dtype}

    @staticmethod
    def _claim(**arguments: Any) -> int:
        sizes, width = arguments.get("cardinalities"), arguments.get("embedding_dim", 8)
        if not isinstance(sizes, (list, tuple)) or not isinstance(width, int):
            return 0
        return sum(max(size, 0) for size in sizes if isinstance(size, int)) * max(width, 0)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return 0

    def extra_repr(self) -> str:
        return f"{list(self.cardinalities)}, {self.embedding_dim}"
