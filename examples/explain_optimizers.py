"""Optimisers side by side on surfaces made to try them: a ravine, a saddle, a curved valley, dents and a plateau.

Pictures and an animation go to the folder named on the command line, or to a temporary one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from forwardnet import explain, plot

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())

# The saddle x^2 - y^2 from (1, 0.001): who comes along x is nearly at rest at the origin.
racers = {
    "sgd": {"lr": 0.05},
    "momentum": {"optimizer": "sgd", "lr": 0.05, "momentum": 0.9},
    "adagrad": {"lr": 0.05},
    "rmsprop": {"lr": 0.05, "alpha": 0.9},
    "adam": {"lr": 0.05},
}
saddle = explain.trajectories("saddle", racers, steps=100)
left = saddle.steps_until(lambda place: abs(place[1]) > 1)
print("steps until |y| > 1 on the saddle:", left)
plot.save(plot.trajectories(saddle), folder / "saddle.png")
plot.animate(saddle, folder / "saddle.gif", frames=12)
assert left == {"sgd": 73, "momentum": 27, "adagrad": 57, "rmsprop": 8, "adam": 20}

# The ravine (x^2 + 100 y^2) / 2: rates that suit y crawl along x, and rates above 2/100 diverge.
ravine = explain.trajectories(
    "valley",
    {
        "sgd": {"lr": 0.019},
        "momentum": {"optimizer": "sgd", "lr": 0.01, "momentum": 0.9},
        "adam": {"lr": 0.05},
        "sgd, too fast": {"optimizer": "sgd", "lr": 0.021},
    },
    steps=100,
)
print(ravine.summary())
plot.save(plot.trajectories(ravine), folder / "ravine.png")
rate = explain.spectrum(explain.SURFACES["valley"].at((1, 1))).stable_rate
assert abs(rate - 0.02) < 1e-12 and ravine["sgd, too fast"].values[-1] > 1e9
assert ravine["momentum"].values[-1] < 0.01 * ravine["sgd"].values[-1]
turns = ravine.zigzag()
print("share of steps that turn back:", {name: round(share, 2) for name, share in turns.items()})
assert turns["sgd"] > turns["momentum"]

# A curved valley: what knows the bend follows it.
curved = explain.trajectories(
    "rosenbrock",
    {
        "sgd": {"lr": 0.001},
        "adam": {"lr": 0.05},
        "lbfgs": {"line_search_fn": "strong_wolfe", "max_iter": 1, "max_eval": 25},
    },
    steps=100,
)
print(curved.summary())
plot.save(plot.trajectories(curved), folder / "rosenbrock.png")
assert curved.arrivals()["lbfgs"] is not None and curved.arrivals()["sgd"] is None

# Dents on the way down: plain descent ends in the nearest, momentum rolls on. On a plateau nothing happens.
dents = explain.trajectories(
    "hills", {"sgd": {"lr": 0.1}, "momentum": {"optimizer": "sgd", "lr": 0.1, "momentum": 0.9}}, steps=300
)
print(dents.summary())
plot.save(plot.trajectories(dents), folder / "dents.png")
assert dents.arrivals()["sgd"] is None and dents.arrivals()["momentum"] is not None
plain = explain.trajectories("plateau", {"sgd": {"lr": 0.1}, "adam": {"lr": 0.1}}, steps=100)
print(plain.summary())
assert plain["sgd"].values[-1] > 0.999 and plain.arrivals()["adam"] is not None

# One dimension, and the places where the gradient vanishes; arrows against the gradient; the surfaces themselves.
plot.save(plot.descent(lambda x: x**4 / 4 - x**2 / 2 + 0.2 * x, 1.9, lr=0.1), folder / "descent.png")
plot.save(plot.critical_points(lambda x: x**4 / 4 - x**2 / 2 + 0.2 * x, -1.8, 1.7), folder / "critical-points.png")
plot.save(plot.terrain("himmelblau", arrows=True), folder / "arrows.png")
plot.save(plot.terrain("saddle", kind="surface"), folder / "saddle-surface.png")
kinds = {name: explain.spectrum(s.at(s.critical[0])).kind for name, s in explain.SURFACES.items() if s.critical}
print("critical points that are not the lowest place:", kinds)
assert kinds["saddle"] == kinds["beale"] == "saddle" and kinds["himmelblau"] == "maximum"
print(f"pictures: {folder}")
