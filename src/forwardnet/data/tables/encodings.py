"""Text files: what their bytes are, and the text in them, without holding the whole file."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from forwardnet.errors import DataError, FileFormatError, MissingFileError

CHUNK = 1 << 20
HEAD = 1 << 16  # so many bytes tell what a file is
# The longer marks first: that of UTF-32 begins with that of UTF-16.
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
# First bytes of files that are no tables, whatever their name.
OTHERS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"\x7fELF": "a program",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"SQLite format 3": "a SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\x80\x04\x95": "a Python pickle, which is never opened",
    b"\x80\x05\x95": "a Python pickle, which is never opened",
}


def check_file(path: Path) -> None:
    """Refuse what is no file, cannot be read, or is empty."""
    if path.is_dir():
        raise FileFormatError(f"{path}: a folder, expected a file with a table")
    if not path.exists():
        near = sorted(p.name for p in path.parent.glob(f"{path.stem}.*")) if path.parent.is_dir() and path.stem else []
        raise MissingFileError(f"{path}: no such file", hint=f"there is {near[0]}" if near else None)
    try:
        with path.open("rb") as stream:
            begin = stream.read(16)
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not begin:
        raise FileFormatError(f"{path}: the file is empty", hint="expected a header and rows of values")
    for first, what in OTHERS.items():
        if begin.startswith(first):
            raise FileFormatError(f"{path}: is {what}, expected a table", hint="save it as CSV")


def is_gzip(path: Path) -> bool:
    """Whether the file begins as gzip files do."""
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked where it is a gzip file; raises FileFormatError where it is a damaged one."""
    packed = is_gzip(path)
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            yield stream  # type: ignore[misc]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileFormatError(f"{path}: damaged gzip file ({error})", hint="pack it again, or copy it anew") from error


def detect_encoding(path: Path) -> tuple[str, str]:
    """Python's name of the encoding, and what to say about it.

    A byte order mark decides; else UTF-8 where all bytes are, UTF-16 where every other byte is zero, and else the
    one-byte code of Western Windows. Raises FileFormatError for bytes that are no text.
    """
    with open_bytes(path) as stream:
        head = stream.read(HEAD)
        if not head:
            raise FileFormatError(f"{path}: the file is empty", hint="expected a header and rows of values")
        for mark, name, words in BOMS:
            if head.startswith(mark):
                return name, words
        wide = _wide(head)
        if wide:
            return wide, "UTF-16 without a byte order mark"
        _refuse_binary(path, head)
        decoder, line, block = codecs.getincrementaldecoder("utf-8")(), 1, head
        while block:
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return _western(path, line + block.count(b"\n", 0, error.start))
            line += block.count(b"\n")
            block = stream.read(CHUNK)
    return "utf-8", "UTF-8"


def _wide(head: bytes) -> str | None:
    """UTF-16 of mostly Latin letters has a zero in every other byte."""
    even, odd = head[0::2], head[1::2]
    if odd and odd.count(0) > 0.4 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le"
    if even and even.count(0) > 0.4 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be"
    return None


def _refuse_binary(path: Path, head: bytes) -> None:
    """Control characters do not come up in text."""
    control = sum(head.count(code) for code in range(32) if code not in (9, 10, 11, 12, 13, 26, 27))
    if control > max(2, 0.02 * len(head)):
        raise FileFormatError(f"{path}: binary data, expected text with a table", hint="is it the right file?")


def _western(path: Path, line: int) -> tuple[str, str]:
    """The encoding of a file that is not UTF-8 in that line.

    Raises DataError where it is UTF-8 otherwise: in another encoding all its letters beyond ASCII would be wrong.
    """
    name, right, wrong = "cp1252", 0, 0
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with open_bytes(path) as stream:
        while block := stream.read(CHUNK):
            if any(code in block for code in (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")):
                name = "latin-1"  # cp1252 does not have these
            text = decoder.decode(block)
            lost = text.count("\ufffd")
            wrong += lost
            right += len(text) - len(text.encode("ascii", "ignore")) - lost
    if right > wrong:
        raise DataError(
            f"{path}: line {line} has bytes that are not UTF-8, which the file is otherwise",
            hint="correct that line, or say encoding='cp1252' if the file is in that",
        )
    return name, f"{name}, a guess, since line {line} is not UTF-8 (encoding=... says it)"


def checked_encoding(name: str) -> str:
    """An encoding that was given; raises DataError where Python does not know it."""
    try:
        found = codecs.lookup(name)
    except LookupError as error:
        raise DataError(f"encoding {name!r} is not known", hint="as utf-8, utf-16, latin-1, cp1252") from error
    return "utf-8-sig" if found.name == "utf-8" else found.name


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    """The file's text, line ends as they are; raises DataError with the line where bytes are not of the encoding."""
    with open_bytes(path) as stream, io.TextIOWrapper(stream, encoding=encoding, newline="") as text:
        try:
            yield text
        except UnicodeError as error:
            raise DataError(
                f"{path}: {_undecodable(path, encoding)} is not {encoding} ({getattr(error, 'reason', error)})",
                hint="give another encoding=..., as cp1252, or none to find it out",
            ) from error


def _undecodable(path: Path, encoding: str) -> str:
    """Where the first bytes stand that are not of the encoding."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with open_bytes(path) as stream:
        while block := stream.read(CHUNK):
            try:
                line += decoder.decode(block).count("\n")
            except UnicodeError as error:
                line += block.count(b"\n", 0, getattr(error, "start", 0))
                return f"line {line}"
    return f"the end, line {line},"
