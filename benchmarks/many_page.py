"""The leave-one-out as Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean

from benchmarks import folds
from benchmarks.compare import Who
from benchmarks.contenders import ENTRIES, MANY, MANY_TRAINING
from benchmarks.many import Many
from benchmarks.markdown import best, named, number, seconds, spread, table
from benchmarks.rounds import Spread, ratio

# 500 steps in float32: rounding moves which units of a small network are off, and the loss by this share at most.
AGREEMENT = 2e-3
# Networks that start elsewhere get other rows right: five of a hundred, about two deviations of so many draws.
ACCURACY_AGREEMENT = 0.05


@dataclass(frozen=True)
class Against:
    """A peer's time over all of ours, and over our training alone."""

    peer: Who
    everything: Spread
    training: Spread | None
    aim: float


def verdicts(many: Many) -> list[Against]:
    """Ours against each peer."""
    own, training = best(many.samples, [MANY]), best(many.samples, [MANY_TRAINING])
    found = []
    for key, aim in folds.AIMS.items():
        peer = best(many.samples, [key])
        if own is not None and peer is not None:
            alone = ratio(many.samples[peer], many.samples[training]) if training else None
            found.append(Against(peer, ratio(many.samples[peer], many.samples[own]), alone, aim))
    return found


def shortfalls(many: Many) -> list[str]:
    """What falls short, said in sentences."""
    name = folds.NAME
    if best(many.samples, [MANY]) is None:
        return [f"* *{name}*: ours did not run."]
    found = verdicts(many)
    lines = [
        f"* *{name}*: {number(v.everything.median)} times as fast as {ENTRIES[v.peer[0]].label}, aim {v.aim:g}."
        for v in found
        if v.everything.median < v.aim
    ]
    missing = [key for key in folds.AIMS if key not in {v.peer[0] for v in found}]
    return lines + [f"* *{name}*: {ENTRIES[key].label} did not run." for key in missing]


def section(many: Many) -> str:
    """Times, ratios, and whether all did the same."""
    text = (
        f"{folds.TITLE}: {many.networks} networks, each learning from all rows but one, whose class it predicts then. "
        "Milliseconds for all of them, median and quartiles. Ours with everything is what a user waits for: making the "
        "networks and their trainers, `fit_many` with its native program from the cache, and a prediction from each. "
        "JAX trains only: first weights and orders are ready-made, it is warm, and predicts nothing. scikit-learn's "
        "processes have been started before. The first run is that of a process without any compiled code.\n\n"
    )
    head = [
        "",
        "ms",
        "/ ours, everything",
        "aim",
        "/ ours, training alone",
        "first run, s",
        "accuracy of rows left out",
    ]
    return text + table(head, _rows(many)) + _rounds(many) + "\n" + _agreement(many)


def _rows(many: Many) -> list[list[str]]:
    against = {v.peer: v for v in verdicts(many)}
    rows = []
    for who in (*many.samples, *many.errors):
        if who in many.errors:
            rows.append([named(who), many.errors[who], *[""] * 5])
            continue
        found = against.get(who)
        ratios = [""] * 3
        if found is not None:
            training = "" if found.training is None else spread(found.training)
            ratios = [f"**{spread(found.everything)}**", f"{found.aim:g}", training]
        accuracy = f"{many.accuracies[who]:.3f}" if who in many.accuracies else ""
        times = spread(Spread.of(many.samples[who]), 1e3)
        rows.append([named(who), times, *ratios, seconds(many.first.get(who)), accuracy])
    return rows


def _rounds(many: Many) -> str:
    rounds = max(map(len, many.samples.values()), default=0)
    return f"\n{rounds} rounds; disturbed {many.disturbed} of {many.kept}, repeated {many.repeated}.\n"


def _agreement(many: Many) -> str:
    """Losses against the float64 training, and accuracies against each other."""
    text, worst = "", 0.0
    if many.losses:
        for losses in many.losses.values():
            differences = [abs(a / b - 1) for a, b in zip(losses, many.reference_losses, strict=True)]
            worst = max(worst, *differences)
        text = (
            f"The same work: from the same first weights and in the same orders, {len(many.reference_losses)} networks "
            f"of ours and of JAX have after {folds.EPOCHS} epochs the losses of a float64 NumPy training"
        )
        text += f" within {worst:.0e}. " if worst <= AGREEMENT else f": **no, they are {worst:.0e} away.** "
    if many.accuracies:
        values = list(many.accuracies.values())
        away = max(abs(value - mean(values)) for value in values)
        text += "scikit-learn draws first weights (of another spread) and orders of its own; " if text else ""
        text += "the accuracies of all "
        text += (
            f"lie within {away:.3f} of their mean.\n" if away <= ACCURACY_AGREEMENT else f"**differ: {away:.3f}.**\n"
        )
    return text
