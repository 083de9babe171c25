"""as_table: the same table from whatever holds it, and one sentence for what holds none."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from forwardnet.data.tables.frames import as_column, as_table
from forwardnet.data.tables.table import Table
from forwardnet.errors import ArgumentError, DataError, DTypeError, ShapeError, UnknownNameError

NEED = "needs pip install 'forwardnet[tables]'"
DAYS = [datetime.date(2020, 1, 1), None, datetime.date(2021, 5, 5), datetime.date(2020, 2, 29)]
COLUMNS: dict[str, list[Any]] = {
    "whole": [1, 2, 3, 5],
    "broken": [1.5, None, 2.25, 3.0],
    "gap": [1, None, 3, 7],
    "flag": [True, False, True, True],
    "flag or none": [True, None, False, True],
    "name": ["a", "b", None, "a"],
    "day": DAYS,
}
SECONDS = [1577836800.0, np.nan, 1620172800.0, 1582934400.0]  # by `date -u -d 2020-01-01 +%s` and so on


def check(table: Table) -> None:
    """What every library's frame of COLUMNS must become."""
    assert table.names == tuple(COLUMNS)
    assert [column.kind for column in table] == [
        "number", "number", "number", "boolean", "boolean", "category", "date"
    ]  # fmt: skip
    expected = [
        [1, 2, 3, 5],
        [1.5, np.nan, 2.25, 3],
        [1, np.nan, 3, 7],
        [1, 0, 1, 1],
        [1, np.nan, 0, 1],
        [0, 1, -1, 0],
        SECONDS,
    ]
    for column, values in zip(table, expected, strict=True):
        np.testing.assert_array_equal(column.values, np.array(values, dtype=column.values.dtype), err_msg=column.name)
    assert table["name"].levels == ("a", "b")


def test_columns_by_name_and_rows_by_name() -> None:
    check(as_table(COLUMNS))
    rows = [{name: values[i] for name, values in COLUMNS.items()} for i in range(4)]
    check(as_table(rows))
    check(as_table(as_table(COLUMNS)))


def test_pandas() -> None:
    pd = pytest.importorskip("pandas", reason=NEED)
    check(as_table(pd.DataFrame(COLUMNS)))
    nullable = pd.DataFrame(COLUMNS).convert_dtypes()
    assert "Int64" in map(str, nullable.dtypes) and "boolean" in map(str, nullable.dtypes)
    check(as_table(nullable.assign(day=pd.to_datetime(nullable["day"]))))


def test_pandas_categories_zones_and_odd_names() -> None:
    pd = pytest.importorskip("pandas", reason=NEED)
    days = pd.to_datetime(pd.Series(DAYS)).dt.tz_localize("Europe/Berlin")
    frame = pd.DataFrame(
        {1: pd.Categorical([30, 4, 30, None]), "day": days, "wait": pd.to_timedelta([1, 2, 3, None], "s")}
    )
    table = as_table(frame)
    assert table.names == ("1", "day", "wait")
    assert table["1"].kind == "category" and table["1"].levels == ("4", "30")  # declared, so no number
    np.testing.assert_array_equal(table["day"].values[[0, 2]], np.array(SECONDS)[[0, 2]] - [3600, 7200])  # UTC, summer
    np.testing.assert_array_equal(table["wait"].values, [1, 2, 3, np.nan])
    with pytest.raises(DataError, match="X cannot be read as a DataFrame"):
        as_table(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_polars() -> None:
    pl = pytest.importorskip("polars", reason=NEED)
    check(as_table(pl.DataFrame(COLUMNS)))
    check(as_table(pl.DataFrame(COLUMNS).lazy()))
    table = as_table(pl.DataFrame({"c": ["3", "1", None]}, schema={"c": pl.Enum(["1", "3"])}))
    assert table["c"].kind == "category"
    with pytest.raises(DTypeError, match="column 'l' has values of List"):
        as_table(pl.DataFrame({"l": [[1], [2]]}))


class Stream:
    """Somebody's table that can do nothing but be streamed."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


def test_arrow() -> None:
    pa = pytest.importorskip("pyarrow", reason=NEED)
    table = pa.table(COLUMNS)
    check(as_table(table))
    check(as_table(Stream(table)))
    exact = as_table(pa.table({"key": [2**60 + 1, 2**60 + 2, 2**60 + 3]}))
    assert exact["key"].levels is not None  # no float64 holds these: they stay texts


def test_arrays_of_numbers_are_quantities() -> None:
    X = np.array([[0, 1], [1, 2], [1, 3]], dtype=np.int16)
    table = as_table(X)
    assert table.names == ("x0", "x1")
    assert [c.kind for c in table] == ["number", "number"]  # not a boolean, not a count of the rows
    np.testing.assert_array_equal(np.stack([c.values for c in table], axis=1), X)
    assert as_table(X, names=["a", "b"], kinds={"a": "boolean"})["a"].kind == "boolean"
    assert as_table(X.tolist())["x0"].kind == "number"
    assert as_table(scipy.sparse.csr_matrix(X))["x1"].values.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(as_table(np.array([[True], [False]]))["x0"].values, [1, 0])


def test_other_arrays_are_judged_by_their_values() -> None:
    mixed = [[39, "State", None], [40, "Private", 2.5]]
    for X in (mixed, np.array(mixed, dtype=object)):
        table = as_table(X)
        assert [c.kind for c in table] == ["number", "category", "number"]
        assert table["x0"].values.tolist() == [39, 40]
    records = np.array([(1.5, "x"), (2.5, "y")], dtype=[("a", float), ("b", "U1")])
    assert [c.kind for c in as_table(records)] == ["number", "category"]


def test_expected_kinds_hold_for_columns_that_are_there() -> None:
    one = {"code": [7], "city": ["Ulm"]}
    table = as_table(one, expected={"code": "category", "city": "category", "absent": "number"})
    assert [c.kind for c in table] == ["category", "category"]
    with pytest.raises(UnknownNameError, match="unknown column 'absent'"):
        as_table(one, kinds={"absent": "number"})


def test_the_kinds_of_a_table_can_be_told() -> None:
    table = as_table({"a": [3.0, 1.0, None], "b": ["2", "10", "2"], "c": ["x", "y", "x"]}, kinds={"b": "category"})
    told = as_table(table, kinds={"a": "category", "b": "number"})
    assert told["a"].levels == ("1", "3") and told["a"].values.tolist() == [1, 0, -1]
    assert told["b"].values.tolist() == [2, 10, 2]
    assert told["c"] is table["c"] and told.name == table.name
    with pytest.raises(UnknownNameError, match="unknown column 'z'"):
        as_table(table, kinds={"z": "number"})


@pytest.mark.parametrize(
    ("X", "error", "told"),
    [
        (np.zeros(3), ShapeError, r"X has shape \(3,\), expected \(rows, columns\)\nhint: X.reshape\(-1, 1\)"),
        (np.zeros((2, 2, 2)), ShapeError, r"X has shape \(2, 2, 2\)"),
        ([[1, 2], [3]], ShapeError, "rows of different lengths"),
        ({"a": [1], "b": [1, 2]}, ShapeError, "columns of different lengths: 'a' 1, 'b' 2"),
        ({"a": "text"}, ArgumentError, "a column is str"),
        ("text", DTypeError, "X is str, expected a table"),
        (None, DTypeError, "X is NoneType"),
        (np.array([[1j]]), DTypeError, "complex"),
    ],
)
def test_what_is_no_table_is_one_sentence(X: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        as_table(X)


def test_names_must_be_as_many_as_columns() -> None:
    with pytest.raises(ShapeError, match="X has 2 columns, but there are 1 names"):
        as_table(np.zeros((3, 2)), names=["a"])


def test_a_sparse_matrix_that_would_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="149 GiB with its zeros"):
        as_table(scipy.sparse.csr_matrix((200_000, 100_000)))


@pytest.mark.parametrize(
    "values", [[1, 2], np.array([1, 2]), np.array([[1], [2]]), (1, 2)], ids=["list", "1", "2", "tuple"]
)
def test_one_column(values: Any) -> None:
    column = as_column(values)
    assert (column.name, column.kind, column.values.tolist()) == ("y", "number", [1, 2])


def test_one_column_of_other_libraries() -> None:
    pd = pytest.importorskip("pandas", reason=NEED)
    pl = pytest.importorskip("polars", reason=NEED)
    for values in (pd.Series(["u", "v"]), pl.Series(["u", "v"]), pd.DataFrame({"q": ["u", "v"]})):
        assert as_column(values).levels == ("u", "v")
    with pytest.raises(ShapeError, match="y has 2 columns, expected one"):
        as_column(pd.DataFrame({"a": [1], "b": [2]}))


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_whole_numbers_beyond_float64_beside_missing_values(library: str) -> None:
    module = pytest.importorskip(library, reason=NEED)
    values = [2**53 + 1, None, 2**53 + 2, -(2**60) - 1]
    exact = [2**60, None, 4]  # large, and a float64 all the same
    if library == "pandas":
        columns = {"a": module.array(values, dtype="Int64"), "b": module.array([*exact, 0], dtype="Int64")}
        frame = module.DataFrame(columns)
    elif library == "polars":
        frame = module.DataFrame({"a": values, "b": [*exact, 0]})
    else:
        frame = module.table({"a": module.array(values), "b": module.array([*exact, 0])})
    a, b = as_table(frame, kinds={"b": "number"}).columns
    assert a.kind == "category"
    assert [None if code < 0 else int(a.levels[code]) for code in a.values.tolist()] == values
    assert b.values.tolist()[0] == 2**60 and np.isnan(b.values[1]) and b.values.tolist()[2:] == [4, 0]


def test_long_spans_of_time_beside_missing_values() -> None:
    pl = pytest.importorskip("polars", reason=NEED)
    days = as_table(pl.DataFrame({"d": [datetime.timedelta(days=400), None]})).columns[0]
    assert days.values[0] == 400 * 86400 and np.isnan(days.values[1])
