"""Modules: registration, walking, state dicts, modes, hooks, conversion, text, and what they say when misused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn


class Net(nn.Module):
    """Two layers, a buffer of each kind, and an absent parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(4, 2, bias=False)
        self.scale = nn.Parameter(ff.ones(2))
        self.register_buffer("mean", ff.zeros(3))
        self.register_buffer("cache", ff.zeros(1), persistent=False)
        self.register_parameter("absent", None)
        self.name = "net"

    def forward(self, x: Any) -> Any:
        return self.second(ff.tanh(self.first(x - self.mean))) * self.scale


NAMES = ["scale", "first.weight", "first.bias", "second.weight"]


# ---------------------------------------------------------------- registration


def test_assignment_registers() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_buffers()] == ["mean", "cache"]
    assert [name for name, _ in net.named_children()] == ["first", "second"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "second"]
    assert list(net.modules()) == [net, net.first, net.second]
    assert [name for name, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert net.absent is None and net.name == "net"
    assert {"first", "scale", "mean"} <= set(dir(net))


def test_a_shared_parameter_counts_once_and_its_gradients_add_up() -> None:
    ff.manual_seed(0)
    shared = nn.Linear(3, 3).double()
    net = nn.Sequential(shared, nn.Tanh(), shared)
    assert len(list(net.parameters())) == 2 and len(list(net.modules())) == 3
    assert net.count_parameters() == 12
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    names = [name for name, _ in net.named_parameters(remove_duplicate=False)]
    assert names == ["0.weight", "0.bias", "2.weight", "2.bias"]
    x = ff.randn(5, 3, dtype=ff.float64)
    net(x).sum().backward()
    apart = nn.Sequential(copy.deepcopy(shared), nn.Tanh(), copy.deepcopy(shared))
    for param in apart.parameters():
        param.grad = None
    apart(x).sum().backward()
    assert shared.weight.grad is not None
    both = apart[0].weight.grad + apart[2].weight.grad
    np.testing.assert_allclose(shared.weight.grad.numpy(), both.numpy(), rtol=1e-14)


def test_deepcopy_keeps_sharing_and_cuts_ties() -> None:
    shared = nn.Linear(2, 2)
    net = nn.Sequential(shared, shared)
    twin = copy.deepcopy(net)
    assert twin[0] is twin[1] and twin[0] is not shared
    with ff.no_grad():
        twin[0].weight.zero_()
    assert shared.weight.abs().sum().item() > 0
    assert isinstance(twin[0].weight, nn.Parameter) and twin[0].weight.requires_grad


def test_replacing_and_deleting() -> None:
    net = Net()
    net.first = nn.Linear(3, 5)
    assert net.first.out_features == 5
    net.scale = None
    assert net.scale is None and [n for n, _ in net.named_parameters()] == NAMES[1:]
    net.scale = nn.Parameter(ff.ones(2))
    net.mean = ff.ones(3)
    assert dict(net.named_buffers())["mean"].tolist() == [1, 1, 1]
    del net.first
    assert not hasattr(net, "first") and "first" not in dict(net.named_children())
    net.first = 3  # free for anything now
    assert net.first == 3
    net.first = nn.Linear(1, 1)
    assert isinstance(net.first, nn.Linear) and "first" not in vars(net)
    with pytest.raises(AttributeError):
        del net.nothing


def test_a_registered_name_wins_over_a_method() -> None:
    net = nn.Module()
    net.summary = nn.Linear(2, 2)
    net.depth = 7
    net.width = nn.Parameter(ff.ones(1))
    net.register_buffer("freeze", ff.zeros(1))
    assert isinstance(net.summary, nn.Linear) and net.depth == 7
    assert tuple(net.width.shape) == (1,) and isinstance(net.freeze, ff.Tensor)
    assert list(net.state_dict()) == ["width", "freeze", "summary.weight", "summary.bias"]
    del net.summary
    assert callable(net.summary)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda net: setattr(net, "first", 3), r"cannot assign int to Net.first, expected a Module or None"),
        (lambda net: setattr(net, "scale", ff.ones(2)), r"cannot assign Tensor to Net.scale, expected a Parameter"),
        (lambda net: setattr(net, "mean", [0.0]), r"cannot assign list to Net.mean, expected a Tensor"),
        (lambda net: net.register_parameter("w", ff.ones(2)), r"Net.w: got Tensor, expected a Parameter.*\nhint: wrap"),
        (lambda net: net.register_parameter("name", nn.Parameter(ff.ones(1))), r"attribute 'name' already exists"),
        (lambda net: net.register_parameter("a.b", None), r"can't be empty or contain \"\.\", got 'a.b'"),
        (lambda net: net.add_module("", nn.ReLU()), r"can't be empty"),
        (lambda net: net.add_module("forward", nn.ReLU()), r"attribute 'forward' already exists"),
        (lambda net: net.add_module("act", nn.ReLU), r"expected a Module\nhint: make one: ReLU\(...\)"),
        (lambda net: net.register_buffer("mask", [1]), r"Net.mask: got list, expected a Tensor"),
        (lambda net: net.register_buffer("first", ff.ones(1)), r"attribute 'first' already exists"),
    ],
)
def test_what_cannot_be_registered(act: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        act(Net())
    with pytest.raises(KeyError):
        act(Net())


def test_a_computed_tensor_is_no_parameter() -> None:
    computed = nn.Parameter(ff.ones(2))
    computed._edge = (computed * 2)._edge
    with pytest.raises(TypeError, match="was computed from other tensors"):
        nn.Module().register_parameter("w", computed)


def test_a_forgotten_super_init_is_named() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.size = 3
            self.layer = nn.Linear(2, 2)

    with pytest.raises(AttributeError, match=r"Forgetful: cannot assign 'layer' before Module.__init__\(\) was called"):
        Forgetful()

    class Empty(nn.Module):
        def __init__(self) -> None:
            pass

    for act in (lambda m: m(1), lambda m: list(m.parameters()), lambda m: m.register_buffer("b", None)):
        with pytest.raises(AttributeError, match=r"hint: call super\(\).__init__\(\) first in Empty.__init__"):
            act(Empty())


def test_unknown_attributes() -> None:
    net = Net()
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'frist'") as caught:
        net.frist  # noqa: B018
    assert caught.value.name == "frist" and caught.value.obj is net  # what Python's "did you mean" needs
    assert not hasattr(net, "frist")


def test_parameter() -> None:
    data = ff.zeros(2, 2)
    p = nn.Parameter(data)
    assert isinstance(p, ff.Tensor) and p.is_leaf and p.requires_grad
    data[0, 0] = 5.0
    assert p[0, 0].item() == 5, "the memory is shared"
    assert type(p * 1) is ff.Tensor and repr(p).startswith("Parameter containing:\ntensor(")
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    with pytest.raises(TypeError, match="Parameter: data is a list, expected a Tensor"):
        nn.Parameter([1.0])


# ---------------------------------------------------------------- calling and hooks


def test_hooks_see_and_replace() -> None:
    net = nn.Linear(2, 2)
    calls: list[str] = []

    def before(module: Any, args: Any) -> Any:
        calls.append("before")
        return args[0] * 0

    def after(module: Any, args: Any, output: Any) -> Any:
        calls.append("after")
        assert args[0].abs().sum().item() == 0, "sees the replaced argument"
        return output + 1

    x = ff.ones(1, 2)
    plain = net(x)
    first = net.register_forward_pre_hook(before)
    with net.register_forward_hook(after):
        assert ff.allclose(net(x), net.bias + 1)
    net(x)
    first.remove()
    first.remove()
    assert ff.equal(net(x), plain)
    assert calls == ["before", "after", "before"]


def test_hooks_with_keywords_and_in_order() -> None:
    class Scaled(nn.Module):
        def forward(self, x: Any, *, scale: float = 1.0) -> Any:
            return x * scale

    net, order = Scaled(), []
    net.register_forward_pre_hook(lambda m, a, k: (a, {"scale": k["scale"] * 10}), with_kwargs=True)
    net.register_forward_hook(lambda m, a, k, y: order.append(("late", k)), with_kwargs=True)
    net.register_forward_hook(lambda m, a, y: order.append("early"), prepend=True)
    assert net(2, scale=3) == 60
    assert order == ["early", ("late", {"scale": 30})]


def test_a_module_without_forward() -> None:
    with pytest.raises(NotImplementedError, match="Module has no forward method: define forward"):
        nn.Module()(1)


# ---------------------------------------------------------------- state dicts


def test_state_dict_round_trip() -> None:
    ff.manual_seed(0)
    net, other = Net(), Net()
    state = net.state_dict()
    assert list(state) == ["scale", "mean", "first.weight", "first.bias", "second.weight"], "not the cache"
    assert not any(t.requires_grad for t in state.values())
    answer = other.load_state_dict(state)
    assert answer == ([], []) and repr(answer) == "<All keys matched successfully>"
    x = ff.randn(4, 3)
    assert ff.equal(net(x), other(x))
    state["scale"][0] = 7.0
    assert net.scale[0].item() == 7 and other.scale[0].item() == 1, "shared with the source, copied into the target"
    assert net.state_dict(prefix="a.", keep_vars=True)["a.scale"] is net.scale


def test_state_dict_takes_arrays_and_converts() -> None:
    net = nn.Linear(2, 1)
    net.load_state_dict({"weight": np.array([[1.0, 2.0]]), "bias": np.array([3])})
    assert net.weight.tolist() == [[1, 2]] and net.weight.dtype == ff.float32 and net.bias.tolist() == [3]


def test_state_dict_that_does_not_fit_changes_nothing() -> None:
    net = Net()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    good = {name: tensor + 1 for name, tensor in before.items()}
    cases: list[tuple[Any, type[Exception], str]] = [
        ({k: v for k, v in good.items() if k != "scale"}, RuntimeError, "into Net: missing scale\n"),
        ({**good, "third.weight": good["scale"]}, RuntimeError, "into Net: unexpected third.weight\n"),
        ({**good, "first.bias": ff.ones(5)}, ValueError, r"first.bias has shape \(5,\), expected \(4,\)\n"),
        ({**good, "first.bias": "x"}, TypeError, "first.bias is a str, expected a tensor or an array"),
        ([1, 2], RuntimeError, "got list, expected a mapping"),
    ]
    for state, kind, said in cases:
        with pytest.raises(kind, match=said):
            net.load_state_dict(state)
        assert all(ff.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    answer = net.load_state_dict({"scale": ff.zeros(2), "other": ff.zeros(1)}, strict=False)
    assert answer.missing_keys == ["mean", "first.weight", "first.bias", "second.weight"]
    assert answer.unexpected_keys == ["other"] and net.scale.tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="first.bias has shape"):
        net.load_state_dict({"first.bias": ff.ones(5)}, strict=False)


def test_loading_is_noticed_by_a_graph() -> None:
    net = nn.Linear(2, 2)
    y = (net(ff.ones(1, 2)) ** 2).sum() + (net.weight**2).sum()
    net.load_state_dict(net.state_dict())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


# ---------------------------------------------------------------- modes, gradients, types


def test_train_eval_apply() -> None:
    net = Net()
    assert net.training and net.eval() is net and not net.second.training
    net.train()
    net.first.eval()
    assert net.training and not net.first.training
    with pytest.raises(ValueError, match="mode is 1, expected True or False"):
        net.train(1)  # type: ignore[arg-type]
    seen: list[Any] = []
    assert net.apply(seen.append) is net
    assert seen == [net.first, net.second, net], "children first"


def test_zero_grad_and_requires_grad() -> None:
    net = Net()
    net(ff.ones(1, 3)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert all(p.grad is not None and not p.grad.numpy().any() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(ff.ones(1, 3)).requires_grad and net.count_parameters(trainable_only=True) == 0


def test_conversion_keeps_the_parameters() -> None:
    net = Net()
    net.register_buffer("count", ff.zeros(1, dtype=ff.int64))
    optimizer = ff.optim.SGD(net.parameters(), lr=0.1)
    held = list(net.parameters())
    net(ff.ones(1, 3)).sum().backward()
    assert net.double() is net
    assert list(net.parameters()) == held or all(a is b for a, b in zip(net.parameters(), held, strict=True))
    assert all(t.dtype == ff.float64 for t in (*net.parameters(), net.mean, held[0].grad))
    assert net.count.dtype == ff.int64
    optimizer.step()
    assert net(ff.ones(1, 3, dtype=ff.float64)).dtype == ff.float64
    assert net.float().scale.dtype == ff.float32
    assert net.to(ff.float64).mean.dtype == ff.float64
    assert net.to(dtype=ff.float32).mean.dtype == ff.float32
    assert net.to(ff.zeros(1, dtype=ff.float64)).mean.dtype == ff.float64
    assert net.to("cpu").cpu() is net
    with pytest.raises(ValueError, match=r"device 'cuda' is not available\nhint: the only device is \"cpu\""):
        net.to("cuda")
    with pytest.raises(TypeError, match="expected a floating type"):
        net.to(ff.int64)


# ---------------------------------------------------------------- finding and showing


def test_finding_by_name() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 3)), nn.ReLU())
    assert net.get_submodule("0.0") is net[0][0] and net.get_submodule("") is net
    assert net.get_parameter("0.0.weight") is net[0][0].weight
    assert Net().get_buffer("mean").tolist() == [0, 0, 0]
    with pytest.raises(AttributeError, match=r"no submodule '0.1'.*\nhint: submodules: 0, 0.0, 1"):
        net.get_submodule("0.1")
    with pytest.raises(AttributeError, match=r"no parameter '0.0.wait'\nhint: parameters: 0.0.weight, 0.0.bias"):
        net.get_parameter("0.0.wait")


def test_repr_is_a_tree() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.Flatten())
    assert repr(net) == (
        "Sequential(\n"
        "  (0): Sequential(\n"
        "    (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "    (1): ReLU()\n"
        "  )\n"
        "  (1): Flatten(start_dim=1, end_dim=-1)\n"
        ")"
    )
    assert repr(nn.Module()) == "Module()"

    class Told(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.Tanh()

        def extra_repr(self) -> str:
            return "size=3"

    assert repr(Told()) == "Told(\n  size=3\n  (act): Tanh()\n)"


def test_a_two_layer_network_learns_xor() -> None:
    ff.manual_seed(1)
    x = ff.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = ff.tensor([[0.0], [1.0], [1.0], [0.0]])
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    loss_function = nn.BCEWithLogitsLoss()
    optimizer = ff.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        loss = loss_function(net(x), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01
    assert ((net(x) > 0).float() == y).all().item()
