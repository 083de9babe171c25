"""Lion: the sign of a momentum."""

from __future__ import annotations

from typing import Any

from forwardnet.ops.scalar import sign, zeros_like
from forwardnet.optim.optimizer import Optimizer, Params, check_betas, check_number
from forwardnet.optim.rule import Hyper, Rule, State, decayed, maximizing


def init(p: Any, h: Hyper) -> State:
    """m = 0"""
    return {"exp_avg": zeros_like(p)}


def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """p <- p - lr sign(b1 m + (1 - b1) g);  m <- b2 m + (1 - b2) g (Chen et al. 2023, alg. 2)."""
    b1, b2 = h["betas"]
    m = s["exp_avg"]
    return p - h["lr"] * sign(b1 * m + (1 - b1) * g), {"exp_avg": b2 * m + (1 - b2) * g}


class Lion(Optimizer, name="lion", rule=maximizing(decayed(Rule(init, step)))):
    """p <- (1 - lr weight_decay) p - lr sign(b1 m + (1 - b1) g) with m <- b2 m + (1 - b2) g (Chen et al. 2023).

    Every element moves by lr, so that lr is chosen 3 to 10 times smaller than for Adam and weight_decay as much
    larger.

    Args:
        params: parameters, or groups of them as `{"params": [...], "lr": ...}`.
        lr: step size, >= 0.
        betas: how much of m counts for the direction, and is kept at each step, each in [0, 1).
        weight_decay: share lr weight_decay of p that each step takes away, >= 0.
        maximize: climb instead of descending.
    """

    moving = ("betas",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize})

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range."""
        for key in ("lr", "weight_decay"):
            check_number(cls.__name__, key, h[key])
        check_betas(cls.__name__, h["betas"])
