"""The trainer learns, repeats itself bit for bit, and counts epochs, steps and batches as the textbooks do."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.errors import ArgumentError, UnknownNameError
from forwardnet.train import Trainer
from forwardnet.train.program import BLOCK, make_step


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    """Whether two lists of arrays hold the same bits."""
    return len(a) == len(b) and all(x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))


# -- it learns ------------------------------------------------------------------------------------------------


def test_overfits_a_small_set(net):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((16, 4)).astype(np.float32)
    y = rng.integers(0, 3, 16)
    model = net(4, 32, 3)
    trainer = Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.02), metrics=["accuracy"])
    history = trainer.fit(X, y, epochs=200, batch_size=16, progress=False)
    assert history["accuracy"][-1] == 1.0
    assert history["loss"][-1] < 0.01 < history["loss"][0]  # random labels: only memory gets there
    assert trainer.evaluate(X, y)["accuracy"] == 1.0


def test_digits_reach_95_percent_within_ten_epochs():
    digits = ff.datasets.load("digits")
    order = np.random.default_rng(0).permutation(len(digits.X))
    held, rest = order[:360], order[360:]
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    trainer = Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.005), metrics=["accuracy"])
    trainer.fit(digits.X[rest], digits.y[rest], epochs=10, progress=False)
    assert trainer.evaluate(digits.X[held], digits.y[held])["accuracy"] >= 0.95


def test_regression_finds_the_line(line):
    X, y = line
    ff.manual_seed(0)
    model = nn.Linear(2, 1)
    trainer = Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.1), metrics=["rmse", "mae", "r2"])
    history = trainer.fit(X, y, epochs=60, batch_size=10, progress=False)
    # The data have no noise, so that the fit converges to the line itself, up to float32.
    np.testing.assert_allclose(model.weight.detach().numpy(), [[2, -1]], atol=1e-5)
    assert history["r2"][-1] > 0.99999
    assert trainer.predict(X).shape == (50, 1)


@pytest.mark.parametrize(
    ("loss", "end"), [("bce", nn.Sigmoid), ("bce_with_logits", nn.Identity), ("mse", nn.Sigmoid), ("l1", nn.Sigmoid)]
)
def test_two_classes_with_one_output(loss, end, blobs):
    X, y = blobs[0], (blobs[1] == 1).astype(int)
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), end())
    trainer = Trainer(model, loss, optim.Adam(model.parameters(), lr=0.05), metrics=["accuracy"])
    history = trainer.fit(X, y, epochs=30, batch_size=20, progress=False)
    assert history["accuracy"][-1] == 1.0


def test_one_hot_targets_and_softmax_probabilities(blobs):
    X, y = blobs
    ff.manual_seed(0)
    model = nn.Linear(2, 3)
    trainer = Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.1), metrics=["accuracy"])
    trainer.fit(X, np.eye(3, dtype=np.float32)[y], epochs=20, progress=False)
    assert trainer.evaluate(X, y)["accuracy"] == 1.0


# -- it repeats itself ----------------------------------------------------------------------------------------


def test_same_seed_same_bits_and_another_seed_not(trainer, blobs, weights):
    def run(seed: int):
        t = trainer(2, 8, 3, loss="cross_entropy", seed=seed)
        t.fit(*blobs, epochs=3, batch_size=7, validation_split=0.2, progress=False)
        return weights(t.model)

    assert same(run(0), run(0))
    assert not same(run(0), run(1))


def test_two_fits_continue_like_one(trainer, blobs, weights):
    once = trainer(2, 8, 3, loss="cross_entropy")
    whole = once.fit(*blobs, epochs=5, batch_size=7, validation_split=0.2, progress=False)
    twice = trainer(2, 8, 3, loss="cross_entropy")
    first = twice.fit(*blobs, epochs=2, batch_size=7, validation_split=0.2, progress=False)
    second = twice.fit(*blobs, epochs=3, batch_size=7, validation_split=0.2, progress=False)
    assert same(weights(once.model), weights(twice.model))
    assert [*first["epoch"], *second["epoch"]] == [*whole["epoch"]]
    assert [*first["val_loss"], *second["val_loss"]] == [*whole["val_loss"]]
    np.testing.assert_array_equal(np.concatenate([first.steps["step"], second.steps["step"]]), whole.steps["step"])


def test_compile_true_and_false_give_the_same_without_a_warning(trainer, blobs, weights):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pair = [trainer(2, 8, 3, loss="cross_entropy", compile=flag) for flag in (True, False)]
        for t in pair:
            t.fit(*blobs, epochs=2, progress=False)
    for a, b in zip(weights(pair[0].model), weights(pair[1].model), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)  # float32: sums of 60 rows in another order


@pytest.mark.parametrize("sizes", [(5, 3), (64, 50, 10), (30, 128, 1), (17, 33, 33, 2)])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_row_is_predicted_with_the_same_bits_in_any_company(trainer, sizes, precision):
    t = trainer(*sizes, precision=precision)
    X = np.random.default_rng(1).standard_normal((2 * BLOCK + 7, sizes[0])).astype(np.float32)
    together = t.predict(X)
    assert together.dtype == precision
    for rows in ([0], [BLOCK - 1], [2 * BLOCK + 6], list(range(3, 40)), list(range(len(X)))[::-1]):
        assert t.predict(X[rows]).tobytes() == together[rows].tobytes()


def test_predictions_are_those_of_the_model(trainer):
    t = trainer(5, 8, 3)
    X = np.random.default_rng(1).standard_normal((100, 5)).astype(np.float32)
    # Another number of rows may be summed in another order: a few units in the last place.
    np.testing.assert_allclose(t.predict(X), t.model(ff.from_numpy(X)).detach().numpy(), rtol=1e-5, atol=1e-6)


# -- it counts ------------------------------------------------------------------------------------------------


class Watcher:
    """A callback that keeps what it sees."""

    def __init__(self):
        self.rows = []

    def on_step_end(self, run):
        self.rows.append((run.epoch, run.step))


@pytest.mark.parametrize(("n", "per_epoch", "last"), [(200, 4, 50), (103, 3, 3)])
def test_iterations_per_epoch(net, n, per_epoch, last):
    """N=200 in batches of 50: 4 iterations an epoch; N=103: 3, the last with 3 rows. Each row once an epoch."""
    seen: list[np.ndarray] = []

    def loss(output, y):
        seen.append(y.numpy().reshape(-1).copy())
        return ((output - y) ** 2).mean()

    model = net(2, 1)
    t = Trainer(model, loss, optim.SGD(model.parameters(), lr=0.01), compile=False)  # the loss looks at numbers
    y = np.arange(n, dtype=np.float32).reshape(-1, 1) / n
    watcher = Watcher()
    history = t.fit(np.zeros((n, 2)) + y, y, epochs=2, batch_size=50, callbacks=[watcher], progress=False)
    assert [len(batch) for batch in seen] == [*[50] * (per_epoch - 1), last] * 2
    assert watcher.rows == [(1 + i // per_epoch, i + 1) for i in range(2 * per_epoch)]
    np.testing.assert_array_equal(history.steps["step"], np.arange(1, 2 * per_epoch + 1))
    first, second = np.concatenate(seen[:per_epoch]), np.concatenate(seen[per_epoch:])
    np.testing.assert_array_equal(np.sort(first), y.reshape(-1))
    np.testing.assert_array_equal(np.sort(second), y.reshape(-1))
    assert not np.array_equal(first, second)  # another order in each epoch
    assert not np.array_equal(first, y.reshape(-1))  # and not the given one


def test_without_shuffling_the_rows_come_as_given(trainer, line):
    X, y = line
    t = trainer(2, 1, lr=0.0)
    history = t.fit(X, y, epochs=1, batch_size=20, shuffle=False, progress=False)
    output = t.predict(X).reshape(-1)
    expected = [np.mean((output[a : a + 20] - y[a : a + 20]) ** 2) for a in (0, 20, 40)]
    np.testing.assert_allclose(history.steps["loss"], expected, rtol=1e-5)  # float32 sums of 20 terms


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(trainer, line):
    X, y = line
    t = trainer(2, 1, lr=0.0)  # weights stand still, so that the batches measure one and the same network
    history = t.fit(X, y, epochs=1, batch_size=47, progress=False)  # batches of 47 and 3
    assert history["loss"][0] == pytest.approx(t.evaluate(X, y)["loss"], rel=1e-5)  # float32 sums
    assert history["loss"][0] != pytest.approx(history.steps["loss"].mean(), rel=1e-3)


def test_the_loss_of_a_sum_is_the_total(trainer, line):
    t = trainer(2, 1, lr=0.0, loss=nn.MSELoss(reduction="sum"))
    history = t.fit(*line, epochs=1, batch_size=20, progress=False)
    assert history["loss"][0] == pytest.approx(history.steps["loss"].sum(), rel=1e-12)
    assert history["loss"][0] == pytest.approx(t.evaluate(*line)["loss"], rel=1e-5)  # float32 sums


# -- batch, mini-batch and stochastic descent -----------------------------------------------------------------


def by_hand(model: nn.Module, X: np.ndarray, y: np.ndarray, batches, lr: float) -> None:
    """Gradient descent written out: w -= lr * dL/dw for each batch."""
    for rows in batches:
        model.zero_grad()
        loss = ((model(ff.from_numpy(X[rows])) - ff.from_numpy(y[rows])) ** 2).mean()
        loss.backward()
        with ff.no_grad():
            for p in model.parameters():
                p -= lr * p.grad


@pytest.mark.parametrize(
    ("batch_size", "batches"),
    [(50, [np.arange(50)]), (1, [np.array([i]) for i in range(50)])],
    ids=["all rows: batch descent", "one row: stochastic descent"],
)
def test_batch_size_n_and_1_are_batch_and_stochastic_descent(net, line, weights, batch_size, batches):
    X, y = line[0].astype(np.float64), line[1].astype(np.float64).reshape(-1, 1)
    model, hand = net(2, 4, 1, double=True), net(2, 4, 1, double=True)
    t = Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.05), precision="float64")
    t.fit(X, y, epochs=3, batch_size=batch_size, shuffle=False, progress=False)
    by_hand(hand, X, y, batches * 3, lr=0.05)
    for a, b in zip(weights(model), weights(hand), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)  # the same sums, float64


def test_one_epoch_of_stochastic_descent_makes_n_updates(trainer, line):
    history = trainer(2, 1).fit(*line, epochs=1, batch_size=1, progress=False)
    assert len(history.steps["step"]) == 50


def test_batches_larger_than_the_data_are_one_batch(trainer, line, weights):
    a, b = trainer(2, 1), trainer(2, 1)
    a.fit(*line, epochs=3, batch_size=50, progress=False)
    b.fit(*line, epochs=3, batch_size=1000, progress=False)
    assert same(weights(a.model), weights(b.model))


# -- sample weights -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["mse", "cross_entropy", nn.MSELoss(reduction="sum")])
def test_a_weight_of_two_counts_a_row_twice(net, weights, blobs, loss):
    X, y = blobs
    target = np.eye(3)[y] if loss != "cross_entropy" else y
    twice = np.arange(60) % 3 == 0
    results = []
    for data in (
        (X, target, np.where(twice, 2.0, 1.0)),
        (np.concatenate([X, X[twice]]), np.concatenate([target, target[twice]]), None),
    ):
        model = net(2, 4, 3, double=True)
        t = Trainer(model, loss, optim.SGD(model.parameters(), lr=0.01), precision="float64")
        t.fit(data[0], data[1], epochs=5, batch_size=100, sample_weight=data[2], shuffle=False, progress=False)
        results.append(weights(model))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)  # float64, sums in another order over five steps


def test_rows_of_weight_zero_change_nothing(net, weights, line):
    X, y = line
    models = []
    for n, weight in ((50, np.repeat([1.0, 0.0], [30, 20])), (30, None)):
        model = net(2, 4, 1, double=True)
        t = Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.1), precision="float64")
        t.fit(X[:n], y[:n], epochs=5, batch_size=50, sample_weight=weight, shuffle=False, progress=False)
        models.append(weights(model))
    for a, b in zip(*models, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)  # float64, sums in another order over five steps


def test_weighted_metrics(trainer, blobs):
    X, y = blobs
    weight = np.where(y == 0, 5.0, 1.0)
    t = trainer(2, 4, 3, loss="cross_entropy", lr=0.0, metrics=["accuracy"])
    history = t.fit(X, y, epochs=1, sample_weight=weight, progress=False)
    right = t.predict(X).argmax(1) == y
    assert history["accuracy"][0] == pytest.approx(np.average(right, weights=weight), rel=1e-6)  # weights are float32


# -- validation -----------------------------------------------------------------------------------------------


def test_validation_split_holds_out_the_same_share_of_each_class(trainer, blobs):
    X, y = blobs
    t = trainer(2, 4, 3, loss="cross_entropy", metrics=[lambda y, output: float(np.bincount(y, minlength=3).std())])
    history = t.fit(X, y, epochs=1, validation_split=0.25, progress=False)
    assert history["val_metric_1"][0] == 0.0  # 5 of each class
    assert len(history.steps["step"]) == 1
    assert t._data(X, y, None, 0.25, None)[1][0].shape == (15, 2)


def test_validation_split_of_two_classes_with_one_output(trainer, blobs):
    X, y = blobs
    t = trainer(2, 1, loss="bce_with_logits")
    _, held = t._data(X, (y == 2).astype(float), None, 0.25, None)
    assert held[1].sum() == 5.0  # a quarter of the 20 rows of class 1


def test_validation_rows_are_not_learnt_from(trainer, blobs):
    X, y = blobs
    t = trainer(2, 4, 3, loss="cross_entropy")
    arrays, held = t._data(X, y, None, 0.25, None)
    both = np.concatenate([arrays[0], held[0]])
    np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(X, axis=0))
    assert len(np.unique(both, axis=0)) == len(X)


def test_validation_data_are_measured_after_each_epoch(trainer, blobs):
    X, y = blobs
    t = trainer(2, 8, 3, loss="cross_entropy", metrics=["accuracy"])
    history = t.fit(X[::2], y[::2], epochs=4, validation_data=(X[1::2], y[1::2]), progress=False)
    assert list(history.epochs) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
    last = t.evaluate(X[1::2], y[1::2])
    assert last == {"loss": history["val_loss"][-1], "accuracy": history["val_accuracy"][-1]}


# -- modes, types, schedules ----------------------------------------------------------------------------------


def test_training_and_evaluation_mode(blobs):
    class Modes(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 3)
            self.modes = []

        def forward(self, x):
            self.modes.append((self.training, len(x)))
            return self.linear(x)

    model = Modes()
    t = Trainer(model, "cross_entropy", "adam", compile=False)  # the model keeps account of its calls
    t.fit(*blobs, epochs=2, batch_size=60, validation_split=0.5, progress=False)
    rows = [(True, 30), (False, BLOCK)]
    assert model.modes[-4:] == rows * 2
    assert not model.training
    model.train()
    t.predict(blobs[0])
    assert model.modes[-1] == (False, BLOCK)
    assert model.training  # predict gives the mode back


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_precision_of_weights_data_and_predictions(trainer, blobs, precision):
    t = trainer(2, 4, 3, loss="cross_entropy", precision=precision)
    t.fit(*blobs, epochs=1, progress=False)
    assert {str(p.detach().numpy().dtype) for p in t.model.parameters()} == {precision}
    assert t.predict(blobs[0]).dtype == precision


def test_the_optimizer_goes_on_with_converted_weights(trainer, blobs, weights):
    t = trainer(2, 4, 3, loss="cross_entropy", precision="float64")
    before = weights(t.model)
    t.fit(*blobs, epochs=1, progress=False)
    assert not same(before, weights(t.model))


class Halving:
    """A schedule that halves the rate at each call."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self):
        self.optimizer.param_groups[0]["lr"] /= 2


class Plateau:
    """A schedule that asks for a number to watch."""

    def __init__(self):
        self.seen = []

    def step(self, metrics, epoch=None):
        self.seen.append(metrics)


def test_the_schedule_moves_once_an_epoch(net, line):
    model = net(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.8)
    t = Trainer(model, "mse", optimizer, Halving(optimizer))
    history = t.fit(*line, epochs=3, batch_size=10, progress=False)
    assert list(history["lr"]) == [0.8, 0.4, 0.2]


def test_a_schedule_that_watches_gets_the_validation_loss(net, line):
    model = net(2, 1)
    plateau = Plateau()
    t = Trainer(model, "mse", optim.SGD(model.parameters(), lr=0.1), plateau)
    history = t.fit(*line, epochs=3, validation_split=0.2, progress=False)
    assert plateau.seen == list(history["val_loss"])


def test_threads_are_limited_during_the_fit(trainer, line):
    from threadpoolctl import threadpool_info

    seen = []

    class Look:
        def on_step_end(self, run):
            seen.append({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})

    trainer(2, 1, threads=1).fit(*line, epochs=1, callbacks=Look(), progress=False)
    assert seen == [{1}]


def test_make_step_is_a_plain_step(net, line, weights):
    X, y = line[0], line[1].reshape(-1, 1)
    model, hand = net(2, 1), net(2, 1)
    step = make_step(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
    loss, output = step(ff.from_numpy(X), ff.from_numpy(y))
    by_hand(hand, X, y, [np.arange(50)], lr=0.1)
    assert loss.item() == pytest.approx(float(((output.detach().numpy() - y) ** 2).mean()), rel=1e-5)  # float32 sums
    for a, b in zip(weights(model), weights(hand), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)  # float32


# -- arguments ------------------------------------------------------------------------------------------------


def test_names_stand_for_objects(net, blobs):
    for loss, optimizer in (("cross_entropy", "adam"), ("CrossEntropyLoss", "Adam")):
        t = Trainer(net(2, 3), loss, optimizer)
        assert type(t.loss).__name__ == "CrossEntropyLoss"
        assert type(t.optimizer).__name__ == "Adam"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"loss": "cros_entropy"},
            UnknownNameError,
            "unknown loss 'cros_entropy'\nhint: did you mean 'cross_entropy'?",
        ),
        ({"optimizer": "adm"}, UnknownNameError, "unknown optimizer 'adm'\nhint: did you mean 'adam'?"),
        ({"metrics": ["acuracy"]}, UnknownNameError, "unknown metric 'acuracy'\nhint: did you mean 'accuracy'?"),
        ({"precision": "float23"}, UnknownNameError, "unknown precision 'float23'\nhint: did you mean 'float32'?"),
        ({"threads": 0}, ArgumentError, "threads is 0, expected a whole number of at least 1"),
        ({"seed": 1.5}, ArgumentError, "seed is 1.5, expected a whole number of at least 0"),
        (
            {"loss": nn.MSELoss},
            ArgumentError,
            "Trainer: loss is MSELoss, expected a loss object, a function or a name\nhint: write MSELoss()",
        ),
        (
            {"optimizer": optim.Adam},
            ArgumentError,
            "Trainer: optimizer is Adam, expected an optimiser object or a name\nhint: write Adam(model.parameters())",
        ),
        (
            {"loss": nn.MSELoss(reduction="none")},
            ArgumentError,
            'Trainer: the loss has reduction="none", expected one number\nhint: use reduction="mean"',
        ),
        (
            {"metrics": ["rmse"]},
            ArgumentError,
            "metric 'rmse' compares numbers, but CrossEntropyLoss predicts classes\n"
            "hint: use accuracy, log_loss, roc_auc, f1 or balanced_accuracy",
        ),
        (
            {"metrics": ["roc_auc"], "loss": "mse"},
            ArgumentError,
            "metric 'roc_auc' compares class probabilities, but MSELoss predicts numbers\n"
            "hint: use rmse, mae or r2, or a classification loss",
        ),
        (
            {"metrics": ["accuracy", "accuracy"]},
            ArgumentError,
            "metrics: the name 'accuracy' is taken\nhint: set another function.__name__",
        ),
        ({"model": 3}, ArgumentError, "Trainer: model is int, expected an nn.Module"),
        ({"model": nn.Tanh()}, ArgumentError, "Trainer: Tanh has no parameters to train"),
    ],
)
def test_arguments_that_cannot_be_used(net, arguments, error, message):
    chosen = {"model": net(2, 3), "loss": "cross_entropy", "optimizer": "adam", **arguments}
    with pytest.raises(error) as caught:
        Trainer(**chosen)
    assert str(caught.value) == message


def test_an_optimizer_of_another_model_is_refused(net):
    with pytest.raises(ArgumentError, match="holds none of the model's parameters"):
        Trainer(net(2, 3), "mse", optim.SGD(net(2, 3).parameters(), lr=0.1))


def test_a_softmax_before_cross_entropy_is_named():
    model = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))
    with pytest.warns(UserWarning, match="applies its own softmax"):
        Trainer(model, "cross_entropy", "adam")
