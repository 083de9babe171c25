"""What an encoder learns from the training rows of a table: which columns to use, and how."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.tables import matching
from forwardnet.data.tables.date_parts import parts_of
from forwardnet.data.tables.features import OTHER, Feature, scaled
from forwardnet.data.tables.kinds import number_text
from forwardnet.data.tables.matching import Categories, Codes
from forwardnet.data.tables.numbers import WIDEST, are_apart, is_near_constant
from forwardnet.data.tables.table import USED, Column, Table
from forwardnet.errors import DataError

Floats = NDArray[np.float64]

MOST_ONE_HOT = 1000  # outputs of one category, lest a column of names fills the memory; rarer ones share one
FREQUENT = 2  # rows with the same value of a number make it a frequent value
UNUSED = {
    "text": "free text",
    "identifier": "identifies rows",
    "constant": "has one value only",
    "empty": "has no value",
}


@dataclass(frozen=True)
class Settings:
    """How columns are encoded; see `encoder.TableEncoder`."""

    numeric: str = "standard"
    scale_one_hot: bool = False
    one_hot_limit: int | None = None
    signed: bool = True
    min_count: int = 1
    seed: int = 0
    frequent_values: bool = False


@dataclass
class Learnt:
    """The features that are used, their columns of numbers, and what was left out or is worth saying."""

    settings: Settings
    features: list[Feature] = field(default_factory=list)
    numbers: list[Floats] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def learn(table: Table, settings: Settings) -> Learnt:
    """Go through the columns of the training rows."""
    if len(table) == 0:
        raise DataError(f"{table.name}: no rows to learn from")
    learnt = Learnt(settings)
    for column in table:
        reason = (
            UNUSED.get(column.kind) if column.kind not in USED else LEARNERS[column.kind](column, table.name, learnt)
        )
        if reason:
            learnt.left_out[column.name] = reason
            learnt.notes.append(f"{column.name!r} is left out: {reason}")
    if not learnt.features:
        learnt.notes.append("no column tells rows apart: all that can be learnt is how often each answer comes")
    return learnt


def _number(column: Column, where: str, learnt: Learnt) -> str | None:
    """A quantity, and whether it is missing."""
    values = _finite(column, where, "number")
    is_missing = np.isnan(values)
    if is_missing.all():
        return UNUSED["empty"]
    if is_near_constant(values[~is_missing]):
        if not is_missing.any():
            return UNUSED["constant"]
        learnt.notes.append(f"{column.name!r} has one value or none: only whether it is missing is used")
        learnt.features.append(Feature(column.name, "number", "parts", _indicator(is_missing, learnt.settings)))
        return None
    learnt.numbers.append(values)
    learnt.features.append(Feature(column.name, "number", "number", _indicator(is_missing, learnt.settings)))
    if learnt.settings.frequent_values:
        _frequent(column, values, learnt)
    return None


@dataclass(frozen=True, eq=False)
class Frequent:
    """Of a number that is one value in most rows: that value, the `values` in `least` rows or more, and how many."""

    usual: float
    values: Floats
    least: int
    n_different: int


def frequent_of(values: Floats, min_count: int = 1) -> Frequent | None:
    """What is frequent among the values, NaN left out; None where their middle half varies, or they are two or one."""
    present = values[~np.isnan(values)]
    if not len(present):
        return None
    q25, q75 = (float(q) for q in np.quantile(np.clip(present, -WIDEST, WIDEST), [0.25, 0.75]))
    if are_apart(q25, q75):
        return None
    different, counts = np.unique(present, return_counts=True)
    least = _least(counts.tolist(), max(FREQUENT, min_count))
    frequent = different[counts >= least]
    return Frequent(q25, frequent, least, len(different)) if len(different) > 2 and len(frequent) else None


def _frequent(column: Column, values: Floats, learnt: Learnt) -> None:
    """The frequent values of a number as a category, too.

    Such a column is 0 in most rows, and what the others have are often a few amounts that each mean something of their
    own. A network sees a smooth function of the number; trees cut between any two values.
    """
    found = frequent_of(values, learnt.settings.min_count)
    if found is None:
        return
    levels = [number_text(value) for value in found.values.tolist()]
    categories = Categories(levels, [OTHER])
    codes = np.bincount(categories.codes(replace(column, values=values, levels=None), ""), minlength=len(categories))
    learnt.features.append(_coded(column.name, "number", categories, codes, learnt.settings))
    learnt.notes.append(
        f"{column.name!r} is {number_text(found.usual)} in most rows: {len(levels)} of its {found.n_different} values, "
        f"those in {found.least} rows or more, are taken for categories, too"
    )


def _finite(column: Column, where: str, kind: str) -> Floats:
    """Numbers or dates of which none is infinite."""
    values = matching.as_numbers(column, where, kind)
    infinite = np.isinf(values)
    if infinite.any():
        raise matching.infinity(column.name, int(np.argmax(infinite)), where)
    return values


def _date(column: Column, where: str, learnt: Learnt) -> str | None:
    """Those parts of a date that vary, and whether it is missing."""
    seconds = _finite(column, where, "date")
    is_missing = np.isnan(seconds)
    if is_missing.all():
        return UNUSED["empty"]
    origin = float(seconds[~is_missing].min())
    parts = parts_of(seconds, origin)
    varying = tuple(name for name, part in parts.items() if np.ptp(part[~is_missing]) > 0)
    if not varying and not is_missing.any():
        return UNUSED["constant"]
    learnt.numbers.extend(parts[name] for name in varying)
    indicator = _indicator(is_missing, learnt.settings)
    day_first = matching.is_day_first(column)
    learnt.features.append(
        Feature(column.name, "date", "parts", indicator, parts=varying, origin=origin, day_first=day_first)
    )
    return None


def _boolean(column: Column, where: str, learnt: Learnt) -> str | None:
    """One output; two where missing values need a third state and outputs have no sign."""
    counts = np.bincount(matching.as_flags(column, where), minlength=3)
    if (counts > 0).sum() < 2:
        return UNUSED["constant" if counts[0] == 0 else "empty"]
    settings = learnt.settings
    if counts[0] and not settings.signed:
        learnt.features.append(Feature(column.name, "boolean", "one-hot", table=_one_hot(counts, settings)))
    else:
        values = np.array([0.0, -1.0, 1.0] if settings.signed else [0.5, 0.0, 1.0])
        learnt.features.append(Feature(column.name, "boolean", "lookup", table=_scaled(values, counts, settings)))
    return None


def _category(column: Column, where: str, learnt: Learnt) -> str | None:
    """One-hot outputs, one signed output for two categories, or a code for many."""
    settings = learnt.settings
    names, index = matching.named(column)
    counts = np.bincount(index + 1, minlength=len(names) + 1)
    seen = [(name, int(n)) for name, n in zip(names, counts[1:], strict=True) if n]
    if len(seen) + (counts[0] > 0) < 2:
        return UNUSED["constant" if seen else "empty"]
    least = settings.min_count
    if settings.one_hot_limit is None:
        least = _least([n for _, n in seen], least)
    rare = [name for name, n in seen if n < least]
    categories = Categories([name for name, n in seen if n >= least], rare)
    if rare:
        learnt.notes.append(
            f"{column.name!r}: {len(rare)} of {len(seen)} categories share one place, in fewer than {least} rows each"
        )
    codes = np.bincount(categories.codes(column, where), minlength=len(categories))
    learnt.features.append(_coded(column.name, "category", categories, codes, settings))
    return None


def _least(counts: list[int], least: int) -> int:
    """In how many rows a value has to be, `least` or more, so that at most MOST_ONE_HOT values have places."""
    return least if len(counts) <= MOST_ONE_HOT else max(least, sorted(counts, reverse=True)[MOST_ONE_HOT] + 1)


def _coded(name: str, kind: str, categories: Categories, counts: Codes, settings: Settings) -> Feature:
    """A code, one signed output, or one-hot outputs; training rows have `counts` (len(categories),) of the codes."""
    if settings.one_hot_limit is not None and len(categories) > settings.one_hot_limit:
        return Feature(name, kind, "code", categories=categories)
    if settings.signed and len(categories) == 3:
        table = _scaled(np.array([0.0, -1.0, 1.0]), counts, settings)
        return Feature(name, kind, "lookup", categories=categories, table=table)
    return Feature(name, kind, "one-hot", categories=categories, table=_one_hot(counts, settings))


LEARNERS = {"number": _number, "date": _date, "boolean": _boolean, "category": _category}


def _indicator(is_missing: NDArray[np.bool_], settings: Settings) -> Floats | None:
    """What stands for there and for missing; None where training has no missing value."""
    n_missing = int(is_missing.sum())
    if not n_missing:
        return None
    values = np.array([-1.0 if settings.signed else 0.0, 1.0])
    return _scaled(values, np.array([len(is_missing) - n_missing, n_missing]), settings)


def _scaled(values: Floats, counts: Codes, settings: Settings) -> Floats:
    return scaled(settings.numeric, values, counts) if settings.scale_one_hot else values


def _one_hot(counts: Codes, settings: Settings) -> Floats:
    """(2, m): what stands in each one-hot output for another category, and for that one. `counts` (m + 1,) of codes."""
    total = int(counts.sum())
    pairs = [_scaled(np.array([0.0, 1.0]), np.array([total - n, n]), settings) for n in counts[1:].tolist()]
    return np.array(pairs, dtype=np.float64).T
