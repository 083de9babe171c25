"""The benchmark's proofs that all did the same work: normalisation, dropout, and many small networks."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import agreement, folds, many_page, reference, results  # noqa: E402
from benchmarks.compare import Result  # noqa: E402
from benchmarks.contenders import ENTRIES  # noqa: E402
from benchmarks.many import Many  # noqa: E402
from benchmarks.rounds import Spread  # noqa: E402
from benchmarks.sweep import Line  # noqa: E402
from benchmarks.tasks import NORM_EPSILON, TASKS, Array, Task, Weights, problem  # noqa: E402

NORM = Task("norm", (3, 6, 5, 2), "tanh", 8, 5, norm=True, weight_decay=0.5)


def mean_loss(weights: Weights, X: Array, y: Array, masks: list[Array]) -> float:
    """Mean cross-entropy with statistics of the batch, written once more."""
    for (W, b, scale, shift, *_), mask in zip(weights[:-1], masks, strict=True):
        z = X @ W + b
        z = (z - z.mean(0)) / np.sqrt(z.var(0) + NORM_EPSILON) * scale + shift
        X = np.tanh(z) * mask
    z = X @ weights[-1][0] + weights[-1][1]
    return float((np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]).mean())


def test_the_reference_differentiates_normalisation_and_dropout() -> None:
    made = problem(NORM)
    weights = [tuple(p.astype(np.float64) for p in layer) for layer in made.start]
    X, y = made.X.astype(np.float64), made.y
    random = np.random.default_rng(1)
    masks = [(random.random((len(X), n)) < 0.8) / 0.8 for n in NORM.sizes[1:-1]]
    found = reference.gradients(NORM, weights, X, y, masks)
    for layer, pair in zip(weights, found, strict=True):
        assert len(pair) == min(len(layer), 4)
        for p, gradient in zip(layer, pair, strict=False):
            place = tuple(n - 1 for n in p.shape)
            losses = []
            for step in (1e-6, -1e-6):
                p[place] += step
                losses.append(mean_loss(weights, X, y, masks))
                p[place] -= step
            # central differences: h^2 and rounding / h are both about 1e-10
            assert gradient[place] == pytest.approx((losses[0] - losses[1]) / 2e-6, abs=1e-8)


def test_ours_trains_what_the_reference_trains() -> None:
    contender = ENTRIES["forwardnet-eager"].make(1)
    made = problem(NORM)
    contender.load(made)
    own, expected = contender.after_one_epoch(), reference.train(made)
    assert [len(layer) for layer in own] == [6, 6, 2]
    for layer, reference_layer in zip(own, expected, strict=True):
        for place, (a, b) in enumerate(zip(layer, reference_layer, strict=True)):
            # float32, five steps of Adam of 1e-3 each: a small gradient may be rounded, and Adam divides by its size.
            # Normalisation takes away what a bias before it adds: its gradient is rounding and nothing else, and Adam
            # makes whole steps of that, which the average of the mean follows.
            is_free = len(layer) > 2 and place in (1, 4)
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=5e-3 if is_free else 1e-4)
    assert reference.loss(made, own) != reference.loss(made, made.start)
    without = reference.train(replace(made, task=replace(NORM, weight_decay=0.0)))
    assert np.abs(without[0][0] - expected[0][0]).max() > 5e-4  # the decay is more than what is tolerated


def test_each_seed_has_an_order_and_masks_of_its_own() -> None:
    dropped = replace(NORM, dropout=0.5)
    first, second = problem(dropped, 0), problem(dropped, 1)
    assert (first.order != second.order).any()
    np.testing.assert_array_equal(first.X, second.X)
    alike = replace(second, order=first.order)
    assert reference.loss(first, reference.train(first)) != reference.loss(first, reference.train(alike))
    assert dropped.without_dropout() == NORM and not NORM.is_plain and TASKS["tab"].is_plain


def judged(chance: list[float], plain: float = 0.5) -> str:
    """What is said about a contender with these losses where float64 has a mean of 0.6 and a deviation of 0.01."""
    result = Result(
        task=TASKS["tab-norm"],
        losses={("torch", 1): plain},
        reference_loss=0.5,
        chance_losses={("torch", 1): chance},
        reference_chance_losses=[0.59, 0.61] * 4,
    )
    return agreement.agreement({"tab-norm": result})


def test_dropout_that_is_left_out_is_noticed() -> None:
    assert "All agree" in judged([0.60, 0.61]) and "All lie within 4." in judged([0.60, 0.61])
    assert "**Too far from it: PyTorch eager, fused Adam, 1 thread.**" in judged([0.50, 0.51])
    assert "**They do not agree: 2e-02.**" in judged([0.60, 0.61], plain=0.51)
    # by hand: the deviation of 0.59, 0.61, ... (n = 8) is 0.01 sqrt(8/7), and the error of a mean of 2 sqrt(1/2 + 1/8)
    assert agreement.errors_from([0.62, 0.62], [0.59, 0.61] * 4) == pytest.approx(
        0.02 / (0.01 * (8 / 7 * 5 / 8) ** 0.5)
    )


def test_who_cannot_normalise_takes_no_part() -> None:
    assert [key for key, entry in ENTRIES.items() if entry.is_plain] == ["sklearn"]


def a_many(own: float) -> Many:
    """Everything takes us `own` seconds, training half of it, JAX 1 and scikit-learn 8."""
    samples = {
        ("many", 1): [2 * own] * 3,
        ("many", 2): [own] * 3,
        ("many-training", 2): [own / 2] * 3,
        ("many-jax", 1): [1.0] * 3,
        ("many-sklearn", 2): [8.0] * 3,
    }
    return Many(
        samples,
        samples,
        networks=150,
        accuracies=dict.fromkeys(samples, 0.94),
        losses={("many", 2): [0.3, 0.2], ("many-jax", 1): [0.3, 0.2]},
        reference_losses=[0.3, 0.2],
    )


def test_many_networks_are_compared_with_each_peer() -> None:
    jax = next(v for v in many_page.verdicts(a_many(0.1)) if v.peer == ("many-jax", 1))
    assert jax.everything.median == pytest.approx(10.0) and jax.aim == 5
    assert jax.training is not None and jax.training.median == pytest.approx(20.0)
    assert many_page.shortfalls(a_many(0.1)) == []
    assert len(many_page.shortfalls(a_many(0.5))) == 2
    assert many_page.shortfalls(Many()) == ["* *leave-one-out*: ours did not run."]


def test_many_networks_that_did_other_work_are_noticed() -> None:
    many = a_many(0.1)
    assert "**" not in many_page.section(many).split("The same work")[1]
    many.losses["many", 2][1] = 0.21
    assert "**no, they are 5e-02 away.**" in many_page.section(many)
    many.accuracies["many", 2] = 0.33
    assert "**differ: 0.4" in many_page.section(many)


def test_a_network_of_the_leave_one_out_never_sees_its_row() -> None:
    X, y = folds.iris()
    made = folds.problem(7, X, y)
    batches = folds.batches(made)
    assert made.order.shape == (folds.EPOCHS, 149) and [len(b) for b in batches[:5]] == [32, 32, 32, 32, 21]
    np.testing.assert_array_equal(np.sort(made.order[3]), folds.rows_of(7, 150))
    assert (made.order[0] != made.order[1]).any() and not any((b == 7).any() for b in batches)
    assert folds.left_out(157, 150) == 7


def test_ours_trains_the_folds_of_the_reference() -> None:
    contender = ENTRIES["many-training"].make(1)
    contender.load(5)
    X, y = folds.iris()
    made = folds.problem(4, X, y)
    expected = reference.loss(made, reference.trained(made, folds.batches(made)))
    # float32 over 500 steps: the difference seen is 1e-6
    assert contender.losses([4]) == [pytest.approx(expected, rel=1e-4)]
    assert contender.timed(0.0)[0] > 0
    assert contender.accuracy() in {n / 5 for n in range(6)}


@pytest.mark.slow
def test_a_run_of_many_networks_without_peers(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "bench.py"), "--quick", "--only", "steps", "--peers", "none"]
    command += ["--tasks", "tab-norm,leave-one-out", "--threads", "1", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "results.json").read_text())
    assert set(found["many"]["samples"]) == {"many 1", "many-training 1"} and found["many"]["errors"] == {}
    assert found["results"]["tab-norm"]["errors"] == {}
    text = (tmp_path / "RESULTS.md").read_text()
    assert "All agree within" in text and "All lie within 4" in text and "batch norm, dropout 0.1, AdamW" in text
    assert "*leave-one-out*: JAX `vmap` of `scan`, training alone did not run." in text


def test_the_plot_of_networks_is_drawn(tmp_path: Path) -> None:
    plots = pytest.importorskip("benchmarks.plots", reason="needs matplotlib")
    line = Line([1, 4], [Spread(0.1, 0.2, 0.3), Spread(0.2, 0.3, 0.4)], [0.0, 0.0])
    found = plots.draw(results.Run({}, networks={"many": line, "many-jax-once": line}), tmp_path)
    assert list(found.values()) == ["networks.png"]
    assert (tmp_path / "networks.png").read_bytes().startswith(b"\x89PNG")
