"""The check of derivatives catches wrong ones: planted faults of the kinds that are made in practice, all of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from forwardnet.errors import ArgumentError
from forwardnet.ops import REGISTRY, Op, index as i, layout as y_, linear as li, reduce as r, scalar as s
from forwardnet.ops.record import Derivative
from ops import laws

Rule = Callable[..., Any]


def constant(x: Any) -> Any:
    """x without its history, as if its numbers had been taken out: right once, and a second derivative of 0."""
    return x.detach() if hasattr(x, "detach") else x


def zeros(spec: Any) -> Any:
    return y_.expand(np.zeros((), spec.dtype), shape=spec.shape)


def spread(g: Any, x_spec: Any, dim: Any, keepdim: bool) -> Any:
    return r.spread(g, x_spec.shape, dim, keepdim)


def length(shape: Any, dim: Any) -> int:
    return math.prod(shape[d] for d in dim)


def _slide(items: Any, by: int) -> Any:
    return tuple((k, a + by if k == "int" and a is not None else a, b, c) for k, a, b, c in items)


# (what is wrong, op, position of the input, the wrong rule)
WRONG: list[tuple[str, str, int, Rule]] = [
    # signs
    ("wrong sign", "sin", 0, lambda x: -s.cos(x)),
    ("missing sign", "cos", 0, lambda x: s.sin(x)),
    ("missing sign", "sub", 1, lambda g: g),
    ("missing sign", "div", 1, lambda g, a, b: g * ((a / b) / b)),
    ("missing sign", "reciprocal", 0, lambda y: y * y),
    ("missing sign", "acos", 0, lambda x: s.rsqrt(1 - x * x)),
    ("wrong sign inside", "sigmoid", 0, lambda y: y * (1 + y)),
    ("wrong sign inside", "atan", 0, lambda g, x: g / (1 - x * x)),
    ("wrong sign inside", "tan", 0, lambda y: 1 - y * y),
    ("missing sign", "inverse", 0, lambda g, y: li.matmul(li.matmul(li.swap(y), g), li.swap(y))),
    # factors and powers
    ("0.1 % error", "exp", 0, lambda y: y * 1.001),
    ("0.1 % error", "mul", 0, lambda b: b * 0.999),
    ("0.1 % error", "matmul", 0, lambda g, b: li.matmul(g, li.swap(b)) * 1.001),
    ("0.1 % error", "softmax", 0, lambda g, y, dim: y * (g - 1.001 * r.sum_(g * y, dim=(dim,), keepdim=True))),
    ("missing factor", "square", 0, lambda x: x),
    ("missing factor", "sqrt", 0, lambda g, y: g / y),
    ("missing factor", "erf", 0, lambda x: (1 / math.sqrt(math.pi)) * s.exp(-x * x)),
    ("missing factor", "log2", 0, lambda g, x: g / x),
    ("factor of another base", "log10", 0, lambda g, x: g / (x * math.log(2))),
    ("off by 1/n", "sum", 0, lambda g, x_spec, dim, keepdim: spread(g, x_spec, dim, keepdim) / max(1, x_spec.size)),
    ("wrong power", "rsqrt", 0, lambda y: -0.5 * (y * y)),
    ("wrong power", "tanh", 0, lambda y: 1 - y),
    ("wrong power", "div", 1, lambda g, a, b: -g * (a / b)),
    ("exponent not lowered", "pow", 0, lambda a, b: b * s.pow_(a, b)),
    ("missing logarithm", "pow", 1, lambda y: y),
    ("missing 1", "expm1", 0, lambda y: y),
    ("missing 1", "log1p", 0, lambda g, x: g / x),
    # the wrong operand, mask or side
    ("its own factor", "mul", 0, lambda a: a),
    ("operands exchanged", "atan2", 0, lambda g, a, b: g * (a / (a * a + b * b))),
    ("sides exchanged", "maximum", 0, lambda g, a, b: s.where(s.lt(a, b), g, 0.0)),
    ("whole gradient to both", "minimum", 1, lambda g: g),
    ("mask inverted", "relu", 0, lambda g, y: s.where(s.le(y, 0), g, 0.0)),
    ("mask inverted", "where", 1, lambda g, c: s.where(c, 0.0, g)),
    ("mask forgotten", "clamp_min", 0, lambda g: g),
    ("mask forgotten", "amax", 0, lambda g, x_spec, dim, keepdim: spread(g, x_spec, dim, keepdim)),
    ("sign forgotten", "abs", 0, lambda g: g),
    ("derivative forgotten", "fmod", 1, lambda b: s.zeros_like(b)),
    # g
    ("g used twice", "add", 0, lambda g: g * g),
    ("g used twice", "exp", 0, lambda g, y: g * g * y),
    ("g ignored", "add", 1, lambda g: s.zeros_like(g) + 1.0),
    ("g ignored", "cumsum", 0, lambda g, dim: r.cumsum(s.zeros_like(g) + 1.0, dim=dim)),
    # axes, orders and places
    ("missing sum over the batch", "matmul", 1, lambda g, a: li.matmul(li.swap(a), g)),
    ("transposed", "matmul", 0, lambda g, b, a_spec: y_.sum_to(li.matmul(g, b), a_spec.shape)),
    ("transposes forgotten", "inverse", 0, lambda g, y: -li.matmul(li.matmul(y, g), y)),
    ("the same order, not the inverse", "permute", 0, lambda g, dims: y_.permute(g, dims=dims)),
    ("transposed before", "reshape", 0, lambda g, x_spec: y_.reshape(_turned(g), shape=x_spec.shape)),
    ("one, not the sum of the copies", "expand", 0, lambda g, x_spec: _first(g, x_spec.shape)),
    ("not reversed", "cumsum", 0, lambda g, dim: r.cumsum(g, dim=dim)),
    ("not flipped back", "flip", 0, lambda g: g),
    ("rolled on, not back", "roll", 0, lambda g, shifts, dims: y_.roll(g, shifts=shifts, dims=dims)),
    ("the other triangle", "tril", 0, lambda g, diagonal: y_.triu(g, diagonal=diagonal)),
    ("the diagonal too", "triu", 0, lambda g, diagonal: y_.triu(g, diagonal=diagonal - 1)),
    ("always the first part", "cat", 0, lambda g, xs_specs, dim: y_._cat_vjp(g, 0, xs_specs, dim)),
    ("one place further", "slice", 0, lambda g, x_spec, items: y_._slice_vjp(g, x_spec, _slide(items, -1))),
    ("offset forgotten", "diagonal", 0, lambda g, x_spec: y_.diagonal_put(zeros(x_spec), g, offset=0)),
    ("what was overwritten not zeroed", "slice_put", 0, lambda g: g),
    ("what was overwritten not zeroed", "diagonal_put", 0, lambda g: g),
    ("what was overwritten not zeroed", "scatter", 0, lambda g: g),
    ("what was overwritten not zeroed", "index_put", 0, lambda g: g),
    (
        "repeated indices lost",
        "gather",
        0,
        lambda g, x_spec, index, dim: i.scatter(zeros(x_spec), index, g, dim=dim),
    ),
    (
        "repeated indices lost",
        "index",
        0,
        lambda g, x_spec, indices, layout: i.index_put(zeros(x_spec), g, *indices, layout=layout, accumulate=False),
    ),
    # sums and products
    ("second term forgotten", "softmax", 0, lambda g, y: y * g),
    ("second term forgotten", "log_softmax", 0, lambda g: g),
    ("sum forgotten", "log_softmax", 0, lambda g, y: g - s.exp(y) * g),
    ("division by 0", "prod", 0, lambda g, y, x, dim, keepdim: r.spread(g * y, x.shape, dim, keepdim) / x),
    ("determinant forgotten", "det", 0, lambda g, x: y_.reshape(g, shape=(*g.shape, 1, 1)) * li.swap(li.inverse(x))),
    ("a singular matrix inverted", "det", 0, lambda g, y, x: _plain_det(g, y, x)),
    ("a term forgotten", "svd", 0, lambda g, y, x_spec: li._svd_vjp((g[0], g[1], g[2] * 0.0), y, x_spec)),
    ("order of eigenvalues exchanged", "eigh", 0, lambda g, y, x_spec: li._eigh_vjp((g[0], -g[1]), y, x_spec)),
    # right once, wrong twice
    ("history cut", "tanh", 0, lambda y: 1 - constant(y) * constant(y)),
    ("history cut", "log", 0, lambda g, x: g / constant(x)),
    ("history cut", "softmax", 0, lambda g, y, dim: y * (g - r.sum_(g * constant(y), dim=(dim,), keepdim=True))),
    ("history of g cut", "sin", 0, lambda g, x: constant(g) * s.cos(x)),
    (
        "history cut",
        "matmul",
        1,
        lambda g, a, b_spec: y_.sum_to(li.matmul(li.swap(constant(a)), g), b_spec.shape),
    ),
    ("0.1 % of the history cut", "exp", 0, lambda y: 0.999 * y + 0.001 * constant(y)),
]


def _turned(g: Any) -> Any:
    return y_.permute(g, dims=tuple(reversed(range(len(g.shape)))))


def _first(g: Any, shape: tuple[int, ...]) -> Any:
    lead = len(g.shape) - len(shape)
    items = [("int", 0, None, None)] * lead
    items += [("slice", 0, min(n, g.shape[k + lead]), None) for k, n in enumerate(shape)]
    part = y_.slice_(g, items=tuple(items))
    return part if tuple(part.shape) == shape else y_.expand(part, shape=shape)


def _plain_det(g: Any, y: Any, x: Any) -> Any:
    return y_.reshape(g * y, shape=(*x.shape[:-2], 1, 1)) * li.swap(li.inverse(x))


def caught(mutant: Op, original: Op) -> bool:
    """Whether the suite's own check finds fault with `mutant` on the suite's own cases.

    Only wrong numbers and wrong shapes count; of exceptions only that of a singular matrix, which is a fault by design.
    """
    extra = [case for case in laws.delicate() if case.name.split()[0] == original.name]
    for case in [*laws.cases(original), *extra]:
        try:
            if laws.faults(mutant, case):
                return True
        except ArgumentError as error:
            if "singular" in str(error):
                return True
            raise
        except ValueError:  # shapes that do not fit: another case must show it in numbers
            continue
    return False


def mutant(op: Op, position: int, rule: Rule) -> Op:
    changed = list(op.derivatives)
    changed[position] = Derivative.of(rule)
    return dataclasses.replace(op, derivatives=tuple(changed))


# Ops whose derivative by the first input is 0 everywhere.
FLAT = ("zeros_like", "replace", "sign", "ceil", "floor", "round", "trunc")


def test_there_are_enough_faults() -> None:
    assert len(WRONG) >= 40
    assert len({op for _, op, _, _ in WRONG}) >= 40, "spread over the ops"


@pytest.mark.parametrize(("what", "name", "position", "rule"), WRONG, ids=[f"{w[1]}-{w[0]}" for w in WRONG])
def test_a_wrong_derivative_is_caught(what: str, name: str, position: int, rule: Rule) -> None:
    op = REGISTRY[name]
    assert op.derivative(position) is not None
    assert caught(mutant(op, position, rule), op), f"{name}: {what} went unnoticed"


@pytest.mark.parametrize("name", ["add", "mul", "where", "atan2", "maximum", "pow"])
def test_a_missing_sum_over_stretched_axes_is_caught(name: str) -> None:
    op = REGISTRY[name]
    assert caught(dataclasses.replace(op, elementwise=False), op)


@pytest.mark.parametrize("op", laws.DIFFERENTIABLE, ids=lambda op: op.name)
def test_an_error_of_a_thousandth_is_caught_in_every_op(op: Op) -> None:
    """Every derivative in turn, scaled by 1.001; one that is 0 everywhere has nothing to scale."""
    tried = 0
    for position, derivative in enumerate(op.derivatives):
        if derivative is None or (op.name in FLAT and position == 0):
            continue
        assert caught(mutant(op, position, _scaled(derivative)), op), f"{op.name}: input {position}"
        tried += 1
    assert tried or op.name in FLAT


@pytest.mark.parametrize("name", FLAT)
def test_a_gradient_where_there_is_none_is_caught(name: str) -> None:
    op = REGISTRY[name]
    assert caught(mutant(op, 0, lambda g: g * 0.001), op)


def _scaled(derivative: Derivative) -> Rule:
    """The rule with the same parameters, times 1.001."""
    namespace: dict[str, Any] = {"rule": derivative.rule}
    names = ", ".join(derivative.needs)
    exec(f"def scaled({names}):\n    return rule({names}) * 1.001", namespace)
    made: Rule = namespace["scaled"]
    return made
