"""Everything found on tables, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.compare import Timed, Who
from benchmarks.contenders import ENTRIES
from benchmarks.markdown import best, named, number, seconds, spread, table
from benchmarks.rounds import Spread, ratio
from benchmarks.tables import fits, quality_page, realmlp
from benchmarks.tables.fits import Fit, Fitted
from benchmarks.tables.quality import Done
from benchmarks.tables.realmlp import Preset
from benchmarks.tables.stored import Speed

METHOD = """\
* Every contender and number of threads has a process of its own, told its threads before it starts. One process asks
  them in turns: only one works at a time, in each round once, in an order drawn anew. What other processes disturbed is
  repeated while patience lasts. Tables show the median of the rounds and the quartiles; the better number of threads
  counts, and a ratio is taken round by round.
* The peak is what fused multiply-adds in registers reach, in the same rounds and with as many threads as ours. The
  limit is the ratio if the matrix products of a fit ran at that peak and were all there is to it.
* *At equal settings*: `MLPClassifier` and `MLPRegressor` of both libraries, the same parameters and the same arrays.
  All is scikit-learn's default but what the tables name; `tol=0` and a large `n_iter_no_change` let nothing end early.
  What is timed is the whole `fit`: checks of the arrays, first weights, in ours also tracing the step and loading the
  native code that an earlier fit has left in the cache; "first fit" is one without it, with all imports.
  Both draw the same first weights, and orders of their own.
* *RealMLP*: `preset="realmlp"` and `RealMLP_TD_Classifier` or `RealMLP_TD_Regressor` of pytabkit, the library of its
  authors, on the processor, with the defaults of each, but that ours has the inputs of theirs, without frequent values
  of numbers (`encoder={"frequent_values": False}`). The same rows are held out for the choice of the best epoch, and
  gaps are filled with medians before, as pytabkit refuses them. The seconds of an epoch are those of a long fit less
  those of a short one, over the epochs between them; what is left of the short one is fixed. Ours are so long that the
  rows held out are measured by native code, as they are in default fits. Only dense layers count for the limit.
"""


def write(speed: Speed | None, done: Sequence[Done], figures: Mapping[str, str]) -> str:
    """The whole page; `figures` maps a caption to a file beside it."""
    parts = ["# Estimators on tables\n"]
    if speed is not None:
        parts.append(_machine(speed))
    if speed is not None and (speed.fits or speed.presets):
        parts.append("## Method\n\n" + METHOD)
        if speed.fits:
            parts.append("## At equal settings\n\n" + fits_section(speed.fits))
        if speed.presets:
            parts.append("## RealMLP\n\n" + presets_section(speed.presets))
        parts.append("## Everybody\n\n" + _everybody(speed))
    if done:
        parts.append("## Errors of whole fits\n\n" + quality_page.section(done))
    if figures:
        pictures = [f"![{caption}]({path})\n\n{caption}" for caption, path in figures.items()]
        parts.append("## Plots\n\n" + "\n\n".join(pictures) + "\n")
    return "\n".join(parts)


def _machine(speed: Speed) -> str:
    text = "\n".join(f"* {name}: {text}" for name, text in speed.machine.items()) + "\n"
    if speed.loads:
        low, high = min(speed.loads), max(speed.loads)
        text += f"* load of the machine while measuring: {low:.1f} to {high:.1f} (about 1 to 2 is this run itself)\n"
    return text + "".join(f"* took no part: {name} ({why})\n" for name, why in speed.absent.items())


def limit(result: Timed, peer: Who, own: Who, flops: int) -> float | None:
    """The peer's time over that of the products at the peak of as many threads as ours."""
    peak = result.samples.get(("peak", own[1]))
    return ratio(result.samples[peer], [flops * p for p in peak]).median if peak and flops else None


# At equal settings


def fits_section(found: Mapping[str, Fitted]) -> str:
    """Times, ratios, whether all did the same, and what falls short."""
    rows, rows_used, short = [], [], []
    for name, result in found.items():
        title = Fit.from_dict(result.fit).title
        own, peer = best(result.samples, [fits.OWN]), best(result.samples, [fits.PEER])
        if own is None or peer is None:
            short.append(f"* *{name}*: {'ours' if own is None else 'scikit-learn'} did not run.")
            continue
        double = best(result.samples, [fits.PEER_DOUBLE])
        factor, most = ratio(result.samples[peer], result.samples[own]), limit(result, peer, own, result.flops)
        rows.append(
            [
                title,
                _time(result, own),
                _time(result, peer),
                f"**{spread(factor)}**",
                "" if most is None else number(most),
                "" if double is None else spread(ratio(result.samples[double], result.samples[own])),
                seconds(result.first.get(own)),
                " / ".join(f"{result.scores[who]:.4f}" for who in (own, peer)),
                " / ".join(str(result.epochs[who]) for who in (own, peer)),
            ]
        )
        rows_used += _used_row(title, result)
        if factor.median < fits.AIM:
            short.append(f"* *{name}*: {number(factor.median)} times as fast, aim {fits.AIM:g}.")
            if most is not None and most < fits.AIM:
                short[-1] += f" The arithmetic peak of this machine allows {number(most)} at most."
    head = ["fit", "ours, ms", "scikit-learn, ms", "scikit-learn / ours", "limit", "float64 / ours", "first fit, s"]
    head += ["held out, ours / theirs", "epochs"]
    text = "The aim is 10. Held out: accuracy for classes, R^2 for numbers. float64: scikit-learn on such arrays.\n\n"
    text += table(head, rows) + "\n" + _short(short)
    if rows_used:
        text += "\nThe same on one thread each, in processor time, which other processes hardly change:\n\n"
        text += table(
            ["fit", "ours, ms", "scikit-learn, ms", "scikit-learn / ours", "limit", "% of the peak"], rows_used
        )
    return text


def _used_row(title: str, result: Fitted) -> list[list[str]]:
    """Ours and scikit-learn's on one thread, in processor time; nothing where one of them is missing."""
    own, peer, peak = (result.used.get((key, 1)) for key in (fits.OWN, fits.PEER, "peak"))
    if own is None or peer is None:
        return []
    products = None if peak is None else [result.flops * p for p in peak]
    return [
        [
            title,
            spread(Spread.of(own), 1e3),
            spread(Spread.of(peer), 1e3),
            spread(ratio(peer, own)),
            "" if products is None else number(ratio(peer, products).median),
            "" if products is None else spread(ratio(products, own), 100),
        ]
    ]


def _time(result: Timed, who: Who) -> str:
    return f"{spread(Spread.of(result.samples[who]), 1e3)}, {who[1]} thr."


def _short(lines: Sequence[str]) -> str:
    return "Short of the aims:\n\n" + "\n".join(lines) + "\n" if lines else "All aims are reached.\n"


# RealMLP


def presets_section(found: Mapping[str, Preset]) -> str:
    """Epochs and fixed costs, whole fits, and what falls short."""
    rows, short = [], []
    for name, result in found.items():
        own, peer = best(result.samples, [realmlp.OWN]), best(result.samples, [realmlp.PEER])
        if own is None:
            short.append(f"* *{name}*: ours did not run.")
            continue
        row = [f"{name}, {result.rows} rows", _time(result, own), "", "", ""]
        if peer is None:
            short.append(f"* *{name}*: there was no peer to compare with.")
        else:
            factor, most = ratio(result.samples[peer], result.samples[own]), limit(result, peer, own, result.flops)
            row[2:] = [_time(result, peer), f"**{spread(factor)}**", "" if most is None else number(most)]
            if factor.median < realmlp.AIM:
                short.append(f"* *{name}*: {number(factor.median)} times as fast, aim {realmlp.AIM:g}.")
                if most is not None and most < realmlp.AIM:
                    short[-1] += f" The arithmetic peak of this machine allows {number(most)} at most."
        fixed = [seconds(Spread.of(result.fixed[who]).median) if who else "" for who in (own, peer)]
        first = [seconds(result.first[who]) if who else "" for who in (own, peer)]
        epochs = [" and ".join(map(str, result.lengths.get(who[0], ()))) if who else "" for who in (own, peer)]
        rows.append([*row, " / ".join(epochs), " / ".join(fixed), " / ".join(first)])
    head = ["table", "ours, ms an epoch", "pytabkit, ms an epoch", "pytabkit / ours", "limit", "epochs"]
    text = "The aim is 5, at equal error. Fixed, and the first fit of a process: ours / pytabkit.\n\n"
    text += table([*head, "fixed, s", "first fit, s"], rows) + "\n" + _short(short)
    for name, result in found.items():
        text += "\n" + _whole(name, result) if result.whole else ""
    return text


def _whole(name: str, result: Preset) -> str:
    """Default fits, seed by seed."""
    lines = [
        [
            named(who),
            spread(Spread.of([fit["seconds"] for fit in values])),
            spread(Spread.of([fit["used"] for fit in values])),
            quality_page.interval([fit["error"] for fit in values]),
        ]
        for who, values in result.whole.items()
    ]
    text = f"Whole default fits on {name}, {max(map(len, result.whole.values()))} seeds (splits and first weights):\n\n"
    text += table(["", "s", "s of processor time", "error of the test rows, ± 95 %"], lines)
    by_key = {who[0]: values for who, values in result.whole.items()}
    own, peer = by_key.get(realmlp.OWN), by_key.get(realmlp.PEER)
    if own and peer and len(own) == len(peer):
        factor = ratio([fit["seconds"] for fit in peer], [fit["seconds"] for fit in own])
        difference = [a["error"] - b["error"] for a, b in zip(own, peer, strict=True)]
        text += f"\nOurs is {spread(factor)} times as fast; the error of ours less that of pytabkit, seed by seed: "
        text += f"{quality_page.interval(difference, signed=True)}.\n"
    return text


def _everybody(speed: Speed) -> str:
    """Milliseconds of all, with each number of threads."""
    found: dict[str, Timed] = {**speed.fits, **{f"epoch, {name}": result for name, result in speed.presets.items()}}
    everyone = dict.fromkeys(who for r in found.values() for who in (*r.samples, *r.errors) if who[0] in ENTRIES)
    rows = []
    for who in everyone:
        cells = []
        for result in found.values():
            values = result.samples.get(who)
            cells.append(spread(Spread.of(values), 1e3) if values else result.errors.get(who, ""))
        rows.append([named(who), *cells])
    for count in sorted({who[1] for r in found.values() for who in r.samples if who[0] == "peak"}):
        peaks = [r.samples.get(("peak", count)) for r in found.values()]
        cells = [spread(Spread.of([1e-9 / x for x in peak])) if peak else "" for peak in peaks]
        rows.append([f"peak, GFLOP/s, {count} thread{'s' if count > 1 else ''}", *cells])
    rows.append(["disturbed", *(f"{r.disturbed} of {r.kept}" for r in found.values())])
    rows.append(["repeated", *(str(r.repeated) for r in found.values())])
    rows.append(["rounds", *(str(max(map(len, r.samples.values()), default=0)) for r in found.values())])
    return "Milliseconds, median and quartiles.\n\n" + table(["", *found], rows)
