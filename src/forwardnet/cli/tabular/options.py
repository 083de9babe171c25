"""What `forwardnet train` was asked to do with a table, checked before any file is read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forwardnet.cli.options import check_network, parse_hidden, parse_number, parse_whole
from forwardnet.cli.tabular import limit
from forwardnet.errors import ArgumentError, unknown_name

TASKS = ("classification", "regression")
TEST, VALIDATION = 0.2, 0.1  # of the rows


@dataclass(frozen=True)
class TableOptions:
    """The options of a run on a table; None means: to be chosen by the data, or not asked for."""

    data: str
    out: Path
    target: str | None = None
    has_header: bool | None = None
    separator: str | None = None
    encoding: str | None = None
    ignore: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    time: str | None = None
    weights: str | None = None
    task: str | None = None
    preset: str | None = None
    cv: int | str | None = None
    repeats: int = 1
    metric: str | None = None
    time_limit: float | None = None
    memory_limit: int | None = None  # bytes
    threads: int | None = None
    data_dir: Path | None = None
    hidden: tuple[int, ...] | None = None
    activation: str | None = None
    optimizer: str | None = None
    lr: float | None = None
    label_smoothing: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    patience: int | None = None
    seed: int = 0
    n_fits: int = 1  # how many networks the run trains, once that is known

    def check(self) -> None:
        """Refuse values out of range, unknown names, and options that exclude each other."""
        from forwardnet.data.tables import KINDS
        from forwardnet.train.metrics import METRICS

        check_network(self)
        if self.task is not None and self.task not in TASKS:
            raise unknown_name("task", self.task, TASKS)
        if self.metric is not None and self.metric not in METRICS:
            raise unknown_name("metric", self.metric, METRICS)
        for kind in self.kinds.values():
            if kind not in KINDS:
                raise unknown_name("kind of column", kind, KINDS)
        for name in ("repeats", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ArgumentError(f"--{name} is {value}, expected a whole number of at least 1")
        if isinstance(self.cv, int) and self.cv < 2:
            raise ArgumentError(f"--cv is {self.cv}, expected at least 2 folds, or 'loo'")
        if self.time_limit is not None and not (math.isfinite(self.time_limit) and self.time_limit > 0):
            raise ArgumentError(f"--time-limit is {self.time_limit:g}, expected a number of seconds above 0")
        limit.check(self)
        self._check_preset()
        self._check_together()

    @property
    def own_settings(self) -> list[str]:
        """What is given of that which a preset decides."""
        names = ("hidden", "activation", "optimizer", "lr", "label_smoothing", "batch_size", "patience")
        return [name for name in names if getattr(self, name) is not None]

    def _check_preset(self) -> None:
        if self.preset is None:
            return
        from forwardnet.estimators.presets import PRESETS

        if self.preset not in PRESETS:
            raise unknown_name("preset", self.preset, PRESETS)
        given = self.own_settings
        if given:
            option = "--" + given[0].replace("_", "-")
            raise ArgumentError(
                f"{option} and --preset {self.preset} exclude each other: a preset is a whole recipe",
                hint="only --epochs shortens a preset",
            )

    def _check_together(self) -> None:
        if self.repeats > 1 and self.cv is None:
            raise ArgumentError("--repeats needs --cv", hint="--cv 5 --repeats 3")
        if self.repeats > 1 and self.cv == "loo":
            raise ArgumentError("--repeats and --cv loo exclude each other: there is one way to leave one row out")
        if self.time is not None and (self.repeats > 1 or self.group is not None or self.cv == "loo"):
            raise ArgumentError(
                "--time orders the rows, which can then be split in one way only",
                hint="leave out --repeats, --group and --cv loo",
            )
        roles = [name for name in (self.target, self.group, self.time, self.weights, *self.ignore) if name is not None]
        twice = {name for name in roles if roles.count(name) > 1}
        if twice:
            raise ArgumentError(f"column {sorted(twice)[0]!r} was given two roles")


def table_options(given: Mapping[str, Any]) -> TableOptions:
    """The options from the texts of the command line, by its names; what is not there is not given."""
    data, out = str(given["data"]), given["out"]
    hidden = given["hidden"]
    texts = ("target", "encoding", "group", "time", "weights", "task", "preset", "metric", "activation", "optimizer")
    more: dict[str, Any] = {name: given.get(name) for name in texts}
    for name in ("time_limit", "lr", "label_smoothing"):
        more[name] = parse_number(_option(name), given.get(name))
    for name in ("threads", "epochs", "batch_size", "patience"):
        more[name] = parse_whole(_option(name), given.get(name))
    return TableOptions(
        data=data,
        out=Path(out) if out is not None else Path("runs") / Path(data).stem,
        data_dir=given["data_dir"],
        has_header=False if given["no_header"] else None,
        separator=parse_separator(given["separator"]),
        ignore=tuple(given["ignore"] or ()),
        kinds=parse_kinds(given["kind"] or ()),
        cv=parse_cv(given.get("cv")),
        memory_limit=limit.parse_size(given.get("memory_limit")),
        hidden=None if hidden is None else parse_hidden(hidden),
        repeats=_or(parse_whole("--repeats", given.get("repeats")), 1),
        seed=_or(parse_whole("--seed", given["seed"]), 0),
        **more,
    )


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def parse_kinds(texts: Sequence[str]) -> dict[str, str]:
    """`["zip=category"]` -> {"zip": "category"}; the last `=` divides, since names may have one."""
    kinds = {}
    for text in texts:
        name, equals, kind = text.rpartition("=")
        if not equals or not name or not kind:
            raise ArgumentError(f"--kind is {text!r}, expected COLUMN=KIND", hint="such as --kind zip=category")
        kinds[name] = kind
    return kinds


def parse_separator(text: str | None) -> str | None:
    """The separator itself: "tab" and the two characters \\t, which are easier to type, mean the tabulator."""
    return text if text is None else {"tab": "\t", "\\t": "\t"}.get(text, text)


def parse_cv(text: str | None) -> int | str | None:
    """`"10"` -> 10, `"loo"` -> "loo"."""
    if text is None or text == "loo":
        return text
    try:
        return int(text)
    except ValueError:
        raise ArgumentError(f"--cv is {text!r}, expected a number of folds such as 10, or 'loo'") from None


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
