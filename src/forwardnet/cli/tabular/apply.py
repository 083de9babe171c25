"""`forwardnet predict` and `evaluate` with a model that was learnt from a table.

Axis glossary: n rows, C classes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.cli.output import Output
from forwardnet.cli.tabular.asked import Asked, Reading, Rows, open_rows
from forwardnet.cli.tabular.record import KEY, Record, read_record
from forwardnet.cli.tabular.run import FIGURES, predict
from forwardnet.data.tables import Table
from forwardnet.errors import DataError, FileFormatError

Array = NDArray[Any]
Answer = tuple[NDArray[np.int64], Array]  # numbers of rows, and what the model says about them


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


def run_predict(
    model: TableModel, data: str, output: Output, reading: Reading, *, out: Path | None, part: str | None
) -> int:
    """Predict, and write CSV to standard output or to the file `out`; returns the exit code."""
    from forwardnet.interop.atomic import atomic_file

    record = model.record
    asked = open_rows(data, record, reading, output, part=part, usual="all")
    answers: Iterator[Answer] = ((rows.numbers, model.predict(rows.X)) for rows in asked.blocks())
    if output.is_json or reading.memory_limit is None:
        kept = list(answers)  # before anything is written
        answers = iter(kept)
    if out is not None:
        with atomic_file(out) as file:
            file.writelines(line.encode() for line in _lines(answers, record))
    if output.is_json:
        found = {"model": model.path, "data": data, "what": asked.what, "target": record.target}
        output.json(found | _told(kept, record))
    elif out is None:
        output.note(f"{asked.count:,} rows: {asked.what}")
        for line in _lines(answers, record):
            output.text(line)
    else:
        output.last(f"wrote {asked.count:,} predictions ({asked.what}) to {out}")
    return 0


def _told(answers: Sequence[Answer], record: Record) -> dict[str, Any]:
    """All predictions, for one JSON object."""
    predicted = np.concatenate([block for _, block in answers]) if answers else np.empty((0, len(record.classes)))
    found: dict[str, Any] = {"rows": [number for numbers, _ in answers for number in numbers.tolist()]}
    if not record.is_classifier:
        return found | {"predicted": predicted.tolist()}
    found |= {"predicted": [record.classes[k] for k in predicted.argmax(axis=1)]}
    return found | {"classes": list(record.classes), "probabilities": predicted.tolist()}


def _lines(answers: Iterable[Answer], record: Record) -> Iterator[str]:
    """Heading and one line per row: its number, and the class with all probabilities or the value."""
    yield _csv(["row", record.target, *(f"p({name})" for name in record.classes if record.is_classifier)])
    for numbers, predicted in answers:
        for number, row in zip(numbers.tolist(), predicted, strict=True):
            if record.is_classifier:
                yield _csv([number, record.classes[int(row.argmax())], *(f"{p:.6g}" for p in row)])
            else:
                yield _csv([number, f"{row:.9g}"])


def _csv(cells: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def true_values(rows: Rows, record: Record, data: str) -> tuple[Array, NDArray[np.int64]]:
    """Class numbers or values of the rows that have a target, and which rows these are.

    Raises:
        DataError: the file has no column of targets, or classes that the model does not know.
    """
    target = rows.target
    if target is None:
        raise _nothing_true("no column", record, data)
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


def _nothing_true(why: str, record: Record, data: str) -> DataError:
    return DataError(
        f"{data}: there is {why} {record.target!r} with the true values", hint="'forwardnet predict' needs none"
    )


def _compared(model: TableModel, data: str, asked: Asked) -> tuple[Array, Array]:
    """The true values of all rows that have one, and what the model says about these."""
    true, predicted = [], []
    for rows in asked.blocks():
        y, known = true_values(rows, model.record, data)
        if len(known):
            true.append(y)
            predicted.append(model.predict(rows.X.take(known)))
    if not true:
        raise _nothing_true("no value in the column", model.record, data)
    return np.concatenate(true), np.concatenate(predicted)


def run_evaluate(model: TableModel, data: str, output: Output, reading: Reading, *, part: str | None) -> int:
    """Measure, and show the figures beside those of the simplest guess; returns the exit code."""
    from forwardnet.cli import tables
    from forwardnet.cli.tabular.words import score_of
    from forwardnet.report import PartFigures
    from forwardnet.report.content import part_dict
    from forwardnet.train.metrics import confusion_matrix
    from forwardnet.validate.comparison import compare

    record = model.record
    asked = open_rows(data, record, reading, output, part=part, usual="test")
    y, predicted = _compared(model, data, asked)
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
        told = {"model": model.path, "data": data, "what": asked.what, **part_dict(figures)}
        told |= {"classes": list(record.classes), "confusion": None if counts is None else counts.tolist()}
        output.json(told)
        return 0
    output.say(f"{model.path} on {data}: {asked.what}")
    tables.show_figures(output, [figures])
    if counts is not None:
        tables.show_confusion(output, counts, record.classes)
    return 0
