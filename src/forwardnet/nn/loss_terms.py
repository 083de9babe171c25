"""What the losses share: reductions, and the checks that turn unusable targets into one clear sentence."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from forwardnet.errors import ArgumentError, AxisError, DTypeError, ShapeError, unknown_name
from forwardnet.tensor import Tensor

REDUCTIONS = ("none", "mean", "sum")


def reduced(terms: Tensor, reduction: str) -> Tensor:
    """The terms themselves ("none"), their mean, or their sum."""
    if reduction == "mean":
        return terms.mean()
    if reduction == "sum":
        return terms.sum()
    check_reduction(reduction)
    return terms


def check_reduction(reduction: str, known: tuple[str, ...] = REDUCTIONS) -> None:
    """Raises `UnknownNameError` if there is no such reduction."""
    if reduction not in known:
        raise unknown_name("reduction", reduction, known)


def check_tensors(where: str, **tensors: Any) -> None:
    """Raises `DTypeError` if one is no tensor."""
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise DTypeError(
                f"{where}: {name} is a {type(value).__name__}, expected a tensor",
                hint="forwardnet.tensor(...) makes one",
            )


def check_floating(where: str, name: str, tensor: Tensor) -> None:
    """Raises `DTypeError` if the tensor holds whole numbers."""
    if not tensor.is_floating_point():
        raise DTypeError(
            f"{where}: {name} has dtype {type_name(tensor)}, expected a floating type",
            hint=f"convert it: {name}.float()",
        )


def type_name(tensor: Tensor) -> str:
    """The number type as "float32"."""
    return str(tensor.dtype).rpartition(".")[2]


def warn_if_broadcast(where: str, input: Tensor, target: Tensor, *, stacklevel: int = 4) -> None:
    """Warn where input and target differ in shape: (N, 1) against (N,) compares everything with everything."""
    if tuple(input.shape) != tuple(target.shape):
        common = np.broadcast_shapes(tuple(input.shape), tuple(target.shape)) if _fits(input, target) else None
        if common is None:
            raise ShapeError(
                f"{where}: input has shape {tuple(input.shape)} and target {tuple(target.shape)}, expected equal shapes"
            )
        warnings.warn(
            f"{where}: input has shape {tuple(input.shape)} and target {tuple(target.shape)}; "
            f"they are broadcast to {common}, which is rarely meant. hint: give both the same shape",
            UserWarning,
            stacklevel=stacklevel,
        )


def _fits(a: Tensor, b: Tensor) -> bool:
    pairs = zip(reversed(tuple(a.shape)), reversed(tuple(b.shape)), strict=False)
    return all(m == n or 1 in (m, n) for m, n in pairs)


def check_same_shape(where: str, input: Tensor, target: Tensor) -> None:
    """Raises `ShapeError` if input and target differ in shape."""
    if tuple(input.shape) != tuple(target.shape):
        raise ShapeError(
            f"{where}: target has shape {tuple(target.shape)}, expected {tuple(input.shape)} as the input",
            hint="target.unsqueeze(-1) or input.squeeze(-1) makes (N,) and (N, 1) agree"
            if input.numel() == target.numel()
            else None,
        )


def check_between_0_and_1(where: str, name: str, tensor: Tensor, *, slack: float = 0.0) -> None:
    """Raises `ArgumentError`, naming the first place, if a value is outside [0, 1] or NaN."""
    values = concrete(tensor)
    if values is None or values.size == 0:
        return
    if not (values.min() >= -slack and values.max() <= 1 + slack):  # written so that NaN fails
        bad = ~((values >= -slack) & (values <= 1 + slack))
        place = tuple(int(i) for i in np.argwhere(bad)[0]) if values.ndim else ()
        raise ArgumentError(
            f"{where}: {name} is {values[place]:g} at {place_text(place)}, expected values in [0, 1]",
            hint="logits go to binary_cross_entropy_with_logits" if name == "input" else "scale or encode the labels",
        )


def check_all(where: str, name: str, tensor: Tensor, is_good: Any, expected: str, hint: str | None = None) -> None:
    """Raises `ArgumentError`, naming the first place, if `is_good` (a function of the array) is false somewhere."""
    values = concrete(tensor)
    if values is None or values.size == 0:
        return
    good = is_good(values)
    if not good.all():
        place = tuple(int(i) for i in np.argwhere(~good)[0]) if values.ndim else ()
        raise ArgumentError(
            f"{where}: {name} is {values[place]:g} at {place_text(place)}, expected {expected}", hint=hint
        )


def concrete(tensor: Tensor) -> np.ndarray[Any, Any] | None:
    """The numbers of a tensor, or None where there are none yet because a program is being traced."""
    return tensor._data if isinstance(tensor._data, np.ndarray) else None


def place_text(place: tuple[int, ...]) -> str:
    """Where something is: "row 5" or "index (5, 2)"."""
    return f"row {place[0]}" if len(place) == 1 else f"index {place}"


def check_labels(
    where: str, target: Tensor, sizes: tuple[int, ...], n_classes: int, ignore_index: int
) -> tuple[Tensor, bool]:
    """The class indices as int64, and whether some of them may be `ignore_index`.

    Raises:
        DTypeError: the labels are no integers.
        ShapeError: they have not the shape `sizes`.
        AxisError: one is outside [0, n_classes).
    """
    kind = type_name(target)
    if target.is_floating_point() or kind == "bool":
        expected = f"int64 class indices of shape {sizes}"
        if where.startswith("cross_entropy"):
            expected += " or floating probabilities of the input's shape"
        raise DTypeError(
            f"{where}: target has dtype {kind} and shape {tuple(target.shape)}, expected {expected}",
            hint="convert class indices with target.long()",
        )
    if tuple(target.shape) != sizes:
        fits = target.numel() == math.prod(sizes)
        raise ShapeError(
            f"{where}: target has shape {tuple(target.shape)}, expected {sizes}",
            hint=f"target.reshape({', '.join(map(str, sizes))})" if fits else "one class index for each sample",
        )
    values = concrete(target)
    if values is None:
        return target.long(), True
    if values.size == 0 or (values.min() >= 0 and values.max() < n_classes and not 0 <= ignore_index < n_classes):
        return target.long(), False
    bad = ((values < 0) | (values >= n_classes)) & (values != ignore_index)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise AxisError(
            f"{where}: target {values[place]} out of range [0, {n_classes}) at {place_text(place)}"
            if place
            else f"{where}: target {values[place]} out of range [0, {n_classes})",
            hint=f"labels are 0 to {n_classes - 1}, one for each output of the network",
        )
    return target.long(), True


def check_class_weight(where: str, weight: Tensor | None, n_classes: int) -> None:
    """Raises `ShapeError` if there is a weight that has not one number for each class."""
    if weight is not None and tuple(weight.shape) != (n_classes,):
        raise ShapeError(
            f"{where}: weight has shape {tuple(weight.shape)}, expected ({n_classes},): one number for each class"
        )
