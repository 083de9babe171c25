"""A contender's process: reads one JSON object per line and answers each with one.

Usage: python -m benchmarks.worker CONTENDER THREADS. CONTENDER is a key of the contenders, or "peak".
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from benchmarks import contenders, reference
from benchmarks.peak import Peak
from benchmarks.tasks import Task, problem


def commands(key: str, threads: int) -> dict[str, Callable[..., Any]]:
    """Name of a command -> what it does; its arguments and its answer are JSON."""
    if key == "peak":
        peak = Peak(threads)
        return {"version": peak.version, "timed": peak.timed}
    contender = contenders.ENTRIES[key].make(threads)
    if hasattr(contender, "commands"):
        return {name: getattr(contender, name) for name in contender.commands}
    contender.wake()

    def load(task: dict[str, Any]) -> dict[str, Any]:
        contender.load(problem(Task.from_dict(task)))
        return {"compile_seconds": contender.prepare(), "notes": contender.notes}

    def losses(seeds: list[int]) -> list[float]:
        """After an epoch, for each of some seeds."""
        found = []
        for seed in seeds:
            taken = problem(contender.problem.task, seed)
            contender.take(taken)
            found.append(reference.loss(taken, contender.after_one_epoch()))
        contender.take(problem(contender.problem.task))
        return found

    return {
        "version": contender.version,
        "load": load,
        "timed": contender.timed,
        "explain": lambda: contender.explain(),
        "losses": losses,
    }


def main() -> None:
    """Answer until standard input ends. What libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    known: dict[str, Callable[..., Any]] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            known = known or commands(sys.argv[1], int(sys.argv[2]))
            answer = {"value": known[request["command"]](*request["arguments"])}
        except Exception as error:  # whatever a library raises: it is reported, and the others go on
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
