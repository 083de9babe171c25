"""Networks as data: a description that JSON can hold, and the network built from it.

    {"layer": "Sequential", "arguments": {}, "children": {
        "0": {"layer": "Linear", "arguments": {"in_features": 2, "out_features": 8, "bias": true}},
        "1": {"layer": "ReLU", "arguments": {}}}}

A module that occurs twice is described once, then as {"same_as": "0"}; a parameter that two modules share is listed
under "tied" at the top, as {"2.weight": "0.weight"}. Only layers of the registry can be named, so that a description
from a stranger can build nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forwardnet.errors import ForwardnetError, unknown_name
from forwardnet.nn.activations import ACTIVATIONS
from forwardnet.nn.activity import ActivityPenalty
from forwardnet.nn.columns import CategoryEmbedding, Columns
from forwardnet.nn.dropout import AlphaDropout, Dropout
from forwardnet.nn.embedding import Embedding
from forwardnet.nn.errors import ArchitectureError
from forwardnet.nn.gated import GLU, GTU, Maxout, ReGLU, SwiGLU
from forwardnet.nn.linear import Flatten, Linear, TransposedLinear
from forwardnet.nn.members import EnsembleView, LinearBatchEnsemble, LinearEnsemble, MemberMean, ScaleEnsemble
from forwardnet.nn.mixture import MixtureDensity
from forwardnet.nn.module import Module
from forwardnet.nn.neuronwise import NTKLinear, ParametricActivation, Scale
from forwardnet.nn.noise import GaussianNoise, WeightNoise
from forwardnet.nn.normalize import BatchNorm1d, LayerNorm
from forwardnet.nn.numeric_embedding import PBLDEmbeddings, PeriodicEmbeddings, PiecewiseLinearEmbeddings
from forwardnet.nn.pruning import MaskedLinear
from forwardnet.nn.residual import Residual
from forwardnet.nn.sequential import ModuleList, Sequential
from forwardnet.nn.tasks import Heads

CONTAINERS: tuple[type[Module], ...] = (Sequential, ModuleList, Residual, WeightNoise, Heads)
OTHERS: tuple[type[Module], ...] = (
    *(Linear, Flatten, Maxout, GLU, GTU, ReGLU, SwiGLU),
    *(BatchNorm1d, LayerNorm, Embedding, MixtureDensity),
    *(Dropout, AlphaDropout, GaussianNoise, ActivityPenalty, TransposedLinear, MaskedLinear),
    *(Columns, CategoryEmbedding, PBLDEmbeddings, PeriodicEmbeddings, PiecewiseLinearEmbeddings),
    *(NTKLinear, Scale, ParametricActivation),
    *(EnsembleView, ScaleEnsemble, LinearBatchEnsemble, LinearEnsemble, MemberMean),
)
LAYERS: dict[str, type[Module]] = {layer.__name__: layer for layer in (*CONTAINERS, *OTHERS, *ACTIVATIONS.values())}
# Deeper nesting than any network has; what exceeds it is refused before Python's own recursion limit is met.
MAX_DEPTH = 100


def architecture(model: Module) -> dict[str, Any]:
    """The description of `model`: layer classes, constructor arguments and children, without the weights.

    Raises:
        ArchitectureError: a layer is of a class that is not in the registry.
    """
    found = _describe(model, "", {}, 0)
    tied = _tied(model)
    return {**found, "tied": tied} if tied else found


def _describe(module: Module, path: str, seen: dict[int, str], depth: int) -> dict[str, Any]:
    kind = type(module)
    if LAYERS.get(kind.__name__) is not kind:
        place = f" at {path!r}" if path else ""
        raise ArchitectureError(
            f"{kind.__name__}{place} is not one of the library's layers, so the architecture cannot be written down",
            hint="its weights can still be saved: model.state_dict(), loaded into a new model by load_state_dict(); "
            "a network made of nn.Sequential and the library's layers can be saved whole",
        )
    if depth > MAX_DEPTH:
        raise ArchitectureError(f"the network is nested more than {MAX_DEPTH} deep at {path!r}")
    if id(module) in seen:
        return {"same_as": seen[id(module)]}
    seen[id(module)] = path
    is_container = issubclass(kind, CONTAINERS)
    found: dict[str, Any] = {"layer": kind.__name__, "arguments": module._arguments()}
    if is_container:
        found["children"] = {
            name: _describe(child, f"{path}.{name}" if path else name, seen, depth + 1)
            for name, child in module._modules.items()
        }
    return found


def _tied(model: Module) -> dict[str, str]:
    """Parameters that two different modules share: later name -> first name."""
    first: dict[int, str] = {}
    tied = {}
    for path, module in model.named_modules():
        for name, param in module._parameters.items():
            if param is not None:
                full = f"{path}.{name}" if path else name
                if id(param) in first:
                    tied[full] = first[id(param)]
                else:
                    first[id(param)] = full
    return tied


def build(description: Mapping[str, Any], *, max_parameters: int | None = None) -> Module:
    """The network that `architecture` described, with fresh weights.

    `max_parameters` bounds the memory that a description from elsewhere can ask for.

    Raises:
        UnknownNameError: a layer is not in the registry.
        ArchitectureError: the description is malformed, too large, or its arguments do not fit the layer.
    """
    model = _Builder(max_parameters).build(description, "", 0)
    tied = description.get("tied", {})
    if not isinstance(tied, Mapping):
        raise ArchitectureError(f"architecture: 'tied' is {tied!r}, expected names of parameters")
    for name, source in tied.items():
        if not isinstance(name, str) or not isinstance(source, str):
            raise ArchitectureError(f"architecture: 'tied' has {name!r}: {source!r}, expected names of parameters")
        path, _, last = name.rpartition(".")
        model.get_parameter(name)
        setattr(model.get_submodule(path), last, model.get_parameter(source))
    return model


class _Builder:
    """What has been built so far, by name, and how many parameters may still be asked for."""

    def __init__(self, max_parameters: int | None) -> None:
        self.limit = max_parameters
        self.left = max_parameters
        self.built: dict[str, Module] = {}

    def build(self, description: Any, path: str, depth: int) -> Module:
        place = f"architecture at {path!r}" if path else "architecture"
        if depth > MAX_DEPTH:
            raise ArchitectureError(f"{place}: nested more than {MAX_DEPTH} deep")
        if not isinstance(description, Mapping):
            raise ArchitectureError(f"{place}: got {type(description).__name__}, expected a mapping with 'layer'")
        if "same_as" in description:
            source = description["same_as"]
            if not isinstance(source, str) or source not in self.built:
                raise ArchitectureError(f"{place}: same_as {source!r} names no earlier layer")
            return self.built[source]
        module = self._layer(description, place)
        for child, part in description.get("children", {}).items():
            module.add_module(child, self.build(part, f"{path}.{child}" if path else str(child), depth + 1))
        self.built[path] = module
        return module

    def _layer(self, description: Mapping[str, Any], place: str) -> Module:
        name = description.get("layer")
        arguments = description.get("arguments", {})
        if not isinstance(name, str) or name not in LAYERS:
            raise unknown_name(f"layer in the {place},", name, LAYERS)
        if not isinstance(arguments, Mapping) or not isinstance(description.get("children", {}), Mapping):
            raise ArchitectureError(f"{place}: 'arguments' and 'children' are mappings")
        kind = LAYERS[name]
        is_container = issubclass(kind, CONTAINERS)
        if is_container != ("children" in description):
            raise ArchitectureError(f"{place}: {name} has {'' if is_container else 'no '}children")
        try:
            if self.left is not None:
                claimed = kind._claim(**arguments)
                self.left -= claimed
                if self.left < 0:
                    raise ArchitectureError(f"it has {claimed} parameters, expected at most {self.limit} in all")
            return kind(**arguments)
        except (TypeError, ValueError, MemoryError, OverflowError) as error:
            told = error.message if isinstance(error, ForwardnetError) else str(error)
            raise ArchitectureError(f"{place}: {name} cannot be made with {dict(arguments)}: {told}") from None
