"""`forwardnet evaluate`: the figures of a model on rows whose true values are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from forwardnet.cli import tables
from forwardnet.cli.experiment import scores
from forwardnet.cli.output import Output
from forwardnet.cli.sources import TrainedModel, load_rows, open_model
from forwardnet.errors import FileFormatError
from forwardnet.report import PartFigures
from forwardnet.report.content import part_dict
from forwardnet.train.metrics import confusion_matrix

Array = np.ndarray[Any, np.dtype[Any]]


def run_evaluate(
    model: Path, data: str, output: Output, *, labels: Path | None, part: str | None, data_dir: Path | None
) -> int:
    """Measure, and show the figures; returns the exit code."""
    trained = open_model(model)
    rows = load_rows(data, trained, output, part=part, labels=labels, data_dir=data_dir)
    if rows.y is None:
        raise FileFormatError(
            f"{data!r} has no true values to compare with",
            hint="give them with --labels FILE, or as the array y of a .npz file",
        )
    pipeline, n = trained.pipeline, len(rows.X)
    predicted = trained.predict(rows.X)
    guess = {score.name: score.value for score in scores(rows.y, _baseline(trained, n), pipeline)}
    figures = PartFigures("rows", n, scores(rows.y, predicted, pipeline), guess)
    counts = None
    if pipeline.is_classifier:
        counts = confusion_matrix(rows.y, predicted.argmax(axis=1), classes=len(pipeline.target_names))
    if output.is_json:
        output.json(
            {
                "model": trained.path,
                "data": data,
                "what": rows.what,
                **part_dict(figures),
                "classes": list(pipeline.target_names) if pipeline.is_classifier else [],
                "confusion": None if counts is None else counts.tolist(),
            }
        )
        return 0
    output.say(f"{trained.path} on {data}: {rows.what}")
    tables.show_figures(output, [figures])
    if counts is not None:
        tables.show_confusion(output, counts, pipeline.target_names)
    return 0


def _baseline(trained: TrainedModel, n: int) -> Array:
    """The simplest guess, learnt when the model was trained: class shares or means, the same for n rows."""
    values = np.asarray(trained.metadata.get("baseline"), dtype=np.float64)
    if values.shape != (len(trained.pipeline.target_names),) or not np.isfinite(values).all():
        raise FileFormatError(f"{trained.path!r}: the baseline is damaged or missing")
    return np.tile(values, (n, 1))
