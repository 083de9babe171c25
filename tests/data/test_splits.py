"""Splits: a partition, of the sizes asked for, with the classes in proportion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from forwardnet.data.splits import train_validation_test
from forwardnet.errors import ArgumentError, ShapeError


@given(
    n=st.integers(6, 300),  # fewer rows, and rounding two shares of 0.4 upwards could take them all
    validation=st.floats(0, 0.4),
    test=st.floats(0, 0.4),
    n_classes=st.integers(0, 6),
    seed=st.integers(0, 2**40),
)
def test_a_partition(n: int, validation: float, test: float, n_classes: int, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, n_classes, n) if n_classes else None
    parts = train_validation_test(n, validation=validation, test=test, stratify=labels, seed=seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    assert len(parts[0]) >= 1
    if labels is None:
        assert [len(parts[1]), len(parts[2])] == [round(n * validation), round(n * test)]
        return
    assert len(parts[1]) <= round(n * validation)
    assert len(parts[2]) <= round(n * test)
    assert set(labels[parts[0]]) == set(labels), "every class is there to be learnt"


@given(sizes=st.lists(st.integers(20, 80), min_size=2, max_size=6), seed=st.integers(0, 1000))
def test_classes_in_proportion(sizes: list[int], seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    n = len(labels)
    train, validation, test = train_validation_test(labels, validation=0.15, test=0.25, stratify=labels, seed=seed)
    assert [len(validation), len(test)] == [round(n * 0.15), round(n * 0.25)]
    for part, n_part in ((validation, round(n * 0.15)), (test, round(n * 0.25))):
        counts = np.bincount(labels[part], minlength=len(sizes))
        # largest remainder: less than one row away from the exact share
        assert np.all(np.abs(counts - np.array(sizes) * n_part / n) < 1)
    assert len(train) > 0


def test_rare_classes_stay_in_training() -> None:
    labels = np.array([0] * 50 + [1])
    for seed in range(20):
        train, _, _ = train_validation_test(51, stratify=labels, validation=0.3, test=0.3, seed=seed)
        assert 50 in train


def test_strings_can_be_strata() -> None:
    labels = np.array(["a", "b"] * 50)
    _, _, test = train_validation_test(labels, stratify=labels)
    assert sorted(labels[test]) == ["a"] * 10 + ["b"] * 10


def test_the_seed_decides() -> None:
    def parts(seed: int) -> list[list[int]]:
        return [part.tolist() for part in train_validation_test(100, seed=seed)]

    assert parts(1) == parts(1)
    assert parts(1) != parts(2)
    assert [len(p) for p in parts(1)] == [70, 10, 20]
    assert [len(p) for p in train_validation_test(np.int64(100))] == [70, 10, 20]


def test_what_cannot_be_split() -> None:
    with pytest.raises(ArgumentError, match=r"split: test is 1.0, expected a share of the rows, 0 <= share < 1"):
        train_validation_test(10, test=1.0)
    with pytest.raises(ArgumentError, match="validation is -0.1"):
        train_validation_test(10, validation=-0.1)
    with pytest.raises(
        ArgumentError, match="split: 10 rows less 5 for validation and 5 for test leave none for training"
    ):
        train_validation_test(10, validation=0.5, test=0.5)
    with pytest.raises(ArgumentError, match="split: 0 rows"):
        train_validation_test(0)
    with pytest.raises(ShapeError, match="stratify has 3 labels, expected one for each of 10 rows"):
        train_validation_test(10, stratify=np.array([0, 1, 1]))
