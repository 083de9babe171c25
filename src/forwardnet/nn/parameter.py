"""Parameter: a tensor that a module trains."""

from __future__ import annotations

from typing import Any

from forwardnet.errors import DTypeError
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import empty


class Parameter(Tensor):
    """A leaf tensor that requires a gradient and registers itself when it is assigned to an attribute of a module.

    It shares memory with `data`. What is computed from it is an ordinary tensor.
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        if data is None:
            data = empty(0)
        if not isinstance(data, Tensor):
            raise DTypeError(
                f"Parameter: data is a {type(data).__name__}, expected a Tensor",
                hint="convert it first: nn.Parameter(forwardnet.tensor(data))",
            )
        made = data.detach()
        made.__class__ = cls
        made.requires_grad_(requires_grad)
        return made
