"""Tensors as text, in PyTorch's form: `tensor([1., 2.], requires_grad=True)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import dtypes
from forwardnet.autodiff.reverse import Accumulator
from forwardnet.ir.graph import Node
from forwardnet.tensor.tape import edge_of

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor

PRECISION, THRESHOLD, EDGE, WIDTH = 4, 1000, 3, 80


def to_text(x: Tensor) -> str:
    """The elements (summarised when there are more than 1000), then type and history where they are not plain."""
    if isinstance(x._data, Node):
        return f"tensor(..., traced as {x._data!r})"
    suffixes = []
    if x.numel() == 0 and x.ndim != 1:
        suffixes.append(f"size={tuple(x.spec.shape)}")
    if x.spec.dtype not in (dtypes.default(), dtypes.INT64, dtypes.BOOL) or (
        x.numel() == 0 and x.spec.dtype != dtypes.default()
    ):
        suffixes.append(f"dtype={x.dtype}")
    edge = edge_of(x)
    if edge is not None:
        leaf = isinstance(edge.node, Accumulator)
        suffixes.append("requires_grad=True" if leaf else f"grad_fn=<{edge.node.name()}>")
    head = (
        f"{type(x).__name__.lower()}(" if type(x).__name__ == "Tensor" else f"{type(x).__name__} containing:\ntensor("
    )
    body = "[]" if x.numel() == 0 else _body(x._data, len("tensor("))
    return head + ", ".join([body, *suffixes]) + ")"


def _body(array: Any, indent: int) -> str:
    sample = array if array.size <= THRESHOLD else _edges(array)
    texts = _formatter(sample)
    return _nested(array, texts, indent, array.size > THRESHOLD)


def _edges(array: Any) -> Any:
    for axis, n in enumerate(array.shape):
        if n > 2 * EDGE:
            array = np.take(array, [*range(EDGE), *range(n - EDGE, n)], axis=axis)
    return array


def _formatter(sample: Any) -> Any:
    if sample.dtype.kind != "f":
        width = max((len(str(v)) for v in sample.reshape(-1).tolist()), default=0)
        return lambda v: str(v).rjust(width)
    finite = np.abs(sample[np.isfinite(sample) & (sample != 0)].astype(np.float64))
    whole = bool(finite.size == 0 or np.all(finite == np.ceil(finite)))
    high, low = (finite.max(), finite.min()) if finite.size else (0.0, 0.0)
    huge = finite.size and (high / low > 1000 or high > 1e8 or (low < 1e-4 and not whole))
    if whole and not (finite.size and (high / low > 1e8 or high > 1e8)):
        spec = ".0f"
    elif huge:
        spec = f".{PRECISION}e"
    else:
        spec = f".{PRECISION}f"
    dot = "." if spec == ".0f" else ""

    def plain(v: float) -> str:
        text = format(v, spec)
        return text + dot if np.isfinite(v) else text

    width = max((len(plain(v)) for v in sample.reshape(-1).tolist()), default=0)
    return lambda v: plain(v).rjust(width)


def _nested(array: Any, text: Any, indent: int, short: bool) -> str:
    if array.ndim == 0:
        return str(text(array.item())).strip() if array.dtype.kind != "f" else str(text(array.item()))
    cut = short and array.shape[0] > 2 * EDGE
    items = [array[i] for i in (*range(EDGE), *range(-EDGE, 0))] if cut else list(array)
    if array.ndim == 1:
        cells = [text(v.item()) for v in items]
        if cut:
            cells.insert(EDGE, " ...")
        width = max((len(c) for c in cells), default=1) + 2
        line = max(1, (WIDTH - indent) // width)
        rows = [", ".join(cells[i : i + line]) for i in range(0, len(cells), line)]
        return "[" + (",\n" + " " * (indent + 1)).join(rows) + "]"
    blocks = [_nested(v, text, indent + 1, short) for v in items]
    if cut:
        blocks.insert(EDGE, "...")
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(blocks) + "]"
