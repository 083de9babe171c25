"""Bagged networks as one file: the members' networks side by side, and what is around each of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from forwardnet import nn
from forwardnet.data.tables import stored
from forwardnet.errors import ArgumentError, FileFormatError
from forwardnet.estimators import persistence
from forwardnet.estimators.bagging import Bagged, BaggedMLPClassifier, BaggedMLPRegressor
from forwardnet.interop import save as save_model

CLASSES: dict[str, type[Bagged]] = {
    "BaggedMLPClassifier": BaggedMLPClassifier,
    "BaggedMLPRegressor": BaggedMLPRegressor,
}
FITTED = ("n_features_in_", "feature_names_in_", "classes_", "_is_flat", "oob_score_", "_oob_interval", "oob_covered_")


def save(bagged: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted bag; which rows its members learnt from, and their out-of-bag answers, stay behind.

    Raises:
        ArgumentError: it is not fitted, or has networks that cannot be written down.
    """
    if "estimators_" not in vars(bagged):
        raise ArgumentError(f"{type(bagged).__name__}.save: nothing has been learnt yet", hint="call fit first")
    members, _ = bagged.estimators_, bagged.oob_interval_  # which is a figure of rows that stay behind
    description = {
        "format": persistence.FORMAT,
        "class": type(bagged).__name__,
        "members": [persistence.described(member) for member in members],
        "fitted": {name: persistence.packed(getattr(bagged, name)) for name in FITTED if hasattr(bagged, name)},
    }
    networks = nn.ModuleList([member.network_ for member in members])
    save_model(networks, path, metadata={"estimator": description})


def restored(model: nn.Module, description: Mapping[str, Any], where: str) -> Bagged:
    """The bag that a file describes; raises `FileFormatError`."""
    kind = CLASSES[stored.text(description, "class", where, tuple(CLASSES))]
    records = stored.records(description, "members", where)
    if not isinstance(model, nn.ModuleList) or not records or len(model) != len(records):
        raise FileFormatError(f"{where}: {len(records)} members, and other networks")
    members = []
    for number, (network, record) in enumerate(zip(model, records, strict=True)):
        place = f"{where}, member {number}"
        if stored.text(record, "class", place) != kind._usual.__name__:
            raise FileFormatError(f"{place}: its class is not {kind._usual.__name__}")
        members.append(persistence.adopted(network, record, place))
    first = members[0]
    made = kind(first.__class__(**{**first.get_params(), "random_state": None}), len(members))
    made.estimators_ = members
    fitted = stored.mapping(stored.field(description, "fitted", where), where)
    for name in FITTED:
        if name in fitted:
            setattr(made, name, persistence.unpacked(fitted[name], f"{where}, {name}"))
    _check(made, where)
    return made


def _check(made: Any, where: str) -> None:
    """Raise `FileFormatError` unless the members read and answer alike."""
    if len({member.n_features_in_ for member in made.estimators_} | {getattr(made, "n_features_in_", None)}) != 1:
        raise FileFormatError(f"{where}: members of different numbers of features")
    if isinstance(made, BaggedMLPRegressor):
        outputs = {member._targets_per_row for member in made.estimators_}
        if len(outputs) != 1 or not isinstance(getattr(made, "_is_flat", None), bool):
            raise FileFormatError(f"{where}: members of different numbers of targets")
        return
    classes = getattr(made, "classes_", None)
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or len(np.unique(classes)) != len(classes):
        raise FileFormatError(f"{where}: the classes are no list of different names")
    if not all(set(member.classes_.tolist()) <= set(classes.tolist()) for member in made.estimators_):
        raise FileFormatError(f"{where}: a member knows classes that are not among those of all")
