"""What one fit gives: answers for the rows it was not shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass
class Outcome:
    """Answers of one model for the test rows of its fold, and for those it learnt from where they were asked for.

    `error` says why there are none.
    """

    answers: Array
    learnt: Array | None = None
    history: Any = None
    model: Any = None
    seconds: float = 0.0
    error: str = ""
