"""Tables: columns of numbers, categories and dates, where they come from, and how they become a network's inputs."""

from __future__ import annotations

from forwardnet.data.tables.encoder import Layout, TableEncoder
from forwardnet.data.tables.frames import as_column, as_table
from forwardnet.data.tables.judge import MISSING, Rules
from forwardnet.data.tables.kinds import column_of, columns_of
from forwardnet.data.tables.read import read_table
from forwardnet.data.tables.stream import TableStream
from forwardnet.data.tables.table import KINDS, Column, Table
from forwardnet.data.tables.target import TargetEncoder, decide_task, drop_missing

__all__ = [
    "KINDS",
    "MISSING",
    "Column",
    "Layout",
    "Rules",
    "Table",
    "TableEncoder",
    "TableStream",
    "TargetEncoder",
    "as_column",
    "as_table",
    "column_of",
    "columns_of",
    "decide_task",
    "drop_missing",
    "read_table",
]
