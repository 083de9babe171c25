"""First and second derivatives of every op against differences in float64, and what holds at points without one."""

from __future__ import annotations

import numpy as np
import pytest

from forwardnet import autograd
from forwardnet.ops import REGISTRY, Op
from forwardnet.tensor.tape import new_tensor
from ops import laws


@pytest.mark.parametrize("op", laws.DIFFERENTIABLE, ids=lambda op: op.name)
def test_first_and_second_order(op: Op) -> None:
    checked = 0
    for case in laws.cases(op):
        told = laws.faults(op, case)
        assert not told, "\n".join(told)
        checked += 1
    assert checked


@pytest.mark.parametrize("case", laws.delicate(), ids=lambda case: case.name)
def test_where_a_shortcut_would_fail(case: laws.Case) -> None:
    told = laws.faults(REGISTRY[case.name.split()[0]], case)
    assert not told, "\n".join(told)


INF, NAN = np.inf, np.nan
# The gradients that PyTorch gives where there is a kink, a pole or a tie: (op, point, gradient of each input).
CONVENTIONS: list[tuple[str, tuple[float, ...], tuple[float, ...]]] = [
    ("abs", (0.0,), (0.0,)),
    ("relu", (0.0,), (0.0,)),
    ("relu", (NAN,), (1.0,)),
    ("sign", (0.0,), (0.0,)),
    ("sqrt", (0.0,), (INF,)),
    ("rsqrt", (0.0,), (-INF,)),
    ("reciprocal", (0.0,), (-INF,)),
    ("log", (0.0,), (INF,)),
    ("log1p", (-1.0,), (INF,)),
    ("asin", (1.0,), (INF,)),
    ("acos", (-1.0,), (-INF,)),
    ("exp", (INF,), (INF,)),
    ("sigmoid", (INF,), (0.0,)),
    ("tanh", (-INF,), (0.0,)),
    ("maximum", (1.0, 1.0), (0.5, 0.5)),
    ("minimum", (1.0, 1.0), (0.5, 0.5)),
    ("maximum", (NAN, 1.0), (1.0, 1.0)),
    ("minimum", (1.0, NAN), (1.0, 1.0)),
    ("clamp_min", (1.0, 1.0), (1.0, 0.0)),
    ("clamp_max", (1.0, 1.0), (1.0, 0.0)),
    ("pow", (0.0, 0.0), (0.0, 0.0)),
    ("pow", (0.0, 2.0), (0.0, 0.0)),
    ("pow", (0.0, -1.0), (-INF, -INF)),
    ("pow", (-2.0, 3.0), (12.0, NAN)),
    ("atan2", (0.0, 0.0), (0.0, 0.0)),
    ("div", (1.0, 0.0), (INF, -INF)),
    ("where", (False, NAN, 1.0), (0.0, 1.0)),
    ("where", (True, 1.0, INF), (1.0, 0.0)),
]


@pytest.mark.parametrize(("name", "point", "expected"), CONVENTIONS)
def test_conventions_at_kinks_poles_and_ties(name: str, point: tuple[float, ...], expected: tuple[float, ...]) -> None:
    op = REGISTRY[name]
    arrays = [np.array(p) for p in point]
    wanted = laws.wanted_inputs(op, arrays)
    got = laws.pull(op, [new_tensor(a) for a in arrays], {}, [new_tensor(np.array(1.0))], wanted)[1]
    np.testing.assert_array_equal([g.item() for g in got], expected)


def test_equal_extremes_share_the_gradient() -> None:
    for name in ("amax", "amin"):
        x = new_tensor(np.array([[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]))
        got = laws.pull(REGISTRY[name], [x], {"dim": (1,), "keepdim": False}, [new_tensor(np.array([3.0, 6.0]))], [0])
        np.testing.assert_array_equal(got[1][0].numpy(), [[1.0] * 3, [2.0] * 3])


@pytest.mark.parametrize("op", laws.DIFFERENTIABLE, ids=lambda op: op.name)
def test_gradients_have_the_shape_and_type_of_their_inputs(op: Op) -> None:
    checked = 0
    for case in laws.cases(op):
        for dtype in laws.FLOATS[1:]:
            arrays = case.cast(dtype).arrays
            wanted = laws.wanted_inputs(op, arrays)
            prepare = laws.PREPARED.get(op.name, lambda x: x)
            ws = [np.ones(y.shape, y.dtype) for y in laws.call(op, [prepare(a) for a in arrays], case.attrs)]
            given = [new_tensor(a.copy()) for a in arrays]
            for how in ({}, {"create_graph": True}):
                made = laws.pull(op, given, case.attrs, [new_tensor(w) for w in ws], wanted, **how)[1]
                for i, g in zip(wanted, made, strict=True):
                    assert (g.spec.shape, g.spec.dtype) == (arrays[i].shape, arrays[i].dtype), f"{case.name} {how}"
                    checked += 1
            for before, after in zip(arrays, given, strict=True):
                assert laws.same_bits(before, after.detach().numpy()), f"{case.name}: the backward pass wrote into x"
    assert checked


@pytest.mark.parametrize(
    "op", [op for op in laws.DIFFERENTIABLE if op.elementwise and sum(op.promotes) == 2], ids=lambda op: op.name
)
def test_gradients_return_to_the_types_that_promotion_changed(op: Op) -> None:
    types = [np.float32 if p else bool for p in op.promotes]
    wide = op.promotes.index(True)
    arrays = [laws.sample(op, i, (2,), laws.generator(op.name)).astype(t) for i, t in enumerate(types)]
    arrays[wide] = arrays[wide].astype(np.float64)
    wanted = laws.wanted_inputs(op, arrays)
    got = laws.pull(op, [new_tensor(a) for a in arrays], {}, [new_tensor(np.ones(2))], wanted)[1]
    assert [g.spec.dtype for g in got] == [arrays[i].dtype for i in wanted]
    assert len(got) == 2


@pytest.mark.parametrize("op", laws.DIFFERENTIABLE, ids=lambda op: op.name)
def test_recorded_and_unrecorded_backward_agree_bit_for_bit(op: Op) -> None:
    """The same rules run on arrays and, with create_graph, on tensors."""
    for case in laws.cases(op):
        wanted = laws.wanted_inputs(op, case.arrays)
        prepare = laws.PREPARED.get(op.name, lambda x: x)
        rng = laws.generator(case.name)
        ws = [rng.standard_normal(y.shape) for y in laws.call(op, [prepare(a) for a in case.arrays], case.attrs)]
        plain, recorded = (
            laws.pull(op, list(map(new_tensor, case.arrays)), case.attrs, list(map(new_tensor, ws)), wanted, **how)[1]
            for how in ({}, {"create_graph": True})
        )
        for a, b in zip(plain, recorded, strict=True):
            assert laws.same_bits(a.numpy(), b.detach().numpy()), case.name


def test_a_derivative_by_nothing_is_refused() -> None:
    x = new_tensor(np.ones(2))
    with pytest.raises(RuntimeError, match="does not require grad"):
        autograd.grad(REGISTRY["exp"](x), [x], [new_tensor(np.ones(2))])
