"""What every test gets: no network, no files outside its own folders, the same examples on every run."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")

# A shell that runs the tests in the background (`make test &`) makes them ignore Ctrl-C, which some of them press.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    with contextlib.suppress(ValueError):  # not in the main thread: nothing can be done
        signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline, because shared machines stall; derandomized, so that a failure is found again by running the test again.
settings.register_profile("forwardnet", deadline=None, derandomize=True, database=None)
settings.load_profile("forwardnet")


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Connections leave this machine in no test; the loopback interface stays open for the downloader's tests."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"a test tried to connect to {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(autouse=True)
def _private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has its own, empty cache folder: the user's is neither read nor written."""
    monkeypatch.setenv("FORWARDNET_CACHE", str(tmp_path_factory.getbasetemp() / "forwardnet-cache"))


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder with the four original MNIST files, found through `FORWARDNET_DATA`."""
    root = os.environ.get("FORWARDNET_DATA")
    if not root:
        pytest.skip("FORWARDNET_DATA is not set: the MNIST files are not at hand")
    for folder in (Path(root) / "mnist", Path(root)):
        if (folder / "train-images-idx3-ubyte.gz").exists() or (folder / "train-images-idx3-ubyte").exists():
            return folder
    pytest.skip(f"FORWARDNET_DATA={root} has no MNIST files")
