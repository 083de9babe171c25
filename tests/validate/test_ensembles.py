"""Bags asked about the rows they missed, and snapshots of one training beside its end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

import forwardnet as ff
from forwardnet import nn
from forwardnet.data.splits import bootstrap
from forwardnet.errors import ArgumentError
from forwardnet.train.ensemble import class_probabilities
from forwardnet.validate import bagging, snapshot_ensemble

N = 60


def moons() -> tuple[Any, Any]:
    data = ff.datasets.load("moons", n=N, noise=0.3, seed=0)
    return data.X, data.y


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))


def test_each_row_is_answered_by_those_that_missed_it() -> None:
    """The oracle is bagging by hand, from the same bootstrap samples."""
    X, y = moons()
    found = bagging(DecisionTreeClassifier(max_depth=2, random_state=0), X, y, bags=15, seed=2)
    total, counts = np.zeros((N, 2)), np.zeros(N)
    for number in range(15):
        rows = np.sort(bootstrap(N, seed=2, number=number))
        rest = np.setdiff1d(np.arange(N), rows)
        model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X[rows], y[rows])
        total[rest] += model.predict_proba(X[rest])
        counts[rest] += 1
    asked = counts > 0
    np.testing.assert_allclose(found.together.predictions[asked], total[asked] / counts[asked, None], rtol=1e-12)
    right = (total[asked].argmax(1) == y[asked]).mean()
    assert found.together.pooled()["accuracy"] == pytest.approx(right)
    assert found.covered == asked.mean()
    assert len(found.models) == 15
    gap = found.compared().difference("together", "one alone")
    assert gap.value == pytest.approx(right - found.alone.pooled()["accuracy"])


def test_EX16_bags_are_better_together_than_alone() -> None:
    """Nearest neighbours err in their own ways: of a mean of 25 the log loss has little left of its infinities."""
    X, y = moons()
    found = bagging(KNeighborsClassifier(1), X, y, bags=25)
    gap = found.compared().difference("together", "one alone", "log_loss")
    assert gap.is_clear and gap.value < -1
    assert found.compared().ranking("log_loss") == ["together", "one alone"]
    assert "against one model" in found.summary()


def test_networks_are_averaged_as_probabilities() -> None:
    X, y = moons()
    found = bagging(net, X, y, bags=4, epochs=3, loss="cross_entropy")
    probabilities = np.array([class_probabilities(own, "logits") for own in found.alone.outputs])
    asked = np.isfinite(found.together.predictions[:, 0])
    np.testing.assert_allclose(found.together.predictions[asked], np.nanmean(probabilities[:, asked], axis=0), 1e-5)
    assert len(found.models) == 4


def test_RG24_the_mean_of_numbers_is_never_worse_than_the_mean_of_errors() -> None:
    """Squared error is convex (Jensen): for each row the error of the mean is at most the mean of the errors."""
    X, _ = moons()
    y = np.sin(2 * X[:, 0]) + np.random.default_rng(0).normal(size=N)
    found = bagging(LinearRegression(), X, y, bags=10)
    assert found.together.pooled()["rmse"] < np.sqrt(np.mean(found.alone.scores["rmse"] ** 2))


def test_groups_are_drawn_whole() -> None:
    X, y = moons()
    groups = np.arange(N) // 5
    found = bagging(KNeighborsClassifier(), X, y, bags=5, groups=groups)
    for fold in found.alone.folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert len(fold.train) == N


def test_what_bagging_refuses() -> None:
    X, y = moons()
    with pytest.raises(ArgumentError, match="there are no other folds"):
        bagging(KNeighborsClassifier(), X, y, cv=3)
    with pytest.raises(ArgumentError, match="bags"):
        bagging(KNeighborsClassifier(), X, y, bags=0)


def test_snapshots_are_the_ends_of_the_cycles() -> None:
    """The last one is the network itself; together they are the mean of their probabilities."""
    X, y = moons()
    found = snapshot_ensemble(net, X, y, cycles=3, epochs=4, cv=3, loss="cross_entropy", keep_models=True)
    for fold, members, last in zip(found["last"].folds, found["snapshots"].models, found["last"].models, strict=True):
        assert len(members) == 3 and members[-1] is last
        rates = found["last"].histories[fold.number]["lr"]
        assert rates[0] == rates[4] == rates[8] > rates[3] == rates[7]
        scaler = ff.data.scaling.Standardizer().fit(X[fold.train])
        said = [
            class_probabilities(
                ff.Trainer(m, "cross_entropy", "adam").predict(scaler.transform(X[fold.test])), "logits"
            )
            for m in members
        ]
        np.testing.assert_allclose(found["snapshots"].predictions[fold.test], np.mean(said, axis=0), rtol=1e-6)
        np.testing.assert_allclose(found["last"].predictions[fold.test], said[-1], rtol=1e-6)
    assert found.metrics == ("accuracy", "log_loss")


def test_what_snapshots_refuse() -> None:
    X, y = moons()
    with pytest.raises(ArgumentError, match="an estimator has a schedule of its own"):
        snapshot_ensemble(KNeighborsClassifier(), X, y)

    def scheduled() -> ff.Trainer:
        return ff.Trainer(net(), "cross_entropy", "adam", "cosine")

    with pytest.raises(ArgumentError, match="has a schedule already"):
        snapshot_ensemble(scheduled, X, y)
