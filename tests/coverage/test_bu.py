"""The Boolean and approximation rows of the coverage table, one test per row, named by its id and using its figures.

BU08, BU11, BU12 and BU16 are shown by the examples construct_regions.py and construct_any_function.py as well.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct, nn
from peer import printed

ROWS = [[0, 0], [0, 1], [1, 0], [1, 1]]


def values(network: Any, points: Any) -> np.ndarray:
    """Outputs (M,) as float64."""
    x = ff.tensor(points, dtype=next(network.parameters()).dtype)
    return network(x).numpy().reshape(-1).astype(np.float64)


def ones_of(network: Any) -> list[str]:
    """The rows in which a Boolean network is 1."""
    table = construct.truth_table(network).ravel()
    n = network.about.size.inputs
    return [f"{r:0{n}b}" for r in np.flatnonzero(table)]


def wave(x: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * x)


def test_BU01_the_exclusive_or_data() -> None:
    data = ff.datasets.load("xor")
    assert data.X.tolist() == ROWS and data.y.tolist() == [0, 1, 1, 0]


def test_BU02_exclusive_or_by_hand_step_by_step() -> None:
    network = construct.xor_relu()
    first, _, last = network
    assert first.weight.tolist() == [[1, 1], [1, 1]] and first.bias.tolist() == [0, -1]
    assert last.weight.tolist() == [[1, -2]] and last.bias.tolist() == [0]
    X = ff.tensor(ROWS, dtype=ff.float32)
    assert (X @ first.weight.T).tolist() == [[0, 0], [1, 1], [1, 1], [2, 2]]
    with nn.utils.capture(network) as seen:
        network(X)
    assert seen["0"].tolist() == [[0, -1], [1, 0], [1, 0], [2, 1]]
    assert seen["1"].tolist() == [[0, 0], [1, 0], [1, 0], [2, 1]]
    assert seen["2"].reshape(-1).tolist() == [0, 1, 1, 0]


def test_BU03_exclusive_or_with_thresholds() -> None:
    network = construct.gate("xor")
    assert network[0].weight.tolist() == [[1, 1], [1, 1]] and network[0].bias.tolist() == [-0.5, -1.5]
    assert network[2].weight.tolist() == [[1, -1]] and network[2].bias.tolist() == [-0.5]
    assert values(network, ROWS).tolist() == [0, 1, 1, 0]


def test_BU04_every_boolean_function_of_two_and_three_inputs() -> None:
    count = 0
    for n in (2, 3):
        for table in itertools.product((0, 1), repeat=2**n):
            network = construct.from_truth_table(table)
            assert network.depth == 2, "one hidden layer"
            assert construct.truth_table(network).ravel().tolist() == list(table)
            count += 1
    assert count == 16 + 256
    both = construct.from_truth_table([[0, 1], [1, 1], [1, 1], [0, 0]])
    assert construct.truth_table(both).tolist() == [[0, 1], [1, 1], [1, 1], [0, 0]]


@pytest.mark.parametrize("depth", ["shallow", "deep"])
def test_BU05_an_expression_gate_by_gate(depth: str) -> None:
    left = "(A & ~X & Z) | (A & ~Y)"
    # The right part is printed in different ways; each of them has a table of its own.
    for right, wanted in (
        ("~X & ~Z", ["1000"]),
        ("~X & Z", ["1001", "1011"]),
        ("~(X & Z)", ["1000", "1001", "1011", "1100"]),
    ):
        network = construct.from_expression(f"({left}) & ((X & Y) | {right})", depth=depth)
        assert network.about.inputs == ("A", "X", "Y", "Z")
        assert ones_of(network) == wanted
    assert network.depth == {"shallow": 2, "deep": 3}[depth]
    assert "layers" in str(network.about)


def test_BU06_a_hidden_unit_for_each_row_of_ones() -> None:
    rows = ["00110", "01011", "01100", "10001", "10111", "11001"]
    network = construct.dnf(rows)
    assert ones_of(network) == rows and [int(row, 2) for row in rows] == [6, 11, 12, 17, 23, 25]
    assert network[0].weight.tolist() == [[2 * int(bit) - 1 for bit in row] for row in rows]
    # A unit fires from as many as its row has ones; the threshold lies half a unit below.
    assert (0.5 - network[0].bias).tolist() == [2, 3, 2, 2, 4, 3]
    assert network[2].weight.tolist() == [[1] * 6] and 0.5 - network[2].bias.item() == 1
    assert (network.about.size.weights, network.count_parameters()) == (36, 43)
    assert "x1 & ~x2 & ~x3 & ~x4 & x5" in network.about.formula, "10001"
    assert network.about.formula.count(" | ") == 5
    # 10001 and 11001 differ in one input: five terms are enough, and no fewer.
    small = construct.dnf(rows, minimise=True)
    assert ones_of(small) == rows and small.about.size.widths == (5, 1)
    assert "x1 & ~x3 & ~x4 & x5" in small.about.formula


def test_BU06_the_karnaugh_map_of_seven_ones_needs_three_units() -> None:
    rows = ["0000", "0010", "0100", "0101", "1000", "1010", "1100"]
    small = construct.dnf(rows, minimise=True, names=["W", "X", "Y", "Z"])
    assert construct.dnf(rows).about.size.widths == (7, 1)
    assert small.about.size.widths == (3, 1) and ones_of(small) == rows
    terms = set(small.about.formula.removeprefix("y = ").split(" | "))
    assert terms == {"~Y & ~Z", "~X & ~Z", "~W & X & ~Y"}
    drawn = construct.from_expression("~Y & ~Z | ~W & X & ~Y | ~X & Y & ~Z", depth="shallow")
    assert ones_of(drawn) == rows and drawn.about.size.widths == (3, 1)


def test_BU07_parity_shallow_and_deep() -> None:
    for n, shallow, deep in ((3, 5, 6), (4, 9, 9), (5, 17, 12), (8, 129, 21)):
        for depth, units in (("shallow", shallow), ("deep", deep)):
            network = construct.parity(n, depth=depth)
            assert sum(layer.out_features for layer in network if isinstance(layer, nn.Linear)) == units
            assert construct.truth_table(network).ravel().tolist() == (construct.all_inputs(n).sum(axis=1) % 2).tolist()
    # No two rows with an odd number of ones differ in one input, so that no term can be left out of the shallow one.
    assert construct.from_truth_table(construct.all_inputs(5).sum(axis=1) % 2).about.size.units == 17
    # Exponential for ANDs and ORs, but not for units that count.
    assert construct.parity(8, depth="counting").about.size.widths == (8, 1)


SQUARES = [np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) + shift for shift in (0.0, 2.0)]


def test_BU08_one_two_and_three_layers() -> None:
    line = construct.half_plane([1.0, 1.0], -1.0)
    convex = construct.polygon(SQUARES[0])
    apart = construct.union(SQUARES)
    assert [network.depth for network in (line, convex, apart)] == [1, 2, 3]
    hole = construct.difference(np.array([[0, 0], [3, 0], [3, 3], [0, 3]]), [(1, 1), (2, 1), (2, 2), (1, 2)])
    assert values(hole, [[0.5, 0.5], [1.5, 1.5], [2.5, 2.5], [3.5, 1]]).tolist() == [1, 0, 1, 0]


def test_BU09_a_convex_polygon_is_a_sum_that_reaches_the_number_of_sides() -> None:
    angle = 2 * np.pi * np.arange(5) / 5
    pentagon = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    network = construct.polygon(pentagon)
    sums = network[:2](ff.tensor([[0.0, 0.0], [1.1, 0.0], [1.0, 0.4], [-2.0, 0.0]])).sum(dim=1).tolist()
    assert sums[0] == 5 and max(sums[1:]) <= 4 and min(sums[1:]) >= 3
    assert 0.5 - network[2].bias.item() == 5
    points = np.random.default_rng(0).uniform(-1.2, 1.2, (10_000, 2))
    normals = np.stack([np.cos(angle + np.pi / 5), np.sin(angle + np.pi / 5)], axis=1)
    distance = (np.cos(np.pi / 5) - points @ normals.T).min(axis=1)  # positive inside
    far = np.abs(distance) > 1e-5
    np.testing.assert_array_equal(values(network, points)[far], distance[far] > 0)


def test_BU10_a_union_of_polygons() -> None:
    network = construct.union(SQUARES)
    assert [len(layer.bias) for layer in network if isinstance(layer, nn.Linear)] == [8, 2, 1]
    points = np.random.default_rng(0).uniform(-0.5, 3.5, (10_000, 2)).astype(np.float32)
    inside = np.any([np.all((points >= low) & (points <= low + 1), axis=1) for low in (0, 2)], axis=0)
    assert np.mean(values(network, points) == inside) == 1.0
    bent = construct.polygon([(0, 0), (3, 0), (3, 1), (1, 1), (1, 3), (0, 3)])
    points = np.random.default_rng(1).uniform(-0.5, 3.5, (10_000, 2)).astype(np.float32)
    inside = np.all((points >= 0) & (points <= 3), axis=1) & np.any(points <= 1, axis=1)
    assert np.mean(values(bent, points) == inside) == 1.0


def test_BU11_half_planes_around_a_disc() -> None:
    n = 1000
    network = construct.cylinder((0.0, 0.0), 1.0, n, dtype=ff.float64)
    firing = network[:2]
    for r, figure in ((0.5, 1.0), (0.99, 1.0), (1.5, 0.733), (2.0, 0.667), (5.0, 0.564), (1e6, 0.5)):
        part = firing(ff.tensor([[r, 0.0]], dtype=ff.float64)).mean().item()
        assert part == pytest.approx(figure, abs=1.5e-3)
        if r > 1:
            # of n evenly spread ones, the share of an arc is off by 1 / n at most
            assert part == pytest.approx(1 - np.arccos(1 / r) / np.pi, abs=1 / n)
        # half of them is 0 and all of them is 1
        assert values(network, [[r, 0.0]])[0] == pytest.approx(2 * part - 1)
    assert values(network, [[2.0, 0.0]])[0] > 0.3, "not 0 outside, as is often said"
    region = construct.union([construct.cylinder((x, 0.0), 0.5, 40, cut=True) for x in (0.0, 2.0)])
    assert values(region, [[0.0, 0.0], [1.0, 0.0], [2.3, 0.2], [0.0, 0.6]]).tolist() == [1, 0, 1, 0]
    mask = np.array([[1, 0, 1], [0, 1, 0]])
    assert values(construct.from_image(mask), np.argwhere(mask.T) + 0.5).tolist() == [1, 1, 1]


def test_BU12_deeper_networks_need_fewer_units() -> None:
    bent = [(0, 0), (3, 0), (3, 1), (1, 1), (1, 3), (0, 3)]
    deep = construct.polygon(bent)
    points = np.random.default_rng(1).uniform(-0.5, 3.5, (10_000, 2))
    inside = np.all((points >= 0) & (points <= 3), axis=1) & np.any(points <= 1, axis=1)
    domain = ((-0.5, 3.5), (-0.5, 3.5))

    def indicator(p: np.ndarray) -> np.ndarray:
        return (np.all((p >= 0) & (p <= 3), axis=1) & np.any(p <= 1, axis=1)).astype(float)

    wrong = []
    for units in (12, 48, 192):
        shallow = construct.ridges(indicator, domain, units)
        wrong.append(np.mean((values(shallow, points) >= 0.5) != inside))
    assert np.array_equal(values(deep, points.astype(np.float32)) == 1, inside)
    assert deep.about.size.units <= 12
    assert wrong[0] > wrong[1] > wrong[2] > 0.005, "sixteen times the units in one hidden layer, and still not exact"


def test_BU13_a_square_pulse() -> None:
    network = construct.pulse(0.25, 1.0)
    assert values(network, [[0.0], [0.25], [0.75], [1.0]]).tolist() == [0, 1, 1, 0]
    assert network.about.size.widths == (2, 1), "two threshold units and one that sums"


def test_BU14_pulses_side_by_side_approximate_any_function() -> None:
    for n, figure, digits in ((10, 0.3090, 4), (50, 0.06279, 5), (200, 0.015707, 6), (1000, 0.0031416, 7)):
        network = construct.approximate_1d(wave, (0, 1), n, dtype=ff.float64)
        printed(np.array(network.about.error), figure, digits)
        # The ends of the pieces, from both sides, are where a staircase is farthest off.
        x = np.concatenate([np.arange(n) / n, np.arange(1, n + 1) / n - 1e-9, np.linspace(0, 1, 999)])[:, None]
        assert np.abs(values(network, x) - wave(x[:, 0])).max() == pytest.approx(figure, rel=2e-4)
        assert network.about.error == pytest.approx(np.pi / n, rel=0.02)
    for error in (0.1, 0.01):
        network = construct.approximate_1d(wave, (0, 1), error=error, dtype=ff.float64)
        x = np.linspace(0, 1, 10_001)[:, None]
        assert np.abs(values(network, x) - wave(x[:, 0])).max() <= error
        # The sine goes up and down by 4 in all, 2 * error in each piece; extrema fall inside of pieces.
        assert 4 / (2 * error) - 2 <= network.about.size.widths[0] <= 1.1 * 4 / (2 * error) + 2


def test_BU15_bumps_that_fill_the_domain_approximate_in_any_dimension() -> None:
    def hill(p: np.ndarray) -> np.ndarray:
        return np.exp(-4 * (p**2).sum(axis=1))

    for d, counts in ((2, (20, 100, 500)), (3, (30, 500, 4000))):
        points = np.random.default_rng(0).uniform(-1, 1, (4000, d))
        networks = [construct.approximate_nd(hill, [(-1, 1)] * d, units) for units in counts]
        errors = [np.abs(values(network, points) - hill(points)).max() for network in networks]
        assert errors[0] > errors[1] > errors[2]
        for network, error in zip(networks, errors, strict=True):
            assert error <= 1.02 * network.about.error


def test_BU15_thin_cylinders_do_not_add_up() -> None:
    # Cylinders that cover the unit square once should approximate 1 on it. The tails of 2 R / (pi r) of them add up to
    # about (1 / R) times the mean of 1 / r, so that thinner ones are worse.
    sums = []
    for k in (4, 8, 16):
        middles = (np.arange(k) + 0.5) / k
        radius = 1 / (k * np.sqrt(np.pi))  # of the same area as a cell
        parts = [construct.cylinder((a, b), radius, 32) for a, b in itertools.product(middles, middles)]
        sums.append(sum(values(part, [[0.51, 0.51]])[0] for part in parts))
    assert 2 < sums[0] and sums[1] > 1.5 * sums[0] and sums[2] > 1.5 * sums[1]


def test_BU16_one_hidden_layer_of_squashing_units_and_a_linear_output() -> None:
    x = np.linspace(0, 1, 20_001)[:, None]
    for eps in (0.1, 0.01):
        staircase = construct.approximate_1d(wave, (0, 1), error=eps / 2, dtype=ff.float64)
        widths = staircase.about.size.widths
        # A sigmoid that rises within a hundredth of the narrowest piece passes through the values between two steps.
        narrowest = np.diff(-staircase[0].bias.numpy()).min()
        network = construct.soften(staircase, 2000 / narrowest)
        assert [type(layer) for layer in network] == [nn.Linear, nn.Sigmoid, nn.Linear] and widths[1:] == (1,)
        # At x = 0 the first unit is half-way up.
        assert np.abs(values(network, x[20:]) - wave(x[20:, 0])).max() < eps


def test_BU17_real_inputs_of_any_number() -> None:
    rng = np.random.default_rng(0)
    prototypes, X = rng.normal(size=(10, 784)), rng.normal(size=(300, 784)).astype(np.float32)
    network = construct.nearest(prototypes)
    assert network.about.size.inputs == 784 and network.about.size.widths == (45, 10)
    y = network(ff.tensor(X)).numpy()
    assert (y.sum(axis=1) == 1).all()
    wanted = ((X[:, None] - prototypes) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(y.argmax(axis=1), wanted)
    data = ff.datasets.load("digits")
    means = np.stack([data.X[data.y == k].mean(axis=0) for k in range(10)])
    read = construct.nearest(means)(ff.tensor(data.X)).numpy().argmax(axis=1)
    assert np.mean(read == data.y) > 0.9, "half-spaces of 64 inputs read digits"


def test_BU18_an_activation_after_the_sum() -> None:
    def p(x: np.ndarray) -> np.ndarray:
        return 0.5 + 0.45 * np.sin(x)

    x = np.linspace(0, 5.999, 3000)
    plain = construct.approximate_1d(p, (0, 6), 60, dtype=ff.float64)
    squashed = construct.approximate_1d(p, (0, 6), 60, output="sigmoid", dtype=ff.float64)
    assert isinstance(squashed[-1], nn.Sigmoid) and len(squashed) == len(plain) + 1
    np.testing.assert_allclose(values(squashed, x[:, None]), values(plain, x[:, None]), rtol=1e-12)
    logits = squashed[:3](ff.tensor([[0.05]], dtype=ff.float64)).item()
    assert logits == pytest.approx(np.log(p(np.array(0.05)) / (1 - p(np.array(0.05)))), abs=1e-12)


def test_BU19_infinitely_many_shifted_sigmoids_are_nearly_softplus() -> None:
    n = 80
    stack = nn.Sequential(nn.Linear(1, n), nn.Sigmoid(), nn.Linear(n, 1)).double().freeze()
    with ff.no_grad():
        stack[0].weight.fill_(1.0)
        stack[0].bias.copy_(0.5 - ff.arange(1, n + 1))
        stack[2].weight.fill_(1.0)
        stack[2].bias.zero_()
    for x, total, softplus in ((0, 0.682569, 0.693147), (1, 1.305029, 1.313262), (3, 3.046745, 3.048587)):
        printed(values(stack, [[float(x)]]), [total], 6)
        printed(nn.Softplus()(ff.tensor([float(x)], dtype=ff.float64)), [softplus], 6)
    grid = np.linspace(-20, 20, 4001)
    off = np.abs(values(stack, grid[:, None]) - np.logaddexp(0, grid))
    printed(np.array(off.max()), 0.0106, 4)
    relu = np.abs(values(stack, grid[:, None]) - np.maximum(grid, 0))
    assert relu.max() > 0.6 and relu[np.abs(grid) > 12].max() < 1e-4, "like ReLU only far away from 0"
