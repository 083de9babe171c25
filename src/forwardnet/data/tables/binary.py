"""Tables from files that know the types of their columns: Parquet, Arrow and Feather, Excel, NumPy.

pyarrow and openpyxl are optional: `pip install 'forwardnet[tables]'`.
"""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from forwardnet.data.tables import headers
from forwardnet.data.tables.records import Cells
from forwardnet.errors import DataError, FileFormatError, MissingExtraError, unknown_name

ARROW_SUFFIXES = (".arrow", ".arrows", ".feather", ".ipc")
EXTRA = "pip install 'forwardnet[tables]'"


def format_of(path: Path) -> str:
    """parquet, arrow, excel, npz, or text for all else: by the first bytes, and by the name where they are silent.

    Raises FileFormatError for archives that are none of these.
    """
    with path.open("rb") as stream:
        begin = stream.read(8)
    if begin.startswith(b"PAR1"):
        return "parquet"
    if begin.startswith((b"ARROW1", b"FEA1")) or path.suffix.lower() in ARROW_SUFFIXES:
        return "arrow"
    if begin.startswith(b"PK"):
        return _archive(path)
    if path.suffix.lower() in (".parquet", ".pq", ".xlsx", ".xlsm", ".npz"):
        raise FileFormatError(f"{path}: not a {path.suffix} file: it begins with {begin!r}", hint="is it damaged?")
    return "text"


def _archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise FileFormatError(f"{path}: a damaged archive ({error})", hint="copy it anew") from error
    if "xl/workbook.xml" in names:
        return "excel"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    if "xl/workbook.bin" in names:
        raise FileFormatError(f"{path}: a binary Excel workbook (.xlsb)", hint="save it as .xlsx or CSV")
    raise FileFormatError(f"{path}: a zip archive of {', '.join(names[:3]) or 'nothing'}", hint="unpack it first")


def read_arrow(path: Path, *, is_parquet: bool, limit: int | None) -> tuple[list[str], list[Any], list[str]]:
    """Names, columns as pyarrow has them, and notes, of a Parquet, Arrow or Feather file."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtraError(f"{path}: Parquet and Arrow files are read by pyarrow", hint=EXTRA) from error
    try:
        table = _parquet(path, limit) if is_parquet else _arrow(path)
        if limit is not None:
            table = table.slice(0, limit)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        what = "Parquet" if is_parquet else "Arrow"
        raise FileFormatError(f"{path}: damaged {what} file ({str(error).splitlines()[0][:200]})") from error
    if not table.num_columns or not table.num_rows:
        raise DataError(f"{path}: {table.num_columns} columns and {table.num_rows} rows, expected at least one")
    names, notes = headers.names_of(table.column_names)
    words = "Parquet" if is_parquet else "Arrow"
    return names, [_exact(column) for column in table.columns], [words, *notes]


def _parquet(path: Path, limit: int | None) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        if limit is None:
            return file.read()
        batches: list[Any] = []
        for batch in file.iter_batches(batch_size=max(1, min(limit, 65_536))):
            batches.append(batch)
            if sum(len(b) for b in batches) >= limit:
                break
        return pa.Table.from_batches(batches, schema=file.schema_arrow)


def _arrow(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import feather

    with path.open("rb") as stream:
        begin = stream.read(6)
    if begin.startswith((b"FEA1", b"ARROW1")):
        return feather.read_table(path, memory_map=False)
    with pa.OSFile(str(path)) as source, pa.ipc.open_stream(source) as reader:
        return reader.read_all()


def _exact(column: Any) -> Any:
    """A column of Arrow; as Python's integers where float64 could not hold those beside missing values."""
    import pyarrow as pa

    if pa.types.is_integer(column.type) and column.null_count and column.type.bit_width > 53:
        return column.to_pylist()
    if pa.types.is_nested(column.type):
        return [None if value is None else str(value) for value in column.to_pylist()]
    return column


def read_excel(path: Path, *, sheet: str | int | None, header: bool | str, limit: int | None) -> Cells:
    """The cells of one sheet of a workbook: the one by that name or number from 1, the first with values without."""
    try:
        import openpyxl
    except ImportError as error:
        raise MissingExtraError(f"{path}: Excel files are read by openpyxl", hint=EXTRA) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and validation, which no table has
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except Exception as error:  # whatever a damaged part of the archive leads to
            raise FileFormatError(f"{path}: damaged Excel file ({error})", hint="save it again, or as CSV") from error
        try:
            chosen = _sheet(path, book, sheet)
            rows = [(number, list(row)) for number, row in enumerate(chosen.iter_rows(values_only=True), 1)]
            others = [name for name in book.sheetnames if name != chosen.title]
        finally:
            book.close()
    rows = [(number, row) for number, row in rows if any(cell not in (None, "") for cell in row)]
    if not rows:
        raise DataError(f"{path}: the sheet {chosen.title!r} has no values")
    notes = [f"Excel, sheet {chosen.title!r}" + (f" of {len(others) + 1}" if others else "")]
    return _sheet_cells(path, rows, header, limit, notes)


def _sheet(path: Path, book: Any, sheet: str | int | None) -> Any:
    sheets = {s.title: s for s in book.worksheets}
    if isinstance(sheet, str) and sheet not in sheets and sheet.isdigit():
        sheet = int(sheet)
    if isinstance(sheet, int):
        if not 1 <= sheet <= len(sheets):
            raise DataError(f"{path}: sheet {sheet} of {len(sheets)}", hint=f"sheets: {', '.join(sheets)}")
        return list(sheets.values())[sheet - 1]
    if sheet is None:
        if not sheets:
            raise DataError(f"{path}: a workbook without sheets of cells")
        return next((s for s in sheets.values() if (s.max_row or 1) > 1), next(iter(sheets.values())))
    if sheet not in sheets:
        raise unknown_name("sheet", sheet, sheets)
    return sheets[sheet]


def _sheet_cells(
    path: Path, rows: list[tuple[int, list[Any]]], header: bool | str, limit: int | None, notes: list[str]
) -> Cells:
    """Columns of the sheet's rows; those at its right edge that are empty are left out."""
    width = max(max((i for i, cell in enumerate(row, 1) if cell not in (None, "")), default=0) for _, row in rows)
    padded = [(number, (row + [None] * width)[:width]) for number, row in rows]
    texts = [["" if cell is None else str(cell) for cell in row] for _, row in padded[: headers.EXAMPLES]]
    named, why = headers.has_header(texts) if header == "auto" else (bool(header), "as told")
    if named:
        names, said = headers.names_of(texts[0])
        notes = [*notes, f"names from the header ({why})", *said]
        padded = padded[1:]
    else:
        names = headers.default_names(width)
        notes = [*notes, f"no header ({why}): columns are called x1 to x{width}"]
    if not padded:
        raise DataError(f"{path}: a header and no rows", hint="is it the right sheet?")
    padded = padded[:limit]
    columns = [list(column) for column in zip(*(row for _, row in padded), strict=True)]
    return Cells(names, columns, [f"row {number}" for number, _ in padded], notes)


def read_npz(path: Path, *, limit: int | None) -> Cells:
    """The training rows of a `.npz` file as `data.npz` reads it, with the target as the last column."""
    from forwardnet.data import npz

    found = npz.load(path)
    X, y = found.X[:limit], found.y[:limit]
    columns: list[Any] = list(X.astype(np.float64).T)
    if found.task == "classification":
        columns.append([found.target_names[label] for label in y.tolist()])
    else:
        columns += list(y.reshape(len(y), -1).T.astype(np.float64))
    single = len(columns) == X.shape[1] + 1
    names, notes = headers.names_of([*found.feature_names, *(["y"] if single else found.target_names)])
    if found.X_test is not None:
        notes.append("X_test and y_test were left out")
    return Cells(names, columns, [f"row {i}" for i in range(len(y))], ["arrays of NumPy", *notes])
