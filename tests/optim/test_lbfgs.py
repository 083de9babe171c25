"""L-BFGS: exact on quadratics, what it keeps between calls, where it ends, and what it says when misused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.optim.lbfgs import two_loops

WOLFE = {"line_search_fn": "strong_wolfe"}


def rosenbrock(p: Any) -> Any:
    """The valley sum_i 100 (p_i+1 - p_i^2)^2 + (1 - p_i)^2, least at 1."""
    return (100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum()


def leaf(*values: float) -> Any:
    return ff.tensor(values, dtype=ff.float64, requires_grad=True)


def closure_of(optimizer: Any, function: Any, seen: list[float] | None = None) -> Any:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = function()
        loss.backward()
        if seen is not None:
            seen.append(loss.item())
        return loss

    return closure


def test_the_two_loops_are_the_matrix_of_bfgs() -> None:
    """H <- (1 - r s y') H (1 - r y s') + r s s' for each pair, from scale times 1 (Nocedal & Wright 2006, eq. 6.17)."""
    draw = np.random.default_rng(0)
    A = draw.normal(size=(6, 6))
    A = A @ A.T + np.eye(6)
    steps = [draw.normal(size=6) for _ in range(4)]
    changes = [A @ s for s in steps]
    ro = [1 / float(y @ s) for s, y in zip(steps, changes, strict=True)]
    H = 0.3 * np.eye(6)
    for s, y, r in zip(steps, changes, ro, strict=True):
        V = np.eye(6) - r * np.outer(y, s)
        H = V.T @ H @ V + r * np.outer(s, s)
    g = draw.normal(size=6)
    np.testing.assert_allclose(two_loops(g, steps, changes, ro, 0.3), -H @ g, rtol=1e-10)  # float64 roundings


@pytest.mark.parametrize("options", [WOLFE, {**WOLFE, "history_size": 2}, {**WOLFE, "max_iter": 3}], ids=str)
def test_the_valley(options: dict[str, Any]) -> None:
    p = leaf(1.3, 0.7, 0.8, 1.9)
    optimizer = optim.LBFGS([p], **options)
    seen: list[float] = []
    closure = closure_of(optimizer, lambda: rosenbrock(p), seen)
    first = optimizer.step(closure)
    assert first.item() == seen[0] == pytest.approx(rosenbrock(leaf(1.3, 0.7, 0.8, 1.9)).item())
    for _ in range(60):
        optimizer.step(closure)
    np.testing.assert_allclose(p.tolist(), 1.0, atol=1e-4)
    assert len(seen) < 400  # gradient descent takes tens of thousands
    assert optimizer.state[p]["func_evals"] == len(seen)


def test_a_quadratic_takes_a_few_steps_for_each_of_its_curvatures() -> None:
    p = leaf(*np.ones(5))
    scale = ff.tensor([1.0, 3.0, 10.0, 30.0, 100.0], dtype=ff.float64)
    optimizer = optim.LBFGS([p], max_iter=25, tolerance_change=0.0, **WOLFE)
    optimizer.step(closure_of(optimizer, lambda: 0.5 * (scale * p**2).sum()))
    assert float((scale * p**2).sum().item()) < 1e-9 and optimizer.state[p]["func_evals"] <= 31


def test_several_parameters_are_one_vector() -> None:
    def net() -> Any:
        ff.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()

    draw = np.random.default_rng(0)
    x, y = ff.tensor(draw.normal(size=(20, 3))), ff.tensor(draw.normal(size=(20, 1)))
    model, twin = net(), net()
    sizes = [q.numel() for q in twin.parameters()]
    flat = ff.cat([q.detach().reshape(-1) for q in twin.parameters()]).clone().requires_grad_()

    def functional() -> Any:
        w, b, v, c = (q.reshape(r.shape) for q, r in zip(flat.split(sizes), twin.parameters(), strict=True))
        return ((ff.tanh(x @ w.T + b) @ v.T + c - y) ** 2).mean()

    ends = []
    for params, function in ((list(model.parameters()), lambda: ((model(x) - y) ** 2).mean()), ([flat], functional)):
        optimizer = optim.LBFGS(params, **WOLFE)
        for _ in range(2):
            optimizer.step(closure_of(optimizer, function))
        ends.append(np.concatenate([q.detach().numpy().ravel() for q in params]))
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)  # roundings, over forty steps


def test_it_ends_where_nothing_is_left_to_do() -> None:
    p = leaf(0.0)
    optimizer = optim.LBFGS([p])
    seen: list[float] = []
    optimizer.step(closure_of(optimizer, lambda: (p**2).sum(), seen))
    assert seen == [0.0] and p.item() == 0 and "n_iter" not in optimizer.state[p]
    q = leaf(1.0)
    optimizer = optim.LBFGS([q], tolerance_grad=0.5, **WOLFE)
    optimizer.step(closure_of(optimizer, lambda: (q**2).sum() / 8, seen))
    assert q.item() == 1.0  # a gradient of 1/4 counts as none
    optimizer = optim.LBFGS([q], max_eval=2, **WOLFE)
    seen.clear()
    optimizer.step(closure_of(optimizer, lambda: (q**2).sum(), seen))
    assert len(seen) == 2


def test_a_loss_that_is_not_finite_is_walked_around() -> None:
    p = leaf(3.0)
    optimizer = optim.LBFGS([p], lr=100.0, **WOLFE)
    # log of a negative number is NaN: far along the first direction there is none
    optimizer.step(closure_of(optimizer, lambda: (p - p.log()).sum()))
    assert p.item() == pytest.approx(1.0, abs=1e-4)


def test_state_round_trip_continues_bit_for_bit() -> None:
    p = leaf(-1.2, 1.0, 0.3)
    optimizer = optim.LBFGS([p], max_iter=4, history_size=3, **WOLFE)
    for _ in range(3):
        optimizer.step(closure_of(optimizer, lambda: rosenbrock(p)))
    q = leaf(*p.tolist())
    other = optim.LBFGS([q])
    saved = copy.deepcopy(optimizer.state_dict())
    other.load_state_dict(saved)
    for _ in range(3):
        optimizer.step(closure_of(optimizer, lambda: rosenbrock(p)))
        other.step(closure_of(other, lambda: rosenbrock(q)))
    assert p.tolist() == q.tolist() and other.param_groups[0]["max_iter"] == 4
    assert len(saved["state"][0]["old_dirs"]) == 3 and saved["state"][0]["n_iter"] > 4
    with pytest.raises(ValueError, match=r"a vector has shape \(3,\), expected \(2,\)"):
        optim.LBFGS([leaf(1.0, 2.0)]).load_state_dict(saved)


def test_float32_parameters_stay_so() -> None:
    p = ff.tensor([-1.2, 1.0], requires_grad=True)
    optimizer = optim.LBFGS([p], max_iter=60, **WOLFE)
    optimizer.step(closure_of(optimizer, lambda: rosenbrock(p)))
    assert p.dtype == ff.float32 and optimizer.state[p]["d"].dtype == np.float32
    np.testing.assert_allclose(p.tolist(), 1.0, atol=2e-2)  # where a loss of about 1e-5 stops changing in float32


def test_misuse() -> None:
    p = leaf(1.0)
    with pytest.raises(ValueError, match="LBFGS: got a second parameter group, expected one\nhint: its direction is"):
        optim.LBFGS([{"params": [p]}, {"params": [leaf(2.0)]}])
    with pytest.raises(ValueError, match="unknown line_search_fn 'wolfe'\nhint: known: strong_wolfe"):
        optim.LBFGS([p], line_search_fn="wolfe")
    with pytest.raises(ValueError, match="LBFGS: max_iter is 0, expected a whole number of at least 1"):
        optim.LBFGS([p], max_iter=0)
    with pytest.raises(ValueError, match="LBFGS: history_size is 1.5"):
        optim.LBFGS([p], history_size=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="LBFGS: lr is -1, expected a number >= 0"):
        optim.LBFGS([p], lr=-1)
    with pytest.raises(ValueError, match=r"got no closure, expected a function that computes the loss, its gradients"):
        optim.LBFGS([p]).step()
