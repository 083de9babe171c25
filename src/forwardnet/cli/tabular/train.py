"""`forwardnet train` on a table: from the file to a model, its report and everything that belongs to it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from forwardnet.cli.output import Output
from forwardnet.cli.run import INTERRUPTED
from forwardnet.cli.tabular.options import TableOptions
from forwardnet.cli.tabular.problem import Problem, make_problem
from forwardnet.report.content import Rows


def run_table(options: TableOptions, output: Output) -> int:
    """Train, validate, write; returns the exit code.

    Ctrl-C ends the part that runs: after a training, with a report of what there is; later, or a second time, with the
    model and its history alone.
    """
    from forwardnet.cli.tabular.run import Clock
    from forwardnet.train.threads import limited_threads

    options.check()
    clock = Clock(options.time_limit)
    try:
        # Of the matrix products of eager predictions; native training takes what --threads allows.
        with limited_threads(1):
            outcome = _outcome(options, output, clock)
        _report(outcome, clock, output)
    except KeyboardInterrupt:
        from forwardnet.cli.tabular.interrupted import run_interrupted

        return run_interrupted(options, clock, output)
    return INTERRUPTED if clock.is_interrupted else 0


def _outcome(options: TableOptions, output: Output, clock: Any) -> Any:
    """The finished run."""
    from forwardnet.cli.tabular.run import run
    from forwardnet.cli.train import prepare

    if options.memory_limit is not None:
        from forwardnet.cli.tabular.streamed import run_streamed

        return run_streamed(options, output, clock)
    problem = clock.timed("reading", lambda: read_problem(options, output))
    prepare(options.out)
    announce(problem, output)
    return run(problem, options, output, clock)


def _report(outcome: Any, clock: Any, output: Output) -> None:
    """Write everything, and show the figures."""
    from forwardnet.cli.tabular import page, result, words

    options, timing = outcome.options, _timing(clock)
    clock.part = "writing"
    document = page.make_document(outcome, timing)
    write_files(outcome, document, timing)
    _show(outcome, output)
    output.say(words.summary(outcome))
    output.say(words.judgement(outcome))
    for note in document.notes:
        output.note(f"note: {note}")
    if output.is_json:
        files = {name: str(options.out / name) for name in result.FILES}
        output.json({**result.to_dict(outcome, timing), "files": files})
    output.last(f"wrote {', '.join(result.FILES)} to {options.out}{os.sep}")


def read_problem(options: TableOptions, output: Output) -> Problem:
    """The question that the options ask of their data.

    Raises:
        ForwardnetError: the data cannot be read or used.
    """
    from forwardnet.cli.tabular import source
    from forwardnet.cli.tabular.record import fingerprint
    from forwardnet.cli.train import load_dataset

    if source.is_table_file(options.data):
        table, kinds = source.read_for_training(options)
        return replace(make_problem(table, options), kinds=kinds, fingerprint=fingerprint(options.data, table))
    source.refuse_reading_options(options)
    table, n_test = source.as_table(load_dataset(options.data, options.data_dir, output))
    problem = make_problem(table, source.with_target(options, table), n_test=n_test)
    return replace(problem, is_data_set=True, fingerprint=fingerprint(options.data, table))


def announce(problem: Problem, output: Output) -> None:
    """Say what was read, what each column is taken for, and what the task is."""
    from forwardnet.cli.tabular.words import kinds_line

    output.say(f"data     {problem.name}: {problem.n:,} rows, {kinds_line(problem)}")
    for note in problem.notes:
        output.say(f"         {note}")
    output.say(f"task     {problem.task} of {problem.y.name!r}, because {problem.reason}")


def _timing(clock: Any) -> Rows:
    names = {"network": "network, validated", "explaining": "importances"}
    return tuple((names.get(name, name), f"{seconds:.2f} s") for name, seconds in clock.seconds.items())


def write_files(outcome: Any, document: Any, timing: Rows) -> None:
    """Write everything, each file whole or not at all; files of an earlier run are replaced one by one."""
    from forwardnet.cli.tabular import result
    from forwardnet.cli.tabular.record import record_of
    from forwardnet.interop.atomic import write_text
    from forwardnet.report.document import render_document

    out = outcome.options.out
    write_model(outcome.estimator, record_of(outcome), out)
    found = result.to_dict(outcome, timing)
    write_text(out / "report.json", json.dumps(found, ensure_ascii=False, allow_nan=False, indent=1) + "\n")
    write_text(out / "predictions.csv", result.prediction_lines(outcome))
    write_text(out / "README.md", result.card(outcome))
    write_text(out / "report.html", render_document(document))


def write_model(estimator: Any, record: dict[str, Any], out: Path) -> None:
    """Write the estimator with the record of the run in the same file, and the history of its training."""
    from forwardnet.cli.tabular.record import KEY
    from forwardnet.interop import load_model, save

    path = out / "model.safetensors"
    estimator.save(path, optimizer=False)  # no command trains it further
    model, metadata = load_model(path)
    save(model, path, metadata={**metadata, KEY: record})
    history = getattr(estimator, "history_", None)
    if history is not None:
        history.to_csv(out / "history.csv")


def _show(outcome: Any, output: Output) -> None:
    """The figures of all models in the terminal."""
    from rich.text import Text

    from forwardnet.cli.tables import new_table, show_confusion
    from forwardnet.cli.tabular.page import scores
    from forwardnet.cli.tabular.run import NETWORK
    from forwardnet.train.metrics import confusion_matrix

    grid = scores(outcome)
    table = new_table()
    for j, name in enumerate(grid.rows[0]):
        style = "bold" if j == grid.strong else ""
        table.add_column(name, justify="right" if j in grid.numbers else "left", style=style)
    for row in grid.rows[1:]:
        table.add_row(*(Text(cell.replace("²", "2")) for cell in row))
    output.show(table)
    problem = outcome.problem
    if problem.is_classifier:
        labels = outcome.predictions[NETWORK].argmax(axis=1)
        counts = confusion_matrix(outcome.y, labels, classes=len(problem.classes))
        show_confusion(output, counts, problem.classes, "rows asked about")
