"""Averages, votes, bagging and boosting of trained networks, against sums and rules written out here."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.data.splits import bootstrap
from forwardnet.errors import FileFormatError
from forwardnet.interop import load_model
from forwardnet.train import Ensemble, Trainer, adaboost, bagging, boost_residuals
from forwardnet.train.ensemble import vote_weight


def classes(n: int = 150, seed: int = 0) -> tuple[Any, Any]:
    X, y = ff.data.generators.moons(n=n, noise=0.25, seed=seed)
    return X.astype("float32"), y


def numbers(n: int = 120, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, (n, 1)).astype("float32")
    return X, np.sin(2 * X[:, 0]) + 0.1 * rng.standard_normal(n)


def classifier(number: int, *, hidden: int = 8, outputs: int = 2, rate: float = 0.03) -> Trainer:
    ff.manual_seed(number)
    model = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, outputs))
    loss = "cross_entropy" if outputs > 1 else "bce_with_logits"
    return Trainer(model, loss, ff.optim.Adam(model.parameters(), lr=rate), seed=number)


def regressor(number: int, *, hidden: int = 6) -> Trainer:
    ff.manual_seed(number)
    model = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1))
    return Trainer(model, "mse", ff.optim.Adam(model.parameters(), lr=0.03), seed=number)


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# ---------------------------------------------------------------- averages and votes


def test_RG24_an_ensemble_is_the_weighted_sum_of_its_members() -> None:
    members = [classifier(number) for number in range(3)]
    X, y = classes()
    outputs = [member.predict(X) for member in members]
    mean = Ensemble(members)
    expected = np.mean([softmax(z) for z in outputs], axis=0)
    np.testing.assert_allclose(mean.predict(X), expected, rtol=1e-6)
    weights = [1.0, 2.0, 5.0]
    votes = Ensemble(members, weights, how="vote").predict(X)
    by_hand = sum(w * np.eye(2)[z.argmax(axis=1)] for w, z in zip(weights, outputs, strict=True)) / 8
    np.testing.assert_allclose(votes, by_hand, rtol=1e-12)
    assert mean.evaluate(X, y) == {"accuracy": (expected.argmax(axis=1) == y).mean()}
    assert (mean.labels(X) == expected.argmax(axis=1)).all() and mean.link == "probabilities"
    assert set(mean.evaluate(X, y, ["log_loss", "roc_auc"])) == {"log_loss", "roc_auc"}


def test_members_with_one_column_answer_for_two_classes() -> None:
    members = [classifier(number, outputs=1) for number in range(2)]
    X, _ = classes(20)
    p = np.mean([1 / (1 + np.exp(-m.predict(X)[:, 0])) for m in members], axis=0)
    np.testing.assert_allclose(Ensemble(members).predict(X), np.stack([1 - p, p], axis=1), rtol=1e-5)


def test_numbers_are_averaged_and_shifted() -> None:
    members = [regressor(number) for number in range(3)]
    X, y = numbers()
    outputs = [member.predict(X) for member in members]
    plain = Ensemble(members)
    np.testing.assert_allclose(plain.predict(X), np.mean(outputs, axis=0), atol=1e-6)  # float32
    assert plain.link == "values" and list(plain.evaluate(X, y)) == ["rmse"]
    shifted = Ensemble(members, [1, 0, 2], offset=3.0).predict(X)
    np.testing.assert_allclose(shifted, 3 + outputs[0] + 2 * outputs[2], atol=1e-6)
    with pytest.raises(ValueError, match="which have no classes"):
        plain.labels(X)


def test_RG24_the_mean_of_independent_errors_has_a_smaller_variance() -> None:
    """k models with independent errors of variance v: their mean has v / k; with correlation r it has r v more."""
    rng = np.random.default_rng(0)
    errors = rng.standard_normal((10, 40_000))
    assert errors.mean(axis=0).var() == pytest.approx(1 / 10, rel=0.04)  # 40,000 draws: 0.7 % of standard error
    common = math.sqrt(0.3) * rng.standard_normal(40_000) + math.sqrt(0.7) * errors
    assert common.mean(axis=0).var() == pytest.approx(0.3 + 0.7 / 10, rel=0.04)


def test_RG25_other_starts_give_other_models_whose_average_is_better() -> None:
    X, y = numbers()
    X_test, y_test = numbers(1000, seed=1)
    members = [regressor(number) for number in range(8)]
    ff.train.fit_many(members, X, y, epochs=60)
    single = [member.evaluate(X_test, y_test)["loss"] for member in members]
    outputs = np.array([member.predict(X_test)[:, 0] for member in members])
    assert outputs.std(axis=0).mean() > 0.01, "same data, other starts, other functions"
    together = Ensemble(members).evaluate(X_test, y_test)["rmse"] ** 2
    # for squared error exactly: the mean's error is the mean error less the variance between members
    assert together == pytest.approx(np.mean(single) - outputs.var(axis=0).mean(), rel=1e-4)


# ---------------------------------------------------------------- bagging


@pytest.mark.parametrize(("n", "share"), [(10, 0.6513), (200, 0.6330), (20_000, 0.6321)])
def test_RG18_the_share_of_rows_in_a_bootstrap_sample(n: int, share: float) -> None:
    samples = [bootstrap(n, seed=0, number=number) for number in range(max(200_000 // n, 20))]
    assert all(len(rows) == n and rows.min() >= 0 and rows.max() < n for rows in samples)
    found = np.mean([len(np.unique(rows)) / n for rows in samples])
    # 200,000 rows in all, standard error below 0.001
    assert found == pytest.approx(share, abs=0.005) and share == pytest.approx(1 - (1 - 1 / n) ** n, abs=5e-5)
    assert np.array_equal(bootstrap(n, seed=0, number=1), samples[1]) and not np.array_equal(samples[0], samples[1])


@pytest.mark.parametrize("how", ["mean", "vote"])
def test_RG18_bagging_trains_on_bootstrap_samples_and_estimates_from_the_rows_left_out(how: str) -> None:
    X, y = classes()
    bagged = bagging(classifier, X, y, members=6, epochs=40, batch_size=32, how=how, seed=3)
    assert [np.array_equal(own, bootstrap(150, seed=3, number=k)) for k, own in enumerate(bagged.rows)] == [True] * 6
    alone = classifier(2)
    alone.fit(X[bagged.rows[2]], y[bagged.rows[2]], epochs=40, batch_size=32, progress=False)
    # the same training, sixteen at once or one alone: rounding of float32 over 200 steps
    np.testing.assert_allclose(bagged.members[2].predict(X), alone.predict(X), atol=0.02)
    answers = [bagged._answer(member, X) for member in bagged.members]
    total, count = np.zeros((150, 2)), np.zeros(150)
    for own, answer in zip(bagged.rows, answers, strict=True):
        for row in set(range(150)) - set(own.tolist()):
            total[row] += answer[row]
            count[row] += 1
    seen_by_not_all = count > 0
    assert bagged.covered == seen_by_not_all.mean() > 0.85  # 1 - 0.632^6 = 0.94 expected
    right = (total / np.maximum(count, 1)[:, None]).argmax(axis=1)[seen_by_not_all] == y[seen_by_not_all]
    assert bagged.out_of_bag == {"accuracy": right.mean()}
    X_test, y_test = classes(2000, seed=5)
    assert bagged.out_of_bag["accuracy"] == pytest.approx(bagged.evaluate(X_test, y_test)["accuracy"], abs=0.08)


def test_bagging_of_numbers() -> None:
    X, y = numbers()
    bagged = bagging(regressor, X, y, members=4, epochs=40, metrics=["r2", "rmse"])
    assert set(bagged.out_of_bag) == {"r2", "rmse"} and bagged.out_of_bag["r2"] > 0.5
    assert bagging(regressor, X, y, members=1, epochs=1).covered == pytest.approx(1 / math.e, abs=0.1)


# ---------------------------------------------------------------- boosting


def test_RG19_the_weight_of_a_vote() -> None:
    assert vote_weight(0.3) == pytest.approx(0.4236, abs=5e-5)
    assert vote_weight(0.5) == 0 and vote_weight(2 / 3, classes=3) == pytest.approx(0, abs=1e-15)


def test_RG19_adaboost_follows_its_rule() -> None:
    X = np.random.default_rng(0).uniform(-1, 1, (200, 2)).astype("float32")
    y = ((X[:, 0] > -0.6) & (X[:, 1] > -0.5) & (X[:, 0] + X[:, 1] < 0.4)).astype(int)  # a triangle
    boosted = adaboost(lambda k: classifier(k, hidden=2, rate=0.05), X, y, rounds=10, epochs=60, batch_size=50)
    weight = np.full(200, 1 / 200)
    for member, vote in zip(boosted.members, boosted.weights, strict=True):  # type: ignore[arg-type]
        is_wrong = member.predict(X).argmax(axis=1) != y
        error = weight[is_wrong].sum()
        assert 0 < error < 0.5 and vote == pytest.approx(0.5 * math.log((1 - error) / error), rel=1e-6)
        weight = weight * np.exp(np.where(is_wrong, vote, -vote))
        weight /= weight.sum()
    one = Ensemble(boosted.members[:1]).evaluate(X, y)["accuracy"]
    # two units cannot cut out a triangle, and several such networks can
    assert len(boosted.members) >= 5 and one < 0.85 and boosted.evaluate(X, y)["accuracy"] > one + 0.08


def test_adaboost_ends_where_it_must() -> None:
    X, _ = classes()
    side = X[:, 0] + X[:, 1] - 0.8
    X, easy = X[np.abs(side) > 0.2], (side > 0)[np.abs(side) > 0.2].astype(int)
    perfect = adaboost(lambda k: classifier(k, rate=0.1), X, easy, rounds=5, epochs=100)
    assert len(perfect.members) < 5 and perfect.evaluate(X, easy)["accuracy"] == 1
    with pytest.raises(ValueError, match=r"no better than a guess\nhint: train it for longer"):
        adaboost(lambda k: classifier(k, rate=0.0), X, 1 - classifier(0).predict(X).argmax(axis=1), epochs=1)
    with pytest.raises(ValueError, match=r"the members predict numbers\nhint: use boost_residuals"):
        adaboost(regressor, *numbers())


def test_RG19_boosting_residuals_lowers_the_error_round_by_round() -> None:
    X, y = numbers()
    boosted = boost_residuals(lambda k: regressor(k, hidden=2), X, y, rounds=6, rate=0.5, epochs=40)
    assert boosted.weights == [0.5] * 6 and boosted.offset == pytest.approx(y.mean())
    mistakes = [y.std()]
    for count in range(1, 7):
        part = Ensemble(boosted.members[:count], [0.5] * count, offset=boosted.offset)
        mistakes.append(part.evaluate(X, y)["rmse"])
    assert all(after < before for before, after in itertools.pairwise(mistakes))
    assert mistakes[-1] < 0.6 * mistakes[0]
    with pytest.raises(ValueError, match="the members predict classes\nhint: use adaboost"):
        boost_residuals(classifier, *classes())
    with pytest.raises(ValueError, match="rate is 0, expected a number above 0"):
        boost_residuals(regressor, X, y, rate=0)


def test_unusable_ensembles() -> None:
    one, other = classifier(0), regressor(0)
    for arguments, said in (
        (([],), r"there is no member"),
        (([one, other],), r"some members predict classes and others numbers"),
        (([one], [1.0, 2.0]), r"2 weights for 1 members"),
        (([other], None, "vote"), r"numbers cannot be voted on\nhint: use how=\"mean\""),
        (([one], None, "median"), r"unknown way to combine members 'median'"),
    ):
        with pytest.raises(ValueError, match=said):
            Ensemble(*arguments)
    with pytest.raises(ValueError, match=r"unknown metric 'acuracy'\nhint: did you mean 'accuracy'"):
        Ensemble([one]).evaluate(*classes(5), ["acuracy"])


# ---------------------------------------------------------------- files


def regressors() -> Ensemble:
    X, y = numbers()
    return boost_residuals(regressor, X, y, rounds=3, epochs=3)


def voters() -> Ensemble:
    X, y = classes()
    return adaboost(classifier, X, y, rounds=3, epochs=5)


def snapshots() -> Ensemble:
    X, y = classes()
    trainer, kept = classifier(0, outputs=1), ff.Snapshot(every=2)
    trainer.fit(X, y, epochs=6, callbacks=[kept], progress=False)
    return kept.ensemble(trainer)


def bags() -> Ensemble:
    X, y = classes()
    return bagging(lambda number: classifier(number), X, y, members=3, epochs=2)


@pytest.mark.parametrize("make", [regressors, voters, snapshots, bags])
def test_RG24_an_ensemble_is_one_file_with_the_same_answers(tmp_path: Any, make: Any) -> None:
    made = make()
    X, y = numbers(seed=1) if make is regressors else classes(seed=1)
    made.save(tmp_path / "all.safetensors")
    found = Ensemble.load(tmp_path / "all.safetensors")
    assert len(found.members) == len(made.members) == 3 and found.how == made.how and found.link == made.link
    np.testing.assert_array_equal(found.predict(X), made.predict(X))
    assert found.evaluate(X, y) == made.evaluate(X, y)
    found.save(tmp_path / "again.safetensors")  # what was loaded can be handed on
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "all.safetensors").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"members": []},
        {"how": "median"},
        {"weights": [1.0]},
        {"weights": ["a", "b"]},
        {"offset": None},
        {"members": [{"link": "values", "precision": "float32"}, {"link": "logits", "precision": "float32"}]},
        {"members": [{"link": "logits", "precision": "int8"}] * 2},
        {"members": 3},
    ],
)
def test_damaged_ensembles_are_refused(tmp_path: Any, change: dict[str, Any]) -> None:
    path = tmp_path / "all.safetensors"
    Ensemble([classifier(0), classifier(1)]).save(path)
    model, metadata = load_model(path)
    ff.save(model, path, metadata={"ensemble": {**metadata["ensemble"], **change}})
    with pytest.raises(FileFormatError, match="what it tells of its ensemble is damaged"):
        Ensemble.load(path)


def test_files_of_other_things_are_no_ensembles(tmp_path: Any) -> None:
    classifier(0).save(tmp_path / "one")
    with pytest.raises(FileFormatError, match="holds a model, but no ensemble"):
        Ensemble.load(tmp_path / "one")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        Ensemble.load(tmp_path / "none")
