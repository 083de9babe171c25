"""Texts of a column as the different ones and a number for each row: each is looked at once, however often it comes.

Axis glossary: n rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Factored:
    """`texts` in the order in which they first come, and `codes` int32 (n,), the place of each row's text in them."""

    texts: list[str]
    codes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How often each of `texts` comes."""
        return np.bincount(self.codes, minlength=len(self.texts))

    def first_row(self, text: str) -> int:
        """The first row with that text."""
        return int(np.argmax(self.codes == self.texts.index(text)))


class Factoring:
    """Gathers a column block by block; the texts themselves are kept once."""

    def __init__(self) -> None:
        self._numbers: defaultdict[str, int] = defaultdict()
        self._numbers.default_factory = self._numbers.__len__
        self._parts: list[NDArray[np.int32]] = []

    def add(self, texts: Iterable[str]) -> None:
        """The next rows."""
        self._parts.append(np.fromiter(map(self._numbers.__getitem__, texts), np.int32))

    def whole(self) -> Factored:
        """All rows so far."""
        return Factored(list(self._numbers), np.concatenate(self._parts) if self._parts else np.empty(0, np.int32))


def factored(texts: Iterable[str]) -> Factored:
    """The texts of all rows at once."""
    factoring = Factoring()
    factoring.add(texts)
    return factoring.whole()
