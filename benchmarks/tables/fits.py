"""Whole fits at equal settings: what is fitted, and who takes how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from benchmarks.compare import Effort, Say, Timed, Who, ready, time_all
from benchmarks.team import Member

AIM = 10.0  # times as fast as scikit-learn
OWN, PEER, PEER_DOUBLE, PEAK = "fit", "fit-sklearn", "fit-sklearn-double", "peak"


@dataclass(frozen=True)
class Fit:
    """A table, hidden layers, rows of a batch ("auto": 200) and epochs; all else is scikit-learn's default."""

    name: str
    data: str
    hidden: tuple[int, ...]
    batch: int | str
    epochs: int

    @property
    def title(self) -> str:
        """In words."""
        layers = ", ".join(map(str, self.hidden))
        batch = 200 if self.batch == "auto" else self.batch
        return f"{self.data}, hidden {layers}, batch {batch}, {self.epochs} epochs"

    def parameters(self) -> dict[str, Any]:
        """What both estimators are made with: nothing ends a fit before its last epoch."""
        return {
            "hidden_layer_sizes": self.hidden,
            "batch_size": self.batch,
            "max_iter": self.epochs,
            "tol": 0.0,
            "n_iter_no_change": 10**9,
            "random_state": 0,
        }

    def flops(self, n: int, inputs: int, outputs: int) -> int:
        """Operations of the matrix products of a fit of n rows; no gradient of the inputs is counted."""
        products = [a * b for a, b in pairwise((inputs, *self.hidden, outputs))]
        return 2 * n * self.epochs * (3 * sum(products) - products[0])

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` makes it from."""
        return {**asdict(self), "hidden": list(self.hidden)}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Fit:
        """What `to_dict` described."""
        return cls(**{**found, "hidden": tuple(found["hidden"])})


# Epochs so that scikit-learn takes about a second.
FITS = {
    fit.name: fit
    for fit in (
        Fit("digits", "digits", (100,), "auto", 200),
        Fit("digits-small-batches", "digits", (64, 64), 32, 60),
        Fit("adult", "adult", (100,), "auto", 8),
        Fit("adult-small-batches", "adult", (64, 64), 32, 4),
        Fit("california", "california-housing", (100,), "auto", 25),
        Fit("california-small-batches", "california-housing", (64, 64), 32, 8),
    )
}


@dataclass
class Fitted(Timed):
    """What a fit gave; samples are seconds of a whole `fit`, those of ("peak", threads) seconds per operation."""

    fit: dict[str, Any] = field(default_factory=dict)  # `Fit.to_dict`
    first: dict[Who, float] = field(default_factory=dict)  # seconds of the first one, whatever is compiled included
    scores: dict[Who, float] = field(default_factory=dict)  # accuracy or R^2 of the rows held out
    epochs: dict[Who, int] = field(default_factory=dict)
    flops: int = 0


def run(fit: Fit, members: Sequence[Member], effort: Effort, say: Say) -> Fitted:
    """Load and time everybody; who fails is left out, with the reason in `errors`."""
    result = Fitted(fit=fit.to_dict())

    def load(who: Who, member: Member) -> None:
        loaded = member.ask("load", fit.to_dict())
        result.first[who], result.scores[who] = loaded["seconds"], loaded["score"]
        result.epochs[who] = loaded["epochs"]
        result.flops = fit.flops(*loaded["sizes"])

    time_all(result, ready(result, members, effort, say, load), effort)
    return result
