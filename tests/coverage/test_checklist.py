"""The flat checklist: every name exists, as function and as method where PyTorch has it so, and does the right thing.

Set FORWARDNET_TEST_PEER=torch to run the same file on PyTorch: what the tests claim is true there too.
"""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from peer import ff, words

# ---------------------------------------------------------------- names that must exist

FUNCTIONS = words("""
tensor Tensor LongTensor FloatTensor from_numpy as_tensor zeros ones full empty eye arange linspace logspace rand
randn randint randperm zeros_like ones_like full_like rand_like randn_like empty_like manual_seed numel reshape
squeeze unsqueeze broadcast_to flatten permute transpose t cat stack split chunk clone index_select nonzero
masked_select gather scatter take where masked_fill abs add sub mul div addcdiv addcmul ceil floor round clamp exp
expm1 log log1p pow sqrt rsqrt square neg reciprocal sigmoid tanh softmax log_softmax relu sign sin cos erf maximum
minimum sum mean prod std var median norm dist max min argmax argmin cumsum cumprod logsumexp all any eq ne ge gt le
lt equal isclose allclose isnan isinf topk sort argsort dot mm bmm mv matmul addmm outer svd inverse det trace
no_grad enable_grad set_grad_enabled float32 float float64 double int64 long int32 int bool float16
""")

METHODS = words("""
size dim numel nelement view reshape resize_ squeeze unsqueeze expand broadcast_to flatten permute transpose t split
chunk contiguous clone item tolist numpy stride index_select nonzero masked_select masked_fill gather scatter
scatter_ scatter_add_ take where abs add sub mul div addcdiv addcmul ceil floor round clamp exp expm1 log log1p pow
sqrt rsqrt square neg reciprocal sigmoid tanh softmax log_softmax relu sign sin cos erf maximum minimum abs_ add_
sub_ mul_ div_ addcdiv_ addcmul_ ceil_ floor_ round_ clamp_ exp_ expm1_ log_ log1p_ pow_ sqrt_ rsqrt_ square_ neg_
reciprocal_ sigmoid_ tanh_ relu_ sign_ sin_ cos_ erf_ zero_ fill_ copy_ masked_fill_ sum mean prod std var median
norm dist max min argmax argmin cumsum cumprod logsumexp all any eq ne ge gt le lt equal isclose allclose isnan
isinf topk sort argsort dot mm bmm mv matmul addmm outer svd inverse det trace float double long int bool to type
requires_grad_ retain_grad detach detach_ backward
""")

ATTRIBUTES = words("""
shape ndim T dtype requires_grad is_leaf grad grad_fn device data
""")
AUTOGRAD = words("""
grad gradcheck functional.jacobian functional.hessian functional.vjp functional.jvp functional.hvp
""")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_exists(name: str) -> None:
    assert hasattr(ff, name)


@pytest.mark.parametrize("name", METHODS)
def test_method_exists(name: str) -> None:
    assert callable(getattr(ff.Tensor, name, None))


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attribute_exists(name: str) -> None:
    assert hasattr(ff.ones(2, 2, requires_grad=True), name)


@pytest.mark.parametrize("name", AUTOGRAD)
def test_autograd_name_exists(name: str) -> None:
    found = ff.autograd
    for part in name.split("."):
        found = getattr(found, part)
    assert callable(found)


# ---------------------------------------------------------------- function and method agree with the value known


def x() -> Any:
    return ff.tensor([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])


def positive() -> Any:
    return ff.tensor([0.25, 1.0, 4.0])


IDX = [[0, 1, 1], [1, 0, 1]]

# name: (input, further arguments, expected); called as ff.name(input, ...) and input.name(...)
BOTH: dict[str, tuple[Callable[[], Any], tuple[Any, ...], Any]] = {
    "abs": (x, (), [[1, 2, 3], [4, 5, 6]]),
    "add": (x, (1,), [[2, -1, 4], [5, 6, -5]]),
    "ceil": (lambda: ff.tensor([-1.5, 1.2]), (), [-1, 2]),
    "floor": (lambda: ff.tensor([-1.5, 1.2]), (), [-2, 1]),
    "round": (lambda: ff.tensor([0.5, 1.5, 2.6]), (), [0, 2, 3]),
    "clamp": (x, (-1, 2), [[1, -1, 2], [2, 2, -1]]),
    "exp": (lambda: ff.tensor([0.0, math.log(2)]), (), [1, 2]),
    "expm1": (lambda: ff.tensor([0.0, math.log(2)]), (), [0, 1]),
    "log": (positive, (), [math.log(0.25), 0, math.log(4)]),
    "log1p": (lambda: ff.tensor([0.0, 1.0]), (), [0, math.log(2)]),
    "pow": (x, (2,), [[1, 4, 9], [16, 25, 36]]),
    "mul": (x, (2,), [[2, -4, 6], [8, 10, -12]]),
    "sub": (x, (1,), [[0, -3, 2], [3, 4, -7]]),
    "div": (x, (2,), [[0.5, -1, 1.5], [2, 2.5, -3]]),
    "neg": (x, (), [[-1, 2, -3], [-4, -5, 6]]),
    "sigmoid": (lambda: ff.tensor([0.0, math.log(3)]), (), [0.5, 0.75]),
    "tanh": (lambda: ff.tensor([0.0, math.log(2)]), (), [0, 0.6]),
    "softmax": (lambda: ff.tensor([0.0, math.log(3)]), (0,), [0.25, 0.75]),
    "log_softmax": (lambda: ff.tensor([0.0, math.log(3)]), (0,), [math.log(0.25), math.log(0.75)]),
    "relu": (x, (), [[1, 0, 3], [4, 5, 0]]),
    "sign": (x, (), [[1, -1, 1], [1, 1, -1]]),
    "sqrt": (positive, (), [0.5, 1, 2]),
    "rsqrt": (positive, (), [2, 1, 0.5]),
    "square": (positive, (), [0.0625, 1, 16]),
    "reciprocal": (positive, (), [4, 1, 0.25]),
    "sin": (lambda: ff.tensor([0.0, math.pi / 6]), (), [0, 0.5]),
    "cos": (lambda: ff.tensor([0.0, math.pi / 3]), (), [1, 0.5]),
    "erf": (lambda: ff.tensor([0.0, 1.0]), (), [0, math.erf(1)]),
    "maximum": (positive, (ff.tensor([1.0, 0.0, 5.0]),), [1, 1, 5]),
    "minimum": (positive, (ff.tensor([1.0, 0.0, 5.0]),), [0.25, 0, 4]),
    "cumprod": (x, (1,), [[1, -2, -6], [4, 20, -120]]),
    "cumsum": (x, (1,), [[1, -1, 2], [4, 9, 3]]),
    "dist": (lambda: ff.tensor([1.0, 2.0]), (ff.tensor([4.0, 6.0]),), 5),
    "mean": (x, (), 5 / 6),
    "median": (x, (), 1),
    "std": (positive, (), np.std([0.25, 1, 4], ddof=1)),
    "var": (positive, (), np.var([0.25, 1, 4], ddof=1)),
    "norm": (lambda: ff.tensor([3.0, 4.0]), (), 5),
    "prod": (x, (), 720),
    "sum": (x, (), 5),
    "logsumexp": (lambda: ff.tensor([0.0, math.log(3)]), (0,), math.log(4)),
    "argmax": (x, (), 4),
    "argmin": (x, (1,), [1, 2]),
    "max": (x, (), 5),
    "min": (x, (), -6),
    "all": (x, (), True),
    "any": (x, (), True),
    "eq": (x, (4,), [[False] * 3, [True, False, False]]),
    "ne": (x, (4,), [[True] * 3, [False, True, True]]),
    "ge": (x, (4,), [[False] * 3, [True, True, False]]),
    "le": (x, (1,), [[True, True, False], [False, False, True]]),
    "gt": (x, (3,), [[False] * 3, [True, True, False]]),
    "lt": (x, (1,), [[False, True, False], [False, False, True]]),
    "isnan": (lambda: ff.tensor([1.0, math.nan, math.inf]), (), [False, True, False]),
    "isinf": (lambda: ff.tensor([1.0, math.nan, -math.inf]), (), [False, False, True]),
    "isclose": (positive, (ff.tensor([0.25, 1.1, 4.00001]),), [True, False, True]),
    "argsort": (x, (1,), [[1, 0, 2], [2, 0, 1]]),
    "dot": (positive, (positive(),), 17.0625),
    "mm": (x, (ff.ones(3, 1),), [[2], [3]]),
    "matmul": (x, (ff.ones(3),), [2, 3]),
    "mv": (x, (ff.ones(3),), [2, 3]),
    "bmm": (lambda: x().view(1, 2, 3), (ff.ones(1, 3, 1),), [[[2], [3]]]),
    "addmm": (lambda: ff.ones(2, 1), (x(), ff.ones(3, 1)), [[3], [4]]),
    "outer": (positive, (ff.tensor([1.0, 2.0]),), [[0.25, 0.5], [1, 2], [4, 8]]),
    "det": (lambda: ff.tensor([[1.0, 2.0], [3.0, 4.0]]), (), -2),
    "inverse": (lambda: ff.tensor([[1.0, 2.0], [3.0, 4.0]]), (), [[-2, 1], [1.5, -0.5]]),
    "trace": (lambda: ff.tensor([[1.0, 2.0], [3.0, 4.0]]), (), 5),
    "t": (x, (), [[1, 4], [-2, 5], [3, -6]]),
    "reshape": (x, ((3, 2),), [[1, -2], [3, 4], [5, -6]]),
    "flatten": (x, (), [1, -2, 3, 4, 5, -6]),
    "permute": (x, ((1, 0),), [[1, 4], [-2, 5], [3, -6]]),
    "transpose": (x, (0, 1), [[1, 4], [-2, 5], [3, -6]]),
    "squeeze": (lambda: ff.ones(1, 2, 1), (), [1, 1]),
    "unsqueeze": (lambda: ff.ones(2), (0,), [[1, 1]]),
    "broadcast_to": (lambda: ff.tensor([1.0, 2.0]), ((2, 2),), [[1, 2], [1, 2]]),
    "clone": (x, (), [[1, -2, 3], [4, 5, -6]]),
    "index_select": (x, (1, ff.tensor([2, 0])), [[3, 1], [-6, 4]]),
    "nonzero": (lambda: ff.tensor([0.0, 3.0, 0.0, 4.0]), (), [[1], [3]]),
    "masked_select": (x, (x() < 0,), [-2, -6]),
    "masked_fill": (x, (x() < 0, 9.0), [[1, 9, 3], [4, 5, 9]]),
    "gather": (x, (1, ff.tensor(IDX)), [[1, -2, -2], [5, 4, 5]]),
    "scatter": (lambda: ff.zeros(2, 2), (1, ff.tensor([[0], [1]]), ff.ones(2, 1)), [[1, 0], [0, 1]]),
    "take": (x, (ff.tensor([0, 5]),), [1, -6]),
    "addcdiv": (lambda: ff.ones(2), (ff.tensor([1.0, 4.0]), ff.tensor([2.0, 2.0])), [1.5, 3]),
    "addcmul": (lambda: ff.ones(2), (ff.tensor([1.0, 4.0]), ff.tensor([2.0, 2.0])), [3, 9]),
}


@pytest.mark.parametrize("name", BOTH)
def test_function_and_method_give_the_known_value(name: str) -> None:
    make, arguments, expected = BOTH[name]
    for got in (getattr(ff, name)(make(), *arguments), getattr(make(), name)(*arguments)):
        got = got.numpy()
        assert got.shape == np.shape(expected)
        np.testing.assert_allclose(got, expected, rtol=5e-6, atol=1e-6)  # float32, up to 40 units of eps


IN_PLACE = words("""
abs add ceil floor round clamp exp expm1 log log1p pow mul sub div neg sigmoid tanh relu sign sqrt rsqrt square
reciprocal sin cos erf addcdiv addcmul masked_fill
""")


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_form_writes_into_its_tensor(name: str) -> None:
    make, arguments, expected = BOTH[name]
    t = make()
    before = t.data_ptr()
    assert getattr(t, name + "_")(*arguments) is t
    assert t.data_ptr() == before
    np.testing.assert_allclose(t.numpy(), expected, rtol=5e-6, atol=1e-6)  # float32, up to 40 units of eps


# ---------------------------------------------------------------- the rest of the list, one small proof each


def check_creation() -> None:
    assert ff.Tensor([1, 2]).dtype == ff.float32 and ff.tensor([1, 2]).dtype == ff.int64
    assert tuple(ff.empty(2, 3).shape) == (2, 3)
    assert ff.full((2,), 7.0).tolist() == [7.0, 7.0] and ff.full_like(ff.ones(2), 3).tolist() == [3.0, 3.0]
    assert ff.eye(2).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert ff.as_tensor(np.arange(3)).tolist() == [0, 1, 2]
    assert sorted(ff.randperm(9).tolist()) == list(range(9))
    for like in (ff.rand_like, ff.randn_like, ff.empty_like, ff.ones_like, ff.zeros_like):
        assert like(ff.ones(2, 3, dtype=ff.float64)).dtype == ff.float64


def check_attributes() -> None:
    t = ff.ones(2, 3, requires_grad=True)
    assert list(t.size()) == list(t.shape) == [2, 3] and t.dim() == t.ndim == 2
    assert ff.numel(t) == t.numel() == t.nelement() == 6 and t.stride() == (3, 1)
    assert t.dtype == ff.float32 and t.requires_grad and t.is_leaf and t.grad_fn is None and t.grad is None
    assert ff.tensor(2.5).item() == 2.5
    assert t.T.shape == (3, 2)


def check_view() -> None:
    assert ff.arange(6).view(3, 2).view(-1).tolist() == [0, 1, 2, 3, 4, 5]


def check_resize() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ff.arange(6).resize(3, 2).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert ff.arange(6).resize_(2, 2).tolist() == [[0, 1], [2, 3]]


def check_contiguous() -> None:
    assert x().t().contiguous().is_contiguous()


def check_expand() -> None:
    assert ff.tensor([[1], [2]]).expand(2, 3).tolist() == [[1, 1, 1], [2, 2, 2]]


def check_cat_stack_split_chunk() -> None:
    assert ff.cat([ff.zeros(1), ff.ones(2)]).tolist() == [0.0, 1.0, 1.0]
    assert ff.stack([ff.zeros(2), ff.ones(2)], dim=1).tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert [p.tolist() for p in ff.arange(5).split(2)] == [[0, 1], [2, 3], [4]]
    assert [p.tolist() for p in ff.split(ff.arange(5), [1, 4])] == [[0], [1, 2, 3, 4]]
    assert [p.tolist() for p in ff.chunk(ff.arange(5), 2)] == [[0, 1, 2], [3, 4]]


def check_row_index() -> None:
    assert x()[0, :].tolist() == [1.0, -2.0, 3.0] and x()[:, -1].tolist() == [3.0, -6.0]


def check_index_assignment() -> None:
    y, jacobian = ff.zeros(1, 2), ff.zeros(2, 2)
    y[0, 0] = 5
    jacobian[0] = ff.tensor([1.0, 2.0])
    assert y.tolist() == [[5.0, 0.0]] and jacobian.tolist() == [[1.0, 2.0], [0.0, 0.0]]


def check_scatter_in_place() -> None:
    assert ff.zeros(3).scatter_(0, ff.tensor([2, 0]), ff.tensor([5.0, 6.0])).tolist() == [6.0, 0.0, 5.0]
    assert ff.zeros(2).scatter_add_(0, ff.tensor([1, 1]), ff.ones(2)).tolist() == [0.0, 2.0]


def check_where() -> None:
    assert ff.where(x() > 0, x(), ff.zeros(1)).tolist() == [[1.0, 0.0, 3.0], [4.0, 5.0, 0.0]]


def check_operators() -> None:
    t = ff.tensor([2.0, 3.0])
    assert (t * t).tolist() == [4.0, 9.0] and (t**2).tolist() == [4.0, 9.0] and (-t).tolist() == [-2.0, -3.0]
    t -= 1
    assert t.tolist() == [1.0, 2.0] and (t > 1).tolist() == [False, True]
    assert t.zero_().tolist() == [0.0, 0.0]


def check_reductions_with_dim() -> None:
    assert x().sum(dim=0).tolist() == [5.0, 3.0, -3.0]
    assert x().sum(dim=1, keepdim=True).shape == (2, 1)
    assert x().max(dim=1).indices.tolist() == [2, 1] and x().min(dim=1).values.tolist() == [-2.0, -6.0]


def check_equal() -> None:
    assert ff.equal(ff.ones(2), ff.ones(2)) is True and ff.ones(2).equal(ff.ones(1)) is False
    assert ff.allclose(ff.ones(2), ff.ones(2) + 1e-7) is True


def check_topk_sort() -> None:
    assert ff.topk(ff.tensor([1, 9, 5]), 2).values.tolist() == [9, 5]
    assert ff.sort(ff.tensor([3, 1, 2]), descending=True).indices.tolist() == [0, 2, 1]


def check_svd_eigh() -> None:
    assert ff.svd(ff.diag(ff.tensor([2.0, 3.0]))).S.tolist() == [3.0, 2.0]
    values, vectors = ff.linalg.eigh(ff.tensor([[2.0, 1.0], [1.0, 2.0]]))
    np.testing.assert_allclose(values.numpy(), [1, 3], rtol=1e-6)  # float32
    np.testing.assert_allclose((vectors @ vectors.t()).numpy(), np.eye(2), atol=1e-6)


def check_backward() -> None:
    w = ff.ones(2, requires_grad=True)
    (w * w).backward(gradient=ff.ones(2), retain_graph=True, create_graph=False)
    assert w.grad.tolist() == [2.0, 2.0]


def check_no_grad_and_detach() -> None:
    w = ff.ones(2, requires_grad=True)
    with ff.no_grad():
        assert not (w * 2).requires_grad
    with ff.no_grad(), ff.enable_grad():
        assert (w * 2).requires_grad
    with ff.set_grad_enabled(False):
        assert not (w * 2).requires_grad
    assert not w.detach().requires_grad
    y = w * 2
    assert y.detach_() is y and y.is_leaf


def check_accumulation_and_zeroing() -> None:
    w = ff.ones(2, requires_grad=True)
    for _ in range(2):
        (w * 3).sum().backward()
    assert w.grad.tolist() == [6.0, 6.0]
    assert ff.zeros_like(w.grad).tolist() == w.grad.zero_().tolist() == [0.0, 0.0]


def check_dtypes() -> None:
    for name in ("float16", "float32", "float64", "int64", "int32", "bool"):
        assert ff.ones(1).to(getattr(ff, name)).numpy().dtype == np.dtype(name)
    assert ff.float is ff.float32 and ff.double is ff.float64 and ff.long is ff.int64 and ff.int is ff.int32
    t = ff.ones(1)
    assert [v.dtype for v in (t.double(), t.long(), t.int(), t.bool(), t.long().float())] == [
        ff.float64,
        ff.int64,
        ff.int32,
        ff.bool,
        ff.float32,
    ]
    assert t.type(ff.int64).dtype == ff.int64 and isinstance(t.type(), str)


def check_numpy() -> None:
    t = ff.tensor([1.5, 2.5])
    assert isinstance(t.numpy(), np.ndarray) and np.asarray(t).tolist() == [1.5, 2.5]
    assert np.exp(np.zeros(2)).tolist() == ff.exp(ff.from_numpy(np.zeros(2))).tolist()
    assert np.array(ff.arange(3)).dtype == np.int64


CHECKS = {name.removeprefix("check_"): f for name, f in list(globals().items()) if name.startswith("check_")}


@pytest.mark.parametrize("name", CHECKS)
def test_checklist(name: str) -> None:
    CHECKS[name]()


def test_module_linear_relu_forward() -> None:
    nn = importlib.import_module(ff.__name__ + ".nn")

    class Net(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.relu = nn.Linear(3, 2), nn.ReLU()

        def forward(self, batch: Any) -> Any:
            return self.relu(self.linear(batch))

    model = Net()
    expected = x().numpy() @ model.linear.weight.detach().numpy().T + model.linear.bias.detach().numpy()
    np.testing.assert_allclose(model(x()).detach().numpy(), np.maximum(expected, 0), rtol=1e-5, atol=1e-6)  # float32
