"""The rules of the house that no other tool checks: who imports whom, what stays lazy, how long things may be.

The checks read source text (`ast`), so they see imports inside functions too. Each of them is itself tested
on a small source with a planted fault at the end of this file.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "forwardnet"
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50  # of code: the docstring is not counted

FOUNDATIONS = ("errors", "dtypes", "config", "seeds")

# Room -> the rooms directly below it. A room may import all rooms below it, however far down.
BELOW: dict[str, tuple[str, ...]] = {
    "foundations": (),
    "ir": ("foundations",),
    "ops": ("ir",),
    "autodiff": ("ops",),
    "tensor": ("autodiff",),
    "autograd": ("tensor",),
    "compiler": ("ops",),
    "jit": ("tensor", "compiler"),
    "nn": ("jit", "autograd"),
    "optim": ("jit", "autograd"),
    "data": ("foundations",),
    "construct": ("nn",),
    "interop": ("nn",),
    "train": ("nn", "optim", "data", "jit", "interop"),
    "explain": ("train",),
    "validate": ("train",),
    "estimators": ("validate",),
    "plot": ("estimators", "construct", "interop", "explain"),
    "report": ("plot",),
    "lab": ("report",),
    "serve": ("report",),
    "cli": ("lab", "serve"),
}

# These stand above everything: they may use the face of the package, `import forwardnet as ff`, like anybody outside.
ABOVE_ALL = ("lab", "serve", "cli")

# The few imports that go upwards, each inside a function: (file, room it opens to).
DOORS = {
    ("train/history.py", "plot"),  # History.plot() draws itself
    ("train/find_lr.py", "plot"),  # RangeTest.plot() likewise
    ("train/gradients.py", "plot"),  # GradientMonitor.plot() likewise
    ("validate/compare.py", "plot"),  # Compared.plot(), Curve.plot() and Sweep.plot() likewise
    ("validate/curves.py", "plot"),
    ("validate/sweep.py", "plot"),
}

# Package -> where it may be imported, inside functions only. "" means everywhere.
OPTIONAL: dict[str, tuple[str, ...]] = {
    "sklearn": ("estimators/", "validate/", "data/", "train/metrics"),
    "matplotlib": ("plot/",),
    "rich": ("train/progress", "cli/"),
    "typer": ("cli/",),
    "llvmlite": ("compiler/llvm.py", "compiler/engine.py"),
    "PIL": ("data/images",),  # comes with matplotlib
    "scipy": ("",),
    "pandas": ("",),
    "narwhals": ("data/", "estimators/"),
    "pyarrow": ("data/tables/",),
    "openpyxl": ("data/tables/",),
    "threadpoolctl": ("train/",),  # comes with scikit-learn
    "joblib": ("validate/", "estimators/"),  # likewise
    "torch": ("interop/",),
}
# Rooms that are themselves entered only on demand, so that their files may import these at the top.
AT_THE_TOP = {
    ("cli/", "typer"),
    ("cli/", "rich"),
    ("estimators/", "sklearn"),
    ("compiler/llvm.py", "llvmlite"),
    ("compiler/engine.py", "llvmlite"),
}


@dataclass(frozen=True)
class Import:
    """One imported module: its full dotted name, where it stands, and whether that is inside a function."""

    target: str
    line: int
    is_lazy: bool


def package_of(path: str) -> list[str]:
    """Dotted parts of the package that relative imports in `path` (relative to the package root) start from."""
    return ["forwardnet", *Path(path).parts[:-1]]


def imports_of(source: str, path: str) -> Iterator[Import]:
    """All imports of a file, relative ones resolved. `from a import b` counts as `a.b`."""

    def visit(node: ast.AST, is_lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, is_lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = package_of(path)
            base = here[: len(here) - node.level + 1] if node.level else []
            base += (node.module or "").split(".") if node.module else []
            yield from (Import(".".join([*base, alias.name]), node.lineno, is_lazy) for alias in node.names)
        # What stands under `if TYPE_CHECKING:` is never run, so it costs nothing; it still points somewhere.
        is_typing = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        inner = is_lazy or is_typing or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inner)

    yield from visit(ast.parse(source), is_lazy=False)


def room_of(dotted: str) -> str | None:
    """The room of a name inside the package, `None` for the top level itself."""
    parts = dotted.split(".")[1:]
    if not parts:
        return None
    if parts[0] in FOUNDATIONS:
        return "foundations"
    return parts[0] if parts[0] in BELOW else None


def reachable(room: str) -> set[str]:
    """All rooms below `room`."""
    found: set[str] = set()
    todo = list(BELOW[room])
    while todo:
        below = todo.pop()
        if below not in found:
            found.add(below)
            todo.extend(BELOW[below])
    return found


def order_faults(source: str, path: str) -> list[str]:
    """Imports of the own package that do not point downwards."""
    is_top = path in ("__init__.py", "__main__.py")  # the face of the package may show every room
    own = room_of("forwardnet." + path.removesuffix(".py").replace("/", "."))
    if own is None and not is_top:
        return [f"{path}: this file belongs to no room; name the room in BELOW"]
    if own == "foundations":
        return foundation_faults(source, path)
    faults = []
    for item in imports_of(source, path):
        if item.target.split(".")[0] != "forwardnet" or is_top:
            continue
        room = room_of(item.target)
        assert own is not None
        if room is None and own not in ABOVE_ALL:
            faults.append(f"{path}:{item.line} imports {item.target}: import from the room that defines it")
        elif room not in (None, own) and room not in reachable(own) and not ((path, room) in DOORS and item.is_lazy):
            faults.append(f"{path}:{item.line} imports {item.target}: {own} may import only {sorted(reachable(own))}")
    return faults


def foundation_faults(source: str, path: str) -> list[str]:
    """The foundations have an order of their own: each imports only those before it."""
    own = FOUNDATIONS.index(Path(path).parts[0].removesuffix(".py"))
    faults = []
    for item in imports_of(source, path):
        parts = item.target.split(".")
        if parts[0] == "forwardnet" and parts[1:2] != [] and parts[1] not in FOUNDATIONS[: own + 1]:
            faults.append(f"{path}:{item.line} imports {item.target}: may import only {FOUNDATIONS[:own]}")
    return faults


def foreign_faults(source: str, path: str) -> list[str]:
    """Imports of other packages: NumPy and the standard library anywhere, the rest where OPTIONAL says, and lazily."""
    faults = []
    for item in imports_of(source, path):
        name = item.target.split(".")[0]
        if name in ("forwardnet", "numpy", "__future__") or name in sys.stdlib_module_names:
            continue
        places = OPTIONAL.get(name)
        if places is None:
            faults.append(f"{path}:{item.line} imports {name}, which is not among the dependencies")
        elif not path.startswith(places):
            faults.append(f"{path}:{item.line} imports {name}: allowed only in {', '.join(places)}")
        elif not item.is_lazy and not any(path.startswith(p) and name == n for p, n in AT_THE_TOP):
            faults.append(f"{path}:{item.line} imports {name} at the top: import it inside the function that uses it")
    return faults


def length_faults(source: str, path: str) -> list[str]:
    """Files and functions that have outgrown a reader."""
    n_lines = source.count("\n")
    faults = [f"{path} has {n_lines} lines (limit {MAX_FILE_LINES}): split it"] if n_lines > MAX_FILE_LINES else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            n_lines = code_lines(node)
            if n_lines > MAX_FUNCTION_LINES:
                faults.append(
                    f"{path}:{node.lineno} {node.name} has {n_lines} lines (limit {MAX_FUNCTION_LINES}): split it"
                )
    return faults


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end of the body, without the docstring."""
    end = node.end_lineno or node.lineno
    n_lines = end - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        n_lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return n_lines


SOURCES = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


def test_the_sources_were_found() -> None:
    assert {"__init__.py", "errors.py"} <= set(SOURCES)
    assert len(SOURCES) > 30


@pytest.mark.parametrize("check", [order_faults, foreign_faults, length_faults], ids=lambda f: f.__name__)
def test_every_file(check: object) -> None:
    assert callable(check)
    faults = [fault for path, source in sorted(SOURCES.items()) for fault in check(source, path)]
    assert not faults, "\n" + "\n".join(faults)


def test_every_room_that_exists_is_in_the_table() -> None:
    rooms = {path.split("/")[0].removesuffix(".py") for path in SOURCES if not path.startswith("__")}
    assert rooms <= set(BELOW) | set(FOUNDATIONS), "a room without a place in the import order"


# ---------------------------------------------------------------- what the import really does


def in_fresh_interpreter(code: str) -> str:
    """Standard output of `code` run by a new interpreter that sees this checkout."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", dedent(code)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_no_optional_package() -> None:
    code = f"""
        import json, sys
        import forwardnet
        assert forwardnet.Tensor, "the face of the package is there"
        print(json.dumps(sorted(set({list(OPTIONAL)!r}) & set(sys.modules))))
    """
    assert json.loads(in_fresh_interpreter(code)) == []


def test_import_is_cheap_beside_numpy() -> None:
    # NumPy's own import is the yardstick, so the machine's speed cancels; processor time, because on a busy machine the
    # clock runs on while others work; the smallest of some runs, because noise only ever adds. The promise is 150 ms
    # beyond NumPy; NumPy takes 60 to 120 ms. `make bench` prints the milliseconds.
    code = """
        from time import process_time
        start = process_time()
        import numpy
        middle = process_time()
        import forwardnet
        print(middle - start, process_time() - middle)
    """
    runs = [[float(number) for number in in_fresh_interpreter(code).split()] for _ in range(6)]
    del runs[0]  # which may have compiled the sources
    numpy_seconds, own_seconds = (min(column) for column in zip(*runs, strict=True))
    assert own_seconds < 1.5 * numpy_seconds, f"forwardnet {own_seconds:.3f} s, NumPy {numpy_seconds:.3f} s"


# ---------------------------------------------------------------- the checks see planted faults


@pytest.mark.parametrize(
    ("path", "source", "told"),
    [
        ("ops/linear.py", "from ..tensor import create", "ops may import only"),
        ("ops/linear.py", "def f():\n    from forwardnet.nn import functional", "ops may import only"),
        ("ops/linear.py", "import forwardnet.tensor.create", "ops may import only"),
        ("nn/linear.py", "from .. import optim", "nn may import only"),
        ("nn/linear.py", "from forwardnet import Tensor", "import from the room that defines it"),
        ("nn/linear.py", "import typing\nif typing.TYPE_CHECKING:\n    from ..train import history", "nn may import"),
        ("data/idx.py", "from ..tensor import Tensor", "data may import only ['foundations']"),
        ("train/history.py", "from ..plot import curves", "train may import only"),
        ("errors.py", "from . import config", "may import only ()"),
        ("rogue/file.py", "import os", "belongs to no room"),
    ],
)
def test_a_wrong_direction_is_seen(path: str, source: str, told: str) -> None:
    (fault,) = order_faults(source, path)
    assert told in fault


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("nn/linear.py", "from ..tensor import Tensor\nfrom . import init\nfrom ..errors import ShapeError\nimport os"),
        ("train/history.py", "def plot():\n    from ..plot import curves"),
        ("seeds.py", "from .errors import ArgumentError\nfrom forwardnet import config"),
        ("__init__.py", "from .tensor import Tensor\nfrom . import nn"),
        ("cli/app.py", "import forwardnet as ff\nfrom forwardnet import __version__"),
    ],
)
def test_a_right_direction_passes(path: str, source: str) -> None:
    assert order_faults(source, path) == []


@pytest.mark.parametrize(
    ("path", "source", "told"),
    [
        ("nn/linear.py", "import sklearn", "allowed only in"),
        ("nn/linear.py", "import requests", "not among the dependencies"),
        ("data/datasets.py", "from sklearn.datasets import load_iris", "at the top"),
        ("plot/curves.py", "import matplotlib.figure", "at the top"),
        ("report/html.py", "def f():\n    import rich", "allowed only in"),
    ],
)
def test_a_foreign_import_is_seen(path: str, source: str, told: str) -> None:
    (fault,) = foreign_faults(source, path)
    assert told in fault


def test_lazy_foreign_imports_pass() -> None:
    assert foreign_faults("def f():\n    from sklearn.datasets import load_iris", "data/datasets.py") == []
    assert foreign_faults("import typer, numpy, os", "cli/main.py") == []


def test_lengths_are_seen() -> None:
    body = "\n".join(["    x = 1"] * MAX_FUNCTION_LINES)
    assert length_faults(f"def f():\n{body}\n", "a.py")
    assert (
        length_faults('def f():\n    """Doc.\n\n    More.\n    """\n' + "\n".join(["    x = 1"] * 49) + "\n", "a.py")
        == []
    )
    assert length_faults("x = 1\n" * (MAX_FILE_LINES + 1), "a.py")
