"""What the documents say is true: their code runs, their tables are current, their commands exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def python_blocks(text: str) -> list[str]:
    """The contents of the Python code blocks of a Markdown text."""
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


WITH_CODE = [path for path in DOCUMENTS if python_blocks(path.read_text(encoding="utf-8"))]


def test_there_are_documents_with_code() -> None:
    assert ROOT / "README.md" in WITH_CODE


@pytest.mark.parametrize("path", WITH_CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_blocks_run(path: Path, tmp_path: Path) -> None:
    # One interpreter for a document, from top to bottom, as a reader would type it, in a folder of its own.
    code = "\n".join(python_blocks(path.read_text(encoding="utf-8")))
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "FORWARDNET_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{path.name}:\n{done.stderr}"


def test_reference_tables_are_current() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(ROOT / "tools" / "build_docs.py"), "--check"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_make_targets_that_documents_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    named = {
        (path.name, target)
        for path in DOCUMENTS
        for target in re.findall(r"(?:^|`)make ([a-z][a-z-]*)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    assert {"demo", "test", "check", "bench", "docs", "test-torch"} <= targets
    assert len(named) > 5
    assert [f"{name}: make {target}" for name, target in sorted(named) if target not in targets] == []
