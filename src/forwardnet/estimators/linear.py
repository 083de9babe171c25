"""Networks of one layer: Perceptron, LogisticRegression, LinearRegressor. Thin faces of the estimators of networks.

Axis glossary: n rows, d features, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from forwardnet.estimators import parameters
from forwardnet.estimators.base import Array, NetworkEstimator
from forwardnet.estimators.classifier import MLPClassifier
from forwardnet.estimators.objective import Objective, perceptron
from forwardnet.estimators.regressor import MLPRegressor
from forwardnet.train.pairing import Pairing

# Relative change of the loss at which SciPy takes a linear model for settled: their minimum is wanted to many digits.
SETTLED = 1e-15
# What a linear model has of its network.
ADOPTED = ("n_features_in_", "feature_names_in_", "classes_", "n_iter_", "loss_curve_", "diagnosis_")


class Linear(BaseEstimator):  # type: ignore[misc]
    """A linear model, fitted by the network without hidden layers that `_network` makes."""

    def _network(self) -> NetworkEstimator:
        raise NotImplementedError

    def _fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        network = self._network()
        network.fit(X, y, sample_weight)
        return self._adopt(network)

    def _adopt(self, network: NetworkEstimator) -> Any:
        """Take a fitted network for one's own."""
        self.network_estimator_ = network
        for name in ADOPTED:
            if hasattr(self, name):
                delattr(self, name)
            if hasattr(network, name):
                setattr(self, name, getattr(network, name))
        self.coef_, self.intercept_ = self._shaped(network.coefs_[0].T.copy(), network.intercepts_[0].copy())
        return self

    def _shaped(self, coef: Array, intercept: Array) -> tuple[Any, Any]:
        """Weights (k, d) and biases (k,) in scikit-learn's shapes."""
        return coef, intercept

    def _fitted(self) -> Any:
        check_is_fitted(self)
        return self.network_estimator_

    def predict(self, X: Any) -> Array:
        """The predicted class or number of each row (n,)."""
        return np.asarray(self._fitted().predict(X))

    def save(self, path: Any) -> None:
        """Write the fitted model to one safetensors file, from which `forwardnet.estimators.load` makes it again."""
        from forwardnet.estimators import persistence

        check_is_fitted(self)
        persistence.save(self, path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.allow_nan = True
        return tags


class LinearClassifier(ClassifierMixin, Linear):  # type: ignore[misc]
    """What the linear classifiers share."""

    def decision_function(self, X: Any) -> Array:
        """Scores (n, C), the highest of which is predicted; for two classes (n,), above 0 for the second."""
        scores: Array = self._fitted()._raw(X)
        return np.asarray(scores[:, 0] if scores.shape[1] == 1 else scores)


@dataclass(eq=False, repr=False)
class LogisticRegression(LinearClassifier):
    """p(class | x) = softmax(W x + b): least mean log loss + |W|^2 / (2 C n), found by L-BFGS.

    Args:
        C: inverse strength of the penalty, as in scikit-learn; `math.inf` for none.
        tol: ends when no element of the gradient is larger.
        max_iter: most iterations.
        class_weight, random_state, scale, verbose, threads, n_jobs: as `MLPClassifier`.
    """

    C: float = 1.0
    _: KW_ONLY
    tol: float = 1e-4
    max_iter: int = 100
    class_weight: Any = None
    scale: bool | str = "auto"
    categorical_features: Any = None
    random_state: Any = None
    verbose: bool | int = False
    threads: int | None = None
    n_jobs: int | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LogisticRegression:
        """Fit to X (n, d) and classes y (n,)."""
        return self._fit(X, y, sample_weight)  # type: ignore[no-any-return]

    def _network(self) -> NetworkEstimator:
        parameters.number("LogisticRegression", "C", self.C, lambda v: v > 0, "a number > 0")
        shared = {k: v for k, v in self.get_params(deep=False).items() if k != "C"}
        network = MLPClassifier((), solver="lbfgs", alpha=1 / self.C, init="zeros", **shared)
        network._ftol = SETTLED
        return network

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class (n, C)."""
        return np.asarray(self._fitted().predict_proba(X))

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        return np.asarray(self._fitted().predict_log_proba(X))


@dataclass(eq=False, repr=False)
class LinearRegressor(RegressorMixin, Linear):  # type: ignore[misc]
    """y = w x + b with the least mean loss + alpha |w|^2 / (2 n), found by L-BFGS: least squares unless told otherwise.

    Args:
        loss: one of `MLPRegressor`: "absolute_error" and "huber" heed outliers less, "poisson" is for counts.
        alpha: strength of the penalty; with loss="squared_error" that of scikit-learn's `Ridge`.
        delta: where Huber's loss becomes linear.
        tol: ends when no element of the gradient is larger.
        max_iter: most iterations.
        scale: as `MLPRegressor`; with "auto" and alpha=0, where it changes nothing but the speed, always.
        categorical_features, random_state, verbose, threads, n_jobs: as `MLPRegressor`.
    """

    loss: str = "squared_error"
    _: KW_ONLY
    alpha: float = 0.0
    delta: float = 1.0
    tol: float = 1e-8
    max_iter: int = 1000
    scale: bool | str = "auto"
    categorical_features: Any = None
    random_state: Any = None
    verbose: bool | int = False
    threads: int | None = None
    n_jobs: int | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LinearRegressor:
        """Fit to X (n, d) and numbers y (n,) or (n, k)."""
        return self._fit(X, y, sample_weight)  # type: ignore[no-any-return]

    def _shaped(self, coef: Array, intercept: Array) -> tuple[Any, Any]:
        is_flat = self.network_estimator_._is_flat
        return (coef[0], float(intercept[0])) if is_flat else (coef, intercept)

    def _network(self) -> NetworkEstimator:
        shared = self.get_params(deep=False)
        if self.scale == "auto" and self.alpha == 0:
            shared["scale"] = True
        network = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", init="zeros", **shared)
        network._ftol = SETTLED
        return network


class PerceptronNetwork(MLPClassifier):
    """A classifier that learns from what it gets wrong: an output for each class against the others."""

    @property
    def _patience(self) -> float:
        return self.n_iter_no_change - 1  # scikit-learn's perceptron waits for one epoch less than its networks

    def _objective(self, weights: Sequence[Any]) -> Objective:
        self.out_activation_ = "identity"
        return Objective(perceptron, Pairing("perceptron", "values", "values"), divides=False)

    def _as_learnt(self, y: Array) -> Array:
        """-1 and 1 for each output."""
        is_own = y > 0.5 if y.ndim == 2 else y[:, None] == np.arange(len(self.classes_))
        return np.where(is_own, 1.0, -1.0)


@dataclass(eq=False, repr=False)
class Perceptron(LinearClassifier):
    """w <- w + eta y x for each row x on the wrong side, y = -1 or 1 (Rosenblatt 1958); for several classes one each.

    Args:
        max_iter: most epochs.
        tol: ends after `n_iter_no_change` epochs in a row that gain less of the mean loss max(0, -y w x).
        shuffle: go through the rows in another order in each epoch.
        eta0: the factor eta.
        n_iter_no_change: see `tol`.
        class_weight, random_state, scale, verbose: as `MLPClassifier`.
    """

    _: KW_ONLY
    max_iter: int = 1000
    tol: float | None = 1e-3
    shuffle: bool = True
    eta0: float = 1.0
    n_iter_no_change: int = 5
    class_weight: Any = None
    scale: bool | str = "auto"
    categorical_features: Any = None
    random_state: Any = 0
    verbose: bool | int = False

    def fit(self, X: Any, y: Any) -> Perceptron:
        """Fit to X (n, d) and classes y (n,), one row after another.

        There are no weights of rows: a row that counts twice is not the same as a row that comes twice.
        """
        return self._fit(X, y)  # type: ignore[no-any-return]

    def _network(self) -> NetworkEstimator:
        shared = {k: v for k, v in self.get_params(deep=False).items() if k not in ("eta0", "tol")}
        return PerceptronNetwork(
            (),
            solver="sgd",
            learning_rate_init=self.eta0,
            momentum=0.0,
            nesterovs_momentum=False,
            alpha=0.0,
            batch_size=1,
            init="zeros",
            tol=0.0 if self.tol is None else self.tol,
            epochs=self.max_iter if self.tol is None else None,
            **shared,
        )
