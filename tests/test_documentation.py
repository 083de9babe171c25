"""What the documents say is true: their code runs, their tables are current, their commands and links exist."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(text: str, language: str = r"\w*") -> list[str]:
    """The contents of the code blocks of a Markdown text."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def python(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in `folder` on this checkout, with a cache of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "FORWARDNET_CACHE": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


# What a translation would run is what the original has run: its code is compared with the original's, below.
ORIGINALS = [path for path in DOCUMENTS if path.suffixes != [".zh", ".md"]]
WITH_CODE = [path for path in ORIGINALS if blocks(text_of(path), "python")]
WITH_COMMANDS = [path for path in ORIGINALS if re.search(r"^forwardnet ", "".join(blocks(text_of(path))), re.MULTILINE)]


# ---------------------------------------------------------------- what can be run


def test_there_are_documents_with_code() -> None:
    assert {ROOT / "README.md", ROOT / "docs" / "design" / "002-tensor-semantics.md"} <= set(WITH_CODE)
    assert ROOT / "README.md" in WITH_COMMANDS
    assert len(EXAMPLES) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("path", WITH_CODE, ids=name_of)
def test_code_blocks_run(path: Path, tmp_path: Path) -> None:
    # One interpreter for a document, from top to bottom, as a reader would type it, in a folder of its own.
    done = python(["-c", "\n".join(blocks(text_of(path), "python"))], tmp_path)
    assert done.returncode == 0, f"{path.name}:\n{done.stderr}"
    assert done.stderr == "", f"{path.name} warns:\n{done.stderr}"
    if path.name == "README.md":
        check_promised_accuracies(text_of(path), done.stdout)


def check_promised_accuracies(text: str, printed: str) -> None:
    """Each `print(...)  # ... more than 0.97` of a document printed a number, or an accuracy, above that."""
    promised = [float(number) for number in re.findall(r"^print\(.*#.*more than ([\d.]+)$", text, re.MULTILINE)]
    values = [ast.literal_eval(line) for line in printed.splitlines() if re.match(r"[\d{]", line)]
    reached = [value["accuracy"] if isinstance(value, dict) else value for value in values]
    assert len(promised) == len(reached) >= 2
    assert all(r > p for r, p in zip(reached, promised, strict=True)), f"reached {reached}, promised {promised}"


@pytest.mark.slow
@pytest.mark.parametrize("path", WITH_COMMANDS, ids=name_of)
def test_commands_run(path: Path, tmp_path: Path) -> None:
    lines = "\n".join(blocks(text_of(path), "sh")).splitlines()
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("forwardnet ")]
    assert {command[0] for command in commands} == {"datasets", "train", "evaluate", "predict", "inspect"}
    write_table(tmp_path / "table.csv")
    for command in commands:
        done = python(["-m", "forwardnet", *command], tmp_path)
        assert done.returncode == 0, f"forwardnet {shlex.join(command)}:\n{done.stderr}"
        assert done.stdout
    assert len((tmp_path / "predictions.csv").read_text(encoding="utf-8").splitlines()) == 1 + 359
    assert len((tmp_path / "answers.csv").read_text(encoding="utf-8").splitlines()) == 1 + 120
    assert all((tmp_path / "runs" / name / "report.html").is_file() for name in ("digits", "table"))


def write_table(path: Path) -> None:
    """The file that a reader would have: numbers, names, gaps, and a column y."""
    rows = [f"{i % 9},{'abc'[i % 3]},{i / 7:.3g},{'yes' if i % 9 > 4 else 'no'}" for i in range(120)]
    path.write_text("\n".join(["size,shop,weight,y", *rows]), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_examples_keep_their_word(path: Path, tmp_path: Path) -> None:
    assert "\nassert " in text_of(path), "an example checks what it claims"
    done = python(["-W", "error", str(path)], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


def test_reference_tables_are_current(tmp_path: Path) -> None:
    done = python([str(ROOT / "tools" / "build_docs.py"), "--check"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------- what must exist, and agree


def test_make_targets_that_documents_name_exist() -> None:
    makefile = text_of(ROOT / "Makefile")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    named = {
        (path.name, target)
        for path in DOCUMENTS
        for target in re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text_of(path), flags=re.MULTILINE)
    }
    assert {"demo", "test", "check", "bench", "docs", "test-torch"} <= targets
    assert len(named) > 5
    assert [f"{name}: make {target}" for name, target in sorted(named) if target not in targets] == []


def test_the_table_of_commands_is_complete(tmp_path: Path) -> None:
    code = (
        "from forwardnet.cli.app import app; print(*(c.name or c.callback.__name__ for c in app.registered_commands))"
    )
    done = python(["-c", code], tmp_path)
    assert done.returncode == 0, done.stderr
    table = re.findall(r"^\| `forwardnet ([a-z-]+)", text_of(ROOT / "README.md"), flags=re.MULTILINE)
    assert sorted(table) == sorted(done.stdout.split()) and len(table) >= 4


def test_links_lead_somewhere() -> None:
    links = [
        (path, target.partition("#")[0])
        for path in DOCUMENTS
        for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(text_of(path)))
        if not re.match(r"https?:|#", target)
    ]
    assert len(links) > 10
    assert [f"{name_of(path)}: {target}" for path, target in links if not (path.parent / target).exists()] == []


def test_the_index_of_design_pages_is_complete() -> None:
    folder = ROOT / "docs" / "design"
    pages = {path.name for path in folder.glob("*.md")} - {"000-index.md"}
    listed = set(re.findall(r"\((\d{3}-[\w-]+\.md)\)", text_of(folder / "000-index.md")))
    assert listed == pages and len(pages) >= 5


def outline(text: str) -> list[str]:
    """What must be the same in every language: levels of headings, sizes of tables and lists, code, links."""
    plain = without_blocks(text)
    lines = [match[0] for match in re.finditer(r"^(#+ |\* |\|(?: `[^`]*`)?)", plain, flags=re.MULTILINE)]
    return [*lines, *blocks(text), *sorted(re.findall(r"\]\(((?:docs|examples|CONTR)[^)]*)\)", plain))]


def test_the_chinese_readme_is_in_step() -> None:
    english, chinese = text_of(ROOT / "README.md"), text_of(ROOT / "README.zh.md")
    assert outline(chinese) == outline(english)
    assert len(blocks(english)) >= 5 and len(outline(english)) > 30
    # Each paragraph carries figures and names in code; those must not drift apart either.
    for mark in (r"`[^`]+`", r"\b\d[\d.]*\b"):
        in_english, in_chinese = (
            sorted(re.findall(mark, without_blocks(text), flags=re.ASCII)) for text in (english, chinese)
        )
        assert in_chinese == in_english


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text.replace("## ", "### ", 1),
        lambda text: text.replace("lr=0.01", "lr=0.02"),
        lambda text: re.sub(r"^\| `make bench`.*\n", "", text, flags=re.MULTILINE),
        lambda text: text.replace("](examples)", "](docs/design)"),
    ],
    ids=["heading", "code", "table", "link"],
)
def test_a_step_apart_is_seen(changed: object) -> None:
    assert callable(changed)
    english = text_of(ROOT / "README.md")
    assert changed(english) != english
    assert outline(changed(english)) != outline(english)
