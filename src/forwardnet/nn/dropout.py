"""Dropout: in training each element is left out by chance, so that no unit can rely on one other."""

from __future__ import annotations

from forwardnet import dtypes
from forwardnet.errors import DTypeError
from forwardnet.ir.shapes import numel
from forwardnet.nn.checks import check_probability
from forwardnet.nn.module import Module
from forwardnet.nn.smooth import SELU_ALPHA, SELU_SCALE
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import rand

# What SELU saturates at: an element left out by alpha dropout is like a unit that is off.
SELU_FLOOR = -SELU_ALPHA * SELU_SCALE


def dropout(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, inverted: bool = True
) -> Tensor:
    """y = m x / (1 - p) in `training`, m = 0 with probability p and else 1 for each element (Srivastava et al. 2014).

    Outside of training y = x. With `inverted=False` it is the older form (Hinton et al. 2012): y = m x in training and
    (1 - p) x outside, which is what scaling the weights that read y by 1 - p would do. In both forms the mean of
    y over m is the value outside of training, and the two differ by a factor 1 - p alone. `inplace` saves nothing here.

    Raises:
        ArgumentError: p is no probability.
    """
    is_number = not isinstance(p, Tensor)  # a schedule in a compiled program gives one that is not known yet
    if is_number:
        check_probability("dropout", p)
    if not training:
        return input if inverted else input * (1 - p)
    if is_number and p == 0:
        return input
    if is_number and p == 1:
        return input * 0.0
    dropped = input * kept(input, p)
    return dropped * (1 / (1 - p)) if inverted else dropped


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """y = a (m x + (1 - m) f) + b in `training`, f = -1.7581 what SELU saturates at, m as in `dropout`, else y = x.

    a = ((1 - p) (1 + p f^2))^(-1/2) and b = -a p f keep the mean at 0 and the variance at 1 (Klambauer et al. 2017).

    Raises:
        ArgumentError: p is no probability.
    """
    check_probability("alpha_dropout", p)
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0.0
    scale = ((1 - p) * (1 + p * SELU_FLOOR**2)) ** -0.5
    m = kept(input, p).to(input.dtype)
    shift = (1 - m) * (scale * SELU_FLOOR) - scale * p * SELU_FLOOR
    return input * (m * scale) + shift  # type: ignore[no-any-return]


def kept(input: Tensor, p: float) -> Tensor:
    """False with probability `p`, in steps of 2^-24, for each element of `input`."""
    if not input.is_floating_point():
        name = str(input.dtype).rpartition(".")[2]
        raise DTypeError(
            f"dropout: input has dtype {name}, expected a floating type", hint="convert with input.float()"
        )
    # float32 whatever the input's type: half the random bits of float64, and the same masks
    return rand(*input.shape, dtype=dtypes.float32) < 1 - p


class Dropout(Module):
    """y = m x / (1 - p) in training, m = 0 with probability p and else 1; y = x in evaluation (Srivastava et al. 2014).

    Each element of each call has an m of its own.

    Args:
        p: the probability that an element is left out; usually 0.5 for hidden units, 0.2 for inputs.
        inplace: accepted, and saves nothing here.
        inverted: if false, the older form: y = m x in training, (1 - p) x in evaluation. Put before a `Linear` layer,
            that is the rule "multiply its weights by 1 - p after training".

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
        >>> model.eval()[2](ff.ones(3))
        tensor([1., 1., 1.])
    """

    _takes_stacks = True

    def __init__(self, p: float = 0.5, inplace: bool = False, *, inverted: bool = True) -> None:
        super().__init__()
        check_probability("Dropout", p)
        self.p, self.inplace, self.inverted = p, inplace, inverted

    @property
    def only_in_training(self) -> tuple[str, ...]:
        return ("p",) if self.inverted else ()

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, self.training, inverted=self.inverted)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return 0 if self.inverted else numel(y)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}" + ("" if self.inverted else ", inverted=False")


class AlphaDropout(Module):
    """y = a (m x + (1 - m) f) + b in training, f = -1.7581 what SELU saturates at; y = x in evaluation.

    a and b keep mean 0 and variance 1, which networks of SELU units live on (Klambauer et al. 2017).

    Args:
        p: the probability that an element is left out; 0.05 to 0.1 is usual.
        inplace: accepted, and saves nothing here.
    """

    _takes_stacks = True

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability("AlphaDropout", p)
        self.p, self.inplace = p, inplace

    @property
    def only_in_training(self) -> tuple[str, ...]:
        return ("p",)

    def forward(self, x: Tensor) -> Tensor:
        return alpha_dropout(x, self.p, self.training)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return 0

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
