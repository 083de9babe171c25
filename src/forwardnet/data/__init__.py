"""Data: built-in sets, files, splits, scaling, mini-batches, and checks that refuse what cannot be used."""

from __future__ import annotations

from . import augment, batches, checks, datasets, generators, idx, mixtures, scaling, splits, whitening
from .dataset import Dataset
from .mixtures import GaussianMixture
from .scaling import Standardizer
from .splits import train_validation_test
from .whitening import PCA

__all__ = [
    "PCA",
    "Dataset",
    "GaussianMixture",
    "Standardizer",
    "augment",
    "batches",
    "checks",
    "datasets",
    "generators",
    "idx",
    "mixtures",
    "scaling",
    "splits",
    "train_validation_test",
    "whitening",
]
