"""What a model's file tells of the run that made it: where its figures come from, and which columns it wants.

It lies in the metadata beside the estimator, and nothing in it differs between equal runs.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.cli.tabular import words
from forwardnet.cli.tabular.repeat import command_line
from forwardnet.cli.tabular.run import NETWORK, Kept, TableOutcome, metrics_of
from forwardnet.cli.tabular.source import is_table_file
from forwardnet.data.tables import KINDS, Column, Table
from forwardnet.errors import FileFormatError
from forwardnet.report.content import finite

KEY = "run"
_LEVELS = 30  # names of a category that the file lists; the estimator has them all


@dataclass(frozen=True)
class Record:
    """The run behind a model. `columns` are the inputs, each with name, kind and what its values were."""

    task: str
    target: str
    classes: tuple[str, ...]
    columns: tuple[dict[str, Any], ...]
    baseline: tuple[float, ...]  # class shares, or the mean, of the rows learnt from
    metric: str
    figures: dict[str, Any]
    sha256: str  # of the file that was learnt from
    tested: NDArray[np.bool_] | None  # which rows of that file the model has not learnt from; None: it learnt from all
    has_header: bool
    said: dict[str, Any]  # sentences and settings, to be shown

    @property
    def is_classifier(self) -> bool:
        """Whether classes are predicted, not numbers."""
        return self.task == "classification"

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the model wants."""
        return tuple(column["name"] for column in self.columns)


def record_of(outcome: TableOutcome) -> dict[str, Any]:
    """What is written into the model's file."""
    kept = Kept(outcome.estimator, outcome.problem, outcome.options, outcome.division, outcome.learnt_rows)
    return {
        **record_of_kept(kept),
        "metric": outcome.metric,
        "figures": {model: _figures(outcome, model) for model in (NETWORK, *outcome.baselines)},
        "said": said_of(kept, words.summary(outcome), words.judgement(outcome)),
    }


def record_of_kept(kept: Kept) -> dict[str, Any]:
    """What is known of a network before it was measured."""
    from forwardnet import __version__

    problem, options, learnt = kept.problem, kept.options, kept.learnt
    tested = None
    if len(learnt) < len(problem.X):
        rows = problem.rows[np.setdiff1d(np.arange(len(problem.X)), learnt)]
        packed = np.zeros(-(-problem.n_rows // 8), dtype=np.uint8)  # as packbits makes it of a mask, in an eighth of it
        np.bitwise_or.at(packed, rows // 8, (128 >> rows % 8).astype(np.uint8))
        tested = {"rows": problem.n_rows, "bits": base64.b64encode(packed.tobytes()).decode("ascii")}
    y = problem.y.values[learnt]
    shares = np.bincount(y, minlength=len(problem.classes)) / len(y) if problem.is_classifier else [y.mean()]
    return {
        "forwardnet": __version__,
        "task": problem.task,
        "target": problem.y.name,
        "classes": list(problem.classes),
        "columns": [_column(column) for column in problem.X],
        "baseline": [float(share) for share in shares],
        "metric": metrics_of(problem, options)[0],
        "figures": {},
        "sha256": problem.fingerprint,
        "tested": tested,
        "has_header": options.has_header is not False,
        "said": said_of(kept, "The run was interrupted before the network was measured.", ""),
    }


def said_of(kept: Kept, summary: str, judgement: str) -> dict[str, Any]:
    """Sentences and settings, to be shown."""
    return {
        "data": kept.problem.name,
        "rows learnt from": kept.n_learnt,
        "split": kept.division.how,
        "summary": summary,
        "judgement": judgement,
        "command": command_line(kept.options, kept.problem),
    }


def _column(column: Column) -> dict[str, Any]:
    found: dict[str, Any] = {"name": column.name, "kind": column.kind, "values": words.describe(column)}
    if column.levels is not None:
        counts = np.bincount(column.values[~column.is_missing], minlength=len(column.levels))
        order = np.argsort(-counts, kind="stable")[:_LEVELS]
        found["levels"] = [column.levels[k] for k in order if counts[k]]
    return found


def _figures(outcome: TableOutcome, model: str) -> dict[str, list[float | None]]:
    """Each metric with its interval."""
    figures = [outcome.comparison.figure(model, metric) for metric in outcome.comparison.metrics]
    return {figure.name: [finite(figure.value), finite(figure.low), finite(figure.high)] for figure in figures}


def fingerprint(data: str, table: Table) -> str:
    """SHA-256 of a file, or of the values of a data set: tells whether rows are those that a model was trained on."""
    if is_table_file(data):
        with Path(data).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    digest = hashlib.sha256()
    for column in table:
        digest.update(np.ascontiguousarray(column.values).data)
    return digest.hexdigest()


def read_record(metadata: dict[str, Any], where: str) -> Record:
    """What `record_of` gave.

    Raises:
        FileFormatError: anything is missing or does not fit together.
    """
    try:
        found = metadata[KEY]
        tested = found["tested"]
        made = Record(
            task=_one_of(found["task"], ("classification", "regression")),
            target=_text(found["target"]),
            classes=tuple(_text(name) for name in found["classes"]),
            columns=tuple(_checked_column(column) for column in found["columns"]),
            baseline=tuple(float(value) for value in found["baseline"]),
            metric=_text(found["metric"]),
            figures=dict(found["figures"]),
            sha256=_text(found["sha256"]),
            tested=None if tested is None else _mask(int(tested["rows"]), _text(tested["bits"])),
            has_header=bool(found["has_header"]),
            said=dict(found["said"]),
        )
        if len(made.baseline) != max(1, len(made.classes)) or not np.isfinite(made.baseline).all():
            raise ValueError("the baseline does not fit the classes")
        if made.is_classifier != bool(made.classes):
            raise ValueError("a classifier has classes, and a regression has none")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FileFormatError(
            f"{where!r}: what it tells of its training is damaged or missing: {type(error).__name__} {error}",
            hint="use a model written by 'forwardnet train'",
        ) from None
    return made


def _mask(n: int, bits: str) -> NDArray[np.bool_]:
    packed = np.frombuffer(base64.b64decode(bits, validate=True), dtype=np.uint8)
    if not 0 <= n <= 8 * len(packed) < n + 8:
        raise ValueError(f"{len(packed)} bytes for {n} rows")
    return np.unpackbits(packed)[:n].astype(bool)


def _checked_column(value: Any) -> dict[str, Any]:
    return {**value, "name": _text(value["name"]), "kind": _one_of(value["kind"], tuple(KINDS))}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _one_of(value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{value!r}, expected one of {', '.join(known)}")
    return str(value)
