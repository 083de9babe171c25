"""The options of a training run: texts from the command line turned into checked values."""

from __future__ import annotations

import itertools
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forwardnet.errors import ArgumentError, unknown_name

# An epoch counts as better only if the validation loss falls by this much: without it, runs crawl on for nothing.
LEAST_GAIN = {"classification": 1e-3, "regression": 1e-4}
_MOST_LAYERS = 100
_MOST_UNITS = 10_000_000
# Measured with float32 and Adam. Weight, gradient, two moments, and copies of the best and of the last good ones:
_BYTES_PER_WEIGHT = 40
# the values and derivatives of one unit for one row of a step:
_BYTES_PER_VALUE = 12
# encoded inputs, their training rows, and what the native program reads of them:
_BYTES_PER_INPUT = 12


@dataclass(frozen=True)
class TrainOptions:
    """What `forwardnet train` was asked for; None means: to be chosen by the data."""

    dataset: str
    out: Path
    data_dir: Path | None = None
    hidden: tuple[int, ...] = (128, 64)
    activation: str = "relu"
    optimizer: str = "adam"
    lr: float | None = None
    label_smoothing: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    patience: int | None = None
    seed: int = 0

    def check(self) -> None:
        """Refuse values out of range and unknown names, before any data is read."""
        check_network(self)


def check_network(options: Any) -> None:
    """Refuse values out of range and unknown names among the options of a network and its training."""
    from forwardnet import nn, optim

    if options.activation is not None and options.activation not in nn.ACTIVATIONS:
        raise unknown_name("activation", options.activation, nn.ACTIVATIONS)
    if options.optimizer is not None and options.optimizer not in optim.OPTIMIZERS:
        raise unknown_name("optimizer", options.optimizer, optim.OPTIMIZERS)
    for name in ("epochs", "batch_size", "patience"):
        value = getattr(options, name)
        if value is not None and value < 1:
            option = "--" + name.replace("_", "-")
            raise ArgumentError(f"{option} is {value}, expected a whole number of at least 1")
    if options.lr is not None and not (math.isfinite(options.lr) and options.lr > 0):
        raise ArgumentError(f"--lr is {options.lr:g}, expected a number above 0", hint="0.002 suits adam, 0.1 sgd")
    if options.label_smoothing is not None and not 0 <= options.label_smoothing < 1:
        raise ArgumentError(f"--label-smoothing is {options.label_smoothing:g}, expected a number from 0 to below 1")
    if not 0 <= options.seed < 2**63:
        raise ArgumentError(f"--seed is {options.seed}, expected a whole number from 0 to 2^63 - 1")


def parse_hidden(text: str) -> tuple[int, ...]:
    """`"128,64"` -> (128, 64); `"none"` -> (), a linear model."""
    if text.strip().lower() == "none":
        return ()
    sizes = []
    for part in text.split(","):
        try:
            size = int(part)
        except ValueError:
            raise ArgumentError(
                f"--hidden is {text!r}, expected whole numbers separated by commas, such as 128,64",
                hint="'none' makes a linear model without hidden layers",
            ) from None
        if not 1 <= size <= _MOST_UNITS:
            raise ArgumentError(f"--hidden has a layer of {size} units, expected 1 to {_MOST_UNITS:,}")
        sizes.append(size)
    if len(sizes) > _MOST_LAYERS:
        raise ArgumentError(f"--hidden has {len(sizes)} layers, expected at most {_MOST_LAYERS}")
    return tuple(sizes)


def parse_number(option: str, text: str | None) -> float | None:
    """The number that `text` writes."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise ArgumentError(f"{option} is {text!r}, expected a number such as 0.01") from None


def parse_whole(option: str, text: str | None) -> int | None:
    """The whole number that `text` writes."""
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise ArgumentError(f"{option} is {text[:40]!r}, expected a whole number such as 20") from None


def count_weights(sizes: tuple[int, ...]) -> int:
    """How many weights a network has; `sizes` from inputs to outputs."""
    return sum((a + 1) * b for a, b in itertools.pairwise(sizes))


def network_bytes(sizes: tuple[int, ...], batch_size: int) -> int:
    """About what training a network takes beside its rows."""
    return _BYTES_PER_WEIGHT * count_weights(sizes) + _BYTES_PER_VALUE * batch_size * sum(sizes[1:])


def check_memory(sizes: tuple[int, ...], batch_size: int) -> None:
    """Refuse a network that cannot be trained in this machine's free memory; `sizes` from inputs to outputs."""
    weights, needed = count_weights(sizes), network_bytes(sizes, batch_size)
    free = _free_memory()
    if free is not None and needed > free:
        raise ArgumentError(
            f"a network of {'-'.join(map(str, sizes))} has {weights:,} weights and needs about "
            f"{needed / 2**30:,.1f} GiB to train, but only {free / 2**30:,.1f} GiB are free",
            hint="choose smaller layers with --hidden",
        )


def check_table_memory(n_rows: int, width: int, workers: int) -> None:
    """Refuse a table whose encoded copies do not fit into this machine's free memory, `workers` at once."""
    needed = _BYTES_PER_INPUT * n_rows * width * workers
    free = _free_memory()
    if free is not None and needed > free:
        raise ArgumentError(
            f"{n_rows:,} rows become {width:,} inputs each and need about {needed / 2**30:,.1f} GiB to train on, "
            f"but only {free / 2**30:,.1f} GiB are free",
            hint="leave out columns with --ignore, or validate with fewer at once: --threads 1",
        )


def _free_memory() -> int | None:
    """Bytes that can be used without swapping; None on systems that do not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
