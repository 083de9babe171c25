"""The code cache: what is in it may be executed, so what looks wrong is not; nothing that fails there is an error."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.compiler import bits, cache, engine
from forwardnet.compiler.program import Native, Signature
from forwardnet.ir.graph import Graph, Spec

pytestmark = pytest.mark.skipif(os.name != "posix", reason="ownership and modes mean something else here")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for each test, and nothing held in memory."""
    monkeypatch.setenv("FORWARDNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_held", {})
    return tmp_path / "cache" / "code"


@pytest.fixture
def assembled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules that were compiled because no kept code was used."""
    texts: list[str] = []
    real = engine.assemble

    def counted(text: str) -> bytes:
        texts.append(text)
        return real(text)

    monkeypatch.setattr(engine, "assemble", counted)
    return texts


def result() -> Any:
    """Compile x + 1, as a new process would, and run it."""
    cache._held.clear()
    graph = Graph()
    graph.outputs = [graph.input(Spec((3,), np.dtype("float32"))) + 1.0]
    native = Native(graph, Signature())
    native.set_input(0, np.arange(3, dtype=np.float32))
    native.run()
    return native.output(0, (3,)).tolist()


RIGHT = [1.0, 2.0, 3.0]


@pytest.fixture(scope="module", autouse=True)
def _generators_are_there() -> None:
    """The first program of a process keeps code for random numbers, too: not in the folders of these tests."""
    bits.install()


def the_file(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def test_code_is_kept_closed_to_others_and_used_again(folder: Path, assembled: list[str]) -> None:
    before = os.umask(0)  # the modes do not depend on it
    try:
        assert result() == RIGHT
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(the_file(folder).stat().st_mode) == 0o600
    assert result() == RIGHT
    assert len(assembled) == 1


def test_other_code_has_another_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor, LLVM, the compiler's own sources and the program all count."""
    result()
    monkeypatch.setattr(engine, "host", lambda: (engine.binding.get_host_cpu_name(), "+sse2"))
    result()
    monkeypatch.undo()
    monkeypatch.setenv("FORWARDNET_CACHE", str(folder.parent))
    monkeypatch.setattr(cache, "_sources", lambda: "another compiler")
    result()
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o750, 0o701, 0o720])
def test_a_folder_open_to_others_is_not_used(folder: Path, assembled: list[str], mode: int) -> None:
    result()
    folder.chmod(mode)
    assert result() == RIGHT
    assert len(assembled) == 2  # not read
    the_file(folder).unlink()
    assert result() == RIGHT
    assert not list(folder.iterdir())  # not written


@pytest.mark.parametrize("mode", [0o660, 0o604, 0o602])
def test_a_file_open_to_others_is_not_used(folder: Path, assembled: list[str], mode: int) -> None:
    result()
    the_file(folder).chmod(mode)
    assert result() == RIGHT
    assert len(assembled) == 2
    assert stat.S_IMODE(the_file(folder).stat().st_mode) == 0o600  # replaced


def test_a_folder_that_is_a_link_is_not_used(folder: Path, assembled: list[str], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder.parent.mkdir()
    folder.symlink_to(elsewhere)
    assert result() == RIGHT
    assert not list(elsewhere.iterdir())
    assert cache.clear() == 0


def test_a_file_that_is_a_link_is_not_used(folder: Path, assembled: list[str], tmp_path: Path) -> None:
    result()
    path = the_file(folder)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert result() == RIGHT
    assert len(assembled) == 2
    assert not path.is_symlink() and (tmp_path / "elsewhere").exists()  # the link was replaced, not followed


def test_what_belongs_to_another_user_is_not_used(
    folder: Path, assembled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert result() == RIGHT
    assert len(assembled) == 2
    assert cache.clear() == 0 and the_file(folder).exists()


def test_a_pipe_in_place_of_a_file_does_not_hang(folder: Path, assembled: list[str]) -> None:
    result()
    path = the_file(folder)
    path.unlink()
    os.mkfifo(path, 0o600)
    assert result() == RIGHT


def damaged(content: bytes) -> dict[str, bytes]:
    """Contents of which none may be executed."""
    code = content[len(cache.MAGIC) + 32 :]
    signed = {name: cache.MAGIC + hashlib.sha256(c).digest() + c for name, c in FOREIGN.items()}
    flipped = {
        f"bit {i}": bytes([*content[:i], content[i] ^ 1, *content[i + 1 :]]) for i in (0, 20, 60, -1 % len(content))
    }
    return {
        "empty": b"",
        "only a head": content[: len(cache.MAGIC) + 32],
        "half": content[: len(content) // 2],
        "without its end": content[:-1],
        "with more": content + b"\0",
        "an older format": content.replace(b"code 1", b"code 0", 1),
        "no head": code,
        **flipped,
        **signed,
    }


FOREIGN = {"text": b"not object code at all", "an empty object": b"", "an ELF head": b"\x7fELF" + bytes(60)}


def test_damaged_and_foreign_files_are_compiled_again(folder: Path, assembled: list[str]) -> None:
    result()
    path = the_file(folder)
    good = path.read_bytes()
    contents = damaged(good)
    assert len(contents) == 14
    for number, (name, content) in enumerate(contents.items()):
        path.write_bytes(content)
        assert result() == RIGHT, name
        assert len(assembled) == number + 2, name
        assert path.read_bytes() == good, name  # put right


def test_code_of_another_module_is_compiled_again(folder: Path, assembled: list[str]) -> None:
    """A file with a right checksum that has no such function."""
    result()
    code = engine.assemble("define i64 @other() {\n  ret i64 1\n}\n")
    the_file(folder).write_bytes(cache.MAGIC + hashlib.sha256(code).digest() + code)
    assert result() == RIGHT
    assert len(assembled) == 3


@pytest.mark.parametrize("where", ["mkdir", "mkstemp", "write", "replace"])
def test_a_full_disk_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    class Full:
        def __init__(self, handle: int, mode: str) -> None:
            os.close(handle)

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        write = full

    if where == "mkdir":
        monkeypatch.setattr(Path, "mkdir", full)
    elif where == "mkstemp":
        monkeypatch.setattr(cache.tempfile, "mkstemp", full)
    elif where == "write":
        monkeypatch.setattr(os, "fdopen", Full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    assert result() == RIGHT
    monkeypatch.undo()
    assert not folder.exists() or not list(folder.iterdir())  # no half-written file stays


def test_a_file_appears_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is given by a rename, after the content was written and closed."""
    seen: list[tuple[str, bool]] = []
    real = Path.replace

    def watched(self: Path, target: Any) -> Any:
        content = self.read_bytes()
        head = len(cache.MAGIC) + 32
        is_whole = hashlib.sha256(content[head:]).digest() == content[len(cache.MAGIC) : head]
        seen.append((self.name, is_whole and not Path(target).exists()))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    result()
    assert [(name.startswith(cache.UNFINISHED), is_whole) for name, is_whole in seen] == [(True, True)]
    assert not the_file(folder).name.startswith(cache.UNFINISHED)


@pytest.mark.parametrize("place", ["a file", "below a file"])
def test_a_cache_that_cannot_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (tmp_path / "taken").write_text("")
    path = tmp_path / "taken" if place == "a file" else tmp_path / "taken" / "below"
    monkeypatch.setenv("FORWARDNET_CACHE", str(path))
    assert result() == RIGHT
    assert cache.info()["programs"] == 0
    assert cache.clear() == 0


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("FORWARDNET_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert result() == RIGHT


def test_info_and_clear(folder: Path, assembled: list[str]) -> None:
    assert cache.info() == {"folder": str(folder), "programs": 0, "bytes": 0}
    assert cache.clear() == 0
    result()
    size = the_file(folder).stat().st_size
    (folder / f"{cache.UNFINISHED}of a process that was killed").write_bytes(b"1234")
    assert cache.info() == {"folder": str(folder), "programs": 1, "bytes": size}
    assert cache.clear() == 2
    assert not list(folder.iterdir()) and cache._held == {}
    assert result() == RIGHT
    assert len(assembled) == 2


def test_files_that_vanish_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process clears the cache, too."""
    result()
    kept = the_file(folder)
    real = Path.glob
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [self / "gone", *real(self, pattern)])
    assert cache.info() == {"folder": str(folder), "programs": 1, "bytes": kept.stat().st_size}
    assert cache.clear() == 1


def test_two_processes_at_once(folder: Path) -> None:
    script = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from compiler.test_cache import result\n"
        "print([result() for _ in range(3)])"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=120)[0].strip() for process in both]
    assert answers == [str([RIGHT] * 3)] * 2
    names = [path.name for path in folder.iterdir()]
    assert len(names) == 3 and not any(name.startswith(cache.UNFINISHED) for name in names)  # and the generators
