"""IDX files: what is written is read back, and every kind of damage is one clear error."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from numpy.typing import NDArray

from forwardnet.data import idx
from forwardnet.errors import DataError, FileFormatError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def encode(array: NDArray[np.generic]) -> bytes:
    """The bytes of an IDX file, written independently of the reader."""
    kind = array.dtype.str[1:]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, CODES[kind], array.ndim, *array.shape)
    return header + array.astype(f">{kind}").tobytes()


IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
LABELS = np.array([9, 0, 3], dtype=np.uint8)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    path = tmp_path / "images"
    path.write_bytes(encode(IMAGES))
    return path


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("shape", [(6,), (2, 3), (2, 3, 4), (0,), (0, 28, 28)])
@pytest.mark.parametrize("is_gzip", [False, True])
def test_round_trip(tmp_path: Path, kind: str, shape: tuple[int, ...], is_gzip: bool) -> None:
    array = (np.arange(np.prod(shape)) - 3).astype(kind).reshape(shape)
    content = encode(array)
    path = tmp_path / "file"  # the name says nothing: the content shows whether it is compressed
    path.write_bytes(gzip.compress(content) if is_gzip else content)
    got = idx.read_idx(path)
    assert got.dtype == np.dtype(kind)
    assert got.dtype.isnative and got.flags.c_contiguous and got.flags.writeable
    np.testing.assert_array_equal(got, array)


def damaged(kind: str) -> tuple[bytes, str]:
    """Bytes with one kind of damage, and what the error says of it."""
    good = encode(IMAGES)
    return {
        "empty": (b"", "not an IDX file: it is empty"),
        "not idx": (b"PNG and more", "not an IDX file: it begins with 50 4e 47 20, expected 00 00"),
        "unknown type": (b"\0\0\x0a\x01" + bytes(8), "begins with 00 00 0a 01"),
        "no dimensions": (b"\0\0\x08\x00", "begins with 00 00 08 00"),
        "short magic": (good[:3], "begins with 00 00 08"),
        "short header": (good[:10], "cut short inside its header: 6 bytes of dimensions, expected 12"),
        "no values": (good[:16], "announces shape (3, 4, 5), which is 60 bytes; the file is too short"),
        "huge": (good[:4] + b"\xff" * 12, "announces shape (4294967295, 4294967295, 4294967295)"),
        "trailing": (good + b"x", "bytes follow after the 60 that its header announces for shape (3, 4, 5)"),
        "gzip short": (gzip.compress(good)[:-12], "damaged gzip file"),
        "gzip header only": (gzip.compress(good)[:10], "damaged gzip file"),
        "gzip checksum": (gzip.compress(good)[:-8] + bytes(8), "damaged gzip file (CRC check failed"),
        "gzip values cut": (gzip.compress(good[:-3]), "cut short: 57 bytes of values, expected 60 for shape (3, 4, 5)"),
        "gzip trailing": (gzip.compress(good + b"xyz"), "bytes follow after the 60"),
    }[kind]


DAMAGES = [
    *("empty", "not idx", "unknown type", "no dimensions", "short magic", "short header", "no values", "huge"),
    *("trailing", "gzip short", "gzip header only", "gzip checksum", "gzip values cut", "gzip trailing"),
]


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_named(tmp_path: Path, kind: str) -> None:
    content, told = damaged(kind)
    path = tmp_path / "bad.gz"
    path.write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        idx.read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)


def test_values_cut_short(images: Path) -> None:
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match=r"cut short: 59 bytes of values, expected 60 for shape \(3, 4, 5\)"):
        idx.read_idx(images)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.data())
def test_mutations_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(encode(IMAGES))
    if data.draw(st.booleans(), label="gzip"):
        content = bytearray(gzip.compress(bytes(content), mtime=0))
    for _ in range(data.draw(st.integers(1, 4), label="mutations")):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "mutated"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)), label="length")])
    try:
        array = idx.read_idx(path)
    except FileFormatError as error:
        assert str(path) in str(error)
    else:
        assert array.nbytes <= 4096


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        idx.read_idx(tmp_path / "absent")
    with pytest.raises(FileFormatError, match="cannot be read"):
        idx.read_idx(tmp_path)


def test_error_is_what_a_stranger_would_catch(tmp_path: Path) -> None:
    for builtin in (OSError, ValueError, DataError):
        with pytest.raises(builtin):
            idx.read_idx(tmp_path / "absent")


def test_images_and_labels(images: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.write_bytes(encode(LABELS))
    X, y = idx.read_pair(images, labels)
    np.testing.assert_array_equal(X, IMAGES)
    assert y.tolist() == [9, 0, 3]
    assert y.dtype == np.int64
    with pytest.raises(FileFormatError, match=r"expected uint8 images \(n, height, width\)\nhint: .*labels"):
        idx.read_images(labels)
    with pytest.raises(FileFormatError, match=r"expected uint8 labels \(n,\)\nhint: .*images"):
        idx.read_labels(images)
    with pytest.raises(FileFormatError, match="label 9 at row 0, expected 0 to 8"):
        idx.read_labels(labels, n_classes=9)
    labels.write_bytes(encode(LABELS[:2]))
    with pytest.raises(FileFormatError, match="has 3 images, but .*labels has 2 labels"):
        idx.read_pair(images, labels)
    labels.write_bytes(encode(LABELS[:0]))
    with pytest.raises(FileFormatError, match=r"shape \(0,\)"):
        idx.read_labels(labels)
