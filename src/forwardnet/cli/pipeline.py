"""Everything between a row of data and a prediction, kept in the model's file so that it is applied the same way later.

Axis glossary: n rows, d features, C classes, k targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forwardnet.data import Dataset, Standardizer
from forwardnet.errors import FileFormatError, ForwardnetError
from forwardnet.nn import Module
from forwardnet.train.metrics import to_probabilities
from forwardnet.train.program import forward

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Pipeline:
    """How inputs are scaled, and what outputs mean. `inputs` and `targets` were fitted on the training part only."""

    task: str
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]  # the classes, or the targets
    image_shape: tuple[int, ...] | None
    input_scale: float  # raw whole numbers, as in an image file, are divided by this
    low: float  # smallest and largest value of the training part
    high: float
    inputs: Standardizer
    targets: Standardizer | None  # of a regression

    @classmethod
    def fit(cls, data: Dataset, rows: Array) -> Pipeline:
        """Learn the scaling from the given rows of `data`."""
        X = data.X[rows]
        inputs = Standardizer().fit(X)
        if data.image_shape is not None:
            # Pixels are one kind of quantity: a common scale keeps rarely inked ones from being blown up to size 1.
            inputs = Standardizer(inputs.mean, np.full(X.shape[1], X.std(dtype=np.float64)))
        targets = None if data.task == "classification" else Standardizer().fit(data.y[rows])
        return cls(
            task=data.task,
            feature_names=data.feature_names,
            target_names=data.target_names,
            image_shape=data.image_shape,
            input_scale=data.input_scale,
            low=float(X.min()),
            high=float(X.max()),
            inputs=inputs,
            targets=targets,
        )

    @property
    def is_classifier(self) -> bool:
        """Whether classes are predicted, not numbers."""
        return self.task == "classification"

    def encode(self, y: Array) -> Array:
        """Targets as the network is trained on them: class indices, or values of mean 0 and deviation 1, (n, k)."""
        if self.targets is None:
            return y
        return self.targets.transform(y).reshape(len(y), -1)

    def predict(self, model: Module, X: Array) -> Array:
        """Class probabilities (n, C), or values (n, k) in the unit of the targets, for X (n, d)."""
        outputs = forward(model, self.inputs.transform(X))
        if self.targets is None:
            return to_probabilities(outputs, "logits")
        width = len(self.target_names)
        return self.targets.inverse(outputs.reshape(-1, width) if width > 1 else outputs.reshape(-1)).reshape(-1, width)

    def to_dict(self) -> dict[str, Any]:
        """For the metadata of the model's file."""
        return {
            "task": self.task,
            "feature_names": list(self.feature_names),
            "target_names": list(self.target_names),
            "image_shape": None if self.image_shape is None else list(self.image_shape),
            "input_scale": self.input_scale,
            "input_range": [self.low, self.high],
            "inputs": self.inputs.to_dict(),
            "targets": None if self.targets is None else self.targets.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Any, *, where: str) -> Pipeline:
        """What `to_dict` gave.

        Raises:
            FileFormatError: anything is missing or does not fit together; `where` is the file.
        """
        try:
            features, targets = _names(values["feature_names"]), _names(values["target_names"])
            shape = values["image_shape"]
            made = cls(
                task=_one_of(values["task"], ("classification", "regression")),
                feature_names=features,
                target_names=targets,
                image_shape=None if shape is None else tuple(int(n) for n in shape),
                input_scale=float(values["input_scale"]),
                low=float(values["input_range"][0]),
                high=float(values["input_range"][1]),
                inputs=_standardizer(values["inputs"], len(features)),
                targets=None if values["targets"] is None else _standardizer(values["targets"], len(targets)),
            )
            if made.is_classifier != (made.targets is None):
                raise ValueError("a classifier has no scaled targets, and a regression needs them")
        except ForwardnetError as error:
            raise FileFormatError(f"{where!r}: the description of the data is damaged: {error.message}") from None
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise FileFormatError(
                f"{where!r}: the description of the data is damaged or missing: {type(error).__name__} {error}",
                hint="use a model written by 'forwardnet train'",
            ) from None
        return made


def _names(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise ValueError("expected a list of names")
    return tuple(values)


def _one_of(value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{value!r}, expected one of {', '.join(known)}")
    return str(value)


def _standardizer(values: Any, width: int) -> Standardizer:
    made = Standardizer.from_dict(values)
    if made.mean is None or len(made.mean) != width:
        raise ValueError(f"scaling of another number of columns than {width}")
    return made
