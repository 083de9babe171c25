"""How a loss bends at a place: along its gradient, along any direction, and in all of them.

    explain.curvature(lambda x: x[0] ** 2 + 5 * x[1] ** 2, [1.0, 1.0]).best_step      # 0.103...
    explain.spectrum(explain.Objective.of_model(model, "mse", X, y)).summary()

Along a step -e g of gradient descent the loss is f - e g'g + e^2/2 g'Hg up to third order, so curvature decides how
far one may go (Goodfellow, Bengio & Courville 2016, section 4.3).

Axis glossary: n numbers of the vector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import ArgumentError, DataError, ShapeError, unknown_name
from forwardnet.explain.lanczos import lanczos
from forwardnet.explain.objective import MAX_EXACT, objective_of

Floats = NDArray[np.float64]
Kind = Literal["minimum", "maximum", "saddle", "degenerate"]

FLAT = 1e-7  # eigenvalues below this share of the largest are taken for 0: the square root of the rounding of float64
EXACT_BY_DEFAULT = 600  # rows up to which a whole Hessian costs less than a second


@dataclass(frozen=True)
class Curvature:
    """The second-order view along one direction d, by default the gradient g.

    `along` is d'Hd / d'd. `best_step` is g'd / d'Hd, the length of step against d that is best as far as second order
    sees (g'g / g'Hg along the gradient); None where the loss does not bend upwards, and no step is too long.
    `predicted` is the loss that second order foresees after that step, `reached` the loss that is there.
    """

    value: float
    gradient_norm: float
    along: float
    best_step: float | None
    predicted: float | None
    reached: float | None

    def summary(self) -> str:
        """What was found, in words."""
        head = f"Loss {self.value:.6g}, gradient norm {self.gradient_norm:.4g}, curvature {self.along:.4g}"
        if self.gradient_norm == 0:
            return f"{head}: a critical point; there is no gradient to follow."
        if self.best_step is None or self.predicted is None or self.reached is None:
            return (
                f"{head}: the loss does not bend upwards along this direction, so second order knows no best step; "
                "a line search does."
            )
        told = f"{head}. The best step is {self.best_step:.4g}: foreseen {self.predicted:.6g}, there {self.reached:.6g}"
        expected, got = self.value - self.predicted, self.value - self.reached
        if abs(got - expected) <= 0.01 * abs(expected):
            return f"{told}, as a quadratic would have it."
        return f"{told}; the loss fell by {got / expected:.0%} of what a quadratic would, so it is none over that step."


def curvature(target: Any, x: Any = None, *, direction: Any = None) -> Curvature:
    """The curvature of an `Objective`, or of a function at `x`, along `direction` (n,) or the gradient.

    Costs two gradients and one product with the Hessian, whatever n is.

    Raises:
        ArgumentError: the direction is zero.
    """
    objective = objective_of(target, x, where="curvature")
    g = objective.gradient()
    d = g if direction is None else np.asarray(direction, dtype=np.float64)
    if d.shape != g.shape:
        raise ShapeError(f"curvature: direction has shape {d.shape}, expected {g.shape}")
    squared = float(d @ d)
    value, norm = objective.value(), float(np.linalg.norm(g))
    if squared == 0:
        if direction is not None:
            raise ArgumentError("curvature: the direction is zero")
        return Curvature(value, norm, 0.0, None, None, None)
    bend, slope = float(d @ objective.product(d)), float(g @ d)
    if not bend > 0:
        return Curvature(value, norm, bend / squared, None, None, None)
    step = slope / bend
    reached = objective.value(objective.x - step * d)
    return Curvature(value, norm, bend / squared, step, value - 0.5 * slope**2 / bend, reached)


def optimal_step(target: Any, x: Any = None) -> float | None:
    """g'g / g'Hg, the best step of gradient descent from here as far as second order sees; None where g'Hg <= 0."""
    return curvature(target, x).best_step


def classify_critical_point(hessian: Any) -> Kind:
    """What kind of critical point a Hessian (n, n), or its eigenvalues (n,), belong to, by their signs.

    Eigenvalues below 1e-7 of the largest count as 0; if there is one of them and the others agree, second order
    cannot tell: "degenerate".

    Raises:
        ShapeError: the Hessian is not square.
        DataError: it is not symmetric, or not finite.
    """
    values = _eigenvalues(hessian, "classify_critical_point")
    limit = FLAT * float(np.abs(values).max(initial=0.0))
    up, down = int((values > limit).sum()), int((values < -limit).sum())
    if up and down:
        return "saddle"
    if up == len(values) and up:
        return "minimum"
    return "maximum" if down == len(values) and down else "degenerate"


def condition_number(matrix: Any) -> float:
    """Largest over smallest singular value of a matrix (m, n), infinite for a singular one.

    For a symmetric matrix that is the ratio of the largest and the smallest eigenvalue by size. It bounds how much
    larger the relative error of the x in A x = b can be than that of b, and for a Hessian it says how much slower
    gradient descent is along its flattest direction than along its steepest.

    Raises:
        ShapeError: it is no matrix.
        DataError: it holds a NaN or an infinity.
    """
    array = np.asarray(matrix, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ShapeError(f"condition_number: got shape {array.shape}, expected a matrix")
    if not np.isfinite(array).all():
        raise DataError("condition_number: the matrix holds a NaN or an infinity")
    sizes = np.linalg.svd(array, compute_uv=False)
    return float(sizes[0] / sizes[-1]) if sizes[-1] > 0 else float("inf")


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of a Hessian, rising.

    With `method` "exact" `eigenvalues` (n,) are all of them. With "lanczos" they are estimates (k,): those at both
    ends are good to `errors`, the others stand for many; `density` has their shares (k,), of sum 1.
    """

    eigenvalues: Floats
    density: Floats
    errors: Floats
    size: int
    method: str
    gradient_norm: float

    @property
    def largest(self) -> float:
        """The largest eigenvalue."""
        return float(self.eigenvalues[-1])

    @property
    def smallest(self) -> float:
        """The smallest eigenvalue, which may be negative."""
        return float(self.eigenvalues[0])

    @property
    def kind(self) -> Kind:
        """What the signs say; of a critical point where the gradient is 0, and of the surroundings elsewhere."""
        return classify_critical_point(self.eigenvalues)

    @property
    def condition_number(self) -> float:
        """Largest over smallest eigenvalue by size; of the estimates where they are estimates, and then a bound below.

        Infinite where an eigenvalue is smaller than what rounding leaves of it.
        """
        sizes = np.abs(self.eigenvalues)
        top = float(sizes.max())
        least = float(sizes.min())
        return top / least if least > np.finfo(np.float64).eps * self.size * top else float("inf")

    @property
    def stable_rate(self) -> float:
        """2 / largest eigenvalue: above this learning rate gradient descent runs away from a minimum of this bend."""
        return 2 / self.largest if self.largest > 0 else float("inf")

    @property
    def resolution(self) -> float:
        """What cannot be told from 0: a thousandth of the largest size, and for estimates at least their spacing."""
        top = max(abs(self.largest), abs(self.smallest))
        spacing = (self.largest - self.smallest) / len(self.eigenvalues) if self.method == "lanczos" else 0.0
        return max(1e-3 * top, spacing)

    def share(self, is_counted: Callable[[Floats], Any]) -> float:
        """The share of eigenvalues for which `is_counted(values)` is true, 0 to 1."""
        return float(self.density[np.asarray(is_counted(self.eigenvalues), dtype=bool)].sum())

    def summary(self) -> str:
        """What was found, in words."""
        top, tiny = max(abs(self.largest), abs(self.smallest)), self.resolution
        if top == 0:
            return f"The Hessian of {self.size} parameters is zero: the loss is linear here."
        how = "" if self.method == "exact" else f", estimated from {len(self.eigenvalues)} steps of Lanczos' method"
        lines = [f"{self.size} eigenvalues from {self.smallest:.4g} to {self.largest:.4g}{how}.", self._shape(top)]
        flat, down = self.share(lambda v: np.abs(v) <= tiny), self.share(lambda v: v < -tiny)
        lines.append(
            f"{flat:.0%} of the directions are flat (below {tiny / top:.2g} of the steepest), {down:.0%} fall."
        )
        if self.largest > 0:
            number, least = self.condition_number, "at least " if self.method == "lanczos" else ""
            size = (
                f"Condition number {least}{number:.3g}" if np.isfinite(number) else "The condition number is infinite"
            )
            lines.append(f"{size}; gradient descent diverges above a learning rate of {self.stable_rate:.4g}.")
        return " ".join(lines)

    def _shape(self, top: float) -> str:
        """The kind of a critical point, or how the loss bends where there is a gradient."""
        kind = self.kind
        if self.gradient_norm > 1e-4 * top:
            bends = {"saddle": "upwards in some directions and downwards in others", "minimum": "upwards in all"}
            bends |= {"maximum": "downwards in all directions", "degenerate": "in some directions and not in others"}
            return (
                f"The gradient norm is {self.gradient_norm:.3g}, so this is no critical point; it bends {bends[kind]}."
            )
        named = {"saddle": "a saddle", "minimum": "a minimum", "maximum": "a maximum"}
        return f"A critical point: {named.get(kind, 'degenerate, second order cannot tell which kind')}."


def spectrum(
    target: Any,
    x: Any = None,
    *,
    method: Literal["auto", "exact", "lanczos"] = "auto",
    steps: int = 60,
    probes: int = 1,
    seed: int = 0,
) -> Spectrum:
    """The eigenvalues of the Hessian of an `Objective`, or of a function at `x`.

    "exact" forms the Hessian (n backward passes); "lanczos" takes `steps` products with it for each of `probes` random
    vectors, whatever n is; "auto" is exact for at most 600 parameters. More probes give a better `density`.

    Raises:
        ArgumentError: the Hessian is too large to be formed, or `steps` or `probes` below 1.
        DataError: the Hessian is not finite.
    """
    objective = objective_of(target, x, where="spectrum")
    norm = float(np.linalg.norm(objective.gradient()))
    if method not in ("auto", "exact", "lanczos"):
        raise unknown_name("method", method, ("auto", "exact", "lanczos"))
    n = objective.size
    if method == "exact" or (method == "auto" and n <= min(EXACT_BY_DEFAULT, MAX_EXACT)):
        values = _eigenvalues(objective.hessian(), "spectrum")
        return Spectrum(values, np.full(n, 1 / n), np.zeros(n), n, "exact", norm)
    if probes < 1:
        raise ArgumentError(f"spectrum: probes is {probes}, expected at least 1")
    found = [lanczos(objective.product, n, steps=steps, seed=seed + i) for i in range(probes)]
    values = np.concatenate([one.values for one in found])
    if not np.isfinite(values).all():
        raise DataError("spectrum: the Hessian holds a NaN or an infinity")
    order = np.argsort(values)
    weights, errors = (np.concatenate([getattr(one, name) for one in found])[order] for name in ("weights", "errors"))
    return Spectrum(values[order], weights / probes, errors, n, "lanczos", norm)


def _eigenvalues(hessian: Any, where: str) -> Floats:
    """Eigenvalues, rising, of a matrix, or the vector of them that was given."""
    array = np.asarray(hessian, dtype=np.float64)
    if array.size == 0 or array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[0] != array.shape[1]):
        raise ShapeError(f"{where}: got shape {array.shape}, expected a square matrix, or its eigenvalues")
    if not np.isfinite(array).all():
        raise DataError(f"{where}: the Hessian holds a NaN or an infinity")
    if array.ndim == 1:
        return np.sort(array)
    if not np.allclose(array, array.T, rtol=1e-6, atol=1e-9 * float(np.abs(array).max())):
        raise DataError(f"{where}: the matrix is not symmetric", hint="a Hessian is; (H + H.T) / 2 makes one of it")
    return np.asarray(np.linalg.eigvalsh(array), dtype=np.float64)
