"""History: what it records, how it reads, and that its files give back exactly the same numbers."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, strategies as st

from forwardnet.errors import ArgumentError, FileFormatError, UnknownNameError
from forwardnet.train import History
from forwardnet.train.history import merge


def example() -> History:
    history = History()
    for epoch, (loss, val_loss) in enumerate([(1 / 3, 5.0), (0.1, 4.0), (1e-300, 3.0), (2**-1074, 3.5)], start=1):
        history.add_epoch({"epoch": epoch, "loss": loss, "val_loss": val_loss, "lr": 0.1, "seconds": 0.01})
        history.add_steps(np.array([loss, loss / 2]), first_step=2 * epoch - 1)
    return history


def test_columns_and_arrays():
    history = example()
    assert list(history) == ["epoch", "loss", "val_loss", "lr", "seconds"]
    assert history["epoch"].dtype == np.int64
    assert history["loss"].dtype == np.float64
    assert history.epochs["val_loss"].tolist() == [5, 4, 3, 3.5]
    assert history.steps["step"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert history.steps["loss"][:2].tolist() == [1 / 3, 1 / 6]
    assert len(history) == 4
    assert history.last == {"epoch": 4, "loss": 2**-1074, "val_loss": 3.5, "lr": 0.1, "seconds": 0.01}
    assert history.row(3)["val_loss"] == 3.0
    assert "val_loss" in history and "accuracy" not in history


def test_unknown_columns_and_epochs_are_named():
    with pytest.raises(UnknownNameError) as caught:
        example()["val_los"]
    assert str(caught.value) == "unknown history column 'val_los'\nhint: did you mean 'val_loss'?"
    with pytest.raises(ArgumentError) as missing:
        example().row(9)
    assert str(missing.value) == "history has no epoch 9\nhint: it holds [1, 2, 3, 4]"


def test_best_epoch_is_that_of_the_least_validation_loss():
    history = example()
    assert history.best_epoch == 3
    history.best_epoch = 2  # early stopping that watched something else
    assert history.best_epoch == 2


def test_best_epoch_without_validation_and_with_nothing():
    history = History()
    assert history.best_epoch is None
    history.add_epoch({"epoch": 1, "loss": math.nan})
    assert history.best_epoch is None
    history.add_epoch({"epoch": 2, "loss": 3.0})
    history.add_epoch({"epoch": 3, "loss": 2.0})
    assert history.best_epoch == 3


def test_empty_history():
    history = History()
    assert len(history) == 0
    assert history["loss"].size == 0
    assert history.steps["loss"].size == 0
    assert repr(history) == "History(0 epochs, 0 steps)"


def test_repr():
    history = example()
    history.stopped = "early stopping"
    assert repr(history) == (
        "History(4 epochs, 8 steps, loss=4.941e-324, val_loss=3.5, best epoch 3, stopped: early stopping)"
    )


def test_columns_that_come_later_are_nan_before():
    history = History()
    history.add_epoch({"epoch": 1, "loss": 1.0})
    history.add_epoch({"epoch": 2, "loss": 0.5, "norm": 3.0})
    np.testing.assert_array_equal(history["norm"], [np.nan, 3.0])


@given(
    st.lists(
        st.tuples(st.floats(width=64), st.floats(width=32), st.floats(min_value=0, max_value=1e-300)),
        min_size=1,
        max_size=8,
    )
)
def test_csv_gives_back_the_same_bits(tmp_path_factory, rows):
    history = History()
    for epoch, (loss, val_loss, lr) in enumerate(rows, start=7):
        history.add_epoch({"epoch": epoch, "loss": loss, "val_loss": np.float32(val_loss), "lr": lr})
    path = tmp_path_factory.mktemp("history") / "history.csv"
    history.to_csv(path)
    back = History.from_csv(path)
    assert list(back) == list(history)
    for name, values in history.epochs.items():
        assert back[name].dtype == values.dtype
        np.testing.assert_array_equal(back[name], values)  # NaN equals NaN here


def test_csv_text(tmp_path):
    path = tmp_path / "history.csv"
    example().to_csv(path)
    assert path.read_text(encoding="utf-8").splitlines()[:2] == [
        "epoch,loss,val_loss,lr,seconds",
        "1,0.3333333333333333,5.0,0.1,0.01",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the first line names no column 'epoch'\nhint: give a file written by History.to_csv"),
        ("a,b\n1,2\n", "the first line names no column 'epoch'\nhint: give a file written by History.to_csv"),
        ("epoch,loss\n1,0.5\n2\n", "line 3: 1 values, expected 2"),
        ("epoch,loss\n1,half\n", "line 2: column 'loss' holds 'half', expected a number"),
        ("epoch,loss\n1.5,1\n", "line 2: column 'epoch' holds '1.5', expected a number"),
    ],
)
def test_damaged_csv(tmp_path, text, message):
    path = tmp_path / "history.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileFormatError) as caught:
        History.from_csv(path)
    assert str(caught.value) == f"{path}: {message}"


def test_csv_that_is_missing_or_no_text_or_cannot_be_written(tmp_path):
    with pytest.raises(FileFormatError, match="no.csv: cannot be read: No such file"):
        History.from_csv(tmp_path / "no.csv")
    (tmp_path / "binary.csv").write_bytes(b"epoch\xff\xfe")
    with pytest.raises(FileFormatError, match=r"binary.csv: is not a text file in UTF-8"):
        History.from_csv(tmp_path / "binary.csv")
    with pytest.raises(FileFormatError, match="h.csv: cannot be written: No such file"):
        example().to_csv(tmp_path / "none" / "h.csv")


def test_frame_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    frame = example().to_frame()
    assert frame["val_loss"] == [5.0, 4.0, 3.0, 3.5]
    assert frame["epoch"] == [1, 2, 3, 4]


def test_frame_with_pandas():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = example().to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["val_loss"].tolist() == [5.0, 4.0, 3.0, 3.5]


def test_merge_joins_consecutive_fits():
    first, second = History(), History()
    first.add_epoch({"epoch": 1, "loss": 2.0})
    first.add_steps(np.array([2.0, 1.5]), first_step=1)
    second.add_epoch({"epoch": 2, "loss": 1.0})
    second.add_steps(np.array([1.0]), first_step=3)
    second.stopped = "interrupted"
    both = merge([first, second])
    assert both["epoch"].tolist() == [1, 2]
    assert both.steps["loss"].tolist() == [2.0, 1.5, 1.0]
    assert both.steps["step"].tolist() == [1, 2, 3]
    assert both.stopped == "interrupted"


def test_plot_is_a_figure_with_the_curves():
    figure = example().plot()
    drawn = [line.get_ydata() for axes in figure.axes for line in axes.get_lines()]
    assert any(np.array_equal(np.asarray(values, float), [5, 4, 3, 3.5]) for values in drawn)
