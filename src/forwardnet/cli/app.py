"""The commands and their options."""

from __future__ import annotations

from typing import Any

import typer

from forwardnet.cli import arguments
from forwardnet.cli.output import Output

app = typer.Typer(
    name="forwardnet",
    help="Train, validate and use deep feedforward networks.",
    epilog="Start with: forwardnet train digits, or: forwardnet train table.csv --target COLUMN",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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
    data: arguments.Data,
    target: arguments.Target = None,
    cv: arguments.CV = None,
    preset: arguments.Preset = None,
    task: arguments.Task = None,
    metric: arguments.Metric = None,
    repeats: arguments.Repeats = None,
    no_header: arguments.NoHeader = False,
    separator: arguments.Separator = None,
    encoding: arguments.Encoding = None,
    ignore: arguments.Ignore = None,
    kind: arguments.Kind = None,
    group: arguments.Group = None,
    time: arguments.Time = None,
    weights: arguments.Weights = None,
    time_limit: arguments.TimeLimit = None,
    memory_limit: arguments.MemoryLimit = None,
    hidden: arguments.Hidden = None,
    activation: arguments.Activation = None,
    epochs: arguments.Epochs = None,
    batch_size: arguments.BatchSize = None,
    lr: arguments.Rate = None,
    optimizer: arguments.Optimizer = None,
    label_smoothing: arguments.Smoothing = None,
    patience: arguments.Patience = None,
    seed: arguments.Seed = "0",
    threads: arguments.Threads = None,
    data_dir: arguments.DataDir = None,
    out: arguments.Out = None,
    json: arguments.Json = False,
    quiet: arguments.Quiet = False,
) -> int:
    """Train a network, measure it on rows it has never seen, compare it, and write model, curves and report."""
    from forwardnet.cli.choose import train_as_given

    ctx.obj.is_quiet = quiet
    return train_as_given(ctx.params, ctx.obj)


@app.command()
def predict(
    ctx: typer.Context,
    model: arguments.Model,
    data: arguments.Data,
    out: arguments.OutFile = None,
    part: arguments.Part = None,
    no_header: arguments.NoHeader = False,
    separator: arguments.Separator = None,
    encoding: arguments.Encoding = None,
    memory_limit: arguments.MemoryLimit = None,
    data_dir: arguments.DataDir = None,
    json: arguments.Json = False,
) -> int:
    """Apply a model to rows: one line of CSV for each."""
    from forwardnet.cli.choose import predict_as_given

    return predict_as_given(ctx.params, ctx.obj)


@app.command()
def evaluate(
    ctx: typer.Context,
    model: arguments.Model,
    data: arguments.Data,
    labels: arguments.Labels = None,
    part: arguments.Part = None,
    no_header: arguments.NoHeader = False,
    separator: arguments.Separator = None,
    encoding: arguments.Encoding = None,
    memory_limit: arguments.MemoryLimit = None,
    data_dir: arguments.DataDir = None,
    json: arguments.Json = False,
) -> int:
    """Measure a model on rows whose true values are known."""
    from forwardnet.cli.choose import evaluate_as_given

    return evaluate_as_given(ctx.params, ctx.obj)


@app.command()
def inspect(ctx: typer.Context, model: arguments.Model, json: arguments.Json = False) -> int:
    """Say what a model is, which columns it wants, and how good it was when it was made."""
    from forwardnet.cli.inspect import run_inspect

    return run_inspect(model, ctx.obj)


@app.command("find-lr")
def find_lr(
    ctx: typer.Context,
    data: arguments.Data,
    target: arguments.Target = None,
    task: arguments.Task = None,
    no_header: arguments.NoHeader = False,
    separator: arguments.Separator = None,
    encoding: arguments.Encoding = None,
    ignore: arguments.Ignore = None,
    kind: arguments.Kind = None,
    hidden: arguments.Hidden = None,
    activation: arguments.Activation = None,
    optimizer: arguments.Optimizer = None,
    batch_size: arguments.BatchSize = None,
    seed: arguments.Seed = "0",
    data_dir: arguments.DataDir = None,
    out: arguments.PlotFile = None,
    json: arguments.Json = False,
) -> int:
    """Try ever larger learning rates, and say with which the loss falls fastest."""
    from forwardnet.cli.find_lr import run_find_lr
    from forwardnet.cli.tabular.options import table_options

    return run_find_lr(table_options(ctx.params), ctx.obj, plot_to=out)


@app.command()
def forecast(
    ctx: typer.Context,
    data: arguments.SeriesData,
    column: arguments.Columns = None,
    date: arguments.Date = None,
    series: arguments.SeriesBy = None,
    horizon: arguments.Horizon = None,
    season: arguments.Season = None,
    window: arguments.Window = None,
    test: arguments.TestLength = None,
    level: arguments.Level = None,
    missing: arguments.Missing = None,
    epochs: arguments.MostEpochs = None,
    seed: arguments.Seed = "0",
    threads: arguments.Threads = None,
    out: arguments.Out = None,
    json: arguments.Json = False,
    quiet: arguments.Quiet = False,
) -> int:
    """Say how series go on, with intervals, and how good such forecasts were."""
    from forwardnet.cli.forecast import forecast_options, run_forecast

    ctx.obj.is_quiet = quiet
    return run_forecast(forecast_options(ctx.params), ctx.obj)


@app.command()
def datasets(ctx: typer.Context, data_dir: arguments.DataDir = None, json: arguments.Json = False) -> int:
    """List the built-in data sets and where their files are."""
    from forwardnet.cli.datasets import run_datasets

    return run_datasets(ctx.obj, data_dir=data_dir)


@app.command()
def cache(
    ctx: typer.Context,
    action: str = typer.Argument("info", metavar="info|clear", help="Show what is kept, or remove it."),
    json: arguments.Json = False,
) -> int:
    """Show or clear the machine code kept from compiled training steps."""
    from forwardnet.cli.cache import run_cache

    return run_cache(action, ctx.obj)
