"""Where data files are looked for, and the user's private folder for downloads."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .. import config
from ..errors import DataError, FileFormatError


def search_folders(name: str, data_dir: str | Path | None) -> list[Path]:
    """Folders that may hold the files of data set `name`, in the order of search.

    A `data_dir` that is given is the only place, itself or its subfolder `name`: who names a folder means that folder.
    Else `$FORWARDNET_DATA`, likewise, then the cache. Raises FileFormatError where `data_dir` is no folder.
    """
    if data_dir is not None:
        root = Path(data_dir).expanduser()
        if not root.is_dir():
            raise FileFormatError(f"{root}: no such folder", hint=f"expected the folder with the files of {name!r}")
        return [root / name, root]
    named = config.data_dir()
    from_environment = [named / name, named] if named else []
    return [*from_environment, cache_folder(name)]


def cache_folder(name: str) -> Path:
    """The folder of data set `name` below the user's cache; it need not exist."""
    return config.cache_dir() / "data" / name


def find_file(filename: str, folder: Path) -> Path | None:
    """`filename`.gz or the unpacked `filename` in `folder`, None where it has neither."""
    for candidate in (folder / f"{filename}.gz", folder / filename):
        if candidate.is_file():
            return candidate
    return None


def find_all(filenames: Sequence[str], folders: Sequence[Path]) -> list[Path] | None:
    """All files from the first folder that has every one of them, None where no folder has."""
    for folder in folders:
        found = [find_file(filename, folder) for filename in filenames]
        complete = [path for path in found if path is not None]
        if len(complete) == len(filenames):
            return complete
    return None


def make_private(folder: Path) -> Path:
    """Create `folder` and what is missing above it, for this user only (0700).

    Raises DataError where it cannot be created, or belongs to somebody else, who could then put other data into it.
    """
    try:
        # One by one: with `parents=True` those above would get the default mode.
        for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from error
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        raise _unusable(folder, "it belongs to another user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock named by `path`, so that two processes do not write the same download.

    Systems without `fcntl` go unlocked: a spoilt download is then still refused by its checksum.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _unusable(folder: Path, reason: str) -> DataError:
    return DataError(
        f"the cache folder {folder} cannot be used: {reason}", hint="name another one with FORWARDNET_CACHE"
    )
