"""Files that are written whole or not at all.

A reader sees the old file or the new one, never half of one: the bytes go to a temporary file in the same folder,
are forced to disk, and take the final name in one step; then the folder itself is forced to disk, so that the
name survives a power cut. Whatever fails on the way is raised, and the temporary file is removed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file for `path`; it takes the name of `path` when the block ends without an error.

    A symbolic link is followed, so that the file it points to is replaced and the link stays.

    Raises:
        OSError: the folder is missing or not writable, the disk is full, ...; `filename` is the final path.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        try:
            # "x" never writes through somebody else's file or link, and gives the permissions of any new file.
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(target.parent)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        # Name the file the user asked for, not the temporary one.
        raise OSError(error.errno, os.strerror(error.errno), os.fspath(path)) from error


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with atomic_file(path) as file:
        file.write(content)


def write_text(path: str | os.PathLike[str], content: str) -> None:
    """Write `content` to `path` as UTF-8 with `\\n` line ends, whole or not at all."""
    write_bytes(path, content.encode("utf-8"))


def _sync_folder(folder: Path) -> None:
    """Force the folder's list of names to disk; without it a rename may be lost in a power cut."""
    if os.name == "nt":  # folders cannot be opened there, and a rename is already durable
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a folder and say so; that is no failed write.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
