"""Rows that are read from a file are learnt from as those in memory are."""

from __future__ import annotations

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.data.rows import RowStore
from forwardnet.data.windows import window_order
from forwardnet.errors import DataError, ForwardnetError
from forwardnet.train.streamed import WINDOWS, fit_stream

N, D = 1000, 6


def rows_of(tmp_path, *, classes=True):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, D)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int64) if classes else (X @ np.arange(1.0, D + 1)).astype(np.float32)
    store = RowStore(D, target_dtype=y.dtype, folder=tmp_path / "rows")
    for start in range(0, N, 300):
        store.append(X[start : start + 300], y[start : start + 300])
    return X, y, store


def trainer_of(*, classes=True, compile=True, **options):
    ff.manual_seed(3)
    model = nn.Sequential(nn.Linear(D, 16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 2 if classes else 1))
    loss = "cross_entropy" if classes else "mse"
    optimizer = ff.optim.Adam(model.parameters(), lr=0.01)
    return ff.Trainer(model, loss, optimizer, compile=compile, seed=5, threads=1, **options)


def weights(trainer):
    return [p.detach().numpy().copy() for p in trainer.model.parameters()]


def numbers_of(window):
    """The numbers of a window's rows in the file, in their order."""
    return np.concatenate([np.arange(start, start + count) for start, count in window.blocks])[window.order]


def memory_for(rows, store):
    """So much that a window has about so many rows."""
    return int(2 * rows * (store.row_bytes + 8) / WINDOWS) + 2


@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("compile", [True, False])
@pytest.mark.parametrize("window", [160, 400, N])
def test_an_epoch_is_that_of_the_same_rows_in_memory(tmp_path, classes, compile, window):
    X, y, store = rows_of(tmp_path, classes=classes)
    with store:
        order = window_order(N, store.row_bytes, 32, memory=int(WINDOWS * memory_for(window, store)), seed=5)
        trainer = trainer_of(classes=classes, compile=compile)
        history = fit_stream(
            trainer, store, epochs=1, batch_size=32, progress=False, memory_limit=memory_for(window, store)
        )
    numbers = [numbers_of(window) for window in order.windows(1)]
    assert len(numbers) == -(-N // order.window_rows) and max(map(len, numbers)) <= max(window, 2 * 32)
    numbers = np.concatenate(numbers)
    assert sorted(numbers) == list(range(N))
    other = trainer_of(classes=classes, compile=compile)
    expected = other.fit(X[numbers], y[numbers], epochs=1, batch_size=32, shuffle=False, progress=False)
    for ours, theirs in zip(weights(trainer), weights(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)  # the same steps of the same program, so the same bits
    np.testing.assert_array_equal(history.steps["loss"], expected.steps["loss"])
    assert history["loss"] == pytest.approx(expected["loss"], rel=1e-12)  # sums of the same numbers


def test_the_order_does_not_depend_on_memory_alone_but_every_row_comes_once(tmp_path):
    for n, batch, window in ((1000, 32, 200), (1000, 7, 100), (64, 64, 64), (65, 64, 64), (5, 2, 5), (999, 10, 150)):
        order = window_order(n, 28, batch, memory=2 * window * 36 * 2, seed=1)
        for epoch in (1, 2):
            windows = list(order.windows(epoch))
            numbers = np.concatenate(
                [np.concatenate([np.arange(s, s + c) for s, c in w.blocks])[w.order] for w in windows]
            )
            assert sorted(numbers) == list(range(n))
            assert all(len(w) % batch == 0 for w in windows[:-1])
    first, second = (np.concatenate([w.order for w in order.windows(e)]) for e in (1, 2))
    assert not np.array_equal(first, second)


def test_schedules_and_validation_are_those_of_a_fit(tmp_path):
    X, y, store = rows_of(tmp_path)
    with store:
        trainer = trainer_of(scheduler="cosine", metrics=["accuracy"], measures_training=False)
        history = fit_stream(
            trainer,
            store,
            epochs=3,
            batch_size=50,
            progress=False,
            validation_data=(X[:200], y[:200]),
            memory_limit=memory_for(300, store),
        )
    assert list(history["epoch"]) == [1, 2, 3] and history["val_accuracy"][-1] > 0.5
    other = trainer_of(scheduler="cosine")
    np.testing.assert_allclose(history["lr"], other.fit(X, y, epochs=3, batch_size=50, progress=False)["lr"])
    assert trainer.steps_done == 60


def test_a_callback_ends_it_between_two_windows(tmp_path):
    class Stop(ff.train.Callback):
        def on_step_end(self, run):
            if run.step == 7:
                run.stop("enough")

    _, _, store = rows_of(tmp_path)
    with store:
        trainer = trainer_of()
        history = fit_stream(
            trainer,
            store,
            epochs=3,
            batch_size=32,
            progress=False,
            callbacks=[Stop()],
            memory_limit=memory_for(160, store),
        )
    assert trainer.steps_done == 7 and history.stopped == "enough"


def test_what_cannot_be_trained_is_refused(tmp_path):
    X, y, store = rows_of(tmp_path)
    model = nn.Linear(D, 2)
    lbfgs = ff.Trainer(model, "cross_entropy", ff.optim.LBFGS(model.parameters()))
    with store:
        with pytest.raises(ForwardnetError, match="at least two batches"):
            fit_stream(trainer_of(), store, batch_size=400, memory_limit=memory_for(300, store))
        with pytest.raises(ForwardnetError, match="measures_training=False"):
            fit_stream(trainer_of(metrics=["accuracy"]), store)
        with pytest.raises(ForwardnetError, match="LBFGS takes all rows at once"):
            fit_stream(lbfgs, store)
    store = RowStore(D, target_dtype=np.int64, folder=tmp_path / "rows")
    with pytest.raises(DataError, match="no rows"):
        fit_stream(trainer_of(), store)
    store.append(X, np.where(np.arange(N) == N - 1, 2, y))
    with store, pytest.raises(DataError, match="label 2"):  # one label far below the first window
        fit_stream(trainer_of(), store, memory_limit=memory_for(300, store), batch_size=10)
