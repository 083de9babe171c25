"""Boolean functions as networks of threshold units: exclusive or step by step, tables, expressions, and parity.

Any table of zeros and ones has a network with one hidden layer, which can need exponentially many units; more layers
can do with few. Pictures go to the folder named on the command line, or to a temporary one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import forwardnet as ff
from forwardnet import construct, nn, plot

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())

# ---------------------------------------------------------------- exclusive or with two rectifiers, matrix by matrix

network = construct.xor_relu()
X = ff.tensor(construct.all_inputs(2), dtype=ff.float32)
with nn.utils.capture(network) as values:
    network(X)
steps = {
    "X": X,
    "X W'": X @ network[0].weight.T,
    "X W' + 1 c'": values["0"],
    "h = max(0, X W' + 1 c')": values["1"],
    "h w": values["2"],
}
for name, value in steps.items():
    print(f"{name:24s} {value.tolist()}")
assert values["2"].reshape(-1).tolist() == [0, 1, 1, 0]
# What no line separates is separated after the hidden layer: by h1 - 2 h2 = 1/2, say.
assert not construct.separation(X.numpy(), [0, 1, 1, 0]).is_separable
assert construct.separation(values["1"].numpy(), [0, 1, 1, 0]).is_separable

# ---------------------------------------------------------------- a table, and the same with fewer units

rows = ["00110", "01011", "01100", "10001", "10111", "11001"]
for minimise in (False, True):
    table = construct.dnf(rows, minimise=minimise)
    print(f"\n{table.about}")
    ones = np.flatnonzero(construct.truth_table(table))
    assert [f"{row:05b}" for row in ones] == rows
plot.save(plot.network(construct.dnf(rows), outputs=["y"], title="A unit for each row of ones"), folder / "dnf.png")

# ---------------------------------------------------------------- an expression, gate by gate

expression = "((A & ~X & Z) | (A & ~Y)) & ((X & Y) | ~(X & Z))"
for depth in ("deep", "shallow"):
    gates = construct.from_expression(expression, depth=depth)
    print(f"\n{depth}: {gates.about}")
    assert [f"{row:04b}" for row in np.flatnonzero(construct.truth_table(gates))] == ["1000", "1001", "1011", "1100"]
deep = construct.from_expression(expression, depth="deep")
plot.save(plot.network(deep, outputs=["y"], title="A unit for each gate"), folder / "gates.png")
try:
    construct.from_expression("(A & ~X & Z) | (A & & ~Y)")
    raise SystemExit("an expression that is none was read")
except construct.ExpressionError as error:
    print(f"\n{error}")
    assert error.column == 21

# ---------------------------------------------------------------- how many units parity takes

print("\nunits of parity   n   shallow      deep  counting")
for n in (2, 3, 4, 5, 8, 12, 16):
    units = [construct.parity(n, depth=depth).about.size.units for depth in ("shallow", "deep", "counting")]
    print(f"{n:19d} {units[0]:9d} {units[1]:9d} {units[2]:9d}")
    assert units == [2 ** (n - 1) + 1, 3 * (n - 1), n + 1]
plot.save(plot.network(construct.parity(8), outputs=["y"], title="Parity of 8, deep"), folder / "parity.png")
assert len(list(folder.glob("*.png"))) >= 3
