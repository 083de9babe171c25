"""What a compiled function may rely on: whatever changes outside it, in whatever way, it answers as the eager one."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.jit.function import MOST_REMADE


@pytest.fixture
def x() -> Any:
    return ff.tensor([1.0, 2.0, 3.0])


# Ways to write to a tensor of the numbers 1, 2, 3


def by_operation(w: Any) -> None:
    w.mul_(2)


def by_data(w: Any) -> None:
    w.data.mul_(2)


def by_detached(w: Any) -> None:
    w.detach().mul_(2)


def by_part(w: Any) -> None:
    w[1:] = 7.0


def by_numpy(w: Any) -> None:
    w.detach().numpy()[...] = 7.0


def by_assignment(w: Any) -> None:
    w.data = ff.tensor([4.0, 5.0, 6.0])


def by_what_was_assigned(w: Any) -> None:
    other = ff.tensor([4.0, 5.0, 6.0])
    w.data = other
    other.mul_(2)


WAYS = [by_operation, by_data, by_detached, by_part, by_numpy, by_assignment, by_what_was_assigned]


@pytest.mark.parametrize("change", WAYS)
@pytest.mark.parametrize("derived", [lambda w: w, lambda w: w * 2 + 1, lambda w: w.detach(), lambda w: w[:2].sum()])
def test_a_tensor_of_a_closure_is_read_anew(x: Any, change: Any, derived: Any) -> None:
    w = ff.tensor([1.0, 2.0, 3.0])
    compiled = ff.jit(lambda x: x * derived(w))
    for _ in range(2):
        assert compiled(x).tolist() == (x * derived(w)).tolist()
        change(w)
    assert compiled(x).tolist() == (x * derived(w)).tolist()
    assert all(compiled.programs.values())  # natively


def test_arrays_that_tensors_share_are_read_anew(x: Any) -> None:
    for share in (ff.from_numpy, ff.as_tensor):
        array = np.ones(3, np.float32)
        w = share(array)
        compiled = ff.jit(lambda x, w=w: x * w)
        assert compiled(x).tolist() == [1, 2, 3]
        array[:] = 5
        assert compiled(x).tolist() == [5, 10, 15]


@pytest.mark.parametrize("change", WAYS)
def test_a_state_is_read_anew(change: Any) -> None:
    w = ff.tensor([1.0, 2.0, 3.0])
    compiled = ff.jit(lambda x: x * w, state=[w])
    x = ff.ones(3)
    assert compiled(x).tolist() == w.tolist()
    change(w)
    assert compiled(x).tolist() == w.tolist()
    assert len(compiled.programs) == 1 and compiled.remade == 0


def test_a_model_that_is_trained_meanwhile() -> None:
    ff.manual_seed(0)
    model = nn.Linear(3, 2)
    predict = ff.jit(model.forward)
    x, optimizer = ff.randn(5, 3), optim.SGD(model.parameters(), lr=0.5)
    for _ in range(3):
        with ff.no_grad():
            np.testing.assert_allclose(predict(x).numpy(), model(x).numpy(), rtol=1e-5, atol=1e-6)
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
    predict(x).sum().backward()  # where gradients are recorded, they reach the weights
    assert model.weight.grad is not None


def test_what_changes_at_every_call_ends_eagerly_and_says_what_to_do(x: Any) -> None:
    w = ff.tensor(0.0)
    compiled = ff.jit(lambda x: x * w)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(MOST_REMADE + 4):
            w.fill_(number)
            assert compiled(x).tolist() == (x * w).tolist()
    assert [str(w.message).split(": ")[1] for w in caught] == [
        "tensors that it reads change often; name them in `state`"
    ]
    assert caught[0].filename == __file__


def test_attributes_of_modules_are_read_anew(x: Any) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor: float = 2.0

        def forward(self, x: Any) -> Any:
            return x * self.factor

    model = Scaled()
    compiled = ff.jit(model.forward, state=[model])
    for factor in (2.0, 3.0, 3, -0.0):
        model.factor = factor
        assert compiled(x).tolist() == model(x).tolist()


# Arguments


def test_constants_of_other_types_are_other_programs() -> None:
    compiled = ff.jit(lambda x, k: x * k)
    x = ff.tensor([1, 2])
    for k in (1, 1.0, True, 2, 2.0):
        assert compiled(x, k).dtype is (x * k).dtype
        assert compiled(x, k).tolist() == (x * k).tolist()
    signs = ff.jit(lambda x, k: x / k)
    assert signs(ff.ones(1), 0.0).tolist() == [np.inf]
    assert signs(ff.ones(1), -0.0).tolist() == [-np.inf]


def test_tensors_inside_of_arguments(x: Any) -> None:
    compiled = ff.jit(lambda pair, *, options: pair[0] * options["scale"] + pair[1] * options["by"][0])
    for number in (1.0, 2.0):
        y, scale = x + number, ff.tensor(number)
        for pair in ((x, y), [x, y]):
            options = {"scale": scale, "by": (3.0,)}
            got = compiled(pair, options=options)
            assert got.tolist() == (x * scale + y * 3.0).tolist()
        scale.mul_(5)
        assert compiled((x, y), options=options).tolist() == (x * scale + y * 3.0).tolist()
    assert len(compiled.programs) == 2  # a tuple and a list


def test_named_tuples_of_tensors(x: Any) -> None:
    class Pair(NamedTuple):
        a: Any
        b: Any

    compiled = ff.jit(lambda pair: pair.a - pair.b)
    for number in (1.0, 2.0):
        assert compiled(Pair(x, x * number)).tolist() == (x - x * number).tolist()
    assert len(compiled.programs) == 1


def test_too_many_constants_end_eagerly_and_say_what_to_do(x: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("forwardnet.jit.function"), "MOST_PROGRAMS", 3)
    compiled = ff.jit(lambda x, k: x * k)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for k in range(6):
            assert compiled(x, k).tolist() == (x * k).tolist()
    assert len(compiled.programs) == 3
    assert [w.filename for w in caught] == [__file__] and "pass numbers that change as tensors" in str(
        caught[0].message
    )


def test_an_argument_that_nothing_can_be_said_of_runs_eagerly(x: Any) -> None:
    compiled = ff.jit(lambda x, factors: x * factors[0])
    factors = np.array([2.0])
    with pytest.warns(UserWarning, match="an argument of type ndarray"):
        assert compiled(x, factors).tolist() == [2, 4, 6]
    factors[0] = 3
    assert compiled(x, factors).tolist() == [3, 6, 9]


def test_a_function_that_changes_its_argument_runs_eagerly(x: Any) -> None:
    for change in (lambda x: x.mul_(2), lambda x: x[0].fill_(5), lambda x: (x + 1, x.add_(1))[0]):
        compiled, own, other = ff.jit(change), x.clone(), x.clone()
        with pytest.warns(UserWarning, match="a change of an argument"):
            assert compiled(own).tolist() == change(other).tolist()
        assert own.tolist() == other.tolist()


def test_the_gradient_of_an_argument(x: Any) -> None:
    slope = ff.jit(lambda x: ff.autograd.grad((x * x * x).sum(), x)[0], state=[nn.Linear(1, 1)])
    x.requires_grad_()
    np.testing.assert_allclose(slope(x).tolist(), [3, 12, 27], rtol=1e-6)
    assert list(slope.programs.values()) != [None]


# What is written outside


def test_a_function_that_writes_to_a_tensor_nobody_named_runs_eagerly(x: Any) -> None:
    for function in (lambda w, x: w.add_(1) * x, lambda w, x: x * 2 + w[0].add_(1), lambda w, x: (w.add_(x), x * 1)[1]):
        w = ff.zeros(3)
        compiled = ff.jit(lambda x, w=w, f=function: f(w, x))
        with pytest.warns(UserWarning, match="a change of a tensor that is neither made there nor named|not known yet"):
            compiled(x)
        once = w.clone()
        compiled(x)
        expected = ff.zeros(3)
        function(expected, x)
        assert once.tolist() == expected.tolist()  # tracing has left nothing behind
        function(expected, x)
        assert w.tolist() == expected.tolist()


def test_tensors_made_inside_may_be_written(x: Any) -> None:
    def function(x: Any) -> Any:
        total = ff.zeros(3)
        total += 2
        return total + x, total

    compiled = ff.jit(function)
    for _ in range(2):
        a, b = compiled(x)
        assert (a.tolist(), b.tolist()) == ([3, 4, 5], [2, 2, 2])
    assert all(compiled.programs.values())


@pytest.mark.parametrize("has_gradients", [False, True])
def test_gradients_that_add_up_are_eager(has_gradients: bool) -> None:
    """A step without `zero_grad`, whose gradients would have to be carried from call to call."""

    def course(is_compiled: bool) -> list[float]:
        ff.manual_seed(0)
        model = nn.Linear(2, 1)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        x = ff.ones(3, 2)
        if has_gradients:
            model(x).sum().backward()

        def step(x: Any) -> Any:
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        run = ff.jit(step, state=[model, optimizer]) if is_compiled else step
        return [run(x).item() for _ in range(4)]

    with pytest.warns(UserWarning, match="not the same each time|not known yet|a change of a tensor"):
        assert course(True) == course(False)


def test_one_function_in_many_threads() -> None:
    compiled = ff.jit(lambda x, y: (x * 2 + y, x - y))

    def call(number: int) -> bool:
        x, y = ff.full((64,), float(number)), ff.arange(64.0)
        for _ in range(30):
            a, b = compiled(x, y)
            if a.tolist() != (x * 2 + y).tolist() or b.tolist() != (x - y).tolist():
                return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(call, range(12)))


# Training


@pytest.mark.parametrize("change", [by_data, by_numpy, by_operation])
def test_a_callback_that_changes_weights_changes_the_training(change: Any) -> None:
    """As one that keeps weights within bounds does after every epoch."""

    class Change(ff.train.Callback):
        def on_epoch_end(self, run: Any) -> None:
            with ff.no_grad():
                change(next(iter(model.parameters())))

    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 3)).astype("float32"), np.arange(40) % 2
    losses = []
    for is_compiled in (False, True):
        ff.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 2))
        trainer = ff.train.Trainer(
            model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.01), compile=is_compiled
        )
        history = trainer.fit(X, y, epochs=4, batch_size=16, progress=False, callbacks=[Change()])
        losses.append(history.epochs["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)  # twelve steps in float32


@pytest.mark.parametrize("what", ["weights of the loss", "an attribute of the loss", "an attribute of the model"])
def test_a_callback_that_changes_what_the_step_reads_changes_the_training(what: str) -> None:
    class Sharp(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.beta = nn.Linear(3, 2), 1.0

        def forward(self, x: Any) -> Any:
            return self.layer(x) * self.beta

    class Change(ff.train.Callback):
        def on_epoch_end(self, run: Any) -> None:
            if what == "weights of the loss":
                weights.mul_(ff.tensor([3.0, 0.5]))
            elif what == "an attribute of the loss":
                loss.label_smoothing += 0.1
            else:
                model.beta *= 1.5

    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 3)).astype("float32"), np.arange(40) % 2
    losses = []
    for is_compiled in (False, True):
        ff.manual_seed(0)
        model, weights = Sharp(), ff.tensor([1.0, 2.0])
        loss = nn.CrossEntropyLoss(weight=weights)
        trainer = ff.train.Trainer(model, loss, optim.SGD(model.parameters(), lr=0.01), compile=is_compiled)
        history = trainer.fit(X, y, epochs=4, batch_size=16, progress=False, callbacks=[Change()])
        losses.append(history.epochs["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)
    assert abs(losses[0][3] / losses[0][0] - 1) > 0.01  # the change is felt
