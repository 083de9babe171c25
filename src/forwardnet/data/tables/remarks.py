"""Says what is unusual about a table that is encoded after training; nothing of it stops a prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from forwardnet.data.tables import matching
from forwardnet.data.tables.features import Feature
from forwardnet.data.tables.numbers import LARGEST, NumberScaler
from forwardnet.data.tables.table import Column, Table


def remarks(
    table: Table,
    features: Sequence[Feature],
    left_out: Mapping[str, str],
    scaler: NumberScaler,
    unseen: Mapping[str, Mapping[str, int]],
) -> tuple[str, ...]:
    """One sentence for each thing."""
    known = {feature.name for feature in features} | set(left_out)
    further = [name for name in table.names if name not in known]
    found = [f"columns that training had not are ignored: {_listed(further)}"] if further else []
    pooled = {feature.name for feature in features if feature.categories is not None and feature.categories.rare}
    for name, counts in unseen.items():
        taken = "the rare ones" if name in pooled else "missing"
        n = sum(counts.values())
        found.append(
            f"{name!r} has categories unknown in training, in {_rows(n)}, taken for {taken}: {_listed(counts)}"
        )
    place = 0
    for feature, column in zip(features, matching.find(table, [f.name for f in features]), strict=True):
        if feature.n_numbers:
            found.extend(_of_numbers(table.name, column, feature, scaler, place))
            place += feature.n_numbers
    return tuple(found)


def _of_numbers(where: str, column: Column, feature: Feature, scaler: NumberScaler, place: int) -> Iterator[str]:
    values = matching.as_numbers(column, where, feature.kind)
    is_missing = np.isnan(values)
    if feature.missing is None and is_missing.any():
        yield (
            f"{feature.name!r} is missing in {_rows(int(is_missing.sum()))}, which training had not: "
            "taken for the middle of the training rows"
        )
    if feature.form != "number":
        return
    with np.errstate(over="ignore"):
        size = np.abs((values - scaler.center[place]) / scaler.scale[place])
    is_far = size > LARGEST[scaler.method]
    if is_far.any():
        row, limit = int(np.argmax(is_far)), LARGEST[scaler.method]
        yield f"{feature.name!r} has {values[row]:g} at row {row}, {limit:g} times as far off as usual: taken for that"


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n} rows"


def _listed(names: Sequence[str] | Mapping[str, int]) -> str:
    shown = ", ".join(repr(name) for name in list(names)[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
