"""Whether all took part in the same work, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev

from benchmarks.compare import Result, Who
from benchmarks.markdown import named, table

# Losses that agree to this share come from the same work: float32 rounding grows over some hundred steps of Adam, and
# scikit-learn adds its epsilon to a moment that is not corrected for its bias yet. Before batch norm, which takes it
# away again, a bias has a gradient of rounding alone, of which Adam makes whole steps.
AGREEMENT = 2e-3
# So many standard errors are taken for chance: about one comparison in a thousand reaches them, for the few seeds
# there are.
CHANCE = 4.0


def agreement(results: dict[str, Result]) -> str:
    """Relative differences of the losses from the float64 training's."""
    keys = dict.fromkeys(who for r in results.values() for who in r.losses)
    rows = [["loss in float64", *(f"{r.reference_loss:.6f}" for r in results.values())]]
    rows.append(["steps", *(str(r.task.steps) for r in results.values())])
    worst = 0.0
    for who in keys:
        cells = []
        for result in results.values():
            if who not in result.losses:
                cells.append("")
                continue
            difference = result.losses[who] / result.reference_loss - 1
            worst = max(worst, abs(difference))
            cells.append(f"{difference:+.1e}")
        rows.append([named(who), *cells])
    verdict = f"All agree within {worst:.0e}." if worst <= AGREEMENT else f"**They do not agree: {worst:.0e}.**"
    text = "The loss of each contender's weights after one epoch, relative to that of the float64 training"
    is_any = any(r.task.dropout for r in results.values())
    text += ", where there is dropout without it. " if is_any else ". "
    text += verdict + "\n\n" + table(["", *results], rows)
    return text + "".join(_by_chance(r) for r in results.values() if r.task.dropout and r.chance_losses)


def errors_from(losses: Sequence[float], reference: Sequence[float]) -> float:
    """How many standard errors the mean of some losses is from that of the reference, which tells the spread."""
    error = stdev(reference) * (1 / len(losses) + 1 / len(reference)) ** 0.5
    return (mean(losses) - mean(reference)) / error


def _by_chance(result: Result) -> str:
    """Each library leaves out others, so only means can agree."""
    reference = result.reference_chance_losses
    found = {who: errors_from(losses, reference) for who, losses in result.chance_losses.items()}
    plain = errors_from([result.reference_loss], reference)
    far: list[Who] = [who for who, distance in found.items() if not abs(distance) <= CHANCE]
    text = (
        f"\n*{result.task.name}* with its dropout: each library draws its own masks, so the losses after an epoch "
        f"agree but for chance. The float64 trainings with {len(reference)} seeds give {mean(reference):.4f} with a "
        f"standard deviation of {stdev(reference):.4f}; without dropout it is {result.reference_loss:.4f}, "
        f"{plain:+.0f} standard errors away. "
    )
    text += f"**Too far from it: {', '.join(map(named, far))}.**" if far else f"All lie within {CHANCE:g}."
    rows = [
        [named(who), f"{mean(losses):.4f}", f"{min(losses):.4f} to {max(losses):.4f}", f"{found[who]:+.1f}"]
        for who, losses in result.chance_losses.items()
    ]
    return text + "\n\n" + table(["", "mean loss", f"of {_seeds(result)} seeds", "standard errors"], rows)


def _seeds(result: Result) -> int:
    return max(map(len, result.chance_losses.values()))
