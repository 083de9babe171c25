"""What can be validated: a function that makes a new model, or an estimator, with parameters of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forwardnet import errors, nn, seeds
from forwardnet.data.batches import stream_of
from forwardnet.tensor.random import Generator, drawing_from
from forwardnet.train.trainer import Trainer


def is_estimator(thing: Any) -> bool:
    """Whether it learns by `fit` and answers by `predict`, as scikit-learn's estimators do."""
    has_both = callable(getattr(thing, "fit", None)) and callable(getattr(thing, "predict", None))
    return has_both and not isinstance(thing, (type, Trainer, nn.Module))


@dataclass(frozen=True)
class Candidate:
    """`subject` with `params`: arguments of a builder function, or parameters of an estimator by name."""

    subject: Any
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if is_estimator(self.subject):
            return
        if not callable(self.subject) or hasattr(self.subject, "parameters"):
            raise errors.ArgumentError(
                f"validate: {type(self.subject).__name__} is neither an estimator nor a function that makes a model",
                hint="lambda: make_model()",
            )

    def make(self, seed: int, number: int) -> Any:
        """A new Trainer, module or estimator; what it draws depends on the seed and the number alone.

        Raises:
            ArgumentError: the function makes something else, or there is no such parameter.
        """
        with drawing_from(Generator(seed, stream=stream_of("weights", number))):
            made = self._copy() if is_estimator(self.subject) else self.subject(**self.params)
        if isinstance(made, (Trainer, nn.Module)):
            return made
        if not is_estimator(made):
            raise errors.ArgumentError(
                f"validate: build() gave {type(made).__name__}, expected a Trainer, a model or an estimator"
            )
        _fix_random_states(made, seed, number)
        return made

    def _copy(self) -> Any:
        """An estimator of the same parameters that has learnt nothing."""
        from sklearn.base import clone

        made = clone(self.subject, safe=False)
        if not self.params:
            return made
        known = made.get_params(deep=True)
        for name in self.params:
            if name not in known and name.partition("__")[0] not in known:
                raise errors.unknown_name(f"parameter of {type(made).__name__}", name, known)
        return made.set_params(**self.params)


def _fix_random_states(estimator: Any, seed: int, number: int) -> None:
    """Give a seed to every `random_state` that is None: the estimator would draw from what the process drew before."""
    if not hasattr(estimator, "get_params"):
        return
    known = estimator.get_params(deep=True)
    free = [name for name in sorted(known) if name.rpartition("__")[2] == "random_state" and known[name] is None]
    words = seeds.bits(max(1, len(free)), seed=seed, stream=stream_of("random_state", number)) >> 1
    if free:
        estimator.set_params(**dict(zip(free, words[: len(free)].tolist(), strict=True)))
