"""What follows the sums of a tile may be done among those of the next: the same bits, whatever the sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.compiler import products

SIZES = [(20, 40), (33, 17), (70, 96)]


def weights(sizes: tuple[int, int], rows: int, optimizer: str, dtype: str, threads: int = 1) -> list[Any]:
    """What three steps of all rows make of a layer, and the code that made them."""
    n_in, n_out = sizes
    ff.manual_seed(0)
    model = nn.Linear(n_in, n_out)
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((rows, n_in)), rng.standard_normal((rows, n_out))
    trainer = ff.Trainer(model, "mse", optimizer, threads=threads, precision=dtype)
    trainer.fit(X, y, epochs=3, batch_size=rows, progress=False)
    native = trainer._last_program._program(rows)[1]
    return [*(p.detach().numpy().copy() for p in model.parameters()), native._emitted()]


def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finish every tile before the next is begun."""
    monkeypatch.setattr(products, "finishes_late", lambda product, units: False)


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("rows", [16, 35, 130])
@pytest.mark.parametrize("sizes", SIZES)
def test_late_tiles_have_the_bits_of_early_ones(
    sizes: tuple[int, int], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle is the same program with every tile finished at once."""
    *late, code = weights(sizes, rows, "adam", "float32")
    early(monkeypatch)
    *expected, early_code = weights(sizes, rows, "adam", "float32")
    if min(sizes) >= 16 and rows >= 64:  # a whole tile, and terms to finish another among
        assert "late" in code
    assert "late" not in early_code
    for mine, other in zip(late, expected, strict=True):
        assert np.array_equal(mine, other)


@pytest.mark.usefixtures("nothing_kept", "everything_shared")
def test_so_they_have_in_float64_and_for_two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [weights((70, 96), 130, "adam", dtype, threads) for dtype in ("float32", "float64") for threads in (1, 2)]
    early(monkeypatch)
    expected = [weights((70, 96), 130, "adam", dtype) for dtype in ("float32", "float32", "float64", "float64")]
    for (*mine, code), (*other, _) in zip(found, expected, strict=True):
        assert "late" in code
        assert all(np.array_equal(a, b) for a, b in zip(mine, other, strict=True))


def test_what_is_short_is_finished_at_once() -> None:
    """Plain gradient descent takes one multiplication and one subtraction for each weight."""
    *_, code = weights((20, 40), 64, "sgd", "float32")
    assert "late" not in code
