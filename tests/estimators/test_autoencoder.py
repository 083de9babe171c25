"""Autoencoders: as good as principal components where they are linear, better where the data are curved."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import forwardnet as ff
from forwardnet.errors import ArgumentError, FileFormatError, ShapeError, UnknownNameError
from forwardnet.estimators import Autoencoder, load


def correlated(n: int = 300, seed: int = 0) -> np.ndarray:
    """Rows of 6 features that mostly lie in a plane."""
    rng = np.random.default_rng(seed)
    return 5 + rng.normal(size=(n, 2)) @ rng.normal(size=(2, 6)) * 3 + 0.5 * rng.normal(size=(n, 6))


def arc(n: int, seed: int = 0) -> np.ndarray:
    """Points of half a circle: one number describes each, and no straight line does."""
    rng = np.random.default_rng(seed)
    turn = rng.uniform(0, np.pi, n)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1) + 0.02 * rng.normal(size=(n, 2))


@pytest.mark.parametrize("tied", [False, True])
def test_without_hidden_layers_it_finds_the_space_of_the_principal_components(tied: bool) -> None:
    # Baldi & Hornik (1989): the minimum of the linear autoencoder, against the exact decomposition.
    X = correlated()
    model = Autoencoder(2, tied=tied, max_iter=150).fit(X)
    Z = StandardScaler().fit_transform(X)
    exact = PCA(2).fit(Z)
    # 150 epochs end within a thousandth of the minimum, which nothing can pass.
    kept = float(exact.explained_variance_ratio_.sum())
    assert kept - 1e-3 < model.score(X) <= kept + 1e-6
    ours = StandardScaler().fit(X).transform(model.reconstruct(X))
    assert np.abs(ours - exact.inverse_transform(exact.transform(Z))).max() < 0.05


def test_a_curved_description_keeps_what_a_straight_one_cannot() -> None:
    train, test = arc(300), arc(200, seed=1)
    curved = Autoencoder(1, hidden=(16,), max_iter=300, lr=2e-2).fit(train)
    straight = Autoencoder(1, max_iter=100).fit(train)
    assert straight.score(test) < 0.75 < 0.95 < curved.score(test)
    assert curved.loss_curve_[-1] < 0.1 * curved.loss_curve_[0] and len(curved.loss_curve_) == curved.n_iter_ == 300


def test_noise_is_taken_out() -> None:
    # On rows with noise of size 0.3, what was trained with such noise is nearer to the clean rows.
    clean = arc(300)
    noisy = clean + 0.3 * np.random.default_rng(2).normal(size=clean.shape)

    def distance(**settings: Any) -> float:
        model = Autoencoder(1, hidden=(16,), max_iter=200, **settings).fit(clean)
        return float(((model.reconstruct(noisy) - clean) ** 2).mean())

    assert distance(noise=0.4) < 0.9 * distance()


def test_sparse_units_are_nearer_to_zero() -> None:
    X = correlated(100)
    settings: dict[str, Any] = {"code_activation": "relu", "max_iter": 40, "compile": False}
    dense, sparse = (Autoencoder(8, **settings, sparsity=weight).fit_transform(X) for weight in (0.0, 0.05))
    assert np.abs(sparse).sum() < 0.7 * np.abs(dense).sum()
    settings = {**settings, "code_activation": "sigmoid", "sparsity_kind": "kl", "lr": 2e-2}
    common, rare = (Autoencoder(8, **settings, sparsity=weight).fit_transform(X) for weight in (0.0, 1.0))
    assert rare.mean() < 0.5 * common.mean()


def test_codes_lead_back_to_rows() -> None:
    X = correlated()
    model = Autoencoder(2, hidden=(8,), max_iter=5, compile=False).fit(X)
    assert model.transform(X).shape == (300, 2) and model.transform(X).dtype == np.float64
    assert model.transform(X.astype(np.float32)).dtype == np.float32
    # The codes are float32 inside, so that the two ways agree to the bit.
    assert np.array_equal(model.inverse_transform(model.transform(X)), model.reconstruct(X))
    assert model.get_feature_names_out().tolist() == ["autoencoder0", "autoencoder1"]
    with pytest.raises(ShapeError, match="codes of 3 units, expected 2"):
        model.inverse_transform(np.ones((4, 3)))


def test_tied_weights_are_one_matrix() -> None:
    X = correlated(60)
    tied, free = (Autoencoder(2, hidden=(4,), tied=tied, max_iter=2, compile=False).fit(X) for tied in (True, False))
    matrices = 6 * 4 + 4 * 2
    assert free.network_.count_parameters() - tied.network_.count_parameters() == matrices


def test_it_works_in_a_pipeline_and_the_seed_decides() -> None:
    X = correlated(100)
    codes = make_pipeline(StandardScaler(), Autoencoder(2, max_iter=5, compile=False)).fit_transform(X)
    assert np.array_equal(
        codes, make_pipeline(StandardScaler(), Autoencoder(2, max_iter=5, compile=False)).fit_transform(X)
    )
    other = make_pipeline(StandardScaler(), Autoencoder(2, max_iter=5, compile=False, random_state=1)).fit_transform(X)
    assert not np.array_equal(codes, other)


@pytest.mark.parametrize("settings", [{"tied": True, "hidden": (5,)}, {"noise": 0.1, "sparsity": 0.1}], ids=str)
def test_a_file_gives_the_same_codes(settings: dict[str, Any], tmp_path: Path) -> None:
    X = correlated(80)
    model = Autoencoder(2, max_iter=3, compile=False, **settings).fit(X)
    model.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert np.array_equal(loaded.transform(X), model.transform(X))
    assert loaded.score(X) == model.score(X) and loaded.get_params() == model.get_params()
    assert np.array_equal(pickle.loads(pickle.dumps(model)).transform(X), model.transform(X))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    from forwardnet.interop import load_model

    path = tmp_path / "model.safetensors"
    Autoencoder(2, max_iter=1, compile=False).fit(correlated(50)).save(path)
    network, metadata = load_model(path)
    description = metadata["estimator"]
    faults: list[dict[str, Any]] = [
        {"parameters": {**description["parameters"], "n_components": 3}},
        {"parameters": {**description["parameters"], "command": "rm"}},
        {"fitted": {**description["fitted"], "scaler": {"mean": [0.0], "scale": [1.0]}}},
        {"fitted": {}},
    ]
    for fault in faults:
        ff.save(network, path, metadata={"estimator": {**description, **fault}})
        with pytest.raises(FileFormatError):
            load(path)


@pytest.mark.parametrize(
    ("settings", "error", "told"),
    [
        ({"n_components": 0}, ArgumentError, "n_components is 0"),
        ({"hidden": (4, 0)}, ArgumentError, "hidden is 0"),
        ({"noise": -1}, ArgumentError, "noise is -1"),
        ({"activation": "tan"}, UnknownNameError, "did you mean 'tanh'"),
        ({"sparsity": 1, "sparsity_kind": "kl"}, ArgumentError, "values from 0 to 1"),
        ({"sparsity_kind": "l2"}, UnknownNameError, "l1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        Autoencoder(**settings).fit(correlated(20))
