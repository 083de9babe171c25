"""The fewest AND terms whose OR is a Boolean function: prime implicants, and the smallest choice that covers it.

A function of n inputs is an integer of 2^n bits: bit r is its value in row r of the table, whose inputs are the binary
digits of r, the first input being the highest. Sets of rows, terms among them, are such integers, too.
References: Quine (1952), "The problem of simplifying truth functions"; McCluskey (1956), "Minimization of Boolean
functions".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

# Entries of the chart that the search may look at before it keeps the best choice found so far: about a second.
BUDGET = 2_000_000


@dataclass(frozen=True)
class Term:
    """An AND of inputs and negated inputs: `signs[i]` is 1 for x_i, -1 for its negation, 0 if x_i does not matter."""

    signs: tuple[int, ...]

    @property
    def n_literals(self) -> int:
        """Number of inputs that matter."""
        return sum(map(abs, self.signs))

    @property
    def rows(self) -> int:
        """The rows of the table in which the term is 1."""
        found = 1  # a table of one row
        for k, sign in enumerate(reversed(self.signs)):
            upper = found << (1 << k)
            found = found if sign < 0 else upper if sign > 0 else found | upper
        return found

    def text(self, names: Sequence[str]) -> str:
        """A & ~B"""
        parts = [name if sign > 0 else f"~{name}" for name, sign in zip(names, self.signs, strict=True) if sign]
        return " & ".join(parts) or "1"


def prime_implicants(function: int, n: int) -> list[Term]:
    """The terms that imply `function` and no longer do when any input is left out of them.

    By Shannon's expansion in the first input x, f = ~x f0 | x f1: those without x are the primes of f0 & f1, and one
    with x is a prime of f1 that does not imply f0 (with ~x: of f0 that does not imply f1).
    """

    @cache
    def primes(f: int, k: int) -> tuple[tuple[int, ...], ...]:
        if f == 0:
            return ()
        if f == (1 << (1 << k)) - 1:
            return ((0,) * k,)
        half = 1 << (k - 1)
        f0, f1 = f & ((1 << half) - 1), f >> half
        found = [(0, *signs) for signs in primes(f0 & f1, k - 1)]
        for sign, own, other in ((-1, f0, f1), (1, f1, f0)):
            found += [(sign, *signs) for signs in primes(own, k - 1) if Term(signs).rows & ~other]
        return tuple(found)

    return [Term(signs) for signs in primes(function, n)]


def smallest_cover(rows: int, terms: Sequence[Term]) -> tuple[list[Term], bool]:
    """The fewest `terms` that together are 1 in all `rows`, and among those the fewest literals.

    The second value says whether the search was completed; if not, the choice is good but not proved the smallest.
    """
    search = _Search(rows, terms)
    search.run(rows, (1 << len(terms)) - 1, [])
    return [terms[i] for i in sorted(search.best)], search.budget > 0


def _bits(set_: int) -> Iterator[int]:
    """The places of the ones, lowest first."""
    while set_:
        lowest = set_ & -set_
        yield lowest.bit_length() - 1
        set_ ^= lowest


class _Search:
    """Branch and bound over the chart of rows and terms; a set of rows or of terms is an integer."""

    def __init__(self, rows: int, terms: Sequence[Term]) -> None:
        self.covers = [term.rows & rows for term in terms]  # by term: its rows
        self.literals = [term.n_literals for term in terms]
        self.readers = dict.fromkeys(_bits(rows), 0)  # by row: its terms
        for i, covered in enumerate(self.covers):
            for row in _bits(covered):
                self.readers[row] |= 1 << i
        self.budget = BUDGET
        self.best = self._greedy(rows)
        self.cost = self._cost(self.best)

    def run(self, rows: int, terms: int, chosen: list[int]) -> None:
        """Complete `chosen` to the cheapest cover of `rows` by `terms`, if that is cheaper than the best known."""
        rows, terms, chosen = self._reduced(rows, terms, chosen)
        if not rows:
            cost = self._cost(chosen)
            if cost < self.cost:
                self.best, self.cost = chosen, cost
            return
        needed = self._at_least(rows, terms)
        if self.budget <= 0 or (len(chosen) + needed, self._cost(chosen)[1] + needed) >= self.cost:
            return
        row = min(_bits(rows), key=lambda row: (self.readers[row] & terms).bit_count())
        branches = sorted(
            _bits(self.readers[row] & terms), key=lambda i: (-(self.covers[i] & rows).bit_count(), self.literals[i])
        )
        for i in branches:
            self.run(rows & ~self.covers[i], terms, [*chosen, i])
            terms &= ~(1 << i)  # covers with this term have been tried

    def _cost(self, chosen: list[int]) -> tuple[int, int]:
        return len(chosen), sum(self.literals[i] for i in chosen)

    def _reduced(self, rows: int, terms: int, chosen: list[int]) -> tuple[int, int, list[int]]:
        """Take terms that alone cover a row; drop terms and rows that others make needless; until nothing changes."""
        while rows:
            before = rows, terms
            for row in list(_bits(rows)):
                readers = self.readers[row] & terms
                if readers.bit_count() == 1 and rows >> row & 1:
                    i = readers.bit_length() - 1
                    rows, chosen = rows & ~self.covers[i], [*chosen, i]
            terms = self._without_dominated_terms(rows, terms)
            rows = self._without_implied_rows(rows, terms)
            if (rows, terms) == before:
                break
        return rows, terms, chosen

    def _without_dominated_terms(self, rows: int, terms: int) -> int:
        """Drop each term whose open rows another covers too that is not longer."""
        for i in list(_bits(terms)):
            open_ = self.covers[i] & rows
            self.budget -= open_.bit_count() + 1
            better = terms & ~(1 << i)
            for row in _bits(open_):
                better &= self.readers[row]
            if not open_ or any(self.literals[j] <= self.literals[i] for j in _bits(better)):
                terms &= ~(1 << i)
        return terms

    def _without_implied_rows(self, rows: int, terms: int) -> int:
        """Drop each row that is covered whichever term covers another one."""
        for row in list(_bits(rows)):
            if not rows >> row & 1:
                continue
            readers = self.readers[row] & terms
            self.budget -= readers.bit_count() + 1
            implied = rows & ~(1 << row)
            for i in _bits(readers):
                implied &= self.covers[i]
            if readers:
                rows &= ~implied
        return rows

    def _greedy(self, rows: int) -> list[int]:
        """A first cover: always the term with the most rows that are still open."""
        chosen = []
        while rows:
            counts = [((covered & rows).bit_count(), -n) for covered, n in zip(self.covers, self.literals, strict=True)]
            i = max(range(len(counts)), key=counts.__getitem__)
            chosen.append(i)
            rows &= ~self.covers[i]
        return chosen

    def _at_least(self, rows: int, terms: int) -> int:
        """Rows of which no term covers two need a term each: a bound from below."""
        count = 0
        for row in sorted(_bits(rows), key=lambda row: (self.readers[row] & terms).bit_count()):
            if rows >> row & 1:
                count += 1
                for i in _bits(self.readers[row] & terms):
                    rows &= ~self.covers[i]
        return count
