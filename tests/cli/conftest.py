from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from forwardnet.cli.run import execute


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        assert self.out.count("\n") == 1 and self.out.endswith("\n")
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line in this process."""
    monkeypatch.delenv("FORWARDNET_SHOW", raising=False)

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        code = execute([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run on the digits."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    assert execute(["train", "digits", "--hidden", "32", "--epochs", "12", "--quiet", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def diabetes_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short regression."""
    out = tmp_path_factory.mktemp("runs") / "diabetes"
    assert execute(["train", "diabetes", "--hidden", "16", "--epochs", "12", "--quiet", "--out", str(out)]) == 0
    return out
