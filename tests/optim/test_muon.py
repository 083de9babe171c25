"""Muon: how orthogonal its steps are, which parameters it leaves to AdamW, and what it says when misused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.optim.lr_scheduler import StepLR
from forwardnet.optim.muon import orthogonalized

QUINTIC = (3.4445, -4.7750, 2.0315)


@pytest.mark.parametrize("shape", [(4, 4), (3, 9), (40, 5), (1, 6), (6, 1)], ids=str)
def test_five_iterations_bring_all_singular_values_near_one(shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    y = orthogonalized(x, QUINTIC, 5, 1e-7)
    values = np.einsum("ji,jk,ik->i", u, y, vt)
    np.testing.assert_allclose((u * values) @ vt, y, atol=1e-12)  # the singular vectors stay: roundings of float64
    assert s.max() / s.min() < 100 and values.min() > 0.65 and values.max() < 1.25


def test_classical_coefficients_settle_at_one() -> None:
    x = np.random.default_rng(1).normal(size=(5, 3))
    u, _, vt = np.linalg.svd(x, full_matrices=False)
    # 15/8, -10/8, 3/8: the quintic with f(1) = 1 and f'(1) = f''(1) = 0, which converges cubically near 1
    np.testing.assert_allclose(orthogonalized(x, (1.875, -1.25, 0.375), 15, 1e-7), u @ vt, atol=1e-12)


def test_weak_directions_move_as_far_as_strong_ones() -> None:
    p = ff.zeros(3, 3, dtype=ff.float64, requires_grad=True)
    p.grad = ff.tensor(np.diag([1.0, 0.1, 0.02]))
    optim.Muon([p], lr=1.0, weight_decay=0.0).step()
    steps = -np.diag(p.detach().numpy())
    assert steps.min() > 0.6 and steps.max() / steps.min() < 2  # the gradient's own ratio is 50


def net() -> Any:
    ff.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 2)).double()


def test_what_is_no_matrix_is_moved_by_adamw() -> None:
    model, twin = net(), net()
    together = optim.Muon(model.parameters(), lr=0.02, aux_lr=1e-3, aux_betas=(0.8, 0.9), aux_weight_decay=0.3)
    assert [[p.ndim for p in g["params"]] for g in together.param_groups] == [[2, 2], [1, 1, 1, 1]]
    assert [g["use_muon"] for g in together.param_groups] == [True, False]
    assert "momentum" not in together.param_groups[1] and "betas" not in together.param_groups[0]
    apart = [
        optim.Muon([p for p in twin.parameters() if p.ndim == 2], lr=0.02),
        optim.AdamW([p for p in twin.parameters() if p.ndim < 2], 1e-3, (0.8, 0.9), 1e-10, 0.3),
    ]
    x = ff.tensor(np.random.default_rng(0).normal(size=(9, 6)))
    for _ in range(5):
        for m, optimizers in ((model, [together]), (twin, apart)):
            m.zero_grad()
            (m(x) ** 2).mean().backward()
            for optimizer in optimizers:
                optimizer.step()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_groups_say_who_moves_them() -> None:
    model = net()
    layers = list(model)
    optimizer = optim.Muon(
        [
            {"params": layers[0].parameters(), "lr": 0.05, "weight_decay": 0.0},
            {"params": layers[3].named_parameters(), "use_muon": False, "lr": 3e-4, "betas": (0.5, 0.6)},
        ],
        lr=0.02,
        aux_lr=1e-3,
    )
    numbers = [(g["use_muon"], len(g["params"]), g["lr"], g["weight_decay"]) for g in optimizer.param_groups]
    assert numbers == [(True, 1, 0.05, 0.0), (False, 1, 1e-3, 0.0), (False, 2, 3e-4, 0.0)]
    assert optimizer.param_groups[2]["betas"] == (0.5, 0.6)
    schedule = StepLR(optimizer, 1, 0.5)
    schedule.step()
    assert [g["lr"] for g in optimizer.param_groups] == [0.025, 5e-4, 1.5e-4]
    assert optim.Muon([ff.ones(2, requires_grad=True)], lr=0.3).param_groups[0]["lr"] == 0.3


def test_misuse() -> None:
    w = [ff.ones(2, 2, requires_grad=True)]
    with pytest.raises(ValueError, match=r"unknown adjust_lr_fn 'match_rms'\nhint: did you mean 'match_rms_adamw'"):
        optim.Muon(w, adjust_lr_fn="match_rms")
    with pytest.raises(ValueError, match="Muon: ns_steps is 100, expected 0 to 99"):
        optim.Muon(w, ns_steps=100)
    with pytest.raises(ValueError, match=r"ns_coefficients are \(1.0, 2.0\), expected three numbers"):
        optim.Muon(w, ns_coefficients=(1.0, 2.0))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Muon: momentum is -1, expected a number >= 0"):
        optim.Muon(w, momentum=-1)
    with pytest.raises(ValueError, match=r"Muon: betas are \(0.9, 1.0\), expected two numbers in \[0, 1\)"):
        optim.Muon([ff.ones(2, requires_grad=True)], aux_betas=(0.9, 1.0))
    with pytest.raises(ValueError, match=r'shape \(2,\) is to use Muon, expected a matrix\nhint: leave "use_muon" out'):
        optim.Muon([{"params": [ff.ones(2, requires_grad=True)], "use_muon": True}])
    with pytest.raises(ValueError, match="unknown Muon option 'momentun'"):
        optim.Muon([{"params": w, "momentun": 0.9}])
    with pytest.raises(TypeError, match="a parameter is a float, expected a Tensor"):
        optim.Muon([1.0])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        optim.Muon([w[0] * 2])
    with pytest.raises(ValueError, match="Muon: got an empty parameter list"):
        optim.Muon([])
