"""Comparisons: figures are the metrics' own, gains are signed so that positive is better, intervals hold."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet.errors import ArgumentError, ShapeError, UnknownNameError
from forwardnet.train.metrics import METRICS
from forwardnet.validate.comparison import FEWEST, MOST, compare, n_samples


def test_values_are_those_of_the_metrics_and_lie_in_their_intervals() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    p = rng.dirichlet(np.ones(3), 200)
    p[np.arange(200), y] += 0.3
    p /= p.sum(axis=1, keepdims=True)
    names = ("accuracy", "log_loss", "roc_auc", "balanced_accuracy")
    found = compare(y, {"model": p}, names)
    for name in names:
        figure = found.figure("model", name)
        assert figure.value == METRICS[name](y, p, link="probabilities")
        assert figure.low < figure.value < figure.high


@pytest.mark.parametrize("metric", ["rmse", "r2"])
def test_gain_is_positive_for_the_better_model_whichever_way_the_metric_points(metric: str) -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=300)
    good, bad = y + 0.1 * rng.normal(size=300), y + 0.5 * rng.normal(size=300)
    found = compare(y, {"good": good, "bad": bad}, [metric])
    gain = found.gain("good", "bad", metric)
    assert 0 < gain.low < gain.value < gain.high
    assert found.gain("bad", "good", metric).value == -gain.value
    same = found.gain("good", "good", metric)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_errors_that_models_share_cancel_in_the_gain() -> None:
    rng = np.random.default_rng(1)
    y = 100 * rng.normal(size=200)
    found = compare(y, {"a": np.zeros(200), "b": np.full(200, 1.0)}, ["rmse"])
    gain, alone = found.gain("a", "b", "rmse"), found.figure("a", "rmse")
    assert gain.high - gain.low < 0.1 * (alone.high - alone.low)


def test_rows_of_a_group_are_drawn_together() -> None:
    # Ten groups of 40 equal rows: the interval must be that of ten rows, not of four hundred.
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(10), 40)
    error = rng.normal(size=10)[groups]
    y = np.zeros(400)
    wide = compare(y, {"m": error}, ["mae"], groups=groups).figure("m", "mae")
    narrow = compare(y, {"m": error}, ["mae"]).figure("m", "mae")
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)  # sqrt(40) is 6.3


def test_weights_and_seeds() -> None:
    y, values = np.array([0.0, 0.0]), np.array([1.0, 3.0])
    assert compare(y, {"m": values}, ["mae"], weight=np.array([3.0, 1.0])).figure("m", "mae").value == 1.5
    one, two = (compare(np.arange(50.0), {"m": np.zeros(50)}, ["mae"], seed=seed) for seed in (0, 1))
    again = compare(np.arange(50.0), {"m": np.zeros(50)}, ["mae"], seed=0)
    assert one.figure("m", "mae") == again.figure("m", "mae") != two.figure("m", "mae")


def test_one_row_and_large_numbers_of_rows() -> None:
    one = compare(np.array([1.0]), {"m": np.array([2.0])}, ["rmse", "r2"])
    assert one.figure("m", "rmse")[1:] == (1.0, 1.0, 1.0)
    assert np.isnan(one.figure("m", "r2")[1:]).all()
    assert (n_samples(10), n_samples(10**7)) == (MOST, FEWEST)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ShapeError, match="m has 2 predictions, expected 3"):
        compare(np.zeros(3), {"m": np.zeros(2)}, ["mae"])
    with pytest.raises(UnknownNameError, match="unknown metric"):
        compare(np.zeros(3), {"m": np.zeros(3)}, ["mea"])
    with pytest.raises(ArgumentError, match="at least one"):
        compare(np.zeros(3), {}, ["mae"])
