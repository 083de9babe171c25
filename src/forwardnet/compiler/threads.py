"""How many threads may run, and the threads that help a native program.

Inside a step threads share the tiles of each kernel, with a barrier between kernels. Every element is computed by one
thread in one order, so the bits of a result do not depend on how many there are.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path


@functools.cache
def available() -> int:
    """The processors this process may use: the smaller of its affinity mask and its control group's quota."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:
        allowed = os.cpu_count() or 1
    return max(1, min(allowed, _quota()))


def _quota() -> int:
    """Processors that the control group allows, rounded up."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return math.ceil(int(limit) / int(period))
    except (OSError, ValueError):
        return 1 << 16


@functools.cache
def _pool(helpers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(helpers, thread_name_prefix="forwardnet")


def together(work: Callable[[int], int], count: int) -> int:
    """Run work(0) here and work(1) .. work(count - 1) in helpers, all at once; returns what work(0) returned."""
    helpers: list[Future[int]] = []
    if count > 1:
        pool = _pool(count - 1)
        helpers = [pool.submit(work, number) for number in range(1, count)]
    result = work(0)
    for helper in helpers:
        helper.result()
    return result
