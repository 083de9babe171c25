"""The same random_state, data and order: scikit-learn's loss curve, weights and answers, to the rounding of float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import neural_network as sk
from sklearn.datasets import load_diabetes, load_digits, load_iris

from forwardnet import MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)
XD, YD = load_diabetes(return_X_y=True)
XD, YD = 20 * XD[:150], (YD[:150] - YD.mean()) / YD.std()
BASE: dict[str, Any] = {"random_state": 3, "shuffle": False, "max_iter": 12, "hidden_layer_sizes": (9,)}
# Native code for each of these would take longer to make than the test takes.
EAGER: dict[str, Any] = {"compile": False}
# Sums in another order: a few units in the last place (1e-16) that a dozen epochs of Adam, whose steps do not depend on
# the size of a gradient, may enlarge a thousandfold.
CLOSE = 1e-10
WEIGHT = np.random.RandomState(0).uniform(0.1, 2, 150)

SOLVERS: dict[str, dict[str, Any]] = {
    "adam": {},
    "adam, other numbers": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "learning_rate_init": 0.01, "alpha": 0.5},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "sgd without Nesterov": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5},
    "sgd without momentum": {"solver": "sgd", "momentum": 0.0},
    "sgd, invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "learning_rate_init": 0.1},
    "sgd, adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
    "lbfgs": {"solver": "lbfgs"},
    "batches": {"batch_size": 32, "alpha": 0.1},
    "logistic": {"activation": "logistic", "hidden_layer_sizes": (7, 5)},
    "tanh": {"activation": "tanh"},
    "identity": {"activation": "identity"},
    "one number": {"hidden_layer_sizes": 6},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 3},
    "ends by tol": {"tol": 0.1, "n_iter_no_change": 2},
    "weights": {"sample_weight": WEIGHT},
    "weights in batches": {"sample_weight": WEIGHT, "batch_size": 40, "alpha": 1.0},
}


def agree(ours: Any, theirs: Any, X: Any, y: Any, **given: Any) -> None:
    """Fit both, and compare all there is."""
    theirs.fit(X, y, **given)
    ours.fit(X, y, **given)
    assert ours.n_iter_ == theirs.n_iter_ > 0
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=CLOSE)
    if hasattr(theirs, "loss_curve_"):
        assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=CLOSE)
        for name in ("best_loss_", "validation_scores_", "best_validation_score_"):
            own, known = getattr(ours, name), getattr(theirs, name)
            assert own is known is None or own == pytest.approx(known, rel=CLOSE), name
        assert ours.t_ == theirs.t_
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for mine, own in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(mine, own, rtol=1e-8, atol=CLOSE)
    np.testing.assert_allclose(
        ours.predict(X).astype(float), np.asarray(theirs.predict(X), float), rtol=1e-8, atol=CLOSE
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("kind", ["classes", "two classes", "numbers"])
def test_solvers(name: str, kind: str) -> None:
    settings = {**BASE, **SOLVERS[name]}
    given = {"sample_weight": settings.pop("sample_weight")} if "sample_weight" in settings else {}
    if kind == "numbers":
        agree(MLPRegressor(**settings, **EAGER), sk.MLPRegressor(**settings), XD, YD, **given)
    else:
        y = Y if kind == "classes" else np.where(Y == 1, "yes", "no")
        if kind == "two classes":
            theirs, ours = sk.MLPClassifier(**settings), MLPClassifier(**settings, **EAGER)
            theirs.fit(X, y, **given)
            ours.fit(X, y, **given)
            np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-8, atol=CLOSE)
            assert ours.score(X, y) == theirs.score(X, y)
        else:
            agree(MLPClassifier(**settings, **EAGER), sk.MLPClassifier(**settings), X, y, **given)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_several_labels_several_targets_and_counts() -> None:
    several = np.stack([Y == 0, Y > 0, X[:, 0] > 6], axis=1).astype(int)
    agree(MLPClassifier(**BASE), sk.MLPClassifier(**BASE), X, several)
    agree(MLPRegressor(**BASE), sk.MLPRegressor(**BASE), XD, np.stack([YD, YD**2], axis=1))
    counts = np.round(np.exp(YD))
    agree(MLPRegressor("poisson", **BASE), sk.MLPRegressor("poisson", **BASE), XD, counts)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_native_code_gives_the_same_curve() -> None:
    digits, labels = (data[:1600] for data in load_digits(return_X_y=True))  # whole batches: one program
    settings = {"random_state": 0, "shuffle": False, "max_iter": 5, "hidden_layer_sizes": (16,)}
    theirs = sk.MLPClassifier(**settings).fit(digits / 16, labels)
    ours = MLPClassifier(**settings, precision="float64", compile=True).fit(digits / 16, labels)
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=CLOSE)
    single = MLPClassifier(**settings, precision="float32").fit(digits / 16, labels)
    assert single.coefs_[0].dtype == np.float32
    # 2^-24 in each of 40 steps of 1,200 weights.
    assert single.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-4)


def test_the_parameters_are_scikit_learns_in_their_order_and_with_their_defaults() -> None:
    for ours, theirs in ((MLPClassifier, sk.MLPClassifier), (MLPRegressor, sk.MLPRegressor)):
        own, known = ours().get_params(), theirs().get_params()
        assert {name: own[name] for name in known} == known
        args = (("poisson",) if ours is MLPRegressor else ()) + ((3, 4), "tanh")
        positional = ours(*args).get_params()
        assert {name: positional[name] for name in known} == theirs(*args).get_params()
