"""Many small networks at once: a leave-one-out, and how its cost grows with the number of networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks import folds, reference
from benchmarks.compare import Effort, Say, Timed, Who, time_all
from benchmarks.rounds import Spread
from benchmarks.sweep import Line
from benchmarks.team import FailedError, Member

NETWORKS, QUICK_NETWORKS = 150, 20
COUNTS = (1, 4, 16, 64, 256)
GROWTH = Effort(rounds=3.0, least=3, most=7)
# Seconds; who takes longer for all networks is not asked for four times as many.
LONGEST = 1.0


@dataclass
class Many(Timed):
    """What the leave-one-out gave; samples are seconds for all networks."""

    networks: int = 0
    first: dict[Who, float] = field(default_factory=dict)  # seconds of the first run, compiling included
    accuracies: dict[Who, float] = field(default_factory=dict)  # of the rows left out
    losses: dict[Who, list[float]] = field(default_factory=dict)
    reference_losses: list[float] = field(default_factory=list)


def run(networks: int, members: Sequence[Member], effort: Effort, say: Say, *, judge: bool = True) -> Many:
    """Load, judge (unless told not to) and time everybody; who fails is left out, with the reason in `errors`."""
    result = Many(networks=networks)
    able: dict[Who, Member] = {}
    judged = [0, networks // 3, networks - 1]
    for member in members:
        who = member.key, member.threads
        try:
            result.first[who] = member.ask("load", networks)
            member.ask("timed", 0.0)
            if judge:
                result.accuracies[who] = member.ask("accuracy")
                losses = member.ask("losses", judged)
                if losses is not None:
                    result.losses[who] = losses
            able[who] = member
        except FailedError as error:
            result.errors[who] = str(error)
            say(f"  {member.key}, {member.threads} threads: {error}")
    if judge:
        X, y = folds.iris()
        problems = [folds.problem(number, X, y) for number in judged]
        result.reference_losses = [reference.loss(p, reference.trained(p, folds.batches(p))) for p in problems]
    time_all(result, able, effort)
    return result


def growth(members: Sequence[Member], say: Say) -> dict[str, Line]:
    """Contender -> seconds for all networks against their number."""
    found: dict[str, Line] = {}
    for count in COUNTS:
        say(f"  networks {count}")
        able = [m for m in members if m.key not in found or found[m.key].y[-1].median <= LONGEST]
        result = run(count, able, GROWTH, say, judge=False)
        for key in dict.fromkeys(key for key, _ in result.samples):
            spreads = {who: Spread.of(values) for who, values in result.samples.items() if who[0] == key}
            best = min(spreads, key=lambda who: spreads[who].median)
            line = found.setdefault(key, Line())
            line.x.append(count)
            line.y.append(spreads[best])
            line.compile_seconds.append(result.first[best])
    return found
