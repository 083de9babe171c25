"""The commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from forwardnet.cli.options import TrainOptions, parse_hidden, parse_number, parse_whole
from forwardnet.cli.output import Output

app = typer.Typer(
    name="forwardnet",
    help="Train, validate and use deep feedforward networks.",
    epilog="Start with: forwardnet train digits",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DATA_DIR = typer.Option(None, "--data-dir", metavar="DIR", help="Folder with the files of mnist or fashion-mnist.")
_JSON = typer.Option(False, "--json", help="One JSON object on standard output; everything else on standard error.")
_MODEL = typer.Argument(..., metavar="MODEL", help="A model.safetensors file, or the folder that `train` wrote it to.")
_LABELS = typer.Option(
    None, "--labels", metavar="FILE", help="Labels for images in an IDX file or rows in a .npy file."
)
_PART = typer.Option(
    None, "--part", metavar="PART", help="train, validation, test or all; default: test for data the model has seen."
)


def run_app(arguments: list[str], output: Output) -> int:
    """Run a command; returns its exit code and lets errors through."""
    command: Any = typer.main.get_command(app)
    code = command.main(args=arguments, prog_name="forwardnet", standalone_mode=False, obj=output)
    return code if isinstance(code, int) else 0


@app.callback()
def _root(
    ctx: typer.Context, version: bool = typer.Option(False, "--version", help="Show the version and exit.")
) -> None:
    if version:
        from forwardnet import __version__

        ctx.obj.text(f"forwardnet {__version__}\n")
        raise typer.Exit(0)
    if ctx.invoked_subcommand is None:
        ctx.obj.text(ctx.get_help() + "\n")


@app.command()
def train(
    ctx: typer.Context,
    dataset: str = typer.Argument(..., metavar="DATASET", help="A name from `forwardnet datasets`, or a .npz file."),
    data_dir: Path | None = _DATA_DIR,
    hidden: str = typer.Option("128,64", "--hidden", metavar="N,N,..", help="Units of the hidden layers, or 'none'."),
    activation: str = typer.Option("relu", "--activation", metavar="NAME", help="Activation of the hidden layers."),
    epochs: str | None = typer.Option(
        None, "--epochs", metavar="N", help="Most passes over the training rows; default: by their number."
    ),
    batch_size: str | None = typer.Option(
        None, "--batch-size", metavar="N", help="Rows per step; default: by their number."
    ),
    lr: str | None = typer.Option(
        None, "--lr", metavar="RATE", help="Learning rate; default: 0.002, many rows 0.001, sgd 0.1, lbfgs 1."
    ),
    optimizer: str = typer.Option("adam", "--optimizer", metavar="NAME", help="Optimizer, such as adam or sgd."),
    label_smoothing: str | None = typer.Option(
        None,
        "--label-smoothing",
        metavar="S",
        help="Share of each label spread over all classes; default: 0.1, for many rows 0.",
    ),
    patience: str | None = typer.Option(
        None, "--patience", metavar="N", help="Stop after this many epochs without a better validation loss."
    ),
    seed: str = typer.Option("0", "--seed", metavar="N", help="Fixes split, first weights and order of the rows."),
    out: Path | None = typer.Option(
        None, "--out", metavar="DIR", help="Folder for the results; default: runs/DATASET."
    ),
    json: bool = _JSON,
    quiet: bool = typer.Option(False, "--quiet", help="Only say where the results are."),
) -> int:
    """Train a network, measure it on rows it has never seen, and write model, curves and report."""
    from forwardnet.cli.train import run_train

    options = TrainOptions(
        dataset=dataset,
        out=out if out is not None else Path("runs") / Path(dataset).stem,
        data_dir=data_dir,
        hidden=parse_hidden(hidden),
        activation=activation,
        optimizer=optimizer,
        lr=parse_number("--lr", lr),
        label_smoothing=parse_number("--label-smoothing", label_smoothing),
        epochs=parse_whole("--epochs", epochs),
        batch_size=parse_whole("--batch-size", batch_size),
        patience=parse_whole("--patience", patience),
        seed=parse_whole("--seed", seed) or 0,
    )
    ctx.obj.is_quiet = quiet
    return run_train(options, ctx.obj)


@app.command()
def predict(
    ctx: typer.Context,
    model: Path = _MODEL,
    data: str = typer.Argument(..., metavar="DATA", help="A data set's name, or a .npz, .npy or IDX file."),
    out: Path | None = typer.Option(None, "--out", metavar="FILE", help="Write a CSV file instead of standard output."),
    part: str | None = _PART,
    data_dir: Path | None = _DATA_DIR,
    json: bool = _JSON,
) -> int:
    """Apply a model to rows: one line of CSV for each."""
    from forwardnet.cli.predict import run_predict

    return run_predict(model, data, ctx.obj, out=out, part=part, data_dir=data_dir)


@app.command()
def evaluate(
    ctx: typer.Context,
    model: Path = _MODEL,
    data: str = typer.Argument(..., metavar="DATA", help="A data set's name, or a .npz, .npy or IDX file."),
    labels: Path | None = _LABELS,
    part: str | None = _PART,
    data_dir: Path | None = _DATA_DIR,
    json: bool = _JSON,
) -> int:
    """Measure a model on rows whose true values are known."""
    from forwardnet.cli.evaluate import run_evaluate

    return run_evaluate(model, data, ctx.obj, labels=labels, part=part, data_dir=data_dir)


@app.command()
def datasets(ctx: typer.Context, data_dir: Path | None = _DATA_DIR, json: bool = _JSON) -> int:
    """List the built-in data sets and where their files are."""
    from forwardnet.cli.datasets import run_datasets

    return run_datasets(ctx.obj, data_dir=data_dir)


@app.command()
def cache(
    ctx: typer.Context,
    action: str = typer.Argument("info", metavar="info|clear", help="Show what is kept, or remove it."),
    json: bool = _JSON,
) -> int:
    """Show or clear the machine code kept from compiled training steps."""
    from forwardnet.cli.cache import run_cache

    return run_cache(action, ctx.obj)
