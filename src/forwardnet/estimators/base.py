"""What the estimators of networks share: reading the data, the plan of a training, and what is known after it.

Axis glossary: n rows, d features, k outputs of the network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_regressor
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from forwardnet import dtypes, errors, optim
from forwardnet.estimators import network, parameters, stopping, training
from forwardnet.estimators.objective import Objective
from forwardnet.estimators.parameters import Parameters
from forwardnet.estimators.plan import Plan
from forwardnet.estimators.scaling import Scaling, is_wild, measured
from forwardnet.estimators.solvers import LBFGSB, Adam, Descent
from forwardnet.train import History, Trainer
from forwardnet.train.callbacks import Callback
from forwardnet.train.program import forward

Array = NDArray[Any]

# A training of at most so many steps, and so many multiply-adds of rows and weights, is over before native code for it
# would be made: it runs eagerly, and in double precision, which costs nothing there.
SMALL_STEPS, SMALL_WORK = 300, 2e8


@dataclass
class Data:
    """Rows as the network takes them: X (n, d), targets, and weights if there are some."""

    X: Array
    y: Array
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.X)

    def take(self, rows: Any) -> Data:
        """Some of the rows."""
        return Data(self.X[rows], self.y[rows], None if self.weight is None else self.weight[rows])

    @property
    def arrays(self) -> tuple[Array, ...]:
        """X, y, and the weights if there are some."""
        return (self.X, self.y) if self.weight is None else (self.X, self.y, self.weight)


class NetworkEstimator(Parameters):
    """Base of the estimators; a subclass says what its targets are, and how its outputs are read."""

    hidden_layer_sizes: Any
    activation: Any

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

    def _objective(self, weights: Any) -> Objective:
        """What is minimised."""
        raise NotImplementedError

    def _figure(self) -> tuple[str, Any, bool]:
        """By which figure of validation rows epochs are chosen: name, metric, and whether more is better."""
        raise NotImplementedError

    def _class_weights(self, y: Any) -> Array | None:
        """Weights of the rows by their classes."""
        return None

    # Fitting

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

        With `X_val` and `y_val` training ends early by these rows, as `early_stopping` does by rows that it holds out.
        """
        if (X_val is None) != (y_val is None):
            raise errors.ArgumentError("fit: one of X_val and y_val is given, expected both")
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _fit(self, X: Any, y: Any, sample_weight: Any, held: tuple[Any, Any, Any], *, partial: bool = False) -> Any:
        parameters.check(self)
        hidden = parameters.hidden_sizes(self)
        first = not hasattr(self, "network_") or not (self.warm_start or partial)
        X, y = self._read(X, y, reset=first)
        targets = self._targets(y, first=first, partial=partial)
        weight = self._weights(sample_weight, X, y)
        random = check_random_state(self.random_state)
        data = _weighted_rows(Data(X, targets, weight))
        if first:
            self._begin(data, hidden, random)
        held_out = self._held_out(held)
        if self.early_stopping and held_out is None and not self._is_lbfgs:
            if partial:
                raise errors.ArgumentError("partial_fit does not support early_stopping=True")
            data, held_out = self._split(data, random)
        data = self._prepared(data)
        self._train(data, None if held_out is None else self._prepared(held_out), random, partial=partial)
        return self

    def _read(self, X: Any, y: Any, *, reset: bool) -> tuple[Array, Any]:
        """Checked features and targets."""
        X, y = validate_data(
            self,
            X,
            y,
            reset=reset,
            accept_sparse=["csr", "csc"],
            dtype=(np.float64, np.float32),
            multi_output=True,
            y_numeric=is_regressor(self),
        )
        return _dense(X), y

    def _features(self, X: Any) -> Array:
        """Checked features of rows to predict, as the network takes them."""
        check_is_fitted(self)
        X = _dense(validate_data(self, X, reset=False, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32)))
        return self._scaled(X)

    def _weights(self, sample_weight: Any, X: Array, y: Any) -> Array | None:
        """The product of the weights of the rows and of their classes; None where all are 1."""
        weight = self._class_weights(y)
        if sample_weight is not None:
            own = _check_sample_weight(sample_weight, X, dtype=np.float64)
            weight = own if weight is None else weight * own
        return None if weight is None or bool((weight == 1).all()) else weight

    def _begin(self, data: Data, hidden: list[int], random: np.random.RandomState) -> None:
        """Everything that is decided at the first fit: precision, scales, the network and its first weights."""
        self._is_small = self._would_be_small(len(data), data.X.shape[1], hidden)
        wants_double = self.precision == "auto" and (self._is_small or self._is_lbfgs)
        self._dtype = np.dtype("float64" if wants_double else self.precision.replace("auto", "float32"))
        is_scaled = is_wild(data.X, data.weight) if self.scale == "auto" else self.scale
        self._scaling: Scaling | None = measured(data.X, data.weight) if is_scaled else None
        self._prepare_targets(data.y, data.weight)
        self.network_ = network.build(
            data.X.shape[1],
            hidden,
            self._outputs(),
            activation=self.activation,
            dropout=self.dropout,
            batch_norm=self.batch_norm,
            layer_norm=self.layer_norm,
            input_noise=self.input_noise,
            residual=self.residual,
        ).to(getattr(dtypes, self._dtype.name))
        network.draw_weights(self.network_, self.activation, random, self.init)
        self.n_layers_ = len(hidden) + 2
        self.t_ = 0
        self.loss_curve_: list[float] = []
        self.validation_scores_: list[float] | None = None
        self.best_loss_: float | None = None
        self.best_validation_score_: float | None = None
        self._trainer: Trainer | None = None

    def _would_be_small(self, n: int, d: int, hidden: list[int]) -> bool:
        """Whether a training is over before native code for it would be made, were it to run to its end."""
        epochs = self.epochs or self.max_iter
        steps = epochs * (1 if self._is_lbfgs else -(-n // self._batch_rows(n)))
        sizes = [d, *hidden, self._outputs()]
        work = epochs * n * sum(a * b for a, b in pairwise(sizes))
        return steps <= SMALL_STEPS and work <= SMALL_WORK

    def _batch_rows(self, n: int) -> int:
        return min(200 if self.batch_size == "auto" else int(self.batch_size), n)

    @property
    def _is_lbfgs(self) -> bool:
        return self.optimizer is None and self.solver == "lbfgs"

    # Rows

    def _scaled(self, X: Array) -> Array:
        return np.asarray(X, self._dtype) if self._scaling is None else self._scaling.apply(X, self._dtype)

    def _prepared(self, data: Data) -> Data:
        return Data(self._scaled(data.X), self._as_learnt(data.y), data.weight)

    def _held_out(self, held: tuple[Any, Any, Any]) -> Data | None:
        """The checked validation rows that were given."""
        X, y, weight = held
        if X is None:
            return None
        X, y = self._read(X, y, reset=False)
        targets = self._targets(y, first=False, partial=True)
        return Data(X, targets, None if weight is None else _check_sample_weight(weight, X, dtype=np.float64))

    def _split(self, data: Data, random: np.random.RandomState) -> tuple[Data, Data]:
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

    def _stratifies(self, y: Array) -> bool:
        return False

    # Training

    def _train(self, data: Data, held: Data | None, random: np.random.RandomState, *, partial: bool) -> None:
        """Train the network on checked rows, and keep what came of it."""
        figure, metric, greater = self._figure()
        rule = stopping.NoProgress(
            tol=self.tol,
            patience=math.inf if self.epochs else self.n_iter_no_change,
            monitor="loss" if held is None else f"val_{figure}",
            greater=greater and held is not None,
            adaptive=self.learning_rate == "adaptive" and self.solver == "sgd",
        )
        if not (partial and self._trainer is not None):
            self._trainer = training.trainer_of(self._plan(metric, random), measures_training=False)
        trainer = self._trainer
        assert trainer is not None
        self.history_: History = trainer.fit(
            data.X,
            data.y,
            sample_weight=data.weight,
            epochs=1 if partial or self._is_lbfgs else self.epochs or self.max_iter,
            batch_size=self._batch_rows(len(data)),
            validation_data=None if held is None else held.arrays,
            shuffle=self.shuffle,
            callbacks=[rule, *self._callbacks(figure if held is not None else None)],
            progress=False,
        )
        self._keep(rule, len(data), held is not None)

    def _plan(self, metric: Any, random: np.random.RandomState) -> Plan:
        """The training as a plan."""
        weights = network.weights_of(self.network_)
        penalty = [optim.L1(self.l1, only=weights)] if self.l1 else []
        penalty += [optim.MaxNorm(self.max_norm, only=weights)] if self.max_norm is not None else []
        return Plan(
            model=self.network_,
            loss=self._objective(weights),
            optimizer=self._solver(),
            epochs=self.epochs or self.max_iter,
            batch_size=None,
            scheduler=self.scheduler,
            penalty=penalty,
            metrics=[metric] if metric is not None else [],
            precision=self._dtype.name,
            threads=parameters.threads_of(self),
            seed=int(random.randint(2**31)),
            compile=not self._is_small if self.compile == "auto" else bool(self.compile),
        )

    def _solver(self) -> Any:
        """The optimiser of the network."""
        weights = list(self.network_.parameters())
        if callable(self.optimizer):
            return self.optimizer(weights)
        if self.optimizer is not None:
            kind = optim.OPTIMIZERS[self.optimizer]
            return kind(weights, **{**kind.usual, "lr": self.learning_rate_init})
        if self.solver == "lbfgs":
            return LBFGSB(weights, max_iter=self.max_iter, max_fun=self.max_fun, tol=self.tol)
        if self.solver == "sgd":
            return Descent(weights, self.learning_rate_init, self.momentum, self.nesterovs_momentum)
        return Adam(weights, self.learning_rate_init, self.beta_1, self.beta_2, self.epsilon)

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
        solver = self._trainer.optimizer
        is_lbfgs = isinstance(solver, LBFGSB)
        curve = solver.losses if isinstance(solver, LBFGSB) else self.history_["loss"].tolist()
        self.n_iter_ = solver.n_iter if isinstance(solver, LBFGSB) else len(curve)
        self.t_ += self.n_iter_ * n
        self.loss_curve_ = [*self.loss_curve_, *curve]
        self.loss_ = float(self.history_["loss"][-1]) if is_lbfgs or not curve else curve[-1]
        self.n_outputs_ = self._outputs()
        if has_validation:
            self.validation_scores_ = [*(self.validation_scores_ or []), *rule.curve]
            self.best_validation_score_ = rule.best if math.isfinite(rule.best) else None
            self.best_loss_ = None
        else:
            self.best_loss_ = min(self.loss_curve_, default=self.loss_)

    # Using

    def _raw(self, X: Any) -> Array:
        """The network's outputs (n, k) in double precision."""
        rows = self._features(X)
        return np.asarray(forward(self.network_, rows), np.float64)

    def __getstate__(self) -> dict[str, Any]:
        """Without native code; the state of the optimiser stays."""
        state: dict[str, Any] = super().__getstate__()
        if state.get("_trainer") is not None:
            state = {**state, "_trainer": None}
        return state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def coefs_(self) -> list[Array]:
        """The weights (in, out) of the dense layers, for X as it comes."""
        return self._folded()[0]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of the dense layers, for X as it comes."""
        return self._folded()[1]

    def _folded(self) -> tuple[list[Array], list[Array]]:
        """Weights and biases, with the scales of features and targets taken into the first and the last layer."""
        if "network_" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no weights before it is fitted")
        layers = network.dense_layers(self.network_)
        weights = [layer.weight.detach().numpy().T for layer in layers]
        biases = [layer.bias.detach().numpy() for layer in layers if layer.bias is not None]
        if self._scaling is not None:
            weights[0], biases[0] = self._scaling.fold_in(weights[0].astype(np.float64), biases[0])
        return weights, biases


def _dense(X: Any) -> Array:
    """A sparse matrix as an array."""
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X)


def _weighted_rows(data: Data) -> Data:
    """The rows that count: one of weight 0 is as if it were not there."""
    if data.weight is None or (data.weight > 0).all():
        return data
    if (data.weight < 0).any():
        row = int(np.argmax(data.weight < 0))
        raise errors.DataError(f"sample_weight is {data.weight[row]:.4g} at row {row}, expected 0 or more")
    if not data.weight.any():
        raise errors.DataError("sample_weight is 0 for every row, expected at least one positive weight")
    return data.take(data.weight > 0)
