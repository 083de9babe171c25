"""What a training run leaves behind: one row for each epoch, one loss for each step."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors

Row = dict[str, float]

_COUNTS = frozenset({"epoch", "step"})


class History:
    """Record of a training run.

    `epochs` holds arrays of one value per finished epoch under the keys `epoch` (from 1), `loss`, each metric,
    `val_loss`, `val_<metric>`, `lr`, `seconds` and whatever callbacks added; `steps` holds `step` (from 1) and
    `loss`. `stopped` is None for a run that went to its end, otherwise the reason: "early stopping",
    "interrupted", "diverged", or what a callback gave.
    """

    def __init__(self) -> None:
        self.stopped: str | None = None
        self._finished: list[Row] = []
        self._later: list[Mapping[str, NDArray[Any]]] = []  # columns of epochs that follow those
        self._chunks: list[NDArray[np.float64]] = []
        self._first_step = 1
        self._best_epoch: int | None = None

    # -- writing ------------------------------------------------------------------------------------------

    def add_epoch(self, row: Row) -> None:
        """Append the row of a finished epoch; the dict is kept, so that callbacks may still add to it."""
        self._rows.append(row)

    @property
    def _rows(self) -> list[Row]:
        for columns in self._later:
            names = list(columns)
            values = zip(*(c.tolist() for c in columns.values()), strict=True)
            self._finished += [dict(zip(names, row, strict=True)) for row in values]
        self._later.clear()
        return self._finished

    def add_epochs(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Append finished epochs: column name -> one value for each."""
        self._later.append(columns)

    def add_steps(self, losses: NDArray[np.float64], *, first_step: int) -> None:
        """Append the losses of consecutive steps, of which the first has the number `first_step`."""
        if not self._chunks:
            self._first_step = first_step
        if losses.size:
            self._chunks.append(np.array(losses, dtype=np.float64))

    # -- reading ------------------------------------------------------------------------------------------

    @property
    def epochs(self) -> dict[str, NDArray[Any]]:
        """Column name -> array of one value per epoch; NaN where an epoch lacks the column."""
        if not self._rows:
            return {"epoch": np.empty(0, np.int64), "loss": np.empty(0, np.float64)}
        return {name: _column(name, (row.get(name, np.nan) for row in self._rows)) for name in self.columns}

    @property
    def steps(self) -> dict[str, NDArray[Any]]:
        """The arrays `step` and `loss`, one value per step (the mean loss of its mini-batch)."""
        losses = np.concatenate(self._chunks) if self._chunks else np.empty(0, np.float64)
        return {"step": np.arange(self._first_step, self._first_step + losses.size, dtype=np.int64), "loss": losses}

    @property
    def columns(self) -> list[str]:
        """Names of the recorded columns, in the order in which they first appeared."""
        return list(dict.fromkeys(name for row in self._rows for name in row))

    def __getitem__(self, name: str) -> NDArray[Any]:
        columns = self.epochs
        if name not in columns:
            raise errors.unknown_name("history column", name, columns)
        return columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.epochs

    def __iter__(self) -> Iterator[str]:
        return iter(self.epochs)

    def __len__(self) -> int:
        """Number of finished epochs."""
        return len(self._rows)

    @property
    def best_epoch(self) -> int | None:
        """The epoch (from 1) that early stopping chose, else the one of least `val_loss` (`loss` without
        validation data); None before the first epoch."""
        if self._best_epoch is not None:
            return self._best_epoch
        name = "val_loss" if "val_loss" in self.columns else "loss"
        values = self.epochs[name]
        if not np.isfinite(values).any():
            return None
        return int(self.epochs["epoch"][int(np.nanargmin(values))])

    @best_epoch.setter
    def best_epoch(self, epoch: int | None) -> None:
        self._best_epoch = epoch

    @property
    def last(self) -> Row:
        """The row of the last finished epoch; empty before the first."""
        return dict(self._rows[-1]) if self._rows else {}

    def row(self, epoch: int) -> Row:
        """The row of one epoch, by its number."""
        for row in self._rows:
            if row["epoch"] == epoch:
                return dict(row)
        raise errors.ArgumentError(
            f"history has no epoch {epoch}", hint=f"it holds {[int(row['epoch']) for row in self._rows]}"
        )

    def __repr__(self) -> str:
        parts = [f"{len(self)} epochs", f"{sum(c.size for c in self._chunks)} steps"]
        parts += [f"{name}={value:.4g}" for name, value in self.last.items() if name.endswith("loss")]
        if self._rows:
            parts.append(f"best epoch {self.best_epoch}")
        if self.stopped:
            parts.append(f"stopped: {self.stopped}")
        return f"History({', '.join(parts)})"

    # -- other forms --------------------------------------------------------------------------------------

    def to_frame(self) -> Any:
        """The epochs as a pandas DataFrame; as a dict of lists where pandas is not installed."""
        columns = self.epochs
        try:
            import pandas
        except ImportError:
            return {name: values.tolist() for name, values in columns.items()}
        return pandas.DataFrame(columns)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write one line per epoch, the whole file or none; `from_csv` reads back exactly the same numbers."""
        from forwardnet.interop.atomic import write_text

        columns = self.epochs
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([number_text(value) for value in line] for line in zip(*columns.values(), strict=True))
        try:
            write_text(path, text.getvalue())
        except OSError as error:
            raise errors.FileFormatError(f"{os.fspath(path)}: cannot be written: {error.strerror}") from error

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> History:
        """The history whose epochs are the lines of a file written by `to_csv`."""
        place = os.fspath(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise errors.FileFormatError(f"{place}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise errors.FileFormatError(f"{place}: is not a text file in UTF-8") from error
        lines = list(csv.reader(text.splitlines()))
        if not lines or "epoch" not in lines[0]:
            raise errors.FileFormatError(
                f"{place}: the first line names no column 'epoch'", hint="give a file written by History.to_csv"
            )
        history = cls()
        for number, line in enumerate(lines[1:], start=2):
            history.add_epoch(_parse(lines[0], line, f"{place}: line {number}"))
        return history

    def plot(self) -> Any:
        """A matplotlib Figure of the loss and the metrics over the epochs."""
        from forwardnet.plot import curves  # stands above `train`: opened only when somebody asks for a picture

        return curves(self)


def _column(name: str, values: Iterable[float]) -> NDArray[Any]:
    """Counts as int64, everything else as float64."""
    return np.array(list(values), dtype=np.int64 if name in _COUNTS else np.float64)


def number_text(value: float) -> str:
    """The shortest text that reads back as exactly the same number; counts without a point."""
    return str(int(value)) if isinstance(value, int | np.integer) else repr(float(value))


def _parse(names: list[str], line: list[str], place: str) -> Row:
    """The row written as `line`; raises FileFormatError with the place of a value that is no number."""
    if len(line) != len(names):
        raise errors.FileFormatError(f"{place}: {len(line)} values, expected {len(names)}")
    row: Row = {}
    for name, text in zip(names, line, strict=True):
        try:
            row[name] = int(text) if name in _COUNTS else float(text)
        except ValueError as error:
            raise errors.FileFormatError(f"{place}: column {name!r} holds {text!r}, expected a number") from error
    return row


def merge(histories: Iterable[History]) -> History:
    """One history of consecutive fits: epochs and steps joined, `stopped` of the last."""
    joined = History()
    for history in histories:
        for row in history._rows:
            joined.add_epoch(dict(row))
        joined.add_steps(history.steps["loss"], first_step=history._first_step)
        joined.stopped = history.stopped
    return joined


def monitored(logs: Mapping[str, float], name: str, *, who: str) -> float:
    """The value `who` watches in the row of an epoch; raises UnknownNameError when it is not recorded."""
    if name not in logs:
        error = errors.unknown_name("history column", name, logs)
        hint = "give validation_data or validation_split" if name.startswith("val_") else error.hint
        raise errors.UnknownNameError(f"{who}: {name!r} is not recorded", hint=hint)
    return float(logs[name])
