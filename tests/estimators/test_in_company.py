"""The estimators in pipelines, searches and ensembles; pickled, saved, diagnosed, watched."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from forwardnet import MLPClassifier, MLPRegressor
from forwardnet.errors import ArgumentError, FileFormatError
from forwardnet.estimators import LinearRegressor, LogisticRegression, Perceptron, load
from forwardnet.interop import safetensors, save

X, Y = load_iris(return_X_y=True)
XD, YD = load_diabetes(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)[Y]
FAST: dict[str, Any] = {"max_iter": 10, "hidden_layer_sizes": (8,), "random_state": 0, "learning_rate_init": 0.05}


def test_pipelines_and_searches() -> None:
    pipe = make_pipeline(StandardScaler(), MLPClassifier(**FAST))
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [1e-4, 100.0]}, cv=2).fit(X, NAMES)
    assert search.best_params_ == {"mlpclassifier__alpha": 1e-4}
    assert search.score(X, NAMES) > 0.8


@pytest.mark.parametrize(
    "ensemble",
    [
        BaggingClassifier(MLPClassifier(**{**FAST, "max_iter": 40}), n_estimators=3, random_state=0),
        AdaBoostClassifier(MLPClassifier(**FAST), n_estimators=3, random_state=0),
        StackingClassifier([("a", MLPClassifier(**FAST)), ("b", LogisticRegression())], cv=2),
    ],
    ids=["bagging", "adaboost", "stacking"],
)
def test_ensembles(ensemble: Any) -> None:
    assert ensemble.fit(X, NAMES).score(X, NAMES) > 0.8


def test_clones_and_pickles() -> None:
    network = MLPClassifier(**FAST, dropout=0.1, optimizer="adamw").fit(X, NAMES)
    fresh = clone(network)
    assert fresh.get_params() == network.get_params() and not hasattr(fresh, "network_")
    copy = pickle.loads(pickle.dumps(network))
    assert copy.predict_proba(X).tobytes() == network.predict_proba(X).tobytes()
    assert copy.score(X, NAMES) == network.score(X, NAMES)


# ---------------------------------------------------------------- files

SAVED: dict[str, Any] = {
    "classes": lambda: MLPClassifier(**FAST, class_weight={"setosa": 2, "versicolor": 1, "virginica": 1}),
    "calibrated": lambda: MLPClassifier(**FAST, calibrate=True),
    "early stopping": lambda: MLPClassifier(**FAST, early_stopping=True),
    "a function": lambda: MLPClassifier(**FAST, optimizer=_adam),
    "logistic": lambda: LogisticRegression(C=np.inf),
    "perceptron": lambda: Perceptron(max_iter=3),
}


def _adam(parameters: Any) -> Any:
    from forwardnet import optim

    return optim.Adam(parameters)


@pytest.mark.parametrize("name", SAVED)
def test_files_of_classifiers(name: str, tmp_path: Path) -> None:
    made, path = SAVED[name]().fit(X, NAMES), tmp_path / "model.safetensors"
    made.save(path)
    again = load(path)
    assert type(again) is type(made)
    answer = "predict_proba" if hasattr(made, "predict_proba") else "decision_function"
    assert getattr(again, answer)(X).tobytes() == getattr(made, answer)(X).tobytes()
    assert (again.predict(X) == made.predict(X)).all() and again.predict(X).dtype == made.predict(X).dtype
    expected = {k: None if callable(v) else v for k, v in made.get_params().items()}
    assert again.get_params() == expected
    assert str(again.diagnosis_) == str(made.diagnosis_) and again.n_iter_ == made.n_iter_


def test_files_of_regressors_and_tables(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for made in (MLPRegressor("quantile", **FAST), MLPRegressor(**FAST, scale=True), LinearRegressor("huber")):
        made.fit(XD, YD).save(path)
        assert load(path).predict(XD).tobytes() == made.predict(XD).tobytes()
    table = {"length": X[:, 0], "size": np.where(X[:, 3] > 1, "large", "small")}
    pandas = pytest.importorskip("pandas", reason="frames of pandas are optional")
    frame = pandas.DataFrame(table)
    columns = MLPClassifier(**FAST).fit(frame, NAMES)
    columns.save(path)
    again = load(path)
    assert again.predict_proba(frame).tobytes() == columns.predict_proba(frame).tobytes()
    assert again.partial_fit(frame, NAMES).t_ == columns.t_ + len(X)


def test_damaged_files_are_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    made = MLPClassifier(**FAST).fit(X, NAMES)
    with pytest.raises(ArgumentError, match="nothing has been learnt yet"):
        MLPClassifier().save(path)
    made.save(path)
    arrays, strings = safetensors.read(path)
    good = strings["metadata"]
    bad = {
        '"class":"MLPClassifier"': '"class":"os.system"',
        '"class":"MLPRegressor"'[:0] + '"format":1': '"format":2',
        '"n_features_in_":4': '"n_features_in_":5',
        '"_is_multilabel":false': '"_is_multilabel":0',
        '"alpha":0.0001': '"alhpa":0.0001',
        '"classes_":{"array":["setosa",': '"classes_":{"array":["a","b",',
        '"temperature_":1.0': '"temperature_":-1.0',
        '"type":"float64"': '"type":"complex64"',
        '"diagnosis":': '"diagnoses":',
    }
    for old, new in bad.items():
        assert old in good, old
        safetensors.write(path, arrays, {**strings, "metadata": good.replace(old, new, 1)})
        with pytest.raises(FileFormatError):
            load(path)
    save(made.network_, path)
    with pytest.raises(FileFormatError, match="no estimator"):
        load(path)
    path.write_bytes(b"12345678 no model")
    with pytest.raises(FileFormatError):
        load(path)


# ---------------------------------------------------------------- diagnosis


def test_a_diagnosis_measures_and_says_what_to_change(capsys: pytest.CaptureFixture[str]) -> None:
    short = MLPClassifier(**{**FAST, "learning_rate_init": 1e-3}, verbose=True).fit(X, NAMES)
    (finding,) = short.diagnosis_
    fall = 1 - (short.loss_curve_[-1] / short.loss_curve_[-3]) ** 0.5
    assert f"still falls by {fall:.1%} per epoch after 10 epochs" in finding.text
    assert short.diagnosis_.change == {"max_iter": 30}
    printed = capsys.readouterr().out
    assert "Iteration 10, loss = " in printed and "set max_iter=30" in printed
    fast = MLPClassifier(**{**FAST, "learning_rate_init": 3.0}).fit(X, NAMES)
    assert "times its first value" in str(fast.diagnosis_) and fast.diagnosis_.change["learning_rate_init"] == 0.3
    wild = MLPRegressor(**FAST, scale=False).fit(X * [1, 1, 1, 1e4], X[:, 0])
    assert wild.diagnosis_.change["scale"] == "auto"
    done = MLPClassifier(**{**FAST, "max_iter": 300}, tol=0.01).fit(X, NAMES)
    assert len(done.diagnosis_) == 0 and "no gain above tol=0.01 in 10 in a row" in str(done.diagnosis_)
    steps = MLPRegressor(solver="lbfgs", **FAST).fit(X, X[:, 0])
    assert "max_iter=10 was reached" in str(steps.diagnosis_) and steps.diagnosis_.change == {"max_iter": 30}


# ---------------------------------------------------------------- scikit-learn's callbacks


def test_callbacks_of_scikit_learn_see_each_epoch_and_may_stop() -> None:
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
    monitor = callback.ScoringMonitor(scoring="accuracy")
    network = MLPClassifier(**FAST).set_callbacks(monitor).fit(X, NAMES)
    assert network.n_iter_ == 10

    class Third:
        seen = 0

        def setup(self, estimator: Any, context: Any) -> None: ...

        def teardown(self, estimator: Any, context: Any) -> None: ...

        def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

        def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> bool:
            if context.task_name == "epoch":
                Third.seen += 1
                assert fitted_estimator.predict(X[:2]).shape == (2,)
            return Third.seen == 3

    stopped = MLPClassifier(**FAST).set_callbacks(Third()).fit(X, NAMES)
    assert stopped.n_iter_ == 3 == Third.seen
