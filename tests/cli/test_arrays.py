"""What is no file of arrays as arrays: columns of tables for models of arrays, IDX images, folders of images."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forwardnet.cli.arrays import idx_dataset, is_idx, read_columns
from forwardnet.errors import DataError, FileFormatError


def write_idx(path: Path, array: np.ndarray) -> None:
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


def stripes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 6 by 6 with a stripe: class 0 lies, class 1 stands."""
    y = np.arange(n) % 2
    images = np.zeros((n, 6, 6), np.uint8)
    for i in range(n):
        place = (i // 2) % 6
        images[i, place] = 255 if y[i] == 0 else 0
        images[i, :, place] |= 255 if y[i] else 0
    return images, y


def test_columns_of_a_table_in_the_order_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("b,a,c\n1.5,2,x\n,4,y\n")
    np.testing.assert_array_equal(read_columns(str(tmp_path / "t.csv"), ["a", "b"]), [[2, 1.5], [4, np.nan]])
    with pytest.raises(DataError, match="the column 'd' is missing, one of 1 of 2"):
        read_columns(str(tmp_path / "t.csv"), ["a", "d"])
    with pytest.raises(DataError, match="column 'c' has names such as 'x'"):
        read_columns(str(tmp_path / "t.csv"), ["c"])


def test_images_and_labels_in_idx_files_are_learnt(run: Any, tmp_path: Path) -> None:
    images, y = stripes(60)
    write_idx(tmp_path / "my-images-idx3-ubyte", images)
    assert is_idx(tmp_path / "my-images-idx3-ubyte") and not is_idx(tmp_path / "none")
    with pytest.raises(FileFormatError, match="no labels beside the images, expected 'my-labels-idx1-ubyte'"):
        idx_dataset(tmp_path / "my-images-idx3-ubyte")
    write_idx(tmp_path / "my-labels-idx1-ubyte", y)
    data = idx_dataset(tmp_path / "my-images-idx3-ubyte")
    assert (data.n_samples, data.n_features, data.image_shape, float(data.X.max())) == (60, 36, (6, 6), 1.0)
    options = ("--hidden", "8", "--epochs", "30", "--lr", "0.02", "--json", "--out", tmp_path / "run")
    found = run("train", tmp_path / "my-images-idx3-ubyte", *options).json
    assert found["figures"]["test"]["accuracy"] > 0.9  # six places for each class, all of them in the training part


def test_folders_of_images_are_learnt_and_predicted(run: Any, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="matplotlib brings pillow, which reads images")
    images, y = stripes(60)
    for i, pixels in enumerate(images):
        folder = tmp_path / "shapes" / ["lying", "standing"][y[i]]
        folder.mkdir(parents=True, exist_ok=True)
        image.fromarray(pixels).save(folder / f"{i}.png")
    options = ("--hidden", "8", "--epochs", "30", "--lr", "0.02", "--json", "--out", tmp_path / "run")
    found = run("train", tmp_path / "shapes", *options).json
    assert found["classes"] == ["lying", "standing"] and found["figures"]["test"]["accuracy"] > 0.9
    measured = run("evaluate", tmp_path / "run", tmp_path / "shapes", "--json").json
    assert measured["accuracy"] == found["figures"]["test"]["accuracy"] and measured["rows"] == 12
