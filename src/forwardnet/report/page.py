"""One HTML file: styles and pictures inside, no scripts, nothing fetched, every text escaped."""

from __future__ import annotations

import base64
import math
import os
from collections.abc import Iterable, Sequence
from html import escape

from forwardnet.interop.atomic import write_text
from forwardnet.report.content import Array, Picture, Report, Rows, Score
from forwardnet.report.css import CSS
from forwardnet.report.figures import class_table

_MOST_CLASSES = 20  # larger confusion matrices are a picture
_HEADINGS = {"accuracy": "accuracy", "loss": "loss", "rmse": "RMSE", "mae": "MAE", "r2": "R²"}
_HONEST = " Only the test part was never looked at while the network was trained and chosen."
_SHARES = frozenset({"accuracy"})


def write_report(path: str | os.PathLike[str], report: Report) -> None:
    """Write the report to `path` as one HTML file, whole or not at all."""
    write_text(path, render(report))


def render(report: Report) -> str:
    """The report as the text of an HTML file."""
    part = report.parts[-1].part
    sections = [
        f"<h1>{escape(report.title)}</h1>",
        f'<p class="lead">{escape(report.summary)}</p>',
        *(f'<p class="note">{escape(note)}</p>' for note in report.notes),
        _section("Figures", _figures(report)),
        _section("Data", _facts(report.data)),
        _section("Learning curve", _picture(report.curves) + _paragraph(report.chosen, quiet=False)),
        _section(f"Confusion matrix of the {part} part", _confusion(report)),
        _section(f"Classes of the {part} part", _classes(report)),
        *(_section(picture.title, _picture(picture)) for picture in report.pictures),
        _section(f"Worst errors of the {part} part", _worst(report)),
        _section("Network", _table(report.layers, numbers=(2, 3)) + _facts(report.model)),
        _section("Settings", _facts(report.settings)),
        _section("Time and versions", _facts((*report.timing, *report.environment))),
        _section("To repeat this run", _repeat(report)),
    ]
    body = "\n".join(section for section in sections if section)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Even if a text slipped through unescaped, the page may neither run nor fetch anything.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(report.title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def score_text(name: str, value: float) -> str:
    """Shares as percent with two digits, other figures with four significant digits."""
    if not math.isfinite(value):
        return "not defined" if math.isnan(value) else str(value)
    return f"{100 * value:.2f} %" if name in _SHARES else f"{value:.4g}"


def interval_text(score: Score) -> str:
    """`97.1 to 98.9 %`, or nothing where no interval is known."""
    if score.low is None or score.high is None:
        return ""
    if score.name in _SHARES:
        return f"{100 * score.low:.1f} to {100 * score.high:.1f} %"
    return f"{score.low:.4g} to {score.high:.4g}"


def heading(name: str) -> str:
    """A score's name as people write it."""
    return _HEADINGS.get(name, name)


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
    return _table((head, *rows), numbers=range(1, n + 3), strong=n) + _paragraph(
        f"Baseline: {report.baseline}. {report.interval}{honest}"
    )


def _confusion(report: Report) -> str:
    counts = report.confusion
    if counts is None:
        return ""
    if len(counts) > _MOST_CLASSES:
        from forwardnet.plot import confusion, png_bytes

        picture = Picture("", "confusion matrix", png_bytes(confusion(counts, report.class_names)))
        return _picture(picture)
    names = [escape(name) for name in report.class_names]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row">{names[i]}</th>{"".join(_count(counts, i, j) for j in range(len(counts)))}</tr>'
        for i in range(len(counts))
    )
    return (
        '<div class="wide"><table class="confusion"><thead><tr><th>true \\ predicted</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
        + _paragraph("Rows: the true class. Columns: what the network said. Shaded by the share of the row.")
    )


def _count(counts: Array, i: int, j: int) -> str:
    n, total = int(counts[i, j]), int(counts[i].sum())
    if n == 0:
        return '<td class="zero">·</td>'
    # The square root keeps a few errors visible beside hundreds of right answers.
    shade = 0.85 * math.sqrt(n / total)
    kind = ' class="deep"' if shade > 0.5 else ""
    return f'<td{kind} style="background: rgba(var(--hue), {shade:.2f})">{n:,}</td>'


def _classes(report: Report) -> str:
    if report.confusion is None:
        return ""
    head = ("class", "precision", "recall", "F1", "rows")
    rows = [
        (row.name, *(_share(value) for value in (row.precision, row.recall, row.f1)), f"{row.rows:,}")
        for row in class_table(report.confusion, report.class_names)
    ]
    explanation = "Precision: of the rows called so, the share that are. Recall: of the rows that are, the share found."
    return _table((head, *rows), numbers=range(1, 5)) + _paragraph(explanation)


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"


def _worst(report: Report) -> str:
    if not report.worst:
        return (
            _paragraph(f"No row of the {report.parts[-1].part} part was classified wrongly.")
            if report.confusion is not None
            else ""
        )
    head = ("row", "true", "predicted", "")
    rows = [(str(w.row), w.true, w.predicted, w.detail) for w in report.worst]
    return _picture(report.worst_pictures) + _table((head, *rows), numbers=(0,))


def _repeat(report: Report) -> str:
    return (
        _paragraph("On the command line:", quiet=False)
        + f'<pre class="wrap">{escape(report.command)}</pre>'
        + _paragraph("In Python:", quiet=False)
        + f"<pre>{escape(report.python)}</pre>"
    )


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>" if content else ""


def _paragraph(text: str, *, quiet: bool = True) -> str:
    kind = ' class="quiet"' if quiet else ""
    return f"<p{kind}>{escape(text)}</p>" if text else ""


def _facts(rows: Rows) -> str:
    lines = "".join(f'<tr><th scope="row">{escape(label)}</th><td>{escape(value)}</td></tr>' for label, value in rows)
    return f'<table class="facts"><tbody>{lines}</tbody></table>' if rows else ""


def _table(rows: Sequence[Sequence[str]], *, numbers: Iterable[int] = (), strong: int | None = None) -> str:
    """The first row is the heading; columns in `numbers` are aligned to the right, the one called `strong` is bold."""
    if not rows:
        return ""
    right = set(numbers)

    def cell(tag: str, text: str, j: int) -> str:
        names = " ".join(["n"] * (j in right) + ["strong"] * (j == strong))
        return f"<{tag}{f' class={names!r}' if names else ''}>{escape(text)}</{tag.split()[0]}>"

    head = "".join(cell('th scope="col"', text, j) for j, text in enumerate(rows[0]))
    body = "".join(f"<tr>{''.join(cell('td', text, j) for j, text in enumerate(row))}</tr>" for row in rows[1:])
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _picture(picture: Picture | None) -> str:
    if picture is None:
        return ""
    data = base64.b64encode(picture.png).decode("ascii")
    return f'<figure><img alt="{escape(picture.alt)}" src="data:image/png;base64,{data}"></figure>'
