"""Native programs against the interpreter: the same step, from the same state, on the same batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.compiler.program import Native, Signature

from .steps import interpreted, network, traced_step

STEPS = 6
# float32: a step's sums differ in order and fused roundings; six steps of a small rate keep that to a few hundred ulp.
CLOSE = {"rtol": 2e-4, "atol": 2e-5}


def run_both(model: nn.Module, loss: Any, optimizer: optim.Optimizer, X: Any, y: Any, batch: int) -> None:
    """Six steps natively and by the interpreter; losses and all states must agree."""
    traced = traced_step(model, loss, optimizer, X[:batch], y[:batch])
    native = Native(traced.graph, Signature(traced.arguments, traced.states, loss=0))
    states = [np.array(cell.read()) for cell in traced.cells]
    for number, state in enumerate(states):
        native.set_input(number, state)
    rng = np.random.default_rng(1)
    order = np.concatenate([rng.permutation(len(X))[:batch] for _ in range(STEPS)]).astype(np.int64)
    expected = []
    for step in range(STEPS):
        rows = order[step * batch : (step + 1) * batch]
        results, states = interpreted(traced, states, (X[rows], y[rows]))
        expected.append(float(results[0]))
    losses = native.run([X, y], order, STEPS)
    np.testing.assert_allclose(losses, expected, **CLOSE)
    for number in traced.states:
        np.testing.assert_allclose(native.state(number, states[number].shape), states[number], **CLOSE)


def data(n: int, width: int, classes: int, dtype: str = "float32") -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, width)).astype(dtype), rng.integers(0, classes, n)


# Sizes round the lane count: vectors with a tail, a single element, exactly full, one more.
SIZES = [
    ([4, 8, 3], 5),
    ([1, 1, 2], 1),
    ([2, 20, 2], 200),
    ([3, 16, 17, 2], 16),
    ([15, 31, 33, 5], 17),
    ([16, 16, 16], 16),
    ([7, 9, 63, 65, 10], 33),
    ([64, 128, 10], 64),
    ([129, 127, 2], 31),
]


@pytest.mark.parametrize(("sizes", "batch"), SIZES, ids=str)
def test_steps_of_networks_of_many_sizes(sizes: list[int], batch: int) -> None:
    X, y = data(batch + 7, sizes[0], sizes[-1])
    model = network(sizes)
    run_both(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01), X, y, batch)


@pytest.mark.parametrize("activation", [nn.Tanh, nn.Sigmoid, nn.ReLU, nn.LeakyReLU, nn.Softmax, nn.Identity])
def test_activations(activation: Any) -> None:
    X, y = data(40, 5, 3)
    model = network([5, 12, 12, 3], activation)
    run_both(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), X, y, 20)


OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.05),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9),
    "nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "dampening": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.5),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "amsgrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=0.1),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str) -> None:
    X, y = data(40, 6, 4)
    model = network([6, 10, 4], nn.Tanh)
    run_both(model, nn.CrossEntropyLoss(), OPTIMIZERS[name](model.parameters()), X, y, 24)


LOSSES = {
    "mse": (nn.MSELoss(), lambda n: np.random.default_rng(2).standard_normal((n, 3)).astype("float32")),
    "mse_sum": (nn.MSELoss(reduction="sum"), lambda n: np.random.default_rng(2).standard_normal((n, 3)).astype("f4")),
    "l1": (nn.L1Loss(), lambda n: np.random.default_rng(2).standard_normal((n, 3)).astype("float32")),
    "bce": (nn.BCEWithLogitsLoss(), lambda n: np.random.default_rng(2).integers(0, 2, (n, 3)).astype("float32")),
    "soft": (nn.CrossEntropyLoss(), lambda n: np.random.default_rng(2).dirichlet(np.ones(3), n).astype("float32")),
    "smooth": (nn.CrossEntropyLoss(label_smoothing=0.1), lambda n: np.random.default_rng(2).integers(0, 3, n)),
    "weighted": (
        nn.CrossEntropyLoss(weight=ff.tensor([1.0, 2.0, 0.5])),
        lambda n: np.random.default_rng(2).integers(0, 3, n),
    ),
    "ignored": (nn.CrossEntropyLoss(), lambda n: np.where(np.arange(n) % 5 == 0, -100, np.arange(n) % 3)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str) -> None:
    loss, targets = LOSSES[name]
    X = np.random.default_rng(0).standard_normal((30, 4)).astype("float32")
    model = network([4, 9, 3], nn.Tanh)
    rate = 0.002 if name == "mse_sum" else 0.05  # a sum over 54 terms
    run_both(model, loss, optim.SGD(model.parameters(), lr=rate), X, targets(30), 18)


def test_one_output_column() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 3)).astype("float32")
    y = X.sum(1, keepdims=True)
    model = network([3, 20, 1], nn.Tanh)
    run_both(model, nn.MSELoss(), optim.Adam(model.parameters(), lr=0.01), X, y, 25)


def test_float64() -> None:
    X, y = data(40, 5, 3, "float64")
    model = network([5, 12, 3], nn.Tanh).double()
    traced = traced_step(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01), X[:20], y[:20])
    native = Native(traced.graph, Signature(traced.arguments, traced.states, loss=0))
    states = [np.array(cell.read()) for cell in traced.cells]
    for number, state in enumerate(states):
        native.set_input(number, state)
    results, after = interpreted(traced, states, (X[:20], y[:20]))
    losses = native.run([X, y], np.arange(20), 1)
    assert losses[0] == pytest.approx(float(results[0]), rel=1e-14)  # a few ulp of float64
    for number in traced.states:
        np.testing.assert_allclose(native.state(number, after[number].shape), after[number], rtol=1e-12, atol=1e-14)


def test_a_shared_layer_sums_its_gradients() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            ff.manual_seed(0)
            self.layer, self.out = nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, x: Any) -> Any:
            return self.out(self.layer(self.layer(x).tanh()).tanh() + x)

    X, y = data(30, 6, 3)
    model = Twice()
    run_both(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01), X, y, 15)


def test_same_bits_twice_and_records() -> None:
    X, y = data(64, 5, 3)
    runs = []
    for _ in range(2):
        model = network([5, 12, 3])
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        traced = traced_step(model, nn.CrossEntropyLoss(), optimizer, X[:16], y[:16])
        native = Native(traced.graph, Signature(traced.arguments, traced.states, loss=0, record=1))
        for number, cell in enumerate(traced.cells):
            native.set_input(number, cell.read())
        records = np.empty((64, 3), np.float32)
        losses = native.run([X, y], np.arange(64), 4, records)
        runs.append((losses, records, *(native.state(i, c.spec().shape) for i, c in enumerate(traced.cells))))
    for a, b in zip(*runs, strict=True):
        assert a.tobytes() == b.tobytes()
    first = network([5, 12, 3])(ff.from_numpy(X[:16])).detach().numpy()
    np.testing.assert_allclose(runs[0][1][:16], first, rtol=1e-5, atol=1e-6)  # before any update: sums of 12 terms


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    X, y = data(64, 5, 3)
    X[40] = np.inf
    model = network([5, 12, 3])
    traced = traced_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), X[:16], y[:16])
    native = Native(traced.graph, Signature(traced.arguments, traced.states, loss=0))
    for number, cell in enumerate(traced.cells):
        native.set_input(number, cell.read())
    losses = native.run([X, y], np.arange(64), 4)
    assert len(losses) == 3 and np.isfinite(losses[:2]).all() and not np.isfinite(losses[2])


def all_bits(X: Any, y: Any, sizes: list[int], batch: int, most_threads: int) -> tuple[int, list[bytes]]:
    model = network(sizes, nn.Tanh)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    traced = traced_step(model, nn.CrossEntropyLoss(), optimizer, X[:batch], y[:batch])
    signature = Signature(traced.arguments, traced.states, loss=0, record=1)
    native = Native(traced.graph, signature, most_threads=most_threads)
    for number, cell in enumerate(traced.cells):
        native.set_input(number, cell.read())
    records = np.empty((4 * batch, sizes[-1]), np.float32)
    losses = native.run([X, y], np.arange(4 * batch), 4, records)
    states = [native.state(i, c.spec().shape) for i, c in enumerate(traced.cells)]
    return native.threads, [losses.tobytes(), records.tobytes(), *(s.tobytes() for s in states)]


@pytest.mark.parametrize(("sizes", "batch"), [([100, 65, 48, 3], 48), ([33, 40, 2], 100), ([300, 17, 10], 33)], ids=str)
def test_the_same_bits_for_any_number_of_threads(sizes: list[int], batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kernel is shared, however small, by one, two, three and four threads."""
    monkeypatch.setattr("forwardnet.compiler.module.PRODUCT_WORK", 0)
    monkeypatch.setattr("forwardnet.compiler.module.VECTOR_WORK", 0)
    monkeypatch.setattr("forwardnet.compiler.program.WORK_OF_A_THREAD", 1.0)
    X, y = data(4 * batch, sizes[0], sizes[-1])
    results = [all_bits(X, y, sizes, batch, n) for n in (1, 2, 3, 4)]
    assert [n for n, _ in results] == [1, 2, 3, 4]
    for _, bits in results[1:]:
        assert bits == results[0][1]


def test_a_small_step_is_not_shared_and_a_large_one_is() -> None:
    for sizes, batch, shared in (([20, 64, 2], 32, False), ([200, 256, 10], 128, True)):
        X, y = data(batch, sizes[0], sizes[-1])
        model = network(sizes)
        traced = traced_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), X, y)
        native = Native(traced.graph, Signature(traced.arguments, traced.states, loss=0), most_threads=2)
        assert (native.threads == 2) is shared
