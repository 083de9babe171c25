"""`forwardnet inspect`: what a model's file holds, what it wants, and how good it was when it was made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from forwardnet.cli.output import Output
from forwardnet.report.words import heading, score_text

_MOST_LEVELS = 8


def run_inspect(path: Path, output: Output) -> int:
    """Say what the file holds; returns the exit code.

    Raises:
        FileFormatError: the file is missing or damaged.
    """
    from forwardnet.cli.tabular.record import KEY, read_record
    from forwardnet.interop import load_model

    file = path / "model.safetensors" if path.is_dir() else path
    model, metadata = load_model(str(file))
    weights = sum(parameter.numel() for parameter in model.parameters())
    found: dict[str, Any] = {
        "file": str(file),
        "bytes": os.path.getsize(file),
        "weights": weights,
        "network": repr(model),
        "forwardnet": metadata.get("forwardnet"),
    }
    if KEY in metadata:
        record = read_record(metadata, str(file))
        found |= {
            "kind": metadata["estimator"]["class"],
            "forwardnet": metadata[KEY].get("forwardnet"),
            "task": record.task,
            "target": record.target,
            "classes": list(record.classes),
            "columns": list(record.columns),
            "metric": record.metric,
            "figures": record.figures,
            **{name.replace(" ", "_"): value for name, value in record.said.items()},
        }
    elif "pipeline" in metadata:
        pipeline = metadata["pipeline"]
        found |= {"kind": "network for arrays", "task": pipeline.get("task"), "classes": pipeline.get("target_names")}
        found |= {"columns": [{"name": name, "kind": "number"} for name in pipeline.get("feature_names", [])]}
        found |= {"training": metadata.get("training")}
    else:
        found |= {"kind": metadata.get("estimator", {}).get("class", "network")}
    if output.is_json:
        output.json(found)
    else:
        _show(found, output)
    return 0


def _show(found: dict[str, Any], output: Output) -> None:
    from rich.text import Text

    from forwardnet.cli.tables import new_table

    size = f"{found['bytes']:,} bytes, {found['weights']:,} weights"
    output.say(f"{found['file']}: {found['kind']}, {size}, written by forwardnet {found['forwardnet'] or '(unknown)'}")
    for name in ("task", "target", "summary", "judgement", "split", "rows_learnt_from", "data", "command"):
        if found.get(name) is not None:
            output.say(f"{name.replace('_', ' '):<17}{found[name]}")
    if found.get("classes"):
        output.say(f"{'classes':<17}{', '.join(map(str, found['classes']))}")
    figures = found.get("figures")
    if figures:
        table = new_table()
        table.add_column("")
        for model in figures:
            table.add_column(Text(model), justify="right")
        for metric in next(iter(figures.values())):
            cells = [
                score_text(metric, float("nan") if v[metric][0] is None else v[metric][0]) for v in figures.values()
            ]
            table.add_row(Text(heading(metric).replace("²", "2")), *(Text(cell) for cell in cells))
        output.show(table)
    columns = found.get("columns") or []
    if columns:
        table = new_table()
        for name in ("column it wants", "kind", "values it learnt from"):
            table.add_column(name)
        for column in columns:
            levels = column.get("levels")
            more = ", ..." if levels and len(levels) > _MOST_LEVELS else ""
            shown = ", ".join(levels[:_MOST_LEVELS]) + more if levels else column.get("values", "")
            table.add_row(Text(column["name"]), Text(column["kind"]), Text(shown))
        output.show(table)
    output.say(found["network"])
