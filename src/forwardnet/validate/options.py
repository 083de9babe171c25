"""How a validation is done: which folds, which figures, by how many workers; shared by everything that validates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from forwardnet import errors

# What is learnt how: of builders only, since estimators have parameters of their own. Name -> value if not given.
OF_BUILDERS = {
    "loss": None,
    "optimizer": "adam",
    "epochs": 20,
    "batch_size": 64,
    "scale": True,
    "scale_target": False,
}


@dataclass(frozen=True)
class Options:
    """The keyword arguments of `cross_validate`, which says what they mean."""

    cv: Any = 5
    metrics: Any = None
    loss: Any = None
    optimizer: Any = None
    epochs: int | None = None
    batch_size: int | None = None
    scale: bool | None = None
    scale_target: bool | None = None
    fit_params: Mapping[str, Any] | None = None
    stratify: bool | None = None
    groups: Any = None
    ordered: bool = False
    repeats: int = 1
    seed: int = 0
    n_jobs: int | None = None
    keep_models: bool = False
    train_scores: bool = False
    progress: bool | Callable[[Any], object] = False
    keeps_errors: bool = False  # of estimators: a fold that fails is a note, not the end of a search

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """The options by name; raises UnknownNameError."""
        known = [field.name for field in fields(cls)]
        unknown = [name for name in given if name not in known]
        if unknown:
            raise errors.unknown_name("option of a validation", unknown[0], known)
        return cls(**given)

    def of_builder(self, name: str) -> Any:
        """The value of one of OF_BUILDERS."""
        value = getattr(self, name)
        return OF_BUILDERS[name] if value is None else value

    def check_for_estimators(self) -> None:
        """Raise ArgumentError for a setting that an estimator would not hear of."""
        for name in OF_BUILDERS:
            if getattr(self, name) is not None:
                raise errors.ArgumentError(
                    f"validate: {name} is for functions that make models; an estimator has parameters of its own",
                    hint="set it on the estimator, or put a scaler before it in a Pipeline"
                    if name == "scale"
                    else "set it on the estimator",
                )
