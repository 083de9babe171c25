"""What an estimator says about rows, as one array of numbers, so that rows of it can be averaged and drawn.

The columns are those of `predict` (for classes one column each, 1 for the predicted one), then of `predict_proba`, or
where there is none of `decision_function`.

Axis glossary: n rows, C classes, k outputs, m columns in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.train.ensemble import class_probabilities
from forwardnet.train.metrics import to_labels, to_probabilities
from forwardnet.train.pairing import Kind, Pairing

Array = NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """Which columns of an answer are what.

    `kind` is "classes" (one of `classes` for each row), "labels" (k times yes or no) or "values" (k numbers).
    """

    kind: Kind
    classes: Array | None
    width: int  # columns of `predict`
    more: str | None = None  # "predict_proba" or "decision_function", of `more_width` columns
    more_width: int = 0

    @property
    def pairing(self) -> Pairing:
        """How metrics are to read the outputs."""
        return Pairing("the estimator", self.kind, "values" if self.kind == "values" else "probabilities")

    @property
    def shown(self) -> slice:
        """The columns that people want to see: probabilities where there are some, else predictions."""
        return slice(self.width, self.width + self.more_width) if self.more == "predict_proba" else slice(self.width)

    def predicted(self, answers: Array) -> Array:
        """(n,) class indices, (n, k) zeros and ones, or (n, k) numbers."""
        found: Array = answers[:, : self.width]
        if self.kind == "classes":
            return np.asarray(found.argmax(axis=1), np.int64)
        return np.asarray(found > 0.5, np.int64) if self.kind == "labels" else found

    def more_of(self, answers: Array) -> Array:
        """(n, C) probabilities or decisions; (n,) decisions for two classes."""
        found: Array = answers[:, self.width : self.width + self.more_width]
        return np.asarray(found[:, 0]) if self.more == "decision_function" and self.more_width == 1 else found

    def settled(self, answers: Array) -> Array:
        """Answers that were averaged over models, with the prediction that the mean probabilities make."""
        if self.more != "predict_proba":
            return answers
        found, mean = answers.copy(), answers[:, self.width :]
        is_best = np.arange(self.width) == mean.argmax(axis=1)[:, None] if self.kind == "classes" else mean > 0.5
        found[:, : self.width] = np.where(np.isfinite(mean), is_best, np.nan)
        return found

    def ask(self, model: Any, X: Any, classes: Array | None) -> Array:
        """(n, m): what the fitted `model` says about rows; `classes` are those that it has seen."""
        if self.more is None:
            return self._predictions(model.predict(X))
        if self.more == "predict_proba" and hasattr(model, "_answers"):  # our own say both at once
            predicted, found = model._answers(X)
        else:
            predicted, found = model.predict(X), getattr(model, self.more)(X)
        return np.concatenate([self._predictions(predicted), self._aligned(found, classes)], axis=1)

    def _predictions(self, found: Any) -> Array:
        found = np.asarray(found.toarray() if hasattr(found, "toarray") else found)
        if self.kind != "classes":
            return np.asarray(found.reshape(len(found), -1), np.float64)
        assert self.classes is not None
        return np.asarray(found.reshape(-1, 1) == self.classes, np.float64)

    def _aligned(self, given: Any, seen: Array | None) -> Array:
        """Columns for all classes; those that the model has not met have probability 0, or the least decision."""
        if isinstance(given, list):  # one table of two columns for each label, as forests give it
            given = np.stack([np.asarray(one)[:, -1] for one in given], axis=1)
        found = np.asarray(given, np.float64).reshape(len(given), -1)
        if seen is None or self.classes is None or len(seen) == len(self.classes):
            return found
        if found.shape[1] == 1 and len(seen) == 2:  # the decision between two, of which more is more of the second
            found = np.concatenate([-found, found], axis=1)
        fill = np.zeros((len(found), 1)) if self.more == "predict_proba" else found.min(axis=1, keepdims=True) - 1
        full = np.repeat(fill, self.more_width, axis=1)
        full[:, np.searchsorted(self.classes, seen)] = found
        return full


def layout_of(model: Any, y: Array) -> tuple[Layout, Array]:
    """How the answers of `model`, not yet fitted, lie, and the targets as class indices or numbers.

    Raises:
        DataError: several targets of several classes each, or text to be predicted by a regressor.
    """
    kind = kind_of(model, y)
    if kind == "values":
        if y.dtype.kind not in "biuf":
            raise errors.DataError(f"y holds {y.dtype}, expected numbers: {type(model).__name__} predicts numbers")
        numbers = y.astype(np.float64)
        return Layout("values", None, 1 if y.ndim == 1 else y.shape[1]), numbers
    more = next((name for name in ("predict_proba", "decision_function") if hasattr(model, name)), None)
    if kind == "labels":
        return Layout("labels", None, y.shape[1], more, y.shape[1] if more else 0), y.astype(np.int64)
    if y.ndim != 1:
        raise errors.DataError(
            f"y has shape {y.shape}: several targets of several classes cannot be validated together",
            hint="validate one column of y after another",
        )
    classes, indices = np.unique(y, return_inverse=True)
    n = len(classes)
    width = 0 if more is None else 1 if more == "decision_function" and n == 2 else n
    return Layout("classes", classes, n, more, width), indices.astype(np.int64)


def kind_of(model: Any, y: Array) -> Kind:
    """ "classes", "labels" or "values": what the estimator predicts, by its own words, else by its targets."""
    from sklearn.base import is_classifier, is_regressor

    try:
        classifies, regresses = is_classifier(model), is_regressor(model)
    except AttributeError:  # something with fit and predict that does not know scikit-learn
        classifies, regresses = hasattr(model, "predict_proba"), False
    if not classifies and not regresses:
        classifies = y.dtype.kind not in "f"
    if not classifies:
        return "values"
    is_binary_table = y.ndim == 2 and y.dtype.kind in "biuf" and bool(np.isin(y, (0, 1)).all())
    return "labels" if is_binary_table else "classes"


def of_probabilities(pairing: Pairing) -> Pairing:
    """The same targets, for outputs that `probabilities` made."""
    return replace(pairing, link="probabilities") if pairing.kind in ("classes", "labels") else pairing


def probabilities(outputs: Array, pairing: Pairing) -> Array:
    """Raw outputs of a network as probabilities, of which a mean has a meaning; numbers as they are."""
    if pairing.kind not in ("classes", "labels"):
        return outputs
    if pairing.kind == "labels":
        return to_probabilities(outputs.reshape(-1), pairing.link).reshape(outputs.shape)
    return class_probabilities(outputs, pairing.link)


def responses(layout: Layout | Pairing, answers: Array, y: Array) -> Mapping[str, Array]:
    """What scikit-learn's scorers ask an estimator for, by the name of the method."""
    if isinstance(layout, Layout):
        predicted = layout.predicted(answers)
        found = {"predict": predicted[:, 0] if predicted.ndim == 2 and predicted.shape[1] == 1 else predicted}
        if layout.more is not None:
            found[layout.more] = layout.more_of(answers)
        return found
    if layout.link == "values":
        return {"predict": answers[:, 0] if answers.ndim == 2 and answers.shape[1] == 1 else answers}
    if layout.kind == "labels" and answers.ndim == 2 and answers.shape[1] > 1:
        is_yes = answers > (0 if layout.link == "logits" else 0.5)
        return {"predict": is_yes.astype(np.int64)}
    return {
        "predict": to_labels(answers, layout.link, targets=y),
        "predict_proba": class_probabilities(answers, layout.link),
    }
