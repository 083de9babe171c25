"""Builds the tables of docs/reference from the registries: `make docs`.

With `--check` nothing is written, and the exit code is 1 if a table is out of date.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from forwardnet import construct, estimators as room, explain, nn, optim, plot
from forwardnet.data import augment, datasets
from forwardnet.estimators.parameters import Parameters
from forwardnet.estimators.presets import PRESETS
from forwardnet.ops import REGISTRY

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"


def first_sentence(thing: Any) -> str:
    """The first paragraph of a docstring on one line."""
    text = (thing if isinstance(thing, str) else inspect.getdoc(thing) or "").strip()
    return " ".join(text.split("\n\n")[0].split())


def options(thing: Any, skip: int = 0) -> str:
    """The parameters of a callable as they are written in a call: `lr=0.01, momentum=0`."""
    parameters = list(inspect.signature(thing).parameters.values())[skip:]
    texts = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL or parameter.kind is parameter.VAR_KEYWORD:
            continue
        has_default = parameter.default is not parameter.empty
        texts.append(f"{parameter.name}={parameter.default!r}" if has_default else parameter.name)
    return f"`{', '.join(texts)}`" if texts else ""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [list(headings), ["---"] * len(headings)]
    lines += [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def ops() -> str:
    """Every primitive operation."""
    rows = []
    for name, op in sorted(REGISTRY.items()):
        derivatives = [i for i, _ in enumerate(op.inputs) if op.derivative(i) is not None]
        by = ", ".join(op.inputs[i].lstrip("*") for i in derivatives) or "none"
        kind = "elementwise" if op.elementwise else "view" if op.view else "array"
        rows.append((f"`{name}`", first_sentence(op.doc), f"`{', '.join(op.inputs)}`", by, kind))
    return table(("op", "meaning", "inputs", "derivative by", "kind"), rows)


def activations() -> str:
    """Every activation, with what is known about its formula."""
    rows = []
    for name, cls in sorted(nn.ACTIVATIONS.items()):
        known = cls.formula
        low, high = (f"{end:g}" for end in known.range)
        facts = (f"`{known.derivative}`", f"{low} .. {high}", known.saturates or "nowhere")
        rows.append((f"`{name}`", f"`nn.{cls.__name__}`", options(cls), first_sentence(cls), *facts))
    return table(("name", "module", "options", "formula", "derivative", "range", "saturates"), rows)


def layers() -> str:
    """Every layer that can be saved with its network, but activations."""
    kinds = [cls for cls in nn.LAYERS.values() if cls not in nn.ACTIVATIONS.values()]
    rows = [(f"`nn.{cls.__name__}`", options(cls), first_sentence(cls)) for cls in kinds]
    return table(("layer", "options", "what it does"), sorted(rows))


def losses() -> str:
    """Every loss, with what the network has to put out."""
    rows = [
        (f"`{name}`", f"`nn.{cls.__name__}`", options(cls), first_sentence(cls), cls.takes, cls.target)
        for name, cls in sorted(nn.LOSSES.items())
    ]
    return table(("name", "module", "options", "formula", "outputs", "targets"), rows)


def optimisers() -> str:
    """Every optimiser."""
    rows = [
        (f"`{name}`", f"`optim.{cls.__name__}`", options(cls, skip=1), first_sentence(cls))
        for name, cls in sorted(optim.OPTIMIZERS.items())
    ]
    return table(("name", "class", "options", "rule"), rows)


def schedules() -> str:
    """Every schedule; t counts its steps, lr_0 is the rate that the group had, `by name` is what a `Trainer` makes."""
    after = {"epoch": "epoch", "batch": "batch", "part": "batch, as a part of an epoch", "parts": "as its schedules"}
    rows = []
    for name, cls in sorted(optim.lr_scheduler.SCHEDULERS.items()):
        known = (after[cls.every], first_sentence(cls.for_fit), first_sentence(cls))
        rows.append((f"`{name}`", f"`lr_scheduler.{cls.__name__}`", options(cls, skip=1), *known))
    picture = "![The rate of every schedule over thirty epochs](schedules.png)\n\n"
    return picture + table(("name", "class", "options", "stepped after each", "by name", "rate"), rows)


def presets() -> str:
    """Every published network that an estimator takes as `preset`, with the settings of its recipe."""
    rows = []
    for name, preset in PRESETS.items():
        settings = ", ".join(f"{key}={value!r}" for key, value in preset.options.items())
        encoder = ", ".join(f"{key}={value!r}" for key, value in preset.encoder.items())
        rows.append((f"`{name}`", preset.about, f"`{settings}`", f"`{encoder}`"))
    return table(("name", "network", "settings", "columns: `TableEncoder`"), rows)


def estimators() -> str:
    """Every estimator with scikit-learn's conventions: what each is, and what the parameters that they share mean."""
    public = {name: getattr(room, name) for name in room.__all__}
    names = [name for name, thing in public.items() if inspect.isclass(thing)]
    rows = [(f"`{name}`", first_sentence(thing)) for name, thing in public.items()]
    told = dict(arguments_of(Parameters))
    shared = [
        (f"`{field.name}`", f"`{field.default!r}`", told.get(field.name, "as in scikit-learn"))
        for field in dataclasses.fields(Parameters)
        if field.name != "_"
    ]
    single = []
    for name in names:
        known = dict(arguments_of(public[name]))
        single += [(f"`{name}`", f"`{parameter}`", text) for parameter, text in known.items() if parameter not in told]
    heads = ("estimator", "parameter", "meaning")
    return (
        table(("estimator", "what"), rows)
        + "\n## What the estimators of networks share\n\n"
        + table(("parameter", "default", "meaning"), shared)
        + "\n## What single ones take besides\n\n"
        + table(heads, single)
    )


def arguments_of(cls: Any) -> list[tuple[str, str]]:
    """The names and sentences under `Args:` in a docstring."""
    text = inspect.cleandoc(cls.__doc__ or "")
    part = text.partition("Args:\n")[2].split("\n\n")[0]
    found: list[tuple[str, str]] = []
    for line in part.splitlines():
        match = re.match(r"    (\w[\w, ]*): (.+)", line)
        if match:
            found.append((match[1], match[2].strip()))
        elif found and line.startswith("        "):
            found[-1] = found[-1][0], f"{found[-1][1]} {line.strip()}"
    return found


def penalties() -> str:
    """What a `Trainer` takes as `penalty`."""
    rows = [
        (f"`{name}`", f"`optim.{cls.__name__}`", options(cls), first_sentence(cls))
        for name, cls in sorted(optim.PENALTIES.items())
    ]
    return table(("name", "class", "options", "what is asked"), rows)


def augmentations() -> str:
    """Every way to change training rows from epoch to epoch; `augment.Chain` puts several one after another."""
    rows = [
        (f"`{name}`", f"`augment.{cls.__name__}`", options(cls), first_sentence(cls))
        for name, cls in sorted(augment.AUGMENTATIONS.items())
    ]
    return table(("name", "class", "options", "what it does"), rows)


def initialisers() -> str:
    """Every way to fill a parameter."""
    rows = [
        (f"`{name}`", f"`nn.init.{function.__name__}`", options(function, skip=1), first_sentence(function))
        for name, function in sorted(nn.init.INITIALIZERS.items())
    ]
    return table(("name", "function", "options", "values"), rows)


def data_sets() -> str:
    """Every built-in data set."""
    rows = []
    for name in datasets.names():
        entry = datasets.entry(name)
        size = f"{entry.n_samples:,} x {entry.n_features}"
        taken = ", ".join(f"`{option}`" for option in entry.options)
        rows.append((f"`{name}`", entry.task, size, str(entry.n_outputs), entry.summary, taken))
    return table(("name", "task", "rows x features", "outputs", "what", "options"), rows)


def surfaces() -> str:
    """Every surface that optimisers are compared on."""
    rows = []
    for name, chosen in sorted(explain.SURFACES.items()):
        lowest = ", ".join(f"({x:.4g}, {y:.4g})" for x, y in chosen.lowest) or "falls for ever"
        start = f"({chosen.start[0]:g}, {chosen.start[1]:g})"
        rows.append((f"`{name}`", chosen.kind, first_sentence(chosen.formula), lowest, f"{chosen.least:.4g}", start))
    return table(("name", "kind", "formula", "lowest places", "value there", "start"), rows)


def constructions() -> str:
    """Every network that can be built by hand, with the number of its units and how sure its result is."""
    rows = [
        (f"`{name}`", options(entry.function), first_sentence(entry.function), entry.units, entry.claim)
        for name, entry in sorted(construct.CONSTRUCTIONS.items())
    ]
    return table(("function", "arguments", "what it computes", "units", "how exact"), rows)


PAGES: dict[str, tuple[str, Callable[[], str]]] = {
    "ops": ("Operations", ops),
    "activations": ("Activations", activations),
    "layers": ("Layers", layers),
    "losses": ("Losses", losses),
    "optimisers": ("Optimisers", optimisers),
    "schedules": ("Schedules", schedules),
    "penalties": ("Penalties", penalties),
    "estimators": ("Estimators", estimators),
    "presets": ("Presets", presets),
    "initialisers": ("Initialisers", initialisers),
    "datasets": ("Data sets", data_sets),
    "augmentations": ("Augmentations", augmentations),
    "constructions": ("Networks by hand", constructions),
    "surfaces": ("Surfaces", surfaces),
}


def pictures() -> dict[Path, Callable[[], Any]]:
    """Path of each picture, and what draws it."""
    return {REFERENCE / "schedules.png": plot.schedules}


def pages() -> dict[Path, str]:
    """Path and content of every page."""
    note = "Built from the code by `make docs`; changes belong there."
    return {
        REFERENCE / f"{name}.md": f"# {title}\n\n{build.__doc__} {note}\n\n{build()}"
        for name, (title, build) in PAGES.items()
    }


def outdated() -> list[Path]:
    """Pages that differ from what the registries say now."""
    return [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main() -> int:
    """Write the pages, or compare them with `--check`."""
    stale = outdated()
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(REFERENCE.parents[1])} is out of date: run make docs")
        return 1 if stale else 0
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(REFERENCE.parents[1])}{' (changed)' if path in stale else ''}")
    for path, draw in pictures().items():
        # Its bytes depend on the version of matplotlib, so it is drawn again only with the page that shows it.
        if not path.exists() or path.with_suffix(".md") in stale:
            plot.save(draw(), path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
