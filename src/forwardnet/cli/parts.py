"""Which rows are learnt from, which choose the epoch, and which are only measured."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from forwardnet.data import Dataset, train_validation_test
from forwardnet.errors import FileFormatError

Array = np.ndarray[Any, np.dtype[Any]]

VALIDATION, TEST = 0.1, 0.2
_FEWEST = 20  # rows worth dividing: below, a test part would have three rows or fewer
NAMES = ("train", "validation", "test")


@dataclass(frozen=True)
class Part:
    """Rows of one part, with their numbers within the data set (within its test part where `is_official`)."""

    name: str
    X: Array
    y: Array
    rows: Array
    is_official: bool = False


@dataclass(frozen=True)
class Split:
    """A division of a data set, and how it was made in words. Parts without rows are left out."""

    parts: dict[str, Part]
    how: str

    @property
    def last(self) -> Part:
        """The part for the final figures: test, or training where the data are too few to divide."""
        return list(self.parts.values())[-1]


def is_divided(data: Dataset) -> bool:
    """Whether `divide` holds rows out."""
    return data.X_test is not None or data.n_samples >= _FEWEST


def divide(data: Dataset, seed: int) -> Split:
    """Divide `data`: its official test part where it has one, otherwise 70/10/20 %, class by class."""
    stratify = data.y if data.task == "classification" else None
    in_proportion = ", each class in proportion" if stratify is not None else ""
    if data.X_test is not None and data.y_test is not None:
        train, validation, _ = train_validation_test(
            data.n_samples, validation=VALIDATION, test=0.0, stratify=stratify, seed=seed
        )
        parts = {"train": _part(data, "train", train), "validation": _part(data, "validation", validation)}
        parts["test"] = Part("test", data.X_test, data.y_test, np.arange(len(data.X_test)), is_official=True)
        how = (
            f"the official test part; {_percent(VALIDATION)} of the other rows "
            f"for validation{in_proportion} (seed {seed})"
        )
    elif not is_divided(data):
        parts = {"train": _part(data, "train", np.arange(data.n_samples))}
        how = f"none: {data.n_samples} rows are too few to divide, so the figures say nothing about new rows"
    else:
        divided = train_validation_test(data.n_samples, validation=VALIDATION, test=TEST, stratify=stratify, seed=seed)
        parts = {name: _part(data, name, rows) for name, rows in zip(NAMES, divided, strict=True)}
        how = (
            f"{_percent(1 - VALIDATION - TEST)} training, {_percent(VALIDATION)} validation, "
            f"{_percent(TEST)} test at random{in_proportion} (seed {seed})"
        )
    return Split({name: part for name, part in parts.items() if len(part.rows)}, how)


def fingerprint(data: Dataset) -> str:
    """SHA-256 of all values: tells whether data are those that a model was trained on, wherever they come from."""
    digest = hashlib.sha256()
    for array in (data.X, data.y, data.X_test, data.y_test):
        if array is not None:
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def same_split(data: Dataset, training: Any) -> Split | None:
    """The division that a model's file speaks of, if `data` are the data it was trained on."""
    if not isinstance(training, dict) or training.get("fingerprint") != fingerprint(data):
        return None
    seed = training.get("seed")
    if not isinstance(seed, int):
        raise FileFormatError("the model's file does not tell the seed of its split")
    return divide(data, seed)


def _part(data: Dataset, name: str, rows: Array) -> Part:
    return Part(name, data.X[rows], data.y[rows], rows)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
