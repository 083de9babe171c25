"""docs/coverage.md: every row is there, everything it names exists, and the checks see what is wrong."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = {"NP": 20, "BU": 19, "OL": 29, "AC": 31, "IN": 9, "OP": 26, "LR": 16, "RG": 27, "VA": 9, "NM": 24}
ROWS |= {"VF": 32, "EX": 26, "DS": 16, "AP": 11}


def loaded() -> Any:
    """tools/build_coverage.py as a module."""
    spec = importlib.util.spec_from_file_location("build_coverage", ROOT / "tools" / "build_coverage.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


tool = loaded()
DATA = tomllib.loads((ROOT / "docs" / "coverage.toml").read_text(encoding="utf-8"))


def test_no_row_is_missing() -> None:
    assert {group: count for group, (_, count) in tool.GROUPS.items()} == ROWS
    assert len(tool.IDS) == len(set(tool.IDS)) == 295
    page = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    assert [row for row in tool.IDS if f"\n| {row} | " not in page] == []


def test_everything_named_exists_and_the_page_is_current(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tool.faults(DATA, tool.marked()) == []
    monkeypatch.setattr(sys, "argv", ["build_coverage.py", "--check"])
    assert tool.main() == 0, capsys.readouterr().out


def test_ids_in_names_of_tests_are_found() -> None:
    found = tool.marked()
    assert "tests/nn/test_dropout.py::test_RG12_both_forms_are_one_network" in found["RG12"]
    assert any("test_AC05_AC06_TA42" in test for test in found["AC06"]), "several ids in one name"
    unknown = {row for row in found if row[:2] in tool.GROUPS} - set(tool.IDS)
    assert not unknown, "tests name rows that do not exist"


def changed(row: str, **entries: Any) -> dict[str, Any]:
    return {**DATA, row: {**DATA[row], **entries}}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({row: entry for row, entry in DATA.items() if row != "RG07"}, "RG07 is missing"),
        ({**DATA, "RG28": DATA["RG27"]}, "RG28 is no row"),
        (changed("RG07", what=""), "RG07 does not say what it is"),
        (changed("RG07", how="well"), "RG07 has unknown keys: how"),
        (changed("RG07", where=["nn.Dropuot"]), "RG07: nn.Dropuot does not exist"),
        (changed("RG07", where=["docs/nothing.md"]), "RG07: docs/nothing.md does not exist"),
        (changed("RG07", shown=["examples/nothing.py"]), "RG07: examples/nothing.py does not exist"),
        (changed("RG07", shown=["tests/nn/test_noise.py::test_nothing"]), "RG07: tests/nn/test_noise.py::test_nothing"),
        (changed("NP02", shown=[]), "NP02 is shown by 0 and not open"),
        (changed("RG07", open="nobody has built it"), "RG07 is shown by 1 and open"),
    ],
)
def test_what_is_wrong_is_seen(data: dict[str, Any], said: str) -> None:
    (fault,) = tool.faults(data, tool.marked())
    assert fault.startswith(said)


def test_names_are_looked_up_where_they_live() -> None:
    for name in (
        "nn.Dropout",
        "train.Trainer.fit",
        "optim.lr_scheduler.StepLR",
        "data.splits.bootstrap",
        "docs/design/",
    ):
        assert tool.lives(name), name
    for name in ("nn.dropuot", "train.Trainer.fitt", "nothing", "docs/nothing.md"):
        assert not tool.lives(name), name


def test_an_open_row_says_what_is_missing() -> None:
    row = tool.Row("RG07", "a | b", ("nn.Dropout", "docs/coverage.toml"), (), "nobody has built it")
    assert tool.line(row) == (
        "| RG07 | a \\| b | `nn.Dropout`, [coverage.toml](../docs/coverage.toml) | **open**: nobody has built it |"
    )
    assert tool.link("tests/a/test_b.py::test_c") == "[test_b.py](../tests/a/test_b.py) `test_c`"
