"""Smooth activations: exponential units, gated lines, softplus and its relatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from forwardnet.errors import unknown_name
from forwardnet.ir.shapes import numel
from forwardnet.nn.activations import INF, Activation, formula
from forwardnet.nn.parameter import Parameter
from forwardnet.ops import logic, scalar as op
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import tensor

# The fixed point of mean 0 and variance 1 of Klambauer et al. 2017, eq. 14
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
# Beyond it h(x) = x or 0 to the last digit of float64 for the functions that `_on_a_line` completes.
FAR = 1e3


def _halves(z: Any) -> tuple[Any, Any, Any]:
    """max(z, 0), max(-z, 0) and r = log(1 + e^-|z|): log(1 + e^z) is the first plus r, without overflow.

    The three share one case distinction, z > 0 or not, so that at 0 all their derivatives belong to one branch.
    """
    is_positive = z > 0
    above = op.where(is_positive, z, 0.0)
    below = op.where(is_positive, 0.0, -z)
    return above, below, op.log1p(op.exp(-(above + below)))


def _on_a_line(x: Any, middle: Callable[[Any], Any]) -> Any:
    """`middle(x)`, but x far to the right and 0 far to the left, where the products in `middle` make inf 0 = nan."""
    near = op.where(op.gt(op.abs_(x), FAR), 0.0, x)
    return op.where(x > FAR, x, op.where(x < -FAR, 0.0, middle(near)))


# ---------------------------------------------------------------- exponential units


@formula("where(x > 0, 1, alpha * exp(x))", range=(-1, INF), saturates="left", zero_centred=True)
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """h(x) = x for x > 0, alpha (e^x - 1) elsewhere, so that -alpha is where it saturates (Clevert et al. 2016)."""
    return op.where(x > 0, x, alpha * op.expm1(op.where(x > 0, 0.0, x)))  # type: ignore[no-any-return]


@formula(
    "where(x > 0, 1.0507009873554805, h + 1.7580993408473766)",
    range=(-SELU_ALPHA * SELU_SCALE, INF),
    saturates="left",
    zero_centred=True,
)
def selu(x: Tensor) -> Tensor:
    """h(x) = s elu(x, a), a = 1.67326.., s = 1.05070..: keeps mean 0 and variance 1 (Klambauer et al. 2017)."""
    return SELU_SCALE * elu.function(x, SELU_ALPHA)


class ELU(Activation, formula=elu): ...


class SELU(Activation, formula=selu): ...


# ---------------------------------------------------------------- lines that are gated by themselves


@formula(
    "(1 + erf(x / 2**0.5)) / 2 + x * exp(-(x**2) / 2) / (2 * pi) ** 0.5",
    range=(-0.16997120747990370, INF),
    limits=(0, INF),
    saturates="left",
    monotone=False,
)
def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """h(x) = x Phi(x), Phi the normal distribution function (Hendrycks & Gimpel 2016).

    With approximate="tanh": h(x) = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), up to 5e-4 away.
    """
    if approximate not in ("none", "tanh"):
        raise unknown_name("approximation of gelu", approximate, ("none", "tanh"))
    middle = _gelu_by_erf if approximate == "none" else _gelu_by_tanh
    return _on_a_line(x, middle)  # type: ignore[no-any-return]


def _gelu_by_erf(x: Any) -> Any:
    return 0.5 * x * (1 + op.erf(x * math.sqrt(0.5)))


def _gelu_by_tanh(x: Any) -> Any:
    return 0.5 * x * (1 + op.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))


@formula(
    "sigmoid(beta * x) + beta * h * (1 - sigmoid(beta * x))",
    range=(-0.27846454276107380, INF),
    limits=(0, INF),
    saturates="left",
    monotone=False,
)
def silu(x: Tensor, beta: Any = 1.0) -> Tensor:
    """h(x) = x sigmoid(beta x), also called swish (Elfwing et al. 2017, Ramachandran et al. 2017)."""
    scaled = x if isinstance(beta, (int, float)) and beta == 1 else beta * x
    is_infinite = logic.isinf(x)
    # the gate is 0 or 1 at infinity, and inf 0 would be nan in the value or in the derivative
    gated = op.where(is_infinite, 0.0, x) * op.sigmoid(op.where(is_infinite, 0.0, scaled))
    return op.where(is_infinite, op.where(scaled > 0, x, 0.0), gated)  # type: ignore[no-any-return]


@formula(
    "tanh(log1p(exp(x))) + x * (1 - tanh(log1p(exp(x))) ** 2) * sigmoid(x)",
    range=(-0.30884023381209550, INF),
    limits=(0, INF),
    saturates="left",
    monotone=False,
)
def mish(x: Tensor) -> Tensor:
    """h(x) = x tanh(log(1 + e^x)) (Misra 2019)."""
    return _on_a_line(x, _mish)  # type: ignore[no-any-return]


def _mish(x: Any) -> Any:
    """With u = e^-|x|, tanh(log(1 + e^x)) is (1 + 2u) / (1 + 2u + 2u^2) or (u^2 + 2u) / (u^2 + 2u + 2).

    That is one exponential in the place of three functions, and nothing in it overflows.
    """
    is_positive = x > 0
    u = op.exp(op.where(is_positive, -x, x))
    top = 2 * u + op.where(is_positive, 1.0, u * u)
    return x * (top / (top + 2 * op.where(is_positive, u * u, 1.0)))


class GELU(Activation, formula=gelu): ...


class SiLU(Activation, formula=silu):
    """h(x) = x sigmoid(beta x), also called swish (Elfwing et al. 2017, Ramachandran et al. 2017).

    Args:
        beta: 1 for SiLU; 0 gives x / 2, and large values come near ReLU.
        learned: whether beta is a parameter that starts there.
    """

    def __init__(self, beta: float = 1.0, learned: bool = False, inplace: bool = False) -> None:
        super().__init__(beta=beta)
        self.learned = learned
        if learned:
            self.beta = Parameter(tensor(float(beta)))

    def _arguments(self) -> dict[str, Any]:
        return {"beta": float(self.beta), "learned": self.learned}

    @staticmethod
    def _claim(**arguments: Any) -> int:
        return int(bool(arguments.get("learned", False)))

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return numel(y)

    def extra_repr(self) -> str:
        return f"beta={float(self.beta)!r}" + (", learned=True" if self.learned else "")


class Mish(Activation, formula=mish): ...


Swish = SiLU


# ---------------------------------------------------------------- softplus and its relatives


@formula("where(beta * x > threshold, 1, sigmoid(beta * x))", range=(0, INF), saturates="left")
def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """h(x) = log(1 + e^(beta x)) / beta, a smooth ReLU (Dugas et al. 2001); x itself where beta x > threshold."""
    z = beta * x
    above, _, rest = _halves(z)
    return op.where(z > threshold, x, (above + rest) / beta)  # type: ignore[no-any-return]


@formula("sigmoid(-x)", range=(-INF, 0), saturates="right")
def logsigmoid(x: Tensor) -> Tensor:
    """h(x) = log sigmoid(x) = -log(1 + e^-x): a log-probability from log-odds."""
    _, below, rest = _halves(x)
    return -(below + rest)  # type: ignore[no-any-return]


@formula("1 / (1 + abs(x)) ** 2", range=(-1, 1), saturates="both", zero_centred=True)
def softsign(x: Tensor) -> Tensor:
    """h(x) = x / (1 + |x|): approaches its limits as 1 / x, not exponentially (Bergstra et al. 2009)."""
    is_infinite = logic.isinf(x)
    near = op.where(is_infinite, 0.0, x)
    return op.where(is_infinite, op.sign(x), near / (1 + op.abs_(near)))  # type: ignore[no-any-return]


class Softplus(Activation, formula=softplus): ...


class LogSigmoid(Activation, formula=logsigmoid): ...


class Softsign(Activation, formula=softsign): ...
