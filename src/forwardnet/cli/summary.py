"""What is said about a finished run: the report, and the metadata of the model's file."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from forwardnet.cli import repeat
from forwardnet.cli.environment import environment
from forwardnet.cli.experiment import Outcome
from forwardnet.cli.notes import make_notes
from forwardnet.cli.options import LEAST_GAIN
from forwardnet.cli.parts import fingerprint
from forwardnet.report import Picture, Report, WorstRow
from forwardnet.report.words import interval_text, score_text
from forwardnet.train.metrics import confusion_matrix

Array = np.ndarray[Any, np.dtype[Any]]

_WORST = 12
_MOST_NAMES = 12
_INTERVALS = {
    "classification": "The intervals hold the true accuracy in 95 of 100 such tests (Wilson's score interval). "
    "Loss: the mean of -log(probability given to the true class).",
    "regression": "The intervals are the middle 95 % of what the figure is when the rows are drawn anew (bootstrap).",
}
_BASELINES = {
    "classification": "the most frequent class of the training part for every row (for the loss: its class shares)",
    "regression": "the mean of the training part for every row",
}


def make_report(outcome: Outcome, started: float) -> Report:
    """The report of a run that began at `started` (`time.perf_counter`)."""
    data, options = outcome.data, outcome.options
    sizes = "-".join(map(str, outcome.sizes))
    return Report(
        title=f"{data.name}: {data.task} with a {sizes} network",
        summary=_summary(outcome),
        data=_data_rows(outcome),
        parts=outcome.figures,
        baseline=_BASELINES[data.task],
        interval=_INTERVALS[data.task],
        curves=_curves(outcome),
        chosen=_chosen(outcome),
        pictures=_pictures(outcome),
        class_names=data.target_names if data.task == "classification" else (),
        confusion=_confusion(outcome),
        worst=_worst(outcome)[0],
        worst_pictures=_worst(outcome)[1],
        model=_model_rows(outcome),
        layers=_layers(outcome),
        settings=_settings(outcome),
        environment=environment(),
        timing=_timing(outcome, started),
        command=repeat.command_line(options),
        python=repeat.python_lines(data, options),
        notes=make_notes(outcome),
    )


def model_metadata(outcome: Outcome) -> dict[str, Any]:
    """What the model's file must know to be used and measured later; nothing that differs between equal runs."""
    from forwardnet import __version__

    options, history = outcome.options, outcome.history
    return {
        "forwardnet": __version__,
        "name": outcome.data.name,
        "pipeline": outcome.pipeline.to_dict(),
        "training": {
            "fingerprint": fingerprint(outcome.data),
            "seed": options.seed,
            "optimizer": options.optimizer,
            "lr": options.lr,
            "label_smoothing": options.label_smoothing,
            "batch_size": options.batch_size,
            "epochs": len(history),
            "best_epoch": history.best_epoch,
        },
        "baseline": _baseline(outcome),
    }


def _baseline(outcome: Outcome) -> list[float]:
    from forwardnet.cli.experiment import baseline

    return [float(value) for value in baseline(outcome.split.parts["train"].y, 1, outcome.pipeline)[0]]


def _summary(outcome: Outcome) -> str:
    """The figure that matters, in one sentence."""
    figures = outcome.figures[-1]
    score = figures.scores[0] if outcome.pipeline.is_classifier else figures.scores[-1]
    base = score_text(score.name, figures.baseline[score.name])
    interval = f" (95 % interval {interval_text(score)})"
    value = score_text(score.name, score.value)
    if outcome.pipeline.is_classifier:
        return (
            f"{value} of the {figures.rows:,} {figures.part} rows are classified correctly{interval}; "
            f"the most frequent class for every row gives {base}."
        )
    rmse = figures.scores[0]
    return (
        f"On the {figures.rows:,} {figures.part} rows the predictions are off by {rmse.value:.4g} (RMSE) and explain "
        f"R² = {value}{interval} of the variance; the mean for every row is off by {figures.baseline['rmse']:.4g}."
    )


def _data_rows(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    data, parts = outcome.data, outcome.split.parts
    total = data.n_samples + (0 if data.X_test is None else len(data.X_test))
    rows = [("source", f"{data.name}: {data.description}"), ("rows", f"{total:,}")]
    features = f"{data.n_features}"
    if data.image_shape is not None:
        features += f" (images of {' x '.join(map(str, data.image_shape))} pixels)"
    elif data.n_features <= _MOST_NAMES:
        features += f": {', '.join(data.feature_names)}"
    rows.append(("features", features))
    if data.task == "classification":
        counts = np.bincount(parts["train"].y, minlength=data.n_outputs)
        shares = [f"{name}: {count:,}" for name, count in zip(data.target_names, counts, strict=True)]
        more = f" and {len(shares) - 2 * _MOST_NAMES} more" if len(shares) > 2 * _MOST_NAMES else ""
        rows.append(("classes", f"{data.n_outputs} (training rows: {', '.join(shares[: 2 * _MOST_NAMES])}{more})"))
    else:
        y = parts["train"].y
        rows.append(("target", f"{', '.join(data.target_names)}; training rows from {y.min():.4g} to {y.max():.4g}"))
    rows.append(("parts", "; ".join(f"{f.part} {f.rows:,}" for f in outcome.figures)))
    rows.append(("split", outcome.split.how))
    constant = int((np.ptp(parts["train"].X, axis=0) == 0).sum())
    if constant:
        rows.append(("constant", f"{constant} features have one value in all training rows; they tell nothing"))
    scaling = "each feature to mean 0 and standard deviation 1"
    if data.image_shape is not None:
        scaling = "each pixel to mean 0, all divided by one common standard deviation"
    rows.append(("scaling", f"{scaling}, learnt from the training part only"))
    return tuple(rows)


def _chosen(outcome: Outcome) -> str:
    least = LEAST_GAIN[outcome.pipeline.task]
    history, figure = outcome.history, "validation loss" if "val_loss" in outcome.history else "training loss"
    end = f"after {len(history)} epochs"
    if history.stopped == "early stopping":
        end += f", because {outcome.options.patience} epochs brought no better one"
    elif history.stopped == "interrupted":
        end += ", because it was interrupted"
    if history.best_epoch is None:
        return f"Training ended {end}."
    return (
        f"Kept: the weights of epoch {history.best_epoch}, which had the best {figure} "
        f"(a gain below {least:g} does not count). Training ended {end}."
    )


def _curves(outcome: Outcome) -> Picture | None:
    from forwardnet import plot

    if not len(outcome.history):
        return None
    alt = "loss and metric of the training and the validation part by epoch"
    return Picture("Learning curve", alt, plot.png_bytes(plot.curves(outcome.history)))


def _pictures(outcome: Outcome) -> tuple[Picture, ...]:
    """Predicted against true values; the plane with its regions; the fitted line: whatever the data allow."""
    from forwardnet import plot

    data, last = outcome.data, outcome.split.last
    predicted = outcome.predictions[last.name]
    pictures = []
    if data.task == "regression":
        title = f"Predicted and true values of the {outcome.figures[-1].part} part"
        pictures.append(Picture(title, title, plot.png_bytes(plot.predicted_vs_true(last.y, predicted))))
    model, pipeline = outcome.trainer.model, outcome.pipeline
    if data.task == "regression" and data.n_features == 1 and predicted.shape[1] == 1:
        figure = plot.fitted_line(data.X, data.y, lambda x: pipeline.predict(model, x))
        pictures.append(Picture("Fitted curve", "all rows as points and the network's curve", plot.png_bytes(figure)))
    if data.task == "classification" and data.n_features == 2:
        figure = plot.decision_boundary(
            lambda places: pipeline.predict(model, places).argmax(axis=1),
            data.X,
            data.y,
            labels=data.target_names,
            names=data.feature_names,
        )
        alt = "all rows as points and the class that the network gives to each place of the plane"
        pictures.append(Picture("Decision boundary", alt, plot.png_bytes(figure)))
    return tuple(pictures)


def _confusion(outcome: Outcome) -> Array | None:
    if not outcome.pipeline.is_classifier:
        return None
    last = outcome.split.last
    return confusion_matrix(last.y, outcome.predictions[last.name].argmax(axis=1), classes=outcome.data.n_outputs)


def _worst(outcome: Outcome) -> tuple[tuple[WorstRow, ...], Picture | None]:
    """The rows with the least probability for the true class, or the largest error."""
    last, names = outcome.split.last, outcome.data.target_names
    predicted = outcome.predictions[last.name]
    if outcome.pipeline.is_classifier:
        classes = predicted.argmax(axis=1)
        wrong = np.flatnonzero(classes != last.y)
        order = wrong[np.argsort(predicted[wrong, last.y[wrong]], kind="stable")][:_WORST]
        rows = [
            WorstRow(int(last.rows[i]), names[last.y[i]], names[classes[i]], _sure(predicted[i], last.y[i]))
            for i in order
        ]
    else:
        truth = last.y.reshape(len(last.y), -1)
        off = np.abs(predicted - truth).max(axis=1)
        order = np.argsort(-off, kind="stable")[:_WORST]
        rows = [
            WorstRow(int(last.rows[i]), _values(truth[i]), _values(predicted[i]), f"off by {off[i]:.4g}") for i in order
        ]
    return tuple(rows), _worst_images(outcome, order, rows)


def _worst_images(outcome: Outcome, order: Array, rows: list[WorstRow]) -> Picture | None:
    from forwardnet import plot

    shape = outcome.data.image_shape
    if shape is None or len(shape) not in (2, 3) or not rows:
        return None
    captions = [f"true {row.true}\nsaid {row.predicted}" for row in rows]
    figure = plot.images(outcome.split.last.X[order], shape=shape, captions=captions, columns=6)
    return Picture("", "the images that were classified most wrongly", plot.png_bytes(figure))


def _sure(probabilities: Array, true: int) -> str:
    return f"{100 * probabilities.max():.1f} % sure; {100 * probabilities[true]:.1f} % for the true class"


def _values(row: Array) -> str:
    return ", ".join(f"{value:.4g}" for value in row)


def _layers(outcome: Outcome) -> tuple[tuple[str, ...], ...]:
    summary = outcome.trainer.model.summary(outcome.data.n_features)
    head = ("layer", "type", "output", "parameters")
    rows = [
        (
            row.name,
            row.type,
            f"({', '.join(map(str, row.output_shape))})",
            f"{row.parameters:,}" if row.parameters else "–",
        )
        for row in summary.rows
    ]
    return (head, *rows)


def _model_rows(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    summary = outcome.trainer.model.summary(outcome.data.n_features)
    return (
        ("parameters", f"{summary.parameters:,} ({summary.bytes / 1024:,.0f} KiB)"),
        ("operations", f"{summary.flops:,} additions and multiplications for one row"),
    )


def _settings(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    options = outcome.options
    rows = [
        ("hidden layers", ", ".join(map(str, options.hidden)) or "none"),
        ("activation", options.activation),
        ("loss", "cross-entropy" if outcome.pipeline.is_classifier else "mean squared error of the scaled target"),
    ]
    if outcome.pipeline.is_classifier:
        rows.append(("label smoothing", f"{options.label_smoothing:g}"))
    return (
        *rows,
        ("optimizer", options.optimizer),
        ("learning rate", f"{options.lr:g}"),
        ("rows per step", str(options.batch_size)),
        ("epochs", f"at most {options.epochs}, patience {options.patience}"),
        ("seed", str(options.seed)),
    )


def _timing(outcome: Outcome, started: float) -> tuple[tuple[str, str], ...]:
    epochs = max(1, len(outcome.history))
    training = outcome.seconds["training"]
    return (
        ("training", f"{training:.2f} s for {len(outcome.history)} epochs, {1000 * training / epochs:.1f} ms each"),
        ("measuring", f"{outcome.seconds['measuring']:.2f} s"),
        ("all", f"{time.perf_counter() - started:.2f} s until this report"),
    )
