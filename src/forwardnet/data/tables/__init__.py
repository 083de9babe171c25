"""Tables: columns of numbers, categories and dates, where they come from, and how they become a network's inputs."""

from __future__ import annotations

from forwardnet.data.tables.judge import MISSING, Rules
from forwardnet.data.tables.kinds import column_of, columns_of
from forwardnet.data.tables.read import read_table
from forwardnet.data.tables.table import KINDS, Column, Table

__all__ = ["KINDS", "MISSING", "Column", "Rules", "Table", "column_of", "columns_of", "read_table"]
