"""Reads IDX files, the format of MNIST, plain or compressed with gzip.

An IDX file is two zero bytes, a type code, the number of dimensions, each dimension as a big-endian 32-bit number, then
the values in row-major order. Every kind of damage is one `FileFormatError` that names the file, what came and what
was expected, and no more memory is taken than the file can really fill.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError, MissingFileError

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"
PIECE = 1 << 24
MAX_GZIP_RATIO = 1032  # deflate cannot compress better: each 258 bytes cost at least two bits


def read_idx(path: str | Path) -> NDArray[Any]:
    """The array in an IDX file, in the machine's own byte order.

    Raises FileFormatError where the file is missing, not IDX, cut short, or longer than its header says.
    """
    path = Path(path)
    try:
        with path.open("rb") as raw:
            is_gzip = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            size = path.stat().st_size
            if is_gzip:
                with gzip.open(raw) as stream:
                    return _read(path, cast(BinaryIO, stream), size * MAX_GZIP_RATIO)
            return _read(path, raw, size)
    except FileNotFoundError as error:
        raise MissingFileError(f"{path}: no such file", hint="expected an IDX file, plain or .gz") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FileFormatError(f"{path}: damaged gzip file ({error})", hint="delete it and get it again") from error
    except OSError as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{path}: cannot be read ({error.strerror or error})") from error


def read_images(path: str | Path) -> NDArray[np.uint8]:
    """Images as uint8 (n, height, width)."""
    images = read_idx(path)
    if images.dtype != np.uint8 or images.ndim != 3 or 0 in images.shape:
        raise FileFormatError(
            f"{path}: holds {images.dtype} values of shape {images.shape}, expected uint8 images (n, height, width)",
            hint="is this the file of the labels?" if images.ndim == 1 else None,
        )
    return images


def read_labels(path: str | Path, *, n_classes: int = 10) -> NDArray[np.int64]:
    """Class labels 0 .. n_classes-1 as int64 (n,)."""
    labels = read_idx(path)
    if labels.dtype != np.uint8 or labels.ndim != 1 or labels.size == 0:
        raise FileFormatError(
            f"{path}: holds {labels.dtype} values of shape {labels.shape}, expected uint8 labels (n,)",
            hint="is this the file of the images?" if labels.ndim == 3 else None,
        )
    if labels.max() >= n_classes:
        row = int(np.argmax(labels >= n_classes))
        raise FileFormatError(f"{path}: label {labels[row]} at row {row}, expected 0 to {n_classes - 1}")
    return labels.astype(np.int64)


def read_pair(
    images: str | Path, labels: str | Path, *, n_classes: int = 10
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (n, height, width) and their labels (n,), which must be equally many."""
    X, y = read_images(images), read_labels(labels, n_classes=n_classes)
    if len(X) != len(y):
        raise FileFormatError(f"{images} has {len(X)} images, but {labels} has {len(y)} labels")
    return X, y


def _read(path: Path, stream: BinaryIO, n_bytes_possible: int) -> NDArray[Any]:
    dtype, shape = _read_header(path, stream)
    n_bytes = math.prod(shape) * dtype.itemsize  # Python integers: an absurd header cannot overflow
    if n_bytes > n_bytes_possible:
        raise FileFormatError(
            f"{path}: its header announces shape {shape}, which is {n_bytes} bytes; the file is too short for that"
        )
    # One byte more than announced: shows what trails, and reaches the end, where gzip's checksum is verified.
    values = _read_up_to(stream, n_bytes + 1)
    if len(values) < n_bytes:
        raise FileFormatError(f"{path}: cut short: {len(values)} bytes of values, expected {n_bytes} for shape {shape}")
    if len(values) > n_bytes:
        raise FileFormatError(f"{path}: bytes follow after the {n_bytes} that its header announces for shape {shape}")
    return np.frombuffer(values, dtype=dtype, count=math.prod(shape)).reshape(shape).astype(dtype.newbyteorder("="))


def _read_up_to(stream: BinaryIO, n_bytes: int) -> bytes:
    """At most `n_bytes`, piece by piece: a single large read would reserve all of it, however little comes."""
    pieces = []
    while n_bytes > 0 and (piece := stream.read(min(n_bytes, PIECE))):
        pieces.append(piece)
        n_bytes -= len(piece)
    return b"".join(pieces)


def _read_header(path: Path, stream: BinaryIO) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or not 1 <= magic[3] <= 32:
        came = f"begins with {magic.hex(' ')}" if magic else "is empty"
        raise FileFormatError(
            f"{path}: not an IDX file: it {came}, expected 00 00, a type code (08: bytes) and the number of dimensions"
        )
    dims = stream.read(4 * magic[3])
    if len(dims) < 4 * magic[3]:
        raise FileFormatError(
            f"{path}: cut short inside its header: {len(dims)} bytes of dimensions, expected {4 * magic[3]}"
        )
    return np.dtype(DTYPES[magic[2]]), struct.unpack(f">{magic[3]}I", dims)
