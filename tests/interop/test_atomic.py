from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from forwardnet.interop import atomic
from forwardnet.interop.atomic import atomic_file, write_bytes, write_text
from forwardnet.interop.safetensors import read, write


def test_new_file_and_replaced_file(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"one")
    write_text(tmp_path / "a", "zwölf\n")
    assert (tmp_path / "a").read_bytes() == "zwölf\n".encode()
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_bytes(tmp_path / "ours", b"")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"new"


def test_error_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"old")

    def write_half() -> None:
        with atomic_file(tmp_path / "a") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace", "fsync folder"])
def test_injected_failure_is_raised_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    old = {"x": np.arange(3.0)}
    path = tmp_path / "model.safetensors"
    write(path, old)

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    if call == "open":
        monkeypatch.setattr(atomic, "open", fail, raising=False)
    elif call == "write":

        class Full(io.FileIO):
            write = fail

        monkeypatch.setattr(atomic, "open", Full, raising=False)
    elif call == "fsync folder":
        monkeypatch.setattr(atomic, "_sync_folder", fail)
    else:
        monkeypatch.setattr(atomic.os, call, fail)
    with pytest.raises(OSError) as caught:
        write(path, {"x": np.zeros(1000)})
    monkeypatch.undo()
    assert caught.value.errno == code
    assert caught.value.filename == str(path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    # Old or new, whole in either case; the new name was already in place only when the folder could not be synced.
    expected = np.zeros(1000) if call == "fsync folder" else old["x"]
    np.testing.assert_array_equal(read(path)[0]["x"], expected)


def test_folder_that_is_missing_or_in_the_way(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        write_bytes(tmp_path / "none" / "a", b"")
    assert missing.value.filename == str(tmp_path / "none" / "a")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_bytes(tmp_path / "folder", b"")
