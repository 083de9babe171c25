"""RealMLP, its simple version, and TabM in plain NumPy, float64: forward, backward and update written out by hand.

Nothing of the library is used, so that these are a second account of the published formulas (Holzmüller et al. 2024;
Gorishniy et al. 2025). Weights are dicts by the names that the library's networks give them.

Axis glossary: B batch, d features, K frequencies, T bins, D dimensions, k members, I inputs, O outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Weights = dict[str, Any]

ALPHA, SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def selu(u: Any) -> tuple[Any, Any]:
    """Value and derivative."""
    low = ALPHA * np.exp(np.minimum(u, 0.0))
    return SCALE * np.where(u > 0, u, low - ALPHA), SCALE * np.where(u > 0, 1.0, low)


def mish(u: Any) -> tuple[Any, Any]:
    """u tanh(log(1 + e^u)), and its derivative."""
    t = np.tanh(np.log1p(np.exp(u)))
    return u * t, t + u * (1 - t * t) / (1 + np.exp(-u))


ACTIVATIONS = {"selu": selu, "mish": mish}


def coslog4(t: float) -> float:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.log2(1 + 15 * t))


def flat_cos(t: float) -> float:
    return 1.0 if t < 0.5 else 0.5 * (1 + np.cos(np.pi * (2 * t - 1)))


def cross_entropy(logits: Any, y: Any, smoothing: float) -> Any:
    """The gradient of the mean over all rows but the last axis of smoothed cross-entropy; y (rows,)."""
    e = np.exp(logits - logits.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    classes = logits.shape[-1]
    wanted = np.eye(classes)[y] * (1 - smoothing) + smoothing / classes
    return (p - wanted) / len(logits)


def squared(output: Any, y: Any) -> Any:
    """The gradient of the mean squared error; y as the output."""
    return 2 * (output - y) / output.size


class Adam:
    """Adam with decay of the weights before the step; `rates` and `decays` by name are factors of this step's."""

    def __init__(self, weights: Weights, betas: tuple[float, float]) -> None:
        self.m = {name: np.zeros_like(w) for name, w in weights.items()}
        self.v = {name: np.zeros_like(w) for name, w in weights.items()}
        self.betas, self.t = betas, 0

    def step(self, weights: Weights, gradients: Weights, rate: Any, decay: Any) -> None:
        """`rate(name)` is the length of a step, `decay(name)` the share that is taken off."""
        self.t += 1
        b1, b2 = self.betas
        for name, g in gradients.items():
            w = weights[name] * (1 - decay(name))
            self.m[name] = b1 * self.m[name] + (1 - b1) * g
            self.v[name] = b2 * self.v[name] + (1 - b2) * g * g
            m, v = self.m[name] / (1 - b1**self.t), self.v[name] / (1 - b2**self.t)
            weights[name] = w - rate(name) * m / (np.sqrt(v) + 1e-8)


# ---------------------------------------------------------------- RealMLP


def pbld(w: Weights, p: str, x: Any) -> tuple[Any, Any]:
    """(B, d) -> (B, 4 d), and what the backward pass needs."""
    angle = 2 * np.pi * x[:, :, None] * w[f"{p}frequencies"] + w[f"{p}phases"]
    wave = np.cos(angle)
    mixed = np.einsum("bik,ikm->bim", wave, w[f"{p}weight"]) + w[f"{p}bias"]
    return np.concatenate([mixed, x[:, :, None]], -1).reshape(len(x), -1), (x, angle, wave)


def pbld_back(w: Weights, p: str, g: Any, held: Any) -> Weights:
    x, angle, wave = held
    g = g.reshape(*x.shape, -1)[:, :, :-1]
    g_angle = -np.sin(angle) * np.einsum("bim,ikm->bik", g, w[f"{p}weight"])
    return {
        f"{p}weight": np.einsum("bik,bim->ikm", wave, g),
        f"{p}bias": g.sum(0),
        f"{p}phases": g_angle.sum(0),
        f"{p}frequencies": (2 * np.pi * x[:, :, None] * g_angle).sum(0),
    }


def realmlp_inputs(w: Weights, X: Any, n_numbers: int, cardinalities: tuple[int, ...]) -> tuple[Any, Any]:
    """Embedded quantities, other columns as they are, vectors of codes."""
    m = len(cardinalities)
    plain = X[:, : X.shape[1] - m]
    embedded, held = pbld(w, "inputs.numbers.1.", plain[:, :n_numbers])
    parts, places = [embedded, plain[:, n_numbers:]], None
    if m:
        starts = np.cumsum([0, *cardinalities[:-1]])
        places = X[:, -m:].astype(int) + starts
        parts.append(w["inputs.codes.1.weight"][places].reshape(len(X), -1))
    return np.concatenate(parts, 1), (held, places, embedded.shape[1])


def realmlp(w: Weights, X: Any, loss: Any, *, layers: int, act: str, front: Any = None) -> tuple[Any, Weights]:
    """The output, and the gradients of all weights; `front` is (quantities, cardinalities), None where there is none.

    A layer without a weight for its activation has a plain one.
    """
    held_front = None
    h = X
    if front is not None:
        h, held_front = realmlp_inputs(w, X, *front)
    held, scaled = [], h * w["scale.weight"]
    before, h = h, scaled
    for n in range(1, layers + 1):
        u = h @ w[f"linear_{n}.weight"].T / np.sqrt(h.shape[1]) + w[f"linear_{n}.bias"]
        f, df = ACTIVATIONS[act](u)
        share = w.get(f"activation_{n}.weight", np.ones(u.shape[1]))
        held.append((h, u, f, df, share))
        h = u + (f - u) * share
    output = h @ w["output.weight"].T / np.sqrt(h.shape[1]) + w["output.bias"]

    g = loss(output)
    found = {"output.weight": g.T @ h / np.sqrt(h.shape[1]), "output.bias": g.sum(0)}
    g = g @ w["output.weight"] / np.sqrt(h.shape[1])
    for n in range(layers, 0, -1):
        h, u, f, df, share = held[n - 1]
        if f"activation_{n}.weight" in w:
            found[f"activation_{n}.weight"] = (g * (f - u)).sum(0)
        g = g * (1 + (df - 1) * share)
        found[f"linear_{n}.weight"], found[f"linear_{n}.bias"] = g.T @ h / np.sqrt(h.shape[1]), g.sum(0)
        g = g @ w[f"linear_{n}.weight"] / np.sqrt(h.shape[1])
    found["scale.weight"] = (g * before).sum(0)
    g = g * w["scale.weight"]
    if held_front is not None:
        numbers, places, width = held_front
        found |= pbld_back(w, "inputs.numbers.1.", g[:, :width], numbers)
        if places is not None:
            table = np.zeros_like(w["inputs.codes.1.weight"])
            np.add.at(table, places, g[:, -places.shape[1] * table.shape[1] :].reshape(*places.shape, -1))
            found["inputs.codes.1.weight"] = table
    return output, found


def realmlp_factors(name: str) -> tuple[float, float]:
    """Factors of rate and decay of a parameter of RealMLP."""
    if "numbers" in name or name.startswith("activation"):
        return 0.1, 1.0
    if name.startswith("scale"):
        return 6.0, 1.0
    return (0.1, 0.0) if name.endswith("bias") else (1.0, 1.0)


# ---------------------------------------------------------------- TabM


def ple(w: Weights, p: str, x: Any, edges: list[Any]) -> tuple[Any, Any]:
    """Piecewise-linear embedding, version B: (B, d) -> (B, d D), bin by bin."""
    T = w[f"{p}bin_weight"].shape[1]
    code = np.zeros((*x.shape, T))
    for i, own in enumerate(edges):
        last = len(own) - 2
        for t in range(last + 1):
            e = (x[:, i] - own[t]) / (own[t + 1] - own[t])
            if t > 0:
                e = np.maximum(e, 0.0)
            if t < last:
                e = np.minimum(e, 1.0)
            code[:, i, t] = e
    y = x[:, :, None] * w[f"{p}weight"] + w[f"{p}bias"] + np.einsum("bit,itm->bim", code, w[f"{p}bin_weight"])
    return y.reshape(len(x), -1), code


def tabm(w: Weights, X: Any, loss: Any, *, layers: int, edges: list[Any] | None, n_numbers: int) -> tuple[Any, Weights]:
    """Members' outputs (B, k, O), and the gradients of all weights."""
    p, h, code = "inputs.numbers.1.", X, None
    if edges is not None:
        embedded, code = ple(w, p, X[:, :n_numbers], edges)
        h = np.concatenate([embedded, X[:, n_numbers:]], 1)
    k = w["linear_1.r"].shape[0]
    h = np.repeat(h[:, None, :], k, axis=1)
    held = []
    for n in range(1, layers + 1):
        q = f"linear_{n}."
        z = (h * w[f"{q}r"]) @ w[f"{q}weight"].T
        u = z * w[f"{q}s"] + w[f"{q}bias"]
        held.append((h, z, u))
        h = np.maximum(u, 0.0)
    output = np.einsum("bji,jio->bjo", h, w["output.weight"]) + w["output.bias"]

    g = loss(output)
    found = {"output.weight": np.einsum("bji,bjo->jio", h, g), "output.bias": g.sum(0)}
    g = np.einsum("bjo,jio->bji", g, w["output.weight"])
    for n in range(layers, 0, -1):
        q = f"linear_{n}."
        h, z, u = held[n - 1]
        g = g * (u > 0)
        found[f"{q}bias"], found[f"{q}s"] = g.sum(0), (g * z).sum(0)
        g_z = g * w[f"{q}s"]
        found[f"{q}weight"] = np.einsum("bjo,bji->oi", g_z, h * w[f"{q}r"])
        g_x = g_z @ w[f"{q}weight"]
        found[f"{q}r"], g = (g_x * h).sum(0), g_x * w[f"{q}r"]
    if edges is not None and code is not None:
        e = g.sum(1)[:, : n_numbers * w[f"{p}bias"].shape[1]].reshape(len(X), n_numbers, -1)
        found[f"{p}bias"] = e.sum(0)
        found[f"{p}weight"] = np.einsum("bi,bim->im", X[:, :n_numbers], e)
        found[f"{p}bin_weight"] = np.einsum("bit,bim->itm", code, e)
    return output, found


def clipped(gradients: Weights, most: float) -> Weights:
    """Gradients of at most this common norm, as PyTorch limits them."""
    norm = np.sqrt(sum((g * g).sum() for g in gradients.values()))
    factor = min(1.0, most / (norm + 1e-6))
    return {name: g * factor for name, g in gradients.items()}
