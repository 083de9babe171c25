"""How well each learner does on tables it has not seen: one fit after the other, each kept as soon as it is done."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev

from benchmarks.compare import Say
from benchmarks.team import FailedError

SEEDS, QUICK_SEEDS = 5, 2
QUICK_ROWS, QUICK_EPOCHS = 600, 2
DATA = ("abalone", "california-housing", "adult")
REFERENCE, PUBLISHED = "boosting", "realmlp-published"
# Who is fitted on some tables only: the others have no number that is one value in most rows, and it is as "realmlp".
ONLY = {PUBLISHED: ("adult",)}
# In the order of their patience: whoever takes long comes last, so that a run that is cut short has the others.
LEARNERS = {
    REFERENCE: "scikit-learn `HistGradientBoosting`",
    "plain": "Forwardnet `MLPClassifier`, `MLPRegressor`",
    "realmlp-small": 'Forwardnet `preset="realmlp-small"`',
    "realmlp": 'Forwardnet `preset="realmlp"`',
    PUBLISHED: 'Forwardnet `preset="realmlp"`, inputs as published',
    "sklearn": "scikit-learn `MLPClassifier`, `MLPRegressor`",
    "tabm-small": 'Forwardnet `preset="tabm-small"`',
    "pytabkit": "pytabkit `RealMLP_TD`",
}
Ask = Callable[[str, str, int], dict[str, float]]


@dataclass(frozen=True)
class Done:
    """A finished fit: seconds of `fit`, and the error rate or RMSE of the test rows."""

    data: str
    learner: str
    seed: int
    seconds: float
    error: float
    quick: bool = False
    date: str = ""
    version: str = ""

    @property
    def key(self) -> tuple[str, str, int]:
        """What was fitted."""
        return self.data, self.learner, self.seed


def read(path: Path, *, quick: bool = False) -> list[Done]:
    """The finished fits in a file of JSON lines; a line that was cut short counts for nothing."""
    found: dict[tuple[str, str, int], Done] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            done = Done(**json.loads(line))
        except (json.JSONDecodeError, TypeError):
            continue
        if done.quick == quick:
            found[done.key] = done
    return list(found.values())


def plan(data: Sequence[str], learners: Sequence[str], seeds: int) -> Iterator[tuple[str, str, int]]:
    """All fits: learner by learner, so that each seed of all tables comes before the next learner."""
    return (
        (name, learner, seed)
        for learner in learners
        for seed in range(seeds)
        for name in data
        if name in ONLY.get(learner, data)
    )


def run(path: Path, wanted: Sequence[tuple[str, str, int]], ask: Ask, say: Say, *, quick: bool = False) -> list[Done]:
    """Do what is not yet in the file, and add each fit to it at once; who fails is tried again by the next run."""
    known = {done.key for done in read(path, quick=quick)}
    todo = [key for key in wanted if key not in known]
    if len(todo) < len(wanted):
        say(f"  {len(wanted) - len(todo)} of {len(wanted)} fits are in {path}; delete it to begin anew")
    _end_line(path)
    for number, key in enumerate(todo, 1):
        try:
            found = ask(*key)
        except FailedError as error:
            say(f"  {number} of {len(todo)}: {', '.join(map(str, key))}: {error}")
            continue
        today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
        done = Done(*key, found["seconds"], found["error"], quick, today, version_of(key[1]))
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(done)) + "\n")
        say(
            f"  {number} of {len(todo)}: {', '.join(map(str, key))}: error {done.error:.5g}, {done.seconds:.1f} s",
        )
    return read(path, quick=quick)


def version_of(learner: str) -> str:
    """The package that learns, with its version."""
    package = {"sklearn": "scikit-learn", REFERENCE: "scikit-learn", "pytabkit": "pytabkit"}.get(learner, "forwardnet")
    return f"{package} {importlib.metadata.version(package)}"


def _end_line(path: Path) -> None:
    """End a line that was cut short, so that the next one is whole."""
    if path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")


@dataclass(frozen=True)
class Interval:
    """A mean and half the length of its 95 % interval by Student's t; nan for a single value."""

    mean: float
    half: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """From at least one value."""
        if len(values) < 2:
            return cls(mean(values), math.nan, len(values))
        from scipy.stats import t

        error = stdev(values) / math.sqrt(len(values))
        return cls(mean(values), float(t.ppf(0.975, len(values) - 1)) * error, len(values))


def errors(done: Sequence[Done], data: str, learner: str) -> dict[int, float]:
    """Seed -> error."""
    return {d.seed: d.error for d in done if d.data == data and d.learner == learner}


def paired(first: dict[int, float], second: dict[int, float]) -> Interval | None:
    """The mean difference first - second over the seeds that both have, None if there is none."""
    seeds = sorted(first.keys() & second.keys())
    return Interval.of([first[seed] - second[seed] for seed in seeds]) if seeds else None
