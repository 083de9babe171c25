"""Every hostile table ends in the values that its file has, or in one sentence that says where and what to do."""

from __future__ import annotations

import csv
import io
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from data.tables.hostile import CASES, Case
from forwardnet.data.tables import MISSING, Column, read_table
from forwardnet.errors import DataError, FileFormatError, ForwardnetError


def values_of(column: Column) -> list[Any]:
    """Numbers and names as they stand, None where there is no value."""
    if column.levels is not None:
        return [column.levels[code] if code >= 0 else None for code in column.values]
    return [None if math.isnan(value) else value for value in column.values.tolist()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_table_is_read_or_refused(tmp_path, case: Case):
    path = tmp_path / case.file
    path.write_bytes(case.content)
    if isinstance(case.expected, str):
        with pytest.raises(ForwardnetError, match=case.expected) as caught:
            read_table(path, **case.options)
        assert "\n" not in caught.value.message and len(caught.value.message) < 400 + len(str(path))
        is_argument = any(
            word in caught.value.message for word in ("is not known", "unknown", "cannot be used", " is ")
        )
        assert isinstance(caught.value, DataError | FileFormatError) or is_argument
        return
    table = read_table(path, **case.options)
    assert all(len(column) == len(table) for column in table) and len(table)
    for name, values in case.expected.items():
        assert values_of(table[name]) == values
    if len(case.expected) > 2 or (case.expected and len(table) < 50 and len(table.columns) < 100):
        assert (len(table.columns) < 100 and set(table.names) == set(case.expected)) or "columns" in case.name
    for name, kind in case.kinds.items():
        assert table[name].kind == kind
    assert all(column.reason for column in table)
    if case.note:
        assert any(re.search(case.note, note) for note in table.notes), table.notes


def test_there_are_enough_cases_and_no_two_alike():
    assert len(CASES) >= 150
    contents = [(case.content, tuple(sorted(map(str, case.options.items()))), case.file) for case in CASES]
    assert len(set(contents)) == len(contents) and len({case.name for case in CASES}) == len(CASES)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    (tmp_path / "data.csv").write_text("a\n1\n")
    with pytest.raises(FileFormatError, match=r"data\.tsv: no such file\nhint: there is data\.csv"):
        read_table(tmp_path / "data.tsv")
    with pytest.raises(FileFormatError, match="a folder"):
        read_table(tmp_path)


# What a column can hold: texts of any letters without surrounding spaces, numbers as Python writes them.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).map(str.strip)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers(-(10**18), 10**18).map(str)
COLUMNS = st.integers(2, 12).flatmap(
    lambda n: st.lists(
        st.lists(TEXTS, min_size=n, max_size=n) | st.lists(NUMBERS, min_size=n, max_size=n), min_size=1, max_size=4
    )
)


def same(cell: str, value: Any) -> bool:
    """Whether a value is what the cell says: its text, its number, or none where it is a mark for a missing one."""
    if value is None:
        return cell.casefold() in MISSING or math.isinf(_number(cell))
    if isinstance(value, str):
        return value == cell
    return value == _number(cell) or cell.casefold() in ("yes", "no", "true", "false", "t", "f", "y", "n", "on", "off")


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns=COLUMNS, separator=st.sampled_from(",;\t|"), quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
@example(columns=[["9007199254740993", "1"]], separator=",", quoting=csv.QUOTE_MINIMAL)
@example(columns=[["00", "01"], ["", "x"]], separator=";", quoting=csv.QUOTE_MINIMAL)
def test_what_a_writer_writes_is_what_is_read(tmp_path, columns, separator, quoting):
    names = [f"name {i}" for i in range(len(columns))]
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, quoting=quoting, lineterminator="\r\n")
    writer.writerow(names)
    rows = list(zip(*columns, strict=True))
    writer.writerows(rows)
    path = tmp_path / "t.csv"
    path.write_bytes(stream.getvalue().encode())
    try:
        table = read_table(path, header=True, separator=separator, decimal=".", encoding="utf-8")
    except DataError as error:
        assert "a header and no rows" in str(error) and not any(any(row) for row in rows)
        return
    assert table.names == tuple(names)
    assert len(table) == len(rows) or len(columns) == 1  # a row of one empty value is an empty line
    if len(table) < len(rows):
        rows = [row for row in rows if row[0]]
    for i, column in enumerate(table):
        pairs = list(zip((row[i] for row in rows), values_of(column), strict=True))
        assert column.kind in ("boolean", "date") or all(same(cell, value) for cell, value in pairs), pairs
        assert all(value is not None for cell, value in pairs if not same(cell, None))


PIECES = st.sampled_from(
    [
        *(
            "1",
            "2.5",
            ",",
            ";",
            "\t",
            '"',
            "'",
            "\n",
            "\r\n",
            "\r",
            " ",
            "x",
            "é",
            "\0",
            "\\",
            "#",
            "b'",
            "-",
            "NA",
            "1e5",
        ),
        *("%", "$", "1,234", "\ufeff", "yes", "no", "0", "007", "inf", "=", "|", "{", "}", "[", "9007199254740993"),
        *("2020-01-02", "1e5", "١", "²"),
    ]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(PIECES, max_size=40),
    encoding=st.sampled_from(["utf-8", "utf-16", "latin-1", "utf-16-le"]),
    name=st.sampled_from(["t.csv", "t.json", "t.jsonl", "t.tsv"]),
)
def test_whatever_is_in_a_file_ends_in_a_table_or_a_sentence(tmp_path, pieces, encoding, name):
    path = tmp_path / name
    path.write_bytes("".join(pieces).encode(encoding, errors="replace"))
    try:
        table = read_table(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert len(table) and all(column.name and column.reason for column in table)


def test_numbers_have_the_bits_of_float(tmp_path):
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal(2000) * 10.0 ** rng.integers(-300, 300, 2000)
    path = tmp_path / "t.csv"
    path.write_text("a\n" + "\n".join(map(repr, numbers.tolist())))
    np.testing.assert_array_equal(read_table(path)["a"].values, numbers)
