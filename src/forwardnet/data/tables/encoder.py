"""From a table to a network's inputs, learnt from the training rows alone and kept with the model.

Axis glossary: n rows, k quantities, width outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.tables import matching, stored
from forwardnet.data.tables.date_parts import parts_of
from forwardnet.data.tables.features import Feature
from forwardnet.data.tables.frames import as_table
from forwardnet.data.tables.learning import Settings, learn
from forwardnet.data.tables.numbers import METHODS, NumberScaler
from forwardnet.data.tables.remarks import remarks
from forwardnet.data.tables.table import Column
from forwardnet.errors import ArgumentError, FileFormatError, ForwardnetError, unknown_name

WHERE = "table encoder"
FORMAT = 1
NOTHING = "(nothing)"  # the name of the one output, always 0, of a table that tells no rows apart


@dataclass(frozen=True, eq=False)
class Layout:
    """What the outputs are: first the quantities, then indicators and one-hot outputs, then codes to be embedded.

    `is_number` and `chunks` are about all outputs but the codes: whether each is a quantity, and the number of the
    feature that it comes from (ascending from 0; equal for the parts of a date and for one category's outputs; an
    indicator of missing values is a feature of its own). `cardinalities`: of each code column, how many codes there
    are, with 0 for missing. `names` and `sources` (width,): what an output is called and the column that it is made of.
    """

    is_number: NDArray[np.bool_]
    chunks: NDArray[np.int64]
    cardinalities: tuple[int, ...]
    names: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def width(self) -> int:
        """How many outputs there are."""
        return len(self.names)

    def columns_of(self) -> dict[str, list[int]]:
        """Original column -> its outputs: what is shuffled together when its importance is measured."""
        found: dict[str, list[int]] = {}
        for i, source in enumerate(self.sources):
            found.setdefault(source, []).append(i)
        return found


class TableEncoder:
    """Encodes tables as float32 (n, width), as it has learnt from the training rows.

    * numbers: as `numeric` says (`METHODS`). Missing ones become the middle (0; the mean for "none"); where training
      rows had missing values, one more output says so.
    * dates: year, month, weekday, day of year and time of day (sine and cosine each), days; scaled as numbers are.
    * booleans: -1 and 1 if `signed`, else 0 and 1; missing ones lie between.
    * categories: one output each, up to `one_hot_limit` values with the missing one counted (None: always), all 0 where
      missing; two categories are one output -1 or 1 if `signed`. With more values: a code from 1, for an embedding,
      in the last outputs; 0 where missing. Those in fewer than `min_count` training rows share one output or code,
      which those unseen in training get, too; without any, the unseen are as missing.
    * `frequent_values`: numbers whose middle half is one value, and which have three or more, are categories as well:
      those in at least two training rows (`min_count`, where it is more) have places of their own, 1000 at most, and
      all others share one.
    * constant and nearly constant columns, texts, identifiers: left out, and said in `notes`.

    `scale_one_hot`: indicators and one-hot outputs are scaled like numbers ("standard" and "robust" only), as RealMLP
    does (Holzmueller et al. 2024). A row's outputs do not depend on the rows beside it.
    """

    def __init__(
        self,
        numeric: str = "standard",
        *,
        scale_one_hot: bool = False,
        one_hot_limit: int | None = None,
        signed: bool = True,
        min_count: int = 1,
        seed: int = 0,
        frequent_values: bool = False,
    ) -> None:
        if numeric not in METHODS:
            raise unknown_name("scaling of numbers", numeric, METHODS)
        if scale_one_hot and numeric not in ("standard", "robust"):
            raise ArgumentError(
                f'TableEncoder: scale_one_hot goes with numeric="standard" or "robust", not {numeric!r}'
            )
        if one_hot_limit is not None and one_hot_limit < 0:
            raise ArgumentError(f"TableEncoder: one_hot_limit is {one_hot_limit}, expected a number >= 0, or None")
        if min_count < 1:
            raise ArgumentError(f"TableEncoder: min_count is {min_count}, expected a number >= 1")
        self.settings = Settings(numeric, scale_one_hot, one_hot_limit, signed, min_count, seed, frequent_values)
        self.notes: tuple[str, ...] = ()
        self.left_out: dict[str, str] = {}
        self._features: tuple[Feature, ...] | None = None
        self._layout = layout_of(())
        self._n_numbers = 0
        self._scaler = NumberScaler(numeric, seed=seed)

    def fit(self, X: Any) -> TableEncoder:
        """Learn from the rows of X, a `Table` or what `as_table` takes, whose columns are all taken for inputs."""
        learnt = learn(as_table(X), self.settings)
        self.notes, self.left_out = tuple(learnt.notes), learnt.left_out
        self._scaler = NumberScaler(self.settings.numeric, seed=self.settings.seed).fit(learnt.numbers)
        self._set(learnt.features)
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """(n, width). Columns are found by name; raises DataError for a missing one, or values of another kind."""
        features = self._fitted("transform")
        table = as_table(X, expected=self.kinds)
        columns = matching.find(table, [feature.name for feature in features])
        out = np.zeros((len(table), self._layout.width), dtype=np.float32)
        flag, code = self._n_numbers, len(self._layout.is_number)
        numbers: list[NDArray[np.float64]] = []
        for feature, column in zip(features, columns, strict=True):
            if feature.form in ("number", "parts"):
                values = _values(feature, column, table.name)
                numbers += _numbers(values, feature)
                if feature.missing is not None:
                    out[:, flag] = feature.missing[np.isnan(values).astype(np.int64)]
            elif feature.form == "code":
                out[:, code] = _codes(feature, column, table.name)
                code += 1
            else:
                feature.write(_codes(feature, column, table.name), out[:, flag : flag + feature.n_flags])
            flag += feature.n_flags
        infinite = self._scaler.transform(numbers, out[:, : self._n_numbers])
        if infinite is not None:
            raise matching.infinity(self._layout.sources[infinite[0]], infinite[1], table.name)
        return out

    def fit_transform(self, X: Any) -> NDArray[np.float32]:
        """`fit`, then `transform`."""
        table = as_table(X)
        return self.fit(table).transform(table)

    def unseen(self, X: Any) -> dict[str, dict[str, int]]:
        """Column -> category -> its rows, of the categories in X that the training rows did not have."""
        table = as_table(X, expected=self.kinds)
        by_name = {column.name: column for column in table}
        matching.find(table, list(self.kinds))
        found: dict[str, dict[str, int]] = {}
        for feature in self._fitted("unseen"):
            if feature.categories is not None and not feature.is_second:
                new = feature.categories.unseen(by_name[feature.name])
                found |= {feature.name: new} if new else {}
        return found

    def remarks(self, X: Any) -> tuple[str, ...]:
        """Sentences on what `transform` makes of values that training had not, and on columns that it ignores."""
        table = as_table(X, expected=self.kinds)
        return remarks(table, self._fitted("remarks"), self.left_out, self._scaler, self.unseen(table))

    @property
    def layout(self) -> Layout:
        """What the outputs are."""
        self._fitted("layout")
        return self._layout

    def to_dict(self) -> dict[str, Any]:
        """For a JSON file; what comes back gives the same bits."""
        return {
            "format": FORMAT,
            "settings": asdict(self.settings),
            "features": [feature.to_dict() for feature in self._fitted("to_dict")],
            "numbers": self._scaler.to_dict(),
            "left_out": self.left_out,
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TableEncoder:
        """What `to_dict` gave. Raises FileFormatError for anything else."""
        stored.count(values, "format", WHERE, least=FORMAT, most=FORMAT)
        self = cls(**_settings(stored.field(values, "settings", WHERE)))
        features = [Feature.from_dict(record, WHERE) for record in stored.records(values, "features", WHERE)]
        if len({(feature.name, feature.is_second) for feature in features}) < len(features):
            raise FileFormatError(f"{WHERE}: 'features' has one column twice")
        width = sum(feature.n_numbers for feature in features)
        self._scaler = NumberScaler.from_dict(stored.field(values, "numbers", WHERE), width, f"{WHERE}, numbers")
        left_out = stored.mapping(stored.field(values, "left_out", WHERE), f"{WHERE}, left_out")
        self.left_out = {name: stored.text(left_out, name, f"{WHERE}, left_out") for name in left_out}
        self.notes = stored.texts(values, "notes", WHERE)
        self._set(features)
        return self

    @property
    def feature_names_out(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return self.layout.names

    @property
    def kinds(self) -> dict[str, str]:
        """Column -> its kind, of the columns that are used: how further tables are to be read."""
        return {feature.name: feature.kind for feature in self._fitted("kinds")}

    def _set(self, features: Sequence[Feature]) -> None:
        self._features = tuple(features)
        self._layout = layout_of(self._features)
        self._n_numbers = int(self._layout.is_number.sum())

    def _fitted(self, where: str) -> tuple[Feature, ...]:
        if self._features is None:
            raise ForwardnetError(f"TableEncoder.{where}: nothing has been learnt yet", hint="call fit(table) first")
        return self._features


def _values(feature: Feature, column: Column, where: str) -> NDArray[np.float64]:
    """The values of a number or a date."""
    if feature.kind == "date":
        return matching.as_dates(column, where, feature.day_first)
    return matching.as_numbers(column, where)


def _codes(feature: Feature, column: Column, where: str) -> NDArray[np.int64]:
    """The codes of a boolean or a category."""
    if feature.categories is None:
        return matching.as_flags(column, where)
    return feature.categories.codes(column, where)


def _numbers(values: NDArray[np.float64], feature: Feature) -> list[NDArray[np.float64]]:
    """The quantities of one column."""
    if feature.form == "number":
        return [values]
    parts = parts_of(values, feature.origin) if feature.parts else {}
    return [parts[name] for name in feature.parts]


def layout_of(features: Sequence[Feature]) -> Layout:
    """What the outputs of these features are."""
    numbers = [(name, f.name, i) for i, f in enumerate(features) for name in f.number_names]
    flags = [(name, f.name, i + len(features)) for i, f in enumerate(features) for name in f.flag_names]
    coded = [f for f in features if f.form == "code"]
    plain = numbers + flags
    if not plain and not coded:
        plain = [(NOTHING, NOTHING, 0)]
    _, chunks = np.unique(np.array([chunk for *_, chunk in plain], dtype=np.int64), return_inverse=True)
    return Layout(
        is_number=np.arange(len(plain)) < len(numbers),
        chunks=chunks.astype(np.int64),
        cardinalities=tuple(len(f.categories) for f in coded if f.categories is not None),
        names=tuple(name for name, *_ in plain) + tuple(f.code_name for f in coded),
        sources=tuple(source for _, source, _ in plain) + tuple(f.name for f in coded),
    )


def _settings(values: Any) -> dict[str, Any]:
    """The arguments of the encoder that a file names."""
    where = f"{WHERE}, settings"
    limit = stored.field(values, "one_hot_limit", where)
    settings = {
        "numeric": stored.text(values, "numeric", where, METHODS),
        "scale_one_hot": stored.flag(values, "scale_one_hot", where),
        "one_hot_limit": None if limit is None else stored.count(values, "one_hot_limit", where),
        "signed": stored.flag(values, "signed", where),
        "min_count": stored.count(values, "min_count", where, least=1),
        "seed": stored.count(values, "seed", where, least=-(2**63), most=2**64),
        "frequent_values": "frequent_values" in values and stored.flag(values, "frequent_values", where),
    }
    if settings["scale_one_hot"] and settings["numeric"] not in ("standard", "robust"):
        raise FileFormatError(f"{where}: 'scale_one_hot' does not go with {settings['numeric']!r}")
    return settings
