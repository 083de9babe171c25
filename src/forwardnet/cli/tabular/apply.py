"""`forwardnet predict` and `evaluate` with a model that was learnt from a table.

Axis glossary: n rows, C classes.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.cli.output import Output
from forwardnet.cli.tabular import source
from forwardnet.cli.tabular.record import KEY, Record, fingerprint, read_record
from forwardnet.cli.tabular.run import FIGURES, predict
from forwardnet.data.tables import Column, Table, read_table
from forwardnet.errors import ArgumentError, DataError, FileFormatError, unknown_name

Array = NDArray[Any]

PARTS = ("train", "test", "all")


@dataclass(frozen=True, eq=False)
class TableModel:
    """An estimator with the record of its training."""

    path: str
    estimator: Any
    record: Record

    def predict(self, table: Table) -> Array:
        """Probabilities (n, C) or values (n,)."""
        from forwardnet.train.threads import limited_threads

        with limited_threads(1):
            return predict(self.estimator, table, is_classifier=self.record.is_classifier)


@dataclass(frozen=True)
class Reading:
    """How the file of the rows is read, where the command says."""

    has_header: bool | None = None
    separator: str | None = None
    encoding: str | None = None


def open_table_model(path: Path) -> TableModel | None:
    """The model in a file or folder, if it was learnt from a table; None for other models.

    Raises:
        FileFormatError: the file is missing or damaged.
    """
    from forwardnet.estimators import load
    from forwardnet.interop import load_model

    file = str(path / "model.safetensors" if path.is_dir() else path)
    _, metadata = load_model(file)
    if "estimator" not in metadata:
        return None
    if KEY not in metadata:
        raise FileFormatError(
            f"{file!r} has an estimator, but does not tell what it was learnt from",
            hint="use a model written by 'forwardnet train', or forwardnet.estimators.load in Python",
        )
    return TableModel(file, load(file), read_record(metadata, file))


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as a model wants them, their numbers in the file, and the target where the file has it."""

    X: Table
    target: Column | None
    numbers: NDArray[np.int64]
    what: str


def load_rows(data: str, model: TableModel, reading: Reading, output: Output, *, part: str | None, usual: str) -> Rows:
    """The rows of a file or data set; of the file that the model learnt from, the `part` (if not given: `usual`).

    Raises:
        DataError: a column that the model wants is missing, or holds what it cannot read.
    """
    if part is not None and part not in PARTS:
        raise unknown_name("part", part, PARTS)
    table = _read(data, model.record, reading, output)
    absent = [name for name in model.record.names if name not in table]
    if absent:
        small = {name.casefold(): name for name in table.names}
        near = [small[name] for name in difflib.get_close_matches(absent[0].casefold(), small, n=1, cutoff=0.5)]
        more = f" (and {len(absent) - 1} more that the model wants)" if len(absent) > 1 else ""
        hint = f"is it {near[0]!r} there?" if near else "'forwardnet inspect' lists the columns that the model wants"
        raise DataError(f"{data}: the column {absent[0]!r} is missing{more}", hint=hint)
    numbers, what = _part(data, table, model.record, part, usual)
    targets = [column.take(numbers) for column in table if column.name == model.record.target]
    return Rows(table.select(model.record.names).take(numbers), targets[0] if targets else None, numbers, what)


def _read(data: str, record: Record, reading: Reading, output: Output) -> Table:
    from forwardnet.cli.train import load_dataset

    if not source.is_table_file(data):
        return source.as_table(load_dataset(data, None, output))[0]
    header = reading.has_header if reading.has_header is not None else "auto" if record.has_header else False
    how: dict[str, Any] = {"header": header, "separator": reading.separator, "encoding": reading.encoding}
    kinds = {column["name"]: column["kind"] for column in record.columns}
    if record.is_classifier:
        kinds[record.target] = "category"
    # The kinds are those that were learnt: of a few rows nobody could tell.
    present = read_table(data, limit=1, **how).names
    return read_table(data, kinds={name: kind for name, kind in kinds.items() if name in present}, **how)


def _part(data: str, table: Table, record: Record, part: str | None, usual: str) -> tuple[NDArray[np.int64], str]:
    """The numbers of the rows of a part, and in words which these are."""
    everything, own = np.arange(len(table)), f"the {'file' if source.is_table_file(data) else 'data'} it learnt from"
    if fingerprint(data, table) != record.sha256:
        if part not in (None, "all"):
            raise ArgumentError(f"--part {part}: {data!r} is not what the model learnt from", hint="leave --part out")
        return everything, "all rows"
    chosen = part or usual
    if chosen != "all" and record.tested is not None and len(record.tested) == len(table):
        return np.flatnonzero(record.tested == (chosen == "test")), f"the {chosen} part of {own}"
    if part == "test":
        raise ArgumentError(f"--part test: the model has learnt from all rows of {data!r}")
    return everything, f"all rows of {own}"


def run_predict(
    model: TableModel, data: str, output: Output, reading: Reading, *, out: Path | None, part: str | None
) -> int:
    """Predict, and write CSV to standard output or to the file `out`; returns the exit code."""
    from forwardnet.interop.atomic import write_text

    rows = load_rows(data, model, reading, output, part=part, usual="all")
    predicted = model.predict(rows.X)
    record = model.record
    if out is not None:
        write_text(out, "".join(_lines(rows, predicted, record)))
    if output.is_json:
        labels = [record.classes[k] for k in predicted.argmax(axis=1)] if record.is_classifier else predicted.tolist()
        found: dict[str, Any] = {"model": model.path, "data": data, "what": rows.what, "rows": rows.numbers.tolist()}
        found |= {"target": record.target, "predicted": labels}
        if record.is_classifier:
            found |= {"classes": list(record.classes), "probabilities": predicted.tolist()}
        output.json(found)
    elif out is None:
        output.note(f"{len(predicted):,} rows: {rows.what}")
        for line in _lines(rows, predicted, record):
            output.text(line)
    else:
        output.last(f"wrote {len(predicted):,} predictions ({rows.what}) to {out}")
    return 0


def _lines(rows: Rows, predicted: Array, record: Record) -> Iterator[str]:
    """Heading and one line per row: its number, and the class with all probabilities or the value."""
    if record.is_classifier:
        yield _csv(["row", record.target, *(f"p({name})" for name in record.classes)])
        for number, row in zip(rows.numbers, predicted, strict=True):
            yield _csv([int(number), record.classes[int(row.argmax())], *(f"{p:.6g}" for p in row)])
    else:
        yield _csv(["row", record.target])
        for number, value in zip(rows.numbers, predicted, strict=True):
            yield _csv([int(number), f"{value:.9g}"])


def _csv(cells: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def true_values(rows: Rows, record: Record, data: str) -> tuple[Array, NDArray[np.int64]]:
    """Class numbers or values of the rows that have a target, and which rows these are.

    Raises:
        DataError: the file has no targets, or classes that the model does not know.
    """
    target = rows.target
    if target is None or target.is_missing.all():
        why = "no column" if target is None else "no value in the column"
        raise DataError(
            f"{data}: there is {why} {record.target!r} with the true values", hint="'forwardnet predict' needs none"
        )
    known = np.flatnonzero(~target.is_missing)
    values = target.values[known]
    if not record.is_classifier:
        if target.is_coded:
            raise DataError(f"{data}: column {target.name!r} has names, expected numbers")
        return values, known
    names = np.array(target.levels if target.levels is not None else [f"{value:g}" for value in np.unique(values)])
    codes = values if target.levels is not None else np.unique(values, return_inverse=True)[1]
    number = {name: k for k, name in enumerate(record.classes)}
    found = np.array([number.get(str(name), -1) for name in names])[codes]
    if (found < 0).any():
        place = int(np.argmax(found < 0))
        raise DataError(
            f"{data}: column {target.name!r} has {str(names[codes[place]])!r} in row {rows.numbers[known[place]]}, "
            f"but the model knows {', '.join(record.classes[:8])}"
        )
    return found, known


def run_evaluate(model: TableModel, data: str, output: Output, reading: Reading, *, part: str | None) -> int:
    """Measure, and show the figures beside those of the simplest guess; returns the exit code."""
    from forwardnet.cli import tables
    from forwardnet.cli.tabular.words import score_of
    from forwardnet.report import PartFigures
    from forwardnet.report.content import part_dict
    from forwardnet.train.metrics import confusion_matrix
    from forwardnet.validate.comparison import compare

    record = model.record
    rows = load_rows(data, model, reading, output, part=part, usual="test")
    y, known = true_values(rows, record, data)
    predicted = model.predict(rows.X.take(known))
    shape = (len(y), len(record.classes)) if record.is_classifier else (len(y),)
    guess = np.broadcast_to(np.array(record.baseline) if record.is_classifier else record.baseline[0], shape)
    usual = FIGURES[record.task]
    metrics = [record.metric, *(name for name in usual if name != record.metric)]
    found = compare(y, {"network": predicted, "guess": np.array(guess)}, metrics)
    figures = PartFigures(
        "rows",
        len(y),
        tuple(score_of(found.figure("network", name)) for name in metrics),
        {name: found.values["guess"][name] for name in metrics},
    )
    counts = None
    if record.is_classifier:
        counts = confusion_matrix(y, predicted.argmax(axis=1), classes=len(record.classes))
    if output.is_json:
        told = {"model": model.path, "data": data, "what": rows.what, **part_dict(figures)}
        told |= {"classes": list(record.classes), "confusion": None if counts is None else counts.tolist()}
        output.json(told)
        return 0
    output.say(f"{model.path} on {data}: {rows.what}")
    tables.show_figures(output, [figures])
    if counts is not None:
        tables.show_confusion(output, counts, record.classes)
    return 0
