"""What is asked of weights besides a small loss: to be small, to be few, to be no longer than so much.

A penalty is a function of the parameters that is added to the loss; a constraint puts the parameters back where they
are allowed after each step. Both are parts of the training step, and compiled with it:
`ff.Trainer(model, loss, optimizer, penalty=[optim.L1(1e-4), optim.MaxNorm(3.0)])`. Only weights are meant unless one
says otherwise: parameters of two axes and more, not biases and gains, whose size fits no data by heart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from forwardnet.errors import ArgumentError
from forwardnet.optim.optimizer import check_number
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import maximum
from forwardnet.tensor.mode import no_grad

PENALTIES: dict[str, type[Penalty]] = {}


class Penalty:
    """Base of the penalties and constraints; a subclass writes `term` (of one parameter) or `constrain`, or both.

    Args:
        biases: also mean parameters of one axis.
        only: mean these parameters and no others.
    """

    has_term = True  # whether it is added to the loss

    def __init_subclass__(cls, *, name: str = "", **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if name:
            PENALTIES[name] = cls

    def __init__(self, *, biases: bool = False, only: Iterable[Tensor] | None = None) -> None:
        self.biases = biases
        self.only = None if only is None else list(only)

    def __repr__(self) -> str:
        """The numbers, by which alike penalties know each other, and the places of the parameters that are meant."""
        only = None if self.only is None else [hex(id(p)) for p in self.only]
        numbers = {**vars(self), "only": only}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in sorted(numbers.items()))})"

    def chosen(self, parameters: Iterable[Tensor]) -> list[Tensor]:
        """The parameters that are meant, of those given."""
        given = list(parameters)
        if self.only is not None:
            return [p for p in given if any(p is q for q in self.only)]
        return [p for p in given if p.ndim > 1 or self.biases]

    def __call__(self, parameters: Iterable[Tensor]) -> Tensor | float:
        """The penalty of some parameters, a tensor of one number that can be differentiated; 0 where none is meant."""
        total: Tensor | float = 0.0
        for p in self.chosen(parameters):
            total = total + self.term(p)
        return total

    def term(self, p: Tensor) -> Tensor:
        """The penalty of one parameter."""
        raise NotImplementedError(f"{type(self).__name__} has no term")

    def constrain(self, groups: Sequence[dict[str, Any]]) -> None:
        """Put the parameters of an optimiser's groups where they are allowed, after a step."""


class L2(Penalty, name="l2"):
    """strength / 2 sum w^2: pulls every weight towards 0 in proportion to its size (Hoerl & Kennard 1970).

    For plain gradient descent the same as `weight_decay`, of the weights alone. Adam divides it, as all of the
    gradient, by the size of the gradients; AdamW's decay is not divided.

    Args:
        strength: factor, >= 0.
        biases: also mean parameters of one axis.
        only: mean these parameters and no others.
    """

    def __init__(self, strength: float, *, biases: bool = False, only: Iterable[Tensor] | None = None) -> None:
        super().__init__(biases=biases, only=only)
        check_number("L2", "strength", strength)
        self.strength = strength

    def term(self, p: Tensor) -> Tensor:
        return 0.5 * self.strength * (p * p).sum()


class L1(Penalty, name="l1"):
    """strength sum |w|: pulls every weight towards 0 by the same force, so that many end there (Tibshirani 1996).

    The gradient strength sign(w), 0 at 0, lets weights swing around 0 by the size of a step. `proximal` ends a step of
    the loss alone with w <- sign(w) max(|w| - lr strength, 0) instead, which leaves exact zeros; lr is the rate of the
    parameter's group, so that this is exact for gradient descent without momentum (Parikh & Boyd 2014, section 4.2).

    Args:
        strength: factor, >= 0.
        proximal: shrink after the step instead of through the gradient.
        biases: also mean parameters of one axis.
        only: mean these parameters and no others.
    """

    def __init__(
        self, strength: float, *, proximal: bool = False, biases: bool = False, only: Iterable[Tensor] | None = None
    ) -> None:
        super().__init__(biases=biases, only=only)
        check_number("L1", "strength", strength)
        self.strength, self.proximal = strength, proximal
        self.has_term = not proximal

    def term(self, p: Tensor) -> Tensor:
        return self.strength * p.abs().sum()

    def constrain(self, groups: Sequence[dict[str, Any]]) -> None:
        if not self.proximal:
            return
        with no_grad():
            for group in groups:
                for p in self.chosen(group["params"]):
                    size = (p.abs() - group["lr"] * self.strength).clamp(min=0.0)
                    p.copy_(p.sign() * size)


class MaxNorm(Penalty, name="max_norm"):
    """|w| <= limit for the weights w into each unit: w <- w min(1, limit / |w|) after each step (Srebro et al. 2004).

    A weight matrix has a row for each unit. It lets a large learning rate explore without weights that run away, and
    goes well with dropout (Srivastava et al. 2014, section 5.1).

    Args:
        limit: largest Euclidean norm of a row, > 0; 3 or 4 are usual.
        only: mean these parameters and no others.
    """

    has_term = False

    def __init__(self, limit: float, *, only: Iterable[Tensor] | None = None) -> None:
        super().__init__(only=only)
        check_number("MaxNorm", "limit", limit)
        if limit == 0:
            raise ArgumentError("MaxNorm: limit is 0, expected a number above 0")
        self.limit = limit

    def constrain(self, groups: Sequence[dict[str, Any]]) -> None:
        with no_grad():
            for group in groups:
                for p in self.chosen(group["params"]):
                    rows = p.reshape(p.shape[0], -1)
                    norms = (rows * rows).sum(1, keepdim=True).sqrt()
                    # limit / max(|w|, limit) is 1 to the bit where the row is short enough
                    p.copy_((rows * (self.limit / maximum(norms, norms * 0 + self.limit))).reshape(p.shape))
