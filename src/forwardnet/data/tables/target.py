"""What is to be predicted: which task it is, classes as indices, numbers at a network's size, and back again.

Axis glossary: n rows, k targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.dataset import Task
from forwardnet.data.scaling import Standardizer
from forwardnet.data.tables import stored
from forwardnet.data.tables.frames import as_column
from forwardnet.data.tables.kinds import is_none, number_text
from forwardnet.data.tables.table import Column, Table
from forwardnet.errors import ArgumentError, DataError, FileFormatError, ForwardnetError, ShapeError

Array = NDArray[Any]

FEW_CLASSES = 20  # different whole numbers up to which a target is taken for classes
ROWS_PER_CLASS = 5  # and so many rows for each of them on average
WHERE = "target encoder"
# What the classes of a file may be; "object" are texts.
CLASS_TYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")
UNUSABLE = {
    "text": "texts, nearly all of them different",
    "identifier": "a name of its own in every row",
    "constant": "one value only",
    "empty": "no value",
    "date": "dates",
}


def decide_task(column: Column) -> tuple[Task, str]:
    """Whether classes or numbers are to be predicted, and why, in words.

    Categories and booleans are classes; so are two different whole numbers, and up to 20 of them with 5 rows each on
    average. All other numbers are numbers. Raises DataError for a column that is neither.
    """
    if column.kind == "category":
        n_levels = len(np.unique(column.values[~column.is_missing]))
        return "classification", f"{column.name!r} has {n_levels} different names"
    if column.kind == "boolean":
        return "classification", f"{column.name!r} is either true or false"
    if column.kind != "number":
        hint = "give another target, or say its kind: kinds={...: 'category'} or 'number'"
        raise DataError(f"the target {column.name!r} has {UNUSABLE[column.kind]}: nothing to be predicted", hint=hint)
    values = column.values[~np.isnan(column.values)]
    distinct = len(np.unique(values))
    if not (values == np.floor(values)).all():
        return "regression", f"{column.name!r} has numbers with fractions"
    if distinct == 2:
        return "classification", f"{column.name!r} has two different values"
    if distinct > FEW_CLASSES:
        return "regression", f"{column.name!r} has {distinct} different numbers, more than {FEW_CLASSES}"
    if distinct * ROWS_PER_CLASS > len(values):
        return "regression", f"{column.name!r} has {distinct} different numbers in {len(values)} rows, few for classes"
    return "classification", f"{column.name!r} has {distinct} different whole numbers, at most {FEW_CLASSES}"


def drop_missing(table: Table, target: str) -> tuple[Table, str | None]:
    """The rows that have a target, and a sentence about those that have none."""
    is_missing = table[target].is_missing
    n = int(is_missing.sum())
    if not n:
        return table, None
    rows = "row is" if n == 1 else "rows are"
    return table.take(
        ~is_missing
    ), f"{n} {rows} left out, without a value of {target!r} (first: row {_first(is_missing)})"


class TargetEncoder:
    """Classes to indices, or numbers to mean 0 and deviation 1 (divisor n), as learnt from training rows.

    `task`: "classification", "regression", or "auto" for what `decide_task` says. Classes keep the type they come in;
    `classes` has them in order. For regression y may be (n, k). `clamp`: `decode` stays within the training targets, as
    RealMLP does. `needs_variety`: a target of one class or one value is an error, else it is learnt as it is.
    """

    def __init__(
        self,
        task: Task | Literal["auto"] = "auto",
        *,
        clamp: bool = False,
        needs_variety: bool = True,
    ) -> None:
        if task not in ("auto", "classification", "regression"):
            raise ArgumentError(f"task is {task!r}, expected 'auto', 'classification' or 'regression'")
        self.wanted = task
        self.clamp = clamp
        self.needs_variety = needs_variety
        self.task: Task | None = None
        self.reason = ""
        self.name = "y"
        self.classes: Array | None = None
        self.mean = self.scale = self.low = self.high = np.zeros(0)
        self.is_flat = True  # y was (n,)

    def fit(self, y: Any) -> TargetEncoder:
        """Learn from y: a `Column`, an array (n,) or (n, k), a list or a series. Raises DataError for missing ones."""
        self.name = y.name if isinstance(y, Column) else "y"
        self.task, self.reason = self._decide(y)
        if self.task == "classification":
            self.classes = self._classes(y)
        else:
            self._learn_numbers(y)
        return self

    def transform(self, y: Any) -> Array:
        """int64 (n,) indices of classes, or float32 numbers of the shape of y. Unknown classes raise DataError."""
        if self._fitted("transform") == "regression":
            numbers = self._numbers(y)
            Z = ((numbers - self.mean) / self.scale).astype(np.float32)
            return Z[:, 0] if self.is_flat else Z
        return self._indices(_labels(y, self.name))

    def fit_transform(self, y: Any) -> Array:
        """`fit`, then `transform`."""
        return self.fit(y).transform(y)

    def decode(self, values: Any) -> Array:
        """What `transform` was given: classes from indices (n,), or float64 numbers from (n,) or (n, k)."""
        if self._fitted("decode") == "classification":
            assert self.classes is not None
            return np.asarray(self.classes[np.asarray(values, dtype=np.int64)])
        Z = np.asarray(values, dtype=np.float64)
        flat = Z.reshape(len(Z), -1)
        if flat.shape[1] != len(self.mean):
            raise ShapeError(f"TargetEncoder.decode: values have shape {Z.shape}, expected {len(self.mean)} columns")
        numbers = flat * self.scale + self.mean
        if self.clamp:
            numbers = np.clip(numbers, self.low, self.high)
        return numbers[:, 0] if self.is_flat else numbers

    @property
    def n_outputs(self) -> int:
        """Classes, or numbers to predict."""
        if self._fitted("n_outputs") == "classification":
            assert self.classes is not None
            return len(self.classes)
        return len(self.mean)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes as texts; none for a regression."""
        return () if self.classes is None else tuple(_name(label) for label in self.classes.tolist())

    def to_dict(self) -> dict[str, Any]:
        """For a JSON file; what comes back gives the same bits."""
        state = {"task": self._fitted("to_dict"), "name": self.name, "reason": self.reason, "clamp": self.clamp}
        if self.classes is not None:
            is_text = self.classes.dtype.kind in "OU"
            return state | {"classes": self.classes.tolist(), "type": "object" if is_text else self.classes.dtype.name}
        learnt = {name: getattr(self, name).tolist() for name in ("mean", "scale", "low", "high")}
        return state | learnt | {"is_flat": self.is_flat}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TargetEncoder:
        """What `to_dict` gave. Raises FileFormatError for anything else."""
        task: Any = stored.text(values, "task", WHERE, ("classification", "regression"))
        self = cls(task, clamp=stored.flag(values, "clamp", WHERE))
        self.task = task
        self.name, self.reason = stored.text(values, "name", WHERE), stored.text(values, "reason", WHERE)
        if task == "classification":
            self.classes = _stored_classes(values)
            return self
        self.is_flat = stored.flag(values, "is_flat", WHERE)
        self.mean = stored.floats(values, "mean", WHERE)
        k = len(self.mean)
        if not k or (self.is_flat and k > 1):
            raise FileFormatError(f"{WHERE}: 'mean' has {k} numbers, expected {'one' if self.is_flat else 'some'}")
        self.scale = stored.floats(values, "scale", WHERE, length=k, positive=True)
        self.low, self.high = (stored.floats(values, name, WHERE, length=k) for name in ("low", "high"))
        if (self.low > self.high).any():
            raise FileFormatError(f"{WHERE}: 'low' is above 'high'")
        return self

    # -- learning ------------------------------------------------------------------------------------------

    def _fitted(self, where: str) -> Task:
        if self.task is None:
            raise ForwardnetError(f"TargetEncoder.{where}: nothing has been learnt yet", hint="call fit(y) first")
        return self.task

    def _decide(self, y: Any) -> tuple[Task, str]:
        if self.wanted != "auto":
            return self.wanted, "as told"
        if _has_columns(y) and np.asarray(y).ndim == 2 and np.asarray(y).shape[1] > 1:
            return "regression", f"{np.asarray(y).shape[1]} numbers for each row"
        return decide_task(as_column(y, name=self.name))

    def _classes(self, y: Any) -> Array:
        labels = _labels(y, self.name)
        try:
            classes = np.unique(labels)
        except TypeError as error:
            kinds = sorted({type(label).__name__ for label in labels.tolist()})
            raise DataError(f"{self.name} has labels of different types: {', '.join(kinds)}") from error
        if len(classes) < 2 and self.needs_variety:
            raise DataError(
                f"{self.name} has only one class: all {len(labels)} labels are {_name(classes.tolist()[0])!r}, "
                "expected at least two classes"
            )
        return classes

    def _indices(self, labels: Array) -> Array:
        assert self.classes is not None
        number = {label: i for i, label in enumerate(self.classes.tolist())}
        if labels.dtype.kind == "O":
            indices = np.array([number.get(label, -1) for label in labels.tolist()], dtype=np.int64)
        else:
            distinct, inverse = np.unique(labels, return_inverse=True)
            indices = np.array([number.get(label, -1) for label in distinct.tolist()], dtype=np.int64)[inverse]
        if (indices < 0).any():
            row = _first(indices < 0)
            known = ", ".join(self.class_names[:8]) + (", ..." if len(self.classes) > 8 else "")
            raise DataError(
                f"{self.name} has {_name(labels.tolist()[row])!r} at row {row}, which was not among the "
                f"classes in training: {known}"
            )
        return indices

    def _learn_numbers(self, y: Any) -> None:
        numbers = self._numbers(y, is_first=True)
        self.low, self.high = numbers.min(axis=0), numbers.max(axis=0)
        constant = self.low == self.high
        if constant.any() and self.needs_variety:
            which = self.name if len(constant) == 1 else f"{self.name}, column {_first(constant)},"
            value = number_text(float(self.low[_first(constant)]))
            raise DataError(f"{which} has the same value {value} in all {len(numbers)} rows: nothing to learn")
        with np.errstate(over="ignore"):
            width = np.where(constant, 1.0, self.high - self.low)
        if not np.isfinite(width).all():
            raise DataError(f"{self.name} has numbers from {self.low.min():g} to {self.high.max():g}, too far apart")
        # Measured in widths, so that nothing is too large or too small to be squared.
        learnt = Standardizer().fit((numbers - self.low) / width)
        assert learnt.mean is not None and learnt.scale is not None
        self.mean, self.scale = self.low + width * learnt.mean, width * learnt.scale

    def _numbers(self, y: Any, *, is_first: bool = False) -> NDArray[np.float64]:
        """y as finite float64 (n, k)."""
        array = np.asarray(y) if _has_columns(y) else as_column(y, name=self.name)
        if isinstance(array, Column):
            if array.is_coded:
                raise DataError(f"{self.name} has texts such as {(array.levels or ('',))[0]!r}, expected numbers")
            array = array.values
        try:
            numbers = np.asarray(array, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"{self.name} cannot be read as numbers: {error}") from error
        if numbers.ndim not in (1, 2) or not numbers.size:
            raise ShapeError(f"{self.name} has shape {numbers.shape}, expected (rows,) or (rows, targets)")
        if is_first:
            self.is_flat = numbers.ndim == 1
        flat = numbers.reshape(len(numbers), -1)
        if not is_first and flat.shape[1] != len(self.mean):
            raise ShapeError(f"{self.name} has shape {numbers.shape}, expected {len(self.mean)} columns")
        _refuse(np.isnan(flat).any(axis=1), self.name, "no value (NaN)")
        _refuse(np.isinf(flat).any(axis=1), self.name, "an infinite value (inf)")
        return flat


def _labels(y: Any, name: str) -> Array:
    """Labels (n,) in the type they come in, none missing."""
    if isinstance(y, Column):
        _refuse(y.is_missing, name, "no value")
        if y.levels is not None:
            return np.array(y.levels, dtype=object)[y.values]
        if y.kind == "boolean":
            return y.values.astype(bool)
        return y.values.astype(np.int64) if (y.values == np.floor(y.values)).all() else y.values
    labels: Array = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not labels.size:
        raise ShapeError(f"{name} has shape {labels.shape}, expected (rows,) labels")
    if labels.dtype.kind == "O":
        _refuse(np.array([is_none(label) for label in labels.tolist()]), name, "no value")
    elif labels.dtype.kind == "f":
        _refuse(np.isnan(labels), name, "no value (NaN)")
        _refuse(np.isinf(labels), name, "an infinite value (inf)")
    elif labels.dtype.kind not in "biuU":
        raise DataError(f"{name} has labels of {labels.dtype}, expected numbers, texts or truth values")
    return labels


def _refuse(bad: Any, name: str, what: str) -> None:
    """Name the rows of a target that cannot be used."""
    if not bad.any():
        return
    rows = ", ".join(str(row) for row in np.flatnonzero(bad)[:5]) + (", ..." if bad.sum() > 5 else "")
    raise DataError(
        f"{name} has {what} in {int(bad.sum())} of {len(bad)} rows: {rows}",
        hint="leave these rows out: forwardnet.data.tables.drop_missing(table, target)",
    )


def _stored_classes(values: Mapping[str, Any]) -> Array:
    """The classes of a file."""
    kind = stored.text(values, "type", WHERE, ("object", *CLASS_TYPES))
    found = stored.field(values, "classes", WHERE)
    sort: tuple[type, ...] = {"o": (str,), "b": (bool,), "f": (int, float)}.get(kind[0], (int,))
    is_sound = isinstance(found, list) and found and all(type(label) in sort for label in found)
    if not is_sound or len(set(found)) < len(found) or not (kind == "object" or np.isfinite(found).all()):
        raise FileFormatError(f"{WHERE}: 'classes' is not a list of different labels of type {kind}")
    try:
        return np.array(found, dtype=object if kind == "object" else kind)
    except OverflowError as error:
        raise FileFormatError(f"{WHERE}: 'classes' has a number that is no {kind}") from error


def _name(label: Any) -> str:
    return number_text(label) if isinstance(label, float) else str(label)


def _first(mask: Array) -> int:
    return int(np.argmax(mask))


def _has_columns(y: Any) -> bool:
    """Whether y is a frame, an array (n, k) or a list of rows."""
    is_rows = isinstance(y, list) and bool(y) and isinstance(y[0], list | tuple)
    return is_rows or hasattr(y, "columns") or getattr(y, "ndim", 1) != 1
