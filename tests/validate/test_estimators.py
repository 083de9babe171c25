"""Estimators where builders are: fitted inside the fold, with the figures that scikit-learn gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import forwardnet as ff
from forwardnet.errors import ArgumentError, DataError, ShapeError, UnknownNameError
from forwardnet.validate import cross_validate, k_fold

N = 60
CV = KFold(4, shuffle=True, random_state=0)


def data(classes: int = 2) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 3)) * [1.0, 10.0, 0.1] + 5
    names = np.array(["ash", "birch", "cedar"])
    return X, names[np.digitize(X[:, 0] + rng.normal(size=N) * 0.3, [5, 5.8][: classes - 1])]


def pipeline() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression())


@pytest.mark.parametrize("classes", [2, 3])
def test_a_pipeline_gives_what_scikit_learn_gives(classes: int) -> None:
    """The oracle is `cross_val_predict` on the same folds: probabilities to the bit, scores fold by fold."""
    X, y = data(classes)
    names = ["accuracy", "neg_log_loss", "f1_macro", "matthews_corrcoef"]
    found = cross_validate(pipeline(), X, y, cv=CV, metrics=names)
    expected = cross_val_predict(pipeline(), X, y, cv=CV, method="predict_proba")
    np.testing.assert_array_equal(found.predictions, expected)
    assert found.classes.tolist() == np.unique(y).tolist()
    np.testing.assert_array_equal(found.labels, cross_val_predict(pipeline(), X, y, cv=CV))
    for name in names:
        # A sum over rows in another order.
        np.testing.assert_allclose(found.scores[name], cross_val_score(pipeline(), X, y, cv=CV, scoring=name), 1e-12)
    low, high = found.interval("matthews_corrcoef")
    assert low < found.pooled()["matthews_corrcoef"] < high


def test_own_metrics_and_those_of_scikit_learn_agree_where_they_name_one_thing() -> None:
    X, y = data()
    found = cross_validate(pipeline(), X, y, cv=CV, metrics=["log_loss", "neg_log_loss", "roc_auc", "rmse"][:3])
    np.testing.assert_allclose(found.scores["log_loss"], -found.scores["neg_log_loss"], rtol=1e-12)
    np.testing.assert_allclose(found.scores["roc_auc"], cross_val_score(pipeline(), X, y, cv=CV, scoring="roc_auc"))


def test_numbers_and_several_of_them() -> None:
    X, _ = data()
    y = np.column_stack([X @ [1, 0.1, 3], X @ [0, 0.2, 1]]) + np.random.default_rng(1).normal(size=(N, 2))
    found = cross_validate(LinearRegression(), X, y, cv=CV)
    np.testing.assert_array_equal(found.predictions, cross_val_predict(LinearRegression(), X, y, cv=CV))
    assert set(found.scores) == {"rmse", "mae", "r2"}
    one = cross_validate(LinearRegression(), X, y[:, 0], cv=CV, metrics=["r2", "neg_mean_absolute_error"])
    np.testing.assert_allclose(one.scores["r2"], cross_val_score(LinearRegression(), X, y[:, 0], cv=CV), rtol=1e-9)
    assert one.predictions.shape == (N, 1)


def test_decisions_stand_in_where_there_are_no_probabilities() -> None:
    X, y = data()
    found = cross_validate(LinearSVC(random_state=0), X, y, cv=CV, metrics=["accuracy", "average_precision"])
    for name in found.scores:
        values = cross_val_score(LinearSVC(random_state=0), X, y == "birch", cv=CV, scoring=name)
        np.testing.assert_allclose(found.scores[name], values, rtol=1e-12)
    assert set(cross_validate(LinearSVC(random_state=0), X, y, cv=CV).scores) == {"accuracy"}
    with pytest.raises(ArgumentError, match="'log_loss' needs probabilities, and the estimator has no predict_proba"):
        cross_validate(LinearSVC(), X, y, metrics="log_loss")


def test_several_labels_at_once() -> None:
    X, _ = data()
    y = (X[:, :2] > [5, 3]).astype(int)
    for model in (KNeighborsClassifier(), RandomForestClassifier(5, random_state=0)):
        found = cross_validate(model, X, y, cv=CV)
        expected = cross_val_predict(model, X, y, cv=CV)
        np.testing.assert_array_equal(found.labels, expected)
        assert found.pooled()["accuracy"] == (expected == y).mean()
        assert found.predictions.shape == (N, 2)


def test_a_class_that_a_fold_has_not_met_has_probability_0() -> None:
    X, y = data(3)
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    cedar = np.flatnonzero(y == "cedar")
    rest = np.flatnonzero(y != "cedar")
    found = cross_validate(pipeline(), X, y, cv=[(rest, cedar), (cedar.tolist() + rest[:40].tolist(), rest[40:])])
    assert (found.predictions[cedar, 2] == 0).all()
    assert found.scores["accuracy"][0] == 0
    np.testing.assert_allclose(found.predictions[cedar].sum(1), 1)


class Learner(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Remembers what it was given."""

    def __init__(self, random_state: int | None = None) -> None:
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None, mode: str = "none") -> Learner:
        self.X_, self.y_, self.weight_, self.mode_ = X, y, sample_weight, mode
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.repeat(self.classes_[:1], len(X))


def test_nothing_but_the_rows_of_the_fold_is_seen() -> None:
    X, y = data()
    weight = np.arange(N)
    given = Learner()
    found = cross_validate(given, X, y, cv=CV, keep_models=True, fit_params={"sample_weight": weight, "mode": "all"})
    for fold, model in zip(found.folds, found.models, strict=True):
        np.testing.assert_array_equal(model.X_, X[fold.train])
        np.testing.assert_array_equal(model.y_, y[fold.train])
        np.testing.assert_array_equal(model.weight_, fold.train)
        assert model.mode_ == "all"
    states = [model.random_state for model in found.models]
    assert len(set(states)) == 4 and all(isinstance(state, int) for state in states)
    assert not hasattr(given, "X_") and given.random_state is None
    fixed = cross_validate(Learner(random_state=3), X, y, cv=CV, keep_models=True)
    assert [model.random_state for model in fixed.models] == [3] * 4


def test_a_function_may_return_estimators_and_a_class_is_one() -> None:
    X, y = data()
    expected = cross_validate(pipeline(), X, y, cv=CV).answers.tobytes()
    assert cross_validate(pipeline, X, y, cv=CV).answers.tobytes() == expected
    assert cross_validate(KNeighborsClassifier, X, y, cv=CV).pooled()["accuracy"] > 0.5


class Foreign:
    """Has fit and predict, and has never heard of scikit-learn."""

    def fit(self, X: Any, y: Any) -> None:
        self.mean = y.mean()

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.mean)


def test_whatever_has_fit_and_predict_will_do() -> None:
    X, _ = data()
    found = k_fold(Foreign(), X, X[:, 0], 3, metrics=["rmse"])
    for fold in found.folds:
        np.testing.assert_allclose(found.predictions[fold.test, 0], X[fold.train, 0].mean(), rtol=1e-12)


def test_learnt_rows_are_measured_where_that_is_asked_for() -> None:
    """VA06: the error of the rows learnt from beside that of others."""
    X, y = data()
    found = cross_validate(KNeighborsClassifier(1), X, y, cv=CV, train_scores=True, metrics="accuracy")
    assert found.train_scores["accuracy"].tolist() == [1.0] * 4
    assert found.pooled()["accuracy"] < 1
    assert "; rows learnt from 1)" in found.summary()


def test_every_row_has_a_line_in_the_frame() -> None:
    X, y = data(3)
    found = cross_validate(pipeline(), X, y, cv=3, repeats=2)
    table = found.to_frame()
    assert len(table["row"]) == 2 * N
    assert sorted(zip(table["row"], table["repeat"], strict=True)) == [(i, r) for i in range(N) for r in range(2)]
    assert list(table["y"]) == y[np.asarray(table["row"])].tolist()
    total = sum(np.asarray(table[f"output_{name}"]) for name in ("ash", "birch", "cedar"))
    np.testing.assert_allclose(total, 1)


def test_repeats_that_ask_about_other_rows_are_averaged_row_by_row() -> None:
    X, y = data()
    found = ff.validate.holdout(pipeline(), X, y, 0.5, repeats=5)
    counts = np.isfinite(found.outputs[..., 0]).sum(0)
    assert 0 < counts.min() or (counts == 0).any()
    asked = np.isfinite(found.predictions[:, 0])
    assert asked.tolist() == (counts > 0).tolist()
    row = int(np.argmax(counts))
    np.testing.assert_allclose(found.predictions[row], np.nanmean(found.outputs[:, row], axis=0), rtol=1e-12)
    low, high = found.intervals()["accuracy"]
    assert low < found.pooled()["accuracy"] < high


WRONG: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (pipeline(), {"epochs": 3}, ArgumentError, "epochs is for functions that make models"),
    (pipeline(), {"scale": True}, ArgumentError, "put a scaler before it in a Pipeline"),
    (pipeline(), {"metrics": "accurracy"}, UnknownNameError, "did you mean 'accuracy'"),
    (pipeline(), {"metrics": "rmse"}, ArgumentError, "compares numbers"),
    (LinearRegression(), {}, DataError, "LinearRegression predicts numbers"),
]


@pytest.mark.parametrize(("model", "options", "kind", "message"), WRONG, ids=lambda v: str(v)[:30])
def test_wrong_calls(model: Any, options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        cross_validate(model, *data(), **options)


def test_wrong_data() -> None:
    X, y = data()
    with pytest.raises(ShapeError, match="X has 60 rows and y has 59"):
        cross_validate(pipeline(), X, y[1:])
    with pytest.raises(DataError, match="several targets of several classes"):
        cross_validate(KNeighborsClassifier(), X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="NaN") as caught:
        cross_validate(pipeline(), np.where(X > 20, np.nan, X), y)
    assert any("in fold" in note for note in caught.value.__notes__)
