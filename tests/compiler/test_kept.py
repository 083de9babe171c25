"""Programs found again by their graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.compiler import kept, program
from forwardnet.compiler.kept import found_or_made, key_of
from forwardnet.ir.graph import Spec
from forwardnet.jit import trace
from forwardnet.train.purity import is_ours

X = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each program that is built."""
    entries: list[int] = []
    make = program.Native._built
    monkeypatch.setattr(program.Native, "_built", lambda self, *args: entries.append(1) or make(self, *args))
    monkeypatch.setattr(kept, "KEPT", 4)
    monkeypatch.setattr(kept, "_kept", {})
    return entries


def weights(
    *, lr: float = 0.01, epochs: int = 3, rows: int = 50, threads: int = 1, model: Any = None, **adam: Any
) -> Any:
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)) if model is None else model
    trainer = ff.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=lr, **adam), threads=threads)
    trainer.fit(X[:rows], Y[:rows], epochs=epochs, batch_size=16, progress=False)
    return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])


def test_a_second_fit_builds_nothing_and_gives_the_same_bits(built: list[int]) -> None:
    first = weights()
    count = len(built)
    assert count == 2  # full batches, and what is left
    np.testing.assert_array_equal(weights(), first)
    assert not np.array_equal(weights(lr=0.02), first)  # a rate is no constant: the same program
    assert len(built) == count


def test_other_constants_other_shapes_and_other_layers_are_other_programs(built: list[int]) -> None:
    first = weights()
    found = weights(eps=1e-3)
    assert len(built) == 4
    kept._kept.clear()
    np.testing.assert_array_equal(weights(eps=1e-3), found)
    assert not np.array_equal(found, first)
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    assert not np.array_equal(weights(model=model), first)
    assert len(built) == 8


def test_two_fits_may_use_one_program_in_turns(built: list[int]) -> None:
    """Each has an arena of its own, constants included."""
    ff.manual_seed(0)
    trainers = []
    for _ in range(2):
        model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
        trainers.append(ff.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), lr=0.01)))
    alone = []
    for trainer in trainers:
        start = {k: v.clone() for k, v in trainer.model.state_dict().items()}
        trainer.fit(X, Y, epochs=4, batch_size=16, progress=False)
        alone.append([v.numpy().copy() for v in trainer.model.state_dict().values()])
        trainer.model.load_state_dict(start)
        trainer.optimizer.state.clear()
        trainer.epochs_done = trainer.steps_done = 0
    for _ in range(4):
        for trainer in trainers:
            trainer.fit(X, Y, epochs=1, batch_size=16, progress=False)
    for trainer, expected in zip(trainers, alone, strict=True):
        for value, wanted in zip(trainer.model.state_dict().values(), expected, strict=True):
            np.testing.assert_array_equal(value.numpy(), wanted)


def test_constants_are_those_of_the_graph_though_their_tensor_has_changed(built: list[int]) -> None:
    x = ff.tensor([1.0, 1.0])

    def times(values: list[float]) -> Any:
        w = ff.tensor(values)
        compiled = ff.jit(lambda x: x * w)
        found = compiled(x).tolist()
        with ff.no_grad():
            w.mul_(10)
        return found

    assert times([2.0, 3.0]) == [2.0, 3.0]
    assert times([2.0, 3.0]) == [2.0, 3.0]
    assert len(built) == 1


def test_the_oldest_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT", 2)
    monkeypatch.setattr(kept, "_kept", {})
    made: list[int] = []
    for key in (1, 2, 1, 3, 1, 2):
        found_or_made(key, lambda key=key: made.append(key) or key)  # type: ignore[misc]
    assert made == [1, 2, 3, 2]
    assert found_or_made(None, lambda: 5) == 5
    assert list(kept._kept) == [1, 2]


def test_keys_tell_constants_apart_to_the_bit() -> None:
    def key(value: Any) -> Any:
        return key_of(trace(lambda x: [x + value], [Spec((3,), np.dtype("float32"))], []).graph)

    assert key(1.0) == key(1.0) is not None
    different = [key(v) for v in (0.0, -0.0, 1.0, np.nextafter(np.float32(1), np.float32(2)))]
    assert len(set(different)) == 4


class Mine(nn.Module):
    def forward(self, x: Any) -> Any:
        return x


def mine(output: Any, y: Any) -> Any:
    return (output - y).abs().mean()


def test_what_is_ours() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.GELU())
    assert all(is_ours(m) for m in model.modules())
    assert is_ours(optim.Adam(model.parameters())) and is_ours(nn.HuberLoss())
    assert not is_ours(Mine()) and not is_ours(mine) and not is_ours(lambda x: x)
    model[1].custom = mine  # a function of somebody's own in a layer of ours
    assert not is_ours(model[1])
