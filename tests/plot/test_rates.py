"""Figures of learning rates show the numbers that training sets and gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import forwardnet as ff
from forwardnet import nn, optim, plot
from forwardnet.errors import DataError
from forwardnet.optim.lr_scheduler import SCHEDULERS, CyclicLR
from forwardnet.train.pace import preview


def stairs(axes: Any) -> tuple[Any, Any]:
    (patch,) = axes.patches
    return patch.get_data().values, patch.get_data().edges


def test_LR13_every_schedule_has_a_panel_with_its_rates() -> None:
    figure = plot.schedules(epochs=12, steps_per_epoch=4, lr=0.2)
    panels = {axes.get_title(loc="left").split(":")[0]: axes for axes in figure.axes if axes.get_title(loc="left")}
    assert sorted(panels) == sorted(SCHEDULERS)
    for name in set(SCHEDULERS) - {"lambda"}:
        rates, edges = stairs(panels[name])
        np.testing.assert_array_equal(rates, preview(name, epochs=12, steps_per_epoch=4, lr=0.2).rates)
        np.testing.assert_allclose(edges, np.arange(49) / 4)
    moving = [axes for axes in figure.axes if not axes.get_title(loc="left")]
    assert len(moving) == 2  # the momenta of both cycles
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["learning rate", "momentum"]


def test_LR13_one_schedule() -> None:
    figure = plot.schedule(lambda o: CyclicLR(o, 0.01, 0.1, 10), epochs=4, steps_per_epoch=10, title="waves")
    rates, _ = stairs(figure.axes[0])
    momenta, _ = stairs(figure.axes[1])
    assert rates.min() == 0.01 and rates.max() == 0.1 and (momenta.min(), momenta.max()) == (0.8, 0.9)
    assert figure.axes[0].get_title(loc="left") == "waves" and figure.axes[1].get_ylabel() == "momentum"
    assert plot.schedule("step").axes[0].get_title(loc="left") == "step"
    watched = plot.schedule("plateau", losses=[1.0] * 30)
    assert len(set(stairs(watched.axes[0])[0])) == 3  # never better: a fall every eleven epochs


def test_a_preview_is_what_training_sets() -> None:
    """The rates that a Trainer has at each step, by its own account."""
    X = np.random.default_rng(0).normal(size=(30, 2))
    for name in ("one_cycle", "sequential", "step", "cosine_warm_restarts"):
        model = nn.Linear(2, 1)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        monitor = ff.LRMonitor()
        trainer = ff.Trainer(model, "mse", optimizer, name, compile=False)
        trainer.fit(X, X[:, 0], epochs=5, batch_size=10, callbacks=[monitor], progress=False)
        np.testing.assert_array_equal(np.ravel(monitor.rates), preview(name, epochs=5, steps_per_epoch=3).rates)


def test_LR02_a_comparison_has_a_line_for_each_rate() -> None:
    figure = plot.comparison({0.1: [1.0, 0.5, 0.2], 10.0: [1.0, np.inf, np.nan], "annealed": [1.0, 0.1, 0.05]})
    axes = figure.axes[0]
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in axes.get_lines()}
    assert list(lines) == ["0.1", "10", "annealed"] and axes.get_yscale() == "log"
    np.testing.assert_array_equal(lines["10"], [1.0, np.nan, np.nan])
    for wrong in ({}, {0.1: []}):
        with pytest.raises(DataError, match="there is no loss to compare\nhint: give"):
            plot.comparison(wrong)
