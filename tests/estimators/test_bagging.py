"""Bagged networks: scikit-learn's checks, members on bootstrap samples, out-of-bag figures, one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import forwardnet as ff
from forwardnet.errors import ArgumentError, FileFormatError
from forwardnet.estimators import (
    BaggedMLP,
    BaggedMLPClassifier,
    BaggedMLPRegressor,
    MLPClassifier,
    MLPRegressor,
    load,
)

N = 80
SMALL: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 30, "learning_rate_init": 0.03, "compile": False}


@parametrize_with_checks(
    [
        BaggedMLPClassifier(
            MLPClassifier(hidden_layer_sizes=(20,), max_iter=10, learning_rate_init=0.05, compile=False), 2
        ),
        BaggedMLPRegressor(
            MLPRegressor(hidden_layer_sizes=(20,), max_iter=10, learning_rate_init=0.1, compile=False), 2
        ),
    ]
)
@pytest.mark.filterwarnings("ignore:.*:sklearn.exceptions.DataConversionWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_check(estimator: Any, check: Any) -> None:
    check(estimator)


def moons() -> tuple[Any, Any]:
    data = ff.datasets.load("moons", n=N, noise=0.3, seed=0)
    return data.X, np.array(["no", "yes"])[data.y]


def numbers() -> tuple[Any, Any]:
    X = np.random.default_rng(0).normal(size=(N, 2))
    return X, np.sin(2 * X[:, 0]) + 0.3 * np.random.default_rng(1).normal(size=N)


def bag(X: Any, y: Any, members: int = 6) -> Any:
    model = MLPClassifier(**SMALL) if y.dtype.kind == "U" else MLPRegressor(**SMALL)
    return BaggedMLP(model, members, random_state=0).fit(X, y)


def test_the_kind_follows_the_estimator() -> None:
    assert is_classifier(BaggedMLP(MLPClassifier())) and is_regressor(BaggedMLP(MLPRegressor()))
    with pytest.raises(ArgumentError, match="expected an MLPClassifier or an MLPRegressor"):
        BaggedMLP(3)
    with pytest.raises(ArgumentError, match="estimator is MLPRegressor, expected an MLPClassifier"):
        BaggedMLPClassifier(MLPRegressor()).fit(*moons())


def test_the_members_answer_together() -> None:
    X, y = moons()
    model = bag(X, y)
    each = model.member_predictions(X)
    np.testing.assert_allclose(model.predict_proba(X), each.mean(0), rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.classes_[each.mean(0).argmax(1)])
    assert len({member.random_state for member in model.estimators_}) == 6
    assert len({one.tobytes() for one in each}) == 6
    low, high = model.predict_interval(X, level=0.5)
    inside = ((each >= low) & (each <= high)).sum(0)
    assert (inside == 2).all()  # the quartiles of six numbers leave the two in the middle and parts of the next


@pytest.mark.parametrize("data", [moons, numbers])
def test_out_of_bag_rows_are_answered_by_those_that_missed_them(data: Any) -> None:
    X, y = data()
    model = bag(X, y)
    total, counts = 0.0, np.zeros(N)
    for member, rows in zip(model.estimators_, model.estimators_samples_, strict=True):
        missed = np.setdiff1d(np.arange(N), rows)
        is_missed = np.isin(np.arange(N), missed)
        total = total + model._said(member, X) * is_missed[:, None]
        counts += is_missed
    asked = counts > 0
    mean = total[asked] / counts[asked, None]
    if data is moons:
        np.testing.assert_allclose(model.oob_decision_function_[asked], mean, rtol=1e-12)
        expected = accuracy_score(y[asked], model.classes_[mean.argmax(1)])
    else:
        np.testing.assert_allclose(model.oob_prediction_[asked], mean[:, 0], rtol=1e-12)
        expected = r2_score(y[asked], mean[:, 0])
    assert model.oob_score_ == pytest.approx(expected)
    assert model.oob_covered_ == asked.mean()
    assert model.oob_interval_[0] < model.oob_score_ < model.oob_interval_[1]


def test_a_member_is_an_estimator_fitted_on_its_rows() -> None:
    X, y = numbers()
    model = bag(X, y)
    for member, rows in zip(model.estimators_[:2], model.estimators_samples_, strict=False):
        alone = MLPRegressor(**SMALL, random_state=member.random_state).fit(X[rows], y[rows])
        np.testing.assert_array_equal(alone.predict(X), member.predict(X))
    assert [len(rows) for rows in model.estimators_samples_] == [N] * 6
    assert all(len(np.unique(rows)) < 0.8 * N for rows in model.estimators_samples_)


def test_the_same_state_gives_the_same_bits_for_any_number_of_threads() -> None:
    X, y = numbers()
    settings = {**SMALL, "compile": True, "batch_size": 20, "precision": "float32"}
    runs = [
        BaggedMLPRegressor(MLPRegressor(**settings), 5, random_state=1, n_jobs=jobs).fit(X, y).predict(X)
        for jobs in (1, 2)
    ]
    assert runs[0].tobytes() == runs[1].tobytes()


def test_a_sample_may_lack_a_class() -> None:
    X, y = moons()
    y = y.astype(object)
    y[0] = "rare"
    y = y.astype(str)
    model = bag(X, y, members=4)
    assert model.classes_.tolist() == ["no", "rare", "yes"]
    assert {len(member.classes_) for member in model.estimators_} == {2, 3}
    np.testing.assert_allclose(model.predict_proba(X).sum(1), 1, rtol=1e-6)


def test_several_targets_and_labels() -> None:
    X, y = numbers()
    both = np.column_stack([y, -y])
    assert bag(X, both, 2).predict(X).shape == (N, 2)
    labels = (both > 0).astype(int)
    model = BaggedMLPClassifier(MLPClassifier(**SMALL), 3, random_state=0).fit(X, labels)
    assert set(np.unique(model.predict(X))) == {0, 1} and model.predict(X).shape == (N, 2)
    assert 0 < model.oob_score_ <= 1


def test_tables_are_drawn_by_rows() -> None:
    pandas = pytest.importorskip("pandas", reason="a data frame is needed")
    X, y = moons()
    frame = pandas.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0.3, "up", "down")})
    frame.loc[3, "b"] = None
    model = bag(frame, y, 3)
    assert model.predict(frame).shape == (N,) and model.oob_score_ > 0.6


@pytest.mark.parametrize("data", [moons, numbers])
def test_a_bag_is_one_file(data: Any, tmp_path: Path) -> None:
    X, y = data()
    model = bag(X, y, 3)
    model.save(tmp_path / "bag.safetensors")
    again = load(tmp_path / "bag.safetensors")
    assert type(again) is type(model) and len(again.estimators_) == 3
    assert again.predict(X).tobytes() == model.predict(X).tobytes()
    assert again.member_predictions(X).tobytes() == model.member_predictions(X).tobytes()
    assert again.oob_score_ == model.oob_score_ and again.oob_interval_ == model.oob_interval_


def test_a_file_that_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    X, y = moons()
    path = tmp_path / "bag.safetensors"
    with pytest.raises(ArgumentError, match="nothing has been learnt yet"):
        BaggedMLPClassifier().save(path)
    bag(X, y, 2).save(path)
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    for old, new in (('["no","yes"]', '["no","no"]'), ("BaggedMLPClassifier", "BaggedMLPRegressor")):
        changed = {key: value.replace(old, new) for key, value in header["__metadata__"].items()}
        assert changed != header["__metadata__"]
        text = json.dumps({**header, "__metadata__": changed}).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + size :])
        with pytest.raises(FileFormatError):
            load(path)
