"""Rows of the next step are asked for, which changes when they come and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.compiler import ahead

WIDE = 300  # numbers of a row: 64 rows are more than what is copied before asking would help


def trained(rows: int, threads: int, batch: int = 64) -> tuple[list[Any], str]:
    """The weights after two epochs of some steps, and the code of a full one."""
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(WIDE, 40), nn.ReLU(), nn.Linear(40, 3))
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((rows, WIDE)).astype(np.float32), rng.integers(0, 3, rows)
    trainer = ff.Trainer(model, "cross_entropy", "adam", threads=threads)
    trainer.fit(X, y, epochs=2, batch_size=batch, progress=False)
    native = trainer._last_program._program(batch)[1]
    return [p.detach().numpy().copy() for p in model.parameters()], native._emitted()


def asked(code: str) -> bool:
    """Whether lines are asked for into the second cache, as only rows of the next step are."""
    return "i32 0, i32 2, i32 1)" in code


@pytest.mark.usefixtures("nothing_kept", "everything_shared")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("rows", [64, 200])
def test_asking_changes_no_bits(rows: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step and several, the last with fewer rows; the oracle is the same program that asks for nothing."""
    weights, code = trained(rows, threads)
    monkeypatch.setattr(ahead, "FEWEST_BYTES", 1 << 40)
    expected, plain = trained(rows, threads)
    assert asked(code)
    assert not asked(plain)
    assert all(np.array_equal(a, b) for a, b in zip(weights, expected, strict=True))


@pytest.mark.parametrize(
    ("batch", "width", "tiles"),
    [(64, 784, 392), (256, 100, 52), (7, 5, 3), (32, 33, 1000), (200, 108, 36), (64, 784, 9)],
)
def test_the_tiles_of_a_product_ask_for_every_line_of_every_row(batch: int, width: int, tiles: int) -> None:
    """What each tile asks for, computed as the code does, covers the batch; no row beyond it is named."""
    share = ahead.Share.of(batch, 4 * width, tiles)
    lines = -(-4 * width // ahead.LINE) + 1
    wanted = {(row, line) for row in range(batch) for line in range(lines)}
    found = set()
    for tile in range(tiles):
        for n in range(share.parts):
            row, part = divmod(tile // share.tiles * share.parts + n, share.parts_of_row)
            found |= {(min(row, batch - 1), part * share.lines + line) for line in range(share.lines)}
    if tiles * ahead.MOST_LINES >= batch * lines:
        assert wanted <= found
    assert max(row for row, _ in found) < batch
    assert share.parts * share.lines <= max(ahead.MOST_LINES, lines)
