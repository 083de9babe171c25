"""Bagging of networks: members that learnt from rows drawn with replacement, and answer together (Breiman 1996).

What members get wrong in different ways averages out, their spread is an interval, and each row has members that have
not seen it, which is an estimate of the error that costs no further training.

Axis glossary: n rows, m members, C classes, k outputs.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _check_y, check_is_fitted, validate_data

from forwardnet import errors
from forwardnet.data.splits import bootstrap
from forwardnet.data.tables import as_table
from forwardnet.estimators.base import NetworkEstimator
from forwardnet.estimators.classifier import MLPClassifier
from forwardnet.estimators.regressor import MLPRegressor
from forwardnet.estimators.rows import is_table
from forwardnet.estimators.together import fit_together
from forwardnet.train import inputs
from forwardnet.train.metrics import METRICS
from forwardnet.validate.comparison import n_samples
from forwardnet.validate.rows import take

Array = NDArray[Any]


class Bagged(BaseEstimator):  # type: ignore[misc]
    """What both kinds share: the members, and what they say together.

    `estimator` is an `MLPClassifier` or `MLPRegressor` of which each member is a copy with a `random_state` of its own
    (None: one with the usual settings); its parameters can be set as `estimator__...`. Each of `n_estimators` members
    learns from as many rows as there are, drawn with replacement, alike ones sixteen at a time in one native program on
    at most `n_jobs` threads (None: as many as there are processors), which change nothing in the result.

    After a fit `estimators_` are the members, `estimators_samples_` the rows that each learnt from, `oob_score_` the
    accuracy or R2 of the rows that some member has not seen, each answered by those members alone, `oob_interval_` its
    95 % interval by the bootstrap over rows, and `oob_covered_` the share of such rows.
    """

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 10,
        *,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.random_state = random_state
        self.n_jobs = n_jobs

    # What a subclass says

    _usual: type[NetworkEstimator]
    _metric: str

    def _prepare(self, y: Array) -> Array:
        """Targets as metrics compare them."""
        raise NotImplementedError

    def _said(self, member: Any, X: Any) -> Array:
        """(n, k): what a member contributes."""
        raise NotImplementedError

    # Fitting

    def fit(self, X: Any, y: Any) -> Any:
        """Train the members on bootstrap samples of the rows of X (n, d) and y."""
        count = inputs.whole(self.n_estimators, "n_estimators", least=1)
        model = self._usual() if self.estimator is None else self.estimator
        if not isinstance(model, self._usual):
            raise errors.ArgumentError(
                f"{type(self).__name__}: estimator is {type(model).__name__}, expected an {self._usual.__name__}"
            )
        X, y = self._read(X, y)
        targets = self._prepare(y)
        random = check_random_state(self.random_state)
        seed = int(random.randint(2**31))
        members = [clone(model).set_params(random_state=int(random.randint(2**31))) for _ in range(count)]
        n = len(y)
        rows = [np.sort(bootstrap(n, seed=seed, number=number)) for number in range(count)]
        fit_together(members, [take(X, own) for own in rows], [y[own] for own in rows], self.n_jobs)
        self.estimators_, self.estimators_samples_ = members, rows
        self._look_out_of_bag(X, targets, seed)
        return self

    def _read(self, X: Any, y: Any) -> tuple[Any, Array]:
        """Checked features, an array or a table, and checked targets."""
        numeric = self._usual is MLPRegressor
        if not is_table(X):
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse=["csr"],
                dtype=(np.float64, np.float32),
                multi_output=True,
                y_numeric=numeric,
            )
            return X, np.asarray(y)
        if y is None:
            raise errors.DataError(f"{type(self).__name__}: y is None, and this estimator requires y to be passed")
        validate_data(self, X, skip_check_array=True)
        return as_table(X), np.asarray(_check_y(y, multi_output=True, y_numeric=numeric, estimator=self))

    def _look_out_of_bag(self, X: Any, targets: Array, seed: int) -> None:
        """The figures of rows that members have not seen."""
        answers = np.stack([self._said(member, X) for member in self.estimators_])
        has_not_seen = np.ones(answers.shape[:2], bool)
        for number, own in enumerate(self.estimators_samples_):
            has_not_seen[number, own] = False
        counts = has_not_seen.sum(axis=0)
        with np.errstate(invalid="ignore"):
            mean = (answers * has_not_seen[..., None]).sum(axis=0) / counts[:, None]
        self._out_of_bag, covered = mean, counts > 0
        self._oob = (targets[covered], mean[covered], seed + 1)
        self._oob_interval: tuple[float, float] | None = None
        self.oob_covered_ = float(covered.mean())
        self.oob_score_ = self._score(*self._oob[:2]) if covered.any() else float("nan")

    @property
    def oob_interval_(self) -> tuple[float, float]:
        """(low, high) of `oob_score_`, computed when it is asked for."""
        check_is_fitted(self)
        if self._oob_interval is None:
            targets, answers, seed = self._oob
            drawn = [bootstrap(len(targets), seed=seed, number=i) for i in range(n_samples(len(targets)))]
            scores = [self._score(targets[rows], answers[rows]) for rows in drawn] if len(targets) else [np.nan]
            low, high = np.quantile(scores, (0.025, 0.975)).tolist()
            self._oob_interval = (low, high)
        return self._oob_interval

    def _score(self, targets: Array, answers: Array) -> float:
        if targets.ndim == 2 and self._metric == "accuracy":  # several labels: right in all of them
            return float(((answers > 0.5) == targets).all(axis=1).mean())
        link: Any = "probabilities" if self._metric == "accuracy" else "values"
        return METRICS[self._metric](targets, answers, link=link)

    # Using

    def member_predictions(self, X: Any) -> Array:
        """(m, n, k): what each member says, probabilities or values."""
        check_is_fitted(self)
        X = as_table(X) if is_table(X) else X
        return np.stack([self._said(member, X) for member in self.estimators_])

    def predict_interval(self, X: Any, *, level: float = 0.9) -> tuple[Array, Array]:
        """(low, high), each (n, k): between them lies the middle `level` of what the members say.

        It is the doubt about the function, which further rows would take away, not the noise of single targets.
        """
        if not 0 < level < 1:
            raise errors.ArgumentError(f"predict_interval: level is {level}, expected a share between 0 and 1")
        low, high = np.quantile(self.member_predictions(X), ((1 - level) / 2, (1 + level) / 2), axis=0)
        return low, high

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all members to one safetensors file, from which `forwardnet.estimators.load` makes them again."""
        from forwardnet.estimators import bagging_file

        bagging_file.save(self, path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags


class BaggedMLPClassifier(ClassifierMixin, Bagged):  # type: ignore[misc]
    """The mean of the members' probabilities of classes; see `Bagged`.

    `oob_decision_function_` (n, C) are the probabilities of the training rows by the members that have not seen them,
    NaN where there is none.

    Example:
        >>> model = BaggedMLPClassifier(MLPClassifier((50,)), n_estimators=20, random_state=0).fit(X, y)
        >>> model.oob_score_, model.oob_interval_
    """

    _usual = MLPClassifier
    _metric = "accuracy"

    def _prepare(self, y: Array) -> Array:
        kind = type_of_target(y, raise_unknown=True)
        if kind == "multilabel-indicator":
            self.classes_: Array = np.arange(y.shape[1])
            return np.asarray(y, np.int64)
        from sklearn.utils.multiclass import check_classification_targets

        check_classification_targets(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        return np.asarray(indices.reshape(-1), np.int64)

    def _said(self, member: Any, X: Any) -> Array:
        found = member.predict_proba(X)
        if len(member.classes_) == len(self.classes_):
            return np.asarray(found, np.float64)
        full = np.zeros((len(found), len(self.classes_)))  # a sample may lack a class
        full[:, np.searchsorted(self.classes_, member.classes_)] = found
        return full

    def predict_proba(self, X: Any) -> Array:
        """(n, C): the mean of the members' probabilities."""
        return np.asarray(self.member_predictions(X).mean(axis=0))

    def predict(self, X: Any) -> Array:
        """(n,): the class of the largest mean probability; for several labels (n, C) zeros and ones."""
        mean = self.predict_proba(X)
        if self.estimators_[0]._is_multilabel:
            return np.asarray(mean > 0.5, np.int64)
        return np.asarray(self.classes_[mean.argmax(axis=1)])

    @property
    def oob_decision_function_(self) -> Array:
        """(n, C): out-of-bag probabilities of the training rows."""
        check_is_fitted(self)
        return np.asarray(self._out_of_bag)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class BaggedMLPRegressor(RegressorMixin, Bagged):  # type: ignore[misc]
    """The mean of the members' values; see `Bagged`.

    `oob_prediction_` (n,) or (n, k) are the values of the training rows by the members that have not seen them, NaN
    where there is none.
    """

    _usual = MLPRegressor
    _metric = "r2"

    def _prepare(self, y: Array) -> Array:
        self._is_flat = y.ndim == 1
        return np.asarray(y, np.float64).reshape(len(y), -1)

    def _said(self, member: Any, X: Any) -> Array:
        found = np.asarray(member.predict(X), np.float64)
        return found.reshape(len(found), -1)

    def predict(self, X: Any) -> Array:
        """(n,) or (n, k): the mean of the members' values."""
        mean = np.asarray(self.member_predictions(X).mean(axis=0))
        return mean[:, 0] if self._is_flat else mean

    @property
    def oob_prediction_(self) -> Array:
        """(n,) or (n, k): out-of-bag values of the training rows."""
        check_is_fitted(self)
        return np.asarray(self._out_of_bag[:, 0] if self._is_flat else self._out_of_bag)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def BaggedMLP(  # noqa: N802 - it stands for the class that suits
    estimator: Any, n_estimators: int = 10, *, random_state: Any = None, n_jobs: int | None = None
) -> BaggedMLPClassifier | BaggedMLPRegressor:
    """A `BaggedMLPClassifier` or a `BaggedMLPRegressor`, as the estimator is a classifier or a regressor.

    scikit-learn asks an estimator which of the two it is before it has seen a target, so one class cannot be both.
    """
    kinds: list[type[Any]] = [BaggedMLPClassifier, BaggedMLPRegressor]
    for kind in kinds:
        if isinstance(estimator, kind._usual):
            return kind(estimator, n_estimators, random_state=random_state, n_jobs=n_jobs)  # type: ignore[no-any-return]
    raise errors.ArgumentError(
        f"BaggedMLP: estimator is {type(estimator).__name__}, expected an MLPClassifier or an MLPRegressor"
    )
