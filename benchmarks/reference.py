"""The same training in float64 with nothing but NumPy, and the loss by which everybody's weights are judged.

Axis glossary: B rows of a batch, I in, O out.
"""

from __future__ import annotations

import numpy as np

from benchmarks.tasks import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Array, Problem, Weights

JUDGED_ROWS = 2048


def loss(problem: Problem, weights: Weights) -> float:
    """Mean cross-entropy of the first rows for these weights, in float64."""
    X, y = problem.X[:JUDGED_ROWS].astype(np.float64), problem.y[:JUDGED_ROWS]
    logits = _forward(problem, [(W.astype(np.float64), b.astype(np.float64)) for W, b in weights], X)[-1]
    return float(-_log_softmax(logits)[np.arange(len(y)), y].mean())


def train(problem: Problem) -> Weights:
    """The weights after one epoch of Adam (Kingma and Ba 2015, algorithm 1), in float64."""
    weights = [(W.astype(np.float64), b.astype(np.float64)) for W, b in problem.start]
    moments = [[np.zeros_like(p) for p in (W, b, W, b)] for W, b in weights]
    for t, rows in enumerate(problem.order, start=1):
        gradients = _gradients(problem, weights, problem.X[rows].astype(np.float64), problem.y[rows])
        for (W, b), (dW, db), (m_W, m_b, v_W, v_b) in zip(weights, gradients, moments, strict=True):
            _adam(W, dW, m_W, v_W, t)
            _adam(b, db, m_b, v_b, t)
    return weights


def _adam(p: Array, g: Array, m: Array, v: Array, t: int) -> None:
    m += (1 - BETA_1) * (g - m)
    v += (1 - BETA_2) * (g * g - v)
    p -= LEARNING_RATE * (m / (1 - BETA_1**t)) / (np.sqrt(v / (1 - BETA_2**t)) + EPSILON)


def _forward(problem: Problem, weights: Weights, X: Array) -> list[Array]:
    """The input of every layer, and the logits."""
    values = [X]
    for W, b in weights[:-1]:
        z = values[-1] @ W + b
        values.append(np.tanh(z) if problem.task.activation == "tanh" else np.maximum(z, 0))
    W, b = weights[-1]
    return [*values, values[-1] @ W + b]


def _log_softmax(z: Array) -> Array:
    shifted = z - z.max(1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return result


def _gradients(problem: Problem, weights: Weights, X: Array, y: Array) -> Weights:
    """(dL/dW, dL/db) of every layer for the mean cross-entropy of a batch."""
    values = _forward(problem, weights, X)
    delta = np.exp(_log_softmax(values[-1]))
    delta[np.arange(len(y)), y] -= 1
    delta /= len(y)
    found = []
    for layer in range(len(weights) - 1, -1, -1):
        x = values[layer]
        found.append((x.T @ delta, delta.sum(0)))
        if layer:
            slope = 1 - x * x if problem.task.activation == "tanh" else x > 0
            delta = (delta @ weights[layer][0].T) * slope
    return found[::-1]
