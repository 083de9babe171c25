"""Options of a table's run: texts become checked values, what makes no sense together is refused."""

from __future__ import annotations

from typing import Any

import pytest

from forwardnet.cli.tabular.options import parse_cv, parse_kinds

TRAIN = {
    "--cv 1": "--cv is 1, expected at least 2 folds, or 'loo'",
    "--cv ten": "--cv is 'ten', expected a number of folds such as 10, or 'loo'",
    "--repeats 0 --cv 5": "--repeats is 0, expected a whole number of at least 1",
    "--repeats 2": "--repeats needs --cv (hint: --cv 5 --repeats 3)",
    "--repeats 2 --cv loo": "exclude each other: there is one way to leave one row out",
    "--time t --group g": "--time orders the rows",
    "--time t --cv loo": "--time orders the rows",
    "--kind x": "--kind is 'x', expected COLUMN=KIND (hint: such as --kind zip=category)",
    "--kind x=nubmer": "unknown kind of column 'nubmer' (hint: did you mean 'number'?)",
    "--task regresion": "unknown task 'regresion' (hint: did you mean 'regression'?)",
    "--metric acuracy": "unknown metric 'acuracy' (hint: did you mean 'accuracy'?)",
    "--preset realmpl": "unknown preset 'realmpl' (hint: did you mean 'realmlp'?)",
    "--preset realmlp --hidden 8": "--hidden and --preset realmlp exclude each other",
    "--preset realmlp --label-smoothing 0.1": "--label-smoothing and --preset realmlp exclude each other",
    "--time-limit -1": "--time-limit is -1, expected a number of seconds above 0",
    "--time-limit soon": "--time-limit is 'soon', expected a number",
    "--threads 0": "--threads is 0, expected a whole number of at least 1",
    "--seed -1": "--seed is -1, expected a whole number from 0 to 2^63 - 1",
    "--hidden 0": "--hidden has a layer of 0 units",
    "--group a --weights a": "column 'a' was given two roles",
    "--target a --ignore a": "column 'a' was given two roles",
}


@pytest.mark.parametrize("line", TRAIN)
def test_one_line_and_code_2_before_the_file_is_read(run: Any, line: str) -> None:
    result = run("train", "missing.csv", *line.split())
    assert result.code == 2 and result.out == ""
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("error: ") and TRAIN[line] in result.err


def test_kinds_and_folds() -> None:
    assert parse_kinds(["a=b=number", "c=date"]) == {"a=b": "number", "c": "date"}
    assert (parse_cv("10"), parse_cv("loo"), parse_cv(None)) == (10, "loo", None)


def test_a_missing_file(run: Any) -> None:
    result = run("train", "missing.csv", "--target", "y")
    assert result.code == 2 and "missing.csv" in result.err and len(result.err.splitlines()) == 1
