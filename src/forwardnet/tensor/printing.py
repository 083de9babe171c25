"""Tensors as text, in PyTorch's form: `tensor([1., 2.], requires_grad=True)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import dtypes
from forwardnet.autodiff.reverse import Accumulator
from forwardnet.errors import unknown_name
from forwardnet.ir.graph import Node
from forwardnet.tensor.tape import edge_of

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor

Form = tuple[Callable[[Any], str], int]
"""How one element is written, and how wide."""


@dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": float("inf"), "edgeitems": 3, "linewidth": 80},
}
_options = _Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors print: digits after the point, when to summarise and by how many items, characters in a line.

    `profile` sets all of them: "default", "short" or "full". `sci_mode` None lets the values decide.
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise unknown_name("print profile", profile, _PROFILES)
        vars(_options).update(_PROFILES[profile])
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    vars(_options).update({name: value for name, value in given.items() if value is not None})
    _options.sci_mode = sci_mode


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
    head = "tensor(" if type(x).__name__ == "Tensor" else f"{type(x).__name__} containing:\ntensor("
    body = "[]" if x.numel() == 0 else _body(x._data, len("tensor("))
    return _joined(head + body, suffixes) + ")"


def _joined(text: str, suffixes: list[str]) -> str:
    """The text with its suffixes, on a new line where one would be too long."""
    for suffix in suffixes:
        last = len(text) - text.rfind("\n") - 1
        too_long = last + len(suffix) + 4 > _options.linewidth
        text += f",\n{' ' * len('tensor(')}{suffix}" if too_long else f", {suffix}"
    return text


def _body(array: Any, indent: int) -> str:
    short = array.size > _options.threshold
    return _nested(array, _formatter(_edges(array) if short else array), indent, short)


def _edges(array: Any) -> Any:
    edge = _options.edgeitems
    for axis, n in enumerate(array.shape):
        if n > 2 * edge:
            array = np.take(array, [*range(edge), *range(n - edge, n)], axis=axis)
    return array


def _formatter(sample: Any) -> Form:
    if sample.dtype.kind != "f":
        width = max((len(str(v)) for v in sample.reshape(-1).tolist()), default=0)
        return lambda v: str(v).rjust(width), width
    # Only finite values other than 0 decide on the form and the width.
    finite = sample[np.isfinite(sample) & (sample != 0)].astype(np.float64)
    if not finite.size:
        return lambda v: _number(v, ".0f", "."), 1
    size = np.abs(finite)
    whole = bool(np.all(size == np.ceil(size)))
    spread = size.max() / size.min() > 1000 or size.max() > 1e8 or (not whole and size.min() < 1e-4)
    if spread if _options.sci_mode is None else _options.sci_mode:
        form, dot = f".{_options.precision}e", ""
    elif whole:
        form, dot = ".0f", "."
    else:
        form, dot = f".{_options.precision}f", ""
    width = max(len(_number(v, form, dot)) for v in finite.tolist())
    return lambda v: _number(v, form, dot).rjust(width), width


def _number(value: float, form: str, dot: str) -> str:
    text = format(value, form)
    return text + dot if np.isfinite(value) else text


def _nested(array: Any, form: Form, indent: int, short: bool) -> str:
    text, width = form
    if array.ndim == 0:
        return text(array.item())
    edge = _options.edgeitems
    cut = short and array.shape[0] > 2 * edge
    items = [array[i] for i in (*range(edge), *range(-edge, 0))] if cut else list(array)
    if array.ndim == 1:
        cells = [text(v.item()) for v in items]
        line = max(1, (_options.linewidth - indent) // (width + len(", ")))
        if cut:
            cells.insert(edge, " ...")
        rows = [", ".join(cells[i : i + line]) for i in range(0, len(cells), line)]
        return "[" + (",\n" + " " * (indent + 1)).join(rows) + "]"
    blocks = [_nested(v, form, indent + 1, short) for v in items]
    if cut:
        blocks.insert(edge, "...")
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(blocks) + "]"
