"""Truth tables: reading them in the forms that people write, and taking them from networks.

Rows are in counting order, the first input being the highest binary digit: 00, 01, 10, 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forwardnet.errors import ArgumentError, ShapeError
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.mode import no_grad

Bits = np.ndarray[Any, np.dtype[Any]]  # int64

# More rows than this make matrices that no machine should be asked for by a typing error.
MAX_INPUTS = 20
DONT_CARE = -1


def all_inputs(n: int) -> Bits:
    """All 2^n rows of zeros and ones (2^n, n), in counting order."""
    if not 0 <= n <= MAX_INPUTS:
        raise ArgumentError(f"a table of {n} inputs has 2^{n} rows, expected at most {MAX_INPUTS} inputs")
    found: Bits = np.arange(2**n)[:, None] >> np.arange(n)[::-1] & 1
    return found


def truth_table(network: Any) -> Bits:
    """The outputs (2^n, O) of a network for all rows of n zeros and ones, rounded at 1/2."""
    weight = next(network.parameters())
    X = all_inputs(int(weight.shape[-1])).astype(np.dtype(weight.dtype))
    with no_grad():
        y = network(from_numpy(X)).numpy()
    found: Bits = (y >= 0.5).astype(np.int64)
    return found


def read_table(table: Any, n_outputs: int | None = None) -> Bits:
    """`table` as (2^n, O) of 0, 1 and -1 for "does not matter"; see `from_truth_table` for its forms.

    Raises:
        ShapeError: the number of rows is no power of two, or rows differ in length.
        ArgumentError: an entry is not 0, 1, or None, or a row is missing or there twice.
    """
    if isinstance(table, Mapping):
        return _from_mapping(table)
    if isinstance(table, tuple) and len(table) == 2 and np.ndim(table[0]) == 2:  # X and y
        table = np.column_stack(table)
    rows = list(table)
    if rows and all(isinstance(row, str) and len(row) > 1 for row in rows):
        rows = [list(row) for row in rows]
    is_flat = not rows or not isinstance(rows[0], Sequence | np.ndarray) or isinstance(rows[0], str)
    cells = [[row] if is_flat else list(row) for row in rows]
    if len(rows) < 2 or len(rows) & (len(rows) - 1):
        raise ShapeError(
            f"truth table: {len(rows)} rows, expected 2, 4, 8, ...: one for each combination of the inputs",
            hint="dnf(rows) takes the rows of ones alone",
        )
    width = len(cells[0])
    for number, row in enumerate(cells):
        if len(row) != width:
            raise ShapeError(f"truth table, row {number}: {len(row)} entries, expected {width} as in row 0")
    found = np.array([[_entry(cell, number) for cell in row] for number, row in enumerate(cells)])
    return _outputs(found, n_outputs)


def _outputs(found: Bits, n_outputs: int | None) -> Bits:
    """The columns of the outputs, in counting order; the inputs may stand before them."""
    n, width = len(found).bit_length() - 1, found.shape[1]
    if n_outputs == width or (n_outputs is None and width <= n):
        return found
    rows = found[:, :n] @ (1 << np.arange(n)[::-1])
    has_inputs = width > n and found[:, :n].min() >= 0 and len(set(rows.tolist())) == len(rows)
    if has_inputs and n_outputs in (None, width - n):
        return found[np.argsort(rows), n:]
    if n_outputs is None:
        return found
    raise ShapeError(
        f"truth table: {width} columns for {n} inputs, expected {n_outputs} outputs, or {n + n_outputs} columns with "
        "every combination of the inputs once"
    )


def _from_mapping(table: Mapping[Any, Any]) -> Bits:
    """{(0, 1): 1, ...} or {"01": 1, ...}; each value is one output or a sequence of them."""
    values: dict[tuple[int, ...], list[int]] = {}
    for row, value in table.items():
        several = isinstance(value, Sequence | np.ndarray) and not (isinstance(value, str) and len(value) == 1)
        values[read_row(row)] = [_entry(cell, row) for cell in (value if several else [value])]
    n = len(next(iter(values), ()))
    if n == 0 or any(len(row) != n for row in values):
        raise ShapeError("truth table: rows of inputs differ in length, or there are none")
    found = []
    for bits in all_inputs(n).tolist():
        if tuple(bits) not in values:
            raise ArgumentError(
                f"truth table: no row {''.join(map(str, bits))} among {len(values)}, expected all {2**n}",
                hint="give rows that do not matter the value None",
            )
        found.append(values[tuple(bits)])
    if len({len(row) for row in found}) != 1:
        raise ShapeError("truth table: rows differ in the number of their outputs")
    return np.array(found)


def read_row(row: Any) -> tuple[int, ...]:
    """ "011", (0, 1, 1) or an array as zeros and ones."""
    cells = tuple(row) if isinstance(row, Sequence | np.ndarray) else (row,)
    found = tuple(_entry(cell, row) for cell in cells)
    if DONT_CARE in found:
        raise ArgumentError(f"truth table: input row {row!r}, expected zeros and ones")
    return found


def _entry(cell: Any, row: Any) -> int:
    if cell is None or (isinstance(cell, str) and cell in "-xX*"):
        return DONT_CARE
    if isinstance(cell, str) and cell in "01":
        return int(cell)
    if isinstance(cell, int | float | np.generic) and cell in (0, 1):
        return int(cell)
    raise ArgumentError(f"truth table, row {row!r}: entry {cell!r}, expected 0, 1, or None where it does not matter")
