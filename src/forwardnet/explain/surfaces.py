"""Functions of two variables that optimisers are compared on: bowls, ravines, saddles, plateaus, many minima.

`SURFACES` has them by name. To add one, write the formula in ops of `forwardnet.ops.scalar` and what is known about it:
its lowest places, where to start, which part of the plane to look at. Tests read the registry.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import unknown_name
from forwardnet.explain.objective import Objective
from forwardnet.ops.scalar import cos, exp, sin

Floats = NDArray[np.float64]
Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Surface:
    """f(x, y) with what is known about it.

    `lowest` are the global minima, all of the value `least` (empty and -inf where f falls for ever); `critical` are
    other places without gradient; `start` is where runs begin, `box` (x from, x to, y from, y to) what to look at.
    """

    function: Callable[[Any, Any], Any]
    kind: str
    lowest: tuple[Point, ...]
    least: float
    critical: tuple[Point, ...]
    start: Point
    box: tuple[float, float, float, float]

    @property
    def name(self) -> str:
        """The name in the registry."""
        return str(self.function.__name__)

    @property
    def formula(self) -> str:
        """The formula and where it comes from."""
        return str(self.function.__doc__)

    def __call__(self, x: Any, y: Any) -> Any:
        """f(x, y) of numbers, arrays or tensors."""
        return self.function(x, y)

    def at(self, place: Any) -> Objective:
        """The surface as an objective at a place (x, y), for its gradient, Hessian, curvature and spectrum."""
        return Objective(lambda p: self.function(p[0], p[1]), place)

    def grid(self, points: int = 101) -> tuple[Floats, Floats, Floats]:
        """Places x (k,) and y (k,) over the box, and the values (k, k), x along the columns."""
        x, y = np.linspace(*self.box[:2], points), np.linspace(*self.box[2:], points)
        across, up = np.meshgrid(x, y)
        return x, y, np.asarray(self.function(across, up), dtype=np.float64)

    def distance(self, place: Any) -> float:
        """How far the nearest lowest place is; infinite where there is none."""
        return min((math.dist(place, low) for low in self.lowest), default=math.inf)


SURFACES: dict[str, Surface] = {}


def surface(
    kind: str,
    *,
    start: Point,
    box: tuple[float, float, float, float],
    lowest: tuple[Point, ...] = (),
    least: float = 0.0,
    critical: tuple[Point, ...] = (),
) -> Callable[[Callable[[Any, Any], Any]], Surface]:
    """Decorator that enters a function of two variables into the registry; `Surface` says what the rest means."""

    def enter(function: Callable[[Any, Any], Any]) -> Surface:
        made = Surface(function, kind, lowest, least if lowest else -math.inf, critical, start, box)
        SURFACES[made.name] = made
        return made

    return enter


def surface_of(name: str | Surface) -> Surface:
    """A surface itself, or the one of that name."""
    if isinstance(name, Surface):
        return name
    if name not in SURFACES:
        raise unknown_name("surface", name, SURFACES)
    return SURFACES[name]


@surface("bowl", start=(-1.5, 1.2), box=(-2, 2, -2, 2), lowest=((0, 0),))
def bowl(x: Any, y: Any) -> Any:
    """f = (x^2 + y^2) / 2, of condition number 1: one step of length 1 ends at the minimum."""
    return 0.5 * (x**2 + y**2)


@surface("ravine", start=(1.0, 1.0), box=(-1.2, 1.2, -1.2, 1.2), lowest=((0, 0),))
def valley(x: Any, y: Any) -> Any:
    """f = (x^2 + 100 y^2) / 2, of condition number 100: steps that suit y crawl along x."""
    return 0.5 * (x**2 + 100 * y**2)


@surface("saddle", start=(1.0, 0.001), box=(-1.5, 1.5, -1.5, 1.5), critical=((0, 0),))
def saddle(x: Any, y: Any) -> Any:
    """f = x^2 - y^2: falls for ever along y, but who comes along x is nearly at rest at the origin."""
    return x**2 - y**2


@surface("saddle", start=(1.0, 0.2), box=(-1.5, 1.5, -1.5, 1.5), critical=((0, 0),))
def monkey_saddle(x: Any, y: Any) -> Any:
    """f = x^3 - 3 x y^2: three valleys fall from the origin, where the Hessian is zero and tells nothing."""
    return x**3 - 3 * x * y**2


@surface("plateau", start=(2.4, 2.0), box=(-3, 3, -3, 3), lowest=((0, 0),))
def plateau(x: Any, y: Any) -> Any:
    """f = 1 - e^-(x^2 + y^2): a funnel in a plain that is flat a little way off."""
    return 1 - exp(-(x**2 + y**2))


@surface("curved valley", start=(-1.2, 1.0), box=(-2, 2, -1, 3), lowest=((1, 1),))
def rosenbrock(x: Any, y: Any) -> Any:
    """f = (1 - x)^2 + 100 (y - x^2)^2: a curved valley, easily found and slowly followed (Rosenbrock 1960)."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@surface("valley beside a plain", start=(1.0, 1.5), box=(-1, 4.5, -2, 2.2), lowest=((3, 0.5),), critical=((0, 1),))
def beale(x: Any, y: Any) -> Any:
    """f = (1.5 - x + x y)^2 + (2.25 - x + x y^2)^2 + (2.625 - x + x y^3)^2, with cliffs at its corners (Beale 1958)."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


HIMMELBLAU = (
    (3.0, 2.0),
    (-2.805118086952745, 3.131312518250573),
    (-3.779310253377747, -3.2831859912861696),
    (3.5844283403304917, -1.8481265269644036),
)


@surface(
    "several minima",
    start=(-0.5, -1.5),
    box=(-5, 5, -5, 5),
    lowest=HIMMELBLAU,
    critical=((-0.2708445906673476, -0.9230385564799815),),
)
def himmelblau(x: Any, y: Any) -> Any:
    """f = (x^2 + y - 11)^2 + (x + y^2 - 7)^2: four equal minima; the start decides which is found (Himmelblau 1972)."""
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


@surface(
    "local minima",
    start=(-1.7, -0.6),
    box=(-2.1, 2.1, -1.2, 1.2),
    lowest=((0.08984201310031806, -0.7126564030207396), (-0.08984201310031806, 0.7126564030207396)),
    least=-1.0316284534898774,
    critical=((0, 0), (1.703606714969981, -0.7960835686726251), (1.6071047529201974, 0.5686514548841314)),
)
def camel(x: Any, y: Any) -> Any:
    """f = (4 - 2.1 x^2 + x^4 / 3) x^2 + x y + 4 (y^2 - 1) y^2: six minima, two of them lowest (Dixon & Szego 1978)."""
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + 4 * (y**2 - 1) * y**2


@surface("many minima", start=(2.3, -1.7), box=(-3.2, 3.2, -3.2, 3.2), lowest=((0, 0),))
def rastrigin(x: Any, y: Any) -> Any:
    """f = 20 + x^2 + y^2 - 10 cos 2 pi x - 10 cos 2 pi y: a bowl full of dents (Rastrigin 1974)."""
    return 20 + x**2 + y**2 - 10 * cos(2 * math.pi * x) - 10 * cos(2 * math.pi * y)


@surface(
    "local minima",
    start=(3.9, 0.6),
    box=(-4.5, 4.5, -2, 2),
    lowest=((-0.4874224344298779, 0.0),),
    least=-0.27447688819695754,
)
def hills(x: Any, y: Any) -> Any:
    """f = x^2 / 10 + y^2 / 2 + 0.3 sin 3 x: dents on the way down, in which descent ends and momentum need not."""
    return x**2 / 10 + y**2 / 2 + 0.3 * sin(3 * x)
