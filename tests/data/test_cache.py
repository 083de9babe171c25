"""Where files are looked for, and the privacy of the cache."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from forwardnet.data import cache
from forwardnet.errors import DataError, FileFormatError


def test_order_of_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, own = tmp_path / "data", tmp_path / "cache"
    data.mkdir()
    monkeypatch.setenv("FORWARDNET_CACHE", str(own))
    monkeypatch.delenv("FORWARDNET_DATA", raising=False)
    assert cache.search_folders("mnist", None) == [own / "data" / "mnist"]
    monkeypatch.setenv("FORWARDNET_DATA", str(data))
    assert cache.search_folders("mnist", None) == [data / "mnist", data, own / "data" / "mnist"]
    assert cache.search_folders("mnist", data) == [data / "mnist", data]
    with pytest.raises(FileFormatError, match=r"absent: no such folder\nhint: .*'mnist'"):
        cache.search_folders("mnist", tmp_path / "absent")


def test_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORWARDNET_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere/cache")
    assert cache.cache_folder("mnist") == Path("/somewhere/cache/forwardnet/data/mnist")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache.cache_folder("mnist") == Path("/home/somebody/.cache/forwardnet/data/mnist")


def test_files_must_come_from_one_folder(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    (one / "a").touch()
    (two / "b.gz").touch()
    assert cache.find_all(["a", "b"], [one, two]) is None
    (two / "a.gz").touch()
    assert cache.find_all(["a", "b"], [one, two]) == [two / "a.gz", two / "b.gz"]
    assert cache.find_all(["a"], [tmp_path / "absent", one]) == [one / "a"]


def test_the_cache_is_private(tmp_path: Path) -> None:
    folder = cache.make_private(tmp_path / "x" / "y" / "z")
    for made in (folder, folder.parent, folder.parent.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    folder.chmod(0o755)
    assert stat.S_IMODE(cache.make_private(folder).stat().st_mode) == 0o700


def test_a_cache_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        DataError, match="cannot be used: Not a directory\nhint: name another one with FORWARDNET_CACHE"
    ):
        cache.make_private(tmp_path / "file" / "below")
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(DataError, match="cannot be used: it belongs to another user"):
        cache.make_private(tmp_path)
