"""What a network has to beat: the simplest guess, a linear model, and gradient-boosted trees, on the same rows.

They are scikit-learn's, with its defaults and with preprocessing of its own, so that nothing which might be wrong with
ours makes them look weak.

Axis glossary: n rows, d columns, C classes.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.tables.table import USED, Column, Table
from forwardnet.errors import DataError, unknown_name
from forwardnet.train.threads import limited_threads

Array = NDArray[Any]

BASELINES = {
    "simplest": "the class shares or the mean of the training rows, for every row",
    "linear": "logistic or ridge regression on standardised numbers and one-hot categories",
    "boosting": "scikit-learn's histogram gradient boosting with its defaults",
}
# More columns than this, and trees take minutes for what they are here for.
MOST_COLUMNS = 2000
_MOST_LEVELS = 254  # of a category in scikit-learn's boosting, one code less for the rare ones
_SEVERAL = 30  # one-hot columns of one category; rarer levels share one
_HUGE = 1e100
_SMALL_HESSIAN = 1500  # weights, up to which Newton's method is fast


class Baseline(NamedTuple):
    """Predictions for rows that it has not seen: probabilities (n, C) or values (n,); how long it took."""

    predictions: Array
    seconds: float


def baseline(
    name: str, train: Table, y: Array, test: Table, *, n_classes: int | None, weight: Array | None = None, seed: int = 0
) -> Baseline:
    """Learn from the rows of `train` with targets `y`, and predict those of `test`.

    `y` are class numbers from 0 to `n_classes` - 1, or numbers where `n_classes` is None.

    Raises:
        UnknownNameError: there is no baseline of that name.
        DataError: the table has no column that it can use, or too many.
    """
    if name not in BASELINES:
        raise unknown_name("baseline", name, BASELINES)
    started = time.perf_counter()
    if name == "simplest":
        predictions = _simplest(y, len(test), n_classes, weight)
    else:
        inputs, is_code = _raw(train), _is_code(train)
        known = np.asarray(~np.isnan(inputs).all(axis=0))  # a column without a value in these rows teaches nothing
        inputs, is_code = inputs[:, known], is_code[known]
        if not is_code.size and known.size:
            return baseline("simplest", train, y, test, n_classes=n_classes, weight=weight, seed=seed)
        if not 0 < len(is_code) <= MOST_COLUMNS:
            raise DataError(f"baseline {name!r}: {len(is_code)} columns, expected 1 to {MOST_COLUMNS}")
        build = _linear if name == "linear" else _boosting
        model = build(is_code, inputs, n_classes, seed)
        # One thread, from here on: only libraries that are loaded by now can be told.
        with warnings.catch_warnings(), limited_threads(1):
            warnings.simplefilter("ignore")  # whether it has converged to the last digit does not matter here
            if n_classes is not None and (y == y[0]).all():
                predictions = _simplest(y, len(test), n_classes, weight)  # one class leaves nothing to fit
            else:
                predictions = _fitted(model, inputs, y, weight, _raw(test, like=train)[:, known], n_classes)
    return Baseline(predictions, time.perf_counter() - started)


def _simplest(y: Array, n: int, n_classes: int | None, weight: Array | None) -> Array:
    if n_classes is None:
        return np.full(n, np.average(y, weights=weight))
    counts = np.bincount(y, weights=weight, minlength=n_classes)
    return np.tile(counts / counts.sum(), (n, 1))


def _fitted(model: Any, X: Array, y: Array, weight: Array | None, X_test: Array, n_classes: int | None) -> Array:
    last = model.steps[-1][0]
    if "boosting" in last and n_classes is not None:
        # It cannot put some rows of such a class aside to know when to stop, and one row unsettles all trees.
        counts = np.bincount(y)
        keep = counts[y] > 1
        if np.count_nonzero(counts > 1) > 1:
            X, y, weight = X[keep], y[keep], None if weight is None else weight[keep]
    model.fit(X, y, **({} if weight is None else {f"{last}__sample_weight": weight}))
    if n_classes is None:
        return np.asarray(model.predict(X_test), dtype=np.float64)
    found = np.zeros((len(X_test), n_classes))
    found[:, model.classes_] = model.predict_proba(X_test)  # classes without a training row get probability 0
    return found


def _linear(is_code: NDArray[np.bool_], X: Array, n_classes: int | None, seed: int) -> Any:
    from sklearn import linear_model, preprocessing
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), preprocessing.StandardScaler()
    )
    levels = preprocessing.OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=_SEVERAL, sparse_output=False, dtype=np.float32
    )
    columns = ColumnTransformer([("numbers", numbers, ~is_code), ("levels", levels, is_code)], sparse_threshold=0)
    if n_classes is None:
        return make_pipeline(columns, linear_model.Ridge())
    width = sum(min(_SEVERAL, len(np.unique(column))) for column in X[:, is_code].T) + 2 * int((~is_code).sum())
    is_small = width * (n_classes if n_classes > 2 else 1) <= _SMALL_HESSIAN
    solver = "newton-cholesky" if is_small else "lbfgs"
    return make_pipeline(columns, linear_model.LogisticRegression(solver=solver, random_state=seed))


def _boosting(is_code: NDArray[np.bool_], X: Array, n_classes: int | None, seed: int) -> Any:
    from sklearn import ensemble, preprocessing
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline

    levels = preprocessing.OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan,
        max_categories=_MOST_LEVELS,
    )  # fmt: skip
    columns = ColumnTransformer([("levels", levels, is_code), ("numbers", "passthrough", ~is_code)])
    categorical = np.arange(len(is_code)) < is_code.sum()
    kind = ensemble.HistGradientBoostingRegressor if n_classes is None else ensemble.HistGradientBoostingClassifier
    return make_pipeline(columns, kind(categorical_features=categorical, random_state=seed))


def _is_code(table: Table) -> NDArray[np.bool_]:
    return np.array([column.is_coded for column in table if column.kind in USED], dtype=bool)


def _raw(table: Table, *, like: Table | None = None) -> Array:
    """(n, d) numbers and codes of levels, NaN where missing, of the columns that `like` (itself) uses.

    Codes are those of the levels of `like`: another file numbers its own. What is not among them is as missing.
    """
    wanted = [column for column in like or table if column.kind in USED]
    found = np.empty((len(table), len(wanted)))
    for j, known in enumerate(wanted):
        column = table[known.name]
        values = column.values if column.levels == known.levels else _recoded(column, known.levels or ())
        # Squares of larger numbers would be infinite.
        found[:, j] = np.where(column.is_missing, np.nan, np.clip(values, -_HUGE, _HUGE))
    return found


def _recoded(column: Column, levels: Sequence[str]) -> Array:
    """The codes of a column's values among other levels, NaN where they are not."""
    place = {text: float(code) for code, text in enumerate(levels)}
    codes = np.array([*(place.get(text, np.nan) for text in column.levels or ()), np.nan])
    return codes[column.values]  # a missing value is -1, which takes the last


def possible(train: Table, names: Sequence[str] = tuple(BASELINES)) -> tuple[str, ...]:
    """Those of the `names` that this table allows."""
    width = sum(column.kind in USED for column in train)
    return tuple(name for name in names if name == "simplest" or 0 < width <= MOST_COLUMNS)
