"""Augmentation: training rows changed a little, and anew in each epoch, in ways that do not change their meaning.

An augmentation is called with rows and targets, and gives new ones of the same shapes:

    change = augment.Chain(augment.Rotate((8, 8), degrees=10), augment.Shift((8, 8), pixels=1))
    X_new, y_new = change(X, y, seed=0, epoch=3)

What it does to a row is a function of the seed, the epoch and the row's number, so that an epoch can be had again.
`ff.Trainer(...).fit(X, y, augment=change)` shows a network other rows in each epoch.

Axis glossary: n rows, d features, H height, W width, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import seeds
from ..errors import ArgumentError, DTypeError, ShapeError
from .batches import stream_of

Array = NDArray[Any]
Floats = NDArray[np.float64]
Source = np.random.RandomState

# Pixels that are worked on at once, so that what lies between stays in the cache.
BLOCK = 1 << 18

AUGMENTATIONS: dict[str, type[Augmentation]] = {}


class Augmentation:
    """Base of the augmentations; a subclass writes `change`.

    `class Shift(Augmentation, name="shift")` enters the registry.
    """

    name: ClassVar[str] = ""

    def __init_subclass__(cls, *, name: str = "", **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if name:
            cls.name = name
            AUGMENTATIONS[name] = cls

    def __call__(self, X: Array, y: Array | None = None, *, seed: int = 0, epoch: int = 0) -> tuple[Array, Any]:
        """New rows in the place of X (n, d) or (n, ...), and the targets that go with them; X and y stay as they are.

        Raises:
            DTypeError: X is not of a floating type.
        """
        X = np.asarray(X)
        if X.dtype.kind != "f":
            raise DTypeError(f"{type(self).__name__}: X has dtype {X.dtype}, expected a floating type")
        return self._applied(X, y, seed, epoch, 0)

    def _applied(self, X: Array, y: Any, seed: int, epoch: int, place: int) -> tuple[Array, Any]:
        """`place` is the position in a chain: two of a kind draw different numbers."""
        source = seeds.source(seed=seed, stream=stream_of(f"augment {place} {self.name}", epoch))
        return self.change(X, y, source)

    def change(self, X: Array, y: Any, source: Source) -> tuple[Array, Any]:
        """The new rows and targets, with random numbers from `source`."""
        raise NotImplementedError(f"{type(self).__name__} has no method change")


class Chain(Augmentation):
    """Several augmentations one after another."""

    def __init__(self, *parts: Augmentation) -> None:
        for part in parts:
            if not isinstance(part, Augmentation):
                raise ArgumentError(f"Chain: got {part!r}, expected augmentations")
        self.parts = parts

    def _applied(self, X: Array, y: Any, seed: int, epoch: int, place: int) -> tuple[Array, Any]:
        for number, part in enumerate(self.parts):
            X, y = part._applied(X, y, seed, epoch, place * 100 + number + 1)
        return X, y

    def __repr__(self) -> str:
        return f"Chain({', '.join(map(repr, self.parts))})"


# ---------------------------------------------------------------- rows of numbers


@dataclass(frozen=True)
class Jitter(Augmentation, name="jitter"):
    """x + std e with e standard normal: measured again, with other errors. `std` is one number, or one per feature."""

    std: Any = 0.1

    def __post_init__(self) -> None:
        if not (np.asarray(self.std, np.float64) >= 0).all():
            raise ArgumentError(f"Jitter: std is {self.std!r}, expected numbers >= 0")

    def change(self, X: Array, y: Any, source: Source) -> tuple[Array, Any]:
        std = np.asarray(self.std, np.float64)
        if std.shape not in ((), X.shape[1:]):
            raise ShapeError(f"Jitter: std has shape {std.shape}, which does not fit X with shape {X.shape}")
        return (X + source.standard_normal(X.shape) * std).astype(X.dtype), y


@dataclass(frozen=True)
class Mixup(Augmentation, name="mixup"):
    """x = l x_i + (1 - l) x_j and y = l y_i + (1 - l) y_j, j a random row, l from Beta(alpha, alpha).

    Between two rows the answer is to be between theirs (Zhang et al. 2018). Targets are numbers, or probabilities of
    classes, which `ff.one_hot` makes of class indices. Small alphas mix little: 0.1 to 0.4 are usual; 1 draws l evenly.
    """

    alpha: float = 0.2

    def __post_init__(self) -> None:
        _positive("Mixup", "alpha", self.alpha)

    def change(self, X: Array, y: Any, source: Source) -> tuple[Array, Any]:
        if y is None or np.asarray(y).dtype.kind != "f":
            kind = "there is none" if y is None else f"it has dtype {np.asarray(y).dtype}"
            raise DTypeError(
                f"Mixup: y is mixed as well, and {kind}: expected a floating type",
                hint="of class indices make probabilities: y = ff.one_hot(ff.tensor(y)).float().numpy()",
            )
        y = np.asarray(y)
        share, partner = source.beta(self.alpha, self.alpha, len(X)), source.permutation(len(X))
        return tuple(_mixed(values, partner, share) for values in (X, y))  # type: ignore[return-value]


def _mixed(values: Array, partner: Array, share: Floats) -> Array:
    own = share.reshape(-1, *(1,) * (values.ndim - 1))
    return np.asarray(own * values + (1 - own) * values[partner], dtype=values.dtype)


# ---------------------------------------------------------------- images


@dataclass(frozen=True)
class _OfImages(Augmentation):
    """Rows are images of the given (H, W), or (H, W) with channels behind, flattened or not. What moves in is 0."""

    shape: tuple[int, int]

    def __post_init__(self) -> None:
        sizes: Any = self.shape
        if not isinstance(sizes, tuple) or len(sizes) != 2 or min(sizes) < 1:
            raise ArgumentError(f"{type(self).__name__}: shape is {self.shape!r}, expected (height, width)")

    def change(self, X: Array, y: Any, source: Source) -> tuple[Array, Any]:
        height, width = self.shape
        pixels = math.prod(X.shape[1:])
        if X.ndim < 2 or pixels == 0 or pixels % (height * width):
            raise ShapeError(
                f"{type(self).__name__}: X has shape {X.shape}, expected rows of {height} x {width} pixels",
                hint="or of several channels for each pixel, the channels last",
            )
        new = np.empty_like(X)
        images, results = (array.reshape(len(X), height, width, pixels // (height * width)) for array in (X, new))
        for rows in _blocks(len(X), pixels):
            up, left = self.moved(rows.stop - rows.start, source)
            results[rows] = _sampled(images[rows], up, left)
        return new, y

    def moved(self, n: int, source: Source) -> tuple[Any, Any]:
        """Row and column that each new pixel takes its value from: two arrays that broadcast to (n, H, W)."""
        raise NotImplementedError(f"{type(self).__name__} has no method moved")

    @property
    def grid(self) -> tuple[Floats, Floats]:
        """The rows (H, 1) and the columns (1, W) of the pixels."""
        height, width = self.shape
        return np.arange(height, dtype=float)[:, None], np.arange(width, dtype=float)[None]


@dataclass(frozen=True)
class Shift(_OfImages, name="shift"):
    """Each image moved by whole pixels, each direction by a random number from -pixels to pixels."""

    pixels: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        by: Any = self.pixels
        if isinstance(by, bool) or not isinstance(by, int) or by < 0:
            raise ArgumentError(f"Shift: pixels is {by!r}, expected a whole number >= 0")

    def moved(self, n: int, source: Source) -> tuple[Any, Any]:
        by = source.randint(-self.pixels, self.pixels + 1, size=(n, 2))
        rows, columns = self.grid
        return rows - by[:, 0, None, None], columns - by[:, 1, None, None]


@dataclass(frozen=True)
class Rotate(_OfImages, name="rotate"):
    """Each image turned about its centre by a random angle from -degrees to degrees, with bilinear interpolation."""

    degrees: float = 15.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive("Rotate", "degrees", self.degrees)

    def moved(self, n: int, source: Source) -> tuple[Any, Any]:
        angle = np.radians(self.degrees) * (2 * source.random_sample((n, 1, 1)) - 1)
        rows, columns = self.grid
        centre = (self.shape[0] - 1) / 2, (self.shape[1] - 1) / 2
        down, right = rows - centre[0], columns - centre[1]
        # the place that the turned image's pixel came from: turned back
        cos, sin = np.cos(angle), np.sin(angle)
        return centre[0] + cos * down + sin * right, centre[1] - sin * down + cos * right


@dataclass(frozen=True)
class Elastic(_OfImages, name="elastic"):
    """Each image bent: pixels move by a smooth random field of `strength` pixels (Simard, Steinkraus & Platt 2003).

    The field is white noise smoothed by a Gaussian of `sigma` pixels, scaled so that the root of the mean square of
    each component is `strength`: sigmas as long as a stroke is thick tremble, longer ones slant and stretch.
    """

    strength: float = 0.5
    sigma: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive("Elastic", "strength", self.strength)
        _positive("Elastic", "sigma", self.sigma)

    def moved(self, n: int, source: Source) -> tuple[Any, Any]:
        height, width = self.shape
        noise = source.standard_normal((n, 2, height, width))
        field = self.strength * (_smoother(height, self.sigma) @ noise @ _smoother(width, self.sigma).T)
        rows, columns = self.grid
        return rows + field[:, 0], columns + field[:, 1]


def _smoother(length: int, sigma: float) -> Floats:
    """(length, length): row i weights the others by a Gaussian around i, with squares of sum 1.

    So white noise of variance 1 stays of variance 1 when it is smoothed, at the border, too.
    """
    apart = np.subtract.outer(np.arange(length), np.arange(length))
    kernel = np.exp(-0.5 * (apart / sigma) ** 2)
    return np.asarray(kernel / np.sqrt((kernel**2).sum(axis=1, keepdims=True)))


def _sampled(images: Array, rows: Any, columns: Any) -> Array:
    """The values of images (n, H, W, C) at fractional places (n, H, W), by bilinear interpolation; 0 outside."""
    n, height, width, channels = images.shape
    shape = (n, height, width)
    framed = np.zeros((n, height + 2, width + 2, channels), images.dtype)
    framed[:, 1:-1, 1:-1] = images
    r = np.clip(np.broadcast_to(rows, shape) + 1, 0, height + 1)
    c = np.clip(np.broadcast_to(columns, shape) + 1, 0, width + 1)
    top, left = np.minimum(r.astype(np.int64), height), np.minimum(c.astype(np.int64), width)
    down, right = (r - top)[..., None].astype(images.dtype), (c - left)[..., None].astype(images.dtype)
    flat = framed.reshape(-1, channels)
    at = (np.arange(n)[:, None, None] * (height + 2) + top) * (width + 2) + left
    above = flat[at] * (1 - right) + flat[at + 1] * right
    below = flat[at + width + 2] * (1 - right) + flat[at + width + 3] * right
    return np.asarray(above * (1 - down) + below * down)


def _blocks(n: int, pixels: int) -> Iterator[slice]:
    """Neighbouring rows, about BLOCK pixels at once."""
    step = max(BLOCK // pixels, 1)
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def _positive(where: str, name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ArgumentError(f"{where}: {name} is {value!r}, expected a number > 0")
