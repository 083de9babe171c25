"""Embeddings: a learned vector for each of a number of words, classes or codes.

Axis glossary: V vocabulary, D dimensions.
"""

from __future__ import annotations

from typing import Any, Self

from forwardnet.errors import AxisError, ShapeError
from forwardnet.nn import functional as F, init
from forwardnet.nn.checks import check_count
from forwardnet.nn.module import Module
from forwardnet.nn.parameter import Parameter
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import empty
from forwardnet.tensor.mode import no_grad


class Embedding(Module):
    """y[..., d] = W[x[...], d]: row x of a table (V, D), which starts with standard normal numbers.

    Args:
        num_embeddings: V; the indices x are integers from 0 to V - 1.
        embedding_dim: D.
        padding_idx: a row that starts at 0 and is not trained; it stands for "nothing".

    Raises:
        AxisError: an index is out of range.
        DTypeError: the indices are no integers.

    Example:
        >>> nn.Embedding(10, 3)(ff.tensor([[1, 2, 4], [4, 3, 9]])).shape
        forwardnet.Size([2, 3, 3])
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        for name, size in (("num_embeddings", num_embeddings), ("embedding_dim", embedding_dim)):
            check_count("Embedding", name, size)
        self.num_embeddings, self.embedding_dim = int(num_embeddings), int(embedding_dim)
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise AxisError(f"Embedding: padding_idx is {padding_idx}, expected a row of {num_embeddings}")
            padding_idx %= num_embeddings
        self.padding_idx = padding_idx
        self.weight = Parameter(empty(self.num_embeddings, self.embedding_dim, dtype=dtype))
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> Self:
        """A layer with the rows of `embeddings` (V, D), which stay as they are if `freeze`."""
        if embeddings.ndim != 2:
            raise ShapeError(
                f"Embedding.from_pretrained: embeddings have shape {tuple(embeddings.shape)}, expected (V, D)"
            )
        rows, columns = embeddings.shape
        made = cls(rows, columns, padding_idx, dtype=embeddings.dtype)
        made.weight = Parameter(embeddings.detach().clone(), requires_grad=not freeze)
        return made

    def reset_parameters(self) -> None:
        """Draw the rows anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0

    def forward(self, x: Tensor) -> Tensor:
        return F.embedding(x, self.weight, self.padding_idx)

    def _arguments(self) -> dict[str, Any]:
        dtype = str(self.weight.dtype).rpartition(".")[2]
        names = ("num_embeddings", "embedding_dim", "padding_idx")
        found = {name: getattr(self, name) for name in names}
        return found if dtype == "float32" else {**found, "dtype": dtype}

    @staticmethod
    def _claim(**arguments: Any) -> int:
        sizes = [arguments.get(name) for name in ("num_embeddings", "embedding_dim")]
        rows, columns = (max(size, 0) if isinstance(size, int) else 0 for size in sizes)
        return rows * columns

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return 0

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
