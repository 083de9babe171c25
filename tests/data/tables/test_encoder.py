"""TableEncoder: learnt from training rows alone; the same bits for a row alone, in a batch, and after a file."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from forwardnet.data.tables.encoder import TableEncoder
from forwardnet.data.tables.frames import as_table
from forwardnet.data.tables.table import Table
from forwardnet.errors import DataError

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
)
def test_a_row_alone_and_a_file_give_the_same_bits(seed: int, numeric: str, limit: int | None, signed: bool) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    columns = {
        "a": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n) * 10.0 ** rng.integers(-8, 8)),
        "b": rng.integers(0, 5, n),
        "c": rng.choice(["u", "v", "w", "x", "y"], n).tolist(),
        "d": rng.choice(np.array([None, True, False]), n).tolist(),
        "e": (np.datetime64("2020-01-01") + rng.integers(0, 3000, n)).astype("datetime64[us]"),
    }
    kinds = {"a": "number", "b": "number", "c": "category", "d": "boolean", "e": "date"}
    table = as_table(columns, kinds=kinds)
    encoder = TableEncoder(
        numeric, one_hot_limit=limit, signed=signed, scale_one_hot=numeric in ("standard", "robust") and signed
    ).fit(table)
    together = encoder.transform(table)
    assert together.dtype == np.float32 and np.isfinite(together).all()
    alone = np.concatenate([encoder.transform(table.take(slice(i, i + 1))) for i in range(n)])
    np.testing.assert_array_equal(alone, together)
    loaded = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(loaded.transform(table), together)
    assert loaded.layout.names == encoder.layout.names and loaded.notes == encoder.notes
