"""Metrics against scikit-learn and by hand, and how targets and outputs are read."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

import forwardnet as ff
from forwardnet.errors import DataError, ForwardnetError, ShapeError, UnknownNameError
from forwardnet.train.metrics import METRICS, confusion_matrix, to_labels, to_probabilities, true_labels

RNG = np.random.default_rng(0)
Y3 = RNG.integers(0, 3, 200)
LOGITS = RNG.standard_normal((200, 3)) + 1.5 * np.eye(3)[Y3]
P3 = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
Y2 = RNG.integers(0, 2, 200)
SCORE = RNG.standard_normal(200) + Y2
P2 = 1 / (1 + np.exp(-SCORE))
V, W = RNG.standard_normal(200), RNG.standard_normal(200)
WEIGHT = RNG.random(200)

LABEL_REFERENCES = {
    "accuracy": reference.accuracy_score,
    "classification_error": reference.zero_one_loss,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "f1": lambda y, p, sample_weight=None: reference.f1_score(
        y, p, average="macro" if max(y) > 1 else "binary", sample_weight=sample_weight
    ),
}
VALUE_REFERENCES = {
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
    "r2": reference.r2_score,
}


def test_every_metric_has_a_reference():
    assert set(METRICS) == {*LABEL_REFERENCES, *VALUE_REFERENCES, "roc_auc", "log_loss"}
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.__doc__


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", LABEL_REFERENCES)
def test_metrics_of_labels(name, weight):
    metric, compare = METRICS[name], LABEL_REFERENCES[name]
    for y, output, link, labels in (
        (Y3, LOGITS, "logits", LOGITS.argmax(1)),
        (Y3, np.log(P3), "log-probabilities", LOGITS.argmax(1)),
        (Y3, P3, "probabilities", LOGITS.argmax(1)),
        (Y3, LOGITS.argmax(1), None, LOGITS.argmax(1)),
        (np.eye(3)[Y3], LOGITS, "values", LOGITS.argmax(1)),
        (Y2, SCORE, "logits", SCORE > 0),
        (Y2, SCORE[:, None], "logits", SCORE > 0),
        (Y2, P2, "probabilities", SCORE > 0),
        (Y2[:, None], P2[:, None], None, SCORE > 0),
        (Y2.astype(bool), P2, None, SCORE > 0),
    ):
        truth = y.argmax(1) if y.ndim == 2 and y.shape[1] == 3 else y.reshape(-1).astype(int)
        expected = compare(truth, labels.astype(int), sample_weight=weight)
        assert metric(y, output, link=link, sample_weight=weight) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_metrics_of_probabilities(weight):
    area = reference.roc_auc_score(Y2, P2, sample_weight=weight)
    assert METRICS["roc_auc"](Y2, SCORE, link="logits", sample_weight=weight) == pytest.approx(area, rel=1e-12)
    two_columns = np.stack([1 - P2, P2], axis=1)
    assert METRICS["roc_auc"](Y2, two_columns, sample_weight=weight) == pytest.approx(area, rel=1e-12)
    loss = reference.log_loss(Y2, P2, sample_weight=weight)
    assert METRICS["log_loss"](Y2, SCORE, link="logits", sample_weight=weight) == pytest.approx(loss, rel=1e-12)
    assert METRICS["log_loss"](Y2, two_columns, sample_weight=weight) == pytest.approx(loss, rel=1e-12)
    loss3 = reference.log_loss(Y3, P3, sample_weight=weight)
    assert METRICS["log_loss"](Y3, LOGITS, link="logits", sample_weight=weight) == pytest.approx(loss3, rel=1e-12)
    if weight is None:
        area3 = reference.roc_auc_score(Y3, P3, multi_class="ovr")
        assert METRICS["roc_auc"](Y3, LOGITS, link="logits") == pytest.approx(area3, rel=1e-12)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", VALUE_REFERENCES)
def test_metrics_of_values(name, weight):
    compare = VALUE_REFERENCES[name]
    expected = compare(V, W, sample_weight=weight)
    for y, output in ((V, W), (V[:, None], W), (V, W[:, None]), (ff.tensor(V), ff.tensor(W[:, None]))):
        assert METRICS[name](y, output, sample_weight=weight) == pytest.approx(expected, rel=1e-12)
    two = np.stack([V, W], axis=1), np.stack([W, V * 2], axis=1)
    assert METRICS[name](*two, sample_weight=weight) == pytest.approx(compare(*two, sample_weight=weight), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_ties_absent_classes_and_rows_without_weight(seed):
    """Few rows of many classes and few scores: what is rare with 200 rows."""
    rng = np.random.default_rng(seed)
    y, said, score = rng.integers(0, 4, 12), rng.integers(0, 5, 12), rng.integers(0, 4, 12) / 4
    weight = rng.integers(0, 3, 12) + (np.arange(12) < 2) * 1.0
    for w in (None, weight):
        macro = reference.f1_score(y, said, average="macro", sample_weight=w, zero_division=0)
        assert METRICS["f1"](y, said, sample_weight=w) == pytest.approx(macro, rel=1e-12)
        recall = reference.recall_score(y, said, labels=np.unique(y), average="macro", sample_weight=w, zero_division=0)
        assert METRICS["balanced_accuracy"](y, said, sample_weight=w) == pytest.approx(recall, rel=1e-12)
        is_true = np.r_[0, 1, y[2:] % 2]  # both classes have weight
        area = reference.roc_auc_score(is_true, score, sample_weight=w)
        assert METRICS["roc_auc"](is_true, score, sample_weight=w) == pytest.approx(area, rel=1e-12)
        binary = reference.f1_score(is_true, said % 2, sample_weight=w, zero_division=0)
        assert METRICS["f1"](is_true, said % 2, sample_weight=w) == pytest.approx(binary, rel=1e-12)


def test_f1_of_rows_without_the_class_is_0():
    assert METRICS["f1"]([0, 0], [0, 0]) == reference.f1_score([0, 0], [0, 0], zero_division=0) == 0.0


def test_targets_that_do_not_vary():
    for values in ([2.0, 2.0], [2.0, 3.0]):
        assert METRICS["r2"]([2.0, 2.0], values) == reference.r2_score([2.0, 2.0], values)
    assert np.isnan(METRICS["r2"]([1.0], [1.0])) and np.isnan(METRICS["r2"]([1.0, 2.0], [1.0, np.nan]))
    assert np.isnan(METRICS["roc_auc"]([0, 1], [0.5, np.nan]))


def test_perfect_and_known_values():
    assert METRICS["accuracy"]([0, 1, 1, 2], [0, 1, 2, 2]) == 0.75
    assert METRICS["classification_error"]([0, 1, 1, 2], [0, 1, 2, 2]) == 0.25
    assert METRICS["rmse"]([0.0, 0.0], [3.0, 4.0]) == pytest.approx(np.sqrt(12.5), rel=1e-15)
    assert METRICS["mae"]([0.0, 0.0], [3.0, -4.0]) == 3.5
    assert METRICS["log_loss"]([1], [0.5]) == pytest.approx(np.log(2), rel=1e-15)
    assert METRICS["log_loss"]([0], [1.0]) == pytest.approx(-np.log(np.finfo(float).eps), rel=1e-12)
    assert METRICS["r2"]([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]) == 0.0


def test_one_class_only_has_no_roc_area():
    assert np.isnan(METRICS["roc_auc"]([1, 1], [0.2, 0.4]))


def test_balanced_accuracy_ignores_predicted_classes_that_do_not_occur():
    assert METRICS["balanced_accuracy"]([0, 0, 1], [0, 2, 1]) == pytest.approx(0.75, rel=1e-12)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_confusion_matrix(weight):
    labels = LOGITS.argmax(1)
    expected = reference.confusion_matrix(Y3, labels, sample_weight=weight)
    np.testing.assert_allclose(confusion_matrix(Y3, LOGITS, link="logits", sample_weight=weight), expected, rtol=1e-12)
    np.testing.assert_allclose(confusion_matrix(Y3, labels, sample_weight=weight), expected, rtol=1e-12)


def test_confusion_matrix_has_all_classes():
    assert confusion_matrix([0, 1], [1, 1], classes=3).tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert confusion_matrix([0, 1], np.eye(4)[[1, 1]], link="logits").shape == (4, 4)
    assert confusion_matrix([0, 0], [0.1, 0.2]).tolist() == [[2, 0], [0, 0]]
    with pytest.raises(DataError) as caught:
        confusion_matrix([0, 3], [0, 1], classes=2)
    assert str(caught.value) == "confusion_matrix: label 3, expected class indices 0 to 1"


def test_links_do_not_overflow():
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert to_probabilities([-1e4, 0.0, 1e4], "logits").tolist() == [0.0, 0.5, 1.0]
        assert to_probabilities([[1e4, 0.0], [0.0, 0.0]], "logits").tolist() == [[1.0, 0.0], [0.5, 0.5]]
    assert to_probabilities([[0.25]], "probabilities").tolist() == [0.25]


def test_labels_of_values_follow_the_code_of_the_targets():
    assert to_labels([0.4, 0.6], "values", targets=[0, 1]).tolist() == [0, 1]
    assert to_labels([-0.2, 0.3], "values", targets=[-1, 1]).tolist() == [-1, 1]
    assert METRICS["accuracy"]([-1, 1, 1], [-0.2, 0.3, -0.1], link="values") == pytest.approx(2 / 3, rel=1e-15)
    assert true_labels(np.array([0.0, 2.0])).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("name", "y", "output", "options", "message"),
    [
        ("accuracy", [0, 1], [1], {}, "accuracy: y_true has 2 rows and output has 1"),
        ("rmse", [], [], {}, "rmse: no rows, expected at least one"),
        (
            "accuracy",
            [0, 1],
            [-1.5, 2.0],
            {},
            "accuracy: output holds -1.5, expected probabilities from 0 to 1\n"
            'hint: say link="logits" for outputs before softmax or sigmoid',
        ),
        (
            "accuracy",
            [0.5, 1.5],
            [1.0, 0.0],
            {},
            "accuracy: y_true has shape (2,) and dtype float64, expected class indices\n"
            "hint: for numbers use rmse, mae or r2",
        ),
        ("rmse", [1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]], {}, "rmse: y_true has shape (2,) and output has shape (2, 2)"),
        ("log_loss", [0, 5], [[0.5, 0.5], [0.5, 0.5]], {}, "log_loss: label 5, expected class indices 0 to 1"),
        (
            "log_loss",
            [0, 1],
            [0.1, 0.2],
            {"link": "values"},
            "log_loss: the outputs are values, not classes\n"
            "hint: use rmse, mae or r2, or train with a classification loss",
        ),
        ("accuracy", [0], [0.5], {"link": "logit"}, "unknown link 'logit'\nhint: did you mean 'logits'?"),
    ],
)
def test_what_cannot_be_compared(name, y, output, options, message):
    with pytest.raises(ForwardnetError) as caught:
        METRICS[name](y, output, **options)
    assert str(caught.value) == message
    assert isinstance(caught.value, DataError | ShapeError | UnknownNameError | ValueError)
