"""Several networks in one: k members that share most of their weights, and answer together.

Members have an axis of their own between batch and features. A shared matrix serves all of them at once: the products
of k members are one product of a batch that is k times as long.

    nn.Sequential(nn.EnsembleView(4), nn.LinearBatchEnsemble(8, 32, k=4), nn.ReLU(),
                  nn.LinearEnsemble(32, 3, k=4), nn.MemberMean("logits"))

Axis glossary: B batch, k members, I inputs, O outputs, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from forwardnet.errors import ArgumentError, ShapeError, unknown_name
from forwardnet.ir.shapes import numel
from forwardnet.nn import init
from forwardnet.nn.checks import check_count
from forwardnet.nn.losses import CrossEntropyLoss, Loss, MSELoss
from forwardnet.nn.module import Module
from forwardnet.nn.parameter import Parameter
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import empty, rand, randn, tensor
from forwardnet.tensor.mode import no_grad

STARTS = ("ones", "normal", "random_signs")


class Members(Module):
    """Base of the layers that map (B, k, I) to (B, k, O)."""

    in_features: int
    out_features: int
    k: int

    def _set(self, **sizes: int) -> None:
        for name, size in sizes.items():
            check_count(type(self).__name__, name, size)
            setattr(self, name, int(size))

    def _set_bias(self, bias: bool, dtype: Any) -> None:
        """Register the bias (k, O), or that there is none."""
        own = Parameter(empty(self.k, self.out_features, dtype=dtype)) if bias else None
        self.register_parameter("bias", own)

    def _check(self, x: Tensor) -> None:
        if x.ndim != 3 or tuple(x.shape[1:]) != (self.k, self.in_features):
            where = f"{type(self).__name__}({self.in_features}, {self.out_features}, k={self.k})"
            is_plain = x.ndim == 2 and x.shape[1] == self.in_features
            raise ShapeError(
                f"{where}: x has shape {tuple(x.shape)}, expected (batch, {self.k}, {self.in_features})",
                hint=f"put nn.EnsembleView({self.k}) in front" if is_plain else None,
            )

    def _typed(self, found: dict[str, Any]) -> dict[str, Any]:
        dtype = str(next(self.parameters()).dtype).rpartition(".")[2]
        return found if dtype == "float32" else {**found, "dtype": dtype}

    def extra_repr(self) -> str:
        first = (str(self.in_features), str(self.out_features))
        left_out = ("in_features", "out_features", "dtype", "chunks")
        rest = [f"{name}={value!r}" for name, value in self._arguments().items() if name not in left_out]
        chunks = getattr(self, "chunks", None)
        return ", ".join([*first, *rest, *([] if chunks is None else [f"chunks of {len(set(chunks))} features"])])


def _sizes(arguments: dict[str, Any], *names: str) -> tuple[int, ...]:
    found = (arguments.get(name) for name in names)
    return tuple(max(size, 0) if isinstance(size, int) else 0 for size in found)


class EnsembleView(Module):
    """y[b, j, i] = x[b, i] for each of k members: the same row for all of them.

    Args:
        k: the number of members.

    Example:
        >>> nn.EnsembleView(4)(ff.zeros(5, 3)).shape
        forwardnet.Size([5, 4, 3])
    """

    def __init__(self, k: int = 1) -> None:
        super().__init__()
        check_count("EnsembleView", "k", k)
        self.k = int(k)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 2:
            raise ShapeError(f"EnsembleView({self.k}): x has shape {tuple(x.shape)}, expected (batch, features)")
        return x.unsqueeze(1).expand(len(x), self.k, x.shape[1])

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return 0

    def extra_repr(self) -> str:
        return f"{self.k}"


class ScaleEnsemble(Members):
    """y[b, j, i] = r[j, i] x[b, j, i]: each member weighs the features in its own way, which makes members differ.

    Takes (B, k, I), or (B, I) for all members.

    Args:
        num_features: I.
        k: the number of members.
        start: "ones", "normal", or "random_signs" (+-1); see `start_`.
        chunks: for each feature the number of what it was made of, whose features start with one number together.

    Example:
        >>> nn.ScaleEnsemble(3, k=4, start="normal")(ff.zeros(5, 3)).shape
        forwardnet.Size([5, 4, 3])
    """

    weight: Parameter

    def __init__(
        self,
        num_features: int = 1,
        k: int = 1,
        start: str = "ones",
        chunks: Sequence[int] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._set(num_features=num_features, k=k)
        self.in_features = self.num_features = int(num_features)
        self.start, self.chunks = start, None if chunks is None else tuple(int(c) for c in chunks)
        self.weight = Parameter(empty(self.k, self.num_features, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        start_(self.weight, self.start, self.chunks)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim == 2 and x.shape[1] == self.num_features:
            x = x.unsqueeze(1)
        elif x.ndim != 3 or tuple(x.shape[1:]) != (self.k, self.num_features):
            where = f"ScaleEnsemble({self.num_features}, k={self.k})"
            raise ShapeError(f"{where}: x has shape {tuple(x.shape)}, expected (batch, {self.num_features})")
        return x * self.weight

    def _arguments(self) -> dict[str, Any]:
        chunks = None if self.chunks is None else list(self.chunks)
        found = {"num_features": self.num_features, "k": self.k, "start": self.start, "chunks": chunks}
        return self._typed(found)

    @staticmethod
    def _claim(**arguments: Any) -> int:
        return math.prod(_sizes({"num_features": 1, "k": 1, **arguments}, "num_features", "k"))

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return numel(y)

    def extra_repr(self) -> str:
        return f"{self.num_features}, k={self.k}, start={self.start!r}"


class LinearBatchEnsemble(Members):
    """y[b, j] = s[j] * (W (r[j] * x[b, j])) + c[j]: one matrix for k members, who scale what goes in and comes out.

    (Wen et al. 2020; Gorishniy et al. 2025.) W (O, I) and c start uniform in +-1/sqrt(I), c with the same numbers for
    all members; s starts with ones and r as `start` says, so that with "ones" throughout the members are alike.

    Args:
        in_features: I.
        out_features: O.
        bias: whether there are c.
        k: the number of members.
        start: how r starts: "ones", "normal", or "random_signs" (+-1).
        chunks: for each input the number of what it was made of, whose inputs start with one number together.

    Example:
        >>> nn.LinearBatchEnsemble(3, 2, k=4)(ff.zeros(5, 4, 3)).shape
        forwardnet.Size([5, 4, 2])
    """

    weight: Parameter
    r: Parameter
    s: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_features: int = 1,
        out_features: int = 1,
        bias: bool = True,
        k: int = 1,
        start: str = "ones",
        chunks: Sequence[int] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._set(in_features=in_features, out_features=out_features, k=k)
        self.start, self.chunks = start, None if chunks is None else tuple(int(c) for c in chunks)
        self.weight = Parameter(empty(self.out_features, self.in_features, dtype=dtype))
        self.r = Parameter(empty(self.k, self.in_features, dtype=dtype))
        self.s = Parameter(empty(self.k, self.out_features, dtype=dtype))
        self._set_bias(bias, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw everything anew."""
        bound = 1 / math.sqrt(self.in_features)
        init.uniform_(self.weight, -bound, bound)
        start_(self.r, self.start, self.chunks)
        init.ones_(self.s)
        if self.bias is not None:
            with no_grad():
                self.bias.copy_(init.uniform_(empty(self.out_features, dtype=self.bias.dtype), -bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        # One product of a matrix of B k rows.
        y = ((x * self.r).reshape(-1, self.in_features) @ self.weight.T).reshape(-1, self.k, self.out_features)
        return y * self.s if self.bias is None else y * self.s + self.bias

    def _arguments(self) -> dict[str, Any]:
        found = {name: getattr(self, name) for name in ("in_features", "out_features")}
        chunks = None if self.chunks is None else list(self.chunks)
        rest = {"bias": self.bias is not None, "k": self.k, "start": self.start, "chunks": chunks}
        return self._typed({**found, **rest})

    @staticmethod
    def _claim(**arguments: Any) -> int:
        usual = {"in_features": 1, "out_features": 1, "k": 1, **arguments}
        inputs, outputs, k = _sizes(usual, "in_features", "out_features", "k")
        return inputs * outputs + k * (inputs + outputs) + (k * outputs if usual.get("bias", True) else 0)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        own = 2 * self.in_features * self.out_features + self.in_features + self.out_features
        return self.k * (own + (self.out_features if self.bias is not None else 0))


class LinearEnsemble(Members):
    """y[b, j] = W[j] x[b, j] + c[j]: k dense layers that share nothing, as one product of k matrices.

    `weight` has shape (k, I, O), `bias` (k, O); both start uniform in +-1/sqrt(I).

    Args:
        in_features: I.
        out_features: O.
        bias: whether there are c.
        k: the number of members.

    Example:
        >>> nn.LinearEnsemble(3, 2, k=4)(ff.zeros(5, 4, 3)).shape
        forwardnet.Size([5, 4, 2])
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_features: int = 1, out_features: int = 1, bias: bool = True, k: int = 1, dtype: Any = None
    ) -> None:
        super().__init__()
        self._set(in_features=in_features, out_features=out_features, k=k)
        self.weight = Parameter(empty(self.k, self.in_features, self.out_features, dtype=dtype))
        self._set_bias(bias, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw everything anew."""
        bound = 1 / math.sqrt(self.in_features)
        for part in (self.weight, self.bias):
            if part is not None:
                init.uniform_(part, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        y = (x.transpose(0, 1) @ self.weight).transpose(0, 1)
        return y if self.bias is None else y + self.bias

    def _arguments(self) -> dict[str, Any]:
        found = {name: getattr(self, name) for name in ("in_features", "out_features")}
        return self._typed({**found, "bias": self.bias is not None, "k": self.k})

    @staticmethod
    def _claim(**arguments: Any) -> int:
        usual = {"in_features": 1, "out_features": 1, "k": 1, **arguments}
        inputs, outputs, k = _sizes(usual, "in_features", "out_features", "k")
        return k * (inputs * outputs + (outputs if usual.get("bias", True) else 0))

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        own = 2 * self.in_features * self.out_features + (self.out_features if self.bias is not None else 0)
        return self.k * own


MEANS = ("values", "logits")


class MemberMean(Module):
    """In evaluation y[b] = mean_j x[b, j], or log mean_j softmax(x[b, j]) of logits; in training y = x.

    Members learn each for itself, from the mean of their own losses (`nn.MemberCrossEntropyLoss`), and answer together:
    for classes by the mean of their probabilities, whose logarithms take the place of logits.

    Args:
        of: "values" or "logits".

    Example:
        >>> nn.MemberMean().eval()(ff.tensor([[[1.0], [3.0]]]))
        tensor([[2.]])
    """

    def __init__(self, of: str = "values") -> None:
        super().__init__()
        if of not in MEANS:
            raise unknown_name("kind of MemberMean", of, MEANS)
        self.of = of

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 3:
            raise ShapeError(f"MemberMean: x has shape {tuple(x.shape)}, expected (batch, members, outputs)")
        return x if self.training else together(x, self.of)

    def _flops(self, x: tuple[int, ...], y: tuple[int, ...]) -> int:
        return numel(x) * (1 if self.of == "values" else 4)

    def extra_repr(self) -> str:
        return f"{self.of!r}"


class _MemberLoss(Loss):
    """Mixin: each member's output (B, k, C) is compared with the one target of its row."""

    of: ClassVar[str] = "values"

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        if input.ndim != 3:
            return super().forward(input, target)
        rows, k, _ = input.shape
        target = target.unsqueeze(1).expand(rows, k, *target.shape[1:])
        value: Tensor = super().forward(input.flatten(0, 1), target.flatten(0, 1))
        if self.reduction == "sum":
            return value / k
        return value if self.reduction == "mean" else value.reshape(rows, -1)

    def read(self, output: Tensor) -> Tensor:
        """The common answer of members' outputs."""
        return together(output, self.of) if output.ndim == 3 else output


class MemberCrossEntropyLoss(_MemberLoss, CrossEntropyLoss):
    """The mean over members of the cross-entropy of their logits (B, k, C), for class indices (B,).

    Not the loss of their mean: each learns as if alone, which is what makes them differ (Gorishniy et al. 2025). The
    common answer (B, C) of `MemberMean` is compared as it is. Options as for `CrossEntropyLoss`.
    """

    of = "logits"


class MemberMSELoss(_MemberLoss, MSELoss):
    """The mean over members of the squared error of their outputs (B, k, C), for targets (B, C).

    Options as for `MSELoss`.
    """


def together(x: Tensor, of: str) -> Tensor:
    """The common answer (B, C) of members' outputs (B, k, C)."""
    if of == "values":
        return x.mean(1)
    return x.log_softmax(2).logsumexp(1) - math.log(x.shape[1])


def start_(weight: Tensor, start: str, chunks: Sequence[int] | None = None) -> Tensor:
    """Fill scales (k, I): "ones", "normal", N(0, 1), or "random_signs", +-1; returns them.

    Where `chunks` gives for each of the I columns the number of a feature, one number is drawn for each member and
    feature, and repeated: what was made of one feature stays together.
    """
    if start not in STARTS:
        raise unknown_name("start of scales", start, STARTS)
    if start == "ones":
        return init.ones_(weight)
    k, width = weight.shape
    given = range(width) if chunks is None else [int(c) for c in chunks]
    if len(given) != width:
        raise ArgumentError(f"chunks has {len(given)} numbers, expected {width}, one for each column")
    place = {number: i for i, number in enumerate(dict.fromkeys(given))}
    numbers = [place[number] for number in given]
    shape = (int(k), len(place))
    drawn = randn(*shape) if start == "normal" else 2.0 * (rand(*shape) < 0.5).float() - 1.0
    with no_grad():
        weight.copy_(drawn[:, tensor(numbers)])
    return weight
