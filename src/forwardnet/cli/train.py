"""`forwardnet train`: one run from a data set's name to model, curves and report."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from forwardnet.cli.options import TrainOptions
from forwardnet.cli.output import Output
from forwardnet.cli.run import INTERRUPTED
from forwardnet.cli.threads import suitable_threads
from forwardnet.errors import ArgumentError, FileFormatError

FILES = ("model.safetensors", "history.csv", "curves.png", "report.html", "report.json")


def run_train(options: TrainOptions, output: Output) -> int:
    """Train, measure, write; returns the exit code."""
    from forwardnet.cli import experiment, summary, tables

    started = time.perf_counter()
    options.check()
    prepare(options.out)
    try:
        data = load_dataset(options.dataset, options.data_dir, output)
        with suitable_threads(experiment.layer_sizes(data, options), options.batch_size or 64):
            outcome = experiment.run(data, options, output)
            report = summary.make_report(outcome, started)
    except KeyboardInterrupt:  # the first one in the training ends that, and comes not here
        output.note("interrupted: nothing was written")
        if output.is_json:
            output.json({"stopped": "interrupted", "files": {}})
        return INTERRUPTED
    write_files(outcome, report)
    tables.show_figures(output, report.parts)
    if report.confusion is not None:
        tables.show_confusion(output, report.confusion, report.class_names, f"{report.parts[-1].part} part")
    output.say(report.summary)
    for note in report.notes:
        output.note(f"note: {note}")
    if output.is_json:
        output.json(json_result(outcome, report))
    output.last(f"wrote {', '.join(FILES)} to {options.out}{os.sep}")
    return INTERRUPTED if outcome.is_interrupted else 0


def load_dataset(name: str, data_dir: Path | None, output: Output) -> Any:
    """A data set by name, from a .npz or IDX file, or from a folder of images; downloads say how far they are."""
    from forwardnet import data
    from forwardnet.cli.arrays import idx_dataset, is_idx
    from forwardnet.data.images import load_image_folder

    if name.endswith(".npz"):
        if data_dir is not None:
            raise ArgumentError(f"--data-dir is given, but {name!r} is a file of its own")
        return data.datasets.load(name)
    if name not in data.datasets.ENTRIES and Path(name).is_dir():
        found = load_image_folder(name)
        output.say(f"{name}: {found.description}")
        return found
    if name not in data.datasets.ENTRIES and is_idx(Path(name)):
        return idx_dataset(Path(name))
    if name not in data.datasets.ENTRIES and Path(name).is_dir():
        return load_image_folder(name)
    if name not in data.datasets.ENTRIES and (os.sep in name or Path(name).suffix or Path(name).exists()):
        raise FileFormatError(
            f"{name!r} is neither a data set's name nor a file of a known kind",
            hint="'forwardnet datasets' lists the names; files are tables (.csv, ...), .npz, IDX images, or folders "
            "of images",
        )
    known = data.datasets.entry(name).options
    choices: dict[str, Any] = {}
    if data_dir is not None:
        if "data_dir" not in known:
            raise ArgumentError(f"--data-dir is given, but data set {name!r} needs no files")
        choices["data_dir"] = data_dir
    if "progress" in known:
        choices["progress"] = Download(output)
    return data.datasets.load(name, **choices)


class Download:
    """Says on standard error, every tenth of a file, how much of it has arrived."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._shown = ("", -1)

    def __call__(self, name: str, done: int, total: int) -> None:
        tenth = 10 * done // max(total, 1)
        if (name, tenth) != self._shown:
            self._shown = (name, tenth)
            self._output.note(f"downloading {name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB")


def write_files(outcome: Any, report: Any) -> None:
    """Write the five files, each whole or not at all; files of an earlier run are replaced one by one."""
    import json

    from forwardnet import plot
    from forwardnet.cli import summary
    from forwardnet.interop import save
    from forwardnet.interop.atomic import write_text
    from forwardnet.report import to_dict, write_report

    out = outcome.options.out
    save(outcome.trainer.model, out / "model.safetensors", metadata=summary.model_metadata(outcome))
    outcome.history.to_csv(out / "history.csv")
    plot.save(plot.curves(outcome.history), out / "curves.png")
    write_text(out / "report.json", json.dumps(to_dict(report), ensure_ascii=False, allow_nan=False, indent=1) + "\n")
    write_report(out / "report.html", report)


def json_result(outcome: Any, report: Any) -> dict[str, Any]:
    """What `--json` prints: the report, the place of the files, and how the training ended."""
    from forwardnet.report import to_dict

    history = outcome.history
    return {
        **to_dict(report),
        "epochs": len(history),
        "best_epoch": history.best_epoch,
        "stopped": history.stopped,
        "files": {name: str(outcome.options.out / name) for name in FILES},
    }


def prepare(out: Path) -> None:
    """Make the folder for the results and try to write to it, before anything is trained for minutes."""
    from forwardnet.interop.atomic import write_bytes

    if out.exists() and not out.is_dir():
        raise ArgumentError(f"--out {str(out)!r} is a file, expected a folder", hint="choose another name")
    out.mkdir(parents=True, exist_ok=True)
    probe = out / ".forwardnet-write-test"
    write_bytes(probe, b"")
    probe.unlink()
