"""Estimators fitted together are what they are alone, whatever trains beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as Foreign
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import forwardnet as ff
from forwardnet.estimators import MLPClassifier, MLPRegressor
from forwardnet.estimators.together import fit_together
from forwardnet.train import many
from forwardnet.validate import cross_validate

N, D = 60, 4


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, D))
    return X, X @ [1.0, -2, 0.5, 0] + np.sin(3 * X[:, 0])


def parts(count: int) -> tuple[list[Any], list[Any]]:
    X, y = data()
    return [np.delete(X, i, 0) for i in range(count)], [np.delete(y, i) for i in range(count)]


def model(seed: int = 0, **params: Any) -> Any:
    settings = {"learning_rate_init": 0.02, "max_iter": 40, "batch_size": 16, "precision": "float32", "compile": True}
    return MLPRegressor(hidden_layer_sizes=(6,), random_state=seed, **{**settings, **params})


@pytest.fixture
def fleets(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many models went into each native program."""
    seen: list[int] = []
    whole = many._Many._together

    def counted(self: Any, fleet: Any, jobs: Any) -> None:
        seen.append(len(jobs))
        whole(self, fleet, jobs)

    monkeypatch.setattr(many._Many, "_together", counted)
    return seen


@pytest.mark.parametrize("tol", [1e-4, 0.2])
def test_each_is_what_fit_gives(tol: float, fleets: list[int]) -> None:
    """Also where the rule ends each after another number of epochs: its own."""
    Xs, ys = parts(4)
    some = [model(i, tol=tol, n_iter_no_change=2) for i in range(4)]
    fit_together(some, Xs, ys)
    assert fleets == [4]
    X, _ = data()
    for i, one in enumerate(some):
        alone = model(i, tol=tol, n_iter_no_change=2).fit(Xs[i], ys[i])
        assert one.n_iter_ == alone.n_iter_ and one.history_.stopped == alone.history_.stopped
        np.testing.assert_allclose(one.loss_curve_, alone.loss_curve_, rtol=1e-4)  # float32 over up to 160 steps
        np.testing.assert_allclose(one.predict(X), alone.predict(X), rtol=1e-3, atol=1e-4)
        assert str(one.diagnosis_) == str(alone.diagnosis_)
    if tol > 0.1:
        assert len({one.n_iter_ for one in some}) > 1 and all(one.history_.stopped for one in some)


def test_company_and_threads_change_no_bit() -> None:
    Xs, ys = parts(7)
    X, _ = data()

    def run(numbers: list[int], threads: int) -> list[bytes]:
        some = [model(i) for i in numbers]
        fit_together(some, [Xs[i] for i in numbers], [ys[i] for i in numbers], threads)
        return [one.predict(X).tobytes() for one in some]

    whole = run(list(range(7)), 2)
    assert run([6, 1, 3], 1) == [whole[6], whole[1], whole[3]]


def test_those_of_other_parameters_do_not_train_in_one_program(fleets: list[int]) -> None:
    Xs, ys = parts(6)
    some = [model(i, alpha=[1e-4, 5.0][i % 2]) for i in range(6)]
    fit_together(some, Xs, ys)
    assert fleets == [3, 3]
    for i in (0, 1):
        alone = model(i, alpha=[1e-4, 5.0][i]).fit(Xs[i], ys[i])
        np.testing.assert_allclose(some[i].loss_curve_, alone.loss_curve_, rtol=1e-4)


def test_short_fits_get_native_code_where_there_are_many(fleets: list[int]) -> None:
    """Eleven run eagerly, one by one, as each would alone; twelve share a program."""
    Xs, ys = parts(12)
    few, enough = ([model(i, max_iter=3, compile="auto") for i in range(count)] for count in (11, 12))
    fit_together(few, Xs[:11], ys[:11])
    assert fleets == []
    alone = model(5, max_iter=3, compile="auto").fit(Xs[5], ys[5])
    np.testing.assert_array_equal(few[5].predict(Xs[0]), alone.predict(Xs[0]))
    fit_together(enough, Xs, ys)
    assert fleets == [12]
    np.testing.assert_allclose(enough[5].predict(Xs[0]), alone.predict(Xs[0]), rtol=1e-3, atol=1e-5)


LOOKED_AT: list[dict[str, Any]] = [
    {"early_stopping": True},
    {"solver": "lbfgs"},
    {"solver": "sgd", "learning_rate": "adaptive"},
    {"optimizer": lambda parts: ff.optim.Adam(parts, lr=0.01)},
]


@pytest.mark.parametrize("params", LOOKED_AT, ids=lambda p: str(next(iter(p))))
def test_what_has_to_be_looked_at_between_epochs_trains_alone(params: dict[str, Any], fleets: list[int]) -> None:
    Xs, ys = parts(3)
    some = [model(i, **params) for i in range(3)]
    fit_together(some, Xs, ys)
    assert fleets == []
    alone = model(1, **params).fit(Xs[1], ys[1])
    np.testing.assert_array_equal(some[1].predict(Xs[0]), alone.predict(Xs[0]))


def test_validations_fit_folds_together_in_pipelines_too(fleets: list[int]) -> None:
    X, y = data()
    classes = np.where(y > 0, "up", "down")
    net = MLPClassifier(hidden_layer_sizes=(5,), max_iter=30, batch_size=16, learning_rate_init=0.02, compile=True)
    for learner, columns in ((net, X), (make_pipeline(StandardScaler(), net), X * [1, 10, 100, 1000])):
        fleets.clear()
        found = cross_validate(learner, columns, classes, cv=6, keep_models=True)
        assert fleets == [6]
        for fold, one in zip(found.folds, found.models, strict=True):
            np.testing.assert_array_equal(one.predict_proba(columns[fold.test]), found.predictions[fold.test])
            if learner is not net:
                np.testing.assert_allclose(one[0].mean_, columns[fold.train].mean(0))
        assert found.pooled()["accuracy"] > 0.75
    fleets.clear()
    cross_validate(Foreign(), X, classes, cv=6)
    assert fleets == []


def test_leave_one_out_of_a_table_with_categories() -> None:
    """Each fold has an encoder of its own; rows are taken of a data frame."""
    pandas = pytest.importorskip("pandas", reason="a data frame is needed")
    X, y = data()
    frame = pandas.DataFrame({"a": X[:20, 0], "c": np.where(X[:20, 1] > 0, "u", "v")})
    found = ff.validate.leave_one_out(MLPRegressor(hidden_layer_sizes=(4,), max_iter=5), frame, y[:20])
    assert np.isfinite(found.predictions).all() and not found.is_cut
