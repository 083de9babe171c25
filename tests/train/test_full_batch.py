"""L-BFGS, Newton and steepest descent in a Trainer: an epoch is one of their steps over all rows, native or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.optim import L1, L2, MaxNorm
from forwardnet.train.full_batch import FullBatchProgram

NAMES = ["lbfgs", "newton", "steepest_descent"]


def data(n: int = 60) -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    X = draw.standard_normal((n, 4))
    return X, np.sin(X[:, :1]) + 0.5 * X[:, 1:2]


def network(*middle: Any) -> Any:
    ff.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), *middle, nn.Tanh(), nn.Linear(6, 1))


def trainer(optimizer: Any, *, compile: bool = True, middle: Any = (), **options: Any) -> ff.Trainer:
    model = network(*middle)
    made = optimizer if isinstance(optimizer, str) else optimizer(model.parameters())
    return ff.Trainer(model, "mse", made, compile=compile, precision="float64", **options)


def fit(t: ff.Trainer, epochs: int = 4, **options: Any) -> ff.History:
    return t.fit(*data(), epochs=epochs, progress=False, **options)


def weights(t: ff.Trainer) -> Any:
    return np.concatenate([p.detach().numpy().ravel() for p in t.model.parameters()])


def by_hand(make: Any, epochs: int = 4) -> Any:
    """The weights of a loop as people write it."""
    model = network().double()
    optimizer = make(model.parameters())
    X, y = (ff.tensor(a) for a in data())

    def closure() -> Any:
        optimizer.zero_grad()
        loss = nn.MSELoss()(model(X), y)
        if optimizer.asks == "closure":
            loss.backward()
        return loss

    for _ in range(epochs):
        optimizer.step(closure)
    return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])


@pytest.mark.parametrize("flag", [True, False], ids=["compiled", "eager"])
@pytest.mark.parametrize("name", NAMES)
def test_an_epoch_is_a_step_over_all_rows(name: str, flag: bool) -> None:
    t = trainer(name, compile=flag, metrics=["r2"])
    history = fit(t, batch_size=7)
    assert isinstance(t._last_program, FullBatchProgram) and t._last_program.is_native is (flag and name == "lbfgs")
    assert len(history) == 4 == len(history.steps["loss"]) == t.steps_done
    kind = optim.OPTIMIZERS[name]
    # L-BFGS multiplies roundings at each of some eighty directions
    np.testing.assert_allclose(weights(t), by_hand(lambda p: kind(p, **kind.usual)), rtol=1e-6)
    assert (np.diff(history["loss"]) < 0).all()
    measured = t.evaluate(*data())
    assert measured["loss"] == pytest.approx(history["loss"][-1], rel=1e-9)
    assert measured["r2"] == pytest.approx(history["r2"][-1], rel=1e-9)


def test_by_name_it_searches() -> None:
    assert trainer("lbfgs").optimizer.param_groups[0]["line_search_fn"] == "strong_wolfe"
    assert trainer("LBFGS").optimizer.param_groups[0]["line_search_fn"] == "strong_wolfe"
    assert optim.LBFGS(network().parameters()).param_groups[0]["line_search_fn"] is None


def test_it_fits_by_heart_what_descent_does_not_in_as_many_epochs() -> None:
    ends = {}
    for name in ("lbfgs", "newton", "adam"):
        ends[name] = fit(trainer(name), 20)["loss"][-1]
    assert ends["lbfgs"] < 1e-4 and ends["newton"] < 1e-3 and ends["adam"] > 0.05


@pytest.mark.parametrize("name", ["lbfgs", "newton"])
def test_two_fits_continue_as_one(name: str) -> None:
    ends = []
    for parts in ((5,), (2, 3)):
        t = trainer(name)
        for epochs in parts:
            fit(t, epochs)
        ends.append(weights(t))
    np.testing.assert_array_equal(ends[0], ends[1])


def test_penalties_and_constraints() -> None:
    for flag in (True, False):
        t = trainer("lbfgs", compile=flag, penalty=[L2(0.05), MaxNorm(0.6)])
        history = fit(t, 6)
        rows = np.concatenate([p.detach().numpy() for p in t.model.parameters() if p.ndim == 2 and p.shape[0] > 1])
        assert np.sqrt((rows**2).sum(1)).max() <= 0.6 * (1 + 1e-12)
        assert t.evaluate(*data())["loss"] == pytest.approx(history["loss"][-1], rel=1e-9)
    ends = [fit(trainer("lbfgs", compile=flag, penalty=L1(0.01)), 3)["loss"] for flag in (True, False)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)
    assert ends[0][-1] > fit(trainer("lbfgs"), 3)["loss"][-1]


def test_noise_is_the_same_for_every_look_within_an_epoch() -> None:
    """With a loss that changed between two looks no line search could end; the masks change from epoch to epoch."""
    ends = []
    for flag in (True, False):
        t = trainer("lbfgs", compile=flag, middle=[nn.Dropout(0.3)])
        history = fit(t, 3)
        assert t._last_program.is_native is flag
        ends.append(history["loss"])
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-5)  # the searches multiply roundings
    seen = []
    t = trainer("lbfgs", middle=[nn.Dropout(0.3)], compile=False)
    t.model[1].register_forward_hook(lambda module, args, output: seen.append((output == 0).numpy().tobytes()))
    fit(t, 2)
    assert len(seen) > 10 and len({mask for mask in seen if len(mask) == 60 * 6}) == 2  # one for each epoch


def test_running_statistics_follow() -> None:
    ends = []
    for flag in (True, False):
        t = trainer("lbfgs", compile=flag, middle=[nn.BatchNorm1d(6)])
        fit(t, 3)
        state = t.model.state_dict()
        assert int(state["1.num_batches_tracked"]) > 10
        ends.append(state["1.running_mean"].numpy())
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-5, atol=1e-8)


def test_a_divergence_is_named_and_the_start_is_kept() -> None:
    t = trainer(lambda p: optim.LBFGS(p, lr=1e200))  # without a search
    before = weights(t)
    with pytest.raises(ff.TrainingDivergedError, match="training diverged at step 1"):
        fit(t)
    np.testing.assert_array_equal(weights(t), before)
    t = trainer("newton")
    with ff.no_grad():
        t.model[0].weight.fill_(1e300)
        t.model[2].weight.fill_(1e300)
    with pytest.raises(ff.TrainingDivergedError, match="training diverged at step 1"):
        fit(t)


def test_everything_around_it_works() -> None:
    t = trainer("lbfgs")
    stopping = ff.EarlyStopping(patience=2)
    history = t.fit(
        *data(), epochs=50, validation_split=0.3, callbacks=[stopping], progress=False, sample_weight=np.ones(60)
    )
    assert history.stopped == "early stopping" and stopping.best_epoch is not None
    assert "matmul" in t.explain()
    assert trainer("newton") and fit(trainer("newton", compile=False), 1).last["lr"] == 1.0
    eager = trainer("newton")
    fit(eager, 1)
    assert eager.explain() == "every operation ran eagerly, through NumPy"


def test_weights_that_were_changed_between_epochs_are_seen() -> None:
    class Halve(ff.Callback):
        def on_epoch_begin(self, run: Any) -> None:
            with ff.no_grad():
                next(run.model.parameters()).mul_(0.5)

    ends = []
    for flag in (True, False):
        t = trainer("lbfgs", compile=flag)
        fit(t, 3, callbacks=[Halve()])
        ends.append(weights(t))
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-5)


class Peeking(nn.Module):
    def forward(self, x: Any) -> Any:
        return x if float(x.sum().item()) > 0 else -x


def test_what_cannot_be_compiled_runs_eagerly_with_one_warning() -> None:
    t = trainer("lbfgs", middle=[Peeking()])
    with pytest.warns(UserWarning, match="training runs eagerly: item") as caught:
        history = fit(t, 2)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert history["loss"][1] < history["loss"][0]


def test_a_hand_written_step_says_why_it_is_not_compiled() -> None:
    model = network()
    optimizer = optim.LBFGS(model.parameters())
    step = ff.jit(lambda x: model(x).sum(), state=[model, optimizer])
    with pytest.warns(UserWarning, match="the optimiser LBFGS, which has no rule cannot be compiled"):
        step(ff.zeros(2, 4))
