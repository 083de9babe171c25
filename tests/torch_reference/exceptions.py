"""What the comparison leaves out or allows, each with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

# Of `linalg`, which the contract lists in part, these are compared.
INCLUDED = {"linalg.det", "linalg.eigh", "linalg.inv", "linalg.solve", "linalg.svd", "linalg.norm"}

# Roundings by which two right results may differ: sums in another order, other library functions. Derivatives have
# ten times as many, second derivatives a hundred times.
ROUNDINGS = 64.0
WIDER: dict[str, float] = {
    "nn.functional.binary_cross_entropy": 1e6,  # PyTorch adds 1e-12 to denominators of its derivatives
    "nn.functional.hardsigmoid": 1e8,  # PyTorch's slope in float64 is the 1/6 of float32
}


def roundings(name: str) -> float:
    return WIDER.get(name, ROUNDINGS)


def picked(name: str, result: Any) -> Any:
    """The part of a result that is defined."""
    if name in ("svd", "linalg.svd"):  # singular vectors have a free sign
        return result[1]
    if name in ("linalg.eigh", "topk"):  # so have eigenvectors; and of equal elements any may be named
        return result[0]
    return result


def _first(sample: Any) -> Any:
    return sample.args[0] if sample.args else None


Test = Callable[[Any, Any], bool]
SAMPLES_LEFT_OUT: dict[str, tuple[Test, str]] = {
    "diagonal": (lambda s, t: "dim1" in s.kwargs, "ours takes matrices, not two dimensions of many"),
    "__rpow__": (lambda s, t: not t.is_floating_point, "PyTorch rounds 2^-1 to 0 silently; ours refuses it"),
    "square": (lambda s, t: t == torch.bool, "squares of truth values: int64 there, bool here"),
    "index_add": (lambda s, t: t == torch.bool, "sums of truth values"),
    "gather": (lambda s, t: s.args[1].dtype == torch.uint8, "an index of bytes, undocumented"),
    "sort": (lambda s, t: t == torch.bool, "unstable in PyTorch for many equal elements, stable here"),
    "argsort": (lambda s, t: t == torch.bool, "unstable in PyTorch for many equal elements, stable here"),
    "scatter": (lambda s, t: "reduce" in s.kwargs, "a deprecated argument"),
    "linalg.norm": (lambda s, t: s.input.numel() == 0, "norms of empty matrices"),
    "nn.functional.embedding": (
        lambda s, t: bool(s.kwargs.keys() - {"padding_idx"}),
        "norms and scales that change the table",
    ),
    "nn.functional.hardtanh": (lambda s, t: not t.is_floating_point, "integers, for which PyTorch rounds the bounds"),
    "nn.functional.batch_norm": (lambda s, t: s.input.ndim < 2, "a batch of no axes but one, and empty"),
    "unique": (lambda s, t: s.kwargs.get("sorted") is False, "an order that is left open"),
}
WITHOUT_DERIVATIVE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "svd": (lambda s: s.kwargs.get("some") is False, "refused by ours: the full factors have no derivative"),
    "linalg.svd": (
        lambda s: s.kwargs.get("full_matrices", True) and s.input.shape[-1] != s.input.shape[-2],
        "refused by ours: the full factors have no derivative",
    ),
    "linalg.eigh": (lambda s: s.kwargs.get("UPLO") == "U", "the antisymmetric part of the gradient is free"),
}


def left_out(name: str, sample: Any, dtype: Any) -> bool:
    if "out" in sample.kwargs:  # results are returned, never written into an argument
        return True
    test, _ = SAMPLES_LEFT_OUT.get(name, (None, ""))
    return test is not None and test(sample, dtype)


def no_derivative(name: str, sample: Any) -> bool:
    test, _ = WITHOUT_DERIVATIVE.get(name, (None, ""))
    return test is not None and test(sample)


def accepted(name: str, sample: Any, wrong: Any) -> bool:
    """Where we are more generous: Python numbers where PyTorch asks for a tensor (its message is left open there)."""
    return str(wrong.error_regex) == ""
