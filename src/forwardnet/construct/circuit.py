"""Circuits of threshold units, and the layers of weights that compute them.

    circuit = Circuit(2)
    a, b = circuit.inputs
    either, both = circuit.unit(a + b - 0.5), circuit.unit(a + b - 1.5)
    circuit.layers([circuit.unit(either - both - 0.5)])      # exclusive or, as two (weights, biases)

A unit fires, 1, where its sum is at least 0. Thresholds lie half-way between the sums that must not fire and those that
must, so sums of zeros and ones are 1/2 away from them and the result does not hang on what a step is at 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forwardnet.construct.network import Layer


class Signal:
    """A sum over inputs and units: terms {node: weight} and a constant.

    A value that is 0 or 1 need not come from one unit: 1 - a is "not a", and of two units that count "at least one"
    and "at least two" the difference is "exactly one". What reads such a value adds the weights up: it costs nothing.
    """

    __slots__ = ("constant", "terms")

    def __init__(self, terms: dict[int, float], constant: float = 0.0) -> None:
        self.terms = terms
        self.constant = constant

    def __add__(self, other: Signal | float) -> Signal:
        if not isinstance(other, Signal):
            return Signal(self.terms, self.constant + other)
        terms = dict(self.terms)
        for node, weight in other.terms.items():
            terms[node] = terms.get(node, 0.0) + weight
        return Signal({node: weight for node, weight in terms.items() if weight}, self.constant + other.constant)

    __radd__ = __add__

    def __mul__(self, factor: float) -> Signal:
        return Signal({node: factor * weight for node, weight in self.terms.items()}, factor * self.constant)

    __rmul__ = __mul__

    def __neg__(self) -> Signal:
        return self * -1.0

    def __sub__(self, other: Signal | float) -> Signal:
        return self + -other

    def __rsub__(self, other: float) -> Signal:
        return -self + other


def total(signals: Sequence[Signal]) -> Signal:
    """The sum of signals, 0 for none."""
    return sum(signals, Signal({}))


class Circuit:
    """Units that read inputs and other units. Equal units are made once.

    Nodes 0 .. n_inputs-1 are the inputs, on level 0; a unit's level is one above the highest that it reads.
    """

    def __init__(self, n_inputs: int) -> None:
        self.n_inputs = n_inputs
        self.inputs = [Signal({i: 1.0}) for i in range(n_inputs)]
        self._sums: dict[int, Signal] = {}
        self._level = [0] * n_inputs
        self._made: dict[tuple[tuple[tuple[int, float], ...], float], Signal] = {}

    def unit(self, sum_: Signal) -> Signal:
        """step(sum_): 1 where `sum_` is at least 0."""
        key = (tuple(sorted(sum_.terms.items())), sum_.constant)
        if key not in self._made:
            node = len(self._level)
            self._level.append(1 + self._highest(sum_))
            self._sums[node] = sum_
            self._made[key] = Signal({node: 1.0})
        return self._made[key]

    def all_of(self, signals: Sequence[Signal]) -> Signal:
        """1 where all are 1: their sum reaches their number."""
        return self.unit(total(signals) - (len(signals) - 0.5))

    def any_of(self, signals: Sequence[Signal]) -> Signal:
        """1 where at least one is 1: their sum reaches 1."""
        return self.unit(total(signals) - 0.5)

    def odd_of(self, signals: Sequence[Signal]) -> Signal:
        """1 where an odd number are 1: units that fire from 1, from 2, ... on, with weights 1, -1, ..."""
        s = total(signals)
        counts = [self.unit(s - (k + 0.5)) for k in range(len(signals))]
        return total([count if k % 2 == 0 else -count for k, count in enumerate(counts)])

    def level(self, signal: Signal) -> int:
        """The layer in which the value is there; 0 are the inputs."""
        return self._highest(signal)

    def _highest(self, signal: Signal) -> int:
        return max((self._level[node] for node in signal.terms), default=0)

    def carried(self, signal: Signal) -> Signal:
        """The same value, 0 or 1, one level higher, in a unit of its own."""
        return self.unit(signal - 0.5)

    def layers(self, outputs: Sequence[Signal]) -> list[Layer]:
        """Weights and biases of each layer, the last of which puts out the steps of `outputs`, in order.

        A value that is read, or put out, later than in the next layer is carried there by a unit in each layer between;
        this is right for zeros and ones alone, and other inputs must not need it.
        """
        made = [signal if self._is_unit(signal) else self.carried(signal) for signal in outputs]
        depth = max(self.level(signal) for signal in made)
        last = [next(iter(signal.terms)) for signal in made]
        rows = self._rows(last, depth)
        rows[depth] = last
        found = []
        for level in range(1, depth + 1):
            column = {node: i for i, node in enumerate(rows[level - 1])}
            W, b = np.zeros((len(rows[level]), len(column))), np.zeros(len(rows[level]))
            for row, node in enumerate(rows[level]):
                s = self._sums[node] if self._level[node] == level else Signal({node: 1.0}, -0.5)
                b[row] = s.constant
                for source, weight in s.terms.items():
                    W[row, column[source]] = weight
            found.append((W, b))
        return found

    def _is_unit(self, signal: Signal) -> bool:
        return signal.constant == 0 and list(signal.terms.values()) == [1.0] and next(iter(signal.terms)) in self._sums

    def _rows(self, last: list[int], depth: int) -> list[list[int]]:
        """The nodes of each level: units that are needed, in the order they were made, and values carried past them."""
        until = dict.fromkeys(last, depth)  # node -> the last level that has to hold it
        for node in sorted(self._sums, reverse=True):  # a unit reads only nodes made before it
            if node in until:
                for source in self._sums[node].terms:
                    until[source] = max(until.get(source, 0), self._level[node] - 1)
        rows: list[list[int]] = [list(range(self.n_inputs))]
        for level in range(1, depth + 1):
            rows.append([node for node in sorted(until) if self._level[node] <= level <= until[node]])
        return rows
