"""Metrics of a validation by name: those of `ff.metrics`, all scorers of scikit-learn, and functions of one's own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet import errors
from forwardnet.train.metrics import METRICS, Metric
from forwardnet.train.pairing import Pairing
from forwardnet.train.scoring import Chosen, Scores, choose
from forwardnet.validate.answers import Layout, responses

Array = NDArray[Any]

USUAL: dict[str, tuple[str, ...]] = {
    "classes": ("accuracy", "log_loss"),
    "labels": ("accuracy",),
    "values": ("rmse", "mae", "r2"),
}


def scores_for(metrics: Any, layout: Layout | Pairing) -> Scores:
    """The metrics asked for, or the usual ones, as functions of targets and answers.

    A name is one of `ff.metrics` or of `sklearn.metrics.get_scorer_names()`; an object of `make_scorer` is a scorer;
    another function is called with targets and outputs, and more of it is better unless it has an attribute
    `greater_is_better` that says no.

    Raises:
        UnknownNameError: no such metric. ArgumentError: it does not suit what is predicted.
    """
    pairing = layout.pairing if isinstance(layout, Layout) else layout
    if metrics is None:
        metrics = _usual(layout)
    listed: Sequence[Any] = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    return choose([_metric(item, layout, pairing) for item in listed], pairing)


def _usual(layout: Layout | Pairing) -> tuple[str, ...]:
    names = USUAL.get(layout.kind, ())
    if isinstance(layout, Layout) and layout.more != "predict_proba":
        return tuple(name for name in names if METRICS[name].needs != "probabilities")
    return names


def _metric(item: Any, layout: Layout | Pairing, pairing: Pairing) -> Chosen:
    """What `choose` takes: a name, or a function of targets and answers with a name."""
    if isinstance(item, str) and item in METRICS:
        choose(item, pairing)  # says when it does not suit
        return _of_layout(METRICS[item], layout) if isinstance(layout, Layout) else item
    if isinstance(item, Metric) and isinstance(layout, Layout):
        return _of_layout(item, layout)
    if isinstance(item, str) or hasattr(item, "_score_func"):
        return _named(partial(_scorer_value, _scorer(item), layout), _name_of(item))
    if isinstance(layout, Layout) and callable(item):
        greater = bool(getattr(item, "greater_is_better", True))
        return _named(partial(_shown_value, item, layout), getattr(item, "__name__", type(item).__name__), greater)
    return item  # type: ignore[no-any-return]


def _of_layout(metric: Metric, layout: Layout) -> Chosen:
    if metric.needs == "probabilities" and layout.more != "predict_proba":
        raise errors.ArgumentError(
            f"metric {metric.name!r} needs probabilities, and the estimator has no predict_proba",
            hint="use accuracy, or another estimator",
        )
    return _named(partial(_metric_value, metric, layout), metric.name, metric.greater_is_better)


def _named(function: Any, name: str, greater: bool = True) -> Chosen:
    function.__name__, function.greater_is_better = name, greater  # partials have attributes of their own
    return function  # type: ignore[no-any-return]


def _metric_value(metric: Metric, layout: Layout, y: Array, answers: Array) -> float:
    if metric.needs == "probabilities":
        found = layout.more_of(answers)
        if layout.kind == "labels":
            return metric(y.reshape(-1), found.reshape(-1), link="probabilities")
        return metric(y, found, link="probabilities")
    found = layout.predicted(answers)
    if layout.kind == "labels":
        return metric(y.reshape(-1), found.reshape(-1))
    return metric(y, found, link="values" if layout.kind == "values" else None)


def _shown_value(function: Callable[[Array, Array], float], layout: Layout, y: Array, answers: Array) -> float:
    return float(function(y, answers[:, layout.shown]))


def _scorer(item: Any) -> Any:
    """scikit-learn's scorer of that name, or the scorer itself."""
    if not isinstance(item, str):
        return item
    from sklearn.metrics import get_scorer, get_scorer_names

    if item not in get_scorer_names():
        raise errors.unknown_name("metric", item, {*METRICS, *get_scorer_names()})
    return get_scorer(item)


def _name_of(item: Any) -> str:
    return item if isinstance(item, str) else str(getattr(item._score_func, "__name__", "scorer"))


def _scorer_value(scorer: Any, layout: Layout | Pairing, y: Array, answers: Array) -> float:
    """A scorer asks an estimator about rows; here the answers are there already."""
    said = responses(layout, answers, y)
    values = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    return float(scorer(_stand_in()(said, layout.kind, layout), np.zeros((len(y), 1)), values))


def _ignoring(said: Array, X: Any) -> Array:
    """What was said, whatever X."""
    return said


@functools.cache
def _stand_in() -> Any:
    """The class of what answers in an estimator's place."""
    from sklearn.base import BaseEstimator
    from sklearn.utils import ClassifierTags, RegressorTags

    class Answered(BaseEstimator):  # type: ignore[misc]
        """Gives answers that are there already, whatever it is asked."""

        def __init__(self, said: Mapping[str, Array], kind: str, layout: Any) -> None:
            self.said, self.kind, self.layout = said, kind, layout
            classes = getattr(layout, "classes", None)
            if kind == "classes":
                proba = said.get("predict_proba")
                size = proba.shape[1] if proba is not None else len(classes) if classes is not None else 2
                self.classes_ = np.arange(size)

        def __getattr__(self, name: str) -> Any:
            said = self.__dict__.get("said", {})
            if name in said:
                answer: Any = partial(_ignoring, said[name])
                answer.__name__ = name
                return answer
            raise AttributeError(name)

        def __sklearn_tags__(self) -> Any:
            tags = super().__sklearn_tags__()
            tags.estimator_type = "regressor" if self.kind == "values" else "classifier"
            if self.kind == "values":
                tags.regressor_tags = RegressorTags()
            else:
                tags.classifier_tags = ClassifierTags()
            return tags

    return Answered
