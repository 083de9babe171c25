"""The arguments and options of the commands: name, form, and one line of help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Text = str | None


def _option(name: str, metavar: str, help: str) -> Any:
    return typer.Option(name, metavar=metavar, help=help)


# What is learnt from.
Data = Annotated[
    str,
    typer.Argument(metavar="DATA", help="Table (CSV, TSV, Parquet, Arrow, JSON lines, Excel), .npz, images, name."),
]
Target = Annotated[Text, _option("--target", "COL", "Column to be predicted: its name, or its number from 1.")]
NoHeader = Annotated[bool, typer.Option("--no-header", help="The first row of the file has values, not names.")]
Separator = Annotated[Text, _option("--separator", "CHAR", "What stands between values; default: found out.")]
Encoding = Annotated[Text, _option("--encoding", "NAME", "Encoding of the file; default: found out.")]
Ignore = Annotated[list[str] | None, _option("--ignore", "COL", "Column that is left out; may be given several times.")]
Kind = Annotated[
    list[str] | None, _option("--kind", "COL=KIND", "number, category, boolean, date, ...: what a column is.")
]
Group = Annotated[Text, _option("--group", "COL", "Rows with the same value here are never divided.")]
Time = Annotated[Text, _option("--time", "COL", "The rows are tested in the order of this column, the last ones.")]
Weights = Annotated[Text, _option("--weights", "COL", "How much each row counts.")]
DataDir = Annotated[Path | None, _option("--data-dir", "DIR", "Folder with the files of mnist or fashion-mnist.")]

# What is learnt, and how it is tested.
Task = Annotated[Text, _option("--task", "TASK", "classification or regression; default: by the target.")]
Preset = Annotated[Text, _option("--preset", "NAME", "realmlp, realmlp-small, tabm or tabm-small: a whole recipe.")]
CV = Annotated[Text, _option("--cv", "K|loo", "Cross-validation in K parts, or each row alone; default: one test.")]
Repeats = Annotated[Text, _option("--repeats", "N", "Draw the parts of --cv anew so many times.")]
Metric = Annotated[Text, _option("--metric", "NAME", "Figure that decides; default: accuracy or rmse.")]
TimeLimit = Annotated[
    Text, _option("--time-limit", "SECONDS", "Fewer epochs, and leave out what takes longer, where there is no time.")
]
MemoryLimit = Annotated[
    Text, _option("--memory-limit", "SIZE", "Read a file in blocks that fit, such as 200MB or 1GB.")
]

# The plain network.
Hidden = Annotated[Text, _option("--hidden", "N,N,..", "Units of the hidden layers, or 'none'; default: 128,64.")]
Activation = Annotated[Text, _option("--activation", "NAME", "Activation of the hidden layers; default: relu.")]
Epochs = Annotated[Text, _option("--epochs", "N", "Most passes over the training rows; default: by their number.")]
BatchSize = Annotated[Text, _option("--batch-size", "N", "Rows per step; default: by their number.")]
Rate = Annotated[
    Text,
    _option("--lr", "RATE", "Learning rate; default: by optimizer and number of rows."),
]
Optimizer = Annotated[Text, _option("--optimizer", "NAME", "Optimizer, such as sgd; default: adam.")]
Smoothing = Annotated[
    Text, _option("--label-smoothing", "S", "Share of each label spread over all classes; default: 0, images 0.1.")
]
Patience = Annotated[
    Text,
    _option("--patience", "N", "Stop after this many epochs without a better validation loss."),
]

# Series.
SeriesData = Annotated[str, typer.Argument(metavar="FILE", help="A table with a column of dates, and of values.")]
Columns = Annotated[list[str] | None, _option("--column", "COL", "Column of values; default: all columns of numbers.")]
Date = Annotated[Text, _option("--date", "COL", "Column of dates; default: the only one there is.")]
SeriesBy = Annotated[Text, _option("--series", "COL", "Column that says to which series a row belongs.")]
Horizon = Annotated[Text, _option("--horizon", "N", "Steps to forecast; default: a season, or by the frequency.")]
Season = Annotated[Text, _option("--season", "N", "Steps in a cycle, 1 for none; default: found out.")]
Window = Annotated[Text, _option("--window", "N", "Past values that the network sees; default: tried out.")]
TestLength = Annotated[Text, _option("--test", "N", "Last values on which forecasts are tried; default: a fifth.")]
Level = Annotated[Text, _option("--level", "P", "Share of the truth that intervals are to hold; default: 0.9.")]
MostEpochs = Annotated[Text, _option("--epochs", "N", "Most epochs that are tried, 0 for linear; default: 160.")]
Missing = Annotated[Text, _option("--missing", "HOW", "refuse or interpolate missing values; default: refuse.")]

# The run.
Seed = Annotated[str, _option("--seed", "N", "Fixes split, first weights and order of the rows.")]
Threads = Annotated[Text, _option("--threads", "N", "Most threads; default: as many as there are processors.")]
Out = Annotated[Path | None, _option("--out", "DIR", "Folder for the results; default: runs/DATA.")]
OutFile = Annotated[Path | None, _option("--out", "FILE", "Write a CSV file instead of standard output.")]
PlotFile = Annotated[Path | None, _option("--out", "FILE", "Draw the losses: a .png, .svg or .pdf file.")]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON object on standard output; everything else on standard error.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Only say where the results are.")]

# What was learnt.
Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model.safetensors file, or the folder that `train` wrote it to.")
]
Labels = Annotated[Path | None, _option("--labels", "FILE", "Labels for images in an IDX file or rows in a .npy file.")]
Part = Annotated[
    Text, _option("--part", "PART", "train, validation, test or all; default: test for data the model has seen.")
]
