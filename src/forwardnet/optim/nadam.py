"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from typing import Any

from forwardnet.ops.scalar import sqrt, zeros_like
from forwardnet.optim.optimizer import Optimizer, Params, check_betas, check_number
from forwardnet.optim.rule import Hyper, Rule, State, maximizing, regularized


def init(p: Any, h: Hyper) -> State:
    """m = v = 0; M = 1"""
    return {"exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p), "mu_product": 1.0}


def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """p <- p - lr ((1 - mu_t) / (1 - M_t) g + mu_t+1 / (1 - M_t+1) m) / (sqrt(v') + eps).

    mu_t = b1 (1 - 0.96^(t momentum_decay) / 2) is the momentum of step t, which is warmed up; M_t = mu_1 ... mu_t and
    v' = v / (1 - b2^t) undo the pull of the zeros at the start (Dozat 2016, alg. 2).
    """
    b1, b2 = h["betas"]
    mu, following = (b1 * (1 - 0.5 * 0.96 ** (k * h["momentum_decay"])) for k in (t, t + 1))
    product = s["mu_product"] * mu
    m = b1 * s["exp_avg"] + (1 - b1) * g
    v = b2 * s["exp_avg_sq"] + (1 - b2) * (g * g)
    now = h["lr"] * (1 - mu) / (1 - product)
    ahead = h["lr"] * following / (1 - product * following)
    after: State = {"exp_avg": m, "exp_avg_sq": v, "mu_product": product}
    return p - (now * g + ahead * m) / (sqrt(v) * (1 - b2**t) ** -0.5 + h["eps"]), after


class NAdam(Optimizer, name="nadam", rule=maximizing(regularized(Rule(init, step)))):
    """p <- p - lr n / (sqrt(v') + eps), where n is the momentum that the next step would see: Adam ahead (Dozat 2016).

    Args:
        params: parameters, or groups of them as `{"params": [...], "lr": ...}`.
        lr: step size, >= 0.
        betas: how much of the averages of g and g^2 is kept at each step, each in [0, 1).
        eps: added to the denominator, >= 0.
        weight_decay: factor of p in the gradient, the L2 penalty weight_decay / 2 |p|^2.
        momentum_decay: how fast the momentum is warmed up, from b1 / 2 to b1, >= 0.
        decoupled_weight_decay: shrink p by lr weight_decay at each step instead, as AdamW does.
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
        momentum_decay: float = 4e-3,
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
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
            },
        )

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range."""
        for key in ("lr", "eps", "weight_decay", "momentum_decay"):
            check_number(cls.__name__, key, h[key])
        check_betas(cls.__name__, h["betas"])
