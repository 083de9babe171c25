"""Why a deep network of sigmoids does not learn, and what helps: gradients layer by layer, before and during training.

Pictures go to the folder named on the command line, or to a temporary one.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import forwardnet as ff
from forwardnet import explain, nn, plot
from forwardnet.data.generators import moons

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
X, y = moons(n=400, noise=0.15, seed=0)


def network(activation: Callable[[], nn.Module], *, residual: bool = False, xavier: bool = False) -> nn.Module:
    """Ten hidden layers of 16 units."""
    ff.manual_seed(1)
    layers: list[nn.Module] = [nn.Linear(2, 16), activation()]
    for _ in range(9):
        inner = (nn.Linear(16, 16), activation())
        layers += [nn.Residual(*inner)] if residual else inner
    model = nn.Sequential(*layers, nn.Linear(16, 2))
    for layer in model.modules():
        if xavier and isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
    return model


def accuracy_of(model: nn.Module, callbacks: tuple[object, ...] = ()) -> float:
    """Train for 30 epochs; the accuracy on the training rows."""
    trainer = ff.Trainer(model, "cross_entropy", ff.optim.Adam(model.parameters(), lr=0.005), metrics=["accuracy"])
    trainer.fit(X, y, epochs=30, batch_size=50, callbacks=callbacks, progress=False)
    return trainer.evaluate(X, y)["accuracy"]


# The chain of five sigmoid units in which every weight is 1/2: each layer multiplies by at most 1/4 * 1/2.
chain = nn.Sequential(*[layer for _ in range(5) for layer in (nn.Linear(1, 1, bias=False), nn.Sigmoid())])
nn.init.constant_(chain[0].weight, 0.5)
for layer in chain[2::2]:
    nn.init.constant_(layer.weight, 0.5)
by_hand = explain.gradient_flow(chain, lambda output, _: output.sum(), [[1.0]], [[0.0]]).weight_gradients
print("chain of five sigmoids:", ", ".join(f"{g:.3e}" for g in by_hand))
assert [f"{g:.3e}" for g in by_hand] == ["5.267e-05", "2.790e-04", "2.120e-03", "1.715e-02", "1.399e-01"]
assert round(by_hand[-1] / by_hand[0]) == 2656

# Ten layers of 16: what each kind of layer leaves of the gradient, and what that does to learning.
found, reached = {}, {}
for name, model in {
    "sigmoid": network(nn.Sigmoid),
    "tanh, Xavier": network(nn.Tanh, xavier=True),
    "sigmoid, residual": network(nn.Sigmoid, residual=True),
}.items():
    found[name] = explain.gradient_flow(model, "cross_entropy", X, y)
    plot.save(plot.gradient_flow(found[name]), folder / f"flow-{name.replace(', ', '-')}.png")
    recorder = explain.FlowRecorder("cross_entropy", X, y, every=60)
    reached[name] = accuracy_of(model, (recorder,))
    plot.save(plot.learning_speeds(recorder), folder / f"speeds-{name.replace(', ', '-')}.png")
    print(f"\n{name}: {found[name].summary()}\n  accuracy after 30 epochs: {reached[name]:.3f}")
    if name == "sigmoid":
        print(f"  {recorder.summary()}")
        near_input, near_output = recorder.speeds[0, [0, -1]]
        assert near_output > 1000 * near_input, "layers near the output learn first"

assert found["sigmoid"].verdict == "vanishing" and "at most 1/4" in found["sigmoid"].summary()
assert all(one.passes <= 0.25 for one in found["sigmoid"].activations)
assert found["tanh, Xavier"].verdict == found["sigmoid, residual"].verdict == "healthy"
# Five starts gave 0.50 for all sigmoids, and 0.86 to 1.00 for the others.
assert reached["sigmoid"] < 0.6 and min(reached["tanh, Xavier"], reached["sigmoid, residual"]) > 0.8

# Explosion needs large weights: with slopes of at most 1/4 they must multiply by more than 4.
large = network(nn.ReLU)
for parameter in large.parameters():
    parameter.data.mul_(10.0)
exploding = explain.gradient_flow(large, "cross_entropy", X, y)
print(f"\nweights times 10: {exploding.summary()}")
assert exploding.verdict == "exploding" and exploding.per_layer > 3

# Dead rectifiers: with a rate that is far too large most units are driven to where no row wakes them again.
digits = ff.datasets.load("digits")
images, labels = digits.X[:500], digits.y[:500]
dead = {}
for rate, unit in ((0.1, nn.ReLU), (3.0, nn.ReLU), (3.0, nn.LeakyReLU)):
    ff.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 50), unit(), nn.Linear(50, 50), unit(), nn.Linear(50, 10))
    trainer = ff.Trainer(model, "cross_entropy", ff.optim.SGD(model.parameters(), lr=rate))
    trainer.fit(images, labels, epochs=5, batch_size=50, progress=False)
    units = explain.activity(model, images)
    dead[rate, unit.__name__] = units.dead_share
    print(f"\nlearning rate {rate}: {units.summary()}")
    plot.save(plot.activity(units), folder / f"units-{unit.__name__}-{rate}.png")
# Four starts gave 0.03 to 0.12, 0.83 to 0.90, and none.
assert dead[0.1, "ReLU"] < 0.2 and dead[3.0, "ReLU"] > 0.7 and dead[3.0, "LeakyReLU"] == 0
plot.save(plot.saturation("sigmoid"), folder / "saturation.png")
print(f"\npictures: {folder}")
