"""One table in every format: each reader gives the columns that separated values give."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from forwardnet.data.tables import read_table
from forwardnet.errors import DataError, FileFormatError, ForwardnetError

ROWS = [
    {
        "size": i / 4 if i % 7 else None,
        "count": i * i,
        "colour": ["red", "blue", "grün"][i % 3],
        "sold": i % 2 == 0,
        "day": datetime(2020, 1, 1 + i),
        "code": f"A-{i:04d}",
        "big": 2**53 + 1 + 2 * i,
    }
    for i in range(25)
]
NAMES = list(ROWS[0])


def write_csv(path: Path) -> None:
    lines = [",".join(NAMES)]
    for row in ROWS:
        cells = {**row, "day": row["day"].date().isoformat(), "size": "" if row["size"] is None else row["size"]}
        lines.append(",".join(str(cells[name]) for name in NAMES))
    path.write_text("\n".join(lines), encoding="utf-8")


def write_jsonl(path: Path) -> None:
    records = [{**row, "day": row["day"].date().isoformat()} for row in ROWS]
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")


def write_json(path: Path) -> None:
    path.write_text(json.dumps([{**row, "day": row["day"].date().isoformat()} for row in ROWS]), encoding="utf-8")


def write_json_columns(path: Path) -> None:
    rows = [{**row, "day": row["day"].date().isoformat()} for row in ROWS]
    path.write_text(json.dumps({name: [row[name] for row in rows] for name in NAMES}), encoding="utf-8")


def write_json_split(path: Path) -> None:
    rows = [{**row, "day": row["day"].date().isoformat()} for row in ROWS]
    document = {"columns": NAMES, "index": list(range(25)), "data": [[row[n] for n in NAMES] for row in rows]}
    path.write_text(json.dumps(document), encoding="utf-8")


def write_parquet(path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="Parquet is written by pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(ROWS), path)


def write_arrow(path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="Arrow is written by pyarrow")
    table = pa.Table.from_pylist(ROWS)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def write_arrow_stream(path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="Arrow is written by pyarrow")
    table = pa.Table.from_pylist(ROWS)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def write_excel(path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="Excel files are written by openpyxl")
    book = openpyxl.Workbook()
    book.active.append(NAMES)
    for row in ROWS:
        book.active.append([str(row["big"]) if name == "big" else row[name] for name in NAMES])  # Excel has 15 digits
    book.save(path)


WRITERS = {
    "t.csv": write_csv,
    "t.jsonl": write_jsonl,
    "t.json": write_json,
    "columns.json": write_json_columns,
    "split.json": write_json_split,
    "t.parquet": write_parquet,
    "t.arrow": write_arrow,
    "t.arrows": write_arrow_stream,
    "t.feather": write_arrow,
    "t.xlsx": write_excel,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_table(tmp_path, name):
    WRITERS[name](tmp_path / name)
    table = read_table(tmp_path / name, target="size")
    assert table.names == tuple(NAMES) and table.name == name and len(table.notes) >= 1
    kinds = ["number", "number", "category", "boolean", "date", "identifier", "identifier"]
    assert [column.kind for column in table] == kinds
    np.testing.assert_array_equal(table["size"].values, [np.nan if r["size"] is None else r["size"] for r in ROWS])
    np.testing.assert_array_equal(table["count"].values, [r["count"] for r in ROWS])
    assert [table["colour"].levels[c] for c in table["colour"].values] == [r["colour"] for r in ROWS]
    np.testing.assert_array_equal(table["sold"].values, [r["sold"] for r in ROWS])
    np.testing.assert_array_equal(table["day"].values, 1577836800 + 86400.0 * np.arange(25))  # 2020-01-01 UTC
    for name in ("code", "big"):  # numbers that float64 would round stay as they are
        assert [table[name].levels[c] for c in table[name].values] == [str(r[name]) for r in ROWS]


@pytest.mark.parametrize("name", WRITERS)
def test_a_limit_reads_the_first_rows(tmp_path, name):
    WRITERS[name](tmp_path / name)
    assert len(read_table(tmp_path / name, limit=7)) == 7


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_cut_file_is_refused_or_read_as_far_as_it_goes(tmp_path, name, share):
    path = tmp_path / name
    WRITERS[name](path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    try:
        table = read_table(path)
    except ForwardnetError as error:
        assert isinstance(error, DataError) and str(path) in str(error)
    else:  # text that is cut is text
        assert name.endswith((".csv", ".arrows")) and len(table) < 25


def test_sheets_are_chosen_by_name_or_number(tmp_path):
    openpyxl = pytest.importorskip("openpyxl", reason="Excel files are written by openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "cover"
    book.active.append(["a report"])
    for name, value in (("first", 1.5), ("second", 2.5)):
        sheet = book.create_sheet(name)
        sheet.append(["a", None, "a"])
        sheet.append([value, None, "x"])
        sheet.append([None, None, None])
        sheet.append([value + 1, "#N/A", "y"])
    book.save(tmp_path / "t.xlsx")
    assert list(read_table(tmp_path / "t.xlsx")["a"].values) == [1.5, 2.5]  # the cover has one row alone
    table = read_table(tmp_path / "t.xlsx", sheet="second")
    assert table.names == ("a", "x2", "a_2") and list(table["a"].values) == [2.5, 3.5]
    assert table["x2"].kind == "empty"
    assert read_table(tmp_path / "t.xlsx", sheet=3)["a"].values[0] == 2.5
    with pytest.raises(ForwardnetError, match="did you mean 'second'"):
        read_table(tmp_path / "t.xlsx", sheet="secund")
    with pytest.raises(DataError, match="sheet 4 of 3"):
        read_table(tmp_path / "t.xlsx", sheet=4)


def test_npz_becomes_columns_with_the_target_last(tmp_path):
    names = np.array(["no", "yes"])
    np.savez(tmp_path / "t.npz", X=np.arange(8.0).reshape(4, 2), y=np.array([0, 1, 1, 0]), target_names=names)
    table = read_table(tmp_path / "t.npz")
    assert table.names == ("x1", "x2", "y")
    np.testing.assert_array_equal(table["x2"].values, [1, 3, 5, 7])
    assert table["y"].kind == "boolean" and list(table["y"].values) == [0, 1, 1, 0]


def test_whole_numbers_of_parquet_stay_exact_beside_missing_ones(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="Parquet is written by pyarrow")
    import pyarrow.parquet as pq

    values = [2**53 + 1, None, 5]
    pq.write_table(pa.table({"a": pa.array(values, pa.int64()), "b": [1.5, 2.5, 3.5]}), tmp_path / "t.parquet")
    column = read_table(tmp_path / "t.parquet")["a"]
    assert column.levels == ("5", str(2**53 + 1)) and list(column.values) == [1, -1, 0]


def test_records_within_records_get_names_with_dots(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a": {"b": 1, "c": "x"}, "d": [1, 2]}\n\n{"a": {"b": 2.5}, "d": []}\n')
    table = read_table(tmp_path / "t.jsonl")
    assert table.names == ("a.b", "a.c", "d")
    np.testing.assert_array_equal(table["a.b"].values, [1, 2.5])
    assert table["d"].levels == ("[1, 2]", "[]")
    assert any("lack some" in note for note in table.notes)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.jsonl", '{"a": 1}\n{"a": 2\n', "line 2: no JSON"),
        ("t.jsonl", '{"a": 1}\n\n[1]\n', "line 3 is '\\[1\\]', expected a record"),
        ("t.jsonl", '{"a": 1, "a": 2}\n', "comes twice in one record"),
        ("t.jsonl", "[1, 2]\n[3]\n", "line 2 has 1 values, expected 2"),
        ("t.json", "[]", "no table"),
        ("t.json", "3", "no table"),
        ("t.json", '{"a": [1, 2], "b": [1]}', "different lengths"),
        ("t.json", '[{"a": 1}, 5]', "record 2 is '5'"),
        ("t.json", "[" * 100_000, "nested too deep"),
        ("t.json", '{"columns": ["a"], "data": [[1, 2]]}', "2 values, but there are 1 names"),
        ("t.json", '{"columns": ["a"], "data": []}', "names and no rows"),
        ("t.json", "[{}, {}]", "records without values"),
    ],
)
def test_json_that_is_no_table_is_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / name)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    import sys

    (tmp_path / "t.parquet").write_bytes(b"PAR1 and more")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ForwardnetError, match=r"pip install 'forwardnet\[tables\]'"):
        read_table(tmp_path / "t.parquet")


def test_archives_that_are_no_tables_are_named(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "t.csv", "w") as archive:
        archive.writestr("inner.csv", "a,b\n1,2\n")
    with pytest.raises(FileFormatError, match=r"a zip archive of inner\.csv"):
        read_table(tmp_path / "t.csv")
