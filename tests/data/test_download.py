"""The downloader against a server on this machine: whole, resumed, cut, changed, wrong and absent."""

from __future__ import annotations

import hashlib
import socket
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from data.file_server import Behaviour, serve
from forwardnet.data import download
from forwardnet.data.download import RemoteFile, fetch
from forwardnet.errors import DataError, FileFormatError

CONTENT = np.random.default_rng(0).bytes(300_000)
FILE = RemoteFile("file.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def leave_part(folder: Path, content: bytes, url: str = "", etag: str = "") -> None:
    """What an interrupted download leaves behind."""
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "file.gz.part").write_bytes(content)
    if url:
        (folder / "file.gz.part.from").write_text(f"{url}\n{etag}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_whole_file(folder: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    server = Behaviour({"file.gz": CONTENT})
    with serve(server) as address:
        path = fetch(FILE, [address], folder, progress=lambda *call: calls.append(call))
    assert path == folder / "file.gz"
    assert path.read_bytes() == CONTENT
    assert server.seen == [("/file.gz", None, None)]
    assert names(folder) == ["file.gz"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert calls[0] == ("file.gz", 0, len(CONTENT))
    assert calls[-1] == ("file.gz", len(CONTENT), len(CONTENT))
    done = [call[1] for call in calls]
    assert done == sorted(done)
    assert len(done) > 3


def test_a_file_that_is_there_is_not_fetched(folder: Path) -> None:
    folder.mkdir()
    (folder / "file.gz").write_bytes(CONTENT)
    assert fetch(FILE, [closed_port()], folder).read_bytes() == CONTENT


def test_resumes_where_it_stopped(folder: Path) -> None:
    server = Behaviour({"file.gz": CONTENT}, cut_after=[100_000])
    first_bytes: list[int] = []
    with serve(server) as address:
        path = fetch(FILE, [address], folder, progress=lambda _name, done, _total: first_bytes.append(done))
    assert path.read_bytes() == CONTENT
    assert server.seen == [("/file.gz", None, None), ("/file.gz", "bytes=100000-", '"one"')]
    assert 100_000 in first_bytes[2:], "the progress goes on from what was there"


def test_resumes_in_a_later_call(folder: Path) -> None:
    leave_part(folder, CONTENT[:123_456])
    server = Behaviour({"file.gz": CONTENT})
    with serve(server) as address:
        assert fetch(FILE, [address], folder).read_bytes() == CONTENT
    assert server.seen == [("/file.gz", "bytes=123456-", None)]
    assert names(folder) == ["file.gz"]


def test_a_server_without_ranges_sends_all(folder: Path) -> None:
    leave_part(folder, b"wrong" * 20_000)
    server = Behaviour({"file.gz": CONTENT}, has_ranges=False)
    done: list[int] = []
    with serve(server) as address:
        path = fetch(FILE, [address], folder, progress=lambda _name, count, _total: done.append(count))
    assert path.read_bytes() == CONTENT
    assert len(server.seen) == 1
    assert (done[0], done[-1]) == (0, len(CONTENT)), "what was there is not counted"


def test_a_file_that_changed_on_the_server_is_sent_whole(folder: Path) -> None:
    server = Behaviour({"file.gz": CONTENT}, etag='"two"')
    with serve(server) as address:
        leave_part(folder, b"old" * 1000, f"{address}file.gz", '"one"')
        assert fetch(FILE, [address], folder).read_bytes() == CONTENT
    assert server.seen == [("/file.gz", "bytes=3000-", '"one"')]


def test_weak_marks_and_marks_of_other_mirrors_are_not_used(folder: Path) -> None:
    server = Behaviour({"file.gz": CONTENT}, cut_after=[1000], etag='W/"weak"')
    with serve(server) as address:
        assert fetch(FILE, [address], folder).read_bytes() == CONTENT
    assert server.seen[1] == ("/file.gz", "bytes=1000-", None)


def test_a_spoilt_beginning_is_thrown_away(folder: Path) -> None:
    leave_part(folder, b"x" * 1000)
    server = Behaviour({"file.gz": CONTENT})
    with serve(server) as address:
        assert fetch(FILE, [address], folder).read_bytes() == CONTENT
    assert [seen[1] for seen in server.seen] == ["bytes=1000-", None]


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 10])
def test_a_spoilt_whole_is_thrown_away(folder: Path, size: int) -> None:
    leave_part(folder, b"x" * size)
    server = Behaviour({"file.gz": CONTENT})
    with serve(server) as address:
        assert fetch(FILE, [address], folder).read_bytes() == CONTENT
    assert [seen[1] for seen in server.seen] == [None]


def test_interrupted_just_before_the_end(folder: Path) -> None:
    leave_part(folder, CONTENT)
    assert fetch(FILE, [closed_port()], folder).read_bytes() == CONTENT


def test_a_server_that_sends_another_piece(folder: Path) -> None:
    leave_part(folder, CONTENT[:1000])
    server = Behaviour({"file.gz": CONTENT}, range_start_off_by=7)
    with serve(server) as address:
        assert fetch(FILE, [address], folder).read_bytes() == CONTENT
    assert [seen[1] for seen in server.seen] == ["bytes=1000-", None]


def test_wrong_checksum_is_refused(folder: Path) -> None:
    wrong = CONTENT[:-1] + b"?"
    with serve(Behaviour({"file.gz": wrong})) as address, pytest.raises(FileFormatError) as caught:
        fetch(FILE, [address], folder)
    assert "file.gz could not be downloaded" in str(caught.value)
    assert f"{address}file.gz: wrong content: SHA-256 {hashlib.sha256(wrong).hexdigest()}" in str(caught.value)
    assert f"expected {FILE.sha256}" in str(caught.value)
    assert "file.gz" not in names(folder)
    assert "file.gz.part" not in names(folder)


@pytest.mark.parametrize("content", [CONTENT + b"more", b"", b"<html>not the file</html>"])
def test_wrong_size_is_refused(folder: Path, content: bytes) -> None:
    with serve(Behaviour({"file.gz": content})) as address, pytest.raises(FileFormatError):
        fetch(FILE, [address], folder)
    assert "file.gz" not in names(folder)


def test_always_cut_gives_up_and_keeps_what_came(folder: Path) -> None:
    server = Behaviour({"file.gz": CONTENT}, cut_after=[1000] * 10)
    with serve(server) as address, pytest.raises(FileFormatError, match=r"IncompleteRead|ended after 3000 of 300000"):
        fetch(FILE, [address], folder)
    assert len(server.seen) == download.ATTEMPTS_PER_MIRROR
    assert (folder / "file.gz.part").read_bytes() == CONTENT[:3000]


def test_the_next_mirror_is_asked(folder: Path) -> None:
    absent, failing, good = Behaviour({}), Behaviour({"file.gz": b""}, status=503), Behaviour({"file.gz": CONTENT})
    with serve(absent) as first, serve(failing) as second, serve(good) as third:
        assert fetch(FILE, [closed_port(), first, second, third], folder).read_bytes() == CONTENT
    assert [len(server.seen) for server in (absent, failing, good)] == [1, 1, 1]


def test_every_reason_is_told(folder: Path) -> None:
    nobody = closed_port()
    with serve(Behaviour({})) as absent, pytest.raises(FileFormatError) as caught:
        fetch(FILE, [nobody, absent], folder)
    assert f"{nobody}file.gz: Connection refused" in str(caught.value)
    assert f"{absent}file.gz: the server answers 404 Not Found" in str(caught.value)


def test_a_silent_server_times_out(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(FileFormatError, match="timed out"):
            fetch(FILE, [address], folder, timeout=0.05)


def test_two_at_once_fetch_only_once(folder: Path) -> None:
    server = Behaviour({"file.gz": CONTENT})
    with serve(server) as address:
        threads = [threading.Thread(target=fetch, args=(FILE, [address], folder)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (folder / "file.gz").read_bytes() == CONTENT
    assert len(server.seen) == 1


def test_a_full_disk_is_not_called_a_broken_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, mode: str) -> object:
        raise OSError(28, "No space left on device")

    with serve(Behaviour({"file.gz": CONTENT})) as address:
        folder.mkdir(mode=0o700)
        real = Path.open
        monkeypatch.setattr(
            Path, "open", lambda self, mode="r": full(self, mode) if "part" in self.name else real(self, mode)
        )
        with pytest.raises(DataError, match=r"file\.gz\.part.* cannot be written: No space left on device"):
            fetch(FILE, [address], folder)
