"""Whole training steps traced: forward, backward and update, interpreted, equal the eager ones bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet.ir.verify import verify
from forwardnet.tensor.tape import new_tensor
from ir import tracing
from ops import laws

B, IN, H, C = 7, 5, 4, 3  # batch, input, hidden, classes
Step = Callable[..., list[Any]]


def parameters(dtype: Any) -> list[Any]:
    rng = laws.generator("parameters")
    shapes = [(H, IN), (H,), (C, H), (C,)]
    return [rng.standard_normal(s).astype(dtype) * dtype(0.5) for s in shapes]


def batch(dtype: Any, step: int) -> tuple[Any, Any]:
    rng = laws.generator("batch", step)
    return rng.standard_normal((B, IN)).astype(dtype), rng.integers(0, C, B)


def forward(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    return ff.tanh(x @ w1.t() + b1) @ w2.t() + b2


def mean_square(z: Any, labels: Any) -> Any:
    target = (labels.unsqueeze(1) == ff.arange(C)).to(z.dtype)
    return ((z - target) ** 2).mean()


def cross_entropy(z: Any, labels: Any) -> Any:
    return -ff.log_softmax(z, 1).gather(1, labels.unsqueeze(1)).mean()


def hinge(z: Any, labels: Any) -> Any:
    right = z.gather(1, labels.unsqueeze(1))
    return ff.relu(1 + z - right).sum() / z.shape[0]


def descend(loss: Callable[..., Any]) -> Step:
    """One step of gradient descent, as it is written by hand."""

    def step(x: Any, labels: Any, *ws: Any) -> list[Any]:
        for w in ws:
            w.requires_grad_()
        value = loss(forward(x, *ws), labels)
        value.backward()
        with ff.no_grad():
            for w in ws:
                w -= 0.1 * w.grad
        return [value, *ws]

    return step


def with_penalty(x: Any, labels: Any, *ws: Any) -> list[Any]:
    """A gradient in the loss: second derivatives in one program."""
    x.requires_grad_()
    for w in ws:
        w.requires_grad_()
    value = cross_entropy(forward(x, *ws), labels)
    (by_input,) = ff.autograd.grad(value, x, create_graph=True)
    total = value + by_input.square().sum()
    gradients = ff.autograd.grad(total, ws)
    return [total, *[w.detach() - 0.1 * g for w, g in zip(ws, gradients, strict=True)]]


STEPS: dict[str, Step] = {
    "mean square": descend(mean_square),
    "cross-entropy": descend(cross_entropy),
    "hinge": descend(hinge),
    "gradient penalty": with_penalty,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda t: t.__name__)
@pytest.mark.parametrize("name", list(STEPS))
def test_five_steps(name: str, dtype: Any) -> None:
    """The graph is made once; its outputs are the next step's inputs."""
    step = STEPS[name]
    traced = eager = parameters(dtype)
    graph = tracing.trace(step, [*batch(dtype, 0), *traced])
    verify(graph)
    losses = []
    for k in range(5):
        x, labels = batch(dtype, 0)
        (loss, *traced), (expected, *eager) = (
            tracing.run(graph, [x, labels, *traced]),
            tracing.eager(step, [x, labels, *eager]),
        )
        assert laws.same_bits(loss, expected), f"step {k}"
        for a, b in zip(traced, eager, strict=True):
            assert laws.same_bits(a, b), f"step {k}"
        losses.append(float(loss))
    assert losses[-1] < losses[0], "it learns"
    assert traced[0].dtype == dtype


def test_a_graph_depends_on_shapes_and_types_alone() -> None:
    one, two = (tracing.trace(STEPS["cross-entropy"], [*batch(np.float32, k), *parameters(np.float32)]) for k in (0, 1))
    assert [(n.name, n.spec, n.attrs) for n in one.nodes] == [(n.name, n.spec, n.attrs) for n in two.nodes]
    x, labels = batch(np.float32, 1)
    args = [x, labels, *parameters(np.float32)]
    for a, b in zip(tracing.run(one, args), tracing.eager(STEPS["cross-entropy"], args), strict=True):
        assert laws.same_bits(a, b), "a graph traced on one batch is right for another"


def test_modules_losses_and_optimisers() -> None:
    """`nn` and `optim` are written in tensor functions, so they trace when their tensors hold nodes."""
    model = ff.nn.Sequential(ff.nn.Linear(IN, H), ff.nn.ReLU(), ff.nn.Linear(H, C))
    for p, value in zip(model.parameters(), parameters(np.float32), strict=True):
        p.data = new_tensor(value)
    loss = ff.nn.CrossEntropyLoss()

    def step(x: Any, labels: Any, *ws: Any) -> list[Any]:
        kept = [p.data for p in model.parameters()]
        for p, w in zip(model.parameters(), ws, strict=True):
            p.data, p.grad = w, None
        optimizer = ff.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        for _ in range(2):
            optimizer.zero_grad()
            value = loss(model(x), labels)
            value.backward()
            optimizer.step()
        made = [value.detach(), *[p.detach().clone() for p in model.parameters()]]
        for p, w in zip(model.parameters(), kept, strict=True):
            p.data, p.grad = w, None
        return made

    args = [*batch(np.float32, 0), *parameters(np.float32)]
    graph = tracing.trace(step, args)
    verify(graph)
    for a, b in zip(tracing.run(graph, args), tracing.eager(step, args), strict=True):
        assert laws.same_bits(a, b)


def test_data_dependent_python_is_refused() -> None:
    x = np.ones(3)
    for leak in (lambda x: [x.sum().item()], lambda x: [x.tolist()], lambda x: [x.numpy()], lambda x: [float(x[0])]):
        with pytest.raises(Exception, match="needs the numbers|not known yet"):
            tracing.trace(leak, [x])
