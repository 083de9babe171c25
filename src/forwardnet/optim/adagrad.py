"""Adagrad, and Adadelta, which forgets: step sizes from the sizes of past gradients, one for each element."""

from __future__ import annotations

from typing import Any

from forwardnet.errors import ArgumentError
from forwardnet.ops.scalar import sqrt, zeros_like
from forwardnet.optim.optimizer import Optimizer, Params, check_number
from forwardnet.optim.rule import Hyper, Rule, State, maximizing, penalized


def adagrad_init(p: Any, h: Hyper) -> State:
    """s = initial_accumulator_value"""
    return {"sum": zeros_like(p) + h["initial_accumulator_value"]}


def adagrad_step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """s <- s + g^2;  p <- p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)."""
    rate = h["lr"] / (1 + (t - 1) * h["lr_decay"])
    total = s["sum"] + g * g
    return p - rate * g / (sqrt(total) + h["eps"]), {"sum": total}


class Adagrad(Optimizer, name="adagrad", rule=maximizing(penalized(Rule(adagrad_init, adagrad_step)))):
    """p <- p - lr g / (sqrt(s) + eps) with s <- s + g^2: rare features keep large steps (Duchi et al. 2011).

    s only grows, so that the steps shrink like 1 / sqrt(t) and training may end before it is done. Textbooks also
    write lr g / sqrt(s + delta), delta = 1e-7, which differs by about delta / 2s of a step, and lr g / sqrt(s), which
    is 0 / 0 as long as all gradients are 0.

    Args:
        params: parameters, or groups of them as `{"params": [...], "lr": ...}`.
        lr: step size, >= 0; the first step is lr sign(g).
        lr_decay: lr is divided by 1 + (t - 1) lr_decay at step t, >= 0.
        weight_decay: factor of p in the gradient, the L2 penalty weight_decay / 2 |p|^2.
        initial_accumulator_value: s before the first step, >= 0.
        eps: added to the denominator, >= 0.
        maximize: climb instead of descending.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "eps": eps,
                "maximize": maximize,
            },
        )

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range."""
        for key in ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"):
            check_number(cls.__name__, key, h[key])


def adadelta_init(p: Any, h: Hyper) -> State:
    """v = a = 0"""
    return {"square_avg": zeros_like(p), "acc_delta": zeros_like(p)}


def adadelta_step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """v <- rho v + (1 - rho) g^2;  d = sqrt(a + eps) / sqrt(v + eps) g;  a <- rho a + (1 - rho) d^2;  p <- p - lr d."""
    rho, eps = h["rho"], h["eps"]
    v = rho * s["square_avg"] + (1 - rho) * (g * g)
    d = sqrt(s["acc_delta"] + eps) / sqrt(v + eps) * g
    return p - h["lr"] * d, {"square_avg": v, "acc_delta": rho * s["acc_delta"] + (1 - rho) * (d * d)}


class Adadelta(Optimizer, name="adadelta", rule=maximizing(penalized(Rule(adadelta_init, adadelta_step)))):
    """p <- p - lr d with d = sqrt(a + eps) / sqrt(v + eps) g, where a averages d^2 and v averages g^2 (Zeiler 2012).

    d has the unit of p, so that lr = 1 means what the paper has. eps sets how large the first steps are.

    Args:
        params: parameters, or groups of them as `{"params": [...], "lr": ...}`.
        lr: factor of the step, >= 0.
        rho: how much of both averages is kept at each step, in [0, 1].
        eps: added inside both roots, >= 0.
        weight_decay: factor of p in the gradient, the L2 penalty weight_decay / 2 |p|^2.
        maximize: climb instead of descending.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize})

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range."""
        for key in ("lr", "rho", "eps", "weight_decay"):
            check_number(cls.__name__, key, h[key])
        if h["rho"] > 1:
            raise ArgumentError(f"{cls.__name__}: rho is {h['rho']!r}, expected a number in [0, 1]")
