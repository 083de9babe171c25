"""Which of the two ways a command goes: that of tables, with baselines and a full report, or that of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forwardnet.cli.options import TrainOptions, parse_hidden, parse_number, parse_whole
from forwardnet.cli.output import Output
from forwardnet.errors import ArgumentError

# Options that only the way of tables knows; one of them is enough to go it.
_OF_TABLES = (
    *("target", "cv", "preset", "task", "metric", "repeats", "ignore"),
    *("group", "time", "weights", "time_limit", "memory_limit", "threads"),
)


def train_as_given(given: Mapping[str, Any], output: Output) -> int:
    """Train as the options of the command line say; returns the exit code."""
    from forwardnet.cli.tabular.source import is_table_file

    if is_table_file(given["data"]) or any(given[name] not in (None, ()) for name in _OF_TABLES):
        from forwardnet.cli.tabular.options import table_options
        from forwardnet.cli.tabular.train import run_table

        return run_table(table_options(given), output)
    from forwardnet.cli.train import run_train

    return run_train(train_options(given), output)


def predict_as_given(given: Mapping[str, Any], output: Output) -> int:
    """Apply a model to rows, of a table or of arrays; returns the exit code."""
    from forwardnet.cli.tabular import apply

    found = apply.open_table_model(given["model"])
    if found is not None:
        return apply.run_predict(found, given["data"], output, _reading(given), out=given["out"], part=given["part"])
    from forwardnet.cli.predict import run_predict

    _refuse_limit(given)
    more = {name: given[name] for name in ("out", "part", "data_dir")}
    return run_predict(given["model"], given["data"], output, **more)


def evaluate_as_given(given: Mapping[str, Any], output: Output) -> int:
    """Measure a model on rows, of a table or of arrays; returns the exit code."""
    from forwardnet.cli.tabular import apply

    found = apply.open_table_model(given["model"])
    if found is not None:
        return apply.run_evaluate(found, given["data"], output, _reading(given), part=given["part"])
    from forwardnet.cli.evaluate import run_evaluate

    _refuse_limit(given)
    more = {name: given[name] for name in ("labels", "part", "data_dir")}
    return run_evaluate(given["model"], given["data"], output, **more)


def _reading(given: Mapping[str, Any]) -> Any:
    from forwardnet.cli.tabular.asked import Reading
    from forwardnet.cli.tabular.limit import parse_limit
    from forwardnet.cli.tabular.options import parse_separator

    return Reading(
        False if given["no_header"] else None,
        parse_separator(given["separator"]),
        given["encoding"],
        parse_limit(given["memory_limit"]),
    )


def _refuse_limit(given: Mapping[str, Any]) -> None:
    """Raise `ArgumentError` where arrays, which are in memory anyway, come with a limit."""
    if given["memory_limit"] is not None:
        raise ArgumentError(
            f"--memory-limit is for models of tables, and {str(given['model'])!r} was not learnt from one",
            hint="leave it out",
        )


def train_options(given: Mapping[str, Any]) -> TrainOptions:
    """The options for arrays, from the texts of the command line."""
    data, out, hidden = given["data"], given["out"], given["hidden"]
    usual = TrainOptions(data, Path("runs") / Path(data).stem)
    return TrainOptions(
        dataset=data,
        out=out if out is not None else usual.out,
        data_dir=given["data_dir"],
        hidden=usual.hidden if hidden is None else parse_hidden(hidden),
        activation=given["activation"] or usual.activation,
        optimizer=given["optimizer"] or usual.optimizer,
        lr=parse_number("--lr", given["lr"]),
        label_smoothing=parse_number("--label-smoothing", given["label_smoothing"]),
        epochs=parse_whole("--epochs", given["epochs"]),
        batch_size=parse_whole("--batch-size", given["batch_size"]),
        patience=parse_whole("--patience", given["patience"]),
        seed=parse_whole("--seed", given["seed"]) or 0,
    )
