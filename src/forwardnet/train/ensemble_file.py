"""Ensembles as one file: the members' networks side by side, and how their answers become one.

The metadata has under "ensemble": `how`, `weights` and `offset` as in `Ensemble`, and for each member `link` and
`precision`. Losses, optimisers, and what is known of rows stay behind.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from forwardnet import nn
from forwardnet.errors import FileFormatError, ForwardnetError
from forwardnet.interop import load_model, save as save_model
from forwardnet.train import inputs
from forwardnet.train.metrics import Link
from forwardnet.train.program import forward

if TYPE_CHECKING:
    from forwardnet.train.ensemble import Ensemble

Array = NDArray[Any]
PRECISIONS = ("float32", "float64")


@dataclass(frozen=True, eq=False)
class LoadedMember:
    """A network that answers like the trainer that it was part of."""

    model: nn.Module
    link: Link
    precision: str

    def predict(self, X: Any) -> Array:
        """The model's raw outputs, one row for each row of `X`."""
        return forward(self.model, inputs.features(X, np.dtype(self.precision)))


def save(ensemble: Ensemble, path: str | os.PathLike[str]) -> None:
    """Write an ensemble; the file appears whole or not at all."""
    description = {
        "how": ensemble.how,
        "weights": None if ensemble.weights is None else [float(weight) for weight in ensemble.weights],
        "offset": np.asarray(ensemble.offset, np.float64).tolist(),
        "members": [{"link": member.link, "precision": member.precision} for member in ensemble.members],
    }
    save_model(nn.ModuleList([member.model for member in ensemble.members]), path, metadata={"ensemble": description})


def load(path: str | os.PathLike[str]) -> Ensemble:
    """The ensemble in `path`; its answers have the bits of those of the one that was saved.

    Raises:
        MissingFileError: it does not exist.
        FileFormatError: the file is damaged, or holds no ensemble.
    """
    from forwardnet.train.ensemble import Ensemble

    where = os.fspath(path)
    model, metadata = load_model(path)
    if "ensemble" not in metadata:
        raise FileFormatError(f"{where!r} holds a model, but no ensemble", hint="ff.load(path) gives the model")
    try:
        found = metadata["ensemble"]
        if not isinstance(model, nn.ModuleList) or len(model) != len(found["members"]):
            raise ValueError(f"{len(found['members'])} members, and other networks")
        members = [_member(network, own) for network, own in zip(model, found["members"], strict=True)]
        weights = None if found["weights"] is None else [float(weight) for weight in found["weights"]]
        offset = np.asarray(found["offset"], np.float64)
        if not np.isfinite([*(weights or ()), *offset.reshape(-1)]).all():
            raise ValueError("weights or offset are not finite")
        return Ensemble(members, weights, how=found["how"], offset=offset if offset.ndim else float(offset))
    except (ForwardnetError, KeyError, TypeError, ValueError, AttributeError) as error:
        told = error.message if isinstance(error, ForwardnetError) else f"{type(error).__name__} {error}"
        raise FileFormatError(f"{where!r}: what it tells of its ensemble is damaged: {told}") from None


def _member(model: nn.Module, description: Any) -> LoadedMember:
    link, precision = description["link"], description["precision"]
    if link not in get_args(Link) or precision not in PRECISIONS:
        raise ValueError(f"a member with link {link!r} and precision {precision!r}")
    return LoadedMember(model, link, precision)
