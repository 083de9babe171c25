"""Laws that every activation keeps, found by reading the registry."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import functional as F
from forwardnet.nn.activations import ACTIVATIONS, Activation, formula

EVERY = sorted(ACTIVATIONS)
ELEMENTWISE = [name for name in EVERY if ACTIVATIONS[name].formula.elementwise]
ALONG_AN_AXIS = [name for name in EVERY if name not in ELEMENTWISE]
GRID = np.concatenate([np.linspace(-30, 30, 1201), [-1e-3, 0.0, 1e-3]])
WIDE = np.unique(np.concatenate([np.linspace(-30, 30, 2001), np.linspace(-2000, 2000, 401)]))


KNOWN = {
    **{name: getattr(np, name) for name in ("where", "exp", "log1p", "tanh", "abs", "sign", "pi")},
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "erf": np.vectorize(math.erf),
}


def options_of(name: str) -> dict[str, Any]:
    return {key: parameter.default for key, parameter in ACTIVATIONS[name].formula.options.items()}


def module_of(name: str, dtype: Any = ff.float64) -> nn.Module:
    """The activation in its deterministic form, as it is after training."""
    return ACTIVATIONS[name]().eval().to(dtype)


def values(name: str, x: Any) -> np.ndarray[Any, Any]:
    at = ff.tensor(x)
    return module_of(name, at.dtype)(at).detach().numpy()  # type: ignore[no-any-return]


def slopes(name: str, x: Any) -> np.ndarray[Any, Any]:
    at = ff.tensor(x, requires_grad=True)
    module_of(name, at.dtype)(at).sum().backward()
    assert at.grad is not None
    return at.grad.numpy()


NAMES = """abs elu gelu hardsigmoid hardtanh identity leaky_relu log_softmax logsigmoid mish prelu relu rrelu selu
    sigmoid sign silu softmax softplus softsign step tanh"""


def _with(module: nn.Module, parameter: Any) -> Any:
    """`module` as a function of its one parameter."""
    (name,) = dict(module.named_parameters())
    formula = type(module).formula.function  # type: ignore[attr-defined]
    return lambda x: formula(x, **{name: parameter})


def test_the_registry_holds_the_activations_by_their_names() -> None:
    assert set(NAMES.split()) <= set(EVERY)
    assert ELEMENTWISE and ALONG_AN_AXIS
    assert ACTIVATIONS["relu"] is nn.ReLU and nn.LAYERS["ReLU"] is nn.ReLU


@pytest.mark.parametrize("name", EVERY)
def test_derivatives_of_first_and_second_order(name: str) -> None:
    ff.manual_seed(1)
    for shape in ((5,), (3, 4), (2, 3, 2)):
        # away from the kinks at 0, where no derivative exists
        x = ff.randn(*shape, dtype=ff.float64)
        x = (x + 0.2 * x.sign()).requires_grad_()
        module = module_of(name)
        for parameter in module.parameters():
            assert ff.autograd.gradcheck(lambda p, x=x, module=module: _with(module, p)(x), (parameter,))
        assert ff.autograd.gradcheck(module, (x,))
        assert ff.autograd.gradgradcheck(module, (x,))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_derivative_in_the_table_is_the_derivative(name: str) -> None:
    known = ACTIVATIONS[name].formula
    x = GRID[np.abs(GRID) < 8]
    names = {"x": x, "h": values(name, x), **KNOWN, **options_of(name)}
    told = eval(known.derivative, {"__builtins__": {}}, names)
    # float64; where h is close to 1, 1 - h keeps fewer digits
    np.testing.assert_allclose(slopes(name, x), told * np.ones_like(x), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ALONG_AN_AXIS)
def test_the_derivative_in_the_table_is_the_jacobian(name: str) -> None:
    x = np.array([0.3, -1.2, 0.5, 2.0])
    h = values(name, x)
    i, j = np.indices((4, 4))
    names = {"h_i": h[i], "h_j": h[j], "i": i, "j": j, "exp": np.exp}
    jacobian = ff.autograd.functional.jacobian(module_of(name), ff.tensor(x))
    np.testing.assert_allclose(jacobian.numpy(), eval(ACTIVATIONS[name].formula.derivative, {}, names), atol=1e-15)


@pytest.mark.parametrize("name", EVERY)
def test_values_stay_in_the_range(name: str) -> None:
    low, high = ACTIVATIONS[name].formula.range
    y = values(name, WIDE)
    assert y.min() >= low and y.max() <= high
    if ACTIVATIONS[name].formula.elementwise:
        # the range is no wider than it needs to be: both ends are come near
        near = 0.01
        assert y.min() < low + near if math.isfinite(low) else y.min() < -0.2
        assert y.max() > high - near if math.isfinite(high) else y.max() > 20


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_limits_at_infinity_and_nan(name: str, dtype: Any) -> None:
    left, right = ACTIVATIONS[name].formula.limits
    x = np.array([-math.inf, math.inf, math.nan, -1e30, 1e30], dtype)
    y = values(name, x)
    assert y[0] == left and y[1] == right and math.isnan(y[2])
    assert not np.isnan(y[3:]).any()
    slope = slopes(name, x)
    # made of straight pieces: that of nan is one of them
    assert math.isnan(slope[2]) or len(set(slopes(name, GRID[np.abs(GRID) > 1e-2]))) <= 2
    assert np.isfinite(np.delete(slope, 2)).all()
    assert slope[0] == slope[3] and slope[1] == slope[4]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_float32_is_float64_rounded_also_far_out(name: str) -> None:
    x = np.concatenate([GRID, [1e4, -1e4, -0.0]]).astype(np.float32)
    exact = x.astype(np.float64)
    # a few roundings of float32, where 1 - h or 1 + erf keeps fewer digits of a small result
    np.testing.assert_allclose(values(name, x), values(name, exact), rtol=1e-6, atol=5e-7)
    np.testing.assert_allclose(slopes(name, x), slopes(name, exact), rtol=1e-6, atol=5e-7)
    assert values(name, [0.0]) == values(name, [-0.0])
    assert slopes(name, [0.0]) == slopes(name, [-0.0])


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_saturation_centring_and_monotony(name: str) -> None:
    known = ACTIVATIONS[name].formula
    x = WIDE
    y, slope = values(name, x), slopes(name, x)
    at_ends = {"left": abs(slope[0]) < 1e-6, "right": abs(slope[-1]) < 1e-6}
    assert known.saturates in ("", "left", "right", "both")
    assert at_ends == {end: known.saturates in (end, "both") for end in ("left", "right")}
    assert known.zero_centred == (y.min() < -0.5 and y.max() > 0.5 and abs(values(name, np.zeros(1))[0]) < 1e-12)
    assert known.monotone == bool((np.diff(y) >= 0).all())


@pytest.mark.parametrize("name", EVERY)
def test_shape_and_type_are_kept(name: str) -> None:
    for shape in ((), (0,), (3,), (2, 0, 4), (2, 3, 4)):
        for dtype in (ff.float32, ff.float64):
            if shape == () and name in ALONG_AN_AXIS:
                continue
            y = module_of(name, dtype)(ff.zeros(shape, dtype=dtype))
            assert tuple(y.shape) == shape and y.dtype == dtype


@pytest.mark.parametrize("name", EVERY)
def test_the_formula_answers_arrays_tensors_and_functions_alike(name: str) -> None:
    x = np.linspace(-2, 2, 12).reshape(3, 4)
    known = ACTIVATIONS[name].formula
    y = values(name, x)
    if name in ELEMENTWISE:
        np.testing.assert_array_equal(known(x), y)
    if hasattr(F, name):
        np.testing.assert_array_equal(getattr(F, name)(ff.tensor(x)).numpy(), y)
        np.testing.assert_array_equal(getattr(F, name)(ff.tensor(x), inplace=True).numpy(), y)


@pytest.mark.parametrize("name", EVERY)
def test_the_class_is_documented_and_repeats_its_options(name: str) -> None:
    made = ACTIVATIONS[name]
    doc = made.formula.__doc__
    assert doc and doc.startswith(("h(x) = ", "h_i(x) = ")), "the formula comes first"
    assert made.__doc__ and made.formula.derivative
    assert made.formula.__name__ == name
    module = made()
    assert module.training
    if "__init__" not in vars(made):  # else it says itself how the options are given
        assert list(inspect.signature(made).parameters) == list(made.formula.options)
        assert repr(module) == f"{made.__name__}({', '.join(f'{k}={v!r}' for k, v in options_of(name).items())})"
        assert not list(module.parameters())


def test_options_are_attributes_that_count() -> None:
    leaky = nn.LeakyReLU(0.2)
    assert repr(leaky) == "LeakyReLU(negative_slope=0.2)"
    leaky.negative_slope = 0.5
    assert leaky(ff.tensor([-2.0])).tolist() == [-1.0]
    assert nn.ReLU(inplace=True)(ff.tensor([-1.0])).tolist() == [0.0]
    with pytest.raises(TypeError, match="negative_slop"):
        nn.LeakyReLU(negative_slop=0.1)


def test_a_formula_and_one_line_make_an_activation() -> None:
    @formula("2 * scale * x", range=(0, math.inf), limits=(math.inf, math.inf), monotone=False)
    def parabola(x: ff.Tensor, scale: float = 1.0) -> ff.Tensor:
        """h(x) = scale x^2"""
        return scale * x * x

    class Parabola(Activation, formula=parabola): ...

    try:
        assert ACTIVATIONS["parabola"] is Parabola and "Parabola" not in nn.LAYERS
        assert Parabola(3.0)(ff.tensor([2.0])).tolist() == [12.0]
        assert Parabola.__doc__ == "h(x) = scale x^2" and repr(Parabola()) == "Parabola(scale=1.0)"
    finally:
        del ACTIVATIONS["parabola"]


def test_softmax_is_stable_and_does_not_see_a_shift() -> None:
    x = ff.tensor([[1e4, 0.0, -1e4], [1e4, 1e4, -1e4]])
    assert nn.Softmax(dim=-1)(x).tolist() == [[1, 0, 0], [0.5, 0.5, 0]]
    assert nn.LogSoftmax(dim=-1)(x)[0].tolist() == [0, -1e4, -2e4]
    z = ff.randn(4, 5, dtype=ff.float64)
    shifted = F.softmax(z + 7.0, dim=0)
    np.testing.assert_allclose(shifted.numpy(), F.softmax(z, dim=0).numpy(), rtol=1e-13)
