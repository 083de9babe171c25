"""Random graphs: native code against the interpreter, to the last bit where a graph moves, compares and rounds once.

`FORWARDNET_RANDOM_GRAPHS=3000` runs that many, other ones each time; a failure prints how to find it again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from compiler import graphs
from compiler.graphs import Case, grow
from forwardnet.compiler import cache, engine, orient, rules
from forwardnet.compiler.plan import make_plan
from forwardnet.compiler.program import Native, Signature
from forwardnet.compiler.schedule import schedule
from forwardnet.ir.graph import Graph, Spec
from forwardnet.ops import REGISTRY

MANY = int(os.environ.get("FORWARDNET_RANDOM_GRAPHS", "0"))
COUNT = MANY or 160
# A few seconds on one core; shrinking a failure compiles hundreds of graphs and is worth it only when asked for.
SETTINGS = settings(
    max_examples=COUNT,
    derandomize=not MANY,
    print_blob=bool(MANY),
    phases=tuple(Phase) if MANY else (Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.fixture(scope="module", autouse=True)
def _kept_nowhere() -> Any:
    """Each program is compiled and forgotten: none is seen twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "load", lambda text, emit, names: engine.load(engine.assemble(emit()), names))
        yield


@st.composite
def cases(draw: Callable[..., Any], *, special: bool = False) -> Case:
    """Random cases whose every decision is one of Hypothesis's, so that it can make a failing one smaller."""
    return grow(lambda n: draw(st.integers(0, n - 1)), special=special)


def check(case: Case) -> None:
    """Native results are the interpreter's."""
    want = graphs.expected(case)
    with pytest.MonkeyPatch.context() as patch:
        if len(case.graph.nodes) % 2:  # in half of the cases no product is summed along the lanes
            patch.setattr(orient, "can_dot", lambda val, chosen: False)
        got = graphs.run(Native(case.graph, case.signature), case)
    found = graphs.differences(got, want, case)
    assert not found, found


@SETTINGS
@given(cases())
def test_native_is_what_is_interpreted(case: Case) -> None:
    check(case)


@settings(SETTINGS, max_examples=max(COUNT // 4, 1))
@given(cases(special=True))
def test_nan_infinities_and_zeros_go_the_same_way(case: Case) -> None:
    check(case)


def test_the_cases_show_what_they_should() -> None:
    """Kinds of kernels, states in place and copied, gathered inputs, records, losses, several steps: all occur."""
    seen: dict[str, int] = {}
    names: set[str] = set()
    for seed in range(300):
        rng = np.random.default_rng(seed)
        case = grow(lambda n, rng=rng: int(rng.integers(n)))  # type: ignore[misc]
        names |= {node.name for node in case.graph.live()}
        program = rules.build(case.graph, case.signature.states)
        with pytest.MonkeyPatch.context() as patch:
            if len(case.graph.nodes) % 2:
                patch.setattr(orient, "can_dot", lambda val, chosen: False)
            orientation = orient.choose(program)
        kernels = schedule(program, orientation)
        plan = make_plan(program, orientation, kernels, dict(case.signature.states))
        kinds = [k.kind for k in kernels.kernels]
        counts = {
            **{kind: kinds.count(kind) for kind in ("loop", "matmul", "dot", "turn", "assemble", "fold", "contract")},
            "phases": any(max(k.phase.values(), default=0) > 0 for k in kernels.kernels),
            "epilogue": any(k.kind == "matmul" and len(k.values) > 1 for k in kernels.kernels),
            "states": bool(case.signature.states),
            "copied": bool(plan.copies),
            "in place": len(case.signature.states) > len(plan.copies),
            "gathered": bool(case.signature.gathered),
            "record": case.signature.record is not None,
            "loss": case.signature.loss is not None,
            "steps": case.steps > 1,
            "exact": any(case.exact),
        }
        for name, count in counts.items():
            seen[name] = seen.get(name, 0) + bool(count)
    assert min(seen.values()) >= 8, seen
    assert len(names & set(REGISTRY)) >= 60, names


def one(build: Callable[..., Any], arrays: list[Any], states: dict[int, int] | None = None, steps: int = 2) -> Case:
    """A case written by hand."""
    graph = Graph()
    inputs = [graph.input(Spec(np.shape(a), np.asarray(a).dtype)) for a in arrays]
    made = build(*inputs)
    graph.outputs = list(made) if isinstance(made, tuple) else [made]
    return Case(
        graph, [np.asarray(a) for a in arrays], Signature(states=states or {}), [True] * len(graph.outputs), steps
    )


X = np.random.default_rng(0).standard_normal((20, 20)).astype("float32")
ROW, COLUMN = X[:1] + 1, X[:, 1:2] - 1


def turned(x: Any) -> Any:
    return REGISTRY["permute"](x, dims=(1, 0))


def largest(x: Any, axis: int) -> Any:
    return REGISTRY["amax"](x, dim=(axis,), keepdim=True)


FOUND = {
    "states are swapped": (lambda a, b: (b, a), [ROW, ROW * 2], {0: 0, 1: 1}),
    "states go round": (lambda a, b, c: (b, c, a), [ROW, ROW * 2, ROW * 3], {0: 0, 1: 1, 2: 2}),
    "a state becomes another's old value": (lambda a, b: (b, a + b), [ROW, ROW * 2], {0: 0, 1: 1}),
    "an output is the old value of a state": (lambda a: (a, a + 1.0), [X], {0: 1}),
    "an output is the old value, transposed": (lambda a: (turned(a), a + 1.0), [X[:3]], {0: 1}),
    "a state becomes its transpose": (lambda a: (turned(a),), [X], {0: 0}),
    "a state stays": (lambda a: (a, a * 2.0), [X], {0: 0}),
    "one value replaces two states": (lambda a, b: (a + b, a + b), [X, X * 2], {0: 0, 1: 1}),
    "one value replaces two states, once transposed": (lambda a, b: (a + 1.0, turned(a + 1.0)), [X, X], {0: 0, 1: 1}),
    "a state becomes a constant": (lambda a: (a.graph.const(np.float32(-0.0)),), [np.float32(3)], {0: 0}),
    "a matrix beside its transpose": (lambda x: x + turned(x), [X], None),
    "a result beside its transpose": (lambda x: x * 2.0 + turned(x * 2.0), [X], None),
    "a state with its transpose": (lambda x: x * 0.5 + turned(x), [X], {0: 0}),
    "a vector along both axes": (lambda b, x: x + b + turned(b), [ROW, X], None),
    "a state is read along the other axis": (lambda x, b: largest(x + turned(b), 1), [X, COLUMN], {1: 0}),
    "a total replaces a row that is read": (lambda x, b: largest(x + b, 0), [X, ROW], {1: 0}),
    "a total by rows replaces a row that is read": (
        lambda x, b: (largest(x + b, 0), largest(x + b, 1)), [X[:7], ROW], {1: 0},
    ),
    "a total beside an extreme of each row": (
        lambda x, y, b: (largest(x * y, 1), largest(x * y + b, 0)), [X[:5, :7], X[:5, 7:14], ROW[:, :7]], {2: 1},
    ),
    "a total beside extremes of rows its state is added to": (
        lambda x, y, b: (largest(x * y, 1), largest(x * y + turned(b), 0)), [X[:5, :5], X[5:10, :5], ROW[:, :5]],
        {2: 1},
    ),
    "a column is read after its turn": (
        lambda x, c, d: (largest(x * c, 1), d + d), [X[:5, :7], COLUMN[:5], COLUMN[:5]], {1: 1},
    ),
    "extremes of inputs beside a product": (
        lambda x, y, z: (REGISTRY["matmul"](x, y), largest(z, 0), largest(z, 1)),
        [X[:18].round(), X.round(), X[:18]], None,
    ),
    "two zeros": (
        lambda x: (1.0 / (x * 0.0 + np.float32(-0.0)), 1.0 / (x * 0.0 + np.float32(0.0))), [-np.abs(X)], None,
    ),
    "zeros side by side": (lambda x: x / np.array([0.0, -0.0] * 10, np.float32), [np.ones_like(X)], None),
    "nan everywhere": (lambda x: x + np.full((20, 20), np.nan, np.float32), [X], None),
    "whether a single number is not zero": (
        lambda x: tuple(REGISTRY[n](x, dim=(), keepdim=False) for n in ("any", "all")), [np.float32(-2)], None,
    ),
    "extremes of truth values": (
        lambda x: (largest(x, 0), REGISTRY["amin"](x, dim=(1,), keepdim=False)), [X > -1], None,
    ),
    "the sum of constants": (
        lambda x: x + REGISTRY["sum"](x.graph.const(X[:2].round()), dim=(0,), keepdim=False), [X], None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once(name: str) -> None:
    build, arrays, states = FOUND[name]
    for steps in (1, 2):
        check(one(build, arrays, states, steps))


def test_a_long_chain_of_operations() -> None:
    """Longer than Python's stack is deep."""

    def chain(x: Any) -> Any:
        for _ in range(1200):
            x = REGISTRY["maximum"](x * -1.0, x)
        return x

    check(one(chain, [ROW], steps=1))
