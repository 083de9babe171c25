"""The one door to llvmlite's IR builder; llvmlite is loaded when the first program is compiled."""

from __future__ import annotations

from llvmlite import ir

__all__ = ["ir"]
