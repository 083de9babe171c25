"""Programs built in this process, found again by their graph: fits of a search or a validation differ in numbers alone.

A graph is the program, whoever traced it, so equal graphs may share everything but the arena.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np

from forwardnet.ir.graph import Graph

T = TypeVar("T")

# Each holds some hundred kilobytes of descriptions.
KEPT = 64
PLAIN = (bool, int, float, str, type(None), np.dtype, type)

_kept: dict[Hashable, Any] = {}
_turn = threading.Lock()


def found_or_made(
    key: Hashable | None, make: Callable[[], T], *, store: dict[Any, Any] | None = None, most: int | None = None
) -> T:
    """What was made for an equal key, else what `make` returns; nothing is kept under None.

    `store` holds at most `most` things, the youngest last; without them it is that of the programs.
    """
    store, most = (_kept if store is None else store), (KEPT if most is None else most)
    if key is None or not most:
        return make()
    with _turn:
        found: T | None = store.pop(key, None)
    made = make() if found is None else found
    with _turn:
        store[key] = made  # which makes it the youngest
        while len(store) > most:
            del store[next(iter(store))]
    return made


def key_of(graph: Graph) -> Hashable | None:
    """What is equal for equal graphs alone; None where an attribute cannot be compared by its text."""
    nodes: list[Hashable] = []
    for node in graph.nodes:
        if not all(_is_plain(value) for value in node.attrs.values()):
            return None
        value = None if node.value is None else (node.value.dtype.str, node.value.shape, node.value.tobytes())
        inputs = tuple(n.index for n in node.inputs)
        nodes.append((node.op, inputs, repr(node.attrs), repr(node.spec), value))
    return tuple(nodes), tuple(n.index for n in graph.inputs), tuple(n.index for n in graph.outputs)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(_is_plain(v) for v in value)
    return isinstance(value, PLAIN)
