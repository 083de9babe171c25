"""Data sets by name: `load("digits")`, `names()`.

| name | task | rows, features | what |
| --- | --- | --- | --- |
| digits, iris, wine, breast-cancer | classification | 1797 x 64, 150 x 4, 178 x 13, 569 x 30 | real, small |
| diabetes | regression | 442 x 10 | real, small |
| mnist, fashion-mnist | classification | 60,000 + 10,000 x 784 | real images, from files or downloaded |
| moons, circles, spirals, blobs, mixture | classification | n x 2 | made by a formula, a noise and a seed |
| separable | classification | n x 2 | points on both sides of a line, none near it |
| and, or, not, xor | classification | 4 x 2, or 2 x 1 | the rows of the truth table |
| people, fraud | classification | n x 3, n x 5 | made tables: two groups, and payments of which few are fraud |
| sine, parabola, line, polynomial, inverse-sine | regression | n x 1 | a curve with noise |
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, unknown_name
from . import builtin, generators, mnist, npz, populations
from .dataset import Dataset, Task


@dataclass(frozen=True)
class Entry:
    """One line of the list of data sets. `n_samples` are the rows with default options, without the test part."""

    name: str
    task: Task
    n_samples: int
    n_features: int
    n_outputs: int
    summary: str
    loader: Callable[..., Dataset]

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the keyword options that `load` passes on."""
        return tuple(inspect.signature(self.loader).parameters)


def load(name: str | Path, **options: Any) -> Dataset:
    """The data set `name`, or the one in the `.npz` file that `name` is the path of.

    Options are those of the loader: `seed`, `n`, `noise`, ... for what is made by formula (see `data.generators`),
    `data_dir`, `allow_download`, `progress` for mnist and fashion-mnist.
    Raises UnknownNameError, ArgumentError for an option that the loader does not take, FileFormatError for bad files.
    """
    if str(name).endswith(".npz"):
        loader: Callable[..., Dataset] = partial(npz.load, name)
        known: tuple[str, ...] = ()
    else:
        found = entry(str(name))
        loader, known = found.loader, found.options
    for option in options:
        if option not in known:
            takes = f"its options are {', '.join(known)}" if known else "it has no options"
            raise ArgumentError(f"data set {str(name)!r} takes no option {option!r}", hint=takes)
    return loader(**options)


def names() -> list[str]:
    """Names of all built-in data sets."""
    return list(ENTRIES)


def entry(name: str) -> Entry:
    """What is known of a data set without loading it. Raises UnknownNameError."""
    if name not in ENTRIES:
        raise unknown_name("data set", name, ENTRIES)
    return ENTRIES[name]


def _made(name: str, task: Task, generate: Callable[..., Any], features: tuple[str, ...]) -> Callable[..., Dataset]:
    """A loader that calls a generator; it has the generator's options."""

    def load_made(**options: Any) -> Dataset:
        X, y = generate(**options)
        is_classes = task == "classification"
        columns = features if X.shape[1] == len(features) else tuple(f"x{i + 1}" for i in range(X.shape[1]))
        return Dataset(
            name=name,
            X=np.ascontiguousarray(X, dtype=np.float32),
            y=np.asarray(y, dtype=np.int64 if is_classes else np.float32),
            feature_names=columns,
            target_names=tuple(str(c) for c in range(int(y.max()) + 1)) if is_classes else ("y",),
            task=task,
            description=" ".join((inspect.getdoc(generate) or "").split()),
        )

    load_made.__signature__ = inspect.signature(generate)  # type: ignore[attr-defined]
    return load_made


Line = tuple[str, Task, int, int, int, str, Callable[..., Dataset]]
CLASSES: Task = "classification"
VALUES: Task = "regression"


def _real() -> list[Line]:
    """Those that somebody measured."""
    mnist_loader, fashion_loader = (partial(mnist.load, which) for which in (mnist.MNIST, mnist.FASHION_MNIST))
    return [
        ("digits", CLASSES, 1797, 64, 10, "handwritten digits, 8 x 8 pixels", builtin.digits),
        ("iris", CLASSES, 150, 4, 3, "flowers by sepal and petal", builtin.iris),
        ("wine", CLASSES, 178, 13, 3, "wines by chemical analysis", builtin.wine),
        ("breast-cancer", CLASSES, 569, 30, 2, "tumours by measures of their cells", builtin.breast_cancer),
        ("diabetes", VALUES, 442, 10, 1, "progression of a disease after a year", builtin.diabetes),
        ("mnist", CLASSES, 60000, 784, 10, "handwritten digits, 28 x 28 pixels", mnist_loader),
        ("fashion-mnist", CLASSES, 60000, 784, 10, "clothing, 28 x 28 pixels", fashion_loader),
    ]


def _classes() -> list[Line]:
    """Classes made by formula: name, rows, classes, what, generator, features."""
    plane = ("x1", "x2")
    made: list[tuple[str, int, int, str, Callable[..., Any], tuple[str, ...]]] = [
        ("moons", 200, 2, "two half circles", generators.moons, plane),
        ("circles", 200, 2, "a ring around a ring", generators.circles, plane),
        ("spirals", 300, 2, "spiral arms", generators.spirals, plane),
        ("blobs", 300, 3, "normal clouds", generators.blobs, plane),
        ("mixture", 300, 3, "mixed normal clouds", generators.mixture, plane),
        ("separable", 200, 2, "points beside a line", generators.separable, plane),
        ("xor", 4, 2, "exclusive or", generators.xor, plane),
        ("and", 4, 2, "both are 1", generators.and_, plane),
        ("or", 4, 2, "one of them is 1", generators.or_, plane),
        ("not", 2, 2, "the opposite", generators.not_, ("x",)),
        ("people", 60, 2, "two groups by height, weight and hair", populations.people, populations.PEOPLE),
        ("fraud", 5000, 2, "payments by card, of which one in fifty is fraud", populations.fraud, populations.PAYMENTS),
    ]
    return [
        (name, CLASSES, n, len(features), count, what, _made(name, CLASSES, generate, features))
        for name, n, count, what, generate, features in made
    ]


def _curves() -> list[Line]:
    """Values of one variable made by formula: name, rows, what, generator."""
    made: list[tuple[str, int, str, Callable[..., Any]]] = [
        ("sine", 200, "sin x with noise", generators.sine),
        ("parabola", 100, "3 x^2 + 2 with noise", generators.parabola),
        ("line", 100, "2 x + 1 with noise", generators.line),
        ("polynomial", 30, "1 + 2 x - 3 x^2 with noise", generators.polynomial),
        ("inverse-sine", 300, "a sine read backwards: many values for one x", generators.inverse_sine),
    ]
    return [(name, VALUES, n, 1, 1, what, _made(name, VALUES, generate, ("x",))) for name, n, what, generate in made]


def _entries() -> dict[str, Entry]:
    return {row[0]: Entry(*row) for row in (*_real(), *_classes(), *_curves())}


ENTRIES = _entries()
