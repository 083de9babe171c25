"""What hurt users of scikit-learn's networks, each by the number of the report there."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_predict

import forwardnet as ff
from forwardnet import MLPClassifier, MLPRegressor, TrainingDivergedError
from forwardnet.errors import ArgumentError, FileFormatError
from forwardnet.estimators import load
from forwardnet.estimators.stopping import NoProgress
from forwardnet.interop import safetensors

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)[Y]
FAST: dict[str, Any] = {"max_iter": 8, "hidden_layer_sizes": (8,), "random_state": 0}


def test_24411_early_stopping_watches_what_it_is_told() -> None:
    for monitor, greater in (("loss", False), ("mae", False), ("r2", True)):
        network = MLPRegressor(**FAST, early_stopping=True, monitor=monitor).fit(X, X[:, 0])
        scores = network.validation_scores_
        assert len(scores) == network.n_iter_
        assert network.best_validation_score_ == (max if greater else min)(scores)
    with pytest.raises(ValueError, match="did you mean 'mae'"):
        MLPRegressor(**FAST, early_stopping=True, monitor="mea").fit(X, X[:, 0])


def test_24713_a_figure_that_is_no_number_is_never_the_best() -> None:
    class Epoch:
        epoch = 1
        optimizer = type("Optimizer", (), {"param_groups": [{"lr": 0.1}]})()
        history = type("History", (), {"best_epoch": None})()
        model = stopped = None

        def __init__(self) -> None:
            self.logs = {"val_r2": float("nan")}

        def stop(self, reason: str) -> None:
            self.stopped = reason

    rule, run = NoProgress(tol=1e-4, patience=1, monitor="val_r2", greater=True), Epoch()
    rule.restores = False
    for _ in range(2):
        rule.on_epoch_end(run)
    assert run.stopped == "no progress"
    assert rule.best_epoch is None
    rule.on_train_end(run)  # nothing to put back


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_29504_an_explosion_is_called_one(solver: str) -> None:
    network = MLPRegressor(solver=solver, learning_rate_init=1e200, **FAST, early_stopping=True)
    with pytest.raises(TrainingDivergedError, match=r"(?s)diverged at step .*lower the learning rate"):
        network.fit(X, X[:, 0])


def test_33774_early_stopping_with_text_labels() -> None:
    network = MLPClassifier(**FAST, early_stopping=True).fit(X, NAMES)
    assert set(network.predict(X)) <= set(NAMES)
    assert len(network.validation_scores_) == network.n_iter_


def test_24683_the_same_attributes_whatever_the_solver() -> None:
    fitted = [
        MLPClassifier(**FAST, **given).fit(X, Y)
        for given in ({}, {"solver": "sgd"}, {"solver": "lbfgs"}, {"early_stopping": True}, {"batch_size": 50})
    ]
    public = [{name for name in vars(network) if not name.startswith("_")} for network in fitted]
    assert all(names == public[0] for names in public)
    assert {"loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_", "diagnosis_"} <= public[0]


def test_25693_partial_fit_after_a_fit_with_early_stopping() -> None:
    network = MLPClassifier(**FAST, early_stopping=True).fit(X, Y)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        network.partial_fit(X, Y)
    before = network.t_
    network.set_params(early_stopping=False).partial_fit(X, Y)
    assert network.t_ == before + len(X)


def test_6994_partial_fit_heeds_the_classes_it_is_given() -> None:
    network = MLPClassifier(**FAST).partial_fit(X[Y < 2], Y[Y < 2], classes=[0, 1, 2])
    assert network.predict_proba(X).shape == (len(X), 3)
    network.partial_fit(X, Y)
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        network.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier(**FAST).partial_fit(X, Y)


def test_12505_partial_fit_of_several_labels() -> None:
    labels = np.stack([Y == 0, Y == 2], axis=1).astype(int)
    network = MLPClassifier(**FAST).partial_fit(X, labels)
    assert network.partial_fit(X, labels).predict(X).shape == labels.shape


def test_12605_a_warm_start_goes_on_for_as_long_as_it_is_told() -> None:
    network = MLPClassifier(**FAST, warm_start=True, n_iter_no_change=1, tol=1.0)
    for count in (1, 2, 3):
        network.fit(X, Y)
        # A gain of tol is never made after the first epoch, so each fit lasts as long as the first.
        assert network.n_iter_ == 3
        assert len(network.loss_curve_) == 3 * count
    assert network.loss_curve_[-1] < network.loss_curve_[0]
    with pytest.raises(ValueError, match=r"hidden_layer_sizes is \(9,\), but the network has \[8\]"):
        network.set_params(hidden_layer_sizes=(9,)).fit(X, Y)


def test_11758_other_classes_are_named() -> None:
    network = MLPClassifier(**FAST, warm_start=True).fit(X, NAMES)
    with pytest.raises(ValueError, match="same classes as in the previous call to fit.*`y` has.*other"):
        network.fit(X, np.where(NAMES == "setosa", "other", NAMES))
    with pytest.raises(ValueError, match="`y` has classes not in `self.classes_`"):
        MLPClassifier(**FAST).fit(X, NAMES).partial_fit(X, np.where(NAMES == "setosa", "other", NAMES))


@pytest.mark.slow
def test_7667_processes_do_not_hang() -> None:
    network = MLPClassifier(**FAST, compile=True)
    apart = cross_val_predict(network, X, NAMES, cv=3, n_jobs=2)
    assert (apart == cross_val_predict(network, X, NAMES, cv=3)).all()


def test_7280_and_13108_the_same_bits_for_any_number_of_threads() -> None:
    settings = {**FAST, "compile": True, "batch_size": 30}
    one, two, again = (
        MLPClassifier(**settings, threads=threads).fit(X, Y).predict_proba(X).tobytes() for threads in (1, 2, 2)
    )
    assert one == two == again
    assert MLPClassifier(**settings, n_jobs=1).fit(X, Y).predict_proba(X).tobytes() == one


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("way", ["pickle", "file", "twice"])
def test_partial_fit_goes_on_after_a_file_as_if_nothing_had_been(tmp_path: Path, solver: str, way: str) -> None:
    network = MLPClassifier(**FAST, solver=solver, batch_size=32)
    network.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X, Y)
    if way == "pickle":
        copy = pickle.loads(pickle.dumps(network))
    else:
        network.save(tmp_path / "a")
        copy = load(tmp_path / "a")
        if way == "twice":  # a file of what was only loaded
            copy.save(tmp_path / "b")
            copy = load(tmp_path / "b")
    for each in (network, copy):
        each.partial_fit(X, Y).partial_fit(X, Y)
    assert all((a == b).all() for a, b in zip(network.coefs_, copy.coefs_, strict=True))


def test_files_without_the_memory_of_the_optimiser(tmp_path: Path) -> None:
    network = MLPClassifier(**FAST).fit(X, Y)
    network.save(tmp_path / "with")
    network.save(tmp_path / "without", optimizer=False)
    sizes = [len(safetensors.read(tmp_path / name)[0]) for name in ("with", "without")]
    assert sizes == [12, 4]  # two moments of four parameters
    for name in ("with", "without"):
        assert (load(tmp_path / name).predict_proba(X) == network.predict_proba(X)).all()
        assert len(ff.load(tmp_path / name).state_dict()) == 4
    assert load(tmp_path / "without").partial_fit(X, Y).t_ == network.t_ + len(X)
    changed = load(tmp_path / "with").set_params(solver="sgd")
    with pytest.raises(ArgumentError, match="remembers .* of another optimiser"):
        changed.partial_fit(X, Y)


@pytest.mark.parametrize("fault", ["lacks", "shape", "group", "kind"])
def test_a_damaged_memory_is_refused(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "network"
    MLPClassifier(**FAST).fit(X, Y).save(path)
    arrays, strings = safetensors.read(path)
    metadata = json.loads(strings["metadata"])
    memory = metadata["estimator"]["memory"]
    if fault == "lacks":
        arrays = {name: array for name, array in arrays.items() if not name.endswith("array 3")}
    elif fault == "shape":
        arrays["extra/array 0"] = np.zeros((2, 2), np.float32)
    else:
        groups = next(value for key, value in memory["dict"] if key == "optimizer")["dict"][1][1]["list"]
        groups[0]["dict"].append(["lr", "fast"] if fault == "kind" else ["steepness", 3.0])
    safetensors.write(path, arrays, {**strings, "metadata": json.dumps(metadata)})
    with pytest.raises((FileFormatError, ArgumentError)):
        load(path).partial_fit(X, Y)


def test_nothing_is_warned_of() -> None:
    # Warnings are errors in these tests; scikit-learn warns that this one has not converged.
    network = MLPClassifier(**FAST).fit(X, Y)
    assert network.diagnosis_.change == {"max_iter": 24}
