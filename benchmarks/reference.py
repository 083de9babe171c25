"""The same training in float64 with nothing but NumPy, and the loss by which everybody's weights are judged.

Axis glossary: B rows of a batch, I in, O out.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmarks.tasks import (
    BETA_1,
    BETA_2,
    EPSILON,
    LEARNED,
    LEARNING_RATE,
    MOMENTUM,
    NORM_EPSILON,
    Array,
    Problem,
    Task,
    Weights,
)

JUDGED_ROWS = 2048


def loss(problem: Problem, weights: Weights) -> float:
    """Mean cross-entropy of the first rows for these weights in evaluation, in float64."""
    X, y = problem.X[:JUDGED_ROWS].astype(np.float64), problem.y[:JUDGED_ROWS]
    return float(-_log_softmax(logits(problem.task, weights, X))[np.arange(len(y)), y].mean())


def logits(task: Task, weights: Weights, X: Array) -> Array:
    """In evaluation, in float64: normalisation goes by its averages, and nothing is left out."""
    *hidden, (W_last, b_last) = _in_float64(weights)
    for W, b, *norm in hidden:
        z = X @ W + b
        if norm:
            scale, shift, mean, variance = norm
            z = (z - mean) / np.sqrt(variance + NORM_EPSILON) * scale + shift
        X = np.tanh(z) if task.activation == "tanh" else np.maximum(z, 0)
    result: Array = X @ W_last + b_last
    return result


def train(problem: Problem) -> Weights:
    """The weights after one epoch of Adam or AdamW in float64; dropout with masks of its own."""
    return trained(problem, problem.order)


def trained(problem: Problem, batches: Iterable[Array]) -> Weights:
    """The weights after a step for each of `batches`, row numbers (B,).

    Adam is algorithm 1 of Kingma and Ba (2015), AdamW algorithm 2 of Loshchilov and Hutter (2019) with the decay
    multiplied by the learning rate.
    """
    weights, decay = _in_float64(problem.start), 1 - LEARNING_RATE * problem.task.weight_decay
    random = np.random.default_rng(problem.seed)
    moments = [[(np.zeros_like(p), np.zeros_like(p)) for p in layer[:LEARNED]] for layer in weights]
    for t, rows in enumerate(batches, start=1):
        masks = _masks(problem.task, len(rows), random)
        found = gradients(problem.task, weights, problem.X[rows].astype(np.float64), problem.y[rows], masks)
        for layer, of_layer, moments_of_layer in zip(weights, found, moments, strict=True):
            for p, g, (m, v) in zip(layer[:LEARNED], of_layer, moments_of_layer, strict=True):
                p *= decay
                _adam(p, g, m, v, t)
            for average, value in zip(layer[LEARNED:], of_layer.statistics, strict=True):
                average += MOMENTUM * (value - average)
    return weights


class Gradients(tuple[Array, ...]):
    """dL/dp for what a layer learns, and its batch's mean and unbiased variance, if it normalises."""

    statistics: tuple[Array, ...] = ()


def gradients(task: Task, weights: Weights, X: Array, y: Array, masks: list[Array]) -> list[Gradients]:
    """Those of every layer for the mean cross-entropy of a batch; what is left out has a mask of 0."""
    x, kept = X, []
    for layer, mask in zip(weights[:-1], masks, strict=True):
        z, whitened, deviation, statistics = x @ layer[0] + layer[1], None, None, ()
        if task.norm:
            mean, variance = z.mean(0), z.var(0)
            deviation = np.sqrt(variance + NORM_EPSILON)
            whitened = (z - mean) / deviation
            z, statistics = whitened * layer[2] + layer[3], (mean, variance * len(z) / (len(z) - 1))
        value = np.tanh(z) if task.activation == "tanh" else np.maximum(z, 0)
        kept.append((x, whitened, deviation, statistics, value, mask))
        x = value * mask
    delta = np.exp(_log_softmax(x @ weights[-1][0] + weights[-1][1]))
    delta[np.arange(len(y)), y] -= 1
    delta /= len(y)
    found = [Gradients((x.T @ delta, delta.sum(0)))]
    for number in range(len(kept) - 1, -1, -1):
        x, whitened, deviation, statistics, value, mask = kept[number]
        slope = 1 - value * value if task.activation == "tanh" else value > 0
        delta = (delta @ weights[number + 1][0].T) * mask * slope
        learned = []
        if whitened is not None:
            learned = [(delta * whitened).sum(0), delta.sum(0)]
            delta = delta * weights[number][2]
            delta = (delta - delta.mean(0) - whitened * (delta * whitened).mean(0)) / deviation
        found.append(Gradients((x.T @ delta, delta.sum(0), *learned)))
        found[-1].statistics = statistics
    return found[::-1]


def _masks(task: Task, batch: int, random: np.random.Generator) -> list[Array]:
    """For each hidden layer 0 with the probability of dropout, else what keeps the mean."""
    keep = 1 - task.dropout
    return [(random.random((batch, n)) < keep) / keep if task.dropout else np.ones(()) for n in task.sizes[1:-1]]


def _in_float64(weights: Weights) -> Weights:
    return [tuple(p.astype(np.float64) for p in layer) for layer in weights]


def _adam(p: Array, g: Array, m: Array, v: Array, t: int) -> None:
    m += (1 - BETA_1) * (g - m)
    v += (1 - BETA_2) * (g * g - v)
    p -= LEARNING_RATE * (m / (1 - BETA_1**t)) / (np.sqrt(v / (1 - BETA_2**t)) + EPSILON)


def _log_softmax(z: Array) -> Array:
    shifted = z - z.max(1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return result
