"""Tables read in blocks: the same kinds, levels and values as when they are read at once, in bounded memory."""

from __future__ import annotations

import gzip
import random

import numpy as np
import pytest

from data.tables.hostile import CASES
from forwardnet.data.tables import TableStream, read_table
from forwardnet.data.tables.stream import CELL, LEAST, SHARES
from forwardnet.errors import DataError, ForwardnetError

N = 3000


def write(path, *, n=N, extra=()):
    rng = random.Random(0)
    lines = ["id,size,colour,sold,day,price,note,code"]
    for i in range(n):
        size = "" if i % 7 == 0 else f"{rng.gauss(0, 1):.4f}"
        day = f"2020-{1 + i % 12:02d}-{1 + i % 28:02d}"
        colour = ["red", "blue", "green", "?"][i % 4]
        lines.append(f'{i},{size},{colour},{"yes" if i % 3 else "no"},{day},"1,{i % 900:03d}.50",text {i},{i % 50:03d}')
    lines += extra
    path.write_text("\n".join(lines) + "\n")
    return path


# Those of one text file that is read whole; the widest takes long.
WHOLE = [
    case
    for case in CASES
    if "limit" not in case.options and case.file.endswith((".csv", ".gz")) and case.name != "10000 columns"
]


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case.name)
def test_hostile_tables_are_read_or_refused_as_at_once(tmp_path, case):
    path = tmp_path / case.file
    path.write_bytes(case.content)
    try:
        whole = read_table(path, **case.options)
    except ForwardnetError as error:
        with pytest.raises(type(error)) as caught:
            list(TableStream(path, memory_limit=1 << 30, **case.options).blocks())
        assert caught.value.message == error.message
        return
    if "JSON" in whole.notes[0]:
        with pytest.raises(DataError, match="save it as CSV"):
            TableStream(path)
        return
    stream = TableStream(path, memory_limit=1 << 30, **case.options)
    blocks = list(stream.blocks())
    for column in whole:
        for block in blocks:
            assert (block[column.name].kind, block[column.name].levels) == (column.kind, column.levels)
        np.testing.assert_array_equal(
            np.concatenate([b[column.name].values for b in blocks[:2]]), column.values[: sum(map(len, blocks[:2]))]
        )
    assert stream.notes == whole.notes


@pytest.mark.parametrize("rows", [37, 1000, N, None])
def test_blocks_are_parts_of_the_table(tmp_path, rows):
    path = write(tmp_path / "t.csv")
    whole, stream = read_table(path), TableStream(path)
    blocks = list(stream.blocks(rows))
    assert len(stream) == N and sum(map(len, blocks)) == N and (rows is None or max(map(len, blocks)) <= rows)
    assert [c.kind for c in whole] == [
        "identifier",
        "number",
        "category",
        "boolean",
        "date",
        "number",
        "text",
        "category",
    ]
    for name in whole.names:
        for block in blocks:
            assert (block[name].kind, block[name].levels) == (whole[name].kind, whole[name].levels)
        np.testing.assert_array_equal(np.concatenate([block[name].values for block in blocks]), whole[name].values)
    assert blocks[0].notes == whole.notes == stream.notes


def test_many_texts_are_not_kept_but_numbers_and_dates_are_read(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        file.write("a,b,c,d,e\n")
        for i in range(12_000):
            moment = f"{1 + i % 28:02d}.{1 + i // 28 % 12:02d}.{1950 + i // 336} 10:{i % 60:02d}"
            file.write(f'{i / 8},text {i},{moment},"{i // 1000},{i % 1000:03d}",{i if i < 11_500 else "x"}\n')
    stream = TableStream(path, memory_limit=LEAST)
    block = next(stream.blocks(100))
    assert [column.kind for column in block] == ["number", "text", "date", "number", "text"]
    assert block["b"].levels == () and block["b"].is_missing.all()
    assert "different texts" in block["b"].reason
    np.testing.assert_array_equal(block["d"].values, np.arange(100) / 1000)  # 0,001 is no thousand
    assert block["c"].values[1] - block["c"].values[0] == 86460  # a day and a minute
    assert any("numbers up to 'x' in line 11502" in note for note in stream.notes)
    whole = read_table(path)
    np.testing.assert_array_equal(np.concatenate([b["c"].values for b in stream.blocks()]), whole["c"].values)


def test_a_sample_has_every_row_with_the_same_chance(tmp_path):
    path = tmp_path / "t.csv"
    n = 20_000
    path.write_text("a,b\n" + "".join(f"{i},{i * 0.5}\n" for i in range(n)))
    samples = [TableStream(path, memory_limit=LEAST, seed=seed).sample for seed in range(3)]
    size = LEAST // SHARES // (2 * CELL)
    for sample in samples:
        rows = sample["b"].values * 2
        assert len(rows) == size and (np.diff(rows) > 0).all()
        # The mean of m of n numbers has a standard error of n / sqrt(12 m); four of them are passed once in 16,000.
        assert abs(rows.mean() - n / 2) < 4 * n / np.sqrt(12 * size)
    assert not np.array_equal(samples[0]["b"].values, samples[1]["b"].values)
    again = TableStream(path, memory_limit=2 * LEAST, seed=0)
    assert len(again.sample) >= 2 * size and set(samples[0]["b"].values) <= set(again.sample["b"].values)


def test_a_packed_file_and_a_target(tmp_path):
    write(tmp_path / "t.csv")
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    stream = TableStream(packed, target="id")
    assert next(stream.blocks())["id"].kind == "category"


@pytest.mark.parametrize(
    ("extra", "options", "message"),
    [
        (["1,2,3,4,5,6,7,8,9"], {}, f"line {N + 2} has 9 values, expected 8"),
        (['1,"2'], {}, f"line {N + 2} or below is not closed"),
        (["1,x,3,4,5,6,7,8"], {"kinds": {"size": "number"}}, f"line {N + 2}, column 'size': 'x' is no number"),
        ([], {"kinds": {"size": "nummer"}}, "did you mean 'number'"),
        ([], {"target": "sise"}, "did you mean 'size'"),
        ([], {"memory_limit": 1000}, "memory_limit is 1000 bytes"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, extra, options, message):
    path = write(tmp_path / "t.csv", extra=extra)
    with pytest.raises(ForwardnetError, match=message):
        list(TableStream(path, **options).blocks())


def test_a_file_that_changes_meanwhile_is_refused(tmp_path):
    path = write(tmp_path / "t.csv")
    stream = TableStream(path)
    write(path, n=N - 1)
    with pytest.raises(DataError, match=f"had {N} rows and now has {N - 1}"):
        list(stream.blocks())


def test_rows_that_are_too_wide_for_the_memory_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(",".join(f"c{i}" for i in range(5000)) + "\n" + ",".join(["1"] * 5000) + "\n")
    with pytest.raises(ForwardnetError, match=r"little for rows of 5000 values\nhint: allow (\d+) bytes") as caught:
        TableStream(path, memory_limit=LEAST)
    enough = int(str(caught.value).split("allow ")[1].split()[0])
    assert len(TableStream(path, memory_limit=enough)) == 1


def test_other_formats_are_refused(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(DataError, match="save it as CSV"):
        TableStream(tmp_path / "t.jsonl")
