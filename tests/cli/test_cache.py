"""`forwardnet cache`: what is kept of compiled steps, and how it goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def test_info_and_clear(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDNET_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr("forwardnet.compiler.cache._held", {})
    empty = run("cache", "info", "--json")
    assert empty.code == 0 and empty.json["programs"] == 0
    assert run("train", "xor", "--epochs", "2", "--quiet", "--out", tmp_path / "out").code == 0
    full = run("cache", "--json").json
    assert full["programs"] >= 1 and full["bytes"] > 1000 and full["folder"].startswith(str(tmp_path))
    assert f"programs: {full['programs']}," in run("cache").out
    cleared = run("cache", "clear", "--json").json
    assert cleared["removed"] == full["programs"] and cleared["programs"] == 0


def test_an_unknown_action_suggests_the_nearest(run: Any) -> None:
    result = run("cache", "clean")
    assert result.code == 2
    assert "unknown cache action 'clean'" in result.err and "did you mean 'clear'?" in result.err
