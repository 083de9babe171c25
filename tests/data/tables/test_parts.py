"""Rows of a stream that are put aside: no row is lost, none is on two sides."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet.data.tables import TableStream
from forwardnet.data.tables.parts import put_aside
from forwardnet.data.tables.stream import LEAST
from forwardnet.errors import ForwardnetError

N = 6000
SHARES = {"test": 0.2, "validation": 0.1, "known": 0.05}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Rows that tell their numbers; every 11th has no target, one class has one row."""
    path = tmp_path_factory.mktemp("parts") / "t.csv"
    labels = ["" if i % 11 == 0 else "rare" if i == 4321 else "ab"[i % 2] for i in range(N)]
    path.write_text("number,colour,y\n" + "".join(f"{i}.5,{'rgb'[i % 3]},{y}\n" for i, y in enumerate(labels)))
    return path


def numbers(table):
    return np.floor(table["number"].values).astype(int)


def test_every_row_with_a_target_is_in_one_part(path):
    stream = TableStream(path, target="y", memory_limit=LEAST)
    parts = put_aside(stream, **SHARES)
    learnt = np.concatenate([numbers(block) for block in parts.learnt().blocks(rows=700)])
    has_target = np.flatnonzero(np.arange(N) % 11)
    # Rows without a target are in the blocks: whoever learns from them leaves them out, as those of a whole stream.
    learnt = np.intersect1d(learnt, has_target, assume_unique=True)
    together = np.concatenate([learnt, numbers(parts.test), numbers(parts.validation)])
    np.testing.assert_array_equal(np.sort(together), has_target)
    assert (parts.n, parts.n_learnt) == (len(has_target), len(learnt))
    assert np.isin(numbers(parts.known), learnt).all()
    for table, rows in (
        (parts.test, parts.test_rows), (parts.validation, parts.validation_rows), (parts.known, parts.known_rows)
    ):  # fmt: skip
        np.testing.assert_array_equal(numbers(table), rows)
    for name, table in (("test", parts.test), ("validation", parts.validation), ("known", parts.known)):
        expected = SHARES[name] * parts.n
        assert abs(len(table) - expected) < 5 * np.sqrt(expected) + 3  # five standard deviations of a Poisson count


def test_parts_are_a_function_of_seed_and_row_alone(path):
    first = put_aside(TableStream(path, target="y", memory_limit=LEAST), **SHARES)
    stream = TableStream(path, target="y", memory_limit=4 * LEAST)
    assert stream.block_rows != first.stream.block_rows
    second, other = put_aside(stream, **SHARES), put_aside(stream, **SHARES, seed=1)
    np.testing.assert_array_equal(first.test_rows, second.test_rows)
    np.testing.assert_array_equal(first.known_rows, second.known_rows)
    assert len(np.intersect1d(first.test_rows, other.test_rows)) < 0.5 * len(first.test_rows)  # 0.2 by chance


def test_the_first_row_of_each_class_is_known(path):
    stream = TableStream(path, target="y")
    parts = put_aside(stream, test=0.9, validation=0.0, known=0.0)
    assert sorted(parts.known_rows.tolist()) == [1, 2, 4321]
    assert len(parts.validation) == 0 and parts.validation.names == stream.names


def test_columns_are_chosen(path):
    learnt = put_aside(TableStream(path, target="y"), **SHARES).learnt(["colour"])
    assert learnt.sample.names == ("colour", "y")
    assert {block.names for block in learnt.blocks()} == {("colour", "y")}


def test_what_makes_no_sense_is_refused(path):
    with pytest.raises(ForwardnetError, match="no column is named as the target"):
        put_aside(TableStream(path))
    with pytest.raises(ForwardnetError, match="expected 1 in all at most"):
        put_aside(TableStream(path, target="y"), test=0.9, validation=0.2, known=0.1)
