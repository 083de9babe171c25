"""Folders of images: every kind that a camera or a program writes, and every kind of damage by name."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forwardnet.data.images import MOST_PIXELS, load_image, load_image_folder
from forwardnet.errors import ArgumentError, DataError, FileFormatError, UnknownNameError

RAMP = (np.arange(64, dtype=np.uint8) * 4).reshape(8, 8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of two grey images, 8 x 8."""
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.fromarray(RAMP + i).save(tmp_path / name / f"{i}.png")
    return tmp_path


def test_a_folder_of_grey_images(folder: Path) -> None:
    data = load_image_folder(folder)
    assert data.X.shape == (4, 64) and data.X.dtype == np.float32 and data.image_shape == (8, 8)
    assert data.y.tolist() == [0, 0, 1, 1] and data.target_names == ("cat", "dog")
    assert np.allclose(data.X[0] * 255, RAMP.ravel(), atol=1e-4)  # float32
    assert "4 in all, grey, 8 x 8 pixels" in data.description


def test_colours_are_kept_side_by_side(folder: Path) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    Image.fromarray(red).save(folder / "cat" / "red.png")
    data = load_image_folder(folder)
    assert data.image_shape == (8, 8, 3) and data.X.shape == (5, 192)
    assert np.allclose(data.X[2].reshape(8, 8, 3)[3, 4] * 255, [200, 0, 0], atol=1e-4)
    assert data.feature_names[:3] == ("pixel 0,0 red", "pixel 0,0 green", "pixel 0,0 blue")
    grey = load_image_folder(folder, color="grey")
    assert np.allclose(grey.X[2] * 255, 0.299 * 200, atol=1e-3)
    assert load_image_folder(folder, color="rgb").image_shape == (8, 8, 3)


def test_sizes(folder: Path) -> None:
    assert load_image_folder(folder, size=4).image_shape == (4, 4)
    small = load_image_folder(folder, size=(2, 4))
    assert small.image_shape == (2, 4) and "4 resized to 2 x 4" in small.description
    # Each new pixel is a mean: that of all is kept.
    assert small.X[0].mean() * 255 == pytest.approx(RAMP.mean(), abs=2)
    Image.fromarray(np.zeros((300, 200), np.uint8)).save(folder / "dog" / "large.jpg")
    assert load_image_folder(folder).image_shape == (32, 32)


def one(folder: Path, name: str) -> np.ndarray:
    """The image `name` of class cat, 8 x 8 x 3, from 0 to 255."""
    data = load_image_folder(folder, size=8, color="rgb")
    names = sorted(p.name for p in (folder / "cat").iterdir())
    return data.X[names.index(name)].reshape(8, 8, 3) * 255


def test_cameras_that_were_held_sideways(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(RAMP).save(folder / "cat" / "turned.png", exif=exif)
    assert np.allclose(one(folder, "turned.png")[..., 0], np.rot90(RAMP, -1), atol=1e-3)


def test_transparent_images_lie_on_white(folder: Path) -> None:
    clear = np.zeros((8, 8, 4), np.uint8)
    clear[:4, :, 3] = 255
    Image.fromarray(clear).save(folder / "cat" / "clear.png")
    found = one(folder, "clear.png")
    assert np.allclose(found[:4], 0) and np.allclose(found[4:], 255, atol=1e-3)


def test_sixteen_bits_palettes_and_bits(folder: Path) -> None:
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(folder / "cat" / "deep.png")
    assert np.allclose(one(folder, "deep.png")[..., 1], RAMP, atol=1e-3)
    painted = Image.new("P", (8, 8), 1)
    painted.putpalette([0, 0, 0, 10, 20, 30])
    painted.save(folder / "cat" / "painted.png")
    assert np.allclose(one(folder, "painted.png"), [10, 20, 30], atol=1e-3)
    painted.save(folder / "cat" / "glass.png", transparency=1)
    assert np.allclose(one(folder, "glass.png"), 255, atol=1e-3)
    Image.fromarray(RAMP > 100).save(folder / "cat" / "bits.png")
    assert set(np.unique(one(folder, "bits.png").round())) == {0, 255}
    Image.new("CMYK", (8, 8), (0, 0, 0, 255)).save(folder / "cat" / "print.jpg")
    assert one(folder, "print.jpg").max() < 60  # black, as far as JPEG keeps it


def test_of_moving_images_the_first_is_taken(folder: Path) -> None:
    frames = [Image.new("L", (8, 8), shade) for shade in (40, 200)]
    frames[0].save(folder / "cat" / "moving.gif", save_all=True, append_images=frames[1:])
    assert np.allclose(one(folder, "moving.gif"), 40, atol=1e-3)
    assert "first picture of 1 moving" in load_image_folder(folder).description


def test_other_files_are_passed_over(folder: Path) -> None:
    (folder / "cat" / "notes.txt").write_text("meow", encoding="utf-8")
    (folder / "cat" / ".DS_Store").write_bytes(b"x")
    (folder / ".git").mkdir()
    data = load_image_folder(folder)
    assert len(data.X) == 4 and "1 other files passed over" in data.description


def bomb(side: int) -> bytes:
    """A PNG of some bytes that claims to have side x side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8000, 12_000, 60_000])
def test_bombs_are_not_unpacked(folder: Path, side: int) -> None:
    assert side**2 > MOST_PIXELS
    (folder / "dog" / "bomb.png").write_bytes(bomb(side))
    with pytest.raises(DataError, match=r"bomb\.png' claims"):
        load_image_folder(folder)


def test_broken_files_are_named(folder: Path) -> None:
    whole = (folder / "cat" / "0.png").read_bytes()
    (folder / "cat" / "cut.png").write_bytes(whole[:-30])
    (folder / "cat" / "text.jpg").write_text("not an image", encoding="utf-8")
    (folder / "cat" / "wrong.gif").write_bytes(whole)
    (folder / "cat" / "empty.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        load_image_folder(folder)
    for name in ("cut.png", "text.jpg", "wrong.gif", "empty.png"):
        assert name in caught.value.message
    assert "\n" not in caught.value.message


def test_damaged_bytes_never_end_in_a_traceback(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for ending, options in ((".png", {}), (".jpg", {}), (".gif", {}), (".bmp", {}), (".tif", {}), (".webp", {})):
        path = tmp_path / f"image{ending}"
        Image.fromarray(np.stack([RAMP] * 3, axis=2)).save(path, **options)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            damaged = whole.copy()
            damaged[rng.integers(0, len(damaged), 4)] = rng.integers(0, 256, 4)
            path.write_bytes(damaged[: rng.integers(len(damaged) // 2, len(damaged) + 1)].tobytes())
            try:
                assert load_image(path, (8, 8)).shape == (1, 64)
            except FileFormatError as error:
                assert path.name in error.message


def test_links_out_of_the_folder_are_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    Image.fromarray(RAMP).save(outside)
    (folder / "cat" / "inside.png").symlink_to(folder / "dog" / "0.png")
    assert len(load_image_folder(folder).X) == 5
    (folder / "cat" / "link.png").symlink_to(outside)
    with pytest.raises(DataError, match=r"link\.png' is a link out of the folder"):
        load_image_folder(folder)
    (folder / "cat" / "link.png").unlink()
    (folder / "cat" / "nowhere.png").symlink_to(folder / "none.png")
    with pytest.raises(DataError, match=r"nowhere\.png': no such file"):
        load_image_folder(folder)


def test_folders_that_are_no_classes(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (folder / "bird").mkdir()
    with pytest.raises(DataError, match="bird' has no image"):
        load_image_folder(folder)
    with pytest.raises(FileFormatError, match="is not a folder"):
        load_image_folder(folder / "cat" / "0.png")
    with pytest.raises(DataError, match="2 images and no folders"):
        load_image_folder(folder / "cat")
    lonely = tmp_path_factory.mktemp("lonely")
    with pytest.raises(DataError, match="no folders"):
        load_image_folder(lonely)
    (lonely / "only").mkdir()
    with pytest.raises(DataError, match="only the folder 'only'"):
        load_image_folder(lonely)


def test_one_image_for_a_model(folder: Path) -> None:
    data = load_image_folder(folder)
    assert np.array_equal(load_image(folder / "cat" / "0.png", data.image_shape or ()), data.X[:1])
    assert load_image(folder / "cat" / "0.png", (4, 4, 3)).shape == (1, 48)
    with pytest.raises(FileFormatError, match="is no image"):
        load_image(folder / "cat", (8, 8))
    with pytest.raises(ArgumentError, match="image_shape"):
        load_image(folder / "cat" / "0.png", (8, 8, 4))


def test_settings_out_of_range_are_refused(folder: Path) -> None:
    with pytest.raises(ArgumentError, match="size is 0"):
        load_image_folder(folder, size=0)
    with pytest.raises(UnknownNameError, match="did you mean 'grey'"):
        load_image_folder(folder, color="gray")
