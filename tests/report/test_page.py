from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.report import PartFigures, Picture, Report, Score, WorstRow, render, to_dict, write_report

HOSTILE = "</td><script>alert(1)</script><img src=x onerror='a'>\"&"
VOID = {"meta", "img", "br", "hr", "link", "input"}


def example(text: str = "plain", classes: int = 3) -> Report:
    picture = Picture("A picture", f"alt {text}", b"\x89PNG fake")
    scores = (Score("accuracy", 0.975, 0.95, 0.99), Score("loss", 0.12))
    baseline = {"accuracy": 0.1, "loss": 2.3}
    return Report(
        title=f"title {text}",
        summary=f"summary {text}",
        data=((f"label {text}", f"value {text}"),),
        parts=tuple(PartFigures(part, 100, scores, baseline) for part in ("training", "validation", "test")),
        baseline=f"baseline {text}",
        interval="Intervals: Wilson.",
        curves=picture,
        chosen=f"chosen {text}",
        pictures=(replace(picture, title=f"picture {text}"),),
        class_names=tuple(f"class {i} {text}" for i in range(classes)),
        confusion=np.diag(np.arange(1, classes + 1)),
        worst=(WorstRow(7, f"true {text}", f"predicted {text}", f"detail {text}"),),
        worst_pictures=picture,
        model=((f"label {text}", f"value {text}"),),
        layers=(("layer", "type"), (f"layer {text}", f"type {text}")),
        settings=((f"label {text}", f"value {text}"),),
        environment=((f"label {text}", f"value {text}"),),
        timing=((f"label {text}", f"value {text}"),),
        command=f"command {text}",
        python=f"python {text}",
        notes=(f"note {text}",),
    )


class Checker(HTMLParser):
    """Collects tags, attributes and text; fails on tags that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_page_is_well_formed_and_fetches_nothing() -> None:
    page = render(example())
    seen = Checker(page)
    assert set(seen.tags).isdisjoint({"script", "link", "iframe", "object", "embed", "form", "base", "a"})
    for name, value in seen.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "srcset", "data", "action", "poster"):
            assert name == "src" and value is not None and value.startswith("data:image/png;base64,")
    assert "url(" not in page and "@import" not in page and "http://" not in page and "https://" not in page
    assert "prefers-color-scheme: dark" in page and "@media print" in page


def test_every_text_is_escaped() -> None:
    plain, hostile = Checker(render(example("plain"))), Checker(render(example(HOSTILE)))
    assert hostile.tags == plain.tags  # no text became a tag
    assert [name for name, _ in hostile.attributes] == [name for name, _ in plain.attributes]
    assert "".join(hostile.texts) == "".join(plain.texts).replace("plain", HOSTILE)
    assert len([text for text in hostile.texts if HOSTILE in text]) > 20  # and none was lost


def test_page_says_the_figures() -> None:
    text = " ".join(Checker(render(example())).texts)
    for expected in ("97.50 %", "95.0 to 99.0 %", "10.00 %", "0.12", "2.3", "Worst errors", "To repeat this run"):
        assert expected in text


@pytest.mark.parametrize("change", [{"confusion": None, "worst": (), "curves": None, "worst_pictures": None}])
def test_sections_without_content_are_left_out(change: dict[str, Any]) -> None:
    text = " ".join(Checker(render(replace(example(), **change))).texts)
    assert "Confusion" not in text and "Worst" not in text and "Learning curve" in text  # the chosen epoch remains


def test_no_error_is_said() -> None:
    assert "No row of the test part was classified wrongly." in render(
        replace(example(), worst=(), worst_pictures=None)
    )


def test_many_classes_become_a_picture() -> None:
    seen = Checker(render(example(classes=30)))
    assert ("alt", "confusion matrix") in seen.attributes


def test_not_a_number_is_said_in_words_and_null_in_json() -> None:
    parts = (PartFigures("test", 3, (Score("rmse", float("nan"), 1.0, float("inf")),), {"rmse": 2.0}),)
    report = replace(example(), parts=parts)
    assert "not defined" in render(report)
    figures = json.loads(json.dumps(to_dict(report), allow_nan=False))["figures"]["test"]
    assert figures == {"rows": 3, "rmse": None, "rmse_interval": [1.0, None], "baseline": {"rmse": 2.0}}


def test_write_report_is_whole_or_not_at_all(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", example("ä中"))
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render(example("ä中"))
    with pytest.raises(FileNotFoundError):
        write_report(tmp_path / "none" / "report.html", example())
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
