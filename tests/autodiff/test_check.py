"""The numerical check that users have, `gradcheck`: its differences, what it accepts, what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet.autodiff.check import analytical_jacobian, numerical_jacobian
from forwardnet.autograd import grad, gradcheck, gradgradcheck
from forwardnet.errors import ArgumentError, AutogradError


def leaf(*values: float) -> Any:
    return ff.tensor(list(values), dtype=ff.float64, requires_grad=True)


def test_differences_of_a_cube() -> None:
    """w^3 at 2 has the slope 12: central differences err by step^2, which is 1e-12 here, and by rounding, some 1e-9."""
    (found,) = numerical_jacobian(lambda w: w**3, [leaf(2.0)], 0)
    assert found.shape == (1, 1)
    assert abs(found[0, 0] - 12) < 1e-8
    (coarse,) = numerical_jacobian(lambda w: w**3, [leaf(2.0)], 0, eps=1e-2)
    assert coarse[0, 0] == pytest.approx(12 + 1e-4, abs=1e-9), "12 + step^2 exactly"


def test_jacobians_have_inputs_as_rows_and_outputs_as_columns() -> None:
    x = leaf(1.0, 2.0, 3.0)
    expected = np.array([[1.0, 2.0], [1.0, 0.0], [1.0, 0.0]])

    def function(v: Any) -> Any:
        return ff.stack([v.sum(), v[0] * 2])

    np.testing.assert_allclose(numerical_jacobian(function, [x], 0)[0], expected, atol=1e-8)
    np.testing.assert_array_equal(analytical_jacobian(grad, function, [x], 0)[0], expected)


def test_several_inputs_and_outputs() -> None:
    assert gradcheck(lambda a, b: (a * b, a.exp()), (leaf(1.0, 2.0), leaf(0.5, -1.0)))
    assert gradgradcheck(lambda a, b: (a * b, a.exp()), (leaf(1.0, 2.0), leaf(0.5, -1.0)))


def test_inputs_that_want_nothing_are_left_alone() -> None:
    fixed = ff.tensor([1, 2])
    assert gradcheck(lambda a, n: a * n, (leaf(1.0, 2.0), fixed))
    assert gradgradcheck(lambda a, n: a**2 * n, (leaf(1.0, 2.0), fixed))
    assert fixed.tolist() == [1, 2]


def test_empty_inputs_and_outputs() -> None:
    assert gradcheck(lambda a: a * 2, leaf())
    assert gradcheck(lambda a: a[:0], leaf(1.0))


def detached(x: Any) -> Any:
    return x * x.detach()


@pytest.mark.parametrize(
    ("function", "order"),
    [
        (detached, gradcheck),
        (lambda x: ff.where(x > 0, x, x * 1.001 - 0.001 * x.detach()), gradcheck),
        (lambda x: x * x.detach() + 0.5 * (x - x.detach()) ** 2 + x.detach() * (x - x.detach()), gradgradcheck),
        (lambda x: x.clone().zero_() + x, None),
    ],
)
def test_hidden_dependence_is_found(function: Any, order: Any) -> None:
    x = leaf(-1.5, 2.0)
    if order is None:
        assert gradcheck(function, x)
        return
    with pytest.raises(AutogradError, match="Jacobian mismatch for output 0 with respect to input 0"):
        order(function, x, rtol=1e-4)
    assert order(function, x, rtol=1e-4, raise_exception=False) is False


def test_the_message_shows_both_jacobians() -> None:
    with pytest.raises(AutogradError, match=r"numerical:\[\[4.*\nanalytical:\[\[2"):
        gradcheck(detached, leaf(2.0))


def test_what_cannot_be_checked_is_refused() -> None:
    with pytest.raises(AutogradError, match="input 0 has type forwardnet.float32, expected float64"):
        gradcheck(lambda x: x, ff.ones(2, requires_grad=True))
    with pytest.raises(ArgumentError, match="none of the inputs requires grad"):
        gradcheck(lambda x: x, ff.ones(2, dtype=ff.float64))


def test_nothing_is_accumulated_and_nothing_changed() -> None:
    x = leaf(1.0, 2.0)
    gradcheck(lambda v: v * v, x)
    gradgradcheck(lambda v: v * v, x)
    assert x.grad is None
    assert x.tolist() == [1.0, 2.0]
    assert x._version == 0


def test_tolerances_are_the_callers() -> None:
    def slightly_wrong(x: Any) -> Any:
        return 1.01 * x - 0.01 * x.detach()

    assert gradcheck(slightly_wrong, leaf(2.0), rtol=0.1)
    assert not gradcheck(slightly_wrong, leaf(2.0), rtol=1e-4, raise_exception=False)
