"""Random compositions of ops: derivatives along random directions, and the same program traced."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings

from autodiff.programs import NAMES, Program, programs
from forwardnet import autograd
from forwardnet.ir.verify import verify
from forwardnet.ops import REGISTRY
from forwardnet.ops.record import Derivative
from forwardnet.tensor.tape import new_tensor
from ir import tracing
from ops import laws

STEP = 1e-4


def directions(program: Program, name: str) -> list[Any]:
    return [laws.generator(name, n, s).standard_normal(s) for n, s in enumerate(program.shapes)]


def value_and_gradients(program: Program, leaves: Any, ops: Any = REGISTRY) -> tuple[Any, ...]:
    """The number that a program computes, and its gradient by each leaf."""
    xs = [x.requires_grad_() for x in leaves]
    y = program.run(xs, ops)
    return (y.detach(), *autograd.grad(y, xs, allow_unused=True, materialize_grads=True))


def second(program: Program, leaves: Any) -> tuple[Any, ...]:
    """The gradient by each leaf of the derivative along u: the Hessian times u."""
    xs = [x.requires_grad_() for x in leaves]
    gs = autograd.grad(program.run(xs), xs, allow_unused=True, materialize_grads=True, create_graph=True)
    us = directions(program, "u")
    slope = sum(
        ((g * new_tensor(u)).sum() for g, u in zip(gs, us, strict=True) if g.requires_grad), new_tensor(np.zeros(()))
    )
    if not slope.requires_grad:
        return tuple(x.detach() * 0 for x in xs)
    return autograd.grad(slope, xs, allow_unused=True, materialize_grads=True)


def agree(found: float, function: Any, largest: float) -> bool | None:
    """Whether `found` is the derivative of `function` at 0; None where the differences cannot tell.

    The difference of two step sizes estimates the error of the larger; rounding is eps |f| / step, some 1e-11.
    """
    coarse, fine = (
        (function(-2 * h) - 8 * function(-h) + 8 * function(h) - function(2 * h)) / (12 * h) for h in (STEP, STEP / 2)
    )
    scale = max(abs(fine), largest)
    allowed = 1e-7 * scale + 1e-8 + 10 * abs(coarse - fine)
    if allowed > 1e-4 * scale + 1e-7 or not np.isfinite(allowed):
        return None
    return abs(found - fine) <= allowed


def check(program: Program, ops: Any = REGISTRY) -> bool | None:
    """Whether first derivatives along a random direction are right."""
    leaves, vs = program.leaves(), directions(program, "v")

    def along(t: float) -> float:
        with np.errstate(all="ignore"):
            return float(program.run([x + t * v for x, v in zip(leaves, vs, strict=True)]))

    _, *gs = value_and_gradients(program, map(new_tensor, leaves), ops)
    parts = [float(np.sum(g.numpy() * v)) for g, v in zip(gs, vs, strict=True)]
    return agree(sum(parts), along, max(map(abs, parts)))


def check_second(program: Program) -> bool | None:
    """Whether second derivatives are: the derivative along v of the derivative along u."""
    leaves, us, vs = program.leaves(), directions(program, "u"), directions(program, "v")

    def along(t: float) -> float:
        moved = [new_tensor(x + t * v) for x, v in zip(leaves, vs, strict=True)]
        _, *gs = value_and_gradients(program, moved)
        return float(sum(np.sum(g.numpy() * u) for g, u in zip(gs, us, strict=True)))

    parts = [
        float(np.sum(h.detach().numpy() * v)) for h, v in zip(second(program, map(new_tensor, leaves)), vs, strict=True)
    ]
    return agree(sum(parts), along, max(map(abs, parts)))


def traced(program: Program) -> None:
    """The number, its gradients and their derivatives, traced and interpreted, have the eager bits."""
    leaves = program.leaves()

    def everything(*xs: Any) -> list[Any]:
        return [*value_and_gradients(program, [x.detach() for x in xs]), *second(program, [x.detach() for x in xs])]

    graph = tracing.trace(everything, leaves)
    verify(graph)
    for a, b in zip(tracing.run(graph, leaves), tracing.eager(everything, leaves), strict=True):
        assert laws.same_bits(a, b)


def every_law(program: Program) -> None:
    for answer in (check(program), check_second(program)):
        assume(answer is not None)
        assert answer
    traced(program)


@given(programs())
@settings(max_examples=100)
def test_random_programs(program: Program) -> None:
    every_law(program)


# 2,000 take a minute and a half: FORWARDNET_RANDOM_GRAPHS=2000.
@pytest.mark.slow
@given(programs(max_steps=14))
@settings(max_examples=int(os.environ.get("FORWARDNET_RANDOM_GRAPHS", "300")))
def test_many_random_programs(program: Program) -> None:
    every_law(program)


def test_all_differentiable_ops_take_part() -> None:
    assert set(NAMES) == {op.name for op in laws.DIFFERENTIABLE}


@pytest.mark.parametrize("name", ["tanh", "matmul", "softmax", "index", "maximum", "expand"])
def test_a_planted_fault_is_caught(name: str) -> None:
    """A derivative wrong by 0.1 % shows in a program that uses the op."""
    right = REGISTRY[name]
    wrong = [None if d is None else Derivative.of(_scaled(d)) for d in right.derivatives]
    faulty = {**REGISTRY, name: dataclasses.replace(right, derivatives=tuple(wrong))}
    program = Program(((2, 3), (3,)), (("add", 0, 1, 0), (name, 2, 1, 1), ("sin", 3, 3, 0))).fitting()
    assert name in {step[0] for step in program.steps}
    assert check(program) is True
    assert check(program, faulty) is False


def _scaled(derivative: Derivative) -> Any:
    namespace: dict[str, Any] = {"rule": derivative.rule}
    names = ", ".join(derivative.needs)
    exec(f"def scaled({names}):\n    return rule({names}) * 1.001", namespace)
    return namespace["scaled"]
