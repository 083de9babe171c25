"""Networks, losses and optimisers against PyTorch, value by value and gradient by gradient, on the same numbers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import forwardnet as ff

torch = pytest.importorskip("torch", reason="PyTorch is not installed: run `make test-torch`")
pytestmark = pytest.mark.torch

CLOSE = {"rtol": 1e-12, "atol": 1e-13}  # float64: the same formulas in another order


def both(array: Any, requires_grad: bool = False) -> tuple[Any, Any]:
    """The same numbers as a tensor of ours and of theirs."""
    if array is None:
        return None, None
    array = np.asarray(array)
    return ff.tensor(array, requires_grad=requires_grad), torch.tensor(array, requires_grad=requires_grad)


def agree(ours: Any, theirs: Any, **tolerance: float) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype).rpartition(".")[2] == str(theirs.dtype).rpartition(".")[2]
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), **(tolerance or CLOSE))


def compare(name: str, arrays: list[Any], targets: list[Any], options: dict[str, Any]) -> None:
    """The function called `name` and the gradients of all `arrays`, for a random weighting of the result."""
    x, their_x = zip(*(both(a, requires_grad=True) for a in arrays), strict=True)
    y, their_y = zip(*(both(t) for t in targets), strict=True) if targets else ((), ())
    o, their_o = {}, {}
    for key, value in options.items():
        o[key], their_o[key] = both(value) if isinstance(value, np.ndarray) else (value, value)
    ours = getattr(ff.nn.functional, name)(*x, *y, **o)
    theirs = getattr(torch.nn.functional, name)(*their_x, *their_y, **their_o)
    agree(ours, theirs)
    weights = np.random.default_rng(7).normal(size=tuple(ours.shape))
    (ours * ff.tensor(weights)).sum().backward()
    (theirs * torch.tensor(weights)).sum().backward()
    for a, b in zip(x, their_x, strict=True):
        agree(a.grad, b.grad)


def random(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


REDUCTIONS = ("none", "mean", "sum")


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (5,), (4, 3), (0, 3)])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss"])
@pytest.mark.filterwarnings("ignore:Mean of empty")
def test_losses_of_values(name: str, shape: tuple[int, ...], reduction: str) -> None:
    compare(name, [random(*shape), random(*shape) + 1], [], {"reduction": reduction})


ROBUST: list[tuple[str, dict[str, Any]]] = [
    ("smooth_l1_loss", {}),
    ("smooth_l1_loss", {"beta": 0.3}),
    ("smooth_l1_loss", {"beta": 0.0}),
    ("huber_loss", {}),
    ("huber_loss", {"delta": 1.7}),
]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (5,), (4, 3)])
@pytest.mark.parametrize(("name", "options"), ROBUST)
def test_robust_losses(name: str, options: dict[str, Any], shape: tuple[int, ...], reduction: str) -> None:
    compare(name, [random(*shape) * 3, random(*shape) + 1], [], {"reduction": reduction, **options})


@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.filterwarnings("ignore:reduction")
def test_divergence(reduction: str, is_log: bool) -> None:
    e = np.exp(random(4, 3))
    target = e / e.sum(axis=1, keepdims=True)
    options = {"reduction": reduction, "log_target": is_log}
    compare("kl_div", [random(4, 3), np.log(target) if is_log else target], [], options)
    if not is_log:
        target[0, 0] = 0.0
        compare("kl_div", [random(4, 3)], [target], options)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", [(4, 3), (4, 1), (4,)])
def test_likelihoods(reduction: str, full: bool, shape: tuple[int, ...]) -> None:
    options = {"reduction": reduction, "full": full}
    variance = np.abs(random(*shape))
    variance[0] = 1e-9
    compare("gaussian_nll_loss", [random(4, 3), random(4, 3) + 1, variance], [], options)
    counts = np.random.default_rng(1).poisson(2.0, (4, 3)) * 1.0
    compare("poisson_nll_loss", [random(4, 3)], [counts], options)
    compare("poisson_nll_loss", [np.abs(random(4, 3))], [counts], {**options, "log_input": False})


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(5,), (4, 5), (4, 5, 3), (2, 5, 3, 2), (0, 5)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, None])
@pytest.mark.parametrize("ignore", [-100, 2])
def test_losses_of_classes(
    shape: tuple[int, ...], reduction: str, weighted: bool, smoothing: float | None, ignore: int
) -> None:
    sizes = shape[:1] + shape[2:] if len(shape) > 1 else ()
    labels = np.random.default_rng(1).integers(0, 5, sizes)
    if labels.size > 2:
        labels.flat[0], labels.flat[1] = ignore, 0
    options: dict[str, Any] = {"reduction": reduction, "ignore_index": ignore}
    if weighted:
        options["weight"] = np.linspace(0.2, 2.0, 5)
    if smoothing is None:
        compare("nll_loss", [random(*shape)], [labels], options)
    else:
        compare("cross_entropy", [random(*shape)], [labels], {**options, "label_smoothing": smoothing})


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(5,), (4, 5), (4, 5, 3)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_cross_entropy_of_probabilities(
    shape: tuple[int, ...], reduction: str, weighted: bool, smoothing: float
) -> None:
    axis = 1 if len(shape) > 1 else 0
    e = np.exp(random(*shape) * 2)
    options: dict[str, Any] = {"reduction": reduction, "label_smoothing": smoothing}
    if weighted:
        options["weight"] = np.linspace(0.2, 2.0, 5)
    compare("cross_entropy", [random(*shape), e / e.sum(axis, keepdims=True)], [], options)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (6,), (4, 3)])
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_losses(shape: tuple[int, ...], reduction: str, weighted: bool) -> None:
    labels = np.random.default_rng(2).random(shape)
    options: dict[str, Any] = {"reduction": reduction}
    if weighted:
        options["weight"] = np.random.default_rng(3).random(shape[-1:])
    compare("binary_cross_entropy", [1 / (1 + np.exp(-random(*shape))), labels], [], options)
    compare("binary_cross_entropy_with_logits", [random(*shape) * 5], [labels], options)
    options["pos_weight"] = np.random.default_rng(4).random(shape[-1:])
    compare("binary_cross_entropy_with_logits", [random(*shape) * 5], [labels], options)


@pytest.mark.parametrize("value", [0.0, 1e4, -1e4, 30.0, -30.0])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_binary_loss_at_extreme_logits(value: float, label: float) -> None:
    """Where PyTorch itself keeps digits: for y = 0 it subtracts large numbers, so there the comparison is absolute."""
    x, their_x = both(np.array([value]), requires_grad=True)
    y, their_y = both(np.array([label]))
    ours = ff.nn.functional.binary_cross_entropy_with_logits(x, y)
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(their_x, their_y)
    agree(ours, theirs, rtol=1e-14, atol=1e-14)
    ours.backward()
    theirs.backward()
    agree(x.grad, their_x.grad, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "leaky_relu"])
def test_activations(name: str) -> None:
    x = np.concatenate([random(50) * 4, [0.0, -0.0, 1e4, -1e4]])
    compare(name, [x], [], {"negative_slope": 0.3} if name == "leaky_relu" else {})


ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    # not hardsigmoid, whose slope there is the 1/6 of float32; its values are compared below
    *((name, {}) for name in ("logsigmoid", "mish", "selu", "silu", "softsign", "elu", "hardtanh")),
    ("elu", {"alpha": 0.3}),
    ("hardtanh", {"min_val": -2.0, "max_val": 0.5}),
    ("softplus", {}),
    ("softplus", {"beta": 2.0, "threshold": 1.5}),
    ("gelu", {}),
    ("gelu", {"approximate": "tanh"}),
    ("rrelu", {"lower": 0.1, "upper": 0.4}),
]


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS)
def test_more_activations(name: str, options: dict[str, Any]) -> None:
    kinks = [0.0, -0.0, 1.0, -1.0, 3.0, -3.0, 0.5, -2.0, 0.75]
    compare(name, [np.concatenate([random(50) * 4, kinks, [1e4, -1e4]])], [], options)


@pytest.mark.parametrize("shape", [(), (5,), (4, 3), (2, 3, 4)])
def test_prelu(shape: tuple[int, ...]) -> None:
    compare("prelu", [random(*shape), np.array([0.3])], [], {})
    if len(shape) > 1:
        compare("prelu", [random(*shape), np.array([0.3, -0.2, 2.0])], [], {})


def test_modules_have_the_defaults_of_theirs() -> None:
    x, their_x = both(random(60) * 30)
    for name in (
        "ELU",
        "GELU",
        "Hardsigmoid",
        "Hardtanh",
        "LogSigmoid",
        "Mish",
        "SELU",
        "SiLU",
        "Softplus",
        "Softsign",
    ):
        agree(getattr(ff.nn, name)()(x), getattr(torch.nn, name)()(their_x))
    agree(ff.nn.PReLU().double()(x), torch.nn.PReLU().double()(their_x))
    agree(ff.nn.RReLU().eval()(x), torch.nn.RReLU().eval()(their_x))


@pytest.mark.parametrize("momentum", [0.1, 0.7, None])
@pytest.mark.parametrize("options", [{}, {"affine": False}, {"track_running_stats": False}, {"eps": 0.1}])
@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5)])
def test_batch_norm_over_several_batches(momentum: float | None, options: dict[str, Any], shape: Any) -> None:
    ours = ff.nn.BatchNorm1d(3, momentum=momentum, **options).double()
    theirs = torch.nn.BatchNorm1d(3, momentum=momentum, **options).double()
    draw = np.random.default_rng(0)
    for parameter, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        values = draw.normal(size=3)
        parameter.data.copy_(ff.tensor(values))
        other.data.copy_(torch.tensor(values))
    for training in (True, True, False, True, False):
        ours.train(training)
        theirs.train(training)
        x, their_x = both(draw.normal(size=shape) * 3 + 1, requires_grad=True)
        weights = draw.normal(size=shape)
        y, their_y = ours(x), theirs(their_x)
        agree(y, their_y)
        (y * ff.tensor(weights)).sum().backward()
        (their_y * torch.tensor(weights)).sum().backward()
        agree(x.grad, their_x.grad)
        for (name, tensor), other in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            agree(tensor, other)
            assert name in theirs.state_dict()
    for parameter, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        agree(parameter.grad, other.grad)


@pytest.mark.parametrize("sizes", [(5,), (4, 5)])
@pytest.mark.parametrize("parts", [0, 1, 2])
def test_layer_norm(sizes: tuple[int, ...], parts: int) -> None:
    arrays = [random(3, 4, 5) * 2 + 1, *(random(*sizes) + i for i in range(parts))]
    weights = dict(zip(("weight", "bias"), arrays[1:], strict=False))
    x, their_x = both(arrays[0], requires_grad=True)
    o, their_o = {}, {}
    for key, value in weights.items():
        o[key], their_o[key] = both(value, requires_grad=True)
    ours = ff.nn.functional.layer_norm(x, sizes, **o)
    theirs = torch.nn.functional.layer_norm(their_x, sizes, **their_o)
    agree(ours, theirs)
    weighting = random(3, 4, 5)
    (ours * ff.tensor(weighting)).sum().backward()
    (theirs * torch.tensor(weighting)).sum().backward()
    for a, b in zip((x, *o.values()), (their_x, *their_o.values()), strict=True):
        agree(a.grad, b.grad)


def test_embeddings_start_and_learn_as_theirs() -> None:
    ff.manual_seed(4, algorithm="torch")
    torch.manual_seed(4)
    ours, theirs = ff.nn.Embedding(7, 3, padding_idx=2), torch.nn.Embedding(7, 3, padding_idx=2)
    np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-6, atol=5e-7)
    rows = np.array([[1, 2, 2], [6, 1, 0]])
    (ours(ff.tensor(rows)) ** 2).sum().backward()
    (theirs(torch.tensor(rows)) ** 2).sum().backward()
    np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_activations_along_an_axis(name: str, dim: int) -> None:
    compare(name, [random(3, 4, 2) * 10], [], {"dim": dim})


# ---------------------------------------------------------------- layers and models


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_a_network_starts_with_the_same_numbers_and_trains_to_the_same(seed: int) -> None:
    def train(lib: Any, x: Any, y: Any) -> tuple[list[float], dict[str, Any]]:
        nn = lib.nn
        net = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 7), nn.Tanh(), nn.Linear(7, 3))
        optimizer = lib.optim.Adam(net.parameters(), lr=0.01, weight_decay=1e-3)
        loss_function = nn.CrossEntropyLoss(label_smoothing=0.05)
        losses = []
        for _ in range(30):
            optimizer.zero_grad()
            loss = loss_function(net(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            optimizer.step()
            losses.append(loss.item())
        return losses, {k: v.numpy() for k, v in net.state_dict().items()}

    data = random(40, 6).astype(np.float32)
    labels = np.random.default_rng(5).integers(0, 3, 40)
    ff.manual_seed(seed, algorithm="torch")
    torch.manual_seed(seed)
    ours, weights = train(ff, ff.tensor(data), ff.tensor(labels))
    theirs, their_weights = train(torch, torch.tensor(data), torch.tensor(labels))
    assert ours[0] == pytest.approx(theirs[0], rel=1e-6)  # the same start, bit for bit; the sums round differently
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)  # rounding of float32 grows over 30 steps of Adam
    assert weights.keys() == their_weights.keys()
    for name in weights:
        np.testing.assert_allclose(weights[name], their_weights[name], atol=2e-4)


def test_the_start_of_linear_layers_is_theirs_bit_for_bit() -> None:
    for seed, shape in itertools.product(range(5), [(3, 2), (784, 128), (1, 1)]):
        ff.manual_seed(seed, algorithm="torch")
        torch.manual_seed(seed)
        ours, theirs = ff.nn.Linear(*shape), torch.nn.Linear(*shape)
        np.testing.assert_array_equal(ours.weight.detach().numpy(), theirs.weight.detach().numpy())
        np.testing.assert_array_equal(ours.bias.detach().numpy(), theirs.bias.detach().numpy())


def test_text_is_theirs() -> None:
    def text(nn: Any) -> str:
        return repr(
            nn.Sequential(
                nn.BatchNorm1d(3, momentum=None, bias=False),
                nn.LayerNorm((2, 3), elementwise_affine=False),
                nn.Embedding(4, 2, padding_idx=1),
                nn.Sequential(
                    nn.PReLU(3), nn.RReLU(), nn.ELU(0.5), nn.GELU("tanh"), nn.Hardtanh(), nn.Softplus(), nn.GLU()
                ),
                nn.Flatten(),
                nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1, bias=False)),
                nn.ModuleList([nn.Sigmoid(), nn.Tanh(), nn.LeakyReLU(0.2), nn.Identity(), nn.MSELoss()]),
            )
        )

    assert text(ff.nn) == text(torch.nn)


def test_state_dicts_pass_between_the_libraries() -> None:
    ours = ff.nn.Sequential(ff.nn.Linear(3, 4), ff.nn.Linear(4, 2))
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x, their_x = both(random(5, 3).astype(np.float32))
    agree(ours(x), theirs(their_x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("xavier_uniform_", {"gain": 2.0}),
        ("kaiming_uniform_", {"a": 0.1}),
        ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "tanh"}),
        ("uniform_", {"a": -1.0, "b": 2.0}),
        ("normal_", {"mean": 1.0, "std": 2.0}),
        ("xavier_normal_", {}),
        ("kaiming_normal_", {"nonlinearity": "relu"}),
        ("eye_", {}),
        ("constant_", {"val": 3.0}),
    ],
)
def test_initialisers_draw_the_same_numbers(name: str, options: dict[str, Any]) -> None:
    ff.manual_seed(3, algorithm="torch")
    torch.manual_seed(3)
    ours = getattr(ff.nn.init, name)(ff.empty(20, 30), **options)
    theirs = getattr(torch.nn.init, name)(torch.empty(20, 30), **options)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6, atol=5e-7)  # an ULP of the normal draws


@pytest.mark.parametrize("nonlinearity", ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
def test_gains(nonlinearity: str) -> None:
    assert ff.nn.init.calculate_gain(nonlinearity) == torch.nn.init.calculate_gain(nonlinearity)


# ---------------------------------------------------------------- optimisers


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {}),
        ("SGD", {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
        ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True}),
        ("Adam", {}),
        ("Adam", {"betas": (0.7, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
        ("Adam", {"amsgrad": True}),
        ("Adam", {"maximize": True, "weight_decay": 0.1}),
        ("AdamW", {}),
        ("AdamW", {"weight_decay": 0.3, "amsgrad": True, "maximize": True}),
    ],
)
def test_optimisers_step_by_step(name: str, options: dict[str, Any]) -> None:
    p, their_p = both(random(4, 3), requires_grad=True)
    q, their_q = both(random(3), requires_grad=True)
    ours = getattr(ff.optim, name)([{"params": [p]}, {"params": [q], "lr": 0.5}], lr=0.1, **options)
    theirs = getattr(torch.optim, name)([{"params": [their_p]}, {"params": [their_q], "lr": 0.5}], lr=0.1, **options)
    draw = np.random.default_rng(8)
    for t in range(20):
        g, h = draw.normal(size=(4, 3)), draw.normal(size=3)
        p.grad, their_p.grad = both(g)
        q.grad, their_q.grad = both(h) if t % 3 else (None, None)
        ours.step()
        theirs.step()
        agree(p, their_p)
        agree(q, their_q)
    saved = theirs.state_dict()
    ours.load_state_dict(
        {
            "state": {i: {k: np.asarray(v) for k, v in s.items() if v is not None} for i, s in saved["state"].items()},
            "param_groups": saved["param_groups"],
        }
    )
    p.grad, their_p.grad = both(draw.normal(size=(4, 3)))
    q.grad, their_q.grad = both(draw.normal(size=3))
    ours.step()
    theirs.step()
    agree(p, their_p)
    agree(q, their_q)
