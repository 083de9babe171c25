"""`ff.jit`: functions and training steps as native code, with the results of the eager ones."""

from __future__ import annotations

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim

# float32 results of a few operations: sums in another order, own elementary functions within 2 ulp
CLOSE = {"rtol": 2e-6, "atol": 1e-6}


def test_a_function_of_tensors():
    @ff.jit
    def norm(x):
        """The length of each row."""
        return (x * x).sum(1).sqrt()

    x = ff.randn(7, 20)
    np.testing.assert_allclose(norm(x).numpy(), np.linalg.norm(x.numpy(), axis=1), **CLOSE)
    assert norm.__name__ == "norm" and norm.__doc__ == "The length of each row."
    np.testing.assert_allclose(norm(x[:3, :5]).numpy(), np.linalg.norm(x.numpy()[:3, :5], axis=1), **CLOSE)
    assert len(norm.programs) == 2 and all(norm.programs.values())


def test_results_keep_their_structure_and_constants_are_part_of_the_program():
    @ff.jit
    def several(x, scale, *, shift):
        return {"y": x * scale + shift, "rest": (x.sum(), [x.max(), None])}

    x = ff.arange(6.0).reshape(2, 3)
    made = several(x, 2.0, shift=1)
    assert made["y"].tolist() == (x * 2 + 1).tolist()
    assert made["rest"][0].item() == 15.0 and made["rest"][1][0].item() == 5.0 and made["rest"][1][1] is None
    assert several(x, 3.0, shift=1)["y"].tolist() == (x * 3 + 1).tolist()


def test_a_hand_written_step_of_training():
    def course(compiled):
        ff.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
        optimizer, loss_of = optim.Adam(model.parameters(), lr=0.02), nn.CrossEntropyLoss()

        def step(x, y):
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        run = ff.jit(step, state=[model, optimizer]) if compiled else step
        data = ff.datasets.load("iris")
        X, y = ff.from_numpy(data.X), ff.from_numpy(data.y)
        losses = [run(X[i::5], y[i::5]).item() for _ in range(4) for i in range(5)]
        with ff.no_grad():
            model[0].weight.mul_(0.5)  # seen by the next call
        losses.append(run(X[::5], y[::5]).item())
        return losses, [p.detach().numpy() for p in model.parameters()], model

    (fast, weights, model), (slow, expected, _) = course(True), course(False)
    np.testing.assert_allclose(fast, slow, rtol=1e-4)  # 21 steps
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    assert all(p.grad is None for p in model.parameters())


def test_where_gradients_are_recorded_the_function_runs_eagerly():
    double = ff.jit(lambda x: x * 2)
    x = ff.ones(3, requires_grad=True)
    double(x).sum().backward()
    assert x.grad.tolist() == [2.0] * 3
    with ff.no_grad():
        assert double(x).tolist() == [2.0] * 3
    assert len(double.programs) == 1


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x[ff.randperm(3)], "random numbers"),
        (lambda x: x if x.sum() > 0 else -x, "not known yet"),
        (lambda x: (x * ff.eye(3)).inverse(), "inverse"),
        (lambda x: 1, "a result of type int"),
    ],
)
def test_what_cannot_be_compiled_runs_eagerly_with_one_warning(function, reason):
    compiled = ff.jit(function)
    x = ff.ones(3)
    with pytest.warns(UserWarning, match=reason):
        compiled(x)
    compiled(x)  # a second warning would be an error here


def test_results_do_not_share_memory_with_the_program():
    double = ff.jit(lambda x: x * 2)
    first = double(ff.ones(4))
    second = double(ff.zeros(4))
    assert first.tolist() == [2.0] * 4 and second.tolist() == [0.0] * 4
