"""The JSON header of a safetensors file: text to entries and back, trusting nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

# Name in the file: NumPy type. BF16 is stored as its 16 bits. The 8-bit and packed float types are not ours.
DTYPES: dict[str, str] = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
METADATA = "__metadata__"

_MAX_DIMENSIONS = 32
_MAX_BYTES = 2**63 - 1
_MAX_NAME = 1000  # characters
_SIZES = {name: int(code[2:]) for name, code in DTYPES.items()}
_FIELDS = {"dtype", "shape", "data_offsets"}


class TensorEntry(NamedTuple):
    """One array of the file: bytes `begin` to `end` of the data part."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def encode_header(entries: Iterable[TensorEntry], metadata: dict[str, str]) -> bytes:
    """The header as UTF-8 JSON; the metadata is left out when empty."""
    header: dict[str, Any] = {METADATA: metadata} if metadata else {}
    for e in entries:
        header[e.name] = {"dtype": e.dtype, "shape": list(e.shape), "data_offsets": [e.begin, e.end]}
    return json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def decode_header(data: bytes) -> tuple[list[TensorEntry], dict[str, str]]:
    """The entries in the order of the file, and the metadata.

    Raises:
        ValueError: the header is not as the format says; the message says what came and what was expected.
    """
    header = _parse(data)
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError(f"{METADATA} must be a map of strings to strings")
    for text in (*metadata, *metadata.values()):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError(f"{METADATA} has text that is not valid Unicode") from None
    return [_entry(name, description) for name, description in header.items()], metadata


def name_fault(name: str) -> str | None:
    """What is wrong with a tensor's name, or None."""
    if not name:
        return "is empty"
    if name == METADATA:
        return "is reserved"
    if len(name) > _MAX_NAME:
        return f"has {len(name)} characters, expected at most {_MAX_NAME}"
    # Names reach error messages and terminals: no control characters, no halves of surrogate pairs.
    if not name.isprintable():
        return "has characters that cannot be printed"
    return None


def _parse(data: bytes) -> dict[str, Any]:
    if data[:1] != b"{":
        raise ValueError(f"the header begins with {data[:1]!r}, expected b'{{'")
    try:
        header = json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise ValueError(f"the header is not UTF-8 text (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"the header is not valid JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("the header is nested too deeply") from None
    if not isinstance(header, dict):  # unreachable after the check of the first byte, but the type must be sure
        raise ValueError("the header is not a JSON object")
    return header


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the header has the name {_short(twice)} twice")
    return result


def _no_constant(text: str) -> float:
    raise ValueError(f"the header has the number {text}, which JSON does not have")


def _entry(name: str, description: Any) -> TensorEntry:
    if fault := name_fault(name):
        raise ValueError(f"tensor name {_short(name)} {fault}")
    if not isinstance(description, dict) or set(description) != _FIELDS:
        raise ValueError(
            f"tensor {name!r}: expected an object of dtype, shape and data_offsets, got {_short(description)}"
        )
    dtype, shape, offsets = description["dtype"], description["shape"], description["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"tensor {name!r}: unknown dtype {_short(dtype)}, expected one of {', '.join(DTYPES)}")
    if not _naturals(shape) or len(shape) > _MAX_DIMENSIONS:
        raise ValueError(
            f"tensor {name!r}: shape {_short(shape)}, expected a list of at most {_MAX_DIMENSIONS} whole numbers >= 0"
        )
    if not _naturals(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError(f"tensor {name!r}: data_offsets {_short(offsets)}, expected [begin, end]")
    # An axis of length 0 hides absurd other axes from the product, and NumPy refuses them: count without zeros.
    if math.prod(d for d in shape if d) * _SIZES[dtype] > _MAX_BYTES:
        raise ValueError(f"tensor {name!r}: shape {_short(shape)} is too large to exist")
    needed, got = math.prod(shape) * _SIZES[dtype], offsets[1] - offsets[0]
    if needed != got:
        raise ValueError(f"tensor {name!r}: {dtype} of shape {_short(shape)} needs {needed:,} bytes, got {got:,}")
    return TensorEntry(name, dtype, tuple(shape), offsets[0], offsets[1])


def _naturals(values: Any) -> bool:
    """Whether `values` is a list of whole numbers from 0 to 2^63 - 1 (true and false are no numbers)."""
    return isinstance(values, list) and all(type(v) is int and 0 <= v <= _MAX_BYTES for v in values)


def _short(value: Any) -> str:
    """`repr` cut to a length that fits into a message."""
    try:
        text = repr(value)
    except ValueError:  # whole numbers of more than 4300 digits have no decimal text
        text = "a huge number"
    return text if len(text) <= 80 else text[:77] + "..."
