"""RMSprop: steps divided by a running root mean square of the gradient."""

from __future__ import annotations

from typing import Any

from forwardnet.ops.scalar import maximum, sqrt, zeros_like
from forwardnet.optim.optimizer import Optimizer, Params, check_number
from forwardnet.optim.rule import Hyper, Rule, State, is_off, maximizing, penalized


def init(p: Any, h: Hyper) -> State:
    """v = 0; with momentum b = 0, centered m = 0"""
    extra = {"momentum_buffer": not is_off(h["momentum"]), "grad_avg": h["centered"]}
    return {name: zeros_like(p) for name in ("square_avg", *(name for name, used in extra.items() if used))}


def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """v <- a v + (1 - a) g^2;  b <- mu b + g / (sqrt(v) + eps);  p <- p - lr b.

    Centered, v - m^2 takes the place of v, with m <- a m + (1 - a) g: the variance about the mean
    (Graves 2013, eq. 38 to 41).
    """
    alpha, mu = h["alpha"], h["momentum"]
    v = alpha * s["square_avg"] + (1 - alpha) * (g * g)
    after: State = {"square_avg": v}
    if h["centered"]:
        m = after["grad_avg"] = alpha * s.get("grad_avg", 0.0) + (1 - alpha) * g
        v = maximum(v - m * m, 0.0)  # where all gradients are alike, rounding may leave less than nothing
    d = g / (sqrt(v) + h["eps"])
    if not is_off(mu):
        d = after["momentum_buffer"] = mu * s.get("momentum_buffer", 0.0) + d
    return p - h["lr"] * d, after


class RMSprop(Optimizer, name="rmsprop", rule=maximizing(penalized(Rule(init, step)))):
    """p <- p - lr g / (sqrt(v) + eps) with v <- alpha v + (1 - alpha) g^2 (Tieleman & Hinton 2012).

    alpha = 0.9 is what the lecture proposed. An alpha near 0 would leave sign(g) of the gradient, since v is then g^2.

    Args:
        params: parameters, or groups of them as `{"params": [...], "lr": ...}`.
        lr: step size, >= 0.
        alpha: how much of the average of g^2 is kept at each step, >= 0 and below 1 to be an average.
        eps: added to the denominator, >= 0.
        weight_decay: factor of p in the gradient, the L2 penalty weight_decay / 2 |p|^2.
        momentum: what is kept of the last direction, >= 0.
        centered: divide by the standard deviation of g instead of its root mean square (Graves 2013).
        maximize: climb instead of descending.
    """

    moving = ("momentum",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
                "maximize": maximize,
            },
        )

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range."""
        for key in ("lr", "alpha", "eps", "weight_decay", "momentum"):
            check_number(cls.__name__, key, h[key])
