"""TensorBoard files: read back by a reader of this test's own; where the tensorboard package is, by its reader too."""

from __future__ import annotations

import struct

import numpy as np
import pytest

import forwardnet as ff
from forwardnet.errors import ArgumentError, FileFormatError
from forwardnet.interop.event_file import EventFile, crc32c


def records(path) -> list[bytes]:
    """The records of a file; both checksums of each are looked at."""
    data, found, at = path.read_bytes(), [], 0

    def masked(part: bytes) -> int:
        crc = crc32c(part)
        return ((crc >> 15) | ((crc << 17) & 0xFFFFFFFF)) + 0xA282EAD8 & 0xFFFFFFFF

    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        assert struct.unpack_from("<I", data, at + 8)[0] == masked(data[at : at + 8])
        found.append(data[at + 12 : at + 12 + length])
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked(found[-1])
        at += 16 + length
    return found


def fields(message: bytes) -> list[tuple[int, object]]:
    """(number, value) of each field of a protobuf message."""
    found: list[tuple[int, object]] = []
    at = 0

    def varint() -> int:
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        number, kind = key >> 3, key & 7
        if kind == 0:
            found.append((number, varint()))
        elif kind == 2:
            size = varint()
            found.append((number, message[at : at + size]))
            at += size
        else:
            form, size = ("<d", 8) if kind == 1 else ("<f", 4)
            found.append((number, struct.unpack_from(form, message, at)[0]))
            at += size
    return found


def read(path) -> tuple[dict[str, dict[int, float]], dict[str, dict[int, dict]]]:
    """Scalars and histograms: tag -> step -> value."""
    first, *events = (dict(fields(r)) for r in records(path))
    assert first[3] == b"brain.Event:2" and first[1] > 1e9
    scalars: dict[str, dict[int, float]] = {}
    histograms: dict[str, dict[int, dict]] = {}
    for event in events:
        for _, value in fields(event[5]):
            own = dict(fields(value))
            into, content = (scalars, own[2]) if 2 in own else (histograms, dict(fields(own[5])))
            into.setdefault(own[1].decode(), {})[event.get(2, 0)] = content
    return scalars, histograms


def test_crc32c_of_known_strings():
    # RFC 3720, B.4, and the check value that catalogues of CRCs give for "123456789"
    known = {bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43, bytes(range(32)): 0x46DD794E, b"123456789": 0xE3069283}
    assert {data: crc32c(data) for data in known} == known


@pytest.mark.parametrize("compile", [True, False], ids=["compiled", "eager"])
def test_all_that_the_history_has_reads_back(tmp_path, trainer, blobs, compile):
    board = ff.TensorBoard(tmp_path / "run", steps=True, histograms=2)
    own = trainer(2, 8, 3, loss="cross_entropy", metrics=["accuracy"], compile=compile)
    for _ in range(2):
        history = own.fit(*blobs, epochs=3, batch_size=16, validation_split=0.2, callbacks=[board], progress=False)
        scalars, histograms = read(tmp_path / "run" / board.path.rsplit("/", 1)[1])
        assert set(scalars) == {*history.epochs, "step_loss"} - {"epoch"}
        epochs = history.epochs["epoch"].astype(int).tolist()
        for name, by_epoch in scalars.items():
            if name != "step_loss":
                assert by_epoch == dict(zip(epochs, history.epochs[name].astype(np.float32).tolist(), strict=True))
        losses = history.steps["loss"].astype(np.float32).tolist()
        last = own.steps_done
        assert scalars["step_loss"] == dict(zip(range(last - len(losses) + 1, last + 1), losses, strict=True))
    assert epochs == [4, 5, 6] and len(list((tmp_path / "run").iterdir())) == 2
    assert {tag: list(by) for tag, by in histograms.items()} == {name: [5] for name, _ in own.model.named_parameters()}


def test_epochs_of_one_native_call_are_written_one_by_one(tmp_path, trainer, blobs):
    board = ff.TensorBoard(tmp_path, steps=True)
    history = trainer(2, 8, 3, loss="cross_entropy").fit(
        *blobs, epochs=40, batch_size=16, callbacks=[board], progress=False
    )
    scalars, histograms = read(tmp_path / board.path.rsplit("/", 1)[1])
    assert not histograms and list(scalars["loss"]) == list(range(1, 41))
    assert list(scalars["loss"].values()) == history["loss"].astype(np.float32).tolist()
    steps = history.steps["loss"].astype(np.float32).tolist()
    assert scalars["step_loss"] == dict(zip(range(1, 161), steps, strict=True))


def test_histograms_hold_what_numpy_counts(tmp_path):
    values = np.random.default_rng(0).normal(size=(40, 5))
    values[0, 0] = np.nan
    file = EventFile(tmp_path)
    file.add(7, {}, {"w": values, "nothing": np.full(3, np.inf)})
    file.close()
    _, histograms = read(file.path)
    assert list(histograms) == ["w"]
    own, finite = histograms["w"][7], values[np.isfinite(values)]
    counts, edges = np.histogram(finite, bins=30)
    np.testing.assert_array_equal(np.frombuffer(own[6]), edges)
    np.testing.assert_array_equal(np.frombuffer(own[7]), [0, *counts])
    expected = [finite.min(), finite.max(), 199, finite.sum(), (finite**2).sum()]
    assert [own[k] for k in range(1, 6)] == pytest.approx(expected, rel=1e-12)  # sums of 199 doubles


def test_odd_numbers_and_names(tmp_path):
    file = EventFile(tmp_path)
    file.add(2**40, {"größe": float("nan"), "far": 1e300, "": -0.0})
    file.close()
    scalars, _ = read(file.path)
    assert np.isnan(scalars["größe"][2**40]) and scalars["far"][2**40] == np.inf and scalars[""][2**40] == 0


def test_two_files_of_one_second_do_not_meet(tmp_path):
    files = [EventFile(tmp_path) for _ in range(3)]
    for number, file in enumerate(files):
        file.add(1, {"n": number})
        file.close()
    assert [read(file.path)[0]["n"][1] for file in files] == [0, 1, 2]


def test_a_running_fit_can_be_followed_and_keeps_weights_in_native_code(tmp_path, trainer, line):
    seen = []

    class Follows(ff.Callback):
        looks_at_weights = False

        def on_epoch_end(self, run):
            seen.append(len(read(tmp_path / board.path.rsplit("/", 1)[1])[0]["loss"]))

    board = ff.TensorBoard(tmp_path)
    assert not board.looks_at_weights
    trainer(2, 1).fit(*line, epochs=3, callbacks=[board, Follows()], progress=False)
    assert seen == [1, 2, 3]


def test_refusals(tmp_path, trainer, line):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileFormatError, match=r"file.*no event file can be written there"):
        trainer(2, 1).fit(*line, epochs=1, callbacks=[ff.TensorBoard(tmp_path / "file")], progress=False)
    with pytest.raises(ArgumentError, match="TensorBoard: histograms"):
        ff.TensorBoard(histograms=-1)


def test_the_package_reads_the_same(tmp_path):
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="the tensorboard package is not installed"
    )
    values = np.random.default_rng(1).normal(size=5)
    file = EventFile(tmp_path)
    for step, value in enumerate(values):
        file.add(step, {"loss": value}, {"w": values})
    file.close()
    found = reader.EventAccumulator(str(tmp_path), size_guidance={reader.SCALARS: 0, reader.HISTOGRAMS: 0}).Reload()
    assert [(e.step, e.value) for e in found.Scalars("loss")] == list(enumerate(values.astype(np.float32).tolist()))
    assert found.Histograms("w")[0].histogram_value.num == 5
