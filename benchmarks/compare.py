"""The tasks, one after another: everybody trains the same, then everybody is timed in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import reference
from benchmarks.contenders import ENTRIES, OWN
from benchmarks.quiet import Quiet
from benchmarks.rounds import interleave
from benchmarks.tasks import SEED, Task, problem
from benchmarks.team import FailedError, Member

Say = Callable[[str], None]
Who = tuple[str, int]  # a contender's key and its number of threads


# Trainings with dropout by which each contender is judged, and those in float64 that tell how much chance does.
SEEDS, REFERENCE_SEEDS = 4, 8


@dataclass
class Timed:
    """What rounds gave, in seconds.

    `used` is processor time, which other processes hardly change: with one thread it is what the clock would show on
    a machine of one's own.
    """

    samples: dict[Who, list[float]] = field(default_factory=dict)
    used: dict[Who, list[float]] = field(default_factory=dict)
    errors: dict[Who, str] = field(default_factory=dict)
    repeated: int = 0  # measurements that other processes disturbed, and that were made again
    disturbed: int = 0  # and that were kept
    kept: int = 0


@dataclass
class Result(Timed):
    """What a task gave. Samples are seconds per step, those of ("peak", threads) seconds per operation."""

    task: Task = field(kw_only=True)
    losses: dict[Who, float] = field(default_factory=dict)  # of the weights after an epoch, without dropout
    reference_loss: float = float("nan")
    chance_losses: dict[Who, list[float]] = field(default_factory=dict)  # with dropout, one for each of some seeds
    reference_chance_losses: list[float] = field(default_factory=list)
    compile_seconds: dict[Who, float] = field(default_factory=dict)
    notes: dict[Who, dict[str, Any]] = field(default_factory=dict)
    kernels: str = ""  # where our own time goes


@dataclass(frozen=True)
class Effort:
    """How long is measured: seconds of one measurement, seconds for all rounds of a task, bounds for their number.

    `patience` is how many seconds a task may spend on repeating what was disturbed.
    """

    measurement: float = 0.1
    rounds: float = 45.0
    least: int = 7
    most: int = 25
    patience: float = 0.0


def run(task: Task, members: Sequence[Member], effort: Effort, say: Say, *, judge: bool = True) -> Result:
    """Load, judge (unless told not to) and time everybody; who fails is left out, with the reason in `errors`."""
    result = Result(task=task)
    takers = [m for m in members if task.is_plain or m.key not in ENTRIES or not ENTRIES[m.key].is_plain]

    def load(who: Who, member: Member) -> None:
        _take_part(result, who, member, judge=judge)
        member.ask("timed", effort.measurement / 5)  # whatever happens only once happens now

    able = ready(result, takers, effort, say, load)
    if judge:
        result.reference_loss = _reference_loss(task.without_dropout(), SEED)
        if task.dropout:
            result.reference_chance_losses = [_reference_loss(task, seed) for seed in range(REFERENCE_SEEDS)]
    time_all(result, able, effort)
    if (OWN, 1) in result.samples and judge:
        result.kernels = able[OWN, 1].ask("explain")
    return result


def ready(
    result: Timed, members: Sequence[Member], effort: Effort, say: Say, prepare: Callable[[Who, Member], object]
) -> dict[Who, Member]:
    """Those who can take part, after `prepare`, or a first run of "peak"; the reason of the others is in `errors`."""
    able: dict[Who, Member] = {}
    for member in members:
        who = member.key, member.threads
        try:
            if member.key == "peak":
                member.ask("timed", effort.measurement)
            else:
                prepare(who, member)
            able[who] = member
        except FailedError as error:
            result.errors[who] = str(error)
            say(f"  {member.key}, {member.threads} threads: {error}")
    return able


def time_all(result: Timed, able: Mapping[Who, Member], effort: Effort) -> None:
    """Rounds of all who are able; who fails has a reason in `errors` and no samples."""
    quiet = Quiet(effort.patience)
    found = interleave(
        {who: _timer(member, effort.measurement, quiet, result.errors) for who, member in able.items()},
        seconds=effort.rounds,
        least=effort.least,
        most=effort.most,
    )
    result.repeated, result.disturbed, result.kept = quiet.repeated, quiet.disturbed, quiet.kept
    for who in result.errors:
        found.pop(who, None)
    result.samples = {who: [clock for clock, _ in values] for who, values in found.items()}
    result.used = {who: [used for _, used in values] for who, values in found.items()}


def _reference_loss(task: Task, seed: int) -> float:
    data = problem(task, seed)
    return reference.loss(data, reference.train(data))


def _take_part(result: Result, who: Who, member: Member, *, judge: bool) -> None:
    """Load the task and be judged; where masks differ between libraries, without dropout first."""
    if judge and result.task.dropout:
        member.ask("load", result.task.without_dropout().to_dict())
        result.losses[who] = member.ask("losses", [SEED])[0]
    loaded = member.ask("load", result.task.to_dict())
    if loaded["compile_seconds"] is not None:
        result.compile_seconds[who] = loaded["compile_seconds"]
    result.notes[who] = loaded["notes"]
    if judge and result.task.dropout:
        result.chance_losses[who] = member.ask("losses", list(range(SEEDS)))
    elif judge:
        result.losses[who] = member.ask("losses", [SEED])[0]


def _timer(member: Member, seconds: float, quiet: Quiet, errors: dict[Who, str]) -> Callable[[], tuple[float, float]]:
    who = member.key, member.threads

    def measure() -> tuple[float, float]:
        """Seconds by the clock and of processor time; after a failure nothing is asked any more."""
        if who in errors:
            return 0.0, 0.0
        try:
            clock, used = quiet.measure(member.process, lambda: member.ask("timed", seconds))
        except FailedError as error:
            errors[who] = str(error)
            return 0.0, 0.0
        return clock, used

    return measure
