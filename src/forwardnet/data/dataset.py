"""What a data set is: features, targets, and what their columns and classes are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError

Task = Literal["classification", "regression"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """n rows with d features each, and one target per row.

    X: float32 (n, d), C-contiguous. y: int64 (n,) with class indices 0 .. C-1 for classification, float32 (n,) or
    (n, k) for regression. X_test and y_test are the official test part, None where there is none.
    `feature_names` has d names; `target_names` has the C class names, or the names of the k targets.
    `image_shape` is (height, width) where each row is an image in row-major order.
    `input_scale` is the number that the raw values were divided by: 255 for 8-bit images (so X is in 0 .. 1),
    1 where X is as measured.
    """

    name: str
    X: NDArray[np.float32]
    y: NDArray[Any]
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    task: Task
    description: str
    X_test: NDArray[np.float32] | None = None
    y_test: NDArray[Any] | None = None
    image_shape: tuple[int, ...] | None = None
    input_scale: float = 1.0

    def __post_init__(self) -> None:
        parts = [("", self.X, self.y)]
        if self.X_test is not None and self.y_test is not None:
            parts.append(("_test", self.X_test, self.y_test))
        for suffix, X, y in parts:
            if X.ndim != 2 or X.shape[1] != len(self.feature_names):
                expected = f"(rows, {len(self.feature_names)}), one column per feature name"
                raise ShapeError(f"data set {self.name!r}: X{suffix} has shape {X.shape}, expected {expected}")
            if len(y) != len(X):
                raise ShapeError(f"data set {self.name!r}: X{suffix} has {len(X)} rows, but y{suffix} has {len(y)}")

    @property
    def n_samples(self) -> int:
        """Rows of X, without the official test part."""
        return len(self.X)

    @property
    def n_features(self) -> int:
        """Columns of X."""
        return int(self.X.shape[1])

    @property
    def n_outputs(self) -> int:
        """Outputs a network for this data needs: the classes, or the targets of a regression."""
        if self.task == "classification":
            return len(self.target_names)
        return 1 if self.y.ndim == 1 else int(self.y.shape[1])

    def __repr__(self) -> str:
        """One line: name, task and sizes."""
        test = "" if self.X_test is None else f" + {len(self.X_test)} test"
        outputs = "classes" if self.task == "classification" else "targets" if self.n_outputs > 1 else "target"
        features = "features" if self.n_features > 1 else "feature"
        sizes = f"{self.n_samples}{test} rows, {self.n_features} {features}, {self.n_outputs} {outputs}"
        return f"Dataset({self.name!r}, {self.task}, {sizes})"
