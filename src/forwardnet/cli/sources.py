"""A trained model, and the rows that it is applied to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from forwardnet.cli.arrays import read_columns
from forwardnet.cli.files import read_labels, read_rows
from forwardnet.cli.output import Output
from forwardnet.cli.parts import NAMES, same_split
from forwardnet.cli.pipeline import Pipeline
from forwardnet.cli.tabular.source import is_table_file
from forwardnet.cli.threads import suitable_threads
from forwardnet.cli.train import load_dataset
from forwardnet.data import Dataset
from forwardnet.data.checks import check_features, check_targets
from forwardnet.data.datasets import ENTRIES
from forwardnet.data.images import is_image_file, load_image, load_image_folder
from forwardnet.errors import ArgumentError, DataError, FileFormatError, ForwardnetError, ShapeError, unknown_name
from forwardnet.nn import Module

Array = np.ndarray[Any, np.dtype[Any]]

_PARTS = (*NAMES, "all")


class TrainedModel(NamedTuple):
    """A model with what belongs to it."""

    path: str
    model: Module
    pipeline: Pipeline
    metadata: dict[str, Any]

    def predict(self, X: Array) -> Array:
        """Class probabilities (n, C), or values (n, k), for X (n, d)."""
        sizes = [tensor.shape[-1] for tensor in self.model.state_dict().values() if tensor.ndim == 2]
        with suitable_threads((*sizes, len(self.pipeline.target_names)), rows=64):
            return self.pipeline.predict(self.model, X)


@dataclass(frozen=True)
class Rows:
    """Rows to predict: X (n, d) in the unit of the training data, y where it is known, and which rows they are."""

    X: Array
    y: Array | None
    numbers: Array
    what: str


def open_model(path: Path) -> TrainedModel:
    """The model in a file, or in the folder that `forwardnet train` wrote it to.

    Raises:
        FileFormatError: the file is missing or damaged, or does not say how rows are to be prepared.
    """
    from forwardnet.interop import load_model

    file = str(path / "model.safetensors" if path.is_dir() else path)
    model, metadata = load_model(file)
    if "pipeline" not in metadata:
        raise FileFormatError(
            f"{file!r} has a model, but does not tell how rows of data become its inputs",
            hint="use a model written by 'forwardnet train', or ff.load in Python",
        )
    pipeline = Pipeline.from_dict(metadata["pipeline"], where=file)
    try:
        outputs = pipeline.predict(model, np.zeros((1, len(pipeline.feature_names)), np.float32))
    except (ForwardnetError, ValueError) as error:
        raise FileFormatError(f"{file!r}: the network and the description of the data do not fit: {error}") from None
    if outputs.shape != (1, len(pipeline.target_names)):
        raise FileFormatError(
            f"{file!r}: the network has outputs of shape {outputs.shape}, "
            f"but the description of the data has {len(pipeline.target_names)} names for them"
        )
    return TrainedModel(file, model, pipeline, metadata)


def load_rows(
    name: str,
    trained: TrainedModel,
    output: Output,
    *,
    part: str | None = None,
    labels: Path | None = None,
    data_dir: Path | None = None,
) -> Rows:
    """The rows that `name` stands for, as the model wants them.

    Raises:
        ForwardnetError: the name or file is unknown or damaged, or the rows do not fit the model.
    """
    if part is not None and part not in _PARTS:
        raise unknown_name("part", part, _PARTS)
    path = Path(name)
    if path.is_dir():
        return _of_part(_checked_set(_image_set(path, trained.pipeline), trained.pipeline), trained, part)
    if not path.is_file() and path.suffix and name not in ENTRIES:
        raise FileFormatError(f"{name}: no such file", hint="check the path, or give the name of a data set")
    if not path.is_file():
        if labels is not None:
            raise ArgumentError(f"--labels is given, but data set {name!r} has its own true values")
        return _of_part(_checked_set(load_dataset(name, data_dir, output), trained.pipeline), trained, part)
    arrays = _arrays(name, trained, labels)
    X = _checked_inputs(f"{name}: X", arrays["X"], trained.pipeline, output)
    if "y" not in arrays:
        if part not in (None, "all"):
            raise ArgumentError(f"--part {part}: {name!r} is one set of rows without parts")
        return Rows(X, None, np.arange(len(X)), "all rows")
    y = _checked_targets(f"{name}: y", arrays["y"], len(X), trained.pipeline)
    X_test = y_test = None
    if "X_test" in arrays and "y_test" in arrays:
        X_test = _checked_inputs(f"{name}: X_test", arrays["X_test"], trained.pipeline, output)
        y_test = _checked_targets(f"{name}: y_test", arrays["y_test"], len(X_test), trained.pipeline)
    return _of_part(_as_set(name, X, y, X_test, y_test, trained.pipeline), trained, part)


def _image_set(path: Path, pipeline: Pipeline) -> Dataset:
    """A folder of images, of the size and colours that the model has learnt."""
    shape = _image_shape(str(path), pipeline)
    found = load_image_folder(path, (shape[0], shape[1]), "rgb" if len(shape) == 3 else "grey")
    if found.target_names != pipeline.target_names:
        raise DataError(
            f"{str(path)!r} has the classes {', '.join(found.target_names)}, "
            f"but the model knows {', '.join(pipeline.target_names)}"
        )
    return found


def _image_shape(name: str, pipeline: Pipeline) -> tuple[int, ...]:
    if pipeline.image_shape is None:
        raise FileFormatError(f"{name!r} holds images, but the model was trained on rows of a table")
    return pipeline.image_shape


def _images(name: str, pipeline: Pipeline) -> Dataset:
    """The images of a folder, of the size that the model wants, with its classes.

    Raises:
        FileFormatError: the model is for something else.
        ArgumentError: the folder has other classes.
    """
    from forwardnet.data.images import load_image_folder

    shape = pipeline.image_shape
    if shape is None:
        raise FileFormatError(f"{name!r} is a folder, and the model was not trained on images")
    data = load_image_folder(name, size=(shape[0], shape[1]), color="rgb" if len(shape) == 3 else "grey")
    if data.target_names != pipeline.target_names:
        raise ArgumentError(
            f"{name!r} has folders of the classes {', '.join(data.target_names[:8])}, "
            f"but the model knows {', '.join(pipeline.target_names[:8])}"
        )
    return data


def _arrays(name: str, trained: TrainedModel, labels: Path | None) -> dict[str, Array]:
    """The arrays of a file; of a table the columns that have the names of the model's features."""
    if is_image_file(name):
        found = {"X": load_image(name, _image_shape(name, trained.pipeline))}
        return found if labels is None else {**found, "y": read_labels(labels)}
    if not is_table_file(name):
        return read_rows(Path(name), labels)
    found = {"X": read_columns(name, trained.pipeline.feature_names)}
    return found if labels is None else {**found, "y": read_labels(labels)}


def _of_part(data: Dataset, trained: TrainedModel, part: str | None) -> Rows:
    """The rows of one part; by default those that the model has not learnt from, if that can be told."""
    split = same_split(data, trained.metadata.get("training"))
    own = "" if split is None else " of the data that the model was trained on"
    if part is None:
        part = "test" if data.X_test is not None or (split is not None and "test" in split.parts) else "all"
    if part == "all":
        return Rows(data.X, data.y, np.arange(data.n_samples), f"all rows{own}")
    if part == "test" and data.X_test is not None:
        return Rows(data.X_test, data.y_test, np.arange(len(data.X_test)), f"the test part{own}")
    if split is None or part not in split.parts:
        raise ArgumentError(
            f"--part {part}: {data.name!r} is not the data that the model was trained on, or has no such part",
            hint="leave --part out to use all rows",
        )
    chosen = split.parts[part]
    return Rows(chosen.X, chosen.y, chosen.rows, f"the {part} part{own}")


def _checked_set(data: Dataset, pipeline: Pipeline) -> Dataset:
    """A data set of the same task, columns and classes as the model's."""
    if data.task != pipeline.task:
        raise ArgumentError(f"data set {data.name!r} is for {data.task}, but the model was trained for {pipeline.task}")
    if data.n_features != len(pipeline.feature_names):
        raise ShapeError(f"{data.name}: X has {data.n_features} features, expected {len(pipeline.feature_names)}")
    if data.n_outputs != len(pipeline.target_names):
        kind = "classes" if pipeline.is_classifier else "targets"
        raise ArgumentError(
            f"data set {data.name!r} has {data.n_outputs} {kind}, expected {len(pipeline.target_names)}"
        )
    return data


def _checked_inputs(where: str, X: Array, pipeline: Pipeline, output: Output) -> Array:
    width = len(pipeline.feature_names)
    if X.dtype == np.uint8 and pipeline.input_scale != 1:
        X = X.astype(np.float32) / np.float32(pipeline.input_scale)  # raw pixels, as in the files of mnist
    if X.ndim > 2 and X.size == len(X) * width:
        X = X.reshape(len(X), width)
    X = check_features(X, where=where, n_features=width)
    span = pipeline.high - pipeline.low
    if X.min() < pipeline.low - span or X.max() > pipeline.high + span:
        output.note(
            f"note: {where} has values from {X.min():.4g} to {X.max():.4g}, but the model learnt from values from "
            f"{pipeline.low:.4g} to {pipeline.high:.4g}: are they in the same unit?"
        )
    return X


def _checked_targets(where: str, y: Array, n: int, pipeline: Pipeline) -> Array:
    width = len(pipeline.target_names)
    if pipeline.is_classifier:
        return check_targets(y, "classification", width, where=where, n=n, for_training=False)
    y = check_targets(y, "regression", None, where=where, n=n, for_training=False)
    if y.size != n * width:
        raise ShapeError(f"{where} has shape {y.shape}, expected {width} targets for each row")
    return y


def _as_set(name: str, X: Array, y: Array, X_test: Array | None, y_test: Array | None, pipeline: Pipeline) -> Dataset:
    return Dataset(
        name=name,
        X=X,
        y=y,
        feature_names=pipeline.feature_names,
        target_names=pipeline.target_names,
        task="classification" if pipeline.is_classifier else "regression",
        description="",
        X_test=X_test,
        y_test=y_test,
    )
