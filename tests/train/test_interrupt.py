"""Ctrl-C: the first ends a fit cleanly with what was learnt, the second at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from forwardnet.train import Callback, EarlyStopping
from forwardnet.train.interrupt import Interrupts


class At(Callback):
    """Does something after a step."""

    def __init__(self, step, action):
        self.step, self.action = step, action
        self.weights = None

    def on_step_end(self, run):
        if run.step == self.step:
            self.weights = [p.detach().numpy().copy() for p in run.model.parameters()]
            self.action()


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def raise_it():
    raise KeyboardInterrupt


@pytest.mark.parametrize("action", [press_ctrl_c, raise_it])
def test_the_first_keeps_what_was_learnt(trainer, line, action):
    t = trainer(2, 1)
    at = At(5, action)
    history = t.fit(*line, epochs=9, batch_size=25, callbacks=[at], progress=False)
    assert history.stopped == "interrupted"
    assert history["epoch"].tolist() == [1, 2]
    assert history.steps["step"].tolist() == [1, 2, 3, 4, 5]
    for parameter, kept in zip(t.model.parameters(), at.weights, strict=True):
        np.testing.assert_array_equal(parameter.detach().numpy(), kept)
    assert not t.model.training
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interruption_after_the_last_step_of_an_epoch_keeps_the_epoch(trainer, line):
    history = trainer(2, 1).fit(*line, epochs=9, batch_size=25, callbacks=[At(4, press_ctrl_c)], progress=False)
    assert history["epoch"].tolist() == [1, 2]
    assert history.stopped == "interrupted"


def test_the_fit_can_go_on_after_an_interruption(trainer, line):
    t = trainer(2, 1)
    t.fit(*line, epochs=9, batch_size=25, callbacks=[At(5, press_ctrl_c)], progress=False)
    history = t.fit(*line, epochs=2, batch_size=25, progress=False)
    assert history["epoch"].tolist() == [3, 4]
    assert history.steps["step"].tolist() == [6, 7, 8, 9]
    assert history.stopped is None


def test_the_second_raises_at_once(trainer, line):
    ended = []

    class Twice(Callback):
        def on_step_end(self, run):
            press_ctrl_c()
            press_ctrl_c()
            ended.append("not reached")

        def on_train_end(self, run):
            ended.append(run.stopped)

    t = trainer(2, 1)
    with pytest.raises(KeyboardInterrupt):
        t.fit(*line, epochs=9, callbacks=[Twice()], progress=False)
    assert ended == ["interrupted"]
    assert t.history.stopped == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_best_weights_are_restored_after_an_interruption(trainer, line):
    class Worse(Callback):
        def on_epoch_end(self, run):
            run.logs["val_loss"] = float(run.epoch)
            if run.epoch == 1:
                self.weights = [p.detach().numpy().copy() for p in run.model.parameters()]

    worse = Worse()
    t = trainer(2, 1)
    callbacks = [worse, EarlyStopping(patience=50), At(5, press_ctrl_c)]
    t.fit(*line, epochs=9, batch_size=40, validation_split=0.2, callbacks=callbacks, progress=False)
    for parameter, kept in zip(t.model.parameters(), worse.weights, strict=True):
        np.testing.assert_array_equal(parameter.detach().numpy(), kept)


def test_a_program_that_handles_the_signal_itself_keeps_doing_so():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append("own"))
    try:
        with Interrupts(lambda: seen.append("ours")) as interrupts:
            press_ctrl_c()
        assert (seen, interrupts.count) == (["own"], 0)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_fit_in_another_thread_leaves_signals_alone(trainer, line):
    result = []
    thread = threading.Thread(target=lambda: result.append(trainer(2, 1).fit(*line, epochs=2, progress=False)))
    thread.start()
    thread.join(60)
    assert len(result[0]) == 2


SCRIPT = """
import sys, time
import numpy as np
import forwardnet as ff
from forwardnet import nn
from forwardnet.train import Trainer

class Slow:
    def on_step_end(self, run):
        if run.step == 3:
            print("ready", flush=True)
        time.sleep(0.02)

X = np.random.default_rng(0).standard_normal((100, 3)).astype("float32")
history = Trainer(nn.Linear(3, 1), "mse", "sgd").fit(X, X[:, 0], epochs=10**6, callbacks=[Slow()], progress=PROGRESS)
print("kept", history.stopped, len(history.steps["step"]) >= 3, flush=True)
"""


@pytest.mark.parametrize("progress", [True, False])
def test_ctrl_c_in_another_process(progress):
    script = textwrap.dedent(SCRIPT).replace("PROGRESS", str(progress))
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stdout is not None
        for text in process.stdout:
            if text == "ready\n":
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert err == ""
    assert process.returncode == 0
    assert out.endswith("kept interrupted True\n")
    assert ("interrupted after" in out) is progress


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGINT is ignored by a POSIX shell for what runs in the background")
def test_these_tests_do_not_hang_in_the_background() -> None:
    test = f"{os.path.abspath(__file__)}::test_an_interruption_after_the_last_step_of_an_epoch_keeps_the_epoch"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", test],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
