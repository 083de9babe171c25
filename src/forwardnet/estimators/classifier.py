"""MLPClassifier: a network that tells classes apart, behind scikit-learn's parameters and attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)

from forwardnet import errors
from forwardnet.estimators.base import NOTHING_HELD, Array, NetworkEstimator
from forwardnet.estimators.calibration import temperature
from forwardnet.estimators.objective import Objective, classes, labels
from forwardnet.estimators.rows import Rows
from forwardnet.train import METRICS
from forwardnet.train.program import forward


def has_epochs(estimator: NetworkEstimator) -> bool:
    """Whether the solver goes through the rows in epochs, so that one more can be asked for."""
    if estimator._is_lbfgs:
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]
    """Multilayer perceptron classifier: scikit-learn's, trained by native code, and more.

    X may be an array, a sparse matrix, or a frame with gaps, texts and categories; y has classes (n,) or several labels
    (n, k). After `fit` there is all that scikit-learn has (`classes_`, `coefs_`, `loss_curve_`, ...), and `network_`,
    `history_`, and `diagnosis_`: how the fit ended, what was measured, and which parameter to change.

    Args:
        hidden_layer_sizes: units of each hidden layer.
        activation: of the hidden layers, one name for all or one for each: scikit-learn's, or any of `nn`.
        class_weight: "balanced", or class -> weight.
        label_smoothing: share of the target that is spread evenly over the classes.
        calibrate: hold out `validation_fraction` of the rows (or take those that end the training) and find on them the
            temperature by which the log-odds are divided, so that probabilities come true.

    All others are those of `Parameters`.

    Example:
        >>> network = MLPClassifier((64, 64), dropout=0.1, early_stopping=True, random_state=0).fit(X, y)
        >>> print(network.score(X, y), network.diagnosis_)
    """

    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: str | Sequence[str] = "relu"
    _: KW_ONLY
    class_weight: Any = None
    label_smoothing: float = 0.0
    calibrate: bool = False

    # Targets

    def _targets(self, y: Any, *, first: bool, partial: bool) -> Array:
        """Class indices (n,), for two classes 0 and 1 (n, 1), for several labels (n, k)."""
        y = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if first and not (partial and hasattr(self, "classes_")):
            self._is_multilabel = type_of_target(y).startswith("multilabel")
            self.classes_ = unique_labels(y)
        if self._is_multilabel != (y.ndim == 2):
            raise errors.DataError(f"y has shape {y.shape}, which is another kind of target than at the first fit")
        if self._is_multilabel:
            return np.asarray(y, np.float64)
        self._check_classes(y, is_warm=self.warm_start and not first)
        indices = np.searchsorted(self.classes_, y)
        return np.asarray(indices if len(self.classes_) > 2 else (indices == 1).astype(np.float64)[:, None])

    def _check_classes(self, y: Array, *, is_warm: bool) -> None:
        """Raise `DataError` where y has classes that the network has no output for."""
        found = np.unique(y)
        unknown = np.setdiff1d(found, self.classes_)
        if is_warm and (len(unknown) or len(found) != len(self.classes_)):
            raise errors.DataError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {found}"
            )
        if len(unknown):
            raise errors.DataError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {found}."
            )

    def _stratifies(self, y: Array) -> bool:
        # scikit-learn holds out rows class by class for two classes alone, and where each has two rows or more.
        return self._outputs() == 1 and 2 <= y.sum() <= len(y) - 2

    def _class_weights(self, y: Any) -> Array | None:
        return None if self.class_weight is None else np.asarray(compute_sample_weight(self.class_weight, y))

    def _outputs(self) -> int:
        has_one_each = self._is_multilabel or len(self.classes_) > 2 or self.preset is not None
        return len(self.classes_) if has_one_each else 1

    def _as_learnt(self, y: Array) -> Array:
        # Recipes have an output for each of two classes, too.
        return y[:, 0].astype(np.int64) if self.preset is not None and y.ndim == 2 else y

    def _check_preset(self) -> None:
        if self._is_multilabel:
            raise errors.ArgumentError(f"preset={self.preset!r} tells classes apart, not several labels of a row")
        if len(self.classes_) < 2:
            raise errors.DataError(f"y has only one class, {self.classes_[0]!r}, expected at least two classes")

    # Training

    def _objective(self, weights: Any) -> Objective:
        is_softmax = not self._is_multilabel and len(self.classes_) > 2
        rows, pairing = (classes if is_softmax else labels)(self.label_smoothing)
        self.out_activation_ = "softmax" if is_softmax else "logistic"
        return Objective(rows, pairing, weights=weights, alpha=self.alpha)

    def _figure(self) -> tuple[str, Any, bool]:
        if self.monitor == "loss":
            return "loss", None, False
        name = self.monitor or ("subset_accuracy" if self._is_multilabel else "accuracy")
        if name == "subset_accuracy":
            return name, subset_accuracy, True
        if name not in METRICS:
            raise errors.unknown_name("monitor", name, [*METRICS, "loss", "subset_accuracy"])
        return name, name, METRICS[name].greater_is_better

    @available_if(has_epochs)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """One more epoch, on these rows; `classes` names all there are, and is needed at the first call.

        It may be left out of the first call for several labels, and wherever `fit` came before.
        """
        if not hasattr(self, "classes_"):
            if classes is not None:
                self.classes_ = unique_labels(classes)
                self._is_multilabel = type_of_target(y).startswith("multilabel")
            elif not type_of_target(y).startswith("multilabel"):
                raise errors.ArgumentError("classes must be passed on the first call to partial_fit.")
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise errors.ArgumentError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )
        return self._fit(X, y, sample_weight, NOTHING_HELD, partial=True)  # type: ignore[no-any-return]

    @property
    def _holds_out(self) -> bool:
        return self.calibrate

    def _after(self, held_out: Rows | None) -> None:
        self.temperature_ = 1.0
        if self.calibrate and held_out is not None:
            self.temperature_ = temperature(self._logits(held_out.X), held_out.y, held_out.weight)

    # Using

    def _logits(self, rows: Array) -> Array:
        """Log-odds (n, k) for rows as the network takes them, before the temperature."""
        return np.asarray(forward(self.network_, rows), np.float64)

    def predict(self, X: Any) -> Array:
        """The most probable class of each row (n,), or for several labels 0 or 1 for each (n, k)."""
        return self._chosen(self._raw(X))

    def _chosen(self, logits: Array) -> Array:
        if self._is_multilabel:
            return (logits > 0).astype(int)
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(logits))
        if logits.shape[1] == 1:
            return np.asarray(self.classes_[(logits[:, 0] > 0).astype(int)])
        return np.asarray(self.classes_[logits.argmax(axis=1)])

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class (n, C), in the order of `classes_`; for several labels that of each (n, k)."""
        return self._shares(self._raw(X) / self.temperature_)

    def _shares(self, logits: Array) -> Array:
        if not self._is_multilabel and len(self.classes_) == 1:
            return np.ones((len(logits), 1))
        if logits.shape[1] > 1 and not self._is_multilabel:
            shares = np.exp(logits - logits.max(axis=1, keepdims=True))
            return np.asarray(shares / shares.sum(axis=1, keepdims=True))
        found = _sigmoid(logits)
        return found if self._is_multilabel else np.hstack([_sigmoid(-logits), found])

    def _answers(self, X: Any) -> tuple[Array, Array]:
        """`predict` and `predict_proba` of rows that the network sees once."""
        logits = self._raw(X)
        return self._chosen(logits), self._shares(logits / self.temperature_)

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def subset_accuracy(y: Array, output: Array) -> float:
    """The share of rows of which all labels are right."""
    return float(((output > 0) == (y > 0.5)).all(axis=1).mean())


def _sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x) without overflow."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1, small) / (1 + small))
