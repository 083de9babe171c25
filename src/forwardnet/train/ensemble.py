"""Several networks that answer together: averages and votes, bagging, and boosting.

Each function takes `make(number)`, which gives an untrained `Trainer`, so that everything about the members, sizes,
losses, optimisers, penalties, is said in one place:

    def make(number):
        ff.manual_seed(number)
        return ff.Trainer(nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 2)), "cross_entropy", "adam")

    forest = ensemble.bagging(make, X, y, members=20, epochs=50)
    forest.evaluate(X_test, y_test)

Axis glossary: n rows, C classes, k outputs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.data.splits import bootstrap
from forwardnet.train import ensemble_file, inputs
from forwardnet.train.ensemble_file import LoadedMember
from forwardnet.train.many import fit_many
from forwardnet.train.metrics import METRICS, Link, to_labels, to_probabilities, true_labels
from forwardnet.train.trainer import Trainer

Array = NDArray[Any]
Make = Callable[[int], Trainer]
WAYS = ("mean", "vote")


@dataclass(frozen=True)
class Ensemble:
    """y(x) = offset + sum_k w_k y_k(x) over trained members k.

    y_k is the member's probabilities of classes, or its values where it predicts numbers (`how="mean"`), or 1 for the
    class it takes x for and 0 for the others (`how="vote"`). The weights w_k are equal and of sum 1 if none are given.

    Raises:
        ArgumentError: there is no member, or members predict classes and others numbers.
    """

    members: Sequence[Trainer | LoadedMember]
    weights: Sequence[float] | None = None
    how: str = "mean"
    offset: Any = 0.0

    def __post_init__(self) -> None:
        if self.how not in WAYS:
            raise errors.unknown_name("way to combine members", self.how, WAYS)
        if not self.members:
            raise errors.ArgumentError("Ensemble: there is no member")
        if len({_predicts_classes(member) for member in self.members}) > 1:
            raise errors.ArgumentError("Ensemble: some members predict classes and others numbers")
        if self.weights is not None and len(self.weights) != len(self.members):
            raise errors.ArgumentError(f"Ensemble: {len(self.weights)} weights for {len(self.members)} members")
        if self.how == "vote" and self.link == "values":
            raise errors.ArgumentError("Ensemble: numbers cannot be voted on", hint='use how="mean"')

    @property
    def link(self) -> Link:
        """How predictions are to be read: "probabilities" of classes, or "values"; see `ff.metrics`."""
        return "probabilities" if _predicts_classes(self.members[0]) else "values"

    def predict(self, X: Any) -> Array:
        """Probabilities (n, C) of classes, or for votes their shares; for numbers the values (n, k)."""
        return self._combined([self._answer(member, X) for member in self.members], self._shares)

    def labels(self, X: Any) -> Array:
        """The predicted class of each row (n,)."""
        if self.link == "values":
            raise errors.ArgumentError("Ensemble: the members predict numbers, which have no classes")
        return np.asarray(self.predict(X).argmax(axis=1), dtype=np.int64)

    def evaluate(self, X: Any, y: Any, metrics: Sequence[str] = ()) -> dict[str, float]:
        """Metrics by name; accuracy for classes and rmse for numbers, if none are named."""
        return self._scores(inputs.plain(y, "y"), self.predict(X), metrics)

    def _scores(self, y: Array, output: Array, metrics: Sequence[str] = ()) -> dict[str, float]:
        names = metrics or (("rmse",) if self.link == "values" else ("accuracy",))
        unknown = [name for name in names if name not in METRICS]
        if unknown:
            raise errors.unknown_name("metric", unknown[0], METRICS)
        return {name: METRICS[name](y, output, link=self.link) for name in names}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all members to one safetensors file, from which `Ensemble.load(path)` makes the ensemble again.

        Which rows members learnt from stays behind, and so do out-of-bag figures, losses and optimisers.

        Raises:
            ArchitectureError: a member has a layer that is not the library's own.
        """
        ensemble_file.save(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Ensemble:
        """The ensemble in a file, to be asked and not trained; raises `FileFormatError`."""
        return ensemble_file.load(path)

    @property
    def _shares(self) -> Array:
        count = len(self.members)
        return np.full(count, 1 / count) if self.weights is None else np.asarray(self.weights, np.float64)

    def _answer(self, member: Trainer | LoadedMember, X: Any) -> Array:
        """What a member contributes, before its weight."""
        output = member.predict(X)
        if self.link == "values":
            return output
        probabilities = class_probabilities(output, member.link)
        if self.how == "mean":
            return probabilities
        return np.asarray(probabilities.argmax(axis=1)[:, None] == np.arange(probabilities.shape[1]), np.float64)

    def _combined(self, answers: Sequence[Array], shares: Array) -> Array:
        """The weighted sum; votes and probabilities are divided by the sum of the weights."""
        total = sum(share * answer for share, answer in zip(shares, answers, strict=True))
        return np.asarray(self.offset + total if self.link == "values" else total / shares.sum())


def class_probabilities(output: Array, link: Link) -> Array:
    """Probabilities (n, C) from outputs of any number of columns: one column is that of class 1 of two."""
    found = to_probabilities(output, link)
    return np.stack([1 - found, found], axis=1) if found.ndim == 1 else found


def _predicts_classes(trainer: Trainer | LoadedMember) -> bool:
    return trainer.link != "values"


# ---------------------------------------------------------------- bagging


@dataclass(frozen=True)
class Bagged(Ensemble):
    """Members that learnt from bootstrap samples.

    `rows` are the rows each learnt from. `out_of_bag` are the metrics of the training rows, each predicted by those
    members alone that have not seen it: an estimate for new rows that costs none. `covered` is the share of such rows.
    """

    rows: Sequence[Array] = ()
    out_of_bag: dict[str, float] = field(default_factory=dict)
    covered: float = 0.0


def bagging(
    make: Make,
    X: Any,
    y: Any,
    *,
    members: int = 10,
    epochs: int = 20,
    batch_size: int = 64,
    how: str = "mean",
    metrics: Sequence[str] = (),
    seed: int = 0,
) -> Bagged:
    """Train members on rows drawn with replacement, as many as there are, and let them answer together (Breiman 1996).

    Each member misses a share of about 1/e of the rows. What members get wrong in different ways averages out: of
    independent errors of variance v the mean of m has v / m.
    """
    count = inputs.whole(members, "members", least=1)
    trainers = [make(number) for number in range(count)]
    n = len(X)
    rows = [bootstrap(n, seed=seed, number=number) for number in range(count)]
    fit_many(trainers, X, y, rows, epochs=epochs, batch_size=batch_size)
    plain = Ensemble(trainers, how=how)
    output, is_covered = _unseen(plain, X, rows)
    scores = {}
    if is_covered.any():
        scores = plain._scores(np.asarray(inputs.plain(y, "y"))[is_covered], output[is_covered], metrics)
    return Bagged(trainers, how=how, rows=rows, out_of_bag=scores, covered=float(is_covered.mean()))


def _unseen(ensemble: Ensemble, X: Any, rows: Sequence[Array]) -> tuple[Array, Array]:
    """For each row the mean answer of the members that have not learnt from it, and whether there is one."""
    answers = np.stack([ensemble._answer(member, X) for member in ensemble.members])
    has_not_seen = np.ones(answers.shape[:2], bool)
    for number, own in enumerate(rows):
        has_not_seen[number, own] = False
    counts = has_not_seen.sum(axis=0)
    shape = (*has_not_seen.shape, *(1,) * (answers.ndim - 2))
    total = (answers * has_not_seen.reshape(shape)).sum(axis=0)
    return total / np.maximum(counts, 1).reshape(shape[1:]), counts > 0


# ---------------------------------------------------------------- boosting


def vote_weight(error: float, classes: int = 2) -> float:
    """a = (log((1 - e) / e) + log(C - 1)) / 2 for a member with the weighted error e among C classes.

    Freund & Schapire (1997) for two classes, Zhu et al. (2009) for more. It is 0 for a member that guesses.
    """
    return 0.5 * (math.log((1 - error) / error) + math.log(classes - 1))


def adaboost(make: Make, X: Any, y: Any, *, rounds: int = 10, epochs: int = 20, batch_size: int = 64) -> Ensemble:
    """Train members one after another, each on rows weighted by how often those before it were wrong; let them vote.

    After a member with the weighted error e, rows that it got wrong are weighted by exp(2 a) with a of `vote_weight`.
    Ends early when a member makes no error, or is no better than a guess.

    Raises:
        ArgumentError: the members predict numbers, or not even the first is better than a guess.
    """
    weight = np.full(len(y), 1.0)
    chosen: list[Trainer] = []
    votes: list[float] = []
    for number in range(inputs.whole(rounds, "rounds", least=1)):
        trainer = make(number)
        if not _predicts_classes(trainer):
            raise errors.ArgumentError("adaboost: the members predict numbers", hint="use boost_residuals")
        trainer.fit(X, y, sample_weight=weight, epochs=epochs, batch_size=batch_size, progress=False)
        output = trainer.predict(X)
        classes = class_probabilities(output[:1], trainer.link).shape[1]
        is_wrong = to_labels(output, trainer.link) != true_labels(inputs.plain(y, "y"))
        error = float(np.average(is_wrong, weights=weight))
        if error >= 1 - 1 / classes:
            break
        chosen.append(trainer)
        if error == 0:
            votes.append(1.0 + sum(votes))  # it alone is right everywhere, so it decides
            break
        votes.append(vote_weight(error, classes))
        weight = weight * np.exp(2 * votes[-1] * is_wrong)
        weight /= weight.mean()
    if not chosen:
        raise errors.ArgumentError(
            "adaboost: the first member is no better than a guess", hint="train it for longer, or give it more units"
        )
    return Ensemble(chosen, votes, how="vote")


def boost_residuals(
    make: Make, X: Any, y: Any, *, rounds: int = 10, rate: float = 0.5, epochs: int = 20, batch_size: int = 64
) -> Ensemble:
    """y(x) = mean(y) + rate sum_k y_k(x), each member trained on what those before it leave (Friedman 2001).

    For squared error; a smaller `rate` takes more rounds and is steadier.

    Raises:
        ArgumentError: the members predict classes, or the rate is not above 0 and at most 1.
    """
    if not 0 < rate <= 1:
        raise errors.ArgumentError(f"boost_residuals: rate is {rate!r}, expected a number above 0 and at most 1")
    rest = np.asarray(inputs.plain(y, "y"), np.float64)
    rest = rest.reshape(len(rest), -1)
    offset = rest.mean(axis=0)
    rest = rest - offset
    chosen: list[Trainer] = []
    for number in range(inputs.whole(rounds, "rounds", least=1)):
        trainer = make(number)
        if _predicts_classes(trainer):
            raise errors.ArgumentError("boost_residuals: the members predict classes", hint="use adaboost")
        trainer.fit(X, rest, epochs=epochs, batch_size=batch_size, progress=False)
        rest = rest - rate * trainer.predict(X).reshape(rest.shape)
        chosen.append(trainer)
    return Ensemble(chosen, [rate] * len(chosen), offset=offset)
