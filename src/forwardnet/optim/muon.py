"""Muon: momentum whose matrix is made orthogonal, so that every direction of it moves by as much."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from forwardnet.errors import ArgumentError, unknown_name
from forwardnet.ops.linear import matmul, swap
from forwardnet.ops.reduce import sum_
from forwardnet.ops.scalar import maximum, sqrt, zeros_like
from forwardnet.optim.adam import ADAM
from forwardnet.optim.optimizer import Optimizer, Params, check_betas, check_number, listed
from forwardnet.optim.rule import Hyper, Rule, State, decayed

ADJUSTMENTS = ("original", "match_rms_adamw")
MOST_ITERATIONS = 100


def orthogonalized(x: Any, coefficients: tuple[float, float, float], iterations: int, eps: float) -> Any:
    """About U V' for x = U S V': the orthogonal matrix nearest to x, of shape (m, n) like x.

    x <- a x + (b A + c A^2) x with A = x x', after x / |x|: a quintic, which acts on each singular value alone and
    brings it into about [0.7, 1.2] in 5 iterations (Jordan et al. 2024). Small ones are lifted fastest, at the cost
    of never settling at 1. In matrix products only, so that no decomposition is needed.
    """
    a, b, c = coefficients
    is_tall = x.shape[0] > x.shape[1]
    x = swap(x) if is_tall else x  # A is then the smaller of both products
    x = x / maximum(sqrt(sum_(x * x, dim=(0, 1), keepdim=False)), eps)
    for _ in range(iterations):
        gram = matmul(x, swap(x))
        x = a * x + matmul(b * gram + c * matmul(gram, gram), x)
    return swap(x) if is_tall else x


def adjusted(adjustment: str | None, rows: int, columns: int) -> float:
    """The factor of the rate that makes steps comparable over shapes (Liu et al. 2025, section 2.2)."""
    if adjustment == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1.0, rows / max(columns, 1)))  # an empty matrix has no columns


def init(p: Any, h: Hyper) -> State:
    """m = 0"""
    return {"momentum_buffer": zeros_like(p)}


def step(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """m <- mu m + (1 - mu) g;  p <- p - lr r orthogonalized(m), or with Nesterov of (1 - mu) g + mu m."""
    mu = h["momentum"]
    m = mu * s["momentum_buffer"] + (1 - mu) * g
    direction = (1 - mu) * g + mu * m if h["nesterov"] else m
    direction = orthogonalized(direction, h["ns_coefficients"], h["ns_steps"], h["eps"])
    return p - h["lr"] * adjusted(h["adjust_lr_fn"], *p.shape) * direction, {"momentum_buffer": m}


# The rules for matrices and for everything else, by "use_muon" of the group.
RULES = {True: decayed(Rule(init, step)), False: decayed(ADAM)}


def begin(p: Any, h: Hyper) -> State:
    """What the rule of the group begins with."""
    return RULES[h["use_muon"]].init(p, h)


def move(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """A step by the rule of the group."""
    return RULES[h["use_muon"]].step(p, g, s, t, h)


class Muon(Optimizer, name="muon", rule=Rule(begin, move, elementwise=False)):
    """p <- (1 - lr weight_decay) p - lr r O with O about U V' of the momentum m = U S V' (Jordan et al. 2024).

    An orthogonal step has the same size in all directions of a matrix, so that rare ones are learnt as fast as those
    that dominate the gradient. Only matrices have such directions: all other parameters (biases, gains) are moved by
    AdamW, in a group of their own, which schedules reach like every group. Input embeddings and the last layer are
    often given to AdamW, too: `Muon([{"params": body}, {"params": head, "use_muon": False, "lr": 3e-4}], lr=0.02)`.

    The iteration runs in the number type of the parameter; PyTorch rounds it to 16 bits.

    Args:
        params: parameters, or groups of them as `{"params": [...], "lr": ...}`; in a group without `use_muon` the
            parameters of two axes are moved by Muon and the others by AdamW, which shares of its numbers only lr.
        lr: step size, >= 0.
        weight_decay: share lr weight_decay of a matrix that each step takes away, >= 0.
        momentum: how much of the average of g is kept at each step, >= 0 and below 1 to be an average.
        nesterov: look ahead along the momentum.
        ns_coefficients: a, b, c of the iteration.
        eps: least norm that the momentum is divided by, >= 0.
        ns_steps: how many iterations, below 100.
        adjust_lr_fn: r for a matrix of m rows and n columns: "original" (also None) is sqrt(max(1, m / n)),
            "match_rms_adamw" is 0.2 sqrt(max(m, n)), which gives steps of AdamW's size, so that its rates can be used.
        aux_lr: step size of AdamW; None: lr.
        aux_betas: how much of AdamW's averages is kept at each step, each in [0, 1).
        aux_eps: added to AdamW's denominator, >= 0.
        aux_weight_decay: share of the other parameters that each step takes away, times the step size, >= 0.
    """

    moving = ("momentum", "betas")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        aux_lr: float | None = None,
        aux_betas: tuple[float, float] = (0.9, 0.95),
        aux_eps: float = 1e-10,
        aux_weight_decay: float = 0.0,
    ) -> None:
        self.auxiliary: dict[str, Any] = {
            "betas": aux_betas,
            "eps": aux_eps,
            "weight_decay": aux_weight_decay,
            "amsgrad": False,
        }
        self.aux_lr = aux_lr
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": tuple(ns_coefficients),
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
                "use_muon": True,
            },
        )

    def defaults_of(self, group: Mapping[str, Any]) -> dict[str, Any]:
        if group["use_muon"]:
            return self.defaults
        lr = group.get("lr", self.defaults["lr"]) if self.aux_lr is None else self.aux_lr
        return {**self.auxiliary, "lr": lr, "use_muon": False}

    def add_param_group(self, param_group: Any) -> None:
        """Also train `param_group["params"]`; without `use_muon` matrices make one group, the others a second one.

        Raises:
            DTypeError, ArgumentError: as `Optimizer.add_param_group`; or something that is no matrix is to use Muon.
        """
        if not isinstance(param_group, dict) or "use_muon" in param_group or "params" not in param_group:
            super().add_param_group(param_group)
            return
        parts: dict[bool, list[Any]] = {True: [], False: []}
        for p in listed(param_group["params"]):
            parts[getattr(p, "ndim", 0) == 2].append(p)
        of_matrices = self.defaults.keys() - ({"lr"} if self.aux_lr is None else set())
        others = {key: value for key, value in param_group.items() if key not in of_matrices}
        for use_muon, params in parts.items():
            if params:
                given = param_group if use_muon else others
                super().add_param_group({**given, "params": params, "use_muon": use_muon})

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range, and for a parameter that is no matrix."""
        for key in ("lr", "weight_decay", "eps"):
            check_number(cls.__name__, key, h[key])
        if not h["use_muon"]:
            check_betas(cls.__name__, h["betas"])
            return
        check_number(cls.__name__, "momentum", h["momentum"])
        if h["adjust_lr_fn"] not in (None, *ADJUSTMENTS):
            raise unknown_name("adjust_lr_fn", h["adjust_lr_fn"], ADJUSTMENTS)
        if not 0 <= h["ns_steps"] < MOST_ITERATIONS:
            raise ArgumentError(f"Muon: ns_steps is {h['ns_steps']!r}, expected 0 to {MOST_ITERATIONS - 1}")
        if len(h["ns_coefficients"]) != 3:
            raise ArgumentError(f"Muon: ns_coefficients are {h['ns_coefficients']!r}, expected three numbers")
        for p in h["params"]:
            if p.ndim != 2:
                raise ArgumentError(
                    f"Muon: a parameter of shape {tuple(p.shape)} is to use Muon, expected a matrix",
                    hint='leave "use_muon" out, and AdamW moves what is no matrix',
                )
