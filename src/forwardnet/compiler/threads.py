"""How many threads may run, and the threads that help a native program.

Inside a step threads share the tiles of each kernel, with a barrier between kernels. Every element is computed by one
thread in one order, so the bits of a result do not depend on how many there are.
"""

from __future__ import annotations

import functools
import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


_turn = threading.Lock()


@functools.cache
def _pool(helpers: int) -> ThreadPoolExecutor:
    """A pool whose threads run already: one that cannot be started is an error here, not a barrier never reached."""
    pool = ThreadPoolExecutor(helpers, thread_name_prefix="forwardnet")
    everybody = threading.Event()
    try:
        for _ in range(helpers):
            pool.submit(everybody.wait)
    except RuntimeError:
        pool.shutdown(wait=False)
        raise
    finally:
        everybody.set()
    return pool


def _forget_pools() -> None:
    """A forked process has no helpers, and perhaps a lock that nobody will release."""
    global _turn
    _turn = threading.Lock()
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pools)


def together(work: Callable[[int], int], count: int) -> int:
    """Run work(0) here and work(1) .. work(count - 1) in helpers, all at once; returns what work(0) returned.

    Calls from several threads share the helpers. Each call's works stand together in the queue: if they were mixed,
    some works of two calls could hold all helpers and wait for the others for ever.
    """
    if count == 1:
        return work(0)
    with _turn:
        pool = _pool(count - 1)
        helpers = [pool.submit(work, number) for number in range(1, count)]
    try:
        return work(0)
    finally:  # also after Ctrl-C: helpers write to memory of the caller
        for helper in helpers:
            helper.result()
