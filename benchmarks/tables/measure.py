"""The parts `tables` and `quality` of the benchmark: who takes part, and what is written."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from benchmarks import compare, machine, markdown
from benchmarks.compare import Say, Timed
from benchmarks.contenders import ENTRIES
from benchmarks.rounds import Spread, ratio
from benchmarks.tables import data, fits, page, plots, quality, realmlp, stored
from benchmarks.tables.stored import Speed
from benchmarks.team import FailedError, Member, Team

QUICK = compare.Effort(measurement=0.005, rounds=0.0, least=2, most=2)
QUICK_EPOCHS = 2
RAW, LINES = "tables.json", "quality.jsonl"
PACKAGES = ("forwardnet", "numpy", "llvmlite", "scikit-learn", "pytabkit", "torch")
PARTS = ("tables", "quality")
REALMLP = {f"realmlp-{name}": name for name in realmlp.DATA}
NAMES = (*fits.FITS, *REALMLP)


def run(parts: Sequence[str], chosen: argparse.Namespace, folder: Path, log: TextIO, say: Say) -> None:
    """Measure these parts and write the page, with what earlier runs of the others have left."""
    raw, lines = chosen.out / RAW, chosen.out / LINES
    if "tables" in parts:
        stored.write(speed(chosen, folder, log, say), raw)
    if "quality" in parts:
        learn(chosen, lines, folder, log, say)
    found = stored.read(raw) or Speed(machine.describe(PACKAGES))
    done = quality.read(lines, quick=chosen.quick)
    text = page.write(found, done, plots.draw(found, done, chosen.out))
    (chosen.out / "TABLES.md").write_text(text, encoding="utf-8")


def speed(chosen: argparse.Namespace, folder: Path, log: TextIO, say: Say) -> Speed:
    """Whole fits, and epochs of RealMLP."""
    names, counts = chosen.tasks.split(","), [int(n) for n in chosen.threads.split(",")]
    found = Speed(machine.describe(PACKAGES))
    own = [name for name in fits.FITS if name in names and _is_there(fits.FITS[name].data, found, say)]
    recipes = {name: table for name, table in REALMLP.items() if name in names and _is_there(table, found, say)}
    if own:
        keys = [fits.OWN, *([fits.PEER, fits.PEER_DOUBLE] if "sklearn" in chosen.peers else []), fits.PEAK]
        with Team(folder / "fits", log) as team:
            members = [team.add(key, n) for key in keys for n in counts]
            for name in own:
                _fit(found, name, members, chosen, say)
    if recipes:
        keys = [realmlp.OWN, *([realmlp.PEER] if _has_pytabkit(chosen, found, say) else []), realmlp.PEAK]
        with Team(folder / "realmlp", log) as team:
            members = [team.add(key, n) for key in keys for n in counts]
            for table in recipes.values():
                _preset(found, table, members, chosen, say)
    return found


def _is_there(name: str, found: Speed, say: Say) -> bool:
    """Whether a table is there; says it where not, once."""
    why = data.missing(name)
    if why is not None and name not in found.absent:
        found.absent[name] = why
        say(f"{name} is left out: {why}")
    return why is None


def _has_pytabkit(chosen: argparse.Namespace, found: Speed | None, say: Say) -> bool:
    if "pytabkit" not in chosen.peers:
        return False
    why = ENTRIES[realmlp.PEER].missing()
    if why is not None:
        say(f"pytabkit takes no part: {why}")
        if found is not None:
            found.absent["pytabkit"] = why
    return why is None


def _fit(found: Speed, name: str, members: Sequence[Member], chosen: argparse.Namespace, say: Say) -> None:
    fit, effort = fits.FITS[name], compare.Effort(rounds=chosen.rounds, patience=chosen.patience, least=5, most=15)
    if chosen.quick:
        fit, effort = fits.Fit(fit.name, fit.data, fit.hidden, fit.batch, QUICK_EPOCHS), QUICK
    say(f"\n{fit.title}")
    found.fits[name] = result = fits.run(fit, members, effort, say)
    found.loads.append(machine.load())
    _tell(result, fits.OWN, fits.PEER, fits.AIM, say)


def _preset(found: Speed, table: str, members: Sequence[Member], chosen: argparse.Namespace, say: Say) -> None:
    say(f"\nRealMLP on {table}")
    effort = QUICK if chosen.quick else compare.Effort(rounds=chosen.rounds, patience=chosen.patience, least=3, most=9)
    found.presets[table] = result = realmlp.run(table, members, effort, say, quick=chosen.quick)
    found.loads.append(machine.load())
    _tell(result, realmlp.OWN, realmlp.PEER, realmlp.AIM, say)
    if table == realmlp.WHOLE:
        realmlp.whole(result, members, say, quick=chosen.quick)


def _tell(result: Timed, own: str, peer: str, aim: float, say: Say) -> None:
    """What was found, in a few lines."""
    say(f"  disturbed: {result.disturbed} of {result.kept}, repeated {result.repeated}")
    for who, values in result.samples.items():
        if who[0] in ENTRIES:
            used = markdown.spread(Spread.of(result.used[who]), 1e3)
            say(f"  {markdown.named(who)}: {markdown.spread(Spread.of(values), 1e3)} ms, processor {used}")
    first, second = markdown.best(result.samples, [own]), markdown.best(result.samples, [peer])
    if first is not None and second is not None:
        factor = ratio(result.samples[second], result.samples[first])
        say(f"  {markdown.named(second)} / ours: {markdown.spread(factor)}, aim {aim:g}")


def learn(chosen: argparse.Namespace, lines: Path, folder: Path, log: TextIO, say: Say) -> None:
    """All fits whose errors are compared, as far as they are not done yet."""
    say("\nerrors of whole fits")
    names = [name for name in quality.DATA if _is_there(name, Speed(), say)]
    learners = [name for name in quality.LEARNERS if name in chosen.learners.split(",")]
    if "sklearn" not in chosen.peers:
        learners = [name for name in learners if name not in ("sklearn", quality.REFERENCE)]
    if "pytabkit" in learners and not _has_pytabkit(chosen, None, say):
        learners.remove("pytabkit")
    threads = max(int(n) for n in chosen.threads.split(","))
    members: dict[str, Member] = {}

    def ask(name: str, learner: str, seed: int) -> dict[str, float]:
        """In a process for each learner, one after the other, and begun anew after a failure."""
        if learner not in members:
            while members:
                members.popitem()[1].close()
            members[learner] = Member("learner", threads, folder / "learners", log)
        try:
            found: dict[str, float] = members[learner].ask("fit", name, learner, seed, chosen.quick)
        except FailedError:
            members.pop(learner).close()
            raise
        return found

    seeds = quality.QUICK_SEEDS if chosen.quick else quality.SEEDS
    try:
        quality.run(lines, list(quality.plan(names, learners, seeds)), ask, say, quick=chosen.quick)
    finally:
        while members:
            members.popitem()[1].close()
