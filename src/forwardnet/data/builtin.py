"""Small data sets that come with scikit-learn, read from its own files: no network is used."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from .dataset import Dataset, Task


def digits() -> Dataset:
    """1797 handwritten digits of 8 x 8 pixels, ink = 1 on paper = 0, in ten classes.

    The raw values 0 .. 16 count the inked pixels in 4 x 4 blocks of a 32 x 32 bitmap.
    Source: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository.
    """
    raw = _digits_file()
    if raw is None:
        from sklearn.datasets import load_digits

        raw = load_digits()
    return _dataset("digits", "classification", raw, digits, image_shape=(8, 8), input_scale=16.0)


def _digits_file() -> Any:
    """The digits from scikit-learn's file without importing scikit-learn, which takes a second; None if not found."""
    spec = importlib.util.find_spec("sklearn")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            with gzip.open(path, "rt", encoding="ascii") as file:
                table = np.loadtxt(file, delimiter=",", dtype=np.float32)
            names = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
            return SimpleNamespace(data=table[:, :64], target=table[:, 64], feature_names=names, target_names=range(10))
    return None


def iris() -> Dataset:
    """150 iris flowers of three species: length and width of sepal and petal, in cm.

    Source: Fisher (1936), The use of multiple measurements in taxonomic problems; collected by Anderson (1935).
    """
    from sklearn.datasets import load_iris

    return _dataset("iris", "classification", load_iris(), iris)


def wine() -> Dataset:
    """178 wines from three cultivars: thirteen chemical measurements, in the units of the original analysis.

    Source: Forina et al. (1988), PARVUS; UCI Machine Learning Repository.
    """
    from sklearn.datasets import load_wine

    return _dataset("wine", "classification", load_wine(), wine)


def breast_cancer() -> Dataset:
    """569 breast tumours, malignant (0) or benign (1): thirty measures of cell nuclei in an image.

    Mean, standard error and worst value of ten measures, lengths in pixels of the image.
    Source: Wolberg, Street and Mangasarian (1995), Breast Cancer Wisconsin (Diagnostic), UCI Repository.
    """
    from sklearn.datasets import load_breast_cancer

    return _dataset("breast-cancer", "classification", load_breast_cancer(), breast_cancer)


def diabetes() -> Dataset:
    """442 patients: age (years), sex (1 or 2), body mass index (kg/m2), blood pressure (mm Hg), six blood values.

    Target: a measure of the disease's progression after one year, 25 .. 346. As measured, not scaled.
    Source: Efron, Hastie, Johnstone and Tibshirani (2004), Least Angle Regression.
    """
    from sklearn.datasets import load_diabetes

    return _dataset("diabetes", "regression", load_diabetes(scaled=False), diabetes, targets=("progression",))


def _dataset(
    name: str,
    task: Task,
    raw: Any,
    loader: Any,
    *,
    targets: tuple[str, ...] | None = None,
    image_shape: tuple[int, ...] | None = None,
    input_scale: float = 1.0,
) -> Dataset:
    """A data set from scikit-learn's Bunch; its description is the docstring of the `loader`."""
    target_dtype = np.int64 if task == "classification" else np.float32
    return Dataset(
        name=name,
        X=np.ascontiguousarray(raw.data / input_scale, dtype=np.float32),
        y=np.asarray(raw.target, dtype=target_dtype),
        feature_names=tuple(str(feature) for feature in raw.feature_names),
        target_names=targets or tuple(str(target) for target in raw.target_names),
        task=task,
        description=" ".join(loader.__doc__.split()),
        image_shape=image_shape,
        input_scale=input_scale,
    )
