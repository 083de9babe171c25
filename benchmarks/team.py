"""The other end of the contenders' processes: starts them, asks them, and lets one work at a time."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[1]


class FailedError(RuntimeError):
    """A contender could not do what was asked; the message is its own."""


def environment(threads: int, cache: Path) -> dict[str, str]:
    """The caller's environment with the number of threads for every library, and caches below `cache`."""
    count = str(threads)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")  # NPROC: XLA
    folders = {
        "FORWARDNET_CACHE": cache / "forwardnet",
        "TORCHINDUCTOR_CACHE_DIR": cache / "inductor",
        "JAX_COMPILATION_CACHE_DIR": cache / "jax",
    }
    # Where Python may not keep compiled modules, each process would compile ours anew, but not those pip installed.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,
        **dict.fromkeys(names, count),
        **{name: str(path) for name, path in folders.items()},
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # else it keeps processes waiting beside us
        "JAX_PLATFORMS": "cpu",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }


class Member:
    """One contender with one number of threads, in a process of its own that lives until `close`."""

    def __init__(self, key: str, threads: int, cache: Path, log: TextIO) -> None:
        self.key, self.threads = key, threads
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", key, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(threads, cache),
        )

    @property
    def process(self) -> int:
        """The number of its process."""
        return self._process.pid

    def ask(self, command: str, *arguments: Any) -> Any:
        """The answer to a command; raises FailedError."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"command": command, "arguments": arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise FailedError(f"its process ended with status {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise FailedError(answer["error"])
        return answer["value"]

    def close(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it may have died with a question unread
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


class Team:
    """All members of a run, closed together."""

    def __init__(self, cache: Path, log: TextIO) -> None:
        self._cache, self._log = cache, log
        self.members: list[Member] = []

    def add(self, key: str, threads: int) -> Member:
        """Start a member, with empty caches; it imports its library at the first question."""
        member = Member(key, threads, self._cache / f"{key}-{threads}", self._log)
        self.members.append(member)
        return member

    def __enter__(self) -> Team:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self.members:
            member.close()
