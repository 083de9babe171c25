"""Fewer free weights by structure: one matrix used twice, one trunk for several tasks, weights that are cut away.

Each is measured on rows that nobody learnt from, for several seeds, beside the same network without it.
"""

from __future__ import annotations

import numpy as np

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.data.batches import permutation

SEEDS = 5
digits = ff.datasets.load("digits")
orders = [permutation(len(digits.X), seed=seed) for seed in range(SEEDS)]  # the last 797 are never learnt from


def text(values: np.ndarray) -> str:
    return f"{np.mean(values):.4f} +- {np.std(values, ddof=1):.4f}"


def gain(better: np.ndarray, worse: np.ndarray) -> float:
    """How many standard errors `better` is below `worse`, seed by seed."""
    difference = np.subtract(worse, better)
    return float(difference.mean() / (difference.std(ddof=1) / np.sqrt(SEEDS)))


# ---------------------------------------------------------------- one matrix for both directions


def reconstruction(seed: int, rows: int, is_tied: bool) -> tuple[float, int]:
    """Squared error on other digits of an autoencoder 64-40-64 that has seen `rows`, and its number of weights."""
    ff.manual_seed(seed)
    encoder = nn.Linear(64, 40)
    decoder = nn.TransposedLinear.tied_to(encoder) if is_tied else nn.Linear(40, 64)
    model = nn.Sequential(encoder, nn.Tanh(), decoder)
    trainer = ff.Trainer(model, "mse", optim.Adam(model.parameters(), lr=0.01), seed=seed)
    learnt, others = digits.X[orders[seed][:rows]], digits.X[orders[seed][1000:]]
    trainer.fit(learnt, learnt, epochs=9000 // rows, batch_size=25, progress=False)
    return trainer.evaluate(others, others)["loss"], model.count_parameters()


print("autoencoder of digits    held-out error     weights")
codes = {}
for rows in (30, 100):
    for name, is_tied in (("two matrices", False), ("one matrix", True)):
        found = codes[rows, is_tied] = np.array([reconstruction(seed, rows, is_tied) for seed in range(SEEDS)])
        print(f"  {rows:3} rows, {name:12} {text(found[:, 0])}   {found[0, 1]:.0f}")


# ---------------------------------------------------------------- one trunk for several tasks


def tasks(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """20 features, and six noisy targets that all depend on the same three hidden quantities."""
    own, world = np.random.default_rng((seed, n)), np.random.default_rng(seed)
    directions, mixtures = world.standard_normal((20, 3)) / 3, world.standard_normal((3, 6))
    X = own.standard_normal((n, 20))
    targets = np.tanh(X @ directions) @ mixtures + 0.3 * own.standard_normal((n, 6))
    return X.astype(np.float32), targets.astype(np.float32)


def error_of_first(seed: int, count: int) -> float:
    """Squared error on new rows of the first target, learnt together with count - 1 others from 80 rows."""
    ff.manual_seed(seed)
    heads = nn.Heads({f"t{i}": nn.Linear(3, 1) for i in range(count)})
    loss = nn.MultiTaskLoss(**{f"t{i}": nn.Task("mse", 1) for i in range(count)})
    model = nn.Sequential(nn.Linear(20, 3), nn.Tanh(), heads)
    trainer = ff.Trainer(model, loss, optim.Adam(model.parameters(), lr=0.01), seed=seed)
    X, targets = tasks(seed, 80)
    trainer.fit(X, {f"t{i}": targets[:, i] for i in range(count)}, epochs=200, batch_size=20, progress=False)
    X_new, new = tasks(seed, 2000)
    first = loss.split(trainer.predict(X_new))["t0"][:, 0]
    return float(((first - new[:, 0]) ** 2).mean())


alone, together = (np.array([error_of_first(seed, count) for seed in range(SEEDS)]) for count in (1, 6))
print("first of six tasks       held-out error")
print(f"  learnt alone          {text(alone)}\n  learnt with the others {text(together)}")


# ---------------------------------------------------------------- weights that are cut away


def pruned(seed: int) -> list[float]:
    """Accuracy on other digits: of the whole network, of a tenth of its weights, and that tenth trained on."""
    found = []
    learnt, others = orders[seed][:1000], orders[seed][1000:]

    def accuracy() -> float:
        return trainer.evaluate(digits.X[others], digits.y[others])["accuracy"]

    for by in ("magnitude", "random"):
        ff.manual_seed(seed)
        model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        trainer = ff.Trainer(
            model, "cross_entropy", optim.Adam(model.parameters(), lr=0.003), metrics=["accuracy"], seed=seed
        )
        trainer.fit(digits.X[learnt], digits.y[learnt], epochs=30, batch_size=32, progress=False)
        found.append(accuracy())
        nn.pruning.prune(model, 0.9, by=by)
        found.append(accuracy())
        trainer.fit(digits.X[learnt], digits.y[learnt], epochs=20, batch_size=32, progress=False)
        nn.pruning.finish(model)
        found.append(accuracy())
        assert abs(nn.pruning.sparsity(model) - 0.9) < 1e-3, "what is cut stays cut"
    return [found[i] for i in (0, 1, 2, 5)]


whole, cut, tuned, at_random = np.array([pruned(seed) for seed in range(SEEDS)]).T
print("digits                   held-out accuracy")
for name, values in (
    ("all 4736 weights", whole),
    ("the largest 474", cut),
    ("and trained on", tuned),
    ("474 chosen by chance", at_random),
):
    print(f"  {name:21} {text(values)}")

assert codes[30, True][0, 1] < 0.55 * codes[30, False][0, 1]
# With half of the weights the error is far smaller where rows are few, and no longer where there are more.
assert gain(codes[30, True][:, 0], codes[30, False][:, 0]) > 2
assert abs(codes[100, True][:, 0].mean() / codes[100, False][:, 0].mean() - 1) < 0.2
assert gain(together, alone) > 2
# Nine of ten weights can go, if those that stay are trained on; not so if chance chooses them.
assert cut.mean() < whole.mean() - 0.05
assert tuned.mean() > whole.mean() - 0.02
assert gain(at_random, tuned) > 2
