"""Cross-validation: out-of-fold outputs that no model has cheated for, and figures with their spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.data.scaling import Standardizer
from forwardnet.errors import ArgumentError, ShapeError, UnknownNameError
from forwardnet.validate import cross_validate, holdout, k_fold, leaks, leave_one_out

N = 60


def data(n: int = N, width: int = 3) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, width)) * [1.0, 10.0, 0.1][:width] + 5
    return X, (X[:, 0] + rng.normal(size=n) * 0.3 > 5).astype(np.int64)


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2))


def validated(**options: Any) -> Any:
    X, y = data()
    return cross_validate(net, X, y, **{"loss": "cross_entropy", "epochs": 3, "batch_size": 16, "cv": 4, **options})


def test_each_fold_is_what_a_trainer_by_itself_gives() -> None:
    """Scales, weights and order: of the fold's training rows, and of the seed and the fold."""
    X, y = data()
    found = validated(seed=5, keep_models=True)
    for fold, history, model in zip(found.folds, found.histories, found.models, strict=True):
        scaler = Standardizer().fit(X[fold.train])
        np.testing.assert_allclose(
            found.predictions[fold.test],
            ff.Trainer(model, "cross_entropy", "adam").predict(scaler.transform(X[fold.test])),
        )
        trainer = ff.Trainer(net(), "cross_entropy", "adam", seed=5)
        with ff.no_grad():  # the same first weights: what is drawn for this fold
            from forwardnet.data.batches import stream_of
            from forwardnet.tensor.random import Generator, drawing_from

            with drawing_from(Generator(5, stream=stream_of("weights", fold.number))):
                trainer.model.load_state_dict(net().state_dict())
        alone = trainer.fit(scaler.transform(X[fold.train]), y[fold.train], epochs=3, batch_size=16, progress=False)
        np.testing.assert_allclose(history["loss"], alone["loss"], rtol=1e-4)  # float32 rounding over 9 steps
    assert len({h["loss"][-1] for h in found.histories}) == 4


def test_the_same_seed_gives_the_same_bits_and_another_other_ones() -> None:
    ff.manual_seed(1)
    first = validated(seed=3)
    drawn = ff.rand(1).item()
    ff.manual_seed(2)
    again = validated(seed=3, n_jobs=1)
    assert first.outputs.tobytes() == again.outputs.tobytes()
    assert first.outputs.tobytes() != validated(seed=4).outputs.tobytes()
    ff.manual_seed(1)
    assert ff.rand(1).item() == drawn, "the user's random numbers have not moved"


def test_VA07_what_is_tested_is_not_learnt_from_even_by_the_scales() -> None:
    """A test row may be as wild as it likes: nothing of its fold's model changes."""
    X, y = data()
    options = {"loss": "cross_entropy", "epochs": 2, "cv": [(np.arange(40), np.arange(40, 60))], "keep_models": True}
    wild = X.copy()
    wild[40:] *= 1000
    models = [cross_validate(net, data, y, **options).models[0] for data in (X, wild)]
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert ff.equal(a, b)


def test_scores_are_those_of_the_out_of_fold_outputs() -> None:
    _, y = data()
    found = validated(metrics=["accuracy"])
    right = found.predictions.argmax(1) == y
    assert found.pooled()["accuracy"] == right.mean()
    assert found.scores["accuracy"].tolist() == [right[fold.test].mean() for fold in found.folds]
    low, high = found.intervals()["accuracy"]
    # The normal approximation of a share's spread; the bootstrap of 60 rows is coarse.
    spread = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / N)
    assert low < right.mean() < high
    assert (high - low) / 2 == pytest.approx(spread, rel=0.35)
    assert found.summary().splitlines()[1].startswith(f"accuracy {right.mean():.4g} (95 % interval")


def test_VA01_holdout_of_40_of_60_rows() -> None:
    X, y = data()
    found = holdout(net, X, y, 1 / 3, loss="cross_entropy", epochs=1, repeats=3)
    assert [(len(f.train), len(f.test)) for f in found.folds] == [(40, 20)] * 3
    assert len({tuple(sorted(f.test.tolist())) for f in found.folds}) == 3
    assert np.isnan(found.outputs[0]).any(1).sum() == 40
    assert "3 times" in found.summary()


def test_VA03_leave_one_out_of_a_line() -> None:
    """Squared errors 1, 1/4 and 1 of the points (1, 1), (2, 2), (3, 2), by the least squares of the other two."""
    X, y = np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [2.0]])

    def build() -> ff.Trainer:
        model = nn.Linear(1, 1)
        return ff.Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.05, momentum=0.9), precision="float64")

    found = leave_one_out(build, X, y, scale=False, epochs=2000, batch_size=2)
    squares = np.square(found.predictions - y).ravel()
    np.testing.assert_allclose(squares, [1.0, 0.25, 1.0], atol=1e-6)
    assert squares.mean() == pytest.approx(0.75, abs=1e-6)
    # The closed form for linear least squares: residual / (1 - leverage) of one fit to all points.
    design = np.hstack([np.ones((3, 1)), X])
    hat = design @ np.linalg.inv(design.T @ design) @ design.T
    np.testing.assert_allclose(squares, ((y - hat @ y).ravel() / (1 - np.diag(hat))) ** 2, atol=1e-6)


def test_VA04_every_row_is_tested_once() -> None:
    X, _ = data(10)
    y = X[:, :1]
    found = k_fold(lambda: nn.Linear(3, 1), X, y, 5, loss="mse", epochs=1)
    assert sorted(np.concatenate([f.test for f in found.folds]).tolist()) == list(range(10))
    assert [len(f.test) for f in found.folds] == [2] * 5
    assert set(found.scores) == {"rmse", "mae", "r2"}


def test_classes_keep_their_proportion_and_groups_stay_together() -> None:
    _, y = data()
    for fold in validated().folds:
        assert abs(y[fold.test].mean() - y.mean()) < 0.1
    groups = np.arange(N) // 6
    found = validated(groups=groups, stratify=False)
    assert all(not set(groups[f.train]) & set(groups[f.test]) for f in found.folds)
    by_rows, by_groups = validated(stratify=False).intervals(), found.intervals()
    assert by_rows["accuracy"] != by_groups["accuracy"]


def test_ordered_rows_are_predicted_from_earlier_ones() -> None:
    found = validated(ordered=True)
    assert all(f.train.max() < f.test.min() for f in found.folds)
    asked = np.isfinite(found.predictions).all(1)
    assert 0 < asked.sum() < N
    assert f"{asked.sum()} of {N} rows asked about" in found.summary()


def test_targets_can_be_scaled_inside_the_fold() -> None:
    X, _ = data()
    y = 1000 + 100 * X[:, :1]

    def build() -> Any:
        model = nn.Linear(3, 1)
        return ff.Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.1))

    found = k_fold(build, X, y, 3, epochs=50, batch_size=20, scale_target=True)
    assert found.pooled()["r2"] > 0.99
    assert found.pooled()["rmse"] < 20 < 100


def test_many_copies_of_the_data_are_made_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = validated(cv=6)
    monkeypatch.setattr("forwardnet.validate.built.MOST_BYTES", 2 * data()[0].nbytes)
    parts = validated(cv=6)
    # In another company a model may go another way (alone, not in a lane): rounding.
    np.testing.assert_allclose(parts.predictions, whole.predictions, rtol=1e-3, atol=1e-4)


def test_a_divergence_is_noted() -> None:
    X, _ = data()

    def build() -> Any:
        model = nn.Linear(3, 1)
        return ff.Trainer(model, "mse", optim.SGD(model.parameters(), lr=1e15))

    found = k_fold(build, X, X[:, :1], 3, epochs=9)
    assert "training diverged in 3 of 3 folds, the first is number 0" in found.notes


def test_leaks_are_named() -> None:
    X, y = data()
    found = validated()
    assert not found.notes
    twice = np.concatenate([X, X[:5]]), np.concatenate([y, y[:5]])
    notes = k_fold(net, *twice, 4, loss="cross_entropy", epochs=1).notes
    assert len(notes) == 1 and "identical row" in notes[0] and notes[0].split()[0] in {str(i) for i in range(1, 11)}
    target = X[:, 0] * 2 + 3
    spoiled = np.column_stack([X, np.arange(N), -np.arange(N) + 7.0, target * 0.1 + 9, np.ones(N)])
    names = ["a", "b", "c", "id", "back", "copy", "one"]
    assert leaks(spoiled, target, found.folds, names=names) == [
        "column 'a' is the target, or the target in other units: leave it out",
        "column 'id' numbers the rows: leave it out",
        "column 'back' numbers the rows: leave it out",
        "column 'copy' is the target, or the target in other units: leave it out",
    ]


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"cv": 1}, ArgumentError, "cv is 1, expected from 2 to the 60 rows"),
    ({"cv": 61, "stratify": False}, ArgumentError, "cv is 61, expected from 2 to the 60 rows"),
    ({"cv": 50}, ArgumentError, "the rarest class has .* rows, fewer than 50 folds"),
    ({"cv": 1.5}, ArgumentError, "cv is 1.5, expected a share between 0 and 1"),
    ({"cv": "lou"}, UnknownNameError, "loo"),
    ({"cv": [(np.arange(3), np.arange(58, 61))]}, ArgumentError, "the test rows of a pair are no row numbers"),
    ({"cv": []}, ArgumentError, "there are none"),
    ({"repeats": 0}, ArgumentError, "repeats is 0"),
    ({"ordered": True, "repeats": 2}, ArgumentError, "ordered rows can be split in one way only"),
    ({"groups": np.arange(N) // 30}, ArgumentError, "expected from 2 to the 2 groups"),
    ({"loss": None}, ArgumentError, "the loss is missing"),
    ({"scale_target": True}, ArgumentError, "scale_target is for numbers"),
    ({"metrics": "rmse"}, ArgumentError, "compares numbers"),
]


@pytest.mark.parametrize(("options", "kind", "message"), WRONG, ids=lambda v: str(v)[:30])
def test_wrong_calls(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        validated(**options)


def test_wrong_builders_and_data() -> None:
    X, y = data()
    with pytest.raises(ArgumentError, match="Linear is neither an estimator nor a function that makes a model"):
        k_fold(nn.Linear(3, 2), X, y, loss="mse")
    with pytest.raises(ArgumentError, match=r"build\(\) gave int"):
        k_fold(lambda: 3, X, y, loss="mse")
    with pytest.raises(ShapeError, match=r"X has shape \(60,\)"):
        k_fold(net, X[:, 0], y, loss="cross_entropy")
    with pytest.raises(ArgumentError, match="stratify needs one class for each row"):
        k_fold(lambda: nn.Linear(3, 1), X, X[:, :1], loss="mse", stratify=True)
