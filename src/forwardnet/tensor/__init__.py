"""The tensor people type: creation, functions, methods, recording."""

from __future__ import annotations

from forwardnet.tensor.tensor import Device, Size, Tensor

__all__ = ["Device", "Size", "Tensor"]
