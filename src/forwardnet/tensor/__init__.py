"""The tensor people type: creation, functions, methods, recording."""

from __future__ import annotations

from forwardnet.tensor.conversion import Device
from forwardnet.tensor.tensor import Size, Tensor

__all__ = ["Device", "Size", "Tensor"]
