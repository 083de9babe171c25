"""The benchmark measures what it says: interleaved, the same work for all, and fit for a machine without peers."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import compare, reference, results  # noqa: E402
from benchmarks.compare import Result  # noqa: E402
from benchmarks.quiet import Quiet, busy_seconds, used_seconds  # noqa: E402
from benchmarks.rounds import Spread, interleave, ratio  # noqa: E402
from benchmarks.tasks import AIMS, TASKS, Task, problem  # noqa: E402
from benchmarks.team import FailedError, Member, Team  # noqa: E402

SMALL = Task("small", (3, 5, 4, 2), "tanh", 6, 4)


@pytest.mark.slow
def test_a_run_without_peers(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "bench.py"), "--quick", "--tasks", "tiny", "--only", "steps"]
    done = subprocess.run(
        [*command, "--peers", "torch,jax", "--threads", "1", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    for library in ("torch", "jax"):
        if importlib.util.find_spec(library) is None:
            assert f"takes no part: {library} is not installed" in done.stdout
    found = json.loads((tmp_path / "results.json").read_text())["results"]["tiny"]
    assert found["errors"] == {}
    assert {"forwardnet 1", "forwardnet-eager 1", "peak 1"} <= set(found["samples"])
    assert all(value > 0 for values in found["samples"].values() for value in values)
    # float32 against float64 over 200 steps: the difference seen is 1e-7
    assert all(abs(loss / found["reference_loss"] - 1) < 1e-5 for loss in found["losses"].values())
    assert "tiny 2-20-2" in (tmp_path / "RESULTS.md").read_text()
    assert (tmp_path / "steps.png").read_bytes().startswith(b"\x89PNG")


def test_everybody_gets_the_same_problem() -> None:
    first, second = problem(SMALL), problem(SMALL)
    for a, b in ((first.X, second.X), (first.y, second.y), (first.order, second.order)):
        np.testing.assert_array_equal(a, b)
    assert first.X.dtype == np.float32 and first.start[0][0].dtype == np.float32
    assert first.order.shape == (SMALL.steps, SMALL.batch)
    np.testing.assert_array_equal(np.sort(first.order.ravel()), np.arange(SMALL.rows))
    assert (first.order.ravel() != np.arange(SMALL.rows)).any()


def test_flops_count_no_gradient_of_the_inputs() -> None:
    # forward and dW: 2 (2*20 + 20*2) B each; dX only for the second layer: 2 (20*2) B
    assert TASKS["tiny"].flops == 2 * 200 * (2 * 80 + 40)
    assert set(AIMS) == set(TASKS)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_reference_follows_the_slope_of_its_loss(activation: str) -> None:
    made = problem(Task("small", SMALL.sizes, activation, SMALL.batch, SMALL.steps))
    weights = [(W.astype(np.float64), b.astype(np.float64)) for W, b in made.start]
    X, y = made.X.astype(np.float64), made.y
    gradients = reference.gradients(made.task, weights, X, y, [np.ones(())] * (len(weights) - 1))
    for layer, pair in enumerate(gradients):
        for part, gradient in enumerate(pair):
            place = tuple(0 for _ in gradient.shape)
            losses = []
            for step in (1e-6, -1e-6):
                weights[layer][part][place] += step
                losses.append(reference.loss(made, weights))
                weights[layer][part][place] -= step
            # central differences: h^2 and rounding / h are both about 1e-10
            assert gradient[place] == pytest.approx((losses[0] - losses[1]) / 2e-6, abs=1e-8)
    assert reference.loss(made, reference.train(made)) < reference.loss(made, made.start)


def test_rounds_time_everybody_once_and_change_the_order() -> None:
    calls: list[str] = []

    def measure(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    names = ["a", "b", "c", "d"]
    found = interleave({n: lambda n=n: measure(n) for n in names}, seconds=0.0, least=6, most=9)  # type: ignore[misc]
    rounds = [calls[i : i + 4] for i in range(0, len(calls), 4)]
    assert len(rounds) == 6
    assert all(sorted(one) == names for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1
    assert {len(values) for values in found.values()} == {6}
    assert len(interleave({"a": lambda: 1.0}, seconds=math.inf, least=2, most=3)["a"]) == 3


def test_a_ratio_is_taken_round_by_round() -> None:
    assert Spread.of([1.0, 2.0, 3.0, 4.0, 5.0]) == Spread(2.0, 3.0, 4.0)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)
    assert ratio([2.0, 20.0, 200.0], [1.0, 10.0, 100.0]) == Spread(2.0, 2.0, 2.0)


def test_what_is_disturbed_is_repeated_until_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    # the machine's processor time before and after each call: others work during the first two
    clock = iter([0.0, 5.0, 5.0, 9.0, 9.0, 9.0, 9.0, 9.0])
    monkeypatch.setattr("benchmarks.quiet.busy_seconds", lambda: next(clock))
    monkeypatch.setattr("benchmarks.quiet.used_seconds", lambda process: 0.0)
    answers = iter(["first", "second", "third", "fourth"])
    patient = Quiet(60.0, pause=0.0)
    assert patient.measure(1, lambda: next(answers)) == "third"
    assert (patient.repeated, patient.disturbed, patient.kept) == (2, 0, 1)
    clock = iter([0.0, 5.0])
    hasty = Quiet(0.0)
    assert hasty.measure(1, lambda: next(answers)) == "fourth"
    assert (hasty.repeated, hasty.disturbed, hasty.kept) == (0, 1, 1)


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="the system does not say how busy it is")
def test_the_system_counts_the_time_of_this_process() -> None:
    before, begin = (busy_seconds(), used_seconds(os.getpid())), time.process_time()
    while time.process_time() - begin < 0.1:
        pass
    # both count in ticks of 0.01 s
    assert used_seconds(os.getpid()) - before[1] == pytest.approx(0.1, abs=0.03)
    assert (busy_seconds() or 0.0) - (before[0] or 0.0) >= 0.07


def a_run(own: float) -> results.Run:
    """A run in which we took `own` microseconds, the peers 20 and 30, and the peak is 1 GFLOP/s."""
    samples = {
        ("forwardnet", 1): [2 * own * 1e-6] * 3,
        ("forwardnet", 2): [own * 1e-6] * 3,
        ("torch", 1): [30e-6] * 3,
        ("jax", 2): [20e-6] * 3,
        ("peak", 1): [1e-9] * 3,
        ("peak", 2): [5e-10] * 3,
    }
    losses = {who: 0.5 for who in samples if who[0] != "peak"}
    result = Result(samples, samples, task=TASKS["tiny"], losses=losses, reference_loss=0.5)
    return results.Run({}, {"tiny": result})


def test_the_verdict_names_the_fastest_peer() -> None:
    found = results.verdict(a_run(10.0).results["tiny"])
    assert found is not None and found.ratio is not None and found.share is not None
    assert (found.own, found.peer) == (("forwardnet", 2), ("jax", 2))
    assert found.ratio.median == pytest.approx(2.0)
    assert found.gflops == pytest.approx(8.0)  # 80,000 operations in 10 us
    assert found.share.median == pytest.approx(4.0)  # of the peak of two threads
    assert found.used_ratio is not None and found.used_share is not None
    assert found.used_ratio.median == pytest.approx(1.5)  # 30 us of PyTorch's one thread, 20 of ours
    assert found.used_share.median == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (5.0, "All aims are reached."),
        (10.0, "*tiny*: faster, but less than aimed at (2.00 of 4)."),
        (40.0, "*tiny*: slower than the fastest peer (0.50 of 4)."),
    ],
)
def test_what_falls_short_is_said(own: float, words: str) -> None:
    assert words in results.write(a_run(own), {})


def test_disagreement_is_said() -> None:
    run = a_run(5.0)
    assert "All agree" in results.write(run, {})
    run.results["tiny"].losses["torch", 1] = 0.51
    assert "**They do not agree: 2e-02.**" in results.write(run, {})


@pytest.mark.slow
def test_a_contender_that_fails_says_why(tmp_path: Path) -> None:
    with (tmp_path / "log.txt").open("w") as log:
        member = Member("nobody", 1, tmp_path, log)
        with pytest.raises(FailedError, match="KeyError: 'nobody'"):
            member.ask("version")
        member._process.kill()
        with pytest.raises(FailedError, match="its process ended with status"):
            member.ask("version")
        member.close()


@pytest.mark.slow
def test_a_contender_that_dies_in_a_round_is_left_out(tmp_path: Path) -> None:
    with (tmp_path / "log.txt").open("w") as log, Team(tmp_path, log) as team:
        members = [team.add("peak", 1), team.add("forwardnet", 1)]
        rounds = compare.Effort(measurement=0.005, least=2, most=2, rounds=0.0)
        asked = members[1].ask

        def ask(command: str, *arguments: object) -> object:
            if command == "timed" and arguments == (0.005,):  # not while it warms up
                members[1]._process.kill()
            return asked(command, *arguments)

        members[1].ask = ask  # type: ignore[method-assign]
        found = compare.run(SMALL, members, rounds, lambda text: None)
    assert list(found.samples) == [("peak", 1)] and len(found.samples["peak", 1]) == 2
    assert "its process ended with status" in found.errors["forwardnet", 1]
