"""The exact command and the Python lines that repeat a run."""

from __future__ import annotations

import shlex
from pathlib import Path

from forwardnet.cli.options import LEAST_GAIN, TrainOptions
from forwardnet.cli.parts import TEST, VALIDATION, is_divided
from forwardnet.data import Dataset
from forwardnet.data.datasets import ENTRIES


def command_line(options: TrainOptions) -> str:
    """The command that repeats a run, with every value that was chosen."""
    words = ["forwardnet", "train", options.dataset]
    if options.data_dir is not None:
        words += ["--data-dir", str(options.data_dir)]
    words += ["--hidden", ",".join(map(str, options.hidden)) or "none", "--activation", options.activation]
    words += ["--optimizer", options.optimizer, "--lr", f"{options.lr:g}"]
    words += ["--label-smoothing", f"{options.label_smoothing:g}", "--epochs", str(options.epochs)]
    words += ["--batch-size", str(options.batch_size), "--patience", str(options.patience)]
    words += ["--seed", str(options.seed), "--out", str(options.out)]
    return shlex.join(words)


def python_lines(data: Dataset, options: TrainOptions) -> str:
    """A program that does the same with the library; it gives the same weights."""
    imports = ["import numpy as np", "", "import forwardnet as ff", "from forwardnet import nn, optim"]
    imports.append("from forwardnet.data import Standardizer, train_validation_test")
    if options.dataset not in ENTRIES and Path(options.dataset).is_dir():
        imports.append("from forwardnet.data.images import load_image_folder")
    parts = (imports, _data_lines(data, options), _model_lines(data, options), _training_lines(data, options))
    return "\n\n".join("\n".join(lines) for lines in parts)


def _data_lines(data: Dataset, options: TrainOptions) -> list[str]:
    folder = "" if options.data_dir is None else f", data_dir={str(options.data_dir)!r}"
    is_folder = options.dataset not in ENTRIES and Path(options.dataset).is_dir()
    load = "load_image_folder" if is_folder else "ff.datasets.load"
    lines = [f"data = {load}({options.dataset!r}{folder})"]
    share = 0.0 if data.X_test is not None else TEST
    if is_divided(data):
        stratify = "data.y" if data.task == "classification" else "None"
        lines += [
            "train, validation, test = train_validation_test(",
            f"    data.n_samples, validation={VALIDATION}, test={share}, stratify={stratify}, seed={options.seed}",
            ")",
        ]
    else:
        lines.append("train = np.arange(data.n_samples)")
    lines.append("scaler = Standardizer().fit(data.X[train])")
    if data.image_shape is not None:
        lines.append("scaler.scale = np.full(data.n_features, data.X[train].std(dtype=np.float64))")
    lines.append("X = scaler.transform(data.X)")
    if data.task == "classification":
        lines.append("y = data.y")
    else:
        lines.append("y = Standardizer().fit(data.y[train]).transform(data.y).reshape(data.n_samples, -1)")
    return lines


def _model_lines(data: Dataset, options: TrainOptions) -> list[str]:
    from forwardnet import nn, optim

    sizes = (data.n_features, *options.hidden, data.n_outputs)
    activation = nn.ACTIVATIONS[options.activation].__name__
    lines = [f"ff.manual_seed({options.seed})", "model = nn.Sequential("]
    for i in range(len(sizes) - 1):
        lines.append(f"    nn.Linear({sizes[i]}, {sizes[i + 1]}),")
        if i < len(options.hidden):
            lines.append(f"    nn.{activation}(),")
    kind = optim.OPTIMIZERS[options.optimizer]
    more = "".join(f", {name}={value!r}" for name, value in kind.usual.items())
    return [*lines, ")", f"optimizer = optim.{kind.__name__}(model.parameters(), lr={options.lr!r}{more})"]


def _training_lines(data: Dataset, options: TrainOptions) -> list[str]:
    loss, metric = "nn.MSELoss()", "r2"
    if data.task == "classification":
        loss, metric = f"nn.CrossEntropyLoss(label_smoothing={options.label_smoothing!r})", "accuracy"
    gain = LEAST_GAIN[data.task]
    held_out, monitor = "None", '"loss", '
    if is_divided(data):
        held_out, monitor = "(X[validation], y[validation])", ""
    lines = [
        f'trainer = ff.Trainer(model, {loss}, optimizer, metrics=["{metric}"], seed={options.seed})',
        "trainer.fit(",
        f"    X[train], y[train], epochs={options.epochs}, batch_size={options.batch_size},",
        f"    validation_data={held_out},",
        f"    callbacks=[ff.EarlyStopping({monitor}patience={options.patience}, min_delta={gain!r})],",
        ")",
    ]
    if data.X_test is not None and data.task == "classification":
        return [*lines, "print(trainer.evaluate(scaler.transform(data.X_test), data.y_test))"]
    rows = "test" if is_divided(data) and data.X_test is None else "train"
    return [*lines, f"print(trainer.evaluate(X[{rows}], y[{rows}]))"]
