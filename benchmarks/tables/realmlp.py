"""RealMLP here and in the library of its authors: seconds of an epoch, what is fixed, and whole fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.compare import Effort, Say, Timed, Who, ready
from benchmarks.markdown import best
from benchmarks.quiet import Quiet
from benchmarks.rounds import interleave
from benchmarks.team import FailedError, Member

AIM = 5.0  # times as fast as the authors' library
OWN, PEER, PEAK = "realmlp", "realmlp-pytabkit", "peak"
DATA = ("abalone", "california-housing", "adult")
# Epochs of two trainings: what they differ by is epochs, and nothing that comes before or after them. Where there are
# enough of them, ours measures the rows held out by native code, as in default fits: shorter ones would tell another
# story. pytabkit has no such turn, so fewer of its long epochs are enough.
LENGTHS = {
    OWN: {"abalone": (64, 192), "california-housing": (16, 48), "adult": (8, 24)},
    PEER: {"abalone": (8, 24), "california-housing": (4, 12), "adult": (4, 12)},
}
QUICK_LENGTHS = (1, 3)
QUICK_ROWS = 1000
WHOLE, WHOLE_SEEDS = "abalone", 5  # the table of whole default fits


@dataclass
class Preset(Timed):
    """What a table gave; samples and `used` are seconds of an epoch, `fixed` what a fit takes besides its epochs."""

    data: str = ""
    rows: int = 0
    lengths: dict[str, Sequence[int]] = field(default_factory=dict)  # epochs of the two fits, by contender
    fixed: dict[Who, list[float]] = field(default_factory=dict)
    first: dict[Who, float] = field(default_factory=dict)  # seconds of the first short fit, compiling included
    flops: int = 0  # of the matrix products of an epoch
    whole: dict[Who, list[dict[str, float]]] = field(default_factory=dict)  # "seconds", "error" for each seed


def run(data: str, members: Sequence[Member], effort: Effort, say: Say, *, quick: bool = False) -> Preset:
    """Time fits of both lengths in turns; who fails is left out, with the reason in `errors`."""
    result = Preset(data=data)

    def load(who: Who, member: Member) -> None:
        result.lengths[member.key] = lengths = QUICK_LENGTHS if quick else LENGTHS[member.key][data]
        member.ask("load", data, 0, QUICK_ROWS if quick else None)
        result.first[who] = member.ask("fit", lengths[0])["seconds"]
        member.ask("fit", lengths[1])
        _sizes(result, member)

    _time(result, ready(result, members, effort, say, load), effort)
    return result


def _sizes(result: Preset, member: Member) -> None:
    if member.key == OWN:
        sizes = member.ask("sizes")
        result.rows, result.flops = sizes["rows"], sizes["flops"]


def _time(result: Preset, able: dict[Who, Member], effort: Effort) -> None:
    quiet = Quiet(effort.patience)
    found = interleave(
        {who: _pair(member, quiet, result, effort) for who, member in able.items()},
        seconds=effort.rounds,
        least=effort.least,
        most=effort.most,
    )
    result.repeated, result.disturbed, result.kept = quiet.repeated, quiet.disturbed, quiet.kept
    for who, values in found.items():
        if who in result.errors:
            continue
        if who[0] == PEAK:
            result.samples[who] = [short for short, _, _, _ in values]
            continue
        lengths = result.lengths[who[0]]
        apart = lengths[1] - lengths[0]
        result.samples[who] = [(long - short) / apart for short, long, _, _ in values]
        result.used[who] = [(long - short) / apart for _, _, short, long in values]
        result.fixed[who] = [short - lengths[0] * (long - short) / apart for short, long, _, _ in values]


def _pair(
    member: Member, quiet: Quiet, result: Preset, effort: Effort
) -> Callable[[], tuple[float, float, float, float]]:
    """Seconds of a short and a long fit, by the clock and then of processor time."""
    who = member.key, member.threads

    def ask() -> tuple[float, float, float, float]:
        if member.key == PEAK:
            clock, used = member.ask("timed", effort.measurement)
            return clock, clock, used, used
        short, long = (member.ask("fit", epochs) for epochs in result.lengths[member.key])
        return short["seconds"], long["seconds"], short["used"], long["used"]

    def measure() -> tuple[float, float, float, float]:
        if who in result.errors:
            return 0.0, 0.0, 0.0, 0.0
        try:
            return quiet.measure(member.process, ask)
        except FailedError as error:
            result.errors[who] = str(error)
            return 0.0, 0.0, 0.0, 0.0

    return measure


def whole(result: Preset, members: Sequence[Member], say: Say, *, quick: bool = False) -> None:
    """Default fits by each library with its better number of threads, seed by seed in turns."""
    chosen = [best(result.samples, [key]) for key in (OWN, PEER)]
    able = [m for m in members if (m.key, m.threads) in chosen]
    for seed in range(2 if quick else WHOLE_SEEDS):
        for member in able:
            who = member.key, member.threads
            try:
                member.ask("load", result.data, seed, QUICK_ROWS if quick else None)
                found: dict[str, Any] = member.ask("fit", QUICK_LENGTHS[1] if quick else None)
            except FailedError as error:
                say(f"  {member.key}, {member.threads} threads: {error}")
                result.errors[who] = str(error)
                continue
            result.whole.setdefault(who, []).append({name: found[name] for name in ("seconds", "used", "error")})
            say(f"  {member.key}, seed {seed}: {found['seconds']:.2f} s, error {found['error']:.5f}")
