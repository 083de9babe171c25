"""Adamax: Adam with the largest gradient so far."""

from __future__ import annotations

from typing import Any

from forwardnet.ops.scalar import abs_, maximum, zeros_like
from forwardnet.optim.optimizer import Optimizer, Params, check_betas, check_number
from forwardnet.optim.rule import Hyper, Rule, State, maximizing, penalized


def init(p: Any, h: Hyper) -> State:
    """m = u = 0"""
    return {"exp_avg": zeros_like(p), "exp_inf": zeros_like(p)}


def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """m <- b1 m + (1 - b1) g;  u <- max(b2 u, |g| + eps);  p <- p - lr / (1 - b1^t) m / u.

    Algorithm 2 of Kingma & Ba 2015, with eps, which keeps a gradient of 0 from giving 0 / 0.
    """
    b1, b2 = h["betas"]
    m = b1 * s["exp_avg"] + (1 - b1) * g
    u = maximum(b2 * s["exp_inf"], abs_(g) + h["eps"])
    return p - h["lr"] / (1 - b1**t) * m / u, {"exp_avg": m, "exp_inf": u}


class Adamax(Optimizer, name="adamax", rule=maximizing(penalized(Rule(init, step)))):
    """p <- p - lr m' / u with u <- max(b2 u, |g| + eps): Adam with the largest gradient so far (Kingma & Ba 2015, 7.1).

    Args:
        params: parameters, or groups of them as `{"params": [...], "lr": ...}`.
        lr: step size, >= 0; no step is longer than about lr.
        betas: how much of m and of u is kept at each step, each in [0, 1).
        eps: added to |g|, >= 0.
        weight_decay: factor of p in the gradient, the L2 penalty weight_decay / 2 |p|^2.
        maximize: climb instead of descending.
    """

    moving = ("betas",)

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        )

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range."""
        for key in ("lr", "eps", "weight_decay"):
            check_number(cls.__name__, key, h[key])
        check_betas(cls.__name__, h["betas"])
