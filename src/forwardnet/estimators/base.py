"""What the estimators of networks share: reading the data, the course of a fit, and what is known after it.

Axis glossary: n rows, d features, k outputs of the network.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_regressor
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import _check_sample_weight, _check_y, check_is_fitted, validate_data

from forwardnet import dtypes, errors
from forwardnet.data.tables.table import Table
from forwardnet.estimators import network, parameters, planning, recipes, stopping, training
from forwardnet.estimators.diagnosis import Diagnosis, diagnose
from forwardnet.estimators.objective import Objective
from forwardnet.estimators.parameters import Parameters
from forwardnet.estimators.plan import Plan
from forwardnet.estimators.rows import USUAL, Reader, Rows, check_columns, encoder_of, is_table, refuse_gaps, table_of
from forwardnet.estimators.scaling import Scaling, is_wild, measured
from forwardnet.estimators.solvers import LBFGSB
from forwardnet.estimators.together import Training, fit_together
from forwardnet.estimators.watching import Watched, with_callbacks
from forwardnet.train import Callback, History, Trainer
from forwardnet.train.program import forward

Array = NDArray[Any]
Held = tuple[Any, Any, Any]

NOTHING_HELD: Held = (None, None, None)


class NetworkEstimator(Watched, Parameters):
    """Base of the estimators; a subclass says what its targets are, and how its outputs are read."""

    hidden_layer_sizes: Any
    activation: Any
    _ftol = 2.220446049250313e-09  # SciPy's own
    _target_scaling: Scaling | None = None
    _reader: Reader
    _trainer: Trainer | None = None
    _memory: Any = None  # of what was trained elsewhere
    _fit_many = staticmethod(fit_together)  # what validations and bags fit many alike estimators by

    # What a subclass says

    def _targets(self, y: Any, *, first: bool, partial: bool) -> Array:
        """The targets (n, k) or class indices (n,), in the units of the data."""
        raise NotImplementedError

    def _prepare_targets(self, y: Array, weight: Array | None) -> None:
        """Decide, at the first fit, how targets are scaled."""

    def _as_learnt(self, y: Array) -> Array:
        """Targets as the network learns them."""
        return y

    def _outputs(self) -> int:
        """How many outputs the network has."""
        raise NotImplementedError

    def _objective(self, weights: Sequence[Any]) -> Objective:
        """What is minimised."""
        raise NotImplementedError

    def _figure(self) -> tuple[str, Any, bool]:
        """By which figure of validation rows epochs are chosen: name, metric, and whether more is better."""
        raise NotImplementedError

    def _class_weights(self, y: Any) -> Array | None:
        """Weights of the rows by their classes."""
        return None

    def _stratifies(self, y: Array) -> bool:
        """Whether rows are held out class by class."""
        return False

    def _check_preset(self) -> None:
        """Raise `ArgumentError` where a preset cannot do what the parameters say."""

    def _after(self, held_out: Rows | None) -> None:
        """What is learnt from the validation rows (as the network takes them) when the network is trained."""

    @property
    def _patience(self) -> float:
        """How many epochs in a row may be no better."""
        return self.n_iter_no_change

    @property
    def _holds_out(self) -> bool:
        """Whether rows are held out where none are given, also where training does not end by them."""
        return False

    # Fitting

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Train on X (n, d) and y; a `sample_weight` of 2 counts a row twice.

        With `X_val` and `y_val` training ends early by these rows, as with `early_stopping` by rows that it holds out.
        """
        if (X_val is None) != (y_val is None):
            raise errors.ArgumentError("fit: one of X_val and y_val is given, expected both")
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _fit(self, X: Any, y: Any, sample_weight: Any, held: Held, *, partial: bool = False) -> Any:
        for step in self._steps(X, y, sample_weight, held, partial=partial):
            step.run()
        return self

    def _steps(self, X: Any, y: Any, weight: Any, held: Held, *, partial: bool = False) -> Iterator[Training]:
        """A fit in steps: gives its training (a preset has none), which is run before the next step."""
        parameters.check(self)
        first = "network_" not in vars(self) or not (self.warm_start or partial) or self.preset is not None
        if partial and self.preset is not None:
            raise errors.ArgumentError(f"partial_fit: a preset decides on whole trainings (preset={self.preset!r})")
        watchers = [] if partial else self._watchers(X, y, weight, self.epochs or self.max_iter)
        X, y = self._read(X, y, reset=first)
        targets = self._targets(y, first=first, partial=partial)
        random = check_random_state(self.random_state)
        data = Rows(X, targets, self._weights(weight, X, y)).that_count()
        if self.preset is not None:
            recipes.fit(self, data, held, random, watchers)
            return
        if first:
            self._begin(data, random)
        planning.check_sizes(self)
        held_out = self._held_out(held)
        stops = (self.early_stopping or held_out is not None) and not self._is_lbfgs
        if held_out is None and (stops or self._holds_out):
            if partial:
                name = "early_stopping" if stops else "calibrate"
                raise errors.ArgumentError(f"partial_fit does not support {name}=True")
            data, held_out = self._split(data, random)
        data, held_out = self._prepared(data), None if held_out is None else self._prepared(held_out)
        yield from self._train(data, held_out if stops else None, random, watchers, partial=partial)
        self._after(held_out)

    def _read(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        """Checked features, an array or a table, and checked targets."""
        known = None if reset else self._reader
        if known is not None:
            is_read_as_table = known.encoder is not None
        else:
            chosen = (self.preset, self.categorical_features, self.encoder)
            is_read_as_table = any(one is not None for one in chosen) or is_table(X)
        numeric = is_regressor(self)
        if not is_read_as_table:
            X, y = validate_data(
                self,
                X,
                y,
                reset=reset,
                accept_sparse=["csr", "csc"],
                dtype=(np.float64, np.float32),
                multi_output=True,
                y_numeric=numeric,
            )
            return _dense(X), y
        if y is None:
            raise ValueError(f"requires y to be passed, but the target y is None: {type(self).__name__}")
        check_columns(self, X, reset=reset)
        table = table_of(X, known, self.categorical_features)
        if reset:
            self.n_features_in_ = len(table.columns)  # lists of mappings have no shape that scikit-learn would see
        y = _check_y(y, multi_output=True, y_numeric=numeric, estimator=self)
        check_consistent_length(table, y)
        if not len(table):
            raise errors.DataError("Found array with 0 sample(s), expected at least one row")
        return table, y

    def _features(self, X: Any) -> Array:
        """Checked features of rows to predict, as the network takes them."""
        check_is_fitted(self)
        if self._reader.encoder is not None:
            check_columns(self, X, reset=False)
            return self._reader(table_of(X, self._reader, None))
        refuse_gaps(X)
        X = validate_data(self, X, reset=False, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32))
        return self._reader(_dense(X))

    def _weights(self, sample_weight: Any, X: Any, y: Any) -> Array | None:
        """The product of the weights of the rows and of their classes; None where all are 1."""
        weight = self._class_weights(y)
        if sample_weight is not None:
            own = _check_sample_weight(sample_weight, np.empty((len(X), 0)), dtype=np.float64)
            weight = own if weight is None else weight * own
        return None if weight is None or bool((weight == 1).all()) else weight

    def _begin(self, data: Rows, random: np.random.RandomState) -> None:
        """Everything that is decided at the first fit: precision, scales, the network and its first weights."""
        hidden = parameters.hidden_sizes(self)
        encoder = None
        if isinstance(data.X, Table):
            encoder = encoder_of(self, USUAL | {"numeric": "standard" if self.scale else "none"}).fit(data.X)
        width = encoder.layout.width if encoder is not None else data.X.shape[1]
        is_small, self._is_short = planning.extent(self, len(data), [width, *hidden, self._outputs()])
        wants_double = self.precision == "auto" and (is_small or self._is_lbfgs)
        dtype = np.dtype("float64" if wants_double else self.precision.replace("auto", "float32"))
        if encoder is not None:
            self._reader = Reader(dtype, encoder, data.X.names)
        else:
            is_scaled = is_wild(data.X, data.weight) if self.scale == "auto" else self.scale
            self._reader = Reader(dtype, scaling=measured(data.X, data.weight) if is_scaled else None)
        self._prepare_targets(data.y, data.weight)
        self.network_ = planning.network_of(self, width, hidden, self._outputs()).to(getattr(dtypes, dtype.name))
        network.draw_weights(self.network_, self.activation, random, self.init)
        self._forget(len(hidden) + 2)

    def _forget(self, n_layers: int) -> None:
        """Begin the attributes of a new network."""
        self.n_layers_, self.t_ = n_layers, 0
        self.loss_curve_: list[float] = []
        self.validation_scores_: list[float] | None = None
        self.best_loss_: float | None = None
        self.best_validation_score_: float | None = None
        self._trainer = self._memory = None

    def _batch_rows(self, n: int) -> int:
        return min(200 if self.batch_size == "auto" else int(self.batch_size), n)

    @property
    def _is_lbfgs(self) -> bool:
        return self.optimizer is None and self.solver == "lbfgs"

    # Rows

    def _prepared(self, data: Rows) -> Rows:
        """Rows as the network takes them."""
        return Rows(self._reader(data.X), self._as_learnt(data.y), data.weight)

    def _held_out(self, held: Held) -> Rows | None:
        """The checked validation rows that were given."""
        X, y, weight = held
        if X is None:
            return None
        X, y = self._read(X, y, reset=False)
        targets = self._targets(y, first=False, partial=True)
        weight = None if weight is None else _check_sample_weight(weight, np.empty((len(X), 0)), dtype=np.float64)
        return Rows(X, targets, weight)

    def _split(self, data: Rows, random: np.random.RandomState) -> tuple[Rows, Rows]:
        """Rows to learn from and rows to hold out, those that scikit-learn would hold out."""
        labels = data.y if self._stratifies(data.y) else None
        train, held = train_test_split(
            np.arange(len(data)), random_state=random, test_size=self.validation_fraction, stratify=labels
        )
        if len(held) < 2:
            raise errors.DataError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return data.take(train), data.take(held)

    # Training

    def _train(
        self, data: Rows, held: Rows | None, random: np.random.RandomState, watchers: list[Callback], *, partial: bool
    ) -> Iterator[Training]:
        """Have the network trained on rows as it takes them, and keep what came of it."""
        figure, metric, greater = self._figure()
        rule = stopping.NoProgress(
            tol=self.tol,
            patience=math.inf if self.epochs else self._patience,
            monitor="loss" if held is None else f"val_{figure}",
            greater=greater and held is not None,
            adaptive=self.learning_rate == "adaptive" and self.solver == "sgd",
        )
        plan = self._plan(metric, random)
        if not partial or self._trainer is None:
            self._trainer = training.trainer_of(plan, measures_training=False)
            if partial and self._memory is not None:
                training.remember(self._trainer, self._memory)
        if partial and self.compile == "auto":
            self._trainer.compile = len(data) > planning.SHORT_STEPS * self._batch_rows(len(data))
        yield Training(
            self._trainer,
            data,
            held,
            epochs=1 if partial or self._is_lbfgs else plan.epochs,
            batch_size=self._batch_rows(len(data)),
            shuffle=self.shuffle,
            callbacks=[rule, *self._callbacks(figure if held is not None else None), *watchers],
        )
        self.history_: History = self._trainer.history
        self._keep(rule, len(data), held is not None)
        self._diagnose(rule, data)

    def _plan(self, metric: Any, random: np.random.RandomState) -> Plan:
        """The training as a plan."""
        seed = int(random.randint(2**31))
        objective = self._objective(network.weights_of(self.network_))
        return planning.plan_of(self, self.network_, objective, metric, seed=seed)

    def _callbacks(self, figure: str | None) -> list[Callback]:
        found: list[Callback] = []
        if self.solver == "sgd" and self.optimizer is None and self.learning_rate == "invscaling":
            found.append(stopping.InverseScaling(self.learning_rate_init, self.power_t, self.t_))
        if self.verbose:
            found.append(stopping.Lines(None if figure is None else f"val_{figure}"))
        return found

    def _keep(self, rule: stopping.NoProgress, n: int, has_validation: bool) -> None:
        """The attributes that scikit-learn has."""
        assert self._trainer is not None
        solver, history = self._trainer.optimizer, self.history_
        curve = solver.losses if isinstance(solver, LBFGSB) else history["loss"].tolist()
        self.n_iter_ = solver.n_iter if isinstance(solver, LBFGSB) else len(curve)
        self.t_ += self.n_iter_ * n
        self.loss_curve_ = [*self.loss_curve_, *curve]
        self.loss_ = float(history["loss"][-1]) if len(history) else math.nan
        self.n_outputs_ = self._outputs()
        if has_validation:
            self.validation_scores_ = [*(self.validation_scores_ or []), *rule.curve]
            self.best_validation_score_ = rule.best if math.isfinite(rule.best) else None
            self.best_loss_ = None
        else:
            self.best_loss_ = min(self.loss_curve_, default=self.loss_)

    def _diagnose(self, rule: stopping.NoProgress, data: Rows) -> None:
        self.diagnosis_: Diagnosis = diagnose(self, rule, data)
        if self.verbose:
            stopping.say(self.diagnosis_)

    # Using

    def _raw(self, X: Any) -> Array:
        """The network's outputs (n, k) in double precision."""
        rows = self._features(X)
        return np.asarray(forward(self.network_, rows), np.float64)

    def save(self, path: Any, *, optimizer: bool = True) -> None:
        """Write the fitted estimator to one safetensors file, from which `forwardnet.estimators.load` makes it again.

        Nothing is pickled, and no training row is kept. With what the `optimizer` remembers `partial_fit` goes on as if
        nothing had been; without it a file after Adam is a third as large. Raises `ArgumentError` for a network that is
        not made of the library's layers, `OSError` where the file cannot be written.
        """
        from forwardnet.estimators import persistence

        persistence.save(self, path, optimizer=optimizer)

    def __getstate__(self) -> dict[str, Any]:
        """Without native code; what the optimiser remembers stays, for `partial_fit`."""
        state: dict[str, Any] = super().__getstate__()
        return {**state, "_trainer": None, "_memory": self._remembered()}

    def _remembered(self) -> Any:
        """What `partial_fit` goes on from; None where it begins anew."""
        if self._trainer is None:
            return self._memory
        return None if isinstance(self._trainer.optimizer, LBFGSB) else training.memory_of(self._trainer)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = tags.input_tags.string = True
        return tags

    @property
    def coefs_(self) -> list[Array]:
        """The weights (in, out) of the dense layers, for X and y as they come.

        Scales that were measured inside are taken into the first and the last layer. Without any, writing into these
        arrays changes the network.
        """
        return network.folded(self, "coefs_")[0]

    @coefs_.setter
    def coefs_(self, values: Sequence[Any]) -> None:
        network.replace(self, values, self.intercepts_)

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of the dense layers, for X and y as they come."""
        return network.folded(self, "intercepts_")[1]

    @intercepts_.setter
    def intercepts_(self, values: Sequence[Any]) -> None:
        network.replace(self, self.coefs_, values)


def _dense(X: Any) -> Array:
    """A sparse matrix as an array."""
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X)
