"""Model cards: the heading is YAML whatever things are called, tables are Markdown, no text is markup by accident."""

from __future__ import annotations

import json
import re

import pytest

from forwardnet.report.card import Card, render_card
from forwardnet.report.document import Code, Grid


def card(name: str) -> Card:
    return Card(
        title=name,
        summary=f"It predicts {name}.",
        task="classification",
        data=name,
        metrics=(("accuracy", 0.8625), ("log_loss", 1 / 3)),
        facts=(("rows", "1,000"),),
        columns=Grid((("column", "kind"), (name, "number"))),
        scores=Grid((("", "network"), ("accuracy", "86.25 %")), numbers=(1,)),
        notes=(f"note on {name}",),
        use=(Code("forwardnet predict .", is_wrapped=True), Code("import forwardnet")),
        files=(("model.safetensors", "the model"),),
    )


@pytest.mark.parametrize("name", ["plain", 'a "quoted": name', "---\n- evil: [", "<b>bold</b> | pipe & more", "é 表"])
def test_any_name_leaves_heading_and_tables_intact(name: str) -> None:
    text = render_card(card(name))
    _, heading, body = re.split(r"^---$", text, maxsplit=2, flags=re.MULTILINE)
    strings = re.findall(r"^- name: (.*)$|^ {6}name: (.*)$", heading, flags=re.MULTILINE)
    assert [json.loads(a or b) for a, b in strings] == [name, name]
    assert re.findall(r"value: (.*)", heading) == ["0.8625", "0.333333"]
    assert all(re.match(r" *(?:- )?[\w-]+:|- [\w-]+$", line) for line in heading.strip().splitlines())
    for line in body.splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) == 3, "two cells in every table here"
    assert "<b>" not in body and "```sh\nforwardnet predict .\n```" in text and "```python\nimport" in text
