"""Formulas, losses and rules as programs: traced once with shapes alone, then run, they give what eager gives.

This is what lets a compiler take them over without a change.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.ir.graph import Graph, Spec
from forwardnet.nn.activations import ACTIVATIONS
from forwardnet.nn.losses import LOSSES
from forwardnet.ops import interpret
from forwardnet.optim import OPTIMIZERS
from forwardnet.tensor import tape


def run_traced(function: Any, arrays: list[Any]) -> list[Any]:
    """Call `function` with tensors that have no numbers, then evaluate what it recorded on `arrays`."""
    graph = Graph()
    nodes = [graph.input(Spec(a.shape, a.dtype)) for a in arrays]
    results = function(*(tape.new_tensor(node) for node in nodes))
    values = {node.index: array for node, array in zip(nodes, arrays, strict=True)}
    interpret(graph.nodes, values)
    return [values[result._data.index] for result in results]


X = np.random.default_rng(0).normal(size=(6, 4))
RULED = sorted(name for name, cls in OPTIMIZERS.items() if cls.rule is not None)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations(name: str) -> None:
    module = ACTIVATIONS[name]().eval().double()
    (got,) = run_traced(lambda x: [module(x)], [X])
    np.testing.assert_array_equal(got, module(ff.tensor(X)).detach().numpy())


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses(name: str, reduction: str) -> None:
    x = 1 / (1 + np.exp(-X)) if LOSSES[name].takes == "probabilities" else X
    if name == "mixture_nll":
        x = np.tile(X, 3)  # four components of one number
    y = {"classes": np.array([0, 3, 1, 2, -100, 0]), "labels": (X > 0) * 1.0, "values": X[::-1].copy()}
    y["custom"] = X[::-1, 0].copy()
    target = np.sign(X) if name == "hinge" else np.abs(X) if name == "poisson_nll" else y[LOSSES[name].target]
    loss = LOSSES[name](reduction=reduction)
    (got,) = run_traced(lambda a, b: [loss(a, b)], [x, target])
    np.testing.assert_allclose(got, loss(ff.tensor(x), ff.tensor(target)).numpy(), rtol=1e-14)


@pytest.mark.parametrize("name", RULED)
def test_a_whole_training_step(name: str) -> None:
    """Forward, loss, backward and update in one traced program."""
    rule = OPTIMIZERS[name].rule
    assert rule is not None
    w = np.random.default_rng(1).normal(size=(3, 4))
    labels = np.array([0, 2, 1, 1, 0, 2])
    h = OPTIMIZERS[name]([ff.ones(3, 4, requires_grad=True)], lr=0.1).param_groups[0]
    state = rule.init(w, h)

    def step(x: Any, weight: Any, y: Any, *moments: Any) -> list[Any]:
        weight.requires_grad_()
        loss = nn.functional.cross_entropy(nn.functional.linear(x, weight).tanh(), y)
        loss.backward()
        with ff.no_grad():
            before = dict(zip(state, moments, strict=True))
            after, moved = rule.step(weight.detach(), weight.grad, before, 1, h)
        return [loss, after, *moved.values()]

    arrays = [X, w, labels, *map(np.asarray, state.values())]
    eager = [t.detach().numpy() for t in step(*(ff.tensor(a) for a in arrays))]
    for got, expected in zip(run_traced(step, arrays), eager, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13)


@pytest.mark.parametrize("name", RULED)
def test_the_step_of_an_optimiser_as_people_write_it(name: str) -> None:
    w = np.random.default_rng(1).normal(size=(3, 4))

    def train(x: Any, weight: Any) -> list[Any]:
        weight.requires_grad_()
        optimizer = OPTIMIZERS[name]([weight], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            (nn.functional.linear(x, weight) ** 2).mean().backward()
            optimizer.step()
        return [weight]

    (expected,) = train(ff.tensor(X), ff.tensor(w))
    (got,) = run_traced(train, [X, w])
    np.testing.assert_allclose(got, expected.detach().numpy(), rtol=1e-13)
    assert not np.allclose(got, w)
