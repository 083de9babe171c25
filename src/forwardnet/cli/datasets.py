"""`forwardnet datasets`: what can be trained on by name."""

from __future__ import annotations

from pathlib import Path

from forwardnet.cli.output import Output
from forwardnet.cli.tables import new_table


def run_datasets(output: Output, *, data_dir: Path | None) -> int:
    """List names, sizes and places; returns the exit code."""
    from rich.text import Text

    from forwardnet.data import datasets

    entries = [(datasets.ENTRIES[name], _where(name, data_dir)) for name in datasets.names()]
    if output.is_json:
        output.json(
            [
                {
                    "name": e.name,
                    "task": e.task,
                    "rows": e.n_samples,
                    "features": e.n_features,
                    "outputs": e.n_outputs,
                    "summary": e.summary,
                    "where": where,
                }
                for e, where in entries
            ]
        )
        return 0
    table = new_table()
    for heading in ("name", "task", "what"):
        table.add_column(heading)
    for heading in ("rows", "features", "outputs"):
        table.add_column(heading, justify="right")
    table.add_column("where", overflow="fold")
    for e, where in entries:
        sizes = (f"{e.n_samples:,}", str(e.n_features), str(e.n_outputs))
        table.add_row(*(Text(cell) for cell in (e.name, e.task, e.summary, *sizes, where)))
    output.show(table)
    output.say("Outputs are classes, or the targets of a regression. Train with: forwardnet train NAME")
    return 0


def _where(name: str, data_dir: Path | None) -> str:
    """Where the rows of a data set come from on this machine."""
    from forwardnet.data import cache, datasets, generators, mnist

    if "data_dir" in datasets.entry(name).options:
        found = cache.find_all(mnist.FILENAMES, cache.search_folders(name, data_dir))
        return str(found[0].parent) if found else "not here; downloaded when first used"
    return "made by a formula" if hasattr(generators, name) else "comes with scikit-learn"
