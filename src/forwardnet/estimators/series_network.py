"""The networks of a forecaster: a linear forecast, and what a hidden layer adds to it.

    x -> x + V f(U x + c) + d -> W x + b

W and b start as the ridge regression of the targets on the inputs, V and d at 0: before its first step a network is the
best linear forecast, and what it learns is how the truth differs. Members of an ensemble differ by U and by the order
of the rows.

Axis glossary: n rows, I inputs, H outputs (steps of the horizon), M members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn, optim
from forwardnet.data.batches import stream_of
from forwardnet.data.scaling import Standardizer
from forwardnet.tensor.functional import from_numpy
from forwardnet.tensor.random import Generator, drawing_from
from forwardnet.train.many import fit_many
from forwardnet.train.program import forward
from forwardnet.train.trainer import Trainer

Array = NDArray[Any]

FIRST_STAGE = 5  # epochs
PATIENCE = 2  # stages, each of which doubles the epochs


@dataclass(frozen=True)
class Recipe:
    """How the members of an ensemble are made and trained; `ridge` is the penalty of the linear start, per row."""

    hidden: int = 32
    activation: str = "tanh"
    members: int = 4
    lr: float = 2e-3
    weight_decay: float = 1e-2
    ridge: float = 0.1
    batch_size: int = 32
    seed: int = 0
    threads: int | None = None
    compile: bool = True


@dataclass
class Fitted:
    """Members that answer together: their mean, in the unit of the targets."""

    inputs: Standardizer
    targets: Standardizer
    models: list[nn.Module] = field(default_factory=list)

    def predict(self, X: Array) -> Array:
        """(n, H) float64 for X (n, I); a row's forecast does not depend on its company."""
        Z = self.inputs.transform(X)
        mean = sum(forward(model, Z).astype(np.float64) for model in self.models) / len(self.models)
        assert self.targets.mean is not None and self.targets.scale is not None
        return np.asarray(mean * self.targets.scale + self.targets.mean)


def ridge(X: Array, Y: Array, penalty: float) -> tuple[Array, Array]:
    """W (H, I) and b (H,) that minimise |Y - X W^T - b|^2 + n `penalty` |W|^2 (Hoerl & Kennard 1970)."""
    x_mean, y_mean = X.mean(axis=0), Y.mean(axis=0)
    A, B = X - x_mean, Y - y_mean
    gram = A.T @ A + len(X) * penalty * np.eye(X.shape[1])
    W = np.linalg.solve(gram, A.T @ B).T
    return W, y_mean - W @ x_mean


def start(X: Array, Y: Array, recipe: Recipe) -> tuple[Fitted, list[Trainer]]:
    """Scales learnt from X (n, I) and Y (n, H), and untrained members, each the linear forecast."""
    fitted = Fitted(Standardizer().fit(X), Standardizer().fit(Y))
    W, b = ridge(
        fitted.inputs.transform(X).astype(np.float64), fitted.targets.transform(Y).astype(np.float64), recipe.ridge
    )
    trainers = []
    for member in range(recipe.members):
        with drawing_from(Generator(recipe.seed, stream=stream_of("weights", member))):
            model = _network(W, b, recipe)
        optimizer = optim.AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
        # Members see the rows in orders of their own.
        seed = recipe.seed * 1_000_003 + member
        trainers.append(Trainer(model, nn.MSELoss(), optimizer, seed=seed, threads=1, compile=recipe.compile))
        fitted.models.append(model.eval())
    return fitted, trainers


def train_in_stages(
    parts: Sequence[tuple[Array, Array]], recipe: Recipe, stages: Sequence[int]
) -> Iterator[tuple[int, list[Fitted]]]:
    """Train an ensemble for each part (X, Y) of equally many rows, all of them at once.

    Gives (epochs so far, the ensembles) first for 0, the linear forecasts, and then after each of the `stages`, which
    are numbers of epochs in all, ascending. A caller that has seen enough stops asking.
    """
    ensembles, trainers = [], []
    for X, Y in parts:
        fitted, own = start(X, Y, recipe)
        ensembles.append(fitted)
        trainers.append(own)
    yield 0, ensembles
    Z = np.concatenate([f.inputs.transform(X) for f, (X, _) in zip(ensembles, parts, strict=True)])
    T = np.concatenate([f.targets.transform(Y) for f, (_, Y) in zip(ensembles, parts, strict=True)])
    ends = np.cumsum([len(X) for X, _ in parts])
    rows = [_whole_batches(end - len(X), end, recipe.batch_size) for end, (X, _) in zip(ends, parts, strict=True)]
    every = [trainer for own in trainers for trainer in own]
    of_each = [r for r, own in zip(rows, trainers, strict=True) for _ in own]
    done = 0
    for epochs in stages:
        fit_many(every, Z, T, of_each, epochs=epochs - done, batch_size=recipe.batch_size, threads=recipe.threads)
        done = epochs
        yield done, ensembles


@dataclass
class Trained:
    """An ensemble, for how many epochs it was trained and why, and what it was off by in rolling origins."""

    fitted: Fitted
    epochs: int
    residuals: Array  # (asked, H): truth less forecast, by ensembles that had not seen it
    reason: str


def train(
    X: Array, Y: Array, splits: Sequence[tuple[Array, Array]], recipe: Recipe, *, most: int, usual: int
) -> Trained:
    """Train on all rows for as many epochs as were best in the splits, `most` at most; 0 is the linear forecast.

    For each split (rows to learn from, rows asked about) an ensemble is trained, all at once. Without splits `usual`
    epochs are taken. The number is doubled until two doublings in a row have not helped. What is better by less than
    one standard error is not taken for better: of few origins one number of epochs always looks best.
    """
    if splits:
        epochs, residuals, reason = _best_epochs(X, Y, splits, recipe, most)
    else:
        epochs, residuals = min(usual, most), np.empty((0, Y.shape[1]))
        reason = f"{epochs} epochs: too few rows to see how many are best"
    *_, (_, (fitted,)) = train_in_stages([(X, Y)], recipe, [epochs] if epochs else [])
    return Trained(fitted, epochs, residuals, reason)


def _best_epochs(
    X: Array, Y: Array, splits: Sequence[tuple[Array, Array]], recipe: Recipe, most: int
) -> tuple[int, Array, str]:
    """The number of epochs with the least error, the residuals of its ensembles, and the reason in words."""
    stages = sorted({min(FIRST_STAGE * 2**i, most) for i in range(12)}) if most else []
    linear = kept = np.empty((0, Y.shape[1]))
    best, least, since = 0, float("inf"), 0
    for done, ensembles in train_in_stages([(X[learnt], Y[learnt]) for learnt, _ in splits], recipe, stages):
        off = np.concatenate([Y[asked] - f.predict(X[asked]) for f, (_, asked) in zip(ensembles, splits, strict=True)])
        error = float(np.abs(off).mean())
        since += 1
        if done == 0:
            linear = off
        if error < least:
            best, least, kept, since = done, error, off, 0
        if since >= PATIENCE:
            break
    gain = 1 - least / float(np.abs(linear).mean()) if best else 0.0
    where = f"in rolling-origin forecasts of {len(linear)} origins"
    if best and _is_chance(np.abs(linear).mean(axis=1) - np.abs(kept).mean(axis=1), Y.shape[1]):
        return 0, linear, f"0 epochs: {best} were {gain:.1%} better than the linear forecast, within chance, {where}"
    if not best:
        return 0, linear, f"0 epochs: the linear forecast is best, {where}"
    return best, kept, f"{best} epochs: {gain:.1%} better than the linear forecast it starts from, {where}"


def _is_chance(gains: Array, horizon: int) -> bool:
    """Whether the mean of `gains` (n,) is less than its standard error.

    Forecasts of H steps from neighbouring origins share most of them, so that n / H are counted.
    """
    counted = max(1.0, len(gains) / horizon)
    return bool(gains.mean() < gains.std() / np.sqrt(counted))


def _whole_batches(start: int, end: int, size: int) -> Array:
    """Row numbers from `start` to `end`, and the latest again until they fill whole batches.

    A program for a last, smaller batch would take as long to compile as all the rest.
    """
    n = end - start
    return np.concatenate([np.arange(start, end), np.arange(end - (-n % size if n > size else 0), end)])


def _network(W: Array, b: Array, recipe: Recipe) -> nn.Sequential:
    outputs, width = W.shape
    last, out = nn.Linear(recipe.hidden, width), nn.Linear(width, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    out.load_state_dict({"weight": from_numpy(W.astype(np.float32)), "bias": from_numpy(b.astype(np.float32))})
    return nn.Sequential(nn.Residual(nn.Linear(width, recipe.hidden), nn.ACTIVATIONS[recipe.activation](), last), out)
