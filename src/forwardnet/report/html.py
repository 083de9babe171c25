"""Pieces of an HTML page: styles and pictures inside, no scripts, nothing fetched, every text escaped."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape

from forwardnet.report.content import Array, Picture, Rows
from forwardnet.report.css import CSS

_MOST_CLASSES = 20  # larger confusion matrices are a picture


def page(title: str, lead: str, notes: Sequence[str], sections: Sequence[str]) -> str:
    """A whole HTML file: heading, first sentence, notes, and the sections that are not empty."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(lead)}</p>',
        *(f'<p class="note">{escape(note)}</p>' for note in notes),
        *(section for section in sections if section),
    ]
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Even if a text slipped through unescaped, the page may neither run nor fetch anything.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def section(title: str, content: str) -> str:
    """A heading and what is below it; nothing where that is empty."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>" if content else ""


def paragraph(text: str, *, quiet: bool = True) -> str:
    """A paragraph, small and grey where `quiet`."""
    kind = ' class="quiet"' if quiet else ""
    return f"<p{kind}>{escape(text)}</p>" if text else ""


def facts(rows: Rows) -> str:
    """Labels and values, one line each."""
    lines = "".join(f'<tr><th scope="row">{escape(label)}</th><td>{escape(value)}</td></tr>' for label, value in rows)
    return f'<table class="facts"><tbody>{lines}</tbody></table>' if rows else ""


def table(rows: Sequence[Sequence[str]], *, numbers: Iterable[int] = (), strong: int | None = None) -> str:
    """The first row is the heading; columns in `numbers` are aligned to the right, the one called `strong` is bold."""
    if not rows:
        return ""
    right = set(numbers)

    def cell(tag: str, text: str, j: int) -> str:
        names = " ".join(["n"] * (j in right) + ["strong"] * (j == strong))
        shown = escape(text).replace("\n", "<br>")
        return f"<{tag}{f' class={names!r}' if names else ''}>{shown}</{tag.split()[0]}>"

    head = "".join(cell('th scope="col"', text, j) for j, text in enumerate(rows[0]))
    body = "".join(f"<tr>{''.join(cell('td', text, j) for j, text in enumerate(row))}</tr>" for row in rows[1:])
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def picture(shown: Picture | None) -> str:
    """The picture inside the page."""
    if shown is None:
        return ""
    data = base64.b64encode(shown.png).decode("ascii")
    return f'<figure><img alt="{escape(shown.alt)}" src="data:image/png;base64,{data}"></figure>'


def pictures(shown: Sequence[Picture]) -> str:
    """Pictures side by side, each with its title above it."""
    figures = "".join(f"<div>{paragraph(one.title, quiet=False)}{picture(one)}</div>" for one in shown)
    return f'<div class="row">{figures}</div>'


def code(text: str, *, wrap: bool = False) -> str:
    """Lines as they are; with `wrap` long ones are broken."""
    kind = ' class="wrap"' if wrap else ""
    return f"<pre{kind}>{escape(text)}</pre>"


def confusion_table(counts: Array, class_names: Sequence[str]) -> str:
    """Counts by true class (rows) and predicted class (columns), shaded; a picture where there are many classes."""
    if len(counts) > _MOST_CLASSES:
        from forwardnet.plot import confusion, png_bytes

        return picture(Picture("", "confusion matrix", png_bytes(confusion(counts, class_names))))
    names = [escape(name) for name in class_names]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row">{names[i]}</th>{"".join(_count(counts, i, j) for j in range(len(counts)))}</tr>'
        for i in range(len(counts))
    )
    return (
        '<div class="wide"><table class="confusion"><thead><tr><th>true \\ predicted</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
        + paragraph("Rows: the true class. Columns: what the network said. Shaded by the share of the row.")
    )


def _count(counts: Array, i: int, j: int) -> str:
    n, total = int(counts[i, j]), int(counts[i].sum())
    if n == 0:
        return '<td class="zero">·</td>'
    # The square root keeps a few errors visible beside hundreds of right answers.
    shade = 0.85 * math.sqrt(n / total)
    kind = ' class="deep"' if shade > 0.5 else ""
    return f'<td{kind} style="background: rgba(var(--hue), {shade:.2f})">{n:,}</td>'
