"""Reads what a file says was learnt, and trusts none of it: every fault is a FileFormatError that names its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forwardnet.errors import FileFormatError

Floats = NDArray[np.float64]


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, Mapping):
        raise FileFormatError(f"{where}: expected an object with named fields, got {_told(value)}")
    return value


def field(values: Any, name: str, where: str) -> Any:
    """The field `name` of a JSON object."""
    found = mapping(values, where)
    if name not in found:
        raise FileFormatError(f"{where}: the field {name!r} is missing")
    return found[name]


def records(values: Any, name: str, where: str) -> list[Mapping[str, Any]]:
    """A field that is a list of JSON objects."""
    return [mapping(record, f"{where}, {name}[{i}]") for i, record in enumerate(_list(values, name, where))]


def text(values: Any, name: str, where: str, known: Collection[str] | None = None) -> str:
    """A field that is a text, one of `known` if given."""
    value = field(values, name, where)
    if not isinstance(value, str) or (known is not None and value not in known):
        expected = "a text" if known is None else f"one of {', '.join(known)}"
        raise FileFormatError(f"{where}: {name!r} is {_told(value)}, expected {expected}")
    return value


def texts(values: Any, name: str, where: str, *, unique: bool = False) -> tuple[str, ...]:
    """A field that is a list of texts."""
    found = _list(values, name, where)
    if not all(isinstance(item, str) for item in found):
        raise FileFormatError(f"{where}: {name!r} is {_told(found)}, expected a list of texts")
    if unique and len(set(found)) < len(found):
        raise FileFormatError(f"{where}: {name!r} names something twice")
    return tuple(found)


def flag(values: Any, name: str, where: str) -> bool:
    """A field that is true or false."""
    value = field(values, name, where)
    if not isinstance(value, bool):
        raise FileFormatError(f"{where}: {name!r} is {_told(value)}, expected true or false")
    return value


def count(values: Any, name: str, where: str, *, least: int = 0, most: int = 2**24) -> int:
    """A field that is a whole number from `least` to `most`."""
    value = field(values, name, where)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise FileFormatError(f"{where}: {name!r} is {_told(value)}, expected a whole number from {least} to {most}")
    return value


def number(values: Any, name: str, where: str) -> float:
    """A field that is a finite number."""
    return float(floats({name: [field(values, name, where)]}, name, where)[0])


def floats(values: Any, name: str, where: str, *, length: int | None = None, positive: bool = False) -> Floats:
    """A field that is a list of finite numbers, all above 0 if `positive`."""
    found = _list(values, name, where)
    # Each is looked at, because NumPy would make numbers of texts and truth values.
    if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in found):
        raise FileFormatError(f"{where}: {name!r} is {_told(found)}, expected a list of numbers")
    try:
        array = np.array(found, dtype=np.float64)
    except OverflowError as error:
        raise FileFormatError(f"{where}: {name!r} has a number that is too large") from error
    if length is not None and len(array) != length:
        raise FileFormatError(f"{where}: {name!r} has {len(array)} numbers, expected {length}")
    if not np.isfinite(array).all() or (positive and not (array > 0).all()):
        raise FileFormatError(f"{where}: {name!r} has numbers that are not finite{' and above 0' if positive else ''}")
    return array


def _list(values: Any, name: str, where: str) -> list[Any]:
    found = field(values, name, where)
    if not isinstance(found, list):
        raise FileFormatError(f"{where}: {name!r} is {_told(found)}, expected a list")
    return found


def _told(value: Any) -> str:
    """The value in at most 40 characters."""
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
