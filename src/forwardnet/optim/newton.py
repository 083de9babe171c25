"""Second derivatives in full: Newton's method for small networks, and steepest descent with the best step.

Axis glossary: n numbers of all parameters, one parameter after another.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from forwardnet.autograd import grad
from forwardnet.errors import ArgumentError, AutogradError, DivergedError, unknown_name
from forwardnet.optim.flat import Array, Closure, Flat, FlatOptimizer
from forwardnet.optim.line_search import Evaluate, Point, backtracking, strong_wolfe
from forwardnet.optim.optimizer import Params, check_number
from forwardnet.optim.rule import Hyper
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import cat, from_numpy
from forwardnet.tensor.mode import enable_grad, no_grad

SEARCHES = ("backtracking", "strong_wolfe")
FIRST_SHIFT = 1e-3  # of the largest curvature along an axis, the least that is added to a Hessian that needs some
# Newton's limit where nothing else is said: 32 MB of second derivatives, and seconds for a step.
MOST_PARAMETERS = 2000


class Curved(Flat):
    """The loss as a function of a vector with second derivatives; the closure returns it and need do no more."""

    def __init__(self, where: str, params: list[Tensor], closure: Closure) -> None:
        super().__init__(params, closure)
        self.where = where

    def evaluate(self) -> tuple[Any, float, Array]:
        """What the closure returns, that as a number, and the gradient."""
        loss = self._loss()
        return loss, float(loss), _flat(self._grad(loss, keep=False)).detach().numpy()

    def expand(self) -> tuple[Any, Tensor]:
        """What the closure returns, and the gradient (n,) as a function that can be differentiated."""
        loss = self._loss()
        with enable_grad():
            return loss, _flat(self._grad(loss, keep=True))

    def product(self, gradient: Tensor, v: Array) -> Array:
        """H v, from the gradient of g'v (Pearlmutter 1994)."""
        with enable_grad():
            along = (gradient * from_numpy(v)).sum()
        return _flat(grad(along, self.params, retain_graph=True, materialize_grads=True)).numpy()

    def hessian(self, gradient: Tensor) -> Array:
        """H (n, n) in float64, a row for each backward pass; made symmetric, which it is but for roundings."""
        with enable_grad():
            parts = [gradient[i] for i in range(len(gradient))]
        rows = [
            _flat(grad(part, self.params, retain_graph=True, materialize_grads=True)).numpy().astype(np.float64)
            if part.requires_grad
            else np.zeros(len(parts))
            for part in parts
        ]
        matrix = np.stack(rows)
        return (matrix + matrix.T) / 2

    def _loss(self) -> Any:
        self.evaluations += 1
        with enable_grad():
            loss = self.closure()
        if not isinstance(loss, Tensor) or not loss.requires_grad:
            kind = "a tensor without history" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise ArgumentError(f"{self.where}.step: the closure returned {kind}, expected the loss as it was computed")
        return loss

    def _grad(self, loss: Tensor, *, keep: bool) -> Any:
        try:
            return grad(loss, self.params, create_graph=keep, materialize_grads=True)
        except AutogradError as error:
            if "freed" not in str(error):
                raise
            raise AutogradError(
                f"{self.where}.step: the closure has called backward(), after which the loss cannot be differentiated",
                hint="return the loss without calling backward()",
            ) from error


class Plan(NamedTuple):
    """A direction, the first length to try, and how to search from there; None takes that length."""

    direction: Array
    t: float
    search: str | None


def searched(plan: Plan, evaluate: Evaluate, start: Point) -> float:
    """How far to go."""
    if plan.search == "strong_wolfe":
        return strong_wolfe(evaluate, start, plan.t).point.t
    return backtracking(evaluate, start, plan.t).point.t if plan.search == "backtracking" else plan.t


class Searching(FlatOptimizer):
    """Base of the optimisers that compute a direction from second derivatives and search along it."""

    asks: ClassVar[str] = "losses"
    searches: ClassVar[tuple[str, ...]] = SEARCHES

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range."""
        for key in h.keys() & {"lr", "damping", "tolerance_grad"}:
            check_number(cls.__name__, key, h[key])
        if h["line_search_fn"] is not None and h["line_search_fn"] not in cls.searches:
            raise unknown_name("line_search_fn", h["line_search_fn"], cls.searches)

    def step(self, closure: Closure | None = None) -> Any:
        """One step; returns the loss before it. The closure returns the loss, and does not call `backward`.

        Raises:
            DivergedError: the loss or a derivative is not finite.
        """
        h, state = self.param_groups[0], self.state[self._params[0]]
        flat = Curved(type(self).__name__, self._params, self.required(closure))
        with no_grad(), np.errstate(all="ignore"):
            loss, gradient = flat.expand()
            g, x = gradient.detach().numpy(), flat.read()
            if not np.isfinite(g).all():
                raise DivergedError(f"{flat.where}: the loss is {float(loss)}, and its gradient is not finite")
            state["step"] = state.get("step", 0) + 1
            if np.abs(g).max(initial=0.0) > h["tolerance_grad"]:
                plan = self.plan(flat, gradient, h, state)
                start = Point(0.0, float(loss), float(g @ plan.direction), g)
                state["t"] = searched(plan, flat.along(x, plan.direction.astype(x.dtype)), start)
                flat.write(x + state["t"] * plan.direction)
        state["func_evals"] = state.get("func_evals", 0) + flat.evaluations
        return loss

    def plan(self, flat: Curved, gradient: Tensor, h: Hyper, state: dict[str, Any]) -> Plan:
        """Where to go, and how far."""
        raise NotImplementedError


class Newton(Searching, name="newton"):
    """p <- p - t (H + shift I)^-1 g with the Hessian H in full, and t from a line search (Nocedal & Wright 2006, 3.4).

    On a quadratic one step reaches the minimum. Elsewhere H may not be positive definite, and the step would climb:
    then the least of a series of shifts that makes it so is added (their algorithm 3.3). H has n^2 entries and takes
    n backward passes, so that this is for small networks: 397,510 parameters would need 1.3 TB.

    The closure of `step` computes the loss and returns it, without calling `backward`. It is called several times, and
    has to give the same loss at the same parameters. `state` holds the last `shift` and step `t`.

    Args:
        params: parameters; there is one group.
        lr: first t that is tried, >= 0.
        damping: least shift, >= 0.
        line_search_fn: "backtracking", "strong_wolfe", or None for t = lr.
        tolerance_grad: no step is made where no element of the gradient is larger.
        max_parameters: most numbers that are allowed.

    Raises:
        ArgumentError: there are more numbers than `max_parameters`.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        damping: float = 0.0,
        line_search_fn: str | None = "backtracking",
        tolerance_grad: float = 0.0,
        *,
        max_parameters: int = MOST_PARAMETERS,
    ) -> None:
        numbers = {"lr": lr, "damping": damping, "line_search_fn": line_search_fn, "tolerance_grad": tolerance_grad}
        super().__init__(params, numbers)
        n = sum(p.numel() for p in self._params)
        if n > max_parameters:
            raise ArgumentError(
                f"Newton: {n:,} parameters have a Hessian of {float(n) ** 2:.3g} entries, {8.0 * n * n / 2**30:,.1f} "
                f"GiB, expected at most {max_parameters:,} parameters",
                hint="LBFGS needs no Hessian; max_parameters sets the limit",
            )

    def plan(self, flat: Curved, gradient: Tensor, h: Hyper, state: dict[str, Any]) -> Plan:
        matrix = flat.hessian(gradient)
        if not np.isfinite(matrix).all():
            raise DivergedError("Newton: a second derivative is not finite")
        d, state["shift"] = newton_direction(matrix, gradient.detach().numpy().astype(np.float64), h["damping"])
        return Plan(d, float(h["lr"]), h["line_search_fn"])


class SteepestDescent(Searching, name="steepest_descent"):
    """p <- p - t g with a step t that is found anew each time: by second derivatives along g, or by a line search.

    "taylor" is t = g'g / g'Hg, the best step as far as second order sees (Goodfellow et al. 2016, section 4.3.1). It
    costs one more backward pass and no matrix. Where the loss does not bend upwards along g, there is no such t, and
    backtracking from lr takes its place. The closure is that of `Newton`.

    Args:
        params: parameters; there is one group.
        lr: first t that a search tries, >= 0.
        line_search_fn: "taylor", "backtracking", "strong_wolfe", or None for t = lr.
        tolerance_grad: no step is made where no element of the gradient is larger.
    """

    searches: ClassVar[tuple[str, ...]] = ("taylor", *SEARCHES)

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        line_search_fn: str | None = "taylor",
        tolerance_grad: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "line_search_fn": line_search_fn, "tolerance_grad": tolerance_grad})

    def plan(self, flat: Curved, gradient: Tensor, h: Hyper, state: dict[str, Any]) -> Plan:
        g = gradient.detach().numpy()
        if h["line_search_fn"] != "taylor":
            return Plan(-g, float(h["lr"]), h["line_search_fn"])
        bend = float(g @ flat.product(gradient, g))
        return Plan(-g, float(g @ g) / bend, None) if bend > 0 else Plan(-g, float(h["lr"]), "backtracking")


def newton_direction(hessian: Array, g: Array, damping: float = 0.0) -> tuple[Array, float]:
    """-(H + shift I)^-1 g and the shift: the least of a series, from `damping` on, that makes H positive definite.

    (Nocedal & Wright 2006, algorithm 3.3.)
    """
    diagonal = np.diagonal(hessian)
    largest = float(np.abs(diagonal).max(initial=0.0)) or 1.0
    shift = damping if diagonal.min(initial=0.0) >= 0 else max(damping, FIRST_SHIFT * largest - float(diagonal.min()))
    identity = np.eye(len(g))
    while not is_positive(hessian + shift * identity):
        shift = max(2 * shift, FIRST_SHIFT * largest)
    return np.linalg.solve(hessian + shift * identity, -g), shift


def is_positive(matrix: Array) -> bool:
    """Whether a symmetric matrix is positive definite, by more than the roundings of its factorisation."""
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    pivots = np.diagonal(factor) ** 2
    return bool(pivots.min(initial=np.inf) > len(matrix) * np.finfo(np.float64).eps * pivots.max(initial=0.0))


def _flat(parts: Any) -> Tensor:
    return cat([part.reshape(-1) for part in parts])
