"""Random tensors, from a seed that is set once: `manual_seed`, `rand`, `randn`, `randint`, `randperm`.

The generator counts: each call draws from a fresh range of counters of the Philox stream of the seed. The alternative
algorithm "torch" gives the numbers that PyTorch's CPU generator gives, for comparing programs line by line.
"""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import dtypes, seeds
from forwardnet.errors import ArgumentError, DTypeError, unknown_name
from forwardnet.ir.graph import Node, tracing
from forwardnet.ir.shapes import numel, sizes_of
from forwardnet.ops import logic, scalar
from forwardnet.ops.random import counters, uniform as uniform_op
from forwardnet.ops.record import REGISTRY, CannotLower
from forwardnet.tensor import create, pointwise, tape

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor


class Generator:
    """A source of random numbers: `Generator(seed)`; the same seed gives the same numbers.

    Numbers of different streams of one seed have nothing to do with each other. `position` counts what was drawn.
    While a function is traced these three are nodes, and `uniform` and `normal` give nodes.
    """

    def __init__(self, seed: int = 0, *, stream: int = 0) -> None:
        self.seed = seed
        self.stream = stream
        self.position: Any = 0
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Generator:
        made = object.__new__(type(self))
        made.__dict__.update({k: v if k == "_lock" else copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return made

    def manual_seed(self, seed: int) -> Generator:
        """Start again from `seed`."""
        _not_while_tracing()
        self.seed, self.position = int(seed), 0
        return self

    def initial_seed(self) -> int:
        """The seed this generator started from."""
        return self.seed

    def _advance(self, count: int) -> Any:
        """The position before `count` counters are taken."""
        with self._lock:
            start = self.position
            self.position = start + count if isinstance(start, int) else scalar.add(start, count)
        return start

    def words(self, n: int) -> Any:
        """The next `n` 32-bit words."""
        _not_while_tracing()
        return seeds.bits(n, seed=self.seed, stream=self.stream, start=self._advance((n + 3) // 4))

    def uniform(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Numbers in [0, 1)."""
        if tracing.depth:
            return self._traced(shape, dtype)
        n = numel(shape)
        if dtype == np.float64:
            return seeds.unit64(self.words(2 * n)).reshape(shape)
        drawn = seeds.unit32(self.words(n)).reshape(shape)
        return (
            drawn
            if dtype == np.float32
            else np.minimum(drawn.astype(dtype), np.nextafter(dtype.type(1), dtype.type(0)))
        )

    def _traced(self, shape: tuple[int, ...], dtype: Any) -> Any:
        if not isinstance(self.position, Node) or dtype not in (np.float32, np.float64):
            _not_while_tracing()
        start = self._advance(counters(numel(shape), dtype))
        return uniform_op(self.seed, self.stream, start, shape=tuple(shape), dtype=dtype)

    def normal(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Standard normal numbers sqrt(-2 log(1 - u)) cos(2 pi v) of uniform u and v (Box and Muller, 1958)."""
        kind = dtype if dtype.itemsize >= 4 else np.dtype(np.float32)
        u, v = self.uniform(shape, kind), self.uniform(shape, kind)
        # 1 - u lies in (0, 1], so the logarithm is finite.
        radius = scalar.sqrt(scalar.mul(scalar.log1p(scalar.neg(u)), -2.0))
        drawn = scalar.mul(radius, scalar.cos(scalar.mul(v, 2.0 * math.pi)))
        return drawn if dtype == kind else drawn.astype(dtype)

    def integers(self, n: int, low: int, high: int) -> Any:
        """`n` integers in [low, high)."""
        return seeds.below(self.words(2 * n), high - low) + low

    def permutation(self, n: int) -> Any:
        """A random order of 0 .. n-1."""
        _not_while_tracing()
        return seeds.permutation(n, seed=self.seed, stream=self.stream, start=self._advance((n + 3) // 4))


def _not_while_tracing() -> None:
    if tracing.depth:
        raise CannotLower("random numbers drawn inside the function")


class MersenneTwister(Generator):
    """The numbers that PyTorch's CPU generator draws from the same seed (MT19937)."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> Generator:
        super().manual_seed(seed)
        self._state = np.random.RandomState(int(seed) & 0xFFFFFFFF)
        self._spare: float | None = None
        return self

    def words(self, n: int) -> Any:
        _not_while_tracing()
        return self._state.randint(0, 2**32, size=n, dtype=np.uint32)

    def uniform(self, shape: tuple[int, ...], dtype: Any) -> Any:
        n = numel(shape)
        if dtype == np.float64:
            pairs = self.words(2 * n).reshape(-1, 2).astype(np.uint64)
            wide = (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]
            return ((wide & np.uint64((1 << 53) - 1)).astype(np.float64) * 2.0**-53).reshape(shape)
        bits = {2: 11, 4: 24}[dtype.itemsize]
        drawn = (self.words(n) & np.uint32((1 << bits) - 1)).astype(np.float64) * 2.0**-bits
        return drawn.astype(dtype).reshape(shape)

    def normal(self, shape: tuple[int, ...], dtype: Any) -> Any:
        n = numel(shape)
        if n < 16:
            return np.array([self._one_normal() for _ in range(n)], dtype).reshape(shape)
        u = self.uniform((n,), dtype)
        for start in range(0, n - 15, 16):
            u[start : start + 16] = _normal16(u[start : start + 16])
        if n % 16:
            u[n - 16 :] = _normal16(self.uniform((16,), dtype))
        return u.reshape(shape)

    def _one_normal(self) -> float:
        if self._spare is not None:
            value, self._spare = self._spare, None
            return value
        u1, u2 = self.uniform((2,), np.dtype(np.float64))
        radius, angle = math.sqrt(-2.0 * math.log1p(-u2)), 2.0 * math.pi * u1
        self._spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def integers(self, n: int, low: int, high: int) -> Any:
        if high - low >= 2**32:
            pairs = self.words(2 * n).reshape(-1, 2).astype(np.uint64)
            wide = (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]
            return (wide % np.uint64(high - low)).astype(np.int64) + low
        return (self.words(n) % np.uint32(high - low)).astype(np.int64) + low

    def permutation(self, n: int) -> Any:
        order = np.arange(n, dtype=np.int64)
        for i in range(n - 1):
            j = i + int(self.words(1)[0]) % (n - i)
            order[i], order[j] = order[j], order[i]
        return order


def _normal16(u: Any) -> Any:
    one = u.dtype.type(1)
    radius = np.sqrt(-2 * np.log(one - u[:8]))
    angle = u.dtype.type(2 * math.pi) * u[8:]
    return np.concatenate((radius * np.cos(angle), radius * np.sin(angle)))


ALGORITHMS: dict[str, type[Generator]] = {"philox": Generator, "torch": MersenneTwister}


class _Default:
    generator: Generator = Generator(time.time_ns())


class _Own(threading.local):
    generator: Generator | None = None


_own = _Own()


@contextmanager
def drawing_from(generator: Generator) -> Iterator[Generator]:
    """Let this thread draw from `generator` where none is given: a fit has numbers of its own."""
    before, _own.generator = _own.generator, generator
    try:
        yield generator
    finally:
        _own.generator = before


def manual_seed(seed: int, *, algorithm: str = "philox") -> Generator:
    """Start the default generator again from `seed`.

    `algorithm` is "philox", or "torch" for the numbers PyTorch draws from the same seed.
    """
    _not_while_tracing()
    if algorithm not in ALGORITHMS:
        raise unknown_name("random algorithm", algorithm, ALGORITHMS)
    _Default.generator = ALGORITHMS[algorithm](int(seed))
    return _Default.generator


def default_generator() -> Generator:
    """The generator that functions use when none is given."""
    return _own.generator or _Default.generator


def get_rng_state() -> Any:
    """The state of the default generator, for `set_rng_state`."""
    return copy.deepcopy(_Default.generator)


def set_rng_state(state: Any) -> None:
    """Continue from a state that `get_rng_state` gave."""
    _Default.generator = copy.deepcopy(state)


def initial_seed() -> int:
    """The seed of the default generator."""
    return _Default.generator.seed


def seed() -> int:
    """Seed the default generator from the clock; returns the seed."""
    chosen = time.time_ns()
    manual_seed(chosen)
    return chosen


def _floating(name: str, dtype: Any) -> Any:
    chosen = dtypes.default() if dtype is None else dtypes.as_numpy(dtype)
    if chosen.kind != "f":
        raise DTypeError(f"{name}: dtype is {chosen}, expected a floating type")
    return chosen


def _finish(values: Any, shape: tuple[int, ...], requires_grad: bool) -> Tensor:
    made = tape.new_tensor(values if values.shape == shape else values.reshape(shape))
    if requires_grad:
        made.requires_grad_()
    return made


def rand(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform random numbers in [0, 1)."""
    shape, chosen = create.checked_sizes(sizes, size), _floating("rand", dtype)
    return _finish((generator or default_generator()).uniform(shape, chosen), shape, requires_grad)


def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Standard normal random numbers: mean 0, variance 1."""
    shape, chosen = create.checked_sizes(sizes, size), _floating("randn", dtype)
    return _finish((generator or default_generator()).normal(shape, chosen), shape, requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random integers in [low, high): `randint(high, size)` or `randint(low, high, size)`."""
    if size is None:
        low, high, size = 0, low, high
    if size is None or high is None:
        raise ArgumentError("randint: the size is missing", hint="randint(high, size) or randint(low, high, size)")
    if high <= low:
        raise ArgumentError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    shape = sizes_of((size,))
    drawn = (generator or default_generator()).integers(numel(shape), int(low), int(high))
    chosen = dtypes.INT64 if dtype is None else dtypes.as_numpy(dtype)
    return _finish(drawn.astype(chosen), shape, requires_grad)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """A random order of 0 .. n-1."""
    drawn = (generator or default_generator()).permutation(int(n))
    return _finish(drawn.astype(dtypes.INT64 if dtype is None else dtypes.as_numpy(dtype)), (int(n),), False)


def rand_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers of the shape and type of `input`."""
    return rand(*input.spec.shape, dtype=input.spec.dtype if dtype is None else dtype, requires_grad=requires_grad)


def randn_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Standard normal random numbers of the shape and type of `input`."""
    return randn(*input.spec.shape, dtype=input.spec.dtype if dtype is None else dtype, requires_grad=requires_grad)


def normal(mean: Any, std: Any, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Normal random numbers with the given means and standard deviations (numbers or tensors)."""
    if size is None:
        shapes = [v.spec.shape for v in (mean, std) if tape.is_tensor(v)]
        size = np.broadcast_shapes(*shapes)
    return randn(size, generator=generator) * std + mean


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that `input` gives, else 0."""
    drawn = (generator or default_generator()).uniform(input.spec.shape, np.dtype(np.float64))
    return REGISTRY["cast"](logic.lt(tape.new_tensor(drawn), input.detach()), dtype=input.spec.dtype)


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """`num_samples` indices drawn with probabilities proportional to each row of `input`."""
    source = generator or default_generator()
    rows = np.atleast_2d(input._data).astype(np.float64)
    if (rows < 0).any() or not np.isfinite(rows).all() or (rows.sum(axis=1) <= 0).any():
        raise ArgumentError("multinomial: probabilities must be finite, not negative, and not all zero")
    if replacement:
        edges = np.cumsum(rows, axis=1) / rows.sum(axis=1, keepdims=True)
        u = source.uniform((len(rows), num_samples), np.dtype(np.float64))
        drawn = np.stack([np.searchsorted(e, v, side="right") for e, v in zip(edges, u, strict=True)])
        drawn = np.minimum(drawn, rows.shape[1] - 1)
    else:
        if num_samples > (rows > 0).sum(axis=1).min():
            raise ArgumentError("multinomial: cannot draw more samples without replacement than nonzero probabilities")
        # The smallest of exponential variables with these rates: Efraimidis and Spirakis (2006).
        u = source.uniform(rows.shape, np.dtype(np.float64))
        with np.errstate(divide="ignore"):
            keys = -np.log1p(-u) / rows
        drawn = np.argsort(keys, axis=1, kind="stable")[:, :num_samples]
    return tape.new_tensor(np.ascontiguousarray(drawn.reshape((*input.spec.shape[:-1], num_samples)), np.int64))


def _fill(input: Tensor, values: Any) -> Tensor:
    return pointwise.copy_(input, tape.new_tensor(values))


def uniform_(input: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with uniform random numbers in [a, b)."""
    drawn = (generator or default_generator()).uniform(input.spec.shape, input.spec.dtype)
    return _fill(input, scalar.add(scalar.mul(drawn, float(b - a)), float(a)))


def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with normal random numbers."""
    drawn = (generator or default_generator()).normal(input.spec.shape, input.spec.dtype)
    return _fill(input, scalar.add(scalar.mul(drawn, float(std)), float(mean)))


def bernoulli_(input: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with 1 with probability p, else 0."""
    drawn = (generator or default_generator()).uniform(input.spec.shape, np.dtype(np.float64))
    return _fill(input, REGISTRY["cast"](scalar.lt(drawn, float(p)), dtype=input.spec.dtype))
