"""What is left of a run on a table that Ctrl-C ended before its report: the network, if there is one."""

from __future__ import annotations

import os

from forwardnet.cli.output import Output
from forwardnet.cli.run import INTERRUPTED
from forwardnet.cli.tabular.options import TableOptions
from forwardnet.cli.tabular.record import record_of_kept
from forwardnet.cli.tabular.result import FILES
from forwardnet.cli.tabular.run import Clock
from forwardnet.cli.tabular.train import write_model

WRITTEN = ("model.safetensors", "history.csv")
_WHEN = {
    "": "before anything was read",
    "reading": "while the data were read",
    "putting rows aside": "while the data were read",
    "pace": "while the time of an epoch was measured",
    "network": "while the network was validated",
    "figures": "while figures were computed",
    "kept network": "while the network was trained on all rows",
    "explaining": "while importances were computed",
    "writing": "while the report was made",
}


def run_interrupted(options: TableOptions, clock: Clock, output: Output) -> int:
    """Write the network if there is one, and say what is missing; returns the exit code."""
    when = _WHEN.get(clock.part, f"in the baseline {clock.part!r}")
    kept = clock.kept
    if kept is None:
        output.note(f"interrupted {when}: nothing was written, because no network was finished")
        if output.is_json:
            output.json({"stopped": "interrupted", "files": {}})
        return INTERRUPTED
    write_model(kept.estimator, record_of_kept(kept), options.out)
    missing = [name for name in FILES if name not in WRITTEN]
    told = f"interrupted {when}: the network is kept; {', '.join(missing)} were not made"
    old = [name for name in missing if (options.out / name).exists()]
    if old:
        told += f" ({', '.join(old)} in that folder may be of an earlier run)"
    output.note(told)
    if output.is_json:
        files = {name: str(options.out / name) for name in WRITTEN}
        output.json({"stopped": "interrupted", "epochs": kept.epochs, "files": files, "missing": missing})
    output.last(f"wrote {', '.join(WRITTEN)} to {options.out}{os.sep}")
    return INTERRUPTED
