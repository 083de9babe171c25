"""Boolean networks: gates, truth tables, and parity, exact on every row of zeros and ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from forwardnet.construct.circuit import Circuit, Signal
from forwardnet.construct.minimise import Term, prime_implicants, smallest_cover
from forwardnet.construct.network import Layer, build
from forwardnet.construct.registry import construction
from forwardnet.construct.tables import DONT_CARE, MAX_INPUTS, Bits, all_inputs, read_row, read_table, truth_table
from forwardnet.errors import ArgumentError, unknown_name
from forwardnet.nn.rectifiers import Step
from forwardnet.nn.sequential import Sequential

GATES = ("and", "or", "not", "nand", "nor", "xor")
DEPTHS = ("shallow", "deep", "counting")
# Prime implicants of more inputs can be a million.
MAX_MINIMISED = 12


def input_names(n: int, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """`names` if they are n different ones, x1 ... xn without."""
    if names is None:
        return tuple(f"x{i + 1}" for i in range(n))
    if len(set(names)) != n or len(names) != n:
        raise ArgumentError(f"names are {list(names)!r}, expected {n} different ones")
    return tuple(names)


@construction("1; exclusive or: n + 1", "exact on all 2^n inputs")
def gate(kind: str, n: int | None = None, *, steepness: float | None = None, dtype: Any = None) -> Sequential:
    """step(w . x - theta): one threshold unit for "and" (w = 1, theta = n - 1/2), "or" (1/2), "not", "nand", "nor".

    "xor", odd parity, is the one that no single unit can compute (Minsky & Papert 1969): two layers, for n = 2 the
    units "at least one" and "both", and their difference. "not" negates its first input; n is 1 for it and 2 for the
    others unless given.

    Raises:
        UnknownNameError: there is no such gate.
    """
    if str(kind).lower() not in GATES:
        raise unknown_name("gate", kind, GATES)
    kind = str(kind).lower()
    n = _count("gate", 1 if n is None and kind == "not" else 2 if n is None else n)
    circuit = Circuit(n)
    x, names = circuit.inputs, input_names(n)
    made = {
        "and": lambda: circuit.all_of(x),
        "or": lambda: circuit.any_of(x),
        "not": lambda: circuit.any_of([1 - x[0]]),
        "nand": lambda: circuit.any_of([1 - xi for xi in x]),
        "nor": lambda: circuit.all_of([1 - xi for xi in x]),
        "xor": lambda: circuit.carried(circuit.odd_of(x)),
    }[kind]()
    sign = {"or": " | ", "nor": " | ", "xor": " ^ "}.get(kind, " & ")
    inside = sign.join(names[:1] if kind == "not" else names)
    formula = f"~({inside})" if kind in ("nand", "nor") and n > 1 else f"~{inside}" if kind[0] == "n" else inside
    return boolean_network(
        circuit.layers([made]), f"{kind} of {n}", names, f"y = {formula}", steepness=steepness, dtype=dtype
    )


def _count(place: str, n: Any) -> int:
    if isinstance(n, bool) or not hasattr(n, "__index__") or n < 1:
        raise ArgumentError(f"{place}: n is {n!r}, expected a whole number >= 1")
    return int(n)


def boolean_network(
    layers: Sequence[Layer], what: str, names: Sequence[str], formula: str, *, steepness: float | None, dtype: Any
) -> Sequential:
    """Steps all the way, with what is known of the result."""
    claim = f"exact on all {2 ** len(names)} inputs" if len(names) <= MAX_INPUTS else "exact on all inputs"
    return build(
        layers, what=what, claim=claim, output=Step(), inputs=names, formula=formula, steepness=steepness, dtype=dtype
    )


# ---------------------------------------------------------------- truth tables


@construction("one for each AND term, and one for each output", "exact on all 2^n inputs, enumerated when built")
def from_truth_table(
    table: Any,
    n_outputs: int | None = None,
    *,
    names: Sequence[str] | None = None,
    minimise: bool = True,
    steepness: float | None = None,
    dtype: Any = None,
) -> Sequential:
    """y = OR over AND terms: a hidden unit for each term, step(sum of +-x_i - number of ones + 1/2), and an output.

    Without `minimise` there is a term for each row with output 1 (a disjunctive normal form). With it, the terms are
    the smallest cover by prime implicants (Quine 1952, McCluskey 1956), of the function or, where that takes fewer,
    of its complement, whose OR the output unit then negates; equal terms of several outputs are one unit. A search
    that would take long stops at a good cover, and the network's `about` says so.

    Args:
        table: the outputs for the rows 0...00, 0...01, ...: "0110", [0, 1, 1, 0], or one row of outputs each; or rows
            of inputs and outputs together, in any order, or the pair (X, y) of them; or {"01": 1, ...} or
            {(0, 1): 1, ...}. None, "-" and "x" stand for outputs that do not matter.
        n_outputs: number of outputs, needed only where the first columns could be inputs as well.

    Raises:
        ShapeError: the number of rows is not 2^n.
        ArgumentError: another entry than 0, 1 or None; more than 12 inputs to minimise.
    """
    wanted = read_table(table, n_outputs)
    n = len(wanted).bit_length() - 1
    if minimise and n > MAX_MINIMISED:
        raise ArgumentError(
            f"from_truth_table: {n} inputs, expected at most {MAX_MINIMISED} to minimise", hint="pass minimise=False"
        )
    covers = [_cover(column, n, minimise=minimise) for column in wanted.T]
    network = _from_covers(covers, input_names(n, names), steepness, dtype)
    got = truth_table(network)
    assert steepness is not None or np.all((got == wanted) | (wanted == DONT_CARE)), "a network unlike its table"
    return network


@construction("one for each row, and one; fewer with minimise", "exact on all 2^n inputs")
def dnf(
    rows: Sequence[Any],
    *,
    names: Sequence[str] | None = None,
    minimise: bool = False,
    steepness: float | None = None,
    dtype: Any = None,
) -> Sequential:
    """y = 1 in the given rows alone, as "00110" or (0, 0, 1, 1, 0): a hidden unit for each, weights +1 and -1.

    Raises:
        ArgumentError: there is no row, or rows differ in length.
    """
    ones = [read_row(row) for row in rows]
    if not ones or len({len(row) for row in ones}) != 1:
        raise ArgumentError(f"dnf: rows are {list(rows)!r}, expected at least one, all of the same length")
    n = len(ones[0])
    if minimise:
        table = np.zeros(2**n if n <= MAX_MINIMISED else 0, np.int64)
        if not len(table):
            raise ArgumentError(f"dnf: {n} inputs, expected at most {MAX_MINIMISED} to minimise")
        table[[int("".join(map(str, row)), 2) for row in ones]] = 1
        return from_truth_table(table, names=names, steepness=steepness, dtype=dtype)
    terms = [Term(tuple(2 * bit - 1 for bit in row)) for row in dict.fromkeys(ones)]
    return _from_covers([_Cover(terms, False, True)], input_names(n, names), steepness, dtype)


class _Cover:
    """Terms whose OR, negated if `negate`, is an output."""

    def __init__(self, terms: list[Term], negate: bool, is_smallest: bool) -> None:
        self.terms, self.negate, self.is_smallest = terms, negate, is_smallest

    def text(self, names: Sequence[str]) -> str:
        """A & ~B | C"""
        inside = " | ".join(term.text(names) for term in self.terms)
        return f"~({inside})" if self.negate else inside

    @property
    def cost(self) -> tuple[int, bool]:
        """Terms; and of as many, the function is easier to read than its complement."""
        return len(self.terms), self.negate


def _cover(column: Bits, n: int, *, minimise: bool) -> _Cover:
    on, free = (_as_int(column == value) for value in (1, DONT_CARE))
    everything = (1 << len(column)) - 1
    if on == 0:  # as the complement of the constant 1
        return _Cover([Term((0,) * n)], True, True)
    if not minimise:
        chosen = all_inputs(n)[column == 1]
        return _Cover([Term(tuple(row)) for row in (2 * chosen - 1).tolist()], False, True)
    both = []
    for rows, negate in ((on, False), (everything & ~on & ~free, True)):
        if rows:
            terms, is_smallest = smallest_cover(rows, prime_implicants(rows | free, n))
            both.append(_Cover(terms, negate, is_smallest))
    return min(both, key=lambda cover: cover.cost)


def _as_int(rows: Bits) -> int:
    """Bit r is rows[r]."""
    return int.from_bytes(np.packbits(rows, bitorder="little").tobytes(), "little")


def _from_covers(covers: Sequence[_Cover], names: tuple[str, ...], steepness: float | None, dtype: Any) -> Sequential:
    places: dict[Term, int] = {}
    for cover in covers:
        for term in cover.terms:
            places.setdefault(term, len(places))
    signs = np.array([term.signs for term in places], np.float64).reshape(len(places), len(names))
    readers = np.zeros((len(covers), len(places)))
    for row, cover in zip(readers, covers, strict=True):
        row[[places[term] for term in cover.terms]] = -1.0 if cover.negate else 1.0
    starts = np.array([0.5 if cover.negate else -0.5 for cover in covers])
    outputs = ["y"] if len(covers) == 1 else [f"y{i + 1}" for i in range(len(covers))]
    formula = "; ".join(f"{y} = {cover.text(names)}" for y, cover in zip(outputs, covers, strict=True))
    layers = [(signs, 0.5 - (signs > 0).sum(axis=1)), (readers, starts)]
    what = "OR of ANDs" if all(cover.is_smallest for cover in covers) else "OR of ANDs (a good cover)"
    return boolean_network(layers, what, names, formula, steepness=steepness, dtype=dtype)


# ---------------------------------------------------------------- parity


@construction("shallow 2^(n-1) + 1, deep 3 (n-1), counting n + 1", "exact on all 2^n inputs")
def parity(n: int, *, depth: str = "deep", steepness: float | None = None, dtype: Any = None) -> Sequential:
    """y = x_1 xor ... xor x_n: 1 for an odd number of ones.

    "shallow": an OR of the 2^(n-1) rows with an odd number of ones, none of which can be merged, and the output unit.
    "deep": n - 1 exclusive ors in a tree, 3 units each, 3 (n - 1) together, in at most 2 log2(n) layers.
    "counting": n units that fire from 1, 2, ..., n ones on, read with weights 1, -1, 1, ...: n + 1 units in two layers.

    It is often said that one hidden layer needs exponentially many units for parity. That holds for layers of AND, OR
    and NOT, not for threshold units, which can count (Muroga 1959).

    Raises:
        UnknownNameError: another depth. ArgumentError: n < 2, or n > 20 when shallow.
    """
    if depth not in DEPTHS:
        raise unknown_name("depth of parity", depth, DEPTHS)
    if _count("parity", n) < 2 or (depth == "shallow" and n > MAX_INPUTS):
        most = f" to {MAX_INPUTS}, because 2^(n-1) units are needed" if depth == "shallow" else " or more"
        raise ArgumentError(f"parity: n is {n}, expected 2{most}")
    names = input_names(n)
    if depth == "shallow":
        signs = 2.0 * all_inputs(n) - 1.0
        signs = signs[(signs > 0).sum(axis=1) % 2 == 1]
        layers = [(signs, 0.5 - (signs > 0).sum(axis=1)), (np.ones((1, len(signs))), np.array([-0.5]))]
    else:
        circuit = Circuit(n)
        odd = circuit.odd_of(circuit.inputs) if depth == "counting" else _tree(circuit, n)
        layers = circuit.layers([circuit.carried(odd)])
    return boolean_network(
        layers, f"parity, {depth}", names, f"y = {' ^ '.join(names)}", steepness=steepness, dtype=dtype
    )


def _tree(circuit: Circuit, n: int) -> Signal:
    """Exclusive ors of pairs, layer by layer, 3 (n - 1) units with the output unit.

    An exclusive or takes two units, and its value is their difference. A third unit either puts the difference out, or,
    where the next layer reads the difference itself, carries another value past the two.
    """
    values = list(circuit.inputs)
    plan = _plan(n, 0)
    assert plan is not None
    for n_pairs, is_put_out in plan[:-1]:
        pairs, rest = values[: 2 * n_pairs], values[2 * n_pairs :]
        values = [circuit.odd_of(pairs[i : i + 2]) for i in range(0, len(pairs), 2)]
        values += [circuit.carried(value) for value in rest]
        if is_put_out:
            values = [circuit.carried(value) for value in values]
    return circuit.odd_of(values)


@cache
def _plan(n_values: int, surplus: int) -> tuple[tuple[int, bool], ...] | None:
    """Layers (pairs joined, whether put out) that leave one value, with 3 units for each pair; the fewest layers.

    `surplus` are units that earlier layers saved. A layer that joins p of m values as p pairs has 2 p + (m - 2 p) = m
    units: 3 for each pair if a third of the values are joined and the rest carried. When its values are put out as
    well, that is m - p units more: 3 for each pair if all values are in pairs.
    """
    if n_values == 2:
        return ((1, True),) if surplus == 0 else None
    third = n_values // 3
    steps = [(n_values // 2, True), (n_values // 2, False), *((p, False) for p in (third - 1, third, third + 1))]
    found = []
    for n_pairs, is_put_out in steps:
        left = n_values - n_pairs
        spent = n_values + (left if is_put_out else 0)
        balance = surplus + 3 * n_pairs - spent
        if 1 <= n_pairs <= n_values // 2 and abs(balance) <= 4:
            rest = _plan(left, balance)
            if rest is not None:
                found.append(((n_pairs, is_put_out), *rest))
    return min(found, key=_n_layers, default=None)


def _n_layers(plan: tuple[tuple[int, bool], ...]) -> int:
    return sum(2 if is_put_out else 1 for _, is_put_out in plan)
