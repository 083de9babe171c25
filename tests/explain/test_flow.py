"""Gradient flow, and units that do not learn: against gradients by hand, and with the faults planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import explain, nn
from forwardnet.errors import ArgumentError, ShapeError

Array = np.ndarray[Any, Any]


def rows() -> tuple[Array, Array]:
    X = np.random.default_rng(0).normal(size=(100, 10))
    return X, (X[:, 0] > 0).astype(int)


def deep(activation: Any, depth: int = 10, *, residual: bool = False, seed: int = 0) -> nn.Module:
    ff.manual_seed(seed)
    layers: list[nn.Module] = [nn.Linear(10, 20), activation()]
    for _ in range(depth):
        inner = (nn.Linear(20, 20), activation())
        layers += [nn.Residual(*inner)] if residual else inner
    return nn.Sequential(*layers, nn.Linear(20, 2))


def test_the_numbers_are_those_of_backward() -> None:
    X, y = rows()
    model = deep(nn.Tanh, 2).double()
    h = [ff.tensor(X)]
    for layer in model:
        h.append(layer(h[-1]))
        h[-1].retain_grad()
    nn.CrossEntropyLoss()(h[-1], ff.tensor(y)).backward()
    flow = explain.gradient_flow(model, "cross_entropy", X, y)
    assert [layer.name for layer in flow.layers] == ["0", "2", "4", "6"]
    for layer, at in zip(flow.layers, (0, 2, 4, 6), strict=True):
        own, after = model[at], h[at + 1]
        assert layer.gradient == pytest.approx(np.linalg.norm(after.grad.numpy()), rel=1e-12)
        gradients = np.concatenate([p.grad.numpy().ravel() for p in own.parameters()])
        assert layer.weight_gradient == pytest.approx(np.linalg.norm(gradients), rel=1e-12)
        assert layer.signal == pytest.approx(np.sqrt((after.detach().numpy() ** 2).mean()), rel=1e-12)
        if at:
            back = np.linalg.norm(h[at].grad.numpy())
            assert layer.passes == pytest.approx(back / np.linalg.norm(after.grad.numpy()), rel=1e-12)
    # the factors of the way back multiply to the ratio of the ends
    factors = [layer.passes for layer in flow.layers[1:]] + [one.passes for one in flow.activations]
    assert np.prod(factors) == pytest.approx(flow.gradients[0] / flow.gradients[-1], rel=1e-10)
    assert flow.per_layer**3 == pytest.approx(flow.gradients[0] / flow.gradients[-1], rel=1e-10)


def test_vanishing_is_named_with_its_reason() -> None:
    X, y = rows()
    flow = explain.gradient_flow(deep(nn.Sigmoid), "cross_entropy", X, y)
    text = flow.summary()
    assert flow.verdict == "vanishing" and flow.ratio < 1e-6
    assert "Layer 0: gradient norm" in text and "of the last layer's: vanishing" in text
    assert "Each Sigmoid (11) multiplies the gradient by 0.2" in text and "at most 1/4" in text
    assert all(one.steepest == 0.25 and one.slope <= 0.25 and one.passes <= 0.25 for one in flow.activations)
    assert flow.per_layer < 0.25 * max(layer.passes for layer in flow.layers[1:])
    assert explain.gradient_flow(deep(nn.Sigmoid, 0), "cross_entropy", X, y).verdict == "healthy", (
        "two layers are not deep"
    )


def test_what_helps_against_it() -> None:
    X, y = rows()
    assert explain.gradient_flow(deep(nn.ReLU, residual=True), "cross_entropy", X, y).verdict == "healthy"
    model = deep(nn.ReLU, 10)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    assert explain.gradient_flow(model, "cross_entropy", X, y).verdict == "healthy"


def test_exploding_is_named_though_the_weights_gradients_look_alike() -> None:
    X, y = rows()
    model = deep(nn.ReLU)
    for parameter in model.parameters():
        parameter.data.mul_(20.0)
    flow = explain.gradient_flow(model, "cross_entropy", X, y)
    assert flow.verdict == "exploding" and flow.ratio > 1e6
    # forward the signals grow by the same factors, so that every layer's weights get about the same, far too much
    speeds = flow.weight_gradients
    assert speeds.max() / speeds.min() < 1e3 and speeds.min() > 1e6
    assert "exploding" in flow.summary() and "clipping" in flow.summary()


def test_blocked_and_not_finite() -> None:
    X, y = rows()
    flow = explain.gradient_flow(deep(nn.Step, 1), "cross_entropy", X, y)
    assert flow.verdict == "blocked" and "Layers 0, 2 get no gradient at all" in flow.summary()
    model = deep(nn.ReLU, 3)
    for parameter in model.parameters():
        parameter.data.mul_(1e30)
    model.double()
    for parameter in model.parameters():
        parameter.data.mul_(1e60)
    with np.errstate(all="ignore"):
        flow = explain.gradient_flow(model, "mse", X, np.zeros((100, 2)))
    assert flow.verdict == "not finite" and "exploded" in flow.summary()


def test_a_layer_used_twice_and_activations_that_are_functions() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.out = nn.Linear(10, 10), nn.Linear(10, 2)

        def forward(self, x: Any) -> Any:
            return self.out(self.layer(self.layer(x).sigmoid()).sigmoid())

    ff.manual_seed(0)
    X, y = rows()
    flow = explain.gradient_flow(Net(), "cross_entropy", X, y)
    assert [layer.name for layer in flow.layers] == ["layer", "layer (2)", "out"] and flow.activations == ()
    assert flow.layers[0].weight_gradient == flow.layers[1].weight_gradient, "one layer, one gradient"
    assert flow.layers[0].gradient < flow.layers[1].gradient


def test_training_mode_sees_the_batch() -> None:
    X, y = rows()
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    still, moving = (explain.gradient_flow(model, "cross_entropy", X, y, training=t) for t in (False, True))
    assert still.loss != moving.loss and model[1].num_batches_tracked.item() == 0


def test_recording_a_training() -> None:
    X, y = rows()
    recorder = explain.FlowRecorder("cross_entropy", X, y, every=4)
    model = deep(nn.Sigmoid, 2)
    first = explain.gradient_flow(model, "cross_entropy", X, y)
    trainer = ff.Trainer(model, "cross_entropy", ff.optim.Adam(model.parameters(), lr=0.01))
    trainer.fit(X, y, epochs=5, batch_size=25, callbacks=[recorder], progress=False)
    assert recorder.steps == [0, 4, 8, 12, 16, 20] and recorder.speeds.shape == (6, 4)
    assert recorder.names == ["0", "2", "4", "6"]
    np.testing.assert_array_equal(recorder.speeds[0], first.weight_gradients)
    last = explain.gradient_flow(model, "cross_entropy", X, y)
    np.testing.assert_array_equal(recorder.speeds[-1], last.weight_gradients)
    assert "Layer 0 got" in recorder.summary() and "times more slowly" in recorder.summary()
    assert explain.FlowRecorder("mse", X, y).summary() == "Nothing was recorded."


def test_misuse_is_named() -> None:
    X, y = rows()
    with pytest.raises(ArgumentError, match="Sequential has no layer with parameters"):
        explain.gradient_flow(nn.Sequential(nn.ReLU()), "mse", X, X)
    with pytest.raises(ArgumentError, match="limit is 2, expected a number between 0 and 1"):
        explain.gradient_flow(deep(nn.ReLU, 1), "cross_entropy", X, y, limit=2)
    with pytest.raises(ArgumentError, match=r"the loss has shape \(100, 2\), expected one number"):
        explain.gradient_flow(deep(nn.ReLU, 1), lambda o, t: o, X, y)
    with pytest.raises(ShapeError):
        explain.gradient_flow(deep(nn.ReLU, 1), "cross_entropy", X[:, :3], y)
    with pytest.raises(ValueError, match="every is 0"):
        explain.FlowRecorder("mse", X, y, every=0)


# ---------------------------------------------------------------- slopes and units


@pytest.mark.parametrize("name", [n for n, c in sorted(nn.ACTIVATIONS.items()) if c.formula.elementwise])
def test_slopes_are_those_of_the_formula(name: str) -> None:
    x = np.linspace(-6, 6, 1201) + 1e-4  # between the kinks
    step = 1e-6
    module = nn.ACTIVATIONS[name]().eval().double()
    ends = [module(ff.tensor(x + s * step)).detach().numpy() for s in (1, -1)]
    expected = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(explain.slopes(name, x), expected, atol=1e-7)  # rounding / step, and step^2
    assert np.abs(expected).max() <= explain.steepest(name) + 1e-7


def test_the_steepest_places() -> None:
    assert explain.steepest("sigmoid") == 0.25 and explain.steepest("tanh") == 1 and explain.steepest("step") == 0
    assert explain.steepest(nn.LeakyReLU(-3.0)) == 3 and explain.steepest(nn.PReLU(4, init=2.0)) == 2
    with pytest.raises(ArgumentError, match="softmax works along an axis"):
        explain.slopes("softmax", [0.0])
    with pytest.raises(ValueError, match="unknown activation 'sigmoit'\nhint: did you mean 'sigmoid'"):
        explain.steepest("sigmoit")


def test_AC14_dead_units_are_counted() -> None:
    X, _ = rows()
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 10), nn.LeakyReLU(), nn.Linear(10, 2))
    with ff.no_grad():
        model[0].bias[:7] = -100.0
        model[2].bias[:3] = -100.0
    found = explain.activity(model, X)
    assert found.layers[0].dead[:7].all() and found.layers[0].dead.sum() == 7, "as planted"
    assert found.layers[0].dead_share == 7 / 20 and not found.layers[1].dead.any(), "a leaky unit never dies"
    assert found.dead_share == 7 / 30
    assert "7 dead (35%)" in found.summary() and "cannot come back by gradient descent" in found.summary()
    # dead units stay as they are: no gradient
    nn.CrossEntropyLoss()(model(ff.tensor(X).float()), ff.zeros(100, dtype=ff.int64)).backward()
    assert model[0].weight.grad[:7].abs().max().item() == 0 and model[0].weight.grad[7:].abs().max().item() > 0


def test_saturation_is_measured_on_both_sides() -> None:
    X = np.linspace(-1, 1, 201)[:, None]
    model = nn.Sequential(nn.Linear(1, 3), nn.Sigmoid(), nn.Linear(3, 1))
    with ff.no_grad():
        model[0].weight.copy_(ff.tensor([[0.5], [100.0], [-100.0]]))
        model[0].bias.copy_(ff.tensor([0.0, 50.0, 0.0]))
    (units,) = explain.activity(model, X).layers
    # sigmoid(x) (1 - sigmoid(x)) < 1/40 beyond 3.636: x > -0.536 and x < -0.464 of the second unit
    np.testing.assert_allclose(units.flat_high, [0, 146 / 201, 97 / 201], atol=1.5 / 201)
    np.testing.assert_allclose(units.flat_low, [0, 47 / 201, 97 / 201], atol=1.5 / 201)
    assert units.slope[0] > 0.23 and units.slope[1] < 0.02
    found = explain.activity(model, X)
    assert found.saturated_share == pytest.approx(units.flat_share) and "% saturated, mean slope" in found.summary()
    assert "Saturated units learn slowly" in found.summary()
    assert explain.activity(nn.Sequential(nn.Linear(1, 3), nn.ReLU()), X).saturated_share == 0


def test_units_of_learned_slopes_and_random_ones() -> None:
    X, _ = rows()
    ff.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(10, 6), nn.PReLU(6), nn.Linear(6, 6), nn.RReLU(), nn.Linear(6, 4), nn.SiLU(learned=True)
    )
    first, second = (explain.activity(model, X) for _ in range(2))
    assert [layer.kind for layer in first.layers] == ["PReLU", "RReLU", "SiLU"]
    for a, b in zip(first.layers, second.layers, strict=True):
        np.testing.assert_array_equal(a.slope, b.slope)  # evaluation mode: nothing is drawn


def test_activity_misuse_is_named() -> None:
    X, _ = rows()
    with pytest.raises(ArgumentError, match="no activation module to look at\nhint: write activations as layers"):
        explain.activity(nn.Sequential(nn.Linear(10, 2)), X)
    with pytest.raises(ArgumentError, match="flat is 0, expected a share"):
        explain.activity(deep(nn.ReLU, 1), X, flat=0)


# ---------------------------------------------------------------- advice


def test_AC28_advice_on_activations() -> None:
    model = nn.Sequential(
        *(nn.Linear(4, 4), nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 4), nn.Sigmoid()),
        *(nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 4), nn.Softmax(), nn.Linear(4, 1), nn.ReLU()),
    )
    told = {note.layer: note.text for note in explain.review(model)}
    assert set(told) == {"1", "2", "4", "6", "8", "10"}
    assert "one linear layer" in told["1"] and "at most 1/4; 3 such layers leave at most 0.02" in told["2"]
    assert "Softmax as a hidden layer" in told["8"] and "cannot be predicted" in told["10"]
    good = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    assert explain.review(good) == []
    assert explain.review(nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 1))) == [], "shallow: no harm"
    (note,) = explain.review(nn.Sequential(nn.Linear(4, 8), nn.Step(), nn.Linear(8, 1)))
    assert note.summary() == "1: Step has slope 0: nothing before it learns by gradient descent."
