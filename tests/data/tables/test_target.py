"""TargetEncoder and decide_task: classes keep their type, numbers come back, and what cannot be learnt is said."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from forwardnet.data.tables.frames import as_column, as_table
from forwardnet.data.tables.target import TargetEncoder, decide_task, drop_missing
from forwardnet.errors import ArgumentError, DataError, FileFormatError, ForwardnetError, ShapeError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("y", "task", "told"),
    [
        (["a", "b", "a"], "classification", "2 different names"),
        (["yes", "no", "no"], "classification", "either true or false"),
        (np.array([True, False]), "classification", "either true or false"),
        (np.arange(3).repeat(10), "classification", "3 different whole numbers"),
        (np.array([-1.0, 1.0]), "classification", "two different values"),
        (np.arange(20).repeat(5), "classification", "20 different whole numbers"),
        (np.arange(21).repeat(50), "regression", "21 different numbers, more than 20"),
        (np.arange(10).repeat(4), "regression", "10 different numbers in 40 rows"),
        (np.array([0.5, 1.0, 0.5]), "regression", "fractions"),
        (np.array([1.0, np.nan, 2.0]), "classification", "two different values"),
    ],
)
def test_the_task_follows_from_the_values(y: Any, task: str, told: str) -> None:
    found, reason = decide_task(as_column(y))
    assert found == task and told in reason


@pytest.mark.parametrize("y", [["x"] * 30, [None] * 3, [f"word {i} of many" for i in range(60)]])
def test_what_cannot_be_predicted_is_one_error(y: Any) -> None:
    with pytest.raises(DataError, match="nothing to be predicted"):
        decide_task(as_column(y))


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array([False, True]),
        np.array([3, 7], dtype=np.int8),
        np.array([3, 2**63 + 5], dtype=np.uint64),
        np.array([-0.5, 0.1], dtype=np.float32),
    ],
    ids=str,
)
def test_classes_keep_their_type_through_a_file(labels: Any) -> None:
    y = labels[[1, 0, 1, 1]]
    encoder = TargetEncoder("classification").fit(y)
    assert encoder.classes is not None and encoder.classes.dtype == labels.dtype
    indices = encoder.transform(y)
    assert indices.dtype == np.int64 and indices.tolist() == [1, 0, 1, 1]
    loaded = TargetEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    back = loaded.decode(loaded.transform(y))
    assert back.tolist() == y.tolist() and loaded.n_outputs == 2
    assert back.dtype.kind == y.dtype.kind or (back.dtype.kind, y.dtype.kind) == ("O", "U")  # texts have one type


@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([1e-300, 1e-9, 1.0, 1e6, 1e150]),
    offset=st.sampled_from([0.0, -3.0, 1e5]),
    k=st.sampled_from([None, 1, 3]),
)
def test_numbers_are_standardised_and_come_back(seed: int, size: float, offset: float, k: int | None) -> None:
    rng = np.random.default_rng(seed)
    y = (rng.normal(size=40 if k is None else (40, k)) + offset) * size
    encoder = TargetEncoder("regression").fit(y)
    Z = encoder.transform(y)
    assert Z.dtype == np.float32 and Z.shape == y.shape
    assert encoder.n_outputs == (k or 1)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-6)  # float32 rounding of 40 numbers near 1
    np.testing.assert_allclose(Z.std(axis=0), 1, atol=1e-6)  # divisor n
    # a float32 of size up to 7, times the deviation
    np.testing.assert_allclose(encoder.decode(Z), y, atol=size * 1e-6, rtol=0)
    loaded = TargetEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(loaded.decode(Z), encoder.decode(Z))


def test_clamped_predictions_stay_within_the_training_targets() -> None:
    encoder = TargetEncoder(clamp=True).fit(np.linspace(2.5, 7.25, 100))
    assert encoder.task == "regression"
    assert encoder.decode([-100.0, 100.0]).tolist() == [2.5, 7.25]


@pytest.mark.parametrize(
    ("task", "y", "told"),
    [
        ("auto", ["a", None, "b", None], "y has no value in 2 of 4 rows: 1, 3"),
        ("regression", [1.5, np.nan], "y has no value (NaN) in 1 of 2 rows: 1"),
        ("regression", [1.5, np.inf, 2.0], "y has an infinite value (inf) in 1 of 3 rows: 1"),
        ("classification", np.array([1.0, np.nan, 2.0]), "y has no value (NaN)"),
        ("classification", ["a", "a"], "y has only one class: all 2 labels are 'a'"),
        ("classification", np.array(["a", 1], dtype=object), "labels of different types: int, str"),
        ("regression", [3.0, 3.0, 3.0], "y has the same value 3 in all 3 rows"),
        ("regression", np.array([[1.0, 2.0], [2.0, 2.0]]), "y, column 1, has the same value 2"),
        ("regression", np.array([-1.7e308, 1.7e308]), "too far apart"),
        ("regression", ["a", "b", "a"], "y has texts such as 'a', expected numbers"),
    ],
)
def test_what_cannot_be_learnt_is_one_sentence(task: Any, y: Any, told: str) -> None:
    with pytest.raises(DataError) as caught:
        TargetEncoder(task).fit(as_column(y) if task == "auto" else y)
    assert told in str(caught.value)


def test_a_target_without_variety_may_be_allowed() -> None:
    one = TargetEncoder("classification", needs_variety=False).fit(["a", "a"])
    assert one.transform(["a"]).tolist() == [0] and one.n_outputs == 1
    same = TargetEncoder("regression", needs_variety=False).fit([3.0, 3.0])
    assert same.transform([3.0]).tolist() == [0.0] and same.decode([0.0]).tolist() == [3.0]


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ArgumentError, match="task is 'guess'"):
        TargetEncoder("guess")  # type: ignore[arg-type]
    with pytest.raises(ForwardnetError, match="nothing has been learnt"):
        TargetEncoder().transform([1])
    encoder = TargetEncoder("classification").fit(["a", "b"])
    with pytest.raises(DataError, match="y has 'c' at row 1, which was not among the classes in training: a, b"):
        encoder.transform(["a", "c"])
    numbers = TargetEncoder("regression").fit(np.eye(3))
    with pytest.raises(ShapeError, match="expected 3 columns"):
        numbers.decode(np.zeros((2, 2)))
    with pytest.raises(ShapeError, match="expected 3 columns"):
        numbers.transform(np.zeros((2, 2)))


def test_rows_without_a_target_are_dropped_when_asked_and_named() -> None:
    table = as_table({"x": [1.5, 2.5, 3.5, 4.5], "y": ["a", None, "b", None]})
    kept, told = drop_missing(table, "y")
    assert kept["x"].values.tolist() == [1.5, 3.5]
    assert told == "2 rows are left out, without a value of 'y' (first: row 1)"
    assert drop_missing(kept, "y") == (kept, None)


NUMBERS = TargetEncoder("regression").fit(RNG.normal(size=(20, 2))).to_dict()
CLASSES = TargetEncoder("classification").fit(["a", "b"]).to_dict()


@pytest.mark.parametrize(
    ("state", "change"),
    [
        (NUMBERS, {"task": "both"}),
        (NUMBERS, {"scale": [1.0, 0.0]}),
        (NUMBERS, {"scale": [1.0]}),
        (NUMBERS, {"mean": [float("nan"), 1.0]}),
        (NUMBERS, {"mean": ["1", "2"]}),
        (NUMBERS, {"mean": []}),
        (NUMBERS, {"low": [1e9, 1e9]}),
        (NUMBERS, {"is_flat": True}),
        (NUMBERS, {"clamp": 1}),
        (CLASSES, {"classes": ["a", "a"]}),
        (CLASSES, {"classes": []}),
        (CLASSES, {"classes": [1, 2]}),
        (CLASSES, {"classes": [1, 300], "type": "int8"}),
        (CLASSES, {"classes": [1.0, float("inf")], "type": "float64"}),
        (CLASSES, {"type": "datetime64"}),
        (CLASSES, {"classes": [["a"], ["b"]]}),
    ],
)
def test_a_damaged_file_is_refused(state: dict[str, Any], change: dict[str, Any]) -> None:
    TargetEncoder.from_dict(state)
    with pytest.raises(FileFormatError, match="target encoder"):
        TargetEncoder.from_dict(state | change)
