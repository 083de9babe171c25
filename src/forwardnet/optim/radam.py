"""RAdam: Adam that waits until its second moment can be trusted."""

from __future__ import annotations

from typing import Any

from forwardnet.ops.scalar import sqrt, zeros_like
from forwardnet.optim.optimizer import Optimizer, Params, check_betas, check_number
from forwardnet.optim.rule import Hyper, Rule, State, maximizing, regularized

# Length of the average of g^2 below which its inverse root has no variance to speak of (section 3.3).
LEAST = 5.0


def init(p: Any, h: Hyper) -> State:
    """m = v = 0"""
    return {"exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}


def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """p <- p - lr m' r / (sqrt(v') + eps) once rho > 5, before that p <- p - lr m' (Liu et al. 2020, alg. 2).

    rho_t = rho - 2 t b2^t / (1 - b2^t) with rho = 2 / (1 - b2) - 1 is about how many gradients v has averaged, and
    r = sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t)) makes up for the variance of few.
    """
    b1, b2 = h["betas"]
    m = b1 * s["exp_avg"] + (1 - b1) * g
    v = b2 * s["exp_avg_sq"] + (1 - b2) * (g * g)
    after: State = {"exp_avg": m, "exp_avg_sq": v}
    rate = h["lr"] / (1 - b1**t)
    most, kept = 2 / (1 - b2) - 1, b2**t
    if most <= LEAST:  # so short an average is never trusted
        return p - rate * m, after
    rho = most - 2 * t * kept / (1 - kept)
    # A choice by t, which a traced step does not know: both sides are computed, so the left one must be defined.
    adapts = 1.0 * (rho > LEAST)
    rho = adapts * rho + (1 - adapts) * LEAST
    r = adapts * ((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) ** 0.5
    scale = r * (1 - kept) ** 0.5 / (sqrt(v) + h["eps"]) + (1 - adapts)
    return p - rate * m * scale, after


class RAdam(Optimizer, name="radam", rule=maximizing(regularized(Rule(init, step)))):
    """p <- p - lr r m' / (sqrt(v') + eps), r growing from 0 to 1: Adam with its own warm-up (Liu et al. 2020).

    The first steps, at which v has seen too few gradients (5 of them with the usual betas), are p <- p - lr m'.

    Args:
        params: parameters, or groups of them as `{"params": [...], "lr": ...}`.
        lr: step size, >= 0.
        betas: how much of the averages of g and g^2 is kept at each step, each in [0, 1).
        eps: added to the denominator, >= 0.
        weight_decay: factor of p in the gradient, the L2 penalty weight_decay / 2 |p|^2.
        decoupled_weight_decay: shrink p by lr weight_decay at each step instead, as AdamW does.
        maximize: climb instead of descending.
    """

    moving = ("betas",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
            },
        )

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range."""
        for key in ("lr", "eps", "weight_decay"):
            check_number(cls.__name__, key, h[key])
        check_betas(cls.__name__, h["betas"])
