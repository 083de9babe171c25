"""Every activation, loss and layer in native code: the same course as the eager program, over twenty steps.

A fit that falls back to eager warns, and warnings are errors here: all of it is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn
from forwardnet.nn import functional as F
from forwardnet.nn.activations import ACTIVATIONS
from forwardnet.nn.architecture import OTHERS
from forwardnet.nn.losses import LOSSES

N, WIDTH, STEPS = 60, 4, 20


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, WIDTH)).astype("float32")
    return x, np.tanh(x @ rng.standard_normal((WIDTH, 3))).astype("float32")


def course(
    make: Callable[[], nn.Module], loss: Any, x: Any, y: Any, *, is_compiled: bool
) -> tuple[Any, dict[str, Any]]:
    """The loss of each step, and the state afterwards."""
    ff.manual_seed(0)
    model = make()
    trainer = ff.Trainer(model, loss, ff.optim.SGD(model.parameters(), lr=0.05), compile=is_compiled)
    history = trainer.fit(x, y, epochs=STEPS // 4, batch_size=N // 4, progress=False)
    return history.steps["loss"], {name: value.numpy() for name, value in model.state_dict().items()}


def assert_same_course(make: Callable[[], nn.Module], loss: Any, x: Any, y: Any) -> None:
    native, weights = course(make, loss, x, y, is_compiled=True)
    eager, expected = course(make, loss, x, y, is_compiled=False)
    assert len(native) == STEPS and eager[-1] != eager[0], "something was learnt"
    # float32 over 20 steps: sums in another order, and fused multiply-adds
    np.testing.assert_allclose(native, eager, rtol=1e-4, atol=1e-6)
    for name, value in expected.items():
        np.testing.assert_allclose(weights[name], value, rtol=1e-3, atol=1e-5, err_msg=name)


def around(activation: nn.Module) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Linear(WIDTH, 6), activation, nn.Linear(6, 3))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations(name: str) -> None:
    made = ACTIVATIONS[name]
    assert_same_course(lambda: around(made())(), "mse", *data())


OPTIONS: dict[str, Callable[[], nn.Module]] = {
    "Step straight through": lambda: nn.Step(straight_through=True),
    "PReLU per channel": lambda: nn.PReLU(6),
    "SiLU learned": lambda: nn.SiLU(0.5, learned=True),
    "GELU tanh": lambda: nn.GELU("tanh"),
    "Softplus": lambda: nn.Softplus(2.0, threshold=1.0),
    "Hardtanh": lambda: nn.Hardtanh(-0.5, 0.2),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_activations_with_options(name: str) -> None:
    assert_same_course(lambda: around(OPTIONS[name]())(), "mse", *data())


def targets(name: str, y: Any) -> Any:
    made = LOSSES[name]
    if name == "mixture_nll":  # one component for each row
        return y[:, 0]
    if name in ("hinge", "poisson_nll"):
        return np.sign(y) if name == "hinge" else np.abs(y)
    if name == "kl_div":
        return np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
    if made.target == "classes":
        return y.argmax(axis=1)
    return (y > 0).astype("float32") if made.target == "labels" else y


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses(name: str) -> None:
    x, y = data()
    ends = {"log-probabilities": nn.LogSoftmax, "probabilities": nn.Sigmoid}
    # the logarithm of a scale is bounded, as the layer of mixtures does it, or a component shrinks onto its row
    end = nn.Tanh if name == "mixture_nll" else ends.get(LOSSES[name].takes, nn.Identity)
    for reduction in ("mean", "sum"):
        loss = LOSSES[name](reduction=reduction)
        assert_same_course(lambda: nn.Sequential(nn.Linear(WIDTH, 3), end()), loss, x, targets(name, y))


LOSS_OPTIONS: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "huber": (nn.Identity, lambda y: (nn.HuberLoss(delta=0.2), y)),
    "smooth_l1": (nn.Identity, lambda y: (nn.SmoothL1Loss(beta=0.0), y)),
    "quantiles": (nn.Identity, lambda y: (nn.QuantileLoss(quantile=(0.1, 0.5, 0.9)), y)),
    "kl_div": (nn.LogSoftmax, lambda y: (nn.KLDivLoss(reduction="batchmean"), targets("kl_div", y))),
    "gaussian_nll": (nn.Identity, lambda y: (nn.GaussianNLLLoss(full=True), y)),
    "poisson_nll": (nn.Softplus, lambda y: (nn.PoissonNLLLoss(log_input=False, full=True), 3 * np.abs(y))),
    "hinge": (nn.Identity, lambda y: (nn.HingeLoss(margin=0.5), np.sign(y))),
    "a variance that is learned": (nn.Identity, lambda y: (likelihood_of_a_row, y[:, :1])),
}


def likelihood_of_a_row(output: Any, y: Any) -> Any:
    """Mean and variance of the target are two outputs of the network."""
    return F.gaussian_nll_loss(output[:, :1], y, F.softplus(output[:, 1:2]))


@pytest.mark.parametrize("name", LOSS_OPTIONS)
def test_losses_with_options(name: str) -> None:
    x, y = data()
    end, prepared = LOSS_OPTIONS[name]
    loss, target = prepared(y)
    assert_same_course(lambda: nn.Sequential(nn.Linear(WIDTH, 3), end()), loss, x, target)


class Words(nn.Module):
    """An embedding of the sign of the first feature."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(2, 6)

    def forward(self, x: Any) -> Any:
        return self.table((x[:, 0] > 0).long())


class Answers(nn.Module):
    """Members whose mean is taken behind `MemberMean`, which hands them all on in training."""

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.Sequential(nn.EnsembleView(2), nn.LinearEnsemble(WIDTH, 3, k=2), nn.MemberMean("logits"))

    def forward(self, x: Any) -> Any:
        y = self.members(x)
        return y.mean(1) if y.ndim == 3 else y


def coded(layer: nn.Module) -> nn.Module:
    """Two columns of numbers 0 and 1, made of the signs of two features, go to the layer."""
    return nn.Sequential(nn.Columns([3, 0]), nn.Step(), layer)


HIDDEN: dict[str, Callable[[], nn.Module]] = {
    "Maxout": lambda: nn.Maxout(WIDTH, 6, pieces=3),
    "GLU": lambda: nn.GLU(WIDTH, 6),
    "GTU": lambda: nn.GTU(WIDTH, 6),
    "ReGLU": lambda: nn.ReGLU(WIDTH, 6, bias=False),
    "SwiGLU": lambda: nn.SwiGLU(WIDTH, 6),
    "Residual": lambda: nn.Residual(nn.Linear(WIDTH, 8), nn.Tanh(), nn.Linear(8, WIDTH)),
    "Residual of a norm": lambda: nn.Residual(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH)),
    "LayerNorm": lambda: nn.Sequential(nn.Linear(WIDTH, 5), nn.LayerNorm(5)),
    "LayerNorm without weights": lambda: nn.LayerNorm(WIDTH, elementwise_affine=False),
    "BatchNorm1d": lambda: nn.Sequential(nn.Linear(WIDTH, 5), nn.BatchNorm1d(5), nn.ReLU()),
    "BatchNorm1d of all batches": lambda: nn.BatchNorm1d(WIDTH, momentum=None),
    "BatchNorm1d without averages": lambda: nn.BatchNorm1d(WIDTH, track_running_stats=False),
    "BatchNorm1d without weights": lambda: nn.BatchNorm1d(WIDTH, affine=False),
    "GLU without sizes": lambda: nn.Sequential(nn.Linear(WIDTH, 12), nn.GLU()),
    "Embedding": Words,
    "MixtureDensity": lambda: nn.MixtureDensity(WIDTH, 2, 3),
    "Dropout": lambda: nn.Dropout(0.3),
    "Dropout of the older form": lambda: nn.Sequential(nn.Linear(WIDTH, 6), nn.Dropout(0.5, inverted=False)),
    "Dropout of everything": lambda: nn.Residual(nn.Linear(WIDTH, WIDTH), nn.Dropout(1.0)),
    "AlphaDropout": lambda: nn.Sequential(nn.Linear(WIDTH, 6), nn.SELU(), nn.AlphaDropout(0.2)),
    "GaussianNoise": lambda: nn.GaussianNoise(0.3),
    "WeightNoise": lambda: nn.WeightNoise(nn.Linear(WIDTH, 6), nn.Tanh(), nn.Linear(6, 5), std=0.2),
    "ActivityPenalty": lambda: nn.Sequential(nn.Linear(WIDTH, 6), nn.ReLU(), nn.ActivityPenalty(0.1)),
    "ActivityPenalty by divergence": lambda: nn.Sequential(
        nn.Linear(WIDTH, 6), nn.Sigmoid(), nn.ActivityPenalty(0.5, "kl", target=0.2)
    ),
    "TransposedLinear": lambda: tied(nn.Linear(WIDTH, 3)),
    "MaskedLinear": lambda: pruned(nn.Linear(WIDTH, 6)),
    "NTKLinear": lambda: nn.NTKLinear(WIDTH, 6),
    "Scale": lambda: nn.Sequential(nn.Scale(WIDTH), nn.Linear(WIDTH, 3)),
    "ParametricActivation": lambda: nn.Sequential(nn.Linear(WIDTH, 6), nn.ParametricActivation("mish", 6)),
    "Columns": lambda: nn.Heads(a=nn.Columns([1, 2]), b=nn.Sequential(nn.Columns([3, 0]), nn.Linear(2, 2))),
    "CategoryEmbedding": lambda: coded(nn.CategoryEmbedding([2, 2], 3)),
    "PBLDEmbeddings": lambda: nn.PBLDEmbeddings(WIDTH, 5),
    "PeriodicEmbeddings": lambda: nn.PeriodicEmbeddings(WIDTH, 3, 5, 0.3),
    "PeriodicEmbeddings lite": lambda: nn.PeriodicEmbeddings(WIDTH, 3, 5, 0.3, lite=True),
    "PiecewiseLinearEmbeddings": lambda: nn.PiecewiseLinearEmbeddings(WIDTH, 3, 4),
    "EnsembleView": lambda: nn.Sequential(nn.EnsembleView(3), nn.Flatten()),
    "ScaleEnsemble": lambda: nn.Sequential(nn.ScaleEnsemble(WIDTH, 2, "normal"), nn.Flatten()),
    "LinearBatchEnsemble": lambda: nn.Sequential(
        nn.EnsembleView(3), nn.LinearBatchEnsemble(WIDTH, 5, k=3, start="normal"), nn.Flatten()
    ),
    "LinearEnsemble": lambda: nn.Sequential(nn.EnsembleView(2), nn.LinearEnsemble(WIDTH, 5, k=2), nn.Flatten()),
    "MemberMean": Answers,
    "one layer twice": lambda: twice(nn.Linear(WIDTH, WIDTH)),
    "Heads": lambda: nn.Heads(a=nn.Linear(WIDTH, 3), b=nn.Sequential(nn.Linear(WIDTH, 2), nn.Tanh())),
}


def tied(encoder: Any) -> nn.Module:
    return nn.Sequential(encoder, nn.Tanh(), nn.TransposedLinear.tied_to(encoder))


def twice(layer: Any) -> nn.Module:
    return nn.Sequential(layer, nn.Tanh(), layer)


def pruned(layer: Any) -> nn.Module:
    model = nn.Sequential(layer)
    nn.pruning.prune(model, 0.5)
    return model


@pytest.mark.parametrize("name", HIDDEN)
def test_layers(name: str) -> None:
    def make() -> nn.Module:
        hidden = HIDDEN[name]()
        width = hidden.eval()(ff.zeros(2, WIDTH)).shape[1]
        return nn.Sequential(hidden.train(), nn.Linear(width, 3))

    assert_same_course(make, "mse", *data())


def test_every_layer_is_shown_here() -> None:
    """Linear and containers are in all of them; Flatten changes nothing of a matrix, and is shown on images."""
    assert {layer.__name__ for layer in OTHERS} - {"Linear", "Flatten"} <= set(HIDDEN)


def test_images_are_flattened() -> None:
    x, y = data()
    assert_same_course(lambda: nn.Sequential(nn.Flatten(), nn.Linear(WIDTH, 3)), "mse", x.reshape(N, 2, 2), y)
