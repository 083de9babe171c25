"""Builds docs/coverage.md: what the library is to be able to do, row by row, where it lives, and what shows it.

The rows and their words are in docs/coverage.toml. Tests are found by themselves: a row's id in the name of a test
function says that the test shows the row. What else shows a row, an example or a test without the id, is named in the
file. With `--check` nothing is written, and the exit code is 1 if the page is out of date or something is amiss.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA, PAGE = ROOT / "docs" / "coverage.toml", ROOT / "docs" / "coverage.md"

# The groups and how many rows each has. The list is fixed: a row cannot be dropped by forgetting it.
GROUPS: dict[str, tuple[str, int]] = {
    "NP": ("Neurons and the perceptron", 20),
    "BU": ("Networks by hand", 19),
    "OL": ("Outputs and losses", 29),
    "AC": ("Activations", 31),
    "IN": ("Initialisation", 9),
    "OP": ("Optimisation", 26),
    "LR": ("Learning rates", 16),
    "RG": ("Against overfitting", 27),
    "VA": ("Validation", 9),
    "NM": ("Numerical recap", 24),
    "VF": ("Figures", 32),
    "EX": ("Experiments", 26),
    "DS": ("Data sets", 16),
    "AP": ("Applications", 11),
}
IDS = [f"{group}{number:02}" for group, (_, count) in GROUPS.items() for number in range(1, count + 1)]

INTRODUCTION = """# Coverage

What Forwardnet is to be able to do in these groups, where each row lives, and which test or runnable example shows it.
Built from `docs/coverage.toml` and the names of the tests by `make docs`; a test checks that everything named exists.
Names are below `forwardnet`."""


@dataclass(frozen=True)
class Row:
    """One row: its id, what it is, where it lives (names below `forwardnet`, or files), and what shows it.

    `shown` holds files, or "file::function"; `open` says what is missing where nothing shows the row.
    """

    id: str
    what: str
    where: tuple[str, ...]
    shown: tuple[str, ...]
    open: str


@cache
def marked() -> dict[str, list[str]]:
    """Row -> the tests that carry its id in their names, as "file::function"."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT).as_posix()
        for function in functions(name):
            for row in re.findall(r"(?<=_)[A-Z]{2}\d\d(?=_|$)", function):
                found[row].append(f"{name}::{function}")
    return dict(found)


@cache
def functions(name: str) -> list[str]:
    """The names of the test functions of a file."""
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    return [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test")]


def rows(data: dict[str, Any], tests: dict[str, list[str]]) -> list[Row]:
    """The rows in order; raises KeyError for one that is missing in `data`."""
    made = []
    for row in IDS:
        entry = data[row]
        shown = (*tests.get(row, ()), *entry.get("shown", ()))
        made.append(Row(row, entry["what"], tuple(entry.get("where", ())), shown, entry.get("open", "")))
    return made


def faults(data: dict[str, Any], tests: dict[str, list[str]]) -> list[str]:
    """What is wrong with the data: rows missing or unknown, names that do not exist, rows that nothing shows."""
    missing, unknown = set(IDS) - set(data), set(data) - set(IDS)
    found = [f"{row} is missing" for row in sorted(missing)] + [f"{row} is no row" for row in sorted(unknown)]
    known = {row: entry for row, entry in data.items() if row not in unknown}
    for row, entry in known.items():
        if extra := set(entry) - {"what", "where", "shown", "open"}:
            found.append(f"{row} has unknown keys: {', '.join(sorted(extra))}")
        if not entry.get("what"):
            found.append(f"{row} does not say what it is")
        shown = [*tests.get(row, ()), *entry.get("shown", ())]
        if bool(shown) == bool(entry.get("open")):
            found.append(f"{row} is shown by {len(shown)} and {'open' if entry.get('open') else 'not open'}")
        found += [f"{row}: {name} does not exist" for name in entry.get("where", ()) if not lives(name)]
        found += [f"{row}: {name} does not exist" for name in entry.get("shown", ()) if not shows(name)]
    return found


def lives(name: str) -> bool:
    """Whether `name` is a file of the repository, or can be imported from `forwardnet`."""
    if "/" in name:
        return (ROOT / name).exists()
    found: Any = importlib.import_module("forwardnet")
    for number, part in enumerate(parts := name.split(".")):
        if not hasattr(found, part):
            try:
                importlib.import_module(".".join(("forwardnet", *parts[: number + 1])))
            except ImportError:
                return False
        found = getattr(found, part)
    return True


def shows(name: str) -> bool:
    """Whether `name` is a file of the repository, or a test function in one."""
    path, _, function = name.partition("::")
    return (ROOT / path).is_file() and (not function or function in functions(path))


def page(made: list[Row]) -> str:
    """The text of docs/coverage.md."""
    parts = [INTRODUCTION, ""]
    for group, (title, count) in GROUPS.items():
        own = [row for row in made if row.id.startswith(group)]
        n_open = sum(bool(row.open) for row in own)
        parts += [f"## {group} {title}", "", f"{count} rows, {n_open or 'none'} open.", ""]
        parts += ["| row | what | where | shown by |", "| --- | --- | --- | --- |", *map(line, own), ""]
    return "\n".join(parts)


def line(row: Row) -> str:
    """A row of the table."""
    where = ", ".join(link(name) if "/" in name else f"`{name}`" for name in row.where)
    shown = "<br>".join(map(link, row.shown)) or f"**open**: {row.open}"
    return f"| {row.id} | {row.what.replace('|', chr(92) + '|')} | {where} | {shown} |"


def link(name: str) -> str:
    """A link from docs/ to a file, with the test function behind it."""
    path, _, function = name.partition("::")
    return f"[{path.rpartition('/')[2]}](../{path})" + (f" `{function}`" if function else "")


def main() -> int:
    """Write the page, or check it with `--check`."""
    data = tomllib.loads(DATA.read_text(encoding="utf-8"))
    wrong = faults(data, marked())
    if not wrong:
        text = page(rows(data, marked()))
        if "--check" not in sys.argv[1:]:
            PAGE.write_text(text, encoding="utf-8")
        elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            wrong = ["docs/coverage.md is out of date: run make docs"]
    print("\n".join(wrong) or "docs/coverage.md is current")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
