"""A table that does not fit, from the file to a trained network: rows as when read at once, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from forwardnet.data.tables import TableEncoder, TableStream, TargetEncoder, read_table
from forwardnet.data.tables.encoded import encode_rows, learn_encoding
from forwardnet.data.tables.stream import LEAST
from forwardnet.errors import ForwardnetError


def write(path, n, d=3, digits=4):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    with path.open("w") as file:
        file.write(",".join(f"x{i}" for i in range(d)) + ",colour,y,price\n")
        for i, row in enumerate(X.tolist()):
            label = "" if i % 11 == 0 else ("high" if row[0] + row[1] > 0 else "low")
            numbers = ",".join(f"{value:.{digits}f}" for value in row)
            file.write(numbers + f",{'red' if i % 3 else 'blue'},{label},{row[0] * 3 + 1:.4f}\n")
    return path


@pytest.mark.parametrize(("target", "task"), [("y", "classification"), ("price", "regression")])
def test_the_rows_are_those_of_the_table_read_at_once(tmp_path, target, task):
    path = write(tmp_path / "t.csv", 2000)
    stream = TableStream(path, target=target)
    encoder, targets = TableEncoder(), TargetEncoder()
    learn_encoding(stream, encoder, targets)
    assert targets.task == task
    whole = read_table(path, target=target)
    whole = whole.take(~whole[target].is_missing)
    with encode_rows(stream, encoder, targets, folder=tmp_path / "rows") as store:
        X, y = np.empty((len(store), store.d), np.float32), np.empty(len(store), store.target_dtype)
        store.read(0, X, y)
    np.testing.assert_array_equal(X, encoder.transform(whole.drop([target])))
    np.testing.assert_array_equal(y, targets.transform(whole[target]))
    # All rows are in the sample here, so what was learnt is what the table read at once teaches.
    np.testing.assert_array_equal(X, TableEncoder().fit(whole.drop([target])).transform(whole.drop([target])))


def test_a_class_that_is_not_in_the_sample_is_known(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{i * 0.5},{'rare' if i == 12_345 else 'pq'[i % 2]}\n" for i in range(20_000)))
    stream = TableStream(path, target="y", memory_limit=LEAST)
    assert not (stream.sample["y"].values == stream.sample["y"].levels.index("rare")).any()
    encoder, targets = TableEncoder(), TargetEncoder()
    learn_encoding(stream, encoder, targets)
    with encode_rows(stream, encoder, targets, folder=tmp_path / "rows") as store:
        assert len(store) == 20_000 and store.targets == (0, 2)


def test_a_stream_without_a_target_is_refused(tmp_path):
    stream = TableStream(write(tmp_path / "t.csv", 50))
    with pytest.raises(ForwardnetError, match="no column is named as the target"):
        learn_encoding(stream, TableEncoder(), TargetEncoder())


PROGRAM = """
import json, sys, threading, time
import numpy as np
import forwardnet as ff
from forwardnet import nn
from forwardnet.data.tables import TableEncoder, TableStream, TargetEncoder
from forwardnet.data.tables.encoded import encode_rows, learn_encoding
from forwardnet.train.streamed import fit_stream

def anonymous():
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("RssAnon"))

def trainer(d):
    model = nn.Sequential(nn.Linear(d, 16), nn.ReLU(), nn.Linear(16, 2))
    adam = ff.optim.Adam(model.parameters(), lr=0.01)
    return ff.Trainer(model, "cross_entropy", adam, threads=1, measures_training=False)

def watch():
    while True:
        peak[0] = max(peak[0], anonymous())
        time.sleep(0.002)

path, limit = sys.argv[1], int(sys.argv[2])
X = np.random.default_rng(0).standard_normal((700, 33)).astype(np.float32)
trainer(33).fit(X, (X[:, 0] > 0).astype(np.int64), epochs=2, batch_size=256, progress=False)
TableStream(sys.argv[3], target="y")  # code and compiler are in memory now
base, peak = anonymous(), [0]
threading.Thread(target=watch, daemon=True).start()
stream = TableStream(path, target="y", memory_limit=limit)
encoder, targets = TableEncoder(), TargetEncoder()
learn_encoding(stream, encoder, targets)
with encode_rows(stream, encoder, targets) as store:
    fitted = trainer(store.d)
    history = fit_stream(fitted, store, epochs=2, batch_size=256, memory_limit=limit, progress=False)
    print(json.dumps({"peak": peak[0] - base, "rows": len(store), "bytes": store.row_bytes * len(store),
                      "loss": history["loss"].tolist()}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="anonymous memory is read from /proc")
def test_a_file_of_ten_times_the_memory_is_learnt_from_within_it(tmp_path, monkeypatch):
    limit = LEAST
    small = write(tmp_path / "small.csv", 2000, d=31, digits=27)  # long texts: a large file of few cells
    header, _, body = small.read_text().partition("\n")
    path = tmp_path / "t.csv"
    path.write_text(header + "\n" + 44 * body)
    assert path.stat().st_size > 10 * limit
    monkeypatch.setenv("FORWARDNET_CACHE", str(tmp_path / "cache"))
    arguments = [str(path), str(limit), str(small)]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["rows"] > 70_000 and found["bytes"] > limit
    assert found["peak"] < limit, f"{found['peak'] / 2**20:.1f} MB above what code takes"
    assert found["loss"][1] < found["loss"][0] < 0.4  # log 2 where nothing is learnt
