"""Random tensors, from a seed that is set once: `manual_seed`, `rand`, `randn`, `randint`, `randperm`.

The generator counts: each call draws from a fresh range of counters of the Philox stream of the seed. The alternative
algorithm "torch" gives the numbers that PyTorch's CPU generator gives, for comparing programs line by line.
"""

from __future__ import annotations

import copy
import math
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from forwardnet import dtypes, seeds
from forwardnet.errors import ArgumentError, DTypeError, unknown_name
from forwardnet.ir.graph import tracing
from forwardnet.ir.shapes import numel, sizes_of
from forwardnet.ops.record import CannotLower
from forwardnet.tensor import create, pointwise, tape

if TYPE_CHECKING:
    from forwardnet.tensor.tensor import Tensor


class Generator:
    """A source of random numbers: `Generator(seed)`; the same seed gives the same numbers."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.position = 0
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Generator:
        made = object.__new__(type(self))
        made.__dict__.update({k: v if k == "_lock" else copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return made

    def manual_seed(self, seed: int) -> Generator:
        """Start again from `seed`."""
        self.seed, self.position = int(seed), 0
        return self

    def initial_seed(self) -> int:
        """The seed this generator started from."""
        return self.seed

    def words(self, n: int) -> Any:
        """The next `n` 32-bit words."""
        _not_while_tracing()
        with self._lock:
            start = self.position
            self.position += (n + 3) // 4
        return seeds.bits(n, seed=self.seed, start=start)

    def uniform(self, n: int, dtype: Any) -> Any:
        """`n` numbers in [0, 1)."""
        if dtype == np.float64:
            return seeds.unit64(self.words(2 * n))
        drawn = seeds.unit32(self.words(n))
        return (
            drawn
            if dtype == np.float32
            else np.minimum(drawn.astype(dtype), np.nextafter(dtype.type(1), dtype.type(0)))
        )

    def normal(self, n: int, dtype: Any) -> Any:
        """`n` standard normal numbers."""
        return seeds.normal64(self.words(4 * ((n + 1) // 2)))[:n].astype(dtype, copy=False)

    def integers(self, n: int, low: int, high: int) -> Any:
        """`n` integers in [low, high)."""
        return seeds.below(self.words(2 * n), high - low) + low

    def permutation(self, n: int) -> Any:
        """A random order of 0 .. n-1."""
        _not_while_tracing()
        with self._lock:
            start = self.position
            self.position += (2 * n + 3) // 4
        return seeds.permutation(n, seed=self.seed, start=start)


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

    def uniform(self, n: int, dtype: Any) -> Any:
        if dtype == np.float64:
            pairs = self.words(2 * n).reshape(-1, 2).astype(np.uint64)
            wide = (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]
            return (wide & np.uint64((1 << 53) - 1)).astype(np.float64) * 2.0**-53
        bits = {2: 11, 4: 24}[dtype.itemsize]
        return ((self.words(n) & np.uint32((1 << bits) - 1)).astype(np.float64) * 2.0**-bits).astype(dtype)

    def normal(self, n: int, dtype: Any) -> Any:
        if n < 16:
            return np.array([self._one_normal() for _ in range(n)], dtype)
        u = self.uniform(n, dtype)
        for start in range(0, n - 15, 16):
            u[start : start + 16] = _normal16(u[start : start + 16])
        if n % 16:
            u[n - 16 :] = _normal16(self.uniform(16, dtype))
        return u

    def _one_normal(self) -> float:
        if self._spare is not None:
            value, self._spare = self._spare, None
            return value
        u1, u2 = self.uniform(2, np.dtype(np.float64))
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


def manual_seed(seed: int, *, algorithm: str = "philox") -> Generator:
    """Start the default generator again from `seed`.

    `algorithm` is "philox", or "torch" for the numbers PyTorch draws from the same seed.
    """
    if algorithm not in ALGORITHMS:
        raise unknown_name("random algorithm", algorithm, ALGORITHMS)
    _Default.generator = ALGORITHMS[algorithm](int(seed))
    return _Default.generator


def default_generator() -> Generator:
    """The generator that functions use when none is given."""
    return _Default.generator


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
    made = tape.new_tensor(values.reshape(shape))
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
    return _finish((generator or _Default.generator).uniform(numel(shape), chosen), shape, requires_grad)


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
    return _finish((generator or _Default.generator).normal(numel(shape), chosen), shape, requires_grad)


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
    drawn = (generator or _Default.generator).integers(numel(shape), int(low), int(high))
    chosen = dtypes.INT64 if dtype is None else dtypes.as_numpy(dtype)
    return _finish(drawn.astype(chosen), shape, requires_grad)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """A random order of 0 .. n-1."""
    drawn = (generator or _Default.generator).permutation(int(n))
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
    shape = input.spec.shape
    drawn = (generator or _Default.generator).uniform(numel(shape), np.dtype(np.float64)).reshape(shape)
    return tape.new_tensor((drawn < input._data).astype(input.spec.dtype))


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """`num_samples` indices drawn with probabilities proportional to each row of `input`."""
    source = generator or _Default.generator
    rows = np.atleast_2d(input._data).astype(np.float64)
    if (rows < 0).any() or not np.isfinite(rows).all() or (rows.sum(axis=1) <= 0).any():
        raise ArgumentError("multinomial: probabilities must be finite, not negative, and not all zero")
    if replacement:
        edges = np.cumsum(rows, axis=1) / rows.sum(axis=1, keepdims=True)
        u = source.uniform(len(rows) * num_samples, np.dtype(np.float64)).reshape(len(rows), num_samples)
        drawn = np.stack([np.searchsorted(e, v, side="right") for e, v in zip(edges, u, strict=True)])
        drawn = np.minimum(drawn, rows.shape[1] - 1)
    else:
        if num_samples > (rows > 0).sum(axis=1).min():
            raise ArgumentError("multinomial: cannot draw more samples without replacement than nonzero probabilities")
        # The smallest of exponential variables with these rates: Efraimidis and Spirakis (2006).
        u = source.uniform(rows.size, np.dtype(np.float64)).reshape(rows.shape)
        with np.errstate(divide="ignore"):
            keys = -np.log1p(-u) / rows
        drawn = np.argsort(keys, axis=1, kind="stable")[:, :num_samples]
    return tape.new_tensor(np.ascontiguousarray(drawn.reshape((*input.spec.shape[:-1], num_samples)), np.int64))


def _fill(input: Tensor, values: Any) -> Tensor:
    return pointwise.copy_(input, tape.new_tensor(values.reshape(input.spec.shape)))


def uniform_(input: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with uniform random numbers in [a, b)."""
    drawn = (generator or _Default.generator).uniform(input.numel(), input.spec.dtype)
    return _fill(input, drawn * input.spec.dtype.type(b - a) + input.spec.dtype.type(a))


def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with normal random numbers."""
    drawn = (generator or _Default.generator).normal(input.numel(), input.spec.dtype)
    return _fill(input, drawn * input.spec.dtype.type(std) + input.spec.dtype.type(mean))


def bernoulli_(input: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with 1 with probability p, else 0."""
    drawn = (generator or _Default.generator).uniform(input.numel(), np.dtype(np.float64))
    return _fill(input, (drawn < p).astype(input.spec.dtype))
