"""The parameters that the estimators share: their defaults, what they mean, and what they may be."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from forwardnet import errors, optim
from forwardnet.estimators.network import per_layer

SOLVERS = ("adam", "sgd", "lbfgs")
RATES = ("constant", "invscaling", "adaptive")
PRECISIONS = ("auto", "float32", "float64")


@dataclass(eq=False, repr=False)
class Parameters(BaseEstimator):  # type: ignore[misc]
    """What both estimators take by name.

    Those of scikit-learn's perceptrons (`solver` to `max_fun`) have their defaults and their meaning. The others:

    Args:
        dropout: share of the activations of a hidden layer that a step leaves out, or one for each layer.
        batch_norm: normalise what a hidden layer sums up over the batch, before its activation.
        layer_norm: normalise it over the layer.
        input_noise: standard deviation of noise that each step adds to the inputs, in scaled units.
        residual: let a hidden layer that is as wide as the one before learn what is to be added to its input.
        init: how weights are drawn, a name of `nn.init`, with biases of 0; None draws both as scikit-learn does.
        l1: factor of the sum of the absolute weights in what is minimised.
        max_norm: largest norm of the weights into a unit.
        optimizer: in place of `solver`: a name of `optim`, with the rate `learning_rate_init`, or a function of the
            parameters that makes one.
        scheduler: a name of `optim.lr_scheduler`, over all epochs, or a function of the optimiser.
        epochs: exactly so many, whatever `max_iter` and `tol` say.
        monitor: the figure of validation rows by which training ends and the best epoch is kept: a name of
            `ff.metrics`, or "loss"; None is accuracy for classes and R^2 for numbers.
        preset: a published recipe ("realmlp", "realmlp-small", "tabm", "tabm-small") decides on network and training.
        scale: whether features, and the targets of a regression, are standardised inside; "auto" where they need it.
        categorical_features: columns that are categories: names, numbers, or a mask. Texts are anyway.
        encoder: settings of `TableEncoder` other than the usual ones or the preset's, such as
            `{"frequent_values": False}`; makes tables of arrays.
        precision: "float32", "float64", or "auto": double for L-BFGS and small trainings.
        threads: most threads of a fit; None leaves it to the engine.
        n_jobs: the same as joblib counts, where `threads` is None.
        compile: whether steps are native code; "auto" unless there are at most thirty.
    """

    _: KW_ONLY
    solver: str = "adam"
    alpha: float = 0.0001
    batch_size: int | str = "auto"
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    verbose: bool | int = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    max_fun: int = 15000
    dropout: float | Sequence[float] = 0.0
    batch_norm: bool = False
    layer_norm: bool = False
    input_noise: float = 0.0
    residual: bool = False
    init: str | None = None
    l1: float = 0.0
    max_norm: float | None = None
    optimizer: str | Callable[..., Any] | None = None
    scheduler: str | Callable[..., Any] | None = None
    epochs: int | None = None
    monitor: str | None = None
    preset: str | None = None
    scale: bool | str = "auto"
    categorical_features: Any = None
    encoder: Mapping[str, Any] | None = None
    precision: str = "auto"
    threads: int | None = None
    n_jobs: int | None = None
    compile: bool | str = "auto"

    @classmethod
    @functools.cache  # of a class they never change, and reading a signature takes as long as fitting ten rows
    def _get_param_names(cls) -> list[str]:
        return list(super()._get_param_names())


_COUNTS = ("max_iter", "max_fun")
_NOT_NEGATIVE = ("alpha", "power_t", "tol", "input_noise", "l1")
_POSITIVE = ("learning_rate_init", "epsilon")


def check(own: Any) -> None:
    """Raise `ArgumentError` for a parameter outside its range, `UnknownNameError` for a name there is not."""
    where = type(own).__name__
    for name in _COUNTS:
        count(where, name, getattr(own, name))
    for name in _NOT_NEGATIVE:
        number(where, name, getattr(own, name), lambda v: v >= 0, "a number >= 0")
    for name in _POSITIVE:
        number(where, name, getattr(own, name), lambda v: v > 0, "a number > 0")
    number(where, "momentum", own.momentum, lambda v: 0 <= v <= 1, "a number from 0 to 1")
    for name in ("validation_fraction", "beta_1", "beta_2"):
        number(where, name, getattr(own, name), lambda v: 0 <= v < 1, "a number from 0 to less than 1")
    if own.n_iter_no_change != math.inf:
        count(where, "n_iter_no_change", own.n_iter_no_change)
    if own.batch_size != "auto":
        count(where, "batch_size", own.batch_size)
    for name in ("epochs", "threads"):
        if getattr(own, name) is not None:
            count(where, name, getattr(own, name))
    if own.max_norm is not None:
        number(where, "max_norm", own.max_norm, lambda v: v > 0, "a number > 0, or None")
    for drop in own.dropout if isinstance(own.dropout, Sequence) else [own.dropout]:
        number(where, "dropout", drop, lambda v: 0 <= v < 1, "a share from 0 to less than 1")
    named(where, "learning_rate", own.learning_rate, RATES)
    named(where, "precision", own.precision, PRECISIONS)
    if own.optimizer is None:
        named(where, "solver", own.solver, SOLVERS)
    elif isinstance(own.optimizer, str):
        named(where, "optimizer", own.optimizer, optim.OPTIMIZERS)
    for name in ("scale", "compile"):
        if getattr(own, name) not in (True, False, "auto"):
            raise errors.ArgumentError(f"{where}: {name} is {getattr(own, name)!r}, expected True, False or 'auto'")


def hidden_sizes(own: Any) -> list[int]:
    """The sizes of the hidden layers; scikit-learn takes one number, too."""
    given = own.hidden_layer_sizes
    sizes = list(given) if isinstance(given, Sequence | np.ndarray) else [given]
    for size in sizes:
        if not _is_whole(size) or size <= 0:
            raise errors.ArgumentError(
                f"{type(own).__name__}: hidden_layer_sizes must be > 0, got {given!r}", hint="(100,) or (256, 256)"
            )
    per_layer(own.activation, len(sizes), "activation")
    return [int(size) for size in sizes]


def threads_of(own: Any) -> int | None:
    """At most so many threads: `threads`, else `n_jobs` as joblib counts, else what the engine takes."""
    if own.threads is not None:
        return int(own.threads)
    if own.n_jobs is None:
        return None
    from joblib import effective_n_jobs

    return int(effective_n_jobs(own.n_jobs))


def count(where: str, name: str, value: Any) -> None:
    """Raise `ArgumentError` unless `value` is a whole number of at least 1."""
    if not _is_whole(value) or value < 1:
        raise errors.ArgumentError(f"{where}: {name} is {value!r}, expected a whole number of at least 1")


def number(where: str, name: str, value: Any, is_good: Callable[[Any], bool], expected: str) -> None:
    """Raise `ArgumentError` unless `value` is a number for which `is_good`."""
    if isinstance(value, bool) or not isinstance(value, Real) or not is_good(value):
        raise errors.ArgumentError(f"{where}: {name} is {value!r}, expected {expected}")


def named(where: str, name: str, value: Any, known: Any) -> None:
    """Raise `UnknownNameError` unless `value` is one of the names that are known."""
    if not isinstance(value, str) or value not in known:
        raise errors.unknown_name(f"{where}: {name}", value, known)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
