"""Tables that nobody wishes for, through the command: a model or one clear sentence, never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROWS = [f"{i % 7},{(i * 5) % 11},{'ab'[(i // 2) % 2]}" for i in range(40)]


def lines(*rows: str, head: str = "p,q,y") -> bytes:
    return "\n".join([head, *rows]).encode()


TABLES: dict[str, tuple[bytes, int]] = {
    "plain": (lines(*ROWS), 0),
    "bom": (b"\xef\xbb\xbf" + lines(*ROWS), 0),
    "utf-16": ("\n".join(["p,q,y", *ROWS]).encode("utf-16"), 0),
    "latin-1": (lines(*ROWS).replace(b"b", b"\xe9"), 0),
    "semicolons and decimal commas": (lines(*ROWS).replace(b",", b";").replace(b"\n1;", b"\n1,5;"), 0),
    "windows line ends": (lines(*ROWS).replace(b"\n", b"\r\n"), 0),
    "quoted newlines": (lines(*[row.replace("a", '"a\na"') for row in ROWS]), 0),
    "missing words": (lines(*[row.replace("3,", "NA,") for row in ROWS]), 0),
    "infinite numbers": (lines(*[row.replace("3,", "inf,") for row in ROWS]), 0),
    "huge integers": (lines(*[f"{10**30 + i},{row}" for i, row in enumerate(ROWS)], head="h,p,q,y"), 0),
    "mixed types": (lines(*[row if i % 5 else f"x{i},1,a" for i, row in enumerate(ROWS)]), 0),
    "one class": (lines(*[row[:-1] + "a" for row in ROWS]), 2),
    "constant inputs": (lines(*[f"1,2,{row[-1]}" for row in ROWS]), 2),
    "empty": (b"", 2),
    "only a header": (lines(), 2),
    "one row": (lines(ROWS[0]), 2),
    "ragged rows": (lines(*ROWS, "1,2,3,4,5"), 2),
    "NUL bytes": (lines(*ROWS[:20], "\0\0\0", *ROWS[20:]), 2),
    "binary": (bytes(range(256)) * 8, 2),
    "no target": (lines(*ROWS, head="p,q,z"), 2),
    "a class with one row": (lines(*ROWS, "1,1,c"), 0),
    "eleven rows": (lines(*ROWS[:11]), 0),
    "duplicated rows": (lines(*(ROWS[:8] * 6)), 0),
    "a text in every row": (lines(*[f"the text number {i},{row}" for i, row in enumerate(ROWS)], head="t,p,q,y"), 0),
    "more columns than rows": (
        lines(*[",".join(str((i * j) % 13) for j in range(60)) + f",{row}" for i, row in enumerate(ROWS[:20])],
              head=",".join(f"c{j}" for j in range(60)) + ",p,q,y"), 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_model_or_one_sentence(run: Any, tmp_path: Path, name: str) -> None:
    content, code = TABLES[name]
    (tmp_path / "t.csv").write_bytes(content)
    line = ("--target", "y", "--hidden", "4", "--epochs", "2", "--quiet", "--out", tmp_path / "run")
    result = run("train", tmp_path / "t.csv", *line)
    assert result.code == code, result.err
    if code:
        assert result.out == "" and len(result.err.splitlines()) == 1
        assert result.err.startswith("error: ") and "t.csv" in result.err and not (tmp_path / "run").exists()
    else:
        assert (tmp_path / "run" / "model.safetensors").is_file()
        assert "defect" not in result.err
