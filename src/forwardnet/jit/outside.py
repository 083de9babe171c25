"""What a traced function reads and writes besides its arguments and cells: tensors of closures, globals and modules."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np

from forwardnet.jit.cells import mark_of_tensor
from forwardnet.ops.record import CannotLower
from forwardnet.tensor import Tensor


class Outside:
    """Notes the tensors with numbers that are read while a function is traced.

    Those that live on afterwards came from outside. Their numbers are constants of the program, which is out of date
    once they have changed. A function that writes to one of them is refused, and the numbers are put back.
    """

    def __init__(self) -> None:
        self._read: dict[int, weakref.ref[Tensor]] = {}
        self._written: list[tuple[weakref.ref[Tensor], np.ndarray[Any, Any]]] = []
        self.marks: list[tuple[weakref.ref[Tensor], Any]] = []

    def read(self, values: Iterable[Any]) -> None:
        """Called with the operands of every op."""
        for value in values:
            if isinstance(value, Tensor) and isinstance(value._data, np.ndarray):
                owner = value if value._base is None else value._base
                known = self._read.get(id(owner))
                if known is None or known() is not owner:
                    self._read[id(owner)] = weakref.ref(owner)

    def write(self, tensor: Tensor) -> None:
        """Called before a tensor is written."""
        owner = tensor if tensor._base is None else tensor._base
        if isinstance(owner._data, np.ndarray) and not any(ref() is owner for ref, _ in self._written):
            self._written.append((weakref.ref(owner), owner._data.copy()))

    def put_back(self) -> bool:
        """Undo what was written to tensors that live on; tells whether there are any."""
        changed = [(owner, before) for ref, before in self._written if (owner := ref()) is not None]
        for owner, before in changed:
            owner._data[...] = before
            owner._counter.count += 1
        return bool(changed)

    def close(self) -> None:
        """Called when the function has returned; raises `CannotLower` if it has written to what lives on."""
        if self.put_back():
            raise CannotLower("a change of a tensor that is neither made there nor named as state")
        living = ((ref, ref()) for ref in self._read.values())
        self.marks = [(ref, mark_of_tensor(tensor)) for ref, tensor in living if tensor is not None]

    @property
    def is_stale(self) -> bool:
        """Whether a tensor from outside has changed, or is no more."""
        for ref, mark in self.marks:
            tensor = ref()
            if tensor is None or mark_of_tensor(tensor) != mark:
                return True
        return False

    def tensors(self) -> list[Tensor]:
        """The tensors from outside that are still there."""
        return [tensor for ref, _ in self.marks if (tensor := ref()) is not None]
