"""Optimisers against PyTorch, step by step over fifty steps of a network in float64."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from optim.by_the_book import VARIANTS

torch = pytest.importorskip("torch", reason="PyTorch is not installed: run `make test-torch`")
pytestmark = pytest.mark.torch

STEPS = 50
THEIRS = [(name, options) for name, options in VARIANTS if name not in ("lion", "muon")]  # what PyTorch has
NAMES = {"sgd": "SGD", "rmsprop": "RMSprop", "nadam": "NAdam", "radam": "RAdam", "adamw": "AdamW", "muon": "Muon"}


@pytest.fixture(autouse=True)
def _in_float64() -> Any:
    """What their NAdam remembers as a number has the default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def pair(sizes: tuple[int, ...] = (6, 8, 3), bias: bool = True) -> tuple[Any, Any]:
    """The same network twice, in float64."""
    nets = []
    for lib in (ff, torch):
        layers: list[Any] = []
        for n_in, n_out in itertools.pairwise(sizes):
            layers += [lib.nn.Linear(n_in, n_out, bias=bias), lib.nn.Tanh()]
        nets.append(lib.nn.Sequential(*layers[:-1]).double())
    draw = np.random.default_rng(0)
    for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        start = 0.5 * draw.normal(size=tuple(p.shape))
        with ff.no_grad(), torch.no_grad():
            p.copy_(ff.tensor(start))
            q.copy_(torch.tensor(start))
    return nets[0], nets[1]


def data() -> tuple[Any, Any]:
    draw = np.random.default_rng(1)
    return draw.normal(size=(40, 6)), draw.normal(size=(40, 3))


def step(lib: Any, net: Any, optimizer: Any, t: int) -> float:
    """One step on a mini-batch of eight rows; returns its loss."""
    X, y = data()
    rows = np.arange(8 * t, 8 * t + 8) % 40
    optimizer.zero_grad()
    loss = lib.nn.MSELoss()(net(lib.tensor(X[rows])), lib.tensor(y[rows]))
    loss.backward()
    optimizer.step()
    return float(loss.item())


def assert_same_course(ours: Any, theirs: Any, nets: tuple[Any, Any], rtol: float) -> None:
    for t in range(STEPS):
        losses = step(ff, nets[0], ours, t), step(torch, nets[1], theirs, t)
        assert losses[0] == pytest.approx(losses[1], rel=rtol)
        for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=rtol, atol=rtol * 1e-3)


@pytest.mark.parametrize(("name", "options"), THEIRS, ids=[f"{n}-{'-'.join(o) or 'plain'}" for n, o in THEIRS])
def test_fifty_steps(name: str, options: dict[str, Any]) -> None:
    kind = NAMES.get(name, name.capitalize())
    nets = pair()
    ours, theirs = (
        getattr(lib.optim, kind)(net.parameters(), lr=0.02, **options)
        for lib, net in zip((ff, torch), nets, strict=True)
    )
    # Roundings of 1e-16, which roots of small second moments multiply; the promise is 1e-6.
    assert_same_course(ours, theirs, nets, 1e-8)


MUON = [options for name, options in VARIANTS if name == "muon" and not any(key.startswith("aux") for key in options)]


@pytest.mark.parametrize("options", MUON, ids=[str(i) for i in range(len(MUON))])
@pytest.mark.parametrize("sizes", [(6, 8, 3), (6, 4, 3)], ids=str)
def test_fifty_steps_of_muon(options: dict[str, Any], sizes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their iteration rounds to 16 bits; without that, the numbers are ours."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self.clone())
    nets = pair(sizes, bias=False)
    ours, theirs = (
        lib.optim.Muon(net.parameters(), lr=0.02, **options) for lib, net in zip((ff, torch), nets, strict=True)
    )
    # The quintic multiplies a rounding of a small singular value by up to 3.4 five times, every step.
    assert_same_course(ours, theirs, nets, 1e-8)


def test_steps_of_muon_in_sixteen_bits_are_near() -> None:
    nets = pair(bias=False)
    optimizers = [lib.optim.Muon(net.parameters(), lr=0.02) for lib, net in zip((ff, torch), nets, strict=True)]
    before = [p.detach().numpy().copy() for p in nets[0].parameters()]
    step(ff, nets[0], optimizers[0], 0)
    step(torch, nets[1], optimizers[1], 0)
    for p, q, start in zip(nets[0].parameters(), nets[1].parameters(), before, strict=True):
        moved = [w.detach().numpy() - start for w in (p, q)]
        # 8 bits of mantissa: 4e-3 in each of some ten products
        assert np.linalg.norm(moved[0] - moved[1]) < 0.05 * np.linalg.norm(moved[1])


def test_muon_has_their_arguments() -> None:
    ours, theirs = (inspect.signature(lib.optim.Muon).parameters for lib in (ff, torch))
    assert list(ours)[: len(theirs)] == list(theirs)
    assert {k: ours[k].default for k in theirs} == {k: p.default for k, p in theirs.items()}


# ---------------------------------------------------------------- L-BFGS

LBFGS: list[dict[str, Any]] = [
    {"line_search_fn": "strong_wolfe", "max_iter": 1},
    {"line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 3},
    {"line_search_fn": "strong_wolfe", "max_iter": 10, "max_eval": 12, "lr": 0.5},
    {"max_iter": 1, "lr": 0.3},
    {"max_iter": 5, "lr": 0.1, "history_size": 5},
]


def descents(options: dict[str, Any], start: Any, function: Any) -> list[Any]:
    """The loss at every call of the closure and the place after every step, over fifty directions, ours and theirs."""
    found = []
    for lib in (ff, torch):
        p = lib.tensor(start, dtype=lib.float64, requires_grad=True)
        optimizer = lib.optim.LBFGS([p], **options)
        losses: list[float] = []
        places = []

        def closure(lib: Any = lib, p: Any = p, optimizer: Any = optimizer, losses: list[float] = losses) -> Any:
            optimizer.zero_grad()
            loss = function(lib, p)
            loss.backward()
            losses.append(float(loss.item()))
            return loss

        for _ in range(-(-STEPS // options["max_iter"])):
            optimizer.step(closure)
            places.append(p.detach().numpy().copy())
        found += [np.array(losses), np.array(places)]
    return found


def valley(lib: Any, p: Any) -> Any:
    return (100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum()


def fit(lib: Any, p: Any) -> Any:
    """A network of tanh units as a function of all its weights."""
    X, y = data()
    w, v = p[:48].reshape(8, 6), p[48:].reshape(3, 8)
    return ((lib.tanh(lib.tensor(X) @ w.t()) @ v.t() - lib.tensor(y)) ** 2).mean()


@pytest.mark.parametrize("options", LBFGS, ids=str)
@pytest.mark.parametrize(("function", "size"), [(valley, 5), (fit, 72)], ids=["valley", "network"])
def test_lbfgs_looks_at_the_same_places(options: dict[str, Any], function: Any, size: int) -> None:
    start = 0.5 * np.random.default_rng(2).normal(size=size)
    losses, places, their_losses, their_places = descents(options, start, function)
    assert len(losses) == len(their_losses) > 25
    # Sums in another order are off by 1e-16, and every direction is made of all those before, which multiplies that
    # by a factor at each step. At the bottom of the valley the loss is 1e-10 and less.
    np.testing.assert_allclose(losses, their_losses, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(places, their_places, rtol=1e-6, atol=1e-7)


def test_lbfgs_goes_on_where_theirs_stopped() -> None:
    start = 0.5 * np.random.default_rng(2).normal(size=5)
    options = {"line_search_fn": "strong_wolfe", "max_iter": 3, "history_size": 4}
    q = torch.tensor(start, requires_grad=True)
    theirs = torch.optim.LBFGS([q], **options)

    def closure(lib: Any, p: Any, optimizer: Any) -> Any:
        def loss() -> Any:
            optimizer.zero_grad()
            value = valley(lib, p)
            value.backward()
            return value

        return loss

    for _ in range(4):
        theirs.step(closure(torch, q, theirs))
    p = ff.tensor(q.detach().numpy().copy(), requires_grad=True)
    ours = ff.optim.LBFGS([p])
    saved = theirs.state_dict()
    saved["state"] = {
        0: {
            key: [v.numpy() for v in value] if isinstance(value, list) and key != "al" else value
            for key, value in saved["state"][0].items()
        }
    }
    ours.load_state_dict(saved)
    for _ in range(4):
        ours.step(closure(ff, p, ours))
        theirs.step(closure(torch, q, theirs))
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-9)


def test_lbfgs_has_their_arguments() -> None:
    ours, theirs = (inspect.signature(lib.optim.LBFGS).parameters for lib in (ff, torch))
    assert {k: p.default for k, p in ours.items()} == {k: p.default for k, p in theirs.items()}
    assert list(ours) == list(theirs)
