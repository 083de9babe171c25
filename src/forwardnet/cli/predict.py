"""`forwardnet predict`: a line for every row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from forwardnet.cli.output import Output
from forwardnet.cli.pipeline import Pipeline
from forwardnet.cli.sources import Rows, load_rows, open_model

Array = np.ndarray[Any, np.dtype[Any]]


def run_predict(
    model: Path, data: str, output: Output, *, out: Path | None, part: str | None, data_dir: Path | None
) -> int:
    """Predict, and write CSV to standard output or to the file `out`; returns the exit code."""
    from forwardnet.interop.atomic import write_text

    trained = open_model(model)
    rows = load_rows(data, trained, output, part=part, data_dir=data_dir)
    predicted = trained.predict(rows.X)
    if out is not None:
        write_text(out, "".join(csv_lines(rows, predicted, trained.pipeline)))
    if output.is_json:
        output.json(json_result(trained.path, data, rows, predicted, trained.pipeline))
    elif out is None:
        output.note(f"{len(rows.X):,} rows: {rows.what}")
        for line in csv_lines(rows, predicted, trained.pipeline):
            output.text(line)
    else:
        output.last(f"wrote {len(rows.X):,} predictions ({rows.what}) to {out}")
    return 0


def csv_lines(rows: Rows, predicted: Array, pipeline: Pipeline) -> Iterator[str]:
    """Heading and one line per row: its number and the class with all probabilities, or the predicted values."""
    names = list(pipeline.target_names)
    if pipeline.is_classifier:
        yield _csv(["row", "predicted", *(f"p({name})" for name in names)])
        for number, row in zip(rows.numbers, predicted, strict=True):
            yield _csv([int(number), names[int(row.argmax())], *(f"{p:.6g}" for p in row)])
    else:
        yield _csv(["row", *names])
        for number, row in zip(rows.numbers, predicted, strict=True):
            yield _csv([int(number), *(f"{value:.9g}" for value in row)])  # nine digits hold every float32


def json_result(path: str, data: str, rows: Rows, predicted: Array, pipeline: Pipeline) -> dict[str, Any]:
    """What `--json` prints."""
    result: dict[str, Any] = {"model": path, "data": data, "what": rows.what, "rows": rows.numbers.tolist()}
    if pipeline.is_classifier:
        result["predicted"] = [pipeline.target_names[k] for k in predicted.argmax(axis=1)]
        result["classes"] = list(pipeline.target_names)
        result["probabilities"] = predicted.tolist()
    else:
        result["targets"] = list(pipeline.target_names)
        result["predicted"] = predicted.tolist()
    return result


def _csv(cells: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
