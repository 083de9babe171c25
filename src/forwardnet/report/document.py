"""A report as sections of blocks: what is said stands apart from how a page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from forwardnet.report import html
from forwardnet.report.content import Array, Picture, Rows


@dataclass(frozen=True)
class Text:
    """A paragraph; `is_quiet` for what explains."""

    text: str
    is_quiet: bool = True


@dataclass(frozen=True)
class Facts:
    """Labels and values."""

    rows: Rows


@dataclass(frozen=True)
class Grid:
    """A table whose first row is the heading; columns in `numbers` are aligned right, `strong` is bold."""

    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    strong: int | None = None


@dataclass(frozen=True)
class Code:
    """Lines to be copied; with `is_wrapped` long ones are broken."""

    text: str
    is_wrapped: bool = False


@dataclass(frozen=True, eq=False)
class Counts:
    """A confusion matrix `counts[true, predicted]`."""

    counts: Array
    names: tuple[str, ...]


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side, each below its title, as far as the page is wide."""

    pictures: tuple[Picture, ...]


Block = Pictures | Text | Facts | Grid | Code | Counts | Picture


@dataclass(frozen=True)
class Section:
    """A heading and blocks; without blocks it is left out."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A title, the sentence that matters, notes for the reader, and sections."""

    title: str
    lead: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]


def render_document(document: Document) -> str:
    """The document as the text of one HTML file, with pictures inside and nothing fetched."""
    sections = [html.section(section.title, "\n".join(map(_block, section.blocks))) for section in document.sections]
    return html.page(document.title, document.lead, document.notes, sections)


def _block(block: Block) -> str:
    match block:
        case Text():
            return html.paragraph(block.text, quiet=block.is_quiet)
        case Facts():
            return html.facts(block.rows)
        case Grid():
            return html.table(block.rows, numbers=block.numbers, strong=block.strong)
        case Code():
            return html.code(block.text, wrap=block.is_wrapped)
        case Counts():
            return html.confusion_table(block.counts, block.names)
        case Picture():
            return html.picture(block)
        case Pictures():
            return html.pictures(block.pictures)
