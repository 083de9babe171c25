"""What a run on a table gives to other programs: report.json, history.csv, predictions.csv, and the model card."""

from __future__ import annotations

import csv
import io
import shlex
from typing import Any

import numpy as np

from forwardnet.cli.tabular import page, words
from forwardnet.cli.tabular.repeat import command_line, python_lines
from forwardnet.cli.tabular.run import NETWORK, TableOutcome
from forwardnet.report.card import Card, render_card
from forwardnet.report.content import Rows, finite
from forwardnet.report.document import Code, Grid
from forwardnet.report.words import heading
from forwardnet.train.metrics import METRICS, confusion_matrix
from forwardnet.validate.comparison import Figure

FILES = {
    "model.safetensors": "weights, architecture and all that was learnt of the columns; data, never code",
    "report.html": "everything that is known of this model, in one page that needs no network",
    "report.json": "the same for programs",
    "predictions.csv": "each row that was asked about, predicted by a model that had not learnt from it",
    "history.csv": "loss and metrics by epoch",
    "README.md": "this card",
}


def to_dict(outcome: TableOutcome, timing: Rows) -> dict[str, Any]:
    """The report as what JSON can hold; what is not a finite number becomes None."""
    problem, validation = outcome.problem, outcome.validation
    history = getattr(outcome.estimator, "history_", None)
    counts = None
    if problem.is_classifier:
        labels = outcome.predictions[NETWORK].argmax(axis=1)
        counts = confusion_matrix(outcome.y, labels, classes=len(problem.classes)).tolist()
    return {
        "title": f"{problem.name}: {problem.y.name} ({problem.task})",
        "summary": words.summary(outcome),
        "judgement": words.judgement(outcome),
        "notes": list(words.doubts(outcome)),
        "task": problem.task,
        "task_reason": problem.reason,
        "target": problem.y.name,
        "classes": list(problem.classes),
        "rows": problem.n,
        "rows_looked_at": len(problem.X),
        "columns": [
            dict(zip(("name", "kind", "missing", "values", "reason"), row, strict=True))
            for row in page.column_rows((*problem.X.columns, *problem.left_out))
        ],
        "inputs": list(problem.X.names),
        "data_notes": list(problem.notes),
        "split": outcome.division.how,
        "folds": len(validation.folds),
        "fold_scores": {name: [finite(v) for v in values] for name, values in validation.scores.items()},
        "metric": outcome.metric,
        "asked": len(outcome.asked),
        "figures": {model: _figures(outcome, model) for model in outcome.predictions},
        "gain_over": {
            name: _interval(outcome.comparison.gain(NETWORK, name, outcome.metric)) for name in outcome.baselines
        },
        "best_baseline": outcome.best_baseline,
        "confusion": counts,
        "importance": _importance(outcome),
        "learnt_rows": outcome.learnt_rows,
        "epochs": None if history is None else len(history),
        "best_epoch": None if history is None else history.best_epoch,
        "stopped": None if history is None else history.stopped,
        "parameters": {name: _plain(value) for name, value in outcome.estimator.get_params().items()},
        "seconds": {name: round(value, 3) for name, value in outcome.seconds.items()},
        "environment": dict((*timing, *page.environment(outcome))),
        "command": command_line(outcome.options, problem),
        "python": python_lines(outcome),
    }


def _figures(outcome: TableOutcome, model: str) -> dict[str, Any]:
    return {metric: _interval(outcome.comparison.figure(model, metric)) for metric in outcome.comparison.metrics}


def _interval(figure: Figure) -> dict[str, float | None]:
    return {"value": finite(figure.value), "low": finite(figure.low), "high": finite(figure.high)}


def _importance(outcome: TableOutcome) -> list[dict[str, Any]]:
    found = outcome.importance
    if found is None:
        return []
    return [
        {"column": found.names[j], "loss": finite(found.mean[j]), "spread": finite(found.spread[j])}
        for j in found.order
    ]


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def prediction_lines(outcome: TableOutcome) -> str:
    """Row number, true value, prediction and, for classes, the probabilities: one line for each row asked about."""
    problem, predicted = outcome.problem, outcome.predictions[NETWORK]
    numbers = problem.rows[outcome.asked]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    order = np.argsort(numbers, kind="stable")
    if problem.is_classifier:
        names = problem.classes
        writer.writerow(["row", "true", "predicted", *(f"p({name})" for name in names)])
        for i in order:
            row = predicted[i]
            writer.writerow([numbers[i], names[outcome.y[i]], names[int(row.argmax())], *(f"{p:.6g}" for p in row)])
    else:
        writer.writerow(["row", "true", "predicted"])
        for i in order:
            writer.writerow([numbers[i], f"{outcome.y[i]:.9g}", f"{predicted[i]:.9g}"])
    return text.getvalue()


def card(outcome: TableOutcome) -> str:
    """The model card."""
    problem = outcome.problem
    out = str(outcome.options.out)
    use = shlex.join(["forwardnet", "predict", out, "new-rows.csv", "--out", "predictions.csv"])
    lines = (
        "from forwardnet.data.tables import read_table\n"
        "from forwardnet.estimators import load\n\n"
        f"model = load({out + '/model.safetensors'!r})\n"
        "predicted = model.predict(read_table('new-rows.csv'))"
    )
    figures = [(name, outcome.comparison.values[NETWORK][name]) for name in outcome.comparison.metrics]
    columns = [(row[0], row[1], row[3]) for row in page.column_rows(problem.X.columns[:100])]
    facts = (
        ("target", f"{problem.y.name}: {words.describe(problem.y)}"),
        ("rows learnt from", f"{outcome.learnt_rows:,}"),
        ("how it was tested", outcome.division.how),
        ("figure that decides", f"{heading(outcome.metric)}, {_better(outcome.metric)}"),
        ("command", command_line(outcome.options, problem)),
    )
    made = Card(
        title=f"{problem.y.name} from {problem.name}",
        summary=f"{words.summary(outcome)} {words.judgement(outcome)}",
        task=problem.task,
        data=problem.name,
        metrics=[(name, value) for name, value in figures if np.isfinite(value)],
        facts=facts,
        columns=Grid((("column", "kind", "values it learnt from"), *columns)),
        scores=page.scores(outcome),
        notes=words.doubts(outcome),
        use=(Code(use, is_wrapped=True), Code(lines)),
        files=tuple(FILES.items()),
    )
    return render_card(made)


def _better(metric: str) -> str:
    return "higher is better" if METRICS[metric].greater_is_better else "lower is better"
