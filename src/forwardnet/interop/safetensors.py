"""Safetensors files: named arrays and a map of strings, as data and never as code.

    8 bytes   N, the length of the header, little-endian
    N bytes   a JSON object  {name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...,
                              "__metadata__": {string: string}}, padded with spaces
    the rest  the elements, little-endian, row-major; offsets count from the start of this part

The arrays fill the last part without gaps or overlaps. Reading trusts nothing: whatever does not fit this
description is refused with the reason, and the values are copied into memory of our own, because a file that is
truncated while it is mapped would kill the process.

Reference: the format's description in the `safetensors` project, https://github.com/huggingface/safetensors
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from forwardnet.errors import ArgumentError, DTypeError, FileFormatError, missing_file
from forwardnet.interop.atomic import atomic_file
from forwardnet.interop.safetensors_header import (
    DTYPES,
    METADATA,
    TensorEntry,
    decode_header,
    encode_header,
    name_fault,
)

Array = np.ndarray[Any, np.dtype[Any]]

_NAMES = {np.dtype(code): name for name, code in DTYPES.items() if name != "BF16"}
_PREFIX = 8
_HEADER_LIMIT = 100_000_000  # bytes, as in the reference implementation
_ALIGNMENT = 64  # of the first element within the file: a cache line, and a multiple of every element size


def write(
    path: str | os.PathLike[str], tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays and a map of strings to `path`, whole or not at all.

    Larger elements come first and otherwise the given order is kept, so that every array is aligned in the file.
    The same arguments always give the same bytes.

    Raises:
        ArgumentError: a name is empty, reserved or has control characters, or metadata is not a map of strings.
        DTypeError: an array's type has no name in the format.
        OSError: the file cannot be written; nothing is left behind.
    """
    arrays = {_checked_name(name): _little_endian(name, array) for name, array in tensors.items()}
    order = sorted(arrays, key=lambda name: -arrays[name].dtype.itemsize)  # stable
    entries, offset = [], 0
    for name in order:
        end = offset + arrays[name].nbytes
        entries.append(TensorEntry(name, _NAMES[arrays[name].dtype], arrays[name].shape, offset, end))
        offset = end
    header = encode_header(entries, _checked_metadata(metadata or {}))
    header += b" " * (-(_PREFIX + len(header)) % _ALIGNMENT)
    if len(header) > _HEADER_LIMIT:
        raise ArgumentError(
            f"the header of {os.fspath(path)!r} would have {len(header):,} bytes, expected at most {_HEADER_LIMIT:,}"
        )
    with atomic_file(path) as file:
        file.write(len(header).to_bytes(_PREFIX, "little"))
        file.write(header)
        for name in order:
            file.write(arrays[name].reshape(-1).view(np.uint8).data)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, str]]:
    """Read `path`: the arrays by name, in the order of the file, and the map of strings.

    Each array is a writable copy of its own. BF16, which NumPy does not have, is widened to float32 (exact).

    Raises:
        MissingFileError: it does not exist; a `FileFormatError` and a `FileNotFoundError`.
        FileFormatError: the file cannot be read, or anything in it is not as the format says.
    """
    where = os.fspath(path)
    try:
        # Opening a pipe would wait for ever and a device has no end, so look before opening.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FileFormatError(f"{where!r} is not a file", hint="give the path of one model file")
        with open(path, "rb") as file:
            return _read_open(file, where)
    except FileNotFoundError:
        raise missing_file(path) from None
    except FileFormatError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise FileFormatError(f"{where!r} cannot be read: {reason}") from error


def _read_open(file: BinaryIO, where: str) -> tuple[dict[str, Array], dict[str, str]]:
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(_PREFIX)
    if len(prefix) < _PREFIX:
        raise _damaged(where, f"it has {size} bytes, expected at least {_PREFIX}")
    length = int.from_bytes(prefix, "little")
    if length > _HEADER_LIMIT:
        raise _damaged(where, f"the header length is {length:,} bytes, expected at most {_HEADER_LIMIT:,}")
    if _PREFIX + length > size:
        raise _damaged(where, f"the header should have {length:,} bytes, but only {size - _PREFIX:,} follow")
    try:
        entries, metadata = decode_header(_exactly(file, length, where))
    except ValueError as error:
        raise _damaged(where, str(error)) from None
    _check_layout(entries, size - _PREFIX - length, where)
    arrays: dict[str, Array] = {}
    for entry in sorted(entries, key=lambda e: (e.begin, e.end)):
        arrays[entry.name] = _array(file, entry, where)
    return {entry.name: arrays[entry.name] for entry in entries}, metadata


def _check_layout(entries: list[TensorEntry], available: int, where: str) -> None:
    """The arrays must tile the data part exactly: every byte belongs to one of them."""
    position = 0
    for entry in sorted(entries, key=lambda e: (e.begin, e.end)):
        if entry.begin != position:
            fault = "overlaps the one before it" if entry.begin < position else "leaves a gap before it"
            raise _damaged(
                where, f"tensor {entry.name!r} begins at byte {entry.begin}, expected {position}: it {fault}"
            )
        position = entry.end
    if position > available:
        raise _damaged(where, f"it is cut short: the tensors need {position:,} bytes, but only {available:,} are there")
    if position < available:
        raise _damaged(where, f"{available - position:,} bytes follow the last tensor, expected none")


def _array(file: BinaryIO, entry: TensorEntry, where: str) -> Array:
    raw = np.empty(entry.end - entry.begin, np.uint8)
    filled = file.readinto(raw.data) if raw.size else 0  # type: ignore[attr-defined]
    if filled != raw.size:
        raise _damaged(where, f"tensor {entry.name!r} is cut short: expected {raw.size} bytes, got {filled}")
    if entry.dtype == "BOOL" and raw.size and raw.max() > 1:
        raise _damaged(where, f"tensor {entry.name!r} has a truth value of {raw.max()}, expected 0 or 1")
    if entry.dtype == "BF16":  # the upper half of a float32
        return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32).reshape(entry.shape)
    values = raw.view(DTYPES[entry.dtype]).reshape(entry.shape)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _exactly(file: BinaryIO, count: int, where: str) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise _damaged(where, f"the header is cut short: expected {count:,} bytes, got {len(data):,}")
    return data


def _little_endian(name: str, array: object) -> Array:
    """The array row-major, little-endian, of a type that the format names."""
    if not isinstance(array, np.ndarray):
        raise DTypeError(f"tensor {name!r} is a {type(array).__name__}, expected a NumPy array")
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _NAMES:
        known = ", ".join(str(each) for each in _NAMES)
        raise DTypeError(f"tensor {name!r} has type {array.dtype}, which the format does not have", hint=f"use {known}")
    return np.asarray(array, dtype=dtype, order="C")


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise ArgumentError(f"tensor names must be strings, got {name!r}")
    if fault := name_fault(name):
        raise ArgumentError(f"tensor name {name!r} {fault}")
    return name


def _checked_metadata(metadata: Mapping[Any, Any]) -> dict[str, str]:
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ArgumentError(
                f"{METADATA}: {key!r}: {type(value).__name__}, expected a map of strings to strings",
                hint="turn other values into JSON text",
            )
        for text in (key, value):
            try:
                text.encode("utf-8")
            except UnicodeEncodeError:
                raise ArgumentError(f"{METADATA}: {text[:40]!r} is not valid Unicode text") from None
    return dict(metadata)


def _damaged(where: str, fault: str) -> FileFormatError:
    return FileFormatError(
        f"{where!r} is not a usable safetensors file: {fault}",
        hint="the file is damaged or of another kind; write it again or fetch a fresh copy",
    )
