"""Tables: columns of numbers, categories and dates, where they come from, and how they become a network's inputs."""

from __future__ import annotations

from forwardnet.data.tables.table import KINDS, Column, Table

__all__ = ["KINDS", "Column", "Table"]
