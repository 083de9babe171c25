"""Fetches files of known size and SHA-256 from public mirrors, and takes up an interrupted download where it stopped.

What has arrived lies in `NAME.part`; `NAME.part.from` keeps the address and the server's mark (ETag) of that content.
The file gets its name only after its checksum is right, so a file with that name is always whole.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError, FileFormatError
from .cache import locked, make_private

Progress = Callable[[str, int, int], None]  # file name, bytes done, bytes in all

CHUNK = 1 << 16
ATTEMPTS_PER_MIRROR = 3
NETWORK_ERRORS = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class RemoteFile:
    """A file that is always the same: its name, size in bytes and SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


class _RefusedError(Exception):
    """This mirror cannot give the file; the text says why."""


def fetch(
    file: RemoteFile, mirrors: Sequence[str], folder: Path, *, progress: Progress | None = None, timeout: float = 30.0
) -> Path:
    """Bring `file` into `folder` and return its path; nothing is fetched where it is already there.

    `mirrors` are addresses that end in `/`, tried in order. `timeout` in seconds is for each wait on the network.
    Raises FileFormatError with the reason given by each mirror where none of them has the right file.
    """
    target = make_private(folder) / file.name
    with locked(folder / f"{file.name}.lock"):
        if target.is_file():
            return target
        reasons = []
        for mirror in mirrors:
            try:
                _fetch_from(mirror + file.name, file, target, progress or _silent, timeout)
                return target
            except _RefusedError as refused:
                reasons.append(f"{mirror + file.name}: {refused}")
    raise FileFormatError(f"{file.name} could not be downloaded:\n  " + "\n  ".join(reasons))


def _fetch_from(url: str, file: RemoteFile, target: Path, progress: Progress, timeout: float) -> None:
    """Try one mirror a few times; each attempt goes on from what has arrived, and a wrong checksum starts afresh."""
    part = target.with_name(target.name + ".part")
    origin = target.with_name(target.name + ".part.from")
    reason = ""
    for _ in range(ATTEMPTS_PER_MIRROR):
        try:
            _receive(url, file, part, origin, progress, timeout)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 416:  # 416: what we have is not a beginning of what the server has
                raise _RefusedError(f"the server answers {error.code} {error.reason}") from error
            reason = "the server cannot continue the file"
            part.unlink(missing_ok=True)
            continue
        except NETWORK_ERRORS as error:
            reason = _why(error)
            if isinstance(error, urllib.error.URLError):
                break  # no connection at all: a further attempt would wait just as long for nothing
            continue
        size, sha256 = part.stat().st_size, _sha256(part)
        if size == file.size and sha256 == file.sha256:
            _publish(part, target)
            origin.unlink(missing_ok=True)
            return
        if size < file.size:
            reason = f"the connection ended after {size} of {file.size} bytes"
            continue
        reason = f"wrong content: SHA-256 {sha256}, expected {file.sha256}"
        part.unlink()
    raise _RefusedError(reason)


def _receive(url: str, file: RemoteFile, part: Path, origin: Path, progress: Progress, timeout: float) -> None:
    """Append to `part` what is missing, or write it anew where the server sends all of it."""
    have = part.stat().st_size if part.exists() else 0
    if have >= file.size:  # whole, yet never given its name: interrupted before the check, or spoilt
        return
    request = urllib.request.Request(url, headers={"User-Agent": "forwardnet", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        old_url, _, mark = origin.read_text().partition("\n") if origin.exists() else ("", "", "")
        if old_url == url and mark:
            request.add_header("If-Range", mark)  # a file that changed since is then sent whole
    with urllib.request.urlopen(request, timeout=timeout) as response:
        continues = response.status == 206 and _continues(response.headers.get("Content-Range", ""), have, file.size)
        done = have if continues else 0
        _write(origin, f"{url}\n{_strong_mark(response.headers.get('ETag', ''))}".encode(), "wb")
        if not continues:
            _write(part, b"", "wb")
            if response.status == 206:  # some other piece: without the beginning it is worth nothing
                return
        progress(file.name, done, file.size)
        while done <= file.size and (block := response.read(CHUNK)):
            _write(part, block, "ab")
            done += len(block)
            progress(file.name, min(done, file.size), file.size)


def _continues(content_range: str, have: int, size: int) -> bool:
    """Whether `bytes FIRST-LAST/SIZE` begins where we stopped, in a file as large as ours."""
    return content_range.strip() == f"bytes {have}-{size - 1}/{size}"


def _strong_mark(etag: str) -> str:
    """The ETag, unless it is weak: weak ones do not promise equal bytes and may not stand in If-Range."""
    return "" if etag.startswith("W/") else etag


def _write(path: Path, content: bytes, mode: str) -> None:
    """Write, and tell a full disk from a broken network."""
    try:
        with path.open(mode) as stream:
            stream.write(content)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error


def _publish(part: Path, target: Path) -> None:
    """Rename after the content is on the disk, and the name after that."""
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(target)
    if os.name == "posix":
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _why(error: Exception) -> str:
    """The reason of a network error, without the wrapping that urllib puts around it."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__


def _silent(_name: str, _done: int, _total: int) -> None:
    """No progress is shown."""
