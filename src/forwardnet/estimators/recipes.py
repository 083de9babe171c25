"""Fits by a preset: the estimator reads and answers, the recipe decides on everything between."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from forwardnet import errors
from forwardnet.data.tables.encoder import TableEncoder
from forwardnet.estimators import stopping
from forwardnet.estimators.diagnosis import Diagnosis
from forwardnet.estimators.parameters import threads_of
from forwardnet.estimators.plan import Inputs, Plan
from forwardnet.estimators.rows import Reader, Rows, encoder_of
from forwardnet.estimators.training import Trained, train

# Parameters that a recipe may be told about, under its own names. All others but those of `FREE` must be untouched.
TOLD = {
    "hidden_layer_sizes": "hidden",
    "activation": "activation",
    "learning_rate_init": "lr",
    "batch_size": "batch_size",
    "dropout": "dropout",
    "label_smoothing": "label_smoothing",
    "epochs": "epochs",
    "early_stopping": "early_stopping",
}
FREE = (
    *("preset", "random_state", "verbose", "validation_fraction", "class_weight", "calibrate", "categorical_features"),
    *("encoder", "threads", "n_jobs", "compile", "precision", "warm_start"),
)


def fit(own: Any, data: Rows, held: Any, random: np.random.RandomState, callbacks: Any) -> None:
    """Train an estimator as its `preset` says, on validation rows that were given or are held out."""
    from forwardnet.estimators.presets import PRESETS

    if own.preset not in PRESETS:
        raise errors.unknown_name("preset", own.preset, PRESETS)
    preset = PRESETS[own.preset]
    settings = _settings(own, preset.options)
    own._check_preset()
    encoder = encoder_of(own, preset.encoder)
    held_out = None
    seed = _seed(own, random)
    if held[0] is None:
        labels = data.y.reshape(len(data), -1)[:, 0]
        learnt, kept = preset.split(labels, seed=seed, stratify=hasattr(own, "classes_"))
        data, held_out = data.take(learnt), data.take(kept)
    encoder.fit(data.X)
    dtype = np.dtype("float64" if own.precision == "float64" else "float32")
    own._reader = Reader(dtype, encoder, data.X.names)
    own._prepare_targets(data.y, data.weight)
    own._clamps = bool(preset.target.get("clamp"))
    held_out = own._held_out(held) if held_out is None else held_out
    rows, held_out = own._prepared(data), own._prepared(held_out)
    plan = preset.plan(_inputs(own, encoder, len(rows)), seed=seed, threads=threads_of(own), **settings)
    plan = dataclasses.replace(plan, precision=dtype.name, compile=plan.compile and own.compile is not False)
    lines = [stopping.Lines(plan.monitor)] if own.verbose else []
    found = train(
        plan,
        rows.X,
        rows.y,
        validation=held_out.arrays,
        sample_weight=rows.weight,
        callbacks=[*lines, *callbacks],
    )
    if not found.epochs:  # Ctrl-C came before anything was learnt
        raise KeyboardInterrupt
    own.network_ = plan.model
    _keep(own, plan, found, len(rows))
    own._after(held_out)


def _seed(own: Any, random: np.random.RandomState) -> int:
    """The seed of a recipe: `random_state` where it is one."""
    return int(own.random_state) if isinstance(own.random_state, int | np.integer) else int(random.randint(2**31))


def _settings(own: Any, options: dict[str, Any]) -> dict[str, Any]:
    """What the estimator says otherwise than by default; raises `ArgumentError` for what the recipe decides."""
    defaults = {f.name: f.default for f in dataclasses.fields(own) if f.init}
    changed = {k: v for k, v in own.get_params(deep=False).items() if k not in FREE and _differs(v, defaults[k])}
    unknown = [name for name in changed if TOLD.get(name) not in options]
    if unknown:
        taken = [name for name, told in TOLD.items() if told in options]
        raise errors.ArgumentError(
            f"{type(own).__name__}: preset={own.preset!r} decides on {', '.join(unknown)}",
            hint=f"leave it at its default; this preset takes {', '.join(taken)}",
        )
    return {TOLD[name]: value for name, value in changed.items()}


def _differs(value: Any, default: Any) -> bool:
    return not (value is default or (type(value) is type(default) and value == default))


def _inputs(own: Any, encoder: TableEncoder, n: int) -> Inputs:
    layout = encoder.layout
    return Inputs(
        n_rows=n,
        width=layout.width,
        is_number=layout.is_number,
        chunks=layout.chunks,
        cardinalities=layout.cardinalities,
        is_classifier=hasattr(own, "classes_"),
        n_outputs=own._outputs(),
    )


def _keep(own: Any, plan: Plan, found: Trained, n: int) -> None:
    """The attributes that all estimators have."""
    history = found.history
    own._forget(2 + sum(name.startswith("linear") for name, _ in plan.model.named_children()))
    own.history_, own.n_iter_, own.t_ = history, found.epochs, found.epochs * n
    own.loss_curve_ = history["loss"].tolist()
    own.loss_, own.n_outputs_ = own.loss_curve_[-1], own._outputs()
    own.validation_scores_ = history[plan.monitor].tolist()
    own.best_validation_score_ = found.best_figure
    own.out_activation_ = "softmax" if hasattr(own, "classes_") else "identity"
    kept = f"The weights are those of epoch {found.best_epoch} of {found.epochs}, the best on validation rows."
    own.diagnosis_ = Diagnosis(f"Preset {own.preset!r}. {kept}")
    if own.verbose:
        stopping.say(own.diagnosis_)
