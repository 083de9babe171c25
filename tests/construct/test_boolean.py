"""Boolean networks, each checked on every row of its inputs."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct, nn
from forwardnet.construct import boolean
from forwardnet.errors import ArgumentError, ShapeError, UnknownNameError

MEANING = {
    "and": all,
    "or": any,
    "not": lambda bits: not bits[0],
    "nand": lambda bits: not all(bits),
    "nor": lambda bits: not any(bits),
    "xor": lambda bits: sum(bits) % 2 == 1,
}


def outputs(network: Any) -> list[int]:
    """The values of a network of one output on all rows, which must be 0 and 1 exactly."""
    X = ff.tensor(construct.all_inputs(construct.size(network).inputs), dtype=next(network.parameters()).dtype)
    y = network(X).reshape(-1).tolist()
    assert set(y) <= {0.0, 1.0}
    return [int(value) for value in y]


@pytest.mark.parametrize("kind", boolean.GATES)
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_gates(kind: str, n: int) -> None:
    network = construct.gate(kind, n)
    wanted = [int(MEANING[kind](bits)) for bits in itertools.product((0, 1), repeat=n)]
    assert outputs(network) == wanted
    assert network.about.size.units == (n + 1 if kind == "xor" else 1)
    assert [int(v) for v in construct.truth_table(network).ravel()] == wanted


def test_gates_of_one_layer_are_half_a_unit_away_from_their_threshold() -> None:
    for kind in ("and", "or", "nand", "nor"):
        layer = construct.gate(kind, 4)[0]
        sums = layer(ff.tensor(construct.all_inputs(4), dtype=ff.float32)).abs()
        assert sums.min().item() == 0.5
        # so the answer is the same whatever a step is at 0, and for inputs that are off by less than 1/8
        off = ff.tensor(construct.all_inputs(4) + 0.12 * np.resize([1, -1], (16, 4)), dtype=ff.float32)
        assert (nn.Step(0.0)(layer(off)).reshape(-1).tolist()) == [float(v) for v in outputs(construct.gate(kind, 4))]


def test_gates_that_do_not_exist() -> None:
    with pytest.raises(UnknownNameError, match="unknown gate 'nandd'\nhint: did you mean 'nand'"):
        construct.gate("nandd")
    with pytest.raises(ArgumentError, match="gate: n is 0, expected a whole number >= 1"):
        construct.gate("and", 0)
    assert construct.gate("not").about.size.inputs == 1 and construct.gate("NOR").about.size.inputs == 2


# ---------------------------------------------------------------- truth tables


@pytest.mark.parametrize("minimise", [True, False])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_function_of_up_to_three_inputs(n: int, minimise: bool) -> None:
    for table in itertools.product("01", repeat=2**n):
        network = construct.from_truth_table("".join(table), minimise=minimise)
        assert outputs(network) == [int(v) for v in table]
        assert [type(layer) for layer in network] == [nn.Linear, nn.Step] * 2
        if not minimise and "1" in table:
            assert network.about.size.widths == (table.count("1"), 1)


def test_all_forms_of_a_table_mean_the_same() -> None:
    table = [0, 1, 0, 0]  # its own mirror image in no way, so that a wrong order is seen
    rows = [[0, 0, 0], [0, 1, 1], [1, 0, 0], [1, 1, 0]]
    forms: list[Any] = [
        "0100",
        table,
        tuple(map(float, table)),
        np.array(table, bool),
        np.array(table)[:, None],
        rows,
        rows[::-1],
        ["000", "011", "100", "110"],
        np.array(rows),
        (np.array(rows)[:, :2], np.array(table)),
        {"11": 0, "01": 1, "10": 0, "00": 0},
        {(0, 0): 0, (0, 1): True, (1, 0): 0.0, (1, 1): False},
        {"00": [0], "01": [1], "10": [0], "11": "0"},
    ]
    for form in forms:
        assert outputs(construct.from_truth_table(form)) == table


def test_several_outputs_share_terms() -> None:
    adder = [[0, 0], [0, 1], [0, 1], [1, 0], [0, 1], [1, 0], [1, 0], [1, 1]]  # carry and sum of three bits
    network = construct.from_truth_table(adder)
    assert construct.truth_table(network).tolist() == adder
    assert network.about.formula.startswith("y1 = ") and "; y2 = " in network.about.formula
    twice = construct.from_truth_table([[a, a] for a in (0, 1, 1, 0)])
    assert twice.about.size.widths == (2, 2)


def test_columns_that_could_be_inputs() -> None:
    # As outputs alone these are x1, x2 and their AND; as rows of inputs and one output, AND.
    table = [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1]]
    assert construct.truth_table(construct.from_truth_table(table)).tolist() == [[0], [0], [0], [1]]
    assert construct.truth_table(construct.from_truth_table(table, 3)).tolist() == table
    assert construct.truth_table(construct.from_truth_table(table, 1)).tolist() == [[0], [0], [0], [1]]
    with pytest.raises(ShapeError, match="3 columns for 2 inputs, expected 2 outputs, or 4 columns with"):
        construct.from_truth_table(table, 2)


def test_outputs_that_do_not_matter_make_it_smaller() -> None:
    full = construct.from_truth_table([0, 0, 0, 1, 0, 0, 0, 1])
    for free in (None, "-", "x"):
        network = construct.from_truth_table([0, free, 0, 1, 0, free, 0, 1])
        values = outputs(network)
        assert [values[i] for i in (0, 2, 3, 4, 6, 7)] == [0, 0, 1, 0, 0, 1]
        assert network.about.size.connections < full.about.size.connections


def test_the_complement_is_taken_where_it_has_fewer_terms() -> None:
    network = construct.from_truth_table("1" * 7 + "0")
    assert network.about.formula == "y = ~(x1 & x2 & x3)" and network.about.size.units == 2
    assert construct.from_truth_table("0000").about.formula == "y = ~(1)"
    assert construct.from_truth_table("1111").about.formula == "y = 1"


def test_a_table_of_many_inputs() -> None:
    rng = np.random.default_rng(0)
    table = rng.integers(0, 2, 2**9)
    network = construct.from_truth_table(table)
    assert outputs(network) == table.tolist()
    assert network.about.size.units < 0.5 * table.sum()
    assert "good cover" in network.about.what, "the search for the smallest was cut short, which is said"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("011", "truth table: 3 rows, expected 2, 4, 8, ...: one for each combination"),
        ([], "truth table: 0 rows"),
        ("0120", "truth table, row 2: entry '2', expected 0, 1, or None"),
        ([0, 1, 0.5, 1], "truth table, row 2: entry 0.5, expected 0, 1"),
        ([[0, 1], [1]], "truth table, row 1: 1 entries, expected 2 as in row 0"),
        ({"00": 0, "01": 1, "11": 1}, "truth table: no row 10 among 3, expected all 4"),
        ({"0": 0, "1": 1, "01": 1}, "truth table: rows of inputs differ in length"),
        ({"0x": 0}, "input row '0x', expected zeros and ones"),
        ({}, "truth table: rows of inputs differ in length, or there are none"),
        ({"0": 0, "1": [1, 0]}, "truth table: rows differ in the number of their outputs"),
    ],
)
def test_tables_that_are_none(table: Any, told: str) -> None:
    with pytest.raises((ArgumentError, ShapeError)) as error:
        construct.from_truth_table(table)
    assert told in str(error.value)


def test_names_and_limits() -> None:
    assert construct.from_truth_table("0001", names=["P", "Q"]).about.formula == "y = P & Q"
    with pytest.raises(ArgumentError, match="names are .'P', 'P'., expected 2 different ones"):
        construct.from_truth_table("0001", names=["P", "P"])
    with pytest.raises(ArgumentError, match="13 inputs, expected at most 12 to minimise\nhint: pass minimise=False"):
        construct.from_truth_table(np.zeros(2**13, int))
    with pytest.raises(ArgumentError, match="a table of 21 inputs has 2.21 rows, expected at most 20"):
        construct.all_inputs(21)


def test_dnf() -> None:
    network = construct.dnf([(0, 1, 1), "110", "011"])
    assert network.about.size.widths == (2, 1), "a row that is there twice counts once"
    assert np.flatnonzero(outputs(network)).tolist() == [3, 6]
    assert construct.dnf(["011", "111"], minimise=True).about.formula == "y = x2 & x3"
    many = construct.dnf(["0" * 20])
    assert many.about.size.units == 2 and many.about.claim == "exact on all 1048576 inputs"
    for rows in ([], ["01", "011"]):
        with pytest.raises(ArgumentError, match="expected at least one, all of the same length"):
            construct.dnf(rows)


# ---------------------------------------------------------------- parity


@pytest.mark.parametrize("depth", boolean.DEPTHS)
@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7, 8, 11])
def test_parity(n: int, depth: str) -> None:
    network = construct.parity(n, depth=depth)
    assert outputs(network) == (construct.all_inputs(n).sum(axis=1) % 2).tolist()
    assert network.about.size.units == {"shallow": 2 ** (n - 1) + 1, "deep": 3 * (n - 1), "counting": n + 1}[depth]
    assert {type(layer) for layer in network} == {nn.Linear, nn.Step}


def test_deep_parity_of_any_size() -> None:
    rng = np.random.default_rng(0)
    for n in [*range(2, 70), 100, 257, 1000]:
        network = construct.parity(n)
        assert network.about.size.units == 3 * (n - 1)
        assert network.depth <= max(2, 2 * math.log2(n))
        X = rng.integers(0, 2, (40, n))
        X[0], X[1] = 0, 1
        y = network(ff.tensor(X, dtype=ff.float32)).reshape(-1).tolist()
        assert y == (X.sum(axis=1) % 2).tolist()


def test_parity_that_cannot_be() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'shallow'"):
        construct.parity(4, depth="shalow")
    with pytest.raises(ArgumentError, match="n is 1, expected 2 or more"):
        construct.parity(1)
    with pytest.raises(ArgumentError, match=r"n is 25, expected 2 to 20, because 2\^\(n-1\) units are needed"):
        construct.parity(25, depth="shallow")
