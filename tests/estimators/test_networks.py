"""What the estimators do beyond scikit-learn's: scales, tables, other losses, validation rows, presets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from forwardnet import MLPClassifier, MLPRegressor
from forwardnet.errors import ArgumentError, DataError, ShapeError
from forwardnet.estimators.calibration import temperature
from forwardnet.estimators.scaling import is_wild, measured

Array = NDArray[Any]
X, Y = load_iris(return_X_y=True)
XD, YD = load_diabetes(return_X_y=True)
XB, YB = load_breast_cancer(return_X_y=True)
# Eagerly: native code for each of these networks would take longer to make than the tests take.
FAST: dict[str, Any] = {
    "max_iter": 20,
    "hidden_layer_sizes": (16,),
    "random_state": 0,
    "learning_rate_init": 0.05,
    "compile": False,
}


def by_hand(network: Any, X: Array) -> Array:
    """The outputs (n, k) by the attributes alone."""
    hidden = np.maximum(X @ network.coefs_[0] + network.intercepts_[0], 0)
    return np.asarray(hidden @ network.coefs_[1] + network.intercepts_[1])


# ---------------------------------------------------------------- scales


def test_wild_scales_are_taken_out_and_folded_back() -> None:
    assert is_wild(XB)
    network = MLPClassifier(**FAST).fit(XB, YB)
    assert network.score(XB, YB) > 0.95 > MLPClassifier(**FAST, scale=False).fit(XB, YB).score(XB, YB)
    probability = 1 / (1 + np.exp(-by_hand(network, XB)[:, 0]))
    # float32: 2^-24 of scaled sums of about 10.
    np.testing.assert_allclose(network.predict_proba(XB)[:, 1], probability, atol=1e-5)
    regression = MLPRegressor(**FAST).fit(XB, 1000 * YB)
    np.testing.assert_allclose(regression.predict(XB), by_hand(regression, XB)[:, 0], atol=1e-2)


@pytest.mark.parametrize(
    ("column", "wild"),
    [
        ([0.0, 1.0, 2.0], False),
        ([0.0, 16.0, 7.0], False),  # pixels of small images
        ([1999.0, 2000.0, 2001.0], True),
        ([1e-5, 3e-5, 2e-5], False),  # beside a column of ones and twos it is 1e5 times smaller
        ([7.0, 7.0, 7.0], False),
    ],
)
def test_what_is_wild(column: list[float], wild: bool) -> None:
    alone = np.array(column)[:, None]
    beside = np.hstack([alone, [[1.0], [2.0], [1.5]]])
    is_tiny = max(column) < 1e-2
    assert is_wild(alone) is (wild or is_tiny)
    assert is_wild(beside) is (wild or is_tiny)


def test_scales_are_weighted_and_bounded() -> None:
    column = np.array([[0.0], [0.0], [4.0]])
    assert measured(column, np.array([1.0, 1.0, 2.0])).shift == measured(np.array([[0.0], [0], [4], [4]])).shift
    rare = np.zeros((10_000, 1))
    rare[0] = 5
    assert measured(rare).apply(rare).max() == pytest.approx(10)
    constant = measured(np.full((5, 1), 0.1))
    assert constant.factor == 1


def test_weights_can_be_written() -> None:
    network = MLPClassifier(**FAST, scale=False).fit(X, Y)
    before = network.predict_proba(X)
    network.coefs_[1][...] = 0.0
    assert not np.array_equal(network.predict_proba(X), before)
    scaled = MLPRegressor(**FAST, scale=True).fit(X, 50 * X[:, 0])
    kept = scaled.coefs_, scaled.intercepts_
    before = scaled.predict(X)
    scaled.coefs_ = [np.zeros_like(c) for c in kept[0]]
    assert np.ptp(scaled.predict(X)) == pytest.approx(0, abs=1e-9)
    scaled.coefs_, scaled.intercepts_ = kept
    np.testing.assert_allclose(scaled.predict(X), before, rtol=1e-9)
    with pytest.raises(ShapeError):
        scaled.coefs_ = kept[0][:1]


# ---------------------------------------------------------------- tables


def frame() -> Any:
    pandas = pytest.importorskip("pandas", reason="frames of pandas are optional")
    size = np.where(X[:, 3] > 1, "large", "small")
    gaps = np.where(np.arange(len(X)) % 7 == 0, np.nan, X[:, 2])
    return pandas.DataFrame({"length": X[:, 0], "size": size, "petal": gaps})


def test_frames_with_gaps_and_categories() -> None:
    table, names = frame(), np.array(["a", "b", "c"])[Y]
    network = MLPClassifier(**FAST).fit(table, names)
    assert network.score(table, names) > 0.9
    assert list(network.feature_names_in_) == ["length", "size", "petal"]
    new = table.iloc[:3].copy()
    new["size"] = ["huge", None, "small"]
    assert np.isfinite(network.predict_proba(new)).all()
    with pytest.raises(ValueError, match="feature names should match"):
        network.predict(table[["size", "length", "petal"]].rename(columns={"size": "other"}))


def test_mappings_of_columns() -> None:
    columns = {"size": [1.0, 2.0, None, 4.0] * 5, "colour": ["red", "blue", "red", "blue"] * 5}
    y = [0, 1, 0, 1] * 5
    recipe: dict[str, Any] = {"preset": "realmlp", "epochs": 2, "compile": False}
    for settings in (FAST, recipe):
        network = MLPClassifier(**settings).fit(columns, y)
        assert network.feature_names_in_.tolist() == ["size", "colour"] and network.n_features_in_ == 2
        turned = {"colour": columns["colour"], "size": columns["size"]}  # found by name
        np.testing.assert_array_equal(network.predict_proba(turned), network.predict_proba(columns))
    with pytest.raises(DataError, match="the column 'size' is missing"):
        network.predict({"colour": ["red"]})


def test_arrays_with_gaps_and_texts() -> None:
    gaps = X.copy()
    gaps[::5, 1] = np.nan
    network = MLPClassifier(**FAST).fit(gaps, Y)
    assert network.score(gaps, Y) > 0.9 and network.score(X, Y) > 0.9
    texts = np.array([["a", "x"], ["b", "y"], ["a", "y"], ["b", "x"]] * 20)
    labels = np.array([0, 1, 1, 0] * 20)
    assert MLPClassifier(**{**FAST, "learning_rate_init": 0.1}).fit(texts, labels).score(texts, labels) == 1
    codes = np.hstack([X[:, :1], Y[:, None]])
    network = MLPClassifier(**FAST, categorical_features=[1]).fit(codes, Y)
    assert network.score(codes, Y) == 1
    records = [{"a": 1.0, "b": "x"}, {"a": 2.0, "b": "y"}] * 20
    assert MLPClassifier(**FAST).fit(records, [0, 1] * 20).n_features_in_ == 2
    with pytest.raises(DataError, match="row 0, column 1, and the network has learnt from rows without gaps"):
        MLPClassifier(**FAST).fit(X, Y).predict(gaps)
    with pytest.raises(ValueError, match="inf"):
        MLPClassifier(**FAST).fit(np.where(X > 7, np.inf, X), Y)


# ---------------------------------------------------------------- losses


def test_quantiles_hold_their_share_and_do_not_cross() -> None:
    network = MLPRegressor("quantile", **{**FAST, "max_iter": 60}, quantiles=(0.9, 0.1)).fit(20 * XD, YD)
    low, high = network.predict_interval(20 * XD)
    assert (low <= high).all()
    # 442 rows: a share of 0.8 has a standard deviation of 0.02, and the network is no perfect fit.
    assert np.mean((low <= YD) & (YD <= high)) == pytest.approx(0.8, abs=0.08)
    two = MLPRegressor("quantile", **FAST).fit(XD, np.stack([YD, -YD], axis=1))
    assert two.predict_quantiles(XD).shape == (442, 2, 3)
    assert two.predict(XD).shape == (442, 2)
    with pytest.raises(ArgumentError, match="quantiles is 1.5, expected numbers between 0 and 1"):
        MLPRegressor("quantile", **FAST, quantiles=(0.5, 1.5)).fit(XD, YD)
    with pytest.raises(ArgumentError, match=r"leave level out"):
        network.predict_interval(XD, 0.5)


def test_gaussians_say_how_sure_they_are() -> None:
    random = np.random.RandomState(0)
    place = random.uniform(-1, 1, (600, 1))
    y = 300 * (place[:, 0] + (0.02 + 0.3 * (place[:, 0] > 0)) * random.normal(size=600))
    network = MLPRegressor("gaussian_nll", **{**FAST, "max_iter": 60}).fit(place, y)
    spread = network.predict_std(np.array([[-0.5], [0.5]]))
    assert spread[1] > 4 * spread[0] > 0
    low, high = network.predict_interval(place, 0.8)
    assert np.mean((low <= y) & (y <= high)) == pytest.approx(0.8, abs=0.08)
    with pytest.raises(ArgumentError, match="predict_std: loss is 'squared_error'"):
        MLPRegressor(**FAST).fit(XD, YD).predict_std(XD)


def test_robust_losses_heed_outliers_less() -> None:
    y = X[:, 0].copy()
    y[::10] += 50
    others = np.arange(150) % 10 > 0
    error = {
        loss: np.abs(MLPRegressor(loss, **{**FAST, "max_iter": 100}).fit(X, y).predict(X) - y)[others].mean()
        for loss in ("squared_error", "absolute_error", "huber")
    }
    assert max(error["absolute_error"], error["huber"]) < 0.3 * error["squared_error"]
    with pytest.raises(DataError, match="expected counts of 0 or more"):
        MLPRegressor("poisson", **FAST).fit(X, y - 100)
    with pytest.raises(ValueError, match="did you mean 'huber'"):
        MLPRegressor("hubber", **FAST).fit(X, y)


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    "given",
    [
        {"dropout": 0.2},
        {"dropout": (0.1, 0.2), "hidden_layer_sizes": (16, 16), "activation": ("gelu", "relu")},
        {"batch_norm": True},
        {"layer_norm": True, "residual": True, "hidden_layer_sizes": (8, 8)},
        {"input_noise": 0.1, "l1": 1e-3, "max_norm": 2.0},
        {"optimizer": "adamw", "scheduler": "cosine"},
        {"init": "kaiming_normal", "activation": "silu"},
        {"label_smoothing": 0.1, "class_weight": "balanced"},
    ],
)
def test_what_scikit_learns_networks_lack(given: dict[str, Any]) -> None:
    network = MLPClassifier(**{**FAST, "max_iter": 40, **given}).fit(X, Y)
    assert network.score(X, Y) > 0.85
    assert network.loss_ < network.loss_curve_[0]
    again = MLPClassifier(**{**FAST, "max_iter": 40, **given}).fit(X, Y)
    assert np.array_equal(network.predict_proba(X), again.predict_proba(X))


def test_limits_and_shapes_of_networks() -> None:
    network = MLPClassifier(**FAST, max_norm=0.5, scale=False).fit(X, Y)
    assert np.linalg.norm(network.coefs_[0], axis=0).max() <= 0.5 + 1e-6
    normed = MLPClassifier(**FAST, batch_norm=True).fit(X, Y)
    assert not hasattr(normed, "coefs_")
    exact = MLPClassifier(**FAST, epochs=7, tol=10.0).fit(X, Y)
    assert exact.n_iter_ == 7
    only = MLPClassifier(**FAST).fit(X, np.zeros(150))
    assert (only.predict(X) == 0).all() and only.predict_proba(X).shape == (150, 1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"alpha": -1}, "alpha is -1, expected a number >= 0"),
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes must be > 0"),
        ({"activation": ("relu", "tanh")}, "activation has 2 values, expected one for each of 1 hidden layers"),
        ({"solver": "adma"}, "did you mean 'adam'"),
        ({"optimizer": "adamm"}, "did you mean"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"scale": "yes"}, "scale is 'yes'"),
        ({"preset": "realmpl"}, "did you mean 'realmlp'"),
    ],
)
def test_wrong_parameters_are_named(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        MLPClassifier(**{**FAST, **given}).fit(X, Y)


# ---------------------------------------------------------------- validation rows


def test_given_validation_rows_end_the_training() -> None:
    network = MLPClassifier(**{**FAST, "max_iter": 200}, monitor="log_loss", n_iter_no_change=3)
    network.fit(X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2], sample_weight_val=np.ones(75))
    best = int(np.argmin(network.validation_scores_))
    assert network.best_validation_score_ == network.validation_scores_[best]
    probability = network.predict_proba(X[1::2])[np.arange(75), Y[1::2]]
    # The weights are those of the best epoch; float32 sums.
    assert -np.log(probability).mean() == pytest.approx(network.best_validation_score_, rel=1e-4)
    piped = make_pipeline(StandardScaler(), MLPClassifier(**FAST)).fit(X, Y)
    assert piped.score(X, Y) > 0.9
    with pytest.raises(ArgumentError, match="one of X_val and y_val is given"):
        MLPClassifier(**FAST).fit(X, Y, X_val=X)


def test_temperature_undoes_what_was_multiplied() -> None:
    random = np.random.RandomState(0)
    logits = random.normal(size=(20_000, 3)) * 2
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (random.uniform(size=(20_000, 1)) > shares.cumsum(axis=1)).sum(axis=1)
    # The estimate of 20,000 rows has a standard deviation of about 0.01 of itself.
    assert temperature(3 * logits, y) == pytest.approx(3, rel=0.05)
    network = MLPClassifier(**FAST, calibrate=True).fit(X, Y)
    assert network.temperature_ != 1 and network.n_iter_ == 20
    assert (network.predict(X) == network.classes_[network.predict_proba(X).argmax(axis=1)]).all()


def test_classes_and_probabilities_of_one_pass_are_those_of_two() -> None:
    """What validations ask for, of two classes, of three with a temperature, and of several labels."""
    for targets, settings in ((Y > 0, {}), (Y, {"early_stopping": True, "calibrate": True}), (np.eye(3)[Y], {})):
        network = MLPClassifier(**FAST, **settings).fit(X, targets)
        predicted, found = network._answers(X)
        np.testing.assert_array_equal(predicted, network.predict(X))
        np.testing.assert_array_equal(found, network.predict_proba(X))
    assert len(np.unique(found)) > 3


def test_presets() -> None:
    names = np.array(["a", "b", "c"])[Y]
    network = MLPClassifier(preset="realmlp-small", random_state=0, epochs=12, compile=False).fit(X, names)
    assert network.score(X, names) > 0.8
    assert network.n_iter_ == len(network.loss_curve_) == 12
    assert network.best_validation_score_ == max(network.validation_scores_)
    own: dict[str, Any] = {"random_state": 0, "epochs": 12, "hidden_layer_sizes": (32,), "compile": False}
    regression = MLPRegressor(preset="realmlp-small", **own).fit(XD, YD)
    assert regression.score(XD, YD) > 0.3
    with pytest.raises(ArgumentError, match="decides on alpha"):
        MLPClassifier(preset="realmlp-small", alpha=1.0).fit(X, names)
