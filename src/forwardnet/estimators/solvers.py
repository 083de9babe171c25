"""The three solvers of scikit-learn's perceptrons, step for step as they are there.

Where they differ from those of `optim`: Adam's epsilon is not divided by the correction of the second moment, and the
velocity of gradient descent holds the rates of the steps that made it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from forwardnet.ops.scalar import sqrt, zeros_like
from forwardnet.optim.flat import Flat, FlatOptimizer
from forwardnet.optim.optimizer import Optimizer, Params
from forwardnet.optim.rule import Hyper, Rule, State


def _no_moments(p: Any, h: Hyper) -> State:
    """m = v = 0"""
    return {"m": zeros_like(p), "v": zeros_like(p)}


def _adam(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """m <- b1 m + (1 - b1) g; v <- b2 v + (1 - b2) g^2; p <- p - lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps).

    The second form of Kingma & Ba (2015), before section 2.1.
    """
    b1, b2 = h["beta_1"], h["beta_2"]
    m = b1 * s["m"] + (1 - b1) * g
    v = b2 * s["v"] + (1 - b2) * (g * g)
    rate = h["lr"] * (1 - b2**t) ** 0.5 / (1 - b1**t)
    return p - rate * m / (sqrt(v) + h["epsilon"]), {"m": m, "v": v}


class Adam(Optimizer, rule=Rule(_no_moments, _adam)):
    """Adam with its epsilon beside sqrt(v), not beside the corrected one."""

    def __init__(self, params: Params, lr: float, beta_1: float, beta_2: float, epsilon: float) -> None:
        super().__init__(params, {"lr": lr, "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon})


def _no_velocity(p: Any, h: Hyper) -> State:
    """v = 0"""
    return {"velocity": zeros_like(p)}


def _descent(p: Any, g: Any, s: State, t: Any, h: Hyper) -> tuple[Any, State]:
    """v <- mu v - lr g;  p <- p + v, or with Nesterov p + mu v - lr g."""
    move = h["lr"] * g
    velocity = h["momentum"] * s["velocity"] - move
    return p + (h["momentum"] * velocity - move if h["nesterov"] else velocity), {"velocity": velocity}


class Descent(Optimizer, rule=Rule(_no_velocity, _descent)):
    """Gradient descent with a velocity that holds its rates."""

    def __init__(self, params: Params, lr: float, momentum: float, nesterov: bool) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "nesterov": nesterov})


class LBFGSB(FlatOptimizer):
    """SciPy's L-BFGS-B: one step is a whole minimisation, of at most `max_iter` iterations.

    It ends where no element of the gradient is above `tol`, or the loss falls by less than `ftol` of itself.

    Afterwards `losses` has what was minimised after each iteration, `n_iter` their number, `n_fun` that of the looks at
    the loss, and `reason` why it ended: "converged", "max_iter" or "max_fun".
    """

    def __init__(self, params: Params, *, max_iter: int, max_fun: int, tol: float, ftol: float) -> None:
        super().__init__(params, {"lr": 1.0, "max_iter": max_iter, "max_fun": max_fun, "tol": tol, "ftol": ftol})
        self.losses: list[float] = []
        self.n_iter, self.n_fun, self.reason = 0, 0, ""

    def step(self, closure: Any = None) -> Any:
        """Minimise what `closure` computes; its gradient is taken from the parameters."""
        from scipy.optimize import minimize

        h, flat = self.param_groups[0], Flat(self._params, self.required(closure))
        self.losses = []

        def look(x: Any) -> tuple[float, Any]:
            flat.write(x)
            _, loss, gradient = flat.evaluate()
            return loss, gradient.astype(np.float64)

        def after(intermediate_result: Any) -> None:
            self.losses.append(float(intermediate_result.fun))

        found = minimize(
            look,
            flat.read().astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=after,
            options={"maxiter": h["max_iter"], "maxfun": h["max_fun"], "gtol": h["tol"], "ftol": h["ftol"]},
        )
        flat.write(found.x)
        self.n_iter, self.n_fun = int(found.nit), int(found.nfev)
        over = "max_iter" if self.n_iter >= h["max_iter"] else "max_fun"
        self.reason = "converged" if found.status != 1 else over
        return found.fun
