"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

from typing import Any

from forwardnet.ops.scalar import maximum, sqrt, zeros_like
from forwardnet.optim.optimizer import Optimizer, Params, check_betas, check_number
from forwardnet.optim.rule import Hyper, Rule, State, decayed, maximizing, penalized


def init(p: Any, h: Hyper) -> State:
    """m = v = 0"""
    names = ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] if h["amsgrad"] else ["exp_avg", "exp_avg_sq"]
    return {name: zeros_like(p) for name in names}


def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  p <- p - lr m' / (sqrt(v') + eps).

    m' = m / (1 - b1^t) and v' = v / (1 - b2^t) undo the pull of the zeros at the start (Kingma & Ba 2015, alg. 1);
    AMSGrad takes the largest v so far (Reddi et al. 2018). v is the second moment about zero, not a variance.
    """
    b1, b2 = h["betas"]
    m = b1 * s["exp_avg"] + (1 - b1) * g
    v = b2 * s["exp_avg_sq"] + (1 - b2) * (g * g)
    after: State = {"exp_avg": m, "exp_avg_sq": v}
    if h["amsgrad"]:
        v = after["max_exp_avg_sq"] = maximum(s.get("max_exp_avg_sq", v), v)
    # The corrections go to the two scalars, so that no array is divided for their sake.
    rate = h["lr"] / (1 - b1**t)
    return p - rate * m / (sqrt(v) * (1 - b2**t) ** -0.5 + h["eps"]), after


ADAM = Rule(init, step)


class Adam(Optimizer, name="adam", rule=maximizing(penalized(ADAM))):
    """p <- p - lr m' / (sqrt(v') + eps): steps of about lr, whatever the scale of the gradient (Kingma & Ba 2015).

    Args:
        params: parameters, or groups of them as `{"params": [...], "lr": ...}`.
        lr: step size, >= 0.
        betas: how much of the averages of g and g^2 is kept at each step, each in [0, 1).
        eps: added to the denominator, >= 0.
        weight_decay: factor of p in the gradient, the L2 penalty weight_decay / 2 |p|^2.
        amsgrad: divide by the largest average of g^2 so far.
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
        amsgrad: bool = False,
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
                "amsgrad": amsgrad,
                "maximize": maximize,
            },
        )

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range."""
        for key in ("lr", "eps", "weight_decay"):
            check_number(cls.__name__, key, h[key])
        check_betas(cls.__name__, h["betas"])


class AdamW(Adam, name="adamw", rule=maximizing(decayed(ADAM))):
    """Adam whose weight decay shrinks p directly: p <- (1 - lr weight_decay) p, then the step of Adam.

    The decay then does not depend on the scale of the gradient (Loshchilov & Hutter 2019). Arguments as for `Adam`.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
