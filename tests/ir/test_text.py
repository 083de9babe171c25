"""Graphs as text."""

from __future__ import annotations

import numpy as np

from forwardnet.ir import Graph, Spec
from forwardnet.ir.text import to_text
from forwardnet.ops import REGISTRY
from forwardnet.tensor.tape import new_tensor
from ir import tracing

F32 = np.dtype("float32")


def test_one_line_for_each_live_node() -> None:
    graph = Graph()
    x, w = graph.input(Spec((2, 3), F32)), graph.input(Spec((3, 4), F32))
    z = REGISTRY["matmul"](x, w)
    REGISTRY["exp"](z)  # no output needs it
    y = REGISTRY["relu"](z * 0.5)
    graph.outputs = [y, REGISTRY["sum"](y, dim=(0, 1), keepdim=False)]
    assert to_text(graph) == (
        "%0 = input : float32[2, 3]\n"
        "%1 = input : float32[3, 4]\n"
        "%2 = matmul(%0, %1) : float32[2, 4]\n"
        "%4 = const 0.5 : float32[]\n"
        "%5 = mul(%2, %4) : float32[2, 4]\n"
        "%6 = relu(%5) : float32[2, 4]\n"
        "%7 = sum(%6, dim=(0, 1), keepdim=False) : float32[]\n"
        "return %6, %7"
    )


def test_several_results_and_long_constants() -> None:
    graph = Graph()
    x = REGISTRY["add"](graph.input(Spec((2, 3), np.dtype("float64"))), np.arange(6.0).reshape(2, 3))
    _, s, _ = REGISTRY["svd"](x)
    graph.outputs = [s + np.array([1.0, 2.0])]
    assert to_text(graph) == (
        "%0 = input : float64[2, 3]\n"
        "%1 = const ... : float64[2, 3]\n"
        "%2 = add(%0, %1) : float64[2, 3]\n"
        "%3 = svd(%2) : (float64[2, 2], float64[2], float64[3, 2])\n"
        "%5 = pick(%3, index=1) : float64[2]\n"
        "%7 = const [1.0, 2.0] : float64[2]\n"
        "%8 = add(%5, %7) : float64[2]\n"
        "return %8"
    )


def test_a_gradient() -> None:
    """d/dw of sum((x w)^2): the whole program of one neuron, forward and back."""

    def gradient(x, w):  # type: ignore[no-untyped-def]
        w.requires_grad_()
        (x * w).square().sum().backward()
        return [w.grad]

    graph = tracing.trace(gradient, [np.ones((2,), np.float32), np.ones((), np.float32)])
    assert to_text(graph) == (
        "%0 = input : float32[2]\n"
        "%1 = input : float32[]\n"
        "%2 = mul(%0, %1) : float32[2]\n"
        "%5 = const 2.0 : float32[]\n"
        "%6 = mul(%5, %2) : float32[2]\n"
        "%7 = const [1.0, 1.0] : float32[2]\n"
        "%8 = mul(%7, %6) : float32[2]\n"
        "%9 = mul(%8, %0) : float32[2]\n"
        "%10 = sum(%9, dim=(0,), keepdim=True) : float32[1]\n"
        "%11 = reshape(%10, shape=()) : float32[]\n"
        "return %11"
    )


def test_no_nodes() -> None:
    assert to_text(Graph()) == "return "


def test_a_traced_tensor_says_what_it_is() -> None:
    x = new_tensor(Graph().input(Spec((2, 3), F32)))
    assert (tuple(x.shape), str(x.dtype)) == ((2, 3), "forwardnet.float32")
