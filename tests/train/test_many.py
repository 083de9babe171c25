"""Many fits at once: each model as it would be by itself, whatever trains beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.errors import ArgumentError
from forwardnet.train import many
from forwardnet.train.many import fit_many

N, WIDTH = 75, 5


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, WIDTH)).astype(np.float32)
    return X, (X[:, 0] * X[:, 1] > 0).astype(np.int64)


class Noise(nn.Module):
    """Drops a fifth of the elements, in training only."""

    def forward(self, x: Any) -> Any:
        return x * (ff.rand(x.shape) < 0.8) if self.training else x


def trainers(count: int, *, width: int = 7, **options: Any) -> list[Any]:
    """Alike trainers with weights and seeds of their own."""
    ff.manual_seed(0)
    made = []
    for seed in range(count):
        model = nn.Sequential(nn.Linear(WIDTH, width), nn.Tanh(), nn.BatchNorm1d(width), Noise(), nn.Linear(width, 2))
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        made.append(ff.Trainer(model, nn.CrossEntropyLoss(), optimizer, seed=seed, **options))
    return made


def folds(count: int) -> list[Any]:
    return [np.delete(np.arange(N), [i]) for i in range(count)]


def one_by_one(made: list[Any], rows: list[Any], **options: Any) -> None:
    X, y = data()
    for trainer, own in zip(made, rows, strict=True):
        trainer.fit(X[own], y[own], progress=False, **options)


def weights(trainer: Any) -> Any:
    return np.concatenate([v.numpy().ravel() for v in trainer.model.state_dict().values()])


@pytest.fixture
def fleets(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many models each native program has trained."""
    sizes: list[int] = []
    real = many._Many._together

    def counted(self: Any, fleet: Any, jobs: Any) -> None:
        sizes.append(len(jobs))
        real(self, fleet, jobs)

    monkeypatch.setattr(many._Many, "_together", counted)
    return sizes


def test_each_model_is_what_it_would_be_alone(fleets: list[int]) -> None:
    """More models than lanes, batch normalisation, noise, and a last batch of other size."""
    together, alone, rows = trainers(19), trainers(19), folds(19)
    X, y = data()
    histories = fit_many(together, X, y, rows, epochs=3, batch_size=16)
    one_by_one(alone, rows, epochs=3, batch_size=16)
    assert sorted(fleets) == [3, 16]
    for got, want, history in zip(together, alone, histories, strict=True):
        assert history is got.history and history.stopped is None
        # The same rows, noise and steps: float32 rounding over 15 steps of Adam, which divides by small numbers.
        np.testing.assert_allclose(history.steps["loss"], want.history.steps["loss"], rtol=2e-4)
        np.testing.assert_allclose(history["loss"], want.history["loss"], rtol=2e-4)
        np.testing.assert_allclose(weights(got), weights(want), rtol=2e-3, atol=2e-5)
        assert history["epoch"].tolist() == [1, 2, 3] and history.steps["step"].tolist() == list(range(1, 16))
        assert not got.model.training
    assert len({h["loss"][-1] for h in histories}) == 19


def test_bits_depend_on_nothing_beside(fleets: list[int]) -> None:
    """Not on the company, not on the lane, not on the number of threads."""
    X, y = data()
    first, second = trainers(19), trainers(19)
    fit_many(first, X, y, folds(19), epochs=2, batch_size=16, threads=1)
    chosen = [18, 3, 7, 12]
    some = [second[i] for i in chosen]
    fit_many(some, X, y, [folds(19)[i] for i in chosen], epochs=2, batch_size=16, threads=4)
    assert sorted(fleets) == [3, 4, 16]
    for i, trainer in zip(chosen, some, strict=True):
        assert weights(trainer).tobytes() == weights(first[i]).tobytes()
        assert trainer.history.steps["loss"].tolist() == first[i].history.steps["loss"].tolist()


def test_training_goes_on_where_it_ended(fleets: list[int]) -> None:
    X, y = data()
    once, twice = trainers(4), trainers(4)
    fit_many(once, X, y, epochs=4, batch_size=16)
    for _ in range(2):
        histories = fit_many(twice, X, y, epochs=2, batch_size=16)
    assert fleets == [4, 4, 4]
    assert histories[0]["epoch"].tolist() == [3, 4] and histories[0].steps["step"][0] == 11
    for a, b in zip(once, twice, strict=True):
        assert weights(a).tobytes() == weights(b).tobytes()
    fit_many(once[:1], X, y, epochs=1, batch_size=16)  # and alone, with the optimiser's moments
    assert once[0].history["epoch"].tolist() == [5] and once[0].history["loss"][0] < 0.7


def test_folds_of_different_sizes_and_other_networks(fleets: list[int]) -> None:
    """Equal counts of rows and equal networks go together; what is alone trains by itself."""
    X, y = data()
    made = [*trainers(5), *trainers(3, width=9), trainers(1, width=11)[0]]
    rows = [np.arange(40)] * 4 + [np.arange(41)] + [np.arange(60)] * 4
    fit_many(made, X, y, rows, epochs=1, batch_size=16)
    assert sorted(fleets) == [3, 4]
    assert [len(t.history.steps["loss"]) for t in made] == [3, 3, 3, 3, 3, 4, 4, 4, 4]


class Twice(nn.Module):
    """Holds a function, so that two of them cannot be seen to be alike."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.function = lambda x: x * factor

    def forward(self, x: Any) -> Any:
        return self.function(x)


def test_models_that_look_alike_and_are_not(fleets: list[int]) -> None:
    X, y = data()
    made = []
    for factor in (1.0, 2.0, 3.0):
        ff.manual_seed(0)
        model = nn.Sequential(nn.Linear(WIDTH, 3), Twice(factor), nn.Linear(3, 2))
        made.append(ff.Trainer(model, "cross_entropy", "sgd"))
    fit_many(made, X, y, epochs=1, batch_size=16)
    assert fleets == []
    assert len({t.history["loss"][0] for t in made}) == 3


@pytest.mark.parametrize("options", [{"compile": False}, {"metrics": ["accuracy"]}], ids=str)
def test_what_a_fleet_cannot_do_is_done_one_by_one(options: Any, fleets: list[int]) -> None:
    X, y = data()
    together, alone, rows = trainers(3, **options), trainers(3, **options), folds(3)
    fit_many(together, X, y, rows, epochs=2, batch_size=16)
    one_by_one(alone, rows, epochs=2, batch_size=16)
    assert fleets == []
    for a, b in zip(together, alone, strict=True):
        assert weights(a).tobytes() == weights(b).tobytes()
        assert a.threads is None


def test_a_model_too_large_for_lanes(fleets: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "LARGEST", 1000)
    X, y = data()
    fit_many(trainers(3), X, y, epochs=1, batch_size=16)
    assert fleets == []


def test_one_divergence_disturbs_no_other(fleets: list[int]) -> None:
    X, y = data()
    made, alone = trainers(4), trainers(4)
    with ff.no_grad():
        made[2].model[0].weight[0, 0] = np.nan
    histories = fit_many(made, X, y, epochs=2, batch_size=16)
    fit_many(alone, X, y, epochs=2, batch_size=16)
    assert [h.stopped for h in histories] == [None, None, "diverged", None]
    for i in (0, 1, 3):
        assert weights(made[i]).tobytes() == weights(alone[i]).tobytes()


def test_shuffling_can_be_left_out() -> None:
    X, y = data()
    together, alone = trainers(3), trainers(3)
    fit_many(together, X, y, epochs=1, batch_size=16, shuffle=False)
    one_by_one(alone, [np.arange(N)] * 3, epochs=1, batch_size=16, shuffle=False)
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a.history.steps["loss"], b.history.steps["loss"], rtol=1e-5)


def test_regression_in_float64(fleets: list[int]) -> None:
    X, _ = data()
    y = X[:, :1].astype(np.float64) * 2

    def make(seed: int) -> Any:
        ff.manual_seed(seed)
        model = nn.Sequential(nn.Linear(WIDTH, 4), nn.ReLU(), nn.Linear(4, 1))
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        return ff.Trainer(model, nn.MSELoss(reduction="sum"), optimizer, precision="float64", seed=seed)

    together, alone = [make(s) for s in range(3)], [make(s) for s in range(3)]
    fit_many(together, X / 30, y / 30, epochs=3, batch_size=32)
    for trainer in alone:
        trainer.fit(X / 30, y / 30, epochs=3, batch_size=32, progress=False)
    assert fleets == [3]
    for a, b in zip(together, alone, strict=True):
        # Sums of 32 products in another order, over nine steps.
        np.testing.assert_allclose(a.history["loss"], b.history["loss"], rtol=1e-12)


def test_wrong_calls() -> None:
    X, y = data()
    made = trainers(2)
    assert fit_many([], X, y) == []
    with pytest.raises(ArgumentError, match="two trainers share a model"):
        fit_many([made[0], made[0]], X, y)
    with pytest.raises(ArgumentError, match="1 sets of rows for 2 trainers"):
        fit_many(made, X, y, [np.arange(3)])
    with pytest.raises(ArgumentError, match=r"rows\[1\] names row 75, and there are 75 rows"):
        fit_many(made, X, y, [np.arange(3), np.arange(74, 76)])
    with pytest.raises(ArgumentError, match=r"rows\[0\] has shape \(0,\)"):
        fit_many(made, X, y, [np.arange(0), np.arange(3)])
    with pytest.raises(ArgumentError, match="epochs"):
        fit_many(made, X, y, epochs=0)


def test_each_ends_by_its_own_rule_alone_or_together(fleets: list[int]) -> None:
    """A rule that ends model i after epoch i + 1 leaves the weights of that epoch; the last one has none to end it."""
    X, y = data()

    def rule(last: int) -> Any:
        return lambda: lambda epoch, loss: epoch >= last

    rules = [rule(1), rule(2), rule(9)]
    made = trainers(3)
    histories = fit_many(made, X, y, folds(3), epochs=4, batch_size=16, rules=rules)
    assert fleets == [3]
    assert [(len(h), h.stopped) for h in histories] == [(1, "no progress"), (2, "no progress"), (4, None)]
    whole = trainers(3)
    for trainer, own, epochs in zip(whole, folds(3), (1, 2, 4), strict=True):
        fit_many([trainer], X, y, [own], epochs=epochs, batch_size=16)
    for a, b in zip(made, whole, strict=True):
        np.testing.assert_allclose(weights(a), weights(b), rtol=1e-4, atol=1e-5)  # float32 over at most 20 steps
        assert a.epochs_done == b.epochs_done
    single = trainers(1)
    (history,) = fit_many(single, X, y, folds(1), epochs=4, batch_size=16, rules=[rule(2)])
    assert (len(history), history.stopped) == (2, "no progress")


def test_optimisers_of_all_rows_train_alone(fleets: list[int]) -> None:
    X, y = data()

    def made() -> list[Any]:
        ff.manual_seed(0)
        return [ff.Trainer(nn.Linear(WIDTH, 2), "cross_entropy", "lbfgs", seed=i) for i in range(3)]

    histories = fit_many(made(), X, y, folds(3), epochs=2)
    assert fleets == []
    for trainer, rows, history in zip(made(), folds(3), histories, strict=True):
        alone = trainer.fit(X[rows], y[rows], epochs=2, progress=False)
        np.testing.assert_allclose(history["loss"], alone["loss"], rtol=1e-5)  # NumPy's products on other threads


def test_what_has_ended_is_counted() -> None:
    X, y = data()
    counts: list[int] = []
    fit_many(trainers(5), X, y, folds(5), epochs=1, on_done=counts.append)
    assert counts == [5]
