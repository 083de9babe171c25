"""The published formulas of the optimisers, a line or a few for each, in float64 NumPy; and all ways to set them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from forwardnet.optim import OPTIMIZERS

# The optimisers that are a rule for one array; the others move all parameters as one vector.
RULED = sorted(name for name, cls in OPTIMIZERS.items() if cls.rule is not None)

# Every way in which the numbers of an optimiser change its rule.
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {}),
    ("sgd", {"weight_decay": 0.1}),
    ("sgd", {"maximize": True}),
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "dampening": 0.5}),
    ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("adam", {}),
    ("adam", {"weight_decay": 0.1, "betas": (0.8, 0.99), "eps": 1e-3}),
    ("adam", {"amsgrad": True}),
    ("adam", {"maximize": True}),
    ("adamw", {}),
    ("adamw", {"weight_decay": 0.2, "amsgrad": True}),
    ("adagrad", {}),
    ("adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3}),
    ("adagrad", {"maximize": True}),
    ("adadelta", {}),
    ("adadelta", {"rho": 0.5, "eps": 1e-2, "weight_decay": 0.1, "maximize": True}),
    ("rmsprop", {}),
    ("rmsprop", {"alpha": 0.5, "eps": 1e-2, "weight_decay": 0.1, "maximize": True}),
    ("rmsprop", {"momentum": 0.9}),
    ("rmsprop", {"centered": True, "momentum": 0.5, "alpha": 0.8}),
    ("nadam", {}),
    ("nadam", {"betas": (0.8, 0.95), "momentum_decay": 0.1, "weight_decay": 0.1, "eps": 1e-3}),
    ("nadam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("radam", {}),
    ("radam", {"betas": (0.8, 0.9), "weight_decay": 0.1, "eps": 1e-3}),
    ("radam", {"betas": (0.8, 0.5)}),
    ("radam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("adamax", {}),
    ("adamax", {"betas": (0.8, 0.5), "weight_decay": 0.1, "eps": 1e-2, "maximize": True}),
    ("lion", {}),
    ("lion", {"betas": (0.8, 0.9), "weight_decay": 0.1, "maximize": True}),
    ("muon", {}),
    ("muon", {"nesterov": False, "adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.0}),
    ("muon", {"momentum": 0.5, "ns_coefficients": (2.0, -1.5, 0.5), "ns_steps": 12, "eps": 1e-3}),
    ("muon", {"aux_lr": 0.02, "aux_betas": (0.8, 0.9), "aux_eps": 1e-3, "aux_weight_decay": 0.1}),
]
VARIANT_IDS = [f"{name}-{'-'.join(options) or 'plain'}" for name, options in VARIANTS]

Array = Any
Walk = Callable[[dict[str, Any], list[Array], Array, float], Array]


def settings(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """All numbers of an optimiser, as they are where nothing else is said."""
    defaults = {key: q.default for key, q in inspect.signature(OPTIMIZERS[name]).parameters.items()}
    return {key: value for key, value in defaults.items() if value is not inspect.Parameter.empty} | options


def sgd(o: dict[str, Any], gradients: list[Array], p: Array, lr: float) -> Array:
    b = np.zeros_like(p)
    for t, g in enumerate(gradients, start=1):
        g = g + o["weight_decay"] * p
        b = g if t == 1 else o["momentum"] * b + (1 - o["dampening"]) * g
        p = p - lr * (g + o["momentum"] * b if o["nesterov"] else b)
    return p


def adam(o: dict[str, Any], gradients: list[Array], p: Array, lr: float, *, decoupled: bool = False) -> Array:
    m = v = v_max = np.zeros_like(p)
    b1, b2 = o["betas"]
    for t, g in enumerate(gradients, start=1):
        if decoupled:
            p = p - lr * o["weight_decay"] * p
        else:
            g = g + o["weight_decay"] * p
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        v_max = np.maximum(v_max, v)
        second = v_max if o["amsgrad"] else v
        p = p - lr * (m / (1 - b1**t)) / (np.sqrt(second / (1 - b2**t)) + o["eps"])
    return p


def adamw(o: dict[str, Any], gradients: list[Array], p: Array, lr: float) -> Array:
    return adam(o, gradients, p, lr, decoupled=True)


def adagrad(o: dict[str, Any], gradients: list[Array], p: Array, lr: float) -> Array:
    total = np.full_like(p, o["initial_accumulator_value"])
    for t, g in enumerate(gradients, start=1):
        g = g + o["weight_decay"] * p
        total = total + g**2
        p = p - lr / (1 + (t - 1) * o["lr_decay"]) * g / (np.sqrt(total) + o["eps"])
    return p


def adadelta(o: dict[str, Any], gradients: list[Array], p: Array, lr: float) -> Array:
    v = a = np.zeros_like(p)
    rho, eps = o["rho"], o["eps"]
    for g in gradients:
        g = g + o["weight_decay"] * p
        v = rho * v + (1 - rho) * g**2
        d = np.sqrt(a + eps) / np.sqrt(v + eps) * g
        a = rho * a + (1 - rho) * d**2
        p = p - lr * d
    return p


def rmsprop(o: dict[str, Any], gradients: list[Array], p: Array, lr: float) -> Array:
    v = m = b = np.zeros_like(p)
    alpha = o["alpha"]
    for g in gradients:
        g = g + o["weight_decay"] * p
        v, m = alpha * v + (1 - alpha) * g**2, alpha * m + (1 - alpha) * g
        spread = v - m**2 if o["centered"] else v
        b = o["momentum"] * b + g / (np.sqrt(spread) + o["eps"])
        p = p - lr * b
    return p


def shrunk(o: dict[str, Any], g: Array, p: Array, lr: float) -> tuple[Array, Array]:
    if o["decoupled_weight_decay"]:
        return g, p * (1 - lr * o["weight_decay"])
    return g + o["weight_decay"] * p, p


def nadam(o: dict[str, Any], gradients: list[Array], p: Array, lr: float) -> Array:
    m = v = np.zeros_like(p)
    b1, b2 = o["betas"]
    mu = [b1 * (1 - 0.5 * 0.96 ** (t * o["momentum_decay"])) for t in range(1, len(gradients) + 2)]
    for t, g in enumerate(gradients, start=1):
        g, p = shrunk(o, g, p, lr)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        m_hat = mu[t] * m / (1 - np.prod(mu[: t + 1])) + (1 - mu[t - 1]) * g / (1 - np.prod(mu[:t]))
        p = p - lr * m_hat / (np.sqrt(v / (1 - b2**t)) + o["eps"])
    return p


def radam(o: dict[str, Any], gradients: list[Array], p: Array, lr: float) -> Array:
    m = v = np.zeros_like(p)
    b1, b2 = o["betas"]
    most = 2 / (1 - b2) - 1
    for t, g in enumerate(gradients, start=1):
        g, p = shrunk(o, g, p, lr)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        rho = most - 2 * t * b2**t / (1 - b2**t)
        if rho > 5:
            r = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
            # eps is added to the root of v before its correction, as in the authors' program
            p = p - lr * m_hat * r * np.sqrt(1 - b2**t) / (np.sqrt(v) + o["eps"])
        else:
            p = p - lr * m_hat
    return p


def adamax(o: dict[str, Any], gradients: list[Array], p: Array, lr: float) -> Array:
    m = u = np.zeros_like(p)
    b1, b2 = o["betas"]
    for t, g in enumerate(gradients, start=1):
        g = g + o["weight_decay"] * p
        m, u = b1 * m + (1 - b1) * g, np.maximum(b2 * u, np.abs(g) + o["eps"])
        p = p - lr / (1 - b1**t) * m / u
    return p


def lion(o: dict[str, Any], gradients: list[Array], p: Array, lr: float) -> Array:
    m = np.zeros_like(p)
    b1, b2 = o["betas"]
    for g in gradients:
        p = p - lr * (np.sign(b1 * m + (1 - b1) * g) + o["weight_decay"] * p)
        m = b2 * m + (1 - b2) * g
    return p


def muon(o: dict[str, Any], gradients: list[Array], p: Array, lr: float) -> Array:
    if p.ndim != 2:
        aux = {"betas": o["aux_betas"], "eps": o["aux_eps"], "weight_decay": o["aux_weight_decay"], "amsgrad": False}
        return adamw(aux, gradients, p, lr if o["aux_lr"] is None else o["aux_lr"])
    m, mu, (a, b, c) = np.zeros_like(p), o["momentum"], o["ns_coefficients"]
    rows, columns = p.shape
    factor = np.sqrt(max(1, rows / columns)) if o["adjust_lr_fn"] is None else 0.2 * np.sqrt(max(rows, columns))
    for g in gradients:
        m = mu * m + (1 - mu) * g
        x = (1 - mu) * g + mu * m if o["nesterov"] else m
        # On the singular values alone, which is what the iteration in matrices comes to.
        u, values, vt = np.linalg.svd(x, full_matrices=False)
        values = values / max(np.linalg.norm(x), o["eps"])
        for _ in range(o["ns_steps"]):
            values = a * values + b * values**3 + c * values**5
        p = p - lr * o["weight_decay"] * p - lr * factor * (u * values) @ vt
    return p


FORMULAS: dict[str, Walk] = {
    f.__name__: f  # type: ignore[attr-defined]
    for f in (sgd, adam, adamw, adagrad, adadelta, rmsprop, nadam, radam, adamax, lion, muon)
}


def by_the_book(name: str, options: dict[str, Any], gradients: list[Array], p: Array, lr: float) -> Array:
    """Where `p` is after these gradients."""
    o = settings(name, options)
    return FORMULAS[name](o, [-g if o.get("maximize") else g for g in gradients], p, lr)
