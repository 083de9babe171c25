"""Each program of these tests is built, and not found again from one with other passes, widths or thresholds."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _build_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forwardnet.compiler.kept.KEPT", 0)
