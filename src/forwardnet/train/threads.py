"""How many threads the numerical libraries use."""

from __future__ import annotations

import contextlib
from typing import Any


def limited_threads(threads: int | None) -> contextlib.AbstractContextManager[Any]:
    """Within the block NumPy's matrix products use at most this many threads; None leaves them as they are."""
    if threads is None:
        return contextlib.nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=threads)  # type: ignore[no-any-return]
