"""Laws that every optimiser keeps, found by reading the registry; groups, state, and what they say when misused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim
from forwardnet.optim import OPTIMIZERS
from forwardnet.optim.optimizer import BLOCK
from optim.by_the_book import FORMULAS, RULED, VARIANT_IDS, VARIANTS, by_the_book

EVERY = RULED
# Settings with which each is at the bottom of the quadratic soon: options, steps, and how near it then stays.
# Those whose steps do not shrink with the gradient end by stepping over the bottom, about as far as the last steps.
DESCENTS: dict[str, tuple[dict[str, Any], int, float]] = {
    "sgd": ({"lr": 0.2}, 300, 1e-3),
    "adam": ({"lr": 0.1}, 300, 1e-3),
    "adamw": ({"lr": 0.1, "weight_decay": 0.0}, 300, 1e-3),
    "adagrad": ({"lr": 1.0}, 300, 1e-3),
    "adadelta": ({"lr": 10.0, "eps": 1e-4}, 300, 1e-2),
    "rmsprop": ({"lr": 0.02}, 400, 2e-2),
    "nadam": ({"lr": 0.1}, 300, 1e-3),
    "radam": ({"lr": 0.2}, 300, 1e-3),
    "adamax": ({"lr": 0.2}, 300, 1e-3),
    "lion": ({"lr": 0.02, "betas": (0.5, 0.9)}, 400, 5e-2),
    "muon": ({"lr": 0.05}, 400, 1e-2),
}


def quadratic(p: Any) -> Any:
    """(p - 3)' diag(1, 4) (p - 3) / 2, least at 3."""
    return 0.5 * (ff.tensor([1.0, 4.0], dtype=p.dtype) * (p - 3) ** 2).sum()


def walk(optimizer: Any, p: Any, steps: int, function: Any = quadratic) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        function(p).backward()
        optimizer.step()


def start(dtype: Any = ff.float64) -> Any:
    return ff.tensor([0.0, 5.0], dtype=dtype, requires_grad=True)


def test_the_registry() -> None:
    assert {"sgd": optim.SGD, "adam": optim.Adam, "adamw": optim.AdamW}.items() <= OPTIMIZERS.items()
    assert {name for name, _ in VARIANTS} == set(EVERY) == set(FORMULAS) == set(DESCENTS)
    flat = {name: cls for name, cls in OPTIMIZERS.items() if name not in EVERY}
    assert flat == {"lbfgs": optim.LBFGS, "newton": optim.Newton, "steepest_descent": optim.SteepestDescent}


@pytest.mark.parametrize("name", EVERY)
def test_descends_a_quadratic(name: str) -> None:
    for dtype in (ff.float32, ff.float64):
        p = start(dtype)
        options, steps, atol = DESCENTS[name]
        walk(OPTIMIZERS[name]([p], **options), p, steps)
        np.testing.assert_allclose(p.tolist(), [3, 3], atol=atol)
        assert p.dtype == dtype and p.is_leaf and p.requires_grad


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=VARIANT_IDS)
@pytest.mark.parametrize("size", [1, 7, (6, 4), (3, 5), 2 * BLOCK + 5], ids=str)
def test_is_the_published_formula(name: str, options: dict[str, Any], size: Any) -> None:
    random = np.random.default_rng(0)
    first = random.normal(size=size)
    gradients = [random.normal(size=size) for _ in range(5)]
    p = ff.tensor(first, requires_grad=True)
    optimizer = OPTIMIZERS[name]([p], lr=0.05, **options)
    for g in gradients:
        p.grad = ff.tensor(g)
        optimizer.step()
    # float64; the order of a few operations differs
    np.testing.assert_allclose(
        p.detach().numpy(), by_the_book(name, options, gradients, first, 0.05), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=VARIANT_IDS)
def test_a_rule_is_pure_and_the_same_for_arrays_and_tensors(name: str, options: dict[str, Any]) -> None:
    rule = OPTIMIZERS[name].rule
    assert rule is not None
    p, g = np.linspace(-1, 1, 6).reshape(3, 2), np.linspace(2, -1, 6).reshape(3, 2)
    h = OPTIMIZERS[name]([ff.tensor(p, requires_grad=True)], lr=0.1, **options).param_groups[0]
    s = rule.init(p, h)
    kept = [p.copy(), g.copy(), copy.deepcopy(s)]
    for t in (1, 2):
        p_array, s_array = rule.step(p, g, s, t, h)
        p_tensor, s_tensor = rule.step(
            ff.tensor(p), ff.tensor(g), {k: ff.tensor(v, dtype=ff.float64) for k, v in s.items()}, t, h
        )
        np.testing.assert_array_equal(p_tensor.numpy(), p_array)
        assert s_tensor.keys() == s_array.keys() == s.keys()
        for key in s:
            np.testing.assert_array_equal(s_tensor[key].numpy(), s_array[key])
    np.testing.assert_array_equal(p, kept[0])
    np.testing.assert_array_equal(g, kept[1])
    for key, value in s.items():
        np.testing.assert_array_equal(value, kept[2][key])


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=VARIANT_IDS)
def test_state_round_trip_continues_bit_for_bit(name: str, options: dict[str, Any]) -> None:
    p = start()
    optimizer = OPTIMIZERS[name]([p], lr=0.05, **options)
    walk(optimizer, p, 3)
    q = ff.tensor(p.detach().numpy(), requires_grad=True)
    other = OPTIMIZERS[name]([q], lr=99.0)
    saved = copy.deepcopy(optimizer.state_dict())
    other.load_state_dict(saved)
    walk(optimizer, p, 3)
    walk(other, q, 3)
    assert ff.equal(p, q) and other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"] < 0.1
    assert saved["param_groups"][0]["params"] == [0] and saved["state"][0]["step"] == 3
    for key, value in optimizer.state[p].items():
        if isinstance(value, ff.Tensor):
            assert not np.may_share_memory(value.numpy(), other.state[q][key].numpy())


@pytest.mark.parametrize("name", EVERY)
def test_a_step_is_noticed_by_a_graph_that_saved_the_old_value(name: str) -> None:
    w = ff.ones(2, requires_grad=True)
    optimizer = OPTIMIZERS[name]([w], lr=0.1)
    stale = (w**2).sum()
    (w**3).sum().backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        stale.backward()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("block", [BLOCK, 4])
def test_shapes_layouts_and_missing_gradients(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix stored by columns, a scalar, nothing at all: each moves as a plain vector of its elements does.

    Where a rule is not one of elements: as the same matrix stored by rows.
    """
    monkeypatch.setattr("forwardnet.optim.optimizer.BLOCK", block)
    values = np.linspace(-1, 1, 12)
    rule = OPTIMIZERS[name].rule
    assert rule is not None
    plain = ff.tensor(values if rule.elementwise else values.reshape(3, 4), requires_grad=True)
    by_columns = ff.tensor(np.ascontiguousarray(values.reshape(3, 4).T)).T.requires_grad_()
    scalar = ff.tensor(values[0], requires_grad=True)
    empty, untouched = ff.zeros(0, 3, requires_grad=True), ff.ones(2, requires_grad=True)
    assert not by_columns.is_contiguous()
    params = [plain, by_columns, scalar, empty, untouched]
    optimizer = OPTIMIZERS[name](params, lr=0.1)
    for _ in range(2):
        for p in params[:4]:
            p.grad = ff.zeros_like(p) + p.detach() * 2 + 1
        optimizer.step()
    rtol = 0 if rule.elementwise else 1e-12  # products of matrices that lie otherwise sum in another order
    np.testing.assert_allclose(by_columns.detach().numpy().ravel(), plain.detach().numpy().ravel(), rtol=rtol)
    assert not rule.elementwise or scalar.item() == plain[0].item()
    assert untouched.tolist() == [1, 1]
    assert untouched not in optimizer.state


@pytest.mark.parametrize("name", EVERY)
def test_blocks_do_not_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    first, g = (random.normal(size=(11, 13)).astype(np.float32) for _ in range(2))
    ends = []
    for block in (10**9, 16, 7):
        monkeypatch.setattr("forwardnet.optim.optimizer.BLOCK", block)
        p = ff.tensor(first, requires_grad=True)
        optimizer = OPTIMIZERS[name]([p], lr=0.1)
        for _ in range(3):
            p.grad = ff.tensor(g)
            optimizer.step()
        ends.append(p.detach().numpy())
    np.testing.assert_array_equal(ends[0], ends[1])
    np.testing.assert_array_equal(ends[0], ends[2])


@pytest.mark.parametrize("name", EVERY)
def test_documentation_and_text(name: str) -> None:
    made = OPTIMIZERS[name]
    assert made.__doc__ and ("p <- " in made.__doc__)
    optimizer = made([start()], lr=0.5)
    text = repr(optimizer)
    assert text.startswith(f"{made.__name__} (\nParameter Group 0\n") and "    lr: 0.5\n" in text


# ---------------------------------------------------------------- groups, closures, gradients


def test_groups_have_their_own_numbers() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    optimizer = optim.SGD(
        [{"params": net[0].parameters()}, {"params": net[1].parameters(), "lr": 0.0, "tag": "head"}], lr=0.1
    )
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.0] and optimizer.param_groups[1]["tag"] == "head"
    before = net.get_flat_params()
    net(ff.ones(1, 2)).sum().backward()
    optimizer.step()
    moved = net.get_flat_params() != before
    assert moved[:6].any().item() and not moved[6:].any().item()
    optimizer.param_groups[1]["lr"] = 0.1
    optimizer.step()
    assert (net.get_flat_params() != before)[6:].any().item()
    extra = ff.ones(1, requires_grad=True)
    optimizer.add_param_group({"params": extra, "momentum": 0.5})
    assert optimizer.param_groups[2]["params"][0] is extra and optimizer.param_groups[2]["lr"] == 0.1
    assert optim.SGD(net.named_parameters(), lr=0.1).param_groups[0]["params"][0] is net[0].weight


def test_closure_and_zero_grad() -> None:
    p = start()
    optimizer = optim.SGD([p], lr=0.1)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = quadratic(p)
        loss.backward()
        return loss

    with ff.no_grad():
        assert optimizer.step(closure).item() == 0.5 * (9 + 16)
    assert p.grad is not None and p.grad.tolist() == [-3, 8]
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert p.grad is None and optimizer.step() is None


def test_momentum_may_be_turned_on_later() -> None:
    p = start()
    optimizer = optim.SGD([p], lr=0.1)
    walk(optimizer, p, 1)
    assert set(optimizer.state[p]) == {"step"}
    optimizer.param_groups[0]["momentum"] = 0.9
    walk(optimizer, p, 2)
    assert set(optimizer.state[p]) == {"step", "momentum_buffer"}


def test_an_overflow_is_left_to_be_seen_in_the_parameters() -> None:
    p = ff.tensor([1e38], requires_grad=True)
    p.grad = ff.tensor([-3e38])
    optim.SGD([p], lr=10.0).step()
    assert p.item() == float("inf")


def test_an_optimiser_of_ones_own() -> None:
    class Signs(optim.Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        def step(self, closure: Any = None) -> None:
            with ff.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        p -= group["lr"] * p.grad.sign()

    p = start()
    walk(Signs([p], lr=0.1), p, 100)
    np.testing.assert_allclose(p.tolist(), [3, 3], atol=0.2)
    assert "Signs" not in {made.__name__ for made in OPTIMIZERS.values()}

    class Nothing(optim.Optimizer):
        pass

    p.grad = ff.ones(2, dtype=ff.float64)
    with pytest.raises(NotImplementedError, match="Nothing has neither a rule nor a step method"):
        Nothing([p], {}).step()


# ---------------------------------------------------------------- misuse

W = [ff.ones(2, requires_grad=True)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: optim.SGD(W, lr=-1), r"SGD: lr is -1, expected a number >= 0"),
        (lambda: optim.SGD(W, lr="fast"), r"SGD: lr is 'fast', expected a number >= 0"),  # type: ignore[arg-type]
        (lambda: optim.SGD(W, lr=float("nan")), r"SGD: lr is nan"),
        (lambda: optim.SGD(W, momentum=-0.1), r"SGD: momentum is -0.1"),
        (
            lambda: optim.SGD(W, nesterov=True),
            r"SGD: nesterov with momentum 0.0 and dampening 0.0, expected momentum > 0",
        ),
        (lambda: optim.Adam(W, betas=(0.9, 1.0)), r"Adam: betas are \(0.9, 1.0\), expected two numbers in \[0, 1\)"),
        (lambda: optim.Adam(W, eps=-1e-8), r"Adam: eps is -1e-08"),
        (lambda: optim.AdamW(W, weight_decay=-1), r"AdamW: weight_decay is -1"),
        (lambda: optim.Adagrad(W, lr_decay=-1), r"Adagrad: lr_decay is -1, expected a number >= 0"),
        (lambda: optim.Adagrad(W, initial_accumulator_value=-1), r"Adagrad: initial_accumulator_value is -1"),
        (lambda: optim.Adadelta(W, rho=1.5), r"Adadelta: rho is 1.5, expected a number in \[0, 1\]"),
        (lambda: optim.RMSprop(W, alpha=-0.1), r"RMSprop: alpha is -0.1"),
        (lambda: optim.NAdam(W, momentum_decay=-1), r"NAdam: momentum_decay is -1"),
        (lambda: optim.NAdam(W, betas=(1.0, 0.9)), r"NAdam: betas are \(1.0, 0.9\)"),
        (lambda: optim.RAdam(W, eps=-1), r"RAdam: eps is -1"),
        (lambda: optim.Adamax(W, betas=(0.9, 2)), r"Adamax: betas are \(0.9, 2\)"),
        (lambda: optim.Lion(W, weight_decay=-1), r"Lion: weight_decay is -1"),
        (lambda: optim.SGD([{"params": W, "lr": -2}]), r"SGD: lr is -2"),
        (lambda: optim.SGD([]), r"SGD: got an empty parameter list\nhint: the model has nothing to train"),
        (lambda: optim.SGD([W[0] * 2]), r"can't optimize a non-leaf Tensor"),
        (lambda: optim.SGD([W[0], W[0]]), r"some parameters appear more than once"),
        (lambda: optim.SGD([{"params": W}, {"params": W}]), r"some parameters appear more than once"),
        (
            lambda: optim.SGD([{"params": W, "momentun": 0.9}]),
            r"unknown SGD option 'momentun'\nhint: did you mean 'momentum'",
        ),
    ],
)
def test_wrong_numbers_and_lists(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: optim.SGD(W[0]),
            r"params is a Tensor, expected a list of tensors or of groups\nhint: SGD\(model.param",
        ),
        (lambda: optim.SGD([1.0]), r"a parameter is a float, expected a Tensor"),  # type: ignore[list-item]
        (lambda: optim.SGD([{"parameters": W}]), r"a parameter group is a dict with 'params'"),
        (lambda: optim.SGD(W, momentun=0.9), r"momentun"),  # type: ignore[call-arg]
    ],
)
def test_wrong_types(make: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        make()


def test_a_state_of_pytorch_without_a_count_of_steps() -> None:
    p = start()
    optimizer = optim.SGD([p], lr=0.1, momentum=0.5)
    state = optimizer.state_dict()
    optimizer.load_state_dict({**state, "state": {0: {"momentum_buffer": np.array([2.0, 4.0])}}})
    p.grad = ff.zeros(2, dtype=ff.float64)
    optimizer.step()
    np.testing.assert_allclose(p.tolist(), [0 - 0.1, 5 - 0.2])


def test_states_that_do_not_fit() -> None:
    p = start()
    optimizer = optim.Adam([p], lr=0.1)
    walk(optimizer, p, 1)
    state = optimizer.state_dict()
    for wrong, said in (
        ({"state": {}}, "expected a mapping with 'state' and 'param_groups'"),
        (
            {**state, "param_groups": state["param_groups"] * 2},
            r"the saved groups have \[1, 1\] parameters, expected \[1\]",
        ),
        ({**state, "state": {3: {}}}, r"there is state for parameter 3, expected one of \[0\]"),
        ({**state, "state": {0: {"step": 1, "exp_avg": ff.ones(3)}}}, r"exp_avg has shape \(3,\), expected \(2,\)"),
    ):
        with pytest.raises(ValueError, match=said):
            optimizer.load_state_dict(wrong)
    assert set(optimizer.state[p]) == {"step", "exp_avg", "exp_avg_sq"}
