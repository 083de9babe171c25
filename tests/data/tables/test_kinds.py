"""What a column is taken for, and what is said about it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest

from forwardnet.data.tables import column_of, columns_of
from forwardnet.data.tables.judge import names_a_row
from forwardnet.data.tables.kinds import facts_of
from forwardnet.errors import DataError, ForwardnetError, ShapeError

N = 40
EAST = timezone(timedelta(hours=1))
ROUNDED = 2**53 + 1  # in float64
COUNT = [str(i) for i in range(N)]


def kind_of(values, name="a", n_columns=5, **rest):
    return column_of(name, values, n_columns=n_columns, **rest)[0].kind


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        ([f"{i / 2}" for i in range(N)], "number", "numbers"),
        ([str(i * i) for i in range(N)], "number", "whole numbers"),
        ([str(i % 3) for i in range(N)], "number", "3 different: kinds={'a': 'category'}"),
        (COUNT, "identifier", "counts the rows"),
        ([*COUNT[1:], str(N)], "identifier", "counts the rows"),
        ([str(i + 1949) for i in range(N)], "number", "whole numbers"),
        ([f"A-{i:03d}" for i in range(N)], "identifier", "different in every row"),
        ([f"{i * 2654435761 % 2**32:08x}" for i in range(N)], "identifier", "different in every row"),
        ([f"name of {i}" for i in range(N)], "text", "different in every row"),
        ([f"w{i % 30} x" for i in range(N)], "text", "30 different texts in 40 rows"),
        ([f"w{i % 20} x" for i in range(N)], "category", "20 different texts"),
        ([f"{i % 9:03d}" for i in range(N)], "category", "leading zeros"),
        ([f"{i:05d}" for i in range(N)], "identifier", "leading zeros"),
        ([str(2**60 + i % 5) for i in range(N)], "category", "more exact than numbers"),
        ([str(2**60 + i) for i in range(N)], "identifier", "more exact than numbers"),
        (["x"] * N, "constant", "'x' in every row"),
        (["7"] * N, "constant", "7 in every row"),
        ([""] * N, "empty", "no value"),
        (["yes", "no"] * 20, "boolean", "no and yes"),
        (["m", "f"] * 20, "category", "2 different texts"),
    ],
    ids=lambda v: None if isinstance(v, list) else str(v)[:20],
)
def test_texts_are_taken_for_what_they_are(values, kind, reason):
    column, _ = column_of("a", values, n_columns=5)
    assert column.kind == kind and reason in column.reason


@pytest.mark.parametrize("name", ["t", "year", "time", "step"])
def test_a_count_of_time_is_a_quantity(name):
    column, _ = column_of(name, COUNT, n_columns=5)
    assert column.kind == "number" and f"kinds={{'{name}': 'identifier'}}" in column.reason


def test_the_only_input_is_no_identifier_for_counting_alone():
    assert kind_of(COUNT, n_columns=2) == "number"
    assert kind_of(COUNT, name="PassengerId", n_columns=2) == "identifier"


@pytest.mark.parametrize("name", ["id", "ID", "customer_id", "PassengerId", "user-id", "index", "Unnamed: 0", ""])
def test_names_that_name_rows(name):
    assert names_a_row(name)


@pytest.mark.parametrize("name", ["paid", "humidity", "acid", "lipid", "number_of_rooms", "keyboard", "indexed"])
def test_names_that_do_not(name):
    assert not names_a_row(name)


def test_rows_in_another_order_are_named_by_unique_numbers_only_with_a_name():
    shuffled = [str(i * 17 % N) for i in range(N)]
    assert kind_of(shuffled) == "number"
    assert kind_of(shuffled, name="id") == "identifier"


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, 2, None, 4], "number", [1, 2, np.nan, 4]),
        ([1.5, float("nan"), Decimal("2.5")], "number", [1.5, np.nan, 2.5]),
        ([True, False, None], "boolean", [1, 0, np.nan]),
        (np.array([True, False]), "boolean", [1, 0]),
        (np.array([3, 5], np.int8), "number", [3, 5]),
        (np.array([1.5, np.inf], np.float32), "number", [1.5, np.nan]),
        (np.array(["1970-01-02", "NaT"], "datetime64[D]"), "date", [86400, np.nan]),
        ([date(1970, 1, 2), None], "date", [86400, np.nan]),
        ([datetime(1970, 1, 2), datetime(1970, 1, 3)], "date", [86400, 172800]),
        (
            [datetime(1970, 1, 1, 1, tzinfo=EAST), datetime(1970, 1, 1, 1, tzinfo=UTC)],
            "date",
            [0, 3600],
        ),
        (["1.5", 2, None], "number", [1.5, 2, np.nan]),
        ([None, None], "empty", [np.nan, np.nan]),
    ],
    ids=str,
)
def test_python_objects_and_arrays(values, kind, expected):
    column, _ = column_of("a", values)
    assert column.kind == kind
    np.testing.assert_array_equal(column.values, expected)


def test_objects_of_several_sorts_are_texts():
    column, notes = column_of("a", [1, "x", None, 2.5, True, 7])
    assert [column.levels[c] for c in column.values if c >= 0] == ["1", "x", "2.5", "True", "7"]
    assert column.kind == "category" and "row 1" in notes[0]


@pytest.mark.parametrize(
    "values", [[ROUNDED, 5], np.array([ROUNDED, 5]), np.array([2**64 - 1, 5], np.uint64), [ROUNDED, None], [10**400, 5]]
)
def test_whole_numbers_that_float64_cannot_hold_stay_exact(values):
    column, _ = column_of("a", values)
    assert column.is_coded and str(values[0]) in column.levels
    assert not column_of("a", [2**53, 5])[0].is_coded


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("category", ["2", "10", "2", ""], ([0, 1, 0, -1], ("2", "10"))),
        ("category", np.array([2.0, 10, 2, np.nan]), ([0, 1, 0, -1], ("2", "10"))),
        ("text", ["b", "a"], ([1, 0], ("a", "b"))),
        ("identifier", ["1", "2"], ([0, 1], ("1", "2"))),
        ("number", ["1", "1", ""], ([1, 1, np.nan], None)),
        ("number", ["007", "1"], ([7, 1], None)),
        ("number", ["yes", ""], None),
        ("boolean", ["m", "f", "m"], ([1, 0, 1], None)),
        ("boolean", ["yes", "yes"], ([1, 1], None)),
        ("boolean", ["m", "m"], None),  # 1 beside "f", 0 beside "w"
        ("boolean", np.array([0.0, 1, np.nan]), ([0, 1, np.nan], None)),
        ("boolean", np.array([0.0, 2]), None),
        ("date", ["19700102", "19700103"], ([86400, 172800], None)),
        ("date", ["x", "19700103"], None),
        ("date", ["1970", "1971"], ([0, 365 * 86400], None)),
        ("date", ["", ""], ([np.nan, np.nan], None)),
        ("constant", ["x", "y"], ([0, 1], ("x", "y"))),
        ("constant", ["1", "2"], ([1, 2], None)),
        ("empty", ["x", ""], ([0, -1], ("x",))),
    ],
    ids=str,
)
def test_a_kind_can_be_told(kind, values, expected):
    if expected is None:
        with pytest.raises(DataError, match="column 'a'"):
            column_of("a", values, kind=kind)
        return
    column, _ = column_of("a", values, kind=kind)
    np.testing.assert_array_equal(column.values, expected[0])
    assert column.levels == expected[1] and column.kind == kind and column.reason.endswith("as told")


def test_marks_of_several_columns_make_one_note():
    _, notes = columns_of(["a", "b"], [["1", "?", "2"], ["?", "?", "x"]])
    assert notes == ("'?' was taken for a missing value 3 times, in a, b",)


@pytest.mark.parametrize(("values", "error"), [([1j, 2], DataError), (np.zeros((2, 2)), ShapeError)], ids=str)
def test_what_is_no_column_is_refused(values, error):
    with pytest.raises(ForwardnetError) as caught:
        column_of("a", values)
    assert isinstance(caught.value, error) and "'a'" in str(caught.value)


@pytest.mark.parametrize(
    "values", [COUNT, np.arange(N), np.arange(float(N)), list(range(N))], ids=["text", "int", "float", "list"]
)
def test_numbers_that_name_rows_are_names(values):
    column, _ = column_of("id", values)
    assert column.kind == "identifier" and column.levels == tuple(COUNT)
    np.testing.assert_array_equal(column.values, np.arange(N))


def test_numbers_from_both_ends_of_the_range_are_numbers() -> None:
    """Their difference is infinite, which is no reason for a warning."""
    facts = facts_of(np.array([1e308, -1e308, 1e308]))
    assert (facts.lowest, facts.highest, facts.is_counting) == (-1e308, 1e308, False)
    assert facts_of(np.array([3.0, 4.0, 5.0])).is_counting
