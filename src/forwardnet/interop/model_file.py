"""Models as files: weights as safetensors, architecture and whatever belongs to them as JSON beside the weights.

The map of strings in the file has

    format        "forwardnet-model" or "forwardnet-tensors", and a version: "forwardnet-model 1"
    architecture  JSON of `nn.architecture(model)`; only for models
    metadata      JSON object given by whoever saved the file

Arrays that are no weights have names that begin with "extra/".

Loading builds the architecture from the registry of layers, so a file can name nothing but the library's own layers,
and takes only weights whose names, shapes and types are those of that architecture. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from forwardnet.errors import ArgumentError, FileFormatError, ForwardnetError
from forwardnet.interop import safetensors

if TYPE_CHECKING:
    from forwardnet.nn import Module
    from forwardnet.tensor import Tensor

Array = np.ndarray[Any, np.dtype[Any]]

# So many weights more than there are may be asked for: which ones a file lacks is said by name.
HARMLESS = 100_000

EXTRA = "extra/"
MODEL, TENSORS = "forwardnet-model 1", "forwardnet-tensors 1"


class LoadedModel(NamedTuple):
    """A model in evaluation mode, and the metadata saved with it."""

    model: Module
    metadata: dict[str, Any]


def save(
    obj: Module | Mapping[str, Tensor],
    path: str | os.PathLike[str],
    *,
    metadata: Mapping[str, Any] | None = None,
    extra: Mapping[str, Array] | None = None,
) -> None:
    """Write a model, or a mapping of names to tensors such as `model.state_dict()`, to `path`.

    `metadata` is anything that JSON can hold, and `extra` arrays that belong to a model and are none of its weights;
    `load_extra` gives them back. The file appears whole or not at all, and the same content always
    gives the same bytes.

    Raises:
        ArchitectureError: the model has a layer that is not the library's own; its `state_dict()` can be saved.
        ArgumentError: metadata does not fit into JSON, or `obj` is neither a model nor a mapping of tensors.
        OSError: the file cannot be written; nothing is left behind.

    Example:
        >>> ff.save(model, "model.safetensors", metadata={"classes": ["cat", "dog"]})
    """
    from forwardnet import nn

    strings = {"format": TENSORS}
    if isinstance(obj, nn.Module):
        strings = {"format": MODEL, "architecture": _json_text(nn.architecture(obj), "architecture")}
        obj = obj.state_dict()
    elif not isinstance(obj, Mapping):
        raise ArgumentError(
            f"save: got {type(obj).__name__}, expected a model or a mapping of names to tensors",
            hint="nothing is pickled: save model.state_dict()",
        )
    strings["metadata"] = _json_text(dict(metadata or {}), "metadata")
    arrays = {name: _as_array(name, value) for name, value in obj.items()}
    arrays |= {EXTRA + name: array for name, array in (extra or {}).items()}
    safetensors.write(path, arrays, strings)


def load(
    path: str | os.PathLike[str], *, allow_nan: bool = False, map_location: Any = None, weights_only: bool = True
) -> Any:
    """What `save` wrote to `path`: a model in evaluation mode, or a dict of tensors.

    Files of other programs in the safetensors format give a dict of tensors.

    Args:
        allow_nan: take weights that are NaN or infinite; otherwise they are refused.
        map_location, weights_only: as in PyTorch, where only "cpu" and True have a meaning here.

    Raises:
        MissingFileError: it does not exist; a `FileFormatError` and a `FileNotFoundError`.
        FileFormatError: the file is damaged, or not consistent with itself.
    """
    from forwardnet.tensor.functional import from_numpy

    if map_location is not None and str(map_location) != "cpu":
        raise ArgumentError(f"load: map_location is {map_location!r}, expected None or 'cpu'")
    if not weights_only:
        raise ArgumentError("load: weights_only is False, but files are data here and nothing else can be loaded")
    where = os.fspath(path)
    arrays, strings = safetensors.read(path)
    if "architecture" in strings:
        return _model(where, arrays, strings, allow_nan=allow_nan).model
    _check_finite(where, arrays, allow_nan)
    return {name: from_numpy(array) for name, array in arrays.items()}


def load_model(path: str | os.PathLike[str], *, allow_nan: bool = False) -> LoadedModel:
    """The model in `path` and the metadata saved with it.

    Raises:
        FileFormatError: as `load`, and when the file holds tensors without an architecture.
    """
    arrays, strings = safetensors.read(path)
    where = os.fspath(path)
    if "architecture" not in strings:
        raise FileFormatError(
            f"{where!r} holds {len(arrays)} tensors but no architecture, expected a model",
            hint="build the model in Python and call model.load_state_dict(ff.load(path))",
        )
    return _model(where, arrays, strings, allow_nan=allow_nan)


def load_extra(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The arrays that were saved beside a model, by name; raises `FileFormatError` as `load`."""
    arrays, _ = safetensors.read(path)
    return {name.removeprefix(EXTRA): array for name, array in arrays.items() if name.startswith(EXTRA)}


def _model(where: str, arrays: dict[str, Array], strings: dict[str, str], *, allow_nan: bool) -> LoadedModel:
    from forwardnet import nn

    if strings.get("format") != MODEL:
        raise FileFormatError(
            f"{where!r} has format {strings.get('format')!r}, expected {MODEL!r}",
            hint="it may come from a newer version of forwardnet",
        )
    arrays = {name: array for name, array in arrays.items() if not name.startswith(EXTRA)}
    description = _json_object(where, strings["architecture"], "architecture")
    metadata = _json_object(where, strings.get("metadata", "{}"), "metadata")
    _check_size(where, description, arrays)
    try:
        with _undisturbed_random_numbers():
            model = nn.build(description)
    except RecursionError:
        raise FileFormatError(f"{where!r}: the architecture is nested too deeply") from None
    except ForwardnetError as error:
        raise FileFormatError(f"{where!r}: {error.message}", hint=error.hint) from error
    _check_weights(where, model, arrays)
    _check_finite(where, arrays, allow_nan)
    model.load_state_dict(arrays)
    return LoadedModel(model.eval(), metadata)


@contextlib.contextmanager
def _undisturbed_random_numbers() -> Iterator[None]:
    """A fresh model draws its first weights, which are overwritten at once; a user's random numbers must not shift."""
    from forwardnet.tensor import random

    with random.drawing_from(random.Generator()):
        yield


def _check_size(where: str, description: Any, arrays: Mapping[str, Array]) -> None:
    """Refuse layers that claim more weights than the file has, before memory is asked for."""
    from forwardnet.nn.architecture import LAYERS

    available = sum(array.size for array in arrays.values())
    claimed = 0
    for name, arguments in _all_layers(description):
        with contextlib.suppress(TypeError, ValueError, OverflowError):  # what cannot be built is refused later
            claimed += LAYERS[name]._claim(**arguments) if name in LAYERS else 0
    if claimed > available + HARMLESS:
        raise FileFormatError(
            f"{where!r}: the architecture has at least {claimed:,} weights, but the file only {available:,} numbers",
            hint="the file is damaged or was made to do harm",
        )


def _all_layers(description: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and arguments of every layer; without recursion, because the nesting is not checked yet."""
    pending = [description]
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping):
            if isinstance(node.get("layer"), str) and isinstance(node.get("arguments"), Mapping):
                yield node["layer"], node["arguments"]
            if isinstance(node.get("children"), Mapping):
                pending.extend(node["children"].values())


def _check_weights(where: str, model: Module, arrays: Mapping[str, Array]) -> None:
    """Names, shapes and types must be exactly those of the architecture."""
    expected = model.state_dict()
    missing = [name for name in expected if name not in arrays]
    surplus = [name for name in arrays if name not in expected]
    if missing or surplus:
        faults = [f"lacks {_listed(missing)}"] * bool(missing) + [f"has {_listed(surplus)} too many"] * bool(surplus)
        raise FileFormatError(f"{where!r}: the weights do not fit the architecture: the file {' and '.join(faults)}")
    for name, tensor in expected.items():
        own, got = tensor.detach().numpy(), arrays[name]
        if own.shape != got.shape or own.dtype != got.dtype:
            raise FileFormatError(
                f"{where!r}: weight {name!r} is {got.dtype} of shape {got.shape}, "
                f"expected {own.dtype} of shape {own.shape}"
            )


def _check_finite(where: str, arrays: Mapping[str, Array], allow_nan: bool) -> None:
    if allow_nan:
        return
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = np.argwhere(~np.isfinite(array))
            place = tuple(int(i) for i in bad[0])
            raise FileFormatError(
                f"{where!r}: weight {name!r} is {array[place]} at {list(place)} "
                f"({len(bad)} of {array.size} values are not finite), expected finite numbers",
                hint="the training that wrote it diverged; load(path, allow_nan=True) takes it as it is",
            )


def _as_array(name: object, value: Any) -> Array:
    detach = getattr(value, "detach", None)
    if detach is not None:
        return np.asarray(detach().numpy())
    if isinstance(value, np.ndarray):
        return value
    raise ArgumentError(f"save: {name!r} is a {type(value).__name__}, expected a tensor")


def _json_text(value: Any, what: str) -> str:
    try:
        # NaN is not JSON; sorted keys and fixed separators make the same content the same bytes.
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, sort_keys=what == "metadata", separators=(",", ":")
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"save: {what} does not fit into JSON: {error}") from None


def _json_object(where: str, text: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{where!r}: the {what} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise FileFormatError(f"{where!r}: the {what} is a {type(value).__name__}, expected a JSON object")
    return value


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
