"""Orders drawn ahead are those that would have been drawn later."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.data.batches import batch_indices
from forwardnet.train.orders import FEWEST, Orders


@pytest.mark.parametrize("n", [FEWEST - 1, FEWEST])
def test_an_order_drawn_ahead_is_the_one_drawn_when_asked_for(n: int) -> None:
    with Orders(n, 64, seed=3, shuffle=True) as orders:
        for epoch in (1, 2, 3):
            batches = orders(epoch)
            orders.foresee(epoch + 1)
            expected = batch_indices(n, 64, seed=3, epoch=epoch)
            np.testing.assert_array_equal(batches.order, expected.order)
            assert batches.size == expected.size


def test_another_epoch_than_the_foreseen_one_is_drawn_anew() -> None:
    with Orders(FEWEST, 10, seed=0, shuffle=True) as orders:
        orders.foresee(2)
        np.testing.assert_array_equal(orders(5).order, batch_indices(FEWEST, 10, seed=0, epoch=5).order)
        np.testing.assert_array_equal(orders(2).order, batch_indices(FEWEST, 10, seed=0, epoch=2).order)


def test_rows_in_order_need_no_thread() -> None:
    before = threading.active_count()
    with Orders(FEWEST, 10, seed=0, shuffle=False) as orders:
        orders.foresee(1)
        assert threading.active_count() == before
        np.testing.assert_array_equal(orders(1).order, np.arange(FEWEST))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("drop_last", [True, False])
def test_orders_of_several_epochs_are_those_of_each(shuffle: bool, drop_last: bool) -> None:
    """Drawn when asked for (first), and ahead."""
    n = FEWEST // 2 + 3
    rule: dict[str, bool] = {"shuffle": shuffle, "drop_last": drop_last}
    with Orders(n, 64, seed=2**63 + 1, **rule) as orders:
        for first, count in ((1, 3), (4, 3), (7, 2)):
            found = orders.several(first, count)
            orders.foresee(first + count, 3)  # at last other than will be asked for
            expected = [batch_indices(n, 64, seed=2**63 + 1, epoch=first + i, **rule).order for i in range(count)]
            np.testing.assert_array_equal(found, np.stack(expected))


@pytest.mark.parametrize(("at_once", "ahead"), [(1, [(2, 1), (3, 1), (4, 1)]), (2, [(2, 2), (4, 1)]), (3, [(2, 3)])])
def test_a_fit_gives_the_same_bits_with_and_without_orders_drawn_ahead(
    at_once: int, ahead: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    X = np.random.default_rng(0).standard_normal((FEWEST, 3)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int64)
    found, drawn = [], []
    foresee = Orders.foresee
    monkeypatch.setattr(Orders, "foresee", lambda self, *which: drawn.append(which) or foresee(self, *which))
    monkeypatch.setattr("forwardnet.compiler.threads.available", lambda: 2)
    for most in (1, 2):
        monkeypatch.setattr("forwardnet.train.compiled.most_epochs", lambda *_, m=most: 1 if m == 1 else at_once)
        ff.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        trainer = ff.Trainer(model, "cross_entropy", "adam", threads=most)
        trainer.fit(X, y, epochs=4, progress=False)
        found.append([p.detach().numpy().tobytes() for p in model.parameters()])
        assert drawn == ([] if most == 1 else ahead)  # one thread alone has none to spare
    assert found[0] == found[1]
    assert not [t for t in threading.enumerate() if t.name.startswith("forwardnet-order")]
