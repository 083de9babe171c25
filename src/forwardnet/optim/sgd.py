"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from typing import Any

from forwardnet.errors import ArgumentError
from forwardnet.ops.scalar import zeros_like
from forwardnet.optim.optimizer import Optimizer, Params, check_number
from forwardnet.optim.rule import Hyper, Rule, State, is_off, maximizing, penalized


def init(p: Any, h: Hyper) -> State:
    """b = 0"""
    return {} if is_off(h["momentum"]) else {"momentum_buffer": zeros_like(p)}


def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """b <- mu b + (1 - tau) g;  p <- p - lr b, or with Nesterov p - lr (g + mu b). The first b is g itself."""
    lr, mu, tau = h["lr"], h["momentum"], h["dampening"]
    if is_off(mu):
        return p - lr * g, {}
    share = 1 - tau * (t > 1) if tau else 1
    b = mu * s.get("momentum_buffer", 0.0) + (share * g if tau else g)
    return p - lr * (g + mu * b if h["nesterov"] else b), {"momentum_buffer": b}


class SGD(Optimizer, name="sgd", rule=maximizing(penalized(Rule(init, step)))):
    """p <- p - lr b with b <- momentum b + (1 - dampening) g: gradient descent with momentum (Sutskever et al. 2013).

    Args:
        params: parameters, or groups of them as `{"params": [...], "lr": ...}`.
        lr: step size, >= 0.
        momentum: what is kept of the last direction, in [0, 1); 0.9 is usual.
        dampening: how much less than whole a new gradient counts towards the direction.
        weight_decay: factor of p in the gradient, the L2 penalty weight_decay / 2 |p|^2.
        nesterov: look ahead along the momentum; needs momentum > 0 and dampening 0.
        maximize: climb instead of descending.
    """

    moving = ("momentum",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range."""
        for key in ("lr", "momentum", "weight_decay"):
            check_number(cls.__name__, key, h[key])
        if h["nesterov"] and (h["momentum"] <= 0 or h["dampening"] != 0):
            raise ArgumentError(
                f"SGD: nesterov with momentum {h['momentum']} and dampening {h['dampening']}, "
                "expected momentum > 0 and dampening 0",
                hint="momentum=0.9 is usual",
            )
