"""Event files, as TensorBoard reads them: numbers and histograms by name and step.

    record    length (8 bytes), its checksum (4), data, its checksum (4); all little-endian
    checksum  CRC-32C (Castagnoli), rotated right by 15 bits, plus 0xa282ead8
    data      one protobuf message `Event`; the first names the version, the others hold a `Summary`

    Event {1: wall_time double; 2: step int64; 3: file_version string; 5: Summary}
    Summary {1: repeated Value}       Value {1: tag string; 2: simple_value float; 5: HistogramProto}
    HistogramProto {1: min; 2: max; 3: num; 4: sum; 5: sum_squares; 6: bucket_limit; 7: bucket}, all double

Reference: `tensorflow/core/util/event.proto`, `framework/summary.proto`, `lib/io/record_writer.cc` and RFC 3720, B.4.
"""

from __future__ import annotations

import itertools
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import FileFormatError

VERSION = b"brain.Event:2"
BINS = 30

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # kinds of protobuf fields


def _table() -> list[int]:
    """The remainders of all bytes by the polynomial of CRC-32C, bits reversed."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The CRC-32C of some bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _checksum(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(value: int) -> bytes:
    """Seven bits to a byte, the lowest first; negative numbers as their 64-bit complement."""
    value &= 0xFFFFFFFFFFFFFFFF
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(data)) + data


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | _FIXED64) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    with np.errstate(over="ignore"):  # what is too large for 32 bits is infinite there
        return _varint(field << 3 | _FIXED32) + bytes(np.float32(value).astype("<f4").data)


def _histogram(values: NDArray[Any]) -> bytes:
    """The counts of the finite values in equal bins; the message is empty if there are none."""
    finite = np.asarray(values, np.float64).reshape(-1)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return b""
    counts, edges = np.histogram(finite, bins=BINS)
    parts = (finite.min(), finite.max(), float(finite.size), finite.sum(), np.square(finite).sum())
    message = b"".join(_double(field, float(value)) for field, value in enumerate(parts, start=1))
    # A bucket reaches from the limit before it; the first is empty, so that the second begins at the smallest value.
    return message + _bytes(6, edges.astype("<f8").tobytes()) + _bytes(7, np.array([0, *counts], "<f8").tobytes())


class EventFile:
    """A new event file in `folder`, which is made if need be; no other file is touched.

    Raises:
        FileFormatError: it cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        now = time.time()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = self._new(f"events.out.tfevents.{int(now)}.forwardnet.{os.getpid()}")
        except OSError as error:
            raise self._refused(error) from error
        self._write(_double(1, now) + _bytes(3, VERSION))
        self.flush()

    def _new(self, name: str) -> BinaryIO:
        for number in itertools.count():
            self.path = self.folder / f"{name}.{number}"
            try:
                return open(self.path, "xb")
            except FileExistsError:
                continue
        raise AssertionError

    def add(
        self,
        step: int,
        scalars: Mapping[str, float],
        histograms: Mapping[str, NDArray[Any]] | None = None,
        *,
        wall_time: float | None = None,
    ) -> None:
        """Append numbers (as float32, which is what is shown) and histograms of arrays, by name."""
        values = [_bytes(1, name.encode()) + _float(2, value) for name, value in scalars.items()]
        for name, array in (histograms or {}).items():
            found = _histogram(array)
            if found:
                values.append(_bytes(1, name.encode()) + _bytes(5, found))
        if values:
            summary = b"".join(_bytes(1, value) for value in values)
            when = time.time() if wall_time is None else wall_time
            self._write(_double(1, when) + _varint(2 << 3 | _VARINT) + _varint(step) + _bytes(5, summary))

    def _write(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        try:
            self._file.write(length + _checksum(length) + event + _checksum(event))
        except OSError as error:
            raise self._refused(error) from error

    def flush(self) -> None:
        """Hand what was written to the system, where others can read it."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._refused(error) from error

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def _refused(self, error: OSError) -> FileFormatError:
        return FileFormatError(f"{str(self.folder)!r}: no event file can be written there: {error.strerror}")
