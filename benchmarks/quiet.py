"""Whether other processes worked while something was measured, and measuring again when they did."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")

# Seconds of processor time that others may use: the system counts in ticks of 0.01 s, for the machine and a process.
TICKS, SHARE = 0.03, 0.1
PAUSE = 0.3


def busy_seconds(path: Path = Path("/proc/stat")) -> float | None:
    """Processor time used since the system started, by everybody and the hypervisor; None where it is not told."""
    try:
        words = path.read_text().split("\n", 1)[0].split()
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = (int(word) for word in words[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def used_seconds(process: int) -> float:
    """Processor time that a process and all that it started have used."""
    parents, ticks = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue  # it has ended
        number = int(path.parent.name)
        parents[number], ticks[number] = int(words[1]), int(words[11]) + int(words[12])
    family = [process] if process in ticks else []
    for number in family:  # grows while it is walked through
        family += [child for child, parent in parents.items() if parent == number]
    return sum(ticks[number] for number in family) / os.sysconf("SC_CLK_TCK")


class Quiet:
    """Repeats what was disturbed, as long as patience lasts; what is repeated does not depend on what came out."""

    def __init__(self, patience: float, pause: float = PAUSE) -> None:
        """`patience` is how many seconds may go into repetitions and pauses."""
        self.patience, self.pause = patience, pause
        self.repeated = self.disturbed = self.kept = 0

    def measure(self, process: int, ask: Callable[[], Value]) -> Value:
        """The answer of `ask`, which makes `process` work."""
        while True:
            begin = time.perf_counter()
            value, is_quiet = self._once(process, ask)
            if is_quiet or self.patience <= 0:
                self.kept += 1
                self.disturbed += not is_quiet
                return value
            self.repeated += 1
            time.sleep(self.pause)
            self.patience -= time.perf_counter() - begin

    @staticmethod
    def _once(process: int, ask: Callable[[], Value]) -> tuple[Value, bool]:
        """The answer, and whether only `process` worked meanwhile."""
        busy = busy_seconds()
        if busy is None:
            return ask(), True
        begin, used = time.perf_counter(), used_seconds(process)
        value = ask()
        others = (busy_seconds() or busy) - busy - (used_seconds(process) - used)
        return value, others <= TICKS + SHARE * (time.perf_counter() - begin)
