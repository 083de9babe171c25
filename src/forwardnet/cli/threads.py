"""How many threads the matrix products use."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

from forwardnet.train.threads import limited_threads

_LARGE_STEP = 500_000_000  # operations, some tens of milliseconds on one core


def suitable_threads(sizes: tuple[int, ...], rows: int) -> contextlib.AbstractContextManager[Any]:
    """Within the block, one thread unless a step of `rows` rows through layers of these `sizes` is large.

    In small products several threads mostly wait for each other, for ever when another program runs too; and with one,
    the last bits of a sum do not depend on the number of processors.
    """
    operations = 6 * rows * sum(a * b for a, b in itertools.pairwise(sizes))
    if operations > _LARGE_STEP:
        return contextlib.nullcontext()
    return limited_threads(1)
