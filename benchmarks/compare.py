"""The tasks, one after another: everybody trains the same, then everybody is timed in turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import reference
from benchmarks.contenders import OWN
from benchmarks.rounds import Samples, interleave
from benchmarks.tasks import Task, problem
from benchmarks.team import FailedError, Member

Say = Callable[[str], None]
Who = tuple[str, int]  # a contender's key and its number of threads


@dataclass
class Result:
    """What a task gave. Samples are seconds per step, those of ("peak", threads) FLOP per second."""

    task: Task
    samples: Samples[Who] = field(default_factory=dict)
    losses: dict[Who, float] = field(default_factory=dict)
    reference_loss: float = float("nan")
    compile_seconds: dict[Who, float] = field(default_factory=dict)
    notes: dict[Who, dict[str, Any]] = field(default_factory=dict)
    errors: dict[Who, str] = field(default_factory=dict)
    kernels: str = ""  # where our own time goes


@dataclass(frozen=True)
class Effort:
    """How long is measured: seconds of one measurement, seconds for all rounds of a task, bounds for their number."""

    measurement: float = 0.05
    rounds: float = 45.0
    least: int = 7
    most: int = 25


def run(task: Task, members: Sequence[Member], effort: Effort, say: Say, *, judge: bool = True) -> Result:
    """Load, judge (unless told not to) and time everybody; who fails is left out, with the reason in `errors`."""
    result = Result(task)
    able: dict[Who, Member] = {}
    for member in members:
        who = member.key, member.threads
        try:
            if member.key != "peak":
                _take_part(result, who, member, judge=judge)
            member.ask("timed", effort.measurement / 5)  # whatever happens only once happens now
            able[who] = member
        except FailedError as error:
            result.errors[who] = str(error)
            say(f"  {member.key}, {member.threads} threads: {error}")
    if judge:
        data = problem(task)
        result.reference_loss = reference.loss(data, reference.train(data))
    result.samples = interleave(
        {who: _timer(member, effort.measurement) for who, member in able.items()},
        seconds=effort.rounds,
        least=effort.least,
        most=effort.most,
    )
    if (OWN, 1) in able and judge:
        result.kernels = able[OWN, 1].ask("explain")
    return result


def _take_part(result: Result, who: Who, member: Member, *, judge: bool) -> None:
    loaded = member.ask("load", result.task.to_dict())
    if loaded["compile_seconds"] is not None:
        result.compile_seconds[who] = loaded["compile_seconds"]
    result.notes[who] = loaded["notes"]
    if judge:
        result.losses[who] = member.ask("loss")


def _timer(member: Member, seconds: float) -> Callable[[], float]:
    def measure() -> float:
        value: float = member.ask("timed", seconds)
        return value

    return measure
