"""Training through native code: the same course as the eager program, and everything around it still works."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.train import Callback, EarlyStopping, Trainer, TrainingDivergedError
from forwardnet.train.compiled import CompiledProgram
from forwardnet.train.pace import Pace
from forwardnet.train.program import EagerProgram

# float32 curves over some dozen steps: sums in another order, and fused multiply-adds.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def digits_like(n=150, width=20, classes=5):
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, n)
    return (rng.standard_normal((classes, width))[y] + 0.8 * rng.standard_normal((n, width))).astype("float32"), y


def make(compile, optimizer=lambda p: optim.Adam(p, lr=0.01), loss="cross_entropy", **options):
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 24), nn.ReLU(), nn.Linear(24, 5))
    return Trainer(model, loss, optimizer(model.parameters()), compile=compile, **options)


def both(fit, **options):
    """The same fit compiled and eager."""
    trainers = [make(flag, **options) for flag in (True, False)]
    return trainers, [fit(t) for t in trainers]


def assert_same_course(trainers, histories):
    np.testing.assert_allclose(histories[0].steps["loss"], histories[1].steps["loss"], **CLOSE)
    assert list(histories[0].epochs) == list(histories[1].epochs)
    for name in set(histories[0].epochs) - {"seconds"}:
        np.testing.assert_allclose(histories[0][name], histories[1][name], **CLOSE)
    for a, b in zip(*(t.model.parameters() for t in trainers), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), **CLOSE)


def program_of(trainer, X, y):
    """The program that a fit would use."""
    arrays, _ = trainer._data(X, y, None, 0.0, None)
    from forwardnet.train.divergence import Watch

    watch, pace = Watch(trainer.model, trainer.optimizer, step=0), Pace(None, trainer.optimizer, 1, 5)
    return trainer._program(trainer.loss, arrays, watch, pace, 32)


def test_native_code_is_the_default():
    assert isinstance(program_of(make(True), *digits_like()), CompiledProgram)
    assert isinstance(program_of(make(False), *digits_like()), EagerProgram)


@pytest.mark.parametrize("metrics", [(), ("accuracy",)], ids=["plain", "metrics"])
def test_the_course_is_the_eager_one(metrics):
    """With a smaller last batch, validation and metrics of the rows as they were learnt from."""
    fit = lambda t: t.fit(*digits_like(), epochs=6, batch_size=32, validation_split=0.2, progress=False)  # noqa: E731
    assert_same_course(*both(fit, metrics=list(metrics)))


OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "groups": lambda p: (lambda ps: optim.Adam([{"params": ps[:2], "lr": 0.02}, {"params": ps[2:]}], lr=0.005))(
        list(p)
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_over_a_hundred_steps(name):
    fit = lambda t: t.fit(*digits_like(), epochs=20, batch_size=30, progress=False)  # noqa: E731
    trainers, histories = both(fit, optimizer=OPTIMIZERS[name])
    np.testing.assert_allclose(histories[0].steps["loss"], histories[1].steps["loss"], rtol=2e-3, atol=1e-4)
    states = [t.optimizer.state_dict()["state"] for t in trainers]
    assert [s.get("step") for s in states[0].values()] == [s.get("step") for s in states[1].values()]


def test_sample_weights():
    weight = np.random.default_rng(1).uniform(0.1, 2, 150)
    fit = lambda t: t.fit(*digits_like(), epochs=3, batch_size=40, sample_weight=weight, progress=False)  # noqa: E731
    assert_same_course(*both(fit))


def test_float64_agrees_to_its_own_precision():
    fit = lambda t: t.fit(*digits_like(), epochs=4, batch_size=32, progress=False)  # noqa: E731
    _, histories = both(fit, precision="float64")
    np.testing.assert_allclose(histories[0].steps["loss"], histories[1].steps["loss"], rtol=1e-11)


def test_one_row_at_a_time_and_all_rows_at_once():
    for size in (1, 150):
        fit = lambda t, size=size: t.fit(*digits_like(), epochs=1, batch_size=size, progress=False)  # noqa: E731
        assert_same_course(*both(fit, optimizer=lambda p: optim.SGD(p, lr=0.01)))


def test_two_fits_continue_as_one_and_twice_gives_the_same_bits():
    runs = []
    for parts in ((5,), (2, 3), (5,)):
        t = make(True)
        for epochs in parts:
            t.fit(*digits_like(), epochs=epochs, batch_size=32, progress=False)
        runs.append([p.detach().numpy().tobytes() for p in t.model.parameters()])
    assert runs[0] == runs[1] == runs[2]


def test_a_schedule_changes_the_rate():
    class Halve:
        def __init__(self, optimizer):
            self.optimizer = optimizer

        def step(self):
            self.optimizer.param_groups[0]["lr"] *= 0.5

    histories = []
    for flag in (True, False):
        t = make(flag)
        t.scheduler = Halve(t.optimizer)
        histories.append(t.fit(*digits_like(), epochs=5, batch_size=32, progress=False))
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], **CLOSE)
    np.testing.assert_array_equal(histories[0]["lr"], 0.01 * 0.5 ** np.arange(5))


def test_callbacks_see_and_change_the_weights():
    class Look(Callback):
        def __init__(self):
            self.seen = []

        def on_step_end(self, run):
            self.seen.append(float(next(run.model.parameters()).abs().sum().item()))
            if run.step == 3:
                with ff.no_grad():
                    next(run.model.parameters()).mul_(0.5)

    looks = [Look(), Look()]
    trainers = [make(True), make(False)]
    for t, look in zip(trainers, looks, strict=True):
        t.fit(*digits_like(), epochs=2, batch_size=32, callbacks=[look], progress=False)
    np.testing.assert_allclose(looks[0].seen, looks[1].seen, **CLOSE)
    assert len(set(looks[0].seen)) == len(looks[0].seen) == 10


def test_a_changed_setting_of_the_optimizer_is_seen():
    class Decay(Callback):
        def on_epoch_end(self, run):
            run.optimizer.param_groups[0]["weight_decay"] = 0.5

    fit = lambda t: t.fit(*digits_like(), epochs=3, batch_size=50, callbacks=[Decay()], progress=False)  # noqa: E731
    assert_same_course(*both(fit))


def test_early_stopping_restores_the_best_weights():
    X, y = digits_like()
    t = make(True, optimizer=lambda p: optim.Adam(p, lr=0.05))
    stopping = EarlyStopping(patience=3)
    history = t.fit(
        X,
        y,
        epochs=60,
        batch_size=32,
        validation_data=(X[:40], y[::-1][:40].copy()),
        callbacks=[stopping],
        progress=False,
    )
    assert history.stopped == "early stopping"
    best = t.evaluate(X[:40], y[::-1][:40].copy())["loss"]
    assert best == pytest.approx(history["val_loss"].min(), rel=1e-6)


def test_ctrl_c_keeps_what_was_learnt():
    class Interrupt(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                raise KeyboardInterrupt

    t = make(True)
    history = t.fit(*digits_like(), epochs=9, batch_size=32, callbacks=[Interrupt()], progress=False)
    assert history.stopped == "interrupted" and len(history) == 2
    assert t.evaluate(*digits_like())["loss"] < history["loss"][0]


def test_divergence_is_named_and_the_last_good_weights_are_kept():
    X, y = digits_like()
    t = make(True, optimizer=lambda p: optim.SGD(p, lr=1e4), loss="cross_entropy")
    start = [p.detach().numpy().copy() for p in t.model.parameters()]
    with pytest.raises(TrainingDivergedError) as caught:
        t.fit(X * 1e15, y, epochs=20, batch_size=32, progress=False)
    assert caught.value.tensor and caught.value.step >= 1
    assert len(t.history.steps["loss"]) == caught.value.step - 1
    assert all(np.isfinite(p.detach().numpy()).all() for p in t.model.parameters())
    if caught.value.step == 1:
        assert all((a == b.detach().numpy()).all() for a, b in zip(start, t.model.parameters(), strict=True))


class Shuffling(nn.Module):
    def forward(self, x):
        return x[:, ff.randperm(8)]


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls, self.log = 0, []

    def forward(self, x):
        self.calls += 1
        self.log.append(len(x))
        return x


class Peeking(nn.Module):
    def forward(self, x):
        return x if float(x.sum().item()) > 0 else -x


class Whitening(nn.Module):
    def forward(self, x):
        fixed = x.detach()
        return x @ (fixed.t() @ fixed / len(x) + ff.eye(8)).inverse()


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Shuffling, "random numbers drawn inside the function"),
        (Counting, "a Counting that changes its own attributes"),
        (Peeking, "item"),
        (Whitening, "op inverse"),
    ],
)
def test_what_cannot_be_compiled_runs_eagerly_with_one_warning(layer, reason):
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 8), layer(), nn.Linear(8, 5))
    t = Trainer(model, "cross_entropy", "adam")
    with pytest.warns(UserWarning, match=f"training runs eagerly: .*{reason}") as caught:
        history = t.fit(*digits_like(), epochs=2, batch_size=50, progress=False)
    assert len([w for w in caught if "eagerly" in str(w.message)]) == 1
    assert history["loss"][1] < history["loss"][0]
    if layer is Counting:  # the calls of the trace were taken back; the rest are those of the fit
        assert model[1].log.count(50) == 6


def test_hooks_are_honoured():
    t = make(True)
    seen = []
    handle = t.model[0].register_forward_hook(lambda module, args, output: seen.append(len(output)))
    with pytest.warns(UserWarning, match="a model with hooks"):
        t.fit(*digits_like(), epochs=1, batch_size=50, progress=False)
    handle.remove()
    assert seen.count(50) == 3


WITHOUT = """
import sys, warnings
sys.modules["llvmlite"] = None
import numpy as np, forwardnet as ff
from forwardnet import nn
model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))
X = np.random.default_rng(0).standard_normal((40, 2)).astype("float32")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    history = ff.Trainer(model, "cross_entropy", "adam").fit(X, (X[:, 0] > 0).astype(int), epochs=3, progress=False)
print(len(caught), caught[0].message, len(history))
"""


def test_without_llvmlite_training_runs_eagerly_and_says_so_in_one_line():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1 training runs eagerly: no native code here (ModuleNotFoundError")
    assert done.stdout.strip().endswith(" 3") and done.stdout.count("\n") == 1


def test_parameters_that_the_loss_does_not_reach_stay():
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            ff.manual_seed(0)
            self.unused, self.used = nn.Linear(3, 3), nn.Linear(20, 5)

        def forward(self, x):
            return self.used(x)

    model = Unused()
    before = model.unused.weight.detach().numpy().copy()
    t = Trainer(model, "cross_entropy", optim.AdamW(model.parameters(), lr=0.1))
    t.fit(*digits_like(), epochs=2, progress=False)
    np.testing.assert_array_equal(model.unused.weight.detach().numpy(), before)
    steps = [state["step"] for state in t.optimizer.state_dict()["state"].values()]
    assert sorted(steps) == [0, 0, 6, 6]  # 150 rows in batches of 64, twice


def test_explain_lists_the_kernels_and_what_was_fused():
    t = make(True)
    with pytest.raises(ff.errors.ArgumentError, match="nothing has been trained yet"):
        t.explain()
    t.fit(*digits_like(), epochs=1, batch_size=50, progress=False)
    text = t.explain()
    lines = text.splitlines()
    assert "peak is" in lines[0] and lines[-1].split()[0] == "all"
    assert any("matmul" in line and "add relu" in line for line in lines)  # bias and activation behind the product
    assert any("matmul" in line and "sqrt" in line for line in lines)  # Adam behind the gradient of the weights
    eager = make(False)
    eager.fit(*digits_like(), epochs=1, batch_size=50, progress=False)
    assert eager.explain() == "every operation ran eagerly, through NumPy"


# Epochs between which nobody looks at the weights


class Looking(Callback):
    """Looks at the weights after each epoch, so that they must be there."""

    def __init__(self):
        self.seen = []

    def on_epoch_end(self, run):
        self.seen.append(bits_of(run.model))


def bits_of(model):
    return b"".join(v.numpy().tobytes() for v in model.state_dict().values())


def drawing_net():
    ff.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 5))


def test_weights_nobody_looks_at_are_the_same_ones():
    X, y = digits_like()
    kinds = {}
    for looks in (False, True):
        model = drawing_net()
        optimizer = ff.optim.Adam(model.parameters(), lr=0.01)
        trainer, looking = ff.Trainer(model, "cross_entropy", optimizer), Looking()
        for epochs in (3, 2):  # a second fit begins with what the first one left
            history = trainer.fit(
                X, y, epochs=epochs, batch_size=16, callbacks=[looking] if looks else [], progress=False
            )
        states = [v.tolist() if hasattr(v, "tolist") else v for s in optimizer.state.values() for v in s.values()]
        kinds[looks] = bits_of(model), history.steps["loss"].tolist(), states
    assert kinds[False] == kinds[True]
    assert len(looking.seen) == 5 and looking.seen[-1] == kinds[True][0] and len(set(looking.seen)) == 5


def test_a_fit_that_is_interrupted_leaves_the_weights_it_has_reached(monkeypatch):
    X, y = digits_like()
    model, other = drawing_net(), drawing_net()
    trainer = ff.Trainer(model, "cross_entropy", "adam")
    real = CompiledProgram.run_epoch

    def third_is_interrupted(self, batches, after_step, *, stays=False):
        assert stays
        if self._watch.epoch == 3:
            raise KeyboardInterrupt
        return real(self, batches, after_step, stays=stays)

    monkeypatch.setattr("forwardnet.train.blocks.BLOCK_WORK", 0)  # one epoch for each call
    monkeypatch.setattr(CompiledProgram, "run_epoch", third_is_interrupted)
    history = trainer.fit(X, y, epochs=9, batch_size=16, progress=False)
    assert history.stopped == "interrupted" and len(history) == 2
    monkeypatch.undo()
    ff.Trainer(other, "cross_entropy", "adam").fit(X, y, epochs=2, batch_size=16, progress=False)
    assert bits_of(model) == bits_of(other)
