"""Estimators that describe themselves in their files, made again from what a file holds, which nobody trusts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from forwardnet import nn
from forwardnet.errors import FileFormatError, ForwardnetError

T = TypeVar("T")


def rebuilt(
    make: Callable[[nn.Module, Any, Any], T], model: nn.Module, description: Mapping[str, Any], where: str, what: str
) -> T:
    """`make(model, parameters, fitted)` with what the description of `what` has under these names.

    Raises:
        FileFormatError: it is damaged, or does not fit the network.
    """
    try:
        return make(model, description["parameters"], description["fitted"])
    except ForwardnetError as error:
        raise FileFormatError(f"{where}: it does not fit together: {error.message}") from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        told = f"{type(error).__name__} {error}"
        raise FileFormatError(f"{where}: the description of the {what} is damaged: {told}") from None
