"""Object code kept from one process to the next.

A code cache is code that will be executed, so nothing in it is trusted: the folder must be this user's own, no link,
and closed to others (0700); a file is named by the hash of everything its content depends on, and carries the hash of
the content; it is written to a temporary file and renamed. Whatever looks wrong means compiling again, in memory.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from forwardnet import config

if TYPE_CHECKING:
    from forwardnet.compiler import engine

MAGIC = b"forwardnet code 1\n"
UNFINISHED = ".new-"
_held: dict[str, bytes] = {}


def folder() -> Path:
    """Where object code is kept: `code` in the user's cache folder."""
    return config.cache_dir() / "code"


def load(description: str, emit: Callable[[], str], names: list[str]) -> engine.Code:
    """Machine code for what `description` stands for: from memory, from the folder, or from `emit`'s LLVM IR."""
    from forwardnet.compiler import engine

    key = engine.fingerprint(f"{_sources()}\n{description}")
    code = _held.get(key) or _read(key)
    if code is not None:
        with contextlib.suppress(RuntimeError):  # it is no object code, or not of this program
            loaded = engine.load(code, names)
            _held[key] = code
            return loaded
    code = engine.assemble(emit())
    _write(key, code)
    _held[key] = code
    return engine.load(code, names)


@functools.cache
def _sources() -> str:
    """A fingerprint of the compiler itself: other sources make other code."""
    digest = hashlib.sha256()
    package = Path(__file__).resolve().parent
    for path in sorted((*package.rglob("*.py"), *(package.parent / "ops").glob("*.py"))):
        status = path.stat()
        digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _private(path: Path) -> bool:
    """Whether a folder or regular file is this user's own, no link, and closed to others."""
    status = path.lstat()
    is_plain = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    return is_plain and status.st_uid == os.getuid() and not status.st_mode & 0o077


def _usable(*, create: bool) -> Path | None:
    """The folder, if it may be used."""
    if os.name != "posix":
        return None  # ownership and modes mean something else there
    try:
        path = folder()
        if create:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path if path.is_dir() and _private(path) else None
    except (OSError, RuntimeError):  # a RuntimeError is a user without a home
        return None


def _read(key: str) -> bytes | None:
    place = _usable(create=False)
    try:
        if place is None or not _private(place / key):
            return None
        content = (place / key).read_bytes()
    except OSError:
        return None
    head = len(MAGIC) + 32
    digest, code = content[len(MAGIC) : head], content[head:]
    return code if content.startswith(MAGIC) and hashlib.sha256(code).digest() == digest else None


def _write(key: str, code: bytes) -> None:
    """Keep code; a folder that cannot be used, or a full disk, only means that it is not kept."""
    place = _usable(create=True)
    if place is None:
        return
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=place, prefix=UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(MAGIC + hashlib.sha256(code).digest() + code)
            Path(name).replace(place / key)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def info() -> dict[str, object]:
    """The folder, how many programs it holds, and their size in bytes."""
    sizes = []
    for path in folder().glob("*") if folder().is_dir() else ():
        with contextlib.suppress(OSError):  # another process may have removed it
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and not path.name.startswith(UNFINISHED):
                sizes.append(status.st_size)
    return {"folder": str(folder()), "programs": len(sizes), "bytes": sum(sizes)}


def clear() -> int:
    """Remove all kept code; returns how many files went."""
    _held.clear()
    count = 0
    place = _usable(create=False)
    for path in place.glob("*") if place is not None else ():
        with contextlib.suppress(OSError):
            if stat.S_ISREG(path.lstat().st_mode):
                path.unlink()
                count += 1
    return count
