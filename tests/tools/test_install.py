"""The installer writes below its folder and nowhere else, and says what is wrong in one line."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "install.sh"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="make and a POSIX shell are needed")


def tiny_wheel(folder: Path) -> Path:
    """A wheel with one module, made by hand."""
    info = "tiny-1.0.dist-info"
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", "answer = 42\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"tiny.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def program(path: Path, text: str) -> None:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def install(cwd: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, **settings}
    return subprocess.run([SCRIPT, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_everything_lies_below_the_folder(tmp_path: Path) -> None:
    home, place, programs = (tmp_path / name for name in ("home", "place", "programs"))
    for folder in (home, place, programs):
        folder.mkdir()
    wheel = tiny_wheel(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    # pip runs rustc, and rustup's writes its settings into its own folder, by default below the user's.
    program(
        programs / "rustc",
        'd=${RUSTUP_HOME:-$HOME/.rustup}; mkdir -p "$d" && echo 1 > "$d/settings.toml"; : > "$ASKED"; exit 1',
    )
    done = install(
        place,
        *("env", "--no-index", "--no-deps", str(wheel)),
        HOME=str(home),
        TMPDIR=str(home),
        ASKED=str(place / "asked"),
        PIP_TARGET=str(home / "elsewhere"),
        PYTHONPATH=str(home),
        PATH=f"{programs}:{os.environ['PATH']}",
    )
    assert done.returncode == 0, done.stderr
    found = subprocess.check_output([place / "env" / "bin" / "python", "-c", "import tiny; print(tiny.__file__)"])
    assert str(place / "env") in found.decode()
    assert (place / "asked").exists(), "pip did not run rustc: this test no longer shows anything"
    assert [str(path.relative_to(home)) for path in home.rglob("*")] == []
    assert {path.name for path in tmp_path.iterdir()} == before
    assert {path.name for path in place.iterdir()} == {"env", "asked"}
    assert not (place / "env" / "tmp").exists() and not (place / "env" / "cache" / "pip").exists()


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    old = tmp_path / "python-of-old"
    program(old, 'case "$*" in --version) echo "Python 3.9.2";; *) exit 1;; esac')
    done = install(tmp_path, "env", PYTHON=str(old))
    assert done.returncode == 1
    assert done.stderr.startswith("error: Python 3.11 or newer is needed, found: Python 3.9.2")
    assert not (tmp_path / "env").exists()


def test_a_missing_python_is_named(tmp_path: Path) -> None:
    done = install(tmp_path, "env", PYTHON="no-such-python")
    assert done.returncode == 1
    assert "error: Python 3.11 or newer is needed, found: none" in done.stderr
