"""One training run: data divided, network built, trained with early stopping, and measured on every part."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forwardnet.cli.options import LEAST_GAIN, TrainOptions, check_memory
from forwardnet.cli.output import Output
from forwardnet.cli.parts import Part, Split, divide
from forwardnet.cli.pipeline import Pipeline
from forwardnet.data import Dataset
from forwardnet.errors import DataError
from forwardnet.report import PartFigures, Score, classification_scores, regression_scores
from forwardnet.train import EarlyStopping, History, Trainer

Array = np.ndarray[Any, np.dtype[Any]]

_STEPS = 5000  # of the longest run, unless --epochs says otherwise
_PATIENT_STEPS = 200
_FEW_ROWS = 1000
MANY_ROWS = 10_000
_PART_NAMES = {"train": "training", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class Outcome:
    """A finished run. `predictions` are class probabilities (n, C) or values (n, k), by the name of the part."""

    options: TrainOptions
    data: Dataset
    split: Split
    pipeline: Pipeline
    trainer: Trainer
    history: History
    predictions: dict[str, Array]
    figures: tuple[PartFigures, ...]
    seconds: dict[str, float]

    @property
    def is_interrupted(self) -> bool:
        """Whether Ctrl-C ended the training early."""
        return self.history.stopped == "interrupted"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units from the inputs to the outputs."""
        return layer_sizes(self.data, self.options)


def layer_sizes(data: Dataset, options: TrainOptions) -> tuple[int, ...]:
    """Units from the inputs to the outputs."""
    return (data.n_features, *options.hidden, data.n_outputs)


def complete(options: TrainOptions, n_train: int) -> TrainOptions:
    """Fill in what was left to the data.

    Small data need many epochs to make enough steps, large data few; patience grows with the epochs, so that chance
    does not end a run of tiny epochs. Smoothed labels hinder learning few rows by heart; with many rows the
    probabilities are better without.
    """
    is_many = n_train >= MANY_ROWS
    batch_size = options.batch_size or (128 if is_many else 32 if n_train < _FEW_ROWS else 64)
    steps = math.ceil(n_train / batch_size)
    smoothing = 0.0 if is_many else 0.1
    return replace(
        options,
        lr=options.lr or usual_rate(options.optimizer, n_rows=n_train),
        label_smoothing=smoothing if options.label_smoothing is None else options.label_smoothing,
        batch_size=batch_size,
        epochs=options.epochs or max(100, math.ceil(_STEPS / steps)),
        patience=options.patience or max(10, math.ceil(_PATIENT_STEPS / steps)),
    )


def run(data: Dataset, options: TrainOptions, output: Output) -> Outcome:
    """Train a network on `data` and measure it.

    Raises:
        ForwardnetError: the data cannot be used, the network does not fit into memory, or training diverged.
    """
    split = divide(data, options.seed)
    train = split.parts["train"]
    _check_target(data, train)
    options = complete(options, len(train.rows))
    check_memory(layer_sizes(data, options), options.batch_size or 1)
    pipeline = Pipeline.fit(data, train.rows)
    trainer = _trainer(data, options)
    _announce(data, split, options, trainer, output)
    started = time.perf_counter()
    history = _fit(trainer, split, pipeline, options, output)
    trained = time.perf_counter()
    predictions = {name: pipeline.predict(trainer.model, part.X) for name, part in split.parts.items()}
    figures = tuple(_figures(part, predictions[name], pipeline, train) for name, part in split.parts.items())
    seconds = {"training": trained - started, "measuring": time.perf_counter() - trained}
    return Outcome(options, data, split, pipeline, trainer, history, predictions, figures, seconds)


def baseline(train_y: Array, n: int, pipeline: Pipeline) -> Array:
    """The same prediction for n rows: class shares (n, C), or means (n, k), of the training part."""
    if pipeline.is_classifier:
        counts = np.bincount(train_y, minlength=len(pipeline.target_names))
        return np.tile(counts / counts.sum(), (n, 1))
    return np.tile(train_y.reshape(len(train_y), -1).mean(axis=0, dtype=np.float64), (n, 1))


def scores(y: Array, predicted: Array, pipeline: Pipeline) -> tuple[Score, ...]:
    """The figures that suit the task: accuracy and loss, or RMSE, MAE and R^2."""
    return classification_scores(y, predicted) if pipeline.is_classifier else regression_scores(y, predicted)


def _figures(part: Part, predicted: Array, pipeline: Pipeline, train: Part) -> PartFigures:
    """The figures of one part, and what the simplest guess learnt from the training part reaches on the same rows."""
    guess = baseline(train.y, len(part.y), pipeline)
    baselines = {score.name: score.value for score in scores(part.y, guess, pipeline)}
    return PartFigures(_PART_NAMES[part.name], len(part.y), scores(part.y, predicted, pipeline), baselines)


def _check_target(data: Dataset, train: Part) -> None:
    """Refuse a regression without anything to predict; a single class is refused where the data are read."""
    if data.task == "regression" and (train.y == train.y[:1]).all():
        raise DataError(
            f"{data.name}: the target has the value {train.y.flat[0]:g} in all {len(train.y)} training rows, "
            "expected different values"
        )


def usual_rate(optimizer: str, *, n_rows: int) -> float:
    """The learning rate where none is asked for; 1 where a line search looks for the length of a step."""
    if has_line_search(optimizer):
        return 1.0
    return 0.1 if optimizer == "sgd" else 0.001 if n_rows >= MANY_ROWS else 0.002


def has_line_search(optimizer: str) -> bool:
    """Whether an optimiser looks for the length of its steps."""
    from forwardnet import optim

    return hasattr(optim.OPTIMIZERS[optimizer], "asks")


def _trainer(data: Dataset, options: TrainOptions) -> Trainer:
    import forwardnet as ff
    from forwardnet import nn, optim

    sizes = layer_sizes(data, options)
    ff.manual_seed(options.seed)
    layers: list[nn.Module] = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(options.hidden):
            layers.append(nn.ACTIVATIONS[options.activation]())
    model = nn.Sequential(*layers)
    is_classifier = data.task == "classification"
    loss = nn.CrossEntropyLoss(label_smoothing=options.label_smoothing or 0.0) if is_classifier else nn.MSELoss()
    kind: Any = optim.OPTIMIZERS[options.optimizer]
    optimizer = kind(model.parameters(), lr=options.lr, **kind.usual)
    return Trainer(model, loss, optimizer, metrics=["accuracy" if is_classifier else "r2"], seed=options.seed)


def _fit(trainer: Trainer, split: Split, pipeline: Pipeline, options: TrainOptions, output: Output) -> History:
    train, validation = split.parts["train"], split.parts.get("validation")
    held_out = None if validation is None else (pipeline.inputs.transform(validation.X), pipeline.encode(validation.y))
    stopping = EarlyStopping(
        "loss" if held_out is None else "val_loss",
        patience=options.patience or 1,
        min_delta=LEAST_GAIN[pipeline.task],
    )
    # The trainer shows its progress on standard output, which belongs to the JSON object if one was asked for.
    with contextlib.redirect_stdout(output.talk):
        return trainer.fit(
            pipeline.inputs.transform(train.X),
            pipeline.encode(train.y),
            epochs=options.epochs or 1,
            batch_size=options.batch_size or 1,
            validation_data=held_out,
            callbacks=[stopping],
            progress=not output.is_quiet,
        )


def _announce(data: Dataset, split: Split, options: TrainOptions, trainer: Trainer, output: Output) -> None:
    rows = ", ".join(f"{len(part.rows):,} {_PART_NAMES[name]}" for name, part in split.parts.items())
    kind = "classes" if data.task == "classification" else "target" if data.n_outputs == 1 else "targets"
    outputs = f"{data.n_outputs} {kind}"
    output.say(f"data     {data.name}: {data.n_features} features, {outputs}; rows: {rows}")
    weights = sum(parameter.numel() for parameter in trainer.model.parameters())
    sizes = "-".join(map(str, layer_sizes(data, options)))
    output.say(f"network  {sizes}, {options.activation}, {weights:,} parameters")
    output.say(
        f"training {options.optimizer}, learning rate {options.lr:g}, {options.batch_size} rows a step, "
        f"at most {options.epochs} epochs, patience {options.patience}, seed {options.seed}"
    )
