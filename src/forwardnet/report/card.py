"""A model card: what a model is for, how good it is and where that is known from, in Markdown with a YAML heading.

The heading has the fields that model hubs read (`pipeline_tag`, `tags`, `model-index`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forwardnet.report.content import Rows
from forwardnet.report.document import Code, Grid


@dataclass(frozen=True)
class Card:
    """What a card says; `metrics` are (name, value) of the data called `data`."""

    title: str
    summary: str
    task: str  # "classification" or "regression"
    data: str
    metrics: Sequence[tuple[str, float]]
    facts: Rows
    columns: Grid
    scores: Grid
    notes: Sequence[str]
    use: Sequence[Code]
    files: Rows


def render_card(card: Card) -> str:
    """The card as the text of a README.md."""
    return "\n".join([*_heading(card), "", *_body(card)]) + "\n"


def _heading(card: Card) -> list[str]:
    # JSON strings are YAML strings, too: whatever a file or a column is called, the heading stays what it is.
    lines = [
        "---",
        "library_name: forwardnet",
        f"pipeline_tag: tabular-{card.task}",
        "tags:",
        f"- tabular-{card.task}",
        "- multilayer-perceptron",
        "model-index:",
        f"- name: {_string(card.title)}",
        "  results:",
        "  - task:",
        f"      type: tabular-{card.task}",
        "    dataset:",
        f"      name: {_string(card.data)}",
        f"      type: {_string(card.data)}",
        "    metrics:",
    ]
    for name, value in card.metrics:
        lines += [f"    - type: {_string(name)}", f"      value: {value:.6g}"]
    return [*lines, "---"]


def _body(card: Card) -> list[str]:
    lines = [f"# {_text(card.title)}", "", _text(card.summary), ""]
    for note in card.notes:
        lines += [f"> {_text(note)}", ""]
    lines += ["## Figures", "", *_grid(card.scores), "", "## Data and model", ""]
    lines += _grid(Grid((("what", ""), *card.facts)))
    lines += ["", "## Columns it wants", "", *_grid(card.columns), "", "## Use", ""]
    for code in card.use:
        lines += ["```" + ("sh" if code.is_wrapped else "python"), code.text, "```", ""]
    lines += ["## Files", "", *_grid(Grid((("file", "what"), *card.files)))]
    return lines


def _grid(grid: Grid) -> list[str]:
    head, *rows = grid.rows
    rule = ["---:" if j in grid.numbers else "---" for j in range(len(head))]
    return ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in (head, rule, *rows)]


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _text(text: str) -> str:
    """The text on one line, in which nothing is taken for markup of HTML."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")


def _string(value: Any) -> str:
    return json.dumps(str(value), ensure_ascii=False)
