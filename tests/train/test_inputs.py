"""Every input that cannot be used is refused before the first step, with one sentence that says what and where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.errors import DataError, ForwardnetError, ShapeError
from forwardnet.train import Trainer

X = np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32)
Y3 = np.arange(12) % 3
Y2 = np.arange(12) % 2
VALUES = X.sum(1)


def spoilt(array: np.ndarray, place: tuple[int, ...], value: Any) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


def fit(loss: Any, outputs: int, X: Any, y: Any, **options: Any) -> Trainer:
    ff.manual_seed(0)
    end = {"bce": [nn.Sigmoid()], "nll": [nn.LogSoftmax(dim=1)]}.get(loss, []) if isinstance(loss, str) else []
    model = nn.Sequential(nn.Linear(4, outputs), *end)
    trainer = Trainer(model, loss, optim.SGD(model.parameters(), lr=0.01))
    trainer.fit(X, y, **{"epochs": 1, "progress": False, **options})
    return trainer


def squares(output, y):
    return ((output - y) ** 2).mean()


BAD_X = {
    "one dimension": (
        X[:, 0],
        "X has shape (12,), expected (rows, features)\n"
        "hint: X.reshape(-1, 1) for one feature, X.reshape(1, -1) for one row",
    ),
    "no rows": (X[:0], "X is empty: shape (0, 4), expected at least one row and one feature"),
    "no columns": (X[:, :0], "X is empty: shape (12, 0), expected at least one row and one feature"),
    "NaN": (
        spoilt(X, (7, 2), np.nan),
        "X has nan at row 7, column 2, expected finite numbers\nhint: fill in or leave out rows with missing values",
    ),
    "several infinities": (
        spoilt(spoilt(X, (3, 1), np.inf), (9, 0), -np.inf),
        "X has inf at row 3, column 1 (2 such values in all), expected finite numbers\n"
        "hint: remove or clip infinite values",
    ),
    "too large": (
        spoilt(X.astype(np.float64), (5, 3), 1e39),
        "X has the value 1e+39 at row 5, column 3, which is too large for float32\nhint: scale the data",
    ),
    "other width": (
        X[:, :3],
        "X has shape (12, 3), which the model cannot take: ",
    ),
}


@pytest.mark.parametrize("case", BAD_X)
def test_X_that_cannot_be_used(case):
    bad, message = BAD_X[case]
    good = fit("cross_entropy", 3, X, Y3)
    for use in (lambda: fit("cross_entropy", 3, bad, Y3[: len(bad)]), lambda: good.predict(bad)):
        with pytest.raises(ForwardnetError) as caught:
            use()
        text = str(caught.value)
        assert text.startswith(message) if message.endswith(": ") else text == message


@pytest.mark.parametrize(
    ("bad", "start"),
    [
        (np.full((12, 4), "a"), "X holds text, the first is 'a', expected numbers"),
        (np.array([[1.0, None, 2.0, 3.0]] * 12, dtype=object), "X has dtype object (row 0, column 1 holds 'None')"),
        (X.astype(complex), "X has dtype complex128, expected real numbers"),
        ([[1.0, 2.0, 3.0, 4.0], [1.0]], "X has rows of different lengths, expected a rectangular array"),
    ],
    ids=["text", "objects", "complex", "ragged"],
)
def test_X_that_is_no_table_of_numbers(bad, start):
    with pytest.raises(ForwardnetError) as caught:
        fit("cross_entropy", 3, bad, Y3)
    assert str(caught.value).startswith(start)


def test_sparse_X_is_named():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ForwardnetError) as caught:
        fit("cross_entropy", 3, sparse.csr_matrix(X), Y3)
    assert str(caught.value) == "X is a sparse matrix, expected a dense array\nhint: give X.toarray()"


ONE_HOT = np.eye(3, dtype=np.float32)[Y3]

BAD_Y = {
    # loss, outputs, y, message
    "other number of rows": ("cross_entropy", 3, Y3[:10], "y has 10 rows, but X has 12"),
    "empty": ("cross_entropy", 3, [], "y is empty: shape (0,), expected one target for each row of X"),
    "one number": ("cross_entropy", 3, 1, "y is empty: shape (), expected one target for each row of X"),
    "text": (
        "cross_entropy",
        3,
        np.array(["cat", "dog"] * 6),
        "y has dtype <U3, the first is 'cat', expected numbers\n"
        "hint: number the classes: classes, y = numpy.unique(y, return_inverse=True)",
    ),
    "text objects": (
        "mse",
        1,
        np.array(["cat", "dog"] * 6, dtype=object),
        "y has dtype object, the first is 'cat', expected numbers\n"
        "hint: number the classes: classes, y = numpy.unique(y, return_inverse=True)",
    ),
    "label too large": (
        "cross_entropy",
        3,
        spoilt(Y3, (4,), 3),
        "y holds label 3 at row 4, but the model has 3 outputs: expected labels 0 to 2\n"
        "hint: give the last layer one output per class",
    ),
    "labels from 1": (
        "cross_entropy",
        3,
        Y3 + 1,
        "y holds label 3 at row 2, but the model has 3 outputs: expected labels 0 to 2\nhint: subtract 1: y = y - 1",
    ),
    "negative label": (
        "nll",
        3,
        spoilt(Y3, (5,), -1),
        "y holds label -1 at row 5, but the model has 3 outputs: expected labels 0 to 2\n"
        "hint: number the classes from 0",
    ),
    "one class": (
        "cross_entropy",
        3,
        np.full(12, 2),
        "y has only one class: all 12 labels are 2, expected at least two classes",
    ),
    "one of two classes": (
        "bce_with_logits",
        1,
        np.zeros(12),
        "y has only one class: all 12 labels are 0, expected at least two classes",
    ),
    "float column for classes": (
        "cross_entropy",
        3,
        Y3.astype(np.float32)[:, None],
        "CrossEntropyLoss: y has shape (12, 1) and dtype float32, expected class indices (12,) of an integer type, "
        "or probabilities (12, 3)\n"
        'hint: y.reshape(-1).astype("int64"), if these are class indices; MSELoss, if they are values',
    ),
    "floats for classes": (
        "nll",
        3,
        Y3.astype(np.float64),
        "NLLLoss: y has shape (12,) and dtype float64, expected class indices (12,) of an integer type\n"
        'hint: y.astype("int64"), if these are class indices; MSELoss, if they are values',
    ),
    "numbers for classes": (
        "cross_entropy",
        3,
        VALUES,
        "CrossEntropyLoss: y has shape (12,) and dtype float32, expected class indices (12,) of an integer type, "
        "or probabilities (12, 3)\nhint: use MSELoss or L1Loss to predict numbers",
    ),
    "one-hot integers": (
        "cross_entropy",
        3,
        ONE_HOT.astype(int),
        "CrossEntropyLoss: y has shape (12, 3), expected (12,) class indices\n"
        "hint: y.argmax(axis=1) turns one-hot rows into indices",
    ),
    "no probabilities": (
        "cross_entropy",
        3,
        2 * ONE_HOT,
        "y holds 2 at row 0, expected probabilities from 0 to 1\nhint: code the two classes as 0 and 1",
    ),
    "classes with one output": (
        "cross_entropy",
        1,
        Y2,
        "CrossEntropyLoss: the model's output has shape (12, 1), expected one column for each class\n"
        "hint: two classes: 2 outputs, or 1 output and BCEWithLogitsLoss",
    ),
    "classes with a loss of values": (
        "mse",
        3,
        Y3,
        "MSELoss: y has shape (12,), but the model's output has shape (12, 3)\n"
        "hint: use CrossEntropyLoss for class labels",
    ),
    "two columns for one output": (
        "l1",
        1,
        X[:, :2],
        "L1Loss: y has shape (12, 2), but the model's output has shape (12, 1)\nhint: give one column for each output",
    ),
    "one column for two outputs": (
        "mse",
        2,
        X[:, :1],
        "MSELoss: y has shape (12, 1), but the model's output has shape (12, 2)\nhint: give one column for each output",
    ),
    "NaN": (
        "mse",
        1,
        spoilt(VALUES, (3,), np.nan),
        "y has nan at row 3, expected finite numbers\nhint: fill in or leave out rows with missing values",
    ),
    "codes 1 and 2": (
        "bce_with_logits",
        1,
        Y2 + 1,
        "y holds 2 at row 1, expected targets from 0 to 1 for BCEWithLogitsLoss\nhint: code the two classes as 0 and 1",
    ),
    "codes -1 and 1": (
        "bce",
        1,
        2 * Y2 - 1,
        "y holds -1 at row 0, expected targets from 0 to 1 for BCELoss\nhint: code the two classes as 0 and 1",
    ),
    "labels for a loss of yes and no": (
        "bce_with_logits",
        3,
        Y3,
        "BCEWithLogitsLoss: y has shape (12,), but the model's output has shape (12, 3)\n"
        "hint: use CrossEntropyLoss for class labels and one output per class",
    ),
    "own loss, (n,) against (n, 1)": (
        squares,
        1,
        VALUES,
        "squares: y has shape (12,) and the model's output (12, 1): together they would be broadcast to (12, 12)\n"
        "hint: y.reshape(-1, 1)",
    ),
}


@pytest.mark.parametrize("case", BAD_Y)
def test_y_that_cannot_be_used(case):
    loss, outputs, y, message = BAD_Y[case]
    with pytest.raises(ForwardnetError) as caught:
        fit(loss, outputs, X, y)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs is 0, expected a whole number of at least 1"),
        ({"epochs": 2.5}, "epochs is 2.5, expected a whole number of at least 1"),
        ({"batch_size": -1}, "batch_size is -1, expected a whole number of at least 1"),
        ({"batch_size": True}, "batch_size is True, expected a whole number of at least 1"),
        ({"validation_split": 1.0}, "validation_split is 1.0, expected a share from 0 to less than 1"),
        ({"validation_split": -0.1}, "validation_split is -0.1, expected a share from 0 to less than 1"),
        (
            {"validation_split": 0.01},
            "validation_split=0.01 of 12 rows leaves 12 to learn from and 0 to validate",
        ),
        (
            {"validation_split": 0.1, "validation_data": (X, Y3)},
            "fit: validation_data and validation_split are both given, expected one",
        ),
        (
            {"validation_data": X},
            "fit: validation_data is no pair\nhint: give validation_data=(X, y) or (X, y, weights)",
        ),
        (
            {"validation_data": (X[:, :3], Y3)},
            "validation X has shape (12, 3) and X has shape (12, 4), expected the same columns",
        ),
        (
            {"validation_data": (X, Y3 + 5)},
            "validation y holds label 5 at row 0, but the model has 3 outputs: expected labels 0 to 2\n"
            "hint: give the last layer one output per class",
        ),
        (
            {"sample_weight": np.ones(5)},
            "sample_weight has shape (5,), expected (12,): one weight for each row of X",
        ),
        ({"sample_weight": spoilt(np.ones(12), (2,), -1)}, "sample_weight is -1 at row 2, expected 0 or more"),
        (
            {"sample_weight": np.zeros(12)},
            "sample_weight is 0 for every row, expected at least one positive weight",
        ),
        (
            {"sample_weight": spoilt(np.ones(12), (2,), np.nan)},
            "sample_weight has nan at row 2, expected finite numbers\n"
            "hint: fill in or leave out rows with missing values",
        ),
    ],
)
def test_options_that_cannot_be_used(options, message):
    with pytest.raises(ForwardnetError) as caught:
        fit("cross_entropy", 3, X, Y3, **options)
    assert str(caught.value) == message


def test_weights_need_a_loss_per_row():
    with pytest.raises(ForwardnetError) as caught:
        fit(squares, 1, X, VALUES[:, None], sample_weight=np.ones(12))
    assert str(caught.value) == (
        "sample_weight: squares gives no loss per row\nhint: use a loss class of forwardnet.nn, such as MSELoss"
    )
    weighted = nn.CrossEntropyLoss(weight=ff.tensor([1.0, 2.0, 1.0]))
    with pytest.raises(ForwardnetError) as caught:
        fit(weighted, 3, X, Y3, sample_weight=np.ones(12))
    assert str(caught.value) == (
        "sample_weight: CrossEntropyLoss has class weights already\n"
        "hint: multiply the class weights into sample_weight: sample_weight * class_weight[y]"
    )


# -- what can be used -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [VALUES, VALUES[:, None], VALUES.tolist(), (100 * VALUES).astype(int)])
def test_a_column_and_a_row_of_values_mean_the_same(y):
    """(n,) against (n, 1) is never broadcast to (n, n): the loss is that of the pairs."""
    trainer = fit("mse", 1, X, y)
    output = trainer.predict(X).reshape(-1)
    expected = np.mean((output - np.asarray(y, np.float32).reshape(-1)) ** 2)
    assert trainer.evaluate(X, y)["loss"] == pytest.approx(expected, rel=1e-5)  # float32 sums


@pytest.mark.parametrize(
    "y", [Y3, Y3[:, None], Y3.astype(np.uint8), Y3.tolist(), ONE_HOT, ff.tensor(Y3), Y3.astype(object).astype(int)]
)
def test_forms_of_class_labels(y):
    expected = fit("cross_entropy", 3, X, Y3).evaluate(X, Y3)["loss"]
    # One-hot rows take another path through the loss: a few units in the last place.
    assert fit("cross_entropy", 3, X, y).evaluate(X, y)["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("y", [Y2, Y2.astype(bool), Y2.astype(float), Y2[:, None], 0.25 + 0.5 * Y2])
def test_forms_of_yes_and_no(y):
    assert np.isfinite(fit("bce_with_logits", 1, X, y).evaluate(X, y)["loss"])


@pytest.mark.parametrize(
    "data", [X.astype(np.float64), X[:, ::-1], X.tolist(), ff.tensor(X.tolist()), X.round().astype(int)]
)
def test_forms_of_X(data):
    assert fit("mse", 1, data, VALUES).predict(data).shape == (12, 1)


def test_X_that_may_not_be_written_to_is_not_written_to():
    frozen = X.copy()
    frozen.flags.writeable = False
    trainer = fit("mse", 1, frozen, VALUES, shuffle=False, batch_size=5)
    assert trainer.predict(frozen).shape == (12, 1)
    np.testing.assert_array_equal(frozen, X)


def test_images_with_more_axes():
    ff.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    trainer = Trainer(model, "cross_entropy", "sgd")
    trainer.fit(X.reshape(12, 2, 2), Y3, epochs=1, progress=False)
    assert trainer.predict(X.reshape(12, 2, 2)).shape == (12, 3)
    with pytest.raises(DataError, match=r"nan at row 3, position \(1, 0\)"):
        trainer.predict(spoilt(X.reshape(12, 2, 2), (3, 1, 0), np.nan))


def test_ignored_labels():
    y = spoilt(Y3, (4,), -100)
    trainer = fit(nn.CrossEntropyLoss(), 3, X, y)
    kept = y >= 0
    assert trainer.evaluate(X, y)["loss"] == pytest.approx(trainer.evaluate(X[kept], y[kept])["loss"], rel=1e-5)


def test_an_output_that_has_not_one_row_for_each_input():
    class Sums(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 1)

        def forward(self, x):
            return self.linear(x).sum()

    with pytest.raises(ShapeError, match="expected one row for each row of the input"):
        Trainer(Sums(), squares, "sgd").fit(X, VALUES[:, None], progress=False)


def test_the_functions_of_nn_functional_are_known():
    with pytest.raises(ForwardnetError, match="cross_entropy: y has shape"):
        fit(nn.functional.cross_entropy, 3, X, VALUES)
    assert np.isfinite(fit(nn.functional.mse_loss, 1, X, VALUES).evaluate(X, VALUES)["loss"])
