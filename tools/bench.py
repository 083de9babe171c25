"""Times training steps here and in PyTorch, JAX and scikit-learn, in turns, on this machine: `make bench`.

Writes RESULTS.md, TABLES.md for estimators on tables, plots and the raw numbers. Libraries that are not installed are
left out, and said to be.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import compare, folds, machine, many, many_page, markdown, plots, processes, results, sweep  # noqa: E402
from benchmarks.contenders import ENTRIES, MANY, MANY_TRAINING, PEERS, TABLE_PEERS  # noqa: E402
from benchmarks.rounds import Spread  # noqa: E402
from benchmarks.tables import measure, quality  # noqa: E402
from benchmarks.tasks import AIMS, TASKS  # noqa: E402
from benchmarks.team import Member, Team  # noqa: E402

OWN = ("forwardnet", "forwardnet-in-order", "forwardnet-eager")
STEPS = ("steps", "waits", "growth")
QUICK = compare.Effort(measurement=0.005, rounds=0.0, least=2, most=2)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = ",".join([*TASKS, folds.NAME, *measure.NAMES])
    everybody = ",".join(dict.fromkeys((*PEERS, *TABLE_PEERS)))
    parser.add_argument("--tasks", default=names, help=f"which of {names} (default: all)")
    parser.add_argument("--peers", default=everybody, help=f"which of {everybody}, or none (default: all)")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, the better counts (default: 1,2)")
    parser.add_argument("--rounds", type=float, default=30.0, help="seconds of rounds for each task (default: 30)")
    parser.add_argument(
        "--patience", type=float, default=40.0, help="seconds a task may repeat what others disturbed (default: 40)"
    )
    parts = ",".join([*STEPS, "tables"])
    parser.add_argument("--only", default=parts, help=f"which of {parts}, or quality (default: {parts})")
    learners = ",".join(quality.LEARNERS)
    parser.add_argument("--learners", default=learners, help=f"which of {learners} for quality (default: all)")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks", help="folder for the results")
    parser.add_argument("--quick", action="store_true", help="two short rounds, to see that all of it works")
    chosen = parser.parse_args(arguments)
    for name in chosen.tasks.split(","):
        if name not in names.split(","):
            parser.error(f"no task {name!r}; there are {names}")
    chosen.peers = [] if chosen.peers == "none" else chosen.peers.split(",")
    for name in chosen.peers:
        if name not in everybody.split(","):
            parser.error(f"no peer {name!r}; there are {everybody}")
    for name in chosen.only.split(","):
        if name not in (*STEPS, *measure.PARTS):
            parser.error(f"no part {name!r}; there are {', '.join((*STEPS, *measure.PARTS))}")
    for name in chosen.learners.split(","):
        if name not in quality.LEARNERS:
            parser.error(f"no learner {name!r}; there are {learners}")
    return chosen


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the results."""
    chosen = parse(sys.argv[1:] if arguments is None else arguments)
    begin = time.perf_counter()
    run = results.Run(machine.describe())
    for name, text in run.machine.items():
        print(f"{name}: {text}")
    if machine.load() > 0.5:
        print(f"the load of this machine is {machine.load():.1f}: other processes will disturb the clock")
    keys = []
    for key in (*OWN, *(key for key in chosen.peers if key in PEERS)):
        why = ENTRIES[key].missing()
        if why is None:
            keys.append(key)
        else:
            run.absent[key] = why
            print(f"{ENTRIES[key].label} takes no part: {why}")
    chosen.out.mkdir(parents=True, exist_ok=True)
    parts = chosen.only.split(",")
    with tempfile.TemporaryDirectory(prefix="bench-") as name, open(Path(name) / "log.txt", "w") as log:
        if "steps" in parts:
            steps(run, keys, chosen, Path(name), log)
            if folds.NAME in chosen.tasks.split(","):
                leave_one_out(run, keys, chosen, Path(name), log)
        if "waits" in parts:
            waits(run, keys, chosen, Path(name), log)
        if "growth" in parts and not chosen.quick:
            growth(run, keys, chosen, Path(name), log)
        if any(part in parts for part in STEPS):
            finish(run, chosen.out)
        if any(part in parts for part in measure.PARTS):
            measure.run(parts, chosen, Path(name), log, say)
    print(f"\n{time.perf_counter() - begin:.0f} s; written to {chosen.out}")


def steps(run: results.Run, keys: Sequence[str], chosen: argparse.Namespace, folder: Path, log: TextIO) -> None:
    """The tasks."""
    effort = QUICK if chosen.quick else compare.Effort(rounds=chosen.rounds, patience=chosen.patience)
    with Team(folder / "steps", log) as team:
        counts = [int(n) for n in chosen.threads.split(",")]
        members = [team.add(key, n) for key in (*keys, "peak") for n in (counts[:1] if key in OWN[1:] else counts)]
        for name in (name for name in chosen.tasks.split(",") if name in TASKS):
            print(f"\n{TASKS[name].title}", flush=True)
            run.results[name] = result = compare.run(TASKS[name], members, effort, say)
            run.loads.append(machine.load())
            print(f"  disturbed: {result.disturbed} of {result.kept}, repeated {result.repeated}")
            for who, values in sorted(result.samples.items(), key=lambda item: item[0][0] == "peak"):
                if who[0] == "peak":
                    text = f"peak, GFLOP/s, {who[1]} threads: {markdown.spread(Spread.of([1e-9 / x for x in values]))}"
                else:
                    text = f"{markdown.named(who)}: {markdown.spread(Spread.of(values), 1e6)} us"
                print(f"  {text}")
            found = results.verdict(result)
            if found is not None and found.ratio is not None and found.peer is not None:
                print(f"  {markdown.named(found.peer)} / ours: {markdown.spread(found.ratio)}, aim {AIMS[name]:g}")
                if found.used_ratio is not None and found.used_share is not None:
                    text = (
                        f"{markdown.spread(found.used_ratio)}, {markdown.spread(found.used_share, 100)} % of the peak"
                    )
                    print(f"  in processor time on one thread: {text}")


def leave_one_out(run: results.Run, keys: Sequence[str], chosen: argparse.Namespace, folder: Path, log: TextIO) -> None:
    """Many small networks at once."""
    print(f"\n{folds.TITLE}", flush=True)
    effort = QUICK if chosen.quick else compare.Effort(rounds=chosen.rounds, patience=chosen.patience, least=5)
    with Team(folder / "many", log) as team:
        members = _of_many(team, keys, chosen, "many-jax", MANY, MANY_TRAINING)
        run.many = many.run(many.QUICK_NETWORKS if chosen.quick else many.NETWORKS, members, effort, say)
    run.loads.append(machine.load())
    for who, values in run.many.samples.items():
        print(f"  {markdown.named(who)}: {markdown.spread(Spread.of(values), 1e3)} ms")
    for found in many_page.verdicts(run.many):
        text = f"{markdown.named(found.peer)} / ours: {markdown.spread(found.everything)}, aim {found.aim:g}"
        alone = "" if found.training is None else f"; training alone {markdown.spread(found.training)}"
        print(f"  {text}{alone}")


def _of_many(team: Team, keys: Sequence[str], chosen: argparse.Namespace, jax: str, *own: str) -> list[Member]:
    """Who trains many networks: scikit-learn with a process for each core, the others with each number of threads."""
    counts = [int(n) for n in chosen.threads.split(",")]
    alike = [*own, *([jax] if "jax" in keys else [])]
    members = [team.add(key, n) for key in alike for n in counts]
    return members + ([team.add("many-sklearn", max(counts))] if "sklearn" in keys else [])


def waits(run: results.Run, keys: Sequence[str], chosen: argparse.Namespace, folder: Path, log: TextIO) -> None:
    """Fresh processes."""
    print("\nimports, compilation, first epochs", flush=True)
    run.waits = processes.measure(_once(keys), folder, log, say, quick=chosen.quick)
    if not chosen.quick:
        run.command = processes.command_line(folder, log)
    run.loads.append(machine.load())


def _once(keys: Sequence[str]) -> list[str]:
    """One of ours, and JAX with one compilation."""
    return ["jax-once" if key == "jax" else key for key in keys if key not in OWN[1:]]


def growth(run: results.Run, keys: Sequence[str], chosen: argparse.Namespace, folder: Path, log: TextIO) -> None:
    """Batch, width, depth, and the number of networks."""
    print("\nbatch, width, depth", flush=True)
    with Team(folder / "growth", log) as team:
        members = [
            team.add(key, int(n)) for key in _once(keys) if key != "torch-compile" for n in chosen.threads.split(",")
        ]
        run.sweeps = sweep.measure(members, say)
    with Team(folder / "networks", log) as team:
        run.networks = many.growth(_of_many(team, keys, chosen, "many-jax-once", MANY), say)
    run.loads.append(machine.load())


def finish(run: results.Run, out: Path) -> None:
    """RESULTS.md, KERNELS.md, the plots and the raw numbers."""
    (out / "RESULTS.md").write_text(results.write(run, plots.draw(run, out)), encoding="utf-8")
    (out / "KERNELS.md").write_text(results.kernels(run), encoding="utf-8")
    raw = {**vars(run), "results": {name: _raw(result) for name, result in run.results.items()}}
    raw |= {"many": None if run.many is None else _texts(vars(run.many)), "waits": asdict(run.waits)}
    raw |= {"sweeps": {axis: _lines(lines) for axis, lines in run.sweeps.items()}, "networks": _lines(run.networks)}
    (out / "results.json").write_text(json.dumps(raw, indent=1), encoding="utf-8")


def _raw(result: compare.Result) -> dict[str, Any]:
    """A result with keys that JSON can have."""
    found = {name: value for name, value in vars(result).items() if name != "task"}
    return {"task": result.task.to_dict(), **_texts(found)}


def _texts(found: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {f"{key} {threads}": x for (key, threads), x in value.items()} if isinstance(value, dict) else value
        for name, value in found.items()
    }


def _lines(lines: dict[str, sweep.Line]) -> dict[str, Any]:
    return {key: asdict(line) for key, line in lines.items()}


def say(text: str) -> None:
    """Progress, as it happens."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
