"""Data: built-in sets, files, splits, scaling, mini-batches, and checks that refuse what cannot be used."""

from __future__ import annotations

from . import batches, checks, datasets, generators, idx, scaling, splits
from .dataset import Dataset
from .scaling import Standardizer
from .splits import train_validation_test

__all__ = [
    "Dataset",
    "Standardizer",
    "batches",
    "checks",
    "datasets",
    "generators",
    "idx",
    "scaling",
    "splits",
    "train_validation_test",
]
