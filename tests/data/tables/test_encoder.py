"""TableEncoder: learnt from training rows alone; the same bits for a row alone, in a batch, and after a file."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from forwardnet.data.tables.encoder import TableEncoder
from forwardnet.data.tables.frames import as_table
from forwardnet.data.tables.learning import frequent_of
from forwardnet.data.tables.table import Table
from forwardnet.errors import ArgumentError, DataError, FileFormatError, ForwardnetError, UnknownNameError

PEOPLE = {
    "age": [30.0, 40.0, None, 50.0, 60.0],
    "city": ["Ulm", "Jena", "Ulm", None, "Trier"],
    "smokes": ["yes", "no", "no", "yes", "no"],
    "sex": ["m", "f", "f", "m", "m"],
}
KINDS = {"age": "number", "city": "category", "smokes": "boolean", "sex": "category"}


def people() -> Table:
    return as_table(PEOPLE, kinds=KINDS)


def test_numbers_first_then_flags_in_the_order_of_the_table() -> None:
    encoder = TableEncoder().fit(people())
    layout = encoder.layout
    assert layout.names == (
        "age", "age is missing", "city=Jena", "city=Trier", "city=Ulm", "smokes", "sex=m"
    )  # fmt: skip
    assert layout.is_number.tolist() == [True] + [False] * 6
    assert layout.chunks.tolist() == [0, 1, 2, 2, 2, 3, 4]
    assert layout.columns_of() == {"age": [0, 1], "city": [2, 3, 4], "smokes": [5], "sex": [6]}
    z = np.sqrt(1.8)  # 15 / sqrt(125), of ages 30 40 50 60
    np.testing.assert_allclose(
        encoder.transform(people()),
        [
            [-z, -1, 0, 0, 1, 1, 1],
            [-z / 3, -1, 1, 0, 0, -1, -1],
            [0, 1, 0, 0, 1, -1, -1],
            [z / 3, -1, 0, 0, 0, 1, 1],
            [z, -1, 0, 1, 0, -1, 1],
        ],
        rtol=1e-6,  # float32
    )


def test_many_categories_become_codes_at_the_end() -> None:
    encoder = TableEncoder(one_hot_limit=3).fit(people())
    assert encoder.layout.names == ("age", "age is missing", "smokes", "sex=m", "city")
    assert encoder.layout.cardinalities == (4,)
    codes = encoder.transform(people())[:, -1]
    assert codes.tolist() == [3, 1, 3, 0, 2]  # Jena, Trier, Ulm; 0 where missing


def test_a_missing_column_is_named_with_the_nearest() -> None:
    encoder = TableEncoder().fit(people())
    table = as_table({"Age": [1.0]} | {name: values[:1] for name, values in PEOPLE.items() if name != "age"})
    with pytest.raises(DataError, match=r"the column 'age' is missing\nhint: did 'Age' mean it\?"):
        encoder.transform(table)


METHODS = ["standard", "robust", "quantile", "none"]


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    numeric=st.sampled_from(METHODS),
    limit=st.sampled_from([None, 4]),
    signed=st.booleans(),
    frequent=st.booleans(),
)
def test_a_row_alone_and_a_file_give_the_same_bits(
    seed: int, numeric: str, limit: int | None, signed: bool, frequent: bool
) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    columns = {
        "a": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n) * 10.0 ** rng.integers(-8, 8)),
        "b": rng.integers(0, 5, n),
        "c": rng.choice(["u", "v", "w", "x", "y"], n).tolist(),
        "d": rng.choice(np.array([None, True, False]), n).tolist(),
        "e": (np.datetime64("2020-01-01") + rng.integers(0, 3000, n)).astype("datetime64[us]"),
        "f": np.where(rng.random(n) < 0.9, 0.0, rng.integers(0, 4, n) / 8),
    }
    kinds = {"a": "number", "b": "number", "c": "category", "d": "boolean", "e": "date", "f": "number"}
    table = as_table(columns, kinds=kinds)
    encoder = TableEncoder(
        numeric,
        one_hot_limit=limit,
        signed=signed,
        scale_one_hot=numeric in ("standard", "robust") and signed,
        frequent_values=frequent,
    ).fit(table)
    together = encoder.transform(table)
    assert together.dtype == np.float32 and np.isfinite(together).all()
    alone = np.concatenate([encoder.transform(table.take(slice(i, i + 1))) for i in range(n)])
    np.testing.assert_array_equal(alone, together)
    loaded = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(loaded.transform(table), together)
    assert loaded.layout.names == encoder.layout.names and loaded.notes == encoder.notes


# ---------------------------------------------------------------- numbers that are one value in most rows

GAINS = [0.0] * 25 + [2.5, 2.5, 7.0, 7.0, 7.0, 9.0, None]


def test_frequent_values_of_a_number_are_codes_beside_it() -> None:
    table = as_table({"gain": GAINS, "age": np.arange(32.0)}, kinds={"gain": "number", "age": "number"})
    plain, encoder = (
        TableEncoder("robust", one_hot_limit=3, frequent_values=flag).fit(table) for flag in (False, True)
    )
    assert encoder.layout.names == ("gain", "age", "gain is missing", "gain as a category")
    assert encoder.layout.cardinalities == (5,) and encoder.layout.columns_of()["gain"] == [0, 2, 3]
    X = encoder.transform(table)
    assert X[:, -1].tolist() == [1] * 25 + [2, 2, 3, 3, 3, 4, 0]  # 0, 2.5, 7, another one, missing
    np.testing.assert_array_equal(X[:, :-1], plain.transform(table))  # nothing else is touched
    assert encoder.notes == (
        "'gain' is 0 in most rows: 3 of its 4 values, those in 2 rows or more, are taken for categories, too",
    )
    new = {"gain": [7.0, 7.5, -1.0, float("nan")], "age": [1.0] * 4}
    assert encoder.transform(new)[:, -1].tolist() == [3, 4, 4, 0]
    assert encoder.transform({"gain": ["7.0", "2.50"], "age": [1, 2]})[:, -1].tolist() == [3, 2]  # spelled out
    assert encoder.unseen(new) == {} and encoder.kinds == {"gain": "number", "age": "number"}
    with pytest.raises(DataError, match="column 'gain' has an infinite value"):
        encoder.transform({"gain": [np.inf], "age": [1.0]})


def test_frequent_values_as_one_hot_outputs() -> None:
    encoder = TableEncoder("none", signed=False, frequent_values=True, min_count=3).fit(as_table({"gain": GAINS[:-1]}))
    assert encoder.layout.names == ("gain", "gain=0", "gain=7", "gain=another value")
    assert encoder.transform({"gain": [7.0, 2.5, 0.0]})[:, 1:].tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    "values",
    [
        [0.0] * 6 + [1.0] * 3 + [2.0] * 3,  # quartiles 0 and 1.25
        [0.0] * 9 + [5.0, 5.0],  # two values: the number says it all
    ],
)
def test_numbers_whose_middle_half_varies_or_that_have_two_values_are_numbers_alone(values: list[float]) -> None:
    table = as_table({"x": values}, kinds={"x": "number"})
    assert TableEncoder(frequent_values=True).fit(table).layout.names == ("x",)


def test_values_of_any_size_are_counted() -> None:
    """Warnings are errors here: no difference of two values may overflow."""
    assert frequent_of(np.array([-1e308, -1e308, 1e308, 1e308, 0.0, 5e-324])) is None
    found = frequent_of(np.array([0.0] * 8 + [1e308, -1e308, np.nan]))
    assert found is not None and (found.usual, found.values.tolist(), found.n_different) == (0.0, [0.0], 3)
    assert frequent_of(np.array([0.0] * 8 + [1.0, 2.0]), min_count=9) is None  # no value is in so many rows


def test_at_most_a_thousand_values_have_places() -> None:
    values = np.concatenate([np.zeros(9000), np.repeat(np.arange(1.0, 1101.0), 2), np.repeat(np.arange(1.0, 301.0), 1)])
    encoder = TableEncoder("robust", one_hot_limit=9, frequent_values=True).fit(as_table({"x": values}))
    assert encoder.layout.cardinalities == (1 + 301 + 1,)  # missing; 0 and those in three rows; all others


# ---------------------------------------------------------------- conventions of recipes


def test_eight_names_and_missing_are_nine_values() -> None:
    def layout(n: int) -> Any:
        return TableEncoder("robust", one_hot_limit=9).fit(as_table({"c": [f"n{i}" for i in range(n)] * 20})).layout

    assert layout(8).names == tuple(f"c=n{i}" for i in range(8)) and layout(8).cardinalities == ()
    assert layout(9).names == ("c",) and layout(9).cardinalities == (10,)


def test_realmlp_scales_one_hot_outputs_like_numbers() -> None:
    rng = np.random.default_rng(3)
    n = 200
    x, city, sex = rng.normal(size=n), rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]), rng.choice(["f", "m"], n)
    table = as_table({"x": x, "city": city.tolist(), "sex": sex.tolist()})
    found = TableEncoder("robust", scale_one_hot=True, one_hot_limit=9).fit_transform(table)
    plain = np.column_stack([x, city == "a", city == "b", city == "c", np.where(sex == "m", 1.0, -1.0)])
    width = np.quantile(plain, 0.75, axis=0) - np.quantile(plain, 0.25, axis=0)
    width = np.where(width == 0, np.ptp(plain, axis=0) / 2, width)
    z = (plain - np.median(plain, axis=0)) / width
    np.testing.assert_allclose(found, z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6, atol=1e-7)  # float32


def test_tabm_has_plain_one_hot_outputs_and_booleans_of_0_and_1() -> None:
    encoder = TableEncoder("quantile", signed=False).fit(people())
    assert encoder.layout.names == (
        "age", "age is missing", "city=Jena", "city=Trier", "city=Ulm", "smokes", "sex=f", "sex=m"
    )  # fmt: skip
    assert encoder.transform(people())[:, 1:].tolist() == [
        [0, 0, 0, 1, 1, 0, 1],
        [0, 1, 0, 0, 0, 1, 0],
        [1, 0, 0, 1, 0, 1, 0],
        [0, 0, 0, 0, 1, 0, 1],
        [0, 0, 1, 0, 0, 0, 1],
    ]


@pytest.mark.parametrize("signed", [True, False])
def test_missing_booleans_have_a_place_of_their_own(signed: bool) -> None:
    values = {"b": [True, None, False, True]}
    found = TableEncoder(signed=signed).fit_transform(values)
    assert found.tolist() == ([[1], [0], [-1], [1]] if signed else [[0, 1], [0, 0], [1, 0], [0, 1]])
    whole = TableEncoder(signed=signed).fit({"b": [True, False]})
    assert whole.transform({"b": [None]}).tolist() == [[0.0 if signed else 0.5]]


def test_dates_give_the_parts_that_vary() -> None:
    days = np.array(["2020-01-31", "2020-02-29", "NaT", "2020-03-31"], dtype="datetime64[us]")
    encoder = TableEncoder("none").fit({"day": days})
    names = [f"day {part} {wave}" for part in ("month", "weekday", "day of year") for wave in ("sin", "cos")]
    assert encoder.layout.names == (*names, "day days", "day is missing")
    assert encoder.layout.chunks.tolist() == [0] * 7 + [1] and encoder.layout.is_number.tolist() == [True] * 7 + [False]
    assert encoder.transform({"day": days})[:, -2:].tolist() == [
        [0, -1],
        [29, -1],
        [pytest.approx(89 / 3), 1],
        [60, -1],
    ]


def test_rare_categories_share_a_place_with_those_to_come() -> None:
    cities = ["Ulm"] * 5 + ["Jena"] * 4 + ["Trier", "Greiz"]
    for limit, expected in ((None, [[0, 0, 1]] * 2), (0, [[3], [3]])):
        encoder = TableEncoder(min_count=3, one_hot_limit=limit).fit({"city": cities})
        assert encoder.transform({"city": ["Trier", "Rome"]}).tolist() == expected
        assert encoder.transform({"city": [None]}).tolist() == [[0] * len(expected[0])]
        assert encoder.notes == ("'city': 2 of 4 categories share one place, in fewer than 3 rows each",)
    assert encoder.layout.cardinalities == (4,)


def test_a_column_of_thousands_of_names_does_not_fill_the_memory() -> None:
    names = [f"{i % 1500} street" for i in range(4000)]  # 1000 of them thrice
    encoder = TableEncoder().fit({"street": names})
    assert encoder.layout.width == 1001 and encoder.layout.names[-1] == "street=(rare)"
    assert "500 of 1500 categories share one place" in encoder.notes[0]


# ---------------------------------------------------------------- what training had not


def test_unseen_categories_are_as_missing_and_are_counted() -> None:
    for limit in (None, 0):
        encoder = TableEncoder(one_hot_limit=limit).fit(people())
        new = dict(PEOPLE) | {"city": ["Rome", "Ulm", "Rome", "Oslo", None], "sex": ["x", "m", "f", "f", "m"]}
        table = as_table(new, kinds=KINDS)
        assert encoder.unseen(table) == {"city": {"Rome": 2, "Oslo": 1}, "sex": {"x": 1}}
        missing = as_table(
            new | {"city": [None, "Ulm", None, None, None], "sex": [None, "m", "f", "f", "m"]}, kinds=KINDS
        )
        np.testing.assert_array_equal(encoder.transform(table), encoder.transform(missing))


def test_what_is_unusual_is_said() -> None:
    encoder = TableEncoder().fit({"x": [1.0, 2.0, 3.0], "c": ["a", "b", "a"], "id": ["same"] * 3})
    told = encoder.remarks({"x": [1e30, None, 2.0], "c": ["a", "q", "b"], "id": ["other"] * 3, "more": [1, 2, 3]})
    assert told == (
        "columns that training had not are ignored: 'more'",
        "'c' has categories unknown in training, in 1 row, taken for missing: 'q'",
        "'x' is missing in 1 row, which training had not: taken for the middle of the training rows",
        "'x' has 1e+30 at row 0, 1e+06 times as far off as usual: taken for that",
    )
    assert encoder.remarks({"x": [1.0, 2.0], "c": ["a", "b"]}) == ()
    assert encoder.transform({"x": [1e30, None, 2.0], "c": ["a", "q", "b"]}).tolist() == [[1e6, -1], [0, 0], [0, 1]]


def test_the_order_of_columns_and_further_ones_do_not_matter() -> None:
    encoder = TableEncoder().fit(people())
    turned = dict(reversed(PEOPLE.items())) | {"more": list(range(5))}
    np.testing.assert_array_equal(encoder.transform(turned), encoder.transform(people()))


def test_numbers_as_names_are_found_however_they_are_written() -> None:
    encoder = TableEncoder().fit(as_table({"zip": ["01067", "7743", "89073.0"]}, kinds={"zip": "category"}))
    assert encoder.kinds == {"zip": "category"}
    expected = np.eye(3, dtype=np.float32)
    np.testing.assert_array_equal(encoder.transform({"zip": ["01067", "7743", "89073.0"]}), expected[[0, 1, 2]])
    as_numbers = as_table({"zip": [1067, 7743, 89073]}, kinds={"zip": "number"})
    np.testing.assert_array_equal(encoder.transform(as_numbers), expected[[0, 1, 2]])


@pytest.mark.parametrize(
    ("came", "told"),
    [
        ({"x": ["1.5", "much"]}, r"column 'x' has 'much' at row 1, expected a number"),
        ({"x": [1.0, np.inf]}, r"column 'x' has an infinite value \(inf\) at row 1"),
        ({"b": [0.0, 2.0]}, r"column 'b' has 2.0 at row 1, expected true or false"),
        ({"b": ["yes", "maybe"]}, r"column 'b' has 'maybe' at row 1, expected true or false"),
        ({"x": np.array(["2020-01-01", "2020-01-02"], "M8[us]")}, "column 'x' came as date, expected number"),
        ({"d": [20200101.0, 20200102.0]}, "column 'd' came as number, expected date"),
        ({"d": ["2020-01-01", "soon"]}, "column 'd' has '2020-01-01' at row 0, expected a date"),
        ({"c": [True, False]}, "column 'c' came as boolean, expected category"),
    ],
)
def test_values_of_another_kind_are_named(came: dict[str, Any], told: str) -> None:
    training = {
        "x": [1.5, 2.5, 3.5],
        "b": [True, False, True],
        "c": ["u", "v", "w"],
        "d": np.array(["2020-01-01", "2020-06-01", "2021-01-01"], "M8[us]"),
    }
    encoder = TableEncoder().fit(training)
    fitting = {name: values[:2] for name, values in training.items()}
    encoder.transform(fitting)
    # A table that was read without `expected` kinds.
    kinds = {name: "number" if isinstance(values[0], float) else "category" for name, values in came.items()}
    is_plain = isinstance(next(iter(came.values()))[0], bool | np.datetime64)
    with pytest.raises(DataError, match=told):
        encoder.transform(as_table(fitting | came, kinds=None if is_plain else kinds))


def test_dates_are_read_as_they_were_written_in_training() -> None:
    encoder = TableEncoder("none").fit({"day": ["13/02/2020", "03/04/2020", "05/06/2021"]})
    april = encoder.transform({"day": ["13/02/2020", "03/04/2020"]})[1:]
    np.testing.assert_array_equal(encoder.transform({"day": ["03/04/2020"]}), april)  # alone it could be March
    np.testing.assert_array_equal(encoder.transform(as_table({"day": ["03/04/2020"]})), april)
    np.testing.assert_array_equal(encoder.transform({"day": ["2020-04-03"]}), april)
    # These can only be months, days, years.
    assert encoder.transform({"day": ["04/03/2020", "02/13/2020"]})[0].tolist() == april[0].tolist()
    loaded = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(loaded.transform({"day": ["03/04/2020"]}), april)


def test_texts_that_spell_dates_numbers_and_truth_are_read() -> None:
    encoder = TableEncoder().fit(
        {"x": [1.5, 2.5], "b": [True, False], "d": np.array(["2020-01-01", "2021-06-05"], "M8[us]")}
    )
    as_texts = as_table(
        {"x": ["1.5", "2.5"], "b": ["yes", "no"], "d": ["2020-01-01", "2021-06-05"]},
        kinds=dict.fromkeys(("x", "b", "d"), "category"),
    )
    days = np.array(["2020-01-01", "2021-06-05"], "M8[us]")
    expected = encoder.transform({"x": [1.5, 2.5], "b": [True, False], "d": days})
    np.testing.assert_array_equal(encoder.transform(as_texts), expected)


# ---------------------------------------------------------------- what is left out, and refused


def test_columns_without_information_are_left_out_and_named() -> None:
    n = 40
    rng = np.random.default_rng(0)
    table = as_table(
        {
            "x": rng.normal(size=n),
            "same": [4.0] * n,
            "nearly": 1e6 + rng.random(n) * 1e-3,
            "none": [None] * n,
            "id": [f"K-{i:04d}" for i in range(n)],
            "remark": [f"the {i}th thing that somebody wrote" for i in range(n)],
            "one name": ["a"] * n,
            "sometimes": [7.0] * 20 + [None] * 20,
        },
        kinds={"same": "number", "one name": "category"},
    )
    encoder = TableEncoder().fit(table)
    assert encoder.left_out == {
        "same": "has one value only",
        "nearly": "has one value only",
        "none": "has no value",
        "id": "identifies rows",
        "remark": "free text",
        "one name": "has one value only",
    }
    assert "'id' is left out: identifies rows" in encoder.notes
    assert encoder.layout.names == ("x", "sometimes is missing")
    assert encoder.transform(table)[:, 1].tolist() == [-1] * 20 + [1] * 20
    encoder.transform({"x": [1.0], "sometimes": [7.0]})  # what was left out need not be there


def test_a_table_that_tells_nothing_has_one_output_of_0() -> None:
    encoder = TableEncoder().fit({"a": [1.0, 1.0]})
    assert encoder.transform({"a": [5.0]}).tolist() == [[0.0]]
    assert encoder.layout.names == ("(nothing)",) and encoder.layout.chunks.tolist() == [0]
    assert "no column tells rows apart" in encoder.notes[-1]


def test_categories_of_other_rows_do_not_count() -> None:
    table = people().take([0, 2])  # Ulm twice, both ages among 30 and missing
    encoder = TableEncoder().fit(table)
    assert "city" in encoder.left_out


def test_settings_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'standard'"):
        TableEncoder("standrad")
    with pytest.raises(ArgumentError, match="scale_one_hot goes with"):
        TableEncoder("quantile", scale_one_hot=True)
    with pytest.raises(ArgumentError, match="one_hot_limit is -1"):
        TableEncoder(one_hot_limit=-1)
    with pytest.raises(ArgumentError, match="min_count is 0"):
        TableEncoder(min_count=0)
    with pytest.raises(ForwardnetError, match="nothing has been learnt yet"):
        TableEncoder().transform(people())
    with pytest.raises(DataError, match="no rows to learn from"):
        TableEncoder().fit(people().take([]))


def test_ten_thousand_columns() -> None:
    X = np.random.default_rng(0).normal(size=(3, 10_000))
    encoder = TableEncoder().fit(X)
    assert encoder.transform(X).shape == (3, 10_000)
    assert encoder.unseen(X) == {} and encoder.remarks(X) == ()


# ---------------------------------------------------------------- the file


def wide_encoder() -> TableEncoder:
    columns = dict(PEOPLE) | {
        "day": np.array(["2020-01-31", "2021-02-28", "NaT", "2020-03-31", "2020-05-01"], "M8[us]"),
        "town": ["a", "b", "c", "d", "e"],
    }
    return TableEncoder("quantile", one_hot_limit=5, min_count=1).fit(
        as_table(columns, kinds=KINDS | {"town": "category"})
    )


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places in nested lists and objects."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [path] * bool(path) + [p for key, inner in items for p in paths(inner, (*path, key))]


STATE = json.dumps(wide_encoder().to_dict())
JUNK = [
    None,
    True,
    -1,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "number",
    [],
    {},
    [None],
    [[]],
    {"a": 1},
    "x" * 10000,
]


@settings(max_examples=300, deadline=None)
@given(where=st.integers(0, 10**6), junk=st.sampled_from([*JUNK, "delete", "twice"]))
def test_a_damaged_file_is_refused_or_harmless(where: int, junk: Any) -> None:
    state = json.loads(STATE)
    places = paths(state)
    *way, last = places[where % len(places)]
    inner = state
    for key in way:
        inner = inner[key]
    if junk == "delete":
        del inner[last]
    elif junk == "twice" and isinstance(inner, list):
        inner.append(inner[last])
    else:
        inner[last] = junk
    try:
        loaded = TableEncoder.from_dict(state)
    except FileFormatError as error:
        assert str(error).startswith("table encoder")
        return
    layout = loaded.layout
    row = {name: [None] for name in loaded.kinds}
    found = loaded.transform(row)
    assert found.shape == (1, layout.width) and np.isfinite(found).all()
    assert loaded.to_dict() == json.loads(json.dumps(loaded.to_dict()))


@pytest.mark.parametrize("state", [None, 3, [], "x", {}])
def test_what_is_no_encoder_is_refused(state: Any) -> None:
    with pytest.raises(FileFormatError, match="table encoder"):
        TableEncoder.from_dict(state)


# ---------------------------------------------------------------- whatever comes

VALUES: dict[str, Any] = {
    "number": st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=False), st.integers(-(10**20), 10**20)),
    "boolean": st.sampled_from([None, True, False]),
    "category": st.sampled_from([None, "a", "b", "3", "3.0", "nan", "-", "yes", "2020-01-01", "1e999", "_", "ß", "\0"]),
    "date": st.one_of(st.none(), st.datetimes()),
    "empty": st.none(),
}


@st.composite
def columns(draw: Any, names: tuple[str, ...] = ("p", "q", "r")) -> dict[str, list[Any]]:
    """A mapping of names to lists of values of any kind."""
    n = draw(st.integers(1, 12))
    kinds = st.sampled_from(sorted(VALUES))
    return {name: draw(st.lists(VALUES[draw(kinds)], min_size=n, max_size=n)) for name in names}


@settings(max_examples=200, deadline=None)
@given(training=columns(), later=columns(), numeric=st.sampled_from(METHODS), limit=st.sampled_from([None, 0, 3]))
def test_any_two_tables_end_in_numbers_or_in_one_sentence(
    training: dict[str, Any], later: dict[str, Any], numeric: str, limit: int | None
) -> None:
    encoder = TableEncoder(numeric, one_hot_limit=limit)
    try:
        table = as_table(training)
        found = encoder.fit_transform(table)
    except ForwardnetError:
        return
    assert found.shape == (len(table), encoder.layout.width) and np.isfinite(found).all()
    assert np.abs(found).max(initial=0) <= np.finfo(np.float32).max
    for given_table in (later, as_table(later)):  # read as what training had, and as what it looks like
        try:
            found = encoder.transform(given_table)
        except DataError:
            continue
        assert np.isfinite(found).all()
        encoder.remarks(given_table)
