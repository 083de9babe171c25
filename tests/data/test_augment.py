"""Augmentation: what each does to a row, that it is a function of seed and epoch, and that meanings stay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from forwardnet.data import augment

RNG = np.random.default_rng(0)
IMAGES = RNG.random((50, 8, 6)).astype("float32")
ROWS = IMAGES.reshape(50, 48)
PLACE = (8, 6)

MAKE: dict[str, Any] = {
    "jitter": lambda: augment.Jitter(0.1),
    "mixup": lambda: augment.Mixup(0.4),
    "shift": lambda: augment.Shift(PLACE, pixels=2),
    "rotate": lambda: augment.Rotate(PLACE, degrees=30),
    "elastic": lambda: augment.Elastic(PLACE, strength=1.0),
}


def targets_of_classes() -> Any:
    return np.eye(3, dtype="float32")[np.arange(50) % 3]


def test_all_of_the_registry_are_here() -> None:
    assert set(MAKE) == set(augment.AUGMENTATIONS)


@pytest.mark.parametrize("name", MAKE)
def test_the_same_epoch_gives_the_same_rows_and_another_one_others(name: str) -> None:
    change = MAKE[name]()
    before = ROWS.copy()
    X, y = change(ROWS, targets_of_classes(), seed=1, epoch=3)
    again, _ = change(ROWS, targets_of_classes(), seed=1, epoch=3)
    assert X.shape == ROWS.shape and X.dtype == ROWS.dtype and y.shape == (50, 3) and y.dtype == np.float32
    assert np.array_equal(X, again) and np.array_equal(ROWS, before) and np.isfinite(X).all()
    for other in ({"seed": 1, "epoch": 4}, {"seed": 2, "epoch": 3}):
        assert not np.array_equal(change(ROWS, targets_of_classes(), **other)[0], X)
    assert (X != ROWS).any(axis=1).mean() > 0.8


@pytest.mark.parametrize("name", sorted(set(MAKE) - {"mixup"}))
def test_a_row_changes_alike_in_any_company_and_targets_stay(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change, labels = MAKE[name](), np.arange(50)
    X, y = change(ROWS, labels, seed=1)
    assert y is labels
    few, nothing = change(ROWS[:7], seed=1)
    assert np.array_equal(few, X[:7]) and nothing is None
    monkeypatch.setattr(augment, "BLOCK", 100)
    assert np.array_equal(change(ROWS, labels, seed=1)[0], X), "also when worked on in small blocks"
    double = change(ROWS.astype("float64"), seed=1)[0]
    np.testing.assert_allclose(double, X, atol=1e-5)  # float32
    assert change(ROWS[:0])[0].shape == (0, 48)


# ---------------------------------------------------------------- rows of numbers


def test_RG16_RG17_jitter_adds_noise_of_the_right_size() -> None:
    X = np.full((4000, 3), 5.0)
    noise = augment.Jitter((0.1, 0.5, 0.0))(X)[0] - X
    # 4000 draws: the standard deviation is known to 1.1 %
    np.testing.assert_allclose(noise.std(axis=0), [0.1, 0.5, 0.0], rtol=0.05)
    assert abs(noise.mean(axis=0)).max() < 0.04


def test_mixup_draws_between_two_rows_and_their_targets() -> None:
    X, y = np.arange(2000.0).reshape(-1, 1), np.arange(2000.0)
    mixed, targets = augment.Mixup(1.0)(X, y)
    np.testing.assert_allclose(mixed[:, 0], targets, rtol=1e-12)
    for alpha in (0.1, 1.0):
        shares = augment.Mixup(alpha)(np.eye(2000), y)[0]
        assert ((shares > 0).sum(axis=1) <= 2).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
        # Beta(a, a): mean 1/2 and variance 1 / (4 (2 a + 1)); 2000 draws
        assert shares.diagonal().mean() == pytest.approx(0.5, abs=0.05)
        assert shares.diagonal().var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)
    probabilities = augment.Mixup(0.4)(ROWS, targets_of_classes())[1]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    for wrong, said in ((None, "there is none"), (np.arange(50), "it has dtype int64")):
        with pytest.raises(TypeError, match=rf"y is mixed as well, and {said}.*\nhint: of class .*ff.one_hot"):
            augment.Mixup()(ROWS, wrong)


# ---------------------------------------------------------------- images


def shifted(image: Any, down: int, right: int) -> Any:
    """The image moved by whole pixels, by the indices."""
    height, width = image.shape[:2]
    new = np.zeros_like(image)
    for i in range(height):
        for j in range(width):
            if 0 <= i - down < height and 0 <= j - right < width:
                new[i, j] = image[i - down, j - right]
    return new


def test_RG17_a_shift_moves_whole_pixels_each_way_equally_often() -> None:
    X, _ = augment.Shift(PLACE, pixels=1)(np.repeat(ROWS[:1], 900, axis=0))
    moves = {(down, right): shifted(IMAGES[0], down, right).ravel() for down in (-1, 0, 1) for right in (-1, 0, 1)}
    counts = {move: int((X == image).all(axis=1).sum()) for move, image in moves.items()}
    assert sum(counts.values()) == 900
    # 100 expected of each, standard deviation 9.4
    assert min(counts.values()) > 55 and max(counts.values()) < 145


def test_channels_and_unflattened_images_move_alike() -> None:
    images = RNG.random((20, 8, 6, 3))
    change = augment.Shift(PLACE, pixels=2)
    X = change(images)[0]
    assert X.shape == images.shape
    for channel in range(3):
        np.testing.assert_array_equal(change(images[..., channel])[0], X[..., channel])
    np.testing.assert_array_equal(change(images.reshape(20, -1))[0], X.reshape(20, -1))


class Fixed(augment.Rotate):
    """A rotation by just `degrees`."""

    def moved(self, n: int, source: Any) -> tuple[Any, Any]:
        class One:
            @staticmethod
            def random_sample(shape: Any) -> Any:
                return np.ones(shape)

        return super().moved(n, One())  # type: ignore[arg-type]


def test_RG17_a_rotation_turns_about_the_centre() -> None:
    image = RNG.random((1, 7, 7))
    quarter = Fixed((7, 7), degrees=90)(image)[0][0]
    np.testing.assert_allclose(quarter, np.rot90(image[0], k=1), atol=1e-12)  # counterclockwise
    half = Fixed((7, 7), degrees=180)(image)[0][0]
    np.testing.assert_allclose(half, image[0, ::-1, ::-1], atol=1e-12)
    # a smooth blob turned by any angle is the blob turned, up to interpolation
    r, c = np.mgrid[-15:16, -15:16] / 5.0
    blob = np.exp(-((r - 1) ** 2) - c**2)[None]
    turned = Fixed((31, 31), degrees=30)(blob)[0][0]
    a = math.radians(30)
    # what was below the centre goes to below and right: (1, 0) -> (cos a, sin a)
    expected = np.exp(-((r - math.cos(a)) ** 2) - (c - math.sin(a)) ** 2)
    assert np.abs(turned - expected).max() < 0.02  # second differences / 8 of the blob at this grid: 0.01


def test_rotations_use_the_whole_range_of_angles() -> None:
    r, c = np.mgrid[-10:11, -10:11].astype(float)
    image = np.exp(-(((r - 6) ** 2 + c**2) / 4))
    X = augment.Rotate((21, 21), degrees=40)(np.repeat(image[None], 2000, axis=0))[0]
    weight = X.sum(axis=(1, 2))
    angle = np.degrees(np.arctan2((X * c).sum(axis=(1, 2)) / weight, (X * r).sum(axis=(1, 2)) / weight))
    assert -41 < angle.min() < -38 and 38 < angle.max() < 41
    assert angle.std() == pytest.approx(80 / math.sqrt(12), rel=0.05)  # uniform, 2000 draws


def test_RG17_an_elastic_field_is_smooth_and_of_the_strength_asked_for() -> None:
    change = augment.Elastic((20, 20), strength=1.5, sigma=4.0)
    up, left = change.moved(400, np.random.RandomState(0))
    rows, columns = change.grid
    for field in (up - rows, left - columns):
        # 400 images of some 2 independent patches each way: standard error below 2 %, at the border as well
        assert field.std() == pytest.approx(1.5, rel=0.06) and abs(field.mean()) < 0.15
        assert field[:, 0].std() == pytest.approx(1.5, rel=0.12)
        # neighbours of white noise smoothed by sigma correlate as exp(-1 / (4 sigma^2)) = 0.984
        correlation = (field[:, :, 1:] * field[:, :, :-1]).mean() / (field**2).mean()
        assert correlation == pytest.approx(math.exp(-1 / 64), abs=0.01)


def test_small_changes_leave_digits_what_they_are() -> None:
    """The nearest of the original digits is one of the same class, as it is between different digits."""
    from forwardnet.data import datasets

    data = datasets.load("digits")
    change = augment.Chain(augment.Rotate((8, 8), 10), augment.Elastic((8, 8), 0.3), augment.Jitter(0.02))
    X = change(data.X[:300])[0]
    apart = ((X[:, None] - data.X[None]) ** 2).sum(axis=2)
    assert (data.y[apart.argmin(axis=1)] == data.y[:300]).mean() > 0.97


# ---------------------------------------------------------------- chains and refusals


def test_a_chain_is_its_parts_and_two_of_a_kind_differ() -> None:
    one = augment.Jitter(0.1)
    X = augment.Chain(one, one)(np.zeros((5000, 1)))[0]
    # independent noise: variances add. The same noise twice would have standard deviation 0.2
    assert X.std() == pytest.approx(0.1 * math.sqrt(2), rel=0.05)
    first, second = augment.Chain(one, augment.Shift(PLACE)), augment.Chain(augment.Shift(PLACE), one)
    assert not np.array_equal(first(ROWS)[0], second(ROWS)[0])
    assert repr(first) == "Chain(Jitter(std=0.1), Shift(shape=(8, 6), pixels=1))"
    assert np.array_equal(augment.Chain()(ROWS)[0], ROWS)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: augment.Jitter(-1), r"Jitter: std is -1, expected numbers >= 0"),
        (lambda: augment.Jitter((0.1, 0.2))(ROWS), r"std has shape \(2,\), which does not fit X with shape \(50, 48\)"),
        (lambda: augment.Mixup(0), r"Mixup: alpha is 0, expected a number > 0"),
        (lambda: augment.Shift(PLACE, pixels=0.5), r"Shift: pixels is 0.5, expected a whole number >= 0"),
        (lambda: augment.Shift(8), r"Shift: shape is 8, expected \(height, width\)"),
        (lambda: augment.Rotate((8, 8))(ROWS), r"X has shape \(50, 48\), expected rows of 8 x 8 pixels"),
        (lambda: augment.Rotate(PLACE, degrees=-3), r"Rotate: degrees is -3, expected a number > 0"),
        (lambda: augment.Elastic(PLACE, sigma=math.nan), r"Elastic: sigma is nan, expected a number > 0"),
        (lambda: augment.Shift(PLACE)(ROWS.astype(int)), r"Shift: X has dtype int64, expected a floating type"),
        (lambda: augment.Chain("shift"), r"Chain: got 'shift', expected augmentations"),
    ],
)
def test_what_cannot_be_used(make: Any, said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        make()
