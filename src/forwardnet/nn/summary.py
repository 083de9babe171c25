"""Sizes and costs of networks: parameters, bytes, depth, floating-point operations, and a table of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forwardnet.errors import ArgumentError, ForwardnetError
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import zeros
from forwardnet.tensor.mode import no_grad

if TYPE_CHECKING:
    from forwardnet.nn.module import Module


@dataclass(frozen=True)
class Row:
    """One call of one layer."""

    name: str
    type: str
    output_shape: tuple[int | str, ...]
    parameters: int
    flops: int | None  # None: not known for this kind of layer
    is_repeated: bool  # its parameters were counted in an earlier row


class Summary(str):
    """The table as text, with its figures: `rows parameters trainable bytes flops depth width`.

    `flops` counts one multiplication or addition as one, an activation as one per element, for one sample, forward.
    """

    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    bytes: int
    flops: int
    depth: int
    width: int

    __repr__ = str.__str__


def count_parameters(model: Any, *, bias: bool = True, trainable_only: bool = False) -> int:
    """Number of parameters of `model`, shared ones once; `bias=False` leaves out those called `bias`."""
    return sum(
        param.numel()
        for name, param in model.named_parameters()
        if (bias or name.rpartition(".")[2] != "bias") and (param.requires_grad or not trainable_only)
    )


def memory_footprint(model: Any) -> int:
    """Bytes of all parameters and buffers of `model`."""
    held = [*model.parameters(), *model.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in held)


def weight_layers(model: Any) -> list[Any]:
    """The layers with a number of output units, in order; one used twice comes twice."""
    return [module for _, module in _layers(model) if isinstance(vars(module).get("out_features"), int)]


def _layers(module: Module, name: str = "") -> Iterator[tuple[str, Module]]:
    """All modules with their names, one used twice twice, without what is inside a layer."""
    yield name, module
    if not module._is_one_layer:
        for own, inner in module._modules.items():
            if inner is not None:
                yield from _layers(inner, f"{name}.{own}" if name else own)


def summarize(model: Any, input_size: Any, *, dtype: Any = None) -> Summary:
    """Run zeros of shape (2, *input_size) through `model` in evaluation mode and write down what each layer does.

    Raises:
        ArgumentError: `input_size` is not the shape of one sample of this model.
    """
    shape = (input_size,) if isinstance(input_size, int) else tuple(input_size)
    if not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ArgumentError(
            f"summary: input_size is {input_size!r}, expected the shape of one sample, as 784 or (784,)"
        )
    rows = _trace(model, shape, dtype)
    known = [row.flops for row in rows if row.flops is not None]
    depth, width = len(weight_layers(model)), 0
    if depth:
        width = max((layer.out_features for layer in weight_layers(model)[:-1]), default=0)
    figures: dict[str, Any] = {
        "rows": tuple(rows),
        "parameters": count_parameters(model),
        "trainable": count_parameters(model, trainable_only=True),
        "bytes": memory_footprint(model),
        "flops": sum(known),
        "depth": depth,
        "width": width,
    }
    result = Summary(_table(type(model).__name__, shape, figures, is_complete=len(known) == len(rows)))
    vars(result).update(figures)
    return result


def _trace(model: Module, shape: tuple[int, ...], dtype: Any) -> list[Row]:
    rows: list[Row] = []
    seen: set[int] = set()

    def record(name: str) -> Any:
        def hook(layer: Any, args: tuple[Any, ...], output: Any) -> None:
            own = [p for p in layer.parameters() if id(p) not in seen]
            repeated = not own and any(True for _ in layer.parameters())
            seen.update(id(p) for p in own)
            x = tuple(args[0].shape[1:]) if args and isinstance(args[0], Tensor) else ()
            y = tuple(output.shape) if isinstance(output, Tensor) else ()
            flops = layer._flops(x, y[1:]) if isinstance(output, Tensor) else None
            rows.append(Row(name, type(layer).__name__, ("B", *y[1:]), sum(p.numel() for p in own), flops, repeated))

        return hook

    if dtype is None:
        dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), None)
    leaves = {m: name for name, m in reversed(list(_layers(model))) if m._is_one_layer or not m._modules}
    handles = [m.register_forward_hook(record(name or type(m).__name__)) for m, name in leaves.items()]
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            model(zeros(2, *shape, dtype=dtype))
    except ForwardnetError as error:
        raise ArgumentError(
            f"summary: an input of size {shape} does not fit: {error.message}",
            hint="input_size is the shape of one sample, without the batch axis",
        ) from error
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    return rows


def _table(title: str, shape: tuple[int, ...], figures: dict[str, Any], *, is_complete: bool) -> str:
    head = ("layer", "type", "output shape", "parameters", "FLOPs")
    cells = [
        (
            row.name,
            row.type,
            _shape_text(row.output_shape),
            "(shared)" if row.is_repeated else f"{row.parameters:,}" if row.parameters else "-",
            f"{row.flops:,}" if row.flops is not None else "?",
        )
        for row in figures["rows"]
    ]
    widths = [max(len(line[i]) for line in (head, *cells)) for i in range(len(head))]
    lines = [
        "  ".join(
            [cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))]
        )
        for line in (head, *cells)
    ]
    rule = "-" * len(lines[0])
    frozen = figures["parameters"] - figures["trainable"]
    return "\n".join(
        [
            f"{title} for input {_shape_text(('B', *shape))}",
            rule,
            lines[0],
            rule,
            *(line.rstrip() for line in lines[1:]),
            rule,
            f"parameters  {figures['parameters']:,}"
            + (f" ({frozen:,} frozen)" if frozen else "")
            + f", {_bytes_text(figures['bytes'])}",
            f"FLOPs       {figures['flops']:,}{'' if is_complete else ' or more'} for one sample, forward",
            f"depth       {figures['depth']}, width {figures['width']}",
        ]
    )


def _shape_text(shape: tuple[int | str, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def _bytes_text(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
