"""`read_table` on files as people have them: what was found is said, and the values are those of the file."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from forwardnet.data.tables import Table, read_table

DATA = os.environ.get("FORWARDNET_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="FORWARDNET_DATA names no folder with real tables")


def table_of(tmp_path: Path, text: str, **options: object) -> Table:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return read_table(path, **options)


def test_a_plain_table(tmp_path):
    table = table_of(tmp_path, "size,colour,sold\n1.5,red,yes\n2,blue,no\n,red,yes\n")
    assert table.names == ("size", "colour", "sold")
    np.testing.assert_array_equal(table["size"].values, [1.5, 2, np.nan])
    assert (table["colour"].kind, table["colour"].levels) == ("category", ("blue", "red"))
    np.testing.assert_array_equal(table["colour"].values, [1, 0, 1])
    assert table["sold"].kind == "boolean"
    np.testing.assert_array_equal(table["sold"].values, [1, 0, 1])
    assert "commas" in table.notes[0]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_separator_and_line_end_gives_the_same_table(tmp_path, separator, end):
    rows = [["a", "b", "c"], *([f"{i}.5", f"x{i % 3}", str(i * 7)] for i in range(30))]
    table = table_of(tmp_path, end.join(separator.join(row) for row in rows) + end)
    assert table.names == ("a", "b", "c")
    np.testing.assert_array_equal(table["a"].values, np.arange(30) + 0.5)
    assert table["b"].levels == ("x0", "x1", "x2")
    np.testing.assert_array_equal(table["c"].values, np.arange(30) * 7)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
@pytest.mark.parametrize("packed", [False, True])
def test_every_encoding_gives_the_same_table(tmp_path, encoding, packed):
    text = "größe,stadt\n" + "".join(f"{i},{'Köln' if i % 2 else 'Besançon'}\n" for i in range(40))
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(text.encode(encoding)) if packed else text.encode(encoding))
    table = read_table(path)
    assert table.names == ("größe", "stadt")
    assert table["stadt"].levels == ("Besançon", "Köln")
    assert ("gzip" in table.notes[0]) is packed
    assert read_table(path, encoding=encoding).names == table.names


@needs_data
def test_california_housing_begins_with_a_stray_literal():
    table = read_table(Path(str(DATA)) / "tabular" / "california-housing.csv")
    assert table.names[0] == "longitude" and len(table) == 20640
    assert table["longitude"].values[0] == -122.23 and table["longitude"].kind == "number"
    assert table["total_bedrooms"].is_missing.sum() == 207  # as the set is known for
    assert table["ocean_proximity"].levels == ("<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN")
    assert sum("stray" in note for note in table.notes) == 2


@needs_data
def test_horse_colic_has_no_header_and_question_marks():
    table = read_table(Path(str(DATA)) / "tabular" / "horse-colic-noheader.csv", target="23")
    assert len(table) == 300 and table.names[-1] == "x28"
    assert any("no header" in note for note in table.notes)
    assert sum(int(column.is_missing.sum()) for column in table) == 1605  # as many ? as the set is known for
    assert table["x25"].kind == "category" and "02208" in table["x25"].levels
