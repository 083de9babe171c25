"""Magnitude pruning: the smallest weights are set to zero and stay there while the others learn on.

    nn.pruning.prune(model, 0.9)      # nine of ten weights are zero now
    trainer.fit(X, y, epochs=5)       # fine-tuning: they stay zero
    nn.pruning.finish(model)          # plain Linear layers again, with zeros in them

Axis glossary: I inputs, O outputs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import ArgumentError, unknown_name
from forwardnet.nn import functional as F
from forwardnet.nn.checks import check_number
from forwardnet.nn.linear import Affine, Linear
from forwardnet.nn.module import Module
from forwardnet.tensor import Tensor
from forwardnet.tensor.functional import from_numpy, ones_like, rand
from forwardnet.tensor.mode import no_grad

Array = NDArray[Any]
SCOPES = ("global", "layer")
CRITERIA = ("magnitude", "random")


class MaskedLinear(Affine):
    """y[..., o] = sum_i x[..., i] m[o, i] W[o, i] + b[o], m fixed: 0 for a weight that is cut, else 1.

    A cut weight gets no gradient. `mask` is a buffer, saved with the weights. `prune` makes such layers of `Linear`
    ones; one made by hand is not cut at all.
    """

    mask: Tensor

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(in_features, out_features, bias, device, dtype)
        self.register_buffer("mask", ones_like(self.weight.detach()))

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        return F.linear(x, self.weight * self.mask, self.bias)

    @staticmethod
    def _claim(**arguments: Any) -> int:
        # the mask takes as much memory as the weights
        return Affine._claim(**arguments) + Affine._claim(**{**arguments, "bias": False})

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, sparsity={share_cut(self):.3f}"


def share_cut(layer: MaskedLinear) -> float:
    """The share of the weights of a layer that are cut; 0 where there are no weights."""
    return float((layer.mask.numpy() == 0).sum() / max(layer.mask.numel(), 1))


def prune(
    model: Module,
    amount: float,
    *,
    scope: str = "global",
    by: str = "magnitude",
    exclude: Collection[str] = (),
) -> dict[str, float]:
    """Cut the share `amount` of the weights of the `Linear` layers of `model`: those of the smallest |w|.

    Weights cut before count and stay cut, so that a share can be approached in steps with training between them (Han
    et al. 2015). Biases stay. The layers become `MaskedLinear` in place, with the same parameters, so that an optimiser
    goes on with them. Layers inside gated units and `Maxout` are left alone.

    Args:
        model: the network; at least one layer of it is a `Linear`.
        amount: share of all these weights that are zero afterwards, from 0 to 1.
        scope: "global" compares the weights of all layers with each other, "layer" only within each.
        by: "magnitude", or "random" to compare with.
        exclude: names of layers that are left alone, as "4".

    Returns:
        The share that is cut of each layer, by name.
    """
    check_number("prune", "amount", amount, "a share from 0 to 1", most=1)
    for what, value, known in (("scope", scope, SCOPES), ("criterion", by, CRITERIA)):
        if value not in known:
            raise unknown_name(f"{what} of pruning", value, known)
    layers = _layers(model, exclude)
    for layer in layers.values():
        _mask(model, layer)
    scores = {name: _scores(layer, by) for name, layer in layers.items()}
    parts = [scores] if scope == "global" else [{name: score} for name, score in scores.items()]
    for part in parts:
        _cut({name: layers[name] for name in part}, part, amount)
    return {name: share_cut(layer) for name, layer in layers.items()}


def sparsity(model: Module) -> float:
    """Share of the weights of `Linear` layers of `model` that are zero, cut or not."""
    weights = [layer.weight.detach().numpy() * _kept(layer) for layer in _layers(model, ()).values()]
    return float(sum((w == 0).sum() for w in weights) / sum(w.size for w in weights))


def finish(model: Module) -> Module:
    """Make plain `Linear` layers of the masked ones, with zeros where weights are cut; further training changes them.

    Returns `model`.
    """
    masked: list[Any] = [module for module in model.modules() if type(module) is MaskedLinear]
    for layer in masked:
        with no_grad():
            layer.weight.mul_(layer.mask)
        del layer.mask
        layer.__class__ = Linear
    return model


def _layers(model: Module, exclude: Collection[str]) -> dict[str, Any]:
    """The layers that can be pruned, by name, of those that share weights the first."""
    inside = {id(part) for m in model.modules() if m._is_one_layer for part in m.modules()}
    found = {n: m for n, m in model.named_modules() if type(m) in (Linear, MaskedLinear) and id(m) not in inside}
    for name in exclude:
        if name not in found:
            raise unknown_name("layer to exclude from pruning,", name, found)
    first = {id(module.weight): name for name, module in reversed(found.items())}
    chosen = {name: m for name, m in found.items() if name not in exclude and first[id(m.weight)] == name}
    if not chosen:
        raise ArgumentError(f"prune: {type(model).__name__} has no Linear layer to prune")
    return chosen


def _mask(model: Module, layer: Any) -> None:
    """Give a `Linear` layer, and all that share its weights, one mask that cuts nothing yet."""
    if type(layer) is MaskedLinear:
        return
    users = [m for m in model.modules() if any(p is layer.weight for p in m._parameters.values())]
    others = {type(user).__name__ for user in users} - {"Linear"}
    if others:
        raise ArgumentError(
            f"prune: the weights of a Linear layer are those of a {others.pop()} as well, which would not be pruned",
            hint="name the layer in exclude",
        )
    mask = ones_like(layer.weight.detach())
    for user in users:
        user.register_buffer("mask", mask)
        user.__class__ = MaskedLinear  # in place: whoever holds the layer, holds the masked one


def _kept(layer: Any) -> Array:
    """1 for the weights that are not cut."""
    return layer.mask.numpy() if type(layer) is MaskedLinear else np.ones(tuple(layer.weight.shape))


def _scores(layer: Any, by: str) -> Array:
    """How much a weight counts: below all others, -1, if it is cut already."""
    weight = layer.weight.detach()
    score = np.abs(weight.numpy()) if by == "magnitude" else rand(*weight.shape).numpy()
    return np.where(_kept(layer) > 0, score, -1.0).ravel()


def _cut(layers: dict[str, Any], scores: dict[str, Array], amount: float) -> None:
    """Cut the lowest scores of these layers together."""
    together = np.concatenate(list(scores.values()))
    count = round(amount * together.size)
    lowest = np.argsort(together, kind="stable")[:count]  # stable: of equal ones those of the first layers
    is_cut = np.zeros(together.size, bool)
    is_cut[lowest] = True
    is_cut |= together < 0
    ends = np.cumsum([score.size for score in scores.values()])[:-1]
    for layer, cut in zip(layers.values(), np.split(is_cut, ends), strict=True):
        mask = 1.0 - cut.reshape(tuple(layer.weight.shape))
        with no_grad():
            layer.mask.copy_(from_numpy(mask))
            layer.weight.mul_(layer.mask)
