from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.errors import ArgumentError, DTypeError, FileFormatError
from forwardnet.interop.safetensors import read, write

# A file put together by hand from the format's description: two arrays, little-endian, one string of metadata.
GOLDEN_HEADER = (
    b'{"__metadata__":{"note":"hi"},'
    b'"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},'
    b'"b":{"dtype":"I16","shape":[2],"data_offsets":[16,20]}}'
)
GOLDEN_DATA = struct.pack("<4f2h", 1.5, -2.0, 0.25, 3.0, -1, 258)


def file_of(header: bytes | dict[str, Any], data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype: str = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_golden_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(file_of(GOLDEN_HEADER, GOLDEN_DATA))
    tensors, metadata = read(path)
    assert metadata == {"note": "hi"}
    assert list(tensors) == ["w", "b"]
    assert tensors["w"].dtype == np.float32 and tensors["w"].tolist() == [[1.5, -2.0], [0.25, 3.0]]
    assert tensors["b"].dtype == np.int16 and tensors["b"].tolist() == [-1, 258]


def test_golden_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    # Given out of order: the larger elements must come first, so that each array is aligned.
    write(path, {"b": np.array([-1, 258], np.int16), "w": np.array([[1.5, -2], [0.25, 3]], np.float32)}, {"note": "hi"})
    written = path.read_bytes()
    length = int.from_bytes(written[:8], "little")
    assert written[8 : 8 + length].rstrip(b" ") == GOLDEN_HEADER
    assert (8 + length) % 64 == 0
    assert written[8 + length :] == GOLDEN_DATA


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_round_trip_keeps_every_bit(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 2 if dtype == "?" else 100, shape).astype(dtype)
    write(tmp_path / "a", {"x": values})
    back = read(tmp_path / "a")[0]["x"]
    assert back.dtype == values.dtype and back.shape == shape and back.tobytes() == values.tobytes()
    assert back.flags.writeable and back.flags.c_contiguous and back.flags.aligned


def test_special_floats_keep_their_bits(tmp_path: Path) -> None:
    bits = np.array([0x7FC00001, 0xFFC00000, 0x7F800000, 0xFF800000, 0x80000000, 1], np.uint32)
    write(tmp_path / "a", {"x": bits.view(np.float32)})
    assert read(tmp_path / "a")[0]["x"].view(np.uint32).tolist() == bits.tolist()


def test_strided_transposed_and_big_endian_arrays(tmp_path: Path) -> None:
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    given = {"t": base.T, "s": base[::2, ::-3], "big": base.astype(">f4"), "f": np.asfortranarray(base)}
    write(tmp_path / "a", given)
    tensors, _ = read(tmp_path / "a")
    for name, values in given.items():
        np.testing.assert_array_equal(tensors[name], values)
        assert tensors[name].dtype == np.float32


def test_same_content_same_bytes(tmp_path: Path) -> None:
    tensors = {"b": np.ones(3, np.float64), "a": np.zeros((2, 2), np.float32)}
    write(tmp_path / "1", tensors, {"k": "v", "ä": "中"})
    write(tmp_path / "2", {k: v.copy() for k, v in tensors.items()}, {"k": "v", "ä": "中"})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert read(tmp_path / "1")[1] == {"k": "v", "ä": "中"}


def test_bfloat16_is_widened_exactly(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(file_of({"x": entry("BF16", [3], [0, 6])}, struct.pack("<3H", 0x3F80, 0xC020, 0x7F80)))
    values = read(path)[0]["x"]
    assert values.dtype == np.float32 and values.tolist() == [1.0, -2.5, float("inf")]


def test_empty_file_of_no_tensors(tmp_path: Path) -> None:
    write(tmp_path / "a", {})
    assert read(tmp_path / "a") == ({}, {})


HUGE = 2**62
DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it has 0 bytes, expected at least 8"),
    "short prefix": (b"\x01\0\0", "it has 3 bytes"),
    "header longer than the file": (b"\x10\0\0\0\0\0\0\0{}", "should have 16 bytes, but only 2 follow"),
    "absurd header length": (b"\xff" * 8 + b"{}", "expected at most 100,000,000"),
    "no header": (b"\0" * 8, "begins with b''"),
    "not an object": (file_of(b"[]"), "begins with b'['"),
    "not UTF-8": (file_of(b'{"\xff":1}'), "not UTF-8"),
    "not JSON": (file_of(b'{"a":}'), "not valid JSON"),
    "trailing text": (file_of(b"{} {}"), "not valid JSON"),
    "deep": (file_of(b'{"a":' + b"[" * 200_000), "nested too deeply"),
    "NaN in the header": (file_of(b'{"a":NaN}'), "NaN"),
    "duplicate name": (file_of(b'{"a":1,"a":2}'), "the name 'a' twice"),
    "duplicate field": (file_of(b'{"a":{"dtype":"F32","dtype":"F64"}}'), "the name 'dtype' twice"),
    "metadata a list": (file_of({"__metadata__": [1]}), "map of strings"),
    "metadata a number": (file_of({"__metadata__": {"a": 1}}), "map of strings"),
    "metadata half a pair": (file_of(b'{"__metadata__":{"a":"\\ud800"}}'), "not valid Unicode"),
    "entry a number": (file_of({"x": 3}), "'x': expected an object"),
    "entry lacks a field": (file_of({"x": {"dtype": "F32", "shape": [1]}}), "expected an object of dtype"),
    "entry has a field more": (file_of({"x": {**entry(), "more": 1}}, b"\0" * 4), "expected an object of dtype"),
    "unknown dtype": (file_of({"x": entry("F8_E4M3")}, b"\0" * 4), "unknown dtype 'F8_E4M3', expected one of F64"),
    "dtype a list": (file_of({"x": entry(["F32"])}, b"\0" * 4), "unknown dtype"),  # type: ignore[arg-type]
    "negative shape": (file_of({"x": entry(shape=[-1])}, b"\0" * 4), "shape [-1]"),
    "fractional shape": (file_of({"x": entry(shape=[1.0])}, b"\0" * 4), "shape [1.0]"),
    "true as a shape": (file_of({"x": entry(shape=[True])}, b"\0" * 4), "shape [True]"),
    "shape over 64 bits": (file_of({"x": entry(shape=[2**64])}, b"\0" * 4), "whole numbers"),
    "shape of 5000 digits": (file_of(b'{"x":{"dtype":"F32","shape":[' + b"9" * 5000 + b"]}}"), "digits"),
    "product over 64 bits": (file_of({"x": entry(shape=[HUGE, HUGE])}, b"\0" * 4), "too large to exist"),
    "product that wraps to 4 bytes": (file_of({"x": entry("U8", [2**32, 2**32, 1], [0, 0])}), "too large to exist"),
    "huge axes hidden by a zero": (file_of({"x": entry(shape=[0, HUGE, HUGE], offsets=[0, 0])}), "too large to exist"),
    "many axes": (file_of({"x": entry(shape=[1] * 33)}, b"\0" * 4), "at most 32"),
    "one offset": (file_of({"x": entry(offsets=[0])}, b"\0" * 4), "expected [begin, end]"),
    "offsets backwards": (file_of({"x": entry(offsets=[4, 0])}, b"\0" * 4), "expected [begin, end]"),
    "offsets negative": (file_of({"x": entry(offsets=[-4, 0])}, b"\0" * 4), "expected [begin, end]"),
    "size against shape": (file_of({"x": entry(shape=[2])}, b"\0" * 4), "needs 8 bytes, got 4"),
    "gap at the start": (file_of({"x": entry(offsets=[4, 8])}, b"\0" * 8), "expected 0: it leaves a gap"),
    "gap between": (
        file_of({"x": entry(), "y": entry(offsets=[8, 12])}, b"\0" * 12),
        "'y' begins at byte 8, expected 4: it leaves a gap",
    ),
    "overlap": (
        file_of({"x": entry(shape=[2], offsets=[0, 8]), "y": entry(offsets=[4, 8])}, b"\0" * 8),
        "expected 8: it overlaps",
    ),
    "the same bytes twice": (file_of({"x": entry(), "y": entry()}, b"\0" * 4), "overlaps"),
    "cut short": (file_of({"x": entry()}, b"\0" * 3), "cut short: the tensors need 4 bytes, but only 3"),
    "trailing bytes": (file_of({"x": entry()}, b"\0" * 5), "1 bytes follow the last tensor"),
    "empty name": (file_of({"": entry()}, b"\0" * 4), "name '' is empty"),
    "control character in a name": (file_of({"a\x1b[2J": entry()}, b"\0" * 4), "cannot be printed"),
    "long name": (file_of({"a" * 1001: entry()}, b"\0" * 4), "1001 characters"),
    "truth value of 2": (file_of({"x": entry("BOOL", [1], [0, 1])}, b"\2"), "truth value of 2"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_file_is_refused_with_the_reason(tmp_path: Path, case: str) -> None:
    content, reason = DAMAGED[case]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        read(path)
    assert reason in str(caught.value)
    assert "model.safetensors" in str(caught.value)
    assert caught.value.hint
    assert len(str(caught.value)) < 700


def test_missing_file_folder_pipe_and_nul(tmp_path: Path) -> None:
    for kind in (FileFormatError, FileNotFoundError):
        with pytest.raises(kind, match="does not exist"):
            read(tmp_path / "none")
    with pytest.raises(FileFormatError, match="is not a file"):
        read(tmp_path)
    with pytest.raises(FileFormatError, match="cannot be read"):
        read("a\0b")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
        with pytest.raises(FileFormatError, match="is not a file"):
            read(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("tensors", "metadata", "error", "message"),
    [
        ({"x": [1, 2]}, {}, DTypeError, "'x' is a list"),
        ({"x": np.array(["a"])}, {}, DTypeError, "'x' has type <U1"),
        ({"x": np.array([None])}, {}, DTypeError, "'x' has type object"),
        ({"x": np.zeros(1, np.complex64)}, {}, DTypeError, "complex64"),
        ({"": np.zeros(1)}, {}, ArgumentError, "is empty"),
        ({"__metadata__": np.zeros(1)}, {}, ArgumentError, "is reserved"),
        ({"a\n": np.zeros(1)}, {}, ArgumentError, "cannot be printed"),
        ({1: np.zeros(1)}, {}, ArgumentError, "must be strings"),
        ({}, {"a": 1}, ArgumentError, "map of strings"),
        ({}, {"a": "\ud800"}, ArgumentError, "not valid Unicode"),
    ],
)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, tensors: Any, metadata: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        write(tmp_path / "a", tensors, metadata)
    assert list(tmp_path.iterdir()) == []


def _mutations(content: bytes, count: int) -> list[bytes]:
    """Cut, flipped, spliced and grown copies, always the same ones; half of the changes hit the header."""
    rng = np.random.default_rng(20)
    header_end = 8 + int.from_bytes(content[:8], "little")
    result = []
    for _ in range(count):
        data = bytearray(content)
        for _ in range(int(rng.integers(1, 4))):
            limit = header_end if rng.random() < 0.7 else len(data)
            at = int(rng.integers(0, max(1, min(limit, len(data)))))
            match rng.integers(0, 6):
                case 0:
                    data = data[:at]
                case 1 if data:
                    data[at % len(data)] ^= 1 << int(rng.integers(0, 8))
                case 2 if data:
                    data[at % len(data)] = int(rng.choice(list(b'0123456789{}[]",:-eE.\\u')))
                case 3:
                    data[at:at] = bytes(rng.integers(0, 256, int(rng.integers(1, 40)), dtype=np.uint8))
                case 4:
                    del data[at : at + int(rng.integers(1, 40))]
                case _:
                    data[:8] = int(rng.integers(0, 2 * len(content))).to_bytes(8, "little")
        result.append(bytes(data))
    return result


def test_mutated_files_are_refused_or_read_and_nothing_else(tmp_path: Path) -> None:
    write(
        tmp_path / "good",
        {
            "0.weight": np.ones((4, 3), np.float32),
            "0.bias": np.zeros(4, np.float32),
            "n": np.array(3),
            "m": np.ones(2) > 0,
        },
        {"architecture": '{"layer": "Linear"}'},
    )
    refused = 0
    mutated = _mutations((tmp_path / "good").read_bytes(), 600)
    for content in mutated:
        (tmp_path / "bad").write_bytes(content)
        try:
            tensors, metadata = read(tmp_path / "bad")
        except FileFormatError:
            refused += 1
        else:  # a change in the values, in spaces or in a name is a valid file of its own
            assert all(isinstance(value, np.ndarray) for value in tensors.values())
            assert all(isinstance(value, str) for value in metadata.values())
    assert 400 < refused < len(mutated)


def test_random_headers_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        text = b"{" + bytes(rng.integers(32, 127, int(rng.integers(0, 60)), dtype=np.uint8))
        (tmp_path / "bad").write_bytes(file_of(text, bytes(rng.integers(0, 256, 16, dtype=np.uint8))))
        with pytest.raises(FileFormatError):
            read(tmp_path / "bad")
