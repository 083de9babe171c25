"""Every data set by its name: the promised shapes and types, and the figures of its source."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets as published

from forwardnet.data import Dataset, builtin, datasets, generators
from forwardnet.errors import ArgumentError, ShapeError, UnknownNameError

LOCAL = [name for name in datasets.names() if not name.endswith("mnist")]


def test_all_names_of_the_contract() -> None:
    real = {"digits", "iris", "wine", "breast-cancer", "diabetes", "mnist", "fashion-mnist"}
    made = {"moons", "circles", "spirals", "blobs", "xor", "sine", "parabola", "mixture", "inverse-sine"}
    made |= {"separable", "and", "or", "not", "people", "fraud", "line", "polynomial"}
    assert set(datasets.names()) == real | made


@pytest.mark.parametrize("name", LOCAL)
def test_what_every_data_set_promises(name: str) -> None:
    data = datasets.load(name)
    entry = datasets.entry(name)
    assert data.name == entry.name == name
    assert (data.task, data.X.shape) == (entry.task, (entry.n_samples, entry.n_features))
    assert data.n_outputs == entry.n_outputs
    assert data.X.dtype == np.float32
    assert data.X.flags.c_contiguous
    assert np.isfinite(data.X).all()
    assert len(data.feature_names) == data.n_features
    assert len(data.y) == len(data.X)
    assert data.X_test is None
    assert data.y_test is None
    assert len(data.description) > 30
    if data.task == "classification":
        assert data.y.dtype == np.int64
        assert np.unique(data.y).tolist() == list(range(len(data.target_names)))
    else:
        assert data.y.dtype == np.float32
        assert np.isfinite(data.y).all()
    if data.image_shape is not None:
        assert np.prod(data.image_shape) == data.n_features
        assert (data.X.min(), data.X.max()) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("name", "loader", "options"),
    [
        ("digits", published.load_digits, {}),
        ("iris", published.load_iris, {}),
        ("wine", published.load_wine, {}),
        ("breast-cancer", published.load_breast_cancer, {}),
        ("diabetes", published.load_diabetes, {"scaled": False}),
    ],
)
def test_real_data_are_the_published_ones(name: str, loader: object, options: dict[str, bool]) -> None:
    assert callable(loader)
    data, raw = datasets.load(name), loader(**options)
    np.testing.assert_array_equal(data.X, (raw.data / data.input_scale).astype(np.float32))
    np.testing.assert_array_equal(data.y, raw.target)


def test_figures_of_the_sources() -> None:
    digits = datasets.load("digits")
    assert digits.image_shape == (8, 8)
    assert np.bincount(digits.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert datasets.load("iris").target_names == ("setosa", "versicolor", "virginica")
    assert np.bincount(datasets.load("wine").y).tolist() == [59, 71, 48]
    assert np.bincount(datasets.load("breast-cancer").y).tolist() == [212, 357]
    diabetes = datasets.load("diabetes")
    assert (diabetes.y.min(), diabetes.y.max()) == (25, 346)
    assert diabetes.X[:, 0].max() == 79  # years


def test_options_reach_the_generator() -> None:
    data = datasets.load("moons", n=50, noise=0.1, seed=3)
    X, y = generators.moons(n=50, noise=0.1, seed=3)
    np.testing.assert_array_equal(data.X, X.astype(np.float32))
    np.testing.assert_array_equal(data.y, y)
    assert datasets.load("spirals", arms=4).target_names == ("0", "1", "2", "3")
    wide = datasets.load("blobs", centers=[[0, 0, 0], [1, 1, 1]])
    assert wide.feature_names == ("x1", "x2", "x3")


def test_unknown_names_and_options() -> None:
    with pytest.raises(UnknownNameError, match=r"^unknown data set 'digit'\nhint: did you mean 'digits'\?"):
        datasets.load("digit")
    with pytest.raises(UnknownNameError, match=r"hint: known: and, blobs, breast-cancer"):
        datasets.load("zzz")
    with pytest.raises(ArgumentError, match=r"^data set 'digits' takes no option 'seed'\nhint: it has no options"):
        datasets.load("digits", seed=1)
    with pytest.raises(ArgumentError, match=r"'moons' takes no option 'size'\nhint: its options are n, noise, seed"):
        datasets.load("moons", size=1)


def test_every_call_gives_new_arrays() -> None:
    first = datasets.load("iris")
    first.X[:] = 0
    assert datasets.load("iris").X.max() > 7


def test_repr_is_one_line() -> None:
    assert repr(datasets.load("iris")) == "Dataset('iris', classification, 150 rows, 4 features, 3 classes)"
    assert repr(datasets.load("sine")) == "Dataset('sine', regression, 200 rows, 1 feature, 1 target)"


def test_a_data_set_must_fit_together() -> None:
    def build(X: np.ndarray, y: np.ndarray, **more: np.ndarray) -> Dataset:
        return Dataset("own", X.astype(np.float32), y, ("a", "b"), ("no", "yes"), "classification", "", **more)

    labels = np.array([0, 1])
    build(np.ones((2, 2)), labels)
    with pytest.raises(ShapeError, match=r"data set 'own': X has shape \(2, 3\), expected \(rows, 2\)"):
        build(np.ones((2, 3)), labels)
    with pytest.raises(ShapeError, match="X has 3 rows, but y has 2"):
        build(np.ones((3, 2)), labels)
    with pytest.raises(ShapeError, match="X_test has 1 rows, but y_test has 2"):
        build(np.ones((2, 2)), labels, X_test=np.ones((1, 2)), y_test=labels)


def test_digits_are_read_without_scikit_learn_and_are_the_same() -> None:
    """Reading its file takes a twentieth of the time that importing scikit-learn takes."""
    ours, theirs = datasets.load("digits"), published.load_digits()
    np.testing.assert_array_equal(ours.X, (theirs.data / 16).astype(np.float32))
    np.testing.assert_array_equal(ours.y, theirs.target)
    assert list(ours.feature_names) == list(theirs.feature_names)
    assert list(ours.target_names) == [str(name) for name in theirs.target_names]
    assert builtin._digits_file() is not None
    program = "import sys, forwardnet as ff; ff.datasets.load('digits'); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
