"""Estimators that are fitted to a file in blocks: like those fitted to the table, with less of it in memory."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet.data.tables import TableStream, read_table
from forwardnet.data.tables.stream import LEAST
from forwardnet.errors import ForwardnetError
from forwardnet.estimators import MLPClassifier, MLPRegressor, load
from forwardnet.estimators.streamed import fit_stream

N = 3000


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("stream") / "t.csv"
    with path.open("w") as file:
        file.write("a,b,colour,kind,price,flag\n")
        for i, (a, b) in enumerate(rng.standard_normal((N, 2)).round(4).tolist()):
            kind = ("low", "middle", "high")[int(np.searchsorted([-0.5, 0.5], a + (0.5 if i % 2 else -0.5)))]
            file.write(f"{a},{b},{'red' if i % 2 else 'blue'},{kind},{2 * a - b:.4f},{'yes' if a > 0 else 'no'}\n")
    return path


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FORWARDNET_CACHE", str(tmp_path / "cache"))


def parted(path, target):
    table = read_table(path, target=target)
    column = table[target]
    y = np.array(column.levels)[column.values] if column.levels else column.values
    return table.drop([target]), y


@pytest.mark.parametrize("target", ["kind", "flag"])
def test_a_classifier_learns_the_file(path, tmp_path, target):
    stream = TableStream(path, target=target, memory_limit=LEAST)
    model = MLPClassifier((16,), random_state=0, learning_rate_init=0.01, max_iter=20)
    assert fit_stream(model, stream) is model
    X, y = parted(path, target)
    assert model.score(X, y) > 0.93 and model.n_iter_ == 20  # 0.33 or 0.5 where nothing is learnt
    assert model.precision == "auto" and model.compile == "auto"
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "m.safetensors").predict(X), model.predict(X))


def test_a_regressor_learns_the_file_and_ends_by_validation_rows(path):
    stream = TableStream(path, target="price", memory_limit=LEAST)
    model = MLPRegressor(
        hidden_layer_sizes=(16,), random_state=0, learning_rate_init=0.01, max_iter=60, n_iter_no_change=3, tol=1e-2
    )
    held = read_table(path, limit=200)
    fit_stream(model, stream, validation=held)
    assert model.score(*parted(path, "price")) > 0.95
    assert model.n_iter_ < 60 and len(model.validation_scores_) == model.n_iter_


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "realmlp"}, "a preset would need all rows"),
        ({"solver": "lbfgs"}, "L-BFGS would need all rows"),
        ({"early_stopping": True}, "early_stopping or calibrate"),
        ({"class_weight": "balanced"}, "class_weight would need"),
    ],
)
def test_what_needs_all_rows_is_refused(path, options, message):
    with pytest.raises(ForwardnetError, match=message):
        fit_stream(MLPClassifier(**options), TableStream(path, target="kind"))


def test_a_stream_without_a_target_and_other_estimators_are_refused(path):
    with pytest.raises(ForwardnetError, match="no column is named"):
        fit_stream(MLPClassifier(), TableStream(path))
    with pytest.raises(ForwardnetError, match="object cannot be fitted"):
        fit_stream(object(), TableStream(path, target="kind"))
