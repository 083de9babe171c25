"""From texts or Python objects to columns, each of the kind that its values show.

The rules are in `judge`; docs/design/030-tables.md lists them. Axis glossary: n rows.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.tables.factor import Factored, factored
from forwardnet.data.tables.judge import MISSING, SENTINELS, NumberFacts, Rules, Verdict, judge_numbers
from forwardnet.data.tables.profile import Profile
from forwardnet.data.tables.table import CODED, KINDS, Column
from forwardnet.errors import DataError, ShapeError, unknown_name

Array = NDArray[Any]
EXACT = 2.0**53  # whole numbers beyond are not all there in float64


def columns_of(
    names: Sequence[str],
    values: Sequence[Any],
    *,
    kinds: Mapping[str, str] | None = None,
    missing: Iterable[str] = MISSING,
    rules: Rules | None = None,
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Columns with their kinds from `values`, a sequence for each name, and notes on what was noticed.

    A sequence is a list of texts, of Python objects (None, NaN and `missing` texts are no value) or a NumPy array of
    one dimension. `kinds` overrides what the values show. Raises DataError where values cannot be of the kind that was
    asked for, ArgumentError for names that are not there.
    """
    rules = rules or Rules(missing=frozenset(text.strip().casefold() for text in missing))
    check_kinds(kinds, names)
    wanted = kinds or {}
    found = [_as_array_or_texts(name, own) for name, own in zip(names, values, strict=True)]
    profiles = {
        n: _profiled(n, own, wanted.get(n), rules)
        for n, own in zip(names, found, strict=True)
        if isinstance(own, Factored)
    }
    rules = settled(profiles.values(), rules)
    columns: list[Column] = []
    notes: list[str] = []
    marks = Marks()
    for name, own in zip(names, found, strict=True):
        column, said = _column(name, own, wanted.get(name), rules, len(names), marks, profiles.get(name))
        columns.append(column)
        notes += said
    return tuple(columns), (*marks.notes(), *notes)


def settled(profiles: Iterable[Profile], rules: Rules) -> Rules:
    """The rules, with what a comma means found out: where one column has decimal commas, others have, too."""
    if rules.decimal is None and any(profile.has_decimal_commas() for profile in profiles):
        return replace(rules, comma_is_decimal=True, dots_group=True)
    return rules


class Marks:
    """Texts that were taken for missing values, by column."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, int]] = {}

    def add(self, name: str, marks: Mapping[str, int]) -> None:
        """Those of a column, and how often."""
        for mark, count in marks.items():
            self.found.setdefault(mark, {})[name] = count

    def notes(self) -> list[str]:
        """One note for each text."""
        return [
            f"{mark!r} was taken for a missing value {sum(counts.values()):,} times, in {listed(list(counts))}"
            for mark, counts in self.found.items()
        ]


def listed(names: Sequence[str], most: int = 5) -> str:
    """Some names, and how many more there are."""
    more = f" and {len(names) - most} more columns" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def check_kinds(kinds: Mapping[str, str] | None, names: Sequence[str]) -> None:
    """Refuse kinds and columns that do not exist."""
    for name, kind in (kinds or {}).items():
        if name not in names:
            raise unknown_name("column", name, names)
        if kind not in KINDS:
            raise unknown_name("kind of column", kind, KINDS)


def column_of(
    name: str, values: Any, *, kind: str | None = None, rules: Rules | None = None, n_columns: int = 1
) -> tuple[Column, tuple[str, ...]]:
    """One column, and notes on it; see `columns_of`."""
    marks = Marks()
    column, notes = _column(name, _as_array_or_texts(name, values), kind, rules or Rules(), n_columns, marks)
    return column, (*marks.notes(), *notes)


Found = tuple[Array, str] | Factored  # numbers and what they are, or texts


def _column(
    name: str,
    found: Found,
    kind: str | None,
    rules: Rules,
    n_columns: int,
    marks: Marks,
    profile: Profile | None = None,
) -> tuple[Column, tuple[str, ...]]:
    """The column of what was found; texts that were taken for missing are added to `marks`."""
    if not isinstance(found, Factored):
        array, words = found
        if kind not in CODED:
            return number_column(
                name, array, kind=kind, words="dates" if kind == "date" else words, n_columns=n_columns
            )
        rules = replace(rules, missing=rules.missing | {""})
        found = factored("" if np.isnan(value) else number_text(value) for value in array.tolist())
    decision = (profile or _profiled(name, found, kind, rules)).decide(rules, n_columns=n_columns)
    marks.add(name, decision.marks)
    return decision.column(found, rules), decision.notes


def _profiled(name: str, texts: Factored, kind: str | None, rules: Rules) -> Profile:
    profile = Profile(name, rules, kind=kind)
    profile.add(texts)
    return profile


def number_column(
    name: str, array: Array, *, kind: str | None, words: str, n_columns: int
) -> tuple[Column, tuple[str, ...]]:
    """The column of float64 numbers (n,), NaN where there is none."""
    notes = []
    infinite = np.isinf(array)
    if infinite.any():
        array = np.where(infinite, np.nan, array)
        notes.append(f"{name}: {int(infinite.sum())} infinite values were taken for missing ones")
    if words == "dates":
        verdict = _judge_dates(array)
    else:
        verdict = judge_numbers(name, facts_of(array), words=words, n_columns=n_columns)
    if kind == "boolean" and not np.isin(array[~np.isnan(array)], (0.0, 1.0)).all():
        raise DataError(f"column {name!r} cannot be boolean: it has other values than 0 and 1")
    if kind is not None:
        verdict = Verdict(kind, "as told")
    if verdict.kind in CODED:
        numbers, codes = np.unique(array, return_inverse=True)  # an identifier, so no value is missing
        levels = tuple(map(number_text, numbers.tolist()))
        return Column(name, verdict.kind, codes.astype(np.int32), levels, verdict.reason), (*notes, *verdict.notes)
    return Column(name, verdict.kind, array, None, verdict.reason), (*notes, *verdict.notes)


def _judge_dates(array: Array) -> Verdict:
    present = array[~np.isnan(array)]
    if not present.size:
        return Verdict("empty", "no value in any row")
    if present.size == array.size > 1 and present.min() == present.max():
        return Verdict("constant", "the same date in every row")
    return Verdict("date", "dates")


def facts_of(array: Array) -> NumberFacts:
    """What is known of finite float64 numbers (n,), NaN where there is none."""
    present = array[~np.isnan(array)]
    facts = NumberFacts(rows=len(array), missing=len(array) - len(present))
    if not present.size:
        return facts
    facts.lowest, facts.highest = float(present.min()), float(present.max())
    facts.is_whole = bool((present == np.floor(present)).all())
    facts.distinct = len(np.unique(present))
    with np.errstate(over="ignore"):  # of the ends of the range
        facts.is_counting = bool(not facts.missing and (np.diff(present) == 1).all())
    inner = present[~np.isin(present, SENTINELS)]
    if inner.size:
        facts.inner = (float(inner.min()), float(inner.max()))
    facts.sentinels = {s: int(np.count_nonzero(present == s)) for s in SENTINELS}
    return facts


def number_text(value: float) -> str:
    """The text of a number as a level: 3 for 3.0."""
    return str(int(value)) if value == int(value) and abs(value) < EXACT else repr(value)


# -- Python objects and arrays ----------------------------------------------------------------------------


def _as_array_or_texts(name: str, values: Any) -> Found:
    """float64 numbers with what they are, or texts ("" where there is no value)."""
    if isinstance(values, Factored):
        return values
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise ShapeError(f"column {name!r}: values have shape {values.shape}, expected (rows,)")
        if values.dtype.kind in "biuf":
            return _of_numbers(values)
        if values.dtype.kind == "M":
            seconds = values.astype("datetime64[us]").astype(np.float64) / 1e6
            return np.where(np.isnat(values), np.nan, seconds), "dates"
        values = values.tolist()
    values = list(values)
    if set(map(type, values)) <= {str}:
        return factored(values)
    return _of_objects(name, values)


def _of_numbers(values: Array) -> Found:
    if values.dtype.kind == "b":
        return values.astype(np.float64), "numbers"
    array = values.astype(np.float64)
    if values.dtype.kind in "iu" and values.size and (np.abs(array) >= EXACT).any():
        whole = [int(value) for value in values.tolist()]
        if any(map(_is_inexact, whole)):
            return factored(map(str, whole))
    return array, "numbers"


def _of_objects(name: str, values: list[Any]) -> Found:
    """Objects of one sort as numbers or dates, of several as their texts."""
    is_missing = [is_none(value) for value in values]
    present = [value for value, gone in zip(values, is_missing, strict=True) if not gone]
    if any(isinstance(value, complex) and not isinstance(value, numbers.Real) for value in present):
        raise DataError(f"column {name!r} has complex numbers, expected real ones")
    array = np.full(len(values), np.nan)
    where = ~np.array(is_missing, dtype=bool)
    if all(isinstance(v, numbers.Real | np.bool_) or _is_decimal(v) for v in present):
        if any(isinstance(value, numbers.Integral) and _is_inexact(int(value)) for value in present):
            return _texts_of(values, is_missing)
        array[where] = [float(value) for value in present]
        return array, "numbers"
    if all(isinstance(value, date | np.datetime64) for value in present):
        array[where] = [_moment(value) for value in present]
        return array, "dates"
    return _texts_of(values, is_missing)


def _texts_of(values: list[Any], is_missing: list[bool]) -> Factored:
    return factored("" if gone else str(value) for value, gone in zip(values, is_missing, strict=True))


def is_none(value: Any) -> bool:
    """Whether an object stands for no value: None, NaN, NaT, pandas' NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return False


def _is_inexact(value: int) -> bool:
    """Whether float64 would round a whole number."""
    try:
        return int(float(value)) != value
    except OverflowError:
        return True


def _is_decimal(value: Any) -> bool:
    from decimal import Decimal

    return isinstance(value, Decimal)


def _moment(value: Any) -> float:
    """Seconds since 1970; without a zone it is UTC."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=_utc())
        return aware.timestamp()
    return float(np.datetime64(value, "us").astype(np.int64)) / 1e6


def _utc() -> Any:
    from datetime import UTC

    return UTC
