"""The metrics of a trainer: names and functions turned into one list, applied to targets and raw outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.train.history import Row
from forwardnet.train.metrics import METRICS, Metric
from forwardnet.train.pairing import Pairing, TasksPairing

Array = NDArray[Any]
Chosen = str | Callable[[Array, Array], float]

RESERVED = ("epoch", "loss", "val_loss", "lr", "seconds", "step")


@dataclass(frozen=True)
class Scores:
    """Metrics by name, applied to raw outputs as the loss of the trainer makes them mean."""

    metrics: dict[str, Metric | Callable[[Array, Array], float]]
    pairing: Pairing

    def __call__(self, y: Array, output: Array, weight: Array | None = None) -> Row:
        """Name -> value. Functions of one's own get (y, output) and no weights."""
        # Several columns of yes-or-no targets are counted one by one: each number of the table is a decision.
        if self.pairing.kind == "labels" and output.ndim == 2 and output.shape[1] > 1:
            flat_weight = None if weight is None else np.repeat(weight, output.shape[1])
            flat = (y.reshape(-1), output.reshape(-1), flat_weight)
        else:
            flat = (y, output, weight)
        row: Row = {}
        for name, metric in self.metrics.items():
            if isinstance(metric, Metric):
                row[name] = metric(flat[0], flat[1], link=self.pairing.link, sample_weight=flat[2])
            else:
                row[name] = float(metric(y, output))
        return row

    def __bool__(self) -> bool:
        return bool(self.metrics)


def choose(metrics: Chosen | Sequence[Chosen], pairing: Pairing) -> Scores:
    """The metrics asked for; raises UnknownNameError, and ArgumentError for one that does not suit the loss."""
    listed: Sequence[Chosen] = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    chosen: dict[str, Metric | Callable[[Array, Array], float]] = {}
    name: str
    metric: Metric | Callable[[Array, Array], float]
    for number, item in enumerate(listed, start=1):
        if isinstance(item, str):
            if item not in METRICS:
                raise errors.unknown_name("metric", item, METRICS)
            name, metric = item, METRICS[item]
        elif callable(item):
            name, metric = getattr(item, "__name__", type(item).__name__), item
            name = f"metric_{number}" if name == "<lambda>" else name
        else:
            raise errors.ArgumentError(f"metrics: got {item!r}, expected a name or a function (y_true, output)")
        if name in chosen or name in RESERVED:
            raise errors.ArgumentError(f"metrics: the name {name!r} is taken", hint="set another function.__name__")
        if isinstance(metric, Metric) and isinstance(pairing, TasksPairing):
            chosen.update(_for_tasks(metric, pairing))
            continue
        if isinstance(metric, Metric):
            _check_suits(metric, pairing)
        chosen[name] = metric
    return Scores(chosen, pairing)


def _for_tasks(metric: Metric, pairing: TasksPairing) -> Mapping[str, Callable[[Array, Array], float]]:
    """The metric of every task that it suits, as functions of all targets and outputs: {"<task>_<metric>": ...}."""
    # Alone, a metric of labels takes numbers near 0 and 1 for classes; among other tasks numbers are meant as numbers.
    suits = {"values": ("values",)}.get(metric.needs, ("classes", "labels"))
    chosen = {
        f"{task}_{metric.name}": partial(_of_task, Scores({metric.name: metric}, part), pairing, task)
        for task, part in pairing.parts.items()
        if part.kind in suits
    }
    if not chosen:
        kinds = ", ".join(f"{task} of {part.kind}" for task, part in pairing.parts.items())
        raise errors.ArgumentError(f"metric {metric.name!r} suits none of the tasks: {kinds}")
    return chosen


def _of_task(scores: Scores, pairing: TasksPairing, task: str, y: Array, output: Array) -> float:
    (value,) = scores(pairing.tasks.split_targets(y)[task], pairing.tasks.split(output)[task]).values()
    return float(value)


def _check_suits(metric: Metric, pairing: Pairing) -> None:
    """Raise ArgumentError for a metric of numbers with a loss of classes, and the other way round."""
    if metric.needs == "values" and pairing.kind in ("classes", "labels"):
        raise errors.ArgumentError(
            f"metric {metric.name!r} compares numbers, but {pairing.loss} predicts classes",
            hint="use accuracy, log_loss, roc_auc, f1 or balanced_accuracy",
        )
    if metric.needs == "probabilities" and pairing.kind == "values":
        raise errors.ArgumentError(
            f"metric {metric.name!r} compares class probabilities, but {pairing.loss} predicts numbers",
            hint="use rmse, mae or r2, or a classification loss",
        )
