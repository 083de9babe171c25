"""What a reader of the figures should know and would not see in them."""

from __future__ import annotations

import numpy as np

from forwardnet.cli.experiment import Outcome

_FEW_ROWS = 100
_MOST_NAMES = 12


def make_notes(outcome: Outcome) -> tuple[str, ...]:
    """One sentence for each doubt: about the end of the training, the size of the test part, and the result."""
    return (*_about_training(outcome), *_about_rows(outcome), *_about_result(outcome))


def _about_training(outcome: Outcome) -> list[str]:
    history, epochs = outcome.history, outcome.options.epochs
    if outcome.is_interrupted:
        return [f"The training was interrupted in epoch {len(history) + 1}; what was learnt is kept."]
    if history.stopped is None and len(history) == epochs == history.best_epoch:
        return [f"The last of {epochs} epochs was the best one: more epochs may give a better network."]
    return []


def _about_rows(outcome: Outcome) -> list[str]:
    figures = outcome.figures[-1]
    if "test" not in outcome.split.parts:
        return ["The data are too few to divide: the figures are of the rows that were learnt from."]
    notes = []
    if figures.rows < _FEW_ROWS:
        notes.append(f"The test part has only {figures.rows} rows: look at the interval, not at the figure.")
    if outcome.pipeline.is_classifier:
        counts = np.bincount(outcome.split.last.y, minlength=outcome.data.n_outputs)
        absent = [outcome.data.target_names[k] for k in np.flatnonzero(counts == 0)]
        if absent:
            names = ", ".join(absent[:_MOST_NAMES]) + (", ..." if len(absent) > _MOST_NAMES else "")
            notes.append(f"The test part has no row of {names}: the figures say nothing about that.")
    return notes


def _about_result(outcome: Outcome) -> list[str]:
    """Whether the interval leaves room for the baseline."""
    figures = outcome.figures[-1]
    main = figures.scores[0]  # accuracy, or RMSE, which is better when small
    base = figures.baseline[main.name]
    end = main.low if outcome.pipeline.is_classifier else main.high
    is_clear = end is not None and (end > base if outcome.pipeline.is_classifier else end < base)
    return [] if is_clear else [f"The network is not clearly better than the baseline on the {figures.part} part."]
