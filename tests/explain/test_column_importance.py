"""Importance of a table's columns: that of the numbers themselves, and less of it when there is little time."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from forwardnet import explain
from forwardnet.data.tables import Column, Table
from forwardnet.errors import ArgumentError

MODULE = sys.modules["forwardnet.explain.column_importance"]  # the package has the function by that name


def table(n: int = 200) -> tuple[Table, np.ndarray]:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n, 3))
    names = ("much", "little", "nothing")
    return Table(tuple(Column(name, "number", v) for name, v in zip(names, values.T, strict=True))), values


def predict(rows: Table) -> np.ndarray:
    return 3 * rows["much"].values + rows["little"].values


def test_it_is_the_importance_of_the_numbers() -> None:
    data, values = table()
    y = predict(data)
    found = explain.column_importance(predict, "rmse", data, y, seed=4)
    plain = explain.permutation_importance(lambda x: 3 * x[:, 0] + x[:, 1], "rmse", values, y, repeats=5, seed=4)
    assert found is not None
    np.testing.assert_array_equal(found.worsening, plain.worsening)
    assert found.names == ("much", "little", "nothing")
    assert found.is_used.tolist() == [True, True, False]


def test_levels_are_shuffled_too() -> None:
    code = (np.arange(100) % 2).astype(np.int32)
    data = Table((Column("level", "category", code, ("a", "b")),))
    probabilities = np.eye(2)
    found = explain.column_importance(
        lambda rows: probabilities[rows["level"].values], "accuracy", data, code, link="probabilities"
    )
    assert found is not None and found.baseline == 1 and 0.3 < found.mean[0] < 0.7


class Clock:
    """A clock that runs on only while rows are predicted: 0.1 ms for each."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sizes: list[int] = []

    def perf_counter(self) -> float:
        return self.now

    def predict(self, rows: Table) -> np.ndarray:
        self.sizes.append(len(rows))
        self.now += 1e-4 * len(rows)
        return predict(rows)


@pytest.mark.parametrize(("limit", "repeats", "rows"), [(10.0, 5, 200), (0.15, 2, 200), (0.035, 1, 87)])
def test_little_time_means_fewer_repeats_then_fewer_rows(
    monkeypatch: pytest.MonkeyPatch, limit: float, repeats: int, rows: int
) -> None:
    data, _ = table()
    clock = Clock()
    monkeypatch.setattr(MODULE, "time", clock)
    found = explain.column_importance(clock.predict, "rmse", data, predict(data), time_limit=limit)
    assert found is not None and found.worsening.shape == (3, repeats)
    assert clock.sizes == [200, *[rows] * (1 + 3 * repeats)]
    assert clock.now - 0.02 <= limit + 1e-9


def test_too_little_time_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = table()
    clock = Clock()
    monkeypatch.setattr(MODULE, "time", clock)
    assert explain.column_importance(clock.predict, "rmse", data, predict(data), time_limit=0.001) is None


def test_wrong_sizes_are_refused() -> None:
    data, _ = table()
    with pytest.raises(ArgumentError, match="199 targets"):
        explain.column_importance(predict, "rmse", data, np.zeros(199))
