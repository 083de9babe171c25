"""MNIST and Fashion-MNIST: found, downloaded, or refused with the places that were searched."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.file_server import Behaviour, serve
from data.test_idx import encode
from forwardnet.data import datasets, idx, mnist
from forwardnet.data.download import RemoteFile
from forwardnet.data.mnist import FILENAMES
from forwardnet.errors import ArgumentError, FileFormatError

TRAIN = np.arange(6 * 16, dtype=np.uint8).reshape(6, 4, 4)
TEST = np.full((2, 4, 4), 255, dtype=np.uint8)
ARRAYS = (TRAIN, np.array([0, 1, 2, 9, 1, 0], dtype=np.uint8), TEST, np.array([3, 9], dtype=np.uint8))


def write_small(folder: Path, arrays: tuple[np.ndarray, ...] = ARRAYS, is_gzip: bool = True) -> Path:
    """Four small files of the right names and format."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(FILENAMES, arrays, strict=True):
        path = folder / (f"{name}.gz" if is_gzip else name)
        path.write_bytes(gzip.compress(encode(array)) if is_gzip else encode(array))
    return folder


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FORWARDNET_DATA", raising=False)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("is_gzip", [True, False])
@pytest.mark.parametrize("subfolder", [True, False])
def test_from_a_folder(tmp_path: Path, name: str, is_gzip: bool, subfolder: bool) -> None:
    write_small(tmp_path / "d" / name if subfolder else tmp_path / "d", is_gzip=is_gzip)
    data = datasets.load(name, data_dir=tmp_path / "d")
    assert data.name == name
    np.testing.assert_array_equal(data.X, TRAIN.reshape(6, 16).astype(np.float32) / np.float32(255))
    assert data.y.tolist() == [0, 1, 2, 9, 1, 0]
    assert data.X_test is not None
    assert data.y_test is not None
    assert data.X_test.min() == data.X_test.max() == 1.0
    assert data.y_test.tolist() == [3, 9]
    assert data.image_shape == (4, 4)
    assert data.input_scale == 255
    assert len(data.target_names) == 10


def test_from_the_environment_and_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small(tmp_path / "cache" / "data" / "mnist")
    assert datasets.load("mnist", allow_download=False).n_samples == 6
    three_only = tuple(a[:2] if len(a) == 2 else a[:3] for a in ARRAYS)
    write_small(tmp_path / "env" / "mnist", three_only)
    monkeypatch.setenv("FORWARDNET_DATA", str(tmp_path / "env"))
    assert datasets.load("mnist", allow_download=False).n_samples == 3, "the environment goes before the cache"


def test_a_folder_that_is_named_is_the_only_one(tmp_path: Path) -> None:
    write_small(tmp_path / "cache" / "data" / "mnist")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError) as caught:
        datasets.load("mnist", data_dir=tmp_path / "empty")
    message = str(caught.value)
    assert message.startswith("mnist: no folder has the files train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz")
    assert f"searched: {tmp_path / 'empty' / 'mnist'}, {tmp_path / 'empty'}\nhint: " in message


def small_source(mirror: str) -> tuple[mnist.Source, dict[str, bytes]]:
    """A source whose published files are the small ones."""
    contents = {f"{n}.gz": gzip.compress(encode(a), mtime=0) for n, a in zip(FILENAMES, ARRAYS, strict=True)}
    files = tuple(RemoteFile(n, len(c), hashlib.sha256(c).hexdigest()) for n, c in contents.items())
    return replace(mnist.MNIST, mirrors=(mirror,), files=files), contents


def test_downloaded_once_into_the_cache(tmp_path: Path) -> None:
    server = Behaviour({})
    seen: set[str] = set()
    with serve(server) as address:
        source, server.files = small_source(address)
        first = mnist.load(source, progress=lambda name, _done, _total: seen.add(name))
        second = mnist.load(source)
    assert len(server.seen) == 4
    assert seen == set(server.files)
    assert first.X.tobytes() == second.X.tobytes()
    assert (tmp_path / "cache" / "data" / "mnist" / "t10k-labels-idx1-ubyte.gz").is_file()


def test_no_network_says_where_it_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "env").mkdir()
    monkeypatch.setenv("FORWARDNET_DATA", str(tmp_path / "env"))
    source, _ = small_source("http://127.0.0.1:1/")  # nothing listens there
    with pytest.raises(FileFormatError) as caught:
        mnist.load(source)
    message = str(caught.value)
    for part in (*(f"{name}.gz" for name in FILENAMES), str(tmp_path / "env"), str(tmp_path / "cache")):
        assert part in message
    assert "http://127.0.0.1:1/train-images-idx3-ubyte.gz: Connection refused" in message
    assert message.endswith("without one, put them into a folder and name it in FORWARDNET_DATA")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    folder = write_small(tmp_path / "d")
    labels = folder / "t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(encode(np.array([3, 10], dtype=np.uint8))))
    with pytest.raises(FileFormatError, match=r"t10k-labels-idx1-ubyte\.gz: label 10 at row 1, expected 0 to 9"):
        datasets.load("mnist", data_dir=folder)
    write_small(folder, (*ARRAYS[:2], np.zeros((2, 5, 4), dtype=np.uint8), ARRAYS[3]))
    with pytest.raises(
        FileFormatError, match=r"t10k-images.*: images of \(5, 4\) pixels, but those of .* have \(4, 4\)"
    ):
        datasets.load("mnist", data_dir=folder)


def test_unknown_option() -> None:
    with pytest.raises(ArgumentError, match=r"'mnist' takes no option 'seed'\nhint: its options are data_dir, allow_"):
        datasets.load("mnist", seed=1)


def test_published_sizes_and_sums() -> None:
    for source in (mnist.MNIST, mnist.FASHION_MNIST):
        assert [file.name for file in source.files] == [f"{name}.gz" for name in FILENAMES]
        assert all(len(bytes.fromhex(file.sha256)) == 32 for file in source.files)
        assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in source.mirrors)
    # Labels hardly compress: 60,000 and 10,000 of ten kinds need at least log2(10)/8 bytes each.
    assert all(25_000 < source.files[1].size < 30_000 for source in (mnist.MNIST, mnist.FASHION_MNIST))


@pytest.mark.slow
def test_ds05_the_original_mnist(mnist_dir: Path) -> None:
    X, y = idx.read_pair(mnist_dir / "train-images-idx3-ubyte.gz", mnist_dir / "train-labels-idx1-ubyte.gz")
    assert X.shape == (60000, 28, 28)
    assert y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    # The published sums of the unpacked files.
    assert hashlib.sha256(encode(X)).hexdigest() == "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    packed = encode(y.astype(np.uint8))
    assert hashlib.sha256(packed).hexdigest() == "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    data = datasets.load("mnist", data_dir=mnist_dir)
    assert data.X_test is not None
    assert data.y_test is not None
    assert (data.X.shape, data.X_test.shape, len(data.y_test)) == ((60000, 784), (10000, 784), 10000)
    assert data.X.dtype == np.float32
    assert (data.X.min(), data.X.max()) == (0.0, 1.0)
    assert abs(float(data.X.mean(dtype=np.float64)) - 0.1307) < 5e-5  # the well-known mean, to its four decimals
    assert np.bincount(data.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
