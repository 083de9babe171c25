"""Derivatives of what was computed: `grad`, `backward`, recording switches, checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forwardnet.autodiff import check as _check
from forwardnet.autograd import functional
from forwardnet.autograd.engine import backward, grad
from forwardnet.tensor.mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled

__all__ = [
    "backward",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]


def gradcheck(func: Any, inputs: Sequence[Any] | Any, **options: Any) -> bool:
    """Whether derivatives agree with central differences; options `eps`, `atol`, `rtol`, `raise_exception`."""
    return _check.gradcheck(grad, func, inputs, **options)


def gradgradcheck(func: Any, inputs: Sequence[Any] | Any, **options: Any) -> bool:
    """Whether second derivatives agree with central differences of the first; options as for `gradcheck`."""
    return _check.gradgradcheck(grad, func, inputs, **options)


gradcheck.__doc__ = _check.gradcheck.__doc__
gradgradcheck.__doc__ = _check.gradgradcheck.__doc__
