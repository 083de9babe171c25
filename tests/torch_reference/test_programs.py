"""Random programs of views, in-place changes and assignments: the same values, gradients and refusals as PyTorch.

Each step is drawn from a seed and run on both sides. A step that one side refuses the other must refuse too, and
afterwards all values, `requires_grad` flags and gradients must agree.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` runs this comparison")

import forwardnet as ff  # noqa: E402

pytestmark = pytest.mark.torch
Draw = np.random.Generator
Step = Callable[[Any, list[Any]], None]

PROGRAMS = 3000
STEPS = 8


def view_step(draw: Draw, shape: tuple[int, ...], source: int) -> Step:
    """Append a view of a tensor of the pool."""
    kinds: list[Callable[[Any], Any]] = [
        lambda x: x.reshape(-1),
        lambda x: x[None],
        lambda x: x.unsqueeze(-1),
        lambda x: x.detach(),
        lambda x: x[...],
    ]
    if shape:
        i, j = sorted(int(v) for v in draw.integers(0, shape[0] + 1, 2))
        at = int(draw.integers(0, max(shape[0], 1)))
        kinds += [lambda x: x[i:j], lambda x: x[at], lambda x: x[..., ::2], lambda x: x.flatten()]
        kinds += [lambda x: x.transpose(0, -1), lambda x: x.squeeze(), lambda x: x.expand(2, *x.shape)]
        kinds += [
            lambda x: x.transpose(0, -1).reshape(-1),
            lambda x: x.view(-1),
            lambda x: x.T if x.dim() == 2 else x[:],
        ]
    kind = kinds[int(draw.integers(len(kinds)))]
    return lambda m, pool: pool.append(kind(pool[source]))


def new_step(draw: Draw, source: int, other: int) -> Step:
    """Append a new tensor computed from two of the pool."""
    kinds: list[Callable[[Any, Any, Any], Any]] = [
        lambda m, x, y: x * y,
        lambda m, x, y: x + y,
        lambda m, x, y: m.tanh(x),
        lambda m, x, y: x.sum(),
        lambda m, x, y: x.clone(),
        lambda m, x, y: x / (y * y + 1),
        lambda m, x, y: m.where(x > y, x, y),
        lambda m, x, y: m.cat([x.reshape(-1), y.reshape(-1)]),
        lambda m, x, y: x.mean(0),
    ]
    kind = kinds[int(draw.integers(len(kinds)))]
    return lambda m, pool: pool.append(kind(m, pool[source], pool[other]))


def in_place_step(draw: Draw, shape: tuple[int, ...], target: int, other: int) -> Step:
    """Change a tensor of the pool in place."""
    at = int(draw.integers(0, max(shape[0], 1))) if shape else 0
    quiet = bool(draw.random() < 0.15)
    kinds: list[Callable[[Any, Any, Any], Any]] = [
        lambda m, x, y: x.mul_(0.5),
        lambda m, x, y: x.add_(y),
        lambda m, x, y: x.mul_(y),
        lambda m, x, y: x.tanh_(),
        lambda m, x, y: x.zero_(),
        lambda m, x, y: x.copy_(y),
        lambda m, x, y: x.__setitem__(at, y),
        lambda m, x, y: x.__setitem__(at, 0.25),
        lambda m, x, y: x.__setitem__(slice(0, 1), y),
        lambda m, x, y: x.__setitem__(..., y),
        lambda m, x, y: x.__setitem__(x > 0, 0.1),
        lambda m, x, y: x.__setitem__([at, at - 1], 0.3),
        lambda m, x, y: x.masked_fill_(x < 0, 0.2),
        lambda m, x, y: x.sub_(1.0),
    ]
    kind = kinds[int(draw.integers(len(kinds)))]

    def step(m: Any, pool: list[Any]) -> None:
        x, y = pool[target], pool[other]
        if np.shares_memory(x.detach().numpy(), y.detach().numpy()):
            y = y.clone()  # what overlapping writes give is left open
        if quiet:
            with m.no_grad():
                kind(m, x, y)
        else:
            kind(m, x, y)

    return step


def start(m: Any) -> tuple[list[Any], list[Any]]:
    """Two leaves, and a pool with what is computed from them, and a constant."""
    w = m.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], dtype=m.float64, requires_grad=True)
    v = m.tensor([0.3, -0.6, 0.9], dtype=m.float64, requires_grad=True)
    return [w, v], [w * 1, v * 2, m.zeros(2, 3, dtype=m.float64), w, v]


def refusal(action: Callable[..., Any], *arguments: Any) -> str:
    """Carry out an action: "" or the message with which it is refused."""
    try:
        action(*arguments)
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        return str(error) or "refused"
    return ""


# Where only one side refuses. Ours keeps the values that an in-place step needs apart, and follows a view whose base
# came to require grad later; PyTorch sets elements to a number even in memory that an expand repeats.
OURS_ACCEPTS = ("modified by an inplace operation", "a leaf Variable that requires grad is being used")
OURS_REFUSES = ("single memory location",)


def agreed(theirs: str, ours: str, where: str) -> str:
    """How both sides ended: "", "refused" by both, or an allowed difference; AssertionError for any other."""
    if bool(theirs) == bool(ours):
        return "refused" if theirs else ""
    allowed = OURS_ACCEPTS if theirs else OURS_REFUSES
    assert any(text in (theirs or ours) for text in allowed), f"{where}: PyTorch says {theirs!r}, we say {ours!r}"
    return "allowed difference"


def run(seed: int) -> str:
    """Run one random program on both sides; a description of how it ended, or AssertionError."""
    draw = np.random.default_rng(seed)
    (leaves_t, pool_t), (leaves_f, pool_f) = start(torch), start(ff)
    for k in range(STEPS):
        n = len(pool_t)
        a, b = (int(v) for v in draw.integers(0, n, 2))
        shape = tuple(pool_t[a].shape)
        kind = draw.random()
        if kind < 0.35:
            step = view_step(draw, shape, a)
        elif kind < 0.55:
            step = new_step(draw, a, b)
        else:
            step = in_place_step(draw, shape, a, b)
        ended = agreed(refusal(step, torch, pool_t), refusal(step, ff, pool_f), f"step {k}")
        if ended == "allowed difference":
            return ended
        for i, (t, f) in enumerate(zip(pool_t, pool_f, strict=True)):
            assert tuple(t.shape) == tuple(f.shape)
            where = f"step {k}, tensor {i}"
            np.testing.assert_allclose(f.detach().numpy(), t.detach().numpy(), rtol=1e-12, atol=1e-14, err_msg=where)
            assert f.requires_grad == t.requires_grad, f"{where}: requires_grad should be {t.requires_grad}"
    return finish(draw, (leaves_t, pool_t), (leaves_f, pool_f))


def finish(draw: Draw, theirs: Any, ours: Any) -> str:
    """Compare the gradients of a weighted sum of everything."""
    weights = [draw.normal(size=tuple(t.shape)) for t in theirs[1]]

    def backward(m: Any, pool: list[Any]) -> None:
        sum((x * m.tensor(w)).sum() for x, w in zip(pool, weights, strict=True)).backward()

    ended = agreed(refusal(backward, torch, theirs[1]), refusal(backward, ff, ours[1]), "backward")
    if ended:
        return ended
    for t, f in zip(theirs[0], ours[0], strict=True):
        assert (t.grad is None) == (f.grad is None)
        if t.grad is not None:
            np.testing.assert_allclose(f.grad.numpy(), t.grad.numpy(), rtol=1e-11, atol=1e-12)
    return "compared"


def test_random_programs(counted: Any) -> None:
    outcomes: dict[str, int] = {}
    failures = []
    for seed in range(PROGRAMS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                ended = run(seed)
            except AssertionError as error:
                failures.append(f"seed {seed}: {' '.join(str(error).split())[:300]}")
                continue
        outcomes[ended] = outcomes.get(ended, 0) + 1
    assert not failures, f"{len(failures)} of {PROGRAMS} programs differ:\n" + "\n".join(failures[:12])
    assert outcomes["compared"] > PROGRAMS / 4 and outcomes["allowed difference"] < PROGRAMS / 25
    counted("random programs", PROGRAMS)
