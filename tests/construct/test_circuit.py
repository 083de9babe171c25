"""Circuits: layers of weights that compute what the units say."""

from __future__ import annotations

import itertools

import numpy as np

from forwardnet.construct.circuit import Circuit, Signal, total


def run(circuit: Circuit, outputs: list[Signal], inputs: np.ndarray) -> np.ndarray:
    """Steps after each layer, in float64."""
    values = inputs.astype(float)
    for W, b in circuit.layers(outputs):
        values = (values @ W.T + b >= 0).astype(float)
    return values


def bits(n: int) -> np.ndarray:
    return np.array(list(itertools.product((0, 1), repeat=n)))


def test_signals_add_up() -> None:
    a, b = Circuit(2).inputs
    s = 2 * (a + b) - (b - 1) - 0.5 + (1 - a)
    assert s.terms == {0: 1.0, 1: 1.0} and s.constant == 1.5
    assert (a - a).terms == {} and (-a).terms == {0: -1.0} and total([]).constant == 0


def test_gates_of_any_signals() -> None:
    circuit = Circuit(3)
    a, b, c = circuit.inputs
    outputs = [circuit.all_of([a, 1 - b, c]), circuit.any_of([a, b]), circuit.odd_of([a, b, c])]
    got = run(circuit, outputs, bits(3))
    A, B, C = bits(3).T
    np.testing.assert_array_equal(got, np.stack([A & ~B & C, A | B, A ^ B ^ C], axis=1) & 1)


def test_values_are_carried_past_layers_that_do_not_read_them() -> None:
    circuit = Circuit(3)
    a, b, c = circuit.inputs
    deep = circuit.any_of([circuit.all_of([circuit.any_of([a, b]), c]), 1 - a])
    layers = circuit.layers([deep, circuit.any_of([b])])
    assert [len(b) for _, b in layers] == [4, 3, 2]  # any, a, b, c; all, a, b; both outputs
    A, B, C = bits(3).T
    got = run(circuit, [deep, circuit.any_of([b])], bits(3))
    np.testing.assert_array_equal(got, np.stack([((A | B) & C) | (1 - A), B], axis=1))


def test_equal_units_are_made_once_and_unused_ones_not_at_all() -> None:
    circuit = Circuit(2)
    a, b = circuit.inputs
    circuit.all_of([a, 1 - b])
    both = [circuit.all_of([a, b]), circuit.all_of([b, a])]
    assert both[0] is both[1]
    (layer,) = circuit.layers(both)
    np.testing.assert_array_equal(layer[0], [[1, 1], [1, 1]])  # an output that is wanted twice is put out twice


def test_an_output_that_is_no_unit_gets_one() -> None:
    circuit = Circuit(1)
    (a,) = circuit.inputs
    np.testing.assert_array_equal(run(circuit, [1 - a, a], bits(1)), [[1, 0], [0, 1]])
    np.testing.assert_array_equal(run(circuit, [Signal({}, 1.0)], bits(1)), [[1], [1]])
