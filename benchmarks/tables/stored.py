"""The speed part's raw numbers as JSON, from which the page can be written again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.compare import Timed
from benchmarks.tables.fits import Fitted
from benchmarks.tables.realmlp import Preset

Kind = TypeVar("Kind", bound=Timed)


@dataclass
class Speed:
    """All that was timed, on what, and who or what took no part."""

    machine: dict[str, str] = field(default_factory=dict)
    fits: dict[str, Fitted] = field(default_factory=dict)
    presets: dict[str, Preset] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    loads: list[float] = field(default_factory=list)


def write(speed: Speed, path: Path) -> None:
    """As JSON."""
    found: dict[str, Any] = {**vars(speed)}
    for part in ("fits", "presets"):
        found[part] = {name: _to_dict(result) for name, result in found[part].items()}
    path.write_text(json.dumps(found, indent=1), encoding="utf-8")


def read(path: Path) -> Speed | None:
    """What `write` wrote; None where there is nothing."""
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    found["fits"] = {name: _from_dict(Fitted, made) for name, made in found["fits"].items()}
    found["presets"] = {name: _from_dict(Preset, made) for name, made in found["presets"].items()}
    return Speed(**found)


def _to_dict(result: Timed) -> dict[str, Any]:
    """With keys that JSON can have."""
    return {
        name: {f"{key} {threads}": x for (key, threads), x in value.items()} if name in _by_who(type(result)) else value
        for name, value in vars(result).items()
    }


def _from_dict(kind: type[Kind], found: dict[str, Any]) -> Kind:
    by_who = _by_who(kind)
    return kind(**{name: _with_who(value) if name in by_who else value for name, value in found.items()})


def _with_who(value: dict[str, Any]) -> dict[tuple[str, int], Any]:
    parts = {name: name.rsplit(" ", 1) for name in value}
    return {(key, int(threads)): value[name] for name, (key, threads) in parts.items()}


def _by_who(kind: type[Timed]) -> set[str]:
    """The fields that have a value for each contender and number of threads."""
    return {f.name for f in fields(kind) if "Who" in str(f.type)}
