"""MNIST and Fashion-MNIST: 70,000 images of 28 x 28 grey pixels in ten classes, from their IDX files.

The files are looked for on this machine and only then downloaded; what is downloaded is checked by SHA-256. Files that
are found may be plain or .gz and need not be the published ones: their format is checked, not their checksum.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError
from . import cache, download, idx
from .dataset import Dataset

FILENAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True)
class Source:
    """Where one of the two data sets comes from. `files` in the order of FILENAMES."""

    name: str
    mirrors: tuple[str, ...]
    files: tuple[download.RemoteFile, ...]
    target_names: tuple[str, ...]
    description: str


def _remote(*entries: tuple[int, str]) -> tuple[download.RemoteFile, ...]:
    return tuple(
        download.RemoteFile(f"{name}.gz", size, sha256) for name, (size, sha256) in zip(FILENAMES, entries, strict=True)
    )


MNIST = Source(
    name="mnist",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    files=_remote(
        (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    target_names=tuple("0123456789"),
    description="Handwritten digits, ink = 1 on paper = 0, centred by mass in 28 x 28 pixels. "
    "LeCun, Cortes and Burges (1998), from the digits of 500 writers collected by NIST.",
)

FASHION_MNIST = Source(
    name="fashion-mnist",
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    files=_remote(
        (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
    target_names=(
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    description="Articles of clothing, 28 x 28 grey pixels, 0 = background. Xiao, Rasul and Vollgraf (2017).",
)


def load(
    source: Source,
    *,
    data_dir: str | Path | None = None,
    allow_download: bool = True,
    progress: download.Progress | None = None,
) -> Dataset:
    """The 60,000 training and 10,000 test images as float32 rows of 784 values in 0 .. 1, labels 0 .. 9.

    Searched: `data_dir` if it is given, and nowhere else; otherwise `$FORWARDNET_DATA`, the user's cache, the mirrors.
    `progress(file name, bytes done, bytes in all)` is called while downloading.
    Raises FileFormatError for files that are missing or damaged.
    """
    train_images, train_labels, test_images, test_labels = locate(source, data_dir, allow_download, progress)
    X, y = idx.read_pair(train_images, train_labels)
    X_test, y_test = idx.read_pair(test_images, test_labels)
    if X.shape[1:] != X_test.shape[1:]:
        raise FileFormatError(
            f"{test_images}: images of {X_test.shape[1:]} pixels, but those of {train_images} have {X.shape[1:]}"
        )
    height, width = X.shape[1:]
    return Dataset(
        name=source.name,
        X=_rows(X),
        y=y,
        feature_names=tuple(f"pixel_{r}_{c}" for r in range(height) for c in range(width)),
        target_names=source.target_names,
        task="classification",
        description=source.description,
        X_test=_rows(X_test),
        y_test=y_test,
        image_shape=(height, width),
        input_scale=255.0,
    )


def locate(
    source: Source, data_dir: str | Path | None, allow_download: bool, progress: download.Progress | None
) -> list[Path]:
    """Paths of the four files, in the order of FILENAMES; downloaded into the cache if they are nowhere."""
    folders = cache.search_folders(source.name, data_dir)
    found = cache.find_all(FILENAMES, folders)
    if found is not None:
        return found
    searched = ", ".join(str(folder) for folder in folders)
    absent = f"{source.name}: no folder has the files {', '.join(f'{name}.gz' for name in FILENAMES)}"
    if data_dir is not None or not allow_download:
        raise FileFormatError(f"{absent}; searched: {searched}", hint=_hint(data_dir))
    folder = cache.cache_folder(source.name)
    try:
        return [download.fetch(file, source.mirrors, folder, progress=progress) for file in source.files]
    except FileFormatError as error:
        raise FileFormatError(f"{absent}; searched: {searched}; {error.message}", hint=_hint(data_dir)) from error


def _hint(data_dir: str | Path | None) -> str:
    if data_dir is not None:
        return "the files may also be unpacked (without .gz); leave the folder out to search elsewhere and download"
    return "with a network they are downloaded; without one, put them into a folder and name it in FORWARDNET_DATA"


def _rows(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images (n, height, width) of 0 .. 255 as rows of 0 .. 1."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows /= 255.0
    return rows
