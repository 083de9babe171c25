"""Each program of these tests is built, and not found again from one with other passes, widths or thresholds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forwardnet.compiler import engine


@pytest.fixture(autouse=True)
def _build_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forwardnet.compiler.kept.KEPT", 0)


@pytest.fixture
def everything_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kernel is shared by all threads, however small."""
    monkeypatch.setattr("forwardnet.compiler.module.PRODUCT_WORK", 0)
    monkeypatch.setattr("forwardnet.compiler.module.VECTOR_WORK", 0)
    monkeypatch.setattr("forwardnet.compiler.program.WORK_OF_A_THREAD", 1.0)


@pytest.fixture
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code is made anew, by whatever parts of the compiler a test has put in the place of others."""

    def made(description: str, emit: Callable[[], str], names: list[str]) -> engine.Code:
        return engine.load(engine.assemble(emit()), names)

    monkeypatch.setattr("forwardnet.compiler.cache.load", made)
