"""Workers: the result is the same wherever and by how many it is made, and Ctrl-C keeps what is done."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier

import forwardnet as ff
from forwardnet import nn
from forwardnet.train import many
from forwardnet.validate import Validation, cross_validate, sweep
from forwardnet.validate.parallel import Workers

N = 51


def data() -> tuple[Any, Any]:
    found = ff.datasets.load("moons", n=N, noise=0.3, seed=0)
    return found.X, found.y


def net(lr: float = 0.02) -> ff.Trainer:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Dropout(0.2), nn.Linear(3, 2))
    return ff.Trainer(model, "cross_entropy", ff.optim.Adam(model.parameters(), lr=lr))


def test_workers_are_what_joblib_is_told() -> None:
    assert Workers.of(3) == Workers(3, True)
    assert Workers.of(None).is_here
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert Workers.of(None) == Workers(2, False)
        assert Workers.of(1) == Workers(1, False)
    with joblib.parallel_config(n_jobs=1):
        assert Workers.of(None) == Workers(1, True)
    inside = joblib.Parallel(2, prefer="threads")(joblib.delayed(Workers.of)(None) for _ in range(2))
    assert [one.count for one in inside] == [1, 1]


def networks() -> Validation:
    """17 + 17 + 16 networks in three groups: a fleet of one and another of sixteen is cut in two elsewhere."""
    X, y = data()
    cv = [(np.delete(np.arange(N), [i, (i + 1) % N][: 1 + i % 2]), [i]) for i in range(20)]
    return cross_validate(net, X, y, cv=cv, epochs=2, batch_size=20)


def estimators() -> Validation:
    X, y = data()
    return cross_validate(RandomForestClassifier(5), X, y, cv=4)


@pytest.mark.parametrize("make", [networks, estimators])
def test_threads_and_processes_give_the_same_bits(make: Any) -> None:
    with joblib.parallel_config(n_jobs=1):
        expected = make().answers.tobytes()
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert make().answers.tobytes() == expected
    with joblib.parallel_config(backend="loky", n_jobs=2):
        found = make()
    assert found.answers.tobytes() == expected
    assert not found.is_cut and len(found.histories) == (20 if make is networks else 0)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_products_of_matrices_do_not_depend_on_the_number_of_workers() -> None:
    """scikit-learn's own network: its sums are BLAS's, whose order may hang on its number of threads."""
    X, y = data()
    found = [
        cross_validate(MLPClassifier((150,), max_iter=3, tol=1e9), X, y, cv=3, n_jobs=jobs).answers.tobytes()
        for jobs in (1, 2)
    ]
    assert found[0] == found[1]


def test_models_come_back_from_other_processes() -> None:
    X, y = data()
    with joblib.parallel_config(backend="loky", n_jobs=2):
        found = cross_validate(net, X, y, cv=3, epochs=1, keep_models=True)
    for fold, model in zip(found.folds, found.models, strict=True):
        scaler = ff.data.scaling.Standardizer().fit(X[fold.train])
        again = ff.Trainer(model, "cross_entropy", "adam").predict(scaler.transform(X[fold.test]))
        np.testing.assert_array_equal(again, found.predictions[fold.test])


@pytest.mark.slow
def test_a_local_ray_of_two_workers_gives_the_same_bits() -> None:
    ray = pytest.importorskip("ray", reason="pip install 'forwardnet[cluster]'")
    from ray.util.joblib import register_ray

    register_ray()
    with joblib.parallel_config(n_jobs=1):
        expected = [networks().answers.tobytes(), estimators().answers.tobytes()]
    ray.init(num_cpus=2, include_dashboard=False, configure_logging=False, log_to_driver=False)
    try:
        with joblib.parallel_config(backend="ray", n_jobs=2):
            assert not Workers.of(None).is_here
            found = [networks().answers.tobytes(), estimators().answers.tobytes()]
    finally:
        ray.shutdown()
    assert found == expected


class Interrupting(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Presses Ctrl-C while the fold with row 0 in its test part is learnt."""

    def fit(self, X: Any, y: Any) -> Interrupting:
        if 0 not in y:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.2)  # the signal arrives while this one works
        self.fitted_ = True
        return self

    def predict(self, X: Any) -> Any:
        return X[:, 0]


def test_ctrl_c_keeps_the_folds_that_are_done() -> None:
    X = np.arange(40.0)[:, None] * 0.5
    cv = [(np.setdiff1d(np.arange(40), np.arange(i, i + 4)), np.arange(i, i + 4)) for i in (36, 32, 0, 20, 24)]
    found = cross_validate(Interrupting(), X, X[:, 0], cv=cv, n_jobs=1, metrics="mae")
    assert found.is_cut
    assert found.notes[-1] == "interrupted: 2 of 5 folds are done"
    assert np.isfinite(found.scores["mae"]).tolist() == [True, True, False, False, False]
    assert np.flatnonzero(np.isfinite(found.predictions[:, 0])).tolist() == list(range(32, 40))
    assert found.pooled()["mae"] == 0
    with pytest.raises(KeyboardInterrupt):
        cross_validate(Interrupting(), X, X[:, 0], cv=cv[2:], n_jobs=1)


def test_ctrl_c_keeps_the_networks_that_are_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes when the second of six networks has been trained in a thread: those after it do not begin."""
    X, y = data()
    alone = many._Many._alone
    begun: list[int] = []

    def pressed(self: Any, job: Any) -> None:
        begun.append(job.number)
        alone(self, job)
        if len(begun) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            self.stopped.wait(60)

    monkeypatch.setattr(many._Many, "_alone", pressed)

    def eager() -> ff.Trainer:
        model = nn.Linear(2, 2)
        return ff.Trainer(model, "cross_entropy", "adam", compile=False)

    found = cross_validate(eager, X, y, cv=6, epochs=1, n_jobs=1)
    done = np.isfinite(found.scores["accuracy"])
    assert found.is_cut and found.notes[-1] == f"interrupted: {done.sum()} of 6 folds are done"
    assert done.tolist() == [True, True, False, False, False, False]
    assert len(found.histories) == done.sum()


def test_ctrl_c_in_a_sweep_keeps_the_trials_that_are_done() -> None:
    X = np.arange(40.0)[:, None] * 0.5
    cv = [(np.setdiff1d(np.arange(40), np.arange(i, i + 4)), np.arange(i, i + 4)) for i in (36, 0)]
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(Ridge())
    space = {"ridge": [Ridge(), Interrupting()]}
    found = sweep(model, X, X[:, 0], space, cv=cv, n_jobs=1)
    assert found.is_cut and "ridge" in found.best_params
    assert [int(np.isfinite(trial.validation.scores["rmse"]).sum()) for trial in found.trials] == [2, 1]


def test_progress_is_of_the_whole() -> None:
    X, y = data()
    seen: list[tuple[int, int]] = []
    sweep(
        net, X, y, {"lr": [0.01, 0.02]}, cv=3, epochs=1, progress=lambda tally: seen.append((tally.done, tally.total))
    )
    assert seen[-1] == (6, 6) and [done for done, _ in seen] == sorted(done for done, _ in seen)
