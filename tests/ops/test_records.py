"""Every record is complete and says the truth about itself: names, formulas, labels, needs, examples."""

from __future__ import annotations

import dis
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from forwardnet import ops
from forwardnet.ops import REGISTRY, Op
from forwardnet.ops.record import elementwise
from forwardnet.tensor.tape import new_tensor
from ops import laws

EVERY = pytest.mark.parametrize("op", REGISTRY.values(), ids=lambda op: op.name)
DIFFERENTIABLE = pytest.mark.parametrize("op", laws.DIFFERENTIABLE, ids=lambda op: op.name)


def attribute_names(op: Op) -> set[str]:
    return set(inspect.signature(op.spec).parameters) - {n.removeprefix("*") for n in op.inputs}


def test_the_registry_was_found() -> None:
    assert len(REGISTRY) > 90
    assert {"add", "matmul", "sum", "reshape", "index", "softmax", "where"} <= set(REGISTRY)


@EVERY
def test_name_and_formula(op: Op) -> None:
    assert REGISTRY[op.name] is op
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", op.name)
    first = op.doc.splitlines()[0]
    assert "=" in first
    assert len(first) < 100
    if op.outputs == 1:
        assert re.match(r"y[_ \[]", first), f"the formula of {op.name} is {first!r}, expected one of y"


@EVERY
def test_it_stands_under_a_name_in_its_module(op: Op) -> None:
    rooms = (ops.logic, ops.scalar, ops.layout, ops.reduce, ops.linear, ops.index, ops.random)
    assert any(value is op for room in rooms for value in vars(room).values())


@EVERY
def test_label(op: Op) -> None:
    assert re.fullmatch(r"([A-Z][A-Za-z0-9]*Backward0)|CopySlices", op.grad_name)


def test_labels_are_different() -> None:
    labels = [op.grad_name for op in laws.DIFFERENTIABLE if op.grad_name != "CopySlices"]
    assert len(labels) == len(set(labels))


@EVERY
def test_counts_agree(op: Op) -> None:
    assert op.inputs
    assert all(not n.startswith("*") for n in op.inputs[:-1]), "only the last input may repeat"
    assert len(op.derivatives) == len(op.inputs)
    assert len(op.domain) == len(op.inputs)
    assert all(low < high for low, high in op.domain)
    assert len(op.promotes) == (len(op.inputs) if op.elementwise else 0)
    assert op.outputs == 1 or not op.elementwise
    assert not (op.view and op.elementwise)
    parameters = [n.removeprefix("*") for n in op.inputs]
    given = list(inspect.signature(op.spec).parameters)
    assert op.elementwise or given[: len(parameters)] == parameters, (
        "the shape rule names the inputs as the record does"
    )


@pytest.mark.parametrize("op", laws.ARRAY, ids=lambda op: op.name)
def test_array_ops_have_examples(op: Op) -> None:
    assert op.examples, f"{op.name} has no examples, so nothing about it would be tested"
    sizes = {a.size for case in laws.cases(op) for a in (*case.arrays, *laws.call(op, case.arrays, case.attrs))}
    assert 0 in sizes, f"{op.name} has no example in which something is empty"
    assert max(sizes) > 1


# ---------------------------------------------------------------- declared needs


def rules(op: Op) -> Iterator[tuple[int, Any]]:
    """The derivatives of an op with their positions."""
    return ((i, d) for i, d in enumerate(op.derivatives) if d is not None)


def names_read(rule: Callable[..., Any]) -> set[str]:
    """The local names that the code of a function reads."""
    found: set[str] = set()
    for step in dis.get_instructions(rule):
        if "LOAD_FAST" in step.opname or step.opname in ("LOAD_DEREF", "LOAD_CLOSURE"):
            # Newer interpreters load two names by one instruction.
            found |= {*(step.argval if isinstance(step.argval, tuple) else (step.argval,))}
    return found


def unused(rule: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(rule).parameters) - names_read(rule)


@DIFFERENTIABLE
def test_a_derivative_uses_all_that_it_names(op: Op) -> None:
    """What is named is saved for the backward pass, so a name too many is memory too much."""
    checked = 0
    for position, derivative in rules(op):
        assert not unused(derivative.rule), f"{op.name}, input {position}"
        assert derivative.is_partial == ("g" not in derivative.needs)
        checked += 1
    assert checked


def test_an_unused_name_would_be_seen() -> None:
    assert unused(lambda g, x, y: g * y) == {"x"}
    assert unused(lambda g, x: [(lambda: x)() for _ in g]) == set()


@DIFFERENTIABLE
def test_a_derivative_names_what_there_is(op: Op) -> None:
    inputs = [n for n in op.inputs if not n.startswith("*")]
    known = {"g", "y", *inputs, *(f"{n}_spec" for n in inputs), *attribute_names(op)}
    if op.variadic:
        known |= {op.variadic, f"{op.variadic}_specs", "i"}
    for position, derivative in rules(op):
        assert set(derivative.needs) <= known, f"{op.name}, input {position}"


def changed(op: Op, name: str, case: laws.Case) -> Any:
    """Other values for what a derivative calls `name`, of the same shape and type."""
    rng = laws.generator(op.name, name, "other")
    if name == "y":
        (y, *_) = others = laws.call(op, [laws_sample(op, i, a, rng) for i, a in enumerate(case.arrays)], case.attrs)
        return y if op.outputs == 1 else others
    position = [n.removeprefix("*") for n in op.inputs].index(name)
    if name == op.variadic:
        return tuple(laws_sample(op, position, a, rng) for a in case.arrays[position:])
    return laws_sample(op, position, case.arrays[position], rng)


def laws_sample(op: Op, position: int, like: Any, rng: np.random.Generator) -> Any:
    if like.dtype.kind == "f":
        return laws.sample(op, min(position, len(op.inputs) - 1), like.shape, rng)
    return ~like if like.dtype.kind == "b" else np.zeros_like(like)


# Values that matter only beyond a jump, which the domain of the record avoids: 0^b, another whole part of a / b.
RARE = {("pow", 1, "b"), *((name, 1, x) for name in ("remainder", "fmod") for x in "ab")}


@DIFFERENTIABLE
def test_a_derivative_depends_on_the_values_that_it_names(op: Op) -> None:
    """What it needs only the shape of, it must name as `x_spec`, so that the array itself can be freed."""
    for position, derivative in rules(op):
        for name in derivative.needs:
            if (op.name, position, name) not in RARE and name in {"y", *(n.removeprefix("*") for n in op.inputs)}:
                assert any(depends(op, position, derivative, name, case) for case in laws.cases(op)), (
                    f"{op.name}, input {position}: {name} is saved and its values are never used"
                )


def depends(op: Op, position: int, derivative: Any, name: str, case: laws.Case) -> bool:
    y = laws.call(op, case.arrays, case.attrs)
    ws = [laws.generator(case.name).standard_normal(r.shape) for r in y]
    last = len(op.inputs) - 1
    known = {
        **dict(zip(op.inputs, case.arrays, strict=False)),
        **{f"{n}_spec": laws.spec(a) for n, a in zip(op.inputs, case.arrays, strict=False)},
        **case.attrs,
        "g": ws[0] if op.outputs == 1 else tuple(ws),
        "y": y[0] if op.outputs == 1 else y,
        "i": position - last,
        str(op.variadic): case.arrays[last:],
        f"{op.variadic}_specs": tuple(map(laws.spec, case.arrays[last:])),
    }
    with np.errstate(all="ignore"):
        before = derivative.rule(*(known[n] for n in derivative.needs))
        known[name] = changed(op, name, case)
        after = derivative.rule(*(known[n] for n in derivative.needs))
    return not np.array_equal(before, after, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("add", set()),
        ("neg", set()),
        ("sum", set()),
        ("reshape", set()),
        ("permute", set()),
        ("expand", set()),
        ("slice", set()),
        ("cat", set()),
        ("cumsum", set()),
        ("mul", {"a", "b"}),
        ("div", {"a", "b"}),
        ("matmul", {"a", "b"}),
        ("where", {"c"}),
        ("gather", {"index"}),
        ("index", {"indices"}),
        ("log", {"x"}),
        ("exp", {"y"}),
        ("tanh", {"y"}),
        ("sigmoid", {"y"}),
        ("relu", {"y"}),
        ("sqrt", {"y"}),
        ("softmax", {"y"}),
        ("log_softmax", {"y"}),
        ("inverse", {"y"}),
    ],
)
def test_what_is_saved(name: str, saved: set[str]) -> None:
    """Derivatives by the result let the input go; linear ops keep nothing."""
    op = REGISTRY[name]
    case = next(laws.cases(op))
    xs = [new_tensor(a).requires_grad_(a.dtype.kind == "f") for a in case.arrays]
    result = op(*xs, **case.attrs)
    assert set(result.grad_fn.saved) == saved
    for n, kept in result.grad_fn.saved.items():
        if n == "y":
            assert kept.data is result._data, "saved, not copied"
        elif n in op.inputs:
            assert kept.data is xs[op.inputs.index(n)]._data


def test_what_is_saved_depends_on_what_is_wanted() -> None:
    a, b = new_tensor(np.ones(2)).requires_grad_(), new_tensor(np.ones(2))
    assert set(REGISTRY["mul"](a, b).grad_fn.saved) == {"b"}
    assert set(REGISTRY["mul"](b, a).grad_fn.saved) == {"a"}


def test_a_name_is_given_once() -> None:
    with pytest.raises(AssertionError, match="defined twice"):
        elementwise("exp", np.exp, doc="y = e^x")
