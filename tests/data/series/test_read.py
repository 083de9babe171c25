"""Series out of table files."""

from __future__ import annotations

from pathlib import Path

import pytest

from forwardnet.data.series import read_series
from forwardnet.errors import DataError, ForwardnetError


def table(folder: Path, *lines: str) -> Path:
    path = folder / "series.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def monthly(*columns: str, n: int = 24) -> list[str]:
    """Lines of a table: months, and for each column its number times 100 plus the month's number."""
    lines = [",".join(["month", *columns])]
    for i in range(n):
        values = [str(100 * (k + 1) + (7 * i) % 24 + 0.5) for k in range(len(columns))]
        lines.append(",".join([f"{2020 + i // 12}-{1 + i % 12:02}", *values]))
    return lines


def test_a_date_and_a_value(tmp_path: Path) -> None:
    (series,) = read_series(table(tmp_path, *monthly("sales")))
    assert series.name == "sales" and len(series) == 24
    assert series.frequency is not None and series.frequency.name == "monthly"
    assert series.label(0) == "2020-01" and series.values[0] == 100.5


def test_many_value_columns_are_many_series(tmp_path: Path) -> None:
    path = table(tmp_path, *monthly("a", "b", "c"))
    assert [series.name for series in read_series(path)] == ["a", "b", "c"]
    (only,) = read_series(path, columns=["b"])
    assert only.name == "b" and only.values[0] == 200.5


def test_a_column_says_to_which_series_a_row_belongs(tmp_path: Path) -> None:
    lines = ["day,shop,sold"]
    lines += [
        f"2024-01-{1 + i:02},{shop},{i * scale + 0.5}" for i in range(20) for shop, scale in (("x", 1), ("y", 10))
    ]
    path = table(tmp_path, *lines)
    found = {series.name: series for series in read_series(path, by="shop")}
    assert list(found) == ["x", "y"] and found["y"].values[3] == 30.5
    with pytest.raises(DataError, match="2024-01-01 stands in row 0 and again in row 1"):
        read_series(path, columns=["sold"])


def test_years_without_dates_and_no_dates_at_all(tmp_path: Path) -> None:
    (yearly,) = read_series(table(tmp_path, "year,height", *(f"{1990 + i},{i % 5 + 0.5}" for i in range(20))))
    assert yearly.frequency is not None and yearly.frequency.name == "yearly" and yearly.label(0) == "1990"
    (plain,) = read_series(table(tmp_path, "height", *(f"{i % 5 + 0.5}" for i in range(20))))
    assert plain.dates is None and any("no column of dates" in note for note in plain.notes)


def test_falling_dates_are_turned_round(tmp_path: Path) -> None:
    head, *rows = monthly("sales")
    (series,) = read_series(table(tmp_path, head, *reversed(rows)))
    assert series.label(0) == "2020-01" and series.values[0] == 100.5


def test_whole_numbers_that_all_differ_are_values(tmp_path: Path) -> None:
    lines = ["month,people", *(f"{2020 + i // 12}-{1 + i % 12:02},{1000 + i}" for i in range(24))]
    (series,) = read_series(table(tmp_path, *lines))
    assert series.values.tolist() == [1000 + i for i in range(24)]


def test_missing_values_are_named(tmp_path: Path) -> None:
    lines = monthly("sales")
    lines[5] = "2020-05,"
    path = table(tmp_path, *lines)
    with pytest.raises(DataError, match=r"sales: 1 missing value \(2020-05\)"):
        read_series(path)
    (series,) = read_series(path, missing="interpolate")
    assert series.values[4] == (series.values[3] + series.values[5]) / 2


@pytest.mark.parametrize(
    ("lines", "options", "told"),
    [
        (monthly("sales"), {"columns": ["sails"]}, "sails"),
        (["name,word", *(f"n{i},w{i % 3}" for i in range(9))], {}, "no column of numbers"),
        (["name,v", *(f"w{i % 3},{i % 4 + 0.5}" for i in range(20))], {"columns": ["name"]}, "holds no numbers"),
        (["name,v", *(f"w{i % 3},{i % 4 + 0.5}" for i in range(20))], {"date": "name"}, "holds no dates"),
        (
            ["a,b,v", *(f"2020-01-{i + 1:02},2021-02-{i + 1:02},{i % 4 + 0.5}" for i in range(20))],
            {},
            r"2 columns of dates \(a, b\)",
        ),
        ([*monthly("sales"), ",3.5"], {}, "has no date"),
    ],
)
def test_tables_that_hold_no_series_are_refused(tmp_path: Path, lines: list[str], options: dict, told: str) -> None:
    with pytest.raises(ForwardnetError, match=told) as caught:
        read_series(table(tmp_path, *lines), **options)
    assert "\n" not in caught.value.message
