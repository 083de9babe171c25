"""Laws that every initialiser keeps, found by reading the registry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import init
from forwardnet.nn.init import INITIALIZERS

EVERY = sorted(INITIALIZERS)
ARGUMENTS: dict[str, dict[str, Any]] = {"constant": {"val": 0.3}, "sparse": {"sparsity": 0.5}}
DRAWN = [name for name in EVERY if name not in ("constant", "zeros", "ones", "eye")]
# What the values are distributed as, for a weight of shape (200, 300): mean and standard deviation.
SPREAD = {
    "uniform": (0.5, 1 / math.sqrt(12)),
    "normal": (0, 1),
    "trunc_normal": (0, 0.879626),  # of N(0, 1) within two standard deviations
    "xavier_uniform": (0, math.sqrt(2 / 500)),
    "xavier_normal": (0, math.sqrt(2 / 500)),
    "kaiming_uniform": (0, math.sqrt(2 / 300)),
    "kaiming_normal": (0, math.sqrt(2 / 300)),
    "lecun_normal": (0, math.sqrt(1 / 300)),
    "orthogonal": (0, math.sqrt(1 / 300)),
    "sparse": (0, 0.01 * math.sqrt(0.5)),
}


def start(name: str, tensor: Any) -> Any:
    return INITIALIZERS[name](tensor, **ARGUMENTS.get(name, {}))


def test_the_registry_holds_the_initialisers_of_the_contract() -> None:
    wanted = (
        "uniform_ normal_ constant_ zeros_ ones_ eye_ xavier_uniform_ xavier_normal_ kaiming_uniform_ kaiming_normal_"
    )
    for name in [*wanted.split(), "lecun_normal_", "orthogonal_", "sparse_", "trunc_normal_"]:
        assert INITIALIZERS[name.rstrip("_")] is getattr(init, name)
    assert set(DRAWN) == set(SPREAD)


@pytest.mark.parametrize("name", EVERY)
def test_fills_in_place_and_returns_the_tensor(name: str) -> None:
    weight = nn.Parameter(ff.full((4, 3), math.nan))
    assert start(name, weight) is weight
    assert np.isfinite(weight.detach().numpy()).all()
    assert weight.requires_grad and weight.is_leaf and weight.grad_fn is None
    for dtype in (ff.float32, ff.float64):
        assert start(name, ff.empty(2, 5, dtype=dtype)).dtype == dtype
    assert tuple(start(name, ff.empty(0, 3)).shape) == (0, 3)


@pytest.mark.parametrize("name", EVERY)
def test_is_repeatable_and_documented(name: str) -> None:
    runs = []
    for seed in (1, 1, 2):
        ff.manual_seed(seed)
        runs.append(start(name, ff.empty(6, 5)).numpy())
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.array_equal(runs[0], runs[2]) == (name not in DRAWN)
    assert INITIALIZERS[name].__doc__


@pytest.mark.parametrize("name", DRAWN)
def test_mean_and_spread(name: str) -> None:
    ff.manual_seed(4)
    values = start(name, ff.empty(200, 300, dtype=ff.float64)).numpy()
    mean, std = SPREAD[name]
    # 60,000 draws: standard error of the mean std / 245, of the standard deviation at most 0.5 %
    assert values.mean() == pytest.approx(mean, abs=5 * std / 245)
    assert values.std() == pytest.approx(std, rel=0.02)


def test_exact_values() -> None:
    assert init.eye_(ff.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert init.zeros_(ff.empty(2)).tolist() == [0, 0] and init.ones_(ff.empty(2)).tolist() == [1, 1]
    assert init.constant_(ff.empty(2), 0.5).tolist() == [0.5, 0.5]
    values = init.uniform_(ff.empty(1000), -2, 3).numpy()
    assert -2 <= values.min() < -1.9 and 2.9 < values.max() <= 3


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 3, 2)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    q = init.orthogonal_(ff.empty(shape, dtype=ff.float64), gain=2.0).numpy().reshape(shape[0], -1)
    small = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-13)


def test_orthogonal_is_drawn_uniformly_and_not_with_one_sign() -> None:
    ff.manual_seed(0)
    corners = [init.orthogonal_(ff.empty(1, 1)).item() for _ in range(40)]
    assert set(corners) == {-1.0, 1.0}


def test_sparse_empties_a_fraction_of_each_column() -> None:
    weight = init.sparse_(ff.empty(10, 6), sparsity=0.25)
    assert (weight == 0).sum(dim=0).tolist() == [3] * 6  # a quarter of ten, rounded up
    zeros = (weight == 0).numpy()
    assert len({tuple(column) for column in zeros.T}) > 1, "not always the same rows"


def test_truncated_normal_stays_within() -> None:
    values = init.trunc_normal_(ff.empty(5000), mean=1.0, std=2.0, a=0.0, b=1.5).numpy()
    assert 0 <= values.min() < 0.01 and 1.49 < values.max() <= 1.5
    with pytest.raises(ValueError, match="hardly anything of N"):
        init.trunc_normal_(ff.empty(3), mean=100.0)


def test_fans_and_gains() -> None:
    assert init.fans(ff.empty(5, 3)) == (3, 5)
    assert init.fans(ff.empty(5, 3, 2, 2)) == (12, 20)
    gains = {"linear": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    for name, gain in gains.items():
        assert init.calculate_gain(name) == gain
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))
    assert init.calculate_gain("leaky_relu", 0.2) == math.sqrt(2 / 1.04)
    ff.manual_seed(0)
    weight = init.kaiming_normal_(ff.empty(300, 200), mode="fan_out", nonlinearity="linear")
    assert weight.std().item() == pytest.approx(300**-0.5, rel=0.02)


@pytest.mark.parametrize(
    ("act", "kind", "said"),
    [
        (
            lambda: init.xavier_normal_(ff.empty(3)),
            ValueError,
            r"not defined for shape \(3,\), expected at least 2 axes",
        ),
        (lambda: init.eye_(ff.empty(3)), ValueError, r"eye_: tensor has shape \(3,\), expected 2 axes"),
        (lambda: init.orthogonal_(ff.empty(3)), ValueError, r"expected at least 2 axes"),
        (lambda: init.sparse_(ff.empty(3), 0.1), ValueError, r"expected 2 axes"),
        (lambda: init.sparse_(ff.empty(3, 3), 1.5), ValueError, r"sparsity is 1.5, expected a fraction"),
        (lambda: init.uniform_(ff.empty(3), 1, 0), ValueError, r"a=1 is greater than b=0"),
        (lambda: init.normal_(ff.empty(3), std=-1), ValueError, r"std is -1, expected a number >= 0"),
        (lambda: init.calculate_gain("rleu"), KeyError, r"unknown nonlinearity 'rleu'\nhint: did you mean 'relu'\?"),
        (lambda: init.calculate_gain("leaky_relu", "x"), ValueError, r"param is 'x', expected the negative slope"),  # type: ignore[arg-type]
        (lambda: init.kaiming_normal_(ff.empty(2, 2), mode="fan"), ValueError, r"unknown mode 'fan'"),
        (lambda: init.initialize(nn.Linear(1, 1), "he"), ValueError, r"unknown initialiser 'he'"),
    ],
)
def test_wrong_arguments(act: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        act()


def test_initialize_a_whole_model() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    before = net[0].bias.tolist()
    assert init.initialize(net, "constant", val=2.0) is net
    assert net[2].weight.tolist() == [[2.0] * 4] * 2 and net[0].bias.tolist() == before
    init.initialize(net, "kaiming_normal", bias=0.1, nonlinearity="relu")
    assert net[0].bias.tolist() == pytest.approx([0.1] * 4)


def test_the_usual_way_to_initialise() -> None:
    def start_linear(module: Any) -> None:
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)

    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU()).apply(start_linear)
    assert net[0].bias.tolist() == [0] * 4
