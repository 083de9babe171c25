"""Joins tensors and the compiler: `jit` turns a Python function of tensors into a native program."""

from __future__ import annotations

from forwardnet.jit.function import jit
from forwardnet.jit.trace import Traced, trace

__all__ = ["Traced", "jit", "trace"]
