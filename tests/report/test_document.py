"""Documents of blocks: everything that was put in is on the page, escaped, and the page fetches nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

from forwardnet.report.content import Picture
from forwardnet.report.document import Code, Counts, Document, Facts, Grid, Pictures, Section, Text, render_document
from forwardnet.report.words import number

EVIL = "<script>alert('x')</script>"


def document() -> Document:
    blocks = (
        Text(f"said {EVIL}", is_quiet=False),
        Facts((("label", EVIL),)),
        Grid((("name", "n"), (EVIL, "12")), numbers=(1,), strong=0),
        Code(f"print({EVIL!r})"),
        Counts(np.array([[3, 1], [0, 4]]), ("no", EVIL)),
        Picture("", EVIL, b"PNG"),
        Pictures((Picture(EVIL, "alt", b"PNG"), Picture("second", "alt", b"PNG"))),
    )
    return Document(EVIL, EVIL, (EVIL,), (Section(EVIL, blocks), Section("left out", ())))


def test_each_block_is_on_the_page_and_escaped() -> None:
    text = render_document(document())
    assert "<script" not in text and text.count("&lt;script&gt;") == 13  # title twice, class name twice
    assert "<td class='n'>12</td>" in text and "<td class='strong'>" in text
    assert "data:image/png;base64,UE5H" in text  # base64 of PNG
    assert re.search(r"rgba\(var\(--hue\), 0\.74\)\">3<", text)  # 0.85 sqrt(3/4)


def test_an_empty_section_is_left_out_and_nothing_is_fetched() -> None:
    text = render_document(document())
    assert "left out" not in text
    assert "default-src 'none'" in text
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (50826.3, "50,830"),
        (99999.0, "99,999"),
        (0.45291, "0.4529"),
        (3.2e-05, "3.2e-05"),
        (-1667.4, "-1,667"),
        (2.0, "2"),
        (3.14159e12, "3.142e+12"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_as_people_read_them(value: float, text: str) -> None:
    assert number(value) == text
