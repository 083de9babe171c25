"""L-BFGS: a quasi-Newton step from the last gradients, without a Hessian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from forwardnet.errors import ArgumentError, unknown_name
from forwardnet.optim.flat import Array, Closure, Flat, FlatOptimizer
from forwardnet.optim.line_search import Point, strong_wolfe
from forwardnet.optim.optimizer import Params, check_number
from forwardnet.optim.rule import Hyper
from forwardnet.tensor.mode import no_grad

LEAST_CURVATURE = 1e-10  # of y's, below which a pair says nothing about the curvature that a rounding would not


class LBFGS(FlatOptimizer, name="lbfgs"):
    """p <- p + t d with d = -H g, where H, about the inverse Hessian, comes from the last steps and gradients.

    Each pair of a step s and the change y of the gradient along it corrects H, which begins as a multiple of the
    identity (Liu & Nocedal 1989; Nocedal & Wright 2006, algorithms 7.4 and 7.5). One `step(closure)` makes up to
    `max_iter` such steps over the same data. The closure clears the gradients, computes the loss, calls `backward`
    and returns the loss; it is called several times, and has to give the same loss at the same parameters.

    Without a line search t is lr, which nothing keeps from being too long: "strong_wolfe" is the safe choice.

    Args:
        params: parameters; there is one group.
        lr: first length that is tried, times d; of the first step of all min(1, 1 / |g|_1) lr.
        max_iter: most steps for one call of `step`, >= 1.
        max_eval: most calls of the closure for one call of `step`; None: 5/4 of `max_iter`.
        tolerance_grad: it ends where no element of the gradient is larger.
        tolerance_change: it ends where neither a parameter nor the loss changes by more.
        history_size: how many pairs are kept, >= 1; each takes twice the memory of the parameters.
        line_search_fn: None or "strong_wolfe".
    """

    asks: ClassVar[str] = "closure"
    usual: ClassVar[Mapping[str, Any]] = {"line_search_fn": "strong_wolfe"}  # the default may step too far

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )

    @classmethod
    def check(cls, h: Hyper) -> None:
        """Raises `ArgumentError` for numbers outside their range."""
        for key in ("lr", "tolerance_grad", "tolerance_change"):
            check_number(cls.__name__, key, h[key])
        for key in ("max_iter", "max_eval", "history_size"):
            if isinstance(h[key], bool) or int(h[key]) != h[key] or h[key] < 1:
                raise ArgumentError(f"LBFGS: {key} is {h[key]!r}, expected a whole number of at least 1")
        if h["line_search_fn"] not in (None, "strong_wolfe"):
            raise unknown_name("line_search_fn", h["line_search_fn"], ["strong_wolfe"])

    def step(self, closure: Closure | None = None) -> Any:
        """Up to `max_iter` steps; returns the loss before the first."""
        h, state = self.param_groups[0], self.state[self._params[0]]
        flat = Flat(self._params, self.required(closure))
        with no_grad(), np.errstate(all="ignore"):
            first, loss, gradient = flat.evaluate()
            if not _small(gradient, h["tolerance_grad"]):
                memory = Memory(state, h["history_size"])
                for number in range(h["max_iter"]):
                    now = Point(0.0, loss, 0.0, gradient)
                    after = self._iteration(h, memory, flat, now, is_last=number == h["max_iter"] - 1)
                    if after is None:
                        break
                    loss, gradient = after.loss, after.gradient
        state["func_evals"] = state.get("func_evals", 0) + flat.evaluations
        return first

    def _iteration(self, h: Hyper, memory: Memory, flat: Flat, now: Point, *, is_last: bool) -> Point | None:
        """One step from where the parameters are; None where it was the last one."""
        g = now.gradient
        d = memory.direction(g)
        t = float(h["lr"]) * (min(1.0, 1.0 / float(np.abs(g).sum())) if memory.steps == 1 else 1.0)
        slope = float(g @ d)
        memory.remember(d, t, g, now.loss)
        if slope > -h["tolerance_change"]:
            return None
        x = flat.read()
        if h["line_search_fn"] is not None:
            after, _ = strong_wolfe(
                flat.along(x, d),
                now._replace(slope=slope),
                t,
                least_width=h["tolerance_change"] / float(np.abs(d).max()),
                most_evaluations=h["max_eval"] - flat.evaluations,
            )
            memory.remember(d, after.t, g, now.loss)
            flat.write(x + after.t * d)
        elif is_last:  # what the loss is there, the next call will see
            flat.write(x + t * d)
            return None
        else:
            after = flat.along(x, d)(t)
        is_over = (
            is_last
            or flat.evaluations >= h["max_eval"]
            or _small(after.gradient, h["tolerance_grad"])
            or _small(d * after.t, h["tolerance_change"])
            or abs(after.loss - now.loss) < h["tolerance_change"]
        )
        return None if is_over else after

    def load_state_dict(self, state_dict: Any) -> None:
        """Continue from what `state_dict` returned for as many numbers; vectors are copied.

        Raises:
            ArgumentError: the groups or the lengths are others.
        """
        shapes = [np.shape(v) for s in state_dict.get("state", {}).values() for v in _vectors(s)]
        n = sum(p.numel() for p in self._params)
        wrong = [shape for shape in shapes if shape != (n,)]
        if wrong:
            raise ArgumentError(f"LBFGS.load_state_dict: a vector has shape {wrong[0]}, expected ({n},)")
        states = {i: Memory.copied(s) for i, s in state_dict.get("state", {}).items()}
        super().load_state_dict({**state_dict, "state": {}})
        self.state[self._params[0]].update(states.get(0, {}))


class Memory:
    """The pairs of the last steps and changes of the gradient, kept in the state of an optimiser.

    `old_stps` holds the steps s, `old_dirs` the changes y, `ro` 1 / y's, and `H_diag` the multiple of the identity
    that H begins with; the names are PyTorch's.
    """

    def __init__(self, state: dict[str, Any], size: int) -> None:
        self.state, self.size = state, size
        state.setdefault("n_iter", 0)

    @staticmethod
    def copied(state: dict[str, Any]) -> dict[str, Any]:
        """A state with vectors of its own, without what is computed anew at each step."""
        return {key: _copied(value) for key, value in state.items() if key != "al"}

    @property
    def steps(self) -> int:
        """How many directions were asked for."""
        return int(self.state["n_iter"])

    def remember(self, d: Array, t: float, gradient: Array, loss: float) -> None:
        """The step that is made: its direction and length, and where it began."""
        self.state.update(d=d, t=t, prev_flat_grad=gradient, prev_loss=loss)

    def direction(self, g: Array) -> Array:
        """-H g, after the last step was taken into account."""
        s = self.state
        s["n_iter"] += 1
        if s["n_iter"] == 1:
            s.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -g
        y, step = g - s["prev_flat_grad"], s["d"] * s["t"]
        curvature = float(y @ step)
        if curvature > LEAST_CURVATURE:
            for key, value in (("old_dirs", y), ("old_stps", step), ("ro", 1.0 / curvature)):
                s[key] = [*s[key], value][-self.size :]
            s["H_diag"] = curvature / float(y @ y)
        return two_loops(g, s["old_stps"], s["old_dirs"], s["ro"], s["H_diag"])


def two_loops(g: Array, steps: Sequence[Array], changes: Sequence[Array], ro: Sequence[float], scale: float) -> Array:
    """-H g from the pairs, the oldest first, in 4 n operations for each (Nocedal & Wright 2006, algorithm 7.4)."""
    q = -g
    alphas = []
    for s, y, r in zip(reversed(steps), reversed(changes), reversed(ro), strict=True):
        alpha = float(s @ q) * r
        alphas.append(alpha)
        q = q - alpha * y
    q = q * scale
    for s, y, r, alpha in zip(steps, changes, ro, reversed(alphas), strict=True):
        q = q + (alpha - float(y @ q) * r) * s
    return q


def _small(x: Array, tolerance: float) -> bool:
    return bool(np.abs(x).max(initial=0.0) <= tolerance)


def _vectors(state: dict[str, Any]) -> list[Any]:
    found = [state[key] for key in ("d", "prev_flat_grad") if state.get(key) is not None]
    return [*found, *(v for key in ("old_dirs", "old_stps") for v in state.get(key) or [])]


def _copied(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_copied(item) for item in value]
    if value is None or isinstance(value, (int, float, str)):
        return value
    array = np.asarray(value)
    return array.copy() if array.ndim else array.item()
