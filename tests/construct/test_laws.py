"""What holds for every construction in the registry, whichever it is."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import construct, nn
from forwardnet.errors import ArgumentError

SQUARE = [(0, 0), (1, 0), (1, 1), (0, 1)]
UNIT = ((0.0, 1.0), (0.0, 1.0))


def half_plane(weights: list[float], options: dict[str, Any]) -> Any:
    """A part of a region: of the same type, and with steps, which the whole is made of."""
    return construct.half_plane(weights, dtype=options.get("dtype"))


# A call of each construction, and the numbers that its inputs may be: bits, or any.
CALLS: dict[str, tuple[Callable[..., Any], str]] = {
    "neuron": (lambda **o: construct.neuron([0.5, -2.0], 0.25, **o), "any"),
    "xor_relu": (lambda **o: construct.xor_relu(**o), "bits"),
    "gate": (lambda **o: construct.gate("xor", 3, **o), "bits"),
    "from_truth_table": (lambda **o: construct.from_truth_table("01101001", **o), "bits"),
    "dnf": (lambda **o: construct.dnf(["011", "110"], **o), "bits"),
    "parity": (lambda **o: construct.parity(5, **o), "bits"),
    "from_expression": (lambda **o: construct.from_expression("(A & ~X & Z) | (A & ~Y)", **o), "bits"),
    "half_plane": (lambda **o: construct.half_plane([1.0, 2.0], -0.5, **o), "any"),
    "convex_region": (lambda **o: construct.convex_region([[1, 0], [0, 1], [-1, -1]], [0, 0, 1], **o), "any"),
    "nearest": (lambda **o: construct.nearest([[0, 0], [1, 0], [0, 1]], **o), "any"),
    "polygon": (lambda **o: construct.polygon([(0, 0), (1, 0), (0.5, 0.5), (1, 1), (0, 1)], **o), "any"),
    "union": (lambda **o: construct.union([SQUARE, half_plane([1.0, 0.0], o)], **o), "any"),
    "intersection": (lambda **o: construct.intersection([SQUARE, half_plane([1.0, -1.0], o)], **o), "any"),
    "difference": (lambda **o: construct.difference(SQUARE, half_plane([1.0, -1.0], o), **o), "any"),
    "from_image": (lambda **o: construct.from_image([[1, 0], [1, 1]], domain=UNIT, **o), "any"),
    "shape": (lambda **o: construct.shape(lambda p: (p**2).sum(axis=1) < 0.5, UNIT, **o), "any"),
    "cylinder": (lambda **o: construct.cylinder((0.5, 0.5), 0.25, 16, **o), "any"),
    "pulse": (lambda **o: construct.pulse(0.25, 0.75, **o), "any"),
    "approximate_1d": (lambda **o: construct.approximate_1d(np.sin, (0, 3), 12, **o), "any"),
    "approximate_nd": (lambda **o: construct.approximate_nd(lambda x, y: x * y, UNIT, 30, **o), "any"),
    "ridges": (lambda **o: construct.ridges(lambda x, y: x * y, UNIT, 30, **o), "any"),
    "piecewise_linear": (lambda **o: construct.piecewise_linear([0, 1, 2], [0, 1, 0], **o), "any"),
    "max_affine": (lambda **o: construct.max_affine([[1, 0], [0, 1], [1, 1]], [0, 1, -1], **o), "any"),
}
NAMES = sorted(construct.CONSTRUCTIONS)
WITH_STEPS = [n for n in NAMES if "steepness" in inspect.signature(construct.CONSTRUCTIONS[n].function).parameters]


def made(name: str, **options: Any) -> Any:
    return CALLS[name][0](**options)


def inputs_of(name: str, n: int) -> Any:
    """64 rows of the kind that the construction takes."""
    rng = np.random.default_rng(5)
    if CALLS[name][1] == "bits":
        return rng.integers(0, 2, (64, n)).astype(float)
    return rng.uniform(-1, 2, (64, n))


def test_every_construction_has_a_call_here_and_a_name_outside() -> None:
    assert sorted(CALLS) == NAMES
    assert set(NAMES) <= set(construct.__all__)
    assert len(NAMES) >= 20 and len(WITH_STEPS) >= 18


def test_every_function_that_returns_a_network_is_in_the_registry() -> None:
    # suggest_weights learns from data and soften takes a network: neither makes one from what it should compute.
    folder = Path(inspect.getfile(construct)).parent
    found = set()
    for path in folder.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            returns = isinstance(node, ast.FunctionDef) and node.returns is not None and ast.unparse(node.returns)
            if isinstance(node, ast.FunctionDef) and returns == "Sequential" and node.name in construct.__all__:
                found.add(node.name)
    assert found - {"suggest_weights", "soften"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_of_linear_layers_and_activations_that_says_what_it_is(name: str) -> None:
    network = made(name)
    assert type(network) is nn.Sequential
    assert {type(layer) for layer in network} <= {nn.Linear, nn.Step, nn.ReLU}
    about = network.about
    assert str(about.size) in str(about) and about.claim in str(about)
    assert about.size == construct.size(network)
    assert about.size.weights + about.size.biases == network.count_parameters()
    assert about.size.units == sum(layer.out_features for layer in network if isinstance(layer, nn.Linear))
    assert about.size.layers == network.depth
    assert network.count_parameters(trainable_only=True) == 0, "frozen"
    entry = construct.CONSTRUCTIONS[name]
    assert entry.units and entry.claim and inspect.getdoc(entry.function)


@pytest.mark.parametrize("name", NAMES)
def test_files_keep_it_and_the_compiler_agrees(name: str, tmp_path: Path) -> None:
    network = made(name)
    x = ff.tensor(inputs_of(name, construct.size(network).inputs), dtype=ff.float32)
    y = network(x)
    ff.save(network, tmp_path / "net.safetensors")
    assert ff.equal(ff.load(tmp_path / "net.safetensors")(x), y)
    # Sums of a few float32 numbers in another order; a step answers the same, as no random input is that near an edge.
    np.testing.assert_allclose(ff.jit(lambda x: network(x))(x).numpy(), y.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_types_and_random_numbers(name: str) -> None:
    ff.manual_seed(3)
    single, double = made(name), made(name, dtype=ff.float64)
    assert {p.dtype for p in single.parameters()} == {ff.float32}
    assert {p.dtype for p in double.parameters()} == {ff.float64}
    x = inputs_of(name, construct.size(single).inputs)
    y32 = single(ff.tensor(x, dtype=ff.float32)).numpy()
    np.testing.assert_allclose(y32, double(ff.tensor(x, dtype=ff.float64)).numpy(), rtol=1e-5, atol=1e-5)
    drawn = ff.rand(1).item()
    ff.manual_seed(3)
    assert drawn == ff.rand(1).item(), "building a network takes nothing from the random generator"


@pytest.mark.parametrize("name", WITH_STEPS)
def test_steep_sigmoids_are_near_the_steps_and_have_derivatives(name: str) -> None:
    steps, soft = made(name, dtype=ff.float64), made(name, dtype=ff.float64, steepness=1e6)
    kinds = [type(layer) for layer in steps]
    assert [type(layer) for layer in soft] == [nn.Sigmoid if kind is nn.Step else kind for kind in kinds]
    assert "sigmoids of steepness 1e+06" in str(soft.about)
    x = ff.tensor(inputs_of(name, construct.size(steps).inputs), dtype=ff.float64)
    # No random input is nearer to an edge than 1e-4, where the sigmoid is e^-100 off.
    np.testing.assert_allclose(soft(x).numpy(), steps(x).numpy(), atol=1e-12)
    gentle = construct.soften(steps, 2.0).unfreeze()
    gentle(x).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max().item() > 0 for p in gentle.parameters())


def test_the_bound_for_steep_boolean_networks_holds() -> None:
    for network in (construct.parity(8), construct.parity(6, depth="shallow"), construct.from_truth_table("0110" * 8)):
        hidden = [layer.weight.abs().sum(dim=1).max().item() for layer in network if isinstance(layer, nn.Linear)][1:]
        k = 4 * np.log(4 * max(hidden))
        x = ff.tensor(construct.all_inputs(network.about.size.inputs), dtype=ff.float64)
        network = network.double()
        off = (construct.soften(network, k)(x) - network(x)).abs().max().item()
        assert 0 < off <= np.exp(-k / 4)
        far_off = (construct.soften(network, k / 8)(x) - network(x)).abs().max().item()
        assert far_off > np.exp(-k / 4), "a gentle sigmoid is farther off: the bound says something"


def test_what_cannot_be_softened_or_counted() -> None:
    with pytest.raises(ArgumentError, match="steepness is 0, expected a positive number"):
        construct.soften(construct.gate("and"), 0)
    with pytest.raises(ArgumentError, match="the network has no Step"):
        construct.soften(construct.xor_relu(), 3)
    with pytest.raises(ArgumentError, match="ReLU has no Linear layer"):
        construct.size(nn.ReLU())


def test_sizes_as_text() -> None:
    assert str(construct.size(construct.gate("and"))) == "1 unit in 1 layer, 2 weights and 1 bias"
    assert str(construct.size(construct.parity(3))) == (
        "6 units in 3 layers (3 + 2 + 1), 17 weights (13 not 0) and 6 biases"
    )
    assert str(construct.gate("nand").about) == (
        "nand of 2, y = ~(x1 & x2): 1 unit in 1 layer, 2 weights and 1 bias; exact on all 4 inputs"
    )
