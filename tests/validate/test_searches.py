"""Comparisons, sweeps, nested searches and curves: the same folds, all results kept, nothing chosen by what it is
measured on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import forwardnet as ff
from forwardnet import nn
from forwardnet.errors import ArgumentError, UnknownNameError
from forwardnet.validate import (
    Between,
    compare_models,
    cross_validate,
    learning_curve,
    nested,
    sweep,
    validation_curve,
)

NEIGHBOURS = "kneighborsclassifier__n_neighbors"


def moons(n: int = 81) -> tuple[Any, Any]:
    data = ff.datasets.load("moons", n=n, noise=0.3, seed=0)
    return data.X, data.y


def neighbours() -> Any:
    return make_pipeline(StandardScaler(), KNeighborsClassifier())


def net(units: int = 3, lr: float = 0.02) -> ff.Trainer:
    model = nn.Sequential(nn.Linear(2, units), nn.Tanh(), nn.Linear(units, 2))
    return ff.Trainer(model, "cross_entropy", ff.optim.Adam(model.parameters(), lr=lr))


# ---------------------------------------------------------------- comparisons


def compared() -> Any:
    X, y = moons()
    models = {"nearest": neighbours(), "network": net, "majority": DummyClassifier(strategy="most_frequent")}
    return compare_models(models, X, y, metrics=["accuracy"], epochs=4, seed=3)


def test_VA05_models_are_compared_on_the_same_folds() -> None:
    found = compared()
    first, *rest = found.validations.values()
    for one in rest:
        for a, b in zip(first.folds, one.folds, strict=True):
            assert np.array_equal(a.test, b.test)
    X, y = moons()
    alone = cross_validate(neighbours(), X, y, metrics=["accuracy"], seed=3)
    assert alone.answers.tobytes() == found["nearest"].answers.tobytes()
    assert found.ranking()[-1] == "majority"
    table = found.to_frame()
    assert list(table["model"]) == ["nearest", "network", "majority"]
    assert table["fold_mean"][0] == pytest.approx(alone.scores["accuracy"].mean())
    assert table["fold_std"][0] == pytest.approx(alone.scores["accuracy"].std(ddof=1))


def test_differences_are_paired_row_by_row() -> None:
    """The oracle is the bootstrap of the rows' own differences: their standard error, by the normal formula."""
    found = compared()
    _, y = moons()
    gap = found.difference("nearest", "majority")
    rows = (found["nearest"].labels == y).astype(float) - (found["majority"].labels == y)
    assert gap.value == pytest.approx(rows.mean())
    assert (gap.high - gap.low) / 2 == pytest.approx(1.96 * rows.std() / np.sqrt(len(y)), rel=0.15)
    assert gap.is_clear and gap.share == 1
    same = found.difference("nearest", "nearest")
    assert (same.value, same.low, same.high, same.share, same.is_clear) == (0, 0, 0, 0.5, False)
    text = found.summary()
    assert text.splitlines()[1].startswith(found.ranking()[0]) and "no clear difference" not in text.splitlines()[-1]


def test_models_may_come_as_a_list_and_need_a_metric_in_common() -> None:
    X, y = moons()
    found = compare_models([KNeighborsClassifier(), KNeighborsClassifier(1), LogisticRegression], X, y)
    assert list(found.validations) == ["KNeighborsClassifier", "KNeighborsClassifier 2", "LogisticRegression"]
    with pytest.raises(UnknownNameError, match="did you mean 'LogisticRegression'"):
        found["LogisticRegressio"]
    with pytest.raises(ArgumentError, match="no metric in common"):
        compare_models([KNeighborsClassifier(), KNeighborsRegressor()], X, y)
    with pytest.raises(ArgumentError, match="there is no model"):
        compare_models([], X, y)


# ---------------------------------------------------------------- sweeps


def test_a_grid_finds_what_scikit_learn_finds() -> None:
    X, y = moons()
    values = [1, 5, 25]
    splitter = StratifiedKFold(4, shuffle=True, random_state=0)
    found = sweep(neighbours(), X, y, {NEIGHBOURS: values}, cv=splitter, metrics=["accuracy"])
    expected = GridSearchCV(neighbours(), {NEIGHBOURS: values}, cv=splitter).fit(X, y)
    for trial, mean in zip(found.trials, expected.cv_results_["mean_test_score"], strict=True):
        assert trial.validation.scores["accuracy"].mean() == pytest.approx(mean)
    assert found.best_params == expected.best_params_
    assert found.make().get_params()[NEIGHBOURS] == expected.best_params_[NEIGHBOURS]
    assert not hasattr(found.make(), "classes_")


def test_a_sweep_is_a_function_of_its_seed() -> None:
    X, y = moons()
    space = {"lr": Between(1e-3, 1e-1, log=True)}

    def run(seed: int) -> Any:
        return sweep(net, X, y, space, how="random", trials=3, epochs=2, cv=3, seed=seed)

    one, again, other = run(0), run(0), run(1)
    assert [t.params for t in one.trials] == [t.params for t in again.trials] != [t.params for t in other.trials]
    for a, b in zip(one.trials, again.trials, strict=True):
        assert a.validation.answers.tobytes() == b.validation.answers.tobytes()
    assert one.best_params in [t.params for t in one.trials]
    assert isinstance(one.make(), ff.Trainer)


def test_EX05_alike_networks_of_a_sweep_are_what_they_are_alone() -> None:
    """Hidden sizes are swept in one run; each trial is bit for bit the cross-validation of that size by itself."""
    X, y = moons()
    found = sweep(net, X, y, {"units": [1, 4]}, epochs=5, cv=3)
    for trial in found.trials:
        alone = cross_validate(lambda units=trial.params["units"]: net(units), X, y, epochs=5, cv=3)
        assert alone.answers.tobytes() == trial.validation.answers.tobytes()


def test_the_best_is_that_of_the_metric_whichever_way_it_goes() -> None:
    X, y = moons()
    space = {"strategy": ["most_frequent", "prior", "uniform"]}
    found = sweep(DummyClassifier(), X, y, space, metric="log_loss")
    values = [trial.validation.pooled()["log_loss"] for trial in found.trials]
    assert found.best_score == min(values) and found.best_params != {"strategy": "most_frequent"}
    assert found.ranking[-1].params == {"strategy": "most_frequent"}

    def misses(y: Any, output: Any) -> float:
        return float((output.argmax(1) != y).sum())

    misses.greater_is_better = False  # type: ignore[attr-defined]
    worst = sweep(neighbours(), X, y, {NEIGHBOURS: [1, 50, 60]}, metrics=[misses], cv=4, stratify=False)
    assert worst.best_score == min(t.validation.pooled()["misses"] for t in worst.trials)


def test_halving_gives_more_rows_to_those_that_go_on() -> None:
    X, y = moons(135)
    space = {NEIGHBOURS: [1, 2, 3, 4, 5, 6, 7, 8, 9]}
    found = sweep(neighbours(), X, y, space, how="halving", trials=9, cv=3)
    assert [trial.rung for trial in found.trials] == [0] * 9 + [1] * 3 + [2]
    sizes = [len(trial.validation.folds[0].train) for trial in found.trials]
    assert sizes == [10] * 9 + [30] * 3 + [90]
    first = sorted(found.trials[:9], key=lambda t: -t.validation.pooled()["accuracy"])[:3]
    assert [t.number for t in first] == [t.number for t in found.trials[9:12]]
    small, large = found.trials[9].validation.folds[0], found.trials[-1].validation.folds[0]
    assert np.array_equal(small.test, large.test) and set(small.train) <= set(large.train)
    assert found.best is found.trials[-1]


def test_halving_may_give_more_of_a_parameter_or_of_epochs() -> None:
    X, y = moons()
    found = sweep(
        KNeighborsRegressor(), X, X[:, 0], {"p": [1, 2, 3]}, how="halving", resource="n_neighbors", most=9, cv=3
    )
    assert [trial.params["n_neighbors"] for trial in found.trials] == [3, 3, 3, 9]

    def bare(units: int) -> nn.Module:
        return nn.Sequential(nn.Linear(2, units), nn.Tanh(), nn.Linear(units, 2))

    nets = sweep(bare, X, y, {"units": [2, 3, 4]}, how="halving", resource="epochs", most=6, cv=3, loss="cross_entropy")
    assert [len(trial.validation.histories[0]) for trial in nets.trials] == [2, 2, 2, 6]
    with pytest.raises(ArgumentError, match="the most epochs is missing"):
        sweep(bare, X, y, {"units": [2, 3, 4]}, how="halving", resource="epochs", loss="cross_entropy")


def test_every_result_is_in_the_table_and_in_words() -> None:
    X, y = moons()
    found = sweep(neighbours(), X, y, {NEIGHBOURS: [1, 50]}, cv=3)
    table = found.to_frame()
    assert list(table[NEIGHBOURS]) == [1, 50]
    for i, trial in enumerate(found.trials):
        assert table["accuracy"][i] == trial.validation.pooled()["accuracy"]
        assert (table["low"][i], table["high"][i]) == trial.validation.interval("accuracy")
    text = found.summary()
    assert "2 trials; the best by accuracy:" in text and "nested() measures what it is worth" in text


def test_a_trial_that_fails_is_kept_and_named() -> None:
    """More neighbours than rows: scikit-learn refuses them, and the others go on."""
    X, y = moons()
    found = sweep(neighbours(), X, y, {NEIGHBOURS: [5, 70]}, cv=3)
    assert found.best_params == {NEIGHBOURS: 5} and not found.is_cut
    assert "3 of 3 folds failed, the first is number 0: ValueError" in found.trials[1].validation.notes[-1]
    assert np.isnan(found.to_frame()["accuracy"][1])
    with pytest.raises(ArgumentError, match="no trial has a figure; 3 of 3 folds failed"):
        sweep(neighbours(), X, y, {NEIGHBOURS: [70]}, cv=3)


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"how": "gird"}, UnknownNameError, "did you mean 'grid'"),
    ({"space": {"n_neighbours": [1]}}, UnknownNameError, "did you mean 'n_neighbors'"),
    ({"metric": "auc"}, UnknownNameError, "unknown metric 'auc'"),
    ({"cv_": 3}, UnknownNameError, "did you mean 'cv'"),
    ({"trials": 0, "how": "random"}, ArgumentError, "trials"),
]


@pytest.mark.parametrize(("options", "kind", "message"), WRONG, ids=lambda v: str(v)[:30])
def test_wrong_sweeps(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    X, y = moons()
    with pytest.raises(kind, match=message):
        sweep(KNeighborsClassifier(), X, y, **{"space": {"n_neighbors": [1, 2]}, **options})


# ---------------------------------------------------------------- nested searches


def test_a_nested_search_chooses_by_rows_that_it_is_not_asked_about() -> None:
    """The oracle is scikit-learn's: a GridSearchCV with the same inner folds, fitted on each outer training part."""
    X, y = moons()
    outer, inner = StratifiedKFold(3, shuffle=True, random_state=1), StratifiedKFold(4)
    found = nested(neighbours(), X, y, {NEIGHBOURS: [1, 9, 30]}, cv=outer, inner=inner, metric="accuracy")
    for fold, choice in zip(found.validation.folds, found.choices, strict=True):
        search = GridSearchCV(neighbours(), {NEIGHBOURS: [1, 9, 30]}, cv=inner).fit(X[fold.train], y[fold.train])
        pooled = search.cv_results_["mean_test_score"]
        best = pooled[[1, 9, 30].index(choice[NEIGHBOURS])]
        # Folds may differ by a row in size: the mean over folds and that over rows may choose another of near-equals.
        assert best == pytest.approx(pooled.max(), abs=0.02)
        model = neighbours().set_params(**choice).fit(X[fold.train], y[fold.train])
        np.testing.assert_array_equal(found.validation.labels[fold.test], model.predict(X[fold.test]))
    assert found.validation.pooled()["accuracy"] == accuracy_score(y, found.validation.labels)
    assert "fold 2 chose" in found.summary()


def test_a_search_over_noise_promises_too_much_and_the_nested_figure_does_not() -> None:
    """Targets by chance: the best of many is above one half in the search, and one half outside of it."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 5)), rng.integers(0, 2, 60)
    space = {"n_neighbors": list(range(1, 16))}
    found = nested(KNeighborsClassifier(), X, y, space, cv=4, metrics=["accuracy"])
    low, high = found.validation.interval("accuracy")
    assert low < 0.5 < high
    assert found.optimism > 0.02


def test_nested_searches_of_networks() -> None:
    X, y = moons()
    found = nested(net, X, y, {"units": [1, 4]}, cv=3, inner=2, epochs=3)
    assert len(found.choices) == 3 and np.isfinite(found.validation.predictions).all()


# ---------------------------------------------------------------- curves


def test_a_learning_curve_rises_and_its_parts_lie_in_each_other() -> None:
    X, y = moons(200)
    curve = learning_curve(neighbours(), X, y, sizes=[0.1, 30, 1.0], cv=4)
    assert curve.values == [15, 30, 150]
    for small, large in zip(curve.validations[0].folds, curve.validations[1].folds, strict=True):
        assert set(small.train) < set(large.train) and np.array_equal(small.test, large.test)
        assert abs(y[small.train].mean() - 0.5) < 0.1
    points = curve.points("accuracy")
    assert points["test"][-1] > points["test"][0]
    whole = cross_validate(neighbours(), X, y, cv=4)
    assert points["test"][-1] == whole.pooled()["accuracy"]
    with pytest.raises(ArgumentError, match="a part of 500 rows"):
        learning_curve(neighbours(), X, y, sizes=[500])


def test_VA06_a_validation_curve_shows_rows_learnt_from_beside_others() -> None:
    """One neighbour knows its own rows by heart; all of them know nothing but the majority."""
    X, y = moons(90)
    curve = validation_curve(KNeighborsClassifier(), X, y, "n_neighbors", [1, 9, 60], cv=3, metrics="accuracy")
    points = curve.points()
    assert points["train"][0] == 1.0 > points["test"][0]
    assert points["test"][1] > points["test"][2]
    assert points["test"][[1, 9, 60].index(curve.best())] == points["test"].max()
    assert (points["low"] < points["test"]).all() and (points["test"] < points["high"]).all()
    assert list(curve.to_frame()["n_neighbors"]) == [1, 9, 60]
    assert "n_neighbors: accuracy of unseen rows" in curve.summary()
    ridge = validation_curve(Ridge(), X, X[:, 0] * 2, "alpha", [1e-6, 1e6], cv=3)
    assert ridge.best("rmse") == ridge.best("r2") == 1e-6


def test_VA02_figures_hang_on_the_split_and_k_folds_hang_on_it_less() -> None:
    """Deviations over 25 seeds of the squared error of a linear model: one hold-out beside 5 folds."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = X @ [1, 2, 3] + rng.normal(size=40)

    def deviation(**options: Any) -> float:
        runs = [cross_validate(Ridge(), X, y, metrics="rmse", seed=seed, **options) for seed in range(25)]
        return float(np.std([run.pooled()["rmse"] ** 2 for run in runs]))

    # 8 test rows against 40: a ratio near sqrt(5) in the sampling alone; half of it is asked for.
    assert deviation(cv=0.2) > 1.2 * deviation(cv=5)
