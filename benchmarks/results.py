"""Everything a run found, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks import many_page
from benchmarks.agreement import agreement
from benchmarks.compare import Result, Who
from benchmarks.contenders import ENTRIES, OWN
from benchmarks.many import Many
from benchmarks.markdown import best, named, number, seconds, spread, table
from benchmarks.processes import Waits
from benchmarks.rounds import Spread, ratio
from benchmarks.sweep import Line
from benchmarks.tasks import AIMS

PEAK_AIMS = {"tab": 0.70, "large": 0.70}
# Seconds; what is timed as compiling is a fit of one step, tracing included.
WAIT_AIMS = {
    "first epoch on digits, warm": 0.5,
    "compiling mnist, cold": 0.4,
    "compiling mnist, from the cache": 0.02,
}

METHOD = """\
* Every contender and number of threads has a process of its own, told its threads before it starts (XLA and OpenMP
  fix them then). One process asks them in turns: only one works at a time, in each round once, in an order drawn anew.
* A measurement lasts at least 0.1 s after some steps to warm up, from the same first weights over the same batches, and
  counts all of a step: gathering the mini-batch, drawing what dropout leaves out, forward, backward, running averages
  of batch norm, Adam or AdamW. Softmax cross-entropy, float32.
* Ours is `Trainer.fit`, all epochs of one fit but not its set-up; drawing the order, the history and checks are in
  it ("without shuffling" is a step without the first). Peers get that order ready-made, resident tensors, the fused
  Adam, one `scan` per epoch (unrolled by 1 or 4, the faster), one graph for the whole compiled step, and in
  scikit-learn slices in place of gathered rows. scikit-learn has no batch norm and no dropout. JAX draws masks with its
  default generator, a new key for each step; the others it has were slower here.
* Tables show the median of all rounds and the quartiles; the better number of threads counts. A ratio is taken round
  by round. The peak is what fused multiply-adds in registers reach, in the same rounds and with as many threads; the
  operations of a step are those of its matrix products. The limit is the ratio if they ran at the peak and were all.
* Before that all train one epoch, and one float64 loss judges their weights, beside those of a float64 NumPy training.
  Dropout is judged twice: without it the losses agree in their digits, with it their means over some seeds do, as far
  as chance lets them.
"""
EVERYBODY = """\
Microseconds per step, median and quartiles. A measurement is disturbed if other processes used more than a tenth of a
processor meanwhile; it is repeated while patience lasts. Our kernels one by one: [KERNELS.md](KERNELS.md).

"""


@dataclass
class Run:
    """All that was measured."""

    machine: dict[str, str]
    results: dict[str, Result] = field(default_factory=dict)
    waits: Waits = field(default_factory=Waits)
    command: list[float] = field(default_factory=list)
    many: Many | None = None
    sweeps: dict[str, dict[str, Line]] = field(default_factory=dict)
    networks: dict[str, Line] = field(default_factory=dict)  # seconds for all networks against their number
    loads: list[float] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """A task in one line."""

    own: Who
    peer: Who | None  # the fastest
    ratio: Spread | None
    gflops: float
    share: Spread | None  # of the peak
    limit: float | None  # what the ratio would be if our step were its matrix products at the peak and nothing else
    used_ratio: Spread | None  # peer / ours in processor time, one thread each
    used_share: Spread | None
    used_limit: float | None


def peers() -> list[str]:
    """Everybody else."""
    return [key for key, entry in ENTRIES.items() if not entry.is_own]


def verdict(result: Result) -> Verdict | None:
    """Ours against the fastest peer; None if ours did not run."""
    own = best(result.samples, [OWN])
    if own is None:
        return None
    peer = best(result.samples, peers())
    times, flops = result.samples[own], result.task.flops
    alone = {who: values for who, values in result.used.items() if who[1] == 1}
    lean = best(alone, peers())
    return Verdict(
        own,
        peer,
        ratio(result.samples[peer], times) if peer else None,
        1e-9 * flops / Spread.of(times).median,
        _share(result.samples, own, flops),
        _limit(result.samples, peer, ("peak", own[1]), flops),
        ratio(alone[lean], alone[OWN, 1]) if lean and (OWN, 1) in alone else None,
        _share(alone, (OWN, 1), flops),
        _limit(alone, lean, ("peak", 1), flops),
    )


def _share(samples: Mapping[Who, list[float]], own: Who, flops: int) -> Spread | None:
    """Of the peak of as many threads, round by round."""
    peak = samples.get(("peak", own[1]))
    return ratio([flops * p for p in peak], samples[own]) if peak and own in samples else None


def _limit(samples: Mapping[Who, list[float]], peer: Who | None, peak: Who, flops: int) -> float | None:
    """The peer's time over that of the products at the peak."""
    if peer is None or peak not in samples:
        return None
    return ratio(samples[peer], [flops * p for p in samples[peak]]).median


def write(run: Run, figures: Mapping[str, str]) -> str:
    """The whole page; `figures` maps a caption to a file beside it."""
    parts = [
        "# Results of `make bench`\n",
        "\n".join(f"* {name}: {text}" for name, text in run.machine.items()) + "\n" + _load(run),
        "## Method\n\n" + METHOD,
        "## A training step\n\n" + _main_table(run) + "\n" + _plain_words(run) + "\n" + _used_table(run),
        "## Many small networks\n\n" + (many_page.section(run.many) if run.many else "Not in this run.\n"),
        "## Everybody\n\n" + EVERYBODY + _everybody(run),
        "## The same work\n\n" + agreement(run.results),
        "## Waiting for the first result\n\n" + _waits(run),
        "## Plots\n\n" + "\n\n".join(f"![{caption}]({path})\n\n{caption}" for caption, path in figures.items()) + "\n",
    ]
    return "\n".join(parts)


def kernels(run: Run) -> str:
    """A page with `Trainer.explain` for every task."""
    parts = ["# Where a step's time goes\n\n`Trainer.explain()` after the rounds of `make bench`, on one thread.\n"]
    parts += [f"## {r.task.title}\n\n```\n{r.kernels}\n```\n" for r in run.results.values() if r.kernels]
    return "\n".join(parts)


def _load(run: Run) -> str:
    text = ""
    if run.loads:
        text += f"* load of the machine while measuring: {min(run.loads):.1f} to {max(run.loads):.1f}"
        text += " (about 1 to 2 is this run itself)\n"
    if run.absent:
        text += f"* took no part: {', '.join(f'{ENTRIES[k].label} ({why})' for k, why in run.absent.items())}\n"
    return text


def _main_table(run: Run) -> str:
    rows = []
    for name, result in run.results.items():
        found = verdict(result)
        if found is None:
            continue
        own = f"{spread(Spread.of(result.samples[found.own]), 1e6)}, {found.own[1]} thr."
        peer, factor = "none", ""
        if found.peer is not None and found.ratio is not None:
            peer = f"{spread(Spread.of(result.samples[found.peer]), 1e6)}: {named(found.peer)}"
            factor = f"**{spread(found.ratio)}**"
        limit = "" if found.limit is None else number(found.limit)
        share = "" if found.share is None else spread(found.share, 100)
        rows.append([result.task.title, own, peer, factor, f"{AIMS[name]:g}", limit, number(found.gflops), share])
    head = ["task", "ours, us", "fastest peer, us", "peer / ours", "aim", "limit", "GFLOP/s", "% of the peak"]
    return table(head, rows)


def _used_table(run: Run) -> str:
    """One thread each, in processor time."""
    rows = []
    for result in run.results.values():
        found = verdict(result)
        alone = {who: values for who, values in result.used.items() if who[1] == 1}
        lean = best(alone, peers())
        if found is None or found.used_ratio is None or found.used_share is None or lean is None:
            continue
        rows.append(
            [
                result.task.title,
                spread(Spread.of(alone[OWN, 1]), 1e6),
                f"{spread(Spread.of(alone[lean]), 1e6)}: {ENTRIES[lean[0]].label}",
                spread(found.used_ratio),
                "" if found.used_limit is None else number(found.used_limit),
                spread(found.used_share, 100),
            ]
        )
    text = (
        "The same on one thread each, in processor time: other processes on the machine hardly change it, so it tells "
        "what a step costs also where the clock was disturbed.\n\n"
    )
    return text + table(["task", "ours, us", "leanest peer, us", "peer / ours", "limit", "% of the peak"], rows)


def _plain_words(run: Run) -> str:
    """What falls short, said in sentences."""
    lines = []
    for name, result in run.results.items():
        found = verdict(result)
        if found is None:
            lines.append(f"* *{name}*: ours did not run.")
            continue
        if found.ratio is None:
            lines.append(f"* *{name}*: there was no peer to compare with.")
        elif found.ratio.median < AIMS[name]:
            word = "slower than the fastest peer" if found.ratio.median < 1 else "faster, but less than aimed at"
            lines.append(f"* *{name}*: {word} ({number(found.ratio.median)} of {AIMS[name]:g}).")
            if found.limit is not None and found.limit < AIMS[name]:
                lines[-1] += f" The arithmetic peak of this machine allows {number(found.limit)} at most."
        if found.share is not None and found.share.median < PEAK_AIMS.get(name, 0):
            lines.append(
                f"* *{name}*: {100 * found.share.median:.0f} % of the peak, aimed at {100 * PEAK_AIMS[name]:.0f} %."
            )
        note = result.notes.get(found.own, {}).get("warning")
        if note:
            lines.append(f"* *{name}*: {note}.")
    lines += many_page.shortfalls(run.many) if run.many else []
    return "Short of the aims:\n\n" + "\n".join(lines) + "\n" if lines else "All aims are reached.\n"


def _everybody(run: Run) -> str:
    everyone = dict.fromkeys(who for r in run.results.values() for who in (*r.samples, *r.errors) if who[0] != "peak")
    rows = []
    for who in everyone:
        cells = []
        for result in run.results.values():
            values = result.samples.get(who)
            cells.append(spread(Spread.of(values), 1e6) if values else result.errors.get(who, ""))
        rows.append([named(who), *cells])
    threads = sorted({who[1] for r in run.results.values() for who in r.samples if who[0] == "peak"})
    for count in threads:
        cells = [spread(_rate(r.samples["peak", count])) for r in run.results.values()]
        rows.append([f"peak, GFLOP/s, {count} thread{'s' if count > 1 else ''}", *cells])
    rows.append(["disturbed", *(f"{r.disturbed} of {r.kept}" for r in run.results.values())])
    rows.append(["repeated", *(str(r.repeated) for r in run.results.values())])
    rows.append(["rounds", *(str(max(map(len, r.samples.values()), default=0)) for r in run.results.values())])
    return table(["", *run.results], rows)


def _rate(times: list[float]) -> Spread:
    """GFLOP/s from seconds per operation."""
    return Spread.of([1e-9 / time for time in times])


def _waits(run: Run) -> str:
    w = run.waits
    keys = [key for key in ENTRIES if key in w.warm]
    rows = []
    for key in keys:
        memory = w.memory.get(key, {})
        rows.append(
            [
                ENTRIES[key].label,
                number(Spread.of(w.imports[key]).median) if key in w.imports else "",
                spread(Spread.of(w.cold[key])),
                spread(Spread.of(w.warm[key])),
                seconds(w.compiled_cold.get(key)),
                seconds(w.compiled_warm.get(key)),
                *(f"{memory[name] / 2**20:.0f}" if name in memory else "" for name in ("digits", "mnist", "large")),
            ]
        )
    head = ["seconds", "import", "first epoch, cold", "warm", "compile mnist, cold", "from cache"]
    text = (
        "From the start of the process to the end of the first epoch on digits (64-128-10, 28 steps of 64), one "
        "thread; cold means that no compiled code was kept, warm that it was. Imports are beyond NumPy's own "
        f"({number(Spread.of(w.imports['numpy']).median) if 'numpy' in w.imports else '?'} s). Memory is the most that "
        "was resident, data included, in MB.\n\n"
    )
    text += table([*head, *(f"MB {name}" for name in ("digits", "mnist", "large"))], rows)
    if run.command:
        text += "\n`forwardnet train digits --epochs 1`, the whole command with curves and report: "
        text += f"{spread(Spread.of(run.command))} s.\n"
    text += "\n" + _short_waits(w)
    compiled = {
        who: [r.compile_seconds.get(who) for r in run.results.values()]
        for who in dict.fromkeys(who for r in run.results.values() for who in r.compile_seconds)
    }
    rows = [[named(who), *map(seconds, values)] for who, values in compiled.items()]
    return (
        text
        + "\nSeconds to compile a step anew, the compiler itself loaded before:\n\n"
        + table(["", *run.results], rows)
    )


def _short_waits(waits: Waits) -> str:
    """Ours against the aims."""
    found = {
        "first epoch on digits, warm": Spread.of(waits.warm[OWN]).median if OWN in waits.warm else None,
        "compiling mnist, cold": waits.compiled_cold.get(OWN),
        "compiling mnist, from the cache": waits.compiled_warm.get(OWN),
    }
    lines = []
    for name, time in found.items():
        if time is not None:
            word = "reached" if time <= WAIT_AIMS[name] else "**missed**"
            lines.append(f"* {name}: {seconds(time)} s, aim {WAIT_AIMS[name]:g} s, {word}")
    return "\n".join(lines) + "\n"
