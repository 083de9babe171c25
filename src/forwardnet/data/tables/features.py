"""What becomes of one column of a table: which outputs, and what stands in them.

Axis glossary: n rows, m outputs of one column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.tables import stored
from forwardnet.data.tables.date_parts import PARTS
from forwardnet.data.tables.matching import Categories, Codes
from forwardnet.data.tables.numbers import quartile_scale, smooth_clip
from forwardnet.errors import FileFormatError

Floats = NDArray[np.float64]

FORMS = {
    "number": "the number, scaled",
    "parts": "parts of a date, scaled (none of them: only the indicator is used)",
    "lookup": "one output, a number for each code",
    "one-hot": "one output for each category",
    "code": "the code itself, a whole number, to be embedded",
}
# The kinds of column that each form is made of.
ALLOWED = {
    "number": ("number",),
    "parts": ("number", "date"),
    "lookup": ("boolean", "category", "number"),
    "one-hot": ("boolean", "category", "number"),
    "code": ("category", "number"),
}
# Of a number that is a category, too, what stands for all values that have no place of their own.
OTHER = "another value"


@dataclass(frozen=True, eq=False)
class Feature:
    """One column that is used. The frequent values of a number are a second feature of its column.

    `missing` (2,): what stands in the indicator output where the value is there and where it is missing; None without
    such an output. `table`: for "lookup" the output of each code; for "one-hot" (2, m) what stands in each output where
    the category is another one, and where it is that.
    """

    name: str
    kind: str
    form: str
    missing: Floats | None = None
    categories: Categories | None = None
    table: Floats | None = None
    parts: tuple[str, ...] = ()
    origin: float = 0.0
    day_first: bool | None = None  # how dates were written; None where that made no difference

    @property
    def n_numbers(self) -> int:
        """Outputs that are quantities."""
        return {"number": 1, "parts": len(self.parts)}.get(self.form, 0)

    @property
    def n_flags(self) -> int:
        """Outputs that are neither quantities nor codes."""
        if self.form == "one-hot":
            assert self.table is not None
            return int(self.table.shape[1])
        return int(self.missing is not None or self.form == "lookup")

    @property
    def number_names(self) -> tuple[str, ...]:
        """Names of these outputs."""
        return (self.name,) if self.form == "number" else tuple(f"{self.name} {part}" for part in self.parts)

    @property
    def flag_names(self) -> tuple[str, ...]:
        """Names of the outputs that are neither quantities nor codes."""
        if self.missing is not None:
            return (f"{self.name} is missing",)
        if self.form == "lookup":
            return (self.name if self.categories is None else f"{self.name}={self.categories.levels[-1]}",)
        if self.form != "one-hot":
            return ()
        return tuple(f"{self.name}={level}" for level in self._levels)

    @property
    def _levels(self) -> tuple[str, ...]:
        if self.categories is None:
            return ("false", "true")
        rare = OTHER if self.is_second else "(rare)"
        return (*self.categories.levels, *([rare] if self.categories.rare else []))

    @property
    def is_second(self) -> bool:
        """Whether it is the frequent values of a number."""
        return self.kind == "number" and self.categories is not None

    @property
    def code_name(self) -> str:
        """The name of an output that is a code."""
        return f"{self.name} as a category" if self.is_second else self.name

    def write(self, codes: Codes, out: NDArray[np.float32]) -> None:
        """Write looked-up values or one-hot outputs of `codes` (n,) into `out` (n, m)."""
        assert self.table is not None
        if self.form == "lookup":
            out[:, 0] = self.table[codes]
        else:
            out[:] = self.table[0]
            rows = np.flatnonzero(codes > 0)
            out[rows, codes[rows] - 1] = self.table[1][codes[rows] - 1]

    def to_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        state: dict[str, Any] = {"name": self.name, "kind": self.kind, "form": self.form}
        if self.missing is not None:
            state["missing"] = self.missing.tolist()
        if self.categories is not None:
            state["levels"] = list(self.categories.levels)
            state["rare"] = list(self.categories.rare)
        if self.table is not None:
            state["table"] = self.table.ravel().tolist()
        if self.form == "parts":
            state["parts"], state["origin"], state["day_first"] = list(self.parts), self.origin, self.day_first
        return state

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> Feature:
        """What `to_dict` gave. Raises FileFormatError for anything else."""
        name = stored.text(values, "name", where)
        where = f"{where}, column {name[:40]!r}"
        form = stored.text(values, "form", where, FORMS)
        kind = stored.text(values, "kind", where, ALLOWED[form])
        missing = stored.floats(values, "missing", where, length=2) if "missing" in values else None
        if missing is not None and form not in ("number", "parts"):
            raise FileFormatError(f"{where}: {form} columns have no indicator of missing values")
        categories = None
        if kind == "category" or (kind == "number" and form not in ("number", "parts")):
            levels = stored.texts(values, "levels", where)
            rare = stored.texts(values, "rare", where)
            if len({*levels, *rare}) < len(levels) + len(rare) or not (levels or rare):
                raise FileFormatError(f"{where}: 'levels' and 'rare' name no category, or one twice")
            categories = Categories(levels, rare)
        n_codes = 3 if categories is None else len(categories)
        table = None
        if form == "lookup":
            table = stored.floats(values, "table", where, length=n_codes)
        elif form == "one-hot":
            table = stored.floats(values, "table", where, length=2 * (n_codes - 1)).reshape(2, n_codes - 1)
        if form != "parts":
            return cls(name, kind, form, missing, categories, table)
        parts = stored.texts(values, "parts", where, unique=True)
        if not set(parts) <= set(PARTS) or (kind == "number" and parts) or not (parts or missing is not None):
            raise FileFormatError(f"{where}: 'parts' are {', '.join(parts)[:80]}, expected some of {', '.join(PARTS)}")
        origin, day_first = stored.number(values, "origin", where), stored.field(values, "day_first", where)
        if day_first is not None:
            day_first = stored.flag(values, "day_first", where)
        return cls(name, kind, form, missing, parts=parts, origin=origin, day_first=day_first)


def scaled(method: str, values: Floats, counts: Codes) -> Floats:
    """What becomes of the `values` of an output that is scaled like a number; training rows have `counts` of them."""
    low, high = (float(x) for x in (values[counts > 0].min(), values[counts > 0].max()))
    if low == high:
        return np.zeros_like(values)
    if method == "standard":
        mean = float(counts @ values) / float(counts.sum())
        return np.asarray((values - mean) / np.sqrt(float(counts @ np.square(values - mean)) / float(counts.sum())))
    q25, median, q75 = (_quantile(values, counts, q) for q in (0.25, 0.5, 0.75))
    return np.asarray(smooth_clip((values - median) / quartile_scale(q25, q75, low, high)))


def _quantile(values: Floats, counts: Codes, q: float) -> float:
    """The q-quantile, interpolated, of a column that has each of `values` as often as `counts` says."""
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(counts[order])
    place = q * (float(ends[-1]) - 1)
    ranks = [int(place), -int(-place // 1)]
    low, high = (float(values[order[np.searchsorted(ends, rank, side="right")]]) for rank in ranks)
    return low + (high - low) * (place - ranks[0])
