"""Random numbers as an op: a pure function of seed, stream and position, so that a traced step can draw them, too."""

from __future__ import annotations

from typing import Any

import numpy as np

from forwardnet import seeds
from forwardnet.ir.graph import Spec
from forwardnet.ops.record import Example, array_op

_ALL = 0xFFFFFFFFFFFFFFFF


def counters(n: int, dtype: Any) -> int:
    """How many counters `n` numbers of the given type take: each gives four words."""
    return (n * words(dtype) + 3) // 4


def words(dtype: Any) -> int:
    """32-bit words for one number."""
    return 2 if np.dtype(dtype) == np.float64 else 1


def _uniform(seed: Any, stream: Any, position: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    n = int(np.prod(shape, dtype=np.int64))
    drawn = seeds.bits(n * words(dtype), seed=int(seed) & _ALL, stream=int(stream) & _ALL, start=int(position) & _ALL)
    wide = np.dtype(dtype) == np.float64
    return (seeds.unit64(drawn) if wide else seeds.unit32(drawn)).reshape(shape)


def _spec(seed: Spec, stream: Spec, position: Spec, shape: tuple[int, ...], dtype: Any) -> Spec:
    return Spec(tuple(shape), np.dtype(dtype))


_SCALARS = (np.array(5), np.array(3), np.array(7))

uniform = array_op(
    "uniform",
    doc="y[i] = the i-th number in [0, 1) of a Philox4x32-10 stream, from the counter `position` on",
    inputs=("seed", "stream", "position"),
    spec=_spec,
    value=_uniform,
    examples=[
        Example(_SCALARS, {"shape": (3, 5), "dtype": np.dtype(np.float32)}),
        Example(_SCALARS, {"shape": (4,), "dtype": np.dtype(np.float64)}),
        Example(_SCALARS, {"shape": (0, 2), "dtype": np.dtype(np.float32)}),
    ],
)
