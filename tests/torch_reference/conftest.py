"""Counts what the comparison with PyTorch has compared, and says so at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

_operations: Counter[str] = Counter()
_samples: Counter[str] = Counter()


@pytest.fixture
def counted() -> Callable[[str, int], None]:
    """Count one operation and its samples under a heading."""

    def count(what: str, samples: int) -> None:
        if samples:
            _operations[what] += 1
            _samples[what] += samples

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _samples:
        terminalreporter.section("compared with PyTorch")
        for what, samples in _samples.items():
            many = f"{_operations[what]} operations, {samples} samples"
            terminalreporter.write_line(f"{what}: {f'{samples} operations' if _operations[what] == 1 else many}")
