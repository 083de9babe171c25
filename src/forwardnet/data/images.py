"""Images from files: a folder for each class, or one file to be asked about. Pillow reads them; matplotlib brings it.

    pictures/cat/1.png  pictures/cat/2.jpg  pictures/dog/7.png  ...

Axis glossary: n images, h height, w width.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forwardnet.data.dataset import Dataset
from forwardnet.errors import ArgumentError, DataError, FileFormatError, MissingFileError, unknown_name

Array = NDArray[Any]

# Ending -> the one format it may hold. Formats that are programs (PostScript) are not among them.
FORMATS = {
    **dict.fromkeys((".png",), "PNG"),
    **dict.fromkeys((".jpg", ".jpeg"), "JPEG"),
    **dict.fromkeys((".bmp",), "BMP"),
    **dict.fromkeys((".gif",), "GIF"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".webp",), "WEBP"),
    **dict.fromkeys((".pgm", ".ppm", ".pbm", ".pnm"), "PPM"),
}
COLORS = ("auto", "grey", "rgb")
# Images are brought to this height and width unless they all have one size of at most `LARGEST` on a side.
USUAL_SIZE, LARGEST = 32, 64
# A small file can claim any size; larger claims are not unpacked.
MOST_PIXELS = 50_000_000
MOST_NAMED = 5
# The tag of a camera's orientation, and the first of its values where height and width are exchanged.
_ORIENTATION, _SIDEWAYS = 0x0112, 5


class _Image(NamedTuple):
    """One decoded image: pixels (h, w, 3) from 0 to 255, and what it was before."""

    pixels: NDArray[np.float32]
    original: tuple[int, int]
    is_animated: bool


def load_image_folder(
    path: str | os.PathLike[str], size: int | tuple[int, int] | None = None, color: str = "auto"
) -> Dataset:
    """The images below `path`, in one folder for each class, as rows of pixels from 0 to 1.

    `size`: a side, or (height, width), that all are brought to, without keeping proportions; None: their own if they
    have one size of at most 64, else 32. `color`: "grey", "rgb", or "auto" for grey where no image has colours. Images
    are turned as their camera held them (EXIF), laid on white where they are transparent, and of moving ones the first
    is taken. Other files are passed over, hidden ones silently.

    X is float32 (n, h w) or, with colours, (n, h w 3), the three of a pixel side by side; `image_shape` is (h, w) or
    (h, w, 3).

    Raises:
        DataError: there are not two classes, a class is empty, or images are broken (by name).
        FileFormatError: `path` is not a folder.
    """
    root = Path(path)
    wanted = _checked_size(size)
    if color not in COLORS:
        raise unknown_name("color", color, COLORS)
    files, passed_over = _files_of(root)
    shape = wanted or _common_size(file for members in files.values() for file in members)
    read = [_read_all(members, root, shape) for members in files.values()]
    every = [image for group in read for image in group]
    X = np.stack([image.pixels for image in every])
    is_grey = color == "grey" or (color == "auto" and _is_grey(every))
    if is_grey:
        X = X @ GREY
    names = tuple(files)
    image_shape = shape if is_grey else (*shape, 3)
    notes = _notes(every, passed_over, is_grey, shape)
    return Dataset(
        name=root.resolve().name,
        X=np.ascontiguousarray(X.reshape(len(X), -1) / 255, np.float32),
        y=np.repeat(np.arange(len(names)), [len(group) for group in read]).astype(np.int64),
        feature_names=_pixel_names(image_shape),
        target_names=names,
        task="classification",
        description=f"images of {len(names)} classes, {notes}",
        image_shape=image_shape,
        input_scale=255.0,
    )


def load_image(path: str | os.PathLike[str], image_shape: Sequence[int]) -> NDArray[np.float32]:
    """One image file as a row (1, d) of pixels from 0 to 1, brought to the shape (h, w) or (h, w, 3) of a model."""
    shape = tuple(int(side) for side in image_shape)
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] != 3):
        raise ArgumentError(f"image_shape is {shape}, expected (height, width) or (height, width, 3)")
    pixels = _read(Path(path), (shape[0], shape[1])).pixels
    return np.ascontiguousarray((pixels if len(shape) == 3 else pixels @ GREY).reshape(1, -1) / 255, np.float32)


def is_image_file(path: str | os.PathLike[str]) -> bool:
    """Whether the name has the ending of an image."""
    return Path(path).suffix.lower() in FORMATS


# Rec. ITU-R BT.601: how much red, green and blue make of the brightness.
GREY = np.array([0.299, 0.587, 0.114], np.float32)


def _files_of(root: Path) -> tuple[dict[str, list[Path]], int]:
    """Image files by class, classes and files in the order of their names; and how many other files there are."""
    if not root.is_dir():
        raise FileFormatError(f"{os.fspath(root)!r} is not a folder", hint="give a folder with a folder for each class")
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    loose = [p for p in root.iterdir() if p.is_file() and is_image_file(p)]
    if len(folders) < 2:
        found = f"only the folder {folders[0].name!r}" if folders else "no folders"
        if loose and not folders:
            found = f"{len(loose)} images and no folders"
        raise DataError(
            f"{os.fspath(root)!r} has {found}, expected one folder of images for each of at least two classes",
            hint="put the images of each class into a folder of its own: cats/, dogs/",
        )
    files, others = {}, len(loose)
    for folder in folders:
        inside = sorted(p for p in folder.iterdir() if not p.name.startswith(".") and not p.is_dir())
        own = [p for p in inside if is_image_file(p)]
        others += len(inside) - len(own)
        if not own:
            endings = ", ".join(sorted(FORMATS))
            raise DataError(
                f"{os.fspath(folder)!r} has no image ({len(inside)} other files), expected {endings}",
                hint="remove the folder, or put images into it",
            )
        _check_links(own, root)
        files[folder.name] = own
    return files, others


def _check_links(files: Sequence[Path], root: Path) -> None:
    """A link may lead to another image of the folder, not out of it: a folder that was sent must not read others."""
    home = root.resolve()
    for file in files:
        if file.is_symlink() or file.parent.is_symlink():
            target = file.resolve()
            if target.exists() and not target.is_relative_to(home):
                raise DataError(f"{os.fspath(file)!r} is a link out of the folder", hint="copy the image to its place")


def _read_all(files: Sequence[Path], root: Path, size: tuple[int, int]) -> list[_Image]:
    """The images of a class; broken ones are named together."""
    images, broken = [], []
    for file in files:
        try:
            images.append(_read(file, size))
        except FileFormatError as error:
            broken.append((file, error))
    if broken:
        first = broken[0][1].message
        others = ", ".join(repr(os.fspath(file.relative_to(root))) for file, _ in broken[1:MOST_NAMED])
        more = f"; also {others}" if others else ""
        rest = f" and {len(broken) - MOST_NAMED} more" if len(broken) > MOST_NAMED else ""
        raise DataError(f"{first}{more}{rest}", hint="repair or remove what is broken")
    return images


def _read(path: Path, size: tuple[int, int]) -> _Image:
    """Decode one file and bring it to `size`."""
    from PIL import Image, ImageOps

    where = os.fspath(path)
    if not is_image_file(path):
        raise FileFormatError(f"{where!r} is no image", hint=f"expected {', '.join(sorted(FORMATS))}")
    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes; they are checked here, before anything is unpacked.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=[FORMATS[path.suffix.lower()]]) as file:
                if file.width * file.height > MOST_PIXELS:
                    raise FileFormatError(
                        f"{where!r} claims {file.width} x {file.height} pixels, expected at most {MOST_PIXELS:,}"
                    )
                is_animated = getattr(file, "n_frames", 1) > 1
                file.seek(0)
                turned = ImageOps.exif_transpose(file)
                original = (turned.height, turned.width)
                pixels = _pixels(turned, where)
    except FileFormatError:
        raise
    except Image.DecompressionBombError:
        raise FileFormatError(f"{where!r} claims more pixels than the {MOST_PIXELS:,} that are unpacked") from None
    except FileNotFoundError:
        raise MissingFileError(f"{where!r}: no such file, or a link to none") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, ArithmeticError, KeyError) as error:
        # The decoders of damaged files raise whatever their arithmetic meets.
        reason = str(error).replace(where, "").strip(" '\"") or type(error).__name__
        raise FileFormatError(f"{where!r} cannot be read as an image: {reason[:120]}") from None
    return _Image(_resized(pixels, size), original, is_animated)


def _pixels(image: Any, where: str) -> NDArray[np.float32]:
    """(h, w, 3) from 0 to 255, on white where the image is transparent."""
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, np.float64)
        if image.mode == "F" or values.min() < 0 or values.max() > 65535:
            raise FileFormatError(
                f"{where!r} has values from {values.min():g} to {values.max():g}, expected 8 or 16 bits"
            )
        return np.repeat((values / 257).astype(np.float32)[:, :, None], 3, axis=2)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"), np.float32)


def _resized(pixels: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """(h, w, 3) of another size: each new pixel the mean of what it covers, or between its neighbours."""
    if pixels.shape[:2] == shape:
        return pixels
    from PIL import Image

    channels = [Image.fromarray(np.ascontiguousarray(pixels[:, :, c]), mode="F") for c in range(3)]
    small = [np.asarray(c.resize((shape[1], shape[0]), Image.Resampling.BILINEAR), np.float32) for c in channels]
    return np.stack(small, axis=2)


def _common_size(files: Iterable[Path]) -> tuple[int, int]:
    """The size that all images have if it is small, else the usual one; from their headers alone."""
    sizes = {_claimed_size(file) for file in files} - {None}
    common = sizes.pop() if len(sizes) == 1 else None
    return common if common is not None and max(common) <= LARGEST else (USUAL_SIZE, USUAL_SIZE)


def _claimed_size(path: Path) -> tuple[int, int] | None:
    """(height, width) by the header; None where there is none to be read, which is told when the image is."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=[FORMATS[path.suffix.lower()]]) as file:
                is_turned = file.getexif().get(_ORIENTATION, 1) >= _SIDEWAYS
                return (file.width, file.height) if is_turned else (file.height, file.width)
    except Exception:  # the decoders of damaged files raise whatever their arithmetic meets
        return None


def _is_grey(images: Sequence[_Image]) -> bool:
    return all(bool((image.pixels == image.pixels[..., :1]).all()) for image in images)


def _notes(images: Sequence[_Image], passed_over: int, is_grey: bool, shape: tuple[int, int]) -> str:
    """What was done to the images, in words."""
    words = [f"{len(images):,} in all", "grey" if is_grey else "in colours"]
    changed = sum(image.original != shape for image in images)
    words.append(f"{changed:,} resized to {shape[0]} x {shape[1]}" if changed else f"{shape[0]} x {shape[1]} pixels")
    moving = sum(image.is_animated for image in images)
    words += [f"the first picture of {moving:,} moving ones"] * bool(moving)
    words += [f"{passed_over:,} other files passed over"] * bool(passed_over)
    return ", ".join(words)


def _pixel_names(shape: tuple[int, ...]) -> tuple[str, ...]:
    places = [f"pixel {row},{column}" for row in range(shape[0]) for column in range(shape[1])]
    if len(shape) == 2:
        return tuple(places)
    return tuple(f"{place} {channel}" for place in places for channel in ("red", "green", "blue"))


def _checked_size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = (size, size) if isinstance(size, int | np.integer) and not isinstance(size, bool) else size
    is_pair = isinstance(sides, tuple | list) and len(sides) == 2
    if not is_pair or not all(isinstance(s, int | np.integer) and 1 <= s <= 4096 for s in sides):
        raise ArgumentError(f"size is {size!r}, expected a whole number of pixels, or (height, width), from 1 to 4096")
    return int(sides[0]), int(sides[1])
