"""Prime implicants and covers, against definitions applied by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from forwardnet.construct import minimise
from forwardnet.construct.minimise import Term, prime_implicants, smallest_cover


def rows_by_definition(term: Term) -> int:
    """The rows in which every input has the sign that the term asks for."""
    found = 0
    for r, bits in enumerate(itertools.product((0, 1), repeat=len(term.signs))):
        if all(sign == 0 or (sign > 0) == (bit == 1) for sign, bit in zip(term.signs, bits, strict=True)):
            found |= 1 << r
    return found


def all_terms(n: int) -> list[Term]:
    return [Term(signs) for signs in itertools.product((-1, 0, 1), repeat=n)]


def test_rows_of_a_term() -> None:
    for term in all_terms(4):
        assert term.rows == rows_by_definition(term)
    assert Term((1, 0, -1)).text(["A", "B", "C"]) == "A & ~C" and Term((0, 0)).text(["A", "B"]) == "1"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_primes_of_every_function_of_up_to_three_inputs(n: int) -> None:
    terms = all_terms(n)
    for function in range(1 << (1 << n)):
        implicants = [t for t in terms if not rows_by_definition(t) & ~function]
        # A prime implicant is one that no other contains.
        prime = {t for t in implicants if not any(o != t and not t.rows & ~o.rows for o in implicants)}
        found = prime_implicants(function, n)
        assert len(found) == len(set(found)) and set(found) == prime


def cheapest_by_trying_all(rows: int, terms: list[Term]) -> tuple[int, int]:
    for count in range(len(terms) + 1):
        costs = [
            sum(t.n_literals for t in chosen)
            for chosen in itertools.combinations(terms, count)
            if not rows & ~union(chosen)
        ]
        if costs:
            return count, min(costs)
    raise AssertionError("the terms do not cover the rows")


def union(terms: tuple[Term, ...] | list[Term]) -> int:
    covered = 0
    for term in terms:
        covered |= term.rows
    return covered


def test_covers_are_the_smallest() -> None:
    rng = np.random.default_rng(0)
    functions = [*range(1, 256), *rng.integers(1, 1 << 16, 150).tolist()]
    for i, function in enumerate(functions):
        n = 3 if i < 255 else 4
        primes = prime_implicants(function, n)
        chosen, is_smallest = smallest_cover(function, primes)
        assert is_smallest and union(chosen) == function
        assert (len(chosen), sum(t.n_literals for t in chosen)) == cheapest_by_trying_all(function, primes)


def test_covers_of_six_inputs_are_as_cheap_as_an_integer_program_finds() -> None:
    rng = np.random.default_rng(2)
    searched = 0
    for _ in range(40):
        function = int("".join(map(str, (rng.random(64) < rng.uniform(0.4, 0.8)).astype(int))), 2)
        primes = prime_implicants(function, 6)
        chosen, is_smallest = smallest_cover(function, primes)
        assert is_smallest and union(chosen) == function
        covers = np.array([[term.rows >> r & 1 for term in primes] for r in range(64) if function >> r & 1])
        cost = np.array([1000 + term.n_literals for term in primes])  # terms before literals
        solved = milp(cost, constraints=LinearConstraint(covers, lb=1), integrality=1, bounds=Bounds(0, 1))
        assert sum(1000 + term.n_literals for term in chosen) == round(solved.fun)
        greedy = minimise._Search(function, primes)
        searched += greedy.cost > (len(chosen), sum(term.n_literals for term in chosen))
    assert searched >= 5, "some of them are cheaper than the first cover, so that the search has done something"


def test_rows_that_do_not_matter_are_used_and_need_no_cover() -> None:
    # 1 in row 3 alone, anything in rows 1 and 2: one input is enough.
    chosen, _ = smallest_cover(0b1000, prime_implicants(0b1110, 2))
    assert len(chosen) == 1 and chosen[0].n_literals == 1


def test_a_search_that_is_cut_short_still_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    function = int("".join(map(str, (rng.random(256) < 0.8).astype(int))), 2)
    primes = prime_implicants(function, 8)
    monkeypatch.setattr(minimise, "BUDGET", 1)
    quick, is_smallest = smallest_cover(function, primes)
    assert not is_smallest and union(quick) & ~function == 0 and function & ~union(quick) == 0
    monkeypatch.setattr(minimise, "BUDGET", 200_000)
    slow, _ = smallest_cover(function, primes)
    assert len(slow) <= len(quick)
