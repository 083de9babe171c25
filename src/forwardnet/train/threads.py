"""How many threads the numerical libraries use."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import Any


def limited_threads(threads: int | None) -> contextlib.AbstractContextManager[Any]:
    """Within the block NumPy's matrix products use at most this many threads; None leaves them as they are."""
    if threads is None:
        return contextlib.nullcontext()
    return _controller(len(sys.modules)).limit(limits=threads)  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=1)
def _controller(_: int) -> Any:
    """The thread pools of the libraries that are loaded; looked for again when modules have come."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
