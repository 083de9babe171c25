"""One HTML file: styles and pictures inside, no scripts, nothing fetched, every text escaped."""

from __future__ import annotations

import math
import os

from forwardnet.interop.atomic import write_text
from forwardnet.report.content import Report
from forwardnet.report.figures import class_table
from forwardnet.report.html import code, confusion_table, facts, page, paragraph, picture, section, table
from forwardnet.report.words import heading, interval_text, score_text

_HONEST = " Only the test part was never looked at while the network was trained and chosen."


def write_report(path: str | os.PathLike[str], report: Report) -> None:
    """Write the report to `path` as one HTML file, whole or not at all."""
    write_text(path, render(report))


def render(report: Report) -> str:
    """The report as the text of an HTML file."""
    part = report.parts[-1].part
    sections = [
        section("Figures", _figures(report)),
        section("Data", facts(report.data)),
        section("Learning curve", picture(report.curves) + paragraph(report.chosen, quiet=False)),
        section(f"Confusion matrix of the {part} part", _confusion(report)),
        section(f"Classes of the {part} part", _classes(report)),
        *(section(shown.title, picture(shown)) for shown in report.pictures),
        section(f"Worst errors of the {part} part", _worst(report)),
        section("Network", table(report.layers, numbers=(2, 3)) + facts(report.model)),
        section("Settings", facts(report.settings)),
        section("Time and versions", facts((*report.timing, *report.environment))),
        section("To repeat this run", _repeat(report)),
    ]
    return page(report.title, report.summary, report.notes, sections)


def _figures(report: Report) -> str:
    """One line for each figure, one column for each part; the last part with its interval and the baseline."""
    last = report.parts[-1]
    head = ("", *(part.part for part in report.parts), f"95 % interval of {last.part}", f"baseline on {last.part}")
    rows = [("rows", *(f"{part.rows:,}" for part in report.parts), "", "")]
    for i, score in enumerate(last.scores):
        values = (score_text(score.name, part.scores[i].value) for part in report.parts)
        base = score_text(score.name, last.baseline.get(score.name, math.nan))
        rows.append((heading(score.name), *values, interval_text(score), base))
    n = len(report.parts)
    honest = _HONEST if last.part == "test" else ""
    return table((head, *rows), numbers=range(1, n + 3), strong=n) + paragraph(
        f"Baseline: {report.baseline}. {report.interval}{honest}"
    )


def _confusion(report: Report) -> str:
    return "" if report.confusion is None else confusion_table(report.confusion, report.class_names)


def _classes(report: Report) -> str:
    if report.confusion is None:
        return ""
    head = ("class", "precision", "recall", "F1", "rows")
    rows = [
        (row.name, *(_share(value) for value in (row.precision, row.recall, row.f1)), f"{row.rows:,}")
        for row in class_table(report.confusion, report.class_names)
    ]
    explanation = "Precision: of the rows called so, the share that are. Recall: of the rows that are, the share found."
    return table((head, *rows), numbers=range(1, 5)) + paragraph(explanation)


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"


def _worst(report: Report) -> str:
    if not report.worst:
        return (
            paragraph(f"No row of the {report.parts[-1].part} part was classified wrongly.")
            if report.confusion is not None
            else ""
        )
    head = ("row", "true", "predicted", "")
    rows = [(str(w.row), w.true, w.predicted, w.detail) for w in report.worst]
    return picture(report.worst_pictures) + table((head, *rows), numbers=(0,))


def _repeat(report: Report) -> str:
    return (
        paragraph("On the command line:", quiet=False)
        + code(report.command, wrap=True)
        + paragraph("In Python:", quiet=False)
        + code(report.python)
    )
