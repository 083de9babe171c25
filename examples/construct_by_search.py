"""Finding weights by trying all of them: possible for five weights a unit, hopeless for a network of any size.

Every network of two inputs, two threshold units and one output with weights -1, 0, 1 and four biases is tried on
exclusive or. Then the same question for networks that people use.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from forwardnet import construct

WEIGHTS, BIASES = (-1.0, 0.0, 1.0), (-1.5, -0.5, 0.5, 1.5)
rows = construct.all_inputs(2).astype(float)
wanted = np.array([0, 1, 1, 0], bool)

# All units there are: what each of them answers in the four rows, which are all that matters to the next.
units = [(*w, b) for w in itertools.product(WEIGHTS, repeat=2) for b in BIASES]
fires = np.array([rows @ unit[:2] + unit[2] >= 0 for unit in units])
found = []
for first, second in itertools.product(range(len(units)), repeat=2):
    hidden = np.stack([fires[first], fires[second]], axis=1).astype(float)
    for output in units:
        if np.array_equal(hidden @ output[:2] + output[2] >= 0, wanted):
            found.append((units[first], units[second], output))
tried = len(units) ** 3
print(f"{tried} networks tried, {len(found)} of them compute exclusive or, such as {found[0]}")

by_hand = construct.gate("xor")
layers = [(layer.weight.tolist(), layer.bias.tolist()) for layer in (by_hand[0], by_hand[2])]
hand = tuple((*w, b) for weights, biases in layers for w, b in zip(weights, biases, strict=True))
n_connections = 7 * 1000 * 1000  # eight layers of a thousand units
digits = n_connections * math.log10(len(WEIGHTS))
print(f"the one by hand is among them: {hand in found}")
print(f"eight layers of 1000 units: {n_connections} weights, a number of networks with {digits:,.0f} digits")

assert tried == (3**2 * 4) ** 3 == 46656
assert hand in found
assert 0 < len(found) < tried / 100
# No single unit is among the answers: exclusive or needs the second layer.
assert not any(np.array_equal(answer, wanted) for answer in fires)
assert digits > 3e6
