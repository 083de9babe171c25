"""What happens where there can be no native program: the reason in one phrase, and the eager way instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from forwardnet.errors import ForwardnetError
from forwardnet.ops.record import CannotLower

T = TypeVar("T")


def made_or_reason(make: Callable[[], T]) -> tuple[T | None, str]:
    """What `make` makes, or None and why it cannot be; errors of the user's own making are let through."""
    try:
        return make(), ""
    except CannotLower as reason:
        return None, f"{reason} cannot be compiled"
    except ForwardnetError:
        raise
    except (ImportError, OSError, RuntimeError) as error:  # no llvmlite, no executable memory, LLVM's own refusals
        return None, f"no native code here ({type(error).__name__}: {str(error).splitlines()[0]})"
