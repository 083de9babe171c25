"""How the cost of a step grows with the batch, the width and the depth of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.compare import Effort, Say, run
from benchmarks.rounds import Spread
from benchmarks.tasks import Task
from benchmarks.team import Member

STEPS = 20
EFFORT = Effort(rounds=4.0, least=5, most=9)


@dataclass
class Line:
    """A contender along one axis: x, and seconds per step with its better number of threads."""

    x: list[int] = field(default_factory=list)
    y: list[Spread] = field(default_factory=list)
    compile_seconds: list[float] = field(default_factory=list)


def axes() -> dict[str, dict[int, Task]]:
    """Axis -> value on it -> task. Where the axes meet lies one and the same network: 64-128-128-10, batch 128."""
    return {
        "batch": {b: Task("batch", (64, 128, 128, 10), "relu", b, STEPS) for b in (8, 32, 128, 512, 2048)},
        "width": {w: Task("width", (64, w, w, 10), "relu", 128, STEPS) for w in (16, 32, 64, 128, 256, 512, 1024)},
        "depth": {d: Task("depth", (64, *[128] * d, 10), "relu", 128, STEPS) for d in (1, 2, 4, 8, 16)},
    }


def measure(members: Sequence[Member], say: Say) -> dict[str, dict[str, Line]]:
    """Axis -> contender -> line."""
    found: dict[str, dict[str, Line]] = {}
    for axis, tasks in axes().items():
        for x, task in tasks.items():
            say(f"  {axis} {x}")
            result = run(task, members, EFFORT, say, judge=False)
            for key in dict.fromkeys(key for key, _ in result.samples):
                spreads = {who: Spread.of(values) for who, values in result.samples.items() if who[0] == key}
                best = min(spreads, key=lambda who: spreads[who].median)
                line = found.setdefault(axis, {}).setdefault(key, Line())
                line.x.append(x)
                line.y.append(spreads[best])
                line.compile_seconds.append(result.compile_seconds.get(best, float("nan")))
    return found
