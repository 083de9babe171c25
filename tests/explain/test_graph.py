"""Computational graphs: values, local derivatives and flows of the textbook examples, and of networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import explain, nn
from forwardnet.errors import ArgumentError, AutogradError, ShapeError
from forwardnet.explain.graph import ComputationGraph
from forwardnet.nn import functional as F

Array = np.ndarray[Any, Any]


def flows(graph: ComputationGraph, target: str) -> list[Any]:
    return [None if edge.flow is None else edge.flow.tolist() for edge in graph.into(target)]


def assert_consistent(graph: ComputationGraph) -> None:
    """The gradient of a node is the sum of what flows to it, and a flow is d times what arrives, where there is a d."""
    by_index = {node.index: node for node in graph.nodes}
    assert [node.index for node in graph.nodes] == list(range(len(graph.nodes)))
    for node in graph.nodes[:-1]:
        out = [edge.flow for edge in graph.edges if edge.source == node.index and edge.flow is not None]
        if node.gradient is not None:
            np.testing.assert_allclose(node.gradient, sum(out), rtol=1e-12)
    for edge in graph.edges:
        assert edge.source < edge.target
        if edge.local is not None and edge.flow is not None:
            whole = edge.local * by_index[edge.target].gradient
            assert np.asarray(whole).sum() == pytest.approx(edge.flow.sum(), rel=1e-12, abs=1e-15)


def test_BA01_BA18_an_affine_function() -> None:
    graph = explain.computation_graph(lambda x, w, b: w * x + b, x=2.0, w=3.0, b=1.0)
    assert [(n.label, n.value.item(), n.gradient.item()) for n in graph.nodes if n.gradient is not None] == [
        ("x", 2, 3),  # dz/dx = w
        ("w", 3, 2),  # dz/dw = x
        ("b", 1, 1),
        ("*", 6, 1),
        ("+", 7, 1),
    ]
    assert "[3] * = 6   gradient 1   from [1] d = 2, [0] d = 3" in graph.to_text()
    assert 'n3 -> n4 [label="1"];' in graph.to_dot() and graph.to_dot().startswith("digraph computation {")
    assert "3 inputs, 2 operations, 4 edges; output 7. Gradients: x 3; w 2; b 1." == graph.summary()
    assert_consistent(graph)


def test_BA03_BA04_addition_passes_on_and_multiplication_swaps() -> None:
    add = explain.computation_graph(lambda x, y: x + y, x=2.0, y=3.0, upstream=5.0)
    assert flows(add, "+") == [5, 5] and [edge.local.tolist() for edge in add.into("+")] == [1, 1]
    mul = explain.computation_graph(lambda x, y: x * y, x=2.0, y=3.0, upstream=5.0)
    assert flows(mul, "*") == [15, 10] and [edge.local.tolist() for edge in mul.into("*")] == [3, 2]


def test_BA05_the_affine_node_of_a_batch() -> None:
    graph = explain.computation_graph(
        lambda X, W, b: X @ W + b, X=[[1.0, 2.0]], W=[[1.0, 2.0], [3.0, 4.0]], b=[0.0, 0.0], upstream=[[1.0, 1.0]]
    )
    assert graph.node("X").gradient.tolist() == [[3, 7]] and graph.node("W").gradient.tolist() == [[1, 1], [2, 2]]
    assert graph.node("b").gradient.tolist() == [1, 1] and graph.node("@").value.tolist() == [[7, 10]]
    assert [edge.local for edge in graph.into("@")] == [None, None], "a product mixes elements"
    batch = explain.computation_graph(lambda X, b: X + b, X=np.ones((4, 2)), b=[0.0, 0.0], upstream=np.ones((4, 2)))
    assert batch.node("b").gradient.tolist() == [4, 4], "the sum over the batch"
    assert_consistent(graph), assert_consistent(batch)


def test_BA06_relu_and_softmax_with_loss() -> None:
    z = np.array([[1.0, 2.0, 3.0]])
    p = np.exp(z) / np.exp(z).sum()
    graph = explain.computation_graph(lambda z: F.cross_entropy(F.relu(z), ff.tensor([2])), z=z)
    np.testing.assert_allclose(graph.node("relu").gradient, p - [[0, 0, 1]], rtol=1e-12)
    assert graph.nodes[-1].value == pytest.approx(-np.log(p[0, 2]), rel=1e-12)
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3))
    network = explain.network_graph(model, "cross_entropy", [[1.0, -1.0]], [2])
    assert [node.label for node in network.nodes] == [
        "X",
        "0: Linear 2 to 3",
        "1: ReLU",
        "2: Linear 3 to 3",
        "CrossEntropyLoss",
    ]
    scores = network.nodes[3]
    p = np.exp(scores.value) / np.exp(scores.value).sum()
    np.testing.assert_allclose(scores.gradient, p - [[0, 0, 1]], atol=1e-15)
    hidden = network.nodes[1]
    np.testing.assert_array_equal(hidden.gradient, network.nodes[2].gradient * (hidden.value > 0))
    assert [(edge.source, edge.target) for edge in network.edges] == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_BA08_the_worked_network() -> None:
    def loss(W1: Any, w2: Any, x: Any, y: Any) -> Any:
        return 0.5 * (ff.tanh(x @ W1) @ w2 - y) ** 2

    graph = explain.computation_graph(loss, W1=[[0.1, 0.2], [0.3, -0.4]], w2=[0.5, -0.6], x=[1.0, 2.0], y=1.0)
    six = {"abs": 5e-7}  # half a unit of the last digit given
    assert graph.nodes[-1].value == pytest.approx(0.070533, **six)
    assert graph.node("-").gradient == pytest.approx(-0.375586, **six)
    assert graph.node("@").value.ravel() == pytest.approx([0.7, -0.6], rel=1e-12)
    assert graph.node("@").gradient.ravel() == pytest.approx([-0.1192, 0.160355], abs=5e-5)
    assert graph.node("w2").gradient.ravel() == pytest.approx([-0.226992, 0.201708], **six)
    assert graph.node("W1").gradient == pytest.approx(np.array([[-0.1192, 0.160355], [-0.2384, 0.320711]]), abs=5e-5)
    assert_consistent(graph)


def test_BA10_a_value_used_twice_gets_the_sum() -> None:
    graph = explain.computation_graph(lambda x, y: x * y + x * (x + y), x=2.0, y=3.0)
    assert graph.node("x").gradient == 2 * 3 + 2 * 2 and graph.node("y").gradient == 2 * 2
    assert len([edge for edge in graph.edges if edge.source == graph.node("x").index]) == 3
    assert_consistent(graph)


def test_constants_are_part_of_the_label() -> None:
    graph = explain.computation_graph(lambda x: 1 - (2 * x) ** 3, x=0.5)
    assert [node.label for node in graph.nodes] == ["x", "* 2", "^ 3", "1 -"] or [n.label for n in graph.nodes] == [
        "x",
        "2 *",
        "^ 3",
        "1 -",
    ]
    assert graph.node("x").gradient == -6
    table = ff.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=ff.float64)
    outside = explain.computation_graph(lambda x: (x @ table).sum(), x=[1.0, 1.0])
    assert outside.node("constant").value.tolist() == [[1, 2], [3, 4]], "what is used from outside"


def test_class_indices_stay_whole_and_carry_nothing_back() -> None:
    graph = explain.computation_graph(
        lambda z, t: F.cross_entropy(z, t), z=[[1.0, 2.0], [0.0, 1.0]], t=np.array([1, 0])
    )
    assert graph.node("t").value.dtype.kind == "i" and graph.node("t").gradient is None
    assert graph.node("z").gradient is not None


def test_residual_networks_have_an_edge_around_the_block() -> None:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Residual(nn.Linear(3, 3), nn.Tanh()), nn.Identity(), nn.Linear(3, 1))
    graph = explain.network_graph(model, "mse", [[1.0, 2.0], [0.0, 1.0]], [[1.0], [0.0]])
    assert [node.label.split(":")[0] for node in graph.nodes] == ["X", "0", "1.0", "1.1", "3", "MSELoss"]
    assert [(e.source, e.target) for e in graph.edges] == [(0, 1), (1, 2), (2, 3), (1, 4), (3, 4), (4, 5)]
    # what goes back around the block and through it adds up
    around, through = graph.edges[3].flow, graph.edges[1].flow
    np.testing.assert_allclose(graph.nodes[1].gradient, around + through, rtol=1e-12)


def test_misuse_is_named() -> None:
    with pytest.raises(ArgumentError, match="no inputs\nhint: give them by name"):
        explain.computation_graph(lambda: 1.0)
    with pytest.raises(AutogradError, match="returned tuple, expected one tensor"):
        explain.computation_graph(lambda x: (x, x), x=1.0)
    with pytest.raises(AutogradError, match=r"the output has shape \(2,\), so it needs an upstream gradient"):
        explain.computation_graph(lambda x: x * 2, x=[1.0, 2.0])
    with pytest.raises(ShapeError, match=r"upstream has shape \(3,\), expected \(2,\)"):
        explain.computation_graph(lambda x: x * 2, x=[1.0, 2.0], upstream=[1.0, 1.0, 1.0])
    with pytest.raises(ArgumentError, match="the function cannot be drawn because of item"):
        explain.computation_graph(lambda x: x * x.item(), x=1.0)
    with pytest.raises(ArgumentError, match=r"the graph has no node 'tanh'\nhint: it has x, exp"):
        explain.computation_graph(lambda x: ff.exp(x), x=1.0).node("tanh")
