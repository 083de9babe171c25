"""A forecaster in one safetensors file: its networks as weights, everything else as JSON beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn
from forwardnet.data.scaling import Standardizer
from forwardnet.data.series import Framing, Frequency, Series, as_series
from forwardnet.data.series.calendar import FEATURES
from forwardnet.errors import ArgumentError
from forwardnet.estimators.rebuilding import rebuilt
from forwardnet.estimators.series_network import Fitted
from forwardnet.estimators.series_rows import Level, View
from forwardnet.interop import save as save_model

if TYPE_CHECKING:
    from forwardnet.estimators.forecaster import SequenceForecaster

Array = NDArray[Any]
FORMAT = 1


def save(forecaster: SequenceForecaster, path: str | os.PathLike[str]) -> None:
    """Write a fitted forecaster; the file appears whole or not at all."""
    ensemble = forecaster.ensemble_
    fitted = {
        "inputs": ensemble.inputs.to_dict(),
        "targets": ensemble.targets.to_dict(),
        "epochs": forecaster.n_epochs_,
        "residuals": forecaster.residuals_.tolist(),
        "notes": forecaster.notes_,
        "is_many": forecaster.is_many_,
        "n_known": forecaster.n_known_,
        "is_flat": forecaster.is_flat_,
        "view": None if forecaster.view_ is None else _view_dict(forecaster.view_),
        "levels": [asdict(level) for level in forecaster.levels_],
        "series": [_series_dict(series) for series in forecaster.series_],
    }
    parameters = forecaster.get_params()
    if parameters["calendar"] is not None:
        parameters["calendar"] = list(parameters["calendar"])
    description = {"format": FORMAT, "class": type(forecaster).__name__, "parameters": parameters, "fitted": fitted}
    save_model(nn.ModuleList(ensemble.models), path, metadata={"estimator": description})


def restored(model: nn.Module, description: Mapping[str, Any], where: str) -> SequenceForecaster:
    """The forecaster of which a file holds the networks and the description.

    Raises:
        FileFormatError: they are damaged, or do not fit together.
    """
    return rebuilt(_made, model, description, where, "forecaster")


def _made(model: nn.Module, parameters: Any, values: Any) -> SequenceForecaster:
    from forwardnet.estimators.forecaster import SequenceForecaster

    made = SequenceForecaster(**parameters)
    made._check()
    made._forget()
    if not isinstance(model, nn.ModuleList) or not len(model):
        raise ArgumentError("expected a list of networks")
    inputs, targets = (Standardizer.from_dict(values[name]) for name in ("inputs", "targets"))
    made.ensemble_ = Fitted(inputs, targets, [member.eval() for member in model])
    assert inputs.mean is not None and targets.mean is not None
    made.n_features_in_ = len(inputs.mean)
    made.n_epochs_, made.n_known_ = int(values["epochs"]), int(values["n_known"])
    made.residuals_ = np.array(values["residuals"], np.float64).reshape(-1, len(targets.mean))
    made.notes_ = [str(note) for note in values["notes"]]
    made.is_many_, made.is_flat_ = bool(values["is_many"]), bool(values["is_flat"])
    if values["view"] is not None:
        made.view_ = View(Framing(**values["view"]["framing"]), tuple(values["view"]["calendar"]))
        made.levels_ = tuple(Level(bool(v["is_log"]), float(v["mean"]), float(v["scale"])) for v in values["levels"])
        made.series_ = [_series(v) for v in values["series"]]
        framing = made.view_.framing
        if framing.horizon != len(targets.mean) or len(made.levels_) != len(made.series_):
            raise ArgumentError("the horizon or the number of series is another in one of its parts")
        # Before anything of that size is made.
        width = framing.width + 2 * sum(FEATURES[name] for name in made.view_.calendar)
        if width + made.n_known_ * framing.horizon != made.n_features_in_:
            raise ArgumentError(
                f"the networks have {made.n_features_in_} inputs, and the view of the series another number"
            )
        if any(len(series) < framing.reach for series in made.series_):
            raise ArgumentError(f"a series is shorter than the {framing.reach} values that a forecast needs")
    # Weights and description must fit: what cannot be predicted with is refused here and not at the first use.
    if made.ensemble_.predict(np.zeros((1, made.n_features_in_))).shape != (1, len(targets.mean)):
        raise ArgumentError("the networks have another number of outputs")
    return made


def _view_dict(view: View) -> dict[str, Any]:
    return {"framing": view.framing.to_dict(), "calendar": list(view.calendar)}


def _series_dict(series: Series) -> dict[str, Any]:
    return {
        "name": series.name,
        "values": series.values.tolist(),
        "dates": None if series.dates is None else [str(date) for date in series.dates],
        "frequency": None if series.frequency is None else asdict(series.frequency),
    }


def _series(values: dict[str, Any]) -> Series:
    checked = as_series(values["values"], name=str(values["name"]))
    if values["dates"] is None:
        return checked
    frequency = values["frequency"]
    unit, step, day = str(frequency["unit"]), int(frequency["step"]), int(frequency["day"])
    if unit not in ("months", "seconds", "weekdays") or not 1 <= step or not 1 <= day <= 31:
        raise ArgumentError(f"an unknown frequency {frequency}")
    dates = np.array(values["dates"], "datetime64[s]")
    if dates.shape != checked.values.shape:
        raise ArgumentError("as many dates as values are expected")
    return Series(checked.name, checked.values, dates, Frequency(unit, step, day))
